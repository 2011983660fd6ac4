//! How much of the journal lies in etcd, and whether that is too much (L12). A full etcd takes
//! no write at all, so admission stops well before: ends and charges need the room that is left.

use std::collections::VecDeque;

/// The most that may lie there before admission stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Segments.
    pub segments: u64,
    /// Bytes of their payloads; in etcd they take a third more.
    pub bytes: u64,
}

/// The live segments, by the size of their payloads.
#[derive(Clone, Debug)]
pub struct Pile {
    first: u64,
    sizes: VecDeque<u64>,
    bytes: u64,
    bounds: Bounds,
}

impl Pile {
    /// Of segments with these sizes, the first of which has the sequence `first`.
    pub fn new(first: u64, sizes: impl IntoIterator<Item = u64>, bounds: Bounds) -> Self {
        let sizes: VecDeque<u64> = sizes.into_iter().collect();
        Self {
            first,
            bytes: sizes.iter().fold(0, |sum, size| sum.saturating_add(*size)),
            sizes,
            bounds,
        }
    }

    /// One more is durable.
    pub fn push(&mut self, bytes: u64) {
        self.sizes.push_back(bytes);
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Those before `first` are gone.
    pub fn trim(&mut self, first: u64) {
        while self.first < first
            && let Some(size) = self.sizes.pop_front()
        {
            self.bytes = self.bytes.saturating_sub(size);
            self.first = self.first.saturating_add(1);
        }
    }

    /// Segments that are there.
    pub fn segments(&self) -> u64 {
        u64::try_from(self.sizes.len()).unwrap_or(u64::MAX)
    }

    /// Bytes of their payloads.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Why nothing may be admitted, if it is too much.
    pub fn over(&self) -> Option<String> {
        let Bounds { segments, bytes } = self.bounds;
        let (has, has_bytes) = (self.segments(), self.bytes());
        let what = if has >= segments {
            format!("{has} live segments, the bound is {segments}")
        } else if has_bytes >= bytes {
            format!("{has_bytes} bytes in live segments, the bound is {bytes}")
        } else {
            return None;
        };
        Some(format!(
            "the journal has {what}: deploy the archiver (ledger.archiver) or see why it deletes nothing"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds {
        segments: 4,
        bytes: 100,
    };

    #[test]
    fn what_is_appended_and_deleted_is_counted() {
        let mut pile = Pile::new(7, [10, 20], BOUNDS);
        pile.push(30);
        assert_eq!((pile.segments(), pile.bytes(), pile.over()), (3, 60, None));
        pile.push(1);
        let over = pile.over().expect("four");
        assert!(over.contains("4 live segments, the bound is 4"), "{over}");
        pile.trim(7);
        assert_eq!(pile.segments(), 4, "nothing is gone");
        pile.trim(9);
        assert_eq!((pile.segments(), pile.bytes(), pile.over()), (2, 31, None));
        pile.push(69);
        let over = pile.over().expect("too many bytes");
        assert!(over.contains("100 bytes in live segments"), "{over}");
        pile.trim(100);
        assert_eq!((pile.segments(), pile.bytes()), (0, 0));
    }
}
