//! Sparse couplings of any size: up to 64 runs side by side, spin after spin.
//!
//! ```text
//! spin i    a bit for each run, 1 = down             one word of 64 bits
//! field     16 integers a vector, W vectors, in registers: summed anew for each update (`sums.rs`)
//! limit     16 floats a vector, drawn before the field is looked at (`accept.rs`)
//! ```
//!
//! Cost of an update of 16 runs with AVX-512: 22 instructions for the decision, 6 of them for random numbers, and one to
//! two a neighbour; there is no branch in it. With 64 runs, what is done once a spin or a coupling (indices,
//! broadcasts) is shared by four vectors, and the spins of a Pegasus chip lie in 45 KB.
//!
//! Several threads share the spins of a chunk (`team.rs`) where there are no other chunks for them.
//!
//! In random order (`picks.rs`) the runs of a chunk share one sequence of spins.
//!
//! Tried and slower: fields maintained flip by flip, 256 bytes a spin (half as fast on a lattice: spins
//! with a field of 0 flip at any temperature, and one of 16 runs nearly always does); spins as 16 floats; a look
//! whether all are frozen before the limits are drawn (they then wait for the field).

use super::accept::limits;
use super::exponents::{Exponents, Short};
use super::fixed::Fixed;
use super::job::Job;
use super::kernel::Kernel;
use super::lanes::{Lanes, bits};
use super::order::Order;
use super::picks::Picks;
use super::sums::Summed;
use super::team::{self, Shares, Team, Together, Waited};
use super::wide::{Integers, Long};
use crate::rng::Keys;
use crate::simd::{LANES, Simd};
use std::sync::atomic::{AtomicU64, Ordering};

pub(super) struct Sparse<'a, E> {
    job: &'a Job<'a>,
    exponents: Summed<'a, E>,
    /// Vectors of 16 runs in a chunk.
    vectors: usize,
    /// The spins that each of those updates who work on a chunk.
    shares: Shares,
}

impl<'a> Sparse<'a, Short<'a>> {
    /// In single precision, for `threads` that share the work.
    pub(super) fn new(
        job: &'a Job<'a>,
        fixed: &'a Fixed,
        order: impl FnOnce() -> &'a Order,
        threads: usize,
    ) -> Self {
        let (vectors, shares) = share(job, order, threads);
        Sparse { job, exponents: Summed::new(job, fixed, vectors), vectors, shares }
    }
}

impl<'a> Sparse<'a, Long<'a>> {
    /// In integers of several digits, for `threads` that share the work.
    pub(super) fn wide(
        job: &'a Job<'a>,
        integers: &'a Integers,
        order: impl FnOnce() -> &'a Order,
        threads: usize,
    ) -> Self {
        let (vectors, shares) = share(job, order, threads);
        Sparse { job, exponents: Summed::wide(job, integers, vectors), vectors, shares }
    }
}

/// Full chunks whose spins are shared where the graph lets threads do so, else smaller chunks for each of them.
fn share<'a>(job: &Job, order: impl FnOnce() -> &'a Order, threads: usize) -> (usize, Shares) {
    let (full, mut of_team) = (Lanes::vectors(job, 1), None);
    let members = team::members(job, threads, Lanes::chunks(job, full), || *of_team.insert(order()));
    match of_team {
        Some(order) if members > 1 => (full, Shares::of(order, members)),
        _ => (Lanes::vectors(job, threads), Shares::alone(job.couplings.num_spins())),
    }
}

impl<E: Exponents> Kernel for Sparse<'_, E> {
    fn end(&self, chunk: usize) -> usize {
        Lanes::end(self.job, chunk, self.vectors)
    }

    #[inline(always)]
    fn run<S: Simd>(&self, s: S, chunk: usize, states: &mut [i8], energies: &mut [f64]) {
        let lanes = Lanes::new(self.job, chunk, self.vectors);
        let mut spins = lanes.initial_spins(s, self.job, &Keys::new(s, &self.job.key));
        let work = Work::new(self, &lanes, &self.shares, &spins);
        let mut done = 0;
        if self.shares.members() > 1 && team::together(S::ISA, &work) {
            spins = work.written();
            done = work.team.sweeps_done();
        }
        if done < self.job.batch.method.len() {
            // Nobody else, or not any more.
            let alone = Shares::alone(spins.len());
            spins = Work::new(self, &lanes, &alone, &[]).spins(s, 0, done, spins);
        }
        lanes.write_out(self.job, &spins, states, energies);
    }
}

/// A chunk that one thread anneals, or several.
struct Work<'a, E> {
    kernel: &'a Sparse<'a, E>,
    lanes: &'a Lanes,
    shares: &'a Shares,
    team: Team,
    /// The spins as their members have written them last.
    written: Vec<AtomicU64>,
}

impl<'a, E> Work<'a, E> {
    fn new(kernel: &'a Sparse<'a, E>, lanes: &'a Lanes, shares: &'a Shares, spins: &[u64]) -> Self {
        let written = spins.iter().map(|&word| AtomicU64::new(word)).collect();
        Work { kernel, lanes, shares, team: Team::new(shares.members()), written }
    }

    fn written(&self) -> Vec<u64> {
        self.written.iter().map(|word| word.load(Ordering::Relaxed)).collect()
    }
}

impl<E: Exponents> Together for Work<'_, E> {
    fn team(&self) -> &Team {
        &self.team
    }

    #[inline(always)]
    fn part<S: Simd>(&self, s: S, member: usize) {
        // As they are before anyone has come to the first meeting.
        let spins = self.written();
        if self.team.meet(&mut Waited::none()) {
            self.spins(s, member, 0, spins);
        }
    }
}

impl<E: Exponents> Work<'_, E> {
    /// A word for each spin after the anneal, of which so many sweeps are done.
    #[inline(always)]
    fn spins<S: Simd>(&self, s: S, member: usize, done: usize, spins: Vec<u64>) -> Vec<u64> {
        let method = &self.kernel.job.batch.method;
        match (method.is_in_random_order(), method.is_gibbs()) {
            (false, false) => self.of_width::<S, false, false>(s, member, done, spins),
            (false, true) => self.of_width::<S, false, true>(s, member, done, spins),
            (true, false) => self.of_width::<S, true, false>(s, member, done, spins),
            (true, true) => self.of_width::<S, true, true>(s, member, done, spins),
        }
    }

    #[inline(always)]
    fn of_width<S: Simd, const RANDOM_ORDER: bool, const GIBBS: bool>(
        &self,
        s: S,
        member: usize,
        done: usize,
        spins: Vec<u64>,
    ) -> Vec<u64> {
        match self.kernel.vectors {
            1 => self.anneal::<S, 1, RANDOM_ORDER, GIBBS>(s, member, done, spins),
            2 => self.anneal::<S, 2, RANDOM_ORDER, GIBBS>(s, member, done, spins),
            _ => self.anneal::<S, 4, RANDOM_ORDER, GIBBS>(s, member, done, spins),
        }
    }

    #[inline(always)]
    fn anneal<S: Simd, const W: usize, const RANDOM_ORDER: bool, const GIBBS: bool>(
        &self,
        s: S,
        member: usize,
        done: usize,
        mut spins: Vec<u64>,
    ) -> Vec<u64> {
        let (job, lanes, shares) = (self.kernel.job, self.lanes, self.shares);
        let exponents = &self.kernel.exponents;
        let keys = Keys::new(s, &job.key);
        let fields = exponents.fields(job, lanes);
        let mut picks = Picks::of(job, lanes.first());
        let mut waited = Waited::none();
        for (t, beta) in job.betas().skip(done) {
            if self.team.is_dissolved(t) {
                break;
            }
            let rate = exponents.rate(job, beta);
            let turns = if RANDOM_ORDER { picks.draw(s, &keys, t) } else { shares.spins(member) };
            let starts: [S::U; W] = std::array::from_fn(|v| keys.start(s, lanes.counters(v, t)));
            // One update ahead, and their random bits two: three chains that do not wait for each other.
            let mut ahead = limits::<S, W, GIBBS>(s, bits(s, &keys, &starts, counter::<RANDOM_ORDER>(turns, 0)));
            let mut further = bits(s, &keys, &starts, counter::<RANDOM_ORDER>(turns, 1));
            for (level, of_level) in shares.levels(member).enumerate() {
                for k in of_level.clone() {
                    if k % 4096 == 0 && job.stopped() {
                        self.team.give_up();
                        return spins;
                    }
                    let i = turns[k] as usize;
                    let limit = exponents.raised(s, ahead, rate);
                    ahead = limits::<S, W, GIBBS>(s, further);
                    further = bits(s, &keys, &starts, counter::<RANDOM_ORDER>(turns, k + 2));
                    let exponents: [S::F; W] = exponents.of(s, &fields, rate, i, &spins);
                    let down = s.masks(spins[i]);
                    let mut flips = 0;
                    for v in 0..W {
                        let accepted = s.at_least(s.negate(down[v], exponents[v]), limit[v]);
                        flips |= u64::from(s.mask_bits(accepted)) << (LANES * v);
                    }
                    spins[i] ^= flips;
                }
                if shares.members() > 1 {
                    if level + 1 == shares.num_levels() {
                        self.team.end_sweep(member, t, &waited);
                    }
                    for &i in &turns[of_level] {
                        self.written[i as usize].store(spins[i as usize], Ordering::Relaxed);
                    }
                    if !self.team.meet(&mut waited) {
                        return spins;
                    }
                    for i in shares.of_others(member, level) {
                        spins[i] = self.written[i].load(Ordering::Relaxed);
                    }
                }
            }
        }
        spins
    }
}

/// What counts the random numbers of update `k`: the spin in turn, or the update itself.
#[inline(always)]
fn counter<const RANDOM_ORDER: bool>(turns: &[u32], k: usize) -> usize {
    if RANDOM_ORDER { k } else { turns.get(k).map_or(0, |&i| i as usize) }
}
