//! What holds for every kernel on every instruction set.

use super::super::exponents::Short;
use super::super::kernel::{self, Kernel};
use super::super::precision::{self, Coldest, Digits, MOST_DIGITS};
use super::super::wide::{Integers, Long};
use super::super::{dense, dynamics, few, layered, multispin, order, quantum, single, sparse};
use super::*;
use crate::simd::isa::{self, Isa};

/// States and energies.
pub(super) type Reads = (Vec<i8>, Vec<f64>);

fn reads(samples: Samples) -> Reads {
    (samples.states, samples.energies)
}

/// What a kernel makes of all runs.
pub(super) fn all_chunks(isa: Isa, kernel: &impl Kernel, n: usize, runs: usize) -> Reads {
    let mut samples = Samples { states: vec![0; runs * n], energies: vec![0.0; runs], arithmetic: vec![] };
    let (mut chunk, mut at) = (0, 0);
    while at < runs {
        let end = kernel.end(chunk).min(runs);
        let (states, energies) = (&mut samples.states[at * n..end * n], &mut samples.energies[at..end]);
        kernel::run(isa, kernel, chunk, states, energies);
        (chunk, at) = (chunk + 1, end);
    }
    reads(samples)
}

#[test]
fn same_bits_on_every_instruction_set() {
    for (model, fields) in shapes() {
        let betas: Vec<f64> = (0..40).map(|k| 0.1 * f64::from(k)).collect();
        let (n, couplings) = (model.num_spins(), model.couplings());
        let (criterion, order) = (Criterion::Gibbs, Order::Random);
        let plain = Method::sweeps(&betas);
        let gibbs = Method::Sweeps { betas: &betas, criterion, order: Order::InTurn };
        let random = Method::Sweeps { betas: &betas, criterion: Criterion::Metropolis, order };
        for method in [plain, gibbs, random] {
            let batch = Batch::new(n, &fields[..], method, 7, None, 3, &[0, 1, 2]).unwrap();
            let control = Control::default();
            let job = Job { couplings, batch: &batch, scale: 1.0, key: Key::new(3), control: &control };
            let layouts = model.layouts(1.0);
            let fixed = layouts.fixed(couplings);
            let is_random = method.is_in_random_order();
            let on = |isa: Isa| {
                let mut found = vec![];
                if let Some(sides) = layered::sides(couplings.pattern()) {
                    let layout = layouts.layered(couplings, sides);
                    found.push(all_chunks(isa, &layered::Layered::new(&job, sides, layout, 1), n, 21));
                }
                let single = all_chunks(isa, &single::Single::<Short, 1>::new(&job, fixed), n, 21);
                let order = || layouts.order(couplings.pattern());
                let sparse = [1, 2, 6].map(|threads| sparse::Sparse::<Short>::new(&job, fixed, order, threads));
                assert!(sparse.iter().all(|kernel| all_chunks(isa, kernel, n, 21) == single));
                if !is_random {
                    let few = few::Few::new(&job, fixed, layouts.few(couplings));
                    assert!(all_chunks(isa, &few, n, 21) == single);
                    for threads in [42, 63, 210] {
                        let together = few::FewTogether::new(&job, fixed, layouts.few(couplings), threads);
                        assert!(together.is_none_or(|kernel| all_chunks(isa, &kernel, n, 21) == single));
                    }
                    let dense = [1, 2, 6].map(|threads| dense::Dense::<Short, 1>::new(&job, fixed, threads));
                    assert!(dense.iter().all(|kernel| all_chunks(isa, kernel, n, 21) == single));
                }
                found.push(single);
                found.push(wide_of_first(isa, &job));
                if let Some(integers) = multispin::Integers::of(&job) {
                    let quantum = integers.quantum();
                    let alone = all_chunks(isa, &multispin::Multispin::new(&job, integers, order, 1), n, 21);
                    for threads in [6, 9] {
                        let integers = multispin::Integers::in_quanta(&job, quantum).unwrap();
                        let together = multispin::Multispin::new(&job, integers, order, threads);
                        assert!(all_chunks(isa, &together, n, 21) == alone);
                    }
                    found.push(alone);
                }
                found
            };
            let reference = on(Isa::Portable);
            for isa in isa::available() {
                assert!(on(isa) == reference, "{isa:?} differs on {n} spins");
            }
        }
    }
}

fn digits(job: &Job, count: usize, bits: i32) -> Digits {
    Digits::with(&precision::Extent::of_spins(job), Coldest::of(&job.batch.method), count, bits)
}

/// The reads of the first problem in integers of two digits and of four, by all kernels that have them.
fn wide_of_first(isa: Isa, job: &Job) -> Reads {
    let n = job.couplings.num_spins();
    let alone = job.batch.problems(0..1);
    let job = Job { batch: &alone, ..*job };
    let mut all = Reads::default();
    for bits in [16, 9] {
        let digits = digits(&job, 60 / bits as usize, bits);
        let integers = Integers::new(&job, &digits);
        let single = all_chunks(isa, &single::Single::<Long, MOST_DIGITS>::wide(&job, &integers), n, 7);
        if digits.count <= 4 {
            assert!(all_chunks(isa, &single::Single::<Long, 4>::wide(&job, &integers), n, 7) == single);
        }
        let order = order::Order::of(job.couplings.pattern());
        let sparse = [1, 2, 6].map(|threads| sparse::Sparse::<Long>::wide(&job, &integers, || &order, threads));
        assert!(sparse.iter().all(|kernel| all_chunks(isa, kernel, n, 7) == single));
        if !alone.method.is_in_random_order() {
            let layout = few::Layout::<f64, MOST_DIGITS>::wide(job.couplings.pattern(), &integers);
            assert!(all_chunks(isa, &few::Few::wide(&job, &integers, &layout), n, 7) == single);
            let dense = dense::Dense::<Long, MOST_DIGITS>::wide(&job, &integers, 1);
            assert!(all_chunks(isa, &dense, n, 7) == single);
        }
        all.0.extend(single.0);
        all.1.extend(single.1);
    }
    all
}

#[test]
fn same_bits_of_slices_on_every_instruction_set() {
    for slices in [2, 3, 8] {
        for (model, fields) in shapes() {
            let (n, couplings) = (model.num_spins(), model.couplings());
            let rise: Vec<f64> = (0..20).map(|k| 0.05 * f64::from(k)).collect();
            let fall: Vec<f64> = rise.iter().map(|s| 2.0 * (0.95 - s).max(0.0)).collect();
            let trotter = Trotter::new(5.0, slices, &fall, &rise).unwrap();
            let batch = Batch::new(n, &fields[..], Method::Paths(&trotter), 7, None, 3, &[0, 1, 2]).unwrap();
            let control = Control::default();
            let job = Job { couplings, batch: &batch, scale: 1.0, key: Key::new(3), control: &control };
            let layouts = model.layouts(1.0);
            let on = |isa: Isa, threads| {
                let fixed = layouts.fixed(couplings);
                all_chunks(isa, &quantum::Quantum::<Short>::new(&job, &trotter, fixed, threads), n, 21)
            };
            let reference = reads(anneal(&model, &batch, Some(2), &control).unwrap());
            let alone = batch.problems(0..1);
            let first = Job { batch: &alone, ..job };
            let integers = Integers::new(&first, &digits(&first, 3, 16));
            let wide = |isa: Isa, threads| {
                all_chunks(isa, &quantum::Quantum::<Long>::wide(&first, &trotter, &integers, threads), n, 7)
            };
            let wide_reference = wide(Isa::Portable, 1);
            for isa in isa::available() {
                for threads in [1, 2, 6] {
                    assert!(on(isa, threads) == reference, "{isa:?} differs on {n} spins");
                    assert!(wide(isa, threads) == wide_reference, "{isa:?} differs on {n} spins");
                }
            }
        }
    }
}

#[test]
fn same_bits_of_what_flows_on_every_instruction_set() {
    for motion in [Motion::Amplitude { saturation: 0.0 }, Motion::Amplitude { saturation: 0.3 }, Motion::Phase] {
        for (model, fields) in shapes() {
            let (n, couplings) = (model.num_spins(), model.couplings());
            let ramp: Vec<f64> = (0..20).map(|k| 0.05 * f64::from(k)).collect();
            let noise: Vec<f64> = ramp.iter().map(|r| 0.5 * (1.0 - r)).collect();
            let dynamics = Dynamics::new(motion, 0.2, 0.5, &ramp, &noise).unwrap();
            let down = vec![-1i8; 21 * n];
            for start in [None, Some(&*down)] {
                let method = Method::Flow(&dynamics);
                let batch = Batch::new(n, &fields[..], method, 7, start, 3, &[0, 1, 2]).unwrap();
                let control = Control::default();
                let job = Job { couplings, batch: &batch, scale: 1.0, key: Key::new(3), control: &control };
                let reference = reads(anneal(&model, &batch, Some(2), &control).unwrap());
                for isa in isa::available() {
                    let found = match motion {
                        Motion::Amplitude { saturation } => {
                            all_chunks(isa, &dynamics::amplitudes(&job, &dynamics, saturation), n, 21)
                        }
                        Motion::Phase => all_chunks(isa, &dynamics::phases(&job, &dynamics), n, 21),
                    };
                    assert!(found == reference, "{isa:?} differs on {n} spins");
                }
            }
        }
    }
}

/// Three groups of 100 spins, each coupled to some of the others: few levels, of many spins.
fn groups(values: impl Fn(i64) -> f64) -> Model {
    let pairs = (0..300i64).flat_map(|i| (1..6).map(move |k| (i, 100 * (i / 100 + 1) + (37 * i + 29 * k) % 100)));
    let (rows, cols): (Vec<i64>, Vec<i64>) = pairs.filter(|&(_, j)| j < 300).unzip();
    let values: Vec<f64> = rows.iter().zip(&cols).map(|(i, j)| values(i * i + 3 * j)).collect();
    Model::new(300, &rows, &cols, &values).unwrap()
}

#[test]
fn threads_that_share_spins_change_nothing() {
    let n = 300;
    let real = groups(|k| (k % 1000) as f64 / 700.0 - 0.7);
    let integer = groups(|k| (k % 7 - 3) as f64);
    let fields: Vec<f64> = (0..n).map(|i| (i % 5) as f64 - 2.0).collect();
    let betas: Vec<f64> = (0..40).map(|k| 0.05 * f64::from(k)).collect();
    for criterion in [Criterion::Metropolis, Criterion::Gibbs] {
        let method = Method::Sweeps { betas: &betas, criterion, order: Order::InTurn };
        let batch = Batch::new(n, &fields[..], method, 3, None, 3, &[5]).unwrap();
        let control = Control::default();
        let job = |model| Job { couplings: model, batch: &batch, scale: 1.0, key: Key::new(3), control: &control };
        let (reals, integers) = (job(real.couplings()), job(integer.couplings()));
        let (layouts, order) = (real.layouts(1.0), order::Order::of(real.couplings().pattern()));
        let (fixed, order) = (layouts.fixed(real.couplings()), || &order);
        let bits = |threads| {
            let integers_of = multispin::Integers::of(&integers).unwrap();
            multispin::Multispin::new(&integers, integers_of, order, threads)
        };
        for isa in isa::available() {
            let few = few::Few::new(&reals, fixed, layouts.few(real.couplings()));
            let (few, in_bits) = (all_chunks(isa, &few, n, 3), all_chunks(isa, &bits(1), n, 3));
            for threads in [6, 9, 30] {
                let sparse = sparse::Sparse::<Short>::new(&reals, fixed, order, threads);
                assert!(all_chunks(isa, &sparse, n, 3) == few);
                let together = few::FewTogether::new(&reals, fixed, layouts.few(real.couplings()), threads);
                assert!(all_chunks(isa, &together.expect("wide levels"), n, 3) == few);
                assert!(all_chunks(isa, &bits(threads), n, 3) == in_bits);
            }
        }
    }
}

#[test]
fn threads_that_share_spins_stop_together() {
    let model = groups(|k| (k % 7 - 3) as f64);
    let method = Method::sweeps(&[1.0; 100]);
    let fields = [0.0; 300];
    for reads in [1, 20, 600] {
        let batch = Batch::new(300, &fields[..], method, reads, None, 3, &[5]).unwrap();
        let control = Control::default();
        control.abort();
        anneal(&model, &batch, Some(7), &control).unwrap();
    }
}
