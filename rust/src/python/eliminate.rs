//! The binding of [`crate::eliminate`].

use super::arrays::{array2, c_order, c_order_of};
use crate::eliminate;
use numpy::{PyArray1, PyArray2, PyReadonlyArray1, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;

#[pyclass(frozen, module = "ising_ep._core")]
pub(super) struct Elimination(eliminate::Elimination);

#[pymethods]
impl Elimination {
    #[new]
    fn new(
        py: Python<'_>,
        rows: PyReadonlyArray1<'_, i64>,
        cols: PyReadonlyArray1<'_, i64>,
        values: PyReadonlyArray1<'_, f64>,
        fields: PyReadonlyArray1<'_, f64>,
    ) -> PyResult<Self> {
        let (rows, cols) = (c_order(&rows, "rows")?, c_order(&cols, "cols")?);
        let (values, fields) = (c_order(&values, "values")?, c_order(&fields, "fields")?);
        Ok(Elimination(py.detach(|| eliminate::Elimination::new(rows, cols, values, fields))?))
    }

    #[getter]
    fn kept<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<i64>> {
        PyArray1::from_slice(py, &self.0.kept)
    }

    #[getter]
    fn rows<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<i64>> {
        PyArray1::from_slice(py, &self.0.rows)
    }

    #[getter]
    fn cols<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<i64>> {
        PyArray1::from_slice(py, &self.0.cols)
    }

    #[getter]
    fn values<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        PyArray1::from_slice(py, &self.0.values)
    }

    #[getter]
    fn fields<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        PyArray1::from_slice(py, &self.0.fields)
    }

    #[getter]
    fn constant(&self) -> f64 {
        self.0.constant
    }

    fn expand<'py>(
        &self,
        py: Python<'py>,
        states: PyReadonlyArray2<'py, i8>,
    ) -> PyResult<Bound<'py, PyArray2<i8>>> {
        let count = states.shape()[0];
        let states = c_order_of(&states, "states", &[count, self.0.kept.len()])?;
        array2(py, [count, self.0.num_spins()], py.detach(|| self.0.expand(states, count))?)
    }
}
