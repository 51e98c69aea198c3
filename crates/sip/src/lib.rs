//! RFC 3261 as state machines over bytes and a clock
