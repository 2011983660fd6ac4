//! All end-to-end tests, one program: each room is one thing that users, administrators or bad
//! days do to a real control plane. One program and not one per file, so that a test waits for
//! a free core and not for the file before it. No room may know another; what several need is
//! in the library of this package.

mod archive;
mod by_hand;
mod cli;
mod crashes;
mod deep_queue;
mod delegation;
mod external;
mod first_job;
mod full_journal;
mod gone_namespace;
mod gone_node;
mod guides;
mod isolation;
mod lives;
mod outages;
mod policies;
mod prometheus;
mod quota_change;
mod readiness;
mod reading;
mod refusals;
mod remembers;
mod rights;
mod rivals;
mod set_back;
mod two_leaders;
mod unguarded;
mod waiting;
