//! Searches against exact enumeration, and against all tours of a salesman.

use super::groups::{Groups, cliques};
use super::problem::{Problem, State};
use super::tabu::luby;
use super::{Found, Search, search};
use crate::anneal::{Control, Model};
use crate::rng::{Key, ars};

/// Numbers from 0 to `end - 1`, by chance.
fn numbers(seed: u64, count: usize, end: u32) -> Vec<f64> {
    let key = Key::new(seed);
    (0..count).map(|k| f64::from(ars(&key, [k as u32, 1, 2, 3])[0] % end)).collect()
}

/// All pairs of `n` spins, those of `keep` alone.
fn pairs(n: usize, keep: impl Fn(usize, usize) -> bool) -> (Vec<i64>, Vec<i64>) {
    let all = (0..n).flat_map(|i| (0..i).map(move |j| (i, j)));
    all.filter(|&(i, j)| keep(i, j)).map(|(i, j)| (i as i64, j as i64)).unzip()
}

fn energy(model: &Model, fields: &[f64], state: &[i8]) -> f64 {
    let couplings = model.try_couplings().unwrap();
    (0..state.len())
        .map(|i| {
            let (neighbours, values) = couplings.row(i);
            let earlier = neighbours.iter().zip(values).filter(|&(&j, _)| (j as usize) < i);
            let field = earlier.map(|(&j, value)| value * f64::from(state[j as usize])).sum::<f64>();
            f64::from(state[i]) * (fields[i] + field)
        })
        .sum()
}

fn ground(model: &Model, fields: &[f64]) -> f64 {
    let n = fields.len();
    let states = (0..1u32 << n).map(|bits| (0..n).map(|i| if bits >> i & 1 == 1 { 1 } else { -1 }).collect());
    states.map(|state: Vec<i8>| energy(model, fields, &state)).fold(f64::INFINITY, f64::min)
}

fn run(model: &Model, what: &Search) -> Found {
    search(model, what, Some(1), &Control::default()).unwrap()
}

#[test]
fn ground_states_are_found() {
    for (seed, n, keep) in [(1, 1, 1), (2, 2, 1), (3, 7, 1), (4, 11, 1), (5, 12, 3), (6, 10, 4)] {
        let (rows, cols) = pairs(n, |i, j| (i + 2 * j) % keep == 0);
        let values: Vec<f64> = numbers(seed, rows.len(), 101).iter().map(|value| value - 50.0).collect();
        let fields: Vec<f64> = numbers(seed + 100, n, 41).iter().map(|value| value - 20.5).collect();
        let model = Model::new(n, &rows, &cols, &values).unwrap();
        let found = run(&model, &Search { fields: &fields, num_reads: 3, steps: Some(3000), ..Search::default() });
        for (read, &found_energy) in found.energies.iter().enumerate() {
            assert_eq!(found_energy, ground(&model, &fields), "{n} spins, seed {seed}");
            assert_eq!(found_energy, energy(&model, &fields, &found.states[read * n..][..n]));
        }
        assert!(found.steps.iter().all(|&steps| steps <= 3000));
        assert_eq!(found.trace.last().unwrap().1, ground(&model, &fields));
    }
}

#[test]
fn changes_are_differences_of_energies() {
    // Few couplings, stored as lists, and many, stored as whole rows.
    for keep in [23, 1] {
        let n = 21;
        let (rows, cols) = pairs(n, |i, j| (3 * i + j) % keep == 0);
        let values: Vec<f64> = numbers(7, rows.len(), 1000).iter().map(|value| (value - 500.0) * 0.25).collect();
        let fields = numbers(8, n, 100);
        let model = Model::new(n, &rows, &cols, &values).unwrap();
        let problem = Problem::new(model.try_couplings().unwrap(), &fields, None).unwrap();
        let mut state = State::new(&problem, (0..n).map(|i| if i % 3 == 0 { 1 } else { -1 }));
        for k in 0..200 {
            let flips = [(7 * k % n) as u32, ((7 * k + 5) % n) as u32, ((7 * k + 11) % n) as u32];
            let (before, change) = (problem.energy(state.twice_energy), state.change_of(&flips[..1 + k % 3]));
            for &i in &flips[..1 + k % 3] {
                state.flip(i as usize);
            }
            let after = problem.energy(state.twice_energy);
            assert_eq!(after, energy(&model, &fields, &state.spins()));
            assert_eq!(after - before, problem.energy(2 * i128::from(change)));
            let least = state.least(&vec![0; n.div_ceil(8) * 8], 0, i64::MIN, 12345 * k as u64).unwrap();
            assert_eq!(state.change(least), (0..n).map(|i| state.change(i)).min().unwrap());
        }
    }
}

/// The Ising problem of a tour through `n` points: spin `n c + t` is up where city `c` comes at time `t`.
fn salesman(n: usize, penalty: f64) -> (Model, Vec<f64>, f64, Vec<f64>) {
    let place = numbers(11, 2 * n, 1000);
    let distance = |a: usize, b: usize| (place[2 * a] - place[2 * b]).hypot(place[2 * a + 1] - place[2 * b + 1]);
    let distances = (0..n * n).map(|k| distance(k / n, k % n).round()).collect::<Vec<_>>();
    let (mut rows, mut cols, mut values, mut fields, mut offset) = (vec![], vec![], vec![], vec![0.0; n * n], 0.0);
    let mut add = |i: usize, j: usize, value: f64| {
        rows.push(i as i64);
        cols.push(j as i64);
        values.push(value / 4.0);
        fields[i] += value / 4.0;
        fields[j] += value / 4.0;
        offset += value / 4.0;
    };
    for i in 0..n * n {
        for j in 0..i {
            let next = (i % n + 1) % n == j % n || (j % n + 1) % n == i % n;
            if i / n == j / n || i % n == j % n {
                add(i, j, 2.0 * penalty);
            } else if next {
                add(i, j, distances[i / n * n + j / n]);
            }
        }
    }
    // A penalty for each row and each column.
    fields.iter_mut().for_each(|field| *field -= penalty);
    let offset = offset + 2.0 * penalty * n as f64 - penalty * (n * n) as f64;
    (Model::new(n * n, &rows, &cols, &values).unwrap(), fields, offset, distances)
}

fn shortest(n: usize, distances: &[f64], at: usize, left: u32) -> f64 {
    let go = |next: usize| distances[at * n + next] + shortest(n, distances, next, left & !(1 << next));
    let rest = (1..n).filter(|next| left >> next & 1 == 1).map(go).fold(f64::INFINITY, f64::min);
    if left == 0 { distances[at * n] } else { rest }
}

#[test]
fn tours_are_the_shortest_whatever_the_penalty() {
    let n = 7;
    for penalty in [1.5e3, 1e6, 1e9, 1e12] {
        let (model, fields, offset, distances) = salesman(n, penalty);
        let best = shortest(n, &distances, 0, (1 << n) - 2);
        let what = Search { fields: &fields, num_reads: 4, steps: Some(40_000), seed: 5, ..Search::default() };
        let found = run(&model, &what);
        assert!(found.energies.iter().all(|energy| energy + offset == best), "{:?}, {best}", found.energies);
        assert_eq!(found.groups.len(), 2 * n, "rows and columns");
        let without = run(&model, &Search { without_groups: true, ..what.clone() });
        assert!(without.groups.is_empty() && without.energies[0] + offset == best);
    }
}

#[test]
fn groups_have_one_spin_up() {
    let (model, ..) = salesman(4, 1e4);
    let found = cliques(model.try_couplings().unwrap());
    assert_eq!(found.len(), 8);
    let tour: Vec<i64> = (0..16).map(|i| if i / 4 == i % 4 { 0 } else { -1 }).collect();
    let groups = Groups::among(&found, 16, &[&tour]);
    assert_eq!(groups.members.len(), 8);
    let (row, column) = (groups.of[5][0], groups.of[10][1]);
    let spin = groups.meeting(row, column).unwrap() as usize;
    assert!(groups.of[spin].contains(&row) && groups.of[spin].contains(&column));
    // Two up in a row, none in another.
    let other: Vec<i64> = (0..16).map(|i| if [0, 1, 10, 15].contains(&i) { 0 } else { -1 }).collect();
    assert_eq!(Groups::among(&found, 16, &[&tour, &other]).members.len(), 6);
    // Two up in every row: nothing is a group.
    let none: Vec<i64> = (0..16).map(|i| if i / 8 == i % 4 / 2 { 0 } else { -1 }).collect();
    assert!(Groups::among(&found, 16, &[&none]).is_empty());
}

#[test]
fn threads_do_not_matter() {
    let (model, fields, ..) = salesman(6, 1e5);
    let what = Search { fields: &fields, num_reads: 9, steps: Some(2000), seed: 3, ..Search::default() };
    let one = run(&model, &what);
    let many = search(&model, &what, Some(4), &Control::default()).unwrap();
    assert_eq!((&one.states, &one.energies, &one.restarts), (&many.states, &many.energies, &many.restarts));
    let few = run(&model, &Search { num_reads: 4, ..what });
    assert_eq!(few.states, one.states[..4 * 36]);
}

#[test]
fn limits_are_kept() {
    let (model, fields, offset, distances) = salesman(6, 1e5);
    let best = shortest(6, &distances, 0, (1 << 6) - 2);
    let what = Search { fields: &fields, num_reads: 2, seed: 3, ..Search::default() };
    let found = run(&model, &Search { target: Some(best - offset), restarts: Some(1 << 40), ..what.clone() });
    assert_eq!(found.energies, [best - offset; 2]);
    let found =
        run(&model, &Search { restarts: Some(5), rounds: Some([10, 3]), without_groups: true, ..what.clone() });
    assert_eq!((found.restarts, found.steps), (vec![5; 2], vec![25; 2]));
    let nothing = run(&model, &Search { steps: Some(0), ..what.clone() });
    assert_eq!(nothing.steps, [0; 2]);
    let control = Control::default();
    control.finish();
    let found = search(&model, &Search { restarts: Some(1 << 40), ..what }, Some(2), &control).unwrap();
    assert_eq!(found.energies.len(), 1);
}

#[test]
fn what_is_wrong_is_named() {
    let model = Model::new(2, &[0], &[1], &[1.0]).unwrap();
    let what = Search { fields: &[0.0; 2], num_reads: 1, steps: Some(1), ..Search::default() };
    let text = |what: &Search| search(&model, what, None, &Control::default()).unwrap_err().to_string();
    assert!(text(&Search { fields: &[0.0], ..what.clone() }).contains("fields holds 1 numbers, expected 2"));
    assert!(text(&Search { fields: &[0.0, f64::NAN], ..what.clone() }).contains("field 1 is NaN"));
    assert!(
        text(&Search { initial_states: Some(&[1, 0]), ..what.clone() }).contains("holds 0, expected -1 or +1")
    );
    assert!(text(&Search { seconds: Some(-1.0), ..what.clone() }).contains("seconds is -1"));
    assert!(text(&Search { target: Some(f64::NAN), ..what.clone() }).contains("target is NaN"));
    assert!(text(&Search { tenure: Some(3), ..what.clone() }).contains("tenure is 3, expected at most 2"));
    assert!(text(&Search { rounds: Some([1, 0]), ..what.clone() }).contains("expected at least 1"));
    assert!(text(&Search { num_reads: usize::MAX, ..what.clone() }).contains("do not fit into memory"));
    assert!(text(&Search { steps: None, ..what.clone() }).contains("would not end"));
    assert!(text(&Search { fields: &[f64::MAX; 2], ..what }).contains("infinite"));
}

#[test]
fn luby_is_as_published() {
    let found: Vec<_> = (1..16).map(luby).collect();
    assert_eq!(found, [1, 1, 2, 1, 1, 2, 4, 1, 1, 2, 1, 1, 2, 4, 8]);
}
