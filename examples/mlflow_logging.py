"""Log a run to MLflow: `pip install mlflow`, run this, then `mlflow ui --backend-store-uri sqlite:///mlflow.db`."""

import mlflow

from ising_ep import datasets, training
from ising_ep.config import TrainConfig


class MLflow(training.Callback):
    """Logs the numbers of each epoch."""

    def on_epoch(self, state: training.TrainState) -> None:
        """Is called after each epoch and its test."""
        row = state.history[-1]
        mlflow.log_metrics(
            {name: value for name, value in row.items() if value is not None}, step=state.epoch
        )


config = TrainConfig.checked({"dataset": "digits", "epochs": 3})
mlflow.set_tracking_uri("sqlite:///mlflow.db")
mlflow.set_experiment("digits")
with mlflow.start_run():
    mlflow.log_params(config.model_dump(mode="json"))
    state = training.train(config, datasets.load_digits(), callbacks=[MLflow()])
print(f"{state.history[-1]['test_accuracy']:.1%} of test images right")
