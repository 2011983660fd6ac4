//! A simulated cluster for the operator's own code: API server, network, clock and disk are
//! deterministic and can fail in every way that they fail in life; an auditor looks after
//! every step. One seed is one run, to the last event.
//!
//! # The rooms
//!
//! `api` is an API server in memory, `gate` the client's end of the network and `network`
//! the rest of it; `machine` runs an operator or the archiver poll by poll, on its own of the `disks`; `kubernetes` plays the
//! controllers and kubelets, `world` the province and its people; `faults` says what goes
//! wrong, `audit` what must never be, and `simulation` lets it happen.
//!
//! It must not know how the operator decides: what it judges by is the journal's bytes, the
//! objects and the truth of the kubelets.

mod api;
mod audit;
mod disks;
mod faults;
mod gate;
mod hands;
mod kubernetes;
mod machine;
mod network;
mod random;
mod simulation;
mod trace;
mod world;

pub use api::Rules;
pub use audit::Sums;
pub use faults::Fault;
pub use simulation::{Options, Outcome, run};
