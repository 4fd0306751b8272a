//! The problem: couplings as compressed sparse rows, fields, and every check on what comes in.

use crate::anneal::{Dynamics, Layers, Trotter};
use std::collections::TryReserveError;
use std::fmt::Display;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// Why a batch cannot be annealed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// What is wrong with the problem: the text names the value and what was expected.
    #[error("{0}")]
    Input(String),
    /// The samples do not fit into memory.
    #[error("{runs} reads of {spins} spins do not fit into memory")]
    Memory {
        /// Reads of all problems.
        runs: usize,
        /// Spins of a problem.
        spins: usize,
    },
    /// The couplings do not fit into memory.
    #[error("{spins} spins and {couplings} couplings do not fit into memory")]
    ModelMemory {
        /// Spins of a problem.
        spins: usize,
        /// As many as were given.
        couplings: usize,
    },
    /// The operating system starts no more threads.
    #[error("{threads} more threads cannot be started")]
    Threads {
        /// Asked for, beside the calling one.
        threads: usize,
    },
}

pub(crate) fn bad<T>(text: impl Display) -> Result<T, Error> {
    Err(Error::Input(text.to_string()))
}

/// An empty vector with room for `len` numbers, if there is memory.
fn room<T>(len: usize) -> Result<Vec<T>, TryReserveError> {
    let mut numbers = Vec::new();
    numbers.try_reserve_exact(len)?;
    Ok(numbers)
}

/// The same, filled with `number`.
pub(crate) fn filled<T: Clone>(len: usize, number: T) -> Result<Vec<T>, TryReserveError> {
    let mut numbers = room(len)?;
    numbers.resize(len, number);
    Ok(numbers)
}

/// Which spins are coupled: what stays the same while a network learns.
///
/// Each pair is stored from both of its ends:
///
/// ```text
/// row_start  0     2        5 ...      neighbours of spin i stand at row_start[i] .. row_start[i + 1],
/// neighbour  3 7 | 0 2 9  | ...        in rising order; a model's couplings stand beside them
/// ```
#[derive(Debug)]
pub struct Pattern {
    row_start: Vec<usize>,
    neighbour: Vec<u32>,
    /// Where coupling `k` stands, from its two ends.
    slots: Vec<[u32; 2]>,
    max_degree: usize,
    layers: OnceLock<Option<Layers>>,
}

impl Pattern {
    /// Couplings between spins `rows[k]` and `cols[k]` of `num_spins` spins.
    ///
    /// # Errors
    /// On lengths that differ, an index out of range, or a self-loop, and if there is no memory.
    pub fn new(num_spins: usize, rows: &[i64], cols: &[i64]) -> Result<Self, Error> {
        if rows.len() != cols.len() {
            return bad(format_args!(
                "couplings: rows and cols must have one length, got {} and {}",
                rows.len(),
                cols.len()
            ));
        }
        if num_spins > u32::MAX as usize || rows.len() > (u32::MAX / 2) as usize {
            return bad(format_args!("{num_spins} spins and {} couplings are too many", rows.len()));
        }
        let no_memory = |_| Error::ModelMemory { spins: num_spins, couplings: rows.len() };
        let mut row_start = filled(num_spins + 1, 0usize).map_err(no_memory)?;
        for (k, (&i, &j)) in rows.iter().zip(cols).enumerate() {
            for index in [i, j] {
                if index < 0 || index as usize >= num_spins {
                    return bad(format_args!(
                        "coupling {k} names spin {index}, but the problem has spins 0..{num_spins}"
                    ));
                }
            }
            if i == j {
                return bad(format_args!("coupling {k} joins spin {i} to itself; a coupling needs two spins"));
            }
            row_start[i as usize + 1] += 1;
            row_start[j as usize + 1] += 1;
        }
        for i in 0..num_spins {
            row_start[i + 1] += row_start[i];
        }
        // Every coupling once from each end, as (neighbour, coupling, end), row by row.
        let mut next = room(row_start.len()).map_err(no_memory)?;
        next.extend_from_slice(&row_start);
        let mut entries = filled(2 * rows.len(), (0u32, 0u32, 0usize)).map_err(no_memory)?;
        for (k, (&i, &j)) in rows.iter().zip(cols).enumerate() {
            for (end, (from, to)) in [(i, j), (j, i)].into_iter().enumerate() {
                let at = &mut next[from as usize];
                entries[*at] = (to as u32, k as u32, end);
                *at += 1;
            }
        }
        let mut neighbour = room(entries.len()).map_err(no_memory)?;
        let mut slots = filled(rows.len(), [0u32; 2]).map_err(no_memory)?;
        for i in 0..num_spins {
            let row = &mut entries[row_start[i]..row_start[i + 1]];
            // Couplings of one pair stay in the order given, and so add up alike from both ends.
            row.sort_unstable();
            row_start[i] = neighbour.len();
            for &(j, k, end) in &*row {
                if neighbour.len() == row_start[i] || neighbour[neighbour.len() - 1] != j {
                    neighbour.push(j);
                }
                slots[k as usize][end] = neighbour.len() as u32 - 1;
            }
        }
        row_start[num_spins] = neighbour.len();
        let max_degree = row_start.windows(2).map(|row| row[1] - row[0]).max().unwrap_or(0);
        Ok(Pattern { row_start, neighbour, slots, max_degree, layers: OnceLock::new() })
    }

    /// The two sides of the couplings, if they are layered; worked out once.
    pub(crate) fn layers(&self) -> Option<&Layers> {
        self.layers.get_or_init(|| Layers::find(self)).as_ref()
    }

    /// The number of spins.
    pub fn num_spins(&self) -> usize {
        self.row_start.len() - 1
    }

    /// The number of coupled pairs.
    pub fn num_pairs(&self) -> usize {
        self.neighbour.len() / 2
    }

    /// The largest number of spins that one is coupled to.
    pub(crate) fn max_degree(&self) -> usize {
        self.max_degree
    }

    /// The spins coupled to spin `i`, rising.
    pub fn neighbours(&self, i: usize) -> &[u32] {
        self.row(i).0
    }

    /// The spins coupled to spin `i`, and where its couplings begin.
    pub(crate) fn row(&self, i: usize) -> (&[u32], usize) {
        let (start, end) = (self.row_start[i], self.row_start[i + 1]);
        (&self.neighbour[start..end], start)
    }
}

/// A pattern with its couplings.
#[derive(Debug, Clone)]
pub struct Model {
    pattern: Arc<Pattern>,
    coupling: Vec<f64>,
    largest: f64,
}

impl Model {
    /// Couplings `values[k]` between spins `rows[k]` and `cols[k]` of `num_spins` spins. A pair given
    /// more than once, in either order, gets the sum.
    ///
    /// # Errors
    /// As [`Pattern::new`] and [`Model::on`].
    pub fn new(num_spins: usize, rows: &[i64], cols: &[i64], values: &[f64]) -> Result<Self, Error> {
        Self::on(Arc::new(Pattern::new(num_spins, rows, cols)?), values)
    }

    /// Couplings `values[k]` in the order that the pattern was made in.
    ///
    /// # Errors
    /// On another number of values than of couplings, or one that is not finite, and if there is no memory.
    pub fn on(pattern: Arc<Pattern>, values: &[f64]) -> Result<Self, Error> {
        if values.len() != pattern.slots.len() {
            return bad(format_args!(
                "couplings: rows and cols have {} entries, values {}, expected as many",
                pattern.slots.len(),
                values.len()
            ));
        }
        if let Some(k) = values.iter().position(|v| !v.is_finite()) {
            return bad(format_args!("coupling {k} is {}, not a finite number", values[k]));
        }
        let no_memory = |_| Error::ModelMemory { spins: pattern.num_spins(), couplings: values.len() };
        let mut coupling = filled(pattern.neighbour.len(), 0f64).map_err(no_memory)?;
        for (&[one, other], &value) in pattern.slots.iter().zip(values) {
            coupling[one as usize] += value;
            coupling[other as usize] += value;
        }
        // As integers the sizes of floats compare alike, and faster.
        let largest = f64::from_bits(coupling.iter().fold(0, |m, v| m.max(v.abs().to_bits())));
        if largest.is_infinite() {
            return bad("couplings given more than once add up to an infinite coupling");
        }
        Ok(Model { pattern, coupling, largest })
    }

    /// Which spins are coupled.
    pub fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    /// The number of spins.
    pub fn num_spins(&self) -> usize {
        self.pattern.num_spins()
    }

    /// The neighbours of spin `i`, rising, and the couplings to them.
    pub fn row(&self, i: usize) -> (&[u32], &[f64]) {
        let (neighbours, start) = self.pattern.row(i);
        (neighbours, &self.coupling[start..start + neighbours.len()])
    }

    /// The largest |coupling|.
    pub(crate) fn largest(&self) -> f64 {
        self.largest
    }

    /// The couplings of all rows, one after the other.
    pub(crate) fn couplings(&self) -> &[f64] {
        &self.coupling
    }
}

/// How a flip that changes the energy by `dE` is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Criterion {
    /// With probability `min(1, exp(-beta dE))`.
    #[default]
    Metropolis,
    /// With probability `1 / (1 + exp(beta dE))`, which sets the spin as a heat bath would.
    Gibbs,
}

/// What to anneal on a [`Model`]: fields, schedule, reads, initial states, and the random streams.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    /// `(problems, spins)`, row by row.
    pub fields: &'a [f64],
    /// Inverse temperature of each sweep; an infinite one accepts what lowers the energy, and nothing else.
    pub betas: &'a [f64],
    /// Independent anneals of each problem.
    pub num_reads: usize,
    /// `(problems, reads, spins)` of -1 and +1, or random states.
    pub initial_states: Option<&'a [i8]>,
    /// Seed of every random number.
    pub seed: u64,
    /// One id for each problem: its random numbers depend on the seed, this id and the read only.
    pub problem_ids: &'a [u32],
    /// Which flips are accepted.
    pub criterion: Criterion,
    /// Whether each update picks a spin at random, instead of all in turn.
    pub random_order: bool,
    /// What the fields are short of, as `fields`: together they are right to twice the digits.
    pub(crate) rest: Option<&'a [f64]>,
    /// The slices of a quantum anneal.
    pub(crate) trotter: Option<&'a Trotter>,
    /// What moves, where spins do not flip but flow.
    pub(crate) dynamics: Option<&'a Dynamics>,
    /// Power of two that brings the numbers within reach of single precision: 1 until each problem is given its own.
    pub(crate) scale: f64,
}

impl<'a> Batch<'a> {
    /// A checked batch.
    ///
    /// # Errors
    /// On lengths that do not fit `model`, couplings or fields that are not finite, an inverse temperature that
    /// is negative or no number, no reads or sweeps, or initial states other than -1 and +1.
    pub fn new(
        model: &Model,
        fields: &'a [f64],
        betas: &'a [f64],
        num_reads: usize,
        initial_states: Option<&'a [i8]>,
        seed: u64,
        problem_ids: &'a [u32],
    ) -> Result<Self, Error> {
        let n = model.num_spins();
        if fields.len() != n * problem_ids.len() {
            return bad(format_args!(
                "fields hold {} numbers, expected {} problems x {n} spins",
                fields.len(),
                problem_ids.len()
            ));
        }
        if num_reads == 0 || num_reads > u32::MAX as usize {
            return bad(format_args!("num_reads is {num_reads}, expected 1 to {}", u32::MAX));
        }
        // The last number is the one that names the initial state in the random stream.
        if betas.is_empty() || betas.len() >= u32::MAX as usize {
            return bad(format_args!("{} sweeps, expected 1 to {}", betas.len(), u32::MAX - 1));
        }
        if let Some((k, beta)) = betas.iter().enumerate().find(|(_, b)| b.is_nan() || **b < 0.0) {
            return bad(format_args!("beta of sweep {k} is {beta}, expected a number >= 0"));
        }
        if let Some((k, h)) = fields.iter().enumerate().find(|(_, h)| !h.is_finite()) {
            let (problem, spin) = (k / n, k % n);
            return bad(format_args!("field of spin {spin} in problem {problem} is {h}, not a finite number"));
        }
        if let Some(states) = initial_states {
            if states.len() != fields.len() * num_reads {
                return bad(format_args!(
                    "initial states hold {} spins, expected {} problems x {num_reads} reads x {n} spins",
                    states.len(),
                    problem_ids.len()
                ));
            }
            if let Some(s) = states.iter().find(|s| !matches!(s, -1 | 1)) {
                return bad(format_args!("initial states hold a spin {s}, expected -1 or +1"));
            }
        }
        Ok(Batch {
            fields,
            betas,
            num_reads,
            initial_states,
            seed,
            problem_ids,
            criterion: Criterion::Metropolis,
            random_order: false,
            rest: None,
            trotter: None,
            dynamics: None,
            scale: 1.0,
        })
    }

    /// A checked batch of quantum anneals, by Metropolis' criterion and in the order of the spins whatever is
    /// asked for. Each read is one slice of its path; initial states stand in all slices alike.
    ///
    /// # Errors
    /// As [`Batch::new`], and on more spins and slices than there are random numbers for.
    pub fn quantum(
        model: &Model,
        fields: &'a [f64],
        trotter: &'a Trotter,
        num_reads: usize,
        initial_states: Option<&'a [i8]>,
        seed: u64,
        problem_ids: &'a [u32],
    ) -> Result<Self, Error> {
        if let Some(t) = trotter.betas().iter().position(|beta| beta.is_infinite()) {
            return bad(format_args!(
                "problem scale of sweep {t} times beta is infinite, expected a finite number"
            ));
        }
        let batch = Batch::new(model, fields, trotter.betas(), num_reads, initial_states, seed, problem_ids)?;
        let (n, slices) = (model.num_spins(), trotter.slices());
        if n.saturating_mul(slices.saturating_add(1)) > u32::MAX as usize {
            return bad(format_args!(
                "{n} spins in {slices} slices are too many, expected spins x (slices + 1) up to {}",
                u32::MAX
            ));
        }
        Ok(Batch { trotter: Some(trotter), ..batch })
    }

    /// A checked batch of a machine whose amplitudes or phases flow. Initial states are where they begin.
    ///
    /// # Errors
    /// As [`Batch::new`].
    pub fn dynamic(
        model: &Model,
        fields: &'a [f64],
        dynamics: &'a Dynamics,
        num_reads: usize,
        initial_states: Option<&'a [i8]>,
        seed: u64,
        problem_ids: &'a [u32],
    ) -> Result<Self, Error> {
        // A step for each sweep; there are no temperatures.
        let steps = dynamics.noise();
        let batch = Batch::new(model, fields, steps, num_reads, initial_states, seed, problem_ids)?;
        Ok(Batch { dynamics: Some(dynamics), ..batch })
    }

    /// The same batch, with flips accepted by `criterion`.
    #[must_use]
    pub fn accepting_by(self, criterion: Criterion) -> Self {
        Batch { criterion, ..self }
    }

    /// The same batch, with spins picked at random, as many in a sweep as there are.
    #[must_use]
    pub fn in_random_order(self, random_order: bool) -> Self {
        Batch { random_order, ..self }
    }

    /// The same batch, with fields that are larger by `rest`, number by number: what rounding has taken off them. Where it
    /// decides flips at the coldest temperature, it is kept.
    ///
    /// # Errors
    /// On another length than that of the fields, or a number that is not finite.
    pub fn with_rest(self, rest: &'a [f64]) -> Result<Self, Error> {
        if rest.len() != self.fields.len() {
            return bad(format_args!("rest holds {} numbers, expected {}", rest.len(), self.fields.len()));
        }
        if let Some(k) = rest.iter().position(|r| !r.is_finite()) {
            return bad(format_args!("rest of field {k} is {}, not a finite number", rest[k]));
        }
        Ok(Batch { rest: Some(rest), ..self })
    }

    /// Some of the problems, of `num_spins` spins each; their reads are the same as in the whole batch.
    pub(crate) fn problems(&self, problems: Range<usize>, num_spins: usize) -> Self {
        let fields = problems.start * num_spins..problems.end * num_spins;
        let states = fields.start * self.num_reads..fields.end * self.num_reads;
        Batch {
            fields: &self.fields[fields.clone()],
            rest: self.rest.map(|rest| &rest[fields]),
            initial_states: self.initial_states.map(|all| &all[states]),
            problem_ids: &self.problem_ids[problems],
            ..*self
        }
    }

    pub(crate) fn gibbs(&self) -> bool {
        self.criterion == Criterion::Gibbs
    }

    /// The fields of problem `p`.
    pub(crate) fn problem_fields(&self, p: usize, num_spins: usize) -> &'a [f64] {
        &self.fields[p * num_spins..(p + 1) * num_spins]
    }
}

/// The kernels work in single precision. Ordinary numbers go in as they are (scale 1); a problem whose
/// largest number is far from 1 is multiplied by a power of two, which rounds nothing, and its
/// inverse temperatures are divided by it.
pub(crate) fn scale_for(largest: f64) -> f64 {
    if largest == 0.0 || (2f64.powi(-40)..2f64.powi(40)).contains(&largest) {
        1.0
    } else {
        let exponent = -largest.log2().floor().clamp(-1000.0, 1000.0);
        2f64.powi(exponent as i32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicates_add_up_from_both_ends() {
        let m = Model::new(3, &[0, 2, 1, 0], &[1, 0, 0, 2], &[1.0, 2.0, 0.5, 0.25]).unwrap();
        assert_eq!(m.row(0), (&[1u32, 2][..], &[1.5, 2.25][..]));
        assert_eq!(m.row(1), (&[0u32][..], &[1.5][..]));
        assert_eq!(m.row(2), (&[0u32][..], &[2.25][..]));
        assert_eq!(m.pattern().num_pairs(), 2);
    }

    #[test]
    fn bad_couplings_are_named() {
        let text = |r: Result<Model, Error>| r.unwrap_err().to_string();
        assert!(text(Model::new(2, &[0], &[0], &[1.0])).contains("spin 0 to itself"));
        assert!(text(Model::new(2, &[0], &[2], &[1.0])).contains("spin 2"));
        assert!(text(Model::new(2, &[-1], &[1], &[1.0])).contains("spin -1"));
        assert!(text(Model::new(2, &[0], &[1], &[f64::NAN])).contains("NaN"));
        assert!(text(Model::new(2, &[0], &[1], &[])).contains("expected as many"));
        assert!(text(Model::new(2, &[0], &[], &[])).contains("one length"));
        assert!(text(Model::new(2, &[0, 1], &[1, 0], &[f64::MAX, f64::MAX])).contains("infinite"));
    }

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
