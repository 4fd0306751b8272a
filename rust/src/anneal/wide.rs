//! Integers of several digits, for problems whose numbers cancel: penalties of 1e8 beside weights of 1.
//!
//! ```text
//! J_ij, h_i     [ digit 0 | digit 1 | digit 2 ]      about 20 bits each (`precision.rs`): 43 bits with two digits, 63 with three
//! sums          each digit has a sum of its own, no carries: the sums of `sums.rs`, once for each digit
//! field         (digit 0 * base + digit 1) * base + digit 2, in floats, each step rounded once
//! ```
//!
//! The field `h_i` is one more term of the sum, and so is what rounding has taken off it. No digit's sum exceeds `2^24`, so floats hold it; and of two digits the
//! first is exact as long as the second can cancel it, so the field is right to 23 bits *of what is left*. The weight of the
//! last digit is held to `2^6`: with that a field that is not 0 has an exponent beyond all limits, as at any lower
//! temperature. A problem has units of its own, so each is annealed by itself.
//!
//! At zero temperature (`beta` infinite) what lowers the energy is accepted, and nothing else, as in dwave-samplers: limits
//! are raised above 0, below `2^6`.
//!
//! Cost: what the sparse kernel takes, and one more sum for each further digit.

use super::Job;
use super::RATE;
use super::exponents::Exponents;
use super::fixed::Terms;
use super::lanes::Lanes;
use super::precision::{Digits, power_of_two};
use super::sums::Sums;
use crate::simd::Simd;

/// The largest weight of a last digit. Limits of a heat bath are up to 31.
const HIGHEST: f64 = 64.0;
/// The limit of flips at zero temperature, which no limit exceeds and every field but 0 does.
const ABOVE_ALL: f32 = 32.0;

/// What all spins of a sweep share: the rate, and what limits are raised to.
#[derive(Clone, Copy)]
pub(super) struct Rate {
    rate: f64,
    lowest_limit: f32,
}

impl Rate {
    pub(super) fn new(beta: f64) -> Self {
        let lowest_limit = if beta.is_infinite() { ABOVE_ALL } else { f32::NEG_INFINITY };
        Rate { rate: beta * RATE, lowest_limit }
    }

    /// The least exponent that is accepted where `limit` was drawn.
    pub(super) fn raised(self, limit: f32) -> f32 {
        if limit > self.lowest_limit { limit } else { self.lowest_limit }
    }

    /// The same of 16 runs.
    #[inline(always)]
    pub(super) fn raised_lanes<S: Simd>(self, s: S, limit: S::F) -> S::F {
        s.max(limit, s.splat(self.lowest_limit))
    }

    /// What the last digit of a spin is worth.
    pub(super) fn weight(self, unit: f64) -> f32 {
        (self.rate * unit).min(HIGHEST) as f32
    }
}

/// What all kernels have of the one problem of a job.
pub(super) struct Integers {
    /// The terms of each digit, the first digit first. The field is in what they sum to where all are up.
    pub(super) digits: Vec<Terms>,
    /// The unit of each spin's last digit.
    pub(super) unit: Vec<f64>,
    pub(super) base: f32,
}

impl Integers {
    pub(super) fn new(job: &Job, digits: &Digits) -> Self {
        let mut terms: Vec<Terms> = (0..digits.count).map(|_| Terms::for_model(job)).collect();
        let mut split = vec![0; digits.count];
        for (i, &h) in job.batch.fields.iter().enumerate() {
            digits.split(i, h, &mut split);
            let mut all_up = split.clone();
            digits.split(i, job.batch.rest.map_or(0.0, |rest| rest[i]), &mut split);
            all_up.iter_mut().zip(&split).for_each(|(all_up, digit)| *all_up += digit);
            for &coupling in job.model.row(i).1 {
                digits.split(i, coupling, &mut split);
                for (k, &digit) in split.iter().enumerate() {
                    terms[k].twice.push(2 * digit);
                    all_up[k] += digit;
                }
            }
            terms.iter_mut().zip(all_up).for_each(|(terms, all_up)| terms.all_up.push(all_up));
        }
        let unit = digits.last.iter().map(|&last| power_of_two(last)).collect();
        Integers { digits: terms, unit, base: 2f32.powi(digits.bits) }
    }
}

/// The exponents of up to 64 runs.
pub(super) struct Wide<'a> {
    digits: Vec<Sums<'a>>,
    unit: Vec<f64>,
    base: f32,
}

impl<'a> Wide<'a> {
    /// For chunks of so many vectors of runs.
    pub(super) fn new(job: &'a Job<'a>, digits: &Digits, vectors: usize) -> Self {
        let Integers { digits, unit, base } = Integers::new(job, digits);
        let digits = digits.into_iter().map(|terms| Sums::new(job, terms, vectors)).collect();
        Wide { digits, unit, base }
    }
}

impl Exponents for Wide<'_> {
    type Chunk = ();
    type Rate = Rate;

    fn of_chunk(&self, _: &Lanes) {}

    fn rate(&self, beta: f64) -> Rate {
        Rate::new(beta)
    }

    #[inline(always)]
    fn of<S: Simd, const W: usize>(&self, s: S, (): &(), rate: Rate, i: usize, spins: &[u64]) -> [S::F; W] {
        let base = s.splat(self.base);
        let mut fields = [s.splat(0.0); W];
        for digit in &self.digits {
            let sums: [S::U; W] = digit.of(s, i, spins);
            for v in 0..W {
                fields[v] = s.mul_add(fields[v], base, s.to_floats(sums[v]));
            }
        }
        let weight = s.splat(rate.weight(self.unit[i]));
        for field in &mut fields {
            *field = s.mul(*field, weight);
        }
        fields
    }

    #[inline(always)]
    fn raised<S: Simd, const W: usize>(&self, s: S, rate: Rate, mut limits: [S::F; W]) -> [S::F; W] {
        for limit in &mut limits {
            *limit = rate.raised_lanes(s, *limit);
        }
        limits
    }
}
