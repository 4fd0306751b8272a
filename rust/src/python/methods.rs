//! The bindings of [`crate::Method`]: what a model is annealed by.

use super::arrays::c_order;
use crate::{Chains as Schedule, Criterion, Dynamics, Method, Motion, Order, Trotter};
use numpy::PyReadonlyArray1;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

#[pyclass(frozen, module = "ising_ep._core")]
pub(super) struct Sweeps {
    betas: Vec<f64>,
    criterion: Criterion,
    order: Order,
}

#[pymethods]
impl Sweeps {
    #[new]
    #[pyo3(signature = (betas, *, gibbs=false, random_order=false))]
    fn new(betas: PyReadonlyArray1<'_, f64>, gibbs: bool, random_order: bool) -> PyResult<Self> {
        Ok(Sweeps {
            betas: c_order(&betas, "betas")?.to_vec(),
            criterion: if gibbs { Criterion::Gibbs } else { Criterion::Metropolis },
            order: if random_order { Order::Random } else { Order::InTurn },
        })
    }
}

#[pyclass(frozen, module = "ising_ep._core")]
pub(super) struct Paths(Trotter);

#[pymethods]
impl Paths {
    #[new]
    #[pyo3(signature = (*, beta, num_slices, transverse, problem))]
    fn new(
        beta: f64,
        num_slices: usize,
        transverse: PyReadonlyArray1<'_, f64>,
        problem: PyReadonlyArray1<'_, f64>,
    ) -> PyResult<Self> {
        let (transverse, problem) = (c_order(&transverse, "transverse")?, c_order(&problem, "problem")?);
        Ok(Paths(Trotter::new(beta, num_slices, transverse, problem)?))
    }
}

#[pyclass(frozen, module = "ising_ep._core")]
pub(super) struct Chains(Schedule);

#[pymethods]
impl Chains {
    #[new]
    #[pyo3(signature = (betas, kinds, *, starts, spins, kinds_of, gains=None))]
    fn new(
        betas: PyReadonlyArray1<'_, f64>,
        kinds: PyReadonlyArray1<'_, u32>,
        starts: PyReadonlyArray1<'_, usize>,
        spins: PyReadonlyArray1<'_, u32>,
        kinds_of: PyReadonlyArray1<'_, u32>,
        gains: Option<PyReadonlyArray1<'_, f64>>,
    ) -> PyResult<Self> {
        let (betas, kinds) = (c_order(&betas, "betas")?, c_order(&kinds, "kinds")?);
        let (starts, spins) = (c_order(&starts, "starts")?, c_order(&spins, "spins")?);
        let schedule = Schedule::new(betas, kinds, starts, spins, c_order(&kinds_of, "kinds_of")?)?;
        Ok(Chains(match &gains {
            Some(gains) => schedule.with_gains(c_order(gains, "gains")?)?,
            None => schedule,
        }))
    }
}

#[pyclass(frozen, module = "ising_ep._core")]
pub(super) struct Flow(Dynamics);

#[pymethods]
impl Flow {
    #[new]
    #[pyo3(signature = (*, saturation, gain, spread, ramp, noise))]
    fn new(
        saturation: Option<f64>,
        gain: f64,
        spread: f64,
        ramp: PyReadonlyArray1<'_, f64>,
        noise: PyReadonlyArray1<'_, f64>,
    ) -> PyResult<Self> {
        let motion = saturation.map_or(Motion::Phase, |saturation| Motion::Amplitude { saturation });
        Ok(Flow(Dynamics::new(motion, gain, spread, c_order(&ramp, "ramp")?, c_order(&noise, "noise")?)?))
    }
}

/// The method that a Python object stands for.
pub(super) fn method_of<'a>(method: &'a Bound<'_, PyAny>) -> PyResult<Method<'a>> {
    if let Ok(sweeps) = method.cast::<Sweeps>() {
        let Sweeps { betas, criterion, order } = sweeps.get();
        Ok(Method::Sweeps { betas, criterion: *criterion, order: *order })
    } else if let Ok(paths) = method.cast::<Paths>() {
        Ok(Method::Paths(&paths.get().0))
    } else if let Ok(chains) = method.cast::<Chains>() {
        Ok(Method::Chains(&chains.get().0))
    } else if let Ok(flow) = method.cast::<Flow>() {
        Ok(Method::Flow(&flow.get().0))
    } else {
        let name = method.get_type().name()?;
        Err(PyTypeError::new_err(format!("method is of type {name}, expected Sweeps, Paths, Chains or Flow")))
    }
}
