//! What holds for every kernel.

use super::exponents::Short;
use super::kernel::Kernel;
use super::precision::{Coldest, Digits, MOST_DIGITS};
use super::wide::{Integers, Long};
use super::*;
use crate::simd::isa::{self, Isa};
use std::ops::Range;

/// A small random problem: complete bipartite where `sides` is given, else a random graph.
fn problem(n: usize, sides: Option<usize>, seed: u64) -> (Model, Vec<f64>) {
    let key = crate::rng::Key::new(seed);
    let mut count = 0;
    let mut normal = || {
        count += 1;
        let words = crate::rng::ars(&key, [count, 0, 0, 0]);
        words.iter().map(|&w| f64::from(w) / 2f64.powi(32) - 0.5).sum::<f64>()
    };
    let (mut rows, mut cols, mut values) = (vec![], vec![], vec![]);
    for i in 0..n {
        for j in i + 1..n {
            let coupled = sides.map_or((i * 7 + j * 3) % 5 < 2, |a| i < a && j >= a);
            if coupled {
                rows.push(i as i64);
                cols.push(j as i64);
                values.push(normal());
            }
        }
    }
    let fields = (0..3 * n).map(|_| normal()).collect();
    (Model::new(n, &rows, &cols, &values).unwrap(), fields)
}

fn shapes() -> impl Iterator<Item = (Model, Vec<f64>)> {
    let real = [(1, None), (12, None), (37, None), (40, Some(17)), (9, Some(1)), (160, Some(120))]
        .into_iter()
        .map(|(n, sides)| problem(n, sides, n as u64));
    real.chain(
        [(12, 1, 1.0), (37, 1, 0.1), (37, 7, 0.25), (70, 3, 1.0)].map(|(n, most, q)| integer_problem(n, most, q)),
    )
}

/// A random graph with couplings and fields that are up to `most` quanta.
fn integer_problem(n: usize, most: i64, quantum: f64) -> (Model, Vec<f64>) {
    let (mut rows, mut cols, mut values) = (vec![], vec![], vec![]);
    let mut fields = vec![];
    for i in 0..n as i64 {
        for j in i + 1..(i + 9).min(n as i64) {
            if (i * 7 + j * 3) % 5 < 3 {
                rows.push(i);
                cols.push(j);
                values.push(quantum * ((i * i + 3 * j) % (2 * most + 1) - most) as f64);
            }
        }
    }
    for k in 0..3 * n as i64 {
        fields.push(quantum * ((k * k + k / 3) % (2 * most + 1) - most) as f64);
    }
    (Model::new(n, &rows, &cols, &values).unwrap(), fields)
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
                if !is_random {
                    let sparse = [1, 2, 6].map(|threads| sparse::Sparse::<Short>::new(&job, fixed, threads));
                    assert!(sparse.iter().all(|kernel| all_chunks(isa, kernel, n, 21) == single));
                    let dense = [1, 2, 6].map(|threads| dense::Dense::<Short, 1>::new(&job, fixed, threads));
                    assert!(dense.iter().all(|kernel| all_chunks(isa, kernel, n, 21) == single));
                }
                found.push(single);
                found.push(wide_of_first(isa, &job));
                if let Some(integers) = multispin::Integers::of(&job) {
                    found.push(all_chunks(isa, &multispin::Multispin::new(&job, integers), n, 21));
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
        if !alone.method.is_in_random_order() {
            let sparse = [1, 2, 6].map(|threads| sparse::Sparse::<Long>::wide(&job, &integers, threads));
            assert!(sparse.iter().all(|kernel| all_chunks(isa, kernel, n, 7) == single));
            let dense = dense::Dense::<Long, MOST_DIGITS>::wide(&job, &integers, 1);
            assert!(all_chunks(isa, &dense, n, 7) == single);
        }
        all.0.extend(single.0);
        all.1.extend(single.1);
    }
    all
}

#[test]
fn zero_temperature_accepts_what_lowers_the_energy_and_nothing_else() {
    // Spin 0 is free, spin 1 is in a field of one unit in the last place, and 2 and 3 are frustrated by penalties.
    let big = 2f64.powi(52);
    let model = Model::new(4, &[1, 2], &[2, 3], &[big, -big]).unwrap();
    let fields = [0.0, 1.0 - big, 0.0, big];
    for criterion in [Criterion::Metropolis, Criterion::Gibbs] {
        for order in [Order::InTurn, Order::Random] {
            let start: Vec<i8> = (0..64).map(|k| if (k / 4) >> (k % 4) & 1 == 0 { 1 } else { -1 }).collect();
            let betas = [f64::INFINITY; 40];
            let method = Method::Sweeps { betas: &betas, criterion, order };
            let batch = Batch::new(4, &fields[..], method, 16, Some(&start), 1, &[0]).unwrap();
            let samples = anneal(&model, &batch, None, &Control::default()).unwrap();
            assert_eq!(samples.arithmetic, [Arithmetic::Wide]);
            for (state, first) in samples.states.chunks(4).zip(start.chunks(4)) {
                assert_eq!(state[0], first[0]);
                for i in 0..4 {
                    let (neighbours, values) = model.couplings().row(i);
                    let pairs = neighbours.iter().zip(values);
                    let field = pairs.fold(fields[i], |f, (&j, v)| f + v * f64::from(state[j as usize]));
                    assert!(f64::from(state[i]) * field <= 0.0, "{state:?} spin {i}");
                }
            }
        }
    }
}

#[test]
fn the_arithmetic_is_a_matter_of_the_problem_alone() {
    let model = Model::new(2, &[0], &[1], &[1e7]).unwrap();
    let fields = [0.5, 0.0, 1e7 - 0.5, 0.0, 1e300, 0.0, 0.5, 0.0];
    let of = |problems: Range<usize>| {
        let ids: Vec<u32> = problems.clone().map(|p| p as u32).collect();
        let fields = &fields[2 * problems.start..2 * problems.end];
        let method = Method::sweeps(&[0.0, 1e-3, 5.0]);
        let batch = Batch::new(2, fields, method, 20, None, 3, &ids).unwrap();
        anneal(&model, &batch, Some(2), &Control::default()).unwrap()
    };
    let whole = of(0..4);
    assert_eq!(whole.arithmetic[..2], [Arithmetic::Wide; 2]);
    for p in 0..4 {
        let alone = of(p..p + 1);
        assert_eq!(alone.states, whole.states[40 * p..40 * (p + 1)]);
        assert_eq!(alone.arithmetic[0], whole.arithmetic[p]);
    }
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

#[test]
fn bad_quantum_schedules_are_named() {
    let text = |r: Result<Trotter, Error>| r.unwrap_err().to_string();
    assert!(text(Trotter::new(0.0, 4, &[1.0], &[1.0])).contains("beta is 0"));
    assert!(text(Trotter::new(1.0, 1, &[1.0], &[1.0])).contains("num_slices is 1"));
    assert!(text(Trotter::new(1.0, 4, &[1.0], &[])).contains("1 transverse fields and 0 problem scales"));
    assert!(text(Trotter::new(1.0, 4, &[1.0, -2.0], &[1.0, 1.0])).contains("field of sweep 1 is -2"));
    assert!(text(Trotter::new(1.0, 4, &[1.0], &[f64::NAN])).contains("scale of sweep 0 is NaN"));
    let trotter = Trotter::new(1.0, 1 << 31, &[1.0], &[1.0]).unwrap();
    let batch = Batch::new(2, &[0.0; 2][..], Method::Paths(&trotter), 1, None, 0, &[0]);
    assert!(batch.unwrap_err().to_string().contains("2 spins in 2147483648 slices"));
}

/// States and energies.
type Reads = (Vec<i8>, Vec<f64>);

fn reads(samples: Samples) -> Reads {
    (samples.states, samples.energies)
}

/// What a kernel makes of all runs.
fn all_chunks(isa: Isa, kernel: &impl Kernel, n: usize, runs: usize) -> Reads {
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
fn same_bits_for_any_threads_and_split() {
    for (model, fields) in shapes() {
        let n = model.num_spins();
        let betas: Vec<f64> = (0..30).map(|k| 0.1 * f64::from(k)).collect();
        let run = |problems: Range<usize>, threads| {
            let ids: Vec<u32> = problems.clone().map(|p| p as u32).collect();
            let fields = &fields[problems.start * n..problems.end * n];
            let batch = Batch::new(n, fields, Method::sweeps(&betas), 17, None, 5, &ids).unwrap();
            anneal(&model, &batch, threads, &Control::default()).unwrap()
        };
        let whole = run(0..3, None);
        for threads in [1, 2, 16] {
            assert!(run(0..3, Some(threads)) == whole);
        }
        let (first, rest) = (run(0..1, None), run(1..3, None));
        assert_eq!([first.states, rest.states].concat(), whole.states);
        assert_eq!([first.energies, rest.energies].concat(), whole.energies);
    }
}

#[test]
fn energies_are_those_of_the_states() {
    for (model, fields) in shapes() {
        let n = model.num_spins();
        let betas = [0.5; 20];
        let batch = Batch::new(n, &fields[..], Method::sweeps(&betas), 5, None, 5, &[0, 1, 2]).unwrap();
        let samples = anneal(&model, &batch, None, &Control::default()).unwrap();
        for (run, (state, energy)) in samples.states.chunks(n).zip(&samples.energies).enumerate() {
            let s = |i: usize| f64::from(state[i]);
            let mut wanted = 0.0;
            for i in 0..n {
                wanted += fields[run / 5 * n + i] * s(i);
                let (neighbours, values) = model.couplings().row(i);
                let pairs = neighbours.iter().zip(values);
                wanted += 0.5 * pairs.map(|(&j, v)| v * s(i) * s(j as usize)).sum::<f64>();
            }
            assert!((energy - wanted).abs() < 1e-12 * (1.0 + wanted.abs()), "{energy} {wanted}");
        }
    }
}

#[test]
fn a_cold_anneal_keeps_a_ground_state_it_is_given() {
    // A ferromagnetic chain, held up by its fields: all up is the one minimum.
    let n = 20;
    let rows: Vec<i64> = (0..n - 1).collect();
    let cols: Vec<i64> = (1..n).collect();
    let model = Model::new(n as usize, &rows, &cols, &vec![-1.0; rows.len()]).unwrap();
    let fields = vec![-0.5; n as usize];
    let up = vec![1i8; 3 * n as usize];
    let batch = Batch::new(n as usize, &fields[..], Method::sweeps(&[1e6; 10]), 3, Some(&up), 1, &[0]).unwrap();
    assert_eq!(anneal(&model, &batch, None, &Control::default()).unwrap().states, up);
}

#[test]
fn numbers_far_from_one_anneal_like_their_scaled_selves() {
    for power in [-1000, 900] {
        let scale = 2f64.powi(power);
        let (rows, cols) = ([0, 1, 2], [1, 2, 0]);
        let plain = Model::new(3, &rows, &cols, &[1.0, -0.5, 0.25]).unwrap();
        let scaled = Model::new(3, &rows, &cols, &[scale, -0.5 * scale, 0.25 * scale]).unwrap();
        let fields = [0.125, 0.5, -1.0];
        let scaled_fields = fields.map(|h| h * scale);
        let betas = [0.0, 0.5, 1.0, 2.0];
        let scaled_betas = betas.map(|b| b / scale);
        let one = Batch::new(3, &fields[..], Method::sweeps(&betas), 16, None, 9, &[4]).unwrap();
        let two = Batch::new(3, &scaled_fields[..], Method::sweeps(&scaled_betas), 16, None, 9, &[4]).unwrap();
        let stop = Control::default();
        let states = |model, batch| anneal(model, batch, None, &stop).unwrap().states;
        assert_eq!(states(&plain, &one), states(&scaled, &two));
    }
}

#[test]
fn nothing_to_anneal() {
    let empty = Model::new(0, &[], &[], &[]).unwrap();
    let batch = Batch::new(0, &[0f64; 0][..], Method::sweeps(&[1.0]), 3, None, 0, &[0, 1]).unwrap();
    let samples = anneal(&empty, &batch, None, &Control::default()).unwrap();
    assert_eq!((samples.states.len(), samples.energies), (0, vec![0.0; 6]));

    let free = Model::new(2, &[], &[], &[]).unwrap();
    let batch = Batch::new(2, &[0f64; 0][..], Method::sweeps(&[1.0]), 3, None, 0, &[]).unwrap();
    assert_eq!(anneal(&free, &batch, Some(2), &Control::default()).unwrap(), Samples::default());
    assert!(anneal(&empty, &batch, None, &Control::default()).unwrap_err().to_string().contains("2 spins"));
}

fn for_all_methods(ask: impl Fn(Method)) {
    let betas: Vec<f64> = (0..20).map(|k| 0.2 * f64::from(k)).collect();
    let rise: Vec<f64> = (0..20).map(|k| 0.05 * f64::from(k)).collect();
    let trotter = Trotter::new(5.0, 3, &rise, &rise).unwrap();
    let motions = [Motion::Amplitude { saturation: 0.3 }, Motion::Phase];
    let flows = motions.map(|motion| Dynamics::new(motion, 0.2, 0.5, &rise, &rise).unwrap());
    let (criterion, order) = (Criterion::Gibbs, Order::Random);
    ask(Method::sweeps(&betas));
    ask(Method::Sweeps { betas: &betas, criterion, order });
    ask(Method::Paths(&trotter));
    flows.iter().for_each(|dynamics| ask(Method::Flow(dynamics)));
}

/// Fields in either precision, one initial state for all reads or one for each, and with energies or without.
#[test]
fn two_ways_to_ask_have_one_answer() {
    for (model, fields) in shapes() {
        let n = model.num_spins();
        let single: Vec<f32> = fields.iter().map(|&h| h as f32).collect();
        let double: Vec<f64> = single.iter().map(|&h| f64::from(h)).collect();
        let start: Vec<i8> = (0..3 * n).map(|k| if k * k % 5 < 2 { -1 } else { 1 }).collect();
        for reads in [1, 2, 7, 70] {
            let each: Vec<i8> = start.chunks(n).flat_map(|state| state.repeat(reads)).collect();
            for_all_methods(|method| {
                let run = |fields: Fields, start| {
                    let batch = Batch::new(n, fields, method, reads, start, 5, &[4, 0, 9]).unwrap();
                    let samples = anneal(&model, &batch, Some(2), &Control::default()).unwrap();
                    let states = anneal(&model, &batch.without_energies(), Some(1), &Control::default());
                    assert!(states.unwrap() == Samples { energies: vec![], ..samples.clone() });
                    samples
                };
                assert!(run((&single[..]).into(), None) == run((&double[..]).into(), None));
                assert!(run((&single[..]).into(), Some(&start)) == run((&double[..]).into(), Some(&each)));
            });
        }
    }
}

/// Also after anneals of other scales and methods.
#[test]
fn a_model_that_was_used_is_as_good_as_a_new_one() {
    for (k, (used, fields)) in shapes().enumerate() {
        for scale in [1.0, 2f64.powi(60), 1.0] {
            let fields: Vec<f64> = fields.iter().map(|h| h * scale).collect();
            for_all_methods(|method| {
                for reads in [1, 5] {
                    let (new, _) = shapes().nth(k).unwrap();
                    let batch =
                        Batch::new(new.num_spins(), &fields[..], method, reads, None, 5, &[4, 0, 9]).unwrap();
                    let [used, new] =
                        [&used, &new].map(|model| anneal(model, &batch, Some(1), &Control::default()));
                    assert!(used.unwrap() == new.unwrap());
                }
            });
        }
    }
}
