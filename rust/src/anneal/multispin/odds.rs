//! The odds of a flip by what it costs, and the reads that a threshold is for.

use super::{READS, STREAMS};
use crate::simd::{LANES, Row, Simd};

/// Words that are compared without a look at who is left.
pub(in crate::anneal) const WORDS: usize = 12;
/// What a flip may cost, with eight planes.
pub(super) const LEVELS: usize = 128;

/// What a sweep's temperature makes of the odds, for an even or odd sum of a spin's |couplings|.
pub(super) struct Odds {
    /// For each digit of a uniform number, which of the thresholds have a 1 there: four to a byte.
    pub(super) thresholds: [[u8; LEVELS / 4]; 32],
    /// The first digits in which none has, whole `STREAMS` of them, `WORDS` at most.
    pub(super) blank: usize,
}

/// `2^32 p`, rounded down.
fn fixed(p: f64) -> u32 {
    (p * 2f64.powi(32)).min(f64::from(u32::MAX)) as u32
}

/// For even and odd totals, up to so many levels; `step` is the Boltzmann factor of the smallest step in energy,
/// two quanta.
///
/// A flip that costs `e + 1` steps of four quanta if the total is even, or two quanta less if it is odd, has the Boltzmann
/// factor `x = step^(2e + 2)` or `step^(2e + 1)`. It is accepted with probability `x`, or by a heat bath `x / (1 + x)`.
pub(super) fn odds(step: f64, levels: usize, heat_bath: bool) -> Vec<Odds> {
    let odds = |first: f64| {
        let mut thresholds = [[0; LEVELS / 4]; 32];
        let accepted = |x: f64| fixed(if heat_bath { x / (1.0 + x) } else { x });
        for e in 0..levels {
            let level = accepted(first * step.powi(2 * e as i32));
            for (digit, sets) in thresholds.iter_mut().enumerate() {
                sets[e / 4] |= ((level >> (31 - digit) & 1) as u8) << (e % 4);
            }
        }
        let blank = accepted(first).leading_zeros() as usize / STREAMS * STREAMS;
        Odds { thresholds, blank: blank.min(WORDS) }
    };
    vec![odds(step * step), odds(step)]
}

/// Sets of reads by what their flip costs, to choose from by threshold.
pub(super) struct Choice<S: Simd, const K: usize> {
    /// The 16 unions of the sets whose cost has the two lowest digits 0, 1, 2, 3.
    low: [S::U; 16],
    /// The other digits of the cost, turned over.
    high: [S::U; K],
}

impl<S: Simd, const K: usize> Choice<S, K> {
    #[inline(always)]
    pub(super) fn new(s: S, count: &[S::U; K]) -> Self {
        let (not_low, not_high) = (count[0], count[1]);
        let (none, all) = (s.splat_int(0), s.splat_int(u32::MAX));
        let not = |a: S::U| s.and_not(all, a);
        let zero = s.and(not_low, not_high);
        let one = s.and_not(not_high, not_low);
        let two = s.and_not(not_low, not_high);
        let not_three = s.or(not_low, not_high);
        let three = not(not_three);
        let even = s.xor(not_low, not_high);
        let low = [
            none,
            zero,
            one,
            not_high,
            two,
            not_low,
            even,
            not_three,
            three,
            not(even),
            not(not_low),
            not(two),
            not(not_high),
            not(one),
            not(zero),
            all,
        ];
        let mut high = [none; K];
        high[..K - 3].copy_from_slice(&count[2..K - 1]);
        Choice { low, high }
    }

    /// The reads whose level of cost is among `levels`, a bit each.
    #[inline(always)]
    pub(super) fn of(&self, s: S, levels: &[u8; LEVELS / 4]) -> S::U {
        let low = |four: usize| self.low[usize::from(levels[four] & 15)];
        match K {
            3 => low(0),
            4 => s.choose(self.high[0], low(0), low(1)),
            _ => {
                let pair = |k: usize| s.choose(self.high[0], low(2 * k), low(2 * k + 1));
                let four = |k: usize| s.choose(self.high[1], pair(2 * k), pair(2 * k + 1));
                let eight = |k: usize| s.choose(self.high[2], four(2 * k), four(2 * k + 1));
                let sixteen = |k: usize| s.choose(self.high[3], eight(2 * k), eight(2 * k + 1));
                match K {
                    5 => four(0),
                    6 => eight(0),
                    7 => sixteen(0),
                    _ => s.choose(self.high[4], sixteen(0), sixteen(1)),
                }
            }
        }
    }
}

/// `survivors()[k]` is `2^32` times the probability that at most `k` of 256 reads survive `WORDS` words.
pub(super) fn survivors() -> [u32; 16] {
    let p = 0.5f64.powi(WORDS as i32);
    let mut one = (1.0 - p).powi(READS as i32);
    let mut at_most = 0.0;
    std::array::from_fn(|k| {
        at_most += one;
        one *= p / (1.0 - p) * (READS - k) as f64 / (k + 1) as f64;
        fixed(at_most)
    })
}

/// As many reads as `draw` says survive: the first distinct ones of random `places`, which are enough but for
/// one case in 10^40.
pub(super) fn some_reads(survivors: &[u32; 16], draw: u32, places: [u32; LANES]) -> Row<u32> {
    let mut missing = survivors.iter().filter(|&&limit| draw >= limit).count();
    let mut reads = Row([0; LANES]);
    for place in places.map(|word| [word as usize % READS, (word >> 16) as usize % READS]).as_flattened() {
        let (word, bit) = (place / 32, 1 << (place % 32));
        if missing > 0 && reads.0[word] & bit == 0 {
            reads.0[word] |= bit;
            missing -= 1;
        }
    }
    reads
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_spell_the_probabilities() {
        let step = (-0.37f64).exp();
        for heat_bath in [false, true] {
            for (odds, first) in odds(step, LEVELS, heat_bath).iter().zip([2, 1]) {
                for e in 0..LEVELS {
                    let digits = odds.thresholds.iter().map(|sets| u32::from(sets[e / 4] >> (e % 4) & 1));
                    let found = digits.fold(0, |p, digit| p << 1 | digit);
                    let x = step.powi(first + 2 * e as i32);
                    let wanted = if heat_bath { x / (1.0 + x) } else { x } * 2f64.powi(32);
                    assert!((f64::from(found) - wanted).abs() <= 1.0);
                }
            }
        }
    }
}
