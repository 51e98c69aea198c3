//! Table lines of the applications that `pbx` runs: answer, sound, keys, calls.

use super::{AppSpec, ArgKind, Effect, OptSpec, may, need, opt, opt_arg, opt_does, opt_known};

pub(super) const TABLE: &[AppSpec] = &[
    AppSpec::new("Answer", "answers the call")
        .args(&[may("milliseconds", ArgKind::Number)])
        .effects(&[Effect::Answers])
        .help("Waits for the caller's media, at most the milliseconds given."),
    AppSpec::new("Hangup", "ends the call")
        .args(&[may("cause", ArgKind::Number)])
        .effects(&[Effect::HangsUp])
        .help("The cause is a number of Q.850 such as 17 (busy). `h` of the context runs afterwards."),
    AppSpec::new("Wait", "waits")
        .args(&[need("seconds", ArgKind::Seconds)])
        .effects(&[Effect::Waits])
        .help("Fractions such as 0.5 are allowed. Keys are ignored."),
    AppSpec::new("NoOp", "does nothing; its text is in the log")
        .args(&[may("text", ArgKind::Text)])
        .effects(&[Effect::Logs]),
    AppSpec::new("Verbose", "writes to the log")
        .args(&[may("level", ArgKind::Text), may("text", ArgKind::Text)])
        .effects(&[Effect::Logs])
        .help("With one argument, it is the text."),
    AppSpec::new("Log", "writes to the log at a level")
        .args(&[need("level", ArgKind::Text), need("text", ArgKind::Text)])
        .effects(&[Effect::Logs])
        .help("Levels: ERROR, WARNING, NOTICE, DEBUG, VERBOSE, DTMF."),
    AppSpec::new("Playback", "plays sounds to their end")
        .args(&[need("sounds", ArgKind::Sounds), may("options", ArgKind::Text)])
        .effects(&[Effect::Answers, Effect::Plays, Effect::Writes(&["PLAYBACKSTATUS"])])
        .help("Sounds are joined by &, without ending. Options are words: skip plays nothing to a call that is not answered, noanswer plays before the answer. PLAYBACKSTATUS is SUCCESS or FAILED."),
    AppSpec::new("Background", "plays sounds while listening for an extension")
        .args(&[
            need("sounds", ArgKind::Sounds),
            may("options", ArgKind::Options),
            may("language", ArgKind::Text),
            may("context", ArgKind::Context),
        ])
        .options(&[
            opt('s', "plays nothing if the call is not answered yet"),
            opt('n', "does not answer; plays as early media"),
            opt('m', "ends only for a key that is an extension by itself"),
            opt('p', "plays to the end, keys are ignored"),
        ])
        .effects(&[Effect::Answers, Effect::Plays, Effect::Collects, Effect::Writes(&["BACKGROUNDSTATUS"])])
        .help("A key ends the sound and begins an extension. In another context only single keys are looked for."),
    AppSpec::new("WaitExten", "waits for an extension")
        .args(&[may("seconds", ArgKind::Seconds), may("options", ArgKind::Options)])
        .options(&[
            OptHold::M,
            opt_known('d', true, &[Effect::Plays], "plays dial tone or another tone while waiting"),
        ])
        .effects(&[Effect::Collects, Effect::Waits])
        .help("Nothing dialled: the next priority if there is one, else `t`, else `e`, else the call ends."),
    AppSpec::new("Read", "reads digits into a variable")
        .args(&[
            need("variable", ArgKind::Variable),
            may("sounds", ArgKind::Sounds),
            may("maximum", ArgKind::Number),
            may("options", ArgKind::Options),
            may("attempts", ArgKind::Number),
            may("seconds", ArgKind::Seconds),
        ])
        .options(&[
            opt('s', "ends at once if the call is not answered"),
            opt('n', "reads also if the call is not answered"),
            opt_known('i', false, &[], "the sound is an indication tone"),
            opt_arg('t', "other keys than # that end the input"),
            opt_known('e', false, &[], "empty input ends with the terminating key as value"),
        ])
        .effects(&[Effect::Answers, Effect::Plays, Effect::Reads, Effect::Assigns, Effect::Writes(&["READSTATUS"])])
        .help("# ends the input. READSTATUS is OK, ERROR, HANGUP, INTERRUPTED, SKIPPED or TIMEOUT."),
    AppSpec::new("Dial", "calls one or several destinations and joins the first that answers")
        .args(&[
            need("destinations", ArgKind::Destinations),
            may("seconds", ArgKind::Seconds),
            may("options", ArgKind::Options),
            may("url", ArgKind::Text),
        ])
        .options(&[
            opt('r', "the caller hears ringing whatever the destination plays"),
            opt_arg('m', "the caller hears hold music instead of ringing"),
            opt('g', "goes on with the next priority when the called party hangs up"),
            opt_arg('L', "longest duration: L(milliseconds[:warning[:repeat]])"),
            opt_known('S', true, &[], "hangs up so many seconds after the answer"),
            opt('i', "a redirection by the destination is not followed"),
            opt_known('R', false, &[], "the caller hears ringing until there is early media"),
            opt_known('o', false, &[], "the called party sees the caller's own number"),
            opt_does('k', &[Effect::Transfers], "the called party may park by key, if it is a phone of the house"),
            opt_does('K', &[Effect::Transfers], "the calling party may park by key, if it is a phone of the house"),
            opt_does('t', &[Effect::Transfers], "the called party may transfer by key, if it is a phone of the house"),
            opt_does('T', &[Effect::Transfers], "the calling party may transfer by key, if it is a phone of the house"),
            opt_known('h', false, &[Effect::HangsUp], "the called party may hang up with *"),
            opt_known('H', false, &[Effect::HangsUp], "the calling party may hang up with *"),
            opt_known('w', false, &[Effect::Records], "the called party may record"),
            opt_known('W', false, &[Effect::Records], "the calling party may record"),
            opt_known('x', false, &[Effect::Records], "the called party may record the mix"),
            opt_known('X', false, &[Effect::Records], "the calling party may record the mix"),
            opt_known('d', false, &[Effect::Collects], "a key while it rings goes to that extension"),
            opt_known('G', true, &[Effect::Jumps], "both parties go to a place when answered"),
            opt_known('F', true, &[Effect::Jumps], "the called party goes on at a place when the caller hangs up"),
            opt_known('e', false, &[Effect::Jumps], "runs h for the called party"),
            opt_known('U', true, &[Effect::Jumps], "runs a subroutine on the called party"),
            opt_known('M', true, &[Effect::Jumps], "runs a macro on the called party"),
            opt_known('b', true, &[Effect::Jumps], "runs a subroutine before the destination is called"),
            opt_known('B', true, &[Effect::Jumps], "runs a subroutine before any destination is called"),
            opt_known('A', true, &[Effect::Plays], "plays a sound to the called party"),
            opt_known('D', true, &[], "sends digits after the answer"),
            OptSpec { runs: true, ..opt_known('p', true, &[Effect::Plays, Effect::Reads], "p(recording): whoever answers hears who calls and decides: 1 takes the call, 2 voicemail (NOANSWER), 3 refuses (DONTCALL), 4 blocks (TORTURE)") },
            opt_known('P', true, &[Effect::Plays, Effect::Reads, Effect::WritesDatabase], "screens by the database"),
            opt_known('n', true, &[], "keeps no recording of a screened caller's name"),
            opt_known('N', false, &[], "no screening for callers with caller ID"),
            opt_known('C', false, &[], "forgets the call's record so far"),
            opt_known('c', false, &[], "marks the call as answered elsewhere"),
            opt_known('f', true, &[], "forces the caller ID"),
            opt_known('I', false, &[], "no update of the connected line"),
            opt_known('j', false, &[], "topology of the caller"),
            opt_known('O', true, &[], "operator mode"),
            opt_known('E', false, &[], "h runs for a lost connection"),
            opt_known('Q', true, &[], "cause for those that did not answer"),
            opt_known('a', false, &[], "answers immediately"),
            opt_known('s', true, &[], "caller ID tag"),
            opt_known('u', true, &[], "caller presentation"),
            opt_known('z', false, &[], "a call that is forwarded rings on"),
        ])
        .effects(&[
            Effect::Dials,
            Effect::Signals,
            Effect::Writes(&["DIALSTATUS", "DIALEDPEERNAME", "DIALEDPEERNUMBER", "DIALEDTIME", "ANSWEREDTIME", "HANGUPCAUSE"]),
        ])
        .help("Destinations are joined by & and ring together: PJSIP/204, PJSIP/number@trunk, Local/ext@context. DIALSTATUS is ANSWER, BUSY, NOANSWER, CANCEL, CONGESTION, CHANUNAVAIL or INVALIDARGS."),
    AppSpec::new("Ringing", "tells the caller that it rings").effects(&[Effect::Signals]),
    AppSpec::new("Progress", "opens early media").effects(&[Effect::Signals]),
    AppSpec::new("Busy", "tells the caller busy and ends the call")
        .args(&[may("seconds", ArgKind::Seconds)])
        .effects(&[Effect::Signals, Effect::HangsUp]),
    AppSpec::new("Congestion", "tells the caller congestion and ends the call")
        .args(&[may("seconds", ArgKind::Seconds)])
        .effects(&[Effect::Signals, Effect::HangsUp]),
    AppSpec::new("Echo", "plays back what the caller says, until #").effects(&[Effect::Answers, Effect::Plays, Effect::Reads]),
    AppSpec::new("Record", "records the caller into a file")
        .args(&[
            need("file:format", ArgKind::File),
            may("silence", ArgKind::Seconds),
            may("maximum", ArgKind::Seconds),
            may("options", ArgKind::Options),
        ])
        .options(&[
            opt('a', "adds to the file"),
            opt('n', "does not answer"),
            opt('q', "no beep"),
            opt('s', "does nothing if the call is not answered"),
            opt('t', "* ends it too"),
            opt('x', "no key ends it"),
            opt('k', "keeps the file when the caller hangs up"),
            opt('y', "any key ends it"),
            opt('0', "0 ends it, RECORD_STATUS is OPERATOR"),
            opt('o', "exits at the first key with OPERATOR"),
            opt_known('u', false, &[], "no deletion on hang-up"),
        ])
        .effects(&[Effect::Answers, Effect::Plays, Effect::Reads, Effect::Records, Effect::Writes(&["RECORDED_FILE", "RECORD_STATUS"])])
        .help("# ends it, or the silence, or the maximum. %d in the name counts up."),
    AppSpec::new("SayDigits", "says digits one by one")
        .args(&[need("digits", ArgKind::Digits)])
        .effects(&[Effect::Answers, Effect::Plays]),
    AppSpec::new("SayNumber", "says a number")
        .args(&[need("number", ArgKind::Number), may("gender", ArgKind::Text)])
        .effects(&[Effect::Answers, Effect::Plays]),
    AppSpec::new("SayAlpha", "spells a text")
        .args(&[need("text", ArgKind::Text)])
        .effects(&[Effect::Answers, Effect::Plays]),
    AppSpec::new("Directory", "finds an extension by the name of a person")
        .args(&[
            may("voicemail context", ArgKind::Text),
            may("dial context", ArgKind::Context),
            may("options", ArgKind::Options),
        ])
        .options(&[
            opt('e', "says the extension too"),
            opt_arg('f', "by the first name; f(n): so many letters"),
            opt_arg('l', "by the last name; l(n): so many letters"),
            opt_arg('b', "by first or last name; b(n): so many letters"),
            opt('n', "does not answer"),
            opt('m', "says all matches as a menu"),
            opt_known('p', true, &[], "milliseconds between the names"),
            opt_known('a', false, &[], "also aliases"),
            opt_known('c', false, &[], "one name per box"),
            opt('s', "calls nobody: the extension is in DIRECTORY_EXTEN and the plan goes on"),
            opt_known('d', true, &[], "reads a digit map"),
        ])
        .effects(&[Effect::Answers, Effect::Plays, Effect::Reads, Effect::Jumps, Effect::Writes(&["DIRECTORY_RESULT", "DIRECTORY_EXTEN"])])
        .help("The chosen extension runs in the dial context; 0 goes to `o`, * to `a`."),
];

/// The option of hold music, which stands in several lines.
struct OptHold;

impl OptHold {
    const M: super::OptSpec = opt_arg('m', "plays hold music while waiting");
}
