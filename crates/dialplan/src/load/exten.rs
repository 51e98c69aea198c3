//! Sections to program: `[general]`, `[globals]`, and each line of a context.

use super::sections::{Entry, Section};
use super::{Findings, codes, lines::length};
use crate::control::Call;
use crate::dialect::{Dialect, Rules};
use crate::eval::{Exception, Scope};
use crate::host::Host;
use crate::limits;
use crate::pattern::Pattern;
use crate::program::{Builder, Hint, Include, Line, Place, Program, Switch};
use crate::span::Span;
use crate::text::{Problem, Template};
use crate::time::{CivilTime, Times};
use crate::vars::Vars;
use std::borrow::Cow;

pub(super) fn build(sections: Vec<Section>, builder: &mut Builder, findings: &mut Findings) {
    for section in sections.iter().filter(|s| s.name.eq_ignore_ascii_case("general")) {
        for entry in &section.entries {
            general(entry, builder, findings);
        }
    }
    for section in sections.iter().filter(|s| s.name.eq_ignore_ascii_case("globals")) {
        for entry in &section.entries {
            let value = with_globals(&entry.value, &builder.program, entry.rules);
            builder.program.globals_text.push((entry.key.clone(), entry.value.clone()));
            let key = builder.program.variable_key(&entry.key).into_owned();
            builder.program.globals.insert(key, value);
        }
    }
    let own = |name: &str| !["general", "globals"].iter().any(|n| n.eq_ignore_ascii_case(name));
    let mut before = None;
    for section in sections.into_iter().filter(|s| !s.template && own(&s.name)) {
        let context = builder.context(&section.name, section.span, section.rules);
        if let Some(known) = builder.context_mut(context)
            && known.rules.dialect != section.rules.dialect
        {
            let message = format!(
                "{} is in dialect {} already; its extensions are matched by those rules",
                section.name, known.rules.dialect
            );
            findings.note(codes::MIXED, section.span, message);
        }
        // INVARIANT: `n` counts per section, not per extension and not per context; 1.2 does not even stop there.
        let last = if section.rules.dialect.counts_over_contexts() { before } else { None };
        let mut state = Counter { context, last, exten: None };
        for entry in section.entries {
            line(&entry, &mut state, builder, findings);
        }
        before = state.last;
    }
}

fn general(entry: &Entry, builder: &mut Builder, findings: &mut Findings) {
    let key = entry.key.to_ascii_lowercase();
    let known = [
        "static",
        "writeprotect",
        "autofallthrough",
        "clearglobalvars",
        "extenpatternmatchnew",
        "userscontext",
        "priorityjumping",
    ];
    if !known.contains(&key.as_str()) {
        findings.note(codes::GENERAL, entry.span, format!("{} is no setting of a plan", entry.key));
        if let Some(near) = super::nearest::nearest(&key, known.into_iter()) {
            findings.repair(near);
        }
    } else if key == "extenpatternmatchnew" && crate::program::is_yes(&entry.value)
        || key == "priorityjumping" && crate::program::is_yes(&entry.value) && !entry.rules.dialect.is_old()
    {
        findings.warn(codes::GENERAL, entry.span, format!("{key} is not carried out; the rules stay the usual ones"));
    }
    builder.program.general.insert(key, entry.value.clone());
}

/// What is asked while a plan loads: nothing but its globals.
struct OnlyGlobals;

impl Host for OnlyGlobals {
    fn variable(&mut self, _name: &str) -> Option<String> {
        None
    }
    fn function(&mut self, _name: &str, _args: &[String]) -> Option<String> {
        None
    }
    fn set_function(&mut self, _name: &str, _args: &[String], _value: &str) -> Result<(), String> {
        Err("not while loading".to_owned())
    }
    fn now(&mut self) -> CivilTime {
        CivilTime::from_epoch(0, 0)
    }
    fn random(&mut self) -> u64 {
        0
    }
    fn global(&mut self, _name: &str) -> Option<String> {
        None
    }
    fn set_global(&mut self, _name: &str, _value: &str) {}
}

/// A text with the globals put in that are known so far.
fn with_globals(text: &str, program: &Program, rules: Rules) -> String {
    if !text.contains('$') {
        return text.to_owned();
    }
    let mut vars = Vars::default();
    let place = Place::new("", "", 1);
    let exception = Exception::default();
    let mut scope = Scope {
        program,
        rules,
        vars: &mut vars,
        place: &place,
        caller: "",
        exception: &exception,
        host: &mut OnlyGlobals,
        depth: 0,
    };
    scope.expand(&Template::parse_in(text, rules.dialect).0).unwrap_or_default()
}

/// What one section remembers from line to line.
struct Counter {
    context: usize,
    /// The last priority; 0 after a hint.
    last: Option<u32>,
    /// The last extension with its caller-ID part, for `same`.
    exten: Option<Title>,
}

/// An extension with its caller-ID part.
struct Title {
    name: String,
    caller: Option<String>,
    /// Its number in the program, once it has a line there.
    number: Option<usize>,
}

fn line(entry: &Entry, state: &mut Counter, builder: &mut Builder, findings: &mut Findings) {
    let key = entry.key.to_ascii_lowercase();
    match key.as_str() {
        "exten" => exten(entry, state, builder, findings),
        _ if key.starts_with("same") && entry.rules.dialect.has_same() => {
            if state.exten.is_some() {
                priority(entry, &entry.value, 0, state, builder, findings);
            } else {
                findings.error(codes::FIRST_PRIORITY, entry.span, "same has no exten before it in this section");
            }
        }
        "include" => include(entry, state, builder, findings),
        "ignorepat" => {
            let value = with_globals(&entry.value, &builder.program, entry.rules);
            if let Some(context) = builder.context_mut(state.context) {
                context.ignorepats.push(value);
            }
        }
        "switch" | "lswitch" | "eswitch" => {
            findings.warn(codes::SWITCH, entry.span, "extensions are not looked up on other machines");
            let kind = match key.as_str() {
                "lswitch" => "lswitch",
                "eswitch" => "eswitch",
                _ => "switch",
            };
            let target = with_globals(&entry.value, &builder.program, entry.rules);
            if let Some(context) = builder.context_mut(state.context) {
                context.switches.push(Switch { kind, target, span: entry.span });
            }
        }
        _ => {
            findings.error(codes::KEYWORD, entry.span, format!("{} means nothing in a context", entry.key));
            let known = ["exten", "same", "include", "ignorepat", "switch"];
            match super::nearest::nearest(&key, known.into_iter()) {
                Some("same") => findings.repair("exten => with the extension: there was no same => before 1.6.2"),
                Some(near) => findings.repair(near),
                None => findings.repair("exten => or same =>; global variables belong into [globals]"),
            }
        }
    }
}

fn include(entry: &Entry, state: &mut Counter, builder: &mut Builder, findings: &mut Findings) {
    let value = with_globals(&entry.value, &builder.program, entry.rules);
    let dialect = entry.rules.dialect;
    let separators: &[char] = if dialect.is_old() { &['|'] } else { &[',', '|'] };
    let (name, times) = match value.split_once(separators) {
        Some((name, times)) => (name.trim(), Some(times.trim())),
        None => (value.trim(), None),
    };
    if name.is_empty() {
        findings.error(codes::SYNTAX, entry.span, "include names no context");
        return;
    }
    let times = times.filter(|t| !t.is_empty()).map(|t| Times::parse_in(t, dialect));
    if let Some(times) = &times {
        check_times(times, entry.span, findings);
    }
    if let Some(context) = builder.context_mut(state.context) {
        context.includes.push(Include { context: name.into(), times, span: entry.span });
    }
}

pub(super) fn check_times(times: &Times, span: Span, findings: &mut Findings) {
    if let Some(wrong) = times.wrong() {
        findings.warn(codes::TIME, span, format!("the {wrong} cannot be read, so this is never true"));
        findings.repair("9:00-17:00,mon-fri,1-31,jan-dec");
    }
    if let Some(zone) = times.zone() {
        findings.warn(codes::ZONE, span, format!("the time zone {zone} is not looked at; the exchange has its own"));
    }
}

/// Up to the first comma outside `[ ]`.
fn first_field(value: &str, dialect: Dialect) -> (&str, &str) {
    if !dialect.has_open_sets() {
        return value.find(',').map_or((value, ""), |i| value.split_at(i));
    }
    let mut inside = 0usize;
    for (i, byte) in value.bytes().enumerate() {
        match byte {
            b'[' => inside += 1,
            b']' => inside = inside.saturating_sub(1),
            b',' if inside == 0 => return value.split_at(i),
            _ => {}
        }
    }
    // A set that is not closed swallows the rest: then the first comma counts after all.
    value.find(',').map_or((value, ""), |i| value.split_at(i))
}

/// Without white space, in today's dialects outside `[ ]` only.
fn without_spaces(text: &str, dialect: Dialect) -> String {
    if !dialect.has_open_sets() {
        return text.split_whitespace().collect();
    }
    let mut inside = false;
    text.chars()
        .filter(|c| {
            match c {
                '[' => inside = true,
                ']' => inside = false,
                _ => {}
            }
            inside || !c.is_whitespace()
        })
        .collect()
}

fn exten(entry: &Entry, state: &mut Counter, builder: &mut Builder, findings: &mut Findings) {
    let dialect = entry.rules.dialect;
    let (field, rest) = first_field(&entry.value, dialect);
    let offset = field.len() + usize::from(!rest.is_empty());
    let rest = rest.strip_prefix(',').unwrap_or(rest);
    let name = without_spaces(&with_globals(field, &builder.program, entry.rules), dialect);
    let (name, caller) = match name.split_once('/') {
        Some((name, caller)) => (name.to_owned(), Some(caller.to_owned())),
        None => (name, None),
    };
    let span = Span { len: length(field), ..entry.span };
    if name.is_empty() {
        state.exten = None;
        findings.error(codes::EXTENSION, span, "the extension is empty; this line is not read");
        return;
    }
    let wrong = if name.chars().count() > limits::EXTENSION_CHARS {
        Some("the extension is longer than any telephone can dial")
    } else if name.bytes().any(|b| matches!(b, b',' | b'\n')) && !name.contains('[') {
        Some("the extension contains a comma")
    } else if matches!(Pattern::parse_in(&name, dialect), Pattern::Never) && !name.ends_with('-') {
        Some("the pattern has a [ without ]")
    } else {
        None
    };
    if let Some(wrong) = wrong {
        state.exten = None;
        findings.error(codes::EXTENSION, span, format!("{wrong}; this line is not read"));
        return;
    }
    if state.exten.as_ref().is_none_or(|e| e.name != name || e.caller != caller) {
        name_findings(&name, span, findings);
        state.exten = Some(Title { name, caller, number: None });
    } else if looks_like_a_pattern(&name) {
        // The finding stands at the first line; its repair is for all of them.
        findings.also_fix(codes::UNDERSCORE, span, "", "_");
    }
    priority(entry, rest, offset, state, builder, findings);
}

/// `2XX`: digits and the signs of patterns, without `_`.
fn looks_like_a_pattern(name: &str) -> bool {
    name.len() > 1
        && name.bytes().all(|b| b.is_ascii_digit() || b"XZN.![]-*#+".contains(&b))
        && name.bytes().any(|b| b"XZN.![".contains(&b))
}

fn name_findings(name: &str, span: Span, findings: &mut Findings) {
    if looks_like_a_pattern(name) {
        findings.warn(codes::UNDERSCORE, span, format!("{name} is text that no telephone dials, not a pattern"));
        findings.fix(true, "", "_").repair(format!("_{name}"));
    }
    if name == "_." || name == "_!" {
        findings.warn(codes::CATCH_ALL, span, format!("{name} matches everything, also i, t and h"));
        findings.repair("_X.");
    }
}

/// What stands between an extension and its application.
struct Which<'a> {
    /// A number, `n`, `s` or `hint`.
    number: &'a str,
    /// What `n+10` adds.
    plus: i64,
    label: Option<&'a str>,
}

impl<'a> Which<'a> {
    fn read(field: &'a str) -> Self {
        let field = field.trim();
        let (number, label) = match field.split_once('(') {
            Some((number, label)) => (number, Some(label.split_once(')').map_or(label, |(l, _)| l).trim())),
            None => (field, None),
        };
        let (number, plus) = match number.split_once('+') {
            Some((number, plus)) => (number.trim(), crate::eval::leading_number(plus).map_or(0, |(n, _)| n)),
            None => (number.trim(), 0),
        };
        Self { number, plus, label: label.filter(|l| !l.is_empty()) }
    }

    /// The priority that is meant, `last` being the one before; `None` if this line is not read.
    fn number(&self, last: &mut Option<u32>, span: Span, findings: &mut Findings) -> Option<u32> {
        let base = match (self.number, *last) {
            ("n" | "next" | "s" | "same", None) => {
                let text = format!("{} has no priority before it in this section", self.number);
                findings.error(codes::FIRST_PRIORITY, span, text);
                findings.repair("1");
                return None;
            }
            ("n" | "next" | "s" | "same", Some(0)) => {
                let text = format!("{} after a hint is priority 0: this line never runs", self.number);
                findings.warn(codes::AFTER_HINT, span, text);
                findings.repair("1");
                *last = None;
                return None;
            }
            ("n" | "next", Some(last)) => i64::from(last) + 1,
            ("s" | "same", Some(last)) => i64::from(last),
            (number, _) => match crate::eval::leading_number(number) {
                Some((n, _)) => n,
                None => {
                    findings.error(codes::PRIORITY, span, format!("{number} is no priority; this line is not read"));
                    findings.repair("a number, n, n(label) or hint");
                    return None;
                }
            },
        };
        let number = u32::try_from(base.saturating_add(self.plus)).ok().filter(|n| (1..=limits::PRIORITY).contains(n));
        if number.is_none() {
            findings.error(codes::PRIORITY, span, "priorities begin with 1; this line is not read");
        }
        number
    }
}

fn priority(
    entry: &Entry,
    rest: &str,
    offset: usize,
    state: &mut Counter,
    builder: &mut Builder,
    findings: &mut Findings,
) {
    let Some(title) = &mut state.exten else { return };
    let at = |from: usize, len: u32| {
        let skipped = entry.value.get(..from).map_or(0, length);
        Span { col: entry.span.col + skipped, len, ..entry.span }
    };
    let (field, after) = rest.split_once(',').unwrap_or((rest, ""));
    let app_from = offset + field.len() + 1;
    let which = Which::read(field);
    if which.number == "hint" {
        state.last = Some(0);
        hint(entry, &title.name, after, state.context, builder);
        return;
    }
    if !entry.rules.dialect.has_next() && matches!(which.number, "n" | "next" | "s" | "same") {
        let span = at(offset, length(field));
        findings.error(codes::PRIORITY, span, format!("1.0 has no {}; this line is not read", which.number));
        findings.repair("a number");
        return;
    }
    let Some(number) = which.number(&mut state.last, at(offset, length(field)), findings) else { return };
    state.last = Some(number);
    let skipped = after.len() - after.trim_start().len();
    let span = at(app_from + skipped, length(after.trim()));
    let rules = entry.rules;
    let Some((app, data)) = application(after.trim(), span, rules.dialect, findings) else { return };
    let data = &*data;
    super::past::look(after.trim(), app, data, rules.dialect, span, findings);
    let (template, problems) = Template::parse_in(data, rules.dialect);
    for problem in problems {
        value_problem(problem, span, findings);
    }
    super::check::values(&template, rules, span, findings);
    let call = Call::parse(app, &template, rules.dialect);
    let line = Line { label: which.label.map(Into::into), app: app.into(), data: data.into(), call, span, rules };
    let exten =
        *title.number.get_or_insert_with(|| builder.exten(state.context, &title.name, title.caller.as_deref(), span));
    if let Err(first) = builder.line(state.context, exten, number, line) {
        let name = &title.name;
        let place =
            if first.file == span.file { format!("in line {}", first.line) } else { "in another file".to_owned() };
        findings.warn(
            codes::DUPLICATE,
            span,
            format!("{name},{number} is there already, {place}; this line never runs"),
        );
    }
}

/// The first hint of an extension counts.
fn hint(entry: &Entry, name: &str, devices: &str, context: usize, builder: &mut Builder) {
    if let Some(context) = builder.context_mut(context)
        && !context.hints.iter().any(|h| *h.exten == *name)
    {
        context.hints.push(Hint { exten: name.into(), devices: devices.trim().to_owned(), span: entry.span });
    }
}

/// Name and arguments of `App(args)`, in old dialects also of `App,args`, as they are once loaded.
fn application<'a>(
    text: &'a str,
    span: Span,
    dialect: Dialect,
    findings: &mut Findings,
) -> Option<(&'a str, Cow<'a, str>)> {
    if dialect.has_bare_arguments()
        && let Some((app, data)) = bare(text, dialect)
    {
        return Some((app, data.into()));
    }
    let (app, data) = bracketed(text, span, findings)?;
    Some((app, if dialect.is_old() { converted(data).into() } else { data.into() }))
}

/// `App,args`: 1.0 takes up to the next comma, or what stands in quotes; 1.2 and 1.4 the whole rest as it is.
fn bare(text: &str, dialect: Dialect) -> Option<(&str, &str)> {
    let comma = text.find(',')?;
    let bracket = text.find('(');
    if text.starts_with([',', '('])
        || (dialect == Dialect::V1_0 && bracket.is_some())
        || bracket.is_some_and(|b| b < comma)
    {
        return None;
    }
    let (app, rest) = (text.get(..comma)?, text.get(comma + 1..)?);
    let data = match rest.strip_prefix('"') {
        _ if dialect != Dialect::V1_0 => rest,
        Some(quoted) => quoted.split('"').next().unwrap_or(quoted),
        None => rest.split(',').next().unwrap_or(rest),
    };
    Some((app.trim(), data))
}

/// What loading makes of arguments in brackets: `'` protects and vanishes, `\` escapes and vanishes, commas become `|`.
fn converted(data: &str) -> String {
    let (mut quoted, mut escaped) = (false, false);
    let mut out = String::with_capacity(data.len());
    for c in data.chars() {
        match c {
            _ if std::mem::take(&mut escaped) => out.push(c),
            '\\' => escaped = true,
            '\'' => quoted = !quoted,
            ',' if !quoted => out.push('|'),
            _ => out.push(c),
        }
    }
    out
}

/// Name and arguments of `App(args)`.
fn bracketed<'a>(text: &'a str, span: Span, findings: &mut Findings) -> Option<(&'a str, &'a str)> {
    if text.is_empty() {
        findings.error(
            codes::NO_APPLICATION,
            span,
            "there is no application after the priority; this line is not read",
        );
        findings.repair("extension,priority,App(arguments)");
        return None;
    }
    let Some((app, rest)) = text.split_once('(') else { return Some((text, "")) };
    if app.contains("${") || app.contains("$[") {
        return Some((text, ""));
    }
    let app = app.trim();
    if app.is_empty() {
        findings.error(
            codes::NO_APPLICATION,
            span,
            "there is no application before the bracket; this line is not read",
        );
        return None;
    }
    match rest.rsplit_once(')') {
        Some((data, after)) => {
            if !after.trim().is_empty() {
                findings.warn(
                    codes::BRACKET,
                    span,
                    format!("\u{201c}{}\u{201d} after the last bracket is not read", after.trim()),
                );
            }
            Some((app, data))
        }
        None => {
            findings.warn(codes::BRACKET, span, "the bracket is not closed");
            findings.fix(true, text, format!("{text})")).repair(format!("{text})"));
            Some((app, rest))
        }
    }
}

fn value_problem(problem: Problem, span: Span, findings: &mut Findings) {
    match problem {
        Problem::Unclosed(what) => {
            let end = if what == "${" { "}" } else { "]" };
            findings.warn(codes::VALUE, span, format!("{what} has no {end}"));
        }
        Problem::UnclosedFunction(name) => {
            findings.warn(codes::VALUE, span, format!("the bracket of {name}( is not closed"));
        }
        Problem::TooDeep => {
            findings.error(codes::VALUE, span, "values are nested too deeply");
        }
        Problem::FunctionFromData => {
            findings.warn(
                codes::FUNCTION_FROM_DATA,
                span,
                "a value would choose which function runs; this is always empty",
            );
        }
        Problem::Expression(text, reason) => {
            findings.warn(codes::EXPRESSION, span, format!("$[{text}] is no expression and always empty: {reason}"));
        }
    }
}
