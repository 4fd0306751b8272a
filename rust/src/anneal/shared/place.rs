//! What all the blocks that a place is coupled to do to it.

use super::runs::Given;
use super::tables::{MIDDLE, Tables};
use super::walk::{BLOCK, Step, Walk};
use crate::simd::{Row, Simd};

/// What a unit of the high part of a sum is, which is kept with the other sign.
const HIGH: f32 = -256.0;
/// A place of a layer, and the steps onto it.
pub(super) struct Place<'a> {
    pub(super) walk: &'a Walk,
    pub(super) tables: &'a Tables,
    pub(super) first_spin: usize,
    pub(super) first_block: usize,
    pub(super) first_four: usize,
    base: &'a [[i32; 2]],
    /// To blocks, and to the first block of places in which each has its own.
    steps: [&'a [Step]; 2],
}

impl<'a> Place<'a> {
    #[inline(always)]
    pub(super) fn new(walk: &'a Walk, tables: &'a Tables, place: usize) -> Self {
        let [start, middle, end] = walk.of_place[place].map(|at| at as usize);
        let channels = walk.layer.channels;
        Place {
            walk,
            tables,
            first_spin: walk.layer.start + place * channels,
            first_block: walk.first_block + place * walk.blocks_per_place,
            first_four: walk.first_four + place * channels.div_ceil(4),
            base: &tables.base[place * channels..][..channels],
            steps: [&walk.steps[start..middle], &walk.steps[middle..end]],
        }
    }

    /// How far the low parts of a sum may be from their middle, in units.
    #[inline(always)]
    pub(super) fn off(&self) -> f32 {
        (MIDDLE * (self.steps[0].len() + self.steps[1].len()) as i32) as f32
    }

    /// `rate f_i` of four channels, with the low parts of the sums at their middle.
    #[inline(always)]
    pub(super) fn exponents<S: Simd, const W: usize>(
        &self,
        s: S,
        rate: f32,
        channel: usize,
        given: &impl Given<W>,
        blocks: &[[Row<u32>; W]],
    ) -> [[S::F; W]; 4] {
        let sums: [[S::U; W]; 4] = self.high_sums(s, channel, blocks);
        let mut exponents = [[s.splat(0.0); W]; 4];
        for k in 0..4 {
            // Of fewer channels the last one again.
            let channel = (channel + k).min(self.base.len() - 1);
            let unit = rate * self.tables.unit[channel];
            let middle = s.splat(unit * (self.base[channel][1] as f32 + self.off()));
            for v in 0..W {
                let field = s.mul_add(s.splat(rate), given.fields(s, self.first_spin + channel, v), middle);
                exponents[k][v] = s.mul_add(s.to_floats(sums[k][v]), s.splat(unit * HIGH), field);
            }
        }
        exponents
    }

    /// The high parts of the sums of four channels, with the other sign.
    #[inline(always)]
    fn high_sums<S: Simd, const W: usize>(
        &self,
        s: S,
        channel: usize,
        blocks: &[[Row<u32>; W]],
    ) -> [[S::U; W]; 4] {
        let mut sums = [[s.splat_int(0); W]; 4];
        for k in 0..4 {
            let base = self.base.get(channel + k).map_or(0, |base| base[0].wrapping_neg());
            sums[k] = [s.splat_int(base as u32); W];
        }
        let keys = self.walk.keys.len();
        let tables = &self.tables.high[channel / 4 * keys..][..keys];
        for (steps, own) in self.steps.iter().zip([0, channel / BLOCK]) {
            let (pairs, rest) = steps.as_chunks::<2>();
            for [one, other] in pairs {
                let rows = [&blocks[one.source as usize + own], &blocks[other.source as usize + own]];
                let of_step = [&tables[one.key as usize], &tables[other.key as usize]];
                for k in 0..4 {
                    for v in 0..W {
                        let spins = [s.ints(&rows[0][v]), s.ints(&rows[1][v])];
                        let tables = [&of_step[0][k][0], &of_step[1][k][0]];
                        sums[k][v] = s.add_two_entries::<-128>(sums[k][v], tables, spins);
                    }
                    for v in 0..W {
                        let spins = [s.ints(&rows[0][v]), s.ints(&rows[1][v])];
                        let tables = [&of_step[0][k][1], &of_step[1][k][1]];
                        sums[k][v] = s.add_two_entries::<-1>(sums[k][v], tables, spins);
                    }
                }
            }
            for step in rest {
                let (tables, row) = (&tables[step.key as usize], &blocks[step.source as usize + own]);
                for k in 0..4 {
                    for v in 0..W {
                        sums[k][v] = s.add_entries::<-128>(sums[k][v], &tables[k][0], s.ints(&row[v]));
                        sums[k][v] = s.add_entries::<-1>(sums[k][v], &tables[k][1], s.ints(&row[v]));
                    }
                }
            }
        }
        sums
    }

    /// The low parts of the sums of a channel, less their middle.
    #[inline(always)]
    pub(super) fn low_sums<S: Simd, const W: usize>(
        &self,
        s: S,
        channel: usize,
        blocks: &[[Row<u32>; W]],
    ) -> [S::U; W] {
        let middle = MIDDLE * (self.steps[0].len() + self.steps[1].len()) as i32;
        let mut sums = [s.splat_int(middle.wrapping_neg() as u32); W];
        let keys = self.walk.keys.len();
        let tables = &self.tables.low[channel * keys..][..keys];
        for (steps, own) in self.steps.iter().zip([0, channel / BLOCK]) {
            for step in *steps {
                let rows = &blocks[step.source as usize + own];
                for v in 0..W {
                    sums[v] = s.add_entries::<1>(sums[v], &tables[step.key as usize], s.ints(&rows[v]));
                }
            }
        }
        sums
    }
}
