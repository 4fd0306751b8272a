//! One EP phase on K(120, 40), and a random sparse problem, annealed and quantum annealed. `cargo bench`.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ising_ep::{Batch, Method, Model, Trotter, anneal};
use std::hint::black_box;

/// Cheap reproducible numbers in [-1, 1).
fn noise(k: u64) -> f64 {
    let mixed = (k + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) as i64 as f64 / 2f64.powi(63)
}

fn phase(c: &mut Criterion) {
    let (mut rows, mut cols, mut values) = (vec![], vec![], vec![]);
    for i in 0..120i64 {
        for j in 0..40i64 {
            rows.push(i);
            cols.push(120 + j);
            values.push(0.3 * noise((i * 40 + j) as u64));
        }
    }
    let fields: Vec<f64> = (0..160).map(|k| noise(90_000 + k)).collect();
    let betas: Vec<f64> = (0..100).map(|k| 0.1 * 100f64.powf(f64::from(k) / 99.0)).collect();
    let mut group = c.benchmark_group("EP phase, 10 reads x 100 sweeps, one thread");
    group.throughput(Throughput::Elements(160 * 10 * 100));
    group.bench_function("K(120,40)", |b| {
        b.iter(|| {
            let model = Model::new(160, &rows, &cols, &values).unwrap();
            let batch =
                Batch::new(160, &fields[..], Method::sweeps(&betas), 10, None, black_box(1), &[0]).unwrap();
            anneal(&model, &batch, Some(1), &Default::default())
        });
    });
    group.finish();
}

fn lattice(c: &mut Criterion) {
    let side = 16i64;
    let at = |x: i64, y: i64, z: i64| (x % side * side + y % side) * side + z % side;
    let (mut rows, mut cols, mut values) = (vec![], vec![], vec![]);
    for x in 0..side {
        for y in 0..side {
            for z in 0..side {
                for j in [at(x + 1, y, z), at(x, y + 1, z), at(x, y, z + 1)] {
                    rows.push(at(x, y, z));
                    cols.push(j);
                    values.push(noise(values.len() as u64).signum());
                }
            }
        }
    }
    let model = Model::new(4096, &rows, &cols, &values).unwrap();
    let fields = vec![0.0; 4096];
    let betas: Vec<f64> = (0..100).map(|k| 0.1 * 30f64.powf(f64::from(k) / 99.0)).collect();
    let mut group = c.benchmark_group("64 reads x 100 sweeps, one thread");
    group.throughput(Throughput::Elements(4096 * 64 * 100)).sample_size(20);
    group.bench_function("lattice 16^3, J = +-1", |b| {
        b.iter(|| {
            let batch =
                Batch::new(4096, &fields[..], Method::sweeps(&betas), 64, None, black_box(1), &[0]).unwrap();
            anneal(&model, &batch, Some(1), &Default::default())
        });
    });
    let (slices, sweeps) = (16, 20);
    let rise: Vec<f64> = (0..sweeps).map(|k| f64::from(k) / f64::from(sweeps - 1)).collect();
    let fall: Vec<f64> = rise.iter().map(|s| 5.0 * (1.0 - s)).collect();
    let trotter = Trotter::new(8.0, slices, &fall, &rise).unwrap();
    group.throughput(Throughput::Elements(4096 * 64 * slices as u64 * sweeps as u64));
    group.bench_function("lattice 16^3, J = +-1, 16 slices x 20 sweeps", |b| {
        b.iter(|| {
            let batch =
                Batch::new(4096, &fields[..], Method::Paths(&trotter), 64, None, black_box(1), &[0]).unwrap();
            anneal(&model, &batch, Some(1), &Default::default())
        });
    });
    group.finish();
}

criterion_group!(benches, phase, lattice);
criterion_main!(benches);
