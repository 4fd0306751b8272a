"""The Rust core. `ising_ep.samplers` is its checked, documented face; call that."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, final, overload

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Chains",
    "Elimination",
    "Flow",
    "Logical",
    "Model",
    "Paths",
    "Placement",
    "Sweeps",
    "adam",
    "add",
    "add_outer",
    "energies",
    "products",
    "project",
    "recombine",
    "rest_of_fields",
    "search",
    "temper",
    "window_products",
]

@final
class Placement:
    """Copies of a logical network on the qubits of a chip, compiled once for an embedding.

    Image ``p * copies + c`` of a batch goes to copy c of problem p: there are ceil(images / copies) problems.
    All arrays are C-contiguous and have exactly the dtypes given.
    """

    def __new__(
        cls,
        num_qubits: int,
        chain_starts: NDArray[np.int64],
        chain_qubits: NDArray[np.int64],
        coupler_rows: NDArray[np.int64] | None,
        coupler_cols: NDArray[np.int64] | None,
        num_spins: int,
        rows: NDArray[np.int64],
        cols: NDArray[np.int64],
    ) -> Placement:
        """Chain k is ``chain_qubits[chain_starts[k]:chain_starts[k + 1]]``.

        Chains come copy by copy: chain k is spin ``k % num_spins`` of copy ``k // num_spins``.

        Args:
            num_qubits: Columns of the samples; qubits are 0 to num_qubits - 1.
            chain_starts: (copies * spins + 1,), rising from 0.
            chain_qubits: (sum of chain lengths,).
            coupler_rows, coupler_cols: (couplers,) the ends of all couplers that the chip has between the
                qubits; None where nothing is to be placed, only unembedded.
            num_spins: Spins of one copy.
            rows, cols: (couplings,) the ends of the logical couplings. Those of one pair add up.

        Raises:
            ValueError: One line that names the chain, qubit, coupler or coupling: an index out of range, a
                qubit in two chains, an empty chain, a coupler that joins a qubit to itself or comes twice, a
                chain that its couplers do not hold together, a coupling of a copy without a coupler.
        """

    @property
    def num_qubits(self) -> int:
        """Columns of the samples."""

    @property
    def num_spins(self) -> int:
        """Spins of one copy."""

    @property
    def copies(self) -> int:
        """Copies of the network: images in a problem."""

    def place(
        self,
        values: NDArray[np.float64],
        fields: NDArray[np.float64],
        chain_strength: float,
        gauges: NDArray[np.int8] | None = None,
        *,
        h_range: tuple[float, float] | None = None,
        j_range: tuple[float, float] | None = None,
        chain_range: tuple[float, float] | None = None,
        excess: str = "refuse",
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """A batch of images on the qubits.

        A field is split evenly over the qubits of its chain and a coupling evenly over all couplers between
        its two chains, as by dwave-system's ``embed_bqm``; couplers within chains get -chain_strength.

        Args:
            values: (couplings,) J.
            fields: (images, spins) h. Copies without an image in the last problem have none.
            chain_strength: >= 0.
            gauges: (problems, qubits) of -1 and +1: h_q is multiplied by g_q, J_qr by g_q g_r. A gauge that
                is not the same all over a chain turns chain couplers positive; `expand` makes one of logical
                spins.
            h_range, j_range, chain_range: Lowest and highest number that the chip takes: fields, couplers
                between chains, couplers within chains (by default as j_range).
            excess: What is done to numbers outside, gauge included: "refuse" raises ValueError, "clip" takes
                the end of the range, "scale" divides the whole problem, all copies alike, by the smallest
                factor that fits.

        Returns:
            h (problems, qubits), J (problems, couplers), 0 where nothing is in use, and the factors
            (problems,), 1 but with "scale".

        Raises:
            ValueError: A shape or a number that is wrong; with "refuse", which problem, copy, spin or spins,
                qubit or coupler has which number outside which range.
            MemoryError: The result does not fit into memory.
        """

    def expand(self, states: NDArray[np.int8], gauges: NDArray[np.int8] | None = None) -> NDArray[np.int8]:
        """Logical states on the qubits, where a reverse anneal starts; or gauges of logical spins.

        Args:
            states: (images, spins) of -1 and +1.
            gauges: (problems, qubits) of -1 and +1, what `place` was given.

        Returns:
            int8 (problems, qubits), +1 times the gauge on qubits of no chain or of a copy without an image.

        Raises:
            ValueError: A shape or a number that is wrong.
            MemoryError: The result does not fit into memory.
        """

    def gauges(self, seed: int, images: NDArray[np.uint32]) -> NDArray[np.int8]:
        """A random sign for each spin of each image, on the qubits of its chain.

        They are the coins of ``np.random.Generator(np.random.Philox(key=key)).integers(0, 2, spins,
        dtype=np.int8)`` with ``key = np.array([seed, image]).astype(np.uint64)``.

        Args:
            seed: 0 to 2**64 - 1.
            images: (images,) numbers.

        Returns:
            int8 (problems, qubits), +1 on qubits of no chain or of a copy without an image.

        Raises:
            MemoryError: The result does not fit into memory.
        """

    def read(
        self,
        samples: NDArray[np.int8] | NDArray[np.uint8],
        gauges: NDArray[np.int8],
        values: NDArray[np.float64],
        fields: NDArray[np.float64],
        seed: int,
        problem_ids: NDArray[np.uint32],
    ) -> tuple[NDArray[np.int8], NDArray[np.float64], int]:
        """Reads of a batch, as they came from the chip, as logical spins by majority; see `unembed`.

        Args:
            samples: int8 (problems, reads, qubits) of -1 and +1, where qubits of no chain may hold anything;
                or uint8 (problems, reads, ceil(qubits / 8)), a bit each as of
                ``np.packbits(samples > 0, axis=2)``.
            gauges: (problems, qubits) those that the problems were placed with.
            values: (couplings,) J.
            fields: (images, spins) h.
            seed: 0 to 2**64 - 1, of the coins.
            problem_ids: (problems,) with the seed they say which coins: problem p is unembedded from the read
                ``problem_ids[p] * reads`` on.

        Returns:
            States int8 (images, reads, spins) and logical energies float64 (images, reads), and how many
            chains were broken in all reads of all copies, those without an image too.

        Raises:
            ValueError: A shape or a number that is wrong.
            MemoryError: The result does not fit into memory.
        """

    def unembed(
        self,
        samples: NDArray[np.int8],
        method: str,
        seed: int,
        *,
        first_read: int = 0,
        gauge: NDArray[np.int8] | None = None,
        values: NDArray[np.float64] | None = None,
        fields: NDArray[np.float64] | None = None,
    ) -> Logical:
        """Reads of one problem, as they came from the chip, as logical spins.

        `ising_ep.correlate` tells what the methods do.

        Args:
            samples: (reads, qubits) of -1 and +1; qubits of no chain may hold anything.
            method: "majority", "weighted_random", "discard" (in each copy for itself) or "minimize_energy".
            seed: 0 to 2**64 - 1. A coin depends on it, the number of the read and the chain, and on nothing
                else.
            first_read: The number of the first read, from which they are counted: coins of other problems are
                others if their reads are.
            gauge: (qubits,) the one that the problem was placed with.
            values: (couplings,) J, for "minimize_energy".
            fields: (copies, spins) h, for "minimize_energy".

        Raises:
            ValueError: A shape or a number that is wrong; the text names read and qubit.
            MemoryError: The result does not fit into memory.
        """

@final
class Logical:
    """Reads of one problem as logical spins of its copies, a bit each: what `Placement.unembed` returns."""

    def states(self) -> NDArray[np.int8]:
        """int8 (copies, reads, spins) of -1 and +1, and 0 in reads that were discarded."""

    def kept(self) -> NDArray[np.bool_]:
        """bool (copies, reads): False where the read was discarded."""

    def broken(self) -> NDArray[np.int32]:
        """int32 (copies, reads): how many chains were broken."""

    def energies(self, values: NDArray[np.float64], fields: NDArray[np.float64]) -> NDArray[np.float64]:
        """Logical energies, float64 (copies, reads), infinite for reads that were discarded.

        Args:
            values: (couplings,) J.
            fields: (copies, spins) h.

        Raises:
            ValueError: A shape or a number that is wrong.
        """

    def moments(
        self, num_occurrences: NDArray[np.int64] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Sums over the reads that are kept, each as often as it occurred.

        Those of the pieces of a stream add up to those of the whole.

        Args:
            num_occurrences: (reads,) >= 0, adding up to 2**53 at most; 1 by default.

        Returns:
            int64: how many reads there are (copies,), the sums of s_i (copies, spins) and of s_i s_j (copies,
            couplings), and how often each chain was broken, in all reads (copies, spins).

        Raises:
            ValueError: A shape or a number that is wrong.
        """

@final
class Elimination:
    """What is left of a problem without spins that need no search, and how to find these.

    A spin is eliminated if its coupling to one neighbour, or its field, is as large as its others together,
    or if it has three of them; not if small multiples of a quantum would become other numbers than those, or
    half of those. The energy of a state of what is left, and `constant`, add up to the lowest of all states
    of the problem given that agree with it.
    """

    def __new__(
        cls,
        rows: NDArray[np.int64],
        cols: NDArray[np.int64],
        values: NDArray[np.float64],
        fields: NDArray[np.float64],
    ) -> Elimination:
        """Eliminates until no more can be.

        Args:
            rows, cols: (couplings,) the ends of the couplings. Those of one pair add up.
            values: (couplings,) J.
            fields: (spins,) h.

        Raises:
            ValueError: A coupling of a spin to itself or to one that is not there, or a number that is not
                finite.
        """

    @property
    def kept(self) -> NDArray[np.int64]:
        """(kept,) the spins that are left, rising."""

    @property
    def rows(self) -> NDArray[np.int64]:
        """(couplings left,) their first ends, as places in `kept`."""

    @property
    def cols(self) -> NDArray[np.int64]:
        """(couplings left,) their other ends."""

    @property
    def values(self) -> NDArray[np.float64]:
        """(couplings left,) J."""

    @property
    def fields(self) -> NDArray[np.float64]:
        """(kept,) h."""

    @property
    def constant(self) -> float:
        """What the energies of all states have in common."""

    def expand(self, states: NDArray[np.int8]) -> NDArray[np.int8]:
        """The lowest states (states, spins) for given states (states, kept) of -1 and +1.

        Raises:
            ValueError: Another shape, or a spin other than -1 and +1.
        """

@final
class Sweeps:
    """The schedule of simulated annealing, by single-spin updates."""

    def __new__(
        cls, betas: NDArray[np.float64], *, gibbs: bool = False, random_order: bool = False
    ) -> Sweeps:
        """Takes a schedule, which a model checks when it is annealed.

        Args:
            betas: (sweeps,) inverse temperature of each sweep, >= 0, at least one. In a sweep at ``inf``
                flips that lower the energy are accepted, and no others.
            gibbs: Accepts flips with probability ``1 / (1 + exp(beta dE))``, not ``min(1, exp(-beta dE))``.
            random_order: Picks a spin at random for each update; else all take turns, in their order.
        """

@final
class Paths:
    """The schedule of quantum annealing by path integrals; `ising_ep.samplers.path_integral` tells more.

    In sweep t the machine is

        H = problem[t] E(sigma_z) - transverse[t] sum_i sigma_x_i

    Reads are one slice of each path; initial states stand in all slices alike, random ones differ.
    """

    def __new__(
        cls,
        *,
        beta: float,
        num_slices: int,
        transverse: NDArray[np.float64],
        problem: NDArray[np.float64],
    ) -> Paths:
        """Checks a schedule.

        Args:
            beta: Inverse temperature, > 0.
            num_slices: Trotter slices, at least 2.
            transverse: (sweeps,) Gamma of each sweep, finite, >= 0, at least one.
            problem: (sweeps,) what multiplies the problem in each sweep, finite, >= 0.

        Raises:
            ValueError: One line that names the offending value.
        """

@final
class Chains:
    """A schedule in which each sweep is over the spins, or over chains of spins that flip as a whole.

    Serves `ising_ep.machines.chip_model`, whose chains of qubits turn at rates of their own.
    """

    def __new__(
        cls,
        betas: NDArray[np.float64],
        kinds: NDArray[np.uint32],
        *,
        starts: NDArray[np.uintp],
        spins: NDArray[np.uint32],
        kinds_of: NDArray[np.uint32],
        gains: NDArray[np.float64] | None = None,
    ) -> Chains:
        """Checks a schedule.

        Args:
            betas: (sweeps,) inverse temperature of each sweep, finite, >= 0, at least one.
            kinds: (sweeps,) 0 for a sweep over all spins, else the kind of chains that it is over.
            starts: (chains + 1,) rising from 0: chain c holds ``spins[starts[c]:starts[c + 1]]``.
            spins: Spins of all chains, none of them twice.
            kinds_of: (chains,) kind of each chain, 1 to the number of spins in chains.
            gains: (sweeps,) what multiplies all fields in each sweep, up to a million; None for 1. Its part
                in the energy of a flip is in single precision.

        Raises:
            ValueError: One line that names the offending value.
        """

@final
class Flow:
    """The law and schedule of machines whose spins are signs of what flows: `ising_ep.machines.dynamics`.

    With ``xi`` nearly Gaussian, of variance 1, in step t amplitudes x or phases z, in half turns, go to

        clip((ramp[t] - saturation x_i^2) x_i - gain (h_i + sum_j J_ij x_j) + noise[t] xi_i, -1, 1)
        z_i + gain (sum_j J_ij sin(pi (z_i - z_j)) + h_i sin(pi z_i)) - ramp[t] sin(2 pi z_i) + noise[t] xi_i

    Reads are the signs of the last amplitudes, or of the cosines of the last phases.
    """

    def __new__(
        cls,
        *,
        saturation: float | None,
        gain: float,
        spread: float,
        ramp: NDArray[np.float64],
        noise: NDArray[np.float64],
    ) -> Flow:
        """Checks a schedule.

        Args:
            saturation: Of amplitudes; None for phases.
            gain: What multiplies couplings and fields.
            spread: How far from 0 (amplitudes), a quarter turn (phases) or the spins given states may begin.
            ramp, noise: (steps,), from 0 to a million, as are the three before; the spread of phases up to 1.

        Raises:
            ValueError: One line that names the offending value.
        """

@final
class Model:
    """Couplings that are checked and prepared once, for as many anneals as there are."""

    def __new__(
        cls,
        rows: NDArray[np.int64],
        cols: NDArray[np.int64],
        values: NDArray[np.float64],
        num_spins: int,
    ) -> Model:
        """Couplings J between spins of problems of `num_spins` spins.

        Args:
            rows, cols: (couplings,) the two spins of each coupling. Couplings of the same pair, in either
                order, add up.
            values: (couplings,) J.
            num_spins: Spins are 0 to num_spins - 1.

        Raises:
            ValueError: One line that names the offending value.
            TypeError: A wrong dtype or number of dimensions.
            MemoryError: The couplings do not fit into memory.
        """

    @staticmethod
    def layers(
        layers: Sequence[tuple[int, int, int]],
        blocks: Sequence[tuple[int, int, str, tuple[int, int], tuple[int, int]]],
        values: NDArray[np.float64],
    ) -> Model:
        """Layers that are joined by weights which all places share.

        The spins of a layer stand next to each other, place by place, row by row, channels last.

        Args:
            layers: Height, width and channels of each.
            blocks: Couplings between a layer ``before`` and a layer ``after``, given by their numbers: kind,
                size and stride of the windows. ``"dense"`` has a weight for each pair of spins, (before,
                after); ``"filters"`` one for each spin of a window and each channel of ``after``, (rows x
                columns x channels, channels); ``"pool"`` has one for all, which joins each channel to its own
                in a window. Windows of dense ones mean nothing.
            values: The weights of one block after the other, row by row.

        Raises:
            ValueError: One line that names the layer, block or weight that does not fit.
            TypeError: A wrong type or dtype.
        """

    @property
    def num_spins(self) -> int:
        """Spins of a problem."""

    def with_values(self, values: NDArray[np.float64]) -> Model:
        """Other values of the same pairs, which are not sorted again, or of the same layers.

        Args:
            values: As the pairs or layers were given them.

        Raises:
            ValueError, TypeError, MemoryError: As the class.
        """

    def fields(
        self,
        states: NDArray[np.int8],
        fields: NDArray[np.float32] | NDArray[np.float64],
        *,
        num_threads: int | None = None,
    ) -> NDArray[np.float32]:
        """Local fields ``f_i = h_i + sum_j J_ij s_j`` of states.

        Where all others are given, the mean of spin i at inverse temperature beta is ``tanh(-beta f_i)``.

        Args:
            states: (batch, reads, spins) of -1 and +1, C-contiguous.
            fields: (batch, spins) h, C-contiguous.
            num_threads: At least 1, or None for all cores; the result does not depend on it.

        Returns:
            float32 (batch, reads, spins).

        Raises:
            ValueError: One line that names the offending value.
            TypeError: A wrong dtype or number of dimensions.
            MemoryError: The result does not fit into memory.
        """

    def mean_field(
        self,
        fields: NDArray[np.float32] | NDArray[np.float64],
        betas: NDArray[np.float64],
        *,
        initial: NDArray[np.float32] | None = None,
        back: bool = False,
        energies: bool = True,
        num_threads: int | None = None,
    ) -> tuple[NDArray[np.float32], NDArray[np.float64] | None]:
        """Means of the spins in mean-field theory, ``m_i <- tanh(-beta (h_i + sum_j J_ij m_j))``.

        Spin after spin is replaced, in a sweep at each inverse temperature. Nothing is drawn by chance.

        Args:
            fields: (batch, spins) h, C-contiguous.
            betas: (sweeps,) inverse temperatures of at least 0.
            initial: (batch, spins) means to begin with, in -1..1, C-contiguous; None for 0.
            back: Whether sweeps go from the last spin to the first.
            energies: Whether to work them out, which takes one more sweep.
            num_threads: At least 1, or None for all cores; the result does not depend on it.

        Returns:
            The means, float32 (batch, spins), and their energies, float64 (batch,), or None.

        Raises:
            ValueError: One line that names the offending value.
            TypeError: A wrong dtype or number of dimensions.
            MemoryError: The result does not fit into memory.
        """

    def arithmetic(
        self,
        fields: NDArray[np.float64],
        method: Sweeps | Paths | Chains | Flow,
        *,
        num_reads: int,
        rest: NDArray[np.float64] | None = None,
    ) -> str:
        """Tell the arithmetic in which `anneal` would take a problem, without annealing it.

        Args:
            fields: (1, spins) h.
            method: What would be done in a run, and its schedule.
            num_reads: Runs, at least 1.
            rest: (1, spins) what the fields are short of.

        Returns:
            One of the names that `anneal` returns.

        Raises:
            ValueError: One line that names the offending value.
            TypeError: A wrong dtype or number of dimensions.
        """

    @overload
    def anneal(
        self,
        fields: NDArray[np.float32] | NDArray[np.float64],
        method: Sweeps | Paths | Chains | Flow,
        *,
        num_reads: int,
        seed: int,
        problem_ids: NDArray[np.uint32],
        initial_states: NDArray[np.int8] | None = None,
        num_threads: int | None = None,
        rest: NDArray[np.float64] | None = None,
        energies: Literal[False],
        watch: Callable[[int], object] | None = None,
    ) -> tuple[NDArray[np.int8], None, list[str]]: ...
    @overload
    def anneal(
        self,
        fields: NDArray[np.float32] | NDArray[np.float64],
        method: Sweeps | Paths | Chains | Flow,
        *,
        num_reads: int,
        seed: int,
        problem_ids: NDArray[np.uint32],
        initial_states: NDArray[np.int8] | None = None,
        num_threads: int | None = None,
        rest: NDArray[np.float64] | None = None,
        energies: bool,
        watch: Callable[[int], object] | None = None,
    ) -> tuple[NDArray[np.int8], NDArray[np.float64] | None, list[str]]: ...
    @overload
    def anneal(
        self,
        fields: NDArray[np.float32] | NDArray[np.float64],
        method: Sweeps | Paths | Chains | Flow,
        *,
        num_reads: int,
        seed: int,
        problem_ids: NDArray[np.uint32],
        initial_states: NDArray[np.int8] | None = None,
        num_threads: int | None = None,
        rest: NDArray[np.float64] | None = None,
        energies: Literal[True] = True,
        watch: Callable[[int], object] | None = None,
    ) -> tuple[NDArray[np.int8], NDArray[np.float64], list[str]]:
        """Anneal every problem of a batch, `num_reads` times each.

            E(s) = sum_{i<j} J_ij s_i s_j + sum_i h_i s_i,   s_i in {-1, +1}

        All arrays are C-contiguous and have exactly the dtypes given; nothing is converted. The GIL is
        released, and Ctrl-C raises `KeyboardInterrupt` within 0.1 s. The result depends on everything but
        `num_threads` and the grouping of problems into batches, to the last bit.

        Args:
            fields: (batch, spins) h. Those in single precision are taken as the doubles they are.
            method: What is done in a run, and its schedule.
            num_reads: Independent runs of each problem, at least 1.
            seed: 0 to 2**64 - 1.
            problem_ids: (batch,) the name of each problem's random stream.
            initial_states: (batch, reads, spins) or, for all reads alike, (batch, 1, spins) of -1 and +1;
                None for uniformly random ones.
            num_threads: At least 1, or None for all cores.
            rest: (batch, spins) what the fields are short of; energies are without it.
            energies: Whether energies are wanted; they take a few percent of the time.
            watch: For a single problem: called in this thread, at once and every 20 ms, with the number of
                reads that are finished. When it returns True no more are begun, and those that were come
                back, one at least; what it raises ends the anneal.

        Returns:
            states, int8 (batch, reads, spins); energies, float64 (batch, reads), or None; and the arithmetic
            of each problem, which its numbers and the coldest sweep decide: "integer" (small integers),
            "single" (single precision), "wide" (integers as long as is needed), or "rounded" (the longest
            there are, where longer ones are needed).

        Raises:
            ValueError: One line that names the offending value.
            TypeError: A wrong dtype or number of dimensions.
            MemoryError: The reads do not fit into memory.
            RuntimeError: The operating system starts no more threads.
        """

def search(
    model: Model,
    fields: NDArray[np.float64],
    *,
    num_reads: int,
    seed: int,
    rest: NDArray[np.float64] | None = None,
    initial_states: NDArray[np.int8] | None = None,
    steps: int | None = None,
    seconds: float | None = None,
    target: float | None = None,
    restarts: int | None = None,
    tenure: int | None = None,
    rounds: tuple[int, int] | None = None,
    groups: bool = True,
    num_threads: int | None = None,
    watch: Callable[[int], object] | None = None,
) -> tuple[
    NDArray[np.int8],
    NDArray[np.float64],
    NDArray[np.uint64],
    NDArray[np.uint64],
    NDArray[np.float64],
    list[list[int]],
]:
    """Search one problem for low energies: tabu search, and annealing within one-hot groups, in turns.

    The GIL is released, and Ctrl-C raises `KeyboardInterrupt` within 0.1 s. Where neither `seconds` nor
    `watch` ends it, the result (but for the times in the trace) depends on everything but `num_threads`, to
    the last bit.

    Args:
        model: The couplings.
        fields: (spins,) h, C-contiguous.
        num_reads: Independent searches, at least 1. Threads share them.
        seed: 0 to 2**64 - 1; a read's random numbers depend on it and on the number of the read.
        rest: (spins,) what the fields are short of.
        initial_states: (reads, spins) of -1 and +1; None for random ones.
        steps: Most flips of tabu search and proposals of annealing in a read.
        seconds: Most seconds of a read, from its begin on.
        target: A read ends when it has a state of this energy or less.
        restarts: Most restarts of a read. One of `steps`, `seconds` and `restarts` must be given.
        tenure: Steps for which a flipped spin is barred; None to draw it anew for each restart.
        rounds: Steps of the first search of a read and of restarted ones; None to end one when it has found
            nothing better for a while.
        groups: Whether to look for one-hot groups.
        num_threads: At least 1, or None for all cores.
        watch: As in `Model.anneal`; when it returns True the reads under way end with the best they have.
            `lambda done: done > 0` beside a `target` ends all reads once one has reached it.

    Returns:
        The best state of each read, int8 (reads, spins); its energy, float64 (reads,), from the integers that
        were searched; restarts and steps, uint64 (reads,); seconds since the call and lowest energy at each
        progress, float64 (entries, 2), energies falling; and the one-hot groups of the last read.

    Raises:
        ValueError: One line that names the offending value.
        TypeError: A wrong dtype or number of dimensions.
        MemoryError: The reads do not fit into memory.
        RuntimeError: The operating system starts no more threads.
    """

def project(x: NDArray[np.float32], w: NDArray[np.float32], bias: NDArray[np.float32]) -> NDArray[np.float32]:
    """``bias + x w``, added up in one fixed order.

    Args:
        x: (batch, inputs), C-contiguous.
        w: (inputs, units), C-contiguous.
        bias: (units,).

    Returns:
        float32 (batch, units).

    Raises:
        ValueError: Shapes do not fit.
        MemoryError: The result does not fit into memory.
    """

def add_outer(w: NDArray[np.float32], x: NDArray[np.float32], d: NDArray[np.float32], limit: float) -> None:
    """``w += x^T d``, then clipped to ±limit where ``x`` is not 0, in place.

    Args:
        w: (inputs, units), C-contiguous, changed.
        x: (batch, inputs), C-contiguous.
        d: (batch, units), C-contiguous.
        limit: Bound on the size of the result, >= 0.

    Raises:
        ValueError: Shapes do not fit, or `limit` is negative or nan; `w` is as it was.
    """

def add(w: NDArray[np.float32], change: NDArray[np.float32], limit: float) -> None:
    """``w += change``, then clipped to ±limit, in place.

    Args:
        w: Of any shape, C-contiguous, changed.
        change: Of the same shape, C-contiguous.
        limit: Bound on the size of the result, >= 0.

    Raises:
        ValueError: Shapes differ, or `limit` is negative or nan; `w` is as it was.
    """

def adam(
    w: NDArray[np.float32],
    change: NDArray[np.float32] | None,
    mean: NDArray[np.float32],
    square: NDArray[np.float32],
    *,
    update: int,
    rate: float,
    limit: float,
) -> None:
    """One step of Adam along the change c, the negative of a gradient, in place and in one pass:

        m <- 0.9 m + 0.1 c,   v <- 0.999 v + 0.001 c^2,
        w <- clip(w + rate m / (1 - 0.9^t) / sqrt(v / (1 - 0.999^t)), ±limit)

    Each operation is rounded to single precision; 1e-8 is added to the root.

    Args:
        w: Of any shape, C-contiguous, changed.
        change: c, of the same shape, C-contiguous; None for one of 0.
        mean, square: m and v, of the same shape, C-contiguous, changed.
        update: Number t of the update, from 1 on.
        rate: What w moves where all changes point the same way.
        limit: Bound on the size of the result, >= 0.

    Raises:
        ValueError: Shapes differ, or `limit` or `update` is out of range; nothing has changed.
    """

def products(states: NDArray[np.int8], before: tuple[int, int], after: tuple[int, int]) -> NDArray[np.int32]:
    """Sum over states of ``s_i s_j`` for spins i and j of two ranges of spins.

    Args:
        states: (states, spins), C-contiguous, of -1 and +1; those of other small numbers take longer.
        before: First spin i, and the one after the last.
        after: First spin j, and the one after the last.

    Returns:
        int32 (spins i, spins j).

    Raises:
        ValueError: A range ends outside the spins.
        MemoryError: The result does not fit into memory.
    """

def window_products(
    states: NDArray[np.int8], before: NDArray[np.int64], after: NDArray[np.int64]
) -> NDArray[np.int32]:
    """Sum over states and places of ``s_i s_j`` for spins i of a window and spins j of its place.

    Args:
        states: (states, spins), C-contiguous, of -1 and +1; those of other small numbers take longer.
        before: (places, I) spins i, C-contiguous.
        after: (places, J) spins j, C-contiguous.

    Returns:
        int32 (I, J).

    Raises:
        ValueError: Shapes do not fit, or a spin is not in the states.
        MemoryError: The result does not fit into memory.
    """

def energies(
    rows: NDArray[np.int64],
    cols: NDArray[np.int64],
    values: NDArray[np.float64],
    fields: NDArray[np.float64],
    states: NDArray[np.int8] | NDArray[np.uint8],
) -> NDArray[np.float64]:
    """Energies ``sum_k values[k] s_i s_j + sum_i fields[i] s_i`` with ``i = rows[k]``, ``j = cols[k]``.

    Args:
        rows: (couplings,) first spins.
        cols: (couplings,) second spins.
        values: (couplings,).
        fields: (spins,).
        states: int8 (states, spins), C-contiguous, of -1 and +1; or uint8 (states, ceil(spins / 8)), a bit
            each as of ``np.packbits(states > 0, axis=1)``.

    Returns:
        float64 (states,).

    Raises:
        ValueError: Shapes do not fit, or a coupling is on a spin that is not there.
    """

def rest_of_fields(
    linear: NDArray[np.float64],
    rows: NDArray[np.int64],
    cols: NDArray[np.int64],
    quadratic: NDArray[np.float64],
    fields: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Find what rounding took off Ising fields made of the biases of a problem of variables 0 and 1.

    Args:
        linear: (variables,) linear biases.
        rows, cols, quadratic: (terms,) quadratic biases, and the variables of each.
        fields: (variables,) ``linear_i / 2 + sum_j quadratic_ij / 4``, rounded.

    Returns:
        (variables,) that sum, to twice the digits of a double, less `fields`.

    Raises:
        ValueError: A shape or an index that is wrong.
    """

def recombine(
    model: Model,
    fields: NDArray[np.float64],
    states: NDArray[np.int8],
    energies: NDArray[np.float64],
    *,
    sweeps: int,
    reads: int,
    coldest: float,
    patience: int,
    seed: int,
    most: int = ...,
    target: float = ...,
    num_threads: int | None = None,
    watch: Callable[[int], bool] | None = None,
) -> tuple[NDArray[np.int8], NDArray[np.float64], int]:
    """A population whose members are replaced by children that are better, until there are none.

    A child holds coupled spins on which its parents agree, up to a sign, as rigid groups, and is the best of
    `reads` anneals of them. The answer depends on the arguments alone, not on the number of threads, unless
    `watch` ends it.

    Args:
        model: The couplings.
        fields: (spins,) h.
        states: (members, spins) of -1 and +1.
        energies: (members,) those of the states.
        sweeps, reads: Of the anneal of a child.
        coldest: The inverse temperature at which it ends.
        patience: Children without one that was taken, after which it ends.
        seed: 0 to 2**64 - 1.
        most: Children after which it ends, but for those of a generation of 16.
        target: An energy at which it ends.
        num_threads: Threads; all cores by default.
        watch: Called every 20 ms or so with the number of children so far; ends it by returning True.

    Returns:
        States and energies of the members, and how many children there were.

    Raises:
        ValueError: A shape that does not fit, or no sweeps or reads.
    """

def temper(
    model: Model,
    fields: NDArray[np.float64],
    betas: NDArray[np.float64],
    *,
    num_ladders: int,
    num_rounds: int,
    sweeps_per_round: int,
    adapt: bool,
    clusters: bool | None,
    seed: int,
    target: float | None = None,
    last: bool = False,
    rest: NDArray[np.float64] | None = None,
    num_threads: int | None = None,
    watch: Callable[[int], object] | None = None,
) -> dict[str, Any]:
    """Parallel tempering of one problem: ladders of temperatures whose copies exchange states.

    The GIL is released, and Ctrl-C raises `KeyboardInterrupt` within 0.1 s. The result depends on everything
    but `num_threads`, to the last bit, where `watch` never ends it; the seconds in `trace` do not.

    Args:
        model: The couplings.
        fields: (spins,) h, C-contiguous.
        betas: (temperatures,) 2 to 64 rising inverse temperatures > 0.
        num_ladders: Independent ladders, at least 1.
        num_rounds: Exchanges, at least 1.
        sweeps_per_round: Sweeps before each, at least 1.
        adapt: Whether the inner temperatures are spaced anew in the second eighth of the rounds.
        clusters: Whether cluster moves are made; None for where they are found to be of use.
        seed: 0 to 2**64 - 1.
        target: An energy at which ladders end.
        last: Whether the last states are wanted.
        rest: (spins,) what the fields are short of.
        num_threads: At least 1, or None for all cores.
        watch: Called in this thread, at once and every 20 ms, with the number of rounds that are finished,
            of all ladders. When it returns True each ladder ends its round, and its first at least; what it
            raises ends the call.

    Returns:
        "states", int8 (ladders, spins), the best of each ladder, and "energies"; "last_states", int8
        (ladders * temperatures * copies, spins), and "last_energies", empty where they are not wanted;
        "num_copies"; "betas" in the end; "exchange_rates", float64 (temperatures - 1,), and "round_trips"; by
        temperature "clusters", a list of bool, "cluster_sizes" and "cluster_rates", nan where there were
        none; "rounds", a list of those of each ladder; "trace", a list of (round, seconds, energy); and
        "arithmetic", "integer" or "single".

    Raises:
        ValueError: One line that names the offending value.
        TypeError: A wrong dtype or number of dimensions.
        MemoryError: The states do not fit into memory.
        RuntimeError: The operating system starts no more threads.
    """
