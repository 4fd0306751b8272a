"""Log a run to TensorBoard: `pip install tensorboard torch`, run this, then `tensorboard --logdir runs`."""

from torch.utils.tensorboard import SummaryWriter

from ising_ep import datasets, training
from ising_ep.config import TrainConfig


class TensorBoard(training.Callback):
    """Writes the numbers of each epoch, and histograms of the parameters."""

    def __init__(self, folder: str) -> None:
        self.writer = SummaryWriter(folder)

    def on_epoch(self, state: training.TrainState) -> None:
        """Is called after each epoch and its test."""
        for name, value in state.history[-1].items():
            self.writer.add_scalar(name, value, state.epoch)
        for name, array in state.parameters.items():
            self.writer.add_histogram(name, array, state.epoch)
        self.writer.flush()


config = TrainConfig.checked({"dataset": "digits", "epochs": 3})
state = training.train(config, datasets.load_digits(), callbacks=[TensorBoard("runs/digits")])
print(f"{state.history[-1]['test_accuracy']:.1%} of test images right; see them: tensorboard --logdir runs")
