//! Random numbers as a pure function of where they are used.
//!
//! The number that decides on spin `i` in sweep `t` of read `r` of problem `p` is a function of
//! `(seed; p, r, t, i)` and of nothing else. So a result cannot depend on the number of threads, on how
//! a batch is split, on which lanes of a vector a read sits in, or on the width of those vectors, and a
//! kernel may skip numbers it does not need.
//!
//! The function is ARS of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3"
//! (SC'11): rounds of the AES cipher, with their simplified key schedule, over the counter
//!
//! ```text
//! 128 bits:  [ block of 4 spins | sweep | read | problem ]   ->  4 x 32 random bits, one per spin
//! ```
//!
//! They found 5 rounds enough to pass BigCrush, and so do we use 5. A processor has AES rounds as
//! instructions: 16 numbers cost 6 instructions with VAES on 512-bit vectors, where Philox takes about 65,
//! and xoshiro128+, which is not a function of the counter, about 10.
//!
//! The multi-spin kernel wants a dozen words for one place: it lets four counters run on, [`next`] by
//! `next`, two more rounds a word.

use crate::simd::{LANES, Row, Simd};

pub(crate) const ROUNDS: usize = 5;

/// Sweep number under which the initial state is drawn; no schedule is that long.
pub(crate) const INITIAL: u32 = u32::MAX;
/// Sweep number under which ties of broken chains are broken; the longest schedule ends before it.
pub(crate) const UNEMBED: u32 = u32::MAX - 1;

/// The round keys of one seed; the first is added to the counter before the rounds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key(pub(crate) [[u32; 4]; ROUNDS + 1]);

impl Key {
    pub(crate) fn new(seed: u64) -> Self {
        // The Weyl constants of Random123: golden ratio and sqrt(3) - 1.
        let (mut low, mut high) = (seed, 0x8AC8_EB2B_69C4_21D3_u64);
        let words = std::array::from_fn(|_| {
            let key = [low as u32, (low >> 32) as u32, high as u32, (high >> 32) as u32];
            low = low.wrapping_add(0x9E37_79B9_7F4A_7C15);
            high = high.wrapping_add(0xBB67_AE85_84CA_A73B);
            key
        });
        Key(words)
    }
}

/// Round keys as vectors, for four counters at once.
#[derive(Clone, Copy)]
pub(crate) struct Keys<S: Simd> {
    first: S::U,
    rounds: [S::U; ROUNDS],
}

impl<S: Simd> Keys<S> {
    #[inline(always)]
    pub(crate) fn new(s: S, key: &Key) -> Self {
        let wide = |k: [u32; 4]| s.ints(&Row(std::array::from_fn(|lane| k[lane % 4])));
        Keys { first: wide(key.0[0]), rounds: std::array::from_fn(|r| wide(key.0[r + 1])) }
    }

    /// The numbers of four counters, one in each quarter. Of counters that share all but their first word,
    /// the rest may be prepared: `start(a ^ b) = start(a) ^ b`.
    #[inline(always)]
    pub(crate) fn start(&self, s: S, counters: [[u32; 4]; 4]) -> S::U {
        let mut lanes = Row([0; LANES]);
        lanes.0.as_chunks_mut().0.copy_from_slice(&counters);
        s.xor(s.ints(&lanes), self.first)
    }

    /// A start with sweep 0, for another sweep.
    #[inline(always)]
    pub(crate) fn at_sweep(&self, s: S, start: S::U, sweep: u32) -> S::U {
        static SECOND: Row<u32> = Row([0, !0, 0, 0, 0, !0, 0, 0, 0, !0, 0, 0, 0, !0, 0, 0]);
        s.xor(start, s.and(s.splat_int(sweep), s.ints(&SECOND)))
    }

    /// The rounds of what [`Keys::start`] gave, side by side.
    #[inline(always)]
    pub(crate) fn finish<const W: usize>(&self, s: S, mut states: [S::U; W]) -> [S::U; W] {
        for &key in &self.rounds {
            for state in &mut states {
                *state = s.aes(*state, key);
            }
        }
        states
    }

    /// The word after `word` in its stream.
    #[inline(always)]
    pub(crate) fn next(&self, s: S, word: S::U) -> S::U {
        s.aes(s.aes(word, self.rounds[0]), self.rounds[1])
    }
}

/// The four numbers of one counter.
pub(crate) fn ars(key: &Key, counter: [u32; 4]) -> [u32; 4] {
    let mut state = xor(counter, key.0[0]);
    for &round_key in &key.0[1..] {
        state = aes_round(state, round_key);
    }
    state
}

/// One full AES round on four columns: substitute bytes, shift rows, mix columns, add the round key.
pub(crate) fn aes_round(state: [u32; 4], key: [u32; 4]) -> [u32; 4] {
    std::array::from_fn(|column| {
        (0..4).fold(key[column], |word, row| {
            let byte = state[(column + row) % 4].to_le_bytes()[row];
            word ^ MIXED[byte as usize].rotate_left(8 * row as u32)
        })
    })
}

fn xor(a: [u32; 4], b: [u32; 4]) -> [u32; 4] {
    std::array::from_fn(|k| a[k] ^ b[k])
}

/// What the byte in row 0 of a column adds to the column after SubBytes and MixColumns; rows 1 to 3
/// are the same word rotated (FIPS 197, section 5.1).
static MIXED: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let s = substitute(byte as u8);
        let twice = double(s);
        table[byte] = u32::from_le_bytes([twice, s, s, s ^ twice]);
        byte += 1;
    }
    table
};

/// Multiplication by x in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1.
const fn double(a: u8) -> u8 {
    (a << 1) ^ (if a & 0x80 == 0 { 0 } else { 0x1B })
}

/// The S-box: inverse in GF(2^8), then the affine map.
const fn substitute(a: u8) -> u8 {
    // a^254 is the inverse of a, and 0 for 0.
    let mut inverse = 1;
    let mut k = 0;
    while k < 254 {
        inverse = multiply(inverse, a);
        k += 1;
    }
    inverse
        ^ inverse.rotate_left(1)
        ^ inverse.rotate_left(2)
        ^ inverse.rotate_left(3)
        ^ inverse.rotate_left(4)
        ^ 0x63
}

const fn multiply(mut a: u8, mut b: u8) -> u8 {
    let mut product = 0;
    while b != 0 {
        if b & 1 != 0 {
            product ^= a;
        }
        a = double(a);
        b >>= 1;
    }
    product
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_round_is_that_of_fips_197() {
        // FIPS 197, appendix B, round 1 of the example: start, and start of round 2.
        let column = |hex: &str| -> [u32; 4] {
            std::array::from_fn(|c| u32::from_str_radix(&hex[8 * c..8 * c + 8], 16).unwrap().swap_bytes())
        };
        let start = column("193de3bea0f4e22b9ac68d2ae9f84808");
        let round_key = column("a0fafe1788542cb123a339392a6c7605");
        let next = column("a49c7ff2689f352b6b5bea43026a5049");
        assert_eq!(aes_round(start, round_key), next);
    }
}
