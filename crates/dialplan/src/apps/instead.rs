//! What an owner does about an application or function that Asterisk has and tollgate does not carry out: the repair of
//! the findings `application-not-run` and `function-not-run`, shown by `tollgate help` and in the reference page, too.

/// Names that have one answer in common.
type Answers = &'static [(&'static [&'static str], &'static str)];

const QUEUES: &str = "a ring group ([group.NAME], Dial(PJSIP/204&PJSIP/205,20,m)) with a mailbox behind it; agents who log in and out have no counterpart yet";
const CONFERENCES: &str = "conferences have no counterpart yet; three can talk by an attended transfer that is merged";
const RECORDING: &str = "calls are not recorded; take the line out, or leave the recording to the telephone";
const CARDS: &str = "there are no telephone cards here: a gateway for the line is a trunk ([trunk.NAME])";
const FAX: &str = "take faxes elsewhere: give their number to a fax service, or to a gateway that is a trunk";
const SPEECH: &str =
    "speech recognition and synthesis have no counterpart: record the sounds beforehand and play them by Playback";
const PROGRAMS: &str = "programs run only as AGI scripts of [programs] folder, by name and without a shell";
const TRANSFERS: &str = "parties transfer by keys or REFER (options t and T of Dial); a plan goes on by Goto or Dial";
const SPYING: &str = "nobody listens to other people's calls here: take the line out";
const CHAT: &str = "mail or an AGI script can tell somebody; chat rooms are not spoken to";
const LOOKUPS: &str = "look numbers up in an AGI script of [programs] folder and set a variable there";
const DATABASES: &str = "DB(family/key) is the plan's own database; an AGI script of [programs] folder asks others";
const WEB: &str = "an AGI script of [programs] folder asks the web server and sets a variable";
const FILES: &str = "plans read and write no files; DB(family/key) keeps values";
const VOICE: &str = "what is done to sound is left to the telephones: take the line out";
const SIP: &str = "headers of calls that go out are made by the exchange; set caller ID by Set(CALLERID(num)=…)";
const LINES: &str = "the exchange knows its telephones and trunks by its configuration; DEVICE_STATE(PJSIP/204) tells whether one is there";
const SHARED: &str = "calls share global variables (GLOBAL) and DB(family/key); channels do not read each other's";
const PAGING: &str = "paging has no counterpart yet: a ring group (Dial with &) rings all phones";

const APPLICATIONS: Answers = &[
    (
        &[
            "Queue",
            "AddQueueMember",
            "RemoveQueueMember",
            "PauseQueueMember",
            "UnpauseQueueMember",
            "QueueLog",
            "QueueUpdate",
            "AgentLogin",
            "AgentRequest",
            "AgentCallbackLogin",
            "AgentMonitorOutgoing",
        ],
        QUEUES,
    ),
    (
        &[
            "ConfBridge",
            "MeetMe",
            "ConfKick",
            "MeetMeAdmin",
            "MeetMeChannelAdmin",
            "MeetMeCount",
            "Konference",
            "Bridge",
            "BridgeWait",
            "BridgeAdd",
        ],
        CONFERENCES,
    ),
    (&["Page", "Intercom", "Broadcast"], PAGING),
    (
        &[
            "MixMonitor",
            "StopMixMonitor",
            "Monitor",
            "StopMonitor",
            "ChangeMonitor",
            "PauseMonitor",
            "UnpauseMonitor",
            "MuxMon",
        ],
        RECORDING,
    ),
    (
        &[
            "DAHDIAcceptR2Call",
            "DAHDIRAS",
            "DAHDISendCallreroutingFacility",
            "DAHDISendKeypadFacility",
            "ZapRAS",
            "ZapSendKeypadFacility",
            "SendMF",
            "ReceiveMF",
            "SendSF",
            "ReceiveSF",
            "SetTransferCapability",
            "Flash",
            "WaitForRing",
            "IAX2Provision",
            "SLAStation",
            "SLATrunk",
            "ADSIProg",
            "GetCPEID",
            "SMS",
        ],
        CARDS,
    ),
    (&["ReceiveFAX", "SendFAX", "RxFAX", "TxFAX", "NVFaxDetect", "NVBackgroundDetect"], FAX),
    (
        &[
            "SpeechBackground",
            "SpeechCreate",
            "SpeechActivateGrammar",
            "SpeechDeactivateGrammar",
            "SpeechLoadGrammar",
            "SpeechUnloadGrammar",
            "SpeechProcessingSound",
            "SpeechStart",
            "SpeechDestroy",
            "Festival",
            "Swift",
            "Cepstral",
            "MRCPSynth",
            "MRCPRecog",
            "SynthAndRecog",
            "BackgroundDetect",
            "AMD",
        ],
        SPEECH,
    ),
    (&["ExternalIVR", "Reload", "Ices", "MP3Player", "NBScat", "AlarmReceiver", "AudioSocket", "JACK"], PROGRAMS),
    (
        &["AsyncAGI", "Stasis", "StasisBroadcast"],
        "another program steers calls by FastAGI: AGI(agi://host), host named in [programs] fastagi",
    ),
    (&["FastAGI"], "AGI(agi://host), with the host named in [programs] fastagi"),
    (&["BlindTransfer", "AttendedTransfer", "Transfer", "CallCompletionRequest", "CallCompletionCancel"], TRANSFERS),
    (&["ChanSpy", "ExtenSpy", "ZapBarge", "ZapScan", "DAHDIBarge", "DAHDIScan"], SPYING),
    (
        &["Pickup", "PickupChan", "Steal", "AutoAnswer"],
        "ringing calls are not picked up yet: a ring group rings all phones that may answer, a parked call is fetched by its slot",
    ),
    (&["ChanIsAvail"], "GotoIf($[\"${DEVICE_STATE(PJSIP/204)}\" = \"NOT_INUSE\"]?label), or DIALSTATUS after Dial"),
    (&["SoftHangup", "ChannelRedirect"], "a plan steers its own call only: Hangup, Goto"),
    (&["Originate"], "a plan starts calls by Dial only, for the caller who is there"),
    (&["FollowMe"], "Dial(PJSIP/204&PJSIP/205,20) rings several phones, one Dial after the other finds a person"),
    (&["RetryDial"], "While, Dial and Wait do the same: While($[${N} < 3]), Dial(…), Wait(5), EndWhile()"),
    (
        &["Exec", "TryExec", "Eval"],
        "write the application itself; what data names is never run. ExecIf chooses between two",
    ),
    (&["ExecIfTime"], "GotoIfTime(times,weekdays,mdays,months?label)"),
    (&["MacroExclusive"], "Macro, or Gosub; GROUP_COUNT keeps others out"),
    (&["AELSub"], "Gosub(context,extension,priority(arguments))"),
    (&["Random"], "GotoIf($[${RAND(1,100)} <= 20]?label)"),
    (&["Incomplete"], "let the pattern wait for the digits: _9XXXX instead of _9X"),
    (
        &[
            "SendText",
            "MessageSend",
            "SendImage",
            "SendURL",
            "JabberSend",
            "JabberJoin",
            "JabberLeave",
            "JabberSendGroup",
            "JabberStatus",
        ],
        CHAT,
    ),
    (&["SIPAddHeader", "SIPRemoveHeader", "SIPDtmfMode", "SIPSendCustomINFO"], SIP),
    (&["SIPGetHeader"], "Set(NAME=${SIP_HEADER(Header)})"),
    (&["VoiceMailPlayMsg"], "VoiceMailMain(204) plays the messages of a mailbox"),
    (&["VoiceMail2"], "VoiceMail(204,u)"),
    (&["VoiceMailMain2"], "VoiceMailMain(204)"),
    (&["HasVoicemail", "HasNewVoicemail"], "GotoIf($[${VMCOUNT(204)} > 0]?label)"),
    (
        &["MinivmRecord", "MinivmAccMess", "MinivmDelete", "MinivmGreet", "MinivmMWI", "MinivmNotify"],
        "VoiceMail(204,u) keeps the message and [mail] sends it",
    ),
    (&["DBget"], "Set(NAME=${DB(family/key)}), GotoIf on DB_EXISTS(family/key)"),
    (&["LookupBlacklist"], "GotoIf($[${BLACKLIST()}]?label)"),
    (&["LookupCIDName"], "Set(CALLERID(name)=${DB(cidname/${CALLERID(num)})})"),
    (&["CheckGroup"], "GotoIf($[${GROUP_COUNT()} > 2]?label)"),
    (&["SetGroup"], "Set(GROUP()=name)"),
    (&["GetGroupCount", "GetGroupMatchCount"], "${GROUP_COUNT(name)}"),
    (&["SetCDRUserField", "AppendCDRUserField"], "Set(CDR(userfield)=…)"),
    (&["SetAMAFlags"], "take the line out: records have no billing flags"),
    (&["SetCallerPres"], "Set(CALLERID(pres)=prohib)"),
    (&["Curl"], WEB),
    (&["DUNDiLookup", "EnumLookup", "TXTCIDName", "OSPAuth", "OSPLookup", "OSPNext", "OSPFinish"], LOOKUPS),
    (&["RealTime", "RealTimeUpdate", "PGSQL", "MYSQL", "ODBCFinish", "ODBC_Rollback", "ODBC_Commit"], DATABASES),
    (&["MD5", "MD5Check"], "compare PINs by Authenticate(grant:NAME), which keeps a hash"),
    (&["Prefix"], "Goto(9${EXTEN},1)"),
    (&["Suffix"], "Goto(${EXTEN}9,1)"),
    (&["StripMSD"], "Goto(${EXTEN:1},1)"),
    (&["StripLSD"], "Goto(${EXTEN:0:-1},1)"),
    (&["SubString"], "Set(NAME=${TEXT:0:3})"),
    (&["Sort", "ClearHash"], "CUT, FIELDQTY, PUSH and SHIFT work on lists"),
    (&["ReadFile"], FILES),
    (&["ImportVar"], SHARED),
    (
        &["SayOrdinal", "SayMoney", "SayCountPL", "SayCountedNoun", "SayCountedAdj"],
        "SayNumber, SayDigits, SayAlpha, and Playback of words of your own",
    ),
    (&["StoreDTMF"], "Read(NAME,sound,4)"),
    (
        &["WaitForNoise", "WaitForTone", "WaitForCondition", "Signal", "WaitForSignal"],
        "Wait, WaitForSilence, WaitUntil or WaitExten",
    ),
    (&["HangupCauseClear"], "take the line out: the cause is that of the last Dial"),
    (
        &["Dictate", "Morsecode", "IVRDemo", "TestClient", "TestServer", "StreamEcho"],
        "Echo, Record, Playback and Milliwatt test a line",
    ),
];

const FUNCTIONS: Answers = &[
    (
        &[
            "QUEUE_MEMBER",
            "QUEUE_MEMBER_COUNT",
            "QUEUE_MEMBER_LIST",
            "QUEUE_MEMBER_PENALTY",
            "QUEUE_VARIABLES",
            "QUEUE_WAITING_COUNT",
            "QUEUE_EXISTS",
            "QUEUE_GET_CHANNEL",
            "AGENT",
        ],
        QUEUES,
    ),
    (&["CONFBRIDGE", "CONFBRIDGE_INFO", "CONFBRIDGE_CHANNELS", "MEETME_INFO"], CONFERENCES),
    (&["MIXMONITOR", "AUDIOHOOK_INHERIT"], RECORDING),
    (&["FAXOPT"], FAX),
    (
        &[
            "SPEECH",
            "SPEECH_TEXT",
            "SPEECH_SCORE",
            "SPEECH_GRAMMAR",
            "SPEECH_ENGINE",
            "SPEECH_RESULTS_TYPE",
            "SAYFILES",
        ],
        SPEECH,
    ),
    (&["SHELL"], PROGRAMS),
    (
        &["ENV", "SYSINFO", "AST_CONFIG", "AST_SORCERY", "AMI_CLIENT"],
        "plans see nothing of the machine: write the value into [globals]",
    ),
    (&["FILE", "FILE_COUNT_LINE", "FILE_FORMAT", "STAT"], FILES),
    (&["CURL", "CURLOPT"], WEB),
    (
        &[
            "REALTIME",
            "REALTIME_FIELD",
            "REALTIME_HASH",
            "REALTIME_STORE",
            "REALTIME_DESTROY",
            "ODBC",
            "ODBC_FETCH",
            "SQL_ESC",
            "SQL_ESC_BACKSLASHES",
        ],
        DATABASES,
    ),
    (
        &[
            "ENUMLOOKUP",
            "ENUMQUERY",
            "ENUMRESULT",
            "SRVQUERY",
            "SRVRESULT",
            "TXTCIDNAME",
            "DUNDILOOKUP",
            "DUNDIQUERY",
            "DUNDIRESULT",
            "CALENDAR_BUSY",
            "CALENDAR_EVENT",
            "CALENDAR_QUERY",
            "CALENDAR_QUERY_RESULT",
            "CALENDAR_WRITE",
        ],
        LOOKUPS,
    ),
    (
        &[
            "VOLUME",
            "AGC",
            "DENOISE",
            "JITTERBUFFER",
            "PITCH_SHIFT",
            "TALK_DETECT",
            "MUTEAUDIO",
            "HOLD_INTERCEPT",
            "FRAME_TRACE",
            "FRAME_DROP",
            "TONE_DETECT",
            "DTMF_FLASH",
            "SCRAMBLE",
        ],
        VOICE,
    ),
    (
        &[
            "PJSIP_DIAL_CONTACTS",
            "PJSIP_CONTACT",
            "PJSIP_AOR",
            "PJSIP_ENDPOINT",
            "SIPPEER",
            "IAXPEER",
            "IAXVAR",
            "SIPCHANINFO",
            "CHECKSIPDOMAIN",
            "PP_EACH_EXTENSION",
            "PP_EACH_USER",
        ],
        LINES,
    ),
    (
        &[
            "PJSIP_MEDIA_OFFER",
            "PJSIP_SEND_SESSION_REFRESH",
            "PJSIP_DTMF_MODE",
            "PJSIP_TRANSFER_HANDLING",
            "PJSIP_HANGUP",
            "PJSIP_HEADERS",
            "PJSIP_HEADER_PARAM",
            "PJSIP_RESPONSE_HEADER",
            "PJSIP_RESPONSE_HEADERS",
            "SIP_HEADERS",
            "STIR_SHAKEN",
            "STIR_SHAKEN_ATTESTATION",
            "GEOLOC_PROFILE",
        ],
        SIP,
    ),
    (&["PJSIP_PARSE_URI"], "CUT and FILTER take a text apart"),
    (&["SHARED", "MASTER_CHANNEL", "IMPORT", "EXPORT"], SHARED),
    (&["STACK_PEEK", "LOCAL_PEEK"], "give a Gosub what it needs as arguments: ARG1, ARG2"),
    (&["EVAL_EXTEN", "EVAL_SUB"], "Gosub, and the value that it sets"),
    (&["DELETE", "GLOBAL_DELETE"], "Set(NAME=) empties a variable"),
    (&["LOCK", "TRYLOCK", "UNLOCK"], "GROUP_COUNT keeps a second call out"),
    (
        &["HINT", "EXTENSION_STATE", "PRESENCE_STATE", "CUSTOM_PRESENCE"],
        "DEVICE_STATE(PJSIP/204) tells whether a telephone is busy",
    ),
    (&["DIALGROUP"], "a ring group of the configuration ([group.NAME]), or telephones joined by & in Dial"),
    (&["GROUP_MATCH_COUNT"], "GROUP_COUNT(name) for each group"),
    (&["HANGUPCAUSE_KEYS"], "HANGUPCAUSE, which is of the last Dial"),
    (&["PARKINGLOT"], "[parking.NAME] of the configuration"),
    (&["MINIVMCOUNTER", "MINIVMACCOUNT"], "VM_INFO and VMCOUNT tell of mailboxes"),
    (&["SMDI_MSG", "SMDI_MSG_RETRIEVE"], CARDS),
    (&["MESSAGE", "MESSAGE_DATA", "JABBER_RECEIVE", "JABBER_STATUS"], CHAT),
    (&["FEATURE", "FEATUREMAP", "BRIDGE_FEATURES", "CALLCOMPLETION", "PERIODIC_HOOK"], TRANSFERS),
    (&["STRPTIME", "TESTTIME"], "GotoIfTime and IFTIME compare times, STRFTIME writes them"),
    (
        &["MD5", "SHA1", "CHECK_MD5", "AES_ENCRYPT", "AES_DECRYPT"],
        "compare PINs by Authenticate(grant:NAME), which keeps a hash",
    ),
    (&["SORT", "HASHKEYS", "STRBETWEEN", "ICONV"], "CUT, FIELDQTY, FILTER, PUSH and SHIFT work on texts and lists"),
];

fn find(answers: Answers, name: &str) -> Option<&'static str> {
    let (_, answer) = answers.iter().find(|(names, _)| names.contains(&name))?;
    Some(answer)
}

/// What to do about an application that is not run, by its name in the table.
pub fn of_application(name: &str) -> Option<&'static str> {
    find(APPLICATIONS, name)
}

/// What to do about a function that is not carried out.
pub fn of_function(name: &str) -> Option<&'static str> {
    find(FUNCTIONS, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_not_carried_out_has_an_answer_and_only_that() {
        let apps: Vec<_> = crate::apps::TABLE.iter().filter(|app| !app.runs).map(|app| app.name).collect();
        let functions: Vec<_> = crate::func::TABLE.iter().filter(|f| !f.runs).map(|f| f.name).collect();
        for (answers, names) in [(APPLICATIONS, &apps), (FUNCTIONS, &functions)] {
            let missing: Vec<_> = names.iter().filter(|name| find(answers, name).is_none()).collect();
            let mut answered: Vec<&str> = answers.iter().flat_map(|(names, _)| names.iter().copied()).collect();
            let idle: Vec<_> = answered.iter().filter(|name| !names.contains(name)).collect();
            assert!(missing.is_empty() && idle.is_empty(), "no answer: {missing:?}; runs or is nowhere: {idle:?}");
            let count = answered.len();
            answered.sort_unstable();
            answered.dedup();
            assert_eq!(answered.len(), count, "a name is there twice");
        }
    }
}
