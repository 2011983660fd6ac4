//! The price books that were ever written, found by name and by when they take effect: what is
//! past costs an admission nothing.

use std::collections::{BTreeMap, BTreeSet};

use edugrid_units::{MicroYuan, PoolName, PriceBookName, Stamp};

use crate::price::PriceBook;

/// All of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PriceBooks {
    by_name: BTreeMap<PriceBookName, PriceBook>,
    by_effect: BTreeSet<(Stamp, PriceBookName)>,
}

impl PriceBooks {
    pub(crate) fn insert(&mut self, name: PriceBookName, book: PriceBook) {
        self.by_effect.insert((book.effective_from, name.clone()));
        let begins = book.effective_from;
        if let Some(before) = self.by_name.insert(name.clone(), book)
            && before.effective_from != begins
        {
            self.by_effect.remove(&(before.effective_from, name));
        }
    }

    /// In the order of their names.
    pub(crate) fn values(&self) -> impl Iterator<Item = &PriceBook> {
        self.by_name.values()
    }

    /// As [`price_in_effect`](crate::price_in_effect): the newest that has the price, found
    /// from the newest on.
    pub(super) fn in_effect(
        &self,
        at: Stamp,
        pool: &PoolName,
        tier: &str,
    ) -> Option<(&PriceBook, MicroYuan)> {
        self.by_effect
            .iter()
            .rev()
            .skip_while(|(begins, _)| *begins > at)
            .filter_map(|(_, name)| self.by_name.get(name))
            .find_map(|book| Some((book, book.price(pool, tier)?)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::price::{Price, price_in_effect};

    proptest! {
        #[test]
        fn the_book_in_effect_is_the_one_that_looking_through_all_finds(
            books in proptest::collection::vec((0_usize..6, 0_i64..6, 0_usize..3), 0..12),
            at in -1_i64..7,
        ) {
            let mut prices = PriceBooks::default();
            for (name, begins, pool) in books {
                let book = PriceBook {
                    name: format!("book-{name}").into(),
                    effective_from: Stamp(begins),
                    prices: vec![Price {
                        pool: format!("pool-{pool}").into(),
                        tier: "standard".into(),
                        per_unit_hour: MicroYuan(7),
                    }],
                    bands: Vec::new(),
                };
                prices.insert(book.name.clone(), book);
            }
            for pool in ["pool-0", "pool-1", "pool-2", "pool-3"].map(PoolName::from) {
                let looked = price_in_effect(prices.values(), Stamp(at), &pool, "standard");
                prop_assert_eq!(prices.in_effect(Stamp(at), &pool, "standard"), looked);
            }
        }
    }
}
