//! Simulated annealing: one entry, one kernel per structure of the couplings.
//!
//! All kernels do single-spin Metropolis updates in a fixed order, at the inverse temperatures given,
//! on *maintained local fields* `f_i = h_i + sum_j J_ij s_j`: a decision costs no look at the
//! neighbours, since a flip changes the energy by `-2 s_i f_i`; only an accepted flip visits them.
//! A flip is accepted when `u < exp(2 beta s_i f_i)`, `u` uniform.

mod accept;
mod isa;
mod layered;
mod sparse;

pub(crate) use layered::Layers;

use crate::model::{Batch, Error, Model};
use std::sync::atomic::{AtomicBool, Ordering};
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

/// Anneals every problem of `batch`, `num_reads` times each.
///
/// The answer depends on the model, the batch and its seed alone, to the last bit: not on
/// `num_threads` (all cores where `None`), the processor, or how problems are grouped into batches.
/// Once `stop` is set the call returns soon, within a sweep, with states that mean nothing.
///
/// # Errors
/// If there is no memory for the samples.
pub fn anneal(
    model: &Model,
    batch: &Batch,
    num_threads: Option<usize>,
    stop: &AtomicBool,
) -> Result<Samples, Error> {
    let (n, problems) = (model.num_spins(), batch.problem_ids.len());
    let mut samples = Samples::zeros(problems.saturating_mul(batch.num_reads), n)?;
    if n == 0 {
        return Ok(samples);
    }
    let isa = isa::best();
    let job = Job { model, batch, stop };
    match model.pattern().layers() {
        Some(layers) => {
            let problem = layered::Couplings::new(&job, layers);
            in_parallel(num_threads, 1, n, &mut samples, |first, states, energies| {
                isa::layered(isa, &job, &problem, first, states, energies)
            });
        }
        None => {
            let problem = sparse::Couplings::new(&job);
            in_parallel(num_threads, sparse::LANES, n, &mut samples, |first, states, energies| {
                isa::sparse(isa, &job, &problem, first, states, energies)
            });
        }
    }
    Ok(samples)
}

/// What every kernel is given. A *run* is one read of one problem; runs are numbered problem by problem.
#[derive(Clone, Copy)]
pub(crate) struct Job<'a> {
    pub(crate) model: &'a Model,
    pub(crate) batch: &'a Batch<'a>,
    stop: &'a AtomicBool,
}

impl Job<'_> {
    /// The problem's index in the batch and the read.
    pub(crate) fn problem_and_read(&self, run: usize) -> (usize, u32) {
        (run / self.batch.num_reads, (run % self.batch.num_reads) as u32)
    }

    /// The fields of the problem that `run` belongs to.
    pub(crate) fn fields(&self, run: usize) -> &[f64] {
        self.batch.problem_fields(run / self.batch.num_reads, self.model.num_spins())
    }

    /// The state given for `run` to start from.
    pub(crate) fn initial_state(&self, run: usize) -> Option<&[i8]> {
        let n = self.model.num_spins();
        self.batch.initial_states.map(|states| &states[run * n..(run + 1) * n])
    }

    /// `2 beta log2(e)` of each sweep: flips are accepted with probability `2^(rate s f)`.
    pub(crate) fn rates(&self) -> impl Iterator<Item = (u32, f32)> {
        let factor = 2.0 * std::f64::consts::LOG2_E / self.batch.scale;
        // A rate beyond single precision is as good as zero temperature.
        let rate = move |beta: &f64| (beta * factor).min(f64::from(f32::MAX) * 0.5) as f32;
        self.batch.betas.iter().map(rate).enumerate().map(|(t, r)| (t as u32, r))
    }

    pub(crate) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// A coupling or field as the kernels see it.
    pub(crate) fn scaled(&self, value: f64) -> f32 {
        (value * self.batch.scale) as f32
    }
}

/// Shares out the runs in chunks of `lanes`: whoever is free takes the next. The calling thread works too,
/// so one thread needs no pool, and a brief job is under way before the others have woken up.
fn in_parallel(
    num_threads: Option<usize>,
    lanes: usize,
    num_spins: usize,
    samples: &mut Samples,
    kernel: impl Fn(usize, &mut [i8], &mut [f64]) + Sync,
) {
    let states = samples.states.chunks_mut(lanes * num_spins);
    let energies = samples.energies.chunks_mut(lanes);
    let threads = num_threads.unwrap_or_else(pool::cores).min(energies.len());
    let chunks = Mutex::new(states.zip(energies).enumerate());
    let next = || chunks.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = || {
        while let Some((k, (states, energies))) = next() {
            kernel(k * lanes, states, energies);
        }
    };
    if threads <= 1 {
        return work();
    }
    let pool = pool::of(threads - 1);
    pool::stir();
    pool.in_place_scope(|scope| {
        for _ in 1..threads {
            scope.spawn(|_| work());
        }
        work();
    });
    pool.spawn_broadcast(|_| pool::linger());
}

mod pool {
    //! Thread pools, one for each size asked for, kept because starting threads costs more than a
    //! small anneal.
    use rayon::{ThreadPool, ThreadPoolBuilder};
    use std::collections::HashMap;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, LazyLock, Mutex};
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

    pub(super) fn cores() -> usize {
        std::thread::available_parallelism().map_or(1, usize::from)
    }

    pub(super) fn of(threads: usize) -> Arc<ThreadPool> {
        let threads = threads.min(super::MAX_THREADS);
        let mut pools = POOLS.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let build = || {
            let pool = ThreadPoolBuilder::new().num_threads(threads).build();
            Arc::new(pool.expect("the system lets us start threads"))
        };
        pools.entry((std::process::id(), threads)).or_insert_with(build).clone()
    }
}

#[cfg(test)]
mod tests;
