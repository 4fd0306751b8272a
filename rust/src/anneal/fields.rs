//! The local fields of states: what a spin's mean depends on where all others are given.
//!
//! ```text
//! f_i = h_i + sum_j J_ij s_j
//! ```
//!
//! Sums are taken in double precision, in the order of a spin's neighbours, of up to 16 states side by side, so that a
//! field is rounded once and depends on its own state alone.

use super::batch::Fields;
use super::model::Model;
use super::parallel;
use crate::couplings::Couplings;
use crate::error::{Error, bad, filled};
use crate::simd::{LANES, in_vectors};
use std::sync::{Mutex, PoisonError};

/// The local fields of all spins, `(problems, reads, spins)` in single precision, of states `(problems, reads, spins)` and
/// fields `(problems, spins)`. They do not depend on `num_threads` (all cores where `None`).
///
/// ```
/// use ising_ep::{Model, local_fields};
/// # fn main() -> Result<(), ising_ep::Error> {
/// let model = Model::new(2, &[0], &[1], &[-1.0])?;
/// let fields: &[f64] = &[0.5, 0.0];
/// assert_eq!(local_fields(&model, &[1, -1], fields, 1, None)?, [1.5, -1.0]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// On lengths that do not fit, spins other than -1 and +1, fields that are not finite, and if there is no memory for the
/// fields, or threads do not start.
pub fn local_fields<'a>(
    model: &Model,
    states: &[i8],
    fields: impl Into<Fields<'a>>,
    num_reads: usize,
    num_threads: Option<usize>,
) -> Result<Vec<f32>, Error> {
    let (n, fields) = (model.num_spins(), fields.into());
    if states.len() != fields.len() * num_reads || n > 0 && !fields.len().is_multiple_of(n) {
        return bad(format_args!(
            "states hold {} spins and fields {} numbers, expected problems x {num_reads} reads x {n} spins and \
             problems x {n} spins",
            states.len(),
            fields.len()
        ));
    }
    fields.check(n)?;
    if let Some(s) = states.iter().find(|s| !matches!(s, -1 | 1)) {
        return bad(format_args!("states hold a spin {s}, expected -1 or +1"));
    }
    let mut out = filled(states.len(), 0f32)
        .map_err(|_| Error::Memory { runs: states.len() / n.max(1), spins: n })?;
    if out.is_empty() {
        return Ok(out);
    }
    let couplings = model.couplings();
    let chunks = Mutex::new(states.chunks(LANES * n).zip(out.chunks_mut(LANES * n)).enumerate());
    let work = || {
        let mut spins = vec![[0.0; LANES]; n];
        while let Some((k, (states, out))) = { chunks.lock().unwrap_or_else(PoisonError::into_inner).next() } {
            let problem = |lane: usize| fields.part_of((LANES * k + lane) / num_reads, n);
            let given: Vec<Fields> = (0..states.len() / n).map(problem).collect();
            side_by_side(couplings, states, &given, &mut spins, out);
        }
    };
    let threads = num_threads.unwrap_or_else(parallel::cores).min(super::MAX_THREADS);
    parallel::share(threads.min(states.len().div_ceil(LANES * n)), &work)?;
    Ok(out)
}

in_vectors!(fn side_by_side(couplings: &Couplings, states: &[i8], given: &[Fields], spins: &mut [[f64; LANES]], out: &mut [f32]) = in_loops);

/// The local fields of up to `LANES` states, each with its fields; `spins` holds anything.
#[inline(always)]
fn in_loops(
    couplings: &Couplings,
    states: &[i8],
    given: &[Fields],
    spins: &mut [[f64; LANES]],
    out: &mut [f32],
) {
    let n = spins.len();
    for (lane, state) in states.chunks_exact(n).enumerate() {
        for (row, &s) in spins.iter_mut().zip(state) {
            row[lane] = f64::from(s);
        }
    }
    for i in 0..n {
        let mut sums = [0.0; LANES];
        for (sum, fields) in sums.iter_mut().zip(given) {
            *sum = fields.at(i);
        }
        let (neighbours, values) = couplings.row(i);
        for (&j, &value) in neighbours.iter().zip(values) {
            for (sum, s) in sums.iter_mut().zip(&spins[j as usize]) {
                *sum += value * s;
            }
        }
        for (out, sum) in out.chunks_exact_mut(n).zip(sums) {
            out[i] = sum as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_a_chain_in_any_company() {
        let model = Model::new(3, &[0, 1], &[1, 2], &[0.5, -2.0]).unwrap();
        let fields: Vec<f32> = (0..15).map(|k| 0.25 * k as f32).collect();
        let states: Vec<i8> = (0..15 * 7).map(|k| if k * k % 7 < 3 { -1 } else { 1 }).collect();
        let all = local_fields(&model, &states, &fields[..], 7, Some(2)).unwrap();
        for (run, (state, found)) in states.chunks(3).zip(all.chunks(3)).enumerate() {
            let s = |i: usize| f32::from(state[i]);
            let h = &fields[run / 7 * 3..][..3];
            let wanted = [h[0] + 0.5 * s(1), h[1] + 0.5 * s(0) - 2.0 * s(2), h[2] - 2.0 * s(1)];
            assert_eq!(found, wanted);
            assert_eq!(local_fields(&model, state, h, 1, None).unwrap(), found);
        }
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let model = Model::new(2, &[0], &[1], &[1.0]).unwrap();
        let text = |states: &[i8], fields: &[f64]| {
            local_fields(&model, states, fields, 1, None).unwrap_err().to_string()
        };
        assert!(text(&[1], &[0.0; 2]).contains("states hold 1 spins and fields 2 numbers"));
        assert!(text(&[1; 3], &[0.0; 3]).contains("problems x 2 spins"));
        assert!(text(&[1, 0], &[0.0; 2]).contains("a spin 0"));
        assert!(text(&[1, 1], &[0.0, f64::NAN]).contains("field of spin 1 in problem 0 is NaN"));
        let none = Model::new(0, &[], &[], &[]).unwrap();
        assert!(local_fields(&none, &[], &[0f64; 0][..], 3, None).unwrap().is_empty());
    }
}
