//! The engine from outside: text worlds in, plans and reasons out, and properties
//! against oracles that know nothing of how it works.

mod cut_properties;
mod cuts;
mod naive;
mod nonsense;
mod past;
mod properties;
mod reading;
mod reasons;
mod scale;
mod scenario;
mod text;
mod worlds;
