//! Sparse couplings of any size: up to 64 runs side by side, spin after spin.
//!
//! ```text
//! spin i    a bit for each run, 1 = down             one word of 64 bits
//! field     16 integers a vector, W vectors, in registers: summed anew for each update
//! ```
//!
//! A neighbour's word is the mask under which its coupling is subtracted, 16 runs at an instruction.
//!
//! Cost of an update of 16 runs with AVX-512: two instructions a neighbour (the mask, the subtraction) and 27 for
//! the decision, 6 of them for random numbers; there is no branch in it but the one that skips frozen spins.
//! With 64 runs, what is done once a spin or a coupling (indices, broadcasts) is shared by four vectors, and the
//! spins of a Pegasus chip lie in 45 KB.
//!
//! Tried and slower: fields maintained flip by flip, 256 bytes a spin (half as fast on a lattice: spins
//! with a field of 0 flip at any temperature, and one of 16 runs nearly always does); spins as 16 floats.

use super::Job;
use super::accept::limits;
use super::fixed::Fixed;
use super::isa::Kernel;
use super::lanes::Lanes;
use crate::rng::Keys;
use crate::simd::{LANES, Row, Simd};

pub(super) struct Sparse<'a> {
    job: &'a Job<'a>,
    fixed: Fixed,
    /// Vectors of 16 runs in a chunk.
    vectors: usize,
    /// Empty where sums are made coupling by coupling.
    tables: Vec<Row<u32>>,
    first_table: Vec<u32>,
}

impl<'a> Sparse<'a> {
    /// For `threads` that share the work.
    pub(super) fn new(job: &'a Job<'a>, threads: usize) -> Self {
        let (fixed, vectors) = (Fixed::new(job), Lanes::vectors(job, threads));
        let (tables, first_table) = if vectors > 1 { tables(job, &fixed) } else { (vec![], vec![]) };
        Sparse { job, fixed, vectors, tables, first_table }
    }
}

impl Kernel for Sparse<'_> {
    fn end(&self, chunk: usize) -> usize {
        Lanes::end(self.job, chunk, self.vectors)
    }

    #[inline(always)]
    fn run<S: Simd>(&self, s: S, chunk: usize, states: &mut [i8], energies: &mut [f64]) {
        match (self.vectors, self.job.batch.gibbs()) {
            (1, false) => self.anneal::<S, 1, false>(s, chunk, states, energies),
            (1, true) => self.anneal::<S, 1, true>(s, chunk, states, energies),
            (2, false) => self.anneal::<S, 2, false>(s, chunk, states, energies),
            (2, true) => self.anneal::<S, 2, true>(s, chunk, states, energies),
            (_, false) => self.anneal::<S, 4, false>(s, chunk, states, energies),
            (_, true) => self.anneal::<S, 4, true>(s, chunk, states, energies),
        }
    }
}

impl Sparse<'_> {
    #[inline(always)]
    fn anneal<S: Simd, const W: usize, const GIBBS: bool>(
        &self,
        s: S,
        chunk: usize,
        states: &mut [i8],
        energies: &mut [f64],
    ) {
        let job = self.job;
        let n = job.model.num_spins();
        let keys = Keys::new(s, &job.key);
        let lanes = Lanes::new(job, chunk, self.vectors);
        let mut spins = lanes.initial_spins(s, job, &keys);
        let fields = lanes.fields(job);
        for (t, rate) in job.rates() {
            let starts: [S::U; W] = std::array::from_fn(|v| keys.start(s, lanes.counters(v, t)));
            for i in 0..n {
                if i % 4096 == 0 && job.stopped() {
                    return;
                }
                let place = s.quarters(i as u32);
                let mut bits = starts;
                for bits in &mut bits {
                    *bits = s.xor(*bits, place);
                }
                let limits = limits::<S, W, GIBBS>(s, keys.finish(s, bits));
                let sums = self.sums::<S, W>(s, i, &spins);
                let step = s.splat(rate * self.fixed.unit[i]);
                let down = s.masks(spins[i]);
                let fields: [S::F; W] = fields.times(s, rate, i, 0);
                let mut flips = 0;
                for v in 0..W {
                    let field = s.mul_add(s.to_floats(sums[v]), step, fields[v]);
                    let accepted = s.at_least(s.negate(down[v], field), limits[v]);
                    flips |= u64::from(s.mask_bits(accepted)) << (LANES * v);
                }
                spins[i] ^= flips;
            }
        }
        lanes.write_out(job, &spins, states, energies);
    }

    /// `sum_j J_ij s_j` of spin `i` in each run, in the spin's unit.
    #[inline(always)]
    fn sums<S: Simd, const W: usize>(&self, s: S, i: usize, spins: &[u64]) -> [S::U; W] {
        let (neighbours, at) = self.job.model.pattern().row(i);
        let mut sums = [s.splat_int(self.fixed.all_up[i] as u32); W];
        // SAFETY: `spins` has one word for each of the model's spins, and a pattern is refused if it names
        // another. Checking here takes a tenth of the time.
        let word = |j: u32| unsafe { *spins.get_unchecked(j as usize) };
        if S::LOOKUP && !self.tables.is_empty() {
            let tables = &self.tables[self.first_table[i] as usize..self.first_table[i + 1] as usize];
            for (eight, tables) in neighbours.chunks(8).zip(tables.chunks(2)) {
                // A missing neighbour may be anyone: its entries are those of nobody.
                let j = |k: usize| *eight.get(k).unwrap_or(&eight[0]);
                let [a, b, c, d] = [word(j(0)), word(j(1)), word(j(2)), word(j(3))];
                let [e, f, g, h] = [word(j(4)), word(j(5)), word(j(6)), word(j(7))];
                let down = s.transposed([a, b, c, d, e, f, g, h]);
                let bytes = [down, s.shr::<8>(down), s.shr::<16>(down), s.shr::<24>(down)];
                for v in 0..W {
                    sums[v] = s.add_int(sums[v], s.looked_up(&tables[0], bytes[v]));
                }
                if let Some(table) = tables.get(1) {
                    let bytes = [s.shr::<4>(down), s.shr::<12>(down), s.shr::<20>(down), s.shr::<28>(down)];
                    for v in 0..W {
                        sums[v] = s.add_int(sums[v], s.looked_up(table, bytes[v]));
                    }
                }
            }
            return sums;
        }
        for (&j, &twice) in neighbours.iter().zip(&self.fixed.twice[at..]) {
            let down = s.masks(word(j));
            let twice = s.splat_int(twice as u32);
            for v in 0..W {
                sums[v] = s.sub_where(down[v], sums[v], twice);
            }
        }
        sums
    }
}

/// For each spin and each four of its neighbours, what these take off the sum where they are down: an entry
/// for each of the 16 cases. And where each spin's tables begin.
fn tables(job: &Job, fixed: &Fixed) -> (Vec<Row<u32>>, Vec<u32>) {
    let (mut tables, mut first) = (vec![], vec![0]);
    for i in 0..job.model.num_spins() {
        let (neighbours, at) = job.model.pattern().row(i);
        for four in fixed.twice[at..at + neighbours.len()].chunks(4) {
            let mut table = Row([0u32; LANES]);
            for (case, entry) in table.0.iter_mut().enumerate() {
                for (k, &twice) in four.iter().enumerate() {
                    *entry = entry.wrapping_sub(twice as u32 * (case as u32 >> k & 1));
                }
            }
            tables.push(table);
        }
        first.push(tables.len() as u32);
    }
    (tables, first)
}
