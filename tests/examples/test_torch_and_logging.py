"""The examples around PyTorch, TensorBoard and MLflow, each where its package is installed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def run(name: str, folder: Path) -> str:
    """What an example prints, with one thread of torch's."""
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path)),
    }
    done = subprocess.run(
        [sys.executable, EXAMPLES / f"{name}.py"], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def per_cent(said: str) -> list[float]:
    return [float(share) for share in re.findall(r"([\d.]+)%", said)]


@pytest.mark.slow
def test_the_boltzmann_machine_fills_in_more_than_the_mean_picture(tmp_path):
    """9,504 pixels: a standard error of 0.4 %."""
    pytest.importorskip("torch")
    pytest.importorskip("dwave.plugins.torch")
    right, guessed = per_cent(run("boltzmann_machine_torch", tmp_path))
    assert right > guessed + 1.5


@pytest.mark.slow
def test_the_layer_learns_digits(tmp_path):
    pytest.importorskip("torch")
    [right] = per_cent(run("ising_layer_torch", tmp_path))
    assert right >= 93


@pytest.mark.slow
def test_tensorboard_has_every_epoch(tmp_path):
    pytest.importorskip("torch")
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    [right] = per_cent(run("tensorboard_logging", tmp_path))
    events = accumulator.EventAccumulator(str(tmp_path / "runs" / "digits")).Reload()
    accuracy = events.Scalars("test_accuracy")
    assert [event.step for event in accuracy] == [1, 2, 3]
    assert round(100 * accuracy[-1].value, 1) == right
    assert "W0" in events.Tags()["histograms"]


@pytest.mark.slow
def test_mlflow_has_every_epoch(tmp_path):
    pytest.importorskip("mlflow")
    pytest.importorskip("sqlalchemy", reason="mlflow keeps runs in SQLite by SQLAlchemy")
    from mlflow import MlflowClient

    [right] = per_cent(run("mlflow_logging", tmp_path))
    client = MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    [logged] = client.search_runs([client.get_experiment_by_name("digits").experiment_id])
    accuracy = client.get_metric_history(logged.info.run_id, "test_accuracy")
    assert [metric.step for metric in accuracy] == [1, 2, 3]
    assert round(100 * accuracy[-1].value, 1) == right
    assert logged.data.params["dataset"] == "digits"
