//! Logical problems on qubits.
//!
//! A spin's field is split evenly over the qubits of its chain and a coupling evenly over all couplers between its
//! two chains, so that a state of unbroken chains has the logical energy minus `chain_strength` for each chain
//! coupler. This is what dwave-system's `embed_bqm` does, one problem at a time and through dictionaries.
//!
//! Couplings are the same in all problems: they are worked out once, and a problem's `J` is a pass over the
//! couplers in use that flips signs by its gauge.

use super::{NONE, Placement};
use crate::model::{Error, Model, bad};
use std::fmt;

/// The couplers of the chip, sorted.
#[derive(Debug)]
pub(super) struct Couplers {
    ends: Vec<[u32; 2]>,
    used: Vec<Used>,
}

/// A coupler in use.
#[derive(Debug)]
struct Used {
    coupler: u32,
    /// The chain at its first end.
    chain: u32,
    /// Where its coupling stands in a [`Model`], and how many couplers share it; none within a chain.
    share: Option<(u32, u32)>,
}

impl Couplers {
    pub(super) fn new(placement: &Placement, owner: &[u32], rows: &[i64], cols: &[i64]) -> Result<Self, Error> {
        let (n, spins) = (placement.num_qubits, placement.num_spins);
        if rows.len() != cols.len() || rows.len() >= NONE as usize {
            let (rows, cols) = (rows.len(), cols.len());
            return bad(format_args!("couplers: rows and cols must have one length, got {rows} and {cols}"));
        }
        let mut ends = Vec::with_capacity(rows.len());
        for (e, (&a, &b)) in rows.iter().zip(cols).enumerate() {
            if let Some(q) = [a, b].into_iter().find(|&q| q < 0 || q as usize >= n) {
                return bad(format_args!("coupler {e} names qubit {q}, but there are qubits 0..{n}"));
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

        let slots = 2 * placement.pattern.num_pairs();
        let mut counts = vec![0u32; placement.copies() * slots];
        let mut pieces = Pieces((0..n as u32).collect());
        let mut used = Vec::new();
        for (coupler, &[a, b]) in ends.iter().enumerate() {
            let coupler = coupler as u32;
            let (from, to) = (owner[a as usize], owner[b as usize]);
            if from == NONE || to == NONE {
                continue;
            }
            if from == to {
                pieces.join(a, b);
                used.push(Used { coupler, chain: from, share: None });
                continue;
            }
            let (copy, i, j) = (from as usize / spins, from as usize % spins, to as usize % spins);
            if copy != to as usize / spins {
                continue;
            }
            let (neighbours, start) = placement.pattern.row(i.min(j));
            if let Ok(at) = neighbours.binary_search(&(i.max(j) as u32)) {
                counts[copy * slots + start + at] += 1;
                used.push(Used { coupler, chain: from, share: Some(((start + at) as u32, 0)) });
            }
        }
        for Used { chain, share, .. } in &mut used {
            if let Some((slot, count)) = share {
                *count = counts[*chain as usize / spins * slots + *slot as usize];
            }
        }
        for chain in 0..placement.num_chains() {
            let qubits = placement.chain(chain);
            let piece = pieces.of(qubits[0]);
            if let Some(&q) = qubits.iter().find(|&&q| pieces.of(q) != piece) {
                let (copy, spin, first) = (chain / spins, chain % spins, qubits[0]);
                return bad(format_args!(
                    "chain of spin {spin} in copy {copy} falls apart: no couplers lead from qubit {first} to {q}"
                ));
            }
        }
        for copy in 0..placement.copies() {
            for i in 0..spins {
                let (neighbours, start) = placement.pattern.row(i);
                for (at, &j) in neighbours.iter().enumerate().filter(|&(_, &j)| j as usize > i) {
                    if counts[copy * slots + start + at] == 0 {
                        return bad(format_args!("copy {copy} has no coupler for the coupling of spins {i}-{j}"));
                    }
                }
            }
        }
        Ok(Couplers { ends, used })
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }
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

/// Problems on qubits.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed {
    /// `(problems, qubits)`.
    pub h: Vec<f64>,
    /// `(problems, couplers)`, 0 for those not in use.
    pub j: Vec<f64>,
    /// `(problems,)` what each problem was divided by.
    pub factors: Vec<f64>,
}

impl Placement {
    /// Images of fields `fields (images, spins)` on the couplings `values`, in the order that the placement was
    /// made in; chain couplers get `-chain_strength`. Copies without an image, in the last problem, have no
    /// fields. `gauges (problems, qubits)` of -1 and +1 flip: `h_q` by `g_q`, `J_qr` by `g_q g_r`.
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
    ) -> Result<Placed, Error> {
        let Some(couplers) = &self.couplers else {
            return bad("the placement was made without couplers: nothing can be placed");
        };
        let (n, m) = (self.num_qubits, couplers.len());
        let problems = self.images_in(fields.len(), "fields")?.div_ceil(self.copies());
        if let Some(k) = fields.iter().position(|h| !h.is_finite()) {
            let (image, spin, h) = (k / self.num_spins, k % self.num_spins, fields[k]);
            return bad(format_args!("field of spin {spin} in image {image} is {h}, not a finite number"));
        }
        if !(chain_strength.is_finite() && chain_strength >= 0.0) {
            return bad(format_args!("chain_strength is {chain_strength}, expected a finite number >= 0"));
        }
        let ranges = &Ranges { chain: ranges.chain.or(ranges.j), ..*ranges };
        for (name, range) in [("h_range", ranges.h), ("j_range", ranges.j), ("chain_range", ranges.chain)] {
            if let Some((low, high)) = range.filter(|(low, high)| !(*low < 0.0 && *high > 0.0)) {
                return bad(format_args!("{name} is {low} to {high}, expected one from below 0 to above 0"));
            }
        }
        self.check_gauges(gauges, problems)?;
        let model = Model::on(self.pattern.clone(), values)?;
        let base: Vec<f64> = couplers
            .used
            .iter()
            .map(|used| match used.share {
                None => -chain_strength,
                Some((slot, count)) => model.couplings()[slot as usize] / f64::from(count),
            })
            .collect();
        let all_fit = couplers.used.iter().zip(&base).all(|(used, j)| {
            let range = if used.share.is_some() { ranges.j } else { ranges.chain };
            range.is_none_or(|(low, high)| j.abs() <= high.min(-low))
        });

        let mut h = self.room(problems, n, 0f64)?;
        let mut j = self.room(problems, m, 0f64)?;
        let mut factors = self.room(problems, 1, 1f64)?;
        for (image, fields) in fields.chunks_exact(self.num_spins).enumerate() {
            let (chains, problem) = self.chains_of_image(image);
            let row = &mut h[problem * n..][..n];
            for (chain, &field) in chains.zip(fields) {
                let qubits = self.chain(chain);
                let share = field / qubits.len() as f64;
                qubits.iter().for_each(|&q| row[q as usize] = share);
            }
        }
        let mut signs = vec![0u64; n];
        for problem in 0..problems {
            let (h, j) = (&mut h[problem * n..][..n], &mut j[problem * m..][..m]);
            if let Some(gauges) = gauges {
                let gauge = &gauges[problem * n..][..n];
                signs.iter_mut().zip(gauge).for_each(|(sign, &g)| *sign = g as i64 as u64 & SIGN);
                h.iter_mut().zip(&signs).for_each(|(h, &sign)| *h = flipped(*h, sign));
                for (used, &value) in couplers.used.iter().zip(&base) {
                    let [a, b] = couplers.ends[used.coupler as usize];
                    j[used.coupler as usize] = flipped(value, signs[a as usize] ^ signs[b as usize]);
                }
            } else {
                couplers.used.iter().zip(&base).for_each(|(used, &value)| j[used.coupler as usize] = value);
            }
            factors[problem] = self.into_ranges(couplers, problem, h, j, ranges, all_fit)?;
        }
        Ok(Placed { h, j, factors })
    }

    /// Brings one problem into the ranges, and tells what it was divided by.
    fn into_ranges(
        &self,
        couplers: &Couplers,
        problem: usize,
        h: &mut [f64],
        j: &mut [f64],
        ranges: &Ranges,
        couplings_fit: bool,
    ) -> Result<f64, Error> {
        let range_of = |used: &Used| if used.share.is_some() { ranges.j } else { ranges.chain };
        let outside = |value: f64, range: Option<(f64, f64)>| {
            range.filter(|&(low, high)| !(low..=high).contains(&value)).map(|range| (value, range))
        };
        let used = if couplings_fit { &[][..] } else { &couplers.used[..] };
        let fields = ranges.h.map_or(&[][..], |_| &*h).iter().map(|&value| outside(value, ranges.h));
        let mut excess = fields.chain(used.iter().map(|used| outside(j[used.coupler as usize], range_of(used))));
        let mut factor = 1f64;
        match ranges.excess {
            Excess::Refuse => {
                if let Some((k, (value, (low, high)))) = excess.enumerate().find_map(|(k, e)| Some((k, e?))) {
                    let place =
                        Place { placement: self, couplers, at: k, fields: ranges.h.map_or(0, |_| h.len()) };
                    return bad(format_args!("problem {problem}, {place} {value}, outside {low} to {high}"));
                }
                return Ok(1.0);
            }
            Excess::Clip if excess.all(|e| e.is_none()) => return Ok(1.0),
            Excess::Clip => (),
            Excess::Scale => {
                for (value, (low, high)) in excess.flatten() {
                    factor = factor.max(value / if value > 0.0 { high } else { low });
                }
                if factor == 1.0 {
                    return Ok(1.0);
                }
                h.iter_mut().chain(j.iter_mut()).for_each(|value| *value /= factor);
            }
        }
        // After a division too: it may round to just outside.
        if let Some((low, high)) = ranges.h {
            h.iter_mut().for_each(|value| *value = value.clamp(low, high));
        }
        for used in &couplers.used {
            if let Some((low, high)) = range_of(used) {
                let value = &mut j[used.coupler as usize];
                *value = value.clamp(low, high);
            }
        }
        Ok(factor)
    }
}

const SIGN: u64 = 1 << 63;

/// `value`, negated if `sign` is [`SIGN`] and not 0; what is 0 stays +0.
fn flipped(value: f64, sign: u64) -> f64 {
    f64::from_bits(value.to_bits() ^ sign) + 0.0
}

/// Where a number outside its range stands, in words.
struct Place<'a> {
    placement: &'a Placement,
    couplers: &'a Couplers,
    /// First the fields of the qubits, then the couplers in use.
    at: usize,
    fields: usize,
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (spins, place) = (self.placement.num_spins, self.placement);
        let chain_of = |q: u32| (0..place.num_chains()).find(|&k| place.chain(k).contains(&q)).unwrap_or(0);
        if self.at < self.fields {
            let chain = chain_of(self.at as u32);
            let (copy, spin) = (chain / spins, chain % spins);
            return write!(f, "copy {copy}, spin {spin}: h of qubit {} is", self.at);
        }
        let used = &self.couplers.used[self.at - self.fields];
        let [a, b] = self.couplers.ends[used.coupler as usize];
        let (copy, i, j) = (used.chain as usize / spins, used.chain as usize % spins, chain_of(b) % spins);
        match used.share {
            None => write!(f, "copy {copy}, chain of spin {i}: J of coupler {a}-{b} is"),
            Some(_) => write!(f, "copy {copy}, spins {i}-{j}: J of coupler {a}-{b} is"),
        }
    }
}
