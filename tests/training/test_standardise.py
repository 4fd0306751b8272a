"""Images that are learned from as if they were standardised."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ising_ep import datasets, training
from ising_ep.config import TrainConfig
from ising_ep.learning import SGD, Centred
from ising_ep.training.build import initial_parameters

DIGITS = datasets.load_digits(train_per_class=6, test_per_class=2)


def learned(scale, shift=0.0):
    """Training from pixels times a power of two, in which floats are exact."""
    data = replace(
        DIGITS,
        x_train=scale * DIGITS.x_train + np.float32(shift),
        x_test=scale * DIGITS.x_test + np.float32(shift),
    )
    # Means have no chance, which would make much of the last bits.
    settings = {"machine": "mean-field", "symmetric": True, "optimizer": "adam", "layers": (12, 10)}
    config = TrainConfig.checked(
        {"dataset": "digits", "epochs": 3, "batch_size": 10, "standardise": True} | settings
    )
    return training.train(config, data)


def test_brightness_and_contrast_do_not_matter():
    plain = learned(1.0)
    for state in (learned(0.25), learned(0.25, 0.5)):
        np.testing.assert_allclose(
            0.25 * state.parameters["W0"], plain.parameters["W0"], rtol=1e-2, atol=1e-3
        )
        for row, wanted in zip(state.history, plain.history, strict=True):
            assert row["train_accuracy"] == pytest.approx(wanted["train_accuracy"], abs=0.1)


def test_images_that_are_all_the_same_have_no_scale():
    with pytest.raises(ValueError, match="all images are the same"):
        Centred.of(SGD(), np.ones((4, 3), dtype=np.float32), standardise=True)


def test_first_fields_are_those_of_standardised_images():
    """Their mean over the images is 0, and their size is that of weights of unit images."""
    rule = training.learning_rule(
        TrainConfig.checked({"dataset": "digits", "layers": (200, 10), "standardise": True}), DIGITS
    )
    parameters = initial_parameters(rule, np.random.default_rng(0))
    fields = rule.network.fields(parameters, DIGITS.x_train)[:, :200]
    np.testing.assert_allclose(fields.mean(axis=0), 0, atol=1e-5)
    drawn = rule.network.initial_parameters(np.random.default_rng(0))
    x = (DIGITS.x_train - DIGITS.x_train.mean(axis=0)) / rule.optimizer.scale
    assert x.var(axis=0).mean() == pytest.approx(1, rel=1e-4)
    np.testing.assert_allclose(fields, x @ drawn["W0"], atol=1e-4)
