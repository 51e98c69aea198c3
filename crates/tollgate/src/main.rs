//! The exchange: sockets, files, clock, command line.
fn main() {}
