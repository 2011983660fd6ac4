//! Which language people read: the flag, else the locale, in the order POSIX gives it.
//!
//! What is said in each stands in `words` and `sentences`, reasons in `edugrid-units`.

use clap::{ValueEnum, builder::PossibleValue};
use edugrid_units::Language;

/// Variables that name the locale of messages, the strongest first.
const LOCALE: [&str; 3] = ["LC_ALL", "LC_MESSAGES", "LANG"];

/// A language as the flag names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spoken(pub Language);

impl ValueEnum for Spoken {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self(Language::English), Self(Language::Chinese)]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.0.tag()))
    }
}

/// The language to speak. `variable` reads the environment; an empty variable is none, and
/// a locale of neither language, such as `C`, reads English.
pub fn chosen(flag: Option<Spoken>, variable: impl Fn(&str) -> Option<String>) -> Language {
    let locale = || {
        LOCALE
            .iter()
            .filter_map(|name| variable(name))
            .find(|value| !value.is_empty())
    };
    match flag {
        Some(Spoken(language)) => language,
        None => locale()
            .and_then(|tag| Language::of_tag(&tag))
            .unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(flag: Option<&str>, environment: &[(&str, &str)]) -> Language {
        let flag = flag.map(|text| Spoken::from_str(text, false).expect(text));
        chosen(flag, |name| {
            let found = environment.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_flag_is_stronger_than_the_locale_and_lc_all_than_lang() {
        let chinese = ("LANG", "zh_CN.UTF-8");
        for (flag, environment, expected) in [
            (None, &[][..], Language::English),
            (None, &[chinese], Language::Chinese),
            (None, &[("LANG", "zh")], Language::Chinese),
            (None, &[("LANG", "fr_FR.UTF-8")], Language::English),
            (None, &[("LC_ALL", "C"), chinese], Language::English),
            (None, &[("LC_ALL", ""), chinese], Language::Chinese),
            (
                None,
                &[("LC_MESSAGES", "en_GB.UTF-8"), chinese],
                Language::English,
            ),
            (Some("en"), &[chinese], Language::English),
            (Some("zh"), &[], Language::Chinese),
        ] {
            assert_eq!(of(flag, environment), expected, "{flag:?} {environment:?}");
        }
    }
}
