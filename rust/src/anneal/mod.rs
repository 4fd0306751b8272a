//! Annealing: one entry, one kernel per structure of the couplings.
//!
//! | kernel | takes | side by side | field |
//! |---|---|---|---|
//! | `layered` | dense couplings between two sides, 64 spins or more | 16 spins of a run | maintained |
//! | `multispin` | small multiples of a quantum, 64 reads or more | 512 reads, a bit each | summed anew, in bits |
//! | `dense` | an eighth of all pairs or more | 16 runs, then 16 spins | maintained, 64 spins late |
//! | `sparse` | anything | up to 64 runs | summed anew |
//! | `single` | one run or two; random order | random numbers only | maintained |
//! | `quantum` | path integrals | up to 64 runs | summed anew |
//! | `dynamics` | amplitudes and phases, which do not flip but flow | 16 runs | summed anew |
//!
//! The last two but one and `sparse` come in two arithmetics, single precision and integers of several digits, for problems
//! whose numbers cancel; the others are in single precision or in integers. `precision.rs` tells what a problem needs.
//!
//! All others update one spin at a time in a fixed order, at the inverse temperatures given. A flip changes the energy by
//! `-2 s_i f_i`, `f_i = h_i + sum_j J_ij s_j`, and is accepted when `u < exp(2 beta s_i f_i)`, `u` uniform.

mod accept;
mod bits;
mod dense;
mod dynamics;
mod exponents;
mod fixed;
mod isa;
mod lanes;
mod laws;
mod layered;
mod multispin;
mod precision;
mod quantum;
mod single;
mod sparse;
mod sums;
mod wide;

pub use dynamics::{Dynamics, Motion};
pub(crate) use layered::Layers;
pub use precision::Arithmetic;
pub use quantum::Trotter;

use crate::model::{Batch, Error, Model, scale_for};
use crate::rng::Key;
use isa::Kernel;
use precision::{Coldest, Digits, MOST_DIGITS};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// More threads than this are not started, whatever is asked for.
pub const MAX_THREADS: usize = 256;

/// The reads of a batch.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Samples {
    /// `(problems, reads, spins)`, -1 or +1.
    pub states: Vec<i8>,
    /// `(problems, reads)`.
    pub energies: Vec<f64>,
    /// How the sums of each problem were kept. A problem's own numbers and the coldest temperature decide.
    pub arithmetic: Vec<Arithmetic>,
}

impl Samples {
    fn zeros(runs: usize, spins: usize) -> Result<Self, Error> {
        let mut samples = Samples::default();
        let reserved = samples.states.try_reserve_exact(runs.saturating_mul(spins));
        reserved.and(samples.energies.try_reserve_exact(runs)).map_err(|_| Error::Memory { runs, spins })?;
        samples.states.resize(runs * spins, 0);
        samples.energies.resize(runs, 0.0);
        Ok(samples)
    }
}

/// How an anneal goes on, and a way to end it from another thread.
#[derive(Debug, Default)]
pub struct Control {
    done: AtomicUsize,
    finish: AtomicBool,
    abort: AtomicBool,
}

impl Control {
    /// Reads that are finished, of all problems.
    pub fn done(&self) -> usize {
        self.done.load(Ordering::Relaxed)
    }

    /// Begins no more reads; those under way are finished and returned.
    pub fn finish(&self) {
        self.finish.store(true, Ordering::Relaxed);
    }

    /// Ends the anneal within a sweep or so, with states that mean nothing.
    pub fn abort(&self) {
        self.abort.store(true, Ordering::Relaxed);
    }
}

/// Anneals every problem of `batch`, `num_reads` times each.
///
/// The answer depends on the model, the batch and its seed alone, to the last bit: not on
/// `num_threads` (all cores where `None`), the processor, or how problems are grouped into batches.
/// After [`Control::finish`] only the reads that were begun come back: the first so many of the batch, and some
/// at least.
///
/// # Errors
/// If there is no memory for the samples, or threads do not start.
pub fn anneal(
    model: &Model,
    batch: &Batch,
    num_threads: Option<usize>,
    control: &Control,
) -> Result<Samples, Error> {
    let (n, problems) = (model.num_spins(), batch.problem_ids.len());
    let mut samples = Samples::zeros(problems.saturating_mul(batch.num_reads), n)?;
    if n == 0 || problems == 0 {
        samples.arithmetic = vec![Arithmetic::Single; problems];
        return Ok(samples);
    }
    let threads = num_threads.unwrap_or_else(pool::cores).min(MAX_THREADS);
    let whole = Job { model, batch, key: Key::new(batch.seed), control };
    let mut begun = 0;
    for Segment { problems, scale, needs } in segments(&whole) {
        if begun > 0 && control.finish.load(Ordering::Relaxed) {
            break;
        }
        let runs = problems.len() * batch.num_reads;
        let count = problems.len();
        let batch = Batch { scale, ..batch.problems(problems, n) };
        let job = Job { batch: &batch, ..whole };
        let (plan, arithmetic) = Plan::of(&job, needs);
        let states = &mut samples.states[begun * n..(begun + runs) * n];
        let energies = &mut samples.energies[begun..begun + runs];
        let of_segment = Runs { job: &job, threads, states, energies }.anneal(plan)?;
        samples.arithmetic.resize(samples.arithmetic.len() + count, arithmetic);
        begun += of_segment;
        if of_segment < runs {
            break;
        }
    }
    samples.states.truncate(begun * n);
    samples.energies.truncate(begun);
    Ok(samples)
}

/// Reads of a problem from which on the multi-spin kernel takes it, if it can: it takes as long for one as for 512.
const MULTISPIN_READS: usize = 64;

/// Consecutive problems that go to one kernel.
struct Segment {
    problems: Range<usize>,
    /// See [`Batch`].
    scale: f64,
    needs: Needs,
}

/// What a problem needs.
#[derive(Clone, Copy, PartialEq)]
enum Needs {
    Single,
    /// Integers in this quantum.
    Integer(f64),
    Wide,
}

/// Cuts a batch into segments.
///
/// What becomes of a problem must not depend on its neighbours in the batch, so each is asked by itself. One that needs wide
/// integers has units of its own, and stays alone.
fn segments(job: &Job) -> Vec<Segment> {
    let (batch, n) = (job.batch, job.model.num_spins());
    let coldest = Coldest::of(job);
    let mut segments: Vec<Segment> = vec![];
    for p in 0..batch.problem_ids.len() {
        let largest = precision::largest(batch.problem_fields(p, n));
        let scale = scale_for(largest.max(job.model.largest()));
        let alone = Batch { scale, ..batch.problems(p..p + 1, n) };
        let needs = Needs::of(&Job { batch: &alone, ..*job }, coldest);
        match segments.last_mut() {
            Some(last) if last.scale == scale && last.needs == needs && needs != Needs::Wide => {
                last.problems.end = p + 1;
            }
            _ => segments.push(Segment { problems: p..p + 1, scale, needs }),
        }
    }
    segments
}

impl Needs {
    /// Of the one problem of a job.
    fn of(job: &Job, coldest: Coldest) -> Self {
        let batch = job.batch;
        if batch.dynamics.is_some() {
            return Needs::Single;
        }
        let other = batch.gibbs() || batch.random_order || batch.trotter.is_some() || coldest.zero_temperature;
        if !other
            && batch.num_reads >= MULTISPIN_READS
            && job.model.pattern().layers().is_none()
            && let Some(integers) = multispin::Integers::of(job)
        {
            return Needs::Integer(integers.quantum());
        }
        if precision::is_single_enough(job, coldest) { Needs::Single } else { Needs::Wide }
    }
}

/// The kernel for a job. Layered, multi-spin and the rest differ in the random numbers of an update; the rest
/// agree to the last bit in one arithmetic, and which of them is taken is a matter of speed.
enum Plan<'a> {
    Layered(&'a Layers),
    Multispin(multispin::Integers),
    Single,
    Dense,
    Sparse,
    WideSingle(Digits),
    WideDense(Digits),
    WideSparse(Digits),
    Quantum(&'a Trotter, Option<Digits>),
    Dynamics(&'a Dynamics),
}

/// Spins from which on integers of several digits are faster maintained than summed.
const WIDE_DENSE: usize = 96;
/// A vector of fewer runs takes as long as a full one.
const FEW_RUNS: usize = 3;

impl<'a> Plan<'a> {
    fn of(job: &Job<'a>, needs: Needs) -> (Self, Arithmetic) {
        let (pattern, batch) = (job.model.pattern(), job.batch);
        let digits = (needs == Needs::Wide).then(|| Digits::of(job));
        let arithmetic = digits.as_ref().map_or(Arithmetic::Single, Digits::arithmetic);
        let plan = if let Some(trotter) = batch.trotter {
            Plan::Quantum(trotter, digits)
        } else if let Some(dynamics) = batch.dynamics {
            Plan::Dynamics(dynamics)
        } else if let Some(digits) = digits {
            if batch.random_order || job.runs() < FEW_RUNS {
                Plan::WideSingle(digits)
            } else if dense::is_dense(pattern) && job.model.num_spins() >= WIDE_DENSE {
                Plan::WideDense(digits)
            } else {
                Plan::WideSparse(digits)
            }
        } else if batch.random_order {
            Plan::Single
        } else if let Some(layers) = pattern.layers() {
            Plan::Layered(layers)
        } else if let Needs::Integer(quantum) = needs
            && let Some(integers) = multispin::Integers::in_quanta(job, quantum)
        {
            return (Plan::Multispin(integers), Arithmetic::Integer);
        } else if job.runs() < FEW_RUNS {
            Plan::Single
        } else if dense::is_dense(pattern) {
            Plan::Dense
        } else {
            Plan::Sparse
        };
        (plan, arithmetic)
    }
}

/// Of an inverse temperature of 1.
const RATE: f64 = 2.0 * std::f64::consts::LOG2_E;

/// What every kernel is given. A *run* is one read of one problem; runs are numbered problem by problem.
#[derive(Clone, Copy)]
struct Job<'a> {
    model: &'a Model,
    batch: &'a Batch<'a>,
    key: Key,
    control: &'a Control,
}

impl<'a> Job<'a> {
    /// The problem's index in the batch and the read.
    fn problem_and_read(&self, run: usize) -> (usize, u32) {
        (run / self.batch.num_reads, (run % self.batch.num_reads) as u32)
    }

    fn runs(&self) -> usize {
        self.batch.problem_ids.len() * self.batch.num_reads
    }

    /// The fields of the problem that `run` belongs to.
    fn fields(&self, run: usize) -> &'a [f64] {
        self.batch.problem_fields(run / self.batch.num_reads, self.model.num_spins())
    }

    /// The state given for `run` to start from.
    fn initial_state(&self, run: usize) -> Option<&[i8]> {
        let n = self.model.num_spins();
        self.batch.initial_states.map(|states| &states[run * n..(run + 1) * n])
    }

    /// The inverse temperature of each sweep.
    fn betas(&self) -> impl Iterator<Item = (u32, f64)> {
        self.batch.betas.iter().enumerate().map(|(t, &beta)| (t as u32, beta))
    }

    /// What the exponents are in single precision, after the scale: flips are accepted with probability `2^(rate s f)`.
    fn rate(&self, beta: f64) -> f32 {
        // Finite, for where all numbers of a spin are 0.
        (beta * (RATE / self.batch.scale)).min(f64::from(f32::MAX) * 0.5) as f32
    }

    /// The rate of each sweep.
    fn rates(&self) -> impl Iterator<Item = (u32, f32)> {
        self.betas().map(|(t, beta)| (t, self.rate(beta)))
    }

    fn stopped(&self) -> bool {
        self.control.abort.load(Ordering::Relaxed)
    }

    /// A coupling or field as the kernels see it.
    fn scaled(&self, value: f64) -> f32 {
        (value * self.batch.scale) as f32
    }

    /// The energy of a state of `run` in double precision, from the numbers that were given.
    fn energy(&self, run: usize, state: &[i8]) -> f64 {
        let h = self.fields(run);
        let mut energy = 0.0;
        for (i, &spin) in state.iter().enumerate() {
            let (neighbours, values) = self.model.row(i);
            let mut field = h[i];
            for (&j, &value) in neighbours.iter().zip(values) {
                // Each pair once, from its later spin.
                if j as usize >= i {
                    break;
                }
                field += value * f64::from(state[j as usize]);
            }
            energy += f64::from(spin) * field;
        }
        energy
    }
}

/// The runs of a segment: who anneals them, and where their reads go.
struct Runs<'a> {
    job: &'a Job<'a>,
    threads: usize,
    states: &'a mut [i8],
    energies: &'a mut [f64],
}

impl Runs<'_> {
    /// Returns how many were begun.
    fn anneal(self, plan: Plan) -> Result<usize, Error> {
        let (job, threads) = (self.job, self.threads);
        match plan {
            Plan::Layered(layers) => self.by(&layered::Layered::new(job, layers, threads)),
            Plan::Multispin(integers) => self.by(&multispin::Multispin::new(job, integers)),
            Plan::Single => self.by(&single::Single::new(job)),
            Plan::Dense => self.by(&dense::Dense::new(job, threads)),
            Plan::Sparse => self.by(&sparse::Sparse::new(job, threads)),
            Plan::WideSingle(digits) => match digits.count {
                2 => self.by(&single::wide::<2>(job, &digits)),
                3 => self.by(&single::wide::<3>(job, &digits)),
                4 => self.by(&single::wide::<4>(job, &digits)),
                _ => self.by(&single::wide::<MOST_DIGITS>(job, &digits)),
            },
            Plan::WideDense(digits) => match digits.count {
                2 => self.by(&dense::wide::<2>(job, &digits, threads)),
                3 => self.by(&dense::wide::<3>(job, &digits, threads)),
                4 => self.by(&dense::wide::<4>(job, &digits, threads)),
                _ => self.by(&dense::wide::<MOST_DIGITS>(job, &digits, threads)),
            },
            Plan::WideSparse(digits) => self.by(&sparse::Sparse::wide(job, &digits, threads)),
            Plan::Dynamics(dynamics) => match dynamics.motion() {
                Motion::Amplitude { saturation } => self.by(&dynamics::amplitudes(job, dynamics, saturation)),
                Motion::Phase => self.by(&dynamics::phases(job, dynamics)),
            },
            Plan::Quantum(trotter, digits) => {
                // Refused here, where it can be said, and not by a thread.
                let spins = job.model.num_spins() * trotter.slices();
                let memory = Vec::<u64>::new().try_reserve_exact(spins);
                memory.map_err(|_| Error::Memory { runs: job.runs(), spins })?;
                match digits {
                    None => self.by(&quantum::Quantum::new(job, trotter, threads)),
                    Some(digits) => self.by(&quantum::Quantum::wide(job, trotter, &digits, threads)),
                }
            }
        }
    }

    fn by(self, kernel: &impl Kernel) -> Result<usize, Error> {
        in_parallel(self.job, self.threads, kernel, self.states, self.energies)
    }
}

/// Shares out the chunks: whoever is free takes the next. The calling thread works too, so one thread needs
/// no pool, and a brief job is under way before the others have woken up. Returns how many runs were begun, the
/// first chunk at least.
fn in_parallel(
    job: &Job,
    num_threads: usize,
    kernel: &impl Kernel,
    states: &mut [i8],
    energies: &mut [f64],
) -> Result<usize, Error> {
    let (n, runs) = (job.model.num_spins(), energies.len());
    let isa = isa::best();
    let rest = Mutex::new((0, states, energies));
    let next = || {
        let mut rest = rest.lock().unwrap_or_else(PoisonError::into_inner);
        let finished = rest.0 > 0 && job.control.finish.load(Ordering::Relaxed);
        if rest.2.is_empty() || finished || job.stopped() {
            return None;
        }
        let chunk = rest.0;
        let begun = runs - rest.2.len();
        let count = kernel.end(chunk).min(runs) - begun;
        let (states, energies) = (std::mem::take(&mut rest.1), std::mem::take(&mut rest.2));
        let (states, later_states) = states.split_at_mut(count * n);
        let (energies, later_energies) = energies.split_at_mut(count);
        *rest = (chunk + 1, later_states, later_energies);
        Some((chunk, states, energies))
    };
    let work = || {
        while let Some((chunk, states, energies)) = next() {
            isa::run(isa, kernel, chunk, states, energies);
            job.control.done.fetch_add(energies.len(), Ordering::Relaxed);
        }
    };
    let chunks = (0..num_threads).position(|chunk| kernel.end(chunk) >= runs).map_or(num_threads, |last| last + 1);
    if chunks <= 1 {
        work();
    } else {
        let pool = pool::of(chunks - 1)?;
        pool::stir();
        pool.in_place_scope(|scope| {
            for _ in 1..chunks {
                scope.spawn(|_| work());
            }
            work();
        });
        pool.spawn_broadcast(|_| pool::linger());
    }
    Ok(runs - rest.into_inner().unwrap_or_else(PoisonError::into_inner).2.len())
}

mod pool {
    //! Thread pools, one for each size asked for, kept because starting threads costs more than a
    //! small anneal.
    use crate::model::Error;
    use rayon::{ThreadPool, ThreadPoolBuilder};
    use std::collections::HashMap;
    use std::collections::hash_map::Entry;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, LazyLock, Mutex, PoisonError};
    use std::time::{Duration, Instant};

    /// By process and size: a forked child (Python's multiprocessing) inherits pools without threads.
    type Pools = HashMap<(u32, usize), Arc<ThreadPool>>;

    static POOLS: LazyLock<Mutex<Pools>> = LazyLock::new(Mutex::default);

    /// Counts the jobs begun, for those who linger.
    static JOBS: AtomicUsize = AtomicUsize::new(0);
    /// How long a thread stays awake for the next job. To wake one takes 50 to 100 us on a virtual machine,
    /// and training asks for the next anneal sooner than this.
    const LINGER: Duration = Duration::from_micros(300);

    pub(super) fn stir() {
        JOBS.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn linger() {
        let (seen, since) = (JOBS.load(Ordering::Relaxed), Instant::now());
        while JOBS.load(Ordering::Relaxed) == seen && since.elapsed() < LINGER {
            std::hint::spin_loop();
        }
    }

    /// Asked once: the answer takes longer than a small anneal.
    pub(super) fn cores() -> usize {
        static CORES: LazyLock<usize> =
            LazyLock::new(|| std::thread::available_parallelism().map_or(1, usize::from));
        *CORES
    }

    pub(super) fn of(threads: usize) -> Result<Arc<ThreadPool>, Error> {
        let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(match pools.entry((std::process::id(), threads)) {
            Entry::Occupied(pool) => pool.get().clone(),
            Entry::Vacant(place) => {
                let pool = ThreadPoolBuilder::new().num_threads(threads).build();
                place.insert(Arc::new(pool.map_err(|_| Error::Threads { threads })?)).clone()
            }
        })
    }
}

#[cfg(test)]
mod tests;
