//! Isoenergetic cluster moves between pairs of copies at one temperature.
//!
//! Where two states differ, connected sets of the spins that differ are flipped in both: each bond at their rim is satisfied in
//! one copy and not in the other, before and after, so the energies' sum stays (Houdayer, "A cluster Monte Carlo algorithm
//! for 2-dimensional spin glasses", Eur. Phys. J. B 22, 479, 2001; on other graphs Zhu, Ochoa and Katzgraber, Phys. Rev.
//! Lett. 115, 077201, 2015). Fields are no obstacle: at each of these spins the two copies have opposite fields' energies.
//!
//! ```text
//! lane           c     c ^ 2^b    pairs of copies, all of them at once: both lanes hold the same words
//! differs i      1     1          spin i of the two copies differs
//! cluster i      1     1          and hangs together with a seed: filled in bits, up and down the spins
//! ```
//!
//! One set a move, that of a random spin; also where it is mostly the one set that is nearly all that differs (it percolates:
//! Pegasus, lattices in three dimensions). To flip that one exchanges the two copies but for all the small sets.
//!
//! What differs is the same after the move as before, and so are its connected sets: the move undoes itself, and any rule by
//! which the seed is drawn from what differs will do. Without fields, a state may be turned over as a whole: of copies that
//! differ in more than half of the spins, a set of the *like* spins is taken.
//!
//! Tried and worse: many sets a move, of seeds with a probability of 1/2 down to 1/256 a spin, which shuffles all small sets
//! at once (Pegasus P16, 2,000 sweeps, mean of four problems: -12781 against -12789, and -12735 without cluster moves).
//!
//! Cost: a word a coupling and pass, of which a fill takes three to ten.

use super::words::{Counter, Word, by_power_of_two};
use crate::couplings::Pattern;

/// Passes after which what is still growing is left alone.
const MOST_PASSES: usize = 128;

/// What a move came to, lane by lane.
pub(super) struct Sizes {
    pub(super) differing: Vec<u32>,
    pub(super) cluster: Vec<u32>,
}

/// Moves between the copies `c` and `c ^ apart` of each temperature; `lower` are the lanes of the lower ones.
pub(super) struct Move<'a, X: Word> {
    pub(super) x: X,
    pub(super) pattern: &'a Pattern,
    /// Whether a state turned over as a whole has the same energy.
    pub(super) is_even: bool,
    pub(super) apart: usize,
    pub(super) lower: X::W,
    /// The lanes that take part.
    pub(super) lanes: X::W,
    /// Spin from which on the first that differs is the seed.
    pub(super) seed: usize,
}

impl<X: Word> Move<'_, X> {
    /// Flips the set of the first spin from the seed on that differs.
    #[inline(always)]
    pub(super) fn make(&self, spins: &mut [X::W], stride: usize) -> Sizes {
        let x = self.x;
        let (differs, differing) = self.differences(spins, stride);
        let mut cluster = self.seeds(&differs);
        let growing = self.fill(&differs, &mut cluster);
        let lanes = x.and_not(self.lanes, growing);
        let mut sizes = Counter::new(x);
        for (cluster, spin) in cluster.iter().zip(spins.chunks_exact_mut(stride)) {
            let cluster = x.and(*cluster, lanes);
            sizes.add(x, 0, cluster);
            for word in spin {
                *word = x.xor(*word, cluster);
            }
        }
        Sizes { differing, cluster: sizes.counts(x) }
    }

    #[inline(always)]
    fn differences(&self, spins: &[X::W], stride: usize) -> (Vec<X::W>, Vec<u32>) {
        let (x, n) = (self.x, spins.len() / stride);
        let mut differs = Vec::with_capacity(n);
        by_power_of_two!(self.apart, compare, (x, spins, stride, self.lower, &mut differs));
        let mut counter = Counter::new(x);
        for &word in &differs {
            counter.add(x, 0, word);
        }
        let mut counts = counter.counts(x);
        if self.is_even {
            let mut most = [0; super::words::PARTS];
            for (lane, count) in counts.iter_mut().enumerate().filter(|(_, count)| **count as usize > n / 2) {
                most[lane / 64] |= 1 << (lane % 64);
                *count = n as u32 - *count;
            }
            let most = x.of(&most);
            for word in &mut differs {
                *word = x.xor(*word, most);
            }
        }
        (differs, counts)
    }

    /// The first spin that differs, from `seed` on, in each lane.
    #[inline(always)]
    fn seeds(&self, differs: &[X::W]) -> Vec<X::W> {
        let x = self.x;
        let mut cluster = vec![x.splat(false); differs.len()];
        let mut missing = self.lanes;
        for i in (self.seed..differs.len()).chain(0..self.seed) {
            cluster[i] = x.and(missing, differs[i]);
            missing = x.and_not(missing, differs[i]);
            if x.no_bits(missing) {
                break;
            }
        }
        cluster
    }

    /// Fills the clusters; returns the lanes in which they were still growing at the end.
    #[inline(always)]
    fn fill(&self, differs: &[X::W], cluster: &mut [X::W]) -> X::W {
        let (x, n) = (self.x, differs.len());
        let mut changed = x.splat(false);
        for pass in 0..MOST_PASSES {
            changed = x.splat(false);
            for k in 0..n {
                let i = if pass % 2 == 0 { k } else { n - 1 - k };
                let old = cluster[i];
                let mut near = old;
                for &j in self.pattern.row(i).0 {
                    // SAFETY: there is a word for each spin, and a pattern is refused if it names another.
                    near = x.or(near, unsafe { *cluster.get_unchecked(j as usize) });
                }
                let new = x.and(near, differs[i]);
                changed = x.or(changed, x.xor(new, old));
                cluster[i] = new;
            }
            if x.no_bits(changed) {
                break;
            }
        }
        changed
    }
}

/// Where copies `c` and `c ^ BY` differ, in the lanes of both.
#[inline(always)]
fn compare<X: Word, const BY: usize>(x: X, spins: &[X::W], stride: usize, lower: X::W, differs: &mut Vec<X::W>) {
    for spin in spins.chunks_exact(stride) {
        let here = x.and(x.xor(spin[0], x.down::<BY>(spin[0])), lower);
        differs.push(x.or(here, x.up::<BY>(here)));
    }
}

/// Exchanges the lanes `l` of `lanes` with `l + BY`.
#[inline(always)]
pub(super) fn exchange<X: Word, const BY: usize>(x: X, spins: &mut [X::W], stride: usize, lanes: X::W) {
    for spin in spins.chunks_exact_mut(stride) {
        let differs = x.and(x.xor(spin[0], x.down::<BY>(spin[0])), lanes);
        let both = x.or(differs, x.up::<BY>(differs));
        for word in spin {
            *word = x.xor(*word, both);
        }
    }
}
