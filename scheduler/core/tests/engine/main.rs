//! The engine from outside: text worlds in, plans and reasons out, and properties
//! against oracles that know nothing of how it works.

mod naive;
mod properties;
mod reasons;
mod scenario;
mod text;
mod worlds;
