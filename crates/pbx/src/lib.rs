//! A call: who is it, which step, which application, the gate, the legs, the record.
//!
//! Start at [`call`] (one task per call), then [`entry`] (trust), [`gate`] (money), [`leg`] (outgoing legs) and
//! [`apps`] (what a dialplan line does). The shell hands in sockets as [`switch::World`] and [`media_port::MediaPlane`].
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod agi;
pub mod apps;
pub mod call;
pub mod caller;
pub mod cdr;
pub mod channel;
pub mod config;
pub mod control;
pub mod database;
pub mod drill;
pub mod entry;
pub mod exchange;
mod functions;
pub mod gate;
pub mod groups;
pub mod guard;
pub mod lamp;
pub mod leg;
pub mod limits;
pub mod live;
pub mod mailbox;
pub mod media_port;
pub mod notice;
pub mod parking;
pub mod phones;
pub mod pin;
pub mod plan;
pub mod programs;
pub mod signal;
pub mod simulate;
pub mod snapshot;
pub mod sounds;
pub mod switch;
pub mod trunks;
pub mod unusual;
