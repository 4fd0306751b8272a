//! Search for low energies: tabu search with flips of one spin, and annealing with moves within one-hot groups.
//!
//! Constraints that are written as penalties put walls between the states that keep them. Annealing with single flips
//! freezes before it tells those states apart. Each read here goes on by tabu search, which climbs walls of any height;
//! where it finds that good states have exactly one spin up in each of some groups, it takes turns with an anneal whose
//! moves stay within those.
//!
//! ```text
//! mod.rs -> exchange.rs -> groups.rs
//!        -> tabu.rs -> read.rs -> random.rs
//!                   -> problem.rs
//! ```

mod exchange;
mod groups;
mod problem;
mod random;
mod read;
mod tabu;

#[cfg(test)]
mod tests;

use crate::anneal::{Control, MAX_THREADS, Model, cores, share};
use crate::couplings::Couplings;
use crate::error::{Error, bad, filled};
use crate::rng::Key;
use exchange::Exchange;
use groups::{Clique, Groups};
use problem::{Problem, State};
use random::Random;
use read::{Limits, Read};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use tabu::{Rules, Tabu, luby};

/// What is searched, and for how long.
#[derive(Debug, Clone, Default)]
pub struct Search<'a> {
    /// One for each spin.
    pub fields: &'a [f64],
    /// What the fields are short of, if anything.
    pub rest: Option<&'a [f64]>,
    /// Reads, each a search by itself.
    pub num_reads: usize,
    /// Of the random numbers; a read's are of the seed and its number alone.
    pub seed: u64,
    /// States (reads, spins) of -1 and +1 to begin with; random ones where `None`.
    pub initial_states: Option<&'a [i8]>,
    /// Most steps of a read: flips of tabu search, proposals of moves within groups.
    pub steps: Option<u64>,
    /// Most seconds of a read.
    pub seconds: Option<f64>,
    /// An energy that ends a read.
    pub target: Option<f64>,
    /// Most restarts of a read.
    pub restarts: Option<u64>,
    /// Steps for which a flipped spin is barred; drawn anew for each round where `None`.
    pub tenure: Option<usize>,
    /// Steps of the first round and of each other one; where `None` a round ends when it has not found anything better
    /// for a while.
    pub rounds: Option<[u64; 2]>,
    /// Whether to look for one-hot groups.
    pub without_groups: bool,
}

/// The best state of each read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// `(reads, spins)`, -1 or +1.
    pub states: Vec<i8>,
    /// `(reads,)`, from the integers that were searched: next to those of the numbers given.
    pub energies: Vec<f64>,
    /// `(reads,)` rounds after the first.
    pub restarts: Vec<u64>,
    /// `(reads,)` steps.
    pub steps: Vec<u64>,
    /// Seconds since the call and lowest energies then, falling.
    pub trace: Vec<(f64, f64)>,
    /// Groups that were found in the last read.
    pub groups: Vec<Vec<u32>>,
}

/// Rounds after which groups are looked for first; then again after twice as many.
const FIRST_LOOK: u64 = 16;
/// The best states of rounds that groups are found from.
const GOOD: usize = 16;
/// Cycles of a tabu step and of each of its words, and of a proposal: turns are alike in time, as far as these tell,
/// and the same on every machine.
const STEP: (u64, u64) = (60, 1);
const PROPOSAL: u64 = 90;

/// Searches, `num_reads` times, and returns the best state of each.
///
/// Without `seconds` the answer depends on the model and the search alone, to the last bit: not on `num_threads` (all
/// cores where `None`) nor the processor. After [`Control::finish`] the reads under way end with what they have,
/// and only those that were begun come back, one at least.
///
/// # Errors
/// On numbers of another length than the model's, or not finite, reads that nothing ends, and if there is no memory or
/// threads do not start.
pub fn search(
    model: &Model,
    search: &Search,
    num_threads: Option<usize>,
    control: &Control,
) -> Result<Found, Error> {
    let started = Instant::now();
    let n = model.num_spins();
    check(search, n)?;
    let no_memory = |_| Error::Memory { runs: search.num_reads, spins: n };
    if n == 0 {
        let energies = filled(search.num_reads, 0.0).map_err(no_memory)?;
        let zeros = filled(search.num_reads, 0).map_err(no_memory)?;
        return Ok(Found { energies, restarts: zeros.clone(), steps: zeros, ..Found::default() });
    }
    let couplings = model.try_couplings()?;
    let problem = &Problem::new(couplings, search.fields, search.rest)?;
    let mut states = filled(search.num_reads.saturating_mul(n), 0i8).map_err(no_memory)?;
    let (key, candidates) = (Key::new(search.seed), Candidates { couplings, found: OnceLock::new() });
    let (next, done) = (AtomicUsize::new(0), Mutex::new(vec![]));
    let work = || {
        loop {
            let read = next.load(Ordering::Relaxed);
            if read >= search.num_reads || (read > 0 && control.is_ending()) {
                return;
            }
            if next.compare_exchange(read, read + 1, Ordering::Relaxed, Ordering::Relaxed).is_err() {
                continue;
            }
            let of_read = one_read(problem, search, &candidates, (read, &key), control, started);
            done.lock().unwrap_or_else(PoisonError::into_inner).push((read, of_read));
            control.add_done(1);
        }
    };
    let threads = num_threads.unwrap_or_else(cores).min(MAX_THREADS).min(search.num_reads);
    share(threads, &work)?;
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|&(read, _)| read);
    states.truncate(done.len() * n);
    let mut found = Found { states, ..Found::default() };
    for (read, of_read) in done {
        found.states[read * n..][..n].copy_from_slice(&of_read.state);
        found.energies.push(of_read.energy);
        found.restarts.push(of_read.restarts);
        found.steps.push(of_read.steps);
        found.trace.extend(of_read.trace);
        found.groups = of_read.groups;
    }
    found.trace.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let mut lowest = f64::INFINITY;
    found.trace.retain(|&(_, energy)| {
        let is_lower = energy < lowest;
        lowest = lowest.min(energy);
        is_lower
    });
    Ok(found)
}

fn check(search: &Search, n: usize) -> Result<(), Error> {
    let lengths = [("fields", Some(search.fields.len()), n), ("rest", search.rest.map(<[_]>::len), n)];
    let states = ("initial_states", search.initial_states.map(<[_]>::len), search.num_reads.saturating_mul(n));
    for (name, length, expected) in lengths.into_iter().chain([states]) {
        if let Some(length) = length.filter(|&length| length != expected) {
            return bad(format_args!("{name} holds {length} numbers, expected {expected}"));
        }
    }
    if let Some(spin) = search.initial_states.unwrap_or_default().iter().find(|&&spin| spin != 1 && spin != -1) {
        return bad(format_args!("initial_states holds {spin}, expected -1 or +1"));
    }
    if let Some(seconds) = search.seconds.filter(|seconds| !(0.0..=1e9).contains(seconds)) {
        return bad(format_args!("seconds is {seconds}, expected a number from 0 to 1e9"));
    }
    if search.target.is_some_and(f64::is_nan) {
        return bad("target is NaN, expected an energy");
    }
    if let Some(tenure) = search.tenure.filter(|&tenure| tenure > n) {
        return bad(format_args!("tenure is {tenure}, expected at most {n}, the number of spins"));
    }
    if let Some(rounds) = search.rounds.filter(|rounds| rounds.contains(&0)) {
        return bad(format_args!("rounds are of {rounds:?} steps, expected at least 1"));
    }
    if search.steps.is_none() && search.seconds.is_none() && search.restarts.is_none() {
        return bad("neither steps nor seconds nor restarts are given: a read would not end");
    }
    Ok(())
}

/// What one read brings back.
struct OfRead {
    state: Vec<i8>,
    energy: f64,
    restarts: u64,
    steps: u64,
    trace: Vec<(f64, f64)>,
    groups: Vec<Vec<u32>>,
}

/// Cliques that may be groups, found when they are first asked for.
struct Candidates<'a> {
    couplings: &'a Couplings,
    found: OnceLock<Vec<Clique>>,
}

impl Candidates<'_> {
    fn get(&self) -> &[Clique] {
        self.found.get_or_init(|| groups::cliques(self.couplings))
    }
}

fn one_read<'a>(
    problem: &'a Problem<'a>,
    search: &Search,
    candidates: &Candidates,
    (number, key): (usize, &Key),
    control: &'a Control,
    started: Instant,
) -> OfRead {
    let n = problem.num_spins();
    let end = search.seconds.map(|seconds| Instant::now() + Duration::from_secs_f64(seconds));
    let target = search.target.map(|target| problem.twice(target));
    let mut random = Random::new(key, number);
    let state = match search.initial_states {
        Some(states) => State::new(problem, states[number * n..][..n].iter().copied()),
        None => State::new(problem, (0..n).map(|_| if random.word() >> 63 == 1 { 1 } else { -1 })),
    };
    let limits = Limits { steps: search.steps, end, target };
    let mut read = Read::new(&state, problem, random, limits, control, started);
    let mut tabu = Tabu::new(state, Rules { tenure: search.tenure, rounds: search.rounds });
    let mut turns = Turns { good: vec![], groups: None, look_at: FIRST_LOOK, exchanges: 0, ahead: 0 };
    while !read.is_over() && tabu.rounds <= search.restarts.unwrap_or(u64::MAX) {
        let before = read.steps;
        tabu.round(&mut read);
        if !search.without_groups {
            let cycles = (read.steps - before) * (STEP.0 + STEP.1 * problem.width() as u64);
            turns.after_round(&mut read, &tabu, cycles, candidates);
        }
    }
    read.add_to_trace(Instant::now());
    OfRead {
        state: read.best.spins(),
        energy: problem.energy(read.best.twice_energy),
        restarts: tabu.rounds.saturating_sub(1),
        steps: read.steps,
        trace: read.trace,
        groups: turns.groups.map_or(vec![], |groups| groups.members),
    }
}

/// Takes turns between tabu search and exchanges.
struct Turns {
    /// The best states of rounds, lowest first, with twice their energies.
    good: Vec<(i128, Vec<i64>)>,
    groups: Option<Groups>,
    look_at: u64,
    exchanges: u64,
    /// Cycles that exchanges are ahead of tabu search.
    ahead: u64,
}

impl Turns {
    fn after_round(&mut self, read: &mut Read, tabu: &Tabu, cycles: u64, candidates: &Candidates) {
        self.ahead = self.ahead.saturating_sub(cycles);
        self.keep(tabu);
        if tabu.rounds == self.look_at {
            self.look_at *= 2;
            let states: Vec<_> = self.good.iter().map(|(_, signs)| &signs[..]).collect();
            let groups = Groups::among(candidates.get(), read.problem.num_spins(), &states);
            self.groups = Some(groups).filter(|groups| !groups.is_empty());
        }
        if let Some(groups) = self.groups.as_ref().filter(|_| self.ahead == 0) {
            self.exchanges += 1;
            let before = read.steps;
            let sweeps = exchange::SWEEPS * luby(self.exchanges);
            Exchange::new(groups, read.best.clone()).anneal(read, sweeps);
            self.ahead = (read.steps - before) * PROPOSAL;
        }
    }

    /// Keeps the best state of the last round if it is among the good ones and another.
    fn keep(&mut self, tabu: &Tabu) {
        let place = self.good.partition_point(|&(energy, _)| energy < tabu.twice_energy);
        let is_new = self.good[place..].iter().all(|(_, signs)| *signs != tabu.signs);
        if is_new && place < GOOD {
            self.good.truncate(GOOD - 1);
            self.good.insert(place.min(self.good.len()), (tabu.twice_energy, tabu.signs.clone()));
        }
    }
}
