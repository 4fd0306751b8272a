"""An Ising machine as a PyTorch module, whose gradients are those of equilibrium propagation.

The energy of the spins s, in the fields h that come in, is

    E(s; h) = sum_ij J_ij s_i s_j + sum_i (h_i + b_i) s_i

The forward pass is the free phase: what comes out is the mean o of the output spins over the machine's
reads. The backward pass is the nudge. A loss L(o) of any kind, whatever stands between, says how it would
have the outputs move, g = dL/do; the machine anneals again with fields nudge g / max|g| on the outputs, in
reverse from the free states, and each parameter p compares the two phases:

    dL/dp = max|g| / nudge (<dE/dp>_nudge - <dE/dp>_free)

For averages at a temperature this is the gradient in the limit of a small nudge: both sides are the
covariance of dE/dp and g o, times the negative inverse temperature. A finite nudge has a bias of O(nudge);
the symmetric one, which compares +nudge and -nudge over 2 nudge, of O(nudge^2). (Scellier and Bengio,
Front. Comput. Neurosci. 11, 24 (2017).) At low temperature means are steps, and a nudge that is too weak to
turn a spin says nothing: let the machine end warm, at an inverse temperature of 1 or 2, or nudge by 4 or
so.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks import boolean, check_step, integer, integers
from ..extras import needing
from ..machines import AnnealingMachine, Machine, check_answer, check_machine
from ..samplers.couplings import Pairs
from .tensors import check_on_cpu

with needing("torch", "IsingLayer"):
    import torch

# The seed of a nudge differs from that of its free phase in the highest bit.
NUDGED = 1 << 63


class IsingLayer(torch.nn.Module):
    """Spins on a machine: fields on some come in, the means of others come out.

    Modules may stand before it and behind it: it has a gradient by its input too. The seed of the machine is
    drawn from torch's own random numbers, anew in each forward pass: `torch.manual_seed` repeats a run.

    Args:
        pairs: Coupled spins, (couplings, 2) integers from 0 to spins - 1; each spin is in one pair at least.
        num_inputs: The first so many spins take the fields that come in.
        num_outputs: The last so many spins are read out.
        machine: What anneals; `AnnealingMachine()` by default.
        nudge: The largest field that the nudge puts on an output of an example, not 0.
        symmetric: Whether nudges both ways are compared: two anneals for each gradient, and less bias.

    Attributes:
        couplings: Parameter (couplings,), J. Uniform in ±1/sqrt(mean number of neighbours) at first.
        bias: Parameter (spins,), b. 0 at first.

    Raises:
        ValueError: A number that is out of range; the text names it.

    Example:
        >>> import torch
        >>> layer = IsingLayer.dense(3, 4, 2)
        >>> fields = torch.zeros(5, 3, requires_grad=True)
        >>> means = layer(fields)
        >>> means.shape
        torch.Size([5, 2])
        >>> means.square().sum().backward()
        >>> fields.grad.shape, layer.couplings.grad.shape
        (torch.Size([5, 3]), torch.Size([20]))
    """

    def __init__(
        self,
        pairs: ArrayLike,
        *,
        num_inputs: int,
        num_outputs: int,
        machine: Machine | None = None,
        nudge: float = 1.0,
        symmetric: bool = False,
    ) -> None:
        super().__init__()
        ends = integers("pairs", pairs, "(couplings, 2)")
        if ends.shape[1] != 2 or not len(ends) or ends.min() < 0:
            raise ValueError(f"pairs has shape {ends.shape}, expected (couplings, 2) of integers >= 0")
        if len(np.unique(ends)) != ends.max() + 1:
            raise ValueError(f"pairs holds {len(np.unique(ends))} spins, expected all from 0 to {ends.max()}")
        self.num_spins = int(ends.max()) + 1
        self.num_inputs = integer("num_inputs", num_inputs, 1, self.num_spins)
        self.num_outputs = integer("num_outputs", num_outputs, 1, self.num_spins)
        self.machine = AnnealingMachine() if machine is None else machine
        check_machine(self.machine)
        if self.machine.levels != (-1, 1):
            raise ValueError(f"the machine has levels {self.machine.levels}, expected (-1, 1)")
        check_step(nudge)
        self.nudge = float(nudge)
        self.symmetric = boolean("symmetric", symmetric)
        self._pairs = Pairs(*np.ascontiguousarray(ends.T))
        neighbours = 2 * len(ends) / self.num_spins
        self.couplings = torch.nn.Parameter((2 * torch.rand(len(ends)) - 1) / neighbours**0.5)
        self.bias = torch.nn.Parameter(torch.zeros(self.num_spins))

    @classmethod
    def dense(cls, *sizes: int, **settings: Any) -> Self:
        """Layers of so many spins, each of which is coupled with all of the next.

        The first takes the fields, the last is read out.

        Args:
            sizes: Two layers or more.
            settings: `machine`, `nudge` and `symmetric`, as of the class.
        """
        if len(sizes) < 2:
            raise ValueError(f"{len(sizes)} sizes are given, expected those of two layers or more")
        layer = np.repeat(np.arange(len(sizes)), [integer("a size", size, 1) for size in sizes])
        pairs = np.argwhere(layer[:, np.newaxis] + 1 == layer)
        return cls(pairs, num_inputs=sizes[0], num_outputs=sizes[-1], **settings)

    def forward(self, fields: torch.Tensor) -> torch.Tensor:
        """Anneals, and gives the means of the output spins.

        Args:
            fields: (batch, num_inputs), low where a spin should be up: the machine looks for low energy.

        Returns:
            (batch, num_outputs) from -1 to 1, in the dtype of the fields.

        Raises:
            ValueError: If the fields have another shape, or they or the parameters are not on the CPU.
        """
        for name, tensor in (("the input", fields), ("couplings", self.couplings), ("bias", self.bias)):
            check_on_cpu(name, tensor)
        if fields.ndim != 2 or fields.shape[1] != self.num_inputs:
            raise ValueError(
                f"the input has shape {tuple(fields.shape)}, expected (batch, {self.num_inputs})"
            )
        everywhere = torch.nn.functional.pad(fields, (0, self.num_spins - self.num_inputs)) + self.bias
        limit = self.machine.field_limit
        if limit is not None:
            everywhere = everywhere.clamp(-limit, limit)
        means: torch.Tensor = _Equilibrium.apply(everywhere, self.couplings, self)
        return means.to(fields.dtype)

    def extra_repr(self) -> str:
        """What is printed of the layer."""
        return (
            f"{self.num_spins} spins, {len(self.couplings)} couplings, num_inputs={self.num_inputs},"
            f" num_outputs={self.num_outputs}, machine={type(self.machine).__name__}, nudge={self.nudge:g},"
            f" symmetric={self.symmetric}"
        )

    def anneal(
        self,
        fields: torch.Tensor,
        couplings: torch.Tensor,
        seed: int,
        ids: Iterable[int],
        initial_states: NDArray[Any] | None = None,
    ) -> NDArray[Any]:
        """States (batch, reads, spins) that the machine answers with, to fields (batch, spins)."""
        answer = self.machine.sample(
            self._pairs.with_values(couplings.detach().double().numpy()),
            np.ascontiguousarray(fields.detach().float().numpy()),
            initial_states=initial_states,
            seed=seed,
            problem_ids=np.asarray(ids, dtype=np.uint32),
        )
        reads = None if initial_states is None else initial_states.shape[1]
        continuous = self.machine.continuous
        check_answer(answer, tuple(fields.shape), (-1, 1), reads, continuous=continuous)
        return answer.states

    def statistics(self, states: NDArray[Any], couple: bool) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Means over the reads of the spins (batch, spins), and of the products of coupled ones if wanted."""
        means = torch.from_numpy(states.mean(axis=1, dtype=np.float32))
        if not couple:
            return means, None
        products = states[..., self._pairs.rows] * states[..., self._pairs.cols]
        return means, torch.from_numpy(products.mean(axis=1, dtype=np.float32))


class _Equilibrium(torch.autograd.Function):
    """The free phase, and the nudge as its derivative."""

    @staticmethod
    def forward(ctx: Any, fields: torch.Tensor, couplings: torch.Tensor, layer: IsingLayer) -> torch.Tensor:
        seed = int(torch.randint(2**62, ()))
        states = layer.anneal(fields, couplings, seed, range(len(fields)))
        ctx.save_for_backward(fields, couplings)
        ctx.layer, ctx.seed, ctx.states = layer, seed, states
        return torch.from_numpy(states[:, :, -layer.num_outputs :].mean(axis=1, dtype=np.float32))

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None, None]:
        fields, couplings = ctx.saved_tensors
        layer: IsingLayer = ctx.layer
        largest = grad.abs().amax(dim=1)
        # An example that asks for nothing is not annealed again.
        chosen = torch.nonzero(largest)[:, 0]
        by_field, by_coupling = torch.zeros_like(fields), torch.zeros_like(couplings)
        if not len(chosen):
            return by_field, by_coupling, None
        unit = grad[chosen] / largest[chosen, None]
        begun = ctx.states[chosen.numpy()]

        def nudged(strength: float) -> tuple[torch.Tensor, torch.Tensor | None]:
            pulled = fields[chosen].clone()
            pulled[:, -layer.num_outputs :] += strength * unit
            states = layer.anneal(pulled, couplings, ctx.seed ^ NUDGED, chosen.tolist(), begun)
            return layer.statistics(states, ctx.needs_input_grad[1])

        first = nudged(-layer.nudge) if layer.symmetric else layer.statistics(begun, ctx.needs_input_grad[1])
        second = nudged(layer.nudge)
        scale = largest[chosen] / ((1 + layer.symmetric) * layer.nudge)
        by_field[chosen] = (scale[:, None] * (second[0] - first[0])).to(fields.dtype)
        if second[1] is not None and first[1] is not None:
            by_coupling = (scale @ (second[1] - first[1])).to(couplings.dtype)
        return by_field, by_coupling, None
