//! Local fields of given states, by the sums that anneal them.

use super::super::batch::Fields;
use super::place::Place;
use super::runs::Given;
use super::{Weights, blocks_of};
use crate::bits::slice;
use crate::simd::isa::{self, OnVectors};
use crate::simd::{LANES, Row, Simd};

/// Vectors of states side by side.
const VECTORS: usize = 4;
/// States side by side.
pub(in crate::anneal) const STATES: usize = LANES * VECTORS;

/// The local fields of up to `STATES` states, each with its fields.
pub(in crate::anneal) fn local_fields(weights: &Weights, states: &[i8], given: &[Fields], out: &mut [f32]) {
    isa::run(isa::best(), Chunk { weights, states, given, out });
}

struct Chunk<'a> {
    weights: &'a Weights,
    states: &'a [i8],
    given: &'a [Fields<'a>],
    out: &'a mut [f32],
}

struct OfStates<'a>(&'a [Fields<'a>]);

impl<const W: usize> Given<W> for OfStates<'_> {
    #[inline(always)]
    fn fields<S: Simd>(&self, s: S, spin: usize, v: usize) -> S::F {
        let mut row = Row([0.0; LANES]);
        for (field, fields) in row.0.iter_mut().zip(self.0.iter().skip(LANES * v)) {
            *field = fields.at(spin) as f32;
        }
        s.floats(&row)
    }
}

impl OnVectors for Chunk<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let n = self.weights.layout.structure.num_spins();
        let mut words = vec![0; n];
        slice(self.states, &mut words, &mut vec![0; n], &mut vec![0; n]);
        let blocks = blocks_of::<S, VECTORS>(s, self.weights, &words);
        for (walk, tables) in self.weights.layout.walks.iter().zip(&self.weights.tables) {
            for channel in (0..walk.layer.channels).step_by(4) {
                for place in 0..walk.layer.places() {
                    let onto = Place::new(walk, tables, place);
                    let high: [[S::F; VECTORS]; 4] =
                        onto.exponents(s, 1.0, channel, &OfStates(self.given), &blocks);
                    for (high, channel) in high.iter().zip(channel..walk.layer.channels) {
                        let low: [S::U; VECTORS] = onto.low_sums(s, channel, &blocks);
                        let mut fields = [0.0; STATES];
                        for v in 0..VECTORS {
                            let unit = s.splat(tables.unit[channel]);
                            let sums = s.mul_add(s.to_floats(low[v]), unit, high[v]);
                            fields[LANES * v..][..LANES].copy_from_slice(&s.float_array(sums));
                        }
                        for (out, field) in self.out.chunks_exact_mut(n).zip(fields) {
                            out[onto.first_spin + channel] = field;
                        }
                    }
                }
            }
        }
    }
}
