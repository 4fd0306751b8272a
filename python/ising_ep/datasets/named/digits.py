"""scikit-learn's 8x8 digits."""

from ...checks import WORD, integer
from ...extras import PLAIN, needing
from ..dataset import Dataset
from ..loader import Loader, PerClass, StrPath
from ..raw import make_dataset


def load_digits(
    *, train_per_class: int | None = None, test_per_class: int | None = None, seed: int = 0
) -> Dataset:
    """Load scikit-learn's 8x8 digits, split by `seed` into 1,617 training and 180 test images, stratified.

    `train_per_class` and `test_per_class` keep the first images of each class; ValueError where it has fewer.

    >>> load_digits().x_train.shape
    (1617, 64)
    """
    # scikit-learn takes a second to import: only who asks for these data pays for it.
    with needing(PLAIN, "the data set digits"):
        from sklearn.datasets import load_digits as sklearn_digits
        from sklearn.model_selection import train_test_split

    bunch = sklearn_digits()
    x_train, x_test, y_train, y_test = train_test_split(
        bunch.images / 16,
        bunch.target,
        test_size=180,
        stratify=bunch.target,
        random_state=integer("seed", seed, 0, WORD),
    )
    raw = {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}
    return make_dataset("digits", "digits", raw, (train_per_class, test_per_class))


def _load(data_dir: StrPath | None, per_class: PerClass) -> Dataset:
    return load_digits(train_per_class=per_class[0], test_per_class=per_class[1])


LOADERS = (
    Loader(
        name="digits",
        title="digits",
        load=_load,
        # Small images, few of them lit: the paper's steps overshoot, and one read a phase is a noisy teacher.
        settings={"epochs": 15, "learning_rate": 0.002, "statistic": "average"},
    ),
)
