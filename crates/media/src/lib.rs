//! SDP, RTP, codecs, digits and sounds as state machines: nothing here opens a socket or a file, or reads a clock.
//!
//! Two halves. Audio as samples: [`codec`], [`wav`], [`sound`], [`tone`], [`dtmf`], [`inband`]. Audio as packets: [`sdp`]
//! agrees on them, [`plane`] moves them; begin there.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods))]

pub mod codec;
pub mod dtmf;
pub mod event;
pub mod inband;
pub mod jitter;
pub mod limits;
pub mod lock;
pub mod plane;
pub mod plc;
pub mod resample;
pub mod rtcp;
pub mod rtp;
pub mod sdp;
pub mod silence;
pub(crate) mod sine;
pub mod sound;
pub mod tone;
pub mod wav;
