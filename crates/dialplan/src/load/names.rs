//! Variables that nothing sets, and arguments that do not fit.

use super::{Findings, codes, nearest::nearest};
use crate::apps::{ArgKind, Effect};
use crate::control::{App, Call, Control, Target};
use crate::program::{Line, Program};
use crate::text::{Split, Template};
use std::collections::HashSet;

/// What the call itself gives, beyond what applications declare.
const BUILT_IN: &[&str] = &[
    "EXTEN",
    "CONTEXT",
    "PRIORITY",
    "CHANNEL",
    "UNIQUEID",
    "LINKEDID",
    "EPOCH",
    "HANGUPCAUSE",
    "INVALID_EXTEN",
    "ACCOUNTCODE",
    "DNID",
    "RDNIS",
    "LANGUAGE",
    "SYSTEMNAME",
    "ENTITYID",
    "HINT",
    "HINTNAME",
    "CALLERID",
    "CALLERIDNUM",
    "CALLERIDNAME",
    "CALLERANI",
    "CALLINGPRES",
    "CALLINGTON",
    "DATETIME",
    "TIMESTAMP",
    "DIALSTATUS",
    "DIALEDPEERNAME",
    "DIALEDPEERNUMBER",
    "DIALEDTIME",
    "ANSWEREDTIME",
    "GOSUB_RETVAL",
    "GOSUB_RESULT",
    "ARGC",
    "MACRO_EXTEN",
    "MACRO_CONTEXT",
    "MACRO_PRIORITY",
    "MACRO_OFFSET",
    "SIPDOMAIN",
    "SIPCALLID",
    "SIPUSERAGENT",
    "SIPURI",
    "SIPPEER",
    "BLINDTRANSFER",
    "TRANSFERERNAME",
    "TRANSFER_CONTEXT",
    "FORWARD_CONTEXT",
    "FORWARDERNAME",
    "PARKINGSLOT",
    "PARKEDAT",
    "PARKINGEXTEN",
    "PARKER",
    "BRIDGEPEER",
    "BRIDGEPVTCALLID",
    "RECORDED_FILE",
    "VMSTATUS",
    "AVAILCHAN",
    "AGISTATUS",
    "ASTETCDIR",
    "ASTVARLIBDIR",
    "ASTSPOOLDIR",
    "ASTLOGDIR",
    "ASTDATADIR",
    "ASTAGIDIR",
    "ASTSBINDIR",
    "ASTRUNDIR",
    "LIMIT_PLAYAUDIO_CALLER",
    "DYNAMIC_FEATURES",
    "DIRECTORY",
    "DIRECTORY_OPTS",
    "REASON",
    "QUEUESTATUS",
    "MEMBERINTERFACE",
    "ENV",
    "LOOKUPBLSTATUS",
    "REDIRECTING_CALLEE_SEND_MACRO",
    "SIPREFERREDBYHDR",
    "PICKUPMARK",
];

pub(super) fn check(program: &Program, findings: &mut Findings) {
    let mut set: HashSet<String> = HashSet::new();
    // Somebody sets variables whose names are not written out.
    let mut open = false;
    for context in program.contexts() {
        for line in context.extens.iter().flat_map(|e| e.lines.values()) {
            line.call.each(&mut |call| {
                open |= !sets(call, line, &mut set);
                arguments(call, line, findings);
            });
        }
    }
    let mut reads: Vec<_> = std::mem::take(&mut findings.reads).into_iter().collect();
    if open {
        return;
    }
    reads.sort_by_key(|read| read.1);
    set.extend(program.globals().keys().map(|name| key(name, program)));
    for (name, span) in reads {
        let folded = key(&name, program);
        let known = set.contains(&folded)
            || BUILT_IN.contains(&folded.as_str())
            || folded.strip_prefix("ARG").is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()));
        if known || folded.is_empty() || folded.contains(' ') {
            continue;
        }
        findings.note(codes::VARIABLE, span, format!("nothing in the plan sets ${{{name}}}: it is empty"));
        let names = set.iter().map(String::as_str).chain(BUILT_IN.iter().copied());
        let mut names: Vec<&str> = names.collect();
        names.sort_unstable();
        if !findings.is_full()
            && let Some(near) = nearest(&name, names.into_iter())
        {
            findings.repair(format!("${{{near}}}"));
        }
    }
}

fn key(name: &str, program: &Program) -> String {
    program.variable_key(name.trim().trim_start_matches('_')).into_owned()
}

/// Notes what a call sets; false if it may set anything.
fn sets(call: &Call<Template>, line: &Line, set: &mut HashSet<String>) -> bool {
    let mut fine = true;
    let mut add = |name: &str| {
        let name = name.trim().trim_start_matches('_');
        set.insert(name.to_owned());
        // Where names ignore case they are compared in capitals.
        set.insert(name.to_ascii_uppercase());
    };
    let spec = call.app.spec();
    for effect in spec.effects {
        match effect {
            Effect::Writes(names) => names.iter().for_each(|name| add(name)),
            Effect::Anything => fine = false,
            Effect::Assigns if call.control.is_none() && spec.position(ArgKind::Variable).is_none() => fine = false,
            _ => {}
        }
    }
    for (arg, spec) in call.args.iter().zip(spec.args) {
        if spec.kind == ArgKind::Variable {
            match arg.as_literal() {
                Some(names) => names.split(['&', ',', '|']).for_each(&mut add),
                None => fine = false,
            }
        }
    }
    let assigns: &[_] = match call.control.as_deref() {
        Some(Control::Set(assigns) | Control::Lookup { set: assigns, .. }) => assigns,
        _ => &[],
    };
    for assign in assigns {
        match &assign.target {
            Target::Variable(name) => match name.as_literal() {
                Some(name) => add(name),
                None => fine = false,
            },
            Target::Function { args, .. } => {
                args.iter().filter_map(Template::as_literal).for_each(&mut add);
            }
        }
    }
    // SET, SHIFT and their like write while they are read: every word in the line may be a name.
    if ["SET(", "INC(", "DEC(", "HASH(", "ODBC_", "REALTIME(", "SHARED("].iter().any(|f| line.data.contains(f)) {
        line.data.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').for_each(&mut add);
    }
    fine
}

/// Numbers that are none, arguments too many, kinds of line that are not here.
fn arguments(call: &Call<Template>, line: &Line, findings: &mut Findings) {
    let App::Known(spec) = &call.app else { return };
    if call.control.is_some() {
        return;
    }
    let dialect = line.rules.dialect;
    if let Some(at) = spec.position(ArgKind::Destinations)
        && let Some(arg) = call.args.get(at)
    {
        destinations(arg, line, findings);
    }
    if !spec.runs {
        return;
    }
    if spec.args.is_empty() {
        if call.args.iter().any(|arg| !arg.is_empty()) {
            let message = format!("{} takes no arguments", spec.name);
            findings.warn(codes::MANY_ARGUMENTS, line.span, message);
        }
        return;
    }
    for (n, (arg, about)) in call.args.iter().zip(spec.args).enumerate() {
        let last = n + 1 == spec.args.len();
        let plain = matches!(
            about.kind,
            ArgKind::Seconds | ArgKind::Number | ArgKind::Context | ArgKind::Options | ArgKind::Digits
        );
        if last && plain && arg.split(dialect.separator(), dialect.split(), 2).len() > 1 {
            let message = format!("{} takes at most {} arguments", spec.name, spec.args.len());
            findings.warn(codes::MANY_ARGUMENTS, line.span, message);
            continue;
        }
        let Some(text) = arg.as_literal().map(str::trim).filter(|text| !text.is_empty()) else { continue };
        let wrong = match about.kind {
            ArgKind::Seconds => text.parse::<f64>().is_err(),
            // A cause may have its name.
            ArgKind::Number if spec.name == "Hangup" => !text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'),
            ArgKind::Number => text.parse::<f64>().is_err(),
            _ => false,
        };
        if wrong && !text.contains('|') {
            let message = format!("{text} is no number, as {} of {} has to be", about.name, spec.name);
            findings.warn(codes::BAD_ARGUMENT, line.span, message);
        }
    }
}

fn destinations(arg: &Template, line: &Line, findings: &mut Findings) {
    for one in arg.split(b'&', Split::Plain, crate::limits::ARGUMENTS) {
        let prefix = one.literal_prefix();
        let Some((technology, _)) = prefix.split_once('/') else { continue };
        let technology = technology.trim();
        let known = ["PJSIP", "SIP", "LOCAL"].iter().any(|known| known.eq_ignore_ascii_case(technology));
        if known || !technology.bytes().all(|b| b.is_ascii_alphanumeric()) || technology.is_empty() {
            continue;
        }
        findings.warn(codes::TECHNOLOGY, line.span, format!("there are no {technology} lines here: nobody rings"));
        findings.repair("add the card's gateway as a trunk and dial PJSIP/number@trunk");
    }
}
