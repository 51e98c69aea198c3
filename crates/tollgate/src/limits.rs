//! The bounds of the shell, each with its reason. Those of the protocols live in `sip::limits`, `media::limits` and `pbx::limits`.

use std::time::Duration;

/// Stream connections (TCP) held at once. A home has a dozen phones; 1,024 leaves room for an office while a flood of idle
/// connections cannot take the file descriptors that calls need.
pub(crate) const STREAMS: usize = 1024;

/// Stream connections from one IPv4 address or one IPv6 /64. A household behind one address has fewer phones than this.
pub(crate) const STREAMS_PER_SOURCE: usize = 32;

/// One in so many places among connections and handshakes is for addresses of trunks and registered phones: a flood of strangers does not
/// keep a phone out that lost its connection.
pub(crate) const STREAMS_KEPT_FOR_KNOWN: usize = 4;

/// A TLS handshake may take this long: three round trips of a slow radio link and the work of a slow telephone.
pub(crate) const TLS_HANDSHAKE: Duration = Duration::from_secs(5);

/// TLS handshakes at once. Each costs about a millisecond of a core, so a flood of them takes a tenth of one core and not all of it.
pub(crate) const HANDSHAKES: usize = 64;

/// TLS handshakes at once from one IPv4 address or one IPv6 /64: a whole household comes back after a power cut.
pub(crate) const HANDSHAKES_PER_SOURCE: usize = 8;

/// A stream that has not yet carried one whole message is closed after this: long enough for a slow radio link, short enough that silent
/// connections do not pile up.
pub(crate) const STREAM_FIRST_MESSAGE: Duration = Duration::from_secs(10);

/// A message that has begun must be whole within this time (nobody types SIP byte by byte).
pub(crate) const STREAM_REST_OF_MESSAGE: Duration = Duration::from_secs(20);

/// A stream without any byte for this long is closed. Phones send keep-alives every 30-120 s (RFC 5626 §4.4.1 recommends 95-120 s), registrations are refreshed
/// within the hour; 15 minutes outlive both kinds of phone that a NAT lets live.
pub(crate) const STREAM_IDLE: Duration = Duration::from_secs(900);

/// Messages waiting to be written to one stream. A peer that does not read for this long is gone; 64 messages of 2 kB are 128 kB at most.
pub(crate) const STREAM_WRITES: usize = 64;

/// One write to a stream may take this long before the peer counts as gone.
pub(crate) const STREAM_WRITE: Duration = Duration::from_secs(10);

/// Opening a stream to a trunk or a phone may take this long: RFC 3261 timer B gives a whole transaction 32 s.
pub(crate) const STREAM_CONNECT: Duration = Duration::from_secs(8);

/// Messages from all streams that wait for the signalling task. Readers wait when it is full, and TCP slows the sender.
pub(crate) const STREAM_READS: usize = 1024;

/// Datagrams taken from one socket before the others have their turn, so that a flood on one does not starve the rest.
pub(crate) const DATAGRAM_BURST: usize = 64;

/// Largest run of coalesced datagrams the kernel hands over at once (UDP GRO): 64 kB is the largest it builds.
pub(crate) const DATAGRAM_BUFFER: usize = 65_535;

/// Receive buffer asked of the kernel for a signalling socket: rides out 50 ms of 1,000 calls a second.
pub(crate) const SIP_SOCKET_BUFFER: usize = 4 << 20;

/// Receive buffer asked of the kernel for one RTP port: a second of G.711 at 50 packets, with headers.
pub(crate) const RTP_SOCKET_BUFFER: usize = 64 << 10;

/// Largest RTP or RTCP packet taken. G.711 of 60 ms is 492 bytes, L16 of 20 ms 652; nothing we speak passes an Ethernet frame.
pub(crate) const RTP_PACKET: usize = 1500;

/// Packets taken from one RTP port per turn: a flood on one port costs the others at most this much work.
pub(crate) const RTP_BURST: usize = 16;

/// Commands waiting for one media thread. A call sends a few at each step; at 20 ms per turn this is 200,000 steps a second.
pub(crate) const MEDIA_COMMANDS: usize = 4096;

/// Attempts to find a free pair of RTP ports before we say that the range is used up.
pub(crate) const RTP_PORT_TRIES: usize = 64;

/// A request on the control socket, in bytes. The largest is an extension with a long name.
pub(crate) const CONTROL_LINE: usize = 16 << 10;

/// Control connections at once: a few shells and one `calls --follow` each.
pub(crate) const CONTROL_CONNECTIONS: usize = 16;

/// A control connection that asks nothing for this long is closed.
pub(crate) const CONTROL_IDLE: Duration = Duration::from_secs(30);

/// A command line waits this long for the running exchange to answer.
pub(crate) const CONTROL_ANSWER: Duration = Duration::from_secs(30);

/// Configuration text read, in bytes: 1 MB is ten thousand extensions.
pub(crate) const CONFIG_TEXT: u64 = 1 << 20;

/// All dialplan files of one configuration together, in bytes. The largest plans seen in the wild are 2 MB.
pub(crate) const DIALPLAN_TEXT: u64 = 32 << 20;

/// Files that one `#include` pattern may bring in.
pub(crate) const DIALPLAN_FILES: usize = 1024;

/// One sound file, in bytes: ten minutes of 16-bit linear sound at 16 kHz.
pub(crate) const SOUND_FILE: u64 = 20 << 20;

/// Memory for sounds that nobody hears at the moment, in bytes of linear samples and encodings together: the phrases of a busy attendant.
pub(crate) const SOUND_CACHE: usize = 8 << 20;

/// Names remembered as missing, so that a plan which asks for a missing sound at every call does not search the disk at every call.
pub(crate) const SOUND_MISSES: usize = 256;

/// Calls still going at SIGTERM may last this long before they are ended, unless `--drain` says otherwise.
pub(crate) const DRAIN: Duration = Duration::from_secs(30);

/// When everything has been told to end, this long until the process ends without waiting for it.
pub(crate) const LAST_WORDS: Duration = Duration::from_secs(5);

/// The first pause before a mail is tried again; each further one is twice as long.
pub(crate) const MAIL_AGAIN: Duration = Duration::from_secs(10);

/// No pause is longer: a server that was mended in the evening has the mail before the night.
pub(crate) const MAIL_AGAIN_MAX: Duration = Duration::from_secs(3600);

/// After so long a mail is given up and its owner told; the message stays in its mailbox.
pub(crate) const MAIL_GIVEN_UP: Duration = Duration::from_secs(3 * 24 * 3600);

/// How often the queue is looked at when nothing seems to wait.
pub(crate) const MAIL_LOOK: Duration = Duration::from_secs(60);

/// How long a mail server may think about one command.
pub(crate) const MAIL_PATIENCE: Duration = Duration::from_secs(30);

/// Scripts and programs of plans that run at one time: each is a process.
pub(crate) const SCRIPTS: usize = 32;

/// Longest line of a script, in bytes: longer than any command with its values.
pub(crate) const SCRIPT_LINE: usize = 8_192;

/// Changes of the plan's database that may wait for the disk.
pub(crate) const PLAN_ROWS: usize = 1_024;

/// How often it is looked whether there is something to tell the owner.
pub(crate) const NOTICE_LOOK: Duration = Duration::from_secs(1);

/// Events that one mail or post tells of; what happened before them is in the list of events.
pub(crate) const NOTICES_AT_ONCE: u32 = 100;

/// A mail or post that did not go out is tried again after this, then ever later.
pub(crate) const NOTICE_AGAIN: Duration = Duration::from_secs(10);

/// And at the latest after this.
pub(crate) const NOTICE_AGAIN_MAX: Duration = Duration::from_secs(3_600);

/// A webhook may take so long to answer.
pub(crate) const NOTICE_PATIENCE: Duration = Duration::from_secs(10);
