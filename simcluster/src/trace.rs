//! What happened, as lines for people and as one number for comparing runs.

use std::hash::{DefaultHasher, Hash, Hasher};

/// See the module.
#[derive(Debug)]
pub struct Trace {
    told: bool,
    hasher: DefaultHasher,
    lines: Vec<String>,
}

impl Trace {
    /// Keeps lines only where they are to be told.
    pub fn new(told: bool) -> Self {
        Self {
            told,
            hasher: DefaultHasher::new(),
            lines: Vec::new(),
        }
    }

    /// Notes what happened at an instant.
    pub fn note(&mut self, now: u64, words: impl FnOnce() -> String) {
        let words = words();
        (now, &words).hash(&mut self.hasher);
        if self.told {
            println!("{now} {words}");
        }
    }

    /// The number.
    pub fn fingerprint(&self) -> u64 {
        self.hasher.finish()
    }

    /// The lines.
    pub fn lines(&self) -> Vec<String> {
        self.lines.clone()
    }
}
