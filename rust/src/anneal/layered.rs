//! Layered networks: spins in two sides, dense couplings from side to side, none within.
//!
//! This is the problem that training poses: K(120, 40) and its deeper kin, where every other layer
//! makes up one side. Given the other side, the spins of a side do not see each other, so updating
//! them all at once *is* a sequential sweep; the lanes of a vector are 16 spins of one read:
//!
//! ```text
//! side A, 120 spins, padded to 128                side B, 40 spins, padded to 48
//! spin    [ s0 .. s15 | .. | .. s119, pads ]      [ s0 .. s15 | .. | .. s39, pads ]
//! field   [ f0 .. f15 | .. | .. -inf .. -inf ]    [ f0 .. f15 | .. | .. -inf ...  ]
//!           16 decisions a block                    a flip in A adds 2 s_new W[a, :] to B's fields,
//!                                                   5 vectors of 8; one in B adds W^T[b, :], 15
//! ```
//!
//! Cost of a read's sweep over K(120, 40): 11 blocks of about 60 instructions (numbers, power,
//! comparison; a block that is frozen costs 6), and 5 or 15 additions of vectors a flip. One read at a
//! time keeps every lane busy whatever the number of reads, and only spins that flip pay for it.
//!
//! Measured beside it, on a batch of 16 problems x 10 reads, one thread: the sparse kernel, 16 runs side by
//! side in the lanes, takes 7 times as long (2.7 against 0.36 ms a problem), for it must add a row as soon
//! as *one* of 16 runs flips. Adding rows as each spin flips took 20 % longer than the list of flips.

use super::accept::{NEVER, accepted};
use super::isa::Kernel;
use super::{Job, REFRESH};
use crate::model::Pattern;
use crate::rng::{INITIAL, Keys};
use crate::simd::{Eight, Simd};

const BLOCK: usize = 16;
/// Spins are padded to whole blocks, rows of couplings only to this.
const VECTOR: usize = 8;
/// The sign bit of a float.
const SIGN: u32 = 1 << 31;

/// The two sides of layered couplings.
#[derive(Debug)]
pub(crate) struct Layers {
    /// The spins of each side, rising.
    sides: [Vec<u32>; 2],
    /// Each spin's place in its side.
    place: Vec<u32>,
}

impl Layers {
    /// Splits the spins into two sides with no coupling within, if that can be done and if at least
    /// half of the pairs across are coupled.
    pub(crate) fn find(pattern: &Pattern) -> Option<Self> {
        let n = pattern.num_spins();
        // Cheap no to what cannot be dense enough: sides of a and n - a have at least n - 1 pairs.
        if 2 * pattern.num_pairs() < n.saturating_sub(1) {
            return None;
        }
        let mut side = vec![u8::MAX; n];
        let mut queue = Vec::with_capacity(n);
        for start in 0..n {
            if side[start] != u8::MAX {
                continue;
            }
            side[start] = 0;
            queue.push(start as u32);
            while let Some(i) = queue.pop() {
                let other = 1 - side[i as usize];
                for &j in pattern.neighbours(i as usize) {
                    match &mut side[j as usize] {
                        unseen @ &mut u8::MAX => {
                            *unseen = other;
                            queue.push(j);
                        }
                        seen if *seen != other => return None,
                        _ => {}
                    }
                }
            }
        }
        let mut sides = [vec![], vec![]];
        let mut place = vec![0; n];
        for (i, &side) in side.iter().enumerate() {
            place[i] = sides[side as usize].len() as u32;
            sides[side as usize].push(i as u32);
        }
        let pairs = sides[0].len() * sides[1].len();
        (2 * pattern.num_pairs() >= pairs).then_some(Layers { sides, place })
    }
}

/// The couplings in the kernel's layout, shared by all runs.
pub(super) struct Layered<'a> {
    job: &'a Job<'a>,
    /// Model index of each spin of each side.
    sides: &'a [Vec<u32>; 2],
    /// `onto[side]`: for each spin of the *other* side, its couplings onto this side, times 2.
    onto: [Vec<Eight<f32>>; 2],
    /// Vectors in a row of each.
    stride: [usize; 2],
    /// Couplings of each spin of side 0 onto side 1 in full precision, for the energies.
    exact: Vec<f64>,
}

impl<'a> Layered<'a> {
    pub(super) fn new(job: &'a Job<'a>, layers: &'a Layers) -> Self {
        let sides = &layers.sides;
        let stride = [0, 1].map(|k| sides[k].len().div_ceil(VECTOR));
        let zeros = |rows: usize, stride: usize| vec![Eight([0f32; VECTOR]); rows * stride];
        let mut onto = [zeros(sides[1].len(), stride[0]), zeros(sides[0].len(), stride[1])];
        let mut exact = vec![0f64; sides[0].len() * sides[1].len()];
        for (a, &i) in sides[0].iter().enumerate() {
            let (neighbours, values) = job.model.row(i as usize);
            for (&j, &value) in neighbours.iter().zip(values) {
                let b = layers.place[j as usize] as usize;
                let twice = 2.0 * job.scaled(value);
                onto[0][b * stride[0] + a / VECTOR].0[a % VECTOR] = twice;
                onto[1][a * stride[1] + b / VECTOR].0[b % VECTOR] = twice;
                exact[a * sides[1].len() + b] = value;
            }
        }
        Layered { job, sides, onto, stride, exact }
    }

    /// Adds to a side's fields what each of `changes` puts on them, `scale` times twice the coupling.
    ///
    /// The fields are taken in tiles of up to 8 vectors, as equal as can be, that stay in registers
    /// while the rows of all changes go by: no addition waits for the one before.
    #[inline(always)]
    fn add<S: Simd>(&self, s: S, side: usize, changes: &[Change], scale: f32, fields: &mut [[S::F; 2]]) {
        if changes.is_empty() {
            return;
        }
        let stride = self.stride[side];
        let vectors = &mut fields.as_flattened_mut()[..stride];
        let tiles = vectors.len().div_ceil(8).max(1);
        let mut at = 0;
        for tile in vectors.chunks_mut(vectors.len().div_ceil(tiles).max(1)) {
            let rows = &self.onto[side][at..];
            match tile.len() {
                1 => add_tile::<S, 1>(s, rows, stride, changes, scale, tile),
                2 => add_tile::<S, 2>(s, rows, stride, changes, scale, tile),
                3 => add_tile::<S, 3>(s, rows, stride, changes, scale, tile),
                4 => add_tile::<S, 4>(s, rows, stride, changes, scale, tile),
                5 => add_tile::<S, 5>(s, rows, stride, changes, scale, tile),
                6 => add_tile::<S, 6>(s, rows, stride, changes, scale, tile),
                7 => add_tile::<S, 7>(s, rows, stride, changes, scale, tile),
                _ => add_tile::<S, 8>(s, rows, stride, changes, scale, tile),
            }
            at += tile.len();
        }
    }
}

/// `tile += scale * sum over changes of sign * row`, rows `stride` apart.
#[inline(always)]
fn add_tile<S: Simd, const N: usize>(
    s: S,
    rows: &[Eight<f32>],
    stride: usize,
    changes: &[Change],
    scale: f32,
    tile: &mut [S::F],
) {
    let mut sum: [S::F; N] = std::array::from_fn(|v| tile[v]);
    for change in changes {
        let row = &rows[change.from as usize * stride..][..N];
        let factor = s.splat(f32::from_bits(scale.to_bits() ^ change.sign));
        for v in 0..N {
            sum[v] = s.mul_add(factor, s.floats(row[v].0), sum[v]);
        }
    }
    tile.copy_from_slice(&sum);
}

/// A spin of the other side whose share in the fields changes; `sign` is the sign bit of its spin.
#[derive(Clone, Copy)]
struct Change {
    from: u32,
    sign: u32,
}

/// One side of one run.
struct Side<S: Simd> {
    /// The signs tell; 16 to a block.
    spins: Vec<[S::F; 2]>,
    fields: Vec<[S::F; 2]>,
    /// Of the sweep under way, a bit a spin, by fours of blocks: who flipped, and the sign bits then.
    flipped: Vec<[u16; 4]>,
    signs: Vec<[u16; 4]>,
    changes: Vec<Change>,
}

impl<S: Simd> Side<S> {
    fn new(s: S, len: usize) -> Self {
        let blocks = len.div_ceil(BLOCK);
        Side {
            spins: vec![[s.splat(1.0); 2]; blocks],
            fields: vec![[s.splat(0.0); 2]; blocks],
            flipped: vec![[0; 4]; blocks.div_ceil(4)],
            signs: vec![[0; 4]; blocks.div_ceil(4)],
            changes: Vec::with_capacity(len),
        }
    }
}

impl Kernel for Layered<'_> {
    fn end(&self, chunk: usize) -> usize {
        chunk + 1
    }

    #[inline(always)]
    fn run<S: Simd>(&self, s: S, run: usize, state: &mut [i8], energies: &mut [f64]) {
        let mut sides = [0, 1].map(|k| Side::new(s, self.sides[k].len()));
        if self.job.batch.gibbs() {
            self.anneal::<S, true>(s, run, &mut sides);
        } else {
            self.anneal::<S, false>(s, run, &mut sides);
        }
        for (side, index) in sides.iter().zip(self.sides) {
            let spins = side.spins.as_flattened().iter().flat_map(|&v| s.float_array(v));
            for (&i, spin) in index.iter().zip(spins) {
                state[i as usize] = spin as i8;
            }
        }
        energies[0] = self.energy(run, state);
    }
}

impl Layered<'_> {
    #[inline(always)]
    fn anneal<S: Simd, const GIBBS: bool>(&self, s: S, run: usize, sides: &mut [Side<S>; 2]) {
        let job = self.job;
        let keys = Keys::new(s, &job.key);
        let (problem, read) = job.problem_and_read(run);
        let problem = job.batch.problem_ids[problem];
        // Blocks of random numbers are counted through both sides; one is for four spins.
        let offset = [0, (4 * sides[0].spins.len()) as u32];
        let start = |sweep: u32| keys.start(s, [0, sweep, read, problem, 0, sweep, read, problem]);
        for (k, side) in sides.iter_mut().enumerate() {
            match job.initial_state(run) {
                Some(state) => {
                    let given = |at: usize| self.sides[k].get(at).map_or(1.0, |&i| f32::from(state[i as usize]));
                    for (v, spins) in side.spins.as_flattened_mut().iter_mut().enumerate() {
                        *spins = s.floats(std::array::from_fn(|lane| given(VECTOR * v + lane)));
                    }
                }
                None => {
                    for (b, block) in side.spins.iter_mut().enumerate() {
                        let bits = sixteen(s, &keys, start(INITIAL), offset[k] + 4 * b as u32);
                        *block = bits.map(|bits| s.select(bits, s.splat(-1.0), s.splat(1.0)));
                    }
                }
            }
        }
        for (t, rate) in job.rates() {
            if t % REFRESH == 0 {
                self.refresh(s, run, sides);
            }
            if job.stopped() {
                return;
            }
            let [a, b] = sides;
            self.sweep::<S, GIBBS>(s, &keys, start(t), offset[0], rate, a, 1, b);
            self.sweep::<S, GIBBS>(s, &keys, start(t), offset[1], rate, b, 0, a);
        }
    }

    /// The local fields from the spins: `f_i = h_i + sum_j J_ij s_j`, and minus infinity for the padding,
    /// whose spins are up and so never flip.
    #[inline(always)]
    fn refresh<S: Simd>(&self, s: S, run: usize, sides: &mut [Side<S>; 2]) {
        let h = self.job.fields(run);
        for k in [0, 1] {
            let [a, b] = &mut *sides;
            let (side, other) = if k == 0 { (a, b) } else { (b, a) };
            let field =
                |at: usize| self.sides[k].get(at).map_or(f32::NEG_INFINITY, |&i| self.job.scaled(h[i as usize]));
            for (v, fields) in side.fields.as_flattened_mut().iter_mut().enumerate() {
                *fields = s.floats(std::array::from_fn(|lane| field(VECTOR * v + lane)));
            }
            let len = self.sides[k].len();
            for (v, spins) in side.spins.as_flattened_mut().iter_mut().enumerate() {
                let lanes = s.float_array(*spins);
                let up = |lane: usize| if VECTOR * v + lane < len { lanes[lane] } else { 1.0 };
                *spins = s.floats(std::array::from_fn(up));
            }
            let spins = other.spins.as_flattened().iter().flat_map(|&v| s.float_array(v));
            let all = (0..self.sides[1 - k].len() as u32).zip(spins);
            let all: Vec<_> = all.map(|(from, spin)| Change { from, sign: spin.to_bits() & SIGN }).collect();
            self.add(s, k, &all, 0.5, &mut side.fields);
        }
    }

    /// Updates all spins of a side; flips change the fields of the other side, number `other_side`.
    ///
    /// First all decisions, with no branch between them but the one that skips a frozen block, so that the
    /// long chain of one overlaps that of the next; then the list of flips; then their rows.
    #[inline(always)]
    #[allow(clippy::too_many_arguments)]
    fn sweep<S: Simd, const GIBBS: bool>(
        &self,
        s: S,
        keys: &Keys<S>,
        start: S::U,
        offset: u32,
        rate: f32,
        side: &mut Side<S>,
        other_side: usize,
        other: &mut Side<S>,
    ) {
        let rate = s.splat(rate);
        let sign = s.splat_int(SIGN);
        let decisions = side.flipped.as_flattened_mut().iter_mut().zip(side.signs.as_flattened_mut());
        for (b, ((spins, fields), (flipped, signs))) in
            side.spins.iter_mut().zip(&side.fields).zip(decisions).enumerate()
        {
            let exponent: [S::F; 2] = std::array::from_fn(|v| s.mul(rate, s.mul(spins[v], fields[v])));
            *flipped = 0;
            let warmest = s.max(exponent[0], exponent[1]);
            if s.signs(s.as_ints(s.sub(s.splat(NEVER), warmest))) != 0 {
                let bits = sixteen(s, keys, start, offset + 4 * b as u32);
                *signs = 0;
                for v in 0..2 {
                    let flips = accepted::<S, GIBBS>(s, exponent[v], bits[v]);
                    let new = s.xor(s.as_ints(spins[v]), s.and(flips, sign));
                    spins[v] = s.as_floats(new);
                    *flipped |= u16::from(s.signs(flips)) << (VECTOR * v);
                    *signs |= u16::from(s.signs(new)) << (VECTOR * v);
                }
            }
        }
        side.changes.clear();
        for (k, (flipped, signs)) in side.flipped.iter().zip(&side.signs).enumerate() {
            let [mut flips, signs] =
                [flipped, signs].map(|four| four.iter().rev().fold(0, |w, &m| w << BLOCK | u64::from(m)));
            while flips != 0 {
                let bit = flips.trailing_zeros();
                flips &= flips - 1;
                let from = (4 * BLOCK * k) as u32 + bit;
                side.changes.push(Change { from, sign: ((signs >> bit) as u32) << 31 });
            }
        }
        self.add(s, other_side, &side.changes, 1.0, &mut other.fields);
    }

    /// The energy of a state in double precision, from the numbers that were given.
    fn energy(&self, run: usize, state: &[i8]) -> f64 {
        let spin = |i: &u32| f64::from(state[*i as usize]);
        let h = self.job.fields(run);
        let mut field: Vec<f64> = self.sides[1].iter().map(|&j| h[j as usize]).collect();
        let mut energy = 0.0;
        if !field.is_empty() {
            for (row, i) in self.exact.chunks_exact(field.len()).zip(&self.sides[0]) {
                let s = spin(i);
                for (f, w) in field.iter_mut().zip(row) {
                    *f += s * w;
                }
            }
        }
        for i in &self.sides[0] {
            energy += spin(i) * h[*i as usize];
        }
        for (j, f) in self.sides[1].iter().zip(&field) {
            energy += spin(j) * f;
        }
        energy
    }
}

/// The random numbers of 16 spins from block `block` on.
#[inline(always)]
fn sixteen<S: Simd>(s: S, keys: &Keys<S>, start: S::U, block: u32) -> [S::U; 2] {
    [0, 2].map(|k| {
        let place = s.ints([block + k, 0, 0, 0, block + k + 1, 0, 0, 0]);
        keys.finish(s, s.xor(start, place))
    })
}
