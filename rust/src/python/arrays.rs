//! Arrays on their way in and out.

use crate::bits::States;
use crate::error::filled;
use numpy::ndarray::{Array2, Array3, Dimension};
use numpy::{Element, IntoPyArray, PyArray2, PyArray3, PyReadonlyArray, PyReadwriteArray, PyUntypedArrayMethods};
use pyo3::exceptions::{PyMemoryError, PyValueError};
use pyo3::prelude::*;

/// An array of numbers that are as many as the shape holds. Of none of them, sides may be too long for one.
pub(super) fn array2<T: Element>(
    py: Python<'_>,
    shape: [usize; 2],
    numbers: Vec<T>,
) -> PyResult<Bound<'_, PyArray2<T>>> {
    let array = Array2::from_shape_vec(shape, numbers).map_err(|_| no_memory(&shape))?;
    Ok(array.into_pyarray(py))
}

/// The same with three sides.
pub(super) fn array3<T: Element>(
    py: Python<'_>,
    shape: [usize; 3],
    numbers: Vec<T>,
) -> PyResult<Bound<'_, PyArray3<T>>> {
    let array = Array3::from_shape_vec(shape, numbers).map_err(|_| no_memory(&shape))?;
    Ok(array.into_pyarray(py))
}

/// Zeros of a shape, if there is memory.
pub(super) fn zeros<T: Clone + Default>(shape: [usize; 2]) -> PyResult<Array2<T>> {
    // numpy refuses sides too long for an array even beside one of 0.
    let sides = shape.iter().filter(|&&side| side > 0);
    let bytes = sides.fold(size_of::<T>(), |bytes, &side| bytes.saturating_mul(side));
    let numbers = if bytes > isize::MAX as usize { None } else { filled(shape[0] * shape[1], T::default()).ok() };
    let numbers = numbers.ok_or_else(|| no_memory(&shape))?;
    Ok(Array2::from_shape_vec(shape, numbers).expect("as many numbers as the shape holds"))
}

pub(super) fn no_memory(shape: &[usize]) -> PyErr {
    PyMemoryError::new_err(format!("an array of shape {shape:?} does not fit into memory"))
}

/// The numbers of an array row by row; a transposed one would be read in the wrong order.
pub(super) fn c_order<'a, T: Element, D: Dimension>(
    array: &'a PyReadonlyArray<'_, T, D>,
    name: &str,
) -> PyResult<&'a [T]> {
    if array.is_c_contiguous() { Ok(array.as_slice()?) } else { Err(not_c_order(name)) }
}

/// The same of an array that has to have the shape given.
pub(super) fn c_order_of<'a, T: Element, D: Dimension>(
    array: &'a PyReadonlyArray<'_, T, D>,
    name: &str,
    shape: &[usize],
) -> PyResult<&'a [T]> {
    if array.shape() != shape {
        return Err(PyValueError::new_err(format!("{name} has shape {:?}, expected {shape:?}", array.shape())));
    }
    c_order(array, name)
}

/// The same of an array that is changed.
pub(super) fn c_order_mut<'a, T: Element, D: Dimension>(
    array: &'a mut PyReadwriteArray<'_, T, D>,
    name: &str,
) -> PyResult<&'a mut [T]> {
    if array.is_c_contiguous() { Ok(array.as_slice_mut()?) } else { Err(not_c_order(name)) }
}

/// States of spins: int8 of -1 and +1, or uint8 with a bit each, as of `numpy.packbits(states > 0, axis=-1)`.
pub(super) enum StatesArray<'py, D: Dimension> {
    Spins(PyReadonlyArray<'py, i8, D>),
    Bits(PyReadonlyArray<'py, u8, D>),
}

impl<'py, D: Dimension> StatesArray<'py, D> {
    pub(super) fn shape(&self) -> &[usize] {
        match self {
            StatesArray::Spins(spins) => spins.shape(),
            StatesArray::Bits(bits) => bits.shape(),
        }
    }

    /// The states row by row; the last side must be that of `spins` spins.
    pub(super) fn of_spins(&self, name: &str, spins: usize) -> PyResult<States<'_>> {
        let mut shape = self.shape().to_vec();
        let last = shape.len() - 1;
        Ok(match self {
            StatesArray::Spins(array) => {
                shape[last] = spins;
                States::Spins(c_order_of(array, name, &shape)?)
            }
            StatesArray::Bits(array) => {
                shape[last] = spins.div_ceil(8);
                States::Bits(c_order_of(array, name, &shape)?)
            }
        })
    }
}

impl<'a, 'py, D: Dimension + 'py> FromPyObject<'a, 'py> for StatesArray<'py, D> {
    type Error = PyErr;

    fn extract(given: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        match given.extract() {
            Ok(bits) => Ok(StatesArray::Bits(bits)),
            Err(_) => Ok(StatesArray::Spins(given.extract()?)),
        }
    }
}

fn not_c_order(name: &str) -> PyErr {
    PyValueError::new_err(format!("{name} is not C-contiguous"))
}
