//! The table of functions. One line each: name, what it is for, how it is read and written, what it may do.

use super::{Read, Write, list, logic, moment, number, text};
use crate::apps::Effect;
use std::collections::HashMap;
use std::sync::LazyLock;

/// One function.
#[derive(Debug, Clone, Copy)]
pub struct FuncSpec {
    /// Its name; case matters.
    pub name: &'static str,
    /// One line.
    pub synopsis: &'static str,
    /// What reading or writing it may do beyond giving a value.
    pub effects: &'static [Effect],
    /// Whether it depends on its arguments and the channel's variables only.
    pub pure: bool,
    /// Whether tollgate carries it out; else it is a finding and gives the empty text.
    pub runs: bool,
    pub(super) read: Read,
    pub(super) write: Write,
}

impl FuncSpec {
    /// Whether `Set` may write it.
    pub fn writable(&self) -> bool {
        !matches!(self.write, Write::No)
    }

    /// Whether `${…}` may read it.
    pub fn readable(&self) -> bool {
        !matches!(self.read, Read::No)
    }
}

type Here = fn(&mut crate::eval::Scope<'_>, &super::Args<'_>) -> Result<String, crate::eval::Fault>;
type Set = fn(&mut crate::eval::Scope<'_>, &[String], &str) -> Result<(), crate::eval::Fault>;

const fn pure(name: &'static str, synopsis: &'static str, read: Here) -> FuncSpec {
    FuncSpec { name, synopsis, effects: &[], pure: true, runs: true, read: Read::Here(read), write: Write::No }
}

const fn both(name: &'static str, synopsis: &'static str, read: Here, write: Set) -> FuncSpec {
    FuncSpec { name, synopsis, effects: &[], pure: true, runs: true, read: Read::Here(read), write: Write::Here(write) }
}

const fn only_set(name: &'static str, synopsis: &'static str, write: Set) -> FuncSpec {
    FuncSpec { name, synopsis, effects: &[], pure: true, runs: true, read: Read::No, write: Write::Here(write) }
}

/// The call is asked to read and to write.
const fn call(name: &'static str, synopsis: &'static str, effects: &'static [Effect]) -> FuncSpec {
    FuncSpec { name, synopsis, effects, pure: false, runs: true, read: Read::Host, write: Write::Host }
}

/// The call is asked to read.
const fn ask(name: &'static str, synopsis: &'static str) -> FuncSpec {
    FuncSpec { name, synopsis, effects: &[], pure: false, runs: true, read: Read::Host, write: Write::No }
}

/// Known, not carried out yet.
const fn known(name: &'static str, synopsis: &'static str, effects: &'static [Effect]) -> FuncSpec {
    FuncSpec { name, synopsis, effects, pure: false, runs: false, read: Read::Host, write: Write::Host }
}

/// All functions.
pub static TABLE: &[FuncSpec] = &[
    pure("LEN", "length of a text", text::len),
    pure("TOUPPER", "in capitals", text::upper),
    pure("TOLOWER", "in small letters", text::lower),
    pure("QUOTE", "in quotes, with \\ before quotes in it", text::quote),
    pure("CSV_QUOTE", "in quotes, with quotes in it doubled", text::csv_quote),
    pure("URIENCODE", "with %XX for what a URI cannot hold", text::uri_encode),
    pure("URIDECODE", "the other way", text::uri_decode),
    pure("BASE64_ENCODE", "as base64", text::base64_encode),
    pure("BASE64_DECODE", "from base64", text::base64_decode),
    pure("FILTER", "only the allowed characters", text::filter),
    pure("REPLACE", "characters of a variable replaced by another one", text::replace),
    pure("STRREPLACE", "a text within a variable replaced", text::str_replace),
    pure("PASSTHRU", "the text itself", text::pass),
    pure("KEYPADHASH", "letters as keys of a telephone", text::keypad),
    pure("REVERSE", "backwards", text::reverse),
    pure("TRIM", "without white space at both ends", text::trim),
    pure("LTRIM", "without white space at the beginning", text::trim_start),
    pure("RTRIM", "without white space at the end", text::trim_end),
    pure("SPRINTF", "formatted as by printf", text::sprintf),
    pure("EVAL", "a text whose values are put in once more; only with compat late-arguments", text::eval),
    pure("CUT", "fields of a variable", list::cut),
    pure("FIELDQTY", "how many fields a variable has", list::field_quantity),
    pure("FIELDNUM", "which field has this value", list::field_number),
    pure("LISTFILTER", "a list without one value", list::without),
    both("SHIFT", "takes the first field off a variable", list::shift, list::no_write),
    both("POP", "takes the last field off a variable", list::pop, list::no_write),
    only_set("PUSH", "adds fields at the end of a variable", list::push),
    only_set("UNSHIFT", "adds fields at the beginning of a variable", list::unshift),
    only_set("ARRAY", "sets several variables", list::array),
    both("HASH", "a variable with keys", list::hash, list::set_hash),
    pure("IF", "one of two texts, by a condition", logic::choose),
    pure("IFTIME", "one of two texts, by the time", logic::choose_time),
    pure("ISNULL", "1 if empty, else 0", logic::is_null),
    pure("EXISTS", "1 if not empty, else 0", logic::exists),
    pure("REGEX", "1 if a regular expression matches, else 0", logic::regex),
    both("SET", "sets a variable and gives its value", logic::set, list::no_write),
    both("GLOBAL", "a global variable", logic::global, logic::set_global),
    both("LOCAL", "a variable that ends with the Gosub", logic::local, logic::set_local),
    pure("DIALPLAN_EXISTS", "1 if the plan has this place, else 0", logic::dialplan_exists),
    pure("VALID_EXTEN", "1 if the plan has this extension, else 0", logic::valid_exten),
    pure("EXCEPTION", "why the call got to e", logic::exception),
    pure("MATH", "computes with two numbers", number::math),
    both("INC", "adds 1 to a variable", number::inc, list::no_write),
    both("DEC", "takes 1 from a variable", number::dec, list::no_write),
    pure("ABS", "without the sign", number::abs),
    pure("MIN", "the smaller one", number::min),
    pure("MAX", "the larger one", number::max),
    FuncSpec { pure: false, ..pure("RAND", "a number by chance between two", number::rand) },
    FuncSpec { pure: false, ..pure("STRFTIME", "a time as text", moment::format) },
    call("CALLERID", "the caller's number and name", &[]),
    call("CONNECTEDLINE", "the other party's number and name", &[]),
    call("REDIRECTING", "who forwarded the call", &[]),
    call("CHANNEL", "facts about the channel", &[]),
    call("TIMEOUT", "seconds: digit, response, absolute", &[Effect::HangsUp]),
    call("CDR", "fields of the call's record", &[]),
    call("DB", "an entry of the plan's database", &[Effect::ReadsDatabase, Effect::WritesDatabase]),
    FuncSpec { effects: &[Effect::ReadsDatabase], ..ask("DB_EXISTS", "1 if the database has an entry") },
    call("DB_DELETE", "takes an entry out of the database", &[Effect::ReadsDatabase, Effect::WritesDatabase]),
    FuncSpec { effects: &[Effect::ReadsDatabase], ..ask("DB_KEYCOUNT", "how many database entries there are") },
    FuncSpec { effects: &[Effect::ReadsDatabase], ..ask("DB_KEYS", "names of database entries") },
    call("GROUP", "counts this call in a group", &[]),
    ask("GROUP_COUNT", "calls in a group"),
    ask("GROUP_LIST", "groups of this call"),
    known("GROUP_MATCH_COUNT", "calls in groups by a pattern", &[]),
    ask("HANGUPCAUSE", "cause and text of a hang-up"),
    known("HANGUPCAUSE_KEYS", "channels with a hang-up cause", &[]),
    ask("DEVICE_STATE", "state of a device"),
    known("EXTENSION_STATE", "state of an extension's hint", &[]),
    known("HINT", "hint of an extension", &[]),
    ask("PJSIP_HEADER", "a header of the call's request"),
    ask("SIP_HEADER", "a header of the call's request"),
    known("PJSIP_DIAL_CONTACTS", "contacts of an endpoint, for Dial", &[]),
    known("PJSIP_CONTACT", "facts about a contact", &[]),
    known("PJSIP_AOR", "facts about an address of record", &[]),
    known("PJSIP_ENDPOINT", "facts about an endpoint", &[]),
    ask("CHANNELS", "names of the channels"),
    ask("CHANNEL_EXISTS", "1 if there is such a channel"),
    ask("VERSION", "version of the exchange"),
    ask("MAILBOX_EXISTS", "1 if there is such a mailbox"),
    ask("VM_EXISTS", "1 if there is such a mailbox"),
    ask("VM_INFO", "facts about a mailbox"),
    ask("VMCOUNT", "messages in a mailbox"),
    known("MD5", "MD5 of a text", &[]),
    known("SHA1", "SHA-1 of a text", &[]),
    known("ENV", "a variable of the environment", &[]),
    call("LANGUAGE", "language of the channel", &[]),
    call("MUSICCLASS", "hold music of the channel", &[]),
    call("CALLERPRES", "presentation of the caller ID", &[]),
    known("DIALGROUP", "destinations joined by &", &[]),
    known("SHARED", "a variable of another call", &[]),
    known("MASTER_CHANNEL", "a variable of the call that made this one", &[]),
    known("IMPORT", "a variable of another call", &[]),
    known("STACK_PEEK", "where a Gosub came from", &[]),
    known("LOCAL_PEEK", "a variable of an outer Gosub", &[]),
    ask("IFMODULE", "1 if a module is there"),
    known("STRPTIME", "a text as time", &[]),
    FuncSpec { pure: false, ..pure("JSON_DECODE", "a value in a JSON text", text::json) },
    known("HASHKEYS", "keys of a HASH", &[]),
    known("SORT", "sorted by numbers", &[]),
    known("TESTTIME", "pretends a time", &[]),
    known("LOCK", "waits for a lock", &[Effect::Waits]),
    known("TRYLOCK", "takes a lock", &[]),
    known("UNLOCK", "gives a lock back", &[]),
    known("AUDIOHOOK_INHERIT", "keeps a recording over transfers", &[]),
    known("FEATURE", "transfer and pickup settings", &[Effect::Transfers]),
    known("FEATUREMAP", "keys of transfer and pickup", &[Effect::Transfers]),
    known("CURL", "asks a web server", &[Effect::Network]),
    known("CURLOPT", "settings of CURL", &[]),
    known("SHELL", "runs a program", &[Effect::RunsProgram]),
    known("FILE", "reads or writes a file", &[Effect::ReadsFiles, Effect::WritesFiles]),
    known("FILE_COUNT_LINE", "lines of a file", &[Effect::ReadsFiles]),
    known("FILE_FORMAT", "line ends of a file", &[Effect::ReadsFiles]),
    known("STAT", "facts about a file", &[Effect::ReadsFiles]),
    ask("BASENAME", "last part of a file name"),
    ask("DIRNAME", "all but the last part of a file name"),
    known("AST_CONFIG", "a value of a configuration file", &[Effect::ReadsFiles]),
    known("REALTIME", "a row of a database", &[Effect::Network]),
    known("REALTIME_FIELD", "a field of a database", &[Effect::Network]),
    known("REALTIME_HASH", "a row of a database", &[Effect::Network]),
    known("REALTIME_STORE", "stores a row", &[Effect::Network]),
    known("REALTIME_DESTROY", "deletes a row", &[Effect::Network]),
    known("ODBC", "a database transaction", &[Effect::Network]),
    known("ODBC_FETCH", "a row of a query", &[Effect::Network]),
    known("SQL_ESC", "with quotes doubled", &[]),
    known("SQL_ESC_BACKSLASHES", "with backslashes doubled", &[]),
    known("ENUMLOOKUP", "a number looked up in DNS", &[Effect::Network]),
    known("ENUMQUERY", "a number looked up in DNS", &[Effect::Network]),
    known("ENUMRESULT", "the result of it", &[]),
    known("SRVQUERY", "servers looked up in DNS", &[Effect::Network]),
    known("SRVRESULT", "the result of it", &[]),
    known("TXTCIDNAME", "a name looked up in DNS", &[Effect::Network]),
    known("DUNDILOOKUP", "a number looked up at peers", &[Effect::Network]),
    known("DUNDIQUERY", "a number looked up at peers", &[Effect::Network]),
    known("DUNDIRESULT", "the result of it", &[]),
    known("SIPPEER", "facts about a SIP peer", &[]),
    known("IAXPEER", "facts about an IAX peer", &[]),
    known("PJSIP_MEDIA_OFFER", "codecs that are offered", &[]),
    known("PJSIP_SEND_SESSION_REFRESH", "sends a re-INVITE", &[Effect::Network]),
    known("PJSIP_DTMF_MODE", "how digits are sent", &[]),
    known("PJSIP_PARSE_URI", "a part of a URI", &[]),
    known("PJSIP_TRANSFER_HANDLING", "how REFER is handled", &[Effect::Transfers]),
    known("PJSIP_HANGUP", "a cause for Hangup", &[]),
    known("STIR_SHAKEN", "whether the caller ID is vouched for", &[]),
    known("QUEUE_MEMBER", "facts about a queue", &[]),
    known("QUEUE_MEMBER_COUNT", "facts about a queue", &[]),
    known("QUEUE_MEMBER_LIST", "facts about a queue", &[]),
    known("QUEUE_MEMBER_PENALTY", "priority of a member", &[]),
    known("QUEUE_VARIABLES", "facts about a queue", &[]),
    known("QUEUE_WAITING_COUNT", "callers in a queue", &[]),
    known("QUEUE_EXISTS", "1 if there is such a queue", &[]),
    known("AGENT", "facts about an agent", &[]),
    known("CONFBRIDGE", "settings of a conference", &[]),
    known("CONFBRIDGE_INFO", "facts about a conference", &[]),
    known("MEETME_INFO", "facts about a conference", &[]),
    known("PARKINGLOT", "facts about parked calls", &[]),
    known("MINIVMCOUNTER", "a counter", &[Effect::WritesFiles]),
    known("MINIVMACCOUNT", "facts about a mailbox", &[]),
    known("PRESENCE_STATE", "presence of a person", &[]),
    known("CUSTOM_PRESENCE", "presence of a person", &[]),
    known("MESSAGE", "parts of a text message", &[]),
    known("MESSAGE_DATA", "parts of a text message", &[]),
    known("FAXOPT", "settings of a fax", &[]),
    known("VOLUME", "loudness", &[]),
    known("AGC", "automatic loudness", &[]),
    known("DENOISE", "less noise", &[]),
    known("JITTERBUFFER", "settings of the jitter buffer", &[]),
    known("PERIODIC_HOOK", "runs a place of the plan again and again", &[Effect::Jumps]),
    known("PITCH_SHIFT", "another voice", &[]),
    known("TALK_DETECT", "who talks", &[]),
    known("MUTEAUDIO", "mutes", &[]),
    known("HOLD_INTERCEPT", "catches hold", &[]),
    known("FRAME_TRACE", "writes frames to the log", &[Effect::Logs]),
    known("FRAME_DROP", "drops frames", &[]),
    known("CALLCOMPLETION", "settings of call completion", &[]),
    FuncSpec { effects: &[Effect::ReadsDatabase], ..ask("BLACKLIST", "1 if the caller is in the blacklist") },
    known("AES_ENCRYPT", "encrypted", &[]),
    known("AES_DECRYPT", "decrypted", &[]),
    call("CDR_PROP", "settings of the call's record", &[]),
    known("BRIDGE_FEATURES", "features of a bridge", &[Effect::Transfers]),
    known("SPEECH", "facts about speech recognition", &[]),
    known("SPEECH_TEXT", "what was recognised", &[]),
    known("SYSINFO", "facts about the machine", &[]),
    known("AMI_CLIENT", "facts about managers", &[]),
    known("AST_SORCERY", "a value of the configuration", &[]),
    known("CALENDAR_BUSY", "whether a calendar says busy", &[Effect::Network]),
    known("CALENDAR_EVENT", "an entry of a calendar", &[]),
    known("CALENDAR_QUERY", "asks a calendar", &[Effect::Network]),
    known("CALENDAR_QUERY_RESULT", "what it said", &[]),
    known("CALENDAR_WRITE", "writes into a calendar", &[Effect::Network]),
    known("CHECKSIPDOMAIN", "whether a domain is ours", &[]),
    known("CHECK_MD5", "compares an MD5", &[]),
    known("CONFBRIDGE_CHANNELS", "parties of a conference", &[]),
    known("DELETE", "forgets a variable", &[Effect::Assigns]),
    known("DTMF_FLASH", "digits by flash", &[]),
    known("EVAL_EXTEN", "the value of an extension", &[Effect::Jumps, Effect::Assigns]),
    known("EVAL_SUB", "the value of a Gosub", &[Effect::Jumps, Effect::Assigns]),
    known("GEOLOC_PROFILE", "where a caller is", &[]),
    known("GLOBAL_DELETE", "forgets a global variable", &[Effect::Assigns]),
    known("IAXVAR", "a variable of an IAX call", &[]),
    known("ICONV", "a text in another character set", &[]),
    known("JABBER_RECEIVE", "waits for a chat message", &[Effect::Network, Effect::Waits]),
    known("JABBER_STATUS", "who is there", &[Effect::Network]),
    known("MIXMONITOR", "facts about a recording", &[]),
    known("PJSIP_HEADERS", "names of the headers of the call's request", &[]),
    known("PJSIP_HEADER_PARAM", "a parameter of a header", &[]),
    known("PJSIP_RESPONSE_HEADER", "a header of an answer", &[]),
    known("PJSIP_RESPONSE_HEADERS", "names of the headers of an answer", &[]),
    known("PP_EACH_EXTENSION", "a text for each extension", &[Effect::ReadsFiles]),
    known("PP_EACH_USER", "a text for each user", &[Effect::ReadsFiles]),
    known("QUEUE_GET_CHANNEL", "a caller in a queue", &[]),
    known("SAYFILES", "sounds that say a number", &[]),
    known("SCRAMBLE", "a voice that nobody understands", &[]),
    known("SIPCHANINFO", "facts about a SIP channel", &[]),
    known("SIP_HEADERS", "names of the headers of the call's request", &[]),
    known("SMDI_MSG", "a message of an old exchange", &[]),
    known("SMDI_MSG_RETRIEVE", "waits for a message of an old exchange", &[Effect::Waits]),
    known("SPEECH_ENGINE", "settings of speech recognition", &[]),
    known("SPEECH_GRAMMAR", "which grammar fitted", &[]),
    known("SPEECH_RESULTS_TYPE", "settings of speech recognition", &[]),
    known("SPEECH_SCORE", "how sure it is", &[]),
    known("STIR_SHAKEN_ATTESTATION", "how far the caller ID is vouched for", &[]),
    known("STRBETWEEN", "a text between all characters", &[]),
    known("TONE_DETECT", "listens for a tone", &[Effect::Jumps]),
    known("EXPORT", "sets a variable of another call", &[Effect::Assigns]),
];

static INDEX: LazyLock<HashMap<&'static str, &'static FuncSpec>> =
    LazyLock::new(|| TABLE.iter().map(|f| (f.name, f)).collect());

/// Finds a function; case matters.
pub fn lookup(name: &str) -> Option<&'static FuncSpec> {
    INDEX.get(name).copied()
}
