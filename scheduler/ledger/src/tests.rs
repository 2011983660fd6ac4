//! The books as a whole: small worlds in, money out.

mod archive;
mod example;
mod faulty_disk;
mod journal;
mod let_go;
mod properties;
mod rules;
mod snapshot;
mod statements;
mod views;
mod world;
