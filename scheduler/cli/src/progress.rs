//! How far a long reading has come: one line on the terminal, redrawn and wiped away, on
//! standard error, so that answers stay clean. Nothing at all where that is no terminal.

use std::{
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

use crate::{look::Look, sentences};

/// Between two drawings.
const REDRAW: Duration = Duration::from_millis(100);
/// Between two looks at the clock, in pieces: reading one takes microseconds.
const LOOK_EVERY: u64 = 64;
/// Cells of the bar.
const CELLS: u64 = 30;

/// A bar that fills.
pub struct Progress {
    /// `None`: nobody looks.
    out: Option<Box<dyn Write>>,
    look: Look,
    drawn: Option<Instant>,
    steps: u64,
}

impl Progress {
    /// On standard error, if that is a terminal.
    pub fn of_terminal(look: Look) -> Self {
        let stderr = io::stderr();
        let out = stderr
            .is_terminal()
            .then(|| Box::new(stderr) as Box<dyn Write>);
        Self::on(out, look)
    }

    fn on(out: Option<Box<dyn Write>>, look: Look) -> Self {
        Self {
            out,
            look,
            drawn: None,
            steps: 0,
        }
    }

    /// Where the reading is: of what there is, if that is known, and in entries.
    pub fn at(&mut self, (done, all): (u64, Option<u64>), entries: u64) {
        let step = self.steps;
        self.steps = step.saturating_add(1);
        let Some(out) = self
            .out
            .as_mut()
            .filter(|_| step.is_multiple_of(LOOK_EVERY))
        else {
            return;
        };
        if self.drawn.is_some_and(|drawn| drawn.elapsed() < REDRAW) {
            return;
        }
        self.drawn = Some(Instant::now());
        let told = sentences::entries_so_far(self.look.language, entries);
        let line = match all {
            Some(all) => format!("{} {told}", bar(done, all)),
            None => told,
        };
        // Who can't see it misses nothing.
        let _shown = write!(out, "\r{line}\x1b[K").and_then(|()| out.flush());
    }
}

/// Wiped away, whatever ended the reading.
impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(out) = self.out.as_mut().filter(|_| self.drawn.is_some()) {
            let _shown = write!(out, "\r\x1b[K").and_then(|()| out.flush());
        }
    }
}

fn bar(done: u64, all: u64) -> String {
    let of = |whole: u64| {
        let part = u128::from(done.min(all)).saturating_mul(u128::from(whole));
        let part = part
            .checked_div(u128::from(all))
            .unwrap_or(u128::from(whole));
        usize::try_from(part).unwrap_or(usize::MAX)
    };
    let cells = usize::try_from(CELLS).unwrap_or(usize::MAX);
    let full = of(CELLS).min(cells);
    format!(
        "[{}{}] {:>3}%",
        "#".repeat(full),
        ".".repeat(cells.saturating_sub(full)),
        of(100),
    )
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, rc::Rc};

    use super::*;

    #[derive(Clone, Default)]
    struct Paper(Rc<RefCell<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_bar_fills_and_is_wiped_away() {
        assert_eq!(bar(0, 10), format!("[{}]   0%", ".".repeat(30)));
        assert_eq!(
            bar(5, 10),
            format!("[{}{}]  50%", "#".repeat(15), ".".repeat(15))
        );
        assert_eq!(bar(11, 10), format!("[{}] 100%", "#".repeat(30)));
        assert_eq!(bar(0, 0), format!("[{}] 100%", "#".repeat(30)));
        let paper = Paper::default();
        let mut progress = Progress::on(Some(Box::new(paper.clone())), Look::default());
        progress.at((5, Some(10)), 1234);
        progress.at((6, Some(10)), 1235);
        drop(progress);
        let text = String::from_utf8(paper.0.take()).expect("text");
        let line = format!("{} 1234 entries are sound so far", bar(5, 10));
        assert_eq!(text, format!("\r{line}\x1b[K\r\x1b[K"));
    }

    #[test]
    fn where_nobody_looks_nothing_is_written() {
        let mut progress = Progress::on(None, Look::default());
        progress.at((5, Some(10)), 1234);
        assert_eq!(progress.drawn, None);
    }
}
