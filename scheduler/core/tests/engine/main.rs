//! The engine from outside: text worlds in, plans and reasons out, and properties
//! against oracles that know nothing of how it works.

mod reasons;
mod text;
mod worlds;
