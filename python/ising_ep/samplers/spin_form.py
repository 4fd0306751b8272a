"""Binary quadratic models in spins of -1 and +1, their biases as numbers that the core takes."""

import warnings
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from numbers import Integral, Rational
from typing import Any

import dimod
import numpy as np
from numpy.typing import NDArray

from ..checks import LARGEST_INTEGER, MOST_TOTAL, floats_of_objects

OBJECT = np.dtype(object)


def spin_form(bqm: dimod.BinaryQuadraticModel) -> dimod.BinaryQuadraticModel:
    """The model in spins; itself where it is that already."""
    return bqm if bqm.vartype is dimod.SPIN else bqm.change_vartype(dimod.SPIN, inplace=False)


def in_floats(bqm: dimod.BinaryQuadraticModel) -> dimod.BinaryQuadraticModel:
    """The model in double precision, checked: every sampler begins with it.

    Models of dtype object may hold fractions, decimals and integers of any size. These are changed to spins
    exactly, and each bias of the result is rounded once. Floats keep their vartype: to change that rounds,
    and what it rounds off can be found only from the biases given (`reads.rest_of_fields`). Single precision
    becomes double, in which its change to spins rounds nothing that matters.

    Raises:
        TypeError: Another thing than a binary quadratic model.
        ValueError: A bias that is no finite real number, or biases that add up to more than `MOST_TOTAL`.
    """
    if not isinstance(bqm, dimod.BinaryQuadraticModel):
        raise TypeError(f"bqm is a {type(bqm).__name__}, expected a dimod.BinaryQuadraticModel")
    if bqm.dtype != OBJECT:
        model = bqm if bqm.dtype == np.float64 else dimod.BinaryQuadraticModel(bqm, dtype=np.float64)
        _refuse_too_large(model)
        return model
    given = [*bqm.linear.values(), *bqm.quadratic.values(), bqm.offset]
    rounded = floats_of_objects("bqm", given)
    model = _model(dict(bqm.linear), dict(bqm.quadratic), rounded, bqm.vartype)
    _refuse_too_large(model)
    if not any(isinstance(bias, Decimal | Fraction) or _is_long(bias) for bias in given):
        return model
    linear, quadratic, offset = _exact_spins(bqm)
    exact = [*linear.values(), *quadratic.values(), offset]
    rounded = floats_of_objects("bqm", exact)
    if any(map(_is_long, given)):
        _warn_of_rounding(exact, rounded.tolist())
    return _model(linear, quadratic, rounded, dimod.SPIN)


def _refuse_too_large(bqm: dimod.BinaryQuadraticModel) -> None:
    """Refuses biases that are not finite, or whose sums could overflow, by the labels of their variables."""
    vectors: Any = bqm.to_numpy_vectors(return_labels=True)  # annotated as if without labels
    linear, (rows, cols, values), offset, labels = vectors
    with np.errstate(over="ignore"):  # inf is too large as well
        # Squares take half of the time, which small problems notice, and settle nearly all.
        if np.dot(linear, linear) + np.dot(values, values) + offset * offset <= MOST_TOTAL:
            return
        biases = np.concatenate((linear, values, (offset,)))
        total = np.abs(biases).sum()
    if total <= MOST_TOTAL:  # nor is nan
        return
    wrong = np.flatnonzero(~np.isfinite(biases))
    which = int(wrong[0] if wrong.size else np.abs(biases).argmax())
    pair = which - len(linear)
    if pair < 0:
        name = f"the bias of {labels[which]!r}"
    elif pair < len(values):
        name = f"the bias of {labels[rows[pair]]!r} and {labels[cols[pair]]!r}"
    else:
        name = "the offset"
    if wrong.size:
        raise ValueError(f"{name} is {biases[which]}, expected a finite number")
    raise ValueError(
        f"{name} is {biases[which]}, and |biases| add up to {total:g}, expected at most {MOST_TOTAL:g}"
    )


def _model(
    linear: Iterable[Any],
    quadratic: Iterable[tuple[Any, Any]],
    biases: NDArray[np.float64],
    vartype: dimod.Vartype,
) -> dimod.BinaryQuadraticModel:
    """The model of these variables and pairs; `biases` are theirs in turn, and the offset."""
    model = dimod.BinaryQuadraticModel(vartype)
    *values, offset = biases.tolist()
    rest = iter(values)
    model.add_linear_from([(v, next(rest)) for v in linear])
    model.add_quadratic_from([(u, v, next(rest)) for u, v in quadratic])
    model.offset = offset
    return model


def _is_long(bias: Any) -> bool:
    return isinstance(bias, Integral) and abs(int(bias)) > LARGEST_INTEGER


def _exact(bias: Any) -> Fraction:
    return Fraction(int(bias)) if isinstance(bias, Integral) else Fraction(bias)


def _exact_spins(
    bqm: dimod.BinaryQuadraticModel,
) -> tuple[dict[Any, Fraction], dict[tuple[Any, Any], Fraction], Fraction]:
    """Fields, couplings and offset in spins; x = (1 + s) / 2."""
    linear = {v: _exact(bias) for v, bias in bqm.linear.items()}
    quadratic = {pair: _exact(bias) for pair, bias in bqm.quadratic.items()}
    offset = _exact(bqm.offset)
    if bqm.vartype is dimod.SPIN:
        return linear, quadratic, offset
    offset += sum(linear.values(), Fraction(0)) / 2 + sum(quadratic.values(), Fraction(0)) / 4
    fields = {v: bias / 2 for v, bias in linear.items()}
    for (u, v), bias in quadratic.items():
        fields[u] += bias / 4
        fields[v] += bias / 4
    return fields, {pair: bias / 4 for pair, bias in quadratic.items()}, offset


def _warn_of_rounding(exact: list[Any], rounded: list[float]) -> None:
    lost = [
        (bias, near)
        for bias, near in zip(exact, rounded, strict=True)
        if isinstance(bias, Rational) and Fraction(near) != bias
    ]
    if lost:
        bias, near = lost[0]
        warnings.warn(
            f"{len(lost)} of {len(exact)} biases need more than double precision and are rounded,"
            f" as {bias} to {near!r}",
            stacklevel=4,
        )
