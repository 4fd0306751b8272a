//! Qubits in chains: up to 64 runs side by side, spin after spin, and in sweeps of their own chain after chain.
//!
//! ```text
//! spins of a chain     0 1 1 0 ...   a word each, a bit for each run, 1 = down
//! exponent of a flip   sum of s_i e_i over its spins, less what the couplings within it have in it: twice rate J_ij s_i s_j
//! flips                one mask of runs, under which all words of the chain are turned
//! ```
//!
//! Serves models of chips (`Method::Chains`): a stiff chain does not turn spin by spin at low temperature, because half way
//! it is broken. Flipped as a whole it keeps its inner couplings' energy, broken or not, so that a flip back is as likely
//! to be tried and detailed balance holds. Flips are those of a heat bath (`Criterion::Gibbs`): Metropolis' criterion takes
//! whatever costs nothing, so that a spin without a field would turn in all runs alike.
//!
//! Fields that are multiplied by a gain, another in each sweep, add `rate (gain - 1) h_i` to the exponent of a spin.
//!
//! An update of a chain costs one of each of its spins, and two instructions for each coupling within. The sums are those of
//! the sparse kernel, and without sweeps over chains so are the reads of a heat bath, bit by bit.

use super::accept::limits;
use super::exponents::{Exponents, Short};
use super::fixed::Fixed;
use super::job::Job;
use super::kernel::Kernel;
use super::lanes::{Fields, Lanes, bits};
use super::method::Chains;
use super::sums::Summed;
use super::wide::{Integers, Long};
use crate::rng::Keys;
use crate::simd::{LANES, Simd};

/// A coupling within a chain.
struct Inner {
    i: u32,
    j: u32,
    /// What it has in the sum of its two spins' fields, as the kernels see it.
    twice: f32,
}

pub(super) struct Chained<'a, E> {
    job: &'a Job<'a>,
    chains: &'a Chains,
    exponents: Summed<'a, E>,
    /// The couplings within each chain.
    inner: Vec<Vec<Inner>>,
    /// Vectors of 16 runs in a chunk.
    vectors: usize,
}

impl<'a> Chained<'a, Short<'a>> {
    /// In single precision, for `threads` that share the work.
    pub(super) fn new(job: &'a Job<'a>, chains: &'a Chains, fixed: &'a Fixed, threads: usize) -> Self {
        let vectors = Lanes::vectors(job, threads);
        Chained { job, chains, exponents: Summed::new(job, fixed, vectors), inner: within(job, chains), vectors }
    }
}

impl<'a> Chained<'a, Long<'a>> {
    /// In integers of several digits, for `threads` that share the work.
    pub(super) fn wide(job: &'a Job<'a>, chains: &'a Chains, integers: &'a Integers, threads: usize) -> Self {
        let vectors = Lanes::vectors(job, threads);
        let exponents = Summed::wide(job, integers, vectors);
        Chained { job, chains, exponents, inner: within(job, chains), vectors }
    }
}

/// The couplings within each chain, each once.
fn within(job: &Job, chains: &Chains) -> Vec<Vec<Inner>> {
    let mut of_chain = vec![None; job.couplings.num_spins()];
    for c in 0..chains.len() {
        for &i in chains.chain(c) {
            of_chain[i as usize] = Some(c);
        }
    }
    let of_spin = |i: u32| {
        let (neighbours, values) = job.couplings.row(i as usize);
        let both = neighbours.iter().zip(values);
        let inner = both.filter(|&(&j, _)| j > i && of_chain[j as usize] == of_chain[i as usize]);
        inner.map(move |(&j, &value)| Inner { i, j, twice: job.scaled(2.0 * value) }).collect::<Vec<_>>()
    };
    (0..chains.len()).map(|c| chains.chain(c).iter().flat_map(|&i| of_spin(i)).collect()).collect()
}

impl<E: Exponents> Kernel for Chained<'_, E> {
    fn end(&self, chunk: usize) -> usize {
        Lanes::end(self.job, chunk, self.vectors)
    }

    #[inline(always)]
    fn run<S: Simd>(&self, s: S, chunk: usize, states: &mut [i8], energies: &mut [f64]) {
        let lanes = Lanes::new(self.job, chunk, self.vectors);
        let keys = Keys::new(s, &self.job.key);
        let spins = lanes.initial_spins(s, self.job, &keys);
        let spins = match self.vectors {
            1 => self.anneal::<S, 1>(s, &lanes, &keys, spins),
            2 => self.anneal::<S, 2>(s, &lanes, &keys, spins),
            _ => self.anneal::<S, 4>(s, &lanes, &keys, spins),
        };
        lanes.write_out(self.job, &spins, states, energies);
    }
}

impl<E: Exponents> Chained<'_, E> {
    /// A word for each spin after the anneal.
    #[inline(always)]
    fn anneal<S: Simd, const W: usize>(
        &self,
        s: S,
        lanes: &Lanes,
        keys: &Keys<S>,
        mut spins: Vec<u64>,
    ) -> Vec<u64> {
        let fields = self.exponents.fields(self.job, lanes);
        let gained = self.chains.extra_gain(0).map(|_| lanes.fields(self.job));
        let all: Vec<u32> = (0..spins.len() as u32).collect();
        for ((t, beta), &kind) in self.job.betas().zip(&self.chains.kinds) {
            if self.job.stopped() {
                break;
            }
            let (rate, per_coupling) = (self.exponents.rate(self.job, beta), self.job.rate(beta));
            let gain = self.chains.extra_gain(t).unwrap_or(0.0) as f32;
            let extra = gained.as_ref().map(|fields| (fields, per_coupling * gain));
            let starts: [S::U; W] = std::array::from_fn(|v| keys.start(s, lanes.counters(v, t)));
            let turns = if kind == 0 { &all[..] } else { self.chains.of_kind(kind) };
            // Of a spin its own random numbers, of a chain those of its first spin.
            let place = |k: usize| match turns.get(k) {
                None => 0,
                Some(&i) if kind == 0 => i as usize,
                Some(&c) => self.chains.chain(c as usize)[0] as usize,
            };
            // One update ahead, and their random bits two: three chains that do not wait for each other.
            let mut ahead = limits::<S, W, true>(s, bits(s, keys, &starts, place(0)));
            let mut further = bits(s, keys, &starts, place(1));
            for (k, &turn) in turns.iter().enumerate() {
                let limit = self.exponents.raised(s, ahead, rate);
                ahead = limits::<S, W, true>(s, further);
                further = bits(s, keys, &starts, place(k + 2));
                if kind == 0 {
                    let exponents: [S::F; W] = self.of_spin(s, &fields, extra, rate, turn, &spins);
                    spins[turn as usize] ^= flips(s, exponents, limit);
                    continue;
                }
                let chain = self.chains.chain(turn as usize);
                let mut total = [s.splat(0.0); W];
                for &i in chain {
                    let of_one: [S::F; W] = self.of_spin(s, &fields, extra, rate, i, &spins);
                    for v in 0..W {
                        total[v] = s.add(total[v], of_one[v]);
                    }
                }
                for inner in &self.inner[turn as usize] {
                    let unlike = s.masks(spins[inner.i as usize] ^ spins[inner.j as usize]);
                    let both = s.splat(per_coupling * inner.twice);
                    for v in 0..W {
                        total[v] = s.sub(total[v], s.negate(unlike[v], both));
                    }
                }
                let flipped = flips(s, total, limit);
                for &i in chain {
                    spins[i as usize] ^= flipped;
                }
            }
        }
        spins
    }

    /// `s_i e_i` in each run; `extra` are fields that come on top, and what multiplies them.
    #[inline(always)]
    fn of_spin<S: Simd, const W: usize>(
        &self,
        s: S,
        fields: &Fields,
        extra: Option<(&Fields, f32)>,
        rate: E::Rate,
        i: u32,
        spins: &[u64],
    ) -> [S::F; W] {
        let mut exponents: [S::F; W] = self.exponents.of(s, fields, rate, i as usize, spins);
        if let Some((fields, rate)) = extra {
            let gained: [S::F; W] = fields.times(s, rate, i as usize, 0);
            for v in 0..W {
                exponents[v] = s.add(exponents[v], gained[v]);
            }
        }
        let down = s.masks(spins[i as usize]);
        std::array::from_fn(|v| s.negate(down[v], exponents[v]))
    }
}

/// The runs in which a flip is accepted.
#[inline(always)]
fn flips<S: Simd, const W: usize>(s: S, exponents: [S::F; W], limit: [S::F; W]) -> u64 {
    let mut flips = 0;
    for v in 0..W {
        flips |= u64::from(s.mask_bits(s.at_least(exponents[v], limit[v]))) << (LANES * v);
    }
    flips
}
