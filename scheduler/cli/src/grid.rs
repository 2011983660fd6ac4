//! Tables in kubectl's manner: columns of text, three blanks apart, aligned by what they
//! take on a screen: a Chinese character takes two columns, a colour none.

use unicode_width::UnicodeWidthStr;

use crate::{
    look::{Look, Tone},
    words::Word,
};

/// A table under construction; every row has as many cells as the head.
#[derive(Clone, Debug)]
pub struct Grid {
    look: Look,
    rows: Vec<Vec<Cell>>,
}

/// A text in a tone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    /// A text that is shown in a tone.
    pub fn toned(tone: Tone, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { text, tone }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::toned(Tone::Plain, text)
    }
}

impl Grid {
    /// A table with these column heads.
    pub fn new(look: Look, head: &[Word]) -> Self {
        let head = head
            .iter()
            .map(|word| Cell::toned(Tone::Head, look.word(*word)));
        let rows = vec![head.collect()];
        Self { look, rows }
    }

    /// Adds a row. Texts with line breaks are folded into one line.
    pub fn row(&mut self, cells: Vec<Cell>) {
        let fold = |cell: Cell| Cell::toned(cell.tone, folded(&cell.text));
        self.rows.push(cells.into_iter().map(fold).collect());
    }

    /// Whether there is no row below the head.
    pub fn is_empty(&self) -> bool {
        self.rows.len() <= 1
    }

    /// The lines, each ended by a line feed.
    pub fn text(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                let cells = self.rows.iter().filter_map(|row| row.get(column));
                cells.map(|cell| cell.text.width()).max().unwrap_or(0)
            })
            .collect();
        let mut text = String::new();
        for row in &self.rows {
            // Blanks are owed until a later cell needs them: no line ends with any.
            let mut owed = 0;
            for (cell, width) in row.iter().zip(&widths) {
                if !cell.text.is_empty() {
                    text.extend(std::iter::repeat_n(' ', owed));
                    text.push_str(&self.look.paint(cell.tone, &cell.text));
                    owed = 0;
                }
                owed = owed + width + 3 - cell.text.width();
            }
            text.push('\n');
        }
        text
    }
}

/// `text` in one line, and without characters that would command the terminal: parts of it may
/// be other people's.
pub fn folded(text: &str) -> String {
    text.split(char::is_control).collect::<Vec<_>>().join(" ")
}

/// `text` and blanks up to `width` columns of the screen.
pub fn padded(text: &str, width: usize) -> String {
    let blanks = width.saturating_sub(text.width());
    format!("{text}{}", " ".repeat(blanks))
}

#[cfg(test)]
mod tests {
    use edugrid_units::Language;

    use super::*;

    fn grid(look: Look) -> Grid {
        let mut grid = Grid::new(look, &[Word::Job, Word::Units, Word::Message]);
        grid.row(vec![
            "resnet".into(),
            Cell::toned(Tone::Bad, "32"),
            "two\nlines".into(),
        ]);
        grid.row(vec!["作业".into(), "".into(), "".into()]);
        grid
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        assert_eq!(
            grid(Look::default()).text(),
            "JOB      UNITS   MESSAGE\n\
             resnet   32      two lines\n\
             作业\n",
        );
    }

    #[test]
    fn a_chinese_character_takes_two_columns() {
        let look = Look {
            language: Language::Chinese,
            ..Look::default()
        };
        assert_eq!(
            grid(look).text(),
            "作业     计费单位数   说明\n\
             resnet   32           two lines\n\
             作业\n",
        );
    }

    #[test]
    fn colours_move_nothing() {
        let look = Look {
            colour: true,
            ..Look::default()
        };
        let coloured = grid(look).text();
        assert!(coloured.contains("\u{1b}[31m32\u{1b}[0m"), "{coloured:?}");
        let mut plain = coloured;
        for code in ["\u{1b}[1m", "\u{1b}[31m", "\u{1b}[0m"] {
            plain = plain.replace(code, "");
        }
        assert_eq!(plain, grid(Look::default()).text());
    }

    #[test]
    fn labels_are_padded_by_what_they_take() {
        assert_eq!(padded("租户", 6), "租户  ");
        assert_eq!(padded("Tenant", 6), "Tenant");
    }
}
