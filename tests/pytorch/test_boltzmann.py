"""`BoltzmannSampler` on the Boltzmann machines of dwave-pytorch-plugin itself.

Frequencies are tested against all states of small machines: a test of this file fails by chance once in a
thousand other seeds, all of them together.
"""

from __future__ import annotations

import numpy as np
import pytest

from support.boltzmann import FALSE_ALARM, KINDS, Problem, fit

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install 'ising-ep[torch]'")
models = pytest.importorskip("dwave.plugins.torch.models", reason="needs dwave-pytorch-plugin")
samplers = pytest.importorskip("dwave.plugins.torch.samplers", reason="needs dwave-pytorch-plugin")

from ising_ep.pytorch import BoltzmannSampler  # noqa: E402

# Threads of torch's own, on cores that are busy, wait for each other.
torch.set_num_threads(1)
# Fewer p-values are computed here.
LEVEL = FALSE_ALARM / 40
NAN = float("nan")
CHAINS = 20_000


def machine(problem: Problem, dtype: torch.dtype = torch.float32) -> models.GraphRestrictedBoltzmannMachine:
    """Nodes are letters: indices are the machine's own."""
    nodes = [chr(97 + k) for k in range(problem.spins)]
    edges = [(nodes[i], nodes[j]) for i, j in zip(problem.rows, problem.cols, strict=True)]
    made = models.GraphRestrictedBoltzmannMachine(nodes, edges).to(dtype)
    made.linear.data[:] = torch.tensor(problem.fields)
    made.quadratic.data[:] = torch.tensor(problem.values)
    return made


def spins(samples: torch.Tensor) -> np.ndarray:
    return samples.to(torch.int8).numpy()


@pytest.mark.slow
@pytest.mark.parametrize("criteria", ["Gibbs", "Metropolis"])
@pytest.mark.parametrize("kind", ["sparse 10", "K(4,3)", "±1 complete 8", "isolated spins"])
def test_frequencies_are_boltzmanns(kind, criteria):
    problem = KINDS[kind](1)
    sampler = BoltzmannSampler(machine(problem), CHAINS, [1.0] * 60, criteria, seed=3)
    assert fit(spins(sampler.sample()), problem.probabilities(1.0)) > LEVEL


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_parameters_of_any_precision_are_taken_as_they_are(dtype):
    problem = KINDS["sparse 10"](2)
    grbm = machine(problem, dtype)
    kept = problem._replace(values=grbm.quadratic.double().detach().numpy())
    kept = kept._replace(fields=grbm.linear.double().detach().numpy())
    samples = BoltzmannSampler(grbm, CHAINS, [0.5] * 50, seed=1).sample()
    assert samples.dtype == dtype
    assert fit(spins(samples), kept.probabilities(0.5)) > LEVEL


@pytest.mark.slow
def test_chains_persist_and_follow_the_parameters():
    """A sweep a call: after 40 calls the chains are at the new parameters, and after one they are not."""
    first, second = (KINDS["sparse 10"](seed) for seed in (1, 5))
    grbm = machine(first)
    sampler = BoltzmannSampler(grbm, CHAINS, [1.0], seed=1)
    for _ in range(40):
        samples = sampler.sample()
    assert fit(spins(samples), first.probabilities(1.0)) > LEVEL
    with torch.no_grad():
        grbm.linear[:] = torch.tensor(second.fields)
        grbm.quadratic[:] = torch.tensor(second.values)
    assert fit(spins(sampler.sample()), second.probabilities(1.0)) < LEVEL
    for _ in range(40):
        samples = sampler.sample()
    assert fit(spins(samples), second.probabilities(1.0)) > LEVEL


@pytest.mark.slow
def test_what_is_held_stays_and_the_rest_is_sampled_given_it():
    """Three patterns in one call, one of which holds nothing."""
    problem = KINDS["sparse 10"](4)
    held = [{0: 1, 3: -1, 4: -1}, {}, {1: -1, 2: -1, 9: 1, 7: 1}]
    x = torch.full((3 * CHAINS, problem.spins), NAN)
    for k, given in enumerate(held):
        for spin, value in given.items():
            x[k::3, spin] = value
    sampler = BoltzmannSampler(machine(problem), 3 * CHAINS, [1.0] * 30, seed=1)
    for _ in range(2):  # the second call knows the patterns
        samples = sampler.sample(x)
    states = problem.states()
    for k, given in enumerate(held):
        fits = np.all([states[:, spin] == value for spin, value in given.items()], axis=0)
        probabilities = problem.probabilities(1.0) * fits
        found = spins(samples[k::3])
        assert all((found[:, spin] == value).all() for spin, value in given.items())
        assert fit(found, probabilities / probabilities.sum()) > LEVEL


def test_a_row_that_is_held_whole_comes_back():
    problem = KINDS["K(4,3)"](0)
    x = torch.tensor([[1.0] * 7, [-1.0] * 6 + [NAN]])
    samples = BoltzmannSampler(machine(problem), 2, [1.0], seed=0).sample(x)
    assert samples[0].tolist() == [1.0] * 7
    assert samples[1, :6].tolist() == [-1.0] * 6


@pytest.mark.slow
def test_means_agree_with_those_of_the_block_sampler():
    """A machine of 48 nodes, too many to enumerate: each difference of means against its standard error.

    5 is exceeded by one of the 48 + 192 in 7,000 seeds.
    """
    graphs = pytest.importorskip("dwave.graphs")
    graph = graphs.zephyr_graph(1)
    coordinates = graphs.zephyr_coordinates(1).linear_to_zephyr
    torch.manual_seed(0)
    grbm = models.GraphRestrictedBoltzmannMachine(graph.nodes, graph.edges)
    with torch.no_grad():
        grbm.quadratic.mul_(0.05)
    colour = {node: graphs.zephyr_four_color(coordinates(node)) for node in graph}
    theirs = samplers.BlockSampler(grbm, colour.get, 1000, [1.0] * 20, seed=1)
    ours = BoltzmannSampler(grbm, 1000, [1.0] * 20, seed=2)
    one, other = (grbm.sufficient_statistics(sampler.sample()).double() for sampler in (ours, theirs))
    error = ((one.var(0) + other.var(0)) / 1000).sqrt()
    assert ((one.mean(0) - other.mean(0)) / error).abs().max() < 5


def test_the_same_seed_gives_the_same_samples_on_any_number_of_threads():
    problem = KINDS["sparse 12"](0)
    x = torch.full((300, 12), NAN)
    x[:, 3] = 1
    x[:150, 5] = -1

    def run(**given):
        sampler = BoltzmannSampler(machine(problem), 300, [0.3, 0.7], **given)
        return torch.stack([sampler.sample(), sampler.sample(x), sampler.sample()])

    first = run(seed=5, num_threads=1)
    assert torch.equal(first, run(seed=5, num_threads=2))
    assert not torch.equal(first, run(seed=6))
    assert not torch.equal(first[0], first[2])


def test_chains_begin_where_they_are_told():
    problem = KINDS["sparse 12"](0)
    states = torch.where(torch.rand(50, 12, generator=torch.Generator().manual_seed(1)) < 0.5, 1.0, -1.0)
    sampler = BoltzmannSampler(machine(problem), 50, [0.0], "Metropolis", initial_states=states)
    # At infinite temperature Metropolis flips every spin, in every sweep.
    assert torch.equal(sampler.sample(), -states)
    assert torch.equal(sampler.sample(), states)
    samples = sampler.sample()
    samples[:] = 0  # the caller's own
    assert torch.equal(sampler.sample(), states)


@pytest.mark.slow
def test_it_trains_a_boltzmann_machine():
    """Maximum likelihood of a pair that is always equal drives the coupling down, and moves no mean."""
    torch.manual_seed(0)
    grbm = models.GraphRestrictedBoltzmannMachine("ab", ["ab"], quadratic={("a", "b"): 0.5})
    data = torch.tensor([[1.0, 1.0], [-1.0, -1.0]])
    sampler = BoltzmannSampler(grbm, 500, [1.0] * 3, seed=1)
    optimizer = torch.optim.SGD(grbm.parameters(), 0.5)
    for _ in range(30):
        optimizer.zero_grad()
        grbm.quasi_objective(data, sampler.sample()).backward()
        optimizer.step()
    assert grbm.quadratic.item() < -1
    assert abs(grbm.linear[0].item()) < 0.3


def test_it_is_a_torch_sampler_on_the_cpu():
    sampler = BoltzmannSampler(machine(KINDS["K(4,3)"](0)), 2, [1.0])
    assert isinstance(sampler, samplers.TorchSampler)
    assert list(sampler.parameters()) == list(sampler.modules()) == []
    assert sampler.to("cpu") is sampler
    with pytest.raises(ValueError, match="the device is meta, expected cpu"):
        sampler.to("meta")
    with pytest.raises(ValueError, match=r"the dtype is torch\.float64, but samples have that of the Bol"):
        sampler.to(torch.float64)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"grbm": torch.nn.Linear(2, 2)}, "grbm is Linear.*expected an object of class GraphRestricted"),
        ({"num_chains": 0}, "num_chains is 0, expected an integer from 1"),
        ({"schedule": []}, "schedule is empty, expected at least one sweep"),
        ({"schedule": [1.0, -0.5]}, "schedule holds -0.5, expected inverse temperatures >= 0"),
        ({"proposal_acceptance_criteria": "Glauber"}, "proposal_acceptance_criteria is 'Glauber'"),
        ({"seed": -1}, "seed is -1, expected an integer from 0"),
        ({"num_threads": 0}, "num_threads is 0, expected an integer from 1"),
        ({"initial_states": torch.ones(3, 2)}, r"initial_states has shape \(3, 2\), expected \(3, 7\)"),
        ({"initial_states": torch.zeros(3, 7)}, "initial_states holds other values than -1 and"),
        ({"initial_states": torch.full((3, 7), NAN)}, "initial_states holds other values than -1 and"),
    ],
)
def test_what_cannot_be_is_refused(given, text):
    usual = {"grbm": machine(KINDS["K(4,3)"](0)), "num_chains": 3, "schedule": [1.0]}
    with pytest.raises((ValueError, TypeError), match=text):
        BoltzmannSampler(**(usual | given))


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (torch.ones(2, 7), r"x has shape \(2, 7\), expected \(3, 7\): a row for each chain"),
        (torch.full((3, 7), 0.5), r"x holds other values than -1, \+1 and nan"),
        (torch.full((3, 7), torch.inf), r"x holds other values than -1, \+1 and nan"),
        (torch.ones(3, 7, dtype=torch.int8), r"x holds torch\.int8, expected floating-point numbers"),
        (torch.ones(3, 7, device="meta"), "x is on the device meta, expected cpu"),
    ],
)
def test_a_call_that_cannot_be_is_refused_and_leaves_the_chains(x, text):
    grbm = machine(KINDS["K(4,3)"](0))
    states = torch.ones(3, 7)
    sampler = BoltzmannSampler(grbm, 3, [0.0], "Metropolis", initial_states=states, seed=1)
    with pytest.raises(ValueError, match=text):
        sampler.sample(x)
    assert torch.equal(sampler.sample(), -states)


def test_parameters_that_are_elsewhere_or_not_finite_are_refused():
    grbm = machine(KINDS["K(4,3)"](0))
    sampler = BoltzmannSampler(grbm, 3, [1.0])
    grbm.linear.data[2] = NAN
    with pytest.raises(ValueError, match="field of spin 2 in problem 0 is NaN"):
        sampler.sample()
    grbm.to("meta")
    with pytest.raises(ValueError, match="linear of the Boltzmann machine is on the device meta, expected c"):
        sampler.sample()
