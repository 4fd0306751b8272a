//! Runs side by side: which read of which problem sits in which lane, and what goes in and comes out.
//!
//! Reads fill the lanes by fours, because the four numbers of one AES block are four reads of a problem; problems
//! follow each other, so that ten reads of each leave two lanes of twelve idle. The spins of up to 64 runs are
//! the bits of one word, 1 = down.

use super::batch;
use super::job::Job;
use crate::bits::{SPINS, eights, mirror};
use crate::rng::{INITIAL, Keys};
use crate::simd::{LANES, Row, Simd};

/// Lanes of a word.
const MOST: usize = 64;

pub(super) struct Lanes {
    first: usize,
    /// The run in each lane; none where a problem's reads do not fill four lanes.
    runs: Vec<Option<usize>>,
    /// Words 2 and 3 of the random counters of each quad.
    streams: Vec<[u32; 2]>,
}

/// Groups of four reads of a problem. In random order those in a chunk share one sequence, so no chunk of so many vectors
/// has reads of two problems.
fn quads_of(job: &Job, vectors: usize) -> usize {
    let quads = job.batch.num_reads.div_ceil(4);
    if job.batch.method.is_in_random_order() { quads.next_multiple_of(LANES / 4 * vectors) } else { quads }
}

/// How many of `all` vectors make a chunk: 1, 2 or 4, so that each of `threads` has something to do.
pub(super) fn vectors_of(all: usize, threads: usize) -> usize {
    [4, 2].into_iter().find(|v| all > v * (threads.max(1) - 1) && all > v / 2).unwrap_or(1)
}

impl Lanes {
    /// Vectors of 16 runs in a chunk: 1, 2 or 4, so that each of `threads` has something to do.
    pub(super) fn vectors(job: &Job, threads: usize) -> usize {
        let all = (job.batch.problem_ids.len() * quads_of(job, 1)).div_ceil(LANES / 4);
        if job.batch.method.is_in_random_order() {
            let of_problem = job.batch.num_reads.div_ceil(LANES);
            return vectors_of(all, threads).min(vectors_of(of_problem, 1));
        }
        vectors_of(all, threads)
    }

    /// How many chunks of so many vectors there are.
    pub(super) fn chunks(job: &Job, vectors: usize) -> usize {
        (job.batch.problem_ids.len() * quads_of(job, vectors)).div_ceil(LANES / 4 * vectors)
    }

    /// The run after the last of a chunk.
    pub(super) fn end(job: &Job, chunk: usize, vectors: usize) -> usize {
        let (quad, each) = (LANES / 4 * vectors * (chunk + 1), quads_of(job, vectors));
        let reads = job.batch.num_reads;
        quad / each * reads + (4 * (quad % each)).min(reads)
    }

    pub(super) fn new(job: &Job, chunk: usize, vectors: usize) -> Self {
        let (each, reads) = (quads_of(job, vectors), job.batch.num_reads);
        let quads = LANES / 4 * vectors;
        let (mut runs, mut streams) = (vec![], vec![]);
        for quad in quads * chunk..quads * (chunk + 1) {
            let (problem, in_problem) = (quad / each, quad % each);
            let id = job.batch.problem_ids.get(problem);
            streams.push([in_problem as u32, id.copied().unwrap_or(0)]);
            let reads_of_quad = 4 * in_problem..4 * in_problem + 4;
            runs.extend(
                reads_of_quad.map(|read| (id.is_some() && read < reads).then_some(problem * reads + read)),
            );
        }
        Lanes { first: runs.iter().find_map(|&run| run).unwrap_or(0), runs, streams }
    }

    /// The first run.
    pub(super) fn first(&self) -> usize {
        self.first
    }

    /// The counters of the quads in vector `v`, with spin 0.
    #[inline(always)]
    pub(super) fn counters(&self, v: usize, sweep: u32) -> [[u32; 4]; 4] {
        std::array::from_fn(|k| {
            let [quad, problem] = self.streams[LANES / 4 * v + k];
            [0, sweep, quad, problem]
        })
    }

    /// The states given, or random ones.
    #[inline(always)]
    pub(super) fn initial_spins<S: Simd>(&self, s: S, job: &Job, keys: &Keys<S>) -> Vec<u64> {
        let mut spins = vec![0u64; job.couplings.num_spins()];
        for (i, word) in spins.iter_mut().enumerate() {
            if job.batch.has_initial_states() {
                for (lane, run) in self.runs.iter().enumerate() {
                    let down = run.and_then(|run| job.initial_state(run)).is_some_and(|state| state[i] < 0);
                    *word |= u64::from(down) << lane;
                }
            } else {
                for v in 0..self.runs.len() / LANES {
                    let place = s.quarters(i as u32);
                    let [bits] = keys.finish(s, [s.xor(keys.start(s, self.counters(v, INITIAL)), place)]);
                    *word |= u64::from(s.mask_bits(s.top_bits(bits))) << (LANES * v);
                }
            }
        }
        spins
    }

    /// The fields of each lane.
    fn problems<'a>(&self, job: &Job<'a>) -> Vec<batch::Fields<'a>> {
        self.runs.iter().map(|run| job.fields(run.unwrap_or(self.first))).collect()
    }

    /// Whether all lanes hold runs of one problem.
    fn is_of_one_problem(&self, job: &Job) -> bool {
        let problem = |run| job.problem_and_read(run).0;
        self.runs.iter().flatten().all(|&run| problem(run) == problem(self.first))
    }

    pub(super) fn fields(&self, job: &Job) -> Fields {
        if self.is_of_one_problem(job) {
            return Fields::Shared(job.fields(self.first).iter().map(|h| job.scaled(h)).collect());
        }
        let problems = self.problems(job);
        let row = |i: usize, lanes: &[batch::Fields]| Row(std::array::from_fn(|k| job.scaled(lanes[k].at(i))));
        let rows =
            (0..job.couplings.num_spins()).flat_map(|i| problems.chunks(LANES).map(move |lanes| row(i, lanes)));
        Fields::Each { rows: rows.collect(), vectors: problems.len() / LANES }
    }

    /// States of the runs, and energies if they are wanted.
    #[inline(always)]
    pub(super) fn write_out(&self, job: &Job, spins: &[u64], states: &mut [i8], energies: &mut [f64]) {
        let lanes = || (0..self.runs.len()).filter(|&lane| self.runs[lane].is_some());
        if !energies.is_empty() {
            let in_lanes = self.energies(job, spins);
            for (lane, energy) in lanes().zip(energies) {
                *energy = in_lanes[lane / 8][lane % 8];
            }
        }
        write_states(lanes(), spins, states);
    }

    /// As `Job::energy`, sum by sum, for all lanes at once, by eights.
    #[inline(always)]
    fn energies(&self, job: &Job, spins: &[u64]) -> [[f64; 8]; MOST / 8] {
        let mut energies = [[0.0; 8]; MOST / 8];
        let problems = self.problems(job);
        let eights = problems.len() / 8;
        for (i, word) in spins.iter().enumerate() {
            let mut field = [[0.0; 8]; MOST / 8];
            for (f, h) in field.as_flattened_mut().iter_mut().zip(&problems) {
                *f = h.at(i);
            }
            let (neighbours, values) = job.couplings.row(i);
            for (&j, &value) in neighbours.iter().zip(values).take_while(|(j, _)| (**j as usize) < i) {
                for (field, byte) in field[..eights].iter_mut().zip(spins[j as usize].to_le_bytes()) {
                    add_signed(field, &[value; 8], byte);
                }
            }
            for ((energy, field), byte) in energies[..eights].iter_mut().zip(&field).zip(word.to_le_bytes()) {
                add_signed(energy, field, byte);
            }
        }
        energies
    }
}

/// The random bits of update `k`, from the counters of the sweep.
#[inline(always)]
pub(super) fn bits<S: Simd, const W: usize>(s: S, keys: &Keys<S>, starts: &[S::U; W], k: usize) -> [S::U; W] {
    let place = s.quarters(k as u32);
    let mut bits = *starts;
    for bits in &mut bits {
        *bits = s.xor(*bits, place);
    }
    keys.finish(s, bits)
}

/// Writes the states in the lanes given, one after the other, of spins that are a bit of a word in each lane.
pub(super) fn write_states(lanes: impl Iterator<Item = usize> + Clone, spins: &[u64], states: &mut [i8]) {
    for (at, of_block) in (0..spins.len()).step_by(64).zip(spins.chunks(64)) {
        let mut words = [0; 64];
        words[..of_block.len()].copy_from_slice(of_block);
        mirror(&mut words);
        for (lane, state) in lanes.clone().zip(states.chunks_exact_mut(spins.len())) {
            let state = &mut state[at..at + of_block.len()];
            for (eight, bits) in state.chunks_mut(8).zip(words[lane].to_le_bytes()) {
                eight.copy_from_slice(&SPINS[bits as usize][..eight.len()]);
            }
        }
    }
}

/// Fields of all spins: one for all runs where these are of one problem, as is most common.
pub(super) enum Fields {
    Shared(Vec<f32>),
    Each {
        /// (spins, vectors)
        rows: Vec<Row<f32>>,
        vectors: usize,
    },
}

impl Fields {
    /// Nothing, where fields are terms of the sums.
    pub(super) fn zeros(job: &Job) -> Self {
        Fields::Shared(vec![0.0; job.couplings.num_spins()])
    }

    /// The fields of spin `i` in the runs of the vectors from `v` on, times `rate`.
    #[inline(always)]
    pub(super) fn times<S: Simd, const W: usize>(&self, s: S, rate: f32, i: usize, v: usize) -> [S::F; W] {
        match self {
            Fields::Shared(fields) => [s.splat(rate * fields[i]); W],
            Fields::Each { rows, vectors } => {
                let rows = &rows[i * vectors + v..][..W];
                let mut times = [s.splat(rate); W];
                for (times, row) in times.iter_mut().zip(rows) {
                    *times = s.mul(*times, s.floats(row));
                }
                times
            }
        }
    }
}

/// Adds to each number the other, or its negative where the bit is set.
#[inline(always)]
fn add_signed(to: &mut [f64; 8], what: &[f64; 8], negative: u8) {
    let signs = &SIGNS[negative as usize];
    for k in 0..8 {
        to[k] += what[k] * signs[k];
    }
}

/// The signs that eight bits stand for.
static SIGNS: [[f64; 8]; 256] = eights(1.0, -1.0);
