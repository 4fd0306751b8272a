//! Sparse couplings of any size: runs side by side in the lanes, spin after spin.
//!
//! ```text
//! spin i    field  [ run 0 .. 7 | 8 .. 15 | ... ]  W vectors of f32
//!           spins  [ a bit for each run, 1 = down ]  one word
//! lanes:    [ reads 0-3 of problem 0 | reads 4-7 | ... | reads 0-3 of problem 1 | ... ]
//! ```
//!
//! A spin's update decides for all runs of the chunk in one go; where any flips, the fields of every
//! neighbour change by `2 J s_new` in the lanes that flipped and by 0 in the others. Reads fill the lanes
//! by fours, because four neighbouring numbers of one AES block are four reads of a problem; problems follow
//! each other, so that ten reads of each leave two lanes of twelve idle.
//!
//! Cost of an update of 8 runs: 28 instructions for the decision, 6 of them for the random numbers, and
//! 2 a neighbour where most runs flip; 4 where all are frozen. With 64 runs, what is done once a spin or once
//! a coupling (indices, broadcasts, branches) is shared by 8 vectors.
//!
//! Tried and slower: 8 and 16 runs at a time (2.6 and 1.7 times slower than 64 on a lattice, as every coupling
//! is fetched anew); spins as floats (twice the memory); rows for all vectors even where one of
//! eight has a flip (1.2 times slower in the cold half).

use super::accept::{NEVER, accepted};
use super::isa::Kernel;
use super::{Job, REFRESH};
use crate::rng::{INITIAL, Keys};
use crate::simd::Simd;

/// The couplings in the kernel's precision, in the order of the model's rows.
pub(super) struct Sparse<'a> {
    job: &'a Job<'a>,
    coupling: Vec<f32>,
    /// Vectors of 8 runs in a chunk.
    vectors: usize,
}

impl<'a> Sparse<'a> {
    /// For `threads` that share the work.
    pub(super) fn new(job: &'a Job<'a>, threads: usize) -> Self {
        let quads = job.batch.problem_ids.len() * quads_of(job);
        // The widest that leaves something for every thread, and no more than there are runs.
        let vectors = [8, 4, 2, 1].into_iter().find(|v| quads > v * threads.max(1)).unwrap_or(1);
        let coupling = job.model.couplings().iter().map(|&value| job.scaled(value)).collect();
        Sparse { job, coupling, vectors }
    }
}

/// Groups of four reads of a problem.
fn quads_of(job: &Job) -> usize {
    job.batch.num_reads.div_ceil(4)
}

impl Kernel for Sparse<'_> {
    fn end(&self, chunk: usize) -> usize {
        let (quad, each) = (2 * self.vectors * (chunk + 1), quads_of(self.job));
        let reads = self.job.batch.num_reads;
        quad / each * reads + (4 * (quad % each)).min(reads)
    }

    #[inline(always)]
    fn run<S: Simd>(&self, s: S, chunk: usize, states: &mut [i8], energies: &mut [f64]) {
        match (self.vectors, self.job.batch.gibbs()) {
            (8, false) => self.anneal::<S, 8, false>(s, chunk, states, energies),
            (8, true) => self.anneal::<S, 8, true>(s, chunk, states, energies),
            (4, false) => self.anneal::<S, 4, false>(s, chunk, states, energies),
            (4, true) => self.anneal::<S, 4, true>(s, chunk, states, energies),
            (2, false) => self.anneal::<S, 2, false>(s, chunk, states, energies),
            (2, true) => self.anneal::<S, 2, true>(s, chunk, states, energies),
            (_, false) => self.anneal::<S, 1, false>(s, chunk, states, energies),
            (_, true) => self.anneal::<S, 1, true>(s, chunk, states, energies),
        }
    }
}

impl Sparse<'_> {
    #[inline(always)]
    fn anneal<S: Simd, const W: usize, const GIBBS: bool>(
        &self,
        s: S,
        chunk: usize,
        states: &mut [i8],
        energies: &mut [f64],
    ) {
        let job = self.job;
        let n = job.model.num_spins();
        let keys = Keys::new(s, &job.key);
        let lanes = Lanes::new(job, 2 * W * chunk, 2 * W);
        let signs = Signs::new(s);
        let mut spins = initial_spins(s, job, &keys, &lanes, W);
        let mut fields: Vec<[S::F; W]> = vec![[s.splat(0.0); W]; n];

        for (t, rate) in job.rates() {
            if t % REFRESH == 0 {
                self.refresh(s, &lanes, &signs, &spins, &mut fields);
            }
            let (up, down) = (s.splat(rate), s.splat(-rate));
            let starts: [S::U; W] = std::array::from_fn(|v| keys.start(s, lanes.counters(v, t)));
            for i in 0..n {
                if i % 4096 == 0 && job.stopped() {
                    return;
                }
                let old = spins[i];
                let mut exponent = [s.splat(0.0); W];
                let mut warmest = s.splat(NEVER);
                for v in 0..W {
                    let signed = s.select(signs.of(s, old, v), down, up);
                    exponent[v] = s.mul(signed, fields[i][v]);
                    warmest = s.max(warmest, exponent[v]);
                }
                if s.signs(s.as_ints(s.sub(s.splat(NEVER), warmest))) == 0 {
                    continue;
                }
                let place = s.ints([i as u32, 0, 0, 0, i as u32, 0, 0, 0]);
                let mut flips = [s.splat_int(0); W];
                let mut flipped = 0u64;
                for v in 0..W {
                    let bits = keys.finish(s, s.xor(starts[v], place));
                    flips[v] = accepted::<S, GIBBS>(s, exponent[v], bits);
                    flipped |= u64::from(s.signs(flips[v])) << (8 * v);
                }
                if flipped == 0 {
                    continue;
                }
                let new = old ^ flipped;
                spins[i] = new;
                let mut change = [s.splat(0.0); W];
                for v in 0..W {
                    let twice = s.select(signs.of(s, new, v), s.splat(-2.0), s.splat(2.0));
                    change[v] = s.as_floats(s.and(s.as_ints(twice), flips[v]));
                }
                self.add_row(s, i, &change, flipped, &mut fields);
            }
        }

        let runs = lanes.runs.iter().enumerate().filter_map(|(lane, run)| run.map(|run| (lane, run)));
        for ((lane, run), (state, energy)) in runs.zip(states.chunks_exact_mut(n).zip(energies)) {
            for (out, word) in state.iter_mut().zip(&spins) {
                *out = 1 - 2 * (word >> lane & 1) as i8;
            }
            *energy = job.energy(run, state);
        }
    }

    /// Adds to the fields of the neighbours of spin `i` what its flips put on them.
    #[inline(always)]
    fn add_row<S: Simd, const W: usize>(
        &self,
        s: S,
        i: usize,
        change: &[S::F; W],
        flipped: u64,
        fields: &mut [[S::F; W]],
    ) {
        let (neighbours, at) = self.job.model.pattern().row(i);
        let row = neighbours.iter().zip(&self.coupling[at..]);
        // The highest bit of each byte that is not 0: a vector with a flip.
        const LOW: u64 = 0x7F7F_7F7F_7F7F_7F7F;
        let mut active = (((flipped & LOW) + LOW) | flipped) & !LOW;
        if 2 * active.count_ones() as usize > W {
            for (&j, &value) in row {
                let (f, value) = (&mut fields[j as usize], s.splat(value));
                for (f, &change) in f.iter_mut().zip(change) {
                    *f = s.mul_add(change, value, *f);
                }
            }
        } else {
            // A copy, so that the other branch may keep its own in registers.
            let change = *change;
            while active != 0 {
                let v = (active.trailing_zeros() / 8) as usize;
                active &= active - 1;
                for (&j, &value) in row.clone() {
                    let f = &mut fields[j as usize][v];
                    *f = s.mul_add(change[v], s.splat(value), *f);
                }
            }
        }
    }

    /// The local fields from the spins: `f_i = h_i + sum_j J_ij s_j`.
    #[inline(always)]
    fn refresh<S: Simd, const W: usize>(
        &self,
        s: S,
        lanes: &Lanes,
        signs: &Signs<S>,
        spins: &[u64],
        fields: &mut [[S::F; W]],
    ) {
        let problems: Vec<&[f64]> = lanes.runs.iter().map(|run| self.job.fields(run.unwrap_or(0))).collect();
        for (i, f) in fields.iter_mut().enumerate() {
            for (f, eight) in f.iter_mut().zip(problems.chunks_exact(8)) {
                *f = s.floats(std::array::from_fn(|k| self.job.scaled(eight[k][i])));
            }
            let (neighbours, at) = self.job.model.pattern().row(i);
            for (&j, &value) in neighbours.iter().zip(&self.coupling[at..]) {
                let (up, down) = (s.splat(value), s.splat(-value));
                for (v, f) in f.iter_mut().enumerate() {
                    *f = s.add(*f, s.select(signs.of(s, spins[j as usize], v), down, up));
                }
            }
        }
    }
}

/// Which run, and so which random stream, sits in which lane.
struct Lanes {
    /// The run in each lane; none where a problem's reads do not fill four lanes.
    runs: Vec<Option<usize>>,
    /// Words 2 and 3 of the random counters of each quad.
    streams: Vec<[u32; 2]>,
}

impl Lanes {
    fn new(job: &Job, first_quad: usize, quads: usize) -> Self {
        let (each, reads) = (quads_of(job), job.batch.num_reads);
        let (mut runs, mut streams) = (vec![], vec![]);
        for quad in first_quad..first_quad + quads {
            let (problem, in_problem) = (quad / each, quad % each);
            let id = job.batch.problem_ids.get(problem);
            streams.push([in_problem as u32, id.copied().unwrap_or(0)]);
            runs.extend(
                (4 * in_problem..4 * in_problem + 4)
                    .map(|read| (id.is_some() && read < reads).then_some(problem * reads + read)),
            );
        }
        Lanes { runs, streams }
    }

    /// The counters of the two quads in vector `v`, with spin 0.
    #[inline(always)]
    fn counters(&self, v: usize, sweep: u32) -> [u32; 8] {
        let ([q0, p0], [q1, p1]) = (self.streams[2 * v], self.streams[2 * v + 1]);
        [0, sweep, q0, p0, 0, sweep, q1, p1]
    }
}

/// Moves the bits of a word of spins to the signs of lanes.
struct Signs<S: Simd> {
    shifts: [S::U; 4],
}

impl<S: Simd> Signs<S> {
    #[inline(always)]
    fn new(s: S) -> Self {
        Signs { shifts: std::array::from_fn(|v| s.ints(std::array::from_fn(|k| (31 - 8 * v - k) as u32))) }
    }

    /// Signs of the runs in vector `v`; what is below the sign bit means nothing.
    #[inline(always)]
    fn of(&self, s: S, spins: u64, v: usize) -> S::U {
        s.shl_each(s.splat_int((spins >> (32 * (v / 4))) as u32), self.shifts[v % 4])
    }
}

/// The states given, or random ones.
#[inline(always)]
fn initial_spins<S: Simd>(s: S, job: &Job, keys: &Keys<S>, lanes: &Lanes, vectors: usize) -> Vec<u64> {
    let mut spins = vec![0u64; job.model.num_spins()];
    for (i, word) in spins.iter_mut().enumerate() {
        if job.batch.initial_states.is_some() {
            for (lane, run) in lanes.runs.iter().enumerate() {
                let down = run.and_then(|run| job.initial_state(run)).is_some_and(|state| state[i] < 0);
                *word |= u64::from(down) << lane;
            }
        } else {
            for v in 0..vectors {
                let mut counters = lanes.counters(v, INITIAL);
                counters[0] = i as u32;
                counters[4] = i as u32;
                let bits = keys.finish(s, keys.start(s, counters));
                *word |= u64::from(s.signs(bits)) << (8 * v);
            }
        }
    }
    spins
}
