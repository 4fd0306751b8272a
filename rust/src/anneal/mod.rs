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

use crate::model::{Batch, Model};
use rayon::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};

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

/// Anneals every problem of `batch`, `num_reads` times each.
///
/// The answer depends on the model, the batch and its seed alone, to the last bit: not on
/// `num_threads` (all cores where `None`), the processor, or how problems are grouped into batches.
/// Once `stop` is set the call returns soon, within a sweep, with states that mean nothing.
pub fn anneal(model: &Model, batch: &Batch, num_threads: Option<usize>, stop: &AtomicBool) -> Samples {
    let (n, reads) = (model.num_spins(), batch.num_reads);
    let num_runs = batch.problem_ids.len() * reads;
    let mut samples = Samples { states: vec![0; num_runs * n], energies: vec![0.0; num_runs] };
    if n == 0 {
        return samples;
    }
    let isa = isa::best();
    let job = Job { model, batch, stop };
    match layered::Layers::find(model) {
        Some(layers) => {
            let problem = layered::Couplings::new(&job, layers);
            // One read a task: about 10 us of work at the least that is worth a task of its own.
            let work = n * batch.betas.len();
            in_parallel(num_threads, 1, 20_000 / work + 1, n, &mut samples, |first, states, energies| {
                isa::layered(isa, &job, &problem, first, states, energies)
            });
        }
        None => {
            let problem = sparse::Couplings::new(&job);
            in_parallel(num_threads, sparse::LANES, 1, n, &mut samples, |first, states, energies| {
                isa::sparse(isa, &job, &problem, first, states, energies)
            });
        }
    }
    samples
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

/// Shares out the runs in chunks of `lanes`, at least `chunks` of them a task.
fn in_parallel(
    num_threads: Option<usize>,
    lanes: usize,
    chunks: usize,
    num_spins: usize,
    samples: &mut Samples,
    kernel: impl Fn(usize, &mut [i8], &mut [f64]) + Sync,
) {
    let states = samples.states.par_chunks_mut(lanes * num_spins);
    let energies = samples.energies.par_chunks_mut(lanes);
    let work = || {
        states
            .zip(energies)
            .enumerate()
            .with_min_len(chunks)
            .for_each(|(k, (states, energies))| kernel(k * lanes, states, energies));
    };
    pool::of(num_threads).install(work);
}

mod pool {
    //! Thread pools, one for each size asked for, kept because starting threads costs more than a
    //! small anneal.
    use rayon::{ThreadPool, ThreadPoolBuilder};
    use std::collections::HashMap;
    use std::sync::{Arc, LazyLock, Mutex};

    /// By process and size: a forked child (Python's multiprocessing) inherits pools without threads.
    static POOLS: LazyLock<Mutex<HashMap<(u32, usize), Arc<ThreadPool>>>> = LazyLock::new(Mutex::default);

    pub(super) fn of(num_threads: Option<usize>) -> Arc<ThreadPool> {
        let threads = num_threads.unwrap_or(0).min(super::MAX_THREADS);
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
