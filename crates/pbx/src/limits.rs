//! Bounds of a call and of all calls together, each with its reason.

use std::time::Duration;

/// Events that may wait for one call task. A phone sends at most 50 digits' events a second; a task that is
/// 512 events behind is stuck, and its call is ended rather than its memory grown.
pub const MAILBOX: usize = 512;

/// Commands that may wait for the signalling task: some for each of a thousand calls.
pub const SIP_COMMANDS: usize = 8192;

/// Legs of one call at a time: a group of 20 phones with three contacts each.
pub const LEGS: usize = 64;

/// How deep Local channels may nest: the article's plan needs two.
pub const LOCAL_DEPTH: u8 = 8;

/// Local channels one call tree may start over its life: stops a channel that dials itself twice each time.
pub const LOCAL_TOTAL: usize = 64;

/// Lines of the plan that the record of a call keeps: enough to see its way, bounded against loops.
pub const PATH: usize = 200;

/// Digits that wait while no application listens.
pub const DIGITS: usize = 64;

/// How long a caller who is no phone of ours has to show that he is there (ACK and sound or a digit) before the
/// call gives up ringing anyone.
pub const PROOF_OF_LIFE: Duration = Duration::from_secs(32);

/// Longest text of a number as dialled; Asterisk cuts at 80, we refuse.
pub const DIALLED: usize = 79;

/// Longest single recording of a call: a name or a message, not an evening.
pub const RECORDING: Duration = Duration::from_secs(300);

/// All recordings of one call together: at 16 kHz this is 19 MB, for at most as many calls as strangers may make.
pub const RECORDINGS: Duration = Duration::from_secs(600);

/// How long a call that is over waits for the last figures of its media ports.
pub const CLOSING: Duration = Duration::from_millis(500);

/// How long a call may stay parked, whatever the plan says: half an hour with hold music is enough for anybody.
pub const PARKED: Duration = Duration::from_secs(1_800);

/// How often one call tree may be parked: a plan that parks what comes back goes round for ever otherwise.
pub const PARKINGS: usize = 16;

/// Pieces of an announcement of a parked call.
pub const PIECES: usize = 32;

/// Rows of the plan's database: a blacklist of a large office has some thousands.
pub const DB_ROWS: usize = 10_000;

/// Longest name of a row, `family/key`.
pub const DB_KEY: usize = 255;

/// Longest value of a row: as much as a variable of a plan usefully holds.
pub const DB_VALUE: usize = 4_096;

/// All rows together: what a caller can make us keep.
pub const DB_BYTES: usize = 4 * 1_024 * 1_024;

/// Fields, groups and the like that a plan may set on one channel.
pub const FACTS: usize = 64;

/// Commands of one script: ten a second for hours.
pub const SCRIPT_COMMANDS: usize = 100_000;

/// Words of one command.
pub const SCRIPT_WORDS: usize = 64;

/// How long a script goes on after its caller: to write down what happened.
pub const SCRIPT_LAST_WORDS: Duration = Duration::from_secs(5);

/// How long a script may wait for one key.
pub const SCRIPT_WAIT: Duration = Duration::from_secs(600);

/// Global variables of the plan: a caller must not be able to fill the memory with them.
pub const GLOBALS: usize = 10_000;

/// Seconds after which a caller who found every line taken may try again (RFC 3261 §20.33).
pub const RETRY_AFTER: u64 = 10;

/// How long a call may ring outside before the attempt is given up, whatever the plan says.
pub const RINGING: Duration = Duration::from_secs(300);

/// Registrations that may wait for the store: a thousand phones coming back after a power cut.
pub const KEEPER: usize = 1024;

/// How long a key lasts that we press for somebody: well above the 40 ms that every detector hears (Q.24).
pub const KEY: Duration = Duration::from_millis(120);

/// Requests of one trunk that may wait for our answer: as many calls as a small office can have ringing.
pub const PENDING_TRUNK: usize = 1024;

/// Requests of authenticated phones at one address that may wait for our answer.
pub const PENDING_PHONES: usize = 512;

/// Changes of mailboxes that may wait for a lamp or for mail: every phone's mailbox of a house changes at once.
pub const MAILBOX_NEWS: usize = 1024;

/// Kilobytes of messages that may be in memory at once while they are recorded: some twenty of three minutes at 16 kHz.
/// The next caller is told that his message cannot be kept just now.
pub const MESSAGES_IN_MEMORY: usize = 128 * 1024;

/// Mailboxes that one line may leave a message in.
pub const MAILBOXES_AT_ONCE: usize = 20;

/// Digits of a mailbox number that a caller types; more are none.
pub const MAILBOX_DIGITS: usize = 8;

/// How long a menu waits for a key before it is said again.
pub const MENU_PATIENCE: Duration = Duration::from_secs(6);

/// How often a menu is said to somebody who presses nothing, or nothing that means anything where it asks for one thing.
pub const MENU_ROUNDS: u32 = 3;

/// How long a message that was stopped waits for the key that lets it go on.
pub const PAUSE: Duration = Duration::from_secs(60);

/// Longest greeting, seconds.
pub const GREETING_SECONDS: u32 = 60;

/// Longest message that a setting may allow, seconds: `media` records no longer.
pub const MESSAGE_SECONDS: u32 = 600;

/// Phones that are told of their messages without having asked, and have not answered yet: all of a large house.
pub const LAMPS_ASKED: usize = 4096;

/// Most digits of a PIN.
pub const PIN_DIGITS: usize = 16;

/// Fewest digits of a mailbox's PIN: what Asterisk's users have in their fingers.
pub const PIN_SHORTEST: usize = 4;

/// Fewest digits of a grant's PIN: behind it is money.
pub const PIN_SHORTEST_GRANT: usize = 6;

/// Digits of a PIN that we make.
pub const PIN_RANDOM: usize = 6;

/// Argon2id of a PIN: KiB of memory, passes, lanes. The second choice of RFC 9106 §4 has 64 MiB; a fourth of that in two
/// passes is what a small machine has to spare while calls are on, and OWASP's least.
pub const PIN_COSTS: (u32, u32, u32) = (19 * 1024, 2, 1);

/// PINs that are hashed at once: 38 MB and two threads for a moment; further callers wait their turn.
pub const PIN_CHECKS: usize = 2;

/// How long a caller who types a PIN may think about the next digit.
pub const PIN_PATIENCE: Duration = Duration::from_secs(5);

/// Failed log-ins of a source from which on each next one has to wait: people mistype a secret once or twice.
pub const SLOW_AFTER: u32 = 5;

/// Failed log-ins of a source within [`FAILURES_REMEMBERED`] that get it banned.
pub const BAN_AFTER: u32 = 10;

/// The most that the owner may set instead: our own secrets of 130 bits stand a thousand tries an hour, a chosen password may not.
pub const BAN_AFTER_MOST: u32 = 1_000;

/// How long a failed log-in counts.
pub const FAILURES_REMEMBERED: Duration = Duration::from_secs(3_600);

/// Sources whose failed log-ins are counted; the one that has been quiet for longest makes room.
pub const FAILING_SOURCES: usize = 8_192;

/// The first ban of a source: long enough to make guessing useless, short enough for an honest mistake.
pub const BAN_FIRST: Duration = Duration::from_secs(600);

/// The longest: addresses change hands.
pub const BAN_LONGEST: Duration = Duration::from_secs(7 * 86_400);

/// How long a ban that is over makes the next one longer.
pub const BAN_REMEMBERED: Duration = Duration::from_secs(30 * 86_400);

/// How long lines of one kind and source are summed.
pub const SUMMED_FOR: Duration = Duration::from_secs(60);

/// Sources that are told apart in sums of one kind; all others share a line.
pub const SUMMED_SOURCES: usize = 256;

/// Names that were tried, shown in one line.
pub const SUMMED_USERS: usize = 4;

/// Characters shown of what a stranger wrote.
pub const SHOWN: usize = 32;

/// Requests of one source in a minute that were not let in, from which on that is worth a line.
pub const KNOCKS: u64 = 100;

/// How long a trunk may take until it says anything to an INVITE: ten retransmissions of UDP. Longer silence is no busy
/// provider but a dead one, and a caller who waits for timer B (32 s) has hung up before the next trunk is tried.
pub const TRUNK_SILENT: Duration = Duration::from_secs(6);

/// How long a trunk may take to answer OPTIONS or REGISTER before that counts as silence.
pub const TRUNK_ANSWER: Duration = Duration::from_secs(8);

/// One unanswered question may be a lost packet: the next comes this soon.
pub const TRUNK_ASK_AGAIN: Duration = Duration::from_secs(5);

/// How often a trunk that is down is asked whether it is back.
pub const TRUNK_DOWN_ASK: Duration = Duration::from_secs(15);

/// Wishes to move a party that wait while one is carried out: a phone sends one and waits for its end.
pub const MOVES: usize = 4;

/// How long whoever a call is sent on to may ring before it comes back.
pub const TRANSFER: Duration = Duration::from_secs(45);

/// So much of the paid time is not talked: a begun minute costs a whole one, and the BYE needs its time to the trunk.
pub const PAID_MARGIN: Duration = Duration::from_secs(1);

/// So long before the end of what was paid for, whoever pays hears a beep.
pub const PAID_WARNING: Duration = Duration::from_secs(30);

/// Wishes for legs that a drill keeps until they are looked at: after every key, by each of its few calls.
pub const DRILL_WISHES: usize = 10_000;

/// Lines, prompts and keys of one call of a drill that are kept. A walk ends long before.
pub const DRILL_SIGNS: usize = 4_096;

/// Calls of a drill that may be on their way in at one time.
pub const DRILL_TICKETS: usize = 64;

/// Keys in one call of somebody from outside who reaches nobody, from which on the owner hears of it: whoever knows a
/// number of the house needs five, and a few wrong ones.
pub const UNUSUAL_KEYS: usize = 25;

/// The same at night.
pub const UNUSUAL_KEYS_AT_NIGHT: usize = 8;

/// Hours of the night.
pub const UNUSUAL_NIGHT: std::ops::Range<u8> = 0..6;

/// Calls of one address within [`UNUSUAL_WINDOW`] of which the owner hears.
pub const UNUSUAL_CALLS: u32 = 20;

/// See [`UNUSUAL_CALLS`].
pub const UNUSUAL_WINDOW: Duration = Duration::from_secs(600);

/// The owner hears of the same thing of the same source again after this.
pub const UNUSUAL_AGAIN: Duration = Duration::from_secs(3_600);

/// Sources of unusual calls that are remembered.
pub const UNUSUAL_SOURCES: usize = 4_096;

/// Countries and areas abroad that are known to have been called; there are some 600 in the world.
pub const COUNTRIES: usize = 1_000;

/// Kilobytes that the calls of a drill may reserve for recordings: all of them at once for the longest message. A caller who
/// says nothing is cut off after seconds.
pub const DRILL_MESSAGES: usize = 1024 * 1024;
