//! The bindings of [`crate::chip`].

use super::arrays::{StatesArray, array2, array3, c_order, c_order_of};
use crate::chip::{self, Excess, Ranges, Rule, States};
use numpy::{
    IntoPyArray, Ix3, PyArray1, PyArray2, PyArray3, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2,
    PyUntypedArrayMethods,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::sync::Arc;

/// Fields `(problems, qubits)`, couplings `(problems, couplers)`, factors `(problems,)`.
type Placed<'py> = (Bound<'py, PyArray2<f64>>, Bound<'py, PyArray2<f64>>, Bound<'py, PyArray1<f64>>);

/// Weights `(copies,)`, first moments `(copies, spins)`, second `(copies, couplings)`, breaks `(copies, spins)`.
type Moments<'py> =
    (Bound<'py, PyArray1<i64>>, Bound<'py, PyArray2<i64>>, Bound<'py, PyArray2<i64>>, Bound<'py, PyArray2<i64>>);

/// States `(images, reads, spins)`, energies `(images, reads)`, broken chains.
type Batch<'py> = (Bound<'py, PyArray3<i8>>, Bound<'py, PyArray2<f64>>, u64);

/// From numpy itself, which asks the system for large pages: a batch of problems is mostly new memory.
fn zeros_of_numpy(py: Python<'_>, shape: [usize; 2]) -> PyResult<Bound<'_, PyArray2<f64>>> {
    Ok(py.import("numpy")?.call_method1("zeros", (shape,))?.cast_into()?)
}

#[pyclass(frozen, module = "ising_ep._core")]
pub(super) struct Placement(Arc<chip::Placement>);

#[pymethods]
impl Placement {
    #[new]
    fn new(
        num_qubits: usize,
        chain_starts: PyReadonlyArray1<'_, i64>,
        chain_qubits: PyReadonlyArray1<'_, i64>,
        coupler_rows: Option<PyReadonlyArray1<'_, i64>>,
        coupler_cols: Option<PyReadonlyArray1<'_, i64>>,
        num_spins: usize,
        rows: PyReadonlyArray1<'_, i64>,
        cols: PyReadonlyArray1<'_, i64>,
    ) -> PyResult<Self> {
        let coupler_rows = coupler_rows.as_ref().map(|rows| c_order(rows, "coupler_rows")).transpose()?;
        let coupler_cols = coupler_cols.as_ref().map(|cols| c_order(cols, "coupler_cols")).transpose()?;
        let couplers = match (coupler_rows, coupler_cols) {
            (Some(rows), Some(cols)) => Some((rows, cols)),
            (None, None) => None,
            _ => return Err(PyValueError::new_err("coupler_rows and coupler_cols go together, got one")),
        };
        Ok(Placement(Arc::new(chip::Placement::new(
            num_qubits,
            c_order(&chain_starts, "chain_starts")?,
            c_order(&chain_qubits, "chain_qubits")?,
            couplers,
            num_spins,
            c_order(&rows, "rows")?,
            c_order(&cols, "cols")?,
        )?)))
    }

    #[getter]
    fn num_qubits(&self) -> usize {
        self.0.num_qubits()
    }

    #[getter]
    fn num_spins(&self) -> usize {
        self.0.num_spins()
    }

    #[getter]
    fn copies(&self) -> usize {
        self.0.copies()
    }

    #[pyo3(signature = (
        values, fields, chain_strength, gauges=None, *, h_range=None, j_range=None, chain_range=None,
        excess="refuse"
    ))]
    #[expect(clippy::too_many_arguments, reason = "the keywords of a Python method")]
    fn place<'py>(
        &self,
        py: Python<'py>,
        values: PyReadonlyArray1<'py, f64>,
        fields: PyReadonlyArray2<'py, f64>,
        chain_strength: f64,
        gauges: Option<PyReadonlyArray2<'py, i8>>,
        h_range: Option<(f64, f64)>,
        j_range: Option<(f64, f64)>,
        chain_range: Option<(f64, f64)>,
        excess: &str,
    ) -> PyResult<Placed<'py>> {
        let excess = match excess {
            "refuse" => Excess::Refuse,
            "clip" => Excess::Clip,
            "scale" => Excess::Scale,
            _ => {
                let text = format!("excess is {excess:?}, expected 'refuse', 'clip' or 'scale'");
                return Err(PyValueError::new_err(text));
            }
        };
        let ranges = Ranges { h: h_range, j: j_range, chain: chain_range, excess };
        let images = fields.shape()[0];
        let problems = images.div_ceil(self.0.copies());
        let fields = c_order_of(&fields, "fields", &[images, self.0.num_spins()])?;
        let shape = [problems, self.0.num_qubits()];
        let gauges = gauges.as_ref().map(|gauges| c_order_of(gauges, "gauges", &shape)).transpose()?;
        let values = c_order(&values, "values")?;
        let h = zeros_of_numpy(py, shape)?;
        let j = zeros_of_numpy(py, [problems, self.0.num_couplers()])?;
        let factors = {
            let (mut h, mut j) = (h.readwrite(), j.readwrite());
            let (h, j) = (h.as_slice_mut()?, j.as_slice_mut()?);
            py.detach(|| self.0.place(values, fields, chain_strength, gauges, &ranges, (h, j)))?
        };
        Ok((h, j, factors.into_pyarray(py)))
    }

    #[pyo3(signature = (states, gauges=None))]
    fn expand<'py>(
        &self,
        py: Python<'py>,
        states: PyReadonlyArray2<'py, i8>,
        gauges: Option<PyReadonlyArray2<'py, i8>>,
    ) -> PyResult<Bound<'py, PyArray2<i8>>> {
        let images = states.shape()[0];
        let states = c_order_of(&states, "states", &[images, self.0.num_spins()])?;
        let shape = [images.div_ceil(self.0.copies()), self.0.num_qubits()];
        let gauges = gauges.as_ref().map(|gauges| c_order_of(gauges, "gauges", &shape)).transpose()?;
        array2(py, shape, py.detach(|| self.0.expand(states, gauges))?)
    }

    fn gauges<'py>(
        &self,
        py: Python<'py>,
        seed: u64,
        images: PyReadonlyArray1<'py, u32>,
    ) -> PyResult<Bound<'py, PyArray2<i8>>> {
        let images = c_order(&images, "images")?;
        let shape = [images.len().div_ceil(self.0.copies()), self.0.num_qubits()];
        array2(py, shape, py.detach(|| self.0.gauges(seed, images))?)
    }

    #[allow(clippy::too_many_arguments)]
    fn read<'py>(
        &self,
        py: Python<'py>,
        samples: StatesArray<'py, Ix3>,
        gauges: PyReadonlyArray2<'py, i8>,
        values: PyReadonlyArray1<'py, f64>,
        fields: PyReadonlyArray2<'py, f64>,
        seed: u64,
        problem_ids: PyReadonlyArray1<'py, u32>,
    ) -> PyResult<Batch<'py>> {
        let (qubits, spins) = (self.0.num_qubits(), self.0.num_spins());
        let ids = c_order(&problem_ids, "problem_ids")?;
        let [problems, num_reads] = [samples.shape()[0], samples.shape()[1]];
        if problems != ids.len() {
            let text = format!("samples are of {problems} problems, but there are {} problem_ids", ids.len());
            return Err(PyValueError::new_err(text));
        }
        let images = fields.shape()[0];
        let samples = samples.of_spins("samples", qubits)?;
        let gauges = c_order_of(&gauges, "gauges", &[ids.len(), qubits])?;
        let (values, fields) = (c_order(&values, "values")?, c_order_of(&fields, "fields", &[images, spins])?);
        let batch = py.detach(|| self.0.read(samples, gauges, values, fields, seed, ids))?;
        let states = array3(py, [images, num_reads, spins], batch.states)?;
        Ok((states, array2(py, [images, num_reads], batch.energies)?, batch.broken))
    }

    #[pyo3(signature = (samples, method, seed, *, first_read=0, gauge=None, values=None, fields=None))]
    #[expect(clippy::too_many_arguments, reason = "the keywords of a Python method")]
    fn unembed(
        &self,
        py: Python<'_>,
        samples: PyReadonlyArray2<'_, i8>,
        method: &str,
        seed: u64,
        first_read: u64,
        gauge: Option<PyReadonlyArray1<'_, i8>>,
        values: Option<PyReadonlyArray1<'_, f64>>,
        fields: Option<PyReadonlyArray2<'_, f64>>,
    ) -> PyResult<Logical> {
        let qubits = self.0.num_qubits();
        let samples = c_order_of(&samples, "samples", &[samples.shape()[0], qubits])?;
        let gauge = gauge.as_ref().map(|gauge| c_order_of(gauge, "gauge", &[qubits])).transpose()?;
        let values = values.as_ref().map(|values| c_order(values, "values")).transpose()?;
        let shape = [self.0.copies(), self.0.num_spins()];
        let fields = fields.as_ref().map(|fields| c_order_of(fields, "fields", &shape)).transpose()?;
        let rule = match (method, values, fields) {
            ("majority", ..) => Rule::Majority,
            ("weighted_random", ..) => Rule::WeightedRandom,
            ("discard", ..) => Rule::Discard,
            ("minimize_energy", Some(values), Some(fields)) => Rule::MinimizeEnergy { values, fields },
            ("minimize_energy", ..) => {
                return Err(PyValueError::new_err("method 'minimize_energy' needs values and fields"));
            }
            _ => {
                return Err(PyValueError::new_err(format!(
                    "method is {method:?}, expected 'majority', 'weighted_random', 'discard' or 'minimize_energy'"
                )));
            }
        };
        let reads = py.detach(|| self.0.unembed(States::Spins(samples), rule, seed, first_read, gauge))?;
        Ok(Logical { placement: self.0.clone(), reads })
    }
}

#[pyclass(frozen, module = "ising_ep._core")]
pub(super) struct Logical {
    placement: Arc<chip::Placement>,
    reads: chip::Logical,
}

impl Logical {
    fn shape(&self) -> [usize; 2] {
        [self.placement.copies(), self.reads.num_reads()]
    }
}

#[pymethods]
impl Logical {
    fn states<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray3<i8>>> {
        let [copies, reads] = self.shape();
        array3(py, [copies, reads, self.placement.num_spins()], py.detach(|| self.reads.states())?)
    }

    fn kept<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<bool>>> {
        array2(py, self.shape(), self.reads.kept())
    }

    fn broken<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<i32>>> {
        array2(py, self.shape(), self.reads.broken())
    }

    fn energies<'py>(
        &self,
        py: Python<'py>,
        values: PyReadonlyArray1<'py, f64>,
        fields: PyReadonlyArray2<'py, f64>,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let shape = [self.placement.copies(), self.placement.num_spins()];
        let (values, fields) = (c_order(&values, "values")?, c_order_of(&fields, "fields", &shape)?);
        array2(py, self.shape(), py.detach(|| self.placement.energies(&self.reads, values, fields))?)
    }

    #[pyo3(signature = (num_occurrences=None))]
    fn moments<'py>(
        &self,
        py: Python<'py>,
        num_occurrences: Option<PyReadonlyArray1<'py, i64>>,
    ) -> PyResult<Moments<'py>> {
        let occurrences = num_occurrences.as_ref().map(|n| c_order(n, "num_occurrences")).transpose()?;
        let moments = py.detach(|| self.placement.moments(&self.reads, occurrences))?;
        let (copies, spins) = (self.placement.copies(), self.placement.num_spins());
        Ok((
            moments.weight.into_pyarray(py),
            array2(py, [copies, spins], moments.first)?,
            array2(py, [copies, self.placement.num_couplings()], moments.second)?,
            array2(py, [copies, spins], moments.broken)?,
        ))
    }
}
