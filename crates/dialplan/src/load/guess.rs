//! Which dialect a file was written for: what `dialect = auto` means. It decides by what only one time wrote, and says
//! which line told it.

use crate::dialect::Dialect;

/// The dialect of a file, and what told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guess {
    /// The dialect.
    pub dialect: Dialect,
    /// The line that told it first, from 1.
    pub line: u32,
    /// What stands there.
    pub why: String,
}

/// Applications that went with 1.4.
const OLD_APPLICATIONS: &[&str] = &[
    "digittimeout",
    "responsetimeout",
    "absolutetimeout",
    "setmusiconhold",
    "setcidnum",
    "setcidname",
    "setcallerid",
    "setvar",
    "setglobalvar",
    "setaccount",
    "setlanguage",
    "dbget",
    "dbput",
    "cut",
    "math",
    "lookupblacklist",
    "lookupcidname",
];

/// Variables that became functions.
const OLD_VARIABLES: &[&str] = &[
    "${CALLERIDNUM",
    "${CALLERIDNAME",
    "${CALLERID}",
    "${CALLERANI",
    "${DNID",
    "${RDNIS",
    "${LANGUAGE}",
    "${TIMESTAMP",
    "${DATETIME",
];

/// What a text of today has.
const NEW: &[&str] = &["PJSIP/", "PJSIP_", "CONFBRIDGE(", "ConfBridge(", "Stasis(", "HANGUPCAUSE(", "CHANNEL(hangup"];

/// The dialect that a file was written for, if something in it tells; nothing means "of today".
pub fn guess(text: &str) -> Option<Guess> {
    let (mut old, mut new, mut oldest) = (0usize, 0usize, 0usize);
    let mut first: Option<(u32, String)> = None;
    let mut of_1_4 = false;
    for (number, line) in (1u32..).zip(text.lines()) {
        let line = line.split(';').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        of_1_4 |= line.contains("$[") && [" =~ ", "&&", " || ", " == "].iter().any(|op| line.contains(op));
        let (count, gone) = match look(line) {
            Look::Nothing => continue,
            Look::New => {
                new += 1;
                continue;
            }
            Look::Old(why, gone) => {
                first.get_or_insert((number, why));
                (1, usize::from(gone))
            }
        };
        old += count;
        oldest += gone;
    }
    let (line, why) = first?;
    if new >= old {
        return None;
    }
    let dialect = if of_1_4 && oldest == 0 { Dialect::V1_4 } else { Dialect::V1_2 };
    Some(Guess { dialect, line, why })
}

enum Look {
    Nothing,
    New,
    /// Why, and whether 1.4 did not have it any more.
    Old(String, bool),
}

fn look(line: &str) -> Look {
    let key = line.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    let arrow = line.get(key.len()..).unwrap_or_default().trim_start();
    if !arrow.starts_with('=') {
        return Look::Nothing;
    }
    if key.eq_ignore_ascii_case("same") {
        return Look::New;
    }
    if !key.eq_ignore_ascii_case("exten") {
        return Look::Nothing;
    }
    if let Some(name) = OLD_VARIABLES.iter().find(|name| line.contains(**name)) {
        return Look::Old(format!("{}}} became a function", name.trim_end_matches('}')), true);
    }
    if NEW.iter().any(|word| line.contains(word)) {
        return Look::New;
    }
    let mut fields = arrow.splitn(3, ',');
    let Some(app) = fields.nth(2).map(str::trim) else { return Look::Nothing };
    let name = app.split(['(', ',', '|']).next().unwrap_or_default().trim();
    if OLD_APPLICATIONS.iter().any(|old| old.eq_ignore_ascii_case(name)) {
        return Look::Old(format!("{name} is an application of that time"), true);
    }
    let Some(spec) = crate::apps::lookup(name) else { return Look::Nothing };
    let rest = app.get(name.len()..).unwrap_or_default().trim_start();
    if rest.starts_with([',', '|']) {
        return Look::Old(format!("{name} has its arguments without brackets"), false);
    }
    let data = rest.strip_prefix('(').unwrap_or_default();
    if matches!(spec.name, "Gosub" | "GosubIf" | "ExecIf") && data.trim_end_matches(')').contains('(') {
        return if data.contains('|') && !data.contains(',') {
            Look::Old(format!("| stands between the arguments of {name}"), false)
        } else {
            Look::New
        };
    }
    let text = matches!(spec.name, "NoOp" | "Verbose" | "Log" | "System" | "TrySystem" | "UserEvent" | "SendText");
    if !text && outside_expressions(data).contains('|') {
        return Look::Old(format!("| stands between the arguments of {name}"), false);
    }
    Look::Nothing
}

/// The text without what stands in `$[…]`, where `|` is an operator.
pub(super) fn outside_expressions(data: &str) -> String {
    let mut out = String::new();
    let mut rest = data;
    while let Some((before, after)) = rest.split_once("$[") {
        out.push_str(before);
        let mut depth = 1;
        let end = after.find(|c: char| {
            depth += i32::from(c == '[') - i32::from(c == ']');
            depth == 0
        });
        rest = end.and_then(|end| after.get(end + 1..)).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<(Dialect, u32)>) {
        assert_eq!(guess(text).map(|g| (g.dialect, g.line)), expected, "{text}");
    }

    #[test]
    fn each_time_has_its_marks() {
        check("[c]\nexten => s,1,DigitTimeout,3\n", Some((Dialect::V1_2, 2)));
        check("[c]\nexten => s,1,Dial(SIP/x|20|tr)\n", Some((Dialect::V1_2, 2)));
        check("[c]\nexten => s,1,GotoIf($[\"${CALLERIDNUM}\" = \"\"]?x,s,1)\n", Some((Dialect::V1_2, 2)));
        check("[c]\nexten => s,1,GotoIf($[1 && 1]?x|s|1)\n", Some((Dialect::V1_4, 2)));
        check("[c]\nexten => s,1,GotoIf($[1 | 0]?x,s,1)\n", None);
        check("[c]\nexten => s,1,Dial(PJSIP/x,20)\nsame => n,Hangup()\n", None);
        check("; exten => s,1,DigitTimeout,3\n", None);
        check("[c]\nexten => s,1,NoOp(a|b)\n", None);
        check("[c]\nexten => s,1,Goto(a|b|1)\nsame => n,Hangup()\nsame => n,Hangup()\n", None);
    }
}
