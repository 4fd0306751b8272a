//! A batch of problems on the same couplings, and every check on what comes in.

use super::method::Method;
use crate::error::{Error, bad};
use std::ops::Range;

/// Fields in single or double precision; the first are taken as the doubles they are.
#[derive(Debug, Clone, Copy)]
pub enum Fields<'a> {
    /// In single precision.
    Single(&'a [f32]),
    /// In double precision.
    Double(&'a [f64]),
}

impl<'a> From<&'a [f32]> for Fields<'a> {
    fn from(fields: &'a [f32]) -> Self {
        Fields::Single(fields)
    }
}

impl<'a> From<&'a [f64]> for Fields<'a> {
    fn from(fields: &'a [f64]) -> Self {
        Fields::Double(fields)
    }
}

impl<'a> Fields<'a> {
    /// How many there are.
    pub fn len(self) -> usize {
        match self {
            Fields::Single(fields) => fields.len(),
            Fields::Double(fields) => fields.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The field at place `i`.
    #[inline(always)]
    pub fn at(self, i: usize) -> f64 {
        match self {
            Fields::Single(fields) => f64::from(fields[i]),
            Fields::Double(fields) => fields[i],
        }
    }

    /// All of them, one after the other.
    pub fn iter(self) -> impl Iterator<Item = f64> + 'a {
        (0..self.len()).map(move |i| self.at(i))
    }

    /// Refuses numbers that are not finite, of problems of so many spins.
    pub(super) fn check(self, num_spins: usize) -> Result<(), Error> {
        let Some(k) = self.not_finite() else { return Ok(()) };
        let (problem, spin, h) = (k / num_spins, k % num_spins, self.at(k));
        bad(format_args!("field of spin {spin} in problem {problem} is {h}, not a finite number"))
    }

    /// The fields of problem `p`, of so many spins.
    pub(super) fn part_of(self, p: usize, num_spins: usize) -> Self {
        self.part(p * num_spins..(p + 1) * num_spins)
    }

    pub(super) fn part(self, range: Range<usize>) -> Self {
        match self {
            Fields::Single(fields) => Fields::Single(&fields[range]),
            Fields::Double(fields) => Fields::Double(&fields[range]),
        }
    }

    /// The largest |field|.
    pub(super) fn largest(self) -> f64 {
        match self {
            Fields::Single(fields) => f64::from(fields.iter().fold(0.0, |most: f32, field| most.max(field.abs()))),
            Fields::Double(fields) => largest(fields),
        }
    }

    /// The first that is not finite.
    fn not_finite(self) -> Option<usize> {
        match self {
            Fields::Single(fields) => fields.iter().position(|field| !field.is_finite()),
            Fields::Double(fields) => fields.iter().position(|field| !field.is_finite()),
        }
    }
}

/// The largest size of a number.
pub(super) fn largest(numbers: &[f64]) -> f64 {
    numbers.iter().fold(0.0, |largest: f64, number| largest.max(number.abs()))
}

/// What to do on couplings: fields, method, reads, initial states, and the random streams.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    /// Spins of a problem.
    pub(super) num_spins: usize,
    /// `(problems, spins)`, row by row.
    pub(super) fields: Fields<'a>,
    pub(super) method: Method<'a>,
    /// Independent runs of each problem.
    pub(super) num_reads: usize,
    /// `(problems, reads or 1, spins)` of -1 and +1, or random states.
    initial_states: Option<&'a [i8]>,
    /// Seed of every random number.
    pub(super) seed: u64,
    /// One id for each problem: its random numbers depend on the seed, this id and the read only.
    pub(super) problem_ids: &'a [u32],
    /// What the fields are short of, as `fields`: together they are right to twice the digits.
    pub(super) rest: Option<&'a [f64]>,
    pub(super) with_energies: bool,
}

impl<'a> Batch<'a> {
    /// A checked batch of problems of `num_spins` spins: `fields` are `(problems, spins)`, `initial_states`
    /// `(problems, reads, spins)`, or `(problems, 1, spins)` for those of all reads.
    ///
    /// # Errors
    /// On lengths that do not fit, fields that are not finite, an inverse temperature that is negative or no number,
    /// no reads or sweeps, more spins and slices than there are random numbers for, or initial states other than -1
    /// and +1.
    pub fn new(
        num_spins: usize,
        fields: impl Into<Fields<'a>>,
        method: Method<'a>,
        num_reads: usize,
        initial_states: Option<&'a [i8]>,
        seed: u64,
        problem_ids: &'a [u32],
    ) -> Result<Self, Error> {
        let (fields, problems) = (fields.into(), problem_ids.len());
        if fields.len() != num_spins * problems {
            return bad(format_args!(
                "fields hold {} numbers, expected {problems} problems x {num_spins} spins",
                fields.len()
            ));
        }
        if num_reads == 0 || num_reads > u32::MAX as usize {
            return bad(format_args!("num_reads is {num_reads}, expected 1 to {}", u32::MAX));
        }
        method.check(num_spins)?;
        fields.check(num_spins)?;
        if let Some(states) = initial_states {
            if states.len() != fields.len() * num_reads && states.len() != fields.len() {
                return bad(format_args!(
                    "initial states hold {} spins, expected {problems} problems x {num_reads} reads x \
                     {num_spins} spins",
                    states.len()
                ));
            }
            if let Some(s) = states.iter().find(|s| !matches!(s, -1 | 1)) {
                return bad(format_args!("initial states hold a spin {s}, expected -1 or +1"));
            }
        }
        let (rest, with_energies) = (None, true);
        Ok(Batch { num_spins, fields, method, num_reads, initial_states, seed, problem_ids, rest, with_energies })
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

    /// The same batch, of which nobody asks for energies.
    #[must_use]
    pub fn without_energies(self) -> Self {
        Batch { with_energies: false, ..self }
    }

    /// How many problems there are.
    pub fn num_problems(&self) -> usize {
        self.problem_ids.len()
    }

    /// Updates of spins, in all slices, sweeps and reads.
    pub fn updates(&self) -> usize {
        [self.runs(), self.method.len(), self.method.slices()]
            .iter()
            .fold(self.num_spins, |a, b| a.saturating_mul(*b))
    }

    /// Reads of all problems.
    pub fn runs(&self) -> usize {
        self.problem_ids.len().saturating_mul(self.num_reads)
    }

    /// Some of the problems; their reads are the same as in the whole batch.
    pub(super) fn problems(&self, problems: Range<usize>) -> Self {
        let fields = problems.start * self.num_spins..problems.end * self.num_spins;
        let states = self.initial_states.map(|states| {
            let each = self.states_each(states);
            &states[fields.start * each..fields.end * each]
        });
        Batch {
            fields: self.fields.part(fields.clone()),
            rest: self.rest.map(|rest| &rest[fields]),
            initial_states: states,
            problem_ids: &self.problem_ids[problems],
            ..*self
        }
    }

    /// The fields of problem `p`.
    pub(super) fn problem_fields(&self, p: usize) -> Fields<'a> {
        self.fields.part_of(p, self.num_spins)
    }

    /// The state given for a run to start from.
    pub(super) fn initial_state(&self, run: usize) -> Option<&'a [i8]> {
        let states = self.initial_states?;
        let at = if self.states_each(states) == 1 { run / self.num_reads } else { run };
        Some(&states[at * self.num_spins..(at + 1) * self.num_spins])
    }

    /// Whether several reads of a problem start from one state.
    pub(super) fn reads_start_alike(&self) -> bool {
        self.num_reads > 1 && self.initial_states.is_some_and(|states| self.states_each(states) == 1)
    }

    pub(super) fn has_initial_states(&self) -> bool {
        self.initial_states.is_some()
    }

    /// Initial states of each problem.
    fn states_each(&self, states: &[i8]) -> usize {
        if states.len() == self.fields.len() { 1 } else { self.num_reads }
    }
}
