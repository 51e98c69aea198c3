//! A look at the finished program: names nobody knows, jumps to nowhere, options that are not carried out.

use super::exten::check_times;
use super::{Findings, codes, nearest::nearest};
use crate::apps::{self, ArgKind};
use crate::control::{App, Call, Control, Label, MacroCall, Target};
use crate::dialect::Rules;
use crate::func;
use crate::program::{Context, Exten, Line, Program};
use crate::span::Span;
use crate::text::{Name, Template};
use crate::time::Times;
use std::collections::HashSet;

struct Check<'a> {
    program: &'a Program,
    findings: &'a mut Findings,
    context: &'a Context,
    exten: &'a Exten,
    span: Span,
    rules: Rules,
}

pub(super) fn check(program: &Program, findings: &mut Findings) {
    for context in &program.contexts {
        for include in &context.includes {
            if program.context(&include.context).is_none() {
                findings.warn(codes::INCLUDE, include.span, format!("there is no context {}", include.context));
                let known = program.contexts.iter().map(|c| &*c.name);
                if !findings.is_full()
                    && let Some(name) = nearest(&include.context, known)
                {
                    findings.repair(format!("include => {name}"));
                }
            }
        }
        for exten in &context.extens {
            let mut labels = HashSet::new();
            for line in exten.lines.values() {
                if let Some(label) = &line.label
                    && !labels.insert(label)
                {
                    findings.warn(codes::DUPLICATE_LABEL, line.span, format!("the label {label} is there already"));
                }
                Check { program, findings, context, exten, span: line.span, rules: line.rules }.line(line);
            }
        }
    }
}

impl Check<'_> {
    fn warn(&mut self, code: &'static str, message: String) -> &mut Findings {
        self.findings.warn(code, self.span, message)
    }

    fn line(&mut self, line: &Line) {
        line.call.each(&mut |call| self.call(call, line));
    }

    fn call(&mut self, call: &Call<Template>, line: &Line) {
        match &call.app {
            App::Unknown(name) => self.unknown_application(name, line),
            App::Known(spec) => {
                if !spec.runs && call.control.is_none() {
                    let (code, repair) = match gone(spec.name) {
                        Some(now) => (codes::GONE, Some(now)),
                        None => (codes::NOT_RUN, apps::instead::of_application(spec.name)),
                    };
                    let found = self.warn(code, format!("{} is not run here: the call ends", spec.name));
                    if let Some(repair) = repair {
                        found.repair(repair);
                    }
                }
                if spec.runs
                    && !self.rules.dialect.is_old()
                    && let Some(now) = gone(spec.name)
                {
                    self.warn(codes::GONE, format!("today's Asterisk has no {}", spec.name)).repair(now);
                }
                self.arguments(spec, call);
            }
        }
        if let Some(control) = call.control.as_deref() {
            self.control(control, line);
        }
    }

    fn unknown_application(&mut self, name: &str, line: &Line) {
        // `Goto,a,b,1`: brackets are missing.
        if let Some((word, rest)) = name.split_once([',', '|'])
            && (apps::lookup(word.trim()).is_some() || gone(word.trim()).is_some())
        {
            let word = word.trim();
            let repair = gone(word).map_or_else(|| format!("{word}({rest})"), str::to_owned);
            let found = self.warn(codes::APPLICATION, format!("{name} is no application: arguments stand in brackets"));
            if let Some(now) = in_brackets(word, rest.trim()) {
                found.fix(false, name, now.clone()).repair(now);
            } else {
                found.repair(repair);
            }
            return;
        }
        if let Some(now) = gone(name) {
            let new = in_brackets(name, line.data.trim());
            let found = self.warn(codes::GONE, format!("{name} is gone: the call ends here"));
            if let Some(new) = new {
                found.fix(false, format!("{}({})", line.app, line.data), new);
            }
            found.repair(now);
            return;
        }
        let repair = self.findings.nearest(name, |name| nearest(name, apps::TABLE.iter().map(|a| a.name)));
        let text = if line.app.contains("${") { line.app.to_string() } else { name.to_owned() };
        let found = self.warn(codes::APPLICATION, format!("nobody knows the application {text}: the call ends here"));
        if let Some(repair) = repair {
            found.repair(repair);
        }
    }

    fn arguments(&mut self, spec: &'static apps::AppSpec, call: &Call<Template>) {
        if spec.steers {
            return;
        }
        // Its old form has other parts in other places.
        let other_form = self.rules.dialect.is_old() && spec.name == "ParkAndAnnounce";
        for (i, arg) in spec.args.iter().enumerate() {
            let value = call.args.get(i).filter(|v| !v.is_empty());
            if arg.required && value.is_none() && spec.runs && !other_form {
                self.warn(codes::ARGUMENT, format!("{} needs {}", spec.name, arg.name));
            }
            let Some(text) = value.and_then(Template::as_literal) else { continue };
            if i == 0
                && !self.rules.dialect.is_old()
                && arg.kind != ArgKind::Text
                && text.contains('|')
                && !text.contains("||")
            {
                let now = text.replace('|', ",");
                self.warn(codes::PIPE, "| does not separate arguments any more".to_owned())
                    .fix(false, text, now.clone())
                    .repair(now);
            }
            if arg.kind == ArgKind::Options && spec.runs && !other_form {
                self.options(spec, text);
            }
        }
    }

    fn options(&mut self, spec: &'static apps::AppSpec, text: &str) {
        let mut letters = text.chars();
        while let Some(letter) = letters.next() {
            if letter == '(' {
                let mut depth = 1;
                for c in letters.by_ref() {
                    depth += match c {
                        '(' => 1,
                        ')' => -1,
                        _ => 0,
                    };
                    if depth == 0 {
                        break;
                    }
                }
                continue;
            }
            if letter == ')' || letter.is_whitespace() || letter == ',' {
                continue;
            }
            match spec.option(letter) {
                None => {
                    self.warn(codes::OPTION, format!("{} has no option {letter}", spec.name));
                }
                Some(option) if !option.runs => {
                    let message = format!("option {letter} of {} is not carried out: {}", spec.name, option.help);
                    self.findings.note(codes::OPTION_NOT_RUN, self.span, message);
                }
                Some(_) => {}
            }
        }
    }

    fn control(&mut self, control: &Control<Template>, line: &Line) {
        match control {
            Control::Goto(label) => {
                if label.priority.is_empty() {
                    self.warn(codes::ARGUMENT, "Goto needs a place".to_owned());
                } else if !self.rules.dialect.is_old() && line.data.contains('|') && !line.data.contains(',') {
                    let now = line.data.replace('|', ",");
                    let repair = format!("Goto({now})");
                    self.warn(codes::PIPE, "| does not separate arguments any more".to_owned())
                        .fix(false, &*line.data, now)
                        .repair(repair);
                } else {
                    self.label(label);
                }
            }
            Control::GotoIf { yes, no, .. } => [yes, no].into_iter().flatten().for_each(|l| self.label(l)),
            Control::GotoIfTime { times, yes, no } => {
                [yes, no].into_iter().flatten().for_each(|l| self.label(l));
                if let Some(text) = times.as_literal() {
                    check_times(&Times::parse_in(text, self.rules.dialect), self.span, self.findings);
                }
            }
            Control::Gosub(sub) => self.label(&sub.label),
            Control::GosubIf { yes, no, .. } => {
                [yes, no].into_iter().flatten().for_each(|s| self.label(&s.label));
            }
            Control::Set(assigns) => {
                if assigns.is_empty() {
                    self.warn(codes::SET, "Set without = does nothing".to_owned()).repair("Set(NAME=value)");
                }
                for assign in assigns {
                    if let Target::Function { name, .. } = &assign.target {
                        function(name, true, self.rules, self.span, self.findings);
                    }
                }
            }
            Control::Macro(call) => self.macro_call(call),
            Control::MacroIf { yes, no, .. } => [yes, no].into_iter().flatten().for_each(|c| self.macro_call(c)),
            _ => {}
        }
    }

    fn macro_call(&mut self, call: &MacroCall<Template>) {
        let Some(name) = call.name.as_literal() else { return };
        let context = format!("macro-{}", name.trim());
        if self.program.context(&context).is_none() {
            self.warn(codes::JUMP, format!("there is no context {context}"));
        }
    }

    /// Whether the place a label means can exist. Parts that are values may be anything.
    fn label(&mut self, label: &Label<Template>) {
        let literal = |part: &Option<Template>, own: &str| match part {
            None => Some(own.to_owned()),
            // An empty part keeps the current one, except in the safe dialect, where the jump fails.
            Some(part) if part.is_empty() && self.rules.dialect.keeps_empty_parts() => Some(own.to_owned()),
            Some(part) => part.as_literal().map(str::to_owned),
        };
        let Some(context) = literal(&label.context, &self.context.name) else { return };
        let place = label.to_string();
        if self.program.context(&context).is_none() {
            self.warn(codes::JUMP, format!("{place}: there is no context {context}"));
            if !self.findings.is_full()
                && let Some(near) = nearest(&context, self.program.contexts.iter().map(|c| &*c.name))
            {
                self.findings.repair(near);
            }
            return;
        }
        let (lines, exten): (Option<&Exten>, String) = match &label.exten {
            // Within its own extension a label needs no search.
            None => (Some(self.exten), self.exten.name.to_string()),
            Some(exten) => {
                let Some(exten) = exten.as_literal() else { return };
                let callers = self.program.callers;
                let found = self.program.best(&context, exten, "", None).map(|(_, e)| e);
                if found.is_none() && callers {
                    return;
                }
                (found, exten.to_owned())
            }
        };
        let Some(lines) = lines else {
            self.warn(codes::JUMP, format!("{place}: there is no extension {exten} in {context}"));
            return;
        };
        let Some(priority) = label.priority.as_literal().map(str::trim) else { return };
        if priority.is_empty() || priority.starts_with(['+', '-']) {
            return;
        }
        let any = |p: u32| self.program.find(&context, &exten, p, "", None).is_some() || lines.lines.contains_key(&p);
        let there = match crate::eval::leading_number(priority) {
            Some((n, _)) => u32::try_from(n).is_ok_and(any),
            None => {
                lines.label(priority).is_some()
                    || self.program.find_label(&context, &exten, priority, "", None).is_some()
            }
        };
        if !there {
            self.warn(codes::JUMP, format!("{place}: extension {exten} in {context} has no {priority}"));
        }
    }
}

/// Functions and variables that a text reads; the loader asks while it has the text parsed.
pub(super) fn values(template: &Template, rules: Rules, span: Span, findings: &mut Findings) {
    template.each_value(&mut |value| match &value.name {
        Name::Function { name, .. } => function(name, false, rules, span, findings),
        Name::Variable(name) => {
            if let Some(name) = name.as_literal()
                && !findings.reads.contains_key(name)
            {
                findings.reads.insert(name.to_owned(), span);
            }
            if let Some(name) = name.as_literal()
                && !rules.dialect.has_old_variables()
                && let Some(now) = old_variable(name)
            {
                let warned = findings.warn(codes::OLD_VARIABLE, span, format!("${{{name}}} is always empty"));
                let sliced = now.replace('}', ":");
                let warned = warned.fix(false, format!("${{{name}}}"), now).fix(false, format!("${{{name}:"), sliced);
                warned.repair(now);
            }
        }
    });
}

fn function(name: &str, write: bool, rules: Rules, span: Span, findings: &mut Findings) {
    let Some(spec) = func::lookup(name) else {
        let repair = findings.nearest(&format!("{name}()"), |_| nearest(name, func::TABLE.iter().map(|f| f.name)));
        let found = findings.warn(codes::FUNCTION, span, format!("nobody knows the function {name}: it is empty"));
        if let Some(repair) = repair {
            found.repair(repair);
        }
        return;
    };
    if !spec.runs {
        let message = format!("the function {name} is not carried out: it is empty");
        let found = findings.warn(codes::FUNCTION_NOT_RUN, span, message);
        if let Some(instead) = apps::instead::of_function(name) {
            found.repair(instead);
        }
    } else if write && !spec.writable() {
        findings.warn(codes::FUNCTION_USE, span, format!("the function {name} cannot be set"));
    } else if !write && !spec.readable() {
        findings.warn(codes::FUNCTION_USE, span, format!("the function {name} cannot be read"));
    } else if name == "EVAL" && !rules.compat.late_arguments {
        findings.warn(codes::EVAL, span, "EVAL would make data into code; it gives its text as it is");
    }
}

/// `App(args)` of today for `App,args` of old, where that is sure: plain arguments without values or quotes.
fn in_brackets(name: &str, rest: &str) -> Option<String> {
    if rest.contains(['"', '\'', '\\', '(', ')']) {
        return None;
    }
    let args = rest.replace('|', ",");
    let set = |function: &str| (!args.contains(',')).then(|| format!("Set({function}={args})"));
    match name.to_ascii_lowercase().as_str() {
        "digittimeout" => set("TIMEOUT(digit)"),
        "responsetimeout" => set("TIMEOUT(response)"),
        "absolutetimeout" => set("TIMEOUT(absolute)"),
        "setmusiconhold" => set("CHANNEL(musicclass)"),
        "setcidnum" => set("CALLERID(num)"),
        "setcidname" => set("CALLERID(name)"),
        "setcallerid" => set("CALLERID(all)"),
        "setaccount" => set("CHANNEL(accountcode)"),
        "setlanguage" => set("CHANNEL(language)"),
        "setvar" => Some(format!("Set({rest})")),
        _ if gone(name).is_some() => None,
        _ if apps::lookup(name).is_some() && !args.is_empty() => Some(format!("{name}({args})")),
        _ => None,
    }
}

/// The present form of applications that are gone.
pub(super) fn gone(name: &str) -> Option<&'static str> {
    Some(match name.to_ascii_lowercase().as_str() {
        "digittimeout" => "Set(TIMEOUT(digit)=…)",
        "responsetimeout" => "Set(TIMEOUT(response)=…)",
        "absolutetimeout" => "Set(TIMEOUT(absolute)=…)",
        "setmusiconhold" => "Set(CHANNEL(musicclass)=…)",
        "setcidnum" => "Set(CALLERID(num)=…)",
        "setcidname" => "Set(CALLERID(name)=…)",
        "setcallerid" => "Set(CALLERID(all)=…)",
        "setrdnis" => "Set(CALLERID(rdnis)=…)",
        "setvar" => "Set(NAME=value)",
        "setglobalvar" => "Set(GLOBAL(NAME)=value)",
        "setaccount" => "Set(CHANNEL(accountcode)=…)",
        "setlanguage" => "Set(CHANNEL(language)=…)",
        "lookupblacklist" => "GotoIf($[${DB_EXISTS(blacklist/${CALLERID(num)})}]?…)",
        "lookupcidname" => "Set(CALLERID(name)=${DB(cidname/${CALLERID(num)})})",
        "dbget" => "Set(NAME=${DB(family/key)})",
        "dbput" => "Set(DB(family/key)=value)",
        "dbdel" => "Set(x=${DB_DELETE(family/key)})",
        "cut" => "Set(NAME=${CUT(variable,delimiter,fields)})",
        "math" => "Set(NAME=${MATH(a+b)})",
        "random" => "GotoIf($[${RAND(1,100)} <= …]?…)",
        "macro" => "Gosub(context,s,1(arguments))",
        "macroexit" => "Return()",
        "macroif" => "GosubIf(…)",
        "monitor" => "MixMonitor(…)",
        "nocdr" => "Set(CDR_PROP(disable)=1)",
        "resetcdr" => "Set(CDR_PROP(…)=…)",
        "sipaddheader" => "Set(PJSIP_HEADER(add,name)=value)",
        "meetme" => "ConfBridge(…)",
        _ => return None,
    })
}

/// The present form of variables that are gone.
pub(super) fn old_variable(name: &str) -> Option<&'static str> {
    Some(match name {
        "CALLERIDNUM" => "${CALLERID(num)}",
        "CALLERIDNAME" => "${CALLERID(name)}",
        "CALLERID" => "${CALLERID(all)}",
        "CALLERANI" => "${CALLERID(ani)}",
        "DNID" => "${CALLERID(dnid)}",
        "RDNIS" => "${CALLERID(rdnis)}",
        "LANGUAGE" => "${CHANNEL(language)}",
        "TIMESTAMP" => "${STRFTIME(,,%Y%m%d-%H%M%S)}",
        "DATETIME" => "${STRFTIME(,,%d%m%Y-%H:%M:%S)}",
        "ACCOUNTCODE" => "${CHANNEL(accountcode)}",
        _ => return None,
    })
}
