//! Mean fields: every spin replaced by its mean, which the means of its neighbours give.
//!
//! ```text
//! m_i <- tanh(-beta[t] f_i) ,   f_i = h_i + sum_j J_ij m_j          spin after spin, sweep after sweep
//! ```
//!
//! Sweeps go from the first spin to the last or back: in layers each passes on what is new through all of them, up from the
//! input, or down from outputs that are nudged. (Upwards, a nudge comes down by one layer a sweep. To and fro, the layers at
//! the ends are updated twice in a row by the same neighbours, and as many sweeps give a worse gradient.)
//!
//! Where it comes to rest the means minimise the naive mean-field free energy at the last temperature. Nothing is drawn by
//! chance. Sixteen problems lie side by side, a mean of each in a vector:
//!
//! ```text
//! spin         [ m of problem 0 | m of 1 | .. | m of 15 ]      64 bytes; a coupling is one multiplication and
//!                                                              addition, and 16 problems share it
//! ```
//!
//! Layers with shared weights are updated eight channels of a place at a time, which share what they see: a neighbour's means
//! are read once for eight couplings (`shared/mean_field.rs`). Cost of a sweep of 16 problems with AVX-512: about a cycle a
//! coupling from each of its ends, less where eight share their neighbours, and 25 instructions a spin.

use super::batch::Fields;
use super::model::Model;
use super::tangent::{Update, tanh};
use super::{parallel, shared};
use crate::couplings::Couplings;
use crate::error::{Error, bad, filled};
use crate::simd::isa::{self, OnVectors};
use crate::simd::{LANES, Row, Simd};
use std::sync::{Mutex, PoisonError};

/// Means of spins `(problems, spins)`, and their energies `sum_i h_i m_i + sum_ij J_ij m_i m_j`.
#[derive(Debug)]
pub struct Means {
    /// Problem after problem.
    pub means: Vec<f32>,
    /// Of each problem, added up in single precision; none if they were not asked for.
    pub energies: Option<Vec<f64>>,
}

/// Means after a sweep at each inverse temperature of `betas`, for fields `(problems, spins)`, from `initial` means, or
/// from 0. Sweeps go from the first spin to the last, or from the last to the first where they go `back`. They do not depend on `num_threads` (all cores where `None`). Energies take one more sweep.
///
/// ```
/// use ising_ep::{Model, mean_field};
/// # fn main() -> Result<(), ising_ep::Error> {
/// let model = Model::new(2, &[0], &[1], &[-1.0])?;
/// let fields: &[f64] = &[0.5, 0.0];
/// let found = mean_field(&model, fields, &[1.0], None, false, false, None)?.means;
/// assert!((found[0] - (-0.5f32).tanh()).abs() < 1e-6 && (found[1] - found[0].tanh()).abs() < 1e-6);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// On lengths that do not fit, fields, temperatures or means that are not finite or out of range, and if there is no memory, or
/// threads do not start.
pub fn mean_field<'a>(
    model: &Model,
    fields: impl Into<Fields<'a>>,
    betas: &[f64],
    initial: Option<&[f32]>,
    back: bool,
    with_energies: bool,
    num_threads: Option<usize>,
) -> Result<Means, Error> {
    let (n, fields) = (model.num_spins(), fields.into());
    if n > 0 && !fields.len().is_multiple_of(n) || initial.is_some_and(|initial| initial.len() != fields.len()) {
        return bad(format_args!(
            "fields hold {} numbers and initial means {}, expected problems x {n} spins each",
            fields.len(),
            initial.map_or(0, <[f32]>::len)
        ));
    }
    fields.check(n)?;
    if let Some(beta) = betas.iter().find(|beta| !(beta.is_finite() && **beta >= 0.0)) {
        return bad(format_args!("betas hold {beta}, expected finite numbers of at least 0"));
    }
    if let Some(m) = initial.into_iter().flatten().find(|m| !(-1.0..=1.0).contains(*m)) {
        return bad(format_args!("initial means hold {m}, expected -1 to 1"));
    }
    let mut out = match initial {
        Some(initial) => filled(initial.len(), 0f32).map(|mut out| {
            out.copy_from_slice(initial);
            out
        }),
        None => filled(fields.len(), 0f32),
    }
    .map_err(|_| Error::Memory { runs: fields.len() / n.max(1), spins: n })?;
    let mut energies = vec![0.0; fields.len().checked_div(n).unwrap_or(0)];
    if out.is_empty() {
        return Ok(Means { means: out, energies: with_energies.then_some(energies) });
    }
    let network = match model.shared() {
        Some(weights) => Network::Layers(shared::Means::new(weights)),
        None => Network::Pairs(model.try_couplings()?),
    };
    let betas: Vec<f32> = betas.iter().map(|&beta| beta as f32).collect();
    let each = LANES * n;
    let num_chunks = out.len().div_ceil(each);
    let chunks = Mutex::new(out.chunks_mut(each).zip(energies.chunks_mut(LANES)).enumerate());
    let work = || {
        while let Some((k, (means, energies))) = { chunks.lock().unwrap_or_else(PoisonError::into_inner).next() } {
            let given: Vec<Fields> =
                (LANES * k..LANES * k + means.len() / n).map(|problem| fields.part_of(problem, n)).collect();
            let energies = with_energies.then_some(energies);
            isa::run(
                isa::best(),
                Chunk { network: &network, given: &given, betas: &betas, back, means, energies },
            );
        }
    };
    let threads = num_threads.unwrap_or_else(parallel::cores).min(super::MAX_THREADS);
    parallel::share(threads.min(num_chunks), &work)?;
    Ok(Means { means: out, energies: with_energies.then_some(energies) })
}

/// What joins the spins.
enum Network<'a> {
    Pairs(&'a Couplings),
    Layers(shared::Means<'a>),
}

impl Network<'_> {
    /// Replaces spin after spin, from the first to the last or `back`, the mean by what `update` makes of it.
    #[inline(always)]
    fn sweep<S: Simd>(&self, s: S, back: bool, fields: &[S::F], means: &mut [S::F], update: &mut impl Update<S>) {
        match self {
            Network::Pairs(couplings) => {
                for i in in_turn(fields.len(), back) {
                    let given = fields[i];
                    let (neighbours, values) = couplings.row(i);
                    let mut field = given;
                    for (&j, &value) in neighbours.iter().zip(values) {
                        field = s.mul_add(s.splat(value as f32), means[j as usize], field);
                    }
                    means[i] = update.next(s, i, field, means[i]);
                }
            }
            Network::Layers(layers) => layers.sweep(s, back, fields, means, update),
        }
    }
}

/// Numbers below `count`, from the first or from the last on.
pub(super) fn in_turn(count: usize, back: bool) -> impl Iterator<Item = usize> {
    (0..count).map(move |k| if back { count - 1 - k } else { k })
}

/// The mean of a spin in its field, at an inverse temperature of `-minus`.
struct Settle<S: Simd> {
    minus: S::F,
}

impl<S: Simd> Update<S> for Settle<S> {
    #[inline(always)]
    fn next(&mut self, s: S, _: usize, field: S::F, _: S::F) -> S::F {
        tanh(s, s.mul(self.minus, field))
    }
}

/// The same mean, and its part of the energy: each coupling is seen from both its ends.
struct Energies<'a, S: Simd> {
    fields: &'a [S::F],
    sums: S::F,
}

impl<S: Simd> Update<S> for Energies<'_, S> {
    #[inline(always)]
    fn next(&mut self, s: S, i: usize, field: S::F, m: S::F) -> S::F {
        self.sums = s.mul_add(s.mul(m, s.splat(0.5)), s.add(field, self.fields[i]), self.sums);
        m
    }
}

/// Up to 16 problems.
struct Chunk<'a> {
    network: &'a Network<'a>,
    given: &'a [Fields<'a>],
    betas: &'a [f32],
    back: bool,
    means: &'a mut [f32],
    energies: Option<&'a mut [f64]>,
}

impl OnVectors for Chunk<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let n = self.means.len() / self.given.len();
        let side_by_side = |number: &dyn Fn(usize, usize) -> f32| -> Vec<S::F> {
            let row = |i| {
                let mut row = Row([0.0; LANES]);
                row.0.iter_mut().zip(0..self.given.len()).for_each(|(out, problem)| *out = number(problem, i));
                s.floats(&row)
            };
            (0..n).map(row).collect()
        };
        let fields = side_by_side(&|problem, i| self.given[problem].at(i) as f32);
        let mut means = side_by_side(&|problem, i| self.means[problem * n + i]);
        for &beta in self.betas {
            self.network.sweep(s, self.back, &fields, &mut means, &mut Settle { minus: s.splat(-beta) });
        }
        if let Some(out) = self.energies {
            let mut energies = Energies { fields: &fields, sums: s.splat(0.0) };
            self.network.sweep(s, false, &fields, &mut means, &mut energies);
            out.iter_mut().zip(s.float_array(energies.sums)).for_each(|(out, energy)| *out = energy.into());
        }
        for (i, &row) in means.iter().enumerate() {
            for (means, m) in self.means.chunks_exact_mut(n).zip(s.float_array(row)) {
                means[i] = m;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::structure::{Block, Join, Structure, Windows};

    /// Two layers of filters with a pool and a dense block, which meet at every edge of a window.
    fn layers() -> (Model, Model) {
        let windows = |size, stride| Windows { size, stride };
        let blocks = vec![
            Block { before: 0, after: 1, join: Join::Filters(windows([2, 3], [1, 2])) },
            Block { before: 1, after: 2, join: Join::Pool(windows([2, 1], [1, 1])) },
            Block { before: 2, after: 3, join: Join::Dense },
        ];
        let shapes = [[4, 5, 3], [3, 2, 19], [2, 2, 19], [1, 1, 5]];
        let structure = || Structure::new(&shapes, blocks.clone()).unwrap();
        let count = structure().num_values();
        let values: Vec<f64> = (0..count).map(|k| ((k * 7919) % 101) as f64 / 101.0 - 0.5).collect();
        let couplings = structure().couplings(&values).unwrap();
        let n = couplings.num_spins();
        let (mut rows, mut cols, mut each) = (vec![], vec![], vec![]);
        for i in 0..n {
            let (neighbours, of_spin) = couplings.row(i);
            for (&j, &value) in neighbours.iter().zip(of_spin).filter(|(j, _)| **j as usize > i) {
                rows.push(i as i64);
                cols.push(i64::from(j));
                each.push(value);
            }
        }
        (Model::layers(structure(), &values).unwrap(), Model::new(n, &rows, &cols, &each).unwrap())
    }

    #[test]
    fn layers_and_pairs_have_the_same_means_in_any_company() {
        let (layers, pairs) = layers();
        let n = layers.num_spins();
        let fields: Vec<f32> = (0..19 * n).map(|k| ((k * 31) % 17) as f32 / 17.0 - 0.4).collect();
        let betas = [0.3, 0.6, 0.9, 1.2];
        for back in [false, true] {
            let found = mean_field(&layers, &fields[..], &betas, None, back, false, Some(2)).unwrap().means;
            let wanted = mean_field(&pairs, &fields[..], &betas, None, back, false, Some(1)).unwrap().means;
            assert!(found.iter().zip(&wanted).all(|(a, b)| (a - b).abs() < 1e-4));
            for (problem, found) in found.chunks(n).enumerate() {
                let alone = mean_field(&layers, &fields[n * problem..][..n], &betas, None, back, true, None)
                    .unwrap()
                    .means;
                assert_eq!(alone, found);
            }
            // The first two sweeps, and on from there.
            let half = mean_field(&layers, &fields[..], &betas[..2], None, back, false, None).unwrap().means;
            assert_eq!(
                mean_field(&layers, &fields[..], &betas[2..], Some(&half), back, false, None).unwrap().means,
                found
            );
        }
    }

    #[test]
    fn a_resting_point_is_its_own_mean_field() {
        let (layers, pairs) = layers();
        let n = layers.num_spins();
        let fields: Vec<f64> = (0..n).map(|k| f64::from((k * 31) as u32 % 17) / 17.0 - 0.4).collect();
        let Means { means: m, energies } =
            mean_field(&layers, &fields[..], &[0.4; 200], None, false, true, None).unwrap();
        let mut energy = 0.0;
        for i in 0..n {
            let (neighbours, values) = pairs.couplings().row(i);
            let sum: f64 = neighbours.iter().zip(values).map(|(&j, v)| v * f64::from(m[j as usize])).sum();
            assert!((f64::from(m[i]) - (-0.4 * (fields[i] + sum)).tanh()).abs() < 1e-5);
            energy += f64::from(m[i]) * (fields[i] + sum / 2.0);
        }
        let energies = energies.unwrap();
        assert!((energies[0] - energy).abs() < 1e-3, "{energies:?} {energy}");
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let model = Model::new(2, &[0], &[1], &[1.0]).unwrap();
        let text = |fields: &[f64], betas: &[f64], initial: Option<&[f32]>| {
            mean_field(&model, fields, betas, initial, false, true, None).unwrap_err().to_string()
        };
        assert!(text(&[0.0; 3], &[1.0], None).contains("fields hold 3 numbers"));
        assert!(text(&[0.0; 2], &[1.0], Some(&[0.0])).contains("initial means 1, expected problems x 2 spins"));
        assert!(text(&[0.0; 2], &[f64::INFINITY], None).contains("betas hold inf"));
        assert!(text(&[0.0; 2], &[1.0], Some(&[0.0, 1.5])).contains("initial means hold 1.5"));
        assert!(text(&[f64::NAN, 0.0], &[1.0], None).contains("NaN"));
        assert!(mean_field(&model, &[0f64; 0][..], &[1.0], None, false, true, None).unwrap().means.is_empty());
    }
}
