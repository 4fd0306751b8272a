"""Data sets as the commands that train or test on them take them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from .datasets import Dataset

F = TypeVar("F", bound=Callable[..., Any])

data_dir_option = click.option(
    "--data-dir",
    type=click.Path(),
    help="Folder of the IDX files of mnist, fashion-mnist or kmnist, gz or not; else OpenML.",
)


def data_options(command: F) -> F:
    """The options that say which images."""
    for option in (
        click.option("--test-per-class", type=int, help="Use the first N test images of each class."),
        click.option("--train-per-class", type=int, help="Use the first N training images of each class."),
        data_dir_option,
        click.option(
            "--dataset",
            help="digits, mnist, fashion-mnist, kmnist, patterns, or FILE.npz.  [default: digits]",
        ),
    ):
        command = option(command)
    return command


def load(
    name: str, data_dir: str | None, train_per_class: int | None = None, test_per_class: int | None = None
) -> Dataset:
    """The data set of this name; says so before it takes long."""
    from . import datasets

    if name in datasets.PUBLISHED and data_dir is None:
        known = datasets.PUBLISHED[name]
        click.echo(
            f"{known.title} from OpenML ({known.openml}, version 1), or scikit-learn's copy once fetched:"
            " takes a minute; IDX files in --data-dir take seconds",
            err=True,
        )
    return datasets.load(
        name, data_dir=data_dir, train_per_class=train_per_class, test_per_class=test_per_class
    )
