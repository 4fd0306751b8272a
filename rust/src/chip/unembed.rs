//! Reads of qubits to logical spins.
//!
//! Reads are kept as bits, 64 of them in a word, one word after the other for each qubit: 1 = down. What is done
//! to a chain is then done to 64 reads at once, and a broken chain is a word that is neither all nor none of its
//! qubits. Only broken chains cost more.
//!
//! ```text
//! samples (reads, qubits) --64 reads at a time--> word of each qubit --> word of each chain: value, broken
//! ```
//!
//! A coin for chain `k` in read `r` is a function of `(seed; k, r)` and of nothing else, as all random numbers
//! here: pieces of a stream, told where they begin, get the coins of the whole.

use super::Placement;
use crate::bits::{States, gather, slice};
use crate::couplings::Couplings;
use crate::error::{Error, bad};
use crate::rng::{Key, UNEMBED, ars};

pub(super) const WORD: usize = 64;

/// Reads of a batch by majority, as [`Placement::read`] gives them.
#[derive(Debug, Clone)]
pub struct Batch {
    /// `(images, reads, spins)` of -1 and +1.
    pub states: Vec<i8>,
    /// `(images, reads)`: the logical energies.
    pub energies: Vec<f64>,
    /// Broken chains in all reads of all copies, those without an image too.
    pub broken: u64,
}

/// What a broken chain is worth.
#[derive(Debug, Clone, Copy)]
pub enum Rule<'a> {
    /// What most of its qubits say; a coin where they are even.
    Majority,
    /// What one of its qubits says, drawn at random.
    WeightedRandom,
    /// Nothing: a read with a broken chain is dropped, in each copy for itself.
    Discard,
    /// What gives the lower energy: of the spins not known yet the one with the largest local field is set next,
    /// as by dwave-system; a coin where that field is 0.
    MinimizeEnergy {
        /// The couplings, in the order that the placement was made in.
        values: &'a [f64],
        /// `(copies, spins)`.
        fields: &'a [f64],
    },
}

/// Reads as logical spins, in bits.
#[derive(Debug, Clone)]
pub struct Logical {
    pub(super) copies: usize,
    pub(super) num_spins: usize,
    pub(super) num_reads: usize,
    /// `(chains, words)`: whether the spin is down.
    pub(super) down: Vec<u64>,
    /// `(chains, words)`: whether the chain was broken.
    pub(super) broken: Vec<u64>,
    /// `(copies, words)`: whether the read counts.
    pub(super) kept: Vec<u64>,
}

impl Placement {
    /// Logical spins of `samples (reads, qubits)`; broken chains are resolved by `rule`. Qubits in no chain may hold
    /// anything. The reads are numbered from `first_read` in the random stream of `seed`. `gauge (qubits,)` is the
    /// one the problem was placed with: samples are given as they came from the chip.
    ///
    /// # Errors
    /// On lengths that do not fit and numbers that are not -1 or +1, couplings or fields that are not finite, or
    /// if there is no memory.
    pub fn unembed(
        &self,
        samples: States,
        rule: Rule,
        seed: u64,
        first_read: u64,
        gauge: Option<&[i8]>,
    ) -> Result<Logical, Error> {
        let (n, chains, spins, copies) = (self.num_qubits, self.num_chains(), self.num_spins, self.copies());
        let Some(num_reads) = samples.count(n) else {
            return bad(format_args!("samples are no whole reads of {n} qubits"));
        };
        self.check_gauges(gauge, 1)?;
        let descent = match rule {
            Rule::MinimizeEnergy { values, fields } => Some(Descent::new(self, values, fields)?),
            _ => None,
        };
        let words = num_reads.div_ceil(WORD);
        let mut logical = Logical {
            copies,
            num_spins: spins,
            num_reads,
            down: self.room(chains, words, 0)?,
            broken: self.room(chains, words, 0)?,
            kept: self.room(copies, words, 0)?,
        };
        let coins = Coins { key: Key::new(seed), first_read };
        let mut bits = Bits::new(self, gauge);
        for w in 0..words {
            let reads = WORD.min(num_reads - w * WORD);
            if let Err((read, qubit, value)) = bits.read(samples.part(n, w * WORD, reads)) {
                let read = first_read.wrapping_add((w * WORD + read) as u64);
                return bad(format_args!("samples hold {value} in read {read}, qubit {qubit}, expected -1 or +1"));
            }
            let valid = !0 >> (WORD - reads);
            for chain in 0..chains {
                let (down, broken) = coins.resolve(rule, &bits.words, self.chain(chain), valid, chain, w);
                logical.down[chain * words + w] = down;
                logical.broken[chain * words + w] = broken;
            }
            for copy in 0..copies {
                let mut broken =
                    (copy * spins..(copy + 1) * spins).fold(0, |any, k| any | logical.broken[k * words + w]);
                let kept = &mut logical.kept[copy * words + w];
                *kept = if matches!(rule, Rule::Discard) { valid & !broken } else { valid };
                while let (Some(descent), true) = (&descent, broken != 0) {
                    descent.run(&mut logical, &coins, copy, w, broken.trailing_zeros() as usize);
                    broken &= broken - 1;
                }
            }
        }
        Ok(logical)
    }

    /// What `samples (problems, num_reads, qubits)` say of the images of `fields (images, spins)` on the couplings
    /// `values`, by [`Rule::Majority`]. The problems were placed with `gauges (problems, qubits)`; the reads of the
    /// problem of number `ids[p]` are numbered from `ids[p] num_reads` in the random stream of `seed`.
    ///
    /// # Errors
    /// On lengths that do not fit, numbers that are not -1 or +1 in samples and gauges, couplings or fields that are not finite, or if
    /// there is no memory.
    pub fn read(
        &self,
        samples: States,
        gauges: &[i8],
        values: &[f64],
        fields: &[f64],
        seed: u64,
        ids: &[u32],
    ) -> Result<Batch, Error> {
        let (copies, spins, problems) = (self.copies(), self.num_spins, ids.len());
        let images = self.images_in(fields.len(), "fields")?;
        let count = samples.count(self.num_qubits).filter(|count| count % problems.max(1) == 0);
        let Some(count) = count.filter(|_| images.div_ceil(copies) == problems) else {
            return bad(format_args!("samples must hold whole reads of {problems} problems, for {images} images"));
        };
        self.check_finite(fields, "image")?;
        self.check_gauges(Some(gauges), problems)?;
        let couplings = self.couplings(values)?;
        let num_reads = count / problems.max(1);
        let mut batch = Batch {
            states: self.room(images, num_reads * spins, 0i8)?,
            energies: self.room(images, num_reads, 0f64)?,
            broken: 0,
        };
        for (p, &id) in ids.iter().enumerate() {
            let samples = samples.part(self.num_qubits, p * num_reads, num_reads);
            let gauge = &gauges[p * self.num_qubits..][..self.num_qubits];
            let first_read = u64::from(id).wrapping_mul(num_reads as u64);
            let logical = self.unembed(samples, Rule::Majority, seed, first_read, Some(gauge))?;
            let range = p * copies..((p + 1) * copies).min(images);
            let of_reads = range.start * num_reads..range.end * num_reads;
            logical.fill(&mut batch.states[of_reads.start * spins..of_reads.end * spins]);
            let fields = &fields[range.start * spins..range.end * spins];
            logical.add_energies(&couplings, fields, &mut batch.energies[of_reads]);
            batch.broken += logical.broken.iter().map(|word| u64::from(word.count_ones())).sum::<u64>();
        }
        Ok(batch)
    }
}

/// The words of all qubits, for 64 reads at a time.
struct Bits<'a> {
    placement: &'a Placement,
    /// All bits where the gauge flips.
    gauge: Vec<u64>,
    words: Vec<u64>,
    /// Of eight reads, and whether any is no spin.
    bytes: Vec<u8>,
    wrong: Vec<u8>,
}

impl<'a> Bits<'a> {
    fn new(placement: &'a Placement, gauge: Option<&[i8]>) -> Self {
        let n = placement.num_qubits;
        let gauge = gauge.map_or_else(|| vec![0; n], |g| g.iter().map(|&g| (g >> 7) as i64 as u64).collect());
        Bits { placement, gauge, words: vec![0; n], bytes: vec![0; n], wrong: vec![0; n] }
    }

    /// Up to 64 reads. What is wrong is named by read, qubit and value.
    fn read(&mut self, reads: States) -> Result<(), (usize, usize, i8)> {
        self.words.copy_from_slice(&self.gauge);
        match reads {
            States::Bits(reads) => {
                let row = self.words.len().div_ceil(8);
                for (k, eight) in reads.chunks(8 * row).enumerate() {
                    gather(eight, &mut self.bytes);
                    for (word, &byte) in self.words.iter_mut().zip(&self.bytes) {
                        *word ^= u64::from(byte) << (8 * k);
                    }
                }
                Ok(())
            }
            States::Spins(reads) => self.read_spins(reads),
        }
    }

    fn read_spins(&mut self, reads: &[i8]) -> Result<(), (usize, usize, i8)> {
        let n = self.words.len();
        slice(reads, &mut self.words, &mut self.bytes, &mut self.wrong);
        // Chips report odd numbers for qubits that are not in use.
        let wrong = |&&q: &&u32| self.wrong[q as usize] != 0;
        match self.placement.qubits.iter().find(wrong) {
            None => {
                self.wrong.fill(0);
                Ok(())
            }
            Some(&q) => {
                let column = reads.iter().skip(q as usize).step_by(n);
                let read = column.take_while(|s| matches!(s, -1 | 1)).count();
                Err((read, q as usize, reads[read * n + q as usize]))
            }
        }
    }
}

struct Coins {
    key: Key,
    first_read: u64,
}

impl Coins {
    /// Whether a chain is down, and whether it is broken, in the reads `valid` of word `w`. A broken chain whose spin
    /// does not come from its own qubits is up.
    fn resolve(
        &self,
        rule: Rule,
        words: &[u64],
        qubits: &[u32],
        valid: u64,
        chain: usize,
        w: usize,
    ) -> (u64, u64) {
        let (all, any) = qubits.iter().fold((valid, 0), |(all, any), &q| {
            let word = words[q as usize];
            (all & word, any | word)
        });
        let broken = any & valid & !all;
        let set = match rule {
            _ if broken == 0 => 0,
            Rule::Majority => self.majority(words, qubits, broken, chain, w),
            Rule::WeightedRandom => self.one_of(words, qubits, broken, chain, w),
            Rule::Discard | Rule::MinimizeEnergy { .. } => 0,
        };
        (all | set, broken)
    }

    /// 32 random bits for a chain in read `bit` of word `w`.
    fn number(&self, chain: usize, w: usize, bit: usize) -> u32 {
        let read = self.first_read.wrapping_add((w * WORD + bit) as u64);
        self.words(chain, read)[2]
    }

    /// A coin for a chain in each read of word `w`. Reads of one number have one coin, in whatever word they are.
    fn tosses(&self, chain: usize, w: usize) -> u64 {
        let block = |k: u64| {
            let [low, high, ..] = self.words(chain, k);
            u64::from(low) | u64::from(high) << 32
        };
        let read = self.first_read.wrapping_add((w * WORD) as u64);
        let (k, shift) = (read / WORD as u64, read % WORD as u64);
        if shift == 0 { block(k) } else { block(k) >> shift | block(k + 1) << (WORD as u64 - shift) }
    }

    fn words(&self, chain: usize, k: u64) -> [u32; 4] {
        ars(&self.key, [chain as u32, UNEMBED, k as u32, (k >> 32) as u32])
    }

    /// Whether most qubits are down, in the reads `broken` of word `w`.
    fn majority(&self, words: &[u64], qubits: &[u32], broken: u64, chain: usize, w: usize) -> u64 {
        // Short chains are the rule, and numbers that the compiler knows stay in registers.
        if qubits.len() < 1 << 4 {
            self.majority_of::<4>(words, qubits, broken, chain, w)
        } else {
            self.majority_of::<32>(words, qubits, broken, chain, w)
        }
    }

    /// The same for less than `2^PLANES` qubits.
    fn majority_of<const PLANES: usize>(
        &self,
        words: &[u64],
        qubits: &[u32],
        broken: u64,
        chain: usize,
        w: usize,
    ) -> u64 {
        // Bit b of the number of qubits that are down is in counter[b], for all 64 reads.
        let mut counter = [0u64; PLANES];
        for &q in qubits {
            let mut carry = words[q as usize];
            for plane in &mut counter {
                (*plane, carry) = (*plane ^ carry, *plane & carry);
            }
        }
        // Compared with the half from the highest bit down.
        let half = qubits.len() / 2;
        let (mut more, mut even) = (0, broken);
        for b in (0..PLANES).rev() {
            let plane = counter[b];
            if half >> b & 1 == 1 {
                even &= plane;
            } else {
                more |= even & plane;
                even &= !plane;
            }
        }
        let tie = if qubits.len().is_multiple_of(2) { even } else { 0 };
        if tie == 0 { more } else { more | tie & self.tosses(chain, w) }
    }

    /// Whether a qubit drawn at random is down, in the reads `broken` of word `w`.
    fn one_of(&self, words: &[u64], qubits: &[u32], mut broken: u64, chain: usize, w: usize) -> u64 {
        let mut down = 0;
        while broken != 0 {
            let bit = broken.trailing_zeros() as usize;
            let at = (u64::from(self.number(chain, w, bit)) * qubits.len() as u64) >> 32;
            down |= words[qubits[at as usize] as usize] & 1 << bit;
            broken &= broken - 1;
        }
        down
    }
}

/// Broken chains set one by one, the largest local field first.
struct Descent<'a> {
    couplings: Couplings,
    fields: &'a [f64],
}

impl<'a> Descent<'a> {
    fn new(placement: &Placement, values: &[f64], fields: &'a [f64]) -> Result<Self, Error> {
        let couplings = placement.couplings(values)?;
        placement.check_fields(fields)?;
        Ok(Descent { couplings, fields })
    }

    /// Sets the broken chains of a copy in one read.
    fn run(&self, logical: &mut Logical, coins: &Coins, copy: usize, w: usize, bit: usize) {
        let (spins, words) = (logical.num_spins, logical.num_reads.div_ceil(WORD));
        let at = |spin: usize| (copy * spins + spin) * words + w;
        let open = |logical: &Logical, spin: usize| logical.broken[at(spin)] >> bit & 1 == 1;
        let value =
            |logical: &Logical, spin: usize| if logical.down[at(spin)] >> bit & 1 == 1 { -1.0 } else { 1.0 };
        let mut unknown: Vec<(usize, f64)> = (0..spins)
            .filter(|&i| open(logical, i))
            .map(|i| {
                let (neighbours, values) = self.couplings.row(i);
                let known = neighbours.iter().zip(values).filter(|(j, _)| !open(logical, **j as usize));
                let sum: f64 = known.map(|(&j, coupling)| coupling * value(logical, j as usize)).sum();
                (i, self.fields[copy * spins + i] + sum)
            })
            .collect();
        loop {
            // Of equal sizes the negative field first, then the lower spin, as dwave-system has it.
            let before = |a: &(usize, f64), b: &(usize, f64)| {
                b.1.abs().total_cmp(&a.1.abs()).then(a.1.total_cmp(&b.1)).then(a.0.cmp(&b.0))
            };
            let Some(next) = (0..unknown.len()).min_by(|&a, &b| before(&unknown[a], &unknown[b])) else { break };
            let (i, field) = unknown.swap_remove(next);
            let chain = copy * spins + i;
            let down = if field == 0.0 { coins.tosses(chain, w) >> bit & 1 == 1 } else { field > 0.0 };
            logical.down[at(i)] |= u64::from(down) << bit;
            let (neighbours, values) = self.couplings.row(i);
            for (j, field) in &mut unknown {
                if let Ok(k) = neighbours.binary_search(&(*j as u32)) {
                    *field += if down { -values[k] } else { values[k] };
                }
            }
        }
    }
}
