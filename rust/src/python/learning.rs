//! The bindings of [`crate::learning`].

use super::arrays::{c_order, c_order_mut, c_order_of, zeros};
use crate::learning::{self, Adam};
use numpy::{
    IntoPyArray, PyArray2, PyReadonlyArray1, PyReadonlyArray2, PyReadonlyArrayDyn, PyReadwriteArray2,
    PyReadwriteArrayDyn, PyUntypedArrayMethods,
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
    learning::project(rows, w, bias, out.as_slice_mut().expect("a new array is contiguous"));
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
    check_limit(limit)?;
    let (x, d) = (c_order(&x, "x")?, c_order(&d, "d")?);
    learning::add_outer(c_order_mut(&mut w, "w")?, x, d, units, limit);
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
    check_limit(limit)?;
    let change = c_order(&change, "change")?;
    learning::add(c_order_mut(&mut w, "w")?, change, limit);
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
    learning::add_products(states, spins, before.0..before.1, after.0..after.1, sums);
    Ok(out.into_pyarray(py))
}

#[pyfunction]
pub(super) fn window_products<'py>(
    py: Python<'py>,
    states: PyReadonlyArray2<'py, i8>,
    before: PyReadonlyArray2<'py, i64>,
    after: PyReadonlyArray2<'py, i64>,
) -> PyResult<Bound<'py, PyArray2<i32>>> {
    let (spins, places) = (states.shape()[1], before.shape()[0]);
    let [one, other] = [&before, &after].map(|array| array.shape()[1]);
    let spins_of = |array: &PyReadonlyArray2<'py, i64>, name, width| -> PyResult<Vec<usize>> {
        let numbers = c_order_of(array, name, &[places, width])?;
        if let Some(spin) = numbers.iter().find(|&&spin| spin < 0 || spin as usize >= spins) {
            return Err(PyValueError::new_err(format!("{name} names spin {spin}, but states have {spins} spins")));
        }
        Ok(numbers.iter().map(|&spin| spin as usize).collect())
    };
    let (before, after) = (spins_of(&before, "before", one)?, spins_of(&after, "after", other)?);
    let states = c_order(&states, "states")?;
    let mut out = zeros([one, other])?;
    let sums = out.as_slice_mut().expect("a new array is contiguous");
    py.detach(|| learning::add_window_products(states, spins, places, &before, &after, sums));
    Ok(out.into_pyarray(py))
}

#[pyfunction]
#[pyo3(signature = (w, change, mean, square, *, update, rate, limit))]
pub(super) fn adam(
    mut w: PyReadwriteArrayDyn<'_, f32>,
    change: Option<PyReadonlyArrayDyn<'_, f32>>,
    mut mean: PyReadwriteArrayDyn<'_, f32>,
    mut square: PyReadwriteArrayDyn<'_, f32>,
    update: u32,
    rate: f64,
    limit: f32,
) -> PyResult<()> {
    for (name, shape) in [
        ("change", change.as_ref().map_or(w.shape(), |change| change.shape())),
        ("mean", mean.shape()),
        ("square", square.shape()),
    ] {
        if shape != w.shape() {
            let wanted = w.shape();
            return Err(PyValueError::new_err(format!(
                "{name} has shape {shape:?}, expected that of w, {wanted:?}"
            )));
        }
    }
    check_limit(limit)?;
    if update == 0 {
        return Err(PyValueError::new_err("update is 0, expected at least 1"));
    }
    let change = change.as_ref().map(|change| c_order(change, "change")).transpose()?;
    let memory = (c_order_mut(&mut mean, "mean")?, c_order_mut(&mut square, "square")?);
    Adam::new(update, rate).step(c_order_mut(&mut w, "w")?, change, memory, limit);
    Ok(())
}

fn check_limit(limit: f32) -> PyResult<()> {
    if limit.is_nan() || limit < 0.0 {
        return Err(PyValueError::new_err(format!("limit is {limit:?}, expected a number >= 0")));
    }
    Ok(())
}
