//! Annealing: one entry, one kernel per structure of the couplings.
//!
//! | kernel | takes | side by side | field |
//! |---|---|---|---|
//! | `layered` | dense couplings between two sides, 64 spins or more | 16 spins of a run | maintained |
//! | `shared` | layers joined by convolutions, pools and dense blocks, 64 spins or more | up to 64 runs | looked up, 16 couplings at a time |
//! | `multispin` | small multiples of a quantum, 64 reads or more | 512 reads, a bit each | summed anew, in bits |
//! | `dense` | an eighth of all pairs or more | 16 runs, then 16 spins | maintained, 64 spins late |
//! | `sparse` | anything | up to 64 runs | summed anew |
//! | `few` | one run or two | 16 spins of a run | maintained |
//! | `single` | a few runs in random order | random numbers only | maintained |
//! | `chained` | chains that flip as a whole beside the spins | up to 64 runs | summed anew |
//! | `quantum` | path integrals | up to 64 runs | summed anew |
//! | `dynamics` | continuous states: amplitudes and phases | 16 runs | summed anew |
//! | `mean_field` | means in place of spins, without chance | 16 problems | summed anew |
//!
//! `dense`, `sparse`, `few`, `single`, `chained` and `quantum` come in two arithmetics (`exponents.rs`): single precision, and integers of
//! several digits for problems whose numbers cancel. The others are in single precision or in small integers.
//! `precision.rs` tells what a problem needs.
//!
//! The files go one way, and none knows what stands to its left but the tests:
//!
//! ```text
//! mod.rs -> plan.rs -> model.rs -> kernels -> job.rs -> batch.rs -> method.rs
//!                   -> parallel.rs -> kernel.rs
//! ```
//!
//! All others update one spin at a time in a fixed order, at the inverse temperatures given. A flip changes the energy by
//! `-2 s_i f_i`, `f_i = h_i + sum_j J_ij s_j`, and is accepted when `u < exp(2 beta s_i f_i)`, `u` uniform.

mod accept;
mod batch;
mod chained;
mod dense;
mod dynamics;
mod exponents;
mod few;
mod fields;
mod fixed;
mod job;
mod kernel;
mod lanes;
mod laws;
mod layered;
mod mean_field;
mod method;
mod model;
mod multispin;
mod order;
mod parallel;
mod picks;
mod plan;
mod precision;
mod quantum;
mod samples;
mod shared;
mod single;
mod sparse;
mod sums;
mod tangent;
mod team;
mod tempering;
mod wide;

#[cfg(test)]
mod tests;

pub use batch::{Batch, Fields};
pub use fields::local_fields;
pub use job::Control;
pub use mean_field::{Means, mean_field};
pub use method::{Chains, Criterion, Dynamics, Method, Motion, Order, Trotter};
pub use model::Model;
pub(crate) use parallel::{cores, share};
pub use samples::{Arithmetic, Samples};
pub use tempering::{Clusters, TEMPERATURES, Tempered, Tempering, temper};

use crate::couplings::Couplings;
use crate::error::{Error, bad};
use crate::rng::Key;
use job::Job;
use plan::{Plan, Runs, segments};

/// More threads than this are not started, whatever is asked for.
pub const MAX_THREADS: usize = 256;

/// Anneals every problem of `batch`, `num_reads` times each.
///
/// The answer depends on the model, the batch and its seed alone, to the last bit: not on
/// `num_threads` (all cores where `None`), the processor, or how problems are grouped into batches.
/// After [`Control::finish`] only the reads that were begun come back: the first so many of the batch, and some
/// at least.
///
/// # Errors
/// On a batch of another number of spins, and if there is no memory for the samples, or threads do not start.
pub fn anneal(
    model: &Model,
    batch: &Batch,
    num_threads: Option<usize>,
    control: &Control,
) -> Result<Samples, Error> {
    let (n, problems) = (model.num_spins(), batch.problem_ids.len());
    if batch.num_spins != n {
        return bad(format_args!("the batch is of {} spins, the model of {n}", batch.num_spins));
    }
    let mut samples = Samples::zeros(batch.runs(), n, batch.with_energies)?;
    if n == 0 || problems == 0 {
        samples.arithmetic = vec![Arithmetic::Single; problems];
        return Ok(samples);
    }
    let threads = num_threads.unwrap_or_else(parallel::cores).min(MAX_THREADS);
    let couplings = couplings_of(model)?;
    let whole = Job { couplings, batch, scale: 1.0, key: Key::new(batch.seed), control };
    let mut begun = 0;
    for segment in segments(model, &whole)? {
        if begun > 0 && control.is_finishing() {
            break;
        }
        let count = segment.problems.len();
        let batch = batch.problems(segment.problems.clone());
        let couplings = if segment.is_shared() { couplings } else { model.try_couplings()? };
        let job = Job { couplings, batch: &batch, scale: segment.scale, ..whole };
        let runs = job.runs();
        let (plan, arithmetic) = Plan::of(&job, &segment, model.shared());
        let states = &mut samples.states[begun * n..(begun + runs) * n];
        let energies = if batch.with_energies { &mut samples.energies[begun..begun + runs] } else { &mut [][..] };
        let layouts = &model.layouts(segment.scale);
        let of_segment = Runs { job: &job, layouts, threads, states, energies }.anneal(plan)?;
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

/// The arithmetic in which [`anneal`] would take the first problem of `batch`, without annealing it.
///
/// # Errors
/// If there is no memory for couplings.
pub fn arithmetic(model: &Model, batch: &Batch) -> Result<Arithmetic, Error> {
    if model.num_spins() == 0 || batch.problem_ids.is_empty() {
        return Ok(Arithmetic::Single);
    }
    let (couplings, batch, control) = (couplings_of(model)?, &batch.problems(0..1), &Control::default());
    let job = Job { couplings, batch, scale: 1.0, key: Key::new(batch.seed), control };
    let segment = &segments(model, &job)?[0];
    let couplings = if segment.is_shared() { couplings } else { model.try_couplings()? };
    Ok(Plan::of(&Job { couplings, scale: segment.scale, ..job }, segment, model.shared()).1)
}

/// Those that tell a kernel from another: of layers, not all kernels have to know them one by one.
fn couplings_of(model: &Model) -> Result<&Couplings, Error> {
    let unpaired = model.shared().map(|weights| &weights.layout.unpaired);
    unpaired.map_or_else(|| model.try_couplings(), Ok)
}
