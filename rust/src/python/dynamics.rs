//! The binding of [`crate::Dynamics`].

use super::arrays::{c_order, c_order_of};
use super::calls::{States, annealed, into_arrays, pattern_of};
use crate::{Batch, Dynamics, Method, Model, Motion};
use numpy::{PyReadonlyArray1, PyReadonlyArray2, PyReadonlyArray3, PyUntypedArrayMethods};
use pyo3::prelude::*;

#[pyfunction]
#[pyo3(signature = (
    rows, cols, values, fields, saturation, gain, spread, ramp, noise, num_reads, initial_states, seed, problem_ids,
    num_threads
))]
#[allow(clippy::too_many_arguments)]
pub(super) fn evolve<'py>(
    py: Python<'py>,
    rows: PyReadonlyArray1<'py, i64>,
    cols: PyReadonlyArray1<'py, i64>,
    values: PyReadonlyArray1<'py, f64>,
    fields: PyReadonlyArray2<'py, f64>,
    saturation: Option<f64>,
    gain: f64,
    spread: f64,
    ramp: PyReadonlyArray1<'py, f64>,
    noise: PyReadonlyArray1<'py, f64>,
    num_reads: usize,
    initial_states: Option<PyReadonlyArray3<'py, i8>>,
    seed: u64,
    problem_ids: PyReadonlyArray1<'py, u32>,
    num_threads: Option<usize>,
) -> PyResult<States<'py>> {
    let (problems, spins) = (fields.shape()[0], fields.shape()[1]);
    let (rows, cols, values) = (c_order(&rows, "rows")?, c_order(&cols, "cols")?, c_order(&values, "values")?);
    let (fields, ids) = (c_order(&fields, "fields")?, c_order_of(&problem_ids, "problem_ids", &[problems])?);
    let (ramp, noise) = (c_order(&ramp, "ramp")?, c_order(&noise, "noise")?);
    let shape = [problems, num_reads, spins];
    let initial =
        initial_states.as_ref().map(|states| c_order_of(states, "initial_states", &shape)).transpose()?;
    let motion = saturation.map_or(Motion::Phase, |saturation| Motion::Amplitude { saturation });
    let samples = py.detach(|| -> PyResult<_> {
        let model = Model::on(pattern_of(spins, rows, cols)?, values)?;
        let dynamics = Dynamics::new(motion, gain, spread, ramp, noise)?;
        let batch = Batch::new(spins, fields, Method::Flow(&dynamics), num_reads, initial, seed, ids)?;
        annealed(&model, &batch, num_threads, None)
    })?;
    let (states, energies, _) = into_arrays(py, samples, problems, num_reads, spins)?;
    Ok((states, energies))
}
