//! `--watch`: an answer is asked for again and again. On a terminal it is drawn over the one
//! before; elsewhere, in a file or a pipe, an answer that says something new is appended.
//!
//! Flow: read, show, pause, until Ctrl-C or SIGTERM, which is the ordinary end.
//! Errors: what may pass (no answer, a standby) is told and asked again once something was
//! shown; any other refusal ends the watch.

use std::{
    io::{self, IsTerminal, Write},
    time::Duration,
};

use terminal_size::{Height, terminal_size};

use crate::{arguments::Watch, failure::Failure, look::Look, look::Tone, output::Page};

/// Draws from the upper left corner.
const HOME: &str = "\x1b[H";
/// Erases the screen.
const CLEAR: &str = "\x1b[2J";
/// Erases the rest of the line.
const CLEAR_LINE: &str = "\x1b[K";
/// Erases what is below.
const CLEAR_BELOW: &str = "\x1b[J";
/// Cuts lines at the right edge instead of breaking them, so that a line is a row.
const CUT_LINES: &str = "\x1b[?7l";
/// Breaks them again.
const BREAK_LINES: &str = "\x1b[?7h";

/// Shows an answer once, or until somebody ends it.
///
/// # Errors
/// If it can't be read, or not be written.
pub async fn show(
    watch: &Watch,
    look: Look,
    mut read: impl AsyncFnMut() -> Result<Page, Failure>,
) -> Result<(), Failure> {
    if !watch.watch {
        return crate::output::print(&read().await?.whole());
    }
    let stdout = io::stdout();
    let rows = || terminal_size().map(|(_, Height(rows))| usize::from(rows));
    let mut screen = Screen {
        look,
        terminal: stdout.is_terminal(),
        rows: stdout.is_terminal().then(rows).flatten(),
        out: stdout,
        shown: None,
    };
    let interval = Duration::from_secs(watch.interval);
    let pause = async || tokio::time::sleep(interval).await;
    tokio::select! {
        ended = repeat(read, pause, &mut screen) => ended,
        ended = interrupted() => ended.map_err(Failure::Output),
    }
}

/// Ends with Ctrl-C, or when the process is asked to end.
async fn interrupted() -> io::Result<()> {
    #[cfg(unix)]
    {
        let kind = tokio::signal::unix::SignalKind::terminate();
        let mut terminate = tokio::signal::unix::signal(kind)?;
        tokio::select! {
            pressed = tokio::signal::ctrl_c() => pressed,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}

/// Reads and shows until something fails for good.
async fn repeat<W: Write>(
    mut read: impl AsyncFnMut() -> Result<Page, Failure>,
    mut pause: impl AsyncFnMut(),
    screen: &mut Screen<W>,
) -> Result<(), Failure> {
    loop {
        let written = match read().await {
            Ok(page) => screen.show(&page),
            Err(failure) if failure.may_pass() && screen.shown.is_some() => screen.tell(&failure),
            Err(failure) => return Err(failure),
        };
        match written {
            // Whoever read it has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            other => other.map_err(Failure::Output)?,
        }
        pause().await;
    }
}

/// Where a watch is shown.
struct Screen<W> {
    look: Look,
    out: W,
    terminal: bool,
    /// Rows of the terminal, where it says so.
    rows: Option<usize>,
    /// The text that was shown last.
    shown: Option<String>,
}

impl<W: Write> Screen<W> {
    fn show(&mut self, page: &Page) -> io::Result<()> {
        let first = self.shown.is_none();
        if self.terminal {
            self.draw(&page.whole(), first)?;
        } else if self.shown.as_ref() != Some(&page.text) {
            let gap = if first { "" } else { page.gap };
            write!(self.out, "{gap}{}", page.whole())?;
        }
        self.shown = Some(page.text.clone());
        self.out.flush()
    }

    /// Draws over what stands there, without a moment of emptiness.
    fn draw(&mut self, text: &str, first: bool) -> io::Result<()> {
        if first {
            write!(self.out, "{CLEAR}")?;
        }
        write!(self.out, "{HOME}{CUT_LINES}")?;
        let lines: Vec<&str> = text.lines().collect();
        // The last row stays free for the cursor.
        let room = self.rows.map_or(lines.len(), |rows| rows.saturating_sub(1));
        let shown = if lines.len() > room {
            room.saturating_sub(1)
        } else {
            lines.len()
        };
        for line in lines.iter().take(shown) {
            writeln!(self.out, "{line}{CLEAR_LINE}")?;
        }
        if shown < lines.len() {
            let more = crate::sentences::more_lines(self.look.language, lines.len() - shown);
            let more = self.look.paint(Tone::Past, &more);
            writeln!(self.out, "{more}{CLEAR_LINE}")?;
        }
        write!(self.out, "{CLEAR_BELOW}{BREAK_LINES}")
    }

    /// Says why there is nothing new.
    fn tell(&mut self, failure: &Failure) -> io::Result<()> {
        let told = failure.told(self.look.language);
        let line = self.look.paint(Tone::Bad, &told.replace('\n', "; "));
        writeln!(self.out, "{line}")?;
        self.out.flush()
    }
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
