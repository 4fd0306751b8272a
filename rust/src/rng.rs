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

use crate::simd::aes::aes_round;
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
    pub(crate) fn finish<const W: usize>(&self, s: S, states: [S::U; W]) -> [S::U; W] {
        if S::CALLS { self.finish_by_call(s, states) } else { self.finish_in_place(s, states) }
    }

    #[inline(never)]
    fn finish_by_call<const W: usize>(&self, s: S, states: [S::U; W]) -> [S::U; W] {
        self.finish_in_place(s, states)
    }

    #[inline(always)]
    fn finish_in_place<const W: usize>(&self, s: S, mut states: [S::U; W]) -> [S::U; W] {
        for &key in &self.rounds {
            for state in &mut states {
                *state = s.aes(*state, key);
            }
        }
        states
    }

    /// The numbers of counters that are vectors already, four in each.
    #[inline(always)]
    pub(crate) fn of_counters<const W: usize>(&self, s: S, mut counters: [S::U; W]) -> [S::U; W] {
        for counter in &mut counters {
            *counter = s.xor(*counter, self.first);
        }
        self.finish(s, counters)
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

fn xor(a: [u32; 4], b: [u32; 4]) -> [u32; 4] {
    std::array::from_fn(|k| a[k] ^ b[k])
}
