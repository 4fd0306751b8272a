//! The bindings of [`crate::linear`].

use super::arrays::{StatesArray, c_order, c_order_of, no_memory};
use crate::error::filled;
use crate::linear;
use numpy::{IntoPyArray, Ix2, PyArray1, PyReadonlyArray1, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

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
