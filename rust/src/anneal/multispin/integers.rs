//! Which problems are integers, and small ones.

use super::super::batch::largest;
use super::super::job::Job;
use super::super::precision::Coldest;

/// Binary digits of a coupling.
pub(super) const DIGITS: usize = 3;
/// The sum of |couplings| and |field| of a spin that eight planes hold.
const LARGEST: u32 = 255;
/// Fewer reads are never faster in bits: the other kernels have so many in their largest chunk.
const LEAST_READS: usize = 64;

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
    /// If they are small enough, multiples of a quantum, and the reads so many that bits are faster than numbers.
    pub(in crate::anneal) fn if_faster(job: &Job) -> Option<Self> {
        let integers = (job.batch.num_reads >= LEAST_READS).then(|| Self::of(job)).flatten()?;
        integers.are_faster(job).then_some(integers)
    }

    /// If they are small enough, and multiples of a quantum.
    pub(in crate::anneal) fn of(job: &Job) -> Option<Self> {
        // Cheap no to what is dense: each coupling is one quantum or more.
        let most = LARGEST as usize * job.couplings.num_spins();
        let some = job.couplings.values().iter().filter(|&&v| v != 0.0);
        if some.take(most + 1).count() > most {
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
            let fits = (ratio - whole).abs() <= 1e-12 * whole.abs() && whole.abs() <= f64::from(i8::MAX);
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
        let mut largest = 0;
        for i in 0..n {
            let (neighbours, at) = job.couplings.pattern().row(i);
            let row = &couplings[at..at + neighbours.len()];
            if row.iter().any(|j| j.unsigned_abs() >> DIGITS != 0) {
                return None;
            }
            let field = fields.iter().skip(i).step_by(n).map(|h| u32::from(h.unsigned_abs())).max().unwrap_or(0);
            largest = largest.max(field + row.iter().map(|j| u32::from(j.unsigned_abs())).sum::<u32>());
        }
        (largest <= LARGEST).then_some(Integers { quantum, couplings, fields, largest })
    }

    /// Whether 512 reads in bits take less time than so many as there are in numbers. Nanoseconds of an update, measured with
    /// AVX-512: 30 and 2.7 an input for up to 512 reads; 30 and 1.1 a coupling for 64.
    fn are_faster(&self, job: &Job) -> bool {
        let [spins, couplings, inputs, reads] = [
            job.couplings.num_spins(),
            self.couplings.len(),
            self.couplings.iter().map(|j| j.unsigned_abs().count_ones() as usize).sum(),
            job.batch.num_reads,
        ]
        .map(|count| count as f64);
        LEAST_READS as f64 * (30.0 * spins + 2.7 * inputs) <= reads * (30.0 * spins + 1.1 * couplings)
    }

    pub(in crate::anneal) fn quantum(&self) -> f64 {
        self.quantum
    }
}
