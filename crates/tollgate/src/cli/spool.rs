//! `tollgate mailbox messages|export|import`: what lies in mailboxes, and Asterisk's spool folders in and out.
//!
//! The layout is `CONTEXT/BOX/{INBOX,Old,Work,Family,Friends,Urgent}/msgNNNN.{txt,wav}` with the greetings beside the
//! folders. Importing twice brings nothing twice: a message's name is made of what it is.

use super::keep::open;
use super::print::say;
use super::{Common, print};
use crate::control::Request;
use crate::control::client::Client;
use crate::exchange::{block_on, deeds};
use crate::fault::{Doing as _, Fault, Outcome};
use crate::home::write_private;
use crate::limits::SOUND_FILE;
use media::codec::Rate;
use media::sound::{EXTENSIONS, Sound};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::{self, DirBuilder};
use std::io::Read as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use store::{Folder, Greeting, Message, Mode, Quota, Spool};

/// Messages of one folder that are imported: Asterisk itself keeps no more.
const MOST: usize = 9_999;
/// Longest `msgNNNN.txt` read, in bytes.
const FACTS: u64 = 16 * 1024;
/// Asterisk's own folder for what is urgent and new.
const URGENT: &str = "Urgent";

/// `tollgate mailbox messages [NUMBER]`
pub(super) fn messages(common: &Common, mailbox: Option<&str>) -> Outcome<u8> {
    let found = block_on(async {
        if !common.home.store().exists() {
            return Ok(Vec::new());
        }
        let store = open(common, Mode::Read).await?;
        store.messages(mailbox, None).await.doing(|| "read the messages".to_owned())
    })?;
    let file = |message: &Message| common.home.voicemail().join(&message.mailbox).join(format!("{}.wav", message.uid));
    if common.json {
        let all: Vec<Value> = found
            .iter()
            .map(|message| {
                let mut value = json!(message);
                if let Some(object) = value.as_object_mut() {
                    object.insert("file".to_owned(), json!(file(message)));
                }
                value
            })
            .collect();
        print::json(&Value::Array(all));
        return Ok(0);
    }
    if found.is_empty() {
        say!("no messages");
        return Ok(0);
    }
    let rows: Vec<[String; 7]> = found
        .iter()
        .map(|message| {
            let at = jiff::Timestamp::from_millisecond(message.at)
                .map(|at| at.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string())
                .unwrap_or_default();
            let who = if message.from_name.is_empty() {
                message.from.clone()
            } else {
                format!("{} <{}>", message.from_name, message.from)
            };
            [
                message.mailbox.clone(),
                message.folder.to_string(),
                at,
                who,
                message.duration.div_ceil(1_000).to_string(),
                if message.urgent { "urgent" } else { "" }.to_owned(),
                file(message).display().to_string(),
            ]
        })
        .collect();
    print::table(["mailbox", "folder", "left", "from", "s", "", "file"], &rows);
    Ok(0)
}

/// `tollgate mailbox export FOLDER [NUMBER]`
pub(super) fn export(common: &Common, to: &Path, mailbox: Option<&str>) -> Outcome<u8> {
    let config = deeds::config(&common.home)?.config;
    let root = to.join("default");
    if root.exists() {
        return Err(Fault::failed(format!("{} exists already", root.display()))
            .repair("name a folder that has none; nothing is written over"));
    }
    make_folder(to)?;
    make_folder(&root)?;
    let (messages, greetings) = block_on(async {
        let store = open(common, Mode::Read).await?;
        let spool = Spool::beside(store, &common.home.voicemail());
        let mut written: BTreeMap<PathBuf, usize> = BTreeMap::new();
        let mut count = 0_usize;
        for message in spool.list(mailbox, None).await.doing(|| "read the messages".to_owned())? {
            let bytes = spool.sound(&message.mailbox, &message.uid).await.doing(|| named(&message))?;
            let urgent = message.urgent && message.folder == Folder::Inbox;
            let folder = root.join(&message.mailbox).join(if urgent { URGENT } else { message.folder.word() });
            make_folder(&root.join(&message.mailbox))?;
            make_folder(&folder)?;
            let number = written.entry(folder.clone()).or_default();
            let name = format!("msg{number:04}");
            *number += 1;
            count += 1;
            write_sound(&folder, &name, &bytes).doing(|| named(&message))?;
            write_private(&folder.join(format!("{name}.txt")), facts(&message).as_bytes())?;
        }
        let mut greetings = 0_usize;
        for number in config.mailboxes.keys().filter(|number| mailbox.is_none_or(|one| one == *number)) {
            for greeting in Greeting::ALL {
                if let Some(bytes) = spool.greeting(number, greeting).await.doing(|| "read a greeting".to_owned())? {
                    make_folder(&root.join(number))?;
                    write_sound(&root.join(number), greeting.word(), &bytes).doing(|| "write a greeting".to_owned())?;
                    greetings += 1;
                }
            }
        }
        Ok((count, greetings))
    })?;
    if common.json {
        print::json(&json!({ "messages": messages, "greetings": greetings, "folder": root }));
    } else {
        say!("{messages} messages and {greetings} greetings are in {}", root.display());
    }
    Ok(0)
}

/// What an import came to.
#[derive(Debug, Default)]
struct Imported {
    messages: usize,
    there: usize,
    greetings: usize,
    skipped: Vec<String>,
}

/// `tollgate mailbox import FOLDER`
pub(super) fn import(common: &Common, from: &Path) -> Outcome<u8> {
    let config = deeds::config(&common.home)?.config;
    let running = Client::reach(&common.home);
    let _lock = if running.is_none() { Some(common.home.lock()?) } else { None };
    let entries = fs::read_dir(from).doing(|| format!("read the folder {}", from.display()))?;
    let mut imported = Imported::default();
    block_on(async {
        let mode = if common.home.store().exists() { Mode::Edit } else { Mode::Run };
        let store = open(common, mode).await?;
        make_folder(&common.home.voicemail())?;
        let spool = Spool::beside(store.clone(), &common.home.voicemail());
        let mut boxes: Vec<PathBuf> =
            entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
        boxes.sort();
        for path in boxes {
            let number = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
            if config.mailboxes.contains_key(&number) {
                take_box(&spool, &path, &number, &mut imported).await?;
            } else {
                imported.skipped.push(format!("{}: there is no mailbox {number}", path.display()));
            }
        }
        store.close().await.doing(|| "close the store".to_owned())
    })?;
    if let Some(mut client) = running {
        client.ask(&Request::CountMessages)?;
    }
    let Imported { messages, there, greetings, skipped } = imported;
    if common.json {
        let value = json!({ "messages": messages, "there_before": there, "greetings": greetings, "skipped": skipped });
        print::json(&value);
        return Ok(0);
    }
    say!("{messages} messages and {greetings} greetings are taken in; {there} messages were there before");
    for line in skipped {
        say!("left out: {}", print::clean(&line));
    }
    Ok(0)
}

async fn take_box(spool: &Spool, path: &Path, number: &str, imported: &mut Imported) -> Outcome<()> {
    for greeting in Greeting::ALL {
        if let Some(sound) = find_sound(path, greeting.word(), imported) {
            let doing = || format!("keep a greeting of {number}");
            spool.set_greeting(number, greeting, Some(wav(&sound))).await.doing(doing)?;
            imported.greetings += 1;
        }
    }
    let folders = Folder::ALL.into_iter().map(|folder| (folder.word(), folder, false));
    for (word, folder, urgent) in folders.chain([(URGENT, Folder::Inbox, true)]) {
        let place = path.join(word);
        let Ok(entries) = fs::read_dir(&place) else { continue };
        let mut names: Vec<String> = entries
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.strip_suffix(".txt").map(str::to_owned))
            .filter(|name| name.starts_with("msg"))
            .take(MOST)
            .collect();
        names.sort();
        for name in names {
            let text = read(&place.join(format!("{name}.txt")), FACTS)?;
            let Some(sound) = find_sound(&place, &name, imported) else {
                imported.skipped.push(format!("{}: no sound that can be read", place.join(&name).display()));
                continue;
            };
            let wav = wav(&sound);
            let text = String::from_utf8_lossy(&text);
            let length = u32::try_from(sound.duration().as_millis()).unwrap_or(u32::MAX);
            let message = message(number, folder, urgent, &text, length, &wav);
            let kept = spool.keep(message, wav, Quota::NONE).await;
            match kept.doing(|| format!("keep {}", place.join(&name).display()))? {
                true => imported.messages += 1,
                false => imported.there += 1,
            }
        }
    }
    Ok(())
}

/// The best sound of that name which can be read.
fn find_sound(folder: &Path, name: &str, imported: &mut Imported) -> Option<Sound> {
    for ending in EXTENSIONS.iter().copied().chain(["WAV"]) {
        let path = folder.join(format!("{name}.{ending}"));
        let Ok(bytes) = read(&path, SOUND_FILE) else { continue };
        match Sound::from_file(ending, &bytes) {
            Ok(sound) => return Some(sound),
            Err(error) => imported.skipped.push(format!("{}: {error}", path.display())),
        }
    }
    None
}

fn read(path: &Path, most: u64) -> Outcome<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = fs::File::open(path).doing(|| format!("read {}", path.display()))?;
    file.take(most).read_to_end(&mut bytes).doing(|| format!("read {}", path.display()))?;
    Ok(bytes)
}

fn wav(sound: &Sound) -> Vec<u8> {
    media::wav::write(sound.rate(), &sound.pcm(sound.rate()))
}

/// Plain, as Asterisk reads it: without our chunk, and 16 kHz under its own ending.
fn write_sound(folder: &Path, name: &str, bytes: &[u8]) -> Outcome<()> {
    let sound = Sound::from_file("wav", bytes).doing(|| "read its sound".to_owned())?;
    let ending = if sound.rate() == Rate::Wide { "wav16" } else { "wav" };
    write_private(&folder.join(format!("{name}.{ending}")), &wav(&sound))
}

fn make_folder(path: &Path) -> Outcome<()> {
    if path.is_dir() {
        return Ok(());
    }
    DirBuilder::new().mode(0o700).create(path).doing(|| format!("make the folder {}", path.display()))
}

fn named(message: &Message) -> String {
    format!("take over message {} of {}", message.uid, message.mailbox)
}

/// One line of text, whatever a caller called himself.
fn line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// `msgNNNN.txt` as Asterisk writes it.
fn facts(message: &Message) -> String {
    let at = jiff::Timestamp::from_millisecond(message.at).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let date = at.to_zoned(jiff::tz::TimeZone::UTC).strftime("%a %b %e %I:%M:%S %p UTC %Y").to_string();
    let caller = match (message.from_name.is_empty(), message.from.is_empty()) {
        (true, true) => "Unknown".to_owned(),
        (true, false) => line(&message.from),
        _ => format!("\"{}\" <{}>", line(&message.from_name).replace('"', "'"), line(&message.from)),
    };
    format!(
        ";\n; Message Information file\n;\n[message]\norigmailbox={mailbox}\ncontext=default\nexten={exten}\nrdnis=Unknown\n\
         priority=1\ncallerchan={origin}\ncallerid={caller}\norigdate={date}\norigtime={time}\ncategory=\nmsg_id={uid}\n\
         flag={flag}\nduration={seconds}\n",
        mailbox = message.mailbox,
        exten = line(&message.to),
        origin = line(&message.origin),
        time = message.at.div_euclid(1_000),
        uid = message.uid,
        flag = if message.urgent { URGENT } else { "" },
        seconds = message.duration.div_ceil(1_000),
    )
}

/// The facts in a `msgNNNN.txt`, as a message of ours.
fn message(mailbox: &str, folder: Folder, urgent: bool, text: &str, duration: u32, wav: &[u8]) -> Message {
    let value = |key: &str| {
        text.lines()
            .find_map(|line| line.trim().strip_prefix(key)?.trim_start().strip_prefix('='))
            .map(|value| self::line(value.trim()))
            .unwrap_or_default()
    };
    let at = value("origtime").parse::<i64>().unwrap_or_default().saturating_mul(1_000).max(0);
    let caller = value("callerid");
    let (name, number) = match caller.rsplit_once('<') {
        Some((name, number)) => (name.trim().trim_matches('"').to_owned(), number.trim_end_matches('>').to_owned()),
        None if caller == "Unknown" => (String::new(), String::new()),
        None => (String::new(), caller.clone()),
    };
    // What a message is makes its name, so that it comes in once. FNV-1a.
    let mark = [mailbox.as_bytes(), caller.as_bytes(), value("msg_id").as_bytes(), wav]
        .concat()
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    Message {
        uid: format!("{at:013}-i{mark:016x}"),
        mailbox: mailbox.to_owned(),
        folder,
        urgent: urgent || value("flag") == URGENT,
        at,
        duration,
        bytes: 0,
        from: number,
        from_name: name,
        origin: "import".to_owned(),
        to: value("exten"),
        call_id: String::new(),
        via: "import".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours() -> Message {
        Message {
            uid: "0001700000000-00000000000000aa".to_owned(),
            mailbox: "204".to_owned(),
            folder: Folder::Work,
            urgent: true,
            at: 1_700_000_000_000,
            duration: 2_400,
            bytes: 10,
            from: "2025550100".to_owned(),
            from_name: "Ann \"x\"\r\n[message]".to_owned(),
            origin: "stranger:192.0.2.1".to_owned(),
            to: "204".to_owned(),
            call_id: "1-1".to_owned(),
            via: "call".to_owned(),
        }
    }

    #[test]
    fn facts_go_out_as_asterisk_writes_them_and_come_back() {
        let text = facts(&ours());
        assert!(text.contains("\norigtime=1700000000\n") && text.contains("\nduration=3\n"), "{text}");
        assert_eq!(text.matches("[message]").count(), 2, "a caller's name begins no line of its own: {text}");
        assert!(text.lines().filter(|line| *line == "[message]").count() == 1);
        let back = message("204", Folder::Work, false, &text, 2_400, b"wav");
        assert_eq!((back.at, back.urgent, back.from.as_str()), (1_700_000_000_000, true, "2025550100"));
        assert_eq!(back.from_name, "Ann 'x'  [message]");
        assert_eq!((back.origin.as_str(), back.via.as_str()), ("import", "import"));
    }

    #[test]
    fn the_same_message_has_the_same_name_and_another_one_has_not() {
        let uid = |mailbox: &str, wav: &[u8]| message(mailbox, Folder::Inbox, false, &facts(&ours()), 1, wav).uid;
        assert_eq!(uid("204", b"a"), uid("204", b"a"));
        assert_ne!(uid("204", b"a"), uid("204", b"b"));
        assert_ne!(uid("204", b"a"), uid("200", b"a"));
    }

    #[test]
    fn damaged_facts_are_taken_as_far_as_they_go() {
        let message = message("204", Folder::Inbox, false, "callerid=\norigtime=never\n\0\u{7}", 1, b"");
        assert_eq!((message.at, message.from.as_str(), message.from_name.as_str()), (0, "", ""));
        assert!(message.uid.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
    }
}
