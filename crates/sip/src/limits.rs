//! Every bound of this crate with its reason, and the token buckets of [`Buckets`].
//!
//! Peers reach a bound by their own doing only; reaching it costs them an answer, never us memory.

mod buckets;

use std::time::Duration;

pub use buckets::Buckets;
pub(crate) use buckets::Source;

/// Largest message: what one UDP datagram can carry; a stream message gets the same.
pub const MESSAGE_BYTES: usize = 65_535;
/// Largest body. An SDP of a phone with video, ICE and two keys stays below 8 KB.
pub const BODY_BYTES: usize = 16 * 1024;
/// Most parts of a body of several. A call has a description, a location and something signed at most.
pub const PARTS: usize = 8;
/// Most header fields in a message. Real ones have 12 to 30.
pub const HEADERS: usize = 64;
/// Longest header field: room for a Digest answer or a long Record-Route, no more.
pub const HEADER_BYTES: usize = 4 * 1024;
/// Most folded lines in one header; folding is deprecated (RFC 3261 §7.3.1) and rare.
pub const FOLDS: usize = 8;
/// Longest URI.
pub const URI_BYTES: usize = 1024;
/// Longest user part, decoded. E.164 has 15 digits, names of people fit; longer is refused, not cut.
pub const USER_BYTES: usize = 128;
/// Longest Call-ID, tag or branch. Real ones have 8 to 80 characters.
pub const TOKEN_BYTES: usize = 256;
/// Most Route / Record-Route values of a dialog: more hops than any real path.
pub const ROUTES: usize = 16;
/// Most Via lines in a request: RFC 4475's longest path has 34 hops.
pub const VIAS: usize = 40;

/// All server and client transactions together: 20,000 small records are about 40 MB.
pub const TRANSACTIONS: usize = 20_000;
/// Transactions that the table keeps room for when it is idle: what an office needs in a minute.
pub const ROOMY: usize = 256;
/// Server transactions of one source (/32 or /64) that wait for an answer of ours.
pub const PENDING_PER_SOURCE: usize = 64;
/// INVITE sessions together: a thousand calls have two legs each; the rest is room for floods.
pub const SESSIONS: usize = 4_000;
/// Early dialogs that one INVITE of ours may open by forking.
pub const FORKS: usize = 8;
/// Challenges that we answer for one request: one, one more for `stale`, one for a second realm.
pub const CHALLENGES: u8 = 3;
/// Requests inside a dialog that wait for an answer of ours.
pub const PENDING_PER_SESSION: usize = 8;
/// Packets that may wait to be fetched; the shell fetches all after every call.
pub const QUEUE: usize = 16_384;
/// Most CSeq step a peer may take at once; a jump to the end would lock the dialog.
pub const CSEQ_MAX: u32 = (1 << 31) - 1;
/// Contact URIs that we hand up from a 3xx.
pub const REDIRECTS: usize = 8;

/// How long a leg may ring before we give up on it; the dialplan ends it long before.
pub const RINGING: Duration = Duration::from_secs(600);
/// A provisional answer is repeated this often so that proxies do not give up (RFC 3261 §13.3.1.1).
pub const RING_REFRESH: Duration = Duration::from_secs(60);
/// How long a dialog outlives its connection before the session ends.
pub const REVIVE: Duration = Duration::from_secs(32);
/// Retries of a re-INVITE that met the peer's own (491, RFC 3261 §14.1).
pub const GLARE_RETRIES: u8 = 3;

/// The interval that we ask for and take where none is asked for (RFC 4028 §4): a call whose peer vanished ends within it.
pub const SESSION_EXPIRES: Duration = Duration::from_secs(1_800);
/// Shortest interval that we take (RFC 4028 §5).
pub const SESSION_LEAST: Duration = Duration::from_secs(90);
/// Longest interval that a peer can make us take by 422: a day.
pub const SESSION_MOST: Duration = Duration::from_secs(86_400);
/// How long a refresh waits that met another offer or a busy peer.
pub const RENEW_AGAIN: Duration = Duration::from_secs(5);
/// How far the CSeq of a BYE after a crash is ahead of the last one that was kept: more than any dialog sends.
pub const CSEQ_GAP: u32 = 100_000;

/// Contacts of one address of record; the oldest goes when one more comes.
pub const CONTACTS: usize = 10;
/// Bindings of the whole registrar.
pub const BINDINGS: usize = 20_000;
/// Shortest registration that we grant; a shorter wish is refused with 423.
pub const EXPIRES_MIN: Duration = Duration::from_secs(30);
/// Longest registration that we grant.
pub const EXPIRES_MAX: Duration = Duration::from_secs(3_600);
/// What a registration without Expires gets.
pub const EXPIRES_DEFAULT: Duration = Duration::from_secs(600);

/// Subscriptions together: the lamps of every phone that could register, and some keys of each.
pub const SUBSCRIPTIONS: usize = 20_000;
/// Subscriptions that come from one source (/32 or /64): a house of a hundred phones behind one address.
pub const SUBSCRIPTIONS_PER_SOURCE: usize = 500;
/// Subscriptions to one topic of one account: its phones. The oldest goes when one more comes.
pub const SUBSCRIBERS: usize = CONTACTS;
/// What a SUBSCRIBE without Expires gets (RFC 3842 §4.4 leaves it to the notifier).
pub const SUBSCRIBE_DEFAULT: Duration = Duration::from_secs(3_600);
/// Longest subscription that we grant: a phone that vanished is asked no longer than that.
pub const SUBSCRIBE_MAX: Duration = Duration::from_secs(3_600);
/// Shortest time between two of our own registrations at a provider, whatever it grants.
pub const REGISTER_LIFE_MIN: Duration = Duration::from_secs(30);
/// Longest time that we rely on a registration of ours: a day without word from us is too long to notice trouble.
pub const REGISTER_LIFE_MAX: Duration = Duration::from_secs(24 * 3_600);
/// After the first failure of a registration of ours the next try is this far away, then twice as far each time …
pub const REGISTER_AGAIN: Duration = Duration::from_secs(10);
/// … up to this: a provider that comes back is noticed within ten minutes.
pub const REGISTER_AGAIN_MAX: Duration = Duration::from_secs(600);
/// A provider that refuses our user or secret is left alone for up to this long; more tries look like guessing.
pub const REGISTER_REFUSED: Duration = Duration::from_secs(3_600);

/// How long a nonce may be used.
pub const NONCE_LIFE: Duration = Duration::from_secs(300);
/// Nonces whose counters we remember. Only a right answer costs an entry.
pub const NONCES: usize = 8_192;
/// Digest fields longer than this are refused unread.
pub const DIGEST_FIELD: usize = 256;

/// Packets per second that one source may send: 400 calls a second, or two hundredths of a core for OPTIONS.
pub const PACKETS_PER_SECOND: u32 = 2_000;
/// Packets that one source may send at once.
pub const PACKETS_BURST: u32 = 4_000;
/// Packets per second that all sources together may send that are not known (trunks, registered phones): a tenth of a core
/// for challenges. A flood from many addresses at once leaves the rest of the machine to those who are known.
pub const STRANGERS_PER_SECOND: u32 = 8_000;
/// Packets that they may send at once.
pub const STRANGERS_BURST: u32 = 20_000;
/// One of so many parts of all sessions is kept for those who are known.
pub const KEPT_FOR_KNOWN: usize = 4;
/// Sources that are told apart; later ones share one bucket until older ones fade.
pub const SOURCES: usize = 32_768;
/// Sources with a rate of their own (trunks).
pub const GRANTS: usize = 1_024;

/// The bounds that an owner may set; [`Limits::default`] has the constants of this module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// See [`TRANSACTIONS`].
    pub transactions: usize,
    /// See [`PENDING_PER_SOURCE`].
    pub pending_per_source: usize,
    /// See [`SESSIONS`].
    pub sessions: usize,
    /// See [`PACKETS_PER_SECOND`].
    pub packets_per_second: u32,
    /// See [`PACKETS_BURST`].
    pub packets_burst: u32,
    /// See [`RINGING`].
    pub ringing: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            transactions: TRANSACTIONS,
            pending_per_source: PENDING_PER_SOURCE,
            sessions: SESSIONS,
            packets_per_second: PACKETS_PER_SECOND,
            packets_burst: PACKETS_BURST,
            ringing: RINGING,
        }
    }
}

/// What the parser may accept.
pub(crate) fn parser() -> sipx_sip::Limits {
    sipx_sip::Limits {
        max_message_bytes: MESSAGE_BYTES,
        max_body_bytes: BODY_BYTES,
        max_headers: HEADERS,
        max_header_bytes: HEADER_BYTES,
        max_folding_lines: FOLDS,
    }
}
