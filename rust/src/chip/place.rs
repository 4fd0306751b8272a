//! Logical problems on qubits.
//!
//! A spin's field is split evenly over the qubits of its chain and a coupling evenly over all couplers between its
//! two chains, so that a state of unbroken chains has the logical energy minus `chain_strength` for each chain
//! coupler. This is what dwave-system's `embed_bqm` does, one problem at a time and through dictionaries.
//!
//! Couplings are the same in all problems: their numbers are worked out once, and a problem's `J` is a pass over the
//! couplers that looks them up and flips signs by its gauge.

use super::{NONE, Placement};
use crate::couplings::Couplings;
use crate::error::{Error, bad};
use std::collections::HashMap;

/// The couplers of the chip. All copies have the same couplings, so a problem has fewer numbers than couplers.
#[derive(Debug)]
pub(super) struct Couplers {
    ends: Vec<[u32; 2]>,
    /// Which number each coupler has: [`UNUSED`], [`CHAIN`] or one of the shares.
    numbers: Vec<u32>,
    shares: Vec<Share>,
}

/// The numbers before those of the shares: of couplers that are not in use, and of those within chains.
const UNUSED: u32 = 0;
const CHAIN: u32 = 1;

/// A part of a coupling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Share {
    /// Where the coupling stands in a [`Couplings`].
    slot: u32,
    /// How many couplers share it.
    count: u32,
}

impl Couplers {
    pub(super) fn new(placement: &Placement, owner: &[u32], rows: &[i64], cols: &[i64]) -> Result<Self, Error> {
        let (n, spins) = (placement.num_qubits, placement.num_spins);
        let ends = ends_of(n, rows, cols)?;
        let slots = 2 * placement.pattern.num_pairs();
        let mut counts = vec![0u32; placement.copies() * slots];
        let mut pieces = Pieces((0..n as u32).collect());
        let mut numbers = vec![UNUSED; ends.len()];
        // Couplers between chains, with the place of their coupling in `counts`.
        let mut between = Vec::new();
        for (coupler, &[a, b]) in ends.iter().enumerate() {
            let (from, to) = (owner[a as usize], owner[b as usize]);
            if from == NONE || to == NONE {
                continue;
            }
            if from == to {
                pieces.join(a, b);
                numbers[coupler] = CHAIN;
                continue;
            }
            let (copy, i, j) = (from as usize / spins, from as usize % spins, to as usize % spins);
            if copy != to as usize / spins {
                continue;
            }
            let (neighbours, start) = placement.pattern.row(i.min(j));
            if let Ok(at) = neighbours.binary_search(&(i.max(j) as u32)) {
                counts[copy * slots + start + at] += 1;
                between.push((coupler, copy * slots + start + at));
            }
        }
        let mut shares = Vec::new();
        let mut number_of = HashMap::new();
        for (coupler, place) in between {
            let share = Share { slot: (place % slots) as u32, count: counts[place] };
            numbers[coupler] = *number_of.entry(share).or_insert_with(|| {
                shares.push(share);
                CHAIN + shares.len() as u32
            });
        }
        placement.check_chains(&mut pieces)?;
        placement.check_coupled(&counts)?;
        Ok(Couplers { ends, numbers, shares })
    }

    /// The numbers without a gauge; and the range of each coupler, or nothing if all fit, as they mostly do.
    fn numbers_and_limits(
        &self,
        couplings: &Couplings,
        chain_strength: f64,
        ranges: &Ranges,
    ) -> (Vec<f64>, Vec<(f64, f64)>) {
        let (of_couplings, of_chains) = (within(ranges.j), within(ranges.chain.or(ranges.j)));
        // The largest size that fits on both sides, whatever the gauge.
        let size = |(low, high): (f64, f64)| high.min(-low);
        let share = |share: &Share| couplings.values()[share.slot as usize] / f64::from(share.count);
        let numbers: Vec<f64> = [0.0, -chain_strength].into_iter().chain(self.shares.iter().map(share)).collect();
        let most = size(of_couplings);
        let fits = chain_strength <= size(of_chains) && numbers[2..].iter().all(|number| number.abs() <= most);
        let limits_of = |&number: &u32| match number {
            UNUSED => within(None),
            CHAIN => of_chains,
            _ => of_couplings,
        };
        let limits = if fits { Vec::new() } else { self.numbers.iter().map(limits_of).collect() };
        (numbers, limits)
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }
}

/// The ends of couplers; refuses what joins no two of `n` qubits, or comes twice.
fn ends_of(n: usize, rows: &[i64], cols: &[i64]) -> Result<Vec<[u32; 2]>, Error> {
    if rows.len() != cols.len() || rows.len() >= NONE as usize {
        let (rows, cols) = (rows.len(), cols.len());
        return bad(format_args!("couplers: rows and cols must have one length, got {rows} and {cols}"));
    }
    let mut ends = Vec::with_capacity(rows.len());
    for (e, (&a, &b)) in rows.iter().zip(cols).enumerate() {
        if let Some(q) = [a, b].into_iter().find(|&q| q < 0 || q as usize >= n) {
            return bad(format_args!("coupler {e} names qubit {q}, but there are {n} qubits, numbered from 0"));
        }
        if a == b {
            return bad(format_args!("coupler {e} joins qubit {a} to itself"));
        }
        ends.push([a as u32, b as u32]);
    }
    let mut sorted: Vec<_> = ends.iter().map(|&[a, b]| (a.min(b), a.max(b))).collect();
    sorted.sort_unstable();
    if let Some(twice) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        return bad(format_args!("the coupler of qubits {} and {} is given twice", twice[0].0, twice[0].1));
    }
    Ok(ends)
}

/// A range, which any number is in if there is none.
fn within(range: Option<(f64, f64)>) -> (f64, f64) {
    range.unwrap_or((f64::NEG_INFINITY, f64::INFINITY))
}

/// Disjoint sets of qubits.
struct Pieces(Vec<u32>);

impl Pieces {
    fn of(&mut self, mut q: u32) -> u32 {
        while self.0[q as usize] != q {
            let up = self.0[self.0[q as usize] as usize];
            self.0[q as usize] = up;
            q = up;
        }
        q
    }

    fn join(&mut self, a: u32, b: u32) {
        let (a, b) = (self.of(a), self.of(b));
        self.0[a as usize] = b;
    }
}

/// What to do with numbers outside the chip's ranges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Excess {
    /// An error.
    #[default]
    Refuse,
    /// The end of the range instead.
    Clip,
    /// Divides the whole problem by the smallest number that makes it fit: all copies keep one temperature.
    Scale,
}

/// The numbers a chip takes, lowest and highest; any if `None`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ranges {
    /// Of the fields of qubits.
    pub h: Option<(f64, f64)>,
    /// Of couplers between chains.
    pub j: Option<(f64, f64)>,
    /// Of couplers within chains; as `j` if `None`.
    pub chain: Option<(f64, f64)>,
    /// For numbers outside.
    pub excess: Excess,
}

impl Placement {
    /// Images of fields `fields (images, spins)` on the couplings `values`, in the order that the placement was
    /// made in; chain couplers get `-chain_strength`. Copies without an image, in the last problem, have no
    /// fields. `gauges (problems, qubits)` of -1 and +1 flip: `h_q` by `g_q`, `J_qr` by `g_q g_r`.
    ///
    /// Fills `h (problems, qubits)` and `j (problems, couplers)`, 0 where nothing is in use, and returns what each
    /// problem was divided by, 1 but with [`Excess::Scale`].
    ///
    /// # Errors
    /// On lengths that do not fit, numbers that are not finite, ranges that do not hold 0 within, and, with
    /// [`Excess::Refuse`], a number outside its range.
    pub fn place(
        &self,
        values: &[f64],
        fields: &[f64],
        chain_strength: f64,
        gauges: Option<&[i8]>,
        ranges: &Ranges,
        (h, j): (&mut [f64], &mut [f64]),
    ) -> Result<Vec<f64>, Error> {
        let Some(couplers) = &self.couplers else {
            return bad("the placement was made without couplers: nothing can be placed");
        };
        let (n, m) = (self.num_qubits, couplers.len());
        let problems = self.images_in(fields.len(), "fields")?.div_ceil(self.copies());
        if (h.len(), j.len()) != (problems * n, problems * m) {
            return bad(format_args!(
                "h and j must have room for {problems} problems of {n} qubits, {m} couplers"
            ));
        }
        self.check_numbers(fields, chain_strength, ranges)?;
        self.check_gauges(gauges, problems)?;
        let couplings = Couplings::on(self.pattern.clone(), values)?;
        let (numbers, limits) = couplers.numbers_and_limits(&couplings, chain_strength, ranges);
        let mut factors = self.room(problems, 1, 1f64)?;
        self.spread(fields, h);
        for (problem, factor) in factors.iter_mut().enumerate() {
            let (h, j) = (&mut h[problem * n..][..n], &mut j[problem * m..][..m]);
            let couplers = j.iter_mut().zip(&couplers.numbers).zip(&couplers.ends);
            if let Some(gauges) = gauges {
                let gauge = &gauges[problem * n..][..n];
                h.iter_mut().zip(gauge).for_each(|(h, &g)| *h = flipped(*h, g));
                for ((j, &number), &[a, b]) in couplers {
                    *j = flipped(numbers[number as usize], gauge[a as usize] ^ gauge[b as usize]);
                }
            } else {
                couplers.for_each(|((j, &number), _)| *j = numbers[number as usize]);
            }
            *factor = self.fit_ranges(problem, h, j, ranges.excess, within(ranges.h), &limits)?;
        }
        Ok(factors)
    }

    /// Refuses numbers that are not finite, and ranges that do not hold 0 within.
    fn check_numbers(&self, fields: &[f64], chain_strength: f64, ranges: &Ranges) -> Result<(), Error> {
        self.check_finite(fields, "image")?;
        if !(chain_strength.is_finite() && chain_strength >= 0.0) {
            return bad(format_args!("chain_strength is {chain_strength}, expected a finite number >= 0"));
        }
        for (name, range) in [("h_range", ranges.h), ("j_range", ranges.j), ("chain_range", ranges.chain)] {
            if let Some((low, high)) = range.filter(|(low, high)| !(*low < 0.0 && *high > 0.0)) {
                return bad(format_args!("{name} is {low} to {high}, expected one from below 0 to above 0"));
            }
        }
        Ok(())
    }

    /// Spreads the fields of images evenly over the qubits of each chain; 0 where nothing is in use.
    fn spread(&self, fields: &[f64], h: &mut [f64]) {
        h.fill(0.0);
        for (image, fields) in fields.chunks_exact(self.num_spins).enumerate() {
            let (chains, problem) = self.chains_of_image(image);
            let row = &mut h[problem * self.num_qubits..][..self.num_qubits];
            for (chain, &field) in chains.zip(fields) {
                let qubits = self.chain(chain);
                let share = field / qubits.len() as f64;
                qubits.iter().for_each(|&q| row[q as usize] = share);
            }
        }
    }

    /// Refuses chains that their couplers, which have joined `pieces`, do not hold together.
    fn check_chains(&self, pieces: &mut Pieces) -> Result<(), Error> {
        for chain in 0..self.num_chains() {
            let qubits = self.chain(chain);
            let piece = pieces.of(qubits[0]);
            if let Some(&q) = qubits.iter().find(|&&q| pieces.of(q) != piece) {
                let (copy, spin, first) = (chain / self.num_spins, chain % self.num_spins, qubits[0]);
                return bad(format_args!(
                    "chain of spin {spin} in copy {copy} falls apart: no couplers lead from qubit {first} to {q}"
                ));
            }
        }
        Ok(())
    }

    /// Refuses couplings without a coupler; `counts` are those of each copy, in the order of the pattern's rows.
    fn check_coupled(&self, counts: &[u32]) -> Result<(), Error> {
        let slots = 2 * self.pattern.num_pairs();
        for copy in 0..self.copies() {
            for i in 0..self.num_spins {
                let (neighbours, start) = self.pattern.row(i);
                for (at, &j) in neighbours.iter().enumerate().filter(|&(_, &j)| j as usize > i) {
                    if counts[copy * slots + start + at] == 0 {
                        return bad(format_args!("copy {copy} has no coupler for the coupling of spins {i}-{j}"));
                    }
                }
            }
        }
        Ok(())
    }

    /// Brings one problem into the limits of its fields and of its couplers, and tells what it was divided by.
    fn fit_ranges(
        &self,
        problem: usize,
        h: &mut [f64],
        j: &mut [f64],
        excess: Excess,
        (low, high): (f64, f64),
        limits: &[(f64, f64)],
    ) -> Result<f64, Error> {
        let mut factor = 1f64;
        if excess == Excess::Refuse {
            if let Some(q) = h.iter().position(|value| !(low..=high).contains(value)) {
                let (place, value) = (self.name_qubit(q), h[q]);
                return bad(format_args!(
                    "problem {problem}, {place}: h of qubit {q} is {value}, outside {low} to {high}"
                ));
            }
            let outside = |(value, &(low, high)): (&f64, &(f64, f64))| !(low..=high).contains(value);
            if let Some(e) = j.iter().zip(limits).position(outside) {
                let (place, value, (low, high)) = (self.name_coupler(e), j[e], limits[e]);
                return bad(format_args!("problem {problem}, {place} is {value}, outside {low} to {high}"));
            }
            return Ok(factor);
        }
        if excess == Excess::Scale {
            // Of the two ratios one is negative; to an end at infinity it is 0.
            let largest =
                |most: f64, value: f64, (low, high): (f64, f64)| most.max((value / high).max(value / low));
            factor = h.iter().fold(factor, |most, &value| largest(most, value, (low, high)));
            factor = j.iter().zip(limits).fold(factor, |most, (&value, &ends)| largest(most, value, ends));
            if factor > 1.0 {
                h.iter_mut().chain(j.iter_mut()).for_each(|value| *value /= factor);
            }
        }
        // After a division too: it may round to just outside.
        h.iter_mut().for_each(|value| *value = value.clamp(low, high));
        j.iter_mut().zip(limits).for_each(|(value, &(low, high))| *value = value.clamp(low, high));
        Ok(factor)
    }

    fn name_qubit(&self, q: usize) -> String {
        let chain = (0..self.num_chains()).find(|&k| self.chain(k).contains(&(q as u32))).unwrap_or(0);
        format!("copy {}, spin {}", chain / self.num_spins, chain % self.num_spins)
    }

    fn name_coupler(&self, e: usize) -> String {
        let [a, b] = self.couplers.as_ref().map_or([0; 2], |couplers| couplers.ends[e]);
        let chain_of = |q| (0..self.num_chains()).find(|&k| self.chain(k).contains(&q)).unwrap_or(0);
        let (from, to) = (chain_of(a), chain_of(b));
        let (copy, i, j) = (from / self.num_spins, from % self.num_spins, to % self.num_spins);
        let place = if from == to { format!("chain of spin {i}") } else { format!("spins {i}-{j}") };
        format!("copy {copy}, {place}: J of coupler {a}-{b}")
    }
}

/// `value`, negated if `sign` is below 0 and it is not 0; what is 0 stays +0.
#[inline(always)]
fn flipped(value: f64, sign: i8) -> f64 {
    f64::from_bits(value.to_bits() ^ (sign as i64 as u64 & 1 << 63)) + 0.0
}
