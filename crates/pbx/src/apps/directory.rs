//! `Directory([vmcontext][,dialcontext[,options]])`: finds a person by the first letters of the name, on the keypad.
//!
//! Names are those of the configured extensions that are `listed`. Options: `f` first names, `l` last names (as without
//! any), `b` both, each with `(n)` for so many letters instead of three; `e` says the number of the extension too; `m`
//! offers all that fit at once, by one key each; `n` does not answer; `s` calls nobody, the number is in
//! `DIRECTORY_EXTEN` and the plan goes on. `0` goes to `o`, `*` to `a` of the current context
//! where they exist. The chosen extension runs in the dial context; `DIRECTORY_RESULT` is `SELECTED`, `OPERATOR`,
//! `ASSISTANT`, `TIMEOUT`, `USEREXIT` or `FAILED`.

use dialplan::Place;

use super::{Outcome, arg};
use crate::call::play::Heard;
use crate::call::{Call, Next, Stop};
use crate::config::Extension;

const ALL_KEYS: &str = "0123456789*#";
/// How often somebody may begin anew before the plan goes on: twenty minutes of trying are enough.
const ROUNDS: usize = 20;
/// More people than this fit no search of three letters; the rest is not read out.
const MATCHES: usize = 32;
/// Menu of option `m`: keys 1 to 9.
const MENU: usize = 9;
/// Longest search text.
const LETTERS: usize = 10;

pub(super) async fn run(call: &mut Call, args: &[String]) -> Outcome {
    let options = Options::parse(arg(args, 2));
    let context =
        [arg(args, 1), arg(args, 0)].into_iter().find(|name| !name.is_empty()).unwrap_or("default").to_owned();
    if !options.no_answer {
        call.answer();
    }
    let people = people(&call.snapshot.config.extensions, options.by);
    if people.is_empty() {
        tracing::warn!(call = %call.tree.id, "Directory: no extension has a name and is listed");
        return done(call, "FAILED");
    }
    for _ in 0..ROUNDS {
        let search = match ask(call, &options).await? {
            Asked::Letters(keys) => keys,
            Asked::Exit(exten) if leave(call, exten) => return Ok(Next::Jumped),
            Asked::Exit(_) => continue,
            Asked::Silence => return done(call, "TIMEOUT"),
        };
        let found: Vec<&Person> = people.iter().filter(|person| person.begins(&search)).take(MATCHES).collect();
        if found.is_empty() {
            call.say(&["dir-nomatch"], "").await?;
            continue;
        }
        let picked =
            if options.menu { pick(call, &found, &options).await? } else { offer(call, &found, &options).await? };
        match picked {
            Picked::Person(number) if options.only_tell => {
                call.machine.set("DIRECTORY_EXTEN", number);
                return done(call, "SELECTED");
            }
            Picked::Person(number) => return go(call, &context, &number).await,
            Picked::Exit(exten) if leave(call, exten) => return Ok(Next::Jumped),
            Picked::Exit(_) | Picked::Nobody => call.say(&["dir-nomore"], "").await.map(|_| ())?,
            Picked::Silence => return done(call, "TIMEOUT"),
        }
    }
    done(call, "USEREXIT")
}

fn done(call: &mut Call, result: &str) -> Outcome {
    call.machine.set("DIRECTORY_RESULT", result);
    Ok(Next::Line)
}

/// Goes to `o` or `a` of the current context; `false` where the plan has none.
fn leave(call: &mut Call, exten: &'static str) -> bool {
    let context = call.machine.place().context.to_string();
    if !call.machine.exists(Some(&context), exten, &mut call.channel) {
        return false;
    }
    call.machine.set("DIRECTORY_RESULT", if exten == "o" { "OPERATOR" } else { "ASSISTANT" });
    call.machine.jump(Place::new(&context, exten, 1));
    true
}

/// The chosen extension, in the dial context.
async fn go(call: &mut Call, context: &str, number: &str) -> Outcome {
    if !call.machine.exists(Some(context), number, &mut call.channel) {
        tracing::warn!(call = %call.tree.id, context, number, "Directory: the dial context does not have this extension");
        call.say(&["invalid"], "").await?;
        return done(call, "FAILED");
    }
    call.machine.set("DIRECTORY_RESULT", "SELECTED");
    call.machine.jump(Place::new(context, number, 1));
    Ok(Next::Jumped)
}

enum Asked {
    Letters(String),
    Exit(&'static str),
    Silence,
}

/// Asks for the first letters. `#` ends them early.
async fn ask(call: &mut Call, options: &Options) -> Result<Asked, Stop> {
    let which = match options.by {
        By::First => "dir-first",
        By::Last => "dir-last",
        By::Both => "dir-firstlast",
    };
    let mut keys = String::new();
    let mut key = match call.say(&["dir-welcome", "dir-pls-enter", which, "dir-usingkeypad"], ALL_KEYS).await? {
        Heard::Key(key) => Some(key),
        Heard::Whole => call.key(call.channel.timeouts.response).await?,
    };
    loop {
        match key {
            None if keys.is_empty() => return Ok(Asked::Silence),
            Some('0') if keys.is_empty() => return Ok(Asked::Exit("o")),
            Some('*') => return Ok(Asked::Exit("a")),
            None | Some('#') => return Ok(Asked::Letters(keys)),
            Some(pressed) => keys.push(pressed),
        }
        if keys.len() >= options.letters {
            return Ok(Asked::Letters(keys));
        }
        key = call.key(call.channel.timeouts.digit).await?;
    }
}

enum Picked {
    Person(String),
    Nobody,
    Exit(&'static str),
    Silence,
}

/// One after the other: 1 takes, `*` (or silence after the offer) goes on.
async fn offer(call: &mut Call, found: &[&Person], options: &Options) -> Result<Picked, Stop> {
    for person in found {
        let mut prompts = person.prompts(options.extension);
        prompts.push("dir-instr".to_owned());
        let prompts: Vec<&str> = prompts.iter().map(String::as_str).collect();
        let key = match call.say(&prompts, "01*#").await? {
            Heard::Key(key) => Some(key),
            Heard::Whole => call.key(call.channel.timeouts.response).await?,
        };
        match key {
            Some('1') => return Ok(Picked::Person(person.number.clone())),
            Some('0') => return Ok(Picked::Exit("o")),
            Some('#') => return Ok(Picked::Nobody),
            Some(_) => {}
            None => return Ok(Picked::Silence),
        }
    }
    Ok(Picked::Nobody)
}

/// All at once: "press 1 for …".
async fn pick(call: &mut Call, found: &[&Person], options: &Options) -> Result<Picked, Stop> {
    let mut prompts = Vec::new();
    for (index, person) in found.iter().take(MENU).enumerate() {
        prompts.extend(["dir-multi1".to_owned(), format!("digits/{}", index + 1), "dir-multi2".to_owned()]);
        prompts.extend(person.prompts(options.extension));
    }
    let prompts: Vec<&str> = prompts.iter().map(String::as_str).collect();
    let key = match call.say(&prompts, ALL_KEYS).await? {
        Heard::Key(key) => Some(key),
        Heard::Whole => call.key(call.channel.timeouts.response).await?,
    };
    Ok(match key {
        None => Picked::Silence,
        Some('0') => Picked::Exit("o"),
        Some('*') => Picked::Exit("a"),
        Some(key) => {
            let chosen = key.to_digit(10).and_then(|digit| (digit as usize).checked_sub(1));
            match chosen.filter(|index| *index < MENU).and_then(|index| found.get(index)) {
                Some(person) => Picked::Person(person.number.clone()),
                None => Picked::Nobody,
            }
        }
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    First,
    Last,
    Both,
}

struct Options {
    by: By,
    letters: usize,
    extension: bool,
    menu: bool,
    no_answer: bool,
    only_tell: bool,
}

impl Options {
    fn parse(text: &str) -> Self {
        let mut options =
            Self { by: By::Last, letters: 3, extension: false, menu: false, no_answer: false, only_tell: false };
        let (mut first, mut last) = (false, false);
        let mut rest = text;
        while let Some(letter) = rest.chars().next() {
            rest = rest.get(letter.len_utf8()..).unwrap_or_default();
            let mut value = "";
            if let Some(inside) = rest.strip_prefix('(') {
                (value, rest) = inside.split_once(')').unwrap_or((inside, ""));
            }
            match letter {
                'f' => first = true,
                'l' => last = true,
                'b' => (first, last) = (true, true),
                'e' => options.extension = true,
                'm' => options.menu = true,
                'n' => options.no_answer = true,
                's' => options.only_tell = true,
                _ => {}
            }
            if matches!(letter, 'f' | 'l' | 'b')
                && let Some(letters) = value.parse().ok().filter(|letters| (1..=LETTERS).contains(letters))
            {
                options.letters = letters;
            }
        }
        options.by = match (first, last) {
            (true, true) => By::Both,
            (true, false) => By::First,
            _ => By::Last,
        };
        options
    }
}

struct Person {
    number: String,
    name: String,
    /// The names that are searched, as keys.
    keys: Vec<String>,
}

impl Person {
    /// Whether one of the names begins with these keys.
    fn begins(&self, search: &str) -> bool {
        !search.is_empty() && self.keys.iter().any(|keys| keys.starts_with(search))
    }

    /// The name, letter by letter, and the number if it is asked for.
    fn prompts(&self, extension: bool) -> Vec<String> {
        let letters = self.name.chars().filter(char::is_ascii_alphanumeric).map(|c| match c {
            '0'..='9' => format!("digits/{c}"),
            c => format!("letters/{}", c.to_ascii_lowercase()),
        });
        let mut prompts: Vec<String> = letters.take(40).collect();
        if extension {
            prompts.push("vm-extension".to_owned());
            prompts.extend(self.number.chars().map(|digit| format!("digits/{digit}")));
        }
        prompts
    }
}

/// Everybody who is listed and has a name, in the order of numbers.
fn people(extensions: &std::collections::BTreeMap<String, Extension>, by: By) -> Vec<Person> {
    let listed = extensions.iter().filter(|(number, extension)| extension.listed && extension.name != **number);
    let people = listed.map(|(number, extension)| {
        let words: Vec<&str> = extension.name.split_whitespace().collect();
        let (first, last) = (words.first().copied(), words.last().copied());
        let names = match by {
            By::First => vec![first],
            By::Last => vec![last],
            By::Both => vec![first, last],
        };
        let keys = names.into_iter().flatten().map(keypad).filter(|keys| !keys.is_empty()).collect();
        Person { number: number.clone(), name: extension.name.clone(), keys }
    });
    people.filter(|person| !person.keys.is_empty()).collect()
}

/// A name on the keypad (ITU-T E.161); what has no key is left out, common accents count as their letter.
fn keypad(name: &str) -> String {
    let key = |c: char| match c {
        'a'..='c' | 'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'æ' | 'ç' => Some('2'),
        'd'..='f' | 'è' | 'é' | 'ê' | 'ë' => Some('3'),
        'g'..='i' | 'ì' | 'í' | 'î' | 'ï' => Some('4'),
        'j'..='l' | 'ł' => Some('5'),
        'm'..='o' | 'ñ' | 'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' => Some('6'),
        'p'..='s' | 'ß' => Some('7'),
        't'..='v' | 'ù' | 'ú' | 'û' | 'ü' => Some('8'),
        'w'..='z' | 'ý' | 'ÿ' => Some('9'),
        '0'..='9' => Some(c),
        _ => None,
    };
    name.chars().flat_map(char::to_lowercase).filter_map(key).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lie_on_the_keypad() {
        for (name, keys) in
            [("Kitchen", "5482436"), ("Müller", "685537"), ("O'Neil", "66345"), ("Bo 2", "262"), ("李", "")]
        {
            assert_eq!(keypad(name), keys, "{name}");
        }
    }

    #[test]
    fn people_are_found_by_first_last_or_both_names() {
        let mut extensions = crate::config::Config::fresh().extensions;
        extensions.get_mut("200").unwrap().name = "Ward Mundy".to_owned();
        extensions.get_mut("204").unwrap().name = "Kitchen".to_owned();
        let find = |by, search: &str| -> Vec<String> {
            people(&extensions, by).iter().filter(|p| p.begins(search)).map(|p| p.number.clone()).collect()
        };
        assert_eq!(find(By::Last, "686"), ["200"]);
        assert_eq!(find(By::Last, "927"), Vec::<String>::new());
        assert_eq!(find(By::First, "927"), ["200"]);
        assert_eq!(find(By::Both, "927"), ["200"]);
        assert_eq!(find(By::Both, "686"), ["200"]);
        assert_eq!(find(By::Both, "548"), ["204"]);
        assert_eq!(find(By::Both, ""), Vec::<String>::new());
        extensions.get_mut("204").unwrap().listed = false;
        assert_eq!(people(&extensions, By::Both).len(), 1);
    }

    #[test]
    fn options_are_read_with_their_numbers() {
        let read = |text: &str| {
            let options = Options::parse(text);
            (options.by, options.letters, options.extension, options.menu)
        };
        assert_eq!(read(""), (By::Last, 3, false, false));
        assert_eq!(read("f"), (By::First, 3, false, false));
        assert_eq!(read("fl"), (By::Both, 3, false, false));
        assert_eq!(read("b(4)em"), (By::Both, 4, true, true));
        assert_eq!(read("f(99)l(x"), (By::Both, 3, false, false));
        assert_eq!(read("é("), (By::Last, 3, false, false));
    }
}
