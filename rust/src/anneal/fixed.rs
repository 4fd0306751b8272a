//! Couplings as integers, so that sums of them are exact.
//!
//! Each spin has a unit of its own, a power of two so small that the |couplings| of the spin add up to less than
//! `2^30` units: a rounded coupling is off by `2^-31` of their sum, less than a float's field would be after
//! a few flips. Since integers add up alike in any order, a kernel may maintain a field, flip by flip, or sum it
//! anew, as it likes, and has the same field to the last bit; nothing drifts and nothing is refreshed. All
//! kernels for real couplings but the layered one give the same answer for this reason.
//!
//! The fields `h` stay floats beside them: they differ from problem to problem, and the units must not. Problems for
//! which that is too coarse are annealed in `wide.rs`; `precision.rs` tells which.

use crate::couplings::{Couplings, Pattern};

/// What a spin's sum is made of.
#[derive(Debug)]
pub(super) struct Terms {
    /// Twice the coupling to each neighbour, in the order of the model's rows, in units of the *row's* spin.
    pub(super) twice: Vec<i32>,
    /// What each spin's terms sum to where all neighbours are up.
    pub(super) all_up: Vec<i32>,
}

/// The couplings, and the unit that each spin has for them.
#[derive(Debug)]
pub(super) struct Fixed {
    pub(super) terms: Terms,
    /// The unit of each spin, after the scale.
    pub(super) unit: Vec<f32>,
}

impl Fixed {
    /// Of the couplings times `scale`.
    pub(super) fn new(couplings: &Couplings, scale: f64) -> Self {
        let n = couplings.num_spins();
        let (mut terms, mut unit) = (Terms::with_room_for(couplings), Vec::with_capacity(n));
        for i in 0..n {
            let scaled = || couplings.row(i).1.iter().map(|value| value * scale);
            let total: f64 = scaled().map(f64::abs).sum();
            // What is too small for this is nothing beside the largest number of the problem.
            let exponent = if total > 0.0 { floor_log2(total).max(-90) - 29 } else { 0 };
            let per_unit = 2f64.powi(-exponent);
            let first = terms.twice.len();
            terms.twice.extend(scaled().map(|value| 2 * nearest(value * per_unit)));
            terms.all_up.push(terms.twice[first..].iter().map(|twice| twice / 2).sum());
            unit.push(2f32.powi(exponent));
        }
        Fixed { terms, unit }
    }
}

impl Terms {
    /// None yet, with room for those of all couplings.
    pub(super) fn with_room_for(couplings: &Couplings) -> Self {
        Terms {
            twice: Vec::with_capacity(couplings.values().len()),
            all_up: Vec::with_capacity(couplings.num_spins()),
        }
    }

    /// Nothing but zeros.
    pub(super) fn zeros(couplings: &Couplings) -> Self {
        Terms { twice: vec![0; couplings.values().len()], all_up: vec![0; couplings.num_spins()] }
    }

    /// The sum of each spin's terms.
    pub(super) fn sums(&self, pattern: &Pattern, spins: &[i8]) -> Vec<i32> {
        let sum = |(i, &all_up): (usize, &i32)| {
            let (neighbours, at) = pattern.row(i);
            let couplings = neighbours.iter().zip(&self.twice[at..]);
            // The sign of a spin as a mask: a branch on random spins is mispredicted half of the time.
            couplings.fold(all_up, |sum, (&j, twice)| sum.wrapping_sub(twice & i32::from(spins[j as usize] >> 7)))
        };
        self.all_up.iter().enumerate().map(sum).collect()
    }

    /// Twice each coupling, in the order of the model's rows, in units of the *neighbour*: what a flip of the
    /// row's spin does to it.
    pub(super) fn onto(&self, pattern: &Pattern) -> Vec<i32> {
        let mut onto = vec![0; self.twice.len()];
        // Rows in rising order meet each neighbour's entries in rising order too.
        let mut next: Vec<usize> = (0..pattern.num_spins()).map(|i| pattern.row(i).1).collect();
        for i in 0..pattern.num_spins() {
            let (neighbours, at) = pattern.row(i);
            for (&j, &twice) in neighbours.iter().zip(&self.twice[at..]) {
                let slot = &mut next[j as usize];
                onto[*slot] = twice;
                *slot += 1;
            }
        }
        onto
    }
}

/// Of positive numbers; too little of those below `2^-1022`.
pub(super) fn floor_log2(x: f64) -> i32 {
    (x.to_bits() >> 52) as i32 - 1023
}

/// The nearest integer to a number below `2^31`, an even one of two: `f64::round_ties_even` is a call where the
/// processor is not known to have the instruction, and a network's couplings are new for each image.
pub(super) fn nearest(x: f64) -> i32 {
    // Adding 1.5 * 2^52 leaves the integer in the low bits of the sum.
    (x + 6_755_399_441_055_744.0).to_bits() as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding() {
        for x in [0.0, 0.4, -0.5, 0.5, 1.5, -2.5, 1e9 + 0.3, -1_073_741_823.7] {
            assert_eq!(f64::from(nearest(x)), x.round_ties_even());
        }
        for x in [1.0f64, 1.999, 2.0, 1e-20, 3e30] {
            assert_eq!(floor_log2(x), x.log2().floor() as i32);
        }
    }

    #[test]
    fn couplings_are_kept_to_31_bits_of_their_sum() {
        let values = [1.0, -0.3, 1e-7, 12345.678, -2.5e-9];
        let couplings = Couplings::new(4, &[0, 0, 1, 1, 2], &[1, 2, 2, 3, 3], &values).unwrap();
        let fixed = Fixed::new(&couplings, 1.0);
        let mut at = 0;
        for i in 0..4 {
            let (_, row) = couplings.row(i);
            let total: f64 = row.iter().map(|v| v.abs()).sum();
            let mut sum = 0;
            for value in row {
                let kept = f64::from(fixed.terms.twice[at]) / 2.0 * f64::from(fixed.unit[i]);
                assert!((kept - value).abs() <= total * 2f64.powi(-30), "{kept} {value}");
                sum += fixed.terms.twice[at] / 2;
                at += 1;
            }
            assert_eq!(sum, fixed.terms.all_up[i]);
            assert!(total / f64::from(fixed.unit[i]) < 2f64.powi(30));
        }
    }
}
