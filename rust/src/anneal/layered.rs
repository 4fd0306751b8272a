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

use super::Job;
use super::accept::{NEVER, SIGN, accept, turned};
use crate::model::Pattern;
use crate::rng::{INITIAL, Key};
use crate::simd::Simd;

const BLOCK: usize = 16;
/// Spins are padded to whole blocks, rows of couplings only to this.
const VECTOR: usize = 8;
/// Sweeps after which the fields are summed anew, before rounding errors could add up.
const REFRESH: u32 = 512;

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
pub(super) struct Couplings<'a> {
    key: Key,
    /// Model index of each spin of each side.
    sides: &'a [Vec<u32>; 2],
    /// `onto[side]`: for each spin of the *other* side, its couplings onto this side, times 2.
    onto: [Vec<f32>; 2],
    stride: [usize; 2],
    /// Couplings of each spin of side 0 onto side 1 in full precision, for the energies.
    exact: Vec<f64>,
}

impl<'a> Couplings<'a> {
    pub(super) fn new(job: &Job, layers: &'a Layers) -> Self {
        let sides = &layers.sides;
        let stride = [0, 1].map(|k| sides[k].len().next_multiple_of(VECTOR));
        let mut onto = [vec![0f32; sides[1].len() * stride[0]], vec![0f32; sides[0].len() * stride[1]]];
        let mut exact = vec![0f64; sides[0].len() * sides[1].len()];
        for (a, &i) in sides[0].iter().enumerate() {
            let (neighbours, values) = job.model.row(i as usize);
            for (&j, &value) in neighbours.iter().zip(values) {
                let b = layers.place[j as usize] as usize;
                let twice = 2.0 * job.scaled(value);
                onto[0][b * stride[0] + a] = twice;
                onto[1][a * stride[1] + b] = twice;
                exact[a * sides[1].len() + b] = value;
            }
        }
        Couplings { key: Key::new(job.batch.seed), sides, onto, stride, exact }
    }

    /// Adds to a side's fields what each of `changes` puts on them, `scale` times twice the coupling.
    ///
    /// The fields are taken in tiles of up to 8 vectors, as equal as can be, that stay in registers
    /// while the rows of all changes go by: no addition waits for the one before.
    #[inline(always)]
    fn add(&self, side: usize, changes: &[Change], scale: f32, fields: &mut [[f32; BLOCK]]) {
        if changes.is_empty() {
            return;
        }
        let stride = self.stride[side];
        let vectors = fields.as_flattened_mut()[..stride].as_chunks_mut::<VECTOR>().0;
        let tiles = vectors.len().div_ceil(8).max(1);
        let mut at = 0;
        for tile in vectors.chunks_mut(vectors.len().div_ceil(tiles).max(1)) {
            let rows = &self.onto[side][at..];
            match tile.len() {
                1 => add_tile::<1>(rows, stride, changes, scale, tile),
                2 => add_tile::<2>(rows, stride, changes, scale, tile),
                3 => add_tile::<3>(rows, stride, changes, scale, tile),
                4 => add_tile::<4>(rows, stride, changes, scale, tile),
                5 => add_tile::<5>(rows, stride, changes, scale, tile),
                6 => add_tile::<6>(rows, stride, changes, scale, tile),
                7 => add_tile::<7>(rows, stride, changes, scale, tile),
                _ => add_tile::<8>(rows, stride, changes, scale, tile),
            }
            at += VECTOR * tile.len();
        }
    }
}

/// `tile += scale * sum over changes of sign * row`, rows `stride` apart.
#[inline(always)]
fn add_tile<const N: usize>(
    rows: &[f32],
    stride: usize,
    changes: &[Change],
    scale: f32,
    tile: &mut [[f32; VECTOR]],
) {
    let mut sum: [[f32; VECTOR]; N] = std::array::from_fn(|v| tile[v]);
    for change in changes {
        let row = rows[change.from as usize * stride..][..N * VECTOR].as_chunks::<VECTOR>().0;
        let factor = f32::from_bits(scale.to_bits() ^ change.sign);
        for v in 0..N {
            for k in 0..VECTOR {
                sum[v][k] += factor * row[v][k];
            }
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
struct Side {
    spins: Vec<[f32; BLOCK]>,
    fields: Vec<[f32; BLOCK]>,
    /// Of the sweep under way, a bit a spin, by fours of blocks: who flipped, and the sign bits then.
    flipped: Vec<[u16; 4]>,
    signs: Vec<[u16; 4]>,
    changes: Vec<Change>,
}

impl Side {
    fn new(len: usize) -> Self {
        let blocks = len.div_ceil(BLOCK);
        Side {
            spins: vec![[1.0; BLOCK]; blocks],
            fields: vec![[0.0; BLOCK]; blocks],
            flipped: vec![[0; 4]; blocks.div_ceil(4)],
            signs: vec![[0; 4]; blocks.div_ceil(4)],
            changes: Vec::with_capacity(len),
        }
    }
}

/// Anneals the runs from `first` on, one after the other.
///
/// # Safety
/// The instructions that `S` stands for must be there.
#[inline(always)]
pub(super) unsafe fn run<S: Simd>(
    job: &Job,
    couplings: &Couplings,
    first: usize,
    states: &mut [i8],
    energies: &mut [f64],
) {
    let n = job.model.num_spins();
    let mut sides = [0, 1].map(|k| Side::new(couplings.sides[k].len()));
    for (k, (state, energy)) in states.chunks_exact_mut(n).zip(energies).enumerate() {
        // SAFETY: as for this function.
        unsafe { run_one::<S>(job, couplings, first + k, &mut sides) };
        for (side, index) in sides.iter().zip(couplings.sides) {
            for (&i, &s) in index.iter().zip(side.spins.as_flattened()) {
                state[i as usize] = s as i8;
            }
        }
        *energy = energy_of(job, couplings, first + k, state);
    }
}

#[inline(always)]
unsafe fn run_one<S: Simd>(job: &Job, couplings: &Couplings, run: usize, sides: &mut [Side; 2]) {
    let (problem, read) = job.problem_and_read(run);
    let problem = job.batch.problem_ids[problem];
    // Blocks of random numbers are counted through both sides.
    let offset = [0, (4 * sides[0].spins.len()) as u32];
    for (k, side) in sides.iter_mut().enumerate() {
        let index = &couplings.sides[k];
        let spins = side.spins.as_flattened_mut();
        match job.initial_state(run) {
            Some(state) => {
                for (s, &i) in spins.iter_mut().zip(index) {
                    *s = f32::from(state[i as usize]);
                }
            }
            None => {
                for (b, block) in side.spins.iter_mut().enumerate() {
                    let at = offset[k] + 4 * b as u32;
                    // SAFETY: as for this function.
                    let bits = unsafe { S::sixteen_spins(&couplings.key, at, INITIAL, read, problem) };
                    *block = bits.map(|b| if b >> 31 == 0 { 1.0 } else { -1.0 });
                }
            }
        }
    }
    for (t, rate) in job.rates() {
        if t % REFRESH == 0 {
            refresh(job, couplings, run, sides);
        }
        if job.stopped() {
            return;
        }
        let [a, b] = sides;
        // SAFETY: as for this function.
        unsafe {
            sweep::<S>(couplings, 1, a, b, rate, |block| [offset[0] + 4 * block, t, read, problem]);
            sweep::<S>(couplings, 0, b, a, rate, |block| [offset[1] + 4 * block, t, read, problem]);
        }
    }
}

/// The local fields from the spins: `f_i = h_i + sum_j J_ij s_j`, and minus infinity for the padding,
/// whose spins are up and so never flip.
#[inline(always)]
fn refresh(job: &Job, couplings: &Couplings, run: usize, sides: &mut [Side; 2]) {
    let h = job.fields(run);
    for k in [0, 1] {
        let [a, b] = &mut *sides;
        let (side, other) = if k == 0 { (a, b) } else { (b, a) };
        side.fields.fill([f32::NEG_INFINITY; BLOCK]);
        for (f, &i) in side.fields.as_flattened_mut().iter_mut().zip(&couplings.sides[k]) {
            *f = job.scaled(h[i as usize]);
        }
        let spins = &other.spins.as_flattened()[..couplings.sides[1 - k].len()];
        let all = spins.iter().enumerate().map(|(k, s)| Change { from: k as u32, sign: s.to_bits() & SIGN });
        couplings.add(k, &all.collect::<Vec<_>>(), 0.5, &mut side.fields);
        for pad in &mut side.spins.as_flattened_mut()[couplings.sides[k].len()..] {
            *pad = 1.0;
        }
    }
}

/// Updates all spins of a side; flips change the fields of the other side, number `other_side`.
///
/// First all decisions, with no branch between them but the one that skips a frozen block, so that the
/// long chain of one overlaps that of the next; then the list of flips; then their rows.
#[inline(always)]
unsafe fn sweep<S: Simd>(
    couplings: &Couplings,
    other_side: usize,
    side: &mut Side,
    other: &mut Side,
    rate: f32,
    counter: impl Fn(u32) -> [u32; 4],
) {
    let decisions = side.flipped.as_flattened_mut().iter_mut().zip(side.signs.as_flattened_mut());
    for (b, ((spins, fields), (flipped, signs))) in
        side.spins.iter_mut().zip(&side.fields).zip(decisions).enumerate()
    {
        let mut exponent = [0f32; BLOCK];
        let mut warm = 0;
        for k in 0..BLOCK {
            exponent[k] = rate * (spins[k] * fields[k]);
            warm |= i32::from(exponent[k] > NEVER);
        }
        *flipped = 0;
        if warm != 0 {
            let [block, t, read, problem] = counter(b as u32);
            // SAFETY: as for this function.
            unsafe {
                let bits = S::sixteen_spins(&couplings.key, block, t, read, problem);
                let accepted = accept(&exponent, &bits);
                *spins = turned(spins, &accepted);
                *flipped = S::signs(&accepted);
                *signs = S::signs(&spins.map(|s| s.to_bits() as i32));
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
    couplings.add(other_side, &side.changes, 1.0, &mut other.fields);
}

/// The energy of a state in double precision, from the numbers that were given.
#[inline(always)]
fn energy_of(job: &Job, couplings: &Couplings, run: usize, state: &[i8]) -> f64 {
    let spin = |i: &u32| f64::from(state[*i as usize]);
    let h = job.fields(run);
    let mut field: Vec<f64> = couplings.sides[1].iter().map(|&j| h[j as usize]).collect();
    let mut energy = 0.0;
    if !field.is_empty() {
        for (row, i) in couplings.exact.chunks_exact(field.len()).zip(&couplings.sides[0]) {
            let s = spin(i);
            for (f, w) in field.iter_mut().zip(row) {
                *f += s * w;
            }
        }
    }
    for i in &couplings.sides[0] {
        energy += spin(i) * h[*i as usize];
    }
    for (j, f) in couplings.sides[1].iter().zip(&field) {
        energy += spin(j) * f;
    }
    energy
}
