//! RFC 3261 as state machines over bytes and a clock.
//!
//! Bytes and the time come in through [`Endpoint::receive`] and [`Endpoint::timeout`]; packets and
//! [`Event`]s go out through [`Endpoint::poll_transmit`] and [`Endpoint::poll_event`]. Nothing here
//! opens a socket, reads a clock or draws a random number of its own.
//! Start with [`event`] (what the exchange is told and may ask for), then [`endpoint`].
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods))]

mod body;
pub mod digest;
pub mod endpoint;
pub mod event;
pub mod flow;
pub mod framer;
pub mod header;
pub mod limits;
pub mod message;
pub mod registrar;
pub mod registration;
mod rng;
pub mod uri;

pub use digest::{Authenticator, Credentials, Ha1, Verdict};
pub use endpoint::{Content, Endpoint, Leftover, Stats};
pub use event::{
    Admit, Advertise, Config, Doorman, End, Event, ForkTag, Invite, OutRequest, Party, RequestId, SessionId,
    SubscriptionId, Topic, Transmit, TxnId,
};
pub use flow::{Flow, Transport};
pub use framer::{Frame, FrameError, Framer};
pub use header::{HeaderList, Name, Value};
pub use limits::Limits;
pub use message::{Method, NameAddr, Request, Response};
pub use registrar::{Binding, Registrar, SavedBinding};
pub use registration::{Registered, Registration};
pub use uri::Uri;
