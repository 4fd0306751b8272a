//! Copies of a logical network on a chip: problems onto qubits, reads of qubits back into logical spins.
//!
//! A chip's couplers join few qubits each, so a logical spin is a *chain*: qubits that strong ferromagnetic
//! couplings hold together (Choi, Quantum Inf. Process. 7, 193 (2008)). A chip has room for several *copies* of a
//! small network, each with its own fields: one call then carries several images.
//!
//! ```text
//! fields (images, spins) --place--> h (problems, qubits), J (problems, couplers) --chip--> (reads, qubits)
//! (reads, qubits) --unembed--> bits of logical spins --> states, energies, moments over the reads
//! (problems, reads, qubits) --read--> states (images, reads, spins), energies (images, reads)
//! ```
//!
//! Image `p copies + c` goes to copy `c` of problem `p`. [`Placement`] is compiled once for an embedding; what
//! depends on parameters or images is a pass over flat arrays.

mod correlate;
mod gauges;
mod place;
mod unembed;

pub use correlate::Moments;
pub use place::{Excess, Ranges};
pub use unembed::{Batch, Logical, Rule};

pub use crate::bits::States;

use crate::couplings::Pattern;
use crate::error::{Error, bad, filled};
use place::Couplers;
use std::ops::Range;
use std::sync::Arc;

/// No chip is near as large; keeps a slip of the pen from asking for all memory.
const MAX_QUBITS: usize = 1 << 24;
/// A qubit in no chain.
const NONE: u32 = u32::MAX;

/// Copies of a logical network on qubits.
///
/// ```
/// use ising_ep::chip::{Placement, Ranges, Rule, States};
/// # fn main() -> Result<(), ising_ep::Error> {
/// // A pair of spins; the first is a chain of the qubits 0 and 1, the second is qubit 2.
/// let placement = Placement::new(3, &[0, 2, 3], &[0, 1, 2], Some((&[0, 1], &[1, 2])), 2, &[0], &[1])?;
/// let (mut h, mut j) = ([0.0; 3], [0.0; 2]);
/// placement.place(&[-0.5], &[0.2, 0.0], 1.0, None, &Ranges::default(), (&mut h, &mut j))?;
/// assert_eq!((h, j), ([0.1, 0.1, 0.0], [-1.0, -0.5]));
/// let logical = placement.unembed(States::Spins(&[1, 1, -1]), Rule::Majority, 7, 0, None)?;
/// assert_eq!(logical.states()?, [1, -1]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Placement {
    num_qubits: usize,
    num_spins: usize,
    /// Chain `k`, spin `k % num_spins` of copy `k / num_spins`, is `qubits[starts[k]..starts[k + 1]]`.
    starts: Vec<usize>,
    qubits: Vec<u32>,
    /// The ends of the logical couplings, in the order given.
    pairs: Vec<[u32; 2]>,
    pattern: Arc<Pattern>,
    couplers: Option<Couplers>,
}

impl Placement {
    /// Chain `k` is `chain_qubits[chain_starts[k]..chain_starts[k + 1]]`; chains come copy by copy, each copy with
    /// `num_spins` of them, coupled as `rows` and `cols` say. `couplers` are all that the chip has between the
    /// qubits; without them nothing can be placed, but reads can be unembedded.
    ///
    /// # Errors
    /// On an index out of range, a qubit in two chains, an empty chain, a coupler that joins a qubit to itself or
    /// comes twice, a chain that its couplers do not hold together, and a coupling of a copy without a coupler.
    pub fn new(
        num_qubits: usize,
        chain_starts: &[i64],
        chain_qubits: &[i64],
        couplers: Option<(&[i64], &[i64])>,
        num_spins: usize,
        rows: &[i64],
        cols: &[i64],
    ) -> Result<Self, Error> {
        if num_qubits > MAX_QUBITS {
            return bad(format_args!("{num_qubits} qubits are too many, expected up to {MAX_QUBITS}"));
        }
        let chains = chain_starts.len().saturating_sub(1);
        if num_spins == 0 || chains == 0 || !chains.is_multiple_of(num_spins) {
            return bad(format_args!("{chains} chains, expected one for each of {num_spins} spins of each copy"));
        }
        let pattern = Arc::new(Pattern::new(num_spins, rows, cols)?);
        let (starts, qubits, owner) = chains_of(num_qubits, num_spins, chain_starts, chain_qubits)?;
        let pairs = rows.iter().zip(cols).map(|(&i, &j)| [i as u32, j as u32]).collect();
        let mut placement = Placement { num_qubits, num_spins, starts, qubits, pairs, pattern, couplers: None };
        if let Some((rows, cols)) = couplers {
            placement.couplers = Some(Couplers::new(&placement, &owner, rows, cols)?);
        }
        Ok(placement)
    }

    /// Columns of the reads.
    pub fn num_qubits(&self) -> usize {
        self.num_qubits
    }

    /// Spins of one copy.
    pub fn num_spins(&self) -> usize {
        self.num_spins
    }

    /// Copies of the network.
    pub fn copies(&self) -> usize {
        self.num_chains() / self.num_spins
    }

    /// Couplers of the chip, 0 if they are not known.
    pub fn num_couplers(&self) -> usize {
        self.couplers.as_ref().map_or(0, Couplers::len)
    }

    /// Logical couplings of one copy.
    pub fn num_couplings(&self) -> usize {
        self.pairs.len()
    }

    fn num_chains(&self) -> usize {
        self.starts.len() - 1
    }

    fn chain(&self, k: usize) -> &[u32] {
        &self.qubits[self.starts[k]..self.starts[k + 1]]
    }

    /// The chains of image `image`, and its problem.
    fn chains_of_image(&self, image: usize) -> (Range<usize>, usize) {
        let first = image % self.copies() * self.num_spins;
        (first..first + self.num_spins, image / self.copies())
    }

    /// Logical states `(images, spins)` on the qubits `(problems, qubits)`, where a reverse anneal starts; qubits
    /// of copies without an image, and of no chain, are +1. `gauges (problems, qubits)` flip where they are -1.
    ///
    /// # Errors
    /// On lengths that do not fit, and numbers other than -1 and +1.
    pub fn expand(&self, states: &[i8], gauges: Option<&[i8]>) -> Result<Vec<i8>, Error> {
        let images = self.images_in(states.len(), "states")?;
        let problems = images.div_ceil(self.copies());
        if let Some(k) = states.iter().position(|s| !matches!(s, -1 | 1)) {
            let (image, spin, s) = (k / self.num_spins, k % self.num_spins, states[k]);
            return bad(format_args!("states hold {s} for spin {spin} of image {image}, expected -1 or +1"));
        }
        self.check_gauges(gauges, problems)?;
        let mut out = self.room(problems, self.num_qubits, 1i8)?;
        for (image, state) in states.chunks_exact(self.num_spins).enumerate() {
            let (chains, problem) = self.chains_of_image(image);
            let row = &mut out[problem * self.num_qubits..][..self.num_qubits];
            for (chain, &s) in chains.zip(state) {
                self.chain(chain).iter().for_each(|&q| row[q as usize] = s);
            }
        }
        if let Some(gauges) = gauges {
            out.iter_mut().zip(gauges).for_each(|(s, g)| *s *= g);
        }
        Ok(out)
    }

    fn images_in(&self, len: usize, name: &str) -> Result<usize, Error> {
        if !len.is_multiple_of(self.num_spins) {
            return bad(format_args!("{name} hold {len} numbers, expected images x {} spins", self.num_spins));
        }
        Ok(len / self.num_spins)
    }

    /// Refuses fields `(images, spins)` that are not finite; `whose` is what a row is of.
    fn check_finite(&self, fields: &[f64], whose: &str) -> Result<(), Error> {
        let Some(k) = fields.iter().position(|h| !h.is_finite()) else { return Ok(()) };
        let (row, spin, h) = (k / self.num_spins, k % self.num_spins, fields[k]);
        bad(format_args!("field of spin {spin} in {whose} {row} is {h}, not a finite number"))
    }

    fn check_gauges(&self, gauges: Option<&[i8]>, problems: usize) -> Result<(), Error> {
        let Some(gauges) = gauges else { return Ok(()) };
        let n = self.num_qubits;
        if gauges.len() != problems * n {
            return bad(format_args!(
                "gauges hold {} numbers, expected {problems} problems x {n} qubits",
                gauges.len()
            ));
        }
        if let Some(k) = gauges.iter().position(|g| !matches!(g, -1 | 1)) {
            let g = gauges[k];
            return bad(format_args!("gauge of qubit {} in problem {} is {g}, expected -1 or +1", k % n, k / n));
        }
        Ok(())
    }

    /// `rows` of `side` numbers, if there is memory.
    fn room<T: Clone>(&self, rows: usize, side: usize, number: T) -> Result<Vec<T>, Error> {
        filled(rows.saturating_mul(side), number).map_err(|_| Error::Memory { runs: rows, spins: side })
    }
}

/// What the chains are made of, and the chain of each qubit.
type Chains = (Vec<usize>, Vec<u32>, Vec<u32>);

fn chains_of(num_qubits: usize, num_spins: usize, starts: &[i64], qubits: &[i64]) -> Result<Chains, Error> {
    let several = starts.len() - 1 > num_spins;
    let name = |k: usize| {
        let copy = if several { format!(" in copy {}", k / num_spins) } else { String::new() };
        format!("chain of spin {}{copy}", k % num_spins)
    };
    if starts[0] != 0 || starts[starts.len() - 1] != qubits.len() as i64 {
        return bad(format_args!("chain_starts must go from 0 to the {} chain_qubits", qubits.len()));
    }
    if let Some(k) = starts.windows(2).position(|pair| pair[0] >= pair[1]) {
        return bad(format_args!("{} is empty", name(k)));
    }
    // The ends are in range and the starts rise, so all of them are.
    let starts: Vec<usize> = starts.iter().map(|&start| start as usize).collect();
    let mut owner = vec![NONE; num_qubits];
    for (k, range) in starts.windows(2).enumerate() {
        for &q in &qubits[range[0]..range[1]] {
            if q < 0 || q as usize >= num_qubits {
                return bad(format_args!(
                    "{} has qubit {q}, but there are {num_qubits} qubits, numbered from 0",
                    name(k)
                ));
            }
            let owner = &mut owner[q as usize];
            if *owner != NONE {
                return bad(format_args!("qubit {q} is in the {} and in the {}", name(*owner as usize), name(k)));
            }
            *owner = k as u32;
        }
    }
    Ok((starts, qubits.iter().map(|&q| q as u32).collect(), owner))
}

#[cfg(test)]
mod tests;
