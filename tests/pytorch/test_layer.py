"""`IsingLayer`: its gradients are those of the exact means, and it learns."""

from __future__ import annotations

import numpy as np
import pytest

from ising_ep.machines import AnnealingMachine, Machine
from ising_ep.machines.mean_field import MeanFieldMachine
from ising_ep.samplers.batch import BatchResult
from support.boltzmann import Problem

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install 'ising-ep[torch]'")

from ising_ep.pytorch import IsingLayer  # noqa: E402

# Threads of torch's own, on cores that are busy, wait for each other.
torch.set_num_threads(1)
SIZES = 2, 3, 2
READS = 100_000


class Exact(Machine):
    """Answers with the Boltzmann distribution itself: each state as often as is its share of the reads."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, bool]] = []

    def sample(self, couplings, fields, *, initial_states=None, seed, problem_ids):
        self.asked.append((len(fields), initial_states is not None))
        states = []
        for h in fields.astype(np.float64):
            problem = Problem(*couplings, h)
            ends = np.rint(READS * problem.probabilities(1.0).cumsum()).astype(int)
            states.append(np.repeat(problem.states(), np.diff(ends, prepend=0), axis=0))
        return BatchResult(np.stack(states), np.zeros((len(fields), READS)))


def layer_of(machine: Machine, **settings: object) -> IsingLayer:
    torch.manual_seed(1)
    layer = IsingLayer.dense(*SIZES, machine=machine, **settings)
    with torch.no_grad():
        layer.bias.uniform_(-0.5, 0.5)
        layer.couplings.uniform_(-0.8, 0.8)
    return layer


def exact_means(layer: IsingLayer, x: torch.Tensor) -> torch.Tensor:
    """The means of the outputs by sums over all states, which autograd can follow."""
    problem = Problem(*layer._pairs.with_values(np.zeros(len(layer.couplings))), np.zeros(layer.num_spins))
    states = torch.tensor(problem.states(), dtype=torch.float64)
    fields = torch.nn.functional.pad(x, (0, layer.num_spins - layer.num_inputs)) + layer.bias
    products = states[:, problem.rows] * states[:, problem.cols]
    weights = torch.softmax(-(fields.double() @ states.T + products @ layer.couplings.double()), dim=1)
    return weights @ states[:, -layer.num_outputs :]


def loss_of(means: torch.Tensor) -> torch.Tensor:
    """One that pulls the outputs of the examples differently, and does not pull the second one's."""
    pull = torch.tensor([[1.0, -2.0], [0.0, 0.0], [0.3, 0.1]], dtype=means.dtype)
    return (means * pull).sum() + (means[0] ** 2).sum()


def gradients(layer: IsingLayer, means, x: torch.Tensor) -> list[torch.Tensor]:
    return list(torch.autograd.grad(loss_of(means(x)), (x, layer.couplings, layer.bias)))


@pytest.mark.slow
def test_gradients_are_those_of_the_exact_means():
    """Within the bias of the nudge, which falls with the nudge, and with its square if it is symmetric.

    Shares of the reads are off by 1/READS a state at most, 128 states.
    """
    x = torch.randn(3, 2, generator=torch.Generator().manual_seed(2)).requires_grad_()
    layer = layer_of(Exact())
    wanted = gradients(layer, lambda fields: exact_means(layer, fields), x)
    assert torch.allclose(layer(x).double(), exact_means(layer, x), atol=128 * 2 / READS)

    def error(nudge: float, symmetric: bool) -> float:
        other = layer_of(Exact(), nudge=nudge, symmetric=symmetric)
        found = gradients(other, other, x)
        return max(float((one - two).abs().max()) for one, two in zip(found, wanted, strict=True))

    assert max(float(one.abs().max()) for one in wanted) > 0.5
    assert 1.6 < error(0.4, False) / error(0.2, False) < 2.4
    assert 3.0 < error(0.8, True) / error(0.4, True) < 5.0
    assert error(0.2, True) < 0.02


def test_only_what_is_asked_for_is_annealed():
    machine = Exact()
    layer = layer_of(machine)
    x = torch.zeros(3, 2)
    with torch.no_grad():
        layer(x)
    assert machine.asked == [(3, False)]
    loss_of(layer(x)).backward()
    assert machine.asked[1:] == [(3, False), (2, True)]  # the second example pulls nothing
    (0 * layer(x)).sum().backward()
    assert machine.asked[3:] == [(3, False)]


def test_another_scale_of_the_loss_only_scales_the_gradient():
    layer = layer_of(AnnealingMachine(num_reads=5))
    found = []
    for scale in (1.0, 1024.0):
        torch.manual_seed(3)
        layer.zero_grad()
        (scale * loss_of(layer(torch.ones(3, 2)))).backward()
        found.append(layer.couplings.grad)
    assert torch.equal(1024 * found[0], found[1])
    assert found[0].any()


def test_torchs_seed_repeats_a_pass_and_the_next_one_differs():
    layer = layer_of(AnnealingMachine(num_reads=5, num_sweeps=10, beta_range=(0.5, 0.5)))

    def passes() -> torch.Tensor:
        torch.manual_seed(7)
        return torch.stack([layer(torch.zeros(3, 2)) for _ in range(2)]).detach()

    first = passes()
    assert torch.equal(first, passes())
    assert not torch.equal(first[0], first[1])


@pytest.mark.slow
def test_a_machine_of_means_learns_a_function_that_is_not_linear():
    """Exclusive or, between two linear modules. Mean fields take no random numbers."""
    torch.manual_seed(0)
    machine = MeanFieldMachine(beta_range=(1.0, 1.0))
    layer = IsingLayer.dense(8, 4, machine=machine, nudge=0.1, symmetric=True)
    model = torch.nn.Sequential(torch.nn.Linear(2, 8), layer, torch.nn.Linear(4, 1))
    x = torch.tensor([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
    y = torch.tensor([[-1.0], [1.0], [1.0], [-1.0]])
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    for _ in range(200):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(model(x), y).backward()
        optimizer.step()
    assert torch.equal(model(x).sign(), y)


def test_weights_are_saved_and_loaded():
    one, other = layer_of(AnnealingMachine()), IsingLayer.dense(*SIZES)
    other.load_state_dict(one.state_dict())
    assert set(one.state_dict()) == {"couplings", "bias"}
    assert torch.equal(one.couplings, other.couplings)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_any_precision_comes_out_as_it_went_in(dtype):
    layer = layer_of(AnnealingMachine()).to(dtype)
    x = torch.zeros(3, 2, dtype=dtype, requires_grad=True)
    means = layer(x)
    means.sum().backward()
    assert (means.dtype, x.grad.dtype, layer.couplings.grad.dtype) == (dtype,) * 3


class LimitedMachine(Exact):
    field_limit = 0.5

    def sample(self, couplings, fields, **given):
        assert np.abs(fields).max() <= 0.5
        return super().sample(couplings, fields, **given)


def test_fields_are_clipped_to_the_limit_of_the_machine():
    layer = layer_of(LimitedMachine())
    assert layer(torch.full((1, 2), 9.0)).shape == (1, 2)


class Neurons(Exact):
    levels = (0, 1)


PAIRS = [[0, 1], [1, 2]]


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"pairs": [[0, 1, 2]]}, r"pairs has shape \(1, 3\), expected \(couplings, 2\) of integers >= 0"),
        ({"pairs": [[0.5, 1]]}, "pairs has dtype float64, expected integers"),
        ({"pairs": [[0, 1], [1, 3]]}, "pairs holds 3 spins, expected all from 0 to 3"),
        ({"num_inputs": 0}, "num_inputs is 0, expected an integer from 1 to 3"),
        ({"num_outputs": 4}, "num_outputs is 4, expected an integer from 1 to 3"),
        ({"machine": 3}, "3"),
        ({"machine": Neurons()}, r"the machine has levels \(0, 1\), expected \(-1, 1\)"),
        ({"nudge": 0}, "nudge is 0, expected another number"),
        ({"symmetric": "no"}, "symmetric is 'no', expected True or False"),
    ],
)
def test_what_cannot_be_is_refused(given, text):
    usual = {"pairs": PAIRS, "num_inputs": 1, "num_outputs": 1}
    with pytest.raises((ValueError, TypeError), match=text):
        IsingLayer(**(usual | given))


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (torch.zeros(2), r"the input has shape \(2,\), expected \(batch, 1\)"),
        (torch.zeros(2, 3), r"the input has shape \(2, 3\), expected \(batch, 1\)"),
        (torch.zeros(2, 1, dtype=torch.int64), r"the input holds torch\.int64, expected floating-point"),
        (torch.zeros(2, 1, device="meta"), "the input is on the device meta, expected cpu"),
    ],
)
def test_an_input_that_cannot_be_is_refused(x, text):
    with pytest.raises(ValueError, match=text):
        IsingLayer(PAIRS, num_inputs=1, num_outputs=1)(x)


def test_a_layer_says_what_it_is():
    with pytest.raises(ValueError, match="1 sizes are given, expected those of two layers or more"):
        IsingLayer.dense(3)
    assert repr(IsingLayer.dense(2, 3)) == (
        "IsingLayer(5 spins, 6 couplings, num_inputs=2, num_outputs=3, machine=AnnealingMachine, nudge=1,"
        " symmetric=False)"
    )
