//! Mean fields of layers: eight channels of a place at a time, which share their neighbours.
//!
//! ```text
//! weights of a key     [ 8 channels | 8 channels | .. ]      for each spin of the block that they lead from, eight
//!                        and so on for the next eight         couplings side by side: one read of its means, eight
//!                                                             multiplications and additions into registers
//! ```

use super::super::mean_field::in_turn;
use super::super::tangent::Update;
use super::Weights;
use super::walk::{BLOCK, Walk};
use crate::simd::Simd;

/// Channels that are summed side by side.
const CHANNELS: usize = 8;

/// Weights of layers as mean fields take them.
pub(in crate::anneal) struct Means<'a> {
    weights: &'a Weights,
    onto: Vec<Onto>,
    /// The first spin of each block.
    first_spins: Vec<usize>,
}

/// Weights onto one layer.
struct Onto {
    /// Where those of each key begin.
    first: Vec<usize>,
    eights: Vec<[f32; CHANNELS]>,
}

impl<'a> Means<'a> {
    pub(in crate::anneal) fn new(weights: &'a Weights) -> Self {
        let walks = &weights.layout.walks;
        let onto = walks.iter().map(|walk| Onto::new(walk, &weights.values)).collect();
        Means { weights, onto, first_spins: walks.iter().flat_map(first_spins).collect() }
    }

    /// Replaces spin after spin, layer after layer from the first or from the last on, the mean by what `update` makes of it.
    #[inline(always)]
    pub(in crate::anneal) fn sweep<S: Simd>(
        &self,
        s: S,
        back: bool,
        fields: &[S::F],
        means: &mut [S::F],
        update: &mut impl Update<S>,
    ) {
        let (walks, first_spins) = (&self.weights.layout.walks, &self.first_spins);
        for layer in in_turn(walks.len(), back) {
            let (walk, onto) = (&walks[layer], &self.onto[layer]);
            let channels = walk.layer.channels;
            for (place, steps) in walk.of_place.iter().enumerate() {
                let first = walk.layer.start + place * channels;
                let [start, middle, end] = steps.map(|at| at as usize);
                for channel in (0..channels).step_by(CHANNELS) {
                    // Places of the sums are known to the compiler, or they would not stay in registers.
                    let last = channels - channel - 1;
                    let mut sums = [s.splat(0.0); CHANNELS];
                    for (c, sum) in sums.iter_mut().enumerate() {
                        *sum = fields[first + channel + c.min(last)];
                    }
                    for step in &walk.steps[start..middle] {
                        let key = step.key as usize;
                        let sources = &means[first_spins[step.source as usize]..][..walk.keys[key].count];
                        let eights = &onto.eights[onto.first[key] + channel / CHANNELS * sources.len()..];
                        for (&m, eight) in sources.iter().zip(eights) {
                            for (sum, &value) in sums.iter_mut().zip(eight) {
                                *sum = s.mul_add(s.splat(value), m, *sum);
                            }
                        }
                    }
                    for step in &walk.steps[middle..end] {
                        let [value, ..] = onto.eights[onto.first[step.key as usize]];
                        let source = first_spins[step.source as usize] + channel;
                        for (c, sum) in sums.iter_mut().enumerate() {
                            *sum = s.mul_add(s.splat(value), means[source + c.min(last)], *sum);
                        }
                    }
                    for (c, &field) in sums.iter().enumerate() {
                        if c <= last {
                            let i = first + channel + c;
                            means[i] = update.next(s, i, field, means[i]);
                        }
                    }
                }
            }
        }
    }
}

impl Onto {
    fn new(walk: &Walk, values: &[f64]) -> Self {
        let (mut first, mut eights) = (vec![], vec![]);
        for key in &walk.keys {
            first.push(eights.len());
            if key.is_pool {
                eights.push([values[key.first] as f32; CHANNELS]);
                continue;
            }
            for channel in (0..walk.layer.channels).step_by(CHANNELS) {
                let count = CHANNELS.min(walk.layer.channels - channel);
                for k in 0..key.count {
                    let mut eight = [0.0; CHANNELS];
                    for (c, value) in eight[..count].iter_mut().enumerate() {
                        *value = values[key.first + k * key.of_source + (channel + c) * key.of_target] as f32;
                    }
                    eights.push(eight);
                }
            }
        }
        Onto { first, eights }
    }
}

/// The first spin of each block of a layer.
fn first_spins(walk: &Walk) -> impl Iterator<Item = usize> {
    let (layer, blocks) = (walk.layer, walk.blocks_per_place);
    (0..layer.places())
        .flat_map(move |place| (0..blocks).map(move |block| layer.start + place * layer.channels + BLOCK * block))
}
