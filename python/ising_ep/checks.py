"""Checks of numbers and arrays that come from outside: one line that names the value, or what was meant."""

import hashlib
import math
import os
import secrets
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from numbers import Integral, Real
from typing import Any, TypeGuard, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Arrays by what they hold: indices and counts, real numbers, states of -1 and +1, bits of states, truth
# values.
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Spins = NDArray[np.int8]
Bits = NDArray[np.uint8]
Bools = NDArray[np.bool_]

# The core numbers reads and problems with one 32-bit word each of its random counter.
WORD = 2**32 - 1
# Integers up to here are float64 numbers, and so are their halves and quarters.
LARGEST_INTEGER = 2**53
# Far above any machine's cores, far below what an operating system refuses to start.
MOST_THREADS = 4096
# Sums, differences and small multiples of all biases of a problem are finite below it: those of a change of
# vartype, those of presolve, and those of the core.
MOST_TOTAL = 1e303
# Root mean square of inputs whose fields mostly lie beyond the ±4 that they are clipped to.
LARGE = 5.0

_Function = TypeVar("_Function", bound=Callable[..., object])


def integer(name: str, value: int, low: int, high: int | None = None) -> int:
    """The integer, if it is one from `low` to `high`."""
    expected = f"an integer >= {low}" if high is None else f"an integer from {low} to {high}"
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} is {value!r}, expected {expected}")
    if value < low or (high is not None and value > high):
        raise ValueError(f"{name} is {value}, expected {expected}")
    return int(value)


def steps(name: str, value: int) -> int:
    """The number of steps of a schedule, if it is one and the schedule can fit into memory."""
    number = integer(name, value, 1)
    # A schedule, its exponents and its powers, there and back.
    require_memory(f"{number} {name.removeprefix('num_')}", 48 * number)
    return number


def is_real(value: object) -> TypeGuard[float]:
    """Tells whether something is a real number; True and False, which Python takes for 1 and 0, are none."""
    return isinstance(value, Real) and not isinstance(value, bool)


def real(name: str, value: float) -> float:
    """The number, if it is one."""
    if not is_real(value):
        raise TypeError(f"{name} is {value!r}, expected a number")
    try:
        return float(value)
    except OverflowError:  # an integer, maybe of more digits than Python prints
        raise ValueError(f"{name} is too large for double precision, expected a smaller number") from None


def number_in(text: str) -> float:
    """The number that a text file says; Python alone takes 1_0 for 10, and digits of other scripts.

    Raises:
        ValueError: If the text is no number.

    Example:
        >>> number_in("1e1")
        10.0
    """
    if "_" in text or not text.isascii():
        raise ValueError(f"{short(text)} is no number")
    return float(text)


def boolean(name: str, value: bool) -> bool:
    """The truth value, if it is one: "no" is a true text."""
    if not (isinstance(value, bool | np.bool_) or (isinstance(value, Integral) and value in (0, 1))):
        raise TypeError(f"{name} is {value!r}, expected True or False")
    return bool(value)


def one_of(name: str, value: str, options: tuple[str, ...]) -> None:
    """Refuses what is not among the options."""
    if value not in options:
        raise ValueError(f"{name} is {value!r}, expected one of {', '.join(options)}")


def seed_or_new(seed: int | None) -> int:
    """The seed, or a new one from the system's entropy."""
    return secrets.randbits(64) if seed is None else integer("seed", seed, 0, 2**64 - 1)


def threads(num_threads: int | None) -> int | None:
    """The number of threads, or None for all cores."""
    return None if num_threads is None else integer("num_threads", num_threads, 1, MOST_THREADS)


def seconds(name: str, value: float) -> float:
    """The number of seconds, if it is one; an infinite one is no limit."""
    if not is_real(value):
        raise TypeError(f"{name} is {value!r}, expected a number of seconds")
    if not value >= 0:  # nor is nan
        raise ValueError(f"{name} is {value}, expected a number of seconds >= 0")
    return real(name, value)


def energy(name: str, value: float) -> float:
    """The energy, from any real number; an infinite one is lower or higher than all."""
    number = as_float(name, value)
    if math.isnan(number):
        raise ValueError(f"{name} is {value}, expected an energy")
    return number


def short(value: object) -> str:
    """A value from outside as it is named in a message: on one line, and not too long for it."""
    text = " ".join(repr(value).split())  # arrays have several lines
    return text if len(text) <= 60 else f"{text[:57]}..."


def instance(name: str, value: object, kind: type) -> None:
    """Refuses what is no object of a class, such as the class itself."""
    if isinstance(value, kind):
        return
    if isinstance(value, type) and kind in value.__mro__:
        found = f"the class {value.__name__} itself, expected an object of it"
        raise TypeError(f"{name} is {found}, such as {value.__name__}(...)")
    raise TypeError(f"{name} is {short(value)}, expected an object of class {kind.__name__}")


def is_levels(levels: object) -> bool:
    """Tells whether these are the two values of a spin: a tuple of two integers, the lower one first."""
    return (
        isinstance(levels, tuple)
        and len(levels) == 2
        and all(isinstance(level, Integral) and not isinstance(level, bool) for level in levels)
        and levels[0] < levels[1]
    )


def are_sizes(sizes: object) -> TypeGuard[Sequence[int]]:
    """Tells whether these are one integer or more, each at least 1."""
    return (
        isinstance(sizes, tuple | list | np.ndarray)
        and len(sizes) > 0
        and all(
            isinstance(size, Integral) and not isinstance(size, bool) and int(size) >= 1 for size in sizes
        )
    )


def function(name: str, value: _Function | None) -> _Function | None:
    """The function, or None for none."""
    if value is not None and not callable(value):
        raise TypeError(f"{name} is {short(value)}, expected a function")
    return value


def is_gibbs(criteria: str) -> bool:
    """Tells whether flips are accepted by Gibbs' criterion and not by Metropolis'."""
    name = str(criteria).lower()
    if name not in ("metropolis", "gibbs"):
        raise ValueError(f"proposal_acceptance_criteria is {criteria!r}, expected 'Metropolis' or 'Gibbs'")
    return name == "gibbs"


def root_mean_square(x: NDArray[Any]) -> float:
    """Root mean square of all numbers in an array (n, ...), in double precision, without a copy of them."""
    flat = x.reshape(len(x), -1)
    return math.sqrt(np.einsum("ij,ij->", flat, flat, dtype=np.float64, casting="same_kind") / flat.size)


def array_of(name: str, array: ArrayLike, kinds: str, shape: str) -> NDArray[Any]:
    """An array of one of the numpy `kinds`, with as many dimensions as the text `shape` names."""
    try:
        result = np.asarray(array)
    except ValueError:  # numpy's own line names no argument
        raise ValueError(f"{name} has rows of different lengths, expected the shape {shape}") from None
    if result.ndim != len(shape.strip("(),").split(",")):
        raise ValueError(f"{name} has shape {result.shape}, expected {shape}")
    # numpy makes an empty list float64.
    if result.dtype.kind not in kinds and result.size:
        wanted = "real numbers" if "f" in kinds else "integers"
        raise ValueError(f"{name} has dtype {result.dtype}, expected {wanted}")
    # A view into a file or a record may begin anywhere; the core reads whole numbers only.
    return result if result.flags.aligned else result.copy()


def floats(name: str, array: ArrayLike, shape: str) -> NDArray[np.float64]:
    """Converts to contiguous float64 of the shape named, from any numbers: fractions and decimals too."""
    given = array_of(name, array, "fiuO", shape)
    if given.dtype == np.float64:  # the usual case, which a small anneal should not wait for
        return np.ascontiguousarray(given, dtype=np.float64)
    if given.dtype.kind == "O":
        result = floats_of_objects(name, given.ravel().tolist()).reshape(given.shape)
    else:
        with np.errstate(over="ignore"):  # a longdouble out of range becomes inf, which the core names
            result = np.ascontiguousarray(given, dtype=np.float64)
    if given.dtype.kind in "iuO":
        long = np.abs(result) > LARGEST_INTEGER
        for number, near in zip(given[long].tolist(), result[long].tolist(), strict=True):
            if isinstance(number, Integral) and int(near) != number:
                warnings.warn(f"{name} holds {number}, which is rounded to {near!r}", stacklevel=3)
                break
    return result


def floats_of_objects(name: str, numbers: Iterable[Any]) -> NDArray[np.float64]:
    """Real numbers of any Python type, each rounded to float64 once."""
    return np.array([as_float(name, number) for number in numbers], dtype=np.float64)


def as_float(name: str, number: Any) -> float:
    """A real number of any Python type, rounded to float64."""
    if not (is_real(number) or isinstance(number, Decimal)):
        raise ValueError(f"{name} holds {number!r}, expected real numbers")
    try:
        return float(number)
    except (OverflowError, ValueError):  # too many digits, or a decimal's signalling nan
        raise ValueError(f"{name} holds a number that is not finite in double precision") from None


def integers(name: str, array: ArrayLike, shape: str) -> NDArray[np.int64]:
    """Converts to contiguous int64 of the shape named."""
    given = array_of(name, array, "iu", shape)
    if given.dtype.kind == "u" and given.size and given.max() > np.iinfo(np.int64).max:
        raise ValueError(f"{name} holds {given.max()}, too large for an index")
    return np.ascontiguousarray(given, dtype=np.int64)


def coupling_arrays(
    couplings: tuple[ArrayLike, ArrayLike, ArrayLike],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """The rows, cols and values of couplings as the core takes them."""
    if len(couplings) != 3:
        raise ValueError(f"couplings has {len(couplings)} parts, expected 3: (rows, cols, values)")
    rows, cols, values = couplings
    return (
        integers("rows", rows, "(couplings,)"),
        integers("cols", cols, "(couplings,)"),
        floats("values", values, "(couplings,)"),
    )


def stream_ids(ids: ArrayLike, num_problems: int) -> NDArray[np.uint32]:
    """The ids of the problems' random streams as the core takes them."""
    given = array_of("problem_ids", ids, "iu", "(batch,)")
    if len(given) != num_problems:
        raise ValueError(f"problem_ids has shape {given.shape}, expected ({num_problems},)")
    for outlier in (given.min(initial=0), given.max(initial=0)):
        if not 0 <= outlier <= WORD:
            raise ValueError(f"problem_ids holds {outlier}, expected integers from 0 to {WORD}")
    return np.ascontiguousarray(given, dtype=np.uint32)


def spins(states: ArrayLike) -> NDArray[np.int8]:
    """Converts to int8. The core checks arrays that are int8 already, as batches are large."""
    given = np.asarray(states)
    if given.dtype == np.int8:
        return given
    if given.dtype.kind not in "fiu":
        raise ValueError(f"initial_states has dtype {given.dtype}, expected numbers -1 and +1")
    wrong = given[np.abs(given) != 1]
    if wrong.size:
        raise ValueError(f"initial_states holds {wrong[0]}, expected -1 or +1")
    return given.astype(np.int8)


def broadcast(states: NDArray[np.int8], shape: tuple[int, int, int]) -> NDArray[np.int8]:
    """Initial states of every read of every problem."""
    try:
        return np.ascontiguousarray(np.broadcast_to(states, shape))
    except ValueError:
        raise ValueError(
            f"initial_states has shape {states.shape}, which does not broadcast to"
            f" (batch, reads, spins) = {shape}"
        ) from None


def same(kept: NDArray[Any], given: NDArray[Any]) -> bool:
    """Tells whether both hold the same numbers. An array equals itself, which takes no comparison."""
    return kept is given or np.array_equal(kept, given)


def digest(*parts: NDArray[Any] | bytes | str, kind: Callable[[], Any] = hashlib.sha256) -> bytes:
    """The SHA-256, or a hash of another kind, of arrays, bytes and texts, one after the other.

    What tells parts apart, such as the shape of an array, is given as a part of its own.

    Example:
        >>> digest("spins", np.zeros(2, dtype=np.int8)) == digest(b"spins" + bytes(2))
        True
    """
    found = kind()
    for part in parts:
        if isinstance(part, str):
            found.update(part.encode())
        else:
            found.update(np.ascontiguousarray(part).data if isinstance(part, np.ndarray) else part)
    result: bytes = found.digest()
    return result


# Far above any step that learns, far below what overflows single precision.
MAX_STEP = 1e6


def check_step(nudge: float, *learning_rates: float) -> None:
    """Refuses a nudge of 0, and steps that overflow.

    Raises:
        ValueError: If they do.
    """
    if nudge == 0:
        raise ValueError("nudge is 0, expected another number")
    step = max(learning_rates, default=0.0) / abs(nudge)
    if step > MAX_STEP:
        raise ValueError(f"the largest learning rate over nudge is {step:g}, expected at most {MAX_STEP:g}")


def require_memory(what: str, num_bytes: int) -> None:
    """Refuses what takes more bytes than the memory of this machine has.

    An operating system may promise more than there is, and end the process when it is used.

    Raises:
        MemoryError: In the words of the core.

    Example:
        >>> require_memory("4 reads of 2 spins", 64)
        >>> require_memory("all reads", 2**80)
        Traceback (most recent call last):
        ...
        MemoryError: all reads do not fit into memory
    """
    if num_bytes > _memory():
        raise MemoryError(f"{what} do not fit into memory")


def _memory() -> float:
    """Bytes of memory; infinite where the operating system does not say it."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return math.inf


def check_mapping(settings: object) -> None:
    """Refuses, by a TypeError, settings that are no mapping."""
    if not isinstance(settings, Mapping):
        raise TypeError(f"settings are {short(settings)}, expected a mapping of names to values")
