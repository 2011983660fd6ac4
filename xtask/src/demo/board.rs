//! Shows the play while it goes on: a board that is redrawn on a terminal, one plain line every few
//! seconds and what is new elsewhere. It only repeats what the scene holds; how a frame looks is
//! `frame.rs`'s.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::frame::{self, Size};
use super::scene::Scene;
use super::text;
use super::waits::News;
use super::window::View;
use super::words::Language;
use super::world::POOLS;

/// How often a log that is not a terminal gets a line.
const PLAIN_INTERVAL: Duration = Duration::from_secs(5);
/// A terminal whose size is not known.
const SIZE_ASSUMED: Size = Size {
    columns: 100,
    rows: 30,
};
/// Longest sentence about a reason in a log, in columns.
const SENTENCE_WIDTH: usize = 150;

/// The board.
pub struct Board {
    live: bool,
    language: Language,
    /// Jobs that will be played.
    jobs: usize,
    /// Virtual instant at which the play began; that of the first look.
    began: Option<Timestamp>,
    lines_drawn: usize,
    drawn: Option<Instant>,
}

impl Board {
    /// A board that fits standard output: drawn on a terminal, unless `NO_COLOR` or a terminal
    /// without a cursor says otherwise.
    pub fn new(jobs: usize, language: Language) -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        Self {
            live: std::io::stdout().is_terminal() && !set("NO_COLOR") && !dumb,
            language,
            jobs,
            began: None,
            lines_drawn: 0,
            drawn: None,
        }
    }

    /// Shows what was seen; in a log only now and then, but what is new or `last` in any case.
    pub fn show(&mut self, view: &View, news: &[News], last: bool) {
        let now = view.now();
        let began = *self.began.get_or_insert(now);
        let passed = now.duration_since(began).as_secs().unsigned_abs();
        let mut out = std::io::stdout().lock();
        if !self.live {
            for item in news {
                // A board that cannot be shown is no reason to stop the play; nor are its lines.
                let _ = writeln!(out, "{}", told(passed, item, self.language));
            }
        }
        let due = |drawn: Instant| last || self.live || drawn.elapsed() >= PLAIN_INTERVAL;
        if !self.drawn.is_none_or(due) {
            return;
        }
        self.drawn = Some(Instant::now());
        let scene = Scene::of(view);
        let _ = if self.live {
            let lines = frame::lines(&scene, self.jobs, (passed, now), size(), self.language);
            let up = std::mem::replace(&mut self.lines_drawn, lines.len());
            redraw(&mut out, up, &lines)
        } else {
            writeln!(out, "{}", plain(passed, &scene, self.jobs, self.language))
        };
    }
}

/// The size of the terminal on standard output.
fn size() -> Size {
    let size = rustix::termios::tcgetwinsize(std::io::stdout());
    match size {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => Size {
            columns: size.ws_col.into(),
            rows: size.ws_row.into(),
        },
        _ => SIZE_ASSUMED,
    }
}

/// Draws over the frame before. Lines do not wrap while it does, or the cursor's way back up
/// would be wrong on a narrow terminal.
fn redraw(out: &mut impl Write, up: usize, lines: &[String]) -> std::io::Result<()> {
    write!(out, "\x1b[?7l")?;
    if up > 0 {
        write!(out, "\x1b[{up}A")?;
    }
    for line in lines {
        writeln!(out, "\r\x1b[2K{line}")?;
    }
    // What a taller frame left below this one.
    write!(out, "\x1b[J\x1b[?7h")?;
    out.flush()
}

fn plain(passed: u64, scene: &Scene, jobs: usize, language: Language) -> String {
    let pools: Vec<String> = scene
        .pools
        .iter()
        .zip(POOLS)
        .map(|(line, pool)| format!("{} {}/{}", pool.name, line.busy(), pool.capacity()))
        .collect();
    let mut text = format!(
        "{:>6}  {} {}/{jobs}, {} {}, {} {} | {}",
        text::minutes(passed),
        language.pick(["submitted", "已提交"]),
        scene.submitted,
        language.pick(["running", "运行"]),
        scene.running,
        language.pick(["finished", "结束"]),
        scene.finished,
        pools.join(", "),
    );
    if scene.waiting > 0 {
        text += &format!(
            " | {} {}: {}",
            language.pick(["waiting", "等待"]),
            scene.waiting,
            frame::reasons(&scene.reasons())
        );
    }
    text
}

fn told(passed: u64, news: &News, language: Language) -> String {
    let first = language.pick(["first to wait for", "首个等待原因"]);
    let [english, chinese] = &news.sentence;
    let sentence = text::cut(language.pick([english, chinese]), SENTENCE_WIDTH);
    let (job, code) = (&news.job, &news.code);
    format!(
        "{:>6}  {first} {code}: {job}: {sentence}",
        text::minutes(passed)
    )
}

#[cfg(test)]
#[path = "board_tests.rs"]
mod tests;
