//! The commands of a script, each with its one answer.
//!
//! `result=` is what the command came to: 0 or a key as its number in ASCII, 1 where something was found, -1 where the caller
//! is gone or it failed.

use std::time::Duration;

use dialplan::{Collected, ControlResult};
use tokio::time::Instant;

use super::{Session, plain, words};
use crate::apps;
use crate::call::play::Heard;
use crate::call::{Call, Next, Stop};
use crate::limits;

/// What a command came to.
enum Answer {
    /// `200 result=…`, with something behind it.
    Result(i64, String),
    /// `200 result=…` with digits, which may be none, and something behind them.
    Digits(String, String),
    /// There is no such command.
    Unknown,
    /// It is written wrongly; how it would be right.
    Usage(&'static str),
    /// The caller is gone.
    Gone(Stop),
}

use Answer::{Gone, Result as Is, Unknown, Usage};

impl From<Stop> for Answer {
    fn from(stop: Stop) -> Self {
        Gone(stop)
    }
}

fn is(result: i64) -> Answer {
    Is(result, String::new())
}

fn with(value: &str) -> Answer {
    Is(1, format!(" ({})", plain(value)))
}

/// A key as its number; 0 for none.
fn key(heard: Heard) -> i64 {
    match heard {
        Heard::Key(key) => i64::from(u32::from(key)),
        Heard::Whole => 0,
    }
}

/// Commands that need nobody on the line.
const DEAD: [&str; 12] = [
    "DATABASE DEL",
    "DATABASE DELTREE",
    "DATABASE GET",
    "DATABASE PUT",
    "GET VARIABLE",
    "GET FULL",
    "SET VARIABLE",
    "CHANNEL STATUS",
    "HANGUP",
    "NOOP",
    "VERBOSE",
    "SET CONTEXT",
];

/// Carries one line out; the answer with its line end.
pub(super) async fn run(session: &mut Session, call: &mut Call, line: &str) -> String {
    let answer = match words::split(line) {
        Some(words) if !words.is_empty() => {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            if session.dead.is_some() && !may_when_dead(&words) {
                return "511 Command Not Permitted on a dead channel or intercept routine\n".to_owned();
            }
            match carry_out(session, call, &words).await {
                Ok(answer) | Err(answer) => answer,
            }
        }
        _ => Unknown,
    };
    match answer {
        Is(result, more) => format!("200 result={result}{more}\n"),
        Answer::Digits(digits, more) => format!("200 result={digits}{more}\n"),
        Unknown => "510 Invalid or unknown command\n".to_owned(),
        Usage(usage) => {
            format!("520-Invalid command syntax.  Proper usage follows:\nUsage: {usage}\n520 End of proper usage.\n")
        }
        Gone(stop) => {
            session.dead.get_or_insert(stop);
            "200 result=-1\n".to_owned()
        }
    }
}

fn may_when_dead(words: &[&str]) -> bool {
    let name = words.iter().take(2).map(|word| word.to_ascii_uppercase()).collect::<Vec<_>>().join(" ");
    DEAD.iter().any(|known| name == *known || (!known.contains(' ') && name.split(' ').next() == Some(known)))
}

type Done = Result<Answer, Answer>;

async fn carry_out(session: &mut Session, call: &mut Call, words: &[&str]) -> Done {
    let first = words.first().map(|word| word.to_ascii_uppercase()).unwrap_or_default();
    let second = words.get(1).map(|word| word.to_ascii_uppercase()).unwrap_or_default();
    let one = words.get(1..).unwrap_or_default();
    let two = words.get(2..).unwrap_or_default();
    match (first.as_str(), second.as_str()) {
        ("ANSWER", _) => {
            call.answer();
            Ok(is(0))
        }
        ("ASYNCAGI", _) | ("TDD", _) => Ok(is(0)),
        ("CHANNEL", "STATUS") => channel_status(session, call, two),
        ("CONTROL", "STREAM") => stream(call, words.get(3..).unwrap_or_default(), true).await,
        ("DATABASE", _) => database(call, &second, two),
        ("EXEC", _) => exec(session, call, one).await,
        ("GET", "DATA") => get_data(call, two).await,
        ("GET", "FULL") => full_variable(call, words.get(3..).unwrap_or_default()),
        ("GET", "OPTION") => get_option(call, two).await,
        ("GET", "VARIABLE") => variable(call, two),
        ("GOSUB", _) => gosub(session, call, one),
        ("HANGUP", _) => {
            if one.first().is_some_and(|channel| *channel != call.channel.name) {
                return Ok(is(-1));
            }
            session.hang_up = true;
            Ok(is(1))
        }
        ("NOOP", _) => Ok(is(0)),
        ("RECEIVE", "CHAR" | "TEXT") => Ok(is(-1)),
        ("RECORD", "FILE") => record(call, two).await,
        ("SAY", _) => say(call, &second, two).await,
        ("SEND", "IMAGE" | "TEXT") => Ok(is(-1)),
        ("SET", _) => set(session, call, &second, two),
        ("STREAM", "FILE") => stream(call, two, false).await,
        ("VERBOSE", _) => {
            tracing::debug!(call = %call.tree.id, text = %plain(one.first().unwrap_or(&"")), "a script says");
            Ok(is(1))
        }
        ("WAIT", "FOR") => wait_for_digit(call, words.get(3..).unwrap_or_default()).await,
        _ => Err(Unknown),
    }
}

fn milliseconds(text: Option<&&str>) -> Option<i64> {
    text.and_then(|text| text.parse::<i64>().ok())
}

/// Milliseconds of a script as a time; below zero is as long as a script may wait.
fn patience(ms: i64) -> Duration {
    u64::try_from(ms).map_or(limits::SCRIPT_WAIT, Duration::from_millis).min(limits::SCRIPT_WAIT)
}

fn channel_status(session: &Session, call: &Call, args: &[&str]) -> Done {
    if args.first().is_some_and(|name| *name != call.channel.name) {
        return Ok(is(-1));
    }
    // 4: it rings, 6: it is up, 0: it is down (res_agi).
    Ok(is(match (session.dead.is_some(), call.is_answered()) {
        (true, _) => 0,
        (false, true) => 6,
        (false, false) => 4,
    }))
}

async fn stream(call: &mut Call, args: &[&str], control: bool) -> Done {
    let (Some(name), Some(keys)) = (args.first(), args.get(1)) else {
        return Err(Usage(if control {
            "CONTROL STREAM FILE <filename> <escape digits> [skipms] [ffchar] [rewchr] [pausechr] [offsetms]"
        } else {
            "STREAM FILE <filename> <escape digits> [sample offset]"
        }));
    };
    let Some(sound) = call.sound(name) else { return Ok(Is(-1, " endpos=0".to_owned())) };
    let began = Instant::now();
    let length = sound.duration();
    let heard = call.say_sounds(vec![sound], keys).await?;
    let played = if heard == Heard::Whole { length } else { began.elapsed().min(length) };
    Ok(Is(key(heard), format!(" endpos={}", played.as_millis() * 8)))
}

fn database(call: &mut Call, what: &str, args: &[&str]) -> Done {
    const USAGE: &str = "DATABASE GET|PUT|DEL|DELTREE <family> <key> [value]";
    let family = args.first().ok_or(Usage(USAGE))?;
    let key = args.get(1);
    let name = key.map_or_else(|| (*family).to_owned(), |key| format!("{family}/{key}"));
    let database = &call.exchange.database;
    Ok(match (what, key) {
        ("GET", Some(_)) => match database.get(&name) {
            Some(value) => with(&value),
            None => is(0),
        },
        ("PUT", Some(_)) => {
            let value = args.get(2).ok_or(Usage(USAGE))?;
            is(i64::from(database.put(&name, value).is_ok()))
        }
        ("DEL", Some(_)) => is(i64::from(database.delete(&name))),
        ("DELTREE", _) => is(i64::from(database.delete_tree(&name) > 0)),
        _ => return Err(Usage(USAGE)),
    })
}

/// An application of the table, with arguments that are data: no value in them is put in.
async fn exec(session: &mut Session, call: &mut Call, args: &[&str]) -> Done {
    let Some(app) = args.first() else { return Err(Usage("EXEC <application> <options>")) };
    let data = args.get(1..).unwrap_or_default().join(",");
    let mut invocation = call.machine.written(app, &data);
    if !invocation.app.runs {
        return Ok(is(-2));
    }
    if ["AGI", "DeadAGI", "EAGI"].contains(&invocation.app.name) {
        tracing::warn!(call = %call.tree.id, "a script that runs a script: refused");
        return Ok(is(-2));
    }
    while invocation.control.is_some() {
        let before = call.machine.place().clone();
        match call.machine.control(&invocation, &mut call.channel) {
            ControlResult::Done => {
                // What steers goes to the next line by itself; only a real jump is the script's.
                let here = call.machine.place().clone();
                let next = before.priority.saturating_add(1);
                if here.context == before.context && here.exten == before.exten && here.priority == next {
                    call.machine.jump(before);
                } else {
                    session.moved = true;
                }
                return Ok(is(0));
            }
            ControlResult::Run(inner) => invocation = inner,
        }
    }
    match apps::run(call, &invocation).await? {
        Next::Line => Ok(is(0)),
        Next::Jumped => {
            session.moved = true;
            Ok(is(0))
        }
        Next::Key(key, context) => {
            call.machine.digit(key, context.as_deref(), &mut call.channel);
            session.moved = true;
            Ok(is(i64::from(u32::from(key))))
        }
        Next::WaitExten(limit) => {
            let wait = limit.unwrap_or(call.channel.timeouts.response);
            match call.key(wait).await? {
                Some(key) => {
                    call.machine.wait_exten(None);
                    call.machine.collected(Collected::Digit(key), &mut call.channel);
                    session.moved = true;
                    Ok(is(i64::from(u32::from(key))))
                }
                None => Ok(is(0)),
            }
        }
        Next::HangUp(_) => {
            session.hang_up = true;
            Ok(is(-1))
        }
    }
}

async fn get_data(call: &mut Call, args: &[&str]) -> Done {
    let Some(name) = args.first() else { return Err(Usage("GET DATA <file> [timeout] [max digits]")) };
    let wait = milliseconds(args.get(1)).filter(|ms| *ms > 0).map_or(call.channel.timeouts.response, patience);
    let most = args.get(2).and_then(|most| most.parse::<usize>().ok()).filter(|most| (1..=255).contains(most));
    let most = most.unwrap_or(255);
    let mut digits = String::new();
    let names: Vec<&str> = if name.is_empty() { Vec::new() } else { vec![name] };
    let mut next = match call.say(&names, "0123456789*#ABCD").await? {
        Heard::Key(key) => Some(key),
        Heard::Whole => call.key(wait).await?,
    };
    loop {
        match next {
            None => return Ok(digits_are(&digits, " (timeout)")),
            Some('#') => return Ok(digits_are(&digits, "")),
            Some(key) => digits.push(key),
        }
        if digits.len() >= most {
            return Ok(digits_are(&digits, ""));
        }
        next = call.key(wait).await?;
    }
}

/// `result=` holds the digits themselves here, which may be none.
fn digits_are(digits: &str, more: &str) -> Answer {
    Answer::Digits(digits.to_owned(), more.to_owned())
}

async fn get_option(call: &mut Call, args: &[&str]) -> Done {
    let (Some(name), Some(keys)) = (args.first(), args.get(1)) else {
        return Err(Usage("GET OPTION <filename> <escape digits> [timeout]"));
    };
    let wait = milliseconds(args.get(2)).map_or(Duration::from_secs(5), patience);
    let mut heard = call.say(&[name], keys).await?;
    if heard == Heard::Whole {
        let until = Instant::now() + wait;
        while let Some(pressed) = call.key(until.saturating_duration_since(Instant::now())).await? {
            if keys.contains(pressed) {
                heard = Heard::Key(pressed);
                break;
            }
        }
    }
    Ok(Is(key(heard), " endpos=0".to_owned()))
}

fn variable(call: &mut Call, args: &[&str]) -> Done {
    let name = args.first().ok_or(Usage("GET VARIABLE <variable name>"))?;
    // A name only: what could be code in it is none here.
    if name.contains(['$', '{', '}', '[', ']']) {
        return Ok(is(0));
    }
    match call.machine.expand(&format!("${{{name}}}"), &mut call.channel) {
        Ok(value) if !value.is_empty() => Ok(with(&value)),
        _ => Ok(is(0)),
    }
}

fn full_variable(call: &mut Call, args: &[&str]) -> Done {
    let text = args.first().ok_or(Usage("GET FULL VARIABLE <expression> [<channel name>]"))?;
    if args.get(1).is_some_and(|channel| *channel != call.channel.name) {
        return Ok(is(0));
    }
    match call.machine.expand(text, &mut call.channel) {
        Ok(value) if !value.is_empty() => Ok(with(&value)),
        _ => Ok(is(0)),
    }
}

fn gosub(session: &mut Session, call: &mut Call, args: &[&str]) -> Done {
    let [context, exten, priority, rest @ ..] = args else {
        return Err(Usage("GOSUB <context> <extension> <priority> [<optional-argument>]"));
    };
    let place = priority.parse().map(|priority| dialplan::Place::new(context, exten, priority));
    let place = place.map_err(|_| Usage("GOSUB <context> <extension> <priority> [<optional-argument>]"))?;
    let args: Vec<String> = rest.iter().flat_map(|text| text.split(',')).map(str::to_owned).collect();
    match call.machine.gosub(place, &args, &mut call.channel) {
        Ok(()) => {
            session.moved = true;
            Ok(is(0))
        }
        Err(_) => Ok(is(-1)),
    }
}

async fn record(call: &mut Call, args: &[&str]) -> Done {
    let [name, format, keys, rest @ ..] = args else {
        return Err(Usage(
            "RECORD FILE <filename> <format> <escape digits> <timeout> [offset samples] [BEEP] [s=silence]",
        ));
    };
    let max = milliseconds(rest.first()).filter(|ms| *ms > 0).unwrap_or(0) / 1000;
    let silence = rest.iter().find_map(|word| word.strip_prefix("s=")).unwrap_or("0");
    let beep = rest.iter().any(|word| word.eq_ignore_ascii_case("BEEP"));
    // Keys that end it are one of the sets that Record knows.
    let mut options = match *keys {
        "" => "x",
        "*" => "t",
        "#" => "",
        _ => "y",
    }
    .to_owned();
    if !beep {
        options.push('q');
    }
    let args = [format!("{name}.{format}"), silence.to_owned(), max.to_string(), options];
    apps::record::run(call, &args).await?;
    let status = call.machine.get("RECORD_STATUS").unwrap_or_default().to_owned();
    Ok(match status.as_str() {
        "DTMF" | "OPERATOR" => {
            Is(i64::from(u32::from(keys.chars().next().unwrap_or('#'))), " (dtmf) endpos=0".to_owned())
        }
        "SILENCE" | "TIMEOUT" => Is(0, " (timeout) endpos=0".to_owned()),
        _ => Is(-1, " (writefile)".to_owned()),
    })
}

async fn say(call: &mut Call, what: &str, args: &[&str]) -> Done {
    const USAGE: &str = "SAY ALPHA|DATE|DATETIME|DIGITS|NUMBER|PHONETIC|TIME <value> <escape digits>";
    let value = args.first().ok_or(Usage(USAGE))?;
    let keys = *args.get(1).ok_or(Usage(USAGE))?;
    let time = || value.parse::<i64>().map_err(|_| Usage(USAGE));
    let names = match what {
        "ALPHA" => apps::say::alpha_names(value),
        "DIGITS" => apps::say::digit_names(value),
        "PHONETIC" => apps::say::phonetic_names(value),
        "NUMBER" => apps::say::words(value.parse().map_err(|_| Usage(USAGE))?),
        "DATE" => apps::say_time::names(call, time()?, "", "ABdY"),
        "TIME" => apps::say_time::names(call, time()?, "", "IMp"),
        "DATETIME" => {
            let format = args.get(2).filter(|format| !format.is_empty()).unwrap_or(&"ABdY 'digits/at' IMp");
            apps::say_time::names(call, time()?, args.get(3).unwrap_or(&""), format)
        }
        _ => return Err(Unknown),
    };
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Ok(is(key(call.say(&names, keys).await?)))
}

fn set(session: &mut Session, call: &mut Call, what: &str, args: &[&str]) -> Done {
    const USAGE: &str = "SET AUTOHANGUP|CALLERID|CONTEXT|EXTENSION|MUSIC|PRIORITY|VARIABLE <value>";
    let value = *args.first().ok_or(Usage(USAGE))?;
    match what {
        "AUTOHANGUP" => {
            let seconds = value.parse::<u64>().map_err(|_| Usage(USAGE))?;
            let limit = (seconds > 0).then(|| Duration::from_secs(seconds.min(86_400)));
            call.set_absolute_timeout(limit);
        }
        "CALLERID" => {
            call.channel.set_caller(&plain(value));
            let number = call.channel.caller_number.clone();
            call.machine.set_caller(&number);
            return Ok(is(1));
        }
        "CONTEXT" | "EXTENSION" | "PRIORITY" => {
            let mut place = call.machine.place().clone();
            match what {
                "CONTEXT" => place.context = value.into(),
                "EXTENSION" => place.exten = value.into(),
                _ => match value.parse() {
                    Ok(priority) => place.priority = priority,
                    Err(_) => {
                        return match call.machine.goto(value, &mut call.channel) {
                            Ok(()) => {
                                session.moved = true;
                                Ok(is(0))
                            }
                            Err(_) => Ok(is(-1)),
                        };
                    }
                },
            }
            call.machine.jump(place);
            session.moved = true;
        }
        "MUSIC" => {
            if value.eq_ignore_ascii_case("on") {
                if let Some(class) = args.get(1).filter(|class| !class.is_empty()) {
                    (*class).clone_into(&mut call.channel.music_class);
                }
                call.music();
            } else {
                call.quiet();
            }
        }
        "VARIABLE" => {
            let text = *args.get(1).ok_or(Usage(USAGE))?;
            let mut set = call.machine.written("Set", "");
            set.control = Some(Box::new(dialplan::control::Control::Set(vec![assign(value, text)])));
            let before = call.machine.place().clone();
            call.machine.control(&set, &mut call.channel);
            call.machine.jump(before);
            return Ok(is(1));
        }
        _ => return Err(Unknown),
    }
    Ok(is(0))
}

/// `name` or `FUNCTION(arguments)` of the script's own text, with a value that is data.
fn assign(name: &str, value: &str) -> dialplan::control::Assign<String> {
    use dialplan::control::{Assign, Target};
    let target = match name.split_once('(') {
        Some((function, rest)) => {
            let inside = rest.rsplit_once(')').map_or(rest, |(inside, _)| inside);
            let args = inside.split(',').map(|arg| arg.trim().to_owned()).collect();
            Target::Function { name: function.trim().into(), args }
        }
        None => Target::Variable(name.to_owned()),
    };
    Assign { target, value: value.to_owned() }
}

async fn wait_for_digit(call: &mut Call, args: &[&str]) -> Done {
    let ms = milliseconds(args.first()).ok_or(Usage("WAIT FOR DIGIT <timeout>"))?;
    let pressed = call.key(patience(ms)).await?;
    Ok(is(pressed.map_or(0, |key| i64::from(u32::from(key)))))
}
