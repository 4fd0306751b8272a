//! Small integer couplings, in units of a common quantum: 256 reads of a problem in the bits of a vector.
//!
//! ```text
//! spin i   [ read 0 | read 1 | ... | read 255 ]   one bit each, 1 = down
//! field i  plane 0 [ 1 | 0 | ... ]    counts the couplings that would rather see the spin flipped,
//!          plane 1 [ 0 | 1 | ... ]    weighted by |J|, summed anew at each update by bitwise adders;
//!          plane 2 [ 1 | 1 | ... ]    the count starts so that the last plane tells "costs nothing"
//! ```
//!
//! After Isakov, Zintchenko, Rønnow and Troyer, "Optimised simulated annealing for Ising spin glasses" (Comput.
//! Phys. Commun. 192, 265, 2015), with one difference: they share a random number among the reads of a
//! word, which correlates the reads; here every read draws its own.
//!
//! A flip that costs `e + 1` steps of `2 dE` is accepted with probability `p r^e`. For the two lowest binary
//! digits of `e` that is *one* uniform number against four thresholds; each higher digit is one more
//! independent event of probability `r^4, r^8, ...`. A uniform number is compared digit by digit, all reads
//! at once: the first digit that is 1 in a random word decides a read, and its answer is that digit of
//! its threshold. After 12 words one read in 16 vectors is left; the words go on until none is. When
//! even the cheapest flip has a chance below 2^-12, the reads that survive 12 words are drawn directly:
//! in 15 of 16 vectors there is none.
//!
//! Cost of an update of 256 reads: 7 instructions a coupling of 1, and about 100 for the numbers and the
//! decision, or 30 when cold. The fields are not maintained: adding a flip's share would cost as much as
//! summing, and in 256 reads one nearly always flips.
//!
//! Tried and slower: 512 reads, which hides the latency of AES (four streams for each place do it as well,
//! and leave 512 reads for two threads); one digit of a geometric variable at a time, as it needs a uniform
//! number for each; leaving the words early, for the misprediction costs more than the words.

use super::Job;
use super::isa::Kernel;
use crate::rng::{INITIAL, Keys};
use crate::simd::{LANES, Row, Simd};

const READS: usize = 512;
/// Streams of random words for each place, so that the rounds of one overlap those of another.
const STREAMS: usize = 4;
/// Words that are compared without a look at who is left.
const WORDS: usize = 12;
/// Binary digits of a coupling.
const DIGITS: usize = 3;
/// What a flip may cost, with seven planes.
const LEVELS: usize = 64;
/// The sum of |couplings| and |field| of a spin that seven planes hold.
const LARGEST: u32 = 127;

/// Couplings and fields as integers.
pub(super) struct Integers {
    quantum: f64,
    /// In the order of the model's rows.
    couplings: Vec<i8>,
    /// `(problems, spins)`.
    fields: Vec<i8>,
    /// The largest sum of |couplings| and |field| of a spin.
    largest: u32,
}

impl Integers {
    /// If they are small enough, multiples of a quantum, and few enough that summing them all is cheap.
    pub(super) fn of(job: &Job) -> Option<Self> {
        let all = job.model.couplings().iter().chain(job.batch.fields);
        let smallest = all.map(|v| v.abs()).filter(|&v| v > 0.0).fold(f64::INFINITY, f64::min);
        // The smallest number may itself be a few quanta: 2 and 3 are multiples of 1.
        (1..=6).find_map(|parts| Self::in_quanta(job, smallest / f64::from(parts)))
    }

    /// The same for a given quantum.
    pub(super) fn in_quanta(job: &Job, quantum: f64) -> Option<Self> {
        let whole = |v: &f64| {
            let ratio = v / quantum;
            let whole = ratio.round();
            ((ratio - whole).abs() <= 1e-12 * whole.abs() && whole.abs() <= f64::from(LARGEST))
                .then_some(whole as i8)
        };
        let integers = |values: &[f64]| values.iter().map(whole).collect::<Option<Vec<i8>>>();
        let couplings = quantum.is_normal().then(|| integers(job.model.couplings()))??;
        let fields = integers(job.batch.fields)?;
        let n = job.model.num_spins();
        let (mut largest, mut inputs) = (0, 0);
        for i in 0..n {
            let (neighbours, at) = job.model.pattern().row(i);
            let row = &couplings[at..at + neighbours.len()];
            if row.iter().any(|j| j.unsigned_abs() >> DIGITS != 0) {
                return None;
            }
            let field = fields.iter().skip(i).step_by(n).map(|h| u32::from(h.unsigned_abs())).max().unwrap_or(0);
            largest = largest.max(field + row.iter().map(|j| u32::from(j.unsigned_abs())).sum::<u32>());
            inputs += row.iter().map(|j| j.unsigned_abs().count_ones() as usize).sum::<usize>();
        }
        (largest <= LARGEST && inputs <= 40 * n).then_some(Integers { quantum, couplings, fields, largest })
    }

    pub(super) fn quantum(&self) -> f64 {
        self.quantum
    }
}

pub(super) struct Multispin<'a> {
    job: &'a Job<'a>,
    integers: Integers,
    /// The inputs of digit `d` of spin `i` stand at `starts[DIGITS i + d] .. starts[DIGITS i + d + 1]`.
    starts: Vec<u32>,
    /// A word to add: twice the neighbour, and one more for the opposite of its spin.
    inputs: Vec<u32>,
    /// Binary digits of the largest coupling.
    digits: usize,
}

impl<'a> Multispin<'a> {
    pub(super) fn new(job: &'a Job<'a>, integers: Integers) -> Self {
        let (mut starts, mut inputs) = (vec![0], vec![]);
        for i in 0..job.model.num_spins() {
            let (neighbours, at) = job.model.pattern().row(i);
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
        Multispin { job, integers, starts, inputs, digits }
    }

    fn chunks_of_problem(&self) -> usize {
        self.job.batch.num_reads.div_ceil(READS)
    }
}

impl Kernel for Multispin<'_> {
    fn end(&self, chunk: usize) -> usize {
        let (each, reads) = (self.chunks_of_problem(), self.job.batch.num_reads);
        chunk / each * reads + (READS * (chunk % each + 1)).min(reads)
    }

    #[inline(always)]
    fn run<S: Simd>(&self, s: S, chunk: usize, states: &mut [i8], energies: &mut [f64]) {
        // As many planes as the largest sum has binary digits.
        match self.integers.largest {
            0..8 => self.anneal::<S, 3>(s, chunk, states, energies),
            8..16 => self.anneal::<S, 4>(s, chunk, states, energies),
            16..32 => self.anneal::<S, 5>(s, chunk, states, energies),
            32..64 => self.anneal::<S, 6>(s, chunk, states, energies),
            _ => self.anneal::<S, 7>(s, chunk, states, energies),
        }
    }
}

/// What a sweep's temperature makes of the odds, for an even or odd sum of a spin's |couplings|.
struct Odds {
    /// For each digit of a uniform number, which of the thresholds have a 1 there: four to a byte.
    thresholds: [[u8; LEVELS / 4]; 32],
    /// The first digits in which none has, whole `STREAMS` of them, `WORDS` at most.
    blank: usize,
}

impl<'a> Multispin<'a> {
    #[inline(always)]
    fn anneal<S: Simd, const K: usize>(&self, s: S, chunk: usize, states: &mut [i8], energies: &mut [f64]) {
        let job = self.job;
        let n = job.model.num_spins();
        let keys = Keys::new(s, &job.key);
        let problem = chunk / self.chunks_of_problem();
        let first_read = READS * (chunk % self.chunks_of_problem());
        let fields = &self.integers.fields[problem * n..][..n];
        let spins_of_problem: Vec<Spin> = (0..n).map(|i| self.spin(i, fields[i], K)).collect();
        let stream = Stream { id: job.batch.problem_ids[problem], block: (first_read / 128) as u32 };
        let first_run = problem * job.batch.num_reads + first_read;
        let all = s.splat_int(u32::MAX);
        let mut words = self.initial_words(s, &keys, &stream, first_run, energies.len());
        let survivors = survivors();

        for (t, &beta) in job.batch.betas.iter().enumerate() {
            let odds = odds((-2.0 * beta * self.integers.quantum).exp(), self.integers.largest as usize / 2 + 1);
            let starts = stream.starts(s, &keys, t as u32);
            for (i, spin) in spins_of_problem.iter().enumerate() {
                if i % 4096 == 0 && job.stopped() {
                    return;
                }
                let old = words[2 * i];
                let count = self.count::<S, K>(s, i, spin, &words);
                let free = count[K - 1];
                let place = s.quarters(i as u32);
                let odds = &odds[usize::from(spin.odd)];
                let [first] = keys.finish(s, [s.xor(starts[0], place)]);
                let mut numbers = [first; STREAMS];
                let mut left = s.and_not(all, free);
                if odds.blank == WORDS {
                    let draw = s.int_array(numbers[0]);
                    if draw[0] < survivors[0] {
                        words[2 * i] = s.xor(old, free);
                        words[2 * i + 1] = s.and_not(all, words[2 * i]);
                        continue;
                    }
                    numbers[0] = keys.next(s, numbers[0]);
                    left = s.and(left, s.ints(&some_reads(&survivors, draw[0], s.int_array(numbers[0]))));
                } else {
                    for k in 1..STREAMS {
                        [numbers[k]] = keys.finish(s, [s.xor(starts[k], place)]);
                    }
                }
                let choice = Choice::<S, K>::new(s, &count);
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
                let accepted = s.or(accepted, free);
                words[2 * i] = s.xor(old, accepted);
                words[2 * i + 1] = s.and_not(all, words[2 * i]);
            }
        }
        let spins: Vec<S::U> = words.chunks_exact(2).map(|word| word[0]).collect();
        self.write_out(s, &spins, fields, states, energies);
    }

    /// What stays the same of spin `i` of a problem.
    fn spin(&self, i: usize, field: i8, planes: usize) -> Spin {
        let (neighbours, at) = self.job.model.pattern().row(i);
        let couplings = &self.integers.couplings[at..at + neighbours.len()];
        let total =
            couplings.iter().map(|j| u32::from(j.unsigned_abs())).sum::<u32>() + u32::from(field.unsigned_abs());
        // A field h > 0 would rather see the spin down.
        let start = (1 << (planes - 1)) - (total / 2 + 1) as i32 + i32::from(field.max(0));
        Spin { odd: total % 2 == 1, start: start as u32 }
    }

    /// `2^(K-1) - C + S` in `K` planes, where `S` sums the |couplings| and |field| that would rather see the
    /// spin flipped, and `C` is half their total, rounded up. So `S - (total - S) = s f`, the last plane tells
    /// where a flip costs nothing, and the others hold `2^(K-1) - 1 - e` where it costs `e + 1` steps.
    ///
    /// Added up is what would rather see the spin *down*; where it is down, `S` is the total less this. With an
    /// odd total that is the same as turning over all planes, so an even one gets one more, for a coupling that is
    /// never content.
    #[inline(always)]
    fn count<S: Simd, const K: usize>(&self, s: S, i: usize, spin: &Spin, words: &[S::U]) -> [S::U; K] {
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
            if self.job.batch.initial_states.is_none() {
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
        (0..self.job.model.num_spins()).flat_map(|i| both(spin(i))).collect()
    }

    /// Spins by read, and energies: the quantum times what the couplings and fields count.
    #[inline(always)]
    fn write_out<S: Simd>(&self, s: S, spins: &[S::U], fields: &[i8], states: &mut [i8], energies: &mut [f64]) {
        let n = spins.len();
        // Of each read, the |couplings| and |fields| that would rather see their spins otherwise.
        let mut unhappy = Counter { planes: vec![s.splat_int(0); 40] };
        let mut total = 0i64;
        for (i, &spin) in spins.iter().enumerate() {
            let (neighbours, at) = self.job.model.pattern().row(i);
            let me = [spin, s.and_not(s.splat_int(u32::MAX), spin)];
            let earlier = neighbours.iter().take_while(|&&j| (j as usize) < i);
            for (&j, coupling) in earlier.zip(&self.integers.couplings[at..]) {
                unhappy.add(s, coupling.unsigned_abs(), s.xor(me[usize::from(*coupling > 0)], spins[j as usize]));
                total += i64::from(coupling.unsigned_abs());
            }
            unhappy.add(s, fields[i].unsigned_abs(), me[usize::from(fields[i] > 0)]);
            total += i64::from(fields[i].unsigned_abs());
        }
        for (energy, count) in energies.iter_mut().zip(unhappy.counts(s)) {
            *energy = self.integers.quantum * (2 * count - total) as f64;
        }
        let reads = energies.len();
        for (at, eight) in (0..n).step_by(8).zip(spins.chunks(8)) {
            let mut bytes = [[0u8; READS / 8]; 8];
            for (row, &spin) in bytes.iter_mut().zip(eight) {
                let words = s.int_array(spin).map(u32::to_le_bytes);
                row.copy_from_slice(words.as_flattened());
            }
            for byte in 0..reads.div_ceil(8) {
                let turned = transposed(u64::from_le_bytes(bytes.map(|row| row[byte])));
                for (read, bits) in (8 * byte..reads).zip(turned.to_le_bytes()) {
                    let state = &mut states[read * n + at..][..eight.len()];
                    state.copy_from_slice(&SPINS[bits as usize][..eight.len()]);
                }
            }
        }
    }
}

/// What a problem makes of one spin.
struct Spin {
    /// Whether the |couplings| and |field| have an odd sum.
    odd: bool,
    /// What the count of its couplings starts from.
    start: u32,
}

/// Where the random words of a chunk come from.
struct Stream {
    id: u32,
    /// Blocks of 128 reads; four are a vector.
    block: u32,
}

impl Stream {
    #[inline(always)]
    fn starts<S: Simd>(&self, s: S, keys: &Keys<S>, sweep: u32) -> [S::U; STREAMS] {
        std::array::from_fn(|k| {
            let word = STREAMS as u32 * self.block + k as u32;
            keys.start(s, std::array::from_fn(|quarter| [0, sweep, word + (STREAMS * quarter) as u32, self.id]))
        })
    }
}

/// `2^32 p`, rounded down.
fn fixed(p: f64) -> u32 {
    (p * 2f64.powi(32)).min(f64::from(u32::MAX)) as u32
}

/// For even and odd totals, up to so many levels; `step` is the Boltzmann factor of the smallest step in energy,
/// two quanta.
///
/// A flip that costs `e + 1` steps of four quanta if the total is even, or two quanta less if it is odd, is
/// accepted with probability `step^(2e + 2)` or `step^(2e + 1)`.
fn odds(step: f64, levels: usize) -> Vec<Odds> {
    let odds = |first: f64| {
        let mut thresholds = [[0; LEVELS / 4]; 32];
        for e in 0..levels {
            let level = fixed(first * step.powi(2 * e as i32));
            for (digit, sets) in thresholds.iter_mut().enumerate() {
                sets[e / 4] |= ((level >> (31 - digit) & 1) as u8) << (e % 4);
            }
        }
        let blank = fixed(first).leading_zeros() as usize / STREAMS * STREAMS;
        Odds { thresholds, blank: blank.min(WORDS) }
    };
    vec![odds(step * step), odds(step)]
}

/// Sets of reads by what their flip costs, to choose from by threshold.
struct Choice<S: Simd, const K: usize> {
    /// The 16 unions of the sets whose cost has the two lowest digits 0, 1, 2, 3.
    low: [S::U; 16],
    /// The other digits of the cost, turned over.
    high: [S::U; K],
}

impl<S: Simd, const K: usize> Choice<S, K> {
    #[inline(always)]
    fn new(s: S, count: &[S::U; K]) -> Self {
        let (not_low, not_high) = (count[0], count[1]);
        let (none, all) = (s.splat_int(0), s.splat_int(u32::MAX));
        let not = |a: S::U| s.and_not(all, a);
        let zero = s.and(not_low, not_high);
        let one = s.and_not(not_high, not_low);
        let two = s.and_not(not_low, not_high);
        let not_three = s.or(not_low, not_high);
        let three = not(not_three);
        let even = s.xor(not_low, not_high);
        let low = [
            none,
            zero,
            one,
            not_high,
            two,
            not_low,
            even,
            not_three,
            three,
            not(even),
            not(not_low),
            not(two),
            not(not_high),
            not(one),
            not(zero),
            all,
        ];
        let mut high = [none; K];
        high[..K - 3].copy_from_slice(&count[2..K - 1]);
        Choice { low, high }
    }

    /// The reads whose level of cost is among `levels`, a bit each.
    #[inline(always)]
    fn of(&self, s: S, levels: &[u8; LEVELS / 4]) -> S::U {
        let low = |four: usize| self.low[usize::from(levels[four] & 15)];
        match K {
            3 => low(0),
            4 => s.choose(self.high[0], low(0), low(1)),
            _ => {
                let pair = |k: usize| s.choose(self.high[0], low(2 * k), low(2 * k + 1));
                let four = |k: usize| s.choose(self.high[1], pair(2 * k), pair(2 * k + 1));
                match K {
                    5 => four(0),
                    6 => s.choose(self.high[2], four(0), four(1)),
                    _ => s.choose(
                        self.high[3],
                        s.choose(self.high[2], four(0), four(1)),
                        s.choose(self.high[2], four(2), four(3)),
                    ),
                }
            }
        }
    }
}

/// `survivors()[k]` is `2^32` times the probability that at most `k` of 256 reads survive `WORDS` words.
fn survivors() -> [u32; 16] {
    let p = 0.5f64.powi(WORDS as i32);
    let mut one = (1.0 - p).powi(READS as i32);
    let mut at_most = 0.0;
    std::array::from_fn(|k| {
        at_most += one;
        one *= p / (1.0 - p) * (READS - k) as f64 / (k + 1) as f64;
        fixed(at_most)
    })
}

/// As many reads as `draw` says survive: the first distinct ones of random `places`, which are enough but for
/// one case in 10^40.
fn some_reads(survivors: &[u32; 16], draw: u32, places: [u32; LANES]) -> Row<u32> {
    let mut missing = survivors.iter().filter(|&&limit| draw >= limit).count();
    let mut reads = Row([0; LANES]);
    for place in places.map(|word| [word as usize % READS, (word >> 16) as usize % READS]).as_flattened() {
        let (word, bit) = (place / 32, 1 << (place % 32));
        if missing > 0 && reads.0[word] & bit == 0 {
            reads.0[word] |= bit;
            missing -= 1;
        }
    }
    reads
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

/// A count for each read.
struct Counter<S: Simd> {
    planes: Vec<S::U>,
}

impl<S: Simd> Counter<S> {
    /// Adds `weight` where `which` is set.
    #[inline(always)]
    fn add(&mut self, s: S, weight: u8, which: S::U) {
        for digit in (0..8).filter(|digit| weight >> digit & 1 == 1) {
            let mut carry = which;
            for plane in &mut self.planes[digit..] {
                if s.no_bits(carry) {
                    break;
                }
                let sum = s.xor(*plane, carry);
                carry = s.and(*plane, carry);
                *plane = sum;
            }
        }
    }

    fn counts(&self, s: S) -> [i64; READS] {
        let mut counts = [0; READS];
        for (k, &plane) in self.planes.iter().enumerate() {
            for (read, count) in counts.iter_mut().enumerate() {
                *count |= i64::from(s.int_array(plane)[read / 32] >> (read % 32) & 1) << k;
            }
        }
        counts
    }
}

/// The eight spins that eight bits stand for, lowest first.
static SPINS: [[i8; 8]; 256] = {
    let mut table = [[1; 8]; 256];
    let mut k = 0;
    while k < 8 * 256 {
        if (k / 8) >> (k % 8) & 1 == 1 {
            table[k / 8][k % 8] = -1;
        }
        k += 1;
    }
    table
};

/// 8 x 8 bits, a row in each byte, mirrored at the diagonal (Warren, "Hacker's Delight", section 7-3).
fn transposed(mut x: u64) -> u64 {
    for (shift, mask) in [(7, 0x00AA_00AA_00AA_00AA), (14, 0x0000_CCCC_0000_CCCC), (28, 0x0000_0000_F0F0_F0F0)] {
        let t = (x ^ (x >> shift)) & mask;
        x ^= t ^ (t << shift);
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transposition_mirrors_every_bit() {
        for k in 0..64 {
            assert_eq!(transposed(1 << k), 1 << (k % 8 * 8 + k / 8));
        }
    }

    #[test]
    fn thresholds_spell_the_probabilities() {
        let step = (-0.37f64).exp();
        for (odds, first) in odds(step, LEVELS).iter().zip([2, 1]) {
            for e in 0..LEVELS {
                let digits = odds.thresholds.iter().map(|sets| u32::from(sets[e / 4] >> (e % 4) & 1));
                let found = digits.fold(0, |p, digit| p << 1 | digit);
                let wanted = step.powi(first + 2 * e as i32) * 2f64.powi(32);
                assert!((f64::from(found) - wanted).abs() <= 1.0);
            }
        }
    }
}
