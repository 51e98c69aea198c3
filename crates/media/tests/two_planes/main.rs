//! Phones and an exchange, each a `media::plane::Plane`, one clock that we own, and a wire that loses and reorders.
//!
//! Begin with `world`; each other file is one subject.
#![allow(unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod attacks;
mod bounds;
mod chaos;
mod digits;
mod record;
mod relay;
mod reports;
mod talk;
mod world;
