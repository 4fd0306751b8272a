"""Training: epochs, batches, tests, run folders, workers."""

from .build import augmentation, learning_rule, network_of
from .loop import (
    EVALUATION_BATCH,
    EVALUATION_SEED,
    Evaluation,
    classes,
    end_epoch,
    evaluate,
    evaluation_batch,
    free_outputs,
    train,
    train_epoch,
)

__all__ = [
    "EVALUATION_BATCH",
    "EVALUATION_SEED",
    "Evaluation",
    "augmentation",
    "classes",
    "end_epoch",
    "evaluate",
    "evaluation_batch",
    "free_outputs",
    "learning_rule",
    "network_of",
    "train",
    "train_epoch",
]
