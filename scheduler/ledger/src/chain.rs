//! The hash chain of rule L11. Knows bytes only: what an entry says is none of its
//! business.

use std::fmt::{self, Write as _};

use sha2::{Digest as _, Sha256};
use sm3::Sm3;

/// The hash function of a book, fixed when it is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// SHA-256, byte 1.
    Sha256,
    /// SM3 (GB/T 32905), byte 2.
    Sm3,
}

impl Algorithm {
    /// All algorithms.
    pub const ALL: [Self; 2] = [Self::Sha256, Self::Sm3];

    /// The word that entries use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA-256",
            Self::Sm3 => "SM3",
        }
    }

    /// The algorithm of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == word)
    }

    /// The hash of some bytes.
    pub fn digest(self, bytes: &[u8]) -> Digest {
        self.over(&[bytes])
    }

    /// What stands before the first entry of a book: H(book id).
    pub fn genesis(self, book: &str) -> Digest {
        self.digest(book.as_bytes())
    }

    /// h = H(previous ‖ algorithm (1 byte) ‖ length (8 bytes, big-endian) ‖ body).
    pub fn link(self, previous: &Digest, body: &[u8]) -> Digest {
        let byte: u8 = match self {
            Self::Sha256 => 1,
            Self::Sm3 => 2,
        };
        // A usize has at most 64 bits, so the length is never cut.
        let length = u64::try_from(body.len()).unwrap_or(u64::MAX).to_be_bytes();
        self.over(&[&previous.0, &[byte], &length, body])
    }

    fn over(self, parts: &[&[u8]]) -> Digest {
        match self {
            Self::Sha256 => {
                let mut hasher = Sha256::new();
                parts.iter().for_each(|part| hasher.update(part));
                Digest(hasher.finalize().into())
            }
            Self::Sm3 => {
                let mut hasher = Sm3::new();
                parts.iter().for_each(|part| hasher.update(part));
                Digest(hasher.finalize().into())
            }
        }
    }
}

/// A hash: 32 bytes, written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// Reads 64 lower-case hexadecimal digits; `None` if the text is anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        parse_hex(text, &mut bytes).then_some(Self(bytes))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}

/// Two lower-case digits for each byte.
pub(crate) fn hex(bytes: &[u8]) -> impl Iterator<Item = u8> {
    let digit = |half: u8| match half {
        0..10 => half.wrapping_add(b'0'),
        _ => half.wrapping_add(b'a' - 10),
    };
    bytes
        .iter()
        .flat_map(move |byte| [digit(byte >> 4), digit(byte & 15)])
}

pub(crate) fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    hex(bytes).try_for_each(|digit| f.write_char(char::from(digit)))
}

/// Fills `bytes` from exactly twice as many lower-case digits; whether that worked.
pub(crate) fn parse_hex(text: &str, bytes: &mut [u8]) -> bool {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte.wrapping_sub(b'0')),
        b'a'..=b'f' => Some(byte.wrapping_sub(b'a').wrapping_add(10)),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() || pairs.len() != bytes.len() {
        return false;
    }
    bytes
        .iter_mut()
        .zip(pairs)
        .all(|(byte, [high, low])| match (digit(*high), digit(*low)) {
            (Some(high), Some(low)) => {
                *byte = (high << 4) | low;
                true
            }
            _ => false,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of FIPS 180-4 and GB/T 32905 for "abc".
    #[test]
    fn hashes_are_the_standard_ones() {
        assert_eq!(
            Algorithm::Sha256.digest(b"abc").to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        );
        assert_eq!(
            Algorithm::Sm3.digest(b"abc").to_string(),
            "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0",
        );
    }

    #[test]
    fn a_link_covers_every_part() {
        let zero = Digest([0; 32]);
        let by_hand =
            Algorithm::Sm3.digest(&[&[0; 32][..], &[2, 0, 0, 0, 0, 0, 0, 0, 2], b"{}"].concat());
        assert_eq!(Algorithm::Sm3.link(&zero, b"{}"), by_hand);
    }

    #[test]
    fn digests_read_back_and_refuse_the_rest() {
        let digest = Algorithm::Sha256.digest(b"abc");
        let text = digest.to_string();
        assert_eq!(Digest::parse(&text), Some(digest));
        assert_eq!(Digest::parse(&text.to_uppercase()), None);
        assert_eq!(Digest::parse(&text[1..]), None);
        assert_eq!(Digest::parse(&format!("{text}00")), None);
    }
}
