use super::*;
use crate::Couplings;
use crate::rng::ars;

/// A ring with chords and fields, its numbers from a seed.
fn problem(n: usize, seed: u64) -> (Vec<i64>, Vec<i64>, Vec<f64>, Vec<f64>) {
    let key = Key::new(seed);
    let number = |k: usize, what: u32| f64::from(ars(&key, [k as u32, 0, 0, what])[0] % 13) - 6.0;
    let pairs = (0..n).flat_map(|i| [(i, (i + 1) % n), (i, (i + 3) % n)]);
    let (rows, cols): (Vec<i64>, Vec<i64>) = pairs.map(|(i, j)| (i as i64, j as i64)).unzip();
    let values = (0..rows.len()).map(|k| number(k, 1)).collect();
    (rows, cols, values, (0..n).map(|i| 0.5 * number(i, 2)).collect())
}

fn states(members: usize, n: usize) -> Vec<i8> {
    let key = Key::new(5);
    (0..members * n).map(|k| if ars(&key, [k as u32, 0, 0, 3])[0].is_multiple_of(3) { -1 } else { 1 }).collect()
}

fn energy(rows: &[i64], cols: &[i64], values: &[f64], fields: &[f64], state: &[i8]) -> f64 {
    let spin = |i: i64| f64::from(state[i as usize]);
    let pairs: f64 = rows.iter().zip(cols).zip(values).map(|((&i, &j), v)| v * spin(i) * spin(j)).sum();
    pairs + fields.iter().zip(state).map(|(h, &s)| h * f64::from(s)).sum::<f64>()
}

#[test]
fn energies_of_groups_are_those_of_their_spins() {
    let n = 14;
    let (rows, cols, values, fields) = problem(n, 1);
    let couplings = Couplings::new(n, &rows, &cols, &values).unwrap();
    let states = states(3, n);
    let population = Population::new(&states, &[0.0; 3]);
    let classes = population.classes();
    assert_eq!(classes.iter().max(), population.classes_of(&[1, 0, 2]).iter().max());
    let contraction = Problem::new(&couplings, &fields).contracted(
        &classes,
        &population.signs(1),
        energy(&rows, &cols, &values, &fields, &states[n..2 * n]),
        &mut Sorted::default(),
    );
    let groups = contraction.problem.num_spins();
    assert!((2..n).contains(&groups));
    let (of_rows, of_cols, of_values) = contraction.problem.pairs();
    for code in 0..1u32 << groups {
        let of_groups: Vec<i8> = (0..groups).map(|g| if code >> g & 1 == 1 { -1 } else { 1 }).collect();
        let state: Vec<i8> = (0..n).map(|i| states[n + i] * of_groups[contraction.group[i] as usize]).collect();
        let fields_of_groups = contraction.problem.fields();
        let found =
            energy(&of_rows, &of_cols, &of_values, fields_of_groups, &of_groups) + contraction.problem.offset;
        assert_eq!(found, energy(&rows, &cols, &values, &fields, &state));
    }
    // Every member is a state of the groups.
    for member in states.chunks(n) {
        for (i, j) in (0..n).flat_map(|i| (0..n).map(move |j| (i, j))) {
            if contraction.group[i] == contraction.group[j] {
                assert_eq!(member[i] * member[j], states[i] * states[j]);
            }
        }
    }
}

#[test]
fn a_population_finds_the_ground_state_on_any_number_of_threads() {
    let n = 18;
    for seed in 0..8 {
        let (rows, cols, values, fields) = problem(n, seed);
        let model = Model::new(n, &rows, &cols, &values).unwrap();
        let states = states(40, n);
        let energies: Vec<f64> =
            states.chunks(n).map(|state| energy(&rows, &cols, &values, &fields, state)).collect();
        let breeding = Breeding {
            sweeps: 32,
            reads: 8,
            coldest: 2.0,
            patience: 200,
            most: 1 << 20,
            target: f64::NEG_INFINITY,
            seed,
        };
        let bred = |threads| {
            recombine(&model, &fields, &states, &energies, &breeding, Some(threads), &Control::default()).unwrap()
        };
        let (one, three) = (bred(1), bred(3));
        assert_eq!((&one.states, &one.energies, one.children), (&three.states, &three.energies, three.children));
        for (state, &found) in one.states.chunks(n).zip(&one.energies) {
            assert_eq!(found, energy(&rows, &cols, &values, &fields, state));
        }
        let spin = |code: u32, i: usize| if code >> i & 1 == 1 { -1i8 } else { 1 };
        let all = (0..1u32 << n).map(|code| {
            let state: Vec<i8> = (0..n).map(|i| spin(code, i)).collect();
            energy(&rows, &cols, &values, &fields, &state)
        });
        let lowest = all.fold(f64::INFINITY, f64::min);
        assert_eq!(one.energies.iter().copied().fold(f64::INFINITY, f64::min), lowest, "seed {seed}");
    }
}

#[test]
fn a_single_state_and_a_problem_without_spins_stay_as_they_are() {
    let model = Model::new(2, &[0], &[1], &[1.0]).unwrap();
    let breeding = Breeding { sweeps: 4, reads: 2, coldest: 1.0, patience: 9, most: 9, target: -9.0, seed: 1 };
    let control = Control::default();
    let bred = recombine(&model, &[0.0; 2], &[1, 1], &[1.0], &breeding, None, &control).unwrap();
    assert_eq!((bred.states, bred.energies, bred.children), (vec![1, 1], vec![1.0], 0));
    let empty = Model::new(0, &[], &[], &[]).unwrap();
    let bred = recombine(&empty, &[], &[], &[0.0; 3], &breeding, None, &control).unwrap();
    assert_eq!(bred.energies, [0.0; 3]);
    assert!(recombine(&model, &[0.0; 2], &[1], &[1.0], &breeding, None, &control).is_err());
}
