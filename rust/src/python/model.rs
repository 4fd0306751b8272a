//! The binding of [`crate::Model`].

use super::arrays::{array2, array3, c_order, c_order_of};
use super::calls::{annealed, check_threads};
use super::methods::method_of;
use crate::anneal::arithmetic;
use crate::{Arithmetic, Batch, Block, Fields, Join, Samples, Structure, Windows, local_fields, mean_field};
use numpy::{
    IntoPyArray, PyArray1, PyArray2, PyArray3, PyReadonlyArray1, PyReadonlyArray2, PyReadonlyArray3,
    PyUntypedArray, PyUntypedArrayMethods,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// What an anneal returns: states `(batch, reads, spins)`, energies `(batch, reads)` if they were asked for, and the name
/// of each problem's arithmetic.
type Annealed<'py> = (Bound<'py, PyArray3<i8>>, Option<Bound<'py, PyArray2<f64>>>, Vec<&'static str>);

/// Means `(batch, spins)`, and their energies if they were asked for.
type Means<'py> = (Bound<'py, PyArray2<f32>>, Option<Bound<'py, PyArray1<f64>>>);

#[pyclass(frozen, module = "ising_ep._core")]
pub(super) struct Model(pub(super) crate::Model);

#[pymethods]
impl Model {
    #[new]
    fn new(
        py: Python<'_>,
        rows: PyReadonlyArray1<'_, i64>,
        cols: PyReadonlyArray1<'_, i64>,
        values: PyReadonlyArray1<'_, f64>,
        num_spins: usize,
    ) -> PyResult<Self> {
        let (rows, cols, values) = (c_order(&rows, "rows")?, c_order(&cols, "cols")?, c_order(&values, "values")?);
        Ok(Model(py.detach(|| crate::Model::new(num_spins, rows, cols, values))?))
    }

    #[staticmethod]
    fn layers(
        py: Python<'_>,
        layers: Vec<[usize; 3]>,
        blocks: Vec<BlockOfLayers>,
        values: PyReadonlyArray1<'_, f64>,
    ) -> PyResult<Self> {
        let values = c_order(&values, "values")?;
        let blocks = blocks.into_iter().map(block_of).collect::<PyResult<_>>()?;
        Ok(Model(py.detach(|| crate::Model::layers(Structure::new(&layers, blocks)?, values))?))
    }

    #[getter]
    fn num_spins(&self) -> usize {
        self.0.num_spins()
    }

    fn with_values(&self, py: Python<'_>, values: PyReadonlyArray1<'_, f64>) -> PyResult<Self> {
        let values = c_order(&values, "values")?;
        Ok(Model(py.detach(|| self.0.with_values(values))?))
    }

    #[pyo3(signature = (states, fields, *, num_threads=None))]
    fn fields<'py>(
        &self,
        py: Python<'py>,
        states: PyReadonlyArray3<'py, i8>,
        fields: &Bound<'py, PyUntypedArray>,
        num_threads: Option<usize>,
    ) -> PyResult<Bound<'py, PyArray3<f32>>> {
        let fields = FieldsArray::of(fields)?;
        let (problems, reads, spins) = (fields.num_problems(), states.shape()[1], self.num_spins());
        let numbers = fields.numbers(&[problems, spins])?;
        let states = c_order_of(&states, "states", &[problems, reads, spins])?;
        check_threads(num_threads)?;
        let found = py.detach(|| local_fields(&self.0, states, numbers, reads, num_threads))?;
        array3(py, [problems, reads, spins], found)
    }

    #[pyo3(signature = (fields, betas, *, initial=None, back=false, energies=true, num_threads=None))]
    fn mean_field<'py>(
        &self,
        py: Python<'py>,
        fields: &Bound<'py, PyUntypedArray>,
        betas: PyReadonlyArray1<'py, f64>,
        initial: Option<PyReadonlyArray2<'py, f32>>,
        back: bool,
        energies: bool,
        num_threads: Option<usize>,
    ) -> PyResult<Means<'py>> {
        let fields = FieldsArray::of(fields)?;
        let shape = [fields.num_problems(), self.num_spins()];
        let (numbers, betas) = (fields.numbers(&shape)?, c_order(&betas, "betas")?);
        let initial = initial.as_ref().map(|initial| c_order_of(initial, "initial", &shape)).transpose()?;
        check_threads(num_threads)?;
        let found = py.detach(|| mean_field(&self.0, numbers, betas, initial, back, energies, num_threads))?;
        Ok((array2(py, shape, found.means)?, found.energies.map(|energies| energies.into_pyarray(py))))
    }

    #[pyo3(signature = (fields, method, *, num_reads, rest=None))]
    fn arithmetic<'py>(
        &self,
        py: Python<'py>,
        fields: PyReadonlyArray2<'py, f64>,
        method: &Bound<'py, PyAny>,
        num_reads: usize,
        rest: Option<PyReadonlyArray2<'py, f64>>,
    ) -> PyResult<&'static str> {
        let shape = [1, self.num_spins()];
        let numbers = Fields::Double(c_order_of(&fields, "fields", &shape)?);
        let rest = rest.as_ref().map(|rest| c_order_of(rest, "rest", &shape)).transpose()?;
        let method = method_of(method)?;
        py.detach(|| {
            let batch = Batch::new(shape[1], numbers, method, num_reads, None, 0, &[0])?;
            let batch = rest.map_or(Ok(batch), |rest| batch.with_rest(rest))?;
            Ok(arithmetic(&self.0, &batch)?.name())
        })
    }

    #[pyo3(signature = (
        fields, method, *, num_reads, seed, problem_ids, initial_states=None, num_threads=None, rest=None,
        energies=true, watch=None
    ))]
    #[expect(clippy::too_many_arguments, reason = "the keywords of a Python method")]
    fn anneal<'py>(
        &self,
        py: Python<'py>,
        fields: &Bound<'py, PyUntypedArray>,
        method: &Bound<'py, PyAny>,
        num_reads: usize,
        seed: u64,
        problem_ids: PyReadonlyArray1<'py, u32>,
        initial_states: Option<PyReadonlyArray3<'py, i8>>,
        num_threads: Option<usize>,
        rest: Option<PyReadonlyArray2<'py, f64>>,
        energies: bool,
        watch: Option<Py<PyAny>>,
    ) -> PyResult<Annealed<'py>> {
        let fields = FieldsArray::of(fields)?;
        let (problems, spins) = (fields.num_problems(), self.num_spins());
        let shape = [problems, spins];
        let fields = fields.numbers(&shape)?;
        let rest = rest.as_ref().map(|rest| c_order_of(rest, "rest", &shape)).transpose()?;
        let ids = c_order_of(&problem_ids, "problem_ids", &[problems])?;
        let states = initial_states.as_ref().map(|states| {
            // One for all reads of a problem, or one for each.
            let reads = if states.shape()[1] == 1 { 1 } else { num_reads };
            c_order_of(states, "initial_states", &[problems, reads, spins])
        });
        let (states, method) = (states.transpose()?, method_of(method)?);
        let samples = py.detach(|| -> PyResult<_> {
            let batch = Batch::new(spins, fields, method, num_reads, states, seed, ids)?;
            let batch = rest.map_or(Ok(batch), |rest| batch.with_rest(rest))?;
            let batch = if energies { batch } else { batch.without_energies() };
            annealed(&self.0, &batch, num_threads, watch.as_ref())
        })?;
        into_arrays(py, samples, [problems, num_reads, spins], energies)
    }
}

/// Two layers, what joins them, and height and width of windows and of their steps.
type BlockOfLayers = (usize, usize, String, [usize; 2], [usize; 2]);

fn block_of((before, after, join, size, stride): BlockOfLayers) -> PyResult<Block> {
    let windows = Windows { size, stride };
    let join = match join.as_str() {
        "dense" => Join::Dense,
        "filters" => Join::Filters(windows),
        "pool" => Join::Pool(windows),
        _ => {
            let text = format!("a block is of kind {join:?}, expected 'dense', 'filters' or 'pool'");
            return Err(PyValueError::new_err(text));
        }
    };
    Ok(Block { before, after, join })
}

/// As many reads as were begun, of no problems or spins as many as were asked for.
fn into_arrays(
    py: Python<'_>,
    samples: Samples,
    [problems, num_reads, spins]: [usize; 3],
    energies: bool,
) -> PyResult<Annealed<'_>> {
    let num_reads = samples.states.len().checked_div(problems * spins).unwrap_or(num_reads);
    let states = array3(py, [problems, num_reads, spins], samples.states)?;
    let energies = energies.then(|| array2(py, [problems, num_reads], samples.energies)).transpose()?;
    Ok((states, energies, samples.arithmetic.into_iter().map(Arithmetic::name).collect()))
}

/// Fields `(batch, spins)` as they are given.
enum FieldsArray<'py> {
    Single(PyReadonlyArray2<'py, f32>),
    Double(PyReadonlyArray2<'py, f64>),
}

impl<'py> FieldsArray<'py> {
    fn of(fields: &Bound<'py, PyUntypedArray>) -> PyResult<Self> {
        if let Ok(single) = fields.extract() {
            return Ok(FieldsArray::Single(single));
        }
        Ok(FieldsArray::Double(fields.extract()?))
    }

    fn num_problems(&self) -> usize {
        match self {
            FieldsArray::Single(fields) => fields.shape()[0],
            FieldsArray::Double(fields) => fields.shape()[0],
        }
    }

    fn numbers(&self, shape: &[usize]) -> PyResult<Fields<'_>> {
        Ok(match self {
            FieldsArray::Single(fields) => c_order_of(fields, "fields", shape)?.into(),
            FieldsArray::Double(fields) => c_order_of(fields, "fields", shape)?.into(),
        })
    }
}
