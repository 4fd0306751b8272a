//! An order of updates in which 16 spins in a row seldom touch, and which is as good as that of the spins' numbers.
//!
//! A sweep updates the spins in the order of their numbers. What becomes of a spin depends on its neighbours alone, so
//! any order gives the same states in which each *coupled pair* comes in the order of its numbers: spins that wait for
//! no neighbour come first, and each of them lets its later neighbours go.
//!
//! ```text
//! number order   0 - 1 - 2   3 - 4 - 5   6 - 7 - 8        (three chains)
//! this order     0   3   6   1   4   7   2   5   8        three in a row may be updated at once
//! ```
//!
//! A lattice of 12^3 has runs of some 40 spins that do not touch, a random graph of 2,000 spins and degree 6 of 100; a chain
//! that is numbered from end to end has none, and stays as it is.

use crate::couplings::Pattern;
use crate::simd::LANES;
use std::ops::Range;

/// Which spin stands where.
#[derive(Debug)]
pub(super) struct Order {
    /// The spin in each place.
    pub(super) spins: Vec<u32>,
    /// The place of each spin.
    pub(super) places: Vec<u32>,
    /// Where levels begin, and the last one ends: no spin of a level is coupled to another of it.
    starts: Vec<usize>,
}

impl Order {
    /// Of the spins of a pattern.
    pub(super) fn of(pattern: &Pattern) -> Self {
        let n = pattern.num_spins();
        let earlier = |i: usize| pattern.neighbours(i).partition_point(|&j| (j as usize) < i);
        let mut waits_for: Vec<u32> = (0..n).map(|i| earlier(i) as u32).collect();
        let mut spins = Vec::with_capacity(n);
        spins.extend((0..n as u32).filter(|&i| waits_for[i as usize] == 0));
        let (mut at, mut starts) = (0, vec![0]);
        while at < spins.len() {
            // Who waited for the last level is let go by one of its spins, after all of the level were let go.
            if at == starts[starts.len() - 1] {
                starts.push(spins.len());
            }
            let i = spins[at] as usize;
            for &j in &pattern.neighbours(i)[earlier(i)..] {
                waits_for[j as usize] -= 1;
                if waits_for[j as usize] == 0 {
                    spins.push(j);
                }
            }
            at += 1;
        }
        Self::from_spins(spins, starts)
    }

    /// The order of the numbers, where each spin may wait for the one before it.
    pub(super) fn of_numbers(num_spins: usize) -> Self {
        Self::from_spins((0..num_spins as u32).collect(), (0..=num_spins).collect())
    }

    fn from_spins(spins: Vec<u32>, starts: Vec<usize>) -> Self {
        let mut places = vec![0; spins.len()];
        for (place, &spin) in spins.iter().enumerate() {
            places[spin as usize] = place as u32;
        }
        Order { spins, places, starts }
    }

    pub(super) fn num_levels(&self) -> usize {
        self.starts.len() - 1
    }

    /// The places of each level.
    pub(super) fn levels(&self) -> impl Iterator<Item = Range<usize>> {
        self.starts.windows(2).map(|ends| ends[0]..ends[1])
    }

    /// The places of block `b` of 16.
    pub(super) fn block(&self, b: usize) -> Range<usize> {
        LANES * b..self.spins.len().min(LANES * (b + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coupled_pairs_stay_in_the_order_of_their_numbers() {
        let n = 50i64;
        let pairs =
            (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))).filter(|(i, j)| (i * 7 + j * j) % 11 == 0);
        let (rows, cols): (Vec<i64>, Vec<i64>) = pairs.unzip();
        let pattern = Pattern::new(n as usize, &rows, &cols).unwrap();
        let order = Order::of(&pattern);
        for (&i, &j) in rows.iter().zip(&cols) {
            assert!(order.places[i as usize] < order.places[j as usize]);
        }
        for (place, &spin) in order.spins.iter().enumerate() {
            assert_eq!(order.places[spin as usize] as usize, place);
        }
        assert_eq!(order.spins.len(), n as usize);
        assert_eq!(order.levels().flatten().collect::<Vec<_>>(), (0..n as usize).collect::<Vec<_>>());
        let level = |i: i64| order.levels().position(|level| level.contains(&(order.places[i as usize] as usize)));
        assert!(rows.iter().zip(&cols).all(|(&i, &j)| level(i) < level(j)));
    }

    #[test]
    fn chains_side_by_side_take_turns() {
        let pattern = Pattern::new(9, &[0, 1, 3, 4, 6, 7], &[1, 2, 4, 5, 7, 8]).unwrap();
        let order = Order::of(&pattern);
        assert_eq!(order.spins, [0, 3, 6, 1, 4, 7, 2, 5, 8]);
        assert_eq!(order.levels().collect::<Vec<_>>(), [0..3, 3..6, 6..9]);
    }
}
