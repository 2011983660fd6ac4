//! Shows how a long step goes: one live line on a terminal, a plain line every 15 s
//! elsewhere. It writes to standard error, so that standard output stays for results,
//! and knows nothing of what the step does.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// How often a log that is not a terminal gets a line.
const PLAIN_INTERVAL: Duration = Duration::from_secs(15);
/// How often the live line is redrawn.
const LIVE_INTERVAL: Duration = Duration::from_millis(200);

/// A span of time as `12s` or `3m05s`.
pub fn in_words(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        _ => format!("{}m{:02}s", seconds / 60, seconds % 60),
    }
}

/// One step that is under way.
pub struct Progress {
    what: String,
    started: Instant,
    drawn: Instant,
    live: bool,
    silent: bool,
}

impl Progress {
    /// Announces a step. `what` reads like "build the control plane".
    pub fn start(what: impl Into<String>) -> Self {
        Self::new(what.into(), false)
    }

    /// A step that shows nothing: for tests, whose output is their own.
    pub fn silent() -> Self {
        Self::new(String::new(), true)
    }

    fn new(what: String, silent: bool) -> Self {
        let now = Instant::now();
        let progress = Self {
            what,
            started: now,
            drawn: now,
            live: std::io::stderr().is_terminal(),
            silent,
        };
        progress.line("…");
        progress
    }

    /// Says where the step stands. Cheap enough to be called from a polling loop.
    pub fn tick(&mut self, detail: &str) {
        let due = if self.live {
            LIVE_INTERVAL
        } else {
            PLAIN_INTERVAL
        };
        if self.drawn.elapsed() >= due {
            self.drawn = Instant::now();
            self.line(&format!("{} {detail}", self.elapsed()));
        }
    }

    /// Ends the step with its result and leaves the line standing.
    pub fn done(self, detail: &str) {
        self.line(&format!("{detail} ({})", self.elapsed()));
        if self.live && !self.silent {
            eprintln!();
        }
    }

    /// Time since the step began, as `12s` or `3m05s`.
    pub fn elapsed(&self) -> String {
        in_words(self.started.elapsed())
    }

    fn line(&self, detail: &str) {
        if self.silent {
            return;
        }
        let mut err = std::io::stderr().lock();
        // A progress line that cannot be written is no reason to stop the step.
        let _ = if self.live {
            write!(err, "\r\x1b[2K{}: {detail}", self.what).and_then(|()| err.flush())
        } else {
            writeln!(err, "{}: {detail}", self.what)
        };
    }
}
