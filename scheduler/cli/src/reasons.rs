//! Why a job waits, in the reader's language. The sentences are those of `edugrid-units`; an
//! answer brings them in both languages.

use edugrid_crds::visibility::Reason;
use edugrid_units::Language;

/// The sentence.
pub fn sentence(reason: &Reason, language: Language) -> &str {
    said(language, &reason.message, reason.message_zh.as_ref())
}

/// What whoever waits can do.
pub fn way_out(reason: &Reason, language: Language) -> Option<&str> {
    let english = reason.way_out.as_ref()?;
    Some(said(language, english, reason.way_out_zh.as_ref()))
}

/// English where the other is missing: better than nothing.
pub fn said<'a>(language: Language, english: &'a str, chinese: Option<&'a String>) -> &'a str {
    match (language, chinese) {
        (Language::Chinese, Some(chinese)) => chinese,
        _ => english,
    }
}
