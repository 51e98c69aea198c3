//! Table lines of the applications that the machine itself carries out; their grammar is in `control`.

use super::{AppSpec, ArgKind, Effect, need};

pub(super) const TABLE: &[AppSpec] = &[
    AppSpec::new("Goto", "goes on at another place")
        .args(&[need("[[context,]extension,]priority", ArgKind::Label)])
        .effects(&[Effect::Jumps])
        .help("Where the extension does not exist, `i` of the context runs; where only the priority is missing, the call ends.")
        .steers(),
    AppSpec::new("GotoIf", "goes on at one of two places, by a condition")
        .args(&[need("condition?[label]:[label]", ArgKind::Label)])
        .effects(&[Effect::Jumps])
        .help("An empty place means the next priority. True is what is neither empty nor a number that is zero.")
        .steers(),
    AppSpec::new("GotoIfTime", "goes on at one of two places, by the time")
        .args(&[need("times,weekdays,days,months?[label]:[label]", ArgKind::Label)])
        .effects(&[Effect::Jumps])
        .help("`9:00-17:00,mon-fri,*,*`: the last minute counts, ranges may wrap, an invalid time is never true.")
        .steers(),
    AppSpec::new("Set", "sets a variable or writes a function")
        .args(&[need("name=value", ArgKind::Text)])
        .effects(&[Effect::Assigns])
        .help("`_NAME` is inherited by the next channel, `__NAME` by all below. Quotes and spaces belong to the value.")
        .steers(),
    AppSpec::new("MSet", "sets several variables")
        .args(&[need("name=value,name=value", ArgKind::Text)])
        .effects(&[Effect::Assigns])
        .help("Quotes protect commas and vanish.")
        .steers(),
    AppSpec::new("Gosub", "goes to another place and comes back")
        .args(&[need("[[context,]extension,]priority[(arguments)]", ArgKind::Label)])
        .effects(&[Effect::Jumps, Effect::Writes(&["ARG1", "ARGC"])])
        .help("The arguments are ARG1, ARG2 and so on there, ARGC counts them. Return comes back.")
        .steers(),
    AppSpec::new("GosubIf", "goes to one of two places and comes back, by a condition")
        .args(&[need("condition?[label(arguments)]:[label(arguments)]", ArgKind::Label)])
        .effects(&[Effect::Jumps, Effect::Writes(&["ARG1", "ARGC"])])
        .steers(),
    AppSpec::new("Return", "comes back from Gosub")
        .args(&[super::may("value", ArgKind::Text)])
        .effects(&[Effect::Jumps, Effect::Writes(&["GOSUB_RETVAL"])])
        .help("The value is in GOSUB_RETVAL. Without a Gosub before, the call ends.")
        .steers(),
    AppSpec::new("StackPop", "forgets the last Gosub without going back").effects(&[]).steers(),
    AppSpec::new("Macro", "runs context macro-NAME and comes back")
        .args(&[need("name", ArgKind::Text), super::may("arguments", ArgKind::Text)])
        .effects(&[Effect::Jumps, Effect::Writes(&["ARG1", "MACRO_EXTEN", "MACRO_CONTEXT", "MACRO_PRIORITY"])])
        .help("The arguments are ARG1, ARG2 and so on there. It ends with its last priority. Asterisk has had none since 21; Gosub is its present form.")
        .steers(),
    AppSpec::new("MacroIf", "runs one of two macros, by a condition")
        .args(&[need("condition?name[,arguments][:name[,arguments]]", ArgKind::Text)])
        .effects(&[Effect::Jumps, Effect::Writes(&["ARG1", "MACRO_EXTEN", "MACRO_CONTEXT", "MACRO_PRIORITY"])])
        .steers(),
    AppSpec::new("MacroExit", "ends the macro at once").effects(&[Effect::Jumps]).steers(),
    AppSpec::new("ExecIf", "runs one of two applications, by a condition")
        .args(&[need("condition?App(args)[:App(args)]", ArgKind::Text)])
        .effects(&[])
        .help("Its effects are those of the applications in it.")
        .steers(),
    AppSpec::new("While", "begins a loop")
        .args(&[need("condition", ArgKind::Text)])
        .effects(&[Effect::Jumps])
        .help("Loops lie within one extension and may nest.")
        .steers(),
    AppSpec::new("EndWhile", "ends a loop: back to its While").effects(&[Effect::Jumps]).steers(),
    AppSpec::new("ExitWhile", "leaves the loop").effects(&[Effect::Jumps]).steers(),
    AppSpec::new("ContinueWhile", "next round of the loop").effects(&[Effect::Jumps]).steers(),
];
