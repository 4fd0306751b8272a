//! Tempering of real couplings: a ladder of temperatures in 64 lanes.
//!
//! ```text
//! spin i    a bit for each lane, 1 = down      one word of 64 bits
//! field     16 floats a vector, four vectors   summed anew for each update (`sums.rs`), times the rate of each lane
//! rate      16 floats a vector, four vectors   the lane's temperature
//! ```
//!
//! As `sparse`, whose lanes have one temperature. Energies are summed from the fields of all spins, in single precision, in a
//! pass of its own: a sweep without its random numbers.

use super::super::accept::limits;
use super::super::exponents::Short;
use super::super::fixed::Fixed;
use super::super::job::Job;
use super::super::lanes::Fields;
use super::super::sums::Summed;
use super::Kernel;
use super::ladder::Places;
use super::words::{Narrow, Word};
use crate::rng::{INITIAL, Keys};
use crate::simd::{LANES, Row, Simd};

/// Vectors of 16 lanes.
const VECTORS: usize = 4;

pub(super) struct Lanes<'a> {
    job: &'a Job<'a>,
    summed: Summed<'a, Short<'a>>,
    fields: Fields,
    /// The same, times the scale.
    numbers: Vec<f32>,
}

impl<'a> Lanes<'a> {
    pub(super) fn new(job: &'a Job<'a>, fixed: &'a Fixed) -> Self {
        let numbers: Vec<f32> = job.fields(0).iter().map(|h| job.scaled(h)).collect();
        let fields = Fields::Shared(numbers.clone());
        Lanes { job, summed: Summed::new(job, fixed, VECTORS), fields, numbers }
    }

    /// The random bits of spin `i`, from the counters of the sweep.
    #[inline(always)]
    fn bits<S: Simd>(s: S, keys: &Keys<S>, starts: &[S::U; VECTORS], i: usize) -> [S::U; VECTORS] {
        let place = s.quarters(i as u32);
        let mut bits = *starts;
        for bits in &mut bits {
            *bits = s.xor(*bits, place);
        }
        keys.finish(s, bits)
    }
}

/// The counters of the lanes with spin 0.
#[inline(always)]
fn starts<S: Simd>(s: S, keys: &Keys<S>, vector: usize, sweep: u32) -> [S::U; VECTORS] {
    std::array::from_fn(|v| {
        let quad = (LANES * vector + 4 * v) as u32;
        keys.start(s, std::array::from_fn(|k| [0, sweep, quad + k as u32, 0]))
    })
}

impl Kernel for Lanes<'_> {
    type X<S: Simd> = Narrow;
    type Table = [Row<f32>; VECTORS];
    const LANES: usize = VECTORS * LANES;
    const STRIDE: usize = 1;

    #[inline(always)]
    fn words<S: Simd>(_: S) -> Narrow {
        Narrow
    }

    fn table(&self, places: Places, betas: &[f64]) -> Self::Table {
        let rate = |lane: usize| self.job.rate(betas[(lane / places.copies).min(betas.len() - 1)]);
        std::array::from_fn(|v| Row(std::array::from_fn(|k| rate(LANES * v + k))))
    }

    #[inline(always)]
    fn random_spins<S: Simd>(&self, s: S, vector: usize, spins: &mut [u64]) {
        let keys = Keys::new(s, &self.job.key);
        let starts = starts(s, &keys, vector, INITIAL);
        for (i, spin) in spins.iter_mut().enumerate() {
            for (v, bits) in Self::bits(s, &keys, &starts, i).into_iter().enumerate() {
                *spin |= u64::from(s.mask_bits(s.top_bits(bits))) << (LANES * v);
            }
        }
    }

    #[inline(always)]
    fn sweep<S: Simd>(&self, s: S, spins: &mut [u64], table: &Self::Table, vector: usize, sweep: u32) -> bool {
        let keys = Keys::new(s, &self.job.key);
        let starts = starts(s, &keys, vector, sweep);
        let rates = [0, 1, 2, 3].map(|v| s.floats(&table[v]));
        // One spin ahead, and their random bits two, as in `sparse`.
        let mut ahead = limits::<S, VECTORS, false>(s, Self::bits(s, &keys, &starts, 0));
        let mut further = Self::bits(s, &keys, &starts, 1);
        for i in 0..spins.len() {
            if i % 4096 == 0 && self.job.stopped() {
                return false;
            }
            let limit = ahead;
            ahead = limits::<S, VECTORS, false>(s, further);
            further = Self::bits(s, &keys, &starts, i + 2);
            let fields: [S::F; VECTORS] = self.summed.of(s, &self.fields, 1.0, i, spins);
            let down = s.masks(spins[i]);
            let mut flips = 0;
            for v in 0..VECTORS {
                let exponent = s.mul(s.negate(down[v], fields[v]), rates[v]);
                flips |= u64::from(s.mask_bits(s.at_least(exponent, limit[v]))) << (LANES * v);
            }
            spins[i] ^= flips;
        }
        true
    }

    /// `E = sum_i s_i (h_i + f_i) / 2`, as each coupling is in the fields of two spins.
    #[inline(always)]
    fn energies<S: Simd>(&self, s: S, spins: &[u64], energies: &mut [f64]) {
        let mut sums = [0.0; VECTORS * LANES];
        for (i, &spin) in spins.iter().enumerate() {
            let fields: [S::F; VECTORS] = self.summed.of(s, &self.fields, 1.0, i, spins);
            let (down, h) = (s.masks(spin), s.splat(self.numbers[i]));
            for v in 0..VECTORS {
                let parts = s.float_array(s.negate(down[v], s.add(fields[v], h)));
                for (sum, part) in sums[LANES * v..][..LANES].iter_mut().zip(parts) {
                    *sum += f64::from(part);
                }
            }
        }
        for (energy, sum) in energies.iter_mut().zip(sums) {
            *energy = sum / (2.0 * self.job.scale);
        }
    }
}

const _: () = assert!(Narrow::LANES == VECTORS * LANES);
