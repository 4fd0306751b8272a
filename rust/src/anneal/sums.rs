//! The sum of a spin's couplings, anew for each update, in up to 64 runs side by side; and the exponents of it.
//!
//! ```text
//! spin j    a bit for each run, 1 = down: one word of 64 bits
//! coupling by coupling    the word of a neighbour is the mask under which its coupling is taken off
//! by tables               eight words, turned on their side, are two numbers from 0 to 15 for each run; each of these
//!                         names an entry of a table of what four neighbours take off
//! ```
//!
//! With AVX-512, eight neighbours in 64 runs cost 64 instructions coupling by coupling, half of them on one port of
//! the processor, and 34 by tables, at 128 bytes of tables for eight couplings. Elsewhere there is no instruction
//! for a look-up of 16 entries.

use super::exponents::{Exponents, Short};
use super::fixed::{Fixed, Terms};
use super::job::Job;
use super::lanes::{Fields, Lanes};
use super::wide::{Integers, Long};
use crate::couplings::Pattern;
use crate::simd::{LANES, Row, Simd};

/// The exponents of up to 64 runs, whose sums are made anew for each of them.
pub(super) struct Summed<'a, E> {
    exponents: E,
    digits: Vec<Sums<'a>>,
}

impl<'a> Summed<'a, Short<'a>> {
    /// In single precision, for chunks of so many vectors of runs.
    pub(super) fn new(job: &Job<'a>, fixed: &'a Fixed, vectors: usize) -> Self {
        let digits = vec![Sums::new(job.couplings.pattern(), &fixed.terms, vectors)];
        Summed { exponents: Short::new(fixed), digits }
    }
}

impl<'a> Summed<'a, Long<'a>> {
    /// In integers, for chunks of so many vectors of runs.
    pub(super) fn wide(job: &Job<'a>, integers: &'a Integers, vectors: usize) -> Self {
        let digits = integers.digits.iter().map(|terms| Sums::new(job.couplings.pattern(), terms, vectors));
        Summed { exponents: Long::new(integers), digits: digits.collect() }
    }
}

impl<E: Exponents> Summed<'_, E> {
    /// The fields of a chunk, as far as they are beside the sums.
    pub(super) fn fields(&self, job: &Job, lanes: &Lanes) -> Fields {
        E::fields(job, lanes)
    }

    pub(super) fn rate(&self, job: &Job, beta: f64) -> E::Rate {
        self.exponents.rate(job, beta)
    }

    /// Of spin `i` in each run, where `spins` holds a word for each spin.
    #[inline(always)]
    pub(super) fn of<S: Simd, const W: usize>(
        &self,
        s: S,
        fields: &Fields,
        rate: E::Rate,
        i: usize,
        spins: &[u64],
    ) -> [S::F; W] {
        let mut exponents: [S::F; W] = fields.times(s, E::of_field(rate), i, 0);
        let factor = s.splat(self.exponents.factor(rate, i));
        for digit in &self.digits {
            let sums: [S::U; W] = digit.of(s, i, spins);
            for v in 0..W {
                exponents[v] = self.exponents.with_digit(s, exponents[v], sums[v], factor);
            }
        }
        for exponent in &mut exponents {
            *exponent = self.exponents.finished(s, *exponent, factor);
        }
        exponents
    }

    /// Limits that no exponent below them is accepted at, whatever is drawn.
    #[inline(always)]
    pub(super) fn raised<S: Simd, const W: usize>(&self, s: S, mut limits: [S::F; W], rate: E::Rate) -> [S::F; W] {
        for limit in &mut limits {
            *limit = E::raised(s, *limit, rate);
        }
        limits
    }
}

/// The sums of one digit.
struct Sums<'a> {
    pattern: &'a Pattern,
    terms: &'a Terms,
    /// Empty where sums are made coupling by coupling.
    tables: Vec<Row<u32>>,
    /// Where each spin's tables begin.
    first_table: Vec<u32>,
}

/// Above this many couplings the tables would be fetched from memory for every sweep.
const MOST_IN_TABLES: usize = 1 << 20;

impl<'a> Sums<'a> {
    /// For chunks of so many vectors of runs.
    fn new(pattern: &'a Pattern, terms: &'a Terms, vectors: usize) -> Self {
        // Two vectors share the turning of words too little where they are few.
        let enough = if vectors == 2 { 8 * pattern.num_spins() } else { 0 };
        let worth_it = vectors > 1 && (enough..=MOST_IN_TABLES).contains(&terms.twice.len());
        let (tables, first_table) = if worth_it { tables(pattern, terms) } else { (vec![], vec![]) };
        Sums { pattern, terms, tables, first_table }
    }

    /// The sum of spin `i`'s terms in each run, in the spin's unit; `spins` holds a word for each spin.
    #[inline(always)]
    fn of<S: Simd, const W: usize>(&self, s: S, i: usize, spins: &[u64]) -> [S::U; W] {
        assert!(spins.len() == self.pattern.num_spins(), "one word for each spin");
        let (neighbours, at) = self.pattern.row(i);
        let mut sums = [s.splat_int(self.terms.all_up[i] as u32); W];
        if S::LOOKUP && !self.tables.is_empty() {
            let tables = &self.tables[self.first_table[i] as usize..self.first_table[i + 1] as usize];
            for (eight, tables) in neighbours.chunks(8).zip(tables.chunks(2)) {
                // SAFETY: there is a word for each spin, and a pattern is refused if it names another.
                let down = unsafe { s.transposed(spins, eight) };
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
        for (&j, &twice) in neighbours.iter().zip(&self.terms.twice[at..]) {
            // SAFETY: as above. Checking here takes a tenth of the time.
            let down = s.masks(unsafe { *spins.get_unchecked(j as usize) });
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
fn tables(pattern: &Pattern, terms: &Terms) -> (Vec<Row<u32>>, Vec<u32>) {
    let n = pattern.num_spins();
    let mut tables = Vec::with_capacity(terms.twice.len() / 4 + n);
    let mut first = vec![0];
    for i in 0..n {
        let (neighbours, at) = pattern.row(i);
        for four in terms.twice[at..at + neighbours.len()].chunks(4) {
            let mut table = Row([0u32; LANES]);
            for k in 0..4 {
                let twice = four.get(k).map_or(0, |&twice| twice as u32);
                for case in 0..1 << k {
                    table.0[case + (1 << k)] = table.0[case].wrapping_sub(twice);
                }
            }
            tables.push(table);
        }
        first.push(tables.len() as u32);
    }
    (tables, first)
}
