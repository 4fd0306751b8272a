//! Which problems are integers, and small ones.

use super::super::batch::largest;
use super::super::job::Job;
use super::super::precision::Coldest;

/// Binary digits of a coupling.
pub(super) const DIGITS: usize = 3;
/// The sum of |couplings| and |field| of a spin that seven planes hold.
const LARGEST: u32 = 127;
/// More words than this a spin are not summed faster than by other kernels.
const INPUTS: usize = 40;

/// Couplings and fields as integers.
pub(in crate::anneal) struct Integers {
    pub(in crate::anneal) quantum: f64,
    /// In the order of the model's rows.
    pub(in crate::anneal) couplings: Vec<i8>,
    /// `(problems, spins)`.
    pub(in crate::anneal) fields: Vec<i8>,
    /// The largest sum of |couplings| and |field| of a spin.
    pub(in crate::anneal) largest: u32,
}

impl Integers {
    /// If they are small enough, multiples of a quantum, and few enough that summing them all is cheap.
    pub(in crate::anneal) fn of(job: &Job) -> Option<Self> {
        // Cheap no to what is dense: each coupling is one input or more.
        let some = job.couplings.values().iter().filter(|&&v| v != 0.0);
        if some.take(INPUTS * job.couplings.num_spins() + 1).count() > INPUTS * job.couplings.num_spins() {
            return None;
        }
        let all = job.couplings.values().iter().copied().chain(job.batch.fields.iter());
        let smallest = all.map(|v| v.abs()).filter(|&v| v > 0.0).fold(f64::INFINITY, f64::min);
        // The smallest number may itself be a few quanta: 2 and 3 are multiples of 1.
        (1..=6).find_map(|parts| Self::in_quanta(job, smallest / f64::from(parts)))
    }

    /// The same for a given quantum.
    pub(in crate::anneal) fn in_quanta(job: &Job, quantum: f64) -> Option<Self> {
        let coldest = Coldest::of(&job.batch.method);
        let whole = |v: f64| {
            let ratio = v / quantum;
            let whole = ratio.round();
            let fits = (ratio - whole).abs() <= 1e-12 * whole.abs() && whole.abs() <= f64::from(LARGEST);
            // A spin's sum is of so many of them at most.
            let off = f64::from(LARGEST) * (v - whole * quantum).abs();
            (fits && coldest.allows(off)).then_some(whole as i8)
        };
        if !coldest.allows(job.batch.rest.map_or(0.0, largest)) {
            return None;
        }
        if !quantum.is_normal() {
            return None;
        }
        let couplings = job.couplings.values().iter().copied().map(whole).collect::<Option<Vec<i8>>>()?;
        let fields = job.batch.fields.iter().map(whole).collect::<Option<Vec<i8>>>()?;
        let n = job.couplings.num_spins();
        let (mut largest, mut inputs) = (0, 0);
        for i in 0..n {
            let (neighbours, at) = job.couplings.pattern().row(i);
            let row = &couplings[at..at + neighbours.len()];
            if row.iter().any(|j| j.unsigned_abs() >> DIGITS != 0) {
                return None;
            }
            let field = fields.iter().skip(i).step_by(n).map(|h| u32::from(h.unsigned_abs())).max().unwrap_or(0);
            largest = largest.max(field + row.iter().map(|j| u32::from(j.unsigned_abs())).sum::<u32>());
            inputs += row.iter().map(|j| j.unsigned_abs().count_ones() as usize).sum::<usize>();
        }
        (largest <= LARGEST && inputs <= INPUTS * n).then_some(Integers { quantum, couplings, fields, largest })
    }

    pub(in crate::anneal) fn quantum(&self) -> f64 {
        self.quantum
    }
}
