//! The bindings of [`crate::linear`].

use super::arrays::{StatesArray, c_order, c_order_of, no_memory, not_c_order, zeros};
use crate::error::filled;
use crate::linear;
use numpy::{
    IntoPyArray, Ix2, PyArray1, PyArray2, PyReadonlyArray1, PyReadonlyArray2, PyReadonlyArrayDyn,
    PyReadwriteArray2, PyReadwriteArrayDyn, PyUntypedArrayMethods,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

#[pyfunction]
pub(super) fn project<'py>(
    py: Python<'py>,
    x: PyReadonlyArray2<'py, f32>,
    w: PyReadonlyArray2<'py, f32>,
    bias: PyReadonlyArray1<'py, f32>,
) -> PyResult<Bound<'py, PyArray2<f32>>> {
    let units = bias.shape()[0];
    if w.shape() != [x.shape()[1], units] || w.is_empty() {
        return Err(PyValueError::new_err(format!(
            "w has shape {:?}, expected ({}, {units}), neither of them 0",
            w.shape(),
            x.shape()[1]
        )));
    }
    // Before there is an answer: what is no array in memory may claim any number of rows.
    let (rows, w, bias) = (c_order(&x, "x")?, c_order(&w, "w")?, c_order(&bias, "bias")?);
    let mut out = zeros([x.shape()[0], units])?;
    linear::project(rows, w, bias, out.as_slice_mut().expect("a new array is contiguous"));
    Ok(out.into_pyarray(py))
}

#[pyfunction]
pub(super) fn add_outer(
    mut w: PyReadwriteArray2<'_, f32>,
    x: PyReadonlyArray2<'_, f32>,
    d: PyReadonlyArray2<'_, f32>,
    limit: f32,
) -> PyResult<()> {
    let units = d.shape()[1];
    if w.shape() != [x.shape()[1], units] || w.is_empty() || x.shape()[0] != d.shape()[0] {
        return Err(PyValueError::new_err(format!(
            "w, x, d have shapes {:?}, {:?}, {:?}, expected (inputs, units), (batch, inputs), (batch, units)",
            w.shape(),
            x.shape(),
            d.shape()
        )));
    }
    if limit.is_nan() || limit < 0.0 {
        return Err(PyValueError::new_err(format!("limit is {limit:?}, expected a number >= 0")));
    }
    let (x, d) = (c_order(&x, "x")?, c_order(&d, "d")?);
    if !w.is_c_contiguous() {
        return Err(not_c_order("w"));
    }
    linear::add_outer(w.as_slice_mut()?, x, d, units, limit);
    Ok(())
}

#[pyfunction]
pub(super) fn add(
    mut w: PyReadwriteArrayDyn<'_, f32>,
    change: PyReadonlyArrayDyn<'_, f32>,
    limit: f32,
) -> PyResult<()> {
    if w.shape() != change.shape() {
        return Err(PyValueError::new_err(format!(
            "change has shape {:?}, expected that of w, {:?}",
            change.shape(),
            w.shape()
        )));
    }
    if limit.is_nan() || limit < 0.0 {
        return Err(PyValueError::new_err(format!("limit is {limit:?}, expected a number >= 0")));
    }
    let change = c_order(&change, "change")?;
    if !w.is_c_contiguous() {
        return Err(not_c_order("w"));
    }
    linear::add(w.as_slice_mut()?, change, limit);
    Ok(())
}

#[pyfunction]
pub(super) fn products<'py>(
    py: Python<'py>,
    states: PyReadonlyArray2<'py, i8>,
    before: (usize, usize),
    after: (usize, usize),
) -> PyResult<Bound<'py, PyArray2<i32>>> {
    let spins = states.shape()[1];
    for (start, stop) in [before, after] {
        if start > stop || stop > spins {
            return Err(PyValueError::new_err(format!(
                "spins {start}..{stop} are asked for, but states have {spins} spins"
            )));
        }
    }
    let states = c_order(&states, "states")?;
    let mut out = zeros([before.1 - before.0, after.1 - after.0])?;
    let sums = out.as_slice_mut().expect("a new array is contiguous");
    linear::add_products(states, spins, before.0..before.1, after.0..after.1, sums);
    Ok(out.into_pyarray(py))
}

#[pyfunction]
pub(super) fn energies<'py>(
    py: Python<'py>,
    rows: PyReadonlyArray1<'py, i64>,
    cols: PyReadonlyArray1<'py, i64>,
    values: PyReadonlyArray1<'py, f64>,
    fields: PyReadonlyArray1<'py, f64>,
    states: StatesArray<'py, Ix2>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let (rows, cols) = (c_order(&rows, "rows")?, c_order(&cols, "cols")?);
    let (values, fields) = (c_order(&values, "values")?, c_order(&fields, "fields")?);
    let spins = fields.len();
    if rows.len() != values.len() || cols.len() != values.len() {
        return Err(PyValueError::new_err(format!(
            "rows, cols and values have {}, {} and {} numbers",
            rows.len(),
            cols.len(),
            values.len()
        )));
    }
    let count = states.shape()[0];
    let states = states.of_spins("states", spins)?;
    let mut out = filled(count, 0.0).map_err(|_| no_memory(&[count]))?;
    linear::energies(states, rows, cols, values, fields, &mut out).map_err(|k| {
        let i = if rows[k] < 0 || rows[k] as usize >= spins { rows[k] } else { cols[k] };
        PyValueError::new_err(format!("a coupling is on spin {i}, but there are {spins} spins"))
    })?;
    Ok(out.into_pyarray(py))
}

#[pyfunction]
pub(super) fn rest_of_fields<'py>(
    py: Python<'py>,
    linear: PyReadonlyArray1<'py, f64>,
    rows: PyReadonlyArray1<'py, i64>,
    cols: PyReadonlyArray1<'py, i64>,
    quadratic: PyReadonlyArray1<'py, f64>,
    fields: PyReadonlyArray1<'py, f64>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let variables = linear.shape()[0];
    let (linear, fields) = (c_order(&linear, "linear")?, c_order_of(&fields, "fields", &[variables])?);
    let quadratic = c_order(&quadratic, "quadratic")?;
    let shape = [quadratic.len()];
    let (rows, cols) = (c_order_of(&rows, "rows", &shape)?, c_order_of(&cols, "cols", &shape)?);
    let rest = crate::linear::rest_of_fields(linear, rows, cols, quadratic, fields).map_err(|k| {
        PyValueError::new_err(format!("term {k} is of variables {} and {} of {variables}", rows[k], cols[k]))
    })?;
    Ok(rest.into_pyarray(py))
}
