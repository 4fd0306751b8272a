"""Gibbs and Metropolis sampling of dwave-pytorch-plugin's Boltzmann machines on the Rust core."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..checks import WORD, instance, integer, is_gibbs, seed_or_new, threads
from ..extras import needing
from ..samplers.batch import warn_if_rounded
from ..samplers.couplings import Pairs
from .tensors import check_on_cpu

with needing("torch", "BoltzmannSampler"):
    import torch
    from dwave.plugins.torch.models import GraphRestrictedBoltzmannMachine
    from dwave.plugins.torch.samplers.base import TorchSampler


class BoltzmannSampler(TorchSampler):
    """Persistent Markov chains of a `GraphRestrictedBoltzmannMachine`, in the place of `BlockSampler`.

    Its distribution at inverse temperature 1 is p(s) ~ exp(-E(s)), with the machine's energy

        E(s) = sum_i linear_i s_i + sum_ij quadratic_ij s_i s_j,   s_i in {-1, +1}

    A call of `sample` moves all chains by one sweep of all spins for each entry of the schedule, from where
    the last call left them. It reads the parameters as they are then, so a training loop calls it after
    each step of the optimizer; the graph is sorted once, and not in each call. No colouring is asked for:
    spins take turns in the order of the machine's nodes.

    Args:
        grbm: The Boltzmann machine, on the CPU, in any floating-point dtype.
        num_chains: Chains that run in parallel.
        schedule: Inverse temperature of each sweep of a call, such as ``[1.0] * 20``.
        proposal_acceptance_criteria: "Gibbs" or "Metropolis".
        initial_states: -1 and +1, (num_chains, nodes); random by default.
        seed: 0 to 2**64 - 1; a new one by default. The same seed gives the same samples, call by call.
        num_threads: 1 to 4096; all cores by default. Never changes the samples.

    Raises:
        ValueError: A value that is out of range; the text names it.
        TypeError: A machine of another class.

    Example:
        >>> import torch
        >>> from dwave.plugins.torch.models import GraphRestrictedBoltzmannMachine
        >>> grbm = GraphRestrictedBoltzmannMachine(
        ...     "abc", ["ab", "bc"], linear={"a": -9.0}, quadratic={("a", "b"): -9.0, ("b", "c"): 9.0})
        >>> sampler = BoltzmannSampler(grbm, num_chains=2, schedule=[1.0] * 20, seed=1)
        >>> sampler.sample()
        tensor([[ 1.,  1., -1.],
                [ 1.,  1., -1.]])
        >>> sampler.sample(torch.tensor([[torch.nan, torch.nan, 1.0], [1.0, torch.nan, -1.0]]))
        tensor([[ 1.,  1.,  1.],
                [ 1.,  1., -1.]])
    """

    def __init__(
        self,
        grbm: GraphRestrictedBoltzmannMachine,
        num_chains: int,
        schedule: Iterable[float],
        proposal_acceptance_criteria: str = "Gibbs",
        *,
        initial_states: torch.Tensor | None = None,
        seed: int | None = None,
        num_threads: int | None = None,
    ) -> None:
        instance("grbm", grbm, GraphRestrictedBoltzmannMachine)
        self._grbm = grbm
        betas = np.asarray([float(beta) for beta in schedule])
        if not betas.size:
            raise ValueError("schedule is empty, expected at least one sweep")
        if not (betas >= 0).all():
            raise ValueError(f"schedule holds {betas.min()}, expected inverse temperatures >= 0")
        self._sweeps = _core.Sweeps(betas, gibbs=is_gibbs(proposal_acceptance_criteria))
        self._num_threads = threads(num_threads)
        self._seeds = np.random.default_rng(seed_or_new(seed))
        shape = integer("num_chains", num_chains, 1, WORD), grbm.n_nodes
        if initial_states is None:
            self._states = 2 * self._seeds.integers(0, 2, shape, dtype=np.int8) - 1
        else:
            if initial_states.shape != shape:
                raise ValueError(f"initial_states has shape {tuple(initial_states.shape)}, expected {shape}")
            if not (initial_states.abs() == 1).all():
                raise ValueError("initial_states holds other values than -1 and +1")
            self._states = initial_states.detach().to(torch.int8).numpy().copy()
        ends = (np.asarray(index.cpu(), dtype=np.int64) for index in (grbm.edge_idx_i, grbm.edge_idx_j))
        self._pairs = Pairs(*ends)
        self._parts: dict[bytes, _Part] = {}
        super().__init__()

    @torch.no_grad()
    def sample(self, x: torch.Tensor | None = None) -> torch.Tensor:
        """Moves the chains by the schedule, and gives their states.

        Args:
            x: Spins that are held, (num_chains, nodes), a row for each chain: -1 and +1 where a spin is held,
                nan where it is sampled given those. Any spins may be held, in each row others; rows that hold
                the same ones are faster. None holds none.

        Returns:
            (num_chains, nodes) of -1 and +1, in the dtype of the machine's parameters.

        Raises:
            ValueError: If x has another shape or holds other numbers, or the parameters are not on the CPU or
                not finite.
            KeyboardInterrupt: On Ctrl-C. The chains are then where they were.
        """
        linear, quadratic = self._grbm.linear.detach(), self._grbm.quadratic.detach()
        for name, tensor in (("linear", linear), ("quadratic", quadratic)):
            check_on_cpu(f"{name} of the Boltzmann machine", tensor)
        if x is None:
            self._states = self._annealed(self._pairs, linear[None], quadratic, self._states[None])[0]
        else:
            self._states = self._conditioned(x, linear.double(), quadratic.double())
        return torch.from_numpy(self._states).to(linear.dtype)

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Gives the sampler itself; refuses all devices but the CPU.

        Samples have the dtype of the machine's parameters, so no dtype is taken either.
        """
        moved = torch.empty(0, dtype=torch.int8).to(*args, **kwargs)
        if moved.device.type != "cpu":
            raise ValueError(f"the device is {moved.device}, expected cpu: the core computes there")
        if moved.dtype != torch.int8:
            raise ValueError(f"the dtype is {moved.dtype}, but samples have that of the Boltzmann machine")
        return self

    def _annealed(
        self,
        pairs: Pairs,
        fields: torch.Tensor,
        quadratic: torch.Tensor,
        states: NDArray[np.int8],
        chains: NDArray[np.int64] | None = None,
    ) -> NDArray[np.int8]:
        """States (batch, reads, spins) after the schedule, of problems of fields (batch, spins)."""
        # bfloat16 is no dtype of numpy's; single and double precision stay as they are.
        h = fields if fields.dtype in (torch.float32, torch.float64) else fields.float()
        # Energies, which nobody asks for, would take as long as two sweeps.
        found, _, arithmetic = (
            pairs.with_values(quadratic.double().numpy())
            .model(fields.shape[1])
            .anneal(
                h.contiguous().numpy(),
                self._sweeps,
                num_reads=states.shape[1],
                initial_states=np.ascontiguousarray(states),
                seed=int(self._seeds.integers(2**64, dtype=np.uint64)),
                num_threads=self._num_threads,
                problem_ids=np.asarray([0] if chains is None else chains, dtype=np.uint32),
                energies=False,
            )
        )
        warn_if_rounded(arithmetic, stacklevel=4)
        return found

    def _conditioned(
        self, x: torch.Tensor, linear: torch.Tensor, quadratic: torch.Tensor
    ) -> NDArray[np.int8]:
        """States in which some spins are those of x, and the others sampled given them."""
        check_on_cpu("x", x)
        if x.shape != self._states.shape:
            raise ValueError(
                f"x has shape {tuple(x.shape)}, expected {self._states.shape}: a row for each chain"
            )
        held = x.detach().nan_to_num(0.0)
        free = x.isnan()
        if not (free | (held.abs() == 1)).all():
            raise ValueError("x holds other values than -1, +1 and nan")
        spins = held.double()
        states = np.where(free, self._states, held.to(torch.int8).numpy())
        known, self._parts = self._parts, {}
        for key, chains in _alike(free.numpy()):
            part = self._parts[key] = known.get(key) or _Part(self._pairs, free[chains[0]].numpy())
            if part.spins.size:
                places = np.ix_(chains, part.spins)
                # A problem for each chain: the spins that are held act as fields.
                fields = part.fields(spins[torch.from_numpy(chains)], linear, quadratic)
                begun = self._states[places][:, None]
                found = self._annealed(part.pairs, fields, quadratic[part.inside], begun, chains)
                states[places] = found[:, 0]
        return states


class _Part:
    """The spins of a Boltzmann machine that are free while the others are held.

    Attributes:
        spins: int64 (free,) which they are.
        pairs: The pairs among them.
        inside: int64 (pairs,) which edges these are.
    """

    def __init__(self, pairs: Pairs, free: NDArray[np.bool_]) -> None:
        self.spins = np.flatnonzero(free)
        place = np.cumsum(free) - 1
        one, other = free[pairs.rows], free[pairs.cols]
        self.inside = np.flatnonzero(one & other)
        self.pairs = Pairs(place[pairs.rows[self.inside]], place[pairs.cols[self.inside]])
        across = np.flatnonzero(one ^ other)
        inner = np.where(one[across], pairs.rows[across], pairs.cols[across])
        outer = np.where(one[across], pairs.cols[across], pairs.rows[across])
        self._across, self._outer, self._place = map(torch.from_numpy, (across, outer, place[inner]))

    def fields(self, held: torch.Tensor, linear: torch.Tensor, quadratic: torch.Tensor) -> torch.Tensor:
        """Fields (chains, free) on the free spins, of the spins held (chains, nodes)."""
        alone = linear[torch.from_numpy(self.spins)].expand(len(held), -1)
        return alone.index_add(1, self._place, held[:, self._outer] * quadratic[self._across])


def _alike(free: NDArray[np.bool_]) -> Iterator[tuple[bytes, NDArray[np.int64]]]:
    """The chains whose free spins are the same, with a key for which these are."""
    keys, group = np.unique(np.packbits(free, axis=1), axis=0, return_inverse=True)
    order = np.argsort(group.ravel(), kind="stable")
    ends = np.cumsum(np.bincount(group.ravel()))
    for key, chains in zip(keys, np.split(order, ends[:-1]), strict=True):
        yield key.tobytes(), chains
