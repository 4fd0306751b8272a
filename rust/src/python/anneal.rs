//! The bindings of [`crate::anneal()`].

use super::arrays::{c_order, c_order_of};
use super::calls::{Annealed, annealed, into_arrays, pattern_of};
use crate::{Batch, Criterion, Method, Model, Order, Trotter};
use numpy::{PyReadonlyArray1, PyReadonlyArray2, PyReadonlyArray3, PyUntypedArrayMethods};
use pyo3::prelude::*;

#[pyfunction]
#[pyo3(name = "anneal", signature = (
    rows, cols, values, fields, betas, num_reads, initial_states, seed, problem_ids, num_threads,
    *, rest=None, gibbs=false, random_order=false, watch=None
))]
#[allow(clippy::too_many_arguments)]
pub(super) fn anneal_batch<'py>(
    py: Python<'py>,
    rows: PyReadonlyArray1<'py, i64>,
    cols: PyReadonlyArray1<'py, i64>,
    values: PyReadonlyArray1<'py, f64>,
    fields: PyReadonlyArray2<'py, f64>,
    betas: PyReadonlyArray1<'py, f64>,
    num_reads: usize,
    initial_states: Option<PyReadonlyArray3<'py, i8>>,
    seed: u64,
    problem_ids: PyReadonlyArray1<'py, u32>,
    num_threads: Option<usize>,
    rest: Option<PyReadonlyArray2<'py, f64>>,
    gibbs: bool,
    random_order: bool,
    watch: Option<Py<PyAny>>,
) -> PyResult<Annealed<'py>> {
    let (problems, spins) = (fields.shape()[0], fields.shape()[1]);
    let rest = rest.as_ref().map(|rest| c_order_of(rest, "rest", &[problems, spins])).transpose()?;
    let (rows, cols, values) = (c_order(&rows, "rows")?, c_order(&cols, "cols")?, c_order(&values, "values")?);
    let (fields, betas) = (c_order(&fields, "fields")?, c_order(&betas, "betas")?);
    let ids = c_order_of(&problem_ids, "problem_ids", &[problems])?;
    let shape = [problems, num_reads, spins];
    let initial =
        initial_states.as_ref().map(|states| c_order_of(states, "initial_states", &shape)).transpose()?;
    let criterion = if gibbs { Criterion::Gibbs } else { Criterion::Metropolis };
    let order = if random_order { Order::Random } else { Order::InTurn };
    let method = Method::Sweeps { betas, criterion, order };
    let samples = py.detach(|| -> PyResult<_> {
        let model = Model::on(pattern_of(spins, rows, cols)?, values)?;
        let batch = Batch::new(spins, fields, method, num_reads, initial, seed, ids)?;
        let batch = rest.map_or(Ok(batch), |rest| batch.with_rest(rest))?;
        annealed(&model, &batch, num_threads, watch.as_ref())
    })?;
    into_arrays(py, samples, problems, num_reads, spins)
}

#[pyfunction]
#[pyo3(signature = (
    rows, cols, values, fields, beta, num_slices, transverse, problem, num_reads, initial_states, seed,
    problem_ids, num_threads, *, rest=None, watch=None
))]
#[allow(clippy::too_many_arguments)]
pub(super) fn anneal_quantum<'py>(
    py: Python<'py>,
    rows: PyReadonlyArray1<'py, i64>,
    cols: PyReadonlyArray1<'py, i64>,
    values: PyReadonlyArray1<'py, f64>,
    fields: PyReadonlyArray2<'py, f64>,
    beta: f64,
    num_slices: usize,
    transverse: PyReadonlyArray1<'py, f64>,
    problem: PyReadonlyArray1<'py, f64>,
    num_reads: usize,
    initial_states: Option<PyReadonlyArray3<'py, i8>>,
    seed: u64,
    problem_ids: PyReadonlyArray1<'py, u32>,
    num_threads: Option<usize>,
    rest: Option<PyReadonlyArray2<'py, f64>>,
    watch: Option<Py<PyAny>>,
) -> PyResult<Annealed<'py>> {
    let (problems, spins) = (fields.shape()[0], fields.shape()[1]);
    let rest = rest.as_ref().map(|rest| c_order_of(rest, "rest", &[problems, spins])).transpose()?;
    let (rows, cols, values) = (c_order(&rows, "rows")?, c_order(&cols, "cols")?, c_order(&values, "values")?);
    let (fields, ids) = (c_order(&fields, "fields")?, c_order_of(&problem_ids, "problem_ids", &[problems])?);
    let (transverse, problem) = (c_order(&transverse, "transverse")?, c_order(&problem, "problem")?);
    let shape = [problems, num_reads, spins];
    let initial =
        initial_states.as_ref().map(|states| c_order_of(states, "initial_states", &shape)).transpose()?;
    let samples = py.detach(|| -> PyResult<_> {
        let model = Model::on(pattern_of(spins, rows, cols)?, values)?;
        let trotter = Trotter::new(beta, num_slices, transverse, problem)?;
        let batch = Batch::new(spins, fields, Method::Paths(&trotter), num_reads, initial, seed, ids)?;
        let batch = rest.map_or(Ok(batch), |rest| batch.with_rest(rest))?;
        annealed(&model, &batch, num_threads, watch.as_ref())
    })?;
    into_arrays(py, samples, problems, num_reads, spins)
}
