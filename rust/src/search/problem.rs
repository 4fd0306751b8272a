//! A problem in integers, and a state of it with what each flip would change: what all searches here stand on.
//!
//! ```text
//! change_i = E(spin i flipped) - E       as integers, of a power of two times the energy
//!
//! signs    [  0  -1  -1   0 ..]          0 where a spin is up, -1 (all bits) where it is down
//! changes  [  ..  64 bits each ]         a flip of k adds (row_k,i ^ x) - x to all, x = signs_i ^ signs_k:
//! row k    [  4 J_ki ..        ]         plus 4 J where the spins were alike, minus where they were not
//! ```
//!
//! Integers of 64 bits hold penalties of 1e12 beside weights of 1e-4, add up to the same number in any order, and do
//! not drift over millions of flips; problems whose numbers are integers are exact. Energies have 128 bits. Rows are
//! stored whole where an eighth of the pairs is coupled, and as lists of neighbours elsewhere. A flip costs
//! `n / 8` additions of vectors with AVX-512, or one for each neighbour.

use crate::couplings::Couplings;
use crate::error::{Error, bad, filled, room};
use crate::simd::Simd;
use crate::simd::isa::{self, Isa, OnVectors};

/// Spins of a vector; arrays are filled up to whole ones.
pub(super) const LANES: usize = 8;

/// Bits of the largest change. A move of four spins adds four changes and six couplings.
const BITS: i32 = 57;

/// Rows are whole where one pair in so many is coupled, ...
const DENSE: usize = 8;
/// ... and there are no more spins than this: 128 MiB.
const MOST_DENSE: usize = 4096;

/// Couplings and fields in integers.
pub(super) struct Problem<'a> {
    couplings: &'a Couplings,
    /// Spins, up to whole vectors.
    width: usize,
    /// Twice the fields, four times the couplings, times the scale.
    fields: Vec<i64>,
    rows: Rows,
    exponent: i32,
    /// What rounding may take off an energy, in units of it.
    tolerance: f64,
    isa: Isa,
}

enum Rows {
    Whole(Vec<i64>),
    /// Beside the neighbours of `couplings`.
    Neighbours(Vec<i64>),
}

impl<'a> Problem<'a> {
    /// The problem of these couplings and `fields`, to which `rest` is added.
    pub(super) fn new(couplings: &'a Couplings, fields: &[f64], rest: Option<&[f64]>) -> Result<Self, Error> {
        let n = couplings.num_spins();
        if let Some(i) = (0..n).find(|&i| !(fields[i] + rest.map_or(0.0, |rest| rest[i])).is_finite()) {
            return bad(format_args!("field {i} is {}, not a finite number", fields[i]));
        }
        let sizes = |i: usize| couplings.row(i).1.iter().map(|value| value.abs()).sum::<f64>();
        let (mut largest, mut total) = (0.0f64, 0.0);
        for (i, field) in fields.iter().enumerate() {
            let size = sizes(i);
            largest = largest.max(2.0 * (field.abs() + size));
            total += field.abs() + size / 2.0;
        }
        if !largest.is_finite() {
            return bad("the biases of a variable add up to an infinite number");
        }
        let exponent = if largest > 0.0 { (BITS - largest.log2().ceil() as i32).min(1000) } else { 0 };
        let no_memory = |_| Error::ModelMemory { spins: n, couplings: couplings.pattern().num_pairs() };
        let whole = |value: f64| (value * power(exponent)).round() as i64;
        let width = n.div_ceil(LANES) * LANES;
        let mut integers = room(n).map_err(no_memory)?;
        integers.extend((0..n).map(|i| whole(2.0 * fields[i]) + rest.map_or(0, |rest| whole(2.0 * rest[i]))));
        let rows = if n <= MOST_DENSE && DENSE * 2 * couplings.pattern().num_pairs() >= n * n {
            let mut rows = filled(n * width, 0i64).map_err(no_memory)?;
            for i in 0..n {
                let (neighbours, values) = couplings.row(i);
                for (&j, &value) in neighbours.iter().zip(values) {
                    rows[i * width + j as usize] = 2 * whole(2.0 * value);
                }
            }
            Rows::Whole(rows)
        } else {
            let mut rows = room(couplings.values().len()).map_err(no_memory)?;
            rows.extend(couplings.values().iter().map(|&value| 2 * whole(2.0 * value)));
            Rows::Neighbours(rows)
        };
        let tolerance = total * 2.0f64.powi(-50) + n as f64 * power(-exponent);
        Ok(Problem { couplings, width, fields: integers, rows, exponent, tolerance, isa: isa::best() })
    }

    pub(super) fn num_spins(&self) -> usize {
        self.fields.len()
    }

    /// The number of 64-bit words of a flip, for telling how long a step takes.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// The energy of a state in the units of the problem.
    pub(super) fn energy(&self, twice: i128) -> f64 {
        twice as f64 * 0.5 * power(-self.exponent)
    }

    /// Twice an energy in integers, with what rounding may have added to it.
    pub(super) fn twice(&self, energy: f64) -> i128 {
        // A number too large for integers becomes the largest.
        ((energy + self.tolerance) * 2.0 * power(self.exponent)).floor() as i128
    }

    /// Four times the coupling of two spins, scaled.
    #[inline(always)]
    fn coupling(&self, i: usize, j: usize) -> i64 {
        match &self.rows {
            Rows::Whole(rows) => rows[i * self.width + j],
            Rows::Neighbours(rows) => {
                let (neighbours, at) = self.couplings.pattern().row(i);
                neighbours.binary_search(&(j as u32)).map_or(0, |k| rows[at + k])
            }
        }
    }
}

fn power(exponent: i32) -> f64 {
    2.0f64.powi(exponent)
}

/// A state, what each flip would change, and twice its energy.
#[derive(Clone)]
pub(super) struct State<'a> {
    problem: &'a Problem<'a>,
    pub(super) signs: Vec<i64>,
    changes: Vec<i64>,
    pub(super) twice_energy: i128,
}

impl<'a> State<'a> {
    /// The state of these spins, -1 and +1.
    pub(super) fn new(problem: &'a Problem<'a>, spins: impl Iterator<Item = i8>) -> Self {
        let n = problem.num_spins();
        let mut signs: Vec<i64> = spins.map(|spin| if spin > 0 { 0 } else { -1 }).collect();
        signs.resize(problem.width, 0);
        // Where there is no spin, none is ever the least.
        let (mut changes, mut four_energy) = (vec![i64::MAX; problem.width], 0i128);
        for i in 0..n {
            let (neighbours, at) = problem.couplings.pattern().row(i);
            // All spins up is where the sums begin: a field less twice the couplings to spins that are down.
            let mut field = problem.fields[i];
            for (k, &j) in neighbours.iter().enumerate() {
                let value = match &problem.rows {
                    Rows::Whole(rows) => rows[i * problem.width + j as usize],
                    Rows::Neighbours(rows) => rows[at + k],
                };
                field += signed(value / 2, signs[j as usize]);
            }
            changes[i] = -signed(field, signs[i]);
            four_energy -= i128::from(changes[i]) - i128::from(signed(problem.fields[i], signs[i]));
        }
        State { problem, signs, changes, twice_energy: four_energy / 2 }
    }

    /// What a flip of spin `i` adds to the energy.
    #[inline(always)]
    pub(super) fn change(&self, i: usize) -> i64 {
        self.changes[i]
    }

    /// What a flip of several spins at once adds to the energy.
    #[inline(always)]
    pub(super) fn change_of(&self, spins: &[u32]) -> i64 {
        let mut change = 0;
        for (k, &i) in spins.iter().enumerate() {
            let i = i as usize;
            change += self.changes[i];
            for &j in &spins[..k] {
                let j = j as usize;
                change += signed(self.problem.coupling(i, j), self.signs[i] ^ self.signs[j]);
            }
        }
        change
    }

    /// Flips spin `k`.
    #[inline(always)]
    pub(super) fn flip(&mut self, k: usize) {
        self.twice_energy += 2 * i128::from(self.changes[k]);
        let change = self.changes[k];
        match &self.problem.rows {
            Rows::Whole(rows) => {
                let width = self.problem.width;
                let row = &rows[k * width..][..width];
                let sign = self.signs[k];
                isa::run(self.problem.isa, AddRow { row, sign, signs: &self.signs, changes: &mut self.changes });
            }
            Rows::Neighbours(rows) => {
                let (neighbours, at) = self.problem.couplings.pattern().row(k);
                for (&j, &value) in neighbours.iter().zip(&rows[at..]) {
                    let j = j as usize;
                    self.changes[j] += signed(value, self.signs[j] ^ self.signs[k]);
                }
            }
        }
        self.changes[k] = -change;
        self.signs[k] = !self.signs[k];
    }

    /// The spin that is not barred, or whose flip changes the energy to less than that of `below`, whose flip changes the
    /// energy least; among equals one that `word`, a random one, decides on.
    #[inline(always)]
    pub(super) fn least(&self, barred_until: &[i64], step: i64, below: i64, word: u64) -> Option<usize> {
        let mut least = None;
        let changes = &self.changes;
        isa::run(self.problem.isa, Least { changes, barred_until, step, below, word, least: &mut least });
        least
    }

    /// The spins, -1 and +1.
    pub(super) fn spins(&self) -> Vec<i8> {
        self.signs[..self.problem.num_spins()].iter().map(|&sign| if sign == 0 { 1 } else { -1 }).collect()
    }

    /// Becomes what `other` is.
    pub(super) fn copy_from(&mut self, other: &Self) {
        self.signs.copy_from_slice(&other.signs);
        self.changes.copy_from_slice(&other.changes);
        self.twice_energy = other.twice_energy;
    }
}

/// The number, or its negative where `sign` is -1.
#[inline(always)]
fn signed(number: i64, sign: i64) -> i64 {
    (number ^ sign) - sign
}

/// Plain loops below, without iterators that might not be inlined: the compiler makes vectors of them, with the
/// instructions that they are compiled for.
struct AddRow<'a> {
    row: &'a [i64],
    sign: i64,
    signs: &'a [i64],
    changes: &'a mut [i64],
}

impl OnVectors for AddRow<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let (row, signs) = (self.row, &self.signs[..self.row.len()]);
        let changes = &mut self.changes[..row.len()];
        let mut j = 0;
        while j < row.len() {
            changes[j] += signed(row[j], signs[j] ^ self.sign);
            j += 1;
        }
    }
}

struct Least<'a> {
    changes: &'a [i64],
    barred_until: &'a [i64],
    step: i64,
    below: i64,
    word: u64,
    least: &'a mut Option<usize>,
}

impl OnVectors for Least<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let (changes, _) = self.changes.as_chunks::<LANES>();
        let (barred, _) = self.barred_until.as_chunks::<LANES>();
        let barred = &barred[..changes.len()];
        let (mut least, mut place) = ([i64::MAX; LANES], [-1i64; LANES]);
        // Where the search begins is random, and with it who comes first among equals.
        let first = (((self.word >> 32) * changes.len() as u64) >> 32) as usize;
        let (mut at, mut end) = (first, changes.len());
        loop {
            while at < end {
                let (change, until) = (&changes[at], &barred[at]);
                for lane in 0..LANES {
                    let is_free = (until[lane] <= self.step) | (change[lane] < self.below);
                    let is_less = is_free & (change[lane] < least[lane]);
                    least[lane] = if is_less { change[lane] } else { least[lane] };
                    place[lane] = if is_less { at as i64 } else { place[lane] };
                }
                at += 1;
            }
            if end == first {
                break;
            }
            (at, end) = (0, first);
        }
        let (mut lowest, mut found) = (i64::MAX, None);
        for k in 0..LANES {
            let lane = (k + self.word as usize) % LANES;
            if place[lane] >= 0 && least[lane] < lowest {
                (lowest, found) = (least[lane], Some(place[lane] as usize * LANES + lane));
            }
        }
        *self.least = found;
    }
}
