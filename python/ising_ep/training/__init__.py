"""Training: epochs, batches, tests, run folders, trained models, workers."""

from .build import augmentation, learning_rule, network_of
from .callbacks import Callback, Saving
from .evaluation import (
    EVALUATION_BATCH,
    EVALUATION_SEED,
    Evaluation,
    classes,
    evaluation_batch,
    free_outputs,
    probabilities,
)
from .loop import end_epoch, train_epoch
from .parts import Parts
from .record import DataRecord
from .run_folder import RunFolder
from .state import TrainState
from .trained import Trained, evaluate, load
from .trainer import resume, train

__all__ = [
    "EVALUATION_BATCH",
    "EVALUATION_SEED",
    "Callback",
    "DataRecord",
    "Evaluation",
    "Parts",
    "RunFolder",
    "Saving",
    "TrainState",
    "Trained",
    "augmentation",
    "classes",
    "end_epoch",
    "evaluate",
    "evaluation_batch",
    "free_outputs",
    "learning_rule",
    "load",
    "network_of",
    "probabilities",
    "resume",
    "train",
    "train_epoch",
]
