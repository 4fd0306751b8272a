//! Mean fields of layers: eight channels of a place at a time, which share their neighbours.

use super::Weights;
use super::walk::{BLOCK, Walk};
use crate::simd::Simd;

/// Channels that are summed side by side.
const CHANNELS: usize = 8;

/// Replaces spin after spin, layer after layer, the mean by what `update` makes of the spin, its local field and its mean.
#[inline(always)]
pub(in crate::anneal) fn sweep_means<S: Simd>(
    s: S,
    weights: &Weights,
    values: &[f32],
    fields: &[S::F],
    means: &mut [S::F],
    mut update: impl FnMut(usize, S::F, S::F) -> S::F,
) {
    let walks = &weights.layout.walks;
    for walk in walks {
        let channels = walk.layer.channels;
        for (place, steps) in walk.of_place.iter().enumerate() {
            let first = walk.layer.start + place * channels;
            let [start, middle, end] = steps.map(|at| at as usize);
            for channel in (0..channels).step_by(CHANNELS) {
                let count = CHANNELS.min(channels - channel);
                let mut sums = [s.splat(0.0); CHANNELS];
                sums[..count].copy_from_slice(&fields[first + channel..][..count]);
                for step in &walk.steps[start..middle] {
                    let key = walk.keys[step.key as usize];
                    let sources = &means[first_spin(walks, step.source as usize)..][..key.count];
                    for (k, &m) in sources.iter().enumerate() {
                        let first = key.first + k * key.of_source + channel * key.of_target;
                        for (c, sum) in sums[..count].iter_mut().enumerate() {
                            *sum = s.mul_add(s.splat(values[first + c * key.of_target]), m, *sum);
                        }
                    }
                }
                for step in &walk.steps[middle..end] {
                    let value = s.splat(values[walk.keys[step.key as usize].first]);
                    let sources = &means[first_spin(walks, step.source as usize) + channel..][..count];
                    for (sum, &m) in sums.iter_mut().zip(sources) {
                        *sum = s.mul_add(value, m, *sum);
                    }
                }
                for (i, &field) in (first + channel..).zip(&sums[..count]) {
                    means[i] = update(i, field, means[i]);
                }
            }
        }
    }
}

/// The first spin of a block.
#[inline(always)]
fn first_spin(walks: &[Walk], block: usize) -> usize {
    let walk =
        walks.iter().rev().find(|walk| walk.first_block <= block).expect("the first walk begins at block 0");
    let (place, of_place) =
        ((block - walk.first_block) / walk.blocks_per_place, (block - walk.first_block) % walk.blocks_per_place);
    walk.layer.start + place * walk.layer.channels + BLOCK * of_place
}
