"""Reads of qubits as logical spins: broken chains, states, first and second moments.

On a chip a logical spin is a chain of qubits; `chains[i]` holds the columns of the samples that are spin i. A
chain whose qubits disagree is broken, and a `method` says what becomes of it:

"majority"         what most of its qubits say; where they are even a coin is tossed. (dwave-system takes +1,
                   which gives a random chain of four an average of 0.376.)
"weighted_random"  what one of its qubits, drawn at random, says.
"discard"          the read is dropped.
"minimize_energy"  what gives the lower energy: of the broken chains the one with the largest local field is
                   set next, against that field, until none is left; a coin where the field is 0.

But for coins these are the methods of `dwave.embedding.chain_breaks`. A coin is a function of the seed, the
read and the chain, so that the pieces of a stream get the coins of the whole.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import index
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _core
from ..checks import Floats, Ints, Spins, array_of, coupling_arrays, floats, integers, one_of, seed_or_new

METHODS = ("majority", "weighted_random", "discard", "minimize_energy")
# Reads that are converted and counted at a time.
_BLOCK = 2**14
# Sums of so many spins are integers that float64 holds.
_MOST = 2**53

# Chains as callers give them: for each spin the columns of its qubits.
ChainsLike = Sequence[Iterable[int]] | Mapping[int, Iterable[int]]
CouplingsLike = tuple[ArrayLike, ArrayLike] | tuple[ArrayLike, ArrayLike, ArrayLike]


@dataclass(frozen=True, eq=False)
class Unembedded:
    """Reads as logical spins, from `unembed`.

    Attributes:
        states: int8 (kept reads, spins), each -1 or +1.
        energies: float64 (kept reads,), in the units of the couplings; None without couplings.
        reads: int64 (kept reads,), which of the samples they are: all, but with the method "discard".
        broken: float64 (reads,), the fraction of chains that were broken in each of the samples.
    """

    states: Spins
    energies: Floats | None
    reads: Ints
    broken: Floats


@dataclass(frozen=True, eq=False)
class Correlations:
    """Moments over reads, from `correlations`.

    Attributes:
        first: float64 (spins,), the averages of s_i.
        second: float64 (couplings,), the averages of s_i s_j.
        num_reads: How many reads were averaged, each as often as it occurred.
        broken: float64 (spins,), the fraction of all reads, kept or not, in which each chain was broken.
    """

    first: Floats
    second: Floats
    num_reads: int
    broken: Floats


def unembed(
    samples: ArrayLike,
    chains: ChainsLike,
    *,
    method: str = "majority",
    seed: int | None = None,
    gauge: ArrayLike | None = None,
    couplings: tuple[ArrayLike, ArrayLike, ArrayLike] | None = None,
    fields: ArrayLike | None = None,
) -> Unembedded:
    """Logical states of reads of qubits.

    Args:
        samples: (reads, qubits) of -1 and +1, any integers or floats; columns of no chain may hold anything.
        chains: For each spin the columns of its qubits: a sequence, or a mapping of 0 to spins - 1.
        method: "majority", "weighted_random", "discard" or "minimize_energy": see the top of this module.
        seed: 0 to 2**64 - 1; by default a new one on every call.
        gauge: (qubits,) of -1 and +1, the spin-reversal transform that the problem was programmed with:
            samples are flipped where it is -1.
        couplings: (rows, cols, values) of the logical problem, each (couplings,): for energies, and for
            "minimize_energy", which needs them.
        fields: (spins,) h of the logical problem; 0 by default.

    Returns:
        `states`, `energies`, which `reads` they are, and how many chains were `broken`.

    Raises:
        ValueError: A shape, dtype or value that is wrong, a column in two chains, an empty chain.
        TypeError: A seed that is no integer.

    Example:
        Two spins, chains of three qubits and of one. The first chain of the second read is broken.

        >>> result = unembed([[1, 1, 1, -1], [-1, 1, -1, -1]], [[0, 1, 2], [3]])
        >>> result.states
        array([[ 1, -1],
               [-1, -1]], dtype=int8)
        >>> result.broken
        array([0. , 0.5])
        >>> unembed([[1, 1, 1, -1], [-1, 1, -1, -1]], [[0, 1, 2], [3]], method="discard").reads
        array([0])
    """
    given = _reads(samples)
    if couplings is None and (fields is not None or method == "minimize_energy"):
        what = "fields are given" if fields is not None else f"method is {method!r}"
        raise ValueError(f"{what} without couplings, expected (rows, cols, values)")
    triple = coupling_arrays(([], [], []) if couplings is None else couplings)
    unembedder = _Unembedder(given.shape[1], chains, triple, fields, method, seed, gauge)
    logical = unembedder.logical(given, 0)
    kept = logical.kept()[0]
    energies = None if couplings is None else logical.energies(triple[2], unembedder.fields)[0, kept]
    broken = logical.broken()[0] / unembedder.placement.num_spins
    return Unembedded(logical.states()[0, kept], energies, np.flatnonzero(kept), broken)


def correlations(
    samples: ArrayLike | Iterator[ArrayLike | tuple[ArrayLike, ArrayLike]],
    chains: ChainsLike,
    couplings: CouplingsLike,
    *,
    num_occurrences: ArrayLike | None = None,
    method: str = "majority",
    seed: int | None = None,
    gauge: ArrayLike | None = None,
    fields: ArrayLike | None = None,
) -> Correlations:
    """Averages of spins, and of products of coupled spins, over reads of qubits.

        first_i = sum_r n_r s_ri / sum_r n_r,   second_ij = sum_r n_r s_ri s_rj / sum_r n_r

    with s_ri the logical spin i in read r, and n_r how often that read occurred. Reads are counted 64 in a
    word, in integers: the answer does not depend on how a stream is cut into pieces.

    Args:
        samples: (reads, qubits) of -1 and +1, any integers or floats; or an iterator of such pieces (a
            generator, or `iter` of a list), each of them alone or in a tuple with its (reads,) numbers of
            occurrences, of which only one is in memory at a time.
        chains: As in `unembed`.
        couplings: (rows, cols), each (couplings,): the pairs of spins; (rows, cols, values) for
            "minimize_energy".
        num_occurrences: (reads,) integers >= 0 for an array of samples; 1 by default.
        method: As in `unembed`.
        seed: As in `unembed`.
        gauge: As in `unembed`.
        fields: As in `unembed`.

    Returns:
        `first` (spins,), `second` (couplings,), `num_reads` and, for each chain, how often it was `broken`.

    Raises:
        ValueError: As in `unembed`, and if no read is left to average.
        TypeError: A seed that is no integer.

    Example:
        >>> result = correlations([[1, 1, 1, -1], [-1, 1, -1, -1]], [[0, 1, 2], [3]], ([0], [1]))
        >>> result.first, result.second
        (array([ 0., -1.]), array([0.]))

        The same, read by read:

        >>> stream = ([read] for read in [[1, 1, 1, -1], [-1, 1, -1, -1]])
        >>> correlations(stream, [[0, 1, 2], [3]], ([0], [1])).second
        array([0.])
    """
    if not isinstance(samples, Iterator):
        pieces = iter([(samples, num_occurrences)])
    elif num_occurrences is None:
        pieces = (piece if isinstance(piece, tuple) else (piece, None) for piece in samples)
    else:
        raise ValueError("num_occurrences beside a stream, expected pieces (samples, num_occurrences)")
    if len(couplings) == 3:
        triple = coupling_arrays(couplings)
    elif len(couplings) == 2 and method != "minimize_energy":
        rows, cols = (
            integers("rows", couplings[0], "(couplings,)"),
            integers("cols", couplings[1], "(couplings,)"),
        )
        triple = rows, cols, np.zeros(len(rows))
    else:
        raise ValueError(
            f"couplings has {len(couplings)} parts, expected (rows, cols, values) for {method!r}"
        )

    unembedder: _Unembedder | None = None
    sums: tuple[Ints, ...] | None = None
    num_reads = total = 0
    for piece, occurrences in pieces:
        given = _reads(piece)
        if unembedder is None:
            unembedder = _Unembedder(given.shape[1], chains, triple, fields, method, seed, gauge)
        numbers = np.ones(0, dtype=np.int64)
        if occurrences is not None:
            numbers = integers("num_occurrences", occurrences, "(reads,)")
            if len(numbers) != len(given):
                raise ValueError(f"num_occurrences has shape {numbers.shape}, expected ({len(given)},)")
            if numbers.min(initial=0) < 0:
                read = num_reads + int(numbers.argmin())
                raise ValueError(
                    f"num_occurrences of read {read} is {numbers.min()}, expected an integer >= 0"
                )
        for start in range(0, len(given), _BLOCK):
            block = given[start : start + _BLOCK]
            weights = None if occurrences is None else numbers[start : start + _BLOCK]
            moments = unembedder.logical(block, num_reads).moments(weights)
            sums = moments if sums is None else tuple(map(np.add, sums, moments))
            num_reads += len(block)
            total += len(block) if weights is None else int(weights.sum())
            if total > _MOST:
                raise ValueError(f"num_occurrences add up to {total}, expected up to {_MOST}")
    if sums is None or not sums[0][0]:
        raise ValueError(f"of {num_reads} reads none is left to average")
    weight, first, second, broken = (sum_[0] for sum_ in sums)
    return Correlations(first / weight, second / weight, int(weight), broken / total)


class _Unembedder:
    """Unembeds the pieces of a stream; holds what is the same for all of them."""

    def __init__(
        self,
        num_qubits: int,
        chains: ChainsLike,
        couplings: tuple[Ints, Ints, Floats],
        fields: ArrayLike | None,
        method: str,
        seed: int | None,
        gauge: ArrayLike | None,
    ) -> None:
        one_of("method", method, METHODS)
        starts, qubits = _chain_arrays(chains)
        rows, cols, self.values = couplings
        spins = len(starts) - 1
        self.placement = _core.Placement(num_qubits, starts, qubits, None, None, spins, rows, cols)
        h = np.zeros(spins) if fields is None else floats("fields", fields, "(spins,)")
        if len(h) != spins:
            raise ValueError(f"fields has shape {h.shape}, expected ({spins},)")
        self.fields = h[np.newaxis]
        self.method, self.seed = method, seed_or_new(seed)
        self.gauge = None if gauge is None else _int8("gauge", array_of("gauge", gauge, "fiu", "(qubits,)"))

    def logical(self, samples: NDArray[Any], first_read: int) -> _core.Logical:
        return self.placement.unembed(
            _int8("samples", samples),
            self.method,
            self.seed,
            first_read=first_read,
            gauge=self.gauge,
            values=self.values,
            fields=self.fields,
        )


def _reads(samples: ArrayLike) -> NDArray[Any]:
    return array_of("samples", samples, "fiu", "(reads, qubits)")


def _chain_arrays(chains: ChainsLike) -> tuple[Ints, Ints]:
    """Begins of the chains, and the columns of all chains in a row."""
    if isinstance(chains, Mapping):
        if set(chains) != set(range(len(chains))):
            raise ValueError(
                f"chains has the keys {list(chains)[:8]}..., expected the spins 0 to {len(chains) - 1}"
            )
        chains = [chains[spin] for spin in range(len(chains))]
    if not len(chains):
        raise ValueError("chains is empty, expected the columns of at least one spin")
    columns: list[int] = []
    starts = [0]
    for spin, chain in enumerate(chains):
        try:
            columns.extend(map(index, chain))
        except TypeError:
            text = f"chain of spin {spin} is {chain!r}, expected columns of the samples, integers"
            raise ValueError(text) from None
        starts.append(len(columns))
    return np.array(starts, dtype=np.int64), integers("chains", columns, "(qubits,)")


def _int8(name: str, given: NDArray[Any]) -> Spins:
    """Converts to contiguous int8. The core checks that values are -1 or +1 where that matters."""
    with np.errstate(invalid="ignore"):
        narrow = np.ascontiguousarray(given, dtype=np.int8)
    if given.dtype != np.int8:
        wrong = given[narrow != given]
        if wrong.size:
            raise ValueError(f"{name} holds {wrong[0]}, expected -1 or +1")
    return narrow
