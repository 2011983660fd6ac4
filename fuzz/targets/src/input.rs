//! A fuzzer's bytes as a recipe: numbers from its front, text from its rest, and edits of
//! something sound.

/// What is left of the bytes.
pub struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    /// The next byte; 0 where there is none.
    pub fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => 0,
        }
    }

    /// The next number of that many bytes, at most 8, big-endian.
    pub fn number(&mut self, bytes: u32) -> u64 {
        (0..bytes).fold(0, |sum, _| (sum << 8) | u64::from(self.byte()))
    }

    /// The next bytes, at most that many.
    pub fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// All that is left, as far as it is text.
    pub fn text(&mut self) -> &'a str {
        let rest = std::mem::take(&mut self.0);
        match std::str::from_utf8(rest) {
            Ok(text) => text,
            Err(error) => {
                let (sound, _) = rest.split_at(error.valid_up_to());
                std::str::from_utf8(sound).unwrap_or_default()
            }
        }
    }

    /// Edits `of` until the recipe ends: bytes changed, removed, put in, or the end cut off.
    pub fn edit(&mut self, of: &[u8]) -> Vec<u8> {
        let mut edited = of.to_vec();
        for _ in 0..16 {
            if self.0.is_empty() || edited.is_empty() {
                break;
            }
            let kind = self.byte();
            let at = usize::try_from(self.number(3)).unwrap_or(0) % edited.len();
            match kind % 4 {
                0 => edited[at] ^= self.byte().max(1),
                1 => {
                    let end = edited.len().min(at + 1 + usize::from(self.byte()));
                    edited.drain(at..end);
                }
                2 => {
                    let length = usize::from(self.byte());
                    let new = self.take(length).to_vec();
                    edited.splice(at..at, new);
                }
                _ => edited.truncate(at),
            }
        }
        edited
    }
}
