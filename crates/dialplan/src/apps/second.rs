//! Table lines of applications that plans use now and then: tones, times, waiting, the database, other channels.

use super::{AppSpec, ArgKind, Effect, may, need, opt, opt_arg, opt_known};

const SCRIPT: &[super::ArgSpec] = &[
    need("script", ArgKind::Text),
    may("argument", ArgKind::Text),
    may("argument", ArgKind::Text),
    may("argument", ArgKind::Text),
    may("argument", ArgKind::Text),
    may("argument", ArgKind::Text),
    may("argument", ArgKind::Text),
    may("argument", ArgKind::Text),
    may("argument", ArgKind::Text),
];
const SCRIPT_HELP: &str = "Programs come from the one folder that [programs] folder names, by their file name and without a shell; agi://host[:port] is a server of [programs] fastagi. What a script sets is data; what it dials asks the gate. AGISTATUS is SUCCESS, FAILURE, NOTFOUND or HANGUP. AGI(directory,...) of old plans is Directory.";
const NAMED_HELP: &str = "Closed unless [programs] system names the program. It comes from [programs] folder; arguments stand behind commas, and no shell looks at them. SYSTEMSTATUS is SUCCESS, APPERROR or FAILURE.";

pub(super) const TABLE: &[AppSpec] = &[
    AppSpec::new("AGI", "lets a script steer the call")
        .args(SCRIPT)
        .effects(&[Effect::RunsProgram, Effect::Network, Effect::Anything, Effect::Writes(&["AGISTATUS"])])
        .help(SCRIPT_HELP),
    AppSpec::new("DeadAGI", "lets a script do its work after the caller went")
        .args(SCRIPT)
        .effects(&[Effect::RunsProgram, Effect::Network, Effect::Anything, Effect::Writes(&["AGISTATUS"])])
        .help(SCRIPT_HELP),
    AppSpec::new("EAGI", "lets a script steer the call; it gets no sound")
        .args(SCRIPT)
        .effects(&[Effect::RunsProgram, Effect::Network, Effect::Anything, Effect::Writes(&["AGISTATUS"])])
        .help(SCRIPT_HELP),
    AppSpec::new("System", "runs a named program")
        .args(SCRIPT)
        .effects(&[Effect::RunsProgram, Effect::Waits, Effect::Writes(&["SYSTEMSTATUS"])])
        .help(NAMED_HELP),
    AppSpec::new("TrySystem", "runs a named program")
        .args(SCRIPT)
        .effects(&[Effect::RunsProgram, Effect::Waits, Effect::Writes(&["SYSTEMSTATUS"])])
        .help(NAMED_HELP),
    AppSpec::new("PlayTones", "plays tones while the plan goes on")
        .args(&[need("tones", ArgKind::Text)])
        .effects(&[Effect::Plays])
        .help("The name of a tone of the country (dial, busy, ring, congestion, callwaiting, dialrecall, record, info, stutter) or a list such as 440+480/2000,0/4000."),
    AppSpec::new("StopPlayTones", "ends the tones").effects(&[Effect::Plays]),
    AppSpec::new("Milliwatt", "plays the test tone of 1004 Hz until the caller hangs up")
        .args(&[may("options", ArgKind::Text)])
        .effects(&[Effect::Answers, Effect::Plays, Effect::Waits]),
    AppSpec::new("SendDTMF", "sends keys to the caller")
        .args(&[
            need("keys", ArgKind::Digits),
            may("milliseconds between", ArgKind::Number),
            may("milliseconds each", ArgKind::Number),
            may("channel", ArgKind::Text),
        ])
        .effects(&[Effect::Plays, Effect::Waits])
        .help("w waits half a second, W a second. Keys go to this call only; a channel of another call is refused."),
    AppSpec::new("SayPhonetic", "spells a text with the words of the phonetic alphabet")
        .args(&[need("text", ArgKind::Text)])
        .effects(&[Effect::Answers, Effect::Plays]),
    AppSpec::new("SayAlphaCase", "spells a text and says which letters are capitals")
        .args(&[need("a, l, n or u", ArgKind::Text), need("text", ArgKind::Text)])
        .effects(&[Effect::Answers, Effect::Plays])
        .help("u names capitals, l small letters, a both, n none."),
    AppSpec::new("SayUnixTime", "says a time")
        .args(&[may("seconds since 1970", ArgKind::Number), may("zone", ArgKind::Text), may("format", ArgKind::Text)])
        .effects(&[Effect::Answers, Effect::Plays])
        .help("Now, in the exchange's zone, where nothing else is said. Letters of the format: A day, B month, d day of the month, Y year, I hour of twelve, H hour of 24, M minute, S second, p a.m. or p.m., Q and q today or yesterday or the date, R the time, T with seconds; sounds stand in single quotes. Without one: ABdY 'digits/at' IMp."),
    AppSpec::new("DateTime", "says a time; the old name of SayUnixTime")
        .help("As SayUnixTime.")
        .args(&[may("seconds since 1970", ArgKind::Number), may("zone", ArgKind::Text), may("format", ArgKind::Text)])
        .effects(&[Effect::Answers, Effect::Plays]),
    AppSpec::new("WaitUntil", "waits until a time")
        .args(&[need("seconds since 1970", ArgKind::Number)])
        .effects(&[Effect::Waits, Effect::Writes(&["WAITUNTILSTATUS"])])
        .help("WAITUNTILSTATUS is OK, FAILURE, HANGUP or PAST."),
    AppSpec::new("WaitDigit", "waits for a key")
        .args(&[may("seconds", ArgKind::Seconds), may("keys", ArgKind::Digits)])
        .effects(&[Effect::Waits, Effect::Reads, Effect::Writes(&["WAITDIGITRESULT", "WAITDIGITSTATUS"])])
        .help("WAITDIGITSTATUS is ERROR, DTMF, TIMEOUT or CANCEL, WAITDIGITRESULT the key."),
    AppSpec::new("WaitForSilence", "waits for silence")
        .args(&[
            may("milliseconds", ArgKind::Number),
            may("times", ArgKind::Number),
            may("seconds at most", ArgKind::Seconds),
        ])
        .effects(&[Effect::Answers, Effect::Waits, Effect::Writes(&["WAITSTATUS"])])
        .help("A second, once, for ever, where nothing else is said. WAITSTATUS is SILENCE or TIMEOUT."),
    AppSpec::new("UserEvent", "writes an event to the log")
        .args(&[need("name", ArgKind::Text), may("fields", ArgKind::Text)])
        .effects(&[Effect::Logs]),
    AppSpec::new("CELGenUserEvent", "writes an event to the log")
        .args(&[need("name", ArgKind::Text), may("text", ArgKind::Text)])
        .effects(&[Effect::Logs]),
    AppSpec::new("DumpChan", "writes the channel's variables to the log")
        .args(&[may("level", ArgKind::Number)])
        .effects(&[Effect::Logs])
        .help("Only at the level of debugging: values may be numbers of people."),
    AppSpec::new("ReadExten", "reads an extension of the plan into a variable")
        .args(&[
            need("variable", ArgKind::Variable),
            may("sounds", ArgKind::Sounds),
            may("context", ArgKind::Context),
            may("options", ArgKind::Options),
            may("seconds", ArgKind::Seconds),
        ])
        .options(&[
            opt('s', "ends at once if the call is not answered"),
            opt('i', "the sound is the name of a tone"),
            opt('n', "reads also if the call is not answered"),
        ])
        .effects(&[Effect::Answers, Effect::Plays, Effect::Reads, Effect::Writes(&["READEXTENSTATUS"])])
        .help("Ends as soon as nothing longer could match. READEXTENSTATUS is OK, TIMEOUT, INVALID, SKIP or ERROR."),
    AppSpec::new("RaiseException", "goes to e of the context")
        .args(&[need("reason", ArgKind::Text)])
        .effects(&[Effect::Jumps])
        .help("Without e the call ends. ${EXCEPTION(reason)} tells the reason there."),
    AppSpec::new("ControlPlayback", "plays a sound that the caller can wind")
        .args(&[
            need("sound", ArgKind::Sounds),
            may("milliseconds", ArgKind::Number),
            may("forward", ArgKind::Text),
            may("back", ArgKind::Text),
            may("stop", ArgKind::Text),
            may("pause", ArgKind::Text),
            may("restart", ArgKind::Text),
            may("offset", ArgKind::Text),
        ])
        .effects(&[
            Effect::Answers,
            Effect::Plays,
            Effect::Reads,
            Effect::Writes(&["CPLAYBACKSTATUS", "CPLAYBACKOFFSET", "CPLAYBACKSTOPKEY"]),
        ])
        .help("# winds forward and * back by 3000 milliseconds where nothing else is said. CPLAYBACKSTATUS is SUCCESS, USERSTOPPED or ERROR."),
    AppSpec::new("Proceeding", "tells the caller to wait").effects(&[Effect::Signals]),
    AppSpec::new("NoCDR", "marks the call's record as unwanted; it is kept all the same")
        .effects(&[Effect::Logs])
        .help("A record that a plan can switch off hides theft, so every leg keeps its record."),
    AppSpec::new("ResetCDR", "begins the call's record anew; here it goes on")
        .args(&[may("options", ArgKind::Text)])
        .effects(&[Effect::Logs])
        .help("Every leg keeps one record from its start to its end."),
    AppSpec::new("ForkCDR", "splits the call's record; here every leg has one")
        .args(&[may("options", ArgKind::Text)])
        .effects(&[Effect::Logs]),
    AppSpec::new("DBdel", "deletes an entry of the plan's database")
        .args(&[need("family/key", ArgKind::Text)])
        .effects(&[Effect::WritesDatabase]),
    AppSpec::new("DBdeltree", "deletes a family of the plan's database")
        .args(&[need("family[/key]", ArgKind::Text)])
        .effects(&[Effect::WritesDatabase]),
    AppSpec::new("ChanIsAvail", "asks whether a destination could be called")
        .args(&[need("destinations", ArgKind::Text), may("options", ArgKind::Text)])
        .effects(&[Effect::Writes(&["AVAILCHAN", "AVAILORIGCHAN", "AVAILSTATUS", "AVAILCAUSECODE"])])
        .help("Nothing is called. A phone is available when it is registered, with option s only if it is in no call, a trunk when it is configured. AVAILCHAN is the first one that is.").only_known(),
    AppSpec::new("SoftHangup", "ends another channel of this call")
        .args(&[need("channel", ArgKind::Text), may("options", ArgKind::Options)])
        .options(&[opt('a', "all channels of that device")])
        .effects(&[Effect::HangsUp])
        .help("A phone of the house may end any call of the house; everybody else only channels of his own call.").only_known(),
    AppSpec::new("ChannelRedirect", "sends another channel of this call to a place of the plan")
        .args(&[need("channel", ArgKind::Text), need("[[context,]extension,]priority", ArgKind::Label)])
        .effects(&[Effect::Jumps, Effect::Writes(&["CHANNELREDIRECT_STATUS"])])
        .help("Only channels of the same call: nobody is sent where his own entry does not lead. CHANNELREDIRECT_STATUS is SUCCESS or NOCHANNEL.").only_known(),
    AppSpec::new("Pickup", "takes a call that rings at another phone")
        .args(&[may("extension[@context] or targets joined by &", ArgKind::Text)])
        .effects(&[Effect::Answers, Effect::Joins])
        .help("Only phones of the house take calls. Without a target, the call that rings longest.").only_known(),
    AppSpec::new("Originate", "starts another call")
        .args(&[
            need("destinations", ArgKind::Destinations),
            need("exten or app", ArgKind::Text),
            need("context or application", ArgKind::Text),
            may("extension or arguments", ArgKind::Text),
            may("priority", ArgKind::Text),
            may("seconds", ArgKind::Seconds),
            may("options", ArgKind::Options),
        ])
        .options(&[
            opt('a', "the plan goes on at once"),
            opt_arg('c', "caller ID number shown"),
            opt_arg('n', "caller ID name shown"),
            opt_known('C', true, &[], "codecs"),
            opt_known('v', true, &[], "variables"),
            opt_known('b', true, &[Effect::Jumps], "runs a subroutine before the call"),
            opt_known('B', true, &[Effect::Jumps], "runs a subroutine before all calls"),
        ])
        .effects(&[Effect::Dials, Effect::Jumps, Effect::Writes(&["ORIGINATE_STATUS"])])
        .help("Asks the gate as Dial does, with the rights of whoever started this call. exten: whoever answers goes on at context, extension, priority. app: he hears that application. ORIGINATE_STATUS is SUCCESS, BUSY, CONGESTION, RINGING, HANGUP or FAILED.").only_known(),
];
