//! Shows the play while it goes on: a small board that is redrawn on a terminal, one plain line
//! every few seconds elsewhere. It only repeats what the window saw.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use edugrid_crds::visibility::{QueuePhase, TenantUse};
use jiff::Timestamp;

use super::text;
use super::trace::JOBS;
use super::window::{View, is_finished};
use super::world::{CARDS_PER_NODE, NODES, POOL, TENANTS, Tenant};

/// How often a log that is not a terminal gets a line.
const PLAIN_INTERVAL: Duration = Duration::from_secs(4);
/// Longest list of reasons on the board, in characters.
const WHY_WIDTH: usize = 38;
/// Longest sentence about the first one in line, in characters.
const SENTENCE_WIDTH: usize = 100;
/// Colours of the tenants on a terminal: blue, green, yellow.
const COLOURS: [u8; TENANTS.len()] = [34, 32, 33];

/// The board.
pub struct Board {
    live: bool,
    /// Virtual instant at which the play began; that of the first look.
    began: Option<Timestamp>,
    lines_drawn: usize,
    drawn: Option<Instant>,
}

/// A tenant's line.
#[derive(Debug, Default, PartialEq, Eq)]
struct Line {
    running: usize,
    waiting: usize,
    why: String,
    cards: u32,
    quota: String,
    held: u64,
    charged: u64,
}

impl Board {
    /// A board that fits standard output.
    pub fn new() -> Self {
        Self {
            live: std::io::stdout().is_terminal(),
            began: None,
            lines_drawn: 0,
            drawn: None,
        }
    }

    /// Shows what was seen; in a log only now and then, but what is `last` in any case.
    pub fn show(&mut self, view: &View, last: bool) {
        let due = |drawn: Instant| last || self.live || drawn.elapsed() >= PLAIN_INTERVAL;
        if !self.drawn.is_none_or(due) {
            return;
        }
        self.drawn = Some(Instant::now());
        let began = *self.began.get_or_insert(view.now());
        let passed = view.now().duration_since(began).as_secs().unsigned_abs();
        let lines: Vec<Line> = TENANTS
            .iter()
            .zip(&view.uses)
            .map(|(tenant, uses)| line(tenant, uses, view))
            .collect();
        let mut out = std::io::stdout().lock();
        // A board that cannot be shown is no reason to stop the play.
        let _ = if self.live {
            let frame = frame(passed, &lines, view);
            let up = self.lines_drawn;
            self.lines_drawn = frame.lines().count();
            redraw(&mut out, up, &frame)
        } else {
            writeln!(out, "{}", plain(passed, &lines, view))
        };
    }
}

/// Draws over the frame before. Lines do not wrap while it does, or the cursor's way back up
/// would be wrong on a narrow terminal.
fn redraw(out: &mut impl Write, up: usize, frame: &str) -> std::io::Result<()> {
    write!(out, "\x1b[?7l")?;
    if up > 0 {
        write!(out, "\x1b[{up}A")?;
    }
    for line in frame.lines() {
        writeln!(out, "\r\x1b[2K{line}")?;
    }
    write!(out, "\x1b[?7h")?;
    out.flush()
}

fn line(tenant: &Tenant, uses: &TenantUse, view: &View) -> Line {
    let mine = view.queue.items.iter();
    let mine = mine.filter(|job| job.metadata.namespace.as_deref() == Some(tenant.name));
    let mut line = Line::default();
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for job in mine {
        if job.phase == QueuePhase::Waiting {
            line.waiting += 1;
            *reasons
                .entry(job.reason.as_deref().unwrap_or("new"))
                .or_default() += 1;
        } else {
            line.running += 1;
        }
    }
    let mut reasons: Vec<(&str, usize)> = reasons.into_iter().collect();
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let reasons: Vec<String> = reasons
        .iter()
        .map(|(code, count)| format!("{count} {code}"))
        .collect();
    line.why = reasons.join(", ");
    if let Some(pool) = uses.pools.iter().find(|pool| pool.pool == POOL) {
        line.cards = pool.usage.text().parse().unwrap_or(0);
        line.quota = pool.effective_nominal.text();
    }
    let amounts = uses.vouchers.iter().map(|it| (&it.held, &it.spent));
    let amounts = amounts.chain(uses.own.iter().map(|it| (&it.held, &it.spent)));
    for (held, spent) in amounts {
        line.held += text::micro_yuan(held.as_str()).unwrap_or(0);
        line.charged += text::micro_yuan(spent.as_str()).unwrap_or(0);
    }
    line
}

fn headline(passed: u64, lines: &[Line], view: &View) -> String {
    let busy: u32 = lines.iter().map(|line| line.cards).sum();
    format!(
        "{:>6}  {} of {JOBS} jobs submitted, {} finished, {busy} of {} cards in use",
        text::minutes(passed),
        view.jobs.len(),
        view.finished(),
        NODES * CARDS_PER_NODE,
    )
}

fn plain(passed: u64, lines: &[Line], view: &View) -> String {
    let mut text = headline(passed, lines, view);
    for (tenant, line) in TENANTS.iter().zip(lines) {
        // Writing to a String never fails.
        let _ = write!(
            text,
            " | {} uses {} of its {}",
            tenant.name, line.cards, line.quota
        );
        if line.waiting > 0 {
            let _ = write!(text, ", waits: {}", line.why);
        }
    }
    text
}

fn frame(passed: u64, lines: &[Line], view: &View) -> String {
    let mut text = format!("\x1b[1m{}\x1b[0m\n\n", headline(passed, lines, view));
    for (node, cards) in cards(view) {
        let _ = write!(text, "  {node} ");
        for card in cards {
            match card {
                Some(tenant) => {
                    let letter = &TENANTS[tenant].name[..1];
                    let _ = write!(text, "\x1b[{}m{letter}\x1b[0m", COLOURS[tenant]);
                }
                None => text.push('·'),
            }
        }
    }
    let _ = write!(
        text,
        "\n\n  {:<6} {:>5} {:>8} {:>7} {:>7}  {:<WHY_WIDTH$} {:>9} {:>9}\n",
        "TENANT", "CARDS", "OF QUOTA", "RUNNING", "WAITING", "WHY", "HELD", "CHARGED"
    );
    for ((tenant, line), colour) in TENANTS.iter().zip(lines).zip(COLOURS) {
        let why: String = line.why.chars().take(WHY_WIDTH).collect();
        let _ = writeln!(
            text,
            "  \x1b[{colour}m{:<6}\x1b[0m {:>5} {:>8} {:>7} {:>7}  {why:<WHY_WIDTH$} {:>9} {:>9}",
            tenant.name,
            line.cards,
            line.quota,
            line.running,
            line.waiting,
            text::fen(line.held),
            text::fen(line.charged),
        );
    }
    // A line even when nobody waits, so that the board keeps its height.
    let _ = writeln!(text, "\n  first in line: {}", first_in_line(view));
    text
}

/// Who is first in line, and what is missing, in the operator's words.
fn first_in_line(view: &View) -> String {
    let waiting = view.queue.items.iter();
    let Some(job) = waiting.min_by_key(|job| job.position_in_pool.unwrap_or(u64::MAX)) else {
        return "nobody".to_owned();
    };
    if job.phase != QueuePhase::Waiting {
        return "nobody".to_owned();
    }
    let name = |part: &Option<String>| part.clone().unwrap_or_default();
    let sentence = format!(
        "{}/{}: {}",
        name(&job.metadata.namespace),
        name(&job.metadata.name),
        job.message.as_deref().unwrap_or("is new"),
    );
    sentence.chars().take(SENTENCE_WIDTH).collect()
}

/// Whose each card of each node is, as the jobs' placements say.
fn cards(view: &View) -> BTreeMap<String, [Option<usize>; CARDS_PER_NODE as usize]> {
    let mut nodes = super::world::nodes()
        .map(|node| (node, [None; CARDS_PER_NODE as usize]))
        .collect::<BTreeMap<_, _>>();
    for job in view.jobs.iter().filter(|job| !is_finished(job)) {
        let namespace = job.metadata.namespace.as_deref();
        let tenant = TENANTS
            .iter()
            .position(|tenant| Some(tenant.name) == namespace);
        let per_pod = |role: &str| {
            let role = job.spec.roles.iter().find(|it| it.name == role);
            let cards = role.and_then(|role| role.cards.as_ref());
            cards.map_or(0, |cards| cards.text().parse().unwrap_or(0))
        };
        for placed in job.status.iter().flat_map(|status| &status.placement) {
            for share in &placed.nodes {
                let count = per_pod(&placed.role) * share.replicas.unsigned_abs() as usize;
                let free = nodes.get_mut(&share.name).into_iter().flatten();
                free.filter(|card| card.is_none())
                    .take(count)
                    .for_each(|card| *card = tenant);
            }
        }
    }
    nodes
}

#[cfg(test)]
#[path = "board_tests.rs"]
mod tests;
