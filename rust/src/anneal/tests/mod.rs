//! What holds for every problem and method.

mod chains;
mod kernels;
mod shared;

use super::*;
use crate::structure::{Block, Join, Structure, Windows};
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
    real.chain([layers()]).chain(
        [(12, 1, 1.0), (37, 1, 0.1), (37, 7, 0.25), (70, 3, 1.0)].map(|(n, most, q)| integer_problem(n, most, q)),
    )
}

/// Layers joined by filters, a pool and dense weights: channels that fill no block, windows that leave out an edge, and two
/// blocks onto one layer.
fn layers() -> (Model, Vec<f64>) {
    let block = |before, after, join| Block { before, after, join };
    let windows = |size, stride| Windows { size, stride };
    let blocks = vec![
        block(0, 1, Join::Filters(windows([3, 2], [2, 1]))),
        block(1, 2, Join::Pool(windows([1, 2], [1, 2]))),
        block(2, 3, Join::Dense),
        block(3, 0, Join::Dense),
        block(1, 4, Join::Pool(windows([1, 1], [1, 1]))),
    ];
    let shapes = [[6, 5, 3], [2, 4, 18], [2, 2, 18], [1, 1, 7], [2, 4, 18]];
    let structure = Structure::new(&shapes, blocks).unwrap();
    let key = crate::rng::Key::new(11);
    let number = |k: usize| f64::from(crate::rng::ars(&key, [k as u32, 1, 2, 3])[0]) / 2f64.powi(31) - 1.0;
    let values: Vec<f64> = (0..structure.num_values()).map(|k| 0.5 * number(k)).collect();
    let fields = (0..3 * structure.num_spins()).map(|k| number(1_000_000 + k)).collect();
    (Model::layers(structure, &values).unwrap(), fields)
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
