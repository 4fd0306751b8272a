//! Runs side by side, as many as fill the lanes whatever the number of reads: their fields and random numbers.
//!
//! The four words of an AES block are those of four channels of one run, as in the layered kernel. Four vectors of blocks, of
//! 16 runs, are mirrored to a vector for each channel: lane `4 r + g` is the run of quarter `r` of vector `g`.

use super::super::job::Job;
use super::super::lanes::write_states;
use crate::rng::{INITIAL, Keys};
use crate::simd::{LANES, Row, Simd};

/// `W` vectors of runs.
pub(super) struct Runs<'a, const W: usize> {
    job: &'a Job<'a>,
    first: usize,
    pub(super) count: usize,
    /// The problem of the first run of each vector, counted from that of the chunk, and which of the 16 from there on each
    /// lane has.
    problems: [(usize, Row<u32>); W],
    /// The fields of each spin in all problems of the chunk.
    fields: Vec<f32>,
    /// Problems of the chunk.
    width: usize,
}

/// The fields of runs or states side by side.
pub(super) trait Given<const W: usize> {
    /// The fields of a spin in the runs of vector `v`.
    fn fields<S: Simd>(&self, s: S, spin: usize, v: usize) -> S::F;
}

impl<const W: usize> Given<W> for Runs<'_, W> {
    #[inline(always)]
    fn fields<S: Simd>(&self, s: S, spin: usize, v: usize) -> S::F {
        let (first, lanes) = &self.problems[v];
        let from = self.fields[spin * self.width + first..].first_chunk().expect("16 more than there are");
        s.picked(from, s.ints(lanes))
    }
}

/// Counters of random numbers, but for the channels: four blocks for each four lanes.
pub(super) type Starts<S, const W: usize> = [[<S as Simd>::U; 4]; W];

impl<'a, const W: usize> Runs<'a, W> {
    /// From run `first` on, as many as there are.
    pub(super) fn new(job: &'a Job<'a>, first: usize) -> Self {
        let count = (job.runs() - first).min(LANES * W);
        let problem = |lane: usize| job.problem_and_read(first + lane.min(count - 1)).0;
        let start = problem(0);
        let problems = std::array::from_fn(|v| {
            let of_lane = |lane: usize| problem(LANES * v + lane);
            (of_lane(0) - start, Row(std::array::from_fn(|lane| (of_lane(lane) - of_lane(0)) as u32)))
        });
        let width = problem(count - 1) - start + 1;
        let spins = job.batch.num_spins;
        // 16 numbers are read at once, also from the last one on.
        let mut fields = vec![0.0; spins * width + LANES];
        for k in 0..width {
            let of_problem = job.batch.problem_fields(start + k);
            for (i, field) in fields[k..].iter_mut().step_by(width).take(spins).enumerate() {
                *field = job.scaled(of_problem.at(i));
            }
        }
        Runs { job, first, count, problems, fields, width }
    }

    #[inline(always)]
    pub(super) fn starts<S: Simd>(&self, s: S, keys: &Keys<S>) -> Starts<S, W> {
        std::array::from_fn(|v| {
            std::array::from_fn(|g| {
                let counter = |r: usize| {
                    let run = self.first + (LANES * v + 4 * r + g).min(self.count - 1);
                    let (problem, read) = self.job.problem_and_read(run);
                    [0, 0, read, self.job.batch.problem_ids[problem]]
                };
                keys.start(s, std::array::from_fn(counter))
            })
        })
    }

    /// A word for each spin with a bit for each run, 1 = down: the states given, or random ones. `fours` are the first spin
    /// of each four channels, how many they are, and their number.
    #[inline(always)]
    pub(super) fn initial_spins<S: Simd>(
        &self,
        s: S,
        keys: &Keys<S>,
        starts: &Starts<S, W>,
        fours: impl Iterator<Item = [usize; 3]>,
    ) -> Vec<u64> {
        let mut words = vec![0u64; self.job.batch.num_spins];
        if self.job.batch.has_initial_states() {
            for lane in 0..self.count {
                let state = self.job.initial_state(self.first + lane).unwrap_or_default();
                for (word, &spin) in words.iter_mut().zip(state) {
                    *word |= u64::from(spin < 0) << lane;
                }
            }
            return words;
        }
        let starts = at_sweep(s, keys, starts, INITIAL);
        for [first, count, four] in fours {
            for v in 0..W {
                let numbers = numbers(s, keys, &starts[v], four);
                for (word, bits) in words[first..first + count].iter_mut().zip(numbers) {
                    *word |= u64::from(s.mask_bits(s.top_bits(bits))) << (LANES * v);
                }
            }
        }
        words
    }

    /// Writes the states of all runs.
    pub(super) fn write_out(&self, words: &[u64], states: &mut [i8]) {
        write_states(0..self.count, words, states);
    }
}

/// The counters of a sweep.
#[inline(always)]
pub(super) fn at_sweep<S: Simd, const W: usize>(
    s: S,
    keys: &Keys<S>,
    starts: &Starts<S, W>,
    sweep: u32,
) -> Starts<S, W> {
    let mut starts = *starts;
    for start in starts.as_flattened_mut() {
        *start = keys.at_sweep(s, *start, sweep);
    }
    starts
}

/// The random numbers of four channels, 16 runs each.
#[inline(always)]
pub(super) fn numbers<S: Simd>(s: S, keys: &Keys<S>, starts: &[S::U; 4], four: usize) -> [S::U; 4] {
    let place = s.quarters(four as u32);
    let mut blocks = *starts;
    for block in &mut blocks {
        *block = s.xor(*block, place);
    }
    s.mirrored_quarters(keys.finish(s, blocks))
}
