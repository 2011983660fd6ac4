//! Lists in pages, as Kubernetes does it: a client asks with `limit`, gets `continue` with
//! what comes, and asks with that for the next page.
//!
//! Nothing is kept between two pages. The token names the place: the answer that was last and
//! how many came by then. The next page begins after that answer wherever it stands now, and
//! after as many as came if it is gone. So whoever pages through a queue that moves sees
//! everything once that kept its side of the place, and may miss or see twice what jumped over
//! it; each page says as of when it is true. A token outlives the leader that gave it.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use edugrid_crds::visibility::PAGE_MAX;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ListMeta;
use serde::{Deserialize, Serialize};

/// The form of tokens that this version writes and reads.
const FORM: u8 = 1;

/// Which part of which list is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The list, with what selects from it: a token is good for no other.
    list: String,
    /// Most answers.
    limit: usize,
    /// After which place; none: from the start.
    after: Option<Place>,
}

/// A place in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    form: u8,
    list: String,
    /// The key of the answer that was last.
    last: String,
    /// How many came, that one included.
    seen: usize,
}

/// Why a page can't be given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// The limit is no number.
    #[error(
        "limit \"{0}\" is not a whole number of at least 0, give e.g. 500, or 0 for the largest page"
    )]
    Limit(String),
    /// The token is none of ours.
    #[error(
        "continue: \"{0}\" is not a token of this list, leave it out to start from the beginning"
    )]
    Token(String),
    /// The token is one of another version of the operator.
    #[error(
        "continue: the token is of another version of edugrid-scheduler, leave it out to start again"
    )]
    Expired,
}

impl Page {
    /// The whole list, for whoever looks for one in it.
    pub fn whole() -> Self {
        Self {
            list: String::new(),
            limit: usize::MAX,
            after: None,
        }
    }

    /// The page of `list` that a client's parameters ask for.
    ///
    /// # Errors
    /// If they don't make sense for this list.
    pub fn parse(list: &str, limit: Option<&str>, token: Option<&str>) -> Result<Self, PageError> {
        let mut page = Self {
            list: list.to_owned(),
            limit: PAGE_MAX,
            after: None,
        };
        if let Some(text) = limit.filter(|text| !text.is_empty()) {
            let asked: usize = text
                .parse()
                .map_err(|_| PageError::Limit(text.to_owned()))?;
            if asked > 0 {
                page.limit = asked.min(PAGE_MAX);
            }
        }
        if let Some(token) = token.filter(|token| !token.is_empty()) {
            let bad = || PageError::Token(token.chars().take(64).collect());
            let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| bad())?;
            let place: Place = serde_json::from_slice(&bytes).map_err(|_| bad())?;
            if place.form != FORM {
                return Err(PageError::Expired);
            }
            if place.list != list {
                return Err(bad());
            }
            page.after = Some(place);
        }
        Ok(page)
    }

    /// Whether this is where the list begins.
    pub fn is_first(&self) -> bool {
        self.after.is_none()
    }

    /// Cuts this page out of the whole list; the metadata say what comes after it.
    pub fn cut<T>(&self, mut all: Vec<T>, key: impl Fn(&T) -> String) -> (Vec<T>, ListMeta) {
        let start = match &self.after {
            None => 0,
            Some(place) => {
                let at = all.iter().position(|item| key(item) == place.last);
                at.map_or(place.seen, |at| at.saturating_add(1))
            }
        };
        let start = start.min(all.len());
        let end = start.saturating_add(self.limit).min(all.len());
        let rest = all.len().saturating_sub(end);
        all.truncate(end);
        let items: Vec<T> = all.drain(start..).collect();
        let mut metadata = ListMeta::default();
        if let (true, Some(last)) = (rest > 0, items.last()) {
            metadata.continue_ = Some(self.token(key(last), end));
            metadata.remaining_item_count = i64::try_from(rest).ok();
        }
        (items, metadata)
    }

    fn token(&self, last: String, seen: usize) -> String {
        let place = Place {
            form: FORM,
            list: self.list.clone(),
            last,
            seen,
        };
        // Texts and numbers always become JSON.
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(&place).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(limit: &str, token: Option<&str>) -> Result<Page, PageError> {
        Page::parse("queuedjobs/sdu-cs", Some(limit), token)
    }

    fn cut(page: &Page, all: &[&str]) -> (Vec<String>, Option<String>, Option<i64>) {
        let all: Vec<String> = all.iter().map(ToString::to_string).collect();
        let (items, metadata) = page.cut(all, Clone::clone);
        (items, metadata.continue_, metadata.remaining_item_count)
    }

    #[test]
    fn pages_join_to_the_whole() {
        let all = ["a", "b", "c", "d", "e"];
        let (mut token, mut seen, mut rests) = (None, Vec::new(), Vec::new());
        loop {
            let (items, next, rest) = cut(&page("2", token.as_deref()).unwrap(), &all);
            seen.extend(items);
            rests.push(rest);
            token = next;
            if token.is_none() {
                break;
            }
        }
        assert_eq!(seen, all);
        assert_eq!(rests, [Some(3), Some(1), None]);
    }

    #[test]
    fn a_place_is_found_again_when_the_list_has_moved() {
        let (_, token, _) = cut(&page("2", None).unwrap(), &["a", "b", "c", "d"]);
        let next = page("2", token.as_deref()).unwrap();
        // One before the place is gone: nothing is missed.
        assert_eq!(cut(&next, &["b", "c", "d"]).0, ["c", "d"]);
        // Two came before it: nothing is seen twice.
        assert_eq!(cut(&next, &["x", "y", "a", "b", "c"]).0, ["c"]);
        // The last one itself is gone: on after as many as came.
        assert_eq!(cut(&next, &["a", "c", "d", "e"]).0, ["d", "e"]);
        // All is gone.
        assert_eq!(cut(&next, &[]), (Vec::new(), None, None));
    }

    #[test]
    fn a_page_is_bounded() {
        let all = vec![0_u8; PAGE_MAX + 7];
        for limit in ["", "0", "999999"] {
            let (items, metadata) = page(limit, None).unwrap().cut(all.clone(), u8::to_string);
            assert_eq!(items.len(), PAGE_MAX, "limit={limit}");
            assert_eq!(metadata.remaining_item_count, Some(7));
        }
    }

    #[test]
    fn what_is_no_page_is_refused() {
        for limit in ["-1", "many", "1.5"] {
            assert_eq!(page(limit, None), Err(PageError::Limit(limit.into())));
        }
        let token = |form: u8, list: &str| {
            let place = Place {
                form,
                list: list.into(),
                last: "a".into(),
                seen: 1,
            };
            URL_SAFE_NO_PAD.encode(serde_json::to_vec(&place).unwrap())
        };
        assert!(page("1", Some(&token(FORM, "queuedjobs/sdu-cs"))).is_ok());
        assert_eq!(
            page("1", Some(&token(FORM + 1, "queuedjobs/sdu-cs"))),
            Err(PageError::Expired)
        );
        for bad in ["abc", "!", &token(FORM, "queuedjobs/hit")] {
            assert!(matches!(page("1", Some(bad)), Err(PageError::Token(_))));
        }
    }
}
