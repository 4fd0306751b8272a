//! The binding of [`crate::recombine`].

use super::arrays::{array2, c_order, c_order_of};
use super::calls::{check_threads, watched};
use super::model::Model;
use crate::recombine::{Breeding, recombine as breed};
use numpy::{IntoPyArray, PyArray1, PyArray2, PyReadonlyArray1, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;

/// States `(members, spins)`, their energies, and how many children were made.
type Bred<'py> = (Bound<'py, PyArray2<i8>>, Bound<'py, PyArray1<f64>>, usize);

#[pyfunction]
#[pyo3(signature = (
    model, fields, states, energies, *, sweeps, reads, coldest, patience, seed, most=usize::MAX,
    target=f64::NEG_INFINITY, num_threads=None, watch=None
))]
#[expect(clippy::too_many_arguments, reason = "the keywords of a Python function")]
pub(super) fn recombine<'py>(
    py: Python<'py>,
    model: &Model,
    fields: PyReadonlyArray1<'py, f64>,
    states: PyReadonlyArray2<'py, i8>,
    energies: PyReadonlyArray1<'py, f64>,
    sweeps: usize,
    reads: usize,
    coldest: f64,
    patience: usize,
    seed: u64,
    most: usize,
    target: f64,
    num_threads: Option<usize>,
    watch: Option<Py<PyAny>>,
) -> PyResult<Bred<'py>> {
    let shape = [energies.len(), model.0.num_spins()];
    let (fields, energies) = (c_order_of(&fields, "fields", &shape[1..])?, c_order(&energies, "energies")?);
    let states = c_order_of(&states, "states", &shape)?;
    check_threads(num_threads)?;
    let breeding = Breeding { sweeps, reads, coldest, patience, most, target, seed };
    let bred = py.detach(|| {
        watched(usize::MAX, watch.as_ref(), |control| {
            breed(&model.0, fields, states, energies, &breeding, num_threads, control)
        })
    })??;
    Ok((array2(py, shape, bred.states)?, bred.energies.into_pyarray(py), bred.children))
}
