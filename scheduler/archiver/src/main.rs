//! The binary of the archiver.

fn main() {}
