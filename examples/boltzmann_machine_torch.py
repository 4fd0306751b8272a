"""Train a Boltzmann machine of dwave-pytorch-plugin on handwritten digits, with chains on the Rust core.

    pip install 'ising-ep[torch]'
    python examples/boltzmann_machine_torch.py

64 pixels are coupled with 64 hidden spins; any other graph does. Each update compares the machine with
data: the hidden spins given pictures, and chains of all spins that go on from update to update (persistent
contrastive divergence). What it has learned it shows by filling in the lower halves of pictures that it has
not seen.
"""

import torch
from dwave.plugins.torch.models import GraphRestrictedBoltzmannMachine
from sklearn.datasets import load_digits

from ising_ep.pytorch import BoltzmannSampler

BATCH, EPOCHS, PIXELS, HIDDEN = 100, 60, 64, 64
torch.manual_seed(0)
pictures = torch.where(torch.tensor(load_digits().data) > 7, 1.0, -1.0)
pictures = pictures[torch.randperm(len(pictures))]
data, test = pictures[:1500], pictures[1500:]

edges = [(i, PIXELS + j) for i in range(PIXELS) for j in range(HIDDEN)]
grbm = GraphRestrictedBoltzmannMachine(range(PIXELS + HIDDEN), edges, range(PIXELS, PIXELS + HIDDEN))
with torch.no_grad():
    grbm.quadratic.mul_(0.02)  # small, within ±0.1
    grbm.linear[:PIXELS] = -torch.atanh(0.95 * data.mean(0))


def held(shown: torch.Tensor) -> torch.Tensor:
    """Spins that are held at pixels; nan, as all hidden ones, are to be sampled."""
    return torch.nn.functional.pad(shown, (0, HIDDEN), value=torch.nan)


model = BoltzmannSampler(grbm, BATCH, [1.0] * 5, seed=1, num_threads=1)
hidden = BoltzmannSampler(grbm, BATCH, [1.0], seed=2, num_threads=1)
optimizer = torch.optim.Adam(grbm.parameters(), 0.002)
for _ in range(EPOCHS):
    for batch in data[torch.randperm(len(data))].split(BATCH):
        observed = hidden.sample(held(batch))
        optimizer.zero_grad()
        # Its gradient is that of the negative log-likelihood.
        (grbm(observed).mean() - grbm(model.sample()).mean()).backward()
        optimizer.step()

lower = slice(PIXELS // 2, PIXELS)
shown = test.clone()
shown[:, lower] = torch.nan
filler = BoltzmannSampler(grbm, len(test), [1.0] * 20, seed=3, num_threads=1)
filled = torch.stack([filler.sample(held(shown)) for _ in range(50)]).mean(0)
right = (filled[:, lower].sign() == test[:, lower]).float().mean()
guessed = (data.mean(0)[lower].sign() == test[:, lower]).float().mean()
print(f"{right:.1%} of the pixels that were hidden right, {guessed:.1%} by the mean picture")
