//! The ladder of temperatures: its place in the lanes, how lanes come down to it, and its spacing.

use super::words::{PARTS, Set};

/// Temperatures and copies in the lanes of a word.
///
/// ```text
/// lane    0 .. C-1       C .. 2C-1      ...   (T-1)C .. TC-1     the rest
///         temperature 0  temperature 1        temperature T-1    idle
///         copies 0..C    the same
/// ```
#[derive(Debug, Clone, Copy)]
pub(super) struct Places {
    pub(super) temperatures: usize,
    pub(super) copies: usize,
}

impl Places {
    /// As many copies, a power of two, as so many lanes have room for.
    pub(super) fn new(temperatures: usize, lanes: usize) -> Self {
        Places { temperatures, copies: 1 << (lanes / temperatures).ilog2() }
    }

    /// Lanes that are not idle.
    pub(super) fn used(self) -> usize {
        self.temperatures * self.copies
    }

    /// The lanes for which `is_in(temperature, copy)`.
    pub(super) fn set(self, is_in: impl Fn(usize, usize) -> bool) -> Set {
        let mut set = [0; PARTS];
        for lane in 0..self.used() {
            set[lane / 64] |= u64::from(is_in(lane / self.copies, lane % self.copies)) << (lane % 64);
        }
        set
    }
}

/// The ladder with its steps pulled together at the hot end: of 0, all are as hot as the first; of 1, it is the ladder.
pub(super) fn pulled_together(betas: &[f64], part: f64) -> Vec<f64> {
    let at = |place: f64| {
        let below = (place.floor() as usize).min(betas.len() - 2);
        betas[below] + (place - below as f64) * (betas[below + 1] - betas[below])
    };
    (0..betas.len()).map(|k| at(part * k as f64)).collect()
}

/// Rejections that a step has at least: one of none would be spread over the whole ladder.
const LEAST: f64 = 0.01;

/// The same ends with steps that are rejected equally often, by what each step's `rejected` share was.
///
/// Up to a temperature, rejections add up to the same whatever the steps (the communication barrier: Syed, Bouchard-Cote,
/// Deligiannidis, Doucet, J. R. Stat. Soc. B 84, 321, 2022). The sum is taken as linear within each step, so the new
/// temperatures rise as the old ones do.
pub(super) fn respaced(betas: &[f64], rejected: &[f64]) -> Vec<f64> {
    let mut barrier = vec![0.0];
    for &share in rejected {
        barrier.push(barrier[barrier.len() - 1] + share.clamp(LEAST, 1.0));
    }
    let steps = rejected.len();
    let each = barrier[steps] / steps as f64;
    let mut step = 0;
    let mut spaced = betas.to_vec();
    for (k, beta) in spaced.iter_mut().enumerate().take(steps).skip(1) {
        let wanted = each * k as f64;
        while step + 1 < steps && barrier[step + 1] < wanted {
            step += 1;
        }
        let part = ((wanted - barrier[step]) / (barrier[step + 1] - barrier[step])).clamp(0.0, 1.0);
        *beta = betas[step] + part * (betas[step + 1] - betas[step]);
    }
    spaced
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_fill_the_lanes() {
        for (temperatures, lanes, copies) in
            [(2, 512, 256), (3, 512, 128), (32, 512, 16), (64, 512, 8), (64, 64, 1), (33, 64, 1), (5, 64, 8)]
        {
            let places = Places::new(temperatures, lanes);
            assert_eq!(places.copies, copies);
            let ones = |set: Set| set.iter().map(|part| part.count_ones() as usize).sum::<usize>();
            assert_eq!(ones(places.set(|_, _| true)), places.used());
            assert_eq!(ones(places.set(|t, _| t == temperatures - 1)), copies);
        }
    }

    #[test]
    fn lanes_come_down_to_their_temperature() {
        let betas = [0.5, 1.0, 3.0];
        assert_eq!(pulled_together(&betas, 0.0), [0.5; 3]);
        assert_eq!(pulled_together(&betas, 0.5), [0.5, 0.75, 1.0]);
        assert_eq!(pulled_together(&betas, 1.0), betas);
    }

    #[test]
    fn steps_that_are_rejected_alike_stay_as_they_are() {
        let betas = [0.1, 0.3, 1.0, 1.5];
        for share in [0.2, 1.0] {
            for (new, old) in respaced(&betas, &[share; 3]).iter().zip(betas) {
                assert!((new - old).abs() < 1e-12);
            }
        }
        assert_eq!(respaced(&[1.0, 2.0], &[0.7]), [1.0, 2.0]);
    }

    #[test]
    fn temperatures_gather_where_rejections_are() {
        // Twice as many rejections in the second half of the ladder: two thirds of the steps go there.
        let betas: Vec<f64> = (0..=12).map(f64::from).collect();
        let rejected: Vec<f64> = (0..12).map(|k| if k < 6 { 0.2 } else { 0.4 }).collect();
        let spaced = respaced(&betas, &rejected);
        assert_eq!(spaced.iter().filter(|&&beta| beta < 6.0 - 1e-9).count(), 4);
        assert!(spaced.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!((spaced[0], spaced[12]), (0.0, 12.0));
        // None at all at one end, all at the other.
        let spaced = respaced(&[1.0, 2.0, 3.0, 4.0], &[0.0, 0.0, 1.0]);
        assert!(spaced.windows(2).all(|pair| pair[0] < pair[1]) && spaced[1] > 3.0);
    }
}
