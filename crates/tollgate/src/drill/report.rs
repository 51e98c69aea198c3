//! What a drill found: for programs (JSON), for people (text, HTML), and what is new since the last one.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// How far a drill is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// Since it began.
    pub(crate) seconds: u64,
    /// Calls placed.
    pub(crate) calls: u64,
    /// Keys pressed.
    pub(crate) keys: u64,
    /// Things tried.
    pub(crate) done: usize,
    /// Things that are known and not yet tried.
    pub(crate) open: usize,
    /// Ways of callers from outside to a trunk.
    pub(crate) ways: usize,
    /// Lines of the plan passed.
    pub(crate) lines: usize,
}

/// A way to a trunk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Way {
    /// Who goes it: `strangers`, `trunk:itsp`, `extension:204`.
    pub(crate) entry: String,
    /// He is somebody from outside.
    pub(crate) outside: bool,
    /// What he dials.
    pub(crate) dialled: String,
    /// What he does then, as `tollgate simulate --keys` takes it.
    pub(crate) keys: String,
    /// The line of the plan that wants the call.
    pub(crate) line: String,
    /// The number.
    pub(crate) to: String,
    /// The trunk.
    pub(crate) trunk: String,
    /// Class of the number.
    pub(crate) class: String,
    /// Why the gate refuses it; none: it would have gone out.
    pub(crate) refused: Option<String>,
}

impl Way {
    pub(super) fn length(&self) -> usize {
        self.keys.len() * 4 + self.dialled.len()
    }

    fn words(&self) -> String {
        let mut text = self.entry.clone();
        let _ = match self.dialled.as_str() {
            "" => write!(text, " dial"),
            dialled => write!(text, " dial {dialled}"),
        };
        if !self.keys.is_empty() {
            let _ = write!(text, ", then {}", self.keys.replace("wait 16", "silence"));
        }
        let _ = write!(text, ": {} asks for {} ({}) over trunk {}", self.line, self.to, self.class, self.trunk);
        match &self.refused {
            Some(why) => text + "; the gate refuses: " + why,
            None => text + "; it would have gone out",
        }
    }

    /// What makes two ways the same in two drills.
    fn key(&self) -> (&str, &str, &str, &str, bool) {
        (&self.entry, &self.line, &self.trunk, &self.class, self.refused.is_some())
    }
}

/// What one entry came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EntryReport {
    /// Its name.
    pub(crate) entry: String,
    /// Numbers that were called.
    pub(crate) numbers: usize,
    /// Places at which a key means something.
    pub(crate) places: usize,
    /// Keys, entries and silences that were tried there.
    pub(crate) tried: usize,
    /// Those that no call came back to.
    pub(crate) lost: usize,
    /// Those that were not tried.
    pub(crate) open: usize,
    /// Phones that would have rung.
    pub(crate) rings: Vec<String>,
}

/// A way that the proof found, played as a real call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Witnessed {
    /// Who goes it.
    pub(crate) entry: String,
    /// Where to.
    pub(crate) sink: String,
    /// What he does.
    pub(crate) how: String,
    /// The call came there.
    pub(crate) shown: bool,
}

/// The level of a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Level {
    /// Nobody from outside came to a trunk.
    Safe,
    /// Nobody did so far, and not everything was tried.
    Unfinished,
    /// The plan leads somebody there, and the gate alone refuses.
    GateOnly,
    /// A call would have gone out.
    Open,
}

/// A drill that is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Report {
    /// When it began, milliseconds since 1970.
    pub(crate) at: i64,
    /// How long it took.
    pub(crate) seconds: u64,
    /// Hash of the plan, in hexadecimal digits.
    pub(crate) plan: String,
    /// Why it ended before everything was tried; none: it did not.
    pub(crate) cut_short: Option<String>,
    /// Calls placed.
    pub(crate) calls: u64,
    /// Keys pressed.
    pub(crate) keys: u64,
    /// By entry.
    pub(crate) entries: Vec<EntryReport>,
    /// Ways to a trunk.
    pub(crate) ways: Vec<Way>,
    /// Ways of the proof, played.
    pub(crate) witnesses: Vec<Witnessed>,
    /// Lines of the plan.
    pub(crate) lines: usize,
    /// Those that no call passed, as the plan names them.
    pub(crate) never: Vec<String>,
}

impl Report {
    /// How bad it is.
    pub(crate) fn level(&self) -> Level {
        let outside = || self.ways.iter().filter(|way| way.outside);
        if outside().any(|way| way.refused.is_none()) {
            Level::Open
        } else if outside().next().is_some() {
            Level::GateOnly
        } else if self.cut_short.is_some() {
            Level::Unfinished
        } else {
            Level::Safe
        }
    }

    /// The report in one sentence.
    pub(crate) fn verdict(&self) -> String {
        let tried = self.entries.iter().map(|entry| entry.tried + entry.numbers).sum::<usize>();
        let size = format!("{tried} ways tried in {} calls", self.calls);
        let short =
            self.cut_short.as_ref().map_or_else(String::new, |why| format!("; not everything was tried: {why}"));
        let outside: Vec<&Way> = self.ways.iter().filter(|way| way.outside).collect();
        match self.level() {
            Level::Safe | Level::Unfinished => {
                format!("No caller from outside came to an outside line: {size}{short}.")
            }
            Level::GateOnly => format!(
                "The plan leads callers from outside to an outside line in {} ways, and only the gate refuses them: {size}{short}.",
                outside.len()
            ),
            Level::Open => format!("Callers from outside can place calls that cost money: {size}{short}."),
        }
    }

    /// What is new since `before`, and what is gone.
    pub(crate) fn against(&self, before: &Self) -> Vec<String> {
        let keys = |report: &Self| report.ways.iter().map(|way| format!("{:?}", way.key())).collect::<BTreeSet<_>>();
        let (old, new) = (keys(before), keys(self));
        let mut said = Vec::new();
        for way in &self.ways {
            if !old.contains(&format!("{:?}", way.key())) {
                said.push(format!("new: {}", way.words()));
            }
        }
        for way in &before.ways {
            if !new.contains(&format!("{:?}", way.key())) {
                said.push(format!("gone: {}", way.words()));
            }
        }
        if self.plan == before.plan {
            for line in self.never.iter().filter(|line| !before.never.contains(line)) {
                said.push(format!("no longer reached: {line}"));
            }
        }
        said
    }

    /// For programs and pages: with the verdict, what is new, and the words for people.
    pub(crate) fn json(&self, before: Option<&Self>) -> serde_json::Value {
        let mut value = serde_json::to_value(self).unwrap_or_default();
        if let Some(fields) = value.as_object_mut() {
            fields.insert("verdict".to_owned(), self.verdict().into());
            fields.insert("level".to_owned(), serde_json::to_value(self.level()).unwrap_or_default());
            fields.insert("since_last".to_owned(), before.map(|before| self.against(before)).into());
            let sections = self.sections(before).into_iter().map(|(head, lines)| serde_json::json!([head, lines]));
            fields.insert("sections".to_owned(), sections.collect());
        }
        value
    }

    /// For people.
    pub(crate) fn text(&self, before: Option<&Self>) -> String {
        let mut out = format!("{}\n", self.verdict());
        for (head, lines) in self.sections(before) {
            let _ = writeln!(out, "\n{head}");
            for line in lines {
                let _ = writeln!(out, "  {line}");
            }
        }
        out
    }

    /// The same as a page of its own.
    pub(crate) fn html(&self, before: Option<&Self>) -> String {
        let mut out = format!(
            "<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>tollgate drill</title>\n<h1>{}</h1>\n",
            escaped(&self.verdict())
        );
        for (head, lines) in self.sections(before) {
            let _ = writeln!(out, "<h2>{}</h2>\n<ul>", escaped(&head));
            for line in lines {
                let _ = writeln!(out, "<li>{}</li>", escaped(&line));
            }
            out.push_str("</ul>\n");
        }
        out + "</html>\n"
    }

    fn sections(&self, before: Option<&Self>) -> Vec<(String, Vec<String>)> {
        let ways = |outside: bool| -> Vec<String> {
            self.ways.iter().filter(|way| way.outside == outside).map(Way::words).collect()
        };
        let mut all = Vec::new();
        let mut add = |head: String, lines: Vec<String>| {
            if !lines.is_empty() {
                all.push((head, lines));
            }
        };
        add("Callers from outside came to an outside line".to_owned(), ways(true));
        if let Some(before) = before {
            add("Since the last drill".to_owned(), self.against(before));
        }
        let entry = |entry: &EntryReport| {
            let mut text = format!(
                "{}: {} numbers called, {} places that take keys, {} entries tried",
                entry.entry, entry.numbers, entry.places, entry.tried
            );
            for (count, what) in [(entry.lost, "not come back to"), (entry.open, "not tried")] {
                if count > 0 {
                    let _ = write!(text, ", {count} {what}");
                }
            }
            if !entry.rings.is_empty() {
                let _ = write!(text, "; would ring {}", entry.rings.join(", "));
            }
            text
        };
        add("Who was played".to_owned(), self.entries.iter().map(entry).collect());
        add("What extensions may do by their rights".to_owned(), ways(false));
        let shown = |one: &Witnessed| {
            let came = if one.shown { "came there" } else { "did not come there" };
            format!("{} to {}: {}: {came}", one.entry, one.sink, one.how)
        };
        add("Ways that the proof names, as real calls".to_owned(), self.witnesses.iter().map(shown).collect());
        let reached = self.lines - self.never.len();
        let head = format!("Lines of the plan: {reached} of {} were passed; never", self.lines);
        add(head, self.never.clone());
        all
    }
}

fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(entry: &str, keys: &str, refused: Option<&str>) -> Way {
        Way {
            entry: entry.to_owned(),
            outside: !entry.starts_with("extension"),
            dialled: String::new(),
            keys: keys.to_owned(),
            line: "menu,7,1 Dial".to_owned(),
            to: "2025550100".to_owned(),
            trunk: "itsp".to_owned(),
            class: "national".to_owned(),
            refused: refused.map(str::to_owned),
        }
    }

    fn report(ways: Vec<Way>) -> Report {
        let entry = EntryReport {
            entry: "strangers".to_owned(),
            numbers: 2,
            places: 3,
            tried: 40,
            lost: 1,
            open: 0,
            rings: vec!["204".to_owned()],
        };
        Report {
            at: 0,
            seconds: 60,
            plan: "00".to_owned(),
            cut_short: None,
            calls: 12,
            keys: 99,
            entries: vec![entry],
            ways,
            witnesses: Vec::new(),
            lines: 10,
            never: vec!["menu,8,1 Hangup".to_owned()],
        }
    }

    #[test]
    fn the_verdict_is_about_callers_from_outside() {
        let safe = report(vec![way("extension:204", "", None)]);
        assert_eq!(safe.level(), Level::Safe);
        assert!(
            safe.verdict().starts_with("No caller from outside came to an outside line: 42 ways"),
            "{}",
            safe.verdict()
        );
        let gate = report(vec![way("strangers", "7", Some("strangers may start no national calls"))]);
        assert_eq!(gate.level(), Level::GateOnly);
        let text = gate.text(None);
        assert!(text.contains("strangers dial, then 7: menu,7,1 Dial asks for 2025550100"), "{text}");
        assert!(text.contains("the gate refuses: strangers may start no national calls"), "{text}");
        let open = report(vec![way("trunk:itsp", "", None), way("strangers", "7", Some("no"))]);
        assert_eq!(open.level(), Level::Open);
        let mut short = report(Vec::new());
        short.cut_short = Some("its time was over".to_owned());
        assert_eq!(short.level(), Level::Unfinished);
        assert!(short.verdict().ends_with("not everything was tried: its time was over."), "{}", short.verdict());
    }

    #[test]
    fn what_is_new_and_what_is_gone_is_said() {
        let before = report(vec![way("strangers", "7", Some("no"))]);
        let mut now = report(vec![way("strangers", "7", None)]);
        now.never.push("menu,9,1 Dial".to_owned());
        let said = now.against(&before);
        assert_eq!(said.len(), 3, "{said:?}");
        assert!(said[0].starts_with("new: ") && said[1].starts_with("gone: "), "{said:?}");
        assert_eq!(said[2], "no longer reached: menu,9,1 Dial");
        assert!(now.against(&now).is_empty());
    }

    #[test]
    fn a_page_shows_what_strangers_dialled_and_runs_none_of_it() {
        let mut bad = way("strangers", "7", None);
        "<script>alert(1)</script>".clone_into(&mut bad.dialled);
        let page = report(vec![bad]).html(None);
        assert!(page.contains("&lt;script&gt;") && !page.contains("<script"), "{page}");
    }

    #[test]
    fn a_report_comes_back_as_it_was_kept() {
        let report = report(vec![way("strangers", "7", None)]);
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
    }
}
