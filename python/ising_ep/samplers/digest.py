"""Digest of a problem: tells whether two sample sets, or a sample set and a file, are of the same problem."""

from collections.abc import Hashable, Sequence
from hashlib import sha256
from struct import pack
from typing import Any

import dimod
import numpy as np
from numpy.typing import NDArray

from .spin_form import in_floats, spin_form

# Digits of a digest, four bits each: as many as tell problems apart.
DIGITS = 32


def problem_digest(bqm: dimod.BinaryQuadraticModel) -> str:
    """Digest of a problem, which the samplers return as `info["problem_digest"]`.

    It is that of the Ising form in double precision: fields, couplings, offset, and labels in their order. So
    the same biases have the same digest in float32, float64 and object, and in any order of the interactions.
    With the variables in another order it is another one, as are the reads from the same seed.

    A model and its `change_vartype` have the same digest where no bias is rounded on the way: where all are
    integers, or multiples of a power of two such as 0.25, and sums of them fit into 53 bits. With others,
    such as 0.1, dimod rounds when it changes the vartype, and where one last bit differs the digest does.
    Fractions and Decimals are changed exactly and rounded afterwards: their last bit may be another one, too.

    Args:
        bqm: The problem, of any vartype and dtype. Labels should be numbers, texts or tuples of them: others
            need not have the same `repr` in another process.

    Returns:
        The first 128 bits of SHA-256 in 32 hexadecimal digits.

    Raises:
        TypeError: Another thing than a binary quadratic model.
        ValueError: A bias that is no finite real number, or biases that add up to more than 1e303.

    Example:
        >>> import dimod, ising_ep
        >>> bqm = dimod.BinaryQuadraticModel({"a": 1}, {("a", "b"): -1}, 0, "SPIN")
        >>> sampleset = ising_ep.SimulatedAnnealingSampler().sample(bqm, beta_range=[1, 3], seed=1)
        >>> sampleset.info["problem_digest"] == ising_ep.problem_digest(bqm)
        True
    """
    spins = spin_form(in_floats(bqm))
    vectors: Any = spins.to_numpy_vectors(return_labels=True)  # annotated as if without labels
    linear, (rows, cols, values), offset, labels = vectors
    return digest_of(linear, rows, cols, values, offset, labels)


def digest_of(
    linear: NDArray[Any],
    rows: NDArray[Any],
    cols: NDArray[Any],
    values: NDArray[Any],
    offset: float,
    labels: Sequence[Hashable],
) -> str:
    """The digest of a model in spins, of what its `to_numpy_vectors` returns.

    Biases are taken in double precision, with 0 for -0, indices in the 32 bits that dimod has.
    """
    biases = [(part.astype(np.float64, copy=False) + 0.0).data for part in (linear, values)]
    # One call on all bytes takes half of the time of one for each part, which small problems notice.
    parts: list[Any] = [repr(labels).encode(), *biases, rows.data, cols.data, pack("<d", offset + 0.0)]
    return sha256(b"".join(parts)).hexdigest()[:DIGITS]
