//! Which kernel anneals which problems of a batch.

use super::batch::Batch;
use super::exponents::Short;
use super::job::Job;
use super::kernel::Kernel;
use super::method::{Chains, Dynamics, Method, Motion, Trotter};
use super::model::{Layouts, Model};
use super::precision::{self, Coldest, Digits, MOST_DIGITS};
use super::samples::Arithmetic;
use super::wide::{Integers, Long};
use super::{chained, dense, dynamics, few, layered, multispin, parallel, quantum, shared, single, sparse};
use crate::couplings::Sides;
use crate::error::Error;
use std::ops::Range;

/// Spins from which on integers of several digits are faster maintained than summed.
const WIDE_DENSE: usize = 96;
/// A vector of fewer runs takes as long as a full one.
const FEW_RUNS: usize = 3;
/// Up to so many reads in random order are faster one by one where couplings are dense.
const FEW_RANDOM_READS: usize = 8;

/// Consecutive problems that go to one kernel.
pub(super) struct Segment {
    pub(super) problems: Range<usize>,
    /// See [`Job`].
    pub(super) scale: f64,
    needs: Needs,
}

impl Segment {
    /// Whether its couplings are those of layers, and none of pairs.
    pub(super) fn is_shared(&self) -> bool {
        self.needs == Needs::Shared
    }
}

/// What a problem needs.
#[derive(Clone, Copy, PartialEq)]
enum Needs {
    Single,
    /// The same, of layers whose weights are shared.
    Shared,
    /// Integers in this quantum.
    Integer(f64),
    Wide,
}

/// Cuts a batch into segments.
///
/// What becomes of a problem must not depend on its neighbours in the batch, so each is asked by itself. One that needs wide
/// integers has units of its own, and stays alone.
pub(super) fn segments(model: &Model, job: &Job) -> Result<Vec<Segment>, Error> {
    let batch = job.batch;
    let coldest = Coldest::of(&batch.method);
    let mut segments: Vec<Segment> = vec![];
    for p in 0..batch.problem_ids.len() {
        let (alone, largest) = (batch.problems(p..p + 1), batch.problem_fields(p).largest());
        let (scale, needs) = if model.shared().is_some_and(|weights| is_shared(weights, &alone, coldest, largest))
        {
            (1.0, Needs::Shared)
        } else {
            let couplings = model.try_couplings()?;
            let scale = scale_for(largest.max(couplings.largest()));
            let job = Job { couplings, batch: &alone, scale, ..*job };
            (scale, Needs::of(&job, coldest, &model.layouts(scale)))
        };
        match segments.last_mut() {
            Some(last) if last.scale == scale && last.needs == needs && needs != Needs::Wide => {
                last.problems.end = p + 1;
            }
            _ => segments.push(Segment { problems: p..p + 1, scale, needs }),
        }
    }
    Ok(segments)
}

/// Whether the kernel of shared weights takes the one problem of a batch.
fn is_shared(weights: &shared::Weights, alone: &Batch, coldest: Coldest, field: f64) -> bool {
    let is_in_turn = matches!(alone.method, Method::Sweeps { .. }) && !alone.method.is_in_random_order();
    is_in_turn && alone.rest.is_none() && weights.takes(coldest, field)
}

/// The kernels work in single precision. Ordinary numbers go in as they are (scale 1); a problem whose
/// largest number is far from 1 is multiplied by a power of two, which rounds nothing, and its
/// inverse temperatures are divided by it.
pub(super) fn scale_for(largest: f64) -> f64 {
    if largest == 0.0 || (2f64.powi(-40)..2f64.powi(40)).contains(&largest) {
        1.0
    } else {
        let exponent = -largest.log2().floor().clamp(-1000.0, 1000.0);
        2f64.powi(exponent as i32)
    }
}

impl Needs {
    /// Of the one problem of a job.
    fn of(job: &Job, coldest: Coldest, layouts: &Layouts) -> Self {
        let method = &job.batch.method;
        if matches!(method, Method::Flow(_)) {
            return Needs::Single;
        }
        let is_in_turn = matches!(method, Method::Sweeps { .. }) && !method.is_in_random_order();
        if is_in_turn
            && !coldest.zero_temperature
            && layered::sides(job.couplings.pattern()).is_none()
            && let Some(integers) = multispin::Integers::if_faster(job)
        {
            return Needs::Integer(integers.quantum());
        }
        let fixed = || layouts.fixed(job.couplings);
        if precision::is_single_enough(job, coldest, fixed) { Needs::Single } else { Needs::Wide }
    }
}

/// The kernel for a job. Layered, multi-spin and the rest differ in the random numbers of an update; the rest
/// (single, few, dense and sparse) agree to the last bit in one arithmetic, and which of them is taken is a matter of speed.
pub(super) enum Plan<'a> {
    Shared(&'a shared::Weights),
    Layered(&'a Sides),
    Multispin(multispin::Integers),
    Single,
    Few,
    Dense,
    Sparse,
    Wide(Wide, Digits),
    Quantum(&'a Trotter, Option<Digits>),
    Chained(&'a Chains, Option<Digits>),
    Dynamics(&'a Dynamics),
}

/// The kernels that have integers of several digits.
pub(super) enum Wide {
    Single,
    Few,
    Dense,
    Sparse,
}

impl<'a> Plan<'a> {
    pub(super) fn of(
        job: &Job<'a>,
        segment: &Segment,
        weights: Option<&'a shared::Weights>,
    ) -> (Self, Arithmetic) {
        if segment.is_shared()
            && let Some(weights) = weights
        {
            return (Plan::Shared(weights), Arithmetic::Single);
        }
        let (pattern, batch) = (job.couplings.pattern(), job.batch);
        let digits = (segment.needs == Needs::Wide).then(|| Digits::of(job));
        let arithmetic = digits.as_ref().map_or(Arithmetic::Single, Digits::arithmetic);
        let is_random = batch.method.is_in_random_order();
        let few_enough = batch.num_reads <= FEW_RANDOM_READS && few::is_whole(pattern);
        let is_one_by_one = is_random && (job.runs() < FEW_RUNS || few_enough);
        let plan = match (batch.method, digits) {
            (Method::Paths(trotter), digits) => Plan::Quantum(trotter, digits),
            (Method::Chains(chains), digits) => Plan::Chained(chains, digits),
            (Method::Flow(dynamics), _) => Plan::Dynamics(dynamics),
            (Method::Sweeps { .. }, Some(digits)) => {
                if is_one_by_one {
                    Plan::Wide(Wide::Single, digits)
                } else if job.runs() < FEW_RUNS && !is_random {
                    Plan::Wide(Wide::Few, digits)
                } else if !is_random
                    && dense::is_dense(pattern)
                    && (digits.count == 1 || job.couplings.num_spins() >= WIDE_DENSE)
                {
                    Plan::Wide(Wide::Dense, digits)
                } else {
                    Plan::Wide(Wide::Sparse, digits)
                }
            }
            (Method::Sweeps { .. }, None) => {
                if is_one_by_one {
                    Plan::Single
                } else if is_random {
                    Plan::Sparse
                } else if let Some(sides) = layered::sides(pattern) {
                    Plan::Layered(sides)
                } else if let Needs::Integer(quantum) = segment.needs
                    && let Some(integers) = multispin::Integers::in_quanta(job, quantum)
                {
                    return (Plan::Multispin(integers), Arithmetic::Integer);
                } else if job.runs() < FEW_RUNS {
                    Plan::Few
                } else if dense::is_dense(pattern) {
                    Plan::Dense
                } else {
                    Plan::Sparse
                }
            }
        };
        (plan, arithmetic)
    }
}

/// The runs of a segment: who anneals them, and where their reads go.
pub(super) struct Runs<'a> {
    pub(super) job: &'a Job<'a>,
    pub(super) layouts: &'a Layouts,
    pub(super) threads: usize,
    pub(super) states: &'a mut [i8],
    pub(super) energies: &'a mut [f64],
}

impl Runs<'_> {
    /// Returns how many were begun.
    pub(super) fn anneal(self, plan: Plan) -> Result<usize, Error> {
        let (job, threads, couplings) = (self.job, self.threads, self.job.couplings);
        let fixed = || self.layouts.fixed(couplings);
        let order = || self.layouts.order(couplings.pattern());
        match plan {
            Plan::Shared(weights) => self.by(&shared::Shared::new(job, weights, threads)),
            Plan::Layered(sides) => {
                let layout = self.layouts.layered(couplings, sides);
                self.by(&layered::Layered::new(job, sides, layout, threads))
            }
            Plan::Multispin(integers) => self.by(&multispin::Multispin::new(job, integers, order, threads)),
            Plan::Single => self.by(&single::Single::<Short, 1>::new(job, fixed())),
            Plan::Few => {
                let (layout, fixed) = (self.layouts.few(couplings), fixed());
                match few::FewTogether::new(job, fixed, layout, threads) {
                    Some(together) => self.by(&together),
                    None => self.by(&few::Few::new(job, fixed, layout)),
                }
            }
            Plan::Dense => self.by(&dense::Dense::<Short, 1>::new(job, fixed(), threads)),
            Plan::Sparse => self.by(&sparse::Sparse::<Short>::new(job, fixed(), order, threads)),
            Plan::Wide(kernel, digits) => {
                let integers = Integers::new(job, &digits);
                match digits.count {
                    1 => self.by_wide::<1>(kernel, &integers),
                    2 => self.by_wide::<2>(kernel, &integers),
                    3 => self.by_wide::<3>(kernel, &integers),
                    4 => self.by_wide::<4>(kernel, &integers),
                    _ => self.by_wide::<MOST_DIGITS>(kernel, &integers),
                }
            }
            Plan::Dynamics(dynamics) => match dynamics.motion {
                Motion::Amplitude { saturation } => self.by(&dynamics::amplitudes(job, dynamics, saturation)),
                Motion::Phase => self.by(&dynamics::phases(job, dynamics)),
            },
            Plan::Chained(chains, None) => self.by(&chained::Chained::<Short>::new(job, chains, fixed(), threads)),
            Plan::Chained(chains, Some(digits)) => {
                let integers = Integers::new(job, &digits);
                self.by(&chained::Chained::<Long>::wide(job, chains, &integers, threads))
            }
            Plan::Quantum(trotter, digits) => {
                // Refused here, where it can be said, and not by a thread.
                let spins = couplings.num_spins() * trotter.slices;
                let memory = Vec::<u64>::new().try_reserve_exact(spins);
                memory.map_err(|_| Error::Memory { runs: job.runs(), spins })?;
                match digits {
                    None => self.by(&quantum::Quantum::<Short>::new(job, trotter, fixed(), threads)),
                    Some(digits) => {
                        let integers = Integers::new(job, &digits);
                        self.by(&quantum::Quantum::<Long>::wide(job, trotter, &integers, threads))
                    }
                }
            }
        }
    }

    /// In integers of up to `D` digits.
    fn by_wide<const D: usize>(self, kernel: Wide, integers: &Integers) -> Result<usize, Error> {
        let (job, threads) = (self.job, self.threads);
        let order = || self.layouts.order(job.couplings.pattern());
        match kernel {
            Wide::Single => self.by(&single::Single::<Long, D>::wide(job, integers)),
            Wide::Few => {
                let layout = few::Layout::<f64, D>::wide(job.couplings.pattern(), integers);
                self.by(&few::Few::wide(job, integers, &layout))
            }
            Wide::Dense => self.by(&dense::Dense::<Long, D>::wide(job, integers, threads)),
            Wide::Sparse => self.by(&sparse::Sparse::<Long>::wide(job, integers, order, threads)),
        }
    }

    fn by(self, kernel: &impl Kernel) -> Result<usize, Error> {
        parallel::anneal(self.job, self.threads, kernel, self.states, self.energies)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scale_keeps_ordinary_problems_as_they_are() {
        assert_eq!(scale_for(3.7), 1.0);
        assert_eq!(scale_for(0.0), 1.0);
        for largest in [1e300, 1e-300, 5e-324, f64::MAX] {
            let scaled = largest * scale_for(largest);
            assert!(scaled.is_finite() && scaled > 0.0, "{largest} -> {scaled}");
        }
    }
}
