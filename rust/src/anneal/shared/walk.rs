//! Which blocks of spins a block of spins is coupled to, and by which weights: what does not change while a network learns.
//!
//! The spins of a place lie in blocks of 16 channels. Given a place of a layer, a *step* leads to a block of a layer that it
//! is coupled to, and names the *key* of the weights in between, which windows share: a tap of the filters and 16
//! channels of their other end.

use crate::structure::{Join, Layer, Structure};

/// Spins of a block.
pub(super) const BLOCK: usize = 16;

/// Blocks at each place of a layer.
fn blocks_of(layer: Layer) -> usize {
    layer.channels.div_ceil(BLOCK)
}

/// All steps onto one layer.
#[derive(Debug)]
pub(super) struct Walk {
    pub(super) layer: Layer,
    /// The number of its first block.
    pub(super) first_block: usize,
    pub(super) blocks_per_place: usize,
    pub(super) keys: Vec<Key>,
    pub(super) steps: Vec<Step>,
    /// For each place, where its steps begin, those of pools among them, and where they end.
    pub(super) of_place: Vec<[u32; 3]>,
}

/// One block that a place is coupled to. Of a pool it is the first of its place: each block has its own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) source: u32,
    pub(super) key: u32,
}

/// The weights between a block and the channels of the layer: `values[first + k of_source + c of_target]` between spin `k` of the
/// block, one of `count`, and channel `c`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    pub(super) first: usize,
    pub(super) of_source: usize,
    pub(super) of_target: usize,
    pub(super) count: usize,
    /// Whether each channel is joined to its own alone, by `values[first]`.
    pub(super) is_pool: bool,
}

/// The steps onto each layer.
pub(super) fn walks(structure: &Structure) -> Vec<Walk> {
    let mut walks = vec![];
    let mut first_block = 0;
    for (number, &layer) in structure.layers().iter().enumerate() {
        let mut lists = vec![[vec![], vec![]]; layer.places()];
        let mut keys = vec![];
        let mut first_value = 0;
        for (block, values) in structure.blocks(&vec![0.0; structure.num_values()]) {
            let [before, after] = structure.ends(block);
            let (other, is_after) = if block.after == number { (before, true) } else { (after, false) };
            if is_after || block.before == number {
                let onto = Onto { layer, other, is_after, first_value, first_source: first_of(structure, other) };
                onto.add(block.join, &mut keys, &mut lists);
            }
            first_value += values.len();
        }
        let (mut steps, mut of_place) = (vec![], vec![]);
        for [full, pools] in lists {
            let start = steps.len();
            steps.extend(full);
            let middle = steps.len();
            steps.extend(pools);
            of_place.push([start, middle, steps.len()].map(|at| at as u32));
        }
        let blocks_per_place = blocks_of(layer);
        walks.push(Walk { layer, first_block, blocks_per_place, keys, steps, of_place });
        first_block += layer.places() * blocks_per_place;
    }
    walks
}

/// The number of the first block of a layer.
fn first_of(structure: &Structure, layer: Layer) -> usize {
    let before = structure.layers().iter().take_while(|other| other.start < layer.start);
    before.map(|other| other.places() * blocks_of(*other)).sum()
}

/// One end of a block of couplings, and what the other does to it.
struct Onto {
    layer: Layer,
    other: Layer,
    is_after: bool,
    first_value: usize,
    first_source: usize,
}

impl Onto {
    /// Adds its keys, and its steps to the list of each place: all others, and those of pools.
    fn add(&self, join: Join, keys: &mut Vec<Key>, lists: &mut [[Vec<Step>; 2]]) {
        let per_place = blocks_of(self.other);
        let first_key = keys.len();
        let source = |place: usize, block: usize| (self.first_source + place * per_place + block) as u32;
        let (windows, is_pool) = match join {
            Join::Dense => return self.add_dense(keys, lists),
            Join::Filters(windows) => (windows, false),
            Join::Pool(windows) => (windows, true),
        };
        if is_pool {
            keys.push(Key { first: self.first_value, of_source: 0, of_target: 0, count: 1, is_pool });
        } else {
            for tap in 0..windows.taps() {
                for block in 0..per_place {
                    keys.push(self.of_tap(tap, block));
                }
            }
        }
        let [before, after] = if self.is_after { [self.other, self.layer] } else { [self.layer, self.other] };
        for [at, from, tap] in windows.taps_of_places(before, after) {
            let (target, other) = if self.is_after { (at, from) } else { (from, at) };
            if is_pool {
                lists[target][1].push(Step { source: source(other, 0), key: first_key as u32 });
            } else {
                for block in 0..per_place {
                    let key = first_key + tap * per_place + block;
                    lists[target][0].push(Step { source: source(other, block), key: key as u32 });
                }
            }
        }
    }

    /// The weights of a tap of filters and a block of their other end.
    fn of_tap(&self, tap: usize, block: usize) -> Key {
        let (here, there) = (self.layer.channels, self.other.channels);
        let first = self.first_value + tap * here * there;
        let count = BLOCK.min(there - BLOCK * block);
        if self.is_after {
            Key { first: first + BLOCK * block * here, of_source: here, of_target: 1, count, is_pool: false }
        } else {
            Key { first: first + BLOCK * block, of_source: 1, of_target: there, count, is_pool: false }
        }
    }

    fn add_dense(&self, keys: &mut Vec<Key>, lists: &mut [[Vec<Step>; 2]]) {
        let (here, there) = (self.layer, self.other);
        for (place, list) in lists.iter_mut().enumerate() {
            let target = place * here.channels;
            for from in 0..there.places() {
                for block in 0..blocks_of(there) {
                    let spin = from * there.channels + BLOCK * block;
                    let (of_source, of_target) = if self.is_after { (here.size(), 1) } else { (1, there.size()) };
                    let first = self.first_value + spin * of_source + target * of_target;
                    let source = (self.first_source + from * blocks_of(there) + block) as u32;
                    list[0].push(Step { source, key: keys.len() as u32 });
                    let count = BLOCK.min(there.channels - BLOCK * block);
                    keys.push(Key { first, of_source, of_target, count, is_pool: false });
                }
            }
        }
    }
}
