//! Table lines of applications that Asterisk has and tollgate does not run yet: the proof knows what they may do.
//!
//! A call that gets to one of them ends. Their options are not listed; `Effect`s are those of the worst option.

use super::{AppSpec, ArgKind, Effect, may, need};
use Effect::{
    Answers, Anything, Assigns, Collects, Dials, Gate, Joins, Jumps, Logs, Mailbox, Messages, Network, Plays, Reads,
    ReadsDatabase, ReadsFiles, Records, RunsProgram, Signals, Spies, Transfers, Waits, Writes, WritesDatabase,
    WritesFiles,
};

const fn known(name: &'static str, synopsis: &'static str, effects: &'static [Effect]) -> AppSpec {
    AppSpec::new(name, synopsis).effects(effects).only_known()
}

const DIALS: &[super::ArgSpec] = &[need("destinations", ArgKind::Destinations), may("rest", ArgKind::Text)];
const SOUND: &[super::ArgSpec] = &[need("sounds", ArgKind::Sounds), may("rest", ArgKind::Text)];

pub(super) const TABLE: &[AppSpec] = &[
    known("VoiceMailPlayMsg", "plays one message", &[Answers, Plays, Mailbox, Gate]),
    known("MinivmRecord", "leaves a message", &[Answers, Plays, Reads, Records, Jumps, RunsProgram]),
    known(
        "Queue",
        "waits in a queue for an agent",
        &[Answers, Plays, Dials, Collects, Joins, Jumps, Records, Transfers, Writes(&["QUEUESTATUS"])],
    ),
    known("AddQueueMember", "adds a member to a queue", &[WritesDatabase, Writes(&["AQMSTATUS"])]),
    known("RemoveQueueMember", "removes a member from a queue", &[WritesDatabase, Writes(&["RQMSTATUS"])]),
    known("PauseQueueMember", "pauses a member of a queue", &[WritesDatabase]),
    known("UnpauseQueueMember", "ends a pause", &[WritesDatabase]),
    known("QueueLog", "writes to the queue log", &[Logs, WritesFiles]),
    known("QueueUpdate", "writes to the queue log", &[Logs]),
    known("FastAGI", "asks a server what to do", &[Network, Anything]),
    known("AsyncAGI", "asks a manager what to do", &[Network, Anything]),
    known("ExternalIVR", "asks a program what to do", &[RunsProgram, Network, Anything]),
    known("Stasis", "hands the call to another program", &[Network, Anything]),
    known("Exec", "runs an application that data names", &[Anything]),
    known("TryExec", "runs an application that data names", &[Anything]),
    known("MacroExclusive", "the old form of Gosub", &[Jumps, Assigns]),
    known("Random", "jumps by chance", &[Jumps]).args(&[need("probability:label", ArgKind::Text)]),
    known("MixMonitor", "records both parties", &[Records, RunsProgram, WritesFiles, Writes(&["MIXMONITOR_FILENAME"])]),
    known("StopMixMonitor", "ends the recording", &[]),
    known("Monitor", "records both parties", &[Records, RunsProgram]),
    known("StopMonitor", "ends the recording", &[]),
    known("ConfBridge", "joins a conference", &[Answers, Plays, Reads, Joins, Records, Jumps]),
    known("MeetMe", "joins a conference", &[Answers, Plays, Reads, Joins, Records, Gate, Jumps]),
    known("Page", "speaks to several phones", &[Answers, Dials, Joins, Plays]).args(DIALS),
    known("FollowMe", "calls one person at several places", &[Answers, Plays, Dials, Records, Joins]),
    known("RetryDial", "dials again and again", &[Answers, Plays, Dials, Collects, Jumps]),
    known("Bridge", "joins with another call", &[Joins]),
    known("BridgeWait", "waits for being joined", &[Answers, Plays, Waits, Joins]),
    known("BridgeAdd", "joins a bridge", &[Joins]),
    known("Transfer", "sends the caller away to another number", &[Dials, Transfers, Writes(&["TRANSFERSTATUS"])])
        .args(DIALS),
    known("Flash", "flashes a trunk", &[Signals]),
    known("PickupChan", "takes a ringing call", &[Answers, Joins]),
    known("ChanSpy", "listens to another call", &[Answers, Plays, Reads, Spies, Jumps]),
    known("ExtenSpy", "listens to another call", &[Answers, Plays, Reads, Spies, Jumps]),
    known("BackgroundDetect", "plays a sound while listening for speech", &[Answers, Plays, Collects, Jumps])
        .args(SOUND),
    known("SendText", "sends text to the caller", &[Messages]),
    known("MessageSend", "sends a text message", &[Messages, Dials, Network]),
    known("SendImage", "sends a picture", &[Messages]),
    known("SendURL", "sends an address", &[Messages]),
    known("SayOrdinal", "says an ordinal number", &[Answers, Plays]),
    known("SayMoney", "says an amount", &[Answers, Plays]),
    known("SayCountPL", "says a counted word", &[Answers, Plays]),
    known("WaitForNoise", "waits for noise", &[Waits]),
    known("WaitForRing", "waits for ringing", &[Waits]),
    known("WaitForTone", "waits for a tone", &[Waits]),
    known("Morsecode", "plays Morse code", &[Answers, Plays]),
    known("AMD", "guesses whether a machine answered", &[Waits, Writes(&["AMDSTATUS", "AMDCAUSE"])]),
    known("Incomplete", "says that the number goes on", &[Collects]),
    known("Ices", "sends sound to a server", &[RunsProgram, Network]),
    known("MP3Player", "plays a file by a program", &[RunsProgram, Plays, Network]),
    known("NBScat", "plays a stream by a program", &[RunsProgram, Plays, Network]),
    known("Festival", "speaks a text by a server", &[Network, Plays, Reads]),
    known("SpeechBackground", "plays a sound while recognising speech", &[Answers, Plays, Collects]),
    known("Dictate", "a dictation machine", &[Answers, Plays, Reads, Records]),
    known("AlarmReceiver", "takes alarm reports", &[Answers, Plays, Reads, RunsProgram, WritesFiles]),
    known("SMS", "sends or takes a short message", &[Answers, Plays, WritesFiles]),
    known("ReceiveFAX", "receives a fax", &[Answers, WritesFiles]),
    known("SendFAX", "sends a fax", &[Answers, ReadsFiles]),
    known("ADSIProg", "programs a phone", &[Plays]),
    known("GetCPEID", "asks a phone who it is", &[Plays]),
    known("DBget", "reads the database", &[ReadsDatabase, Assigns, Jumps])
        .args(&[need("name=family/key", ArgKind::Text)]),
    known("ChangeMonitor", "names the recording anew", &[Records]),
    known("ClearHash", "clears a hash", &[Assigns]),
    known("ImportVar", "reads a variable of another call", &[Assigns]),
    known("SetCallerPres", "sets the presentation of the caller ID", &[]),
    known("SetAMAFlags", "marks the call's record", &[]),
    known("HangupCauseClear", "forgets hang-up causes", &[]),
    known("JabberSend", "sends a message", &[Messages, Network]),
    known("ODBCFinish", "ends a query", &[Network]),
    known("ODBC_Rollback", "takes changes back", &[Network, WritesDatabase]),
    known("ODBC_Commit", "keeps changes", &[Network, WritesDatabase]),
    known("MYSQL", "asks a database", &[Network, Assigns]),
    known(
        "LookupBlacklist",
        "looks the caller up in the blacklist",
        &[ReadsDatabase, Jumps, Writes(&["LOOKUPBLSTATUS"])],
    ),
    known("LookupCIDName", "looks the caller's name up", &[ReadsDatabase, Assigns]),
    known("TestClient", "tests a line", &[Plays, Reads, WritesFiles]),
    known("TestServer", "tests a line", &[Plays, Reads, WritesFiles]),
];
