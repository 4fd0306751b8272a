//! Random numbers of one read, one after the other.

use crate::rng::{Key, ars};

/// The third word of the counters that the seeds of reads are drawn with, which no anneal uses.
const SEARCH: u32 = 0x5EA2_C400;

/// xoshiro256++ of Blackman and Vigna. A search takes one number after the other and cannot leave any out, so a
/// function of the place, which the anneals draw from, has no use here; a read's numbers depend on the seed and the
/// read alone.
pub(super) struct Random([u64; 4]);

impl Random {
    pub(super) fn new(key: &Key, read: usize) -> Self {
        let [a, b, c, d] = ars(key, [read as u32, 0, SEARCH, 0]);
        let [e, f, g, h] = ars(key, [read as u32, 1, SEARCH, 0]);
        let pair = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
        // All four words 0 would stay so.
        Random([pair(a, b) | 1, pair(c, d), pair(e, f), pair(g, h)])
    }

    #[inline(always)]
    pub(super) fn word(&mut self) -> u64 {
        let [a, b, c, d] = &mut self.0;
        let word = a.wrapping_add(*d).rotate_left(23).wrapping_add(*a);
        let shifted = *b << 17;
        *c ^= *a;
        *d ^= *b;
        *b ^= *c;
        *a ^= *d;
        *c ^= shifted;
        *d = d.rotate_left(45);
        word
    }

    /// A number from 0 to `end - 1`.
    #[inline(always)]
    pub(super) fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.word()) * end as u128) >> 64) as usize
    }

    /// A number between 0 and 1, neither of them.
    #[inline(always)]
    pub(super) fn unit(&mut self) -> f64 {
        ((self.word() >> 12) as f64 + 0.5) * 2.0f64.powi(-52)
    }

    /// A number from `low` to `high`, as often in each octave.
    pub(super) fn log_uniform(&mut self, low: usize, high: usize) -> usize {
        let (low, high) = (low as f64, high as f64 + 1.0);
        ((low * (high / low).powf(self.unit())) as usize).min(high as usize - 1)
    }
}
