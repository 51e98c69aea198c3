//! Sockets: signalling in `sip_io` (with `udp`, `tcp` and `tls` below it, `dns` for the way to trunks), sound in `media_io` and `media_thread`. The first of the ten stops of a call.

pub(crate) mod address;
pub(crate) mod bind;
pub(crate) mod dns;
pub(crate) mod media_io;
pub(crate) mod media_thread;
pub(crate) mod ports;
pub(crate) mod sip_io;
pub(crate) mod stun;
pub(crate) mod tcp;
pub(crate) mod tls;
pub(crate) mod udp;
