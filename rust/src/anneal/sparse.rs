//! Sparse couplings: 16 runs side by side in the lanes, spin after spin.
//!
//! ```text
//! spin i   [ run 0 | run 1 | ... | run 15 ]   local field i   [ run 0 | ... | run 15 ]
//! ```
//!
//! A spin's update decides for 16 runs in one go; where any run flips, the 16 fields of every neighbour
//! are changed at once, by `2 J s_new` in the lanes that flipped and 0 in the others. Runs of several
//! problems share a vector, so ten reads of each do not leave six lanes idle.
//!
//! Cost of an update of 16: about 8 instructions where all runs are frozen, 70 where not, and 6 a
//! neighbour where one flips.

use super::Job;
use super::accept::{NEVER, accept, turned};
use crate::model::Pattern;
use crate::rng::{INITIAL, Key};
use crate::simd::Simd;

/// Runs side by side.
pub(super) const LANES: usize = 16;
/// Sweeps after which the fields are summed anew, before rounding errors could add up.
const REFRESH: u32 = 512;

type Lanes = [f32; LANES];

/// The couplings in the kernel's precision, in the order of the model's rows.
pub(super) struct Couplings<'a> {
    pattern: &'a Pattern,
    key: Key,
    row_start: Vec<usize>,
    coupling: Vec<f32>,
}

impl<'a> Couplings<'a> {
    pub(super) fn new(job: &Job<'a>) -> Self {
        let mut row_start = vec![0];
        let mut coupling = Vec::with_capacity(2 * job.model.pattern().num_pairs());
        for i in 0..job.model.num_spins() {
            coupling.extend(job.model.row(i).1.iter().map(|&value| job.scaled(value)));
            row_start.push(coupling.len());
        }
        Couplings { pattern: job.model.pattern(), key: Key::new(job.batch.seed), row_start, coupling }
    }

    #[inline(always)]
    fn row(&self, i: usize) -> impl Iterator<Item = (usize, f32)> {
        let values = &self.coupling[self.row_start[i]..self.row_start[i + 1]];
        self.pattern.neighbours(i).iter().map(|&j| j as usize).zip(values.iter().copied())
    }
}

/// Anneals up to 16 runs from `first` on; lanes left over repeat the last run.
///
/// # Safety
/// The instructions that `S` stands for must be there.
#[inline(always)]
pub(super) unsafe fn run<S: Simd>(
    job: &Job,
    couplings: &Couplings,
    first: usize,
    states: &mut [i8],
    energies: &mut [f64],
) {
    let n = job.model.num_spins();
    let run_of_lane: [usize; LANES] = std::array::from_fn(|lane| first + lane.min(energies.len() - 1));
    let streams = run_of_lane.map(|run| {
        let (problem, read) = job.problem_and_read(run);
        [read, job.batch.problem_ids[problem]]
    });
    let mut spins: Vec<Lanes> = vec![[1.0; LANES]; n];
    let mut fields: Vec<Lanes> = vec![[0.0; LANES]; n];

    if job.batch.initial_states.is_some() {
        for (lane, &run) in run_of_lane.iter().enumerate() {
            for (s, &given) in spins.iter_mut().zip(job.initial_state(run).into_iter().flatten()) {
                s[lane] = f32::from(given);
            }
        }
    } else {
        for (block, four) in spins.chunks_mut(4).enumerate() {
            // SAFETY: as for this function.
            let bits = unsafe { S::sixteen_reads(&couplings.key, block as u32, INITIAL, &streams) };
            for (s, bits) in four.iter_mut().zip(bits) {
                *s = bits.map(|b| if b >> 31 == 0 { 1.0 } else { -1.0 });
            }
        }
    }

    for (t, rate) in job.rates() {
        if t % REFRESH == 0 {
            refresh(job, couplings, &run_of_lane, &spins, &mut fields);
        }
        let mut bits = [[0u32; LANES]; 4];
        let mut drawn = usize::MAX;
        for i in 0..n {
            if i % 4096 == 0 && job.stopped() {
                return;
            }
            let mut exponent = [0f32; LANES];
            let mut warm = 0;
            for k in 0..LANES {
                exponent[k] = rate * (spins[i][k] * fields[i][k]);
                warm |= i32::from(exponent[k] > NEVER);
            }
            if warm == 0 {
                continue;
            }
            if drawn != i / 4 {
                drawn = i / 4;
                // SAFETY: as for this function.
                bits = unsafe { S::sixteen_reads(&couplings.key, drawn as u32, t, &streams) };
            }
            let flips = accept(&exponent, &bits[i % 4]);
            // SAFETY: as for this function.
            if unsafe { S::signs(&flips) } == 0 {
                continue;
            }
            spins[i] = turned(&spins[i], &flips);
            // Twice the new spin where it flipped, 0 elsewhere.
            let change: Lanes =
                std::array::from_fn(|k| f32::from_bits((2.0 * spins[i][k]).to_bits() & flips[k] as u32));
            for (j, value) in couplings.row(i) {
                let f = fields[j];
                fields[j] = std::array::from_fn(|k| f[k] + change[k] * value);
            }
        }
    }

    let energy = energies_of(job, &run_of_lane, &spins);
    energies.copy_from_slice(&energy[..energies.len()]);
    for (lane, state) in states.chunks_exact_mut(n).enumerate() {
        for (out, s) in state.iter_mut().zip(&spins) {
            *out = s[lane] as i8;
        }
    }
}

/// The local fields from the spins: `f_i = h_i + sum_j J_ij s_j`.
#[inline(always)]
fn refresh(job: &Job, couplings: &Couplings, runs: &[usize; LANES], spins: &[Lanes], fields: &mut [Lanes]) {
    let h = runs.map(|run| job.fields(run));
    for (i, f) in fields.iter_mut().enumerate() {
        *f = h.map(|h| job.scaled(h[i]));
        for (j, value) in couplings.row(i) {
            for k in 0..LANES {
                f[k] += value * spins[j][k];
            }
        }
    }
}

/// Energies in double precision, from the numbers that were given.
#[inline(always)]
fn energies_of(job: &Job, runs: &[usize; LANES], spins: &[Lanes]) -> [f64; LANES] {
    let h = runs.map(|run| job.fields(run));
    let mut energy = [0f64; LANES];
    for (i, s) in spins.iter().enumerate() {
        let mut field = h.map(|h| h[i]);
        let (neighbours, values) = job.model.row(i);
        for (&j, &value) in neighbours.iter().zip(values) {
            // Each pair once, from its later spin.
            if j as usize >= i {
                break;
            }
            for k in 0..LANES {
                field[k] += value * f64::from(spins[j as usize][k]);
            }
        }
        for k in 0..LANES {
            energy[k] += f64::from(s[k]) * field[k];
        }
    }
    energy
}
