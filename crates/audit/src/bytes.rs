//! Sets of bytes.

use dialplan::pattern::ByteSet;

/// A set of bytes.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Bytes([u64; 4]);

impl Bytes {
    pub(crate) const NONE: Self = Self([0; 4]);
    pub(crate) const ALL: Self = Self([u64::MAX; 4]);

    pub(crate) fn of(bytes: &[u8]) -> Self {
        bytes.iter().fold(Self::NONE, |set, byte| set.with(*byte))
    }

    pub(crate) fn with(mut self, byte: u8) -> Self {
        if let Some(word) = self.0.get_mut(usize::from(byte >> 6)) {
            *word |= 1 << (byte & 63);
        }
        self
    }

    pub(crate) fn without(mut self, byte: u8) -> Self {
        if let Some(word) = self.0.get_mut(usize::from(byte >> 6)) {
            *word &= !(1 << (byte & 63));
        }
        self
    }

    pub(crate) fn has(self, byte: u8) -> bool {
        self.0.get(usize::from(byte >> 6)).is_some_and(|word| word & (1 << (byte & 63)) != 0)
    }

    pub(crate) fn or(self, other: Self) -> Self {
        let mut words = self.0;
        words.iter_mut().zip(other.0).for_each(|(word, other)| *word |= other);
        Self(words)
    }

    pub(crate) fn and(self, other: Self) -> Self {
        let mut words = self.0;
        words.iter_mut().zip(other.0).for_each(|(word, other)| *word &= other);
        Self(words)
    }

    pub(crate) fn minus(self, other: Self) -> Self {
        self.and(Self(other.0.map(|word| !word)))
    }

    pub(crate) fn len(self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }

    pub(crate) fn is_empty(self) -> bool {
        self == Self::NONE
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = u8> {
        (0..=255).filter(move |byte| self.has(*byte))
    }

    /// The only byte, if there is only one.
    pub(crate) fn single(self) -> Option<u8> {
        (self.len() == 1).then(|| self.iter().next()).flatten()
    }
}

impl From<&ByteSet> for Bytes {
    fn from(set: &ByteSet) -> Self {
        set.bytes().fold(Self::NONE, Self::with)
    }
}

impl std::fmt::Debug for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if *self == Self::ALL {
            f.write_str("any")
        } else {
            f.debug_set().entries(self.iter().map(char::from)).finish()
        }
    }
}

/// What keys can enter.
pub(crate) fn keypad() -> Bytes {
    Bytes::of(b"0123456789*#ABCD")
}

/// What the exchange takes as a dialled number; everything else is refused at the door.
pub(crate) fn clean() -> Bytes {
    let letters = (b'a'..=b'z').chain(b'A'..=b'Z').chain(b'0'..=b'9');
    letters.chain(*b"+*#-._").fold(Bytes::NONE, Bytes::with)
}
