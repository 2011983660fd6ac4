//! One frame of the board: what a scene looks like on a terminal of a given size. It fits 100
//! columns and 30 rows; a smaller terminal gets less of it, a larger one more air and full names.
//! It must not know where a scene comes from.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::scene::{INSTITUTIONS, PoolLine, Purse, Scene, Share, TenantLine};
use super::text;
use super::trace::FACTOR;
use super::words::Language;
use super::world::{POOLS, Place, Pool, TREE, band_at, in_province, institution_number};

/// Of a terminal, in characters.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Its width.
    pub columns: usize,
    /// Its height.
    pub rows: usize,
}

/// Colours of the institutions: blue, green, yellow, magenta, cyan.
const COLOURS: [u8; INSTITUTIONS] = [34, 32, 33, 35, 36];
/// The columns of a tenant's name with its indent.
const NAME_WIDTH: usize = 13;
/// The same where names are Chinese.
const NAME_WIDTH_ZH: usize = 19;
/// What people call a tenant in English, where there is room for it.
const CALLED_WIDTH: usize = 24;
/// From how many columns on there is.
const WIDE: usize = 125;
/// A tenant's part of a pool, such as `120/64 +56`.
const SHARE_WIDTH: usize = 11;
/// The columns of the word above the reasons.
const WHY_WIDTH_MIN: usize = 4;
/// The bar of a pool, at most.
const BAR_WIDTH_MAX: usize = 48;
/// A purse: name, bar, numbers, and the space to the next one.
const PURSE_WIDTH: usize = 33;
const PURSE_NAME_WIDTH: usize = 14;
const PURSE_BAR_WIDTH: usize = 8;

/// The lines of a frame, at most one less than the terminal has rows.
pub fn lines(
    scene: &Scene,
    jobs: usize,
    (passed, now): (u64, Timestamp),
    size: Size,
    language: Language,
) -> Vec<String> {
    let sections = [
        vec![title(scene, jobs, (passed, now), language)],
        pools(scene, size, language),
        tenants(scene, size, language),
        first_in_line(scene, size, language),
        purses(scene, size, language),
    ];
    let room = size.rows.saturating_sub(1);
    let count: usize = sections.iter().map(Vec::len).sum();
    let air = sections.len() - 1;
    let mut lines = match count + air <= room {
        true => sections.join(&String::new()),
        false => sections.concat(),
    };
    lines.truncate(room);
    lines
}

fn paint(colour: u8, text: &str) -> String {
    format!("\x1b[{colour}m{text}\x1b[0m")
}

fn bold(text: &str) -> String {
    format!("\x1b[1m{text}\x1b[0m")
}

fn title(
    scene: &Scene,
    jobs: usize,
    (passed, now): (u64, Timestamp),
    language: Language,
) -> String {
    let local = in_province(now);
    let band = band_at(local).map_or(String::new(), |band| {
        format!(", {} ×0.{}", language.pick(band.called), band.tenths)
    });
    bold(&format!(
        "EduGrid  {} (+{}, {FACTOR}×{band})   {} {}/{jobs}   {} {}   {} {}   {} {}",
        local.strftime("%H:%M"),
        text::minutes(passed),
        language.pick(["submitted", "已提交"]),
        scene.submitted,
        language.pick(["running", "运行"]),
        scene.running,
        language.pick(["waiting", "等待"]),
        scene.waiting,
        language.pick(["finished", "结束"]),
        scene.finished,
    ))
}

fn pools(scene: &Scene, size: Size, language: Language) -> Vec<String> {
    let pools = scene.pools.iter().zip(POOLS);
    pools
        .map(|(line, pool)| {
            let width = size.columns.saturating_sub(52).clamp(10, BAR_WIDTH_MAX);
            format!(
                "{} {} {:>3}/{:<3} {}  {}",
                text::fit(pool.name, 11),
                bar(line, pool, width),
                line.busy(),
                pool.capacity(),
                language.pick(pool.unit),
                language.pick(pool.about),
            )
        })
        .collect()
}

/// A pool's units as a bar, each institution's in its colour.
fn bar(line: &PoolLine, pool: &Pool, width: usize) -> String {
    let mut bar = String::new();
    let (mut units, mut drawn) = (0_usize, 0_usize);
    for (used, colour) in line.used.iter().zip(COLOURS) {
        units += *used as usize;
        // Ends are rounded, not lengths, so that the bar as a whole is right.
        let end = (units * width)
            .div_ceil(pool.capacity() as usize)
            .min(width);
        if end > drawn {
            bar += &paint(colour, &"█".repeat(end - drawn));
            drawn = end;
        }
    }
    bar + &"░".repeat(width - drawn)
}

fn tenants(scene: &Scene, size: Size, language: Language) -> Vec<String> {
    let wide = size.columns >= WIDE && language == Language::En;
    let name_width = language.pick([NAME_WIDTH, NAME_WIDTH_ZH]);
    let mut head = text::fit(language.pick(["TENANT", "租户"]), name_width);
    if wide {
        head += &" ".repeat(CALLED_WIDTH);
    }
    for pool in POOLS {
        head += &text::fit(&pool.name.to_uppercase(), SHARE_WIDTH);
    }
    head += language.pick([" RUN  WAIT  WHY ", "运行  等待  原因"]);
    let why_width = size
        .columns
        .saturating_sub(text::width(&head) - WHY_WIDTH_MIN);
    let mut lines = vec![bold(&head)];
    for (line, place) in scene.tenants.iter().zip(&TREE) {
        let mut text = name(place, name_width, language);
        if wide {
            text += &text::fit(place.called(language), CALLED_WIDTH);
        }
        for share in line.shares {
            text += &text::fit(&part(share), SHARE_WIDTH);
        }
        let _ = write!(text, "{:>4}  {:>4}  ", line.running, line.waits());
        text += &why(line, place, why_width);
        lines.push(text);
    }
    lines
}

fn name(place: &Place, width: usize, language: Language) -> String {
    let indent = "  ".repeat(place.depth - 1);
    let name = language.pick([place.name, place.called(language)]);
    let name = text::fit(&format!("{indent}{name}"), width);
    let colour = institution_number(place.name).and_then(|index| COLOURS.get(index));
    colour.map_or(name.clone(), |colour| paint(*colour, &name))
}

/// A tenant's part of a pool: used, own, and what is borrowed above it.
fn part(share: Share) -> String {
    match (share.used, share.own) {
        (0, 0) => "·".to_owned(),
        (used, own) if used > own => format!("{used}/{own} +{}", used - own),
        (used, own) => format!("{used}/{own}"),
    }
}

/// Why the tenant's own jobs wait; where it only divides among others, theirs say it.
fn why(line: &TenantLine, place: &Place, columns: usize) -> String {
    match place.member {
        Some(_) => text::cut(&reasons(&line.waiting), columns),
        None => String::new(),
    }
}

/// Reasons with how many wait for each: `8 BorrowingLimit, 2 Held`.
pub fn reasons(reasons: &[(String, usize)]) -> String {
    let reasons: Vec<String> = reasons
        .iter()
        .map(|(code, count)| format!("{count} {code}"))
        .collect();
    reasons.join(", ")
}

fn first_in_line(scene: &Scene, size: Size, language: Language) -> Vec<String> {
    let pools = scene.pools.iter().zip(POOLS);
    pools
        .map(|(line, pool)| {
            let first = match &line.first {
                None => language.pick(["nobody waits", "无人等待"]).to_owned(),
                Some(first) => {
                    let sentence = language.pick([&first.sentence, &first.sentence_zh]);
                    format!("{} {}: {sentence}", first.job, first.code)
                }
            };
            let label = language.pick(["first for", "队首"]);
            let text = format!("{label} {}  {first}", text::fit(pool.name, 10));
            text::cut(&text, size.columns)
        })
        .collect()
}

fn purses(scene: &Scene, size: Size, language: Language) -> Vec<String> {
    let per_line = (size.columns / PURSE_WIDTH).max(1);
    let drawn: Vec<String> = scene.purses.iter().map(|it| purse(it, language)).collect();
    drawn.chunks(per_line).map(|chunk| chunk.concat()).collect()
}

/// A purse as a bar of what is spent, held and left, with spent and face in yuan.
fn purse(purse: &Purse, language: Language) -> String {
    let name = match purse.own {
        false => purse.name.clone(),
        true => format!("{}{}", purse.name, language.pick([" money", " 自有"])),
    };
    let cells = |amount: u64| {
        let cells = amount.saturating_mul(PURSE_BAR_WIDTH as u64);
        usize::try_from(cells.div_ceil(purse.face.max(1))).unwrap_or(0)
    };
    let spent = cells(purse.spent).min(PURSE_BAR_WIDTH);
    let gone = cells(purse.spent.saturating_add(purse.held)).clamp(spent, PURSE_BAR_WIDTH);
    let bar = "█".repeat(spent) + &"▒".repeat(gone - spent) + &"░".repeat(PURSE_BAR_WIDTH - gone);
    let numbers = format!("{}/{}", text::whole(purse.spent), text::whole(purse.face));
    format!(
        "{} {bar} {}",
        text::fit(&name, PURSE_NAME_WIDTH),
        text::fit(
            &numbers,
            PURSE_WIDTH - PURSE_NAME_WIDTH - PURSE_BAR_WIDTH - 2
        ),
    )
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
