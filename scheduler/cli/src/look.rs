//! How answers look to this reader: language, colour, width. Settled once, from flags and
//! environment; every table is made for a look and knows nothing else of the reader.

use std::io::IsTerminal;

use anstyle::{AnsiColor, Style};
use clap::ColorChoice;
use edugrid_units::Language;

use crate::words::Word;

/// How answers look.
#[derive(Clone, Copy, Debug, Default)]
pub struct Look {
    /// The language of heads and sentences.
    pub language: Language,
    /// Whether colours are written.
    pub colour: bool,
    /// Whether tables show all they know (`-o wide`).
    pub wide: bool,
}

/// What a colour means. The text says the same without it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// As everything else.
    #[default]
    Plain,
    /// The head of a table.
    Head,
    /// It goes well: it runs, it is valid.
    Good,
    /// It waits, or soon needs somebody.
    Wait,
    /// It needs somebody.
    Bad,
    /// It is over, or an aside.
    Past,
}

impl Look {
    /// The word in the reader's language.
    pub fn word(&self, word: Word) -> &'static str {
        word.text(self.language)
    }

    /// The same look, with or without all columns.
    pub fn wide(self, wide: bool) -> Self {
        Self { wide, ..self }
    }

    /// `text` in a tone.
    pub fn paint(&self, tone: Tone, text: &str) -> String {
        let style = tone.style();
        if self.colour && style != Style::new() {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }
}

impl Tone {
    fn style(self) -> Style {
        let colour = |colour: AnsiColor| Style::new().fg_color(Some(colour.into()));
        match self {
            Self::Plain => Style::new(),
            Self::Head => Style::new().bold(),
            Self::Good => colour(AnsiColor::Green),
            Self::Wait => colour(AnsiColor::Yellow),
            Self::Bad => colour(AnsiColor::Red),
            Self::Past => Style::new().dimmed(),
        }
    }
}

/// Whether standard output gets colours: never into a file or a pipe, and not where the
/// environment asks for none (<https://no-color.org>), unless the flag says so.
pub fn colours(choice: ColorChoice, variable: impl Fn(&str) -> Option<String>) -> bool {
    colours_on(choice, std::io::stdout().is_terminal(), variable)
}

fn colours_on(
    choice: ColorChoice,
    terminal: bool,
    variable: impl Fn(&str) -> Option<String>,
) -> bool {
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => {
            let refused = variable("NO_COLOR").is_some_and(|value| !value.is_empty());
            let dumb = variable("TERM").is_some_and(|value| value == "dumb");
            terminal && !refused && !dumb
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals_whose_owner_wants_them() {
        let with = |choice, terminal, environment: &'static [(&str, &str)]| {
            colours_on(choice, terminal, |name| {
                let found = environment.iter().find(|(key, _)| *key == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        let auto = ColorChoice::Auto;
        assert!(with(auto, true, &[("TERM", "xterm")]));
        assert!(!with(auto, false, &[("TERM", "xterm")]));
        assert!(!with(auto, true, &[("NO_COLOR", "1")]));
        assert!(with(auto, true, &[("NO_COLOR", "")]));
        assert!(!with(auto, true, &[("TERM", "dumb")]));
        assert!(with(ColorChoice::Always, false, &[("NO_COLOR", "1")]));
        assert!(!with(ColorChoice::Never, true, &[]));
    }

    #[test]
    fn without_colours_not_a_byte_is_added() {
        let plain = Look::default();
        assert_eq!(plain.paint(Tone::Bad, "x"), "x");
        let coloured = Look {
            colour: true,
            ..plain
        };
        assert_eq!(coloured.paint(Tone::Bad, "x"), "\u{1b}[31mx\u{1b}[0m");
        assert_eq!(coloured.paint(Tone::Plain, "x"), "x");
    }
}
