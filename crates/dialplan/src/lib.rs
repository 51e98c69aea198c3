//! The dialplan language, and the words that proof and gate share
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod number;
pub mod policy;
pub mod reach;
