"""Data sets as the commands that train or test on them take them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..datasets import Dataset


def load_dataset(
    name: str, data_dir: str | None, train_per_class: int | None = None, test_per_class: int | None = None
) -> Dataset:
    """The data set of this name; says so before it takes long."""
    from .. import datasets

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
