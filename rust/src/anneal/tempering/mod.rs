//! Parallel tempering: a ladder of temperatures whose states are exchanged, with cluster moves between copies.
//!
//! A ladder sits inside the lanes of one word a spin: `T` temperatures of `C` copies each. All of its states are updated,
//! exchanged and counted side by side; the ladders of a call know nothing of each other but how often exchanges are
//! rejected while temperatures are spaced, so threads take them in turn, and the answer is the same on any number of threads.
//!
//! | kernel | takes | lanes |
//! |---|---|---|
//! | `bits` | small multiples of a quantum | 512, a bit each |
//! | `lanes` | anything that single precision is enough for | 64, a float each |
//!
//! ```text
//! rounds   | cool                    | fit                          | run                                        |
//!          | lanes come down from    | exchanges; after 16, 32, ... | exchanges at fixed temperatures, cluster   |
//!          | the first temperature   | rounds temperatures are      | moves where they were found to be of use    |
//!          | to their own            | spaced anew; cluster moves   |                                            |
//!          |                         | are tried                    |                                            |
//! ```
//!
//! From random starts a ladder takes thousands of rounds to come to equilibrium at its cold end: hence the first part.

mod bits;
mod clusters;
mod exchange;
mod ladder;
mod lanes;
mod rounds;
mod words;

#[cfg(test)]
mod tests;

use super::batch::{Batch, Fields};
use super::job::{Control, Job};
use super::method::Method;
use super::model::Model;
use super::multispin::Integers;
use super::plan::scale_for;
use super::precision::{Coldest, is_single_enough};
use super::samples::Arithmetic;
use super::{MAX_THREADS, parallel};
use crate::error::{Error, bad, filled};
use crate::rng::Key;
use crate::simd::Simd;
use crate::simd::isa::{self, Isa};
use ladder::Places;
use rounds::{Course, Ladder, Rounds};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;
use words::Word;

/// Temperatures of a ladder.
pub const TEMPERATURES: std::ops::RangeInclusive<usize> = 2..=64;

/// When cluster moves are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clusters {
    /// At those temperatures where they are found to change something.
    Auto,
    /// At all temperatures.
    On,
    /// Never.
    Off,
}

/// What to temper, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Tempering<'a> {
    /// `(spins,)`.
    pub fields: Fields<'a>,
    /// What the fields are short of, as in [`Batch::with_rest`].
    pub rest: Option<&'a [f64]>,
    /// The inverse temperatures, the hottest first.
    pub betas: &'a [f64],
    /// Independent ladders.
    pub num_ladders: usize,
    /// Rounds of sweeps, one exchange after each.
    pub num_rounds: usize,
    /// Sweeps of a round.
    pub sweeps_per_round: usize,
    /// Whether the inner temperatures are spaced anew.
    pub adapt: bool,
    /// When cluster moves are made.
    pub clusters: Clusters,
    /// Seed of every random number.
    pub seed: u64,
    /// An energy at which a ladder ends.
    pub target: Option<f64>,
    /// Whether the last states are wanted.
    pub with_last: bool,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Tempered {
    /// `(ladders, spins)`: the best state that each has seen.
    pub best: Vec<i8>,
    /// `(ladders,)`: their energies.
    pub energies: Vec<f64>,
    /// `(ladders, temperatures, copies, spins)`, or none if they were not asked for.
    pub last: Vec<i8>,
    /// `(ladders, temperatures, copies)`, or none.
    pub last_energies: Vec<f64>,
    /// States at each temperature of a ladder.
    pub copies: usize,
    /// The inverse temperatures in the end.
    pub betas: Vec<f64>,
    /// The mean probability of an exchange, `(temperatures - 1,)`, after the temperatures were fixed.
    pub exchange_rates: Vec<f64>,
    /// From the hottest temperature to the coldest and back, of all replicas of all ladders, after the same.
    pub round_trips: u64,
    /// At which temperatures cluster moves were made in the end.
    pub clusters: Vec<bool>,
    /// Spins that a cluster move flipped in the mean, at each temperature: not a number where no copies differed.
    pub cluster_sizes: Vec<f64>,
    /// The share of cluster moves that flipped some of the spins in which two copies differ, and not all.
    pub cluster_rates: Vec<f64>,
    /// Rounds that each ladder has done.
    pub rounds: Vec<usize>,
    /// Round, seconds since the beginning and energy of each state that was better than all before, of all ladders.
    pub trace: Vec<(usize, f64, f64)>,
    /// How sums were kept.
    pub arithmetic: Arithmetic,
}

/// A problem in the layout of one kernel: what a ladder's states go through.
trait Kernel: Sync {
    type X<S: Simd>: Word;
    /// What the temperatures of the lanes make of the odds of a flip.
    type Table: Send;
    const LANES: usize;
    /// Words of a spin: it, and after it its opposite where there are two.
    const STRIDE: usize;

    fn words<S: Simd>(s: S) -> Self::X<S>;
    fn table(&self, places: Places, betas: &[f64]) -> Self::Table;
    /// Random states, of words that are 0.
    fn random_spins<S: Simd>(&self, s: S, ladder: usize, spins: &mut [Bits<Self, S>]);
    /// A Metropolis update of each spin in turn; false if the job was stopped.
    fn sweep<S: Simd>(
        &self,
        s: S,
        spins: &mut [Bits<Self, S>],
        table: &Self::Table,
        ladder: usize,
        sweep: u32,
    ) -> bool;
    /// Energies of all lanes.
    fn energies<S: Simd>(&self, s: S, spins: &[Bits<Self, S>], energies: &mut [f64]);
}

type Bits<K, S> = <<K as Kernel>::X<S> as Word>::W;

/// Tempers a problem.
///
/// The answer depends on everything but `num_threads` (all cores where `None`) and the processor, to the last bit, where
/// nobody asked [`Control::finish`], after which each ladder ends its round; the seconds in `trace` do not. [`Control::done`]
/// counts the rounds of all ladders.
///
/// ```
/// use ising_ep::{Clusters, Model, Tempering, temper};
/// # fn main() -> Result<(), ising_ep::Error> {
/// let model = Model::new(3, &[0, 1, 0], &[1, 2, 2], &[1.0, 1.0, 1.0])?;
/// let fields: &[f64] = &[0.0, 0.0, 0.5];
/// let tempering = Tempering {
///     fields: fields.into(), rest: None, betas: &[0.2, 0.6, 2.0], num_ladders: 1, num_rounds: 50, sweeps_per_round: 1,
///     adapt: true, clusters: Clusters::Auto, seed: 1, target: None, with_last: false,
/// };
/// let tempered = temper(&model, &tempering, None, &Default::default())?;
/// assert_eq!(tempered.energies, [-1.5]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// On fields that do not fit or are not finite, temperatures that are too few, too many or do not fall, no ladders or rounds,
/// more sweeps than there are random numbers for, cluster moves at more temperatures than leave room for two copies, a
/// problem that single precision is not enough for, and if there is no memory, or threads do not start.
pub fn temper(
    model: &Model,
    tempering: &Tempering,
    num_threads: Option<usize>,
    control: &Control,
) -> Result<Tempered, Error> {
    temper_on(isa::best(), model, tempering, num_threads, control)
}

/// With the instructions of `isa`, which must be among the available ones.
fn temper_on(
    isa: Isa,
    model: &Model,
    tempering: &Tempering,
    num_threads: Option<usize>,
    control: &Control,
) -> Result<Tempered, Error> {
    let (begun, n) = (Instant::now(), model.num_spins());
    tempering.check()?;
    let method = Method::sweeps(tempering.betas);
    let batch = Batch::new(n, tempering.fields, method, 1, None, tempering.seed, &[0])?;
    let batch = tempering.rest.map_or(Ok(batch), |rest| batch.with_rest(rest))?;
    let couplings = model.try_couplings()?;
    let scale = scale_for(tempering.fields.largest().max(couplings.largest()));
    let job = Job { couplings, batch: &batch, scale, key: Key::new(tempering.seed), control };
    let threads = num_threads.unwrap_or_else(parallel::cores).min(MAX_THREADS).min(tempering.num_ladders);
    let driver = Driver { isa, job: &job, tempering, threads, begun };
    if let Some(integers) = Integers::of(&job)
        && let Some(kernel) = bits::Bits::new(&job, integers)
    {
        return driver.temper(&kernel, Arithmetic::Integer);
    }
    let layouts = model.layouts(scale);
    if !is_single_enough(&job, Coldest::of(&method), || layouts.fixed(couplings)) {
        let coldest = tempering.betas[tempering.betas.len() - 1];
        return bad(format_args!(
            "betas end at {coldest}, where this problem needs more than single precision, in which it is tempered: \
             expected a hotter end, or a sampler that anneals"
        ));
    }
    let kernel = lanes::Lanes::new(&job, layouts.fixed(couplings));
    driver.temper(&kernel, Arithmetic::Single)
}

impl Tempering<'_> {
    fn check(&self) -> Result<(), Error> {
        let (betas, count) = (self.betas, self.betas.len());
        if !TEMPERATURES.contains(&count) {
            return bad(format_args!(
                "{count} temperatures, expected {} to {}",
                TEMPERATURES.start(),
                TEMPERATURES.end()
            ));
        }
        if let Some(beta) = betas.iter().find(|beta| !(beta.is_finite() && **beta > 0.0)) {
            return bad(format_args!("betas hold {beta}, expected finite numbers > 0"));
        }
        if let Some(pair) = betas.windows(2).find(|pair| pair[0] >= pair[1]) {
            return bad(format_args!("betas hold {} after {}, expected rising ones", pair[1], pair[0]));
        }
        if self.num_ladders == 0 || self.num_ladders > (u32::MAX / 64) as usize {
            return bad(format_args!("{} ladders, expected 1 to {}", self.num_ladders, u32::MAX / 64));
        }
        let sweeps = self.num_rounds.checked_mul(self.sweeps_per_round);
        // Two numbers of sweeps have other uses (`rng.rs`).
        if !sweeps.is_some_and(|sweeps| (1..u32::MAX as usize - 1).contains(&sweeps)) {
            return bad(format_args!(
                "{} rounds of {} sweeps, expected 1 to {} sweeps",
                self.num_rounds,
                self.sweeps_per_round,
                u32::MAX - 2
            ));
        }
        if let Some(target) = self.target.filter(|target| target.is_nan()) {
            return bad(format_args!("target is {target}, expected a number"));
        }
        Ok(())
    }
}

fn unlocked(ladder: &mut Mutex<Ladder>) -> &mut Ladder {
    ladder.get_mut().unwrap_or_else(PoisonError::into_inner)
}

/// The ladders of a call, and who works on them.
struct Driver<'a> {
    isa: Isa,
    job: &'a Job<'a>,
    tempering: &'a Tempering<'a>,
    threads: usize,
    begun: Instant,
}

impl Driver<'_> {
    fn temper<K: Kernel>(&self, kernel: &K, arithmetic: Arithmetic) -> Result<Tempered, Error> {
        let (n, count) = (self.job.couplings.num_spins(), self.tempering.num_ladders);
        let places = Places::new(self.tempering.betas.len(), K::LANES);
        if self.tempering.clusters == Clusters::On && places.copies < 2 {
            return bad(format_args!(
                "clusters are of two copies, expected at most {} temperatures in place of {}",
                K::LANES / 2,
                places.temperatures
            ));
        }
        let mut course = Course::new(self.tempering, places);
        let mut ladders = vec![];
        ladders.try_reserve_exact(count).map_err(|_| Error::Memory { runs: count, spins: n })?;
        for number in 0..count {
            ladders.push(Mutex::new(Ladder::new(number, n, K::LANES, &course)?));
        }
        let windows = course.windows(n);
        for window in windows {
            self.share(kernel, &course, window.clone(), &ladders)?;
            let mut met: Vec<&mut Ladder> = ladders.iter_mut().map(unlocked).collect();
            let is_reached = met.iter().any(|ladder| ladder.has_reached(self.tempering.target));
            if is_reached || self.job.stopped() || self.job.control.is_finishing() {
                break;
            }
            course.fit(window.end, &mut met);
        }
        let ladders =
            ladders.into_iter().map(|ladder| ladder.into_inner().unwrap_or_else(PoisonError::into_inner));
        let ladders: Vec<Ladder> = ladders.collect();
        let mut tempered = Tempered { arithmetic, ..course.diagnosed(ladders.as_slice()) };
        self.collect(places, ladders, &mut tempered)?;
        Ok(tempered)
    }

    /// The rounds of a window, of each ladder.
    fn share<K: Kernel>(
        &self,
        kernel: &K,
        course: &Course,
        rounds: std::ops::Range<usize>,
        ladders: &[Mutex<Ladder>],
    ) -> Result<(), Error> {
        let next = AtomicUsize::new(0);
        let work = || {
            while let Some(ladder) = ladders.get(next.fetch_add(1, Ordering::Relaxed)) {
                let ladder = &mut *ladder.lock().unwrap_or_else(PoisonError::into_inner);
                let (job, begun, rounds) = (self.job, self.begun, rounds.clone());
                isa::run(self.isa, Rounds { kernel, job, course, ladder, rounds, begun });
            }
        };
        parallel::share(self.threads, &work)
    }

    /// Adds what each ladder has found.
    fn collect(&self, places: Places, ladders: Vec<Ladder>, tempered: &mut Tempered) -> Result<(), Error> {
        let n = self.job.couplings.num_spins();
        let used = if self.tempering.with_last { places.used() } else { 0 };
        let runs = used * ladders.len();
        tempered.last = filled(runs.saturating_mul(n), 0).map_err(|_| Error::Memory { runs, spins: n })?;
        for (k, ladder) in ladders.into_iter().enumerate() {
            ladder.write_states(used, &mut tempered.last[k * used * n..(k + 1) * used * n]);
            tempered.energies.push(self.job.energy(0, &ladder.best.state));
            tempered.best.extend(ladder.best.state);
            tempered.rounds.push(ladder.done);
            tempered.trace.extend(ladder.best.trace);
        }
        let last = |k| self.job.energy(0, &tempered.last[k * n..(k + 1) * n]);
        tempered.last_energies = (0..runs).map(last).collect();
        tempered.trace.sort_by(|a, b| a.1.total_cmp(&b.1));
        let mut best = f64::INFINITY;
        tempered.trace.retain(|&(_, _, energy)| {
            let is_better = energy < best;
            best = best.min(energy);
            is_better
        });
        Ok(())
    }
}
