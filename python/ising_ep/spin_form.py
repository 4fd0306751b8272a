"""Binary quadratic models in spins of -1 and +1, their biases as numbers that the core takes."""

import warnings
from decimal import Decimal
from fractions import Fraction
from numbers import Integral, Rational
from typing import Any

import dimod
import numpy as np

from .checks import LARGEST_INTEGER, floats_of_objects


def spin_form(bqm: dimod.BinaryQuadraticModel) -> dimod.BinaryQuadraticModel:
    """The model in spins; itself where it is that already."""
    return bqm if bqm.vartype is dimod.SPIN else bqm.change_vartype(dimod.SPIN, inplace=False)


def in_floats(bqm: dimod.BinaryQuadraticModel) -> dimod.BinaryQuadraticModel:
    """The model in single or double precision: itself, or, where it is of dtype object, its spin form.

    Models of dtype object may hold fractions, decimals and integers of any size. Their change to spins is
    exact, and each bias of the result is rounded once.

    Raises:
        ValueError: A bias that is no real number, or too large for double precision.
    """
    if bqm.dtype != np.dtype(object):
        return bqm
    given = [*bqm.linear.values(), *bqm.quadratic.values(), bqm.offset]
    if any(isinstance(bias, Decimal | Fraction) or _is_long(bias) for bias in given):
        linear: dict[Any, Any]
        quadratic: dict[tuple[Any, Any], Any]
        offset: Any
        floats_of_objects("bqm", given)  # refuses what is no number, or none that is finite in float64
        linear, quadratic, offset = _exact_spins(bqm)
    else:
        spins = bqm.change_vartype(dimod.SPIN, inplace=False)
        linear, quadratic, offset = dict(spins.linear), dict(spins.quadratic), spins.offset
    exact = [*linear.values(), *quadratic.values(), offset]
    rounded = floats_of_objects("bqm", exact)
    if any(map(_is_long, given)):
        _warn_of_rounding(exact, rounded.tolist())
    h, j = rounded[: len(linear)], rounded[len(linear) : -1]
    model = dimod.BinaryQuadraticModel(dimod.SPIN)
    model.add_linear_from(zip(linear, h.tolist(), strict=True))
    model.add_quadratic_from((u, v, bias) for (u, v), bias in zip(quadratic, j.tolist(), strict=True))
    model.offset = rounded[-1]
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
