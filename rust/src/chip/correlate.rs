//! What the reads say: states, energies, moments, broken chains.
//!
//! With 64 reads in a word, `s_i s_j` of all of them is one exclusive or, and the sum over them one count of bits:
//!
//! ```text
//! sum_r n_r s_ir s_jr = sum_r n_r - 2 sum_b 2^b count((i ^ j) & b) ,   n_r = sum_b 2^b b_r
//! ```
//!
//! where the weights `n_r`, how often each read occurred, are split into their bits. Sums are integers: those of
//! the pieces of a stream add up to those of the whole, in any order.

use super::Placement;
use super::unembed::{Logical, WORD};
use crate::couplings::Couplings;
use crate::error::{Error, bad, filled};
use crate::simd::in_vectors;

/// Reads whose energies are summed together.
const SIDE_BY_SIDE: usize = 16;
/// Weights may add up to this: the sums of all pieces of a stream stay within 63 bits.
const MAX_WEIGHT: u64 = 1 << 53;

/// Sums over the reads that count, each as often as it occurred.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Moments {
    /// `(copies,)` how many there are.
    pub weight: Vec<i64>,
    /// `(copies, spins)`: sums of `s_i`.
    pub first: Vec<i64>,
    /// `(copies, couplings)`: sums of `s_i s_j`.
    pub second: Vec<i64>,
    /// `(copies, spins)`: how often the chain was broken, in all reads.
    pub broken: Vec<i64>,
}

impl Placement {
    /// Moments over the reads, `occurrences (reads,)` of each, once each if `None`.
    ///
    /// # Errors
    /// On reads of another placement, a number of occurrences below 0, or so many that they add up to 2^53.
    pub fn moments(&self, reads: &Logical, occurrences: Option<&[i64]>) -> Result<Moments, Error> {
        self.check_reads(reads)?;
        let planes = planes_of(reads.num_reads, occurrences)?;
        Ok(sums(self, reads, &planes))
    }

    /// Logical energies `(copies, reads)` on the couplings `values` and `fields (copies, spins)`; infinite for
    /// reads that were discarded.
    ///
    /// # Errors
    /// On reads of another placement, lengths that do not fit and numbers that are not finite, or if there is no
    /// memory.
    pub fn energies(&self, reads: &Logical, values: &[f64], fields: &[f64]) -> Result<Vec<f64>, Error> {
        self.check_reads(reads)?;
        let couplings = self.couplings(values)?;
        self.check_fields(fields)?;
        let mut energies = self.room(self.copies(), reads.num_reads, 0f64)?;
        reads.add_energies(&couplings, fields, &mut energies);
        Ok(energies)
    }

    pub(super) fn couplings(&self, values: &[f64]) -> Result<Couplings, Error> {
        Couplings::on(self.pattern.clone(), values)
    }

    pub(super) fn check_fields(&self, fields: &[f64]) -> Result<(), Error> {
        let (copies, spins) = (self.copies(), self.num_spins);
        if fields.len() != copies * spins {
            let len = fields.len();
            return bad(format_args!("fields hold {len} numbers, expected {copies} copies x {spins} spins"));
        }
        self.check_finite(fields, "copy")
    }

    fn check_reads(&self, reads: &Logical) -> Result<(), Error> {
        if (reads.num_spins, reads.copies()) == (self.num_spins, self.copies()) {
            return Ok(());
        }
        bad("the reads were unembedded by another placement")
    }
}

impl Logical {
    /// The reads, kept or not.
    pub fn num_reads(&self) -> usize {
        self.num_reads
    }

    /// Copies of the network.
    pub fn copies(&self) -> usize {
        self.copies
    }

    fn words(&self) -> usize {
        self.num_reads.div_ceil(WORD)
    }

    /// `(copies, reads, spins)` of -1 and +1, and 0 in reads that were discarded.
    ///
    /// # Errors
    /// If there is no memory.
    pub fn states(&self) -> Result<Vec<i8>, Error> {
        let (spins, reads) = (self.num_spins, self.num_reads);
        let no_memory = |_| Error::Memory { runs: reads * self.copies(), spins };
        let mut states = filled(self.copies() * reads * spins, 0i8).map_err(no_memory)?;
        self.fill(&mut states);
        Ok(states)
    }

    /// Fills `(copies, reads, spins)` of the first copies.
    pub(super) fn fill(&self, states: &mut [i8]) {
        let (spins, words, reads) = (self.num_spins, self.words(), self.num_reads);
        for (copy, states) in states.chunks_mut((reads * spins).max(1)).enumerate() {
            let down = &self.down[copy * spins * words..(copy + 1) * spins * words];
            spread(down, words, spins, states);
            for (r, row) in states.chunks_exact_mut(spins).enumerate() {
                if self.kept[copy * words + r / WORD] >> (r % WORD) & 1 == 0 {
                    row.fill(0);
                }
            }
        }
    }

    /// Adds up the energies `(copies, reads)` of the first copies, those of `fields (copies, spins)`.
    pub(super) fn add_energies(&self, couplings: &Couplings, fields: &[f64], energies: &mut [f64]) {
        add_up(self, couplings, fields, energies);
    }

    /// `(copies, reads)`: whether the read counts.
    pub fn kept(&self) -> Vec<bool> {
        let rows = self.kept.chunks_exact(self.words().max(1));
        rows.flat_map(|row| (0..self.num_reads).map(|r| row[r / WORD] >> (r % WORD) & 1 == 1)).collect()
    }

    /// `(copies, reads)`: how many chains were broken.
    pub fn broken(&self) -> Vec<i32> {
        let (words, reads) = (self.words(), self.num_reads);
        let mut counts = vec![0; self.copies() * reads];
        for (chain, row) in self.broken.chunks_exact(words.max(1)).enumerate() {
            let counts = &mut counts[chain / self.num_spins * reads..][..reads];
            for (w, &word) in row.iter().enumerate() {
                let mut rest = word;
                while rest != 0 {
                    counts[w * WORD + rest.trailing_zeros() as usize] += 1;
                    rest &= rest - 1;
                }
            }
        }
        counts
    }
}

/// The bits of the weights, lowest first: plane `b` says which reads have bit `b`.
type Planes = Vec<Vec<u64>>;

fn planes_of(num_reads: usize, occurrences: Option<&[i64]>) -> Result<Planes, Error> {
    let words = num_reads.div_ceil(WORD);
    let Some(occurrences) = occurrences else { return Ok(vec![vec![!0; words]]) };
    if occurrences.len() != num_reads {
        let len = occurrences.len();
        return bad(format_args!("num_occurrences has {len} entries, expected one for each of {num_reads} reads"));
    }
    if let Some((r, n)) = occurrences.iter().enumerate().find(|(_, n)| **n < 0) {
        return bad(format_args!("num_occurrences of read {r} is {n}, expected an integer >= 0"));
    }
    let total = occurrences.iter().fold(0u64, |total, &n| total.saturating_add(n as u64));
    if total > MAX_WEIGHT {
        return bad(format_args!("num_occurrences add up to {total}, expected up to {MAX_WEIGHT}"));
    }
    let all = occurrences.iter().fold(0, |bits, &n| bits | n as u64);
    let mut planes = vec![vec![0u64; words]; (u64::BITS - all.leading_zeros()) as usize];
    for (r, &n) in occurrences.iter().enumerate() {
        for (b, plane) in planes.iter_mut().enumerate() {
            plane[r / WORD] |= (n as u64 >> b & 1) << (r % WORD);
        }
    }
    Ok(planes)
}

/// How often `a` and `b` differ, each read with its weight. A loop, not a chain of iterators: the compiler leaves those
/// outside of the function that has the vectors.
#[inline(always)]
fn unlike(a: &[u64], b: &[u64], planes: &Planes) -> i64 {
    let mut sum = 0;
    for (k, plane) in planes.iter().enumerate() {
        let (a, b) = (&a[..plane.len()], &b[..plane.len()]);
        let mut count = 0;
        for (w, mask) in plane.iter().enumerate() {
            count += u64::from(((a[w] ^ b[w]) & mask).count_ones());
        }
        sum += (count << k) as i64;
    }
    sum
}

in_vectors!(fn spread(down: &[u64], words: usize, spins: usize, states: &mut [i8]) = spread_in_loops);

/// States (reads, spins) of the bits (spins, words). Eight reads at a time, a byte of each spin.
#[inline(always)]
fn spread_in_loops(down: &[u64], words: usize, spins: usize, states: &mut [i8]) {
    let mut bytes = vec![0u8; spins];
    for (k, rows) in states.chunks_mut(8 * spins).enumerate() {
        let (w, shift) = (8 * k / WORD, 8 * k % WORD);
        for (i, byte) in bytes.iter_mut().enumerate() {
            *byte = (down[i * words + w] >> shift) as u8;
        }
        for (bit, row) in rows.chunks_exact_mut(spins).enumerate() {
            for (s, byte) in row.iter_mut().zip(&bytes) {
                *s = 1 - 2 * (byte >> bit & 1) as i8;
            }
        }
    }
}

in_vectors!(fn sums(placement: &Placement, reads: &Logical, planes: &Planes) -> Moments = sums_in_loops);

#[inline(always)]
fn sums_in_loops(placement: &Placement, reads: &Logical, planes: &Planes) -> Moments {
    let (words, spins) = (reads.words(), placement.num_spins);
    let (all, none) = (vec![!0; words], vec![0; words]);
    let mut moments = Moments::default();
    for copy in 0..placement.copies() {
        let kept = &reads.kept[copy * words..(copy + 1) * words];
        let mask: Planes =
            planes.iter().map(|plane| plane.iter().zip(kept).map(|(p, k)| p & k).collect()).collect();
        let chain = |i: usize| (copy * spins + i) * words..(copy * spins + i + 1) * words;
        let total = unlike(&all, &none, &mask);
        moments.weight.push(total);
        for i in 0..spins {
            let (down, broken) = (&reads.down[chain(i)], &reads.broken[chain(i)]);
            moments.first.push(total - 2 * unlike(down, &none, &mask));
            moments.broken.push(unlike(broken, &none, planes));
        }
        for &[i, j] in &placement.pairs {
            let (a, b) = (&reads.down[chain(i as usize)], &reads.down[chain(j as usize)]);
            moments.second.push(total - 2 * unlike(a, b, &mask));
        }
    }
    moments
}

in_vectors!(fn add_up(reads: &Logical, couplings: &Couplings, fields: &[f64], energies: &mut [f64]) = add_up_in_loops);

#[inline(always)]
fn add_up_in_loops(reads: &Logical, couplings: &Couplings, fields: &[f64], energies: &mut [f64]) {
    let (words, spins) = (reads.words(), reads.num_spins);
    // As many reads at a time as the sums of fit into registers.
    let mut states = vec![[0f64; SIDE_BY_SIDE]; spins];
    for (copy, fields) in fields.chunks_exact(spins).enumerate() {
        let energies = &mut energies[copy * reads.num_reads..][..reads.num_reads];
        for (k, energies) in energies.chunks_mut(SIDE_BY_SIDE).enumerate() {
            let (w, shift) = (k * SIDE_BY_SIDE / WORD, k * SIDE_BY_SIDE % WORD);
            for (i, state) in states.iter_mut().enumerate() {
                let word = reads.down[(copy * spins + i) * words + w] >> shift;
                *state = std::array::from_fn(|r| 1.0 - (2 * (word >> r & 1) as i32) as f64);
            }
            let mut sums = [0f64; SIDE_BY_SIDE];
            for (i, state) in states.iter().enumerate() {
                let (neighbours, values) = couplings.row(i);
                let first = neighbours.partition_point(|&j| (j as usize) < i);
                let mut local = [fields[i]; SIDE_BY_SIDE];
                for (&j, &coupling) in neighbours[first..].iter().zip(&values[first..]) {
                    let other = &states[j as usize];
                    for (r, sum) in local.iter_mut().enumerate() {
                        *sum += coupling * other[r];
                    }
                }
                for (r, sum) in sums.iter_mut().enumerate() {
                    *sum += state[r] * local[r];
                }
            }
            let kept = reads.kept[copy * words + w] >> shift;
            for (r, energy) in energies.iter_mut().enumerate() {
                *energy = if kept >> r & 1 == 1 { sums[r] } else { f64::INFINITY };
            }
        }
    }
}
