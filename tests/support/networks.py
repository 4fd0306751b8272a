"""Small networks of every interaction, and their energies written out term by term."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ising_ep.network import (
    AveragePool,
    Bias,
    Clamp,
    Convolution,
    Convolutional,
    DeepConvolutional,
    Dense,
    FullyConnected,
    Input,
    Interaction,
    Lateral,
    Network,
    Parameters,
    Skip,
    stack,
)


def dense() -> Network:
    hidden, output = stack(hidden=(4,), output=(3,))
    joined = [Bias("b1", output), Dense("W1", hidden, output), Dense("W0", Input((5,)), hidden)]
    return Network((hidden, output), [*joined, Bias("b0", hidden)], 3)


def convolution() -> Network:
    """Of an image in colours, then of the filters' spins, with a stride that differs by side."""
    first, second, output = stack(first=(2, 2, 2), second=(1, 2, 1), output=(2,))
    joined = [
        Convolution("W0", Input((4, 4, 3)), first, kernel=(2, 3), stride=(2, 1)),
        Bias("b0", first, shared=True),
        Convolution("W1", first, second, kernel=(2, 1)),
        Bias("b1", second, shared=True),
        Dense("W2", second, output),
    ]
    return Network((first, second, output), joined, 2)


def pool() -> Network:
    """Of spins, where windows overlap, and of the image."""
    image = Input((4, 4, 1))
    first, pools, output = stack(first=(2, 3, 1), pools=(1, 2, 1), output=(2, 2, 1))
    joined = [
        Dense("W0", image, first),
        AveragePool(first, pools, (2, 2), (1, 1)),
        Dense("W1", pools, output),
        AveragePool(image, output, (2, 2)),
    ]
    return Network((first, pools, output), joined, 2)


def skip() -> Network:
    """Past a layer, beside dense weights, and of the image."""
    image = Input((3,))
    first, second, output = stack(first=(3,), second=(3,), output=(3,))
    joined = [
        Dense("W0", image, first),
        Dense("W1", first, second),
        Dense("W2", second, output),
        Skip(first, output, 0.7),
        Skip(second, output),
        Skip(image, second, 0.4),
        Bias("b2", output),
    ]
    return Network((first, second, output), joined, 3)


def lateral() -> Network:
    """In a hidden layer and in the output, and inputs that act on both, twice on one."""
    image = Input((4,))
    hidden, output = stack(hidden=(4,), output=(4,))
    joined = [
        Dense("W0", image, hidden),
        Dense("V0", image, hidden),
        Lateral("L0", hidden),
        Dense("W1", hidden, output),
        Lateral("L1", output),
        Dense("V1", image, output),
        Bias("b0", hidden),
    ]
    return Network((hidden, output), joined, 2)


def clamp() -> Network:
    """Spins of a colour image's pixels, and convolutions of the windows."""
    pixels, filters, output = stack(pixels=(1, 2, 4), filters=(1, 2, 1), output=(2,))
    joined = [
        Clamp(Input((1, 3, 2)), pixels, (1, 2), strength=1.5),
        Convolution("W0", pixels, filters, kernel=(1, 1)),
        Dense("W1", filters, output),
    ]
    return Network((pixels, filters, output), joined, 2)


NETWORKS: dict[str, Callable[[], Network]] = {
    "dense": dense,
    "convolution": convolution,
    "pool": pool,
    "skip": skip,
    "lateral": lateral,
    "clamp": clamp,
    "fully connected": lambda: FullyConnected(3, (4, 3, 2), 2),
    "deep convolutional": lambda: DeepConvolutional((3, 3, 2), (2,), (2, 2), 2, kernels=(2,), strides=(1,)),
    "convolutional": lambda: Convolutional((2, 2), 2, filters=2, spins_per_class=1),
}


def images_for(network: Network, count: int, rng: np.random.Generator) -> np.ndarray:
    """Images that the network takes."""
    if any(isinstance(each, Clamp) for each in network.interactions):
        return rng.choice(np.array([-1, 1], dtype=np.float32), (count, network.num_inputs))
    return rng.uniform(-1, 1, (count, network.num_inputs)).astype(np.float32)


def energy(network: Network, parameters: Parameters, x: np.ndarray, state: np.ndarray) -> float:
    """Energy of a state of an image, in double precision."""
    return sum(term(each, parameters, x.astype(float), state.astype(float)) for each in network.interactions)


def term(each: Interaction, parameters: Parameters, x: np.ndarray, state: np.ndarray) -> float:
    """The formula in the docstring of an interaction, one place after the other."""
    s = state[each.after.spins].reshape(each.after.shape)
    if each.before is not None:
        own = x if isinstance(each.before, Input) else state[each.before.spins]
        a = own.reshape(each.before.shape)
    total = 0.0
    match each:
        case Dense():
            return float(a.ravel() @ parameters[each.name].astype(float) @ s.ravel())
        case Bias():
            biases = parameters[each.name].astype(float)
            return float((s * (biases if each.shared else biases.reshape(s.shape))).sum())
        case Lateral():
            weights = iter(parameters[each.name].tolist())
            for i in range(s.size):
                for j in range(i + 1, s.size):
                    total += next(weights) * s[i] * s[j]
        case Skip():
            total = -each.strength * float((a * s).sum())
        case Convolution():
            weights = parameters[each.name].astype(float).reshape(*each.kernel, a.shape[2], s.shape[2])
            for i, j, f in np.ndindex(s.shape):
                total += (window(a, i, j, each.kernel, each.stride) * weights[..., f]).sum() * s[i, j, f]
        case AveragePool():
            for i, j, c in np.ndindex(s.shape):
                seen = window(a, i, j, each.window, each.stride or each.window)
                total -= seen[..., c].mean() * s[i, j, c]
        case Clamp():
            for i, j in np.ndindex(s.shape[:2]):
                total -= each.strength * (window(a, i, j, each.window, each.stride).ravel() @ s[i, j])
    return float(total)


def window(a: np.ndarray, i: int, j: int, size: tuple[int, int], stride: tuple[int, int]) -> np.ndarray:
    return a[i * stride[0] :, j * stride[1] :][: size[0], : size[1]]
