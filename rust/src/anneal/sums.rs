//! The sum of a spin's couplings, anew for each update, in up to 64 runs side by side.
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

use super::Job;
use super::fixed::Terms;
use crate::simd::{LANES, Row, Simd};

pub(super) struct Sums<'a> {
    job: &'a Job<'a>,
    terms: Terms,
    /// Empty where sums are made coupling by coupling.
    tables: Vec<Row<u32>>,
    /// Where each spin's tables begin.
    first_table: Vec<u32>,
}

/// Above this many couplings the tables would be fetched from memory for every sweep.
const MOST_IN_TABLES: usize = 1 << 20;

impl<'a> Sums<'a> {
    /// For chunks of so many vectors of runs.
    pub(super) fn new(job: &'a Job<'a>, terms: Terms, vectors: usize) -> Self {
        // Two vectors share the turning of words too little where they are few.
        let enough = if vectors == 2 { 8 * job.model.num_spins() } else { 0 };
        let worth_it = vectors > 1 && (enough..=MOST_IN_TABLES).contains(&terms.twice.len());
        let (tables, first_table) = if worth_it { tables(job, &terms) } else { (vec![], vec![]) };
        Sums { job, terms, tables, first_table }
    }

    /// The sum of spin `i`'s terms in each run, in the spin's unit; `spins` holds a word for each spin.
    #[inline(always)]
    pub(super) fn of<S: Simd, const W: usize>(&self, s: S, i: usize, spins: &[u64]) -> [S::U; W] {
        assert!(spins.len() == self.job.model.num_spins(), "one word for each spin");
        let (neighbours, at) = self.job.model.pattern().row(i);
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
fn tables(job: &Job, terms: &Terms) -> (Vec<Row<u32>>, Vec<u32>) {
    let n = job.model.num_spins();
    let mut tables = Vec::with_capacity(terms.twice.len() / 4 + n);
    let mut first = vec![0];
    for i in 0..n {
        let (neighbours, at) = job.model.pattern().row(i);
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
