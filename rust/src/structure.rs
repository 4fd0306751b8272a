//! Layers that are joined by shared weights: which spins are coupled, and by which weight, with no list of pairs.

use crate::couplings::Couplings;
use crate::error::{Error, bad};
use crate::simd::in_vectors;

/// Layers of spins, and the blocks of couplings between them.
///
/// The spins of a layer stand next to each other, place by place, row by row, channels last. A block joins two layers:
///
/// ```text
/// dense      all spins with all                        W (before, after)
/// filters    windows of `before`, one for each place   W (rows, columns and channels of a window, channels of `after`)
/// pool       the same, each channel with its own       one number
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Structure {
    layers: Vec<Layer>,
    blocks: Vec<Block>,
    num_spins: usize,
}

/// A layer: places in rows and columns, and spins at each place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Layer {
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) channels: usize,
    /// Its first spin.
    pub(crate) start: usize,
}

impl Layer {
    pub(crate) fn places(self) -> usize {
        self.height * self.width
    }

    pub(crate) fn size(self) -> usize {
        self.places() * self.channels
    }
}

/// Couplings between two layers.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// Number of the layer that windows are moved over.
    pub before: usize,
    /// Number of the layer with a place for each window.
    pub after: usize,
    /// What joins them.
    pub join: Join,
}

/// What joins two layers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Join {
    /// A weight for each pair of spins.
    Dense,
    /// A weight for each spin of a window and each channel after it, the same for all windows.
    Filters(Windows),
    /// One weight between each channel and the same channel in a window.
    Pool(Windows),
}

/// Windows that are moved over a layer; those that reach over its edge are left out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Windows {
    /// Height and width.
    pub size: [usize; 2],
    /// Steps down and to the right.
    pub stride: [usize; 2],
}

impl Windows {
    pub(crate) fn taps(self) -> usize {
        self.size[0] * self.size[1]
    }

    /// The places of the windows of a layer, if one fits in.
    fn places(self, layer: Layer) -> Option<[usize; 2]> {
        let along = |length: usize, k: usize| {
            let (size, stride) = (self.size[k], self.stride[k]);
            (size >= 1 && stride >= 1 && size <= length).then(|| (length - size) / stride + 1)
        };
        Some([along(layer.height, 0)?, along(layer.width, 1)?])
    }

    /// For each place of a window, each tap of it: the place of the window, the place that the tap is on, and the tap.
    pub(crate) fn taps_of_places(self, before: Layer, after: Layer) -> impl Iterator<Item = [usize; 3]> {
        let windows = (0..after.places()).map(move |at| (at, at / after.width, at % after.width));
        windows.flat_map(move |(at, row, column)| {
            (0..self.taps()).map(move |tap| {
                let row = row * self.stride[0] + tap / self.size[1];
                let column = column * self.stride[1] + tap % self.size[1];
                [at, row * before.width + column, tap]
            })
        })
    }
}

impl Structure {
    /// Layers of these heights, widths and channels, and blocks between them.
    ///
    /// # Errors
    /// On a layer without spins or more spins than can be counted, a block that joins no two layers, and windows that do
    /// not fit.
    pub fn new(shapes: &[[usize; 3]], blocks: Vec<Block>) -> Result<Self, Error> {
        let mut num_spins = 0usize;
        let mut layers = Vec::with_capacity(shapes.len());
        for (k, &[height, width, channels]) in shapes.iter().enumerate() {
            let size = height.checked_mul(width).and_then(|places| places.checked_mul(channels));
            let end = size.filter(|&size| size > 0).and_then(|size| num_spins.checked_add(size));
            let Some(end) = end.filter(|&end| end <= u32::MAX as usize) else {
                return bad(format_args!(
                    "layer {k} has shape ({height}, {width}, {channels}), expected numbers from 1 on, and all layers \
                     together up to {} spins",
                    u32::MAX
                ));
            };
            layers.push(Layer { height, width, channels, start: num_spins });
            num_spins = end;
        }
        for (k, block) in blocks.iter().enumerate() {
            check_block(k, block, &layers)?;
        }
        Ok(Structure { layers, blocks, num_spins })
    }

    /// The number of spins.
    pub fn num_spins(&self) -> usize {
        self.num_spins
    }

    /// The number of weights of all blocks.
    pub fn num_values(&self) -> usize {
        self.blocks.iter().map(|block| self.values_of(block)).sum()
    }

    pub(crate) fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// The blocks, and the part of the weights that each has.
    pub(crate) fn blocks<'a>(&'a self, values: &'a [f64]) -> impl Iterator<Item = (&'a Block, &'a [f64])> {
        let mut rest = values;
        self.blocks.iter().map(move |block| {
            let (of_block, later) = rest.split_at(self.values_of(block));
            rest = later;
            (block, of_block)
        })
    }

    /// The two layers of a block.
    pub(crate) fn ends(&self, block: &Block) -> [Layer; 2] {
        [self.layers[block.before], self.layers[block.after]]
    }

    fn values_of(&self, block: &Block) -> usize {
        let [before, after] = self.ends(block);
        match block.join {
            Join::Dense => before.size() * after.size(),
            Join::Filters(windows) => windows.taps() * before.channels * after.channels,
            Join::Pool(_) => 1,
        }
    }

    /// Refuses another number of weights, or one that is not finite.
    pub(crate) fn check_values(&self, values: &[f64]) -> Result<(), Error> {
        if values.len() != self.num_values() {
            return bad(format_args!("weights: {} values, expected {}", values.len(), self.num_values()));
        }
        if let Some(k) = values.iter().position(|v| !v.is_finite()) {
            return bad(format_args!("weight {k} is {}, not a finite number", values[k]));
        }
        Ok(())
    }

    /// Every coupling by itself: what kernels that know no layers take.
    pub(crate) fn couplings(&self, values: &[f64]) -> Result<Couplings, Error> {
        let (mut rows, mut cols, mut each) = (vec![], vec![], vec![]);
        self.for_each_coupling(values, |i, j, value| {
            rows.push(i as i64);
            cols.push(j as i64);
            each.push(value);
        });
        Couplings::new(self.num_spins, &rows, &cols, &each)
    }

    /// What the couplings of a state add up to.
    pub(crate) fn energy(&self, values: &[f64], state: &[i8]) -> f64 {
        let mut energy = 0.0;
        let mut sums = vec![];
        for (block, values) in self.blocks(values) {
            let [before, after] = self.ends(block);
            let part = |layer: Layer| &state[layer.start..][..layer.size()];
            let (first, second) = (part(before), part(after));
            // Of each place of `after`, the sums onto its channels; dense weights have one place of all spins.
            let channels = if block.join == Join::Dense { after.size() } else { after.channels };
            sums.clear();
            sums.resize(second.len(), 0.0);
            match block.join {
                Join::Dense => add_rows(values, first, &mut sums),
                Join::Filters(windows) => {
                    for [at, from, tap] in windows.taps_of_places(before, after) {
                        let rows = &values[tap * before.channels * channels..][..before.channels * channels];
                        let spins = &first[from * before.channels..][..before.channels];
                        add_rows(rows, spins, &mut sums[at * channels..][..channels]);
                    }
                }
                Join::Pool(windows) => {
                    for [at, from, _] in windows.taps_of_places(before, after) {
                        let spins = &first[from * channels..][..channels];
                        for (sum, &s) in sums[at * channels..].iter_mut().zip(spins) {
                            *sum += values[0] * f64::from(s);
                        }
                    }
                }
            }
            energy += sums.iter().zip(second).map(|(sum, &s)| sum * f64::from(s)).sum::<f64>();
        }
        energy
    }

    /// Calls with the two spins of each coupling, and its value.
    pub(crate) fn for_each_coupling(&self, values: &[f64], mut call: impl FnMut(usize, usize, f64)) {
        for (block, values) in self.blocks(values) {
            let [before, after] = self.ends(block);
            let mut of_windows = |windows: Windows, weight: &dyn Fn(usize, usize, usize) -> Option<f64>| {
                for [at, from, tap] in windows.taps_of_places(before, after) {
                    for k in 0..before.channels {
                        for c in 0..after.channels {
                            if let Some(value) = weight(tap, k, c) {
                                let i = before.start + from * before.channels + k;
                                call(i, after.start + at * after.channels + c, value);
                            }
                        }
                    }
                }
            };
            match block.join {
                Join::Dense => {
                    for (k, &value) in values.iter().enumerate() {
                        call(before.start + k / after.size(), after.start + k % after.size(), value);
                    }
                }
                Join::Filters(windows) => of_windows(windows, &|tap, k, c| {
                    Some(values[(tap * before.channels + k) * after.channels + c])
                }),
                Join::Pool(windows) => of_windows(windows, &|_, k, c| (k == c).then_some(values[0])),
            }
        }
    }
}

in_vectors!(fn add_rows(rows: &[f64], spins: &[i8], sums: &mut [f64]) = add_rows_in_loops);

/// Adds to the sums a row for each spin, times the spin.
#[inline(always)]
fn add_rows_in_loops(rows: &[f64], spins: &[i8], sums: &mut [f64]) {
    for (row, &s) in rows.chunks_exact(sums.len()).zip(spins) {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += value * f64::from(s);
        }
    }
}

fn check_block(k: usize, block: &Block, layers: &[Layer]) -> Result<(), Error> {
    let (&Block { before, after, .. }, count) = (block, layers.len());
    if before == after || before.max(after) >= count {
        return bad(format_args!(
            "block {k} joins layers {before} and {after}, expected two of the {count} layers, numbered from 0"
        ));
    }
    let [first, second] = [layers[before], layers[after]];
    let windows = match block.join {
        Join::Dense => return Ok(()),
        Join::Filters(windows) | Join::Pool(windows) => windows,
    };
    let ([rows, columns], [down, right]) = (windows.size, windows.stride);
    let Some([height, width]) = windows.places(first) else {
        return bad(format_args!(
            "block {k} has windows of {rows} x {columns} in steps of {down} and {right}, expected such as fit into layer \
             {before} of {} x {}",
            first.height, first.width
        ));
    };
    if [second.height, second.width] != [height, width] {
        return bad(format_args!(
            "layer {after} has {} x {} places, expected {height} x {width}: one for each window of block {k}",
            second.height, second.width
        ));
    }
    if matches!(block.join, Join::Pool(_)) && first.channels != second.channels {
        return bad(format_args!(
            "block {k} pools {} channels into {}, expected as many",
            first.channels, second.channels
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOWS: Windows = Windows { size: [2, 2], stride: [1, 2] };

    fn structure(shapes: &[[usize; 3]], join: Join) -> Result<Structure, Error> {
        Structure::new(shapes, vec![Block { before: 0, after: 1, join }])
    }

    #[test]
    fn windows_couple_what_they_cover() {
        let filters = structure(&[[2, 4, 1], [1, 2, 2]], Join::Filters(WINDOWS)).unwrap();
        let values: Vec<f64> = (0..8).map(f64::from).collect();
        let couplings = filters.couplings(&values).unwrap();
        // Place 1 of the windows, which begin at column 2, has spins 10 and 11.
        assert_eq!(couplings.row(10), (&[2u32, 3, 6, 7][..], &[0.0, 2.0, 4.0, 6.0][..]));
        assert_eq!(couplings.row(11), (&[2u32, 3, 6, 7][..], &[1.0, 3.0, 5.0, 7.0][..]));
        let pool = structure(&[[2, 4, 3], [1, 2, 3]], Join::Pool(WINDOWS)).unwrap();
        let couplings = pool.couplings(&[-0.25]).unwrap();
        assert_eq!(couplings.row(24 + 1), (&[1u32, 4, 13, 16][..], &[-0.25; 4][..]));
        let dense = structure(&[[1, 1, 2], [1, 2, 1]], Join::Dense).unwrap();
        assert_eq!(dense.couplings(&[1.0, 2.0, 3.0, 4.0]).unwrap().row(3), (&[0u32, 1][..], &[2.0, 4.0][..]));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let text = |shapes: &[[usize; 3]], join| structure(shapes, join).unwrap_err().to_string();
        let filters = |size, stride| Join::Filters(Windows { size, stride });
        assert!(text(&[[2, 4, 1], [1, 0, 2]], Join::Dense).contains("layer 1 has shape (1, 0, 2)"));
        assert!(text(&[[1 << 20, 1 << 20, 1], [1, 1, 2]], Join::Dense).contains("layer 0 has shape"));
        assert!(
            text(&[[2, 4, 1]], Join::Dense)
                .contains("joins layers 0 and 1, expected two of the 1 layers, numbered from 0")
        );
        assert!(text(&[[2, 4, 1], [1, 1, 1]], filters([3, 1], [1, 1])).contains("fit into layer 0 of 2 x 4"));
        assert!(text(&[[2, 4, 1], [1, 1, 1]], filters([2, 2], [0, 1])).contains("in steps of 0 and 1"));
        assert!(text(&[[2, 4, 1], [1, 3, 1]], filters([2, 2], [1, 2])).contains("expected 1 x 2: one for each"));
        assert!(text(&[[2, 4, 1], [1, 2, 2]], Join::Pool(WINDOWS)).contains("pools 1 channels into 2"));
        let filters = structure(&[[2, 4, 1], [1, 2, 2]], Join::Filters(WINDOWS)).unwrap();
        assert!(filters.check_values(&[0.0; 7]).unwrap_err().to_string().contains("7 values, expected 8"));
        assert!(filters.check_values(&[f64::NAN; 8]).unwrap_err().to_string().contains("weight 0 is NaN"));
    }
}
