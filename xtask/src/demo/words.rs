//! The language in which the demo speaks: asked for by a flag, else the locale's. It must not know
//! what is said.

use clap::ValueEnum;

/// A language that the demo speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// English.
    #[default]
    En,
    /// 中文.
    Zh,
}

impl Language {
    /// What the locale asks for, by the variables that POSIX names, in their order.
    pub fn of_locale() -> Self {
        let set = |name: &&str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].iter().find_map(set);
        Self::of(locale.as_deref().unwrap_or_default())
    }

    fn of(locale: &str) -> Self {
        match locale.to_ascii_lowercase().starts_with("zh") {
            true => Self::Zh,
            false => Self::En,
        }
    }

    /// The English or the Chinese one of two.
    pub fn pick<T: Copy>(self, [english, chinese]: [T; 2]) -> T {
        match self {
            Self::En => english,
            Self::Zh => chinese,
        }
    }

    /// The same language in the words of reasons.
    pub fn of_reasons(self) -> edugrid_units::Language {
        self.pick([
            edugrid_units::Language::English,
            edugrid_units::Language::Chinese,
        ])
    }

    /// As a locale, for the programs that the demo calls.
    pub fn locale(self) -> &'static str {
        self.pick(["C.UTF-8", "zh_CN.UTF-8"])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locale_decides() {
        assert_eq!(Language::of("zh_CN.UTF-8"), Language::Zh);
        for other in ["en_GB.UTF-8", "C", ""] {
            assert_eq!(Language::of(other), Language::En);
        }
    }
}
