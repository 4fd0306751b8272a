//! The rounds of a ladder: sweeps, cluster moves, energies, the best state, exchanges. And the course of them all.

use super::super::job::Job;
use super::super::lanes::write_states;
use super::super::samples::Arithmetic;
use super::clusters::{Move, Sizes, exchange};
use super::exchange::Exchange;
use super::ladder::{Places, pulled_together, respaced};
use super::words::{PARTS, Set, Word, by_power_of_two};
use super::{Bits, Clusters, Kernel, Tempered, Tempering};
use crate::error::{Error, room};
use crate::rng::{Keys, ars};
use crate::simd::isa::OnVectors;
use crate::simd::{LANES, Simd};
use std::ops::Range;
use std::time::Instant;

/// What stands in place of the problem in a random counter: spins have 0.
const EXCHANGES: u32 = 1;
const CLUSTERS: u32 = 2;

/// Parts of all rounds in which lanes come down, and in which temperatures are fitted.
const COOLING: usize = 8;
const FITTING: usize = 8;
/// Temperatures on the way down: to make their table takes as long as some updates.
const STAGES: usize = 64;
/// Rounds before temperatures are spaced anew for the first time; each later window is twice as long.
const FIRST_WINDOW: usize = 16;
/// Updates of a window in which nothing is fitted, and rounds at least: threads meet after each, and copy the states.
const WINDOW_UPDATES: usize = 1 << 19;
const WINDOW_ROUNDS: usize = 8;
/// Rounds to one cluster move.
const ROUNDS_PER_MOVE: usize = 4;
/// The share of moves that flip some of the differing spins and not all, below which they are not worth their time.
const LEAST_USEFUL: f64 = 0.05;

/// What all ladders share: it changes between windows only.
pub(super) struct Course<'a> {
    tempering: &'a Tempering<'a>,
    pub(super) places: Places,
    pub(super) betas: Vec<f64>,
    /// At which temperatures cluster moves are made.
    pub(super) clusters: Vec<bool>,
    /// Round in which exchanges begin, and in which all is fixed.
    exchanging: usize,
    fixed: usize,
}

impl<'a> Course<'a> {
    pub(super) fn new(tempering: &'a Tempering<'a>, places: Places) -> Self {
        let rounds = tempering.num_rounds;
        let has_clusters = places.copies > 1 && tempering.clusters != Clusters::Off;
        let is_fitted = tempering.adapt || has_clusters && tempering.clusters == Clusters::Auto;
        let exchanging = rounds / COOLING;
        let fixed = exchanging + if is_fitted { rounds / FITTING } else { 0 };
        let clusters = vec![has_clusters; places.temperatures];
        Course { tempering, places, betas: tempering.betas.to_vec(), clusters, exchanging, fixed }
    }

    /// The rounds that ladders do before they meet again.
    pub(super) fn windows(&self, spins: usize) -> Vec<Range<usize>> {
        let mut ends = vec![];
        let mut length = FIRST_WINDOW;
        let mut at = self.exchanging + length;
        while at + 2 * length <= self.fixed {
            ends.push(at);
            length *= 2;
            at += length;
        }
        ends.push(self.fixed);
        let sweeps = spins.max(1).saturating_mul(self.tempering.sweeps_per_round);
        let step = (WINDOW_UPDATES / sweeps).max(WINDOW_ROUNDS);
        let mut at = self.fixed;
        while at < self.tempering.num_rounds {
            at = (at + step).min(self.tempering.num_rounds);
            ends.push(at);
        }
        let mut first = 0;
        let windows = ends.into_iter().map(|end| std::mem::replace(&mut first, end)..end);
        windows.filter(|window| !window.is_empty()).collect()
    }

    /// Fits temperatures and the use of clusters to what ladders have counted up to `round`.
    pub(super) fn fit(&mut self, round: usize, ladders: &mut [&mut Ladder]) {
        if round <= self.exchanging || round > self.fixed {
            return;
        }
        if self.tempering.adapt {
            let rejected: Vec<f64> = exchange_rates(ladders).map(|rate| 1.0 - rate).collect();
            self.betas = respaced(&self.betas, &rejected);
        }
        if round == self.fixed && self.tempering.clusters == Clusters::Auto {
            for (t, is_used) in self.clusters.iter_mut().enumerate() {
                *is_used &= Moved::of(ladders, t).share() >= LEAST_USEFUL;
            }
        }
        for ladder in ladders {
            ladder.exchange.clear();
            if round < self.fixed {
                ladder.moved.fill(Moved::default());
            }
        }
    }

    /// What all ladders have counted, and no states yet.
    pub(super) fn diagnosed(&self, ladders: &[Ladder]) -> Tempered {
        let ladders: Vec<&Ladder> = ladders.iter().collect();
        let moved = || (0..self.places.temperatures).map(|t| Moved::of(&ladders, t));
        Tempered {
            best: vec![],
            energies: vec![],
            last: vec![],
            last_energies: vec![],
            copies: self.places.copies,
            betas: self.betas.clone(),
            exchange_rates: exchange_rates(&ladders).collect(),
            round_trips: ladders.iter().map(|ladder| ladder.exchange.round_trips).sum(),
            clusters: self.clusters.clone(),
            cluster_sizes: moved().map(|moved| moved.flipped as f64 / moved.moves as f64).collect(),
            cluster_rates: moved().map(Moved::share).collect(),
            rounds: vec![],
            trace: vec![],
            arithmetic: Arithmetic::Single,
        }
    }

    /// The inverse temperatures in a round.
    fn betas_in(&self, round: usize) -> Vec<f64> {
        if round >= self.exchanging {
            return self.betas.clone();
        }
        let stages = STAGES.min(self.exchanging);
        let stage = round * stages / self.exchanging;
        pulled_together(&self.betas, (stage + 1) as f64 / stages as f64)
    }
}

/// The mean probability of an exchange of each step.
fn exchange_rates<L: std::borrow::Borrow<Ladder>>(ladders: &[L]) -> impl Iterator<Item = f64> {
    let steps = ladders.first().map_or(0, |ladder| ladder.borrow().exchange.counts().count());
    let mut sums = vec![(0.0, 0); steps];
    for ladder in ladders {
        for (sum, count) in sums.iter_mut().zip(ladder.borrow().exchange.counts()) {
            *sum = (sum.0 + count.0, sum.1 + count.1);
        }
    }
    sums.into_iter().map(|(accepted, tried)| accepted / tried as f64)
}

/// What cluster moves at one temperature came to, of two copies that differ.
#[derive(Clone, Copy, Default)]
pub(super) struct Moved {
    moves: u64,
    /// Those that flipped some of the differing spins, and not all.
    useful: u64,
    flipped: u64,
}

impl Moved {
    fn of<L: std::borrow::Borrow<Ladder>>(ladders: &[L], temperature: usize) -> Self {
        ladders.iter().fold(Moved::default(), |sum, ladder| {
            let moved = ladder.borrow().moved[temperature];
            Moved {
                moves: sum.moves + moved.moves,
                useful: sum.useful + moved.useful,
                flipped: sum.flipped + moved.flipped,
            }
        })
    }

    /// The share of useful ones; not a number where copies did not differ.
    fn share(self) -> f64 {
        self.useful as f64 / self.moves as f64
    }
}

/// The best state of a ladder.
pub(super) struct Best {
    /// As its kernel has it, which may be rounded, and as the numbers given have it.
    of_kernel: f64,
    energy: f64,
    pub(super) state: Vec<i8>,
    /// Round, seconds and energy of each that was better than all before.
    pub(super) trace: Vec<(usize, f64, f64)>,
}

/// The states of a ladder between windows, and what is counted of them.
pub(super) struct Ladder {
    number: usize,
    /// Lane by lane of each spin, `parts` numbers of 64 lanes; empty before the first round.
    spins: Vec<u64>,
    parts: usize,
    pub(super) done: usize,
    pub(super) best: Best,
    pub(super) exchange: Exchange,
    moved: Vec<Moved>,
}

impl Ladder {
    /// Before its first round, of so many spins in so many lanes.
    pub(super) fn new(number: usize, spins: usize, lanes: usize, course: &Course) -> Result<Self, Error> {
        let parts = lanes / 64;
        let no_memory = |_| Error::Memory { runs: lanes, spins };
        Ok(Ladder {
            number,
            spins: room(spins.saturating_mul(parts)).map_err(no_memory)?,
            parts,
            done: 0,
            best: Best { of_kernel: f64::INFINITY, energy: f64::INFINITY, state: vec![1; spins], trace: vec![] },
            exchange: Exchange::new(course.places),
            moved: vec![Moved::default(); course.places.temperatures],
        })
    }

    /// Whether its best state is as low as the target.
    pub(super) fn has_reached(&self, target: Option<f64>) -> bool {
        target.is_some_and(|target| self.best.energy <= target)
    }

    /// The states in the first `lanes` lanes, one after the other.
    pub(super) fn write_states(&self, lanes: usize, states: &mut [i8]) {
        let n = self.best.state.len();
        if states.is_empty() {
            return;
        }
        for (part, states) in (0..self.parts).zip(states.chunks_mut(64 * n)) {
            let words: Vec<u64> = self.spins.chunks_exact(self.parts).map(|spin| spin[part]).collect();
            write_states(0..(lanes - 64 * part).min(64), &words, states);
        }
    }

    /// The words of a kernel's layout: random ones before the first round.
    #[inline(always)]
    fn unpacked<K: Kernel, S: Simd>(&self, s: S, kernel: &K) -> Vec<Bits<K, S>> {
        let x = K::words(s);
        let mut words = vec![x.splat(false); self.best.state.len() * K::STRIDE];
        if self.done == 0 {
            kernel.random_spins(s, self.number, &mut words);
            return words;
        }
        for (words, spin) in words.chunks_exact_mut(K::STRIDE).zip(self.spins.chunks_exact(self.parts)) {
            let mut set = [0; PARTS];
            set[..self.parts].copy_from_slice(spin);
            words[0] = x.of(&set);
            for opposite in 1..K::STRIDE {
                words[opposite] = x.xor(words[0], x.splat(true));
            }
        }
        words
    }

    #[inline(always)]
    fn pack<K: Kernel, S: Simd>(&mut self, s: S, words: &[Bits<K, S>]) {
        let x = K::words(s);
        self.spins.clear();
        for spin in words.chunks_exact(K::STRIDE) {
            self.spins.extend_from_slice(&x.set(spin[0])[..self.parts]);
        }
    }
}

/// Some rounds of one ladder.
pub(super) struct Rounds<'a, K> {
    pub(super) kernel: &'a K,
    pub(super) job: &'a Job<'a>,
    pub(super) course: &'a Course<'a>,
    pub(super) ladder: &'a mut Ladder,
    pub(super) rounds: Range<usize>,
    pub(super) begun: Instant,
}

impl<K: Kernel> OnVectors for Rounds<'_, K> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Rounds { kernel, job, course, ladder, rounds, begun } = self;
        let tempering = course.tempering;
        let is_over = |ladder: &Ladder| {
            ladder.done > 0 && (ladder.has_reached(tempering.target) || job.control.is_finishing())
        };
        if is_over(ladder) {
            return;
        }
        let keys = Keys::new(s, &job.key);
        let mut words = ladder.unpacked(s, kernel);
        let mut energies = vec![0.0; K::LANES];
        let mut randoms = vec![0; K::LANES];
        let mut betas = course.betas_in(rounds.start);
        let mut table = kernel.table(course.places, &betas);
        for round in rounds {
            if round < course.exchanging {
                let now = course.betas_in(round);
                if now != betas {
                    table = kernel.table(course.places, &now);
                    betas = now;
                }
            }
            let first = round * tempering.sweeps_per_round;
            for sweep in first..first + tempering.sweeps_per_round {
                if !kernel.sweep(s, &mut words, &table, ladder.number, sweep as u32) {
                    return;
                }
            }
            ladder.done = round + 1;
            job.control.add_done(1);
            let is_exchanging = round >= course.exchanging;
            if is_exchanging && round % ROUNDS_PER_MOVE == 0 {
                move_clusters::<K, S>(s, job, course, ladder, round, &mut words);
            }
            if !is_exchanging && !job.control.is_finishing() {
                continue;
            }
            kernel.energies(s, &words, &mut energies);
            keep_best::<K, S>(s, job, ladder, &energies[..course.places.used()], &words, begun);
            if is_exchanging {
                draw(s, &keys, ladder.number, round, &mut randoms);
                let lanes = ladder.exchange.decide(&betas, &energies, round % 2 == 1, &randoms);
                exchange_lanes::<K, S>(s, course.places, &lanes, &mut words);
            }
            if is_over(ladder) {
                break;
            }
        }
        ladder.pack::<K, S>(s, &words);
    }
}

/// Uniform numbers for exchanges, one for each lane.
#[inline(always)]
fn draw<S: Simd>(s: S, keys: &Keys<S>, ladder: usize, round: usize, randoms: &mut [u32]) {
    let start = keys.start(s, [0, 1, 2, 3].map(|quad| [quad, round as u32, ladder as u32, EXCHANGES]));
    for (k, randoms) in randoms.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
        let [bits] = keys.finish(s, [s.xor(start, s.quarters(4 * k as u32))]);
        *randoms = s.int_array(bits);
    }
}

#[inline(always)]
fn exchange_lanes<K: Kernel, S: Simd>(s: S, places: Places, lanes: &Set, words: &mut [Bits<K, S>]) {
    let x = K::words(s);
    let lanes = x.of(lanes);
    if !x.no_bits(lanes) {
        by_power_of_two!(places.copies, exchange, (x, words, K::STRIDE, lanes));
    }
}

/// Keeps the state of the lane with the lowest energy, if none was lower before.
#[inline(always)]
fn keep_best<K: Kernel, S: Simd>(
    s: S,
    job: &Job,
    ladder: &mut Ladder,
    energies: &[f64],
    words: &[Bits<K, S>],
    begun: Instant,
) {
    let (lane, &of_kernel) =
        energies.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1)).expect("there are lanes");
    if of_kernel >= ladder.best.of_kernel {
        return;
    }
    let x = K::words(s);
    let mut state = vec![1; ladder.best.state.len()];
    for (spin, word) in state.iter_mut().zip(words.chunks_exact(K::STRIDE)) {
        *spin -= 2 * (x.set(word[0])[lane / 64] >> (lane % 64) & 1) as i8;
    }
    ladder.best.of_kernel = of_kernel;
    let energy = job.energy(0, &state);
    if energy < ladder.best.energy {
        ladder.best.energy = energy;
        ladder.best.state = state;
        ladder.best.trace.push((ladder.done, begun.elapsed().as_secs_f64(), energy));
    }
}

/// One cluster move at each temperature where they are made.
#[inline(always)]
fn move_clusters<K: Kernel, S: Simd>(
    s: S,
    job: &Job,
    course: &Course,
    ladder: &mut Ladder,
    round: usize,
    words: &mut [Bits<K, S>],
) {
    let (x, places, n) = (K::words(s), course.places, ladder.best.state.len());
    if places.copies < 2 || !course.clusters.contains(&true) {
        return;
    }
    let [random, other, ..] = ars(&job.key, [0, round as u32, ladder.number as u32, CLUSTERS]);
    let apart = 1 << (random % places.copies.ilog2());
    let sizes = Move {
        x,
        pattern: job.couplings.pattern(),
        is_even: job.fields(0).largest() == 0.0,
        apart,
        lower: x.of(&places.set(|_, copy| copy & apart == 0)),
        lanes: x.of(&places.set(|t, _| course.clusters[t])),
        seed: ((u64::from(other) * n as u64) >> 32) as usize,
    }
    .make(words, K::STRIDE);
    count_moves(&sizes, course, &mut ladder.moved);
}

fn count_moves(sizes: &Sizes, course: &Course, moved: &mut [Moved]) {
    let places = course.places;
    let lanes = sizes.cluster.iter().zip(&sizes.differing).take(places.used()).enumerate();
    for (lane, (&flipped, &differing)) in lanes {
        let temperature = lane / places.copies;
        if course.clusters[temperature] && differing > 0 {
            let moved = &mut moved[temperature];
            moved.moves += 1;
            moved.useful += u64::from(flipped > 0 && flipped < differing);
            moved.flipped += u64::from(flipped);
        }
    }
}
