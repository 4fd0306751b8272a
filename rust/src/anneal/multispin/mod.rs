//! Small integer couplings, in units of a common quantum: 512 reads of a problem in the bits of a vector.
//!
//! ```text
//! spin i   [ read 0 | read 1 | ... | read 511 ]   one bit each, 1 = down, and beside it the opposite
//! field i  plane 0 [ 1 | 0 | ... ]    counts the couplings that would rather see the spin flipped,
//!          plane 1 [ 0 | 1 | ... ]    weighted by |J|, summed anew at each update by bitwise adders;
//!          plane 2 [ 1 | 1 | ... ]    the count starts so that the last plane tells "costs nothing"
//! ```
//!
//! After Isakov, Zintchenko, Ronnow and Troyer, "Optimised simulated annealing for Ising spin glasses" (Comput.
//! Phys. Commun. 192, 265, 2015), with one difference: they share a random number among the reads of a
//! word, which correlates the reads; here every read draws its own.
//!
//! A flip that costs `e + 1` steps is accepted with probability `p r^e`: one uniform number against one threshold for
//! each `e`. Numbers are compared digit by digit, all reads at once: the first digit that is 1 in a random word
//! decides a read, and its answer is that digit of its threshold. After 12 words one read in 8 vectors is left; the
//! words go on until none is. Leading digits that are 0 in all thresholds decide without a look at them; when
//! those are 12, the reads that survive are drawn directly: in 7 of 8 vectors there is none.
//!
//! A heat bath (Gibbs) flips with probability `p = x / (1 + x)` where that costs energy, `1 - p` where it gains as much, and
//! with a fair coin where it changes nothing: the same comparison with other thresholds, and its answer turned over.
//!
//! Several threads share the spins of a chunk (`team.rs`) where there are no other chunks for them.
//!
//! Cost of an update of 512 reads with AVX-512: eight instructions a coupling of 1, three of them on vectors, and about
//! 330 for the numbers and the decision, half of that when cold. The fields are not maintained: adding a flip's share
//! would cost as much as summing, and in 512 reads one nearly always flips.
//!
//! Tried and slower: 256 reads at a time (1.7 times: as many instructions for half of the reads); Bernoulli events of
//! their own for the higher digits of `e`, in loops that end when all reads are decided (1.7 times on Pegasus: the end
//! cannot be predicted); one digit of a geometric variable at a time; neighbours' signs by a bitwise
//! operation instead of a second word for each spin; an order of updates in which neighbours are far apart
//! (no difference: this kernel waits for nothing, it has many instructions).

mod integers;
mod odds;
mod output;
mod work;

pub(super) use integers::Integers;
pub(super) use odds::WORDS;

use super::job::Job;
use super::kernel::Kernel;
use super::order::Order;
use super::team::{self, Shares};
use crate::rng::{INITIAL, Keys};
use crate::simd::{LANES, Row, Simd};
use integers::DIGITS;
use odds::{Choice, Odds, some_reads};
use work::Work;

const READS: usize = 512;
/// Streams of random words for each place, so that the rounds of one overlap those of another.
pub(super) const STREAMS: usize = 4;

pub(super) struct Multispin<'a> {
    pub(super) job: &'a Job<'a>,
    pub(super) integers: Integers,
    /// The inputs of digit `d` of spin `i` stand at `starts[DIGITS i + d] .. starts[DIGITS i + d + 1]`.
    starts: Vec<u32>,
    /// A word to add: twice the neighbour, and one more for the opposite of its spin.
    inputs: Vec<u32>,
    /// Binary digits of the largest coupling.
    digits: usize,
    /// The spins that each of those updates who work on a chunk.
    shares: Shares,
}

impl<'a> Multispin<'a> {
    /// For `threads` that share the work.
    pub(super) fn new(
        job: &'a Job<'a>,
        integers: Integers,
        order: impl FnOnce() -> &'a Order,
        threads: usize,
    ) -> Self {
        let chunks = job.batch.problem_ids.len() * chunks_of_problem(job);
        let mut of_team = None;
        let members = team::members(job, threads, chunks, || *of_team.insert(order()));
        let shares = match of_team {
            Some(order) if members > 1 => Shares::of(order, members),
            _ => Shares::alone(job.couplings.num_spins()),
        };
        Self::shared(job, integers, shares)
    }

    /// For one thread.
    pub(super) fn alone(job: &'a Job<'a>, integers: Integers) -> Self {
        Self::shared(job, integers, Shares::alone(job.couplings.num_spins()))
    }

    fn shared(job: &'a Job<'a>, integers: Integers, shares: Shares) -> Self {
        let (mut starts, mut inputs) = (vec![0], vec![]);
        for i in 0..job.couplings.num_spins() {
            let (neighbours, at) = job.couplings.pattern().row(i);
            for digit in 0..DIGITS {
                for (&neighbour, j) in neighbours.iter().zip(&integers.couplings[at..]) {
                    if j.unsigned_abs() >> digit & 1 == 1 {
                        // A coupling J > 0 would rather see unlike spins.
                        inputs.push(2 * neighbour + u32::from(*j > 0));
                    }
                }
                starts.push(inputs.len() as u32);
            }
        }
        let largest = integers.couplings.iter().map(|j| j.unsigned_abs()).max().unwrap_or(0);
        let digits = (8 - largest.leading_zeros()) as usize;
        Multispin { job, integers, starts, inputs, digits, shares }
    }
}

fn chunks_of_problem(job: &Job) -> usize {
    job.batch.num_reads.div_ceil(READS)
}

impl Kernel for Multispin<'_> {
    fn end(&self, chunk: usize) -> usize {
        let (each, reads) = (chunks_of_problem(self.job), self.job.batch.num_reads);
        chunk / each * reads + (READS * (chunk % each + 1)).min(reads)
    }

    #[inline(always)]
    fn run<S: Simd>(&self, s: S, chunk: usize, states: &mut [i8], energies: &mut [f64]) {
        let n = self.job.couplings.num_spins();
        let work = Work::new(self, chunk, states.len() / n, &self.shares);
        let (mut words, mut done) = (work.initial_words(s), 0);
        if self.shares.members() > 1 && team::together(S::ISA, &work) {
            (words, done) = (work.written_words(s), work.team.sweeps_done());
        }
        if done < self.job.batch.method.len() {
            // Nobody else, or not any more.
            words = Work::new(self, chunk, states.len() / n, &Shares::alone(n)).words(s, 0, done, words);
        }
        let spins: Vec<S::U> = words.chunks_exact(2).map(|word| word[0]).collect();
        self.write_out(s, &spins, work.fields, states, energies);
    }
}

impl<'a> Multispin<'a> {
    /// The reads in which spin `i` flips. It has as many planes as its sum has binary digits: a hub does not make the others
    /// slow.
    #[inline(always)]
    fn flips<S: Simd, const GIBBS: bool>(
        &self,
        s: S,
        sweep: &Sweep<S>,
        i: usize,
        spin: &Spin,
        words: &[S::U],
    ) -> S::U {
        match spin.planes {
            3 => self.flips_of::<S, 3, GIBBS>(s, sweep, i, spin, words),
            4 => self.flips_of::<S, 4, GIBBS>(s, sweep, i, spin, words),
            5 => self.flips_of::<S, 5, GIBBS>(s, sweep, i, spin, words),
            6 => self.flips_of::<S, 6, GIBBS>(s, sweep, i, spin, words),
            7 => self.flips_of::<S, 7, GIBBS>(s, sweep, i, spin, words),
            _ => self.flips_of::<S, 8, GIBBS>(s, sweep, i, spin, words),
        }
    }

    #[inline(always)]
    fn flips_of<S: Simd, const K: usize, const GIBBS: bool>(
        &self,
        s: S,
        sweep: &Sweep<S>,
        i: usize,
        spin: &Spin,
        words: &[S::U],
    ) -> S::U {
        let mut count = self.count::<S, K>(s, i, spin, words);
        let (keys, place, all) = (sweep.keys, s.quarters(i as u32), s.splat_int(u32::MAX));
        let odds = &sweep.odds[usize::from(spin.odd)];
        let [first] = keys.finish(s, [s.xor(sweep.starts[0], place)]);
        let mut numbers = [first; STREAMS];
        // Those whose fate the count tells, and that of the others' if no number says otherwise.
        let (mut known, mut flips) = (count[K - 1], count[K - 1]);
        if GIBBS {
            let even = if spin.odd { s.splat_int(0) } else { self.fold_even(s, &mut count) };
            [numbers[1]] = keys.finish(s, [s.xor(sweep.starts[1], place)]);
            (known, flips) = (even, s.choose(even, numbers[1], count[K - 1]));
            // What would be gained counts as what would be lost by going back.
            for k in 0..K - 1 {
                count[k] = s.xor(count[k], count[K - 1]);
            }
        }
        let mut left = s.and_not(all, known);
        if odds.blank == WORDS {
            let draw = s.int_array(numbers[0]);
            if draw[0] < sweep.survivors[0] {
                return flips;
            }
            numbers[0] = keys.next(s, numbers[0]);
            left = s.and(left, s.ints(&some_reads(sweep.survivors, draw[0], s.int_array(numbers[0]))));
        } else {
            for (number, &start) in numbers[1..].iter_mut().zip(&sweep.starts[1..]) {
                [*number] = keys.finish(s, [s.xor(start, place)]);
            }
        }
        s.xor(flips, accepted::<S, K>(s, keys, &count, odds, numbers, left))
    }

    /// Where a flip of a spin with an even total changes nothing; the others' gains are then counted from 0, as their losses
    /// are.
    #[inline(always)]
    fn fold_even<S: Simd, const K: usize>(&self, s: S, count: &mut [S::U; K]) -> S::U {
        let free = count[K - 1];
        let mut borrow = free;
        for plane in count.iter_mut() {
            let less = s.xor(*plane, borrow);
            borrow = s.and_not(borrow, *plane);
            *plane = less;
        }
        s.and_not(free, count[K - 1])
    }

    /// What stays the same of spin `i` of a problem.
    pub(super) fn spin(&self, i: usize, field: i8) -> Spin {
        let (neighbours, at) = self.job.couplings.pattern().row(i);
        let couplings = &self.integers.couplings[at..at + neighbours.len()];
        let total =
            couplings.iter().map(|j| u32::from(j.unsigned_abs())).sum::<u32>() + u32::from(field.unsigned_abs());
        let planes = (u32::BITS - total.leading_zeros()).max(3) as usize;
        // A field h > 0 would rather see the spin down.
        let start = (1 << (planes - 1)) - (total / 2 + 1) as i32 + i32::from(field.max(0));
        Spin { odd: total % 2 == 1, start: start as u32, planes }
    }

    /// `2^(K-1) - C + S` in `K` planes, where `S` sums the |couplings| and |field| that would rather see the
    /// spin flipped, and `C` is half their total, rounded up. So `S - (total - S) = s f`, the last plane tells
    /// where a flip costs nothing, and the others hold `2^(K-1) - 1 - e` where it costs `e + 1` steps.
    ///
    /// Added up is what would rather see the spin *down*; where it is down, `S` is the total less this. With an
    /// odd total that is the same as turning over all planes, so an even one gets one more, for a coupling that is
    /// never content.
    #[inline(always)]
    pub(super) fn count<S: Simd, const K: usize>(&self, s: S, i: usize, spin: &Spin, words: &[S::U]) -> [S::U; K] {
        let constant = [s.splat_int(0), s.splat_int(u32::MAX)];
        let mut planes = [constant[0]; K];
        for (k, plane) in planes.iter_mut().enumerate() {
            *plane = constant[(spin.start >> k & 1) as usize];
        }
        if !spin.odd {
            ripple(s, &mut planes, 0, words[2 * i + 1]);
        }
        self.add_digit::<S, K, 0>(s, i, words, &mut planes);
        if self.digits > 1 {
            self.add_digit::<S, K, 1>(s, i, words, &mut planes);
            self.add_digit::<S, K, 2>(s, i, words, &mut planes);
        }
        for plane in &mut planes {
            *plane = s.xor(*plane, words[2 * i]);
        }
        planes
    }

    /// Adds digit `D` of all couplings of spin `i`.
    #[inline(always)]
    fn add_digit<S: Simd, const K: usize, const D: usize>(
        &self,
        s: S,
        i: usize,
        words: &[S::U],
        planes: &mut [S::U; K],
    ) {
        let at = DIGITS * i + D;
        let inputs = &self.inputs[self.starts[at] as usize..self.starts[at + 1] as usize];
        // SAFETY: there are two words for each of the model's spins, and a pattern is refused if it names
        // another. Checking here takes a fifth of the time.
        let word = |input: u32| unsafe { *words.get_unchecked(input as usize) };
        let (fours, rest) = inputs.as_chunks::<4>();
        for &[a, b, c, d] in fours {
            let one = full_add(s, &mut planes[D], word(a), word(b));
            let two = full_add(s, &mut planes[D], word(c), word(d));
            if D + 1 < K {
                let four = full_add(s, &mut planes[D + 1], one, two);
                ripple(s, planes, D + 2, four);
            }
        }
        let (twos, rest) = rest.as_chunks::<2>();
        for &[a, b] in twos {
            let carry = full_add(s, &mut planes[D], word(a), word(b));
            ripple(s, planes, D + 1, carry);
        }
        for &a in rest {
            ripple(s, planes, D, word(a));
        }
    }

    /// The states given, or random ones: each spin and its opposite.
    #[inline(always)]
    fn initial_words<S: Simd>(
        &self,
        s: S,
        keys: &Keys<S>,
        stream: &Stream,
        first_run: usize,
        runs: usize,
    ) -> Vec<S::U> {
        let start = stream.starts(s, keys, INITIAL)[0];
        let spin = |i: usize| {
            if !self.job.batch.has_initial_states() {
                let [bits] = keys.finish(s, [s.xor(start, s.quarters(i as u32))]);
                return bits;
            }
            let mut bits = Row([0u32; LANES]);
            for read in 0..runs {
                let down = self.job.initial_state(first_run + read).is_some_and(|state| state[i] < 0);
                bits.0[read / 32] |= u32::from(down) << (read % 32);
            }
            s.ints(&bits)
        };
        let both = |spin: S::U| [spin, s.and_not(s.splat_int(u32::MAX), spin)];
        (0..self.job.couplings.num_spins()).flat_map(|i| both(spin(i))).collect()
    }
}

/// What a problem makes of one spin.
pub(super) struct Spin {
    /// Whether the |couplings| and |field| have an odd sum.
    pub(super) odd: bool,
    /// What the count of its couplings starts from.
    start: u32,
    /// Binary digits of the count.
    pub(super) planes: usize,
}

/// What all updates of a sweep share.
struct Sweep<'a, S: Simd> {
    keys: &'a Keys<S>,
    odds: &'a [Odds],
    survivors: &'a [u32; 16],
    starts: [S::U; STREAMS],
}

/// Where the random words of a chunk come from.
pub(super) struct Stream {
    pub(super) id: u32,
    /// Blocks of 128 reads; four are a vector.
    pub(super) block: u32,
}

impl Stream {
    #[inline(always)]
    pub(super) fn starts<S: Simd>(&self, s: S, keys: &Keys<S>, sweep: u32) -> [S::U; STREAMS] {
        std::array::from_fn(|k| {
            let word = STREAMS as u32 * self.block + k as u32;
            keys.start(s, std::array::from_fn(|quarter| [0, sweep, word + (STREAMS * quarter) as u32, self.id]))
        })
    }
}

/// Which of the reads `left` accept a flip that costs what `count` says: uniform numbers against thresholds, digit by digit,
/// words of four streams in turn.
#[inline(always)]
fn accepted<S: Simd, const K: usize>(
    s: S,
    keys: &Keys<S>,
    count: &[S::U; K],
    odds: &Odds,
    mut numbers: [S::U; STREAMS],
    mut left: S::U,
) -> S::U {
    let choice = Choice::<S, K>::new(s, count);
    let mut accepted = s.splat_int(0);
    if odds.blank < WORDS {
        for first in (0..WORDS).step_by(STREAMS) {
            if first < odds.blank {
                for number in &mut numbers {
                    left = s.and_not(left, *number);
                    *number = keys.next(s, *number);
                }
            } else {
                for (number, levels) in numbers.iter_mut().zip(&odds.thresholds[first..]) {
                    accepted = s.choose(left, choice.of(s, levels), accepted);
                    left = s.and_not(left, *number);
                    *number = keys.next(s, *number);
                }
            }
        }
    }
    for levels in &odds.thresholds[WORDS..] {
        if s.no_bits(left) {
            break;
        }
        accepted = s.choose(left, choice.of(s, levels), accepted);
        left = s.and_not(left, numbers[0]);
        numbers[0] = keys.next(s, numbers[0]);
    }
    accepted
}

/// `sum += a + b` in one plane; returns the carry.
#[inline(always)]
fn full_add<S: Simd>(s: S, sum: &mut S::U, a: S::U, b: S::U) -> S::U {
    let carry = s.majority(*sum, a, b);
    *sum = s.xor3(*sum, a, b);
    carry
}

/// Adds a carry to plane `from` and on.
#[inline(always)]
fn ripple<S: Simd, const K: usize>(s: S, planes: &mut [S::U; K], from: usize, mut carry: S::U) {
    for plane in &mut planes[from.min(K)..] {
        let sum = s.xor(*plane, carry);
        carry = s.and(*plane, carry);
        *plane = sum;
    }
}
