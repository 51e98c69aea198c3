//! Makes new inputs of old ones: flipped, cut, doubled, spliced, and with words of the language put in.

/// FNV-1a, for names of files and outcomes.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Longest input made: what one datagram carries, and a little more.
const LONGEST: usize = 70_000;

/// Numbers that programs stumble over.
const NUMBERS: &[&str] = &[
    "0",
    "1",
    "-1",
    "63",
    "64",
    "65",
    "127",
    "128",
    "255",
    "256",
    "65535",
    "65536",
    "2147483647",
    "2147483648",
    "4294967295",
    "4294967296",
    "18446744073709551615",
    "99999999999999999999999",
    "1e9",
    "0x10",
    "00000000001",
];

/// See the module. The same seed and corpus give the same inputs.
#[derive(Debug)]
pub struct Mutator {
    state: u64,
    pool: Vec<Vec<u8>>,
    words: Vec<Vec<u8>>,
}

impl Mutator {
    /// Mutates `pool`, which is not empty, with `words` of its language.
    #[must_use]
    pub fn new(seed: u64, pool: Vec<Vec<u8>>, words: &[&str]) -> Self {
        let words = words.iter().map(|word| word.as_bytes().to_vec()).collect();
        Self { state: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1, pool, words }
    }

    /// How many inputs are mutated.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pool.len()
    }

    /// Whether there is nothing to mutate.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pool.is_empty()
    }

    /// One more to mutate.
    pub fn learn(&mut self, input: Vec<u8>) {
        self.pool.push(input);
    }

    fn next(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() >> 1).unwrap() % bound.max(1)
    }

    fn pick(&mut self) -> Vec<u8> {
        let at = self.below(self.pool.len());
        self.pool[at].clone()
    }

    /// A new input.
    pub fn make(&mut self) -> Vec<u8> {
        let mut input = self.pick();
        for _ in 0..1 + self.below(6) {
            self.change(&mut input);
        }
        input.truncate(LONGEST);
        input
    }

    fn range(&mut self, input: &[u8]) -> std::ops::Range<usize> {
        let from = self.below(input.len() + 1);
        let most = if self.below(8) == 0 { input.len() } else { 24 };
        let to = (from + self.below(most + 1)).min(input.len());
        from..to
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        match self.below(11) {
            0 if !input.is_empty() => {
                let at = self.below(input.len());
                input[at] ^= 1 << self.below(8);
            }
            1 if !input.is_empty() => {
                let at = self.below(input.len());
                let odd = b"\0\r\n\t \x7f\xff\x80%<>\"\\;:,@&=?/()[]{}#*_$|~^`'";
                input[at] = odd[self.below(odd.len())];
            }
            2 => {
                let range = self.range(input);
                input.drain(range);
            }
            3 => {
                let range = self.range(input);
                let part = input[range].to_vec();
                let times = if self.below(16) == 0 { 40 } else { 1 };
                let at = self.below(input.len() + 1);
                for _ in 0..times {
                    input.splice(at..at, part.iter().copied());
                }
            }
            4 | 5 if !self.words.is_empty() => {
                let which = self.below(self.words.len());
                let word = self.words[which].clone();
                let range = self.range(input);
                let at = if self.below(2) == 0 { range.start..range.start } else { range };
                input.splice(at, word);
            }
            6 => self.number(input),
            7 => {
                let other = self.pick();
                let (cut, from) = (self.below(input.len() + 1), self.below(other.len() + 1));
                input.truncate(cut);
                input.extend_from_slice(&other[from..]);
            }
            8 => self.lines(input),
            9 => {
                let other = self.pick();
                let (range, part) = (self.range(input), self.range(&other));
                input.splice(range, other[part].iter().copied());
            }
            _ => {
                let at = self.below(input.len() + 1);
                let byte = self.next().to_le_bytes()[0];
                input.insert(at, byte);
            }
        }
    }

    /// Another number in place of one that stands there.
    fn number(&mut self, input: &mut Vec<u8>) {
        let start = self.below(input.len() + 1);
        let Some(from) = input[start..].iter().position(u8::is_ascii_digit).map(|at| at + start) else { return };
        let length = input[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let which = self.below(NUMBERS.len());
        input.splice(from..from + length, NUMBERS[which].bytes());
    }

    /// A line moved, doubled or dropped.
    fn lines(&mut self, input: &mut Vec<u8>) {
        let mut lines: Vec<Vec<u8>> = input.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        if lines.len() < 2 {
            return;
        }
        let (a, b) = (self.below(lines.len()), self.below(lines.len()));
        match self.below(3) {
            0 => lines.swap(a, b),
            1 => lines.insert(a, lines[b].clone()),
            _ => drop(lines.remove(a)),
        }
        *input = lines.concat();
    }
}
