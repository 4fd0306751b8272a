//! Integers of several digits, for problems whose numbers cancel: penalties of 1e8 beside weights of 1.
//!
//! ```text
//! J_ij, h_i     [ digit 0 | digit 1 | digit 2 ]      about 20 bits each (`precision.rs`): 43 bits with two digits, 63 with three
//! sums          each digit has a sum of its own, no carries: the sums of `sums.rs`, once for each digit
//! field         (digit 0 * base + digit 1) * base + digit 2, in floats, each step rounded once
//! ```
//!
//! The field `h_i` is one more term of the sum, and so is what rounding has taken off it. Most problems that need more than
//! `fixed.rs` has do so for their fields, and one digit of 30 bits is enough. Of several, no digit's sum exceeds `2^24`,
//! so floats hold it; and of two digits the first is exact as long as the second can cancel it. Either way the field is right to
//! 23 bits *of what is left*. The weight of the last digit is held to `2^6`: with that a field that is not 0 has an exponent
//! beyond all limits, as at any lower temperature. A problem has units of its own, so each is annealed by itself.
//!
//! At zero temperature (`beta` infinite) what lowers the energy is accepted, and nothing else, as in dwave-samplers: limits
//! are raised above 0, below `2^6`.
//!
//! Cost: what the sparse kernel takes, and one more sum for each further digit.

use super::exponents::{Exponents, Floats};
use super::fixed::Terms;
use super::job::{Job, RATE};
use super::precision::{Digits, power_of_two};

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
        let mut terms: Vec<Terms> = (0..digits.count).map(|_| Terms::with_room_for(job.couplings)).collect();
        let mut split = vec![0; digits.count];
        for (i, h) in job.batch.fields.iter().enumerate() {
            digits.split(i, h, &mut split);
            let mut all_up = split.clone();
            digits.split(i, job.batch.rest.map_or(0.0, |rest| rest[i]), &mut split);
            all_up.iter_mut().zip(&split).for_each(|(all_up, digit)| *all_up += digit);
            for &coupling in job.couplings.row(i).1 {
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

/// The exponents of integers.
pub(super) struct Long<'a> {
    unit: &'a [f64],
    base: f32,
}

impl<'a> Long<'a> {
    pub(super) fn new(integers: &'a Integers) -> Self {
        Long { unit: &integers.unit, base: integers.base }
    }

    /// Of spins in another order, whose units are given.
    pub(super) fn of_units(unit: &'a [f64], integers: &Integers) -> Self {
        Long { unit, base: integers.base }
    }
}

impl Exponents for Long<'_> {
    const FIELDS: bool = false;
    type Rate = Rate;

    fn rate(&self, _: &Job, beta: f64) -> Rate {
        let lowest_limit = if beta.is_infinite() { ABOVE_ALL } else { f32::NEG_INFINITY };
        Rate { rate: beta * RATE, lowest_limit }
    }

    #[inline(always)]
    fn of_field(_: Rate) -> f32 {
        0.0
    }

    #[inline(always)]
    fn factor(&self, rate: Rate, i: usize) -> f32 {
        // What the last digit of the spin is worth.
        (rate.rate * self.unit[i]).min(HIGHEST) as f32
    }

    #[inline(always)]
    fn with_digit<N: Floats>(&self, n: N, so_far: N::F, sum: N::U, _: N::F) -> N::F {
        n.mul_add(so_far, n.splat(self.base), n.to_floats(sum))
    }

    #[inline(always)]
    fn finished<N: Floats>(&self, n: N, so_far: N::F, factor: N::F) -> N::F {
        n.mul(so_far, factor)
    }

    #[inline(always)]
    fn raised<N: Floats>(n: N, limit: N::F, rate: Rate) -> N::F {
        n.max(limit, n.splat(rate.lowest_limit))
    }
}
