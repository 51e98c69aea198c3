//! Session descriptions (RFC 8866) and offer/answer (RFC 3264): what two ends agree on before the first RTP packet.
//!
//! [`Session`] is the text as a value: parse it, write it. [`Local`] is our side of one call leg: it makes offers, answers
//! them, and yields [`Negotiated`], which [`crate::plane`] eats. [`Caps`] is what we are ready to speak, in order.

mod caps;
mod local;
mod parse;
mod session;
mod write;

pub use caps::{Caps, Format, Opaque, Prefer};
pub use local::{Local, NegotiateError, Negotiated, PayloadTypes};
pub use parse::ParseError;
pub use session::{Direction, Media, Origin, Payload, Rtcp, Session};
