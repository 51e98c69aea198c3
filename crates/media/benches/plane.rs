//! What a packet costs inside the plane.

fn main() {}
