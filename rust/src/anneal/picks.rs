//! Updates in random order: which spin each of them picks, with replacement, as dwave-samplers does.
//!
//! ```text
//! reads 0 .. 63 of a problem     sweep t:  7 0 7 3 ...      one sequence for all of them,
//! reads 64 .. 127                sweep t:  2 9 1 1 ...      and another for these
//! ```
//!
//! Each read is the same Markov chain as with a sequence of its own, and given the sequence the reads are independent: they draw
//! the numbers that decide their flips for themselves. So up to 64 reads go side by side. What is shared shows where few
//! sweeps tell sequences apart: after one sweep of few spins the reads of a group are more alike than reads of two groups.

use super::job::Job;
use crate::rng::Keys;
use crate::simd::{LANES, Simd};

/// Reads that share a sequence.
pub(super) const GROUP: usize = 64;
/// Marks the counters of numbers that pick spins.
const ORDER: u32 = 1 << 31;

/// The spins that the updates of a sweep pick.
pub(super) struct Picks {
    group: u32,
    id: u32,
    spins: Vec<u32>,
}

impl Picks {
    /// Of the group of reads that `run` belongs to.
    pub(super) fn of(job: &Job, run: usize) -> Self {
        let (problem, read) = job.problem_and_read(run);
        let group = read / GROUP as u32;
        Picks { group, id: job.batch.problem_ids[problem], spins: vec![0; job.couplings.num_spins()] }
    }

    /// Those of a sweep, in turn.
    #[inline(always)]
    pub(super) fn draw<S: Simd>(&mut self, s: S, keys: &Keys<S>, sweep: u32) -> &[u32] {
        let n = self.spins.len();
        for (v, picks) in self.spins.chunks_mut(LANES).enumerate() {
            let mut counters = [[0; 4]; 4];
            for (k, counter) in counters.iter_mut().enumerate() {
                *counter = [(4 * v + k) as u32 | ORDER, sweep, self.group, self.id];
            }
            let [words] = keys.finish(s, [keys.start(s, counters)]);
            for (pick, word) in picks.iter_mut().zip(s.int_array(words)) {
                *pick = ((word as usize * n) >> 32) as u32;
            }
        }
        &self.spins
    }
}
