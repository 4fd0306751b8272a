"""Learn handwritten digits with an Ising machine between PyTorch's own modules.

    pip install 'ising-ep[torch]'
    python examples/ising_layer_torch.py

The loss is cross-entropy, the optimizer is Adam, and the gradient of the machine's layer is that of
equilibrium propagation. The machine ends at an inverse temperature of 1, where means move smoothly with the
weights.
"""

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from ising_ep.machines import AnnealingMachine
from ising_ep.pytorch import IsingLayer

torch.manual_seed(0)
x, y = (torch.tensor(array) for array in load_digits(return_X_y=True))
x = (x.float() - x.float().mean(0)) / 16
x, x_test, y, y_test = train_test_split(x, y, test_size=297, stratify=y, random_state=0)


class Scores(torch.nn.Module):
    """Four output spins stand for each class."""

    def forward(self, spins: torch.Tensor) -> torch.Tensor:
        """Scores (batch, 10)."""
        return 4 * spins.reshape(len(spins), 10, 4).mean(2)


machine = AnnealingMachine(num_reads=20, num_sweeps=20, beta_range=(0.2, 1.0))
layer = IsingLayer.dense(60, 40, machine=machine, symmetric=True)
model = torch.nn.Sequential(torch.nn.Linear(64, 60), layer, Scores())
optimizer = torch.optim.Adam(model.parameters(), 0.003)
for _ in range(10):
    for batch in torch.randperm(len(x)).split(50):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x[batch]), y[batch]).backward()
        optimizer.step()
with torch.no_grad():
    right = (model(x_test).argmax(1) == y_test).float().mean()
print(f"{right:.1%} of {len(y_test)} test images right, {machine.usage.problems} problems annealed")
