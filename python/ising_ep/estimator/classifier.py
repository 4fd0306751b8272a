"""`EPClassifier`: an Ising machine as a scikit-learn classifier."""

from __future__ import annotations

import warnings
from copy import deepcopy
from inspect import signature
from numbers import Integral, Real
from os import PathLike
from pathlib import Path
from typing import Any, Self

import numpy as np
from joblib import effective_n_jobs, parallel_config
from joblib.parallel import get_active_backend
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin, _fit_context
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets, unique_labels
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from ..checks import LARGE, check_step, root_mean_square, short
from ..config import DECAYS, OPTIMIZERS, Decay, Optimizer
from ..datasets.images import as_pixels
from ..learning import EquilibriumPropagation, Memory
from ..learning.optimizers import BY_NAME
from ..machines import AnnealingMachine, Machine, check_machine
from ..network import STATISTICS, FullyConnected, Kind, Network, Parameters, Statistic
from ..training.decay import decayed
from ..training.evaluation import classes, free_outputs, shares
from ..training.loop import end_epoch, train_epoch
from ..training.state import TrainState
from . import fitted
from .calibration import fit_temperature, folds

_Floats = NDArray[np.float32]
# Images, their classes and weights.
_Images = tuple[_Floats, NDArray[np.int64], _Floats | None]
_AT_LEAST_ONE = Interval(Integral, 1, 2**31, closed="left")
_POSITIVE = Interval(Real, 0, None, closed="neither")


class EPClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Classifies with an Ising machine that learns by equilibrium propagation.

    A network of layers of spins s_l in {-1, +1} has the energy

        E(s; x) = (b_0 + x W_0) . s_1 + sum_l (s_l W_l s_{l+1} + b_l . s_{l+1});

    the features x act as fields on the first layer, each class owns ``spins_per_class`` spins of the last,
    and a machine looks for low E. From each batch of B images the parameters learn by the contrast of that
    *free* phase with a *nudged* one, in which fields -nudge t pull the outputs towards their targets t:

        dW_l = -learning_rate / (nudge B) sum_images w (<s_l s_{l+1}^T> nudged - <s_l s_{l+1}^T> free)

    and alike for W_0 (x in place of s_l) and the biases; <> is the mean over reads, w the sample weight. With
    ``symmetric`` two nudges are compared, over 2 nudge. See `ising_ep.learning`.

    **Scale of the features.** Nothing is scaled silently. Fields are clipped to ±4, the range of a chip, and
    parameters to ±1, so features should be of order 1: put a ``StandardScaler`` before the classifier, which
    mostly learns better than a ``MinMaxScaler``. Features of a root mean square above 5 are warned of. A
    classifier that `load` made of a run folder takes images as the run did: uint8 is divided by 255, and
    floats of 0..255 are refused.

    **Reproducible.** With an integer ``random_state`` a fit has the same bits on any number of threads. A
    prediction depends on the row alone: every row is annealed with the same random numbers, so that neither
    its place in X nor its neighbours matter. (With a ``machine`` of your own both are up to it.)

    Args:
        hidden_layer_sizes: Spins of each hidden layer; an integer for one layer, ``()`` for none.
        spins_per_class: Output spins of each class.
        max_iter: Epochs of ``fit``: all of them are run unless ``early_stopping`` ends it.
        batch_size: Images of an update.
        learning_rate: Step of the weights.
        bias_learning_rate: Step of the biases.
        coupling_learning_rate: Step of the weights between spins; None for that of all weights. Where it is
            large, or many spins add up in another, layers hold each other and no longer see the features.
        optimizer: ``"adam"`` steps as `learning.Adam`; ``"sgd"`` as above, at rates of about 0.05.
        decay: Rates over the epochs of a ``fit``: ``"cosine"`` lets them fall along a cosine to 0,
            ``"constant"`` leaves them. ``partial_fit``, which does not know the last epoch, leaves them.
        weight_decay: In each update weights lose this, times their learning rate, of themselves.
        nudge: Strength beta of the nudge, not 0. Keep learning_rate / nudge when you change it, but with
            Adam, whose steps do not depend on it.
        symmetric: Whether nudges of the error, +nudge and -nudge, are compared (`ising_ep.learning`), in
            place of the nudge and the free phase.
        num_reads: Anneals of each image and phase.
        test_reads: Anneals of a row in prediction; None for ``num_reads``.
        num_sweeps: Sweeps of an anneal.
        beta_range: Inverse temperature of the first and of the last sweep.
        statistic: ``"conditional"`` takes the mean over all reads of the means of spins given their
            neighbours (`learning.EquilibriumPropagation`), ``"average"`` that of the spins, ``"lowest"`` the
            read of lowest energy, as the paper does; in training and in prediction.
        initial_bias: Biases of the first layer begin between minus this and this. With 0 the network begins
            odd in the features, so that classes around one centre look alike but for noise.
        calibration_folds: Folds of the training images that the temperature of `predict_proba` is found by:
            as many networks learn from the others, which takes as long as so many fits less one. 0 or 1 for
            none; None for 2, or for none with a ``machine`` of your own, whose anneals may cost something.
            With early stopping the images that are held back serve, and None or 0 is to be said.
        machine: What anneals, a `ising_ep.machines.Machine`; by default simulated annealing on the Rust core.
            ``num_reads``, ``test_reads``, ``num_sweeps``, ``beta_range`` and ``n_jobs`` are then the
            machine's own, and refused if they are set to anything else.
        early_stopping: Whether ``fit`` holds ``validation_fraction`` of the images back, stops when their
            accuracy has not risen by ``tol`` for ``n_iter_no_change`` epochs, and keeps the parameters that
            did best on them. ``partial_fit`` refuses it, and ``fit`` refuses the three without it.
        validation_fraction: Share of each class that is held back.
        n_iter_no_change: Epochs without progress before it stops.
        tol: Least rise of the accuracy that is progress.
        warm_start: Whether ``fit`` goes on from the last one for ``max_iter`` more epochs; at constant rates
            to the bits of one fit of all of them.
        random_state: Seed; an integer is the ``--seed`` of ``ising-ep train``.
        n_jobs: Threads: None for 1 (or what ``joblib.parallel_config`` says, if not of a cluster), -1 for all
            cores. Never changes the result.
        verbose: Whether to print a line an epoch.

    Attributes:
        classes_: (n_classes,) labels, sorted.
        n_features_in_: Length of a row.
        feature_names_in_: Names of the columns, if X was a data frame with names.
        n_iter_: Epochs learned in all.
        t_: Images learned from in all.
        history_: One dict an epoch: epoch, train_accuracy (in 0..1, of the free phases while it learned),
            train_loss (their mean squared error), seconds, and with early stopping validation_accuracy.
        parameters_: float32 arrays ``W0, b0, W1, b1, ...``: the last epoch's, or the best.
        temperature_: What `decision_function` divides by, of the last ``fit``; 1 where nothing was held back.

    References:
        Laydevant, Markovic, Grollier, "Training an Ising machine with equilibrium propagation", Nat. Commun.
        15, 3671 (2024), https://doi.org/10.1038/s41467-024-46879-4.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.model_selection import cross_val_score
        >>> from sklearn.pipeline import make_pipeline
        >>> from sklearn.preprocessing import StandardScaler
        >>> model = make_pipeline(StandardScaler(), EPClassifier(hidden_layer_sizes=(40,), random_state=0))
        >>> X, y = load_iris(return_X_y=True)
        >>> bool(cross_val_score(model, X, y, cv=3).mean() > 0.85)
        True
    """

    _parameter_constraints: dict[str, list[Any]] = {  # noqa: RUF012
        "hidden_layer_sizes": ["array-like", _AT_LEAST_ONE],
        "spins_per_class": [_AT_LEAST_ONE],
        "max_iter": [_AT_LEAST_ONE],
        "batch_size": [_AT_LEAST_ONE],
        "learning_rate": [_POSITIVE],
        "bias_learning_rate": [_POSITIVE],
        "coupling_learning_rate": [_POSITIVE, None],
        "optimizer": [StrOptions(set(OPTIMIZERS))],
        "decay": [StrOptions(set(DECAYS))],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "nudge": [Interval(Real, None, 0, closed="neither"), _POSITIVE],
        "symmetric": ["boolean"],
        "num_reads": [_AT_LEAST_ONE],
        "test_reads": [_AT_LEAST_ONE, None],
        "num_sweeps": [_AT_LEAST_ONE],
        "beta_range": ["array-like"],
        "statistic": [StrOptions(set(STATISTICS))],
        "initial_bias": [Interval(Real, 0, 1, closed="both")],
        "calibration_folds": [Interval(Integral, 0, 2**31, closed="left"), None],
        "machine": [HasMethods("sample"), None],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [_AT_LEAST_ONE],
        "tol": [Interval(Real, 0, None, closed="left")],
        "warm_start": ["boolean"],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
        "verbose": ["verbose"],
    }

    # Whether it was made of a run folder, and takes images as the run did.
    _takes_images = False

    def __init__(
        self,
        hidden_layer_sizes: int | ArrayLike = (120,),
        *,
        spins_per_class: int = 4,
        max_iter: int = 30,
        batch_size: int = 10,
        learning_rate: float = 0.003,
        bias_learning_rate: float = 0.003,
        coupling_learning_rate: float | None = 0.0005,
        optimizer: Optimizer = "adam",
        decay: Decay = "cosine",
        weight_decay: float = 0.0,
        nudge: float = 0.5,
        symmetric: bool = True,
        num_reads: int = 2,
        test_reads: int | None = 20,
        num_sweeps: int = 30,
        beta_range: tuple[float, float] = (0.3, 4.0),
        statistic: Statistic = "conditional",
        initial_bias: float = 0.75,
        calibration_folds: int | None = None,
        machine: Machine | None = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        warm_start: bool = False,
        random_state: int | np.random.RandomState | None = None,
        n_jobs: int | None = None,
        verbose: bool | int = False,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.spins_per_class = spins_per_class
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.bias_learning_rate = bias_learning_rate
        self.coupling_learning_rate = coupling_learning_rate
        self.optimizer = optimizer
        self.decay = decay
        self.weight_decay = weight_decay
        self.nudge = nudge
        self.symmetric = symmetric
        self.num_reads = num_reads
        self.test_reads = test_reads
        self.num_sweeps = num_sweeps
        self.beta_range = beta_range
        self.statistic = statistic
        self.initial_bias = initial_bias
        self.calibration_folds = calibration_folds
        self.machine = machine
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.warm_start = warm_start
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Learns from images X for ``max_iter`` epochs.

        Args:
            X: (n, n_features) real numbers of order 1.
            y: (n,) labels: integers, strings, booleans; at least two different ones.
            sample_weight: (n,) >= 0: each image's contrast is multiplied by it, as if its learning rate were.
                One of weight 0 is left out, and does not count as one of its class.

        Raises:
            ValueError: If a setting, X, y or the weights are not such, or a warm start meets another network.
        """
        goes_on = self.warm_start and hasattr(self, "parameters_")
        x, labels, weights = self._checked(X, y, sample_weight, reset=not goes_on)
        if goes_on:
            self._check_network()
        else:
            self._start(np.unique(labels))
        numbers = self._numbers(labels)
        if self.early_stopping:
            learned, held = self._hold_back(x, numbers, weights)
            self._train(*learned, self.max_iter, self.decay, held)
            if self.calibration_folds is None:
                self._calibrate_by(*held)
        else:
            self._train(x, numbers, weights, self.max_iter, self.decay)
            if self._folds() > 1:
                self._calibrate_by_folds(x, numbers, weights)
        return self

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Learns from images X for one epoch, at rates that do not fall.

        n calls with the same images are ``fit`` with ``max_iter=n`` and ``decay="constant"``, but that the
        probabilities stay as an earlier ``fit`` calibrated them, or are not calibrated.

        Args:
            X: (n, n_features) real numbers of order 1.
            y: (n,) labels.
            classes: All labels that there will be; needed in the first call, and may be left out after it.
            sample_weight: (n,) >= 0, as in ``fit``.

        Raises:
            ValueError: If a setting, X, y, the classes or the weights are not such.
        """
        if self.early_stopping:
            raise ValueError("early_stopping is True, which partial_fit does not do; take fit")
        first = not hasattr(self, "parameters_")
        if first and classes is None:
            raise ValueError("classes is None, expected all classes in the first call of partial_fit")
        given = self.classes_ if classes is None else unique_labels(classes)
        if not first and not np.array_equal(given, self.classes_):
            raise ValueError(f"classes are {given}, expected those of the first call, {self.classes_}")
        x, labels, weights = self._checked(X, y, sample_weight, reset=first)
        if first:
            self._start(given)
        else:
            self._check_network()
        self._train(x, self._numbers(labels), weights, 1, "constant")
        return self

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The likeliest label ``(n,)`` of each row of X ``(n, n_features)``; of equals the first."""
        numbers = classes(*self._outputs(X))
        found: NDArray[Any] = self.classes_[numbers]
        return found

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Logarithm of the share of the output spins of each class that is up in the free phase.

        With m_c the mean of the output spins of class c, over its ``spins_per_class`` spins and the reads of
        the free phase (the one read that is kept, if ``statistic`` is ``"lowest"``), f_c = (1 + m_c) / 2 is
        the fraction of them that is up, as all are in the target of c, and the decision is

            d_c = log(f_c + 0.01) / T.

        The 0.01 keeps it finite where no spin is up. T is ``temperature_``.

        Returns:
            ``(n, n_classes)``, columns as in ``classes_``; of two classes d_1 - d_0, ``(n,)``.
        """
        decision = _decisions(*self._outputs(X)) / self.temperature_
        return decision[:, 1] - decision[:, 0] if len(self.classes_) == 2 else decision

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Probability of each class, softmax of the decision d.

            p_c = exp(d_c) / sum_k exp(d_k) = (f_c + 0.01)^(1/T) / sum_k (f_k + 0.01)^(1/T)

        T is ``temperature_``. It makes the classes of images likeliest that were not learned from: a network
        that fits its images closely is too sure of others. At T = 1 they are the shares of output spins.

        More reads may be asked for after the fit: ``set_params(test_reads=50)``.

        Returns:
            ``(n, n_classes)``, columns as in ``classes_``; rows sum to 1, and ``predict`` is the largest.
        """
        decision = self.decision_function(X)
        if decision.ndim == 1:
            decision = np.stack([np.zeros_like(decision), decision], axis=1)
        return np.asarray(softmax(decision, axis=1))

    def save(self, file: str | PathLike[str]) -> None:
        """Writes the fitted classifier in one file, without a pickle; `load` makes it again.

        A ``machine`` of its own is kept in words alone, and must be given to `load` again. Labels may be
        integers, floats, booleans or strings.

        Args:
            file: The file; one that is there is replaced, but never one that a run keeps in its folder.

        Raises:
            sklearn.exceptions.NotFittedError: If it is not fitted.
            ValueError: If its labels or its random state cannot be written so, or the file is a run's.
            OSError: If the file cannot be written.
        """
        check_is_fitted(self)
        fitted.write(self, Path(file))

    @classmethod
    def load(cls, path: str | PathLike[str], *, machine: Machine | None = None) -> Self:
        """Makes a fitted classifier of a file that `save` wrote, or of a run folder of ``ising-ep train``.

        A run's classifier anneals on the machine of the run, with the reads of its tests; its labels are the
        numbers of the classes. It takes images as `ising_ep.datasets.from_arrays` does, until a new `fit`
        starts from the beginning. No data set is read, and no pickle.

        Args:
            path: The file, or the run folder.
            machine: What anneals; None for the default of a file, for the run's own of a folder.

        Raises:
            FileNotFoundError: If there is no such file or folder.
            ValueError: If it is damaged, has a machine of its own that is not given, or is of a network that
                is not one of layers, or if the machine that is given has other spins than -1 and 1.
            TypeError: If the machine is none.

        Example:
            >>> import tempfile
            >>> from sklearn.datasets import load_iris
            >>> X, y = load_iris(return_X_y=True)
            >>> model = EPClassifier((10,), max_iter=2, random_state=0).fit(X / 5, y)
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     model.save(f"{folder}/iris.safetensors")
            ...     again = EPClassifier.load(f"{folder}/iris.safetensors")
            >>> bool((again.predict(X / 5) == model.predict(X / 5)).all())
            True
        """
        if machine is not None:
            _check_spins(machine)
        path = Path(path)
        return fitted.of_run(cls, path, machine) if path.is_dir() else fitted.of_file(cls, path, machine)

    @property
    def coefs_(self) -> list[_Floats]:
        """Weights ``W0, W1, ...``; spins tend to low E, so a weight > 0 sets what it joins at odds."""
        return self._parameters_of(Kind.INPUT, Kind.COUPLING)

    @property
    def intercepts_(self) -> list[_Floats]:
        """Biases ``b0, b1, ...`` of the layers."""
        return self._parameters_of(Kind.BIAS)

    def _parameters_of(self, *kinds: Kind) -> list[_Floats]:
        specs = self._network().parameters
        return [value for name, value in self.parameters_.items() if specs[name].kind in kinds]

    @property
    def loss_curve_(self) -> list[float]:
        """The ``train_loss`` of every epoch."""
        return [row["train_loss"] for row in self.history_]

    def _checked(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None, reset: bool
    ) -> tuple[_Floats, NDArray[Any], _Floats | None]:
        """Images, labels and weights, without those of weight 0."""
        rates = self.learning_rate, self.bias_learning_rate, self.coupling_learning_rate or 0.0
        check_step(self.nudge, *rates)
        self._check_all_is_used()
        rows = X if reset else self._features(X)
        x, labels = validate_data(self, rows, y, dtype=np.float32, order="C", reset=reset)
        check_classification_targets(labels)
        size = root_mean_square(x)
        if size > LARGE:
            text = f"X has root mean square {size:.3g}, expected about 1: put a StandardScaler before this"
            warnings.warn(text, stacklevel=4)  # at the caller of fit, which scikit-learn wraps
        if sample_weight is None:
            return x, labels, None
        weights = _check_sample_weight(sample_weight, x, dtype=np.float32, ensure_non_negative=True)
        kept = weights > 0
        if not kept.any():
            raise ValueError("sample_weight is 0 everywhere, expected images to learn from")
        return x[kept], labels[kept], weights[kept]

    def _features(self, X: ArrayLike) -> ArrayLike:
        """Rows of features as they are; of a run's classifier those of the images, as the run took them."""
        return as_pixels("X", X) if self._takes_images else X

    def _check_all_is_used(self) -> None:
        """Refuses settings that others leave without effect; what is as by default may not have been set."""
        for name, kinds in self._parameter_constraints.items():
            # scikit-learn takes True for the number 1.
            if isinstance(getattr(self, name), bool) and not {"boolean", "verbose"} & set(map(str, kinds)):
                raise TypeError(f"{name} is {getattr(self, name)}, expected a number")
        machine = self.machine
        own = {}
        if machine is not None:
            own = {"num_reads": "num_reads", "test_reads": "num_reads"}
            own |= {name: name for name in ("num_sweeps", "beta_range")}
        if hasattr(machine, "num_threads"):
            own["n_jobs"] = "num_threads"
        for name, of_machine in own.items():
            value = getattr(self, name)
            if self._is_set(name) and getattr(machine, of_machine, None) != value:
                raise ValueError(f"{name} is {value}, but the machine has its own; set it there")
        if self.early_stopping and (self.calibration_folds or 0) > 1:
            raise ValueError(
                f"calibration_folds is {self.calibration_folds}, but early_stopping is True, and calibrates"
                " by the images that it holds back"
            )
        rate_is_set = self.coupling_learning_rate is not None and self._is_set("coupling_learning_rate")
        if rate_is_set and not self._hidden_sizes():
            raise ValueError(
                f"coupling_learning_rate is {self.coupling_learning_rate}, but the network has no weights"
                " between spins"
            )
        for name in ("validation_fraction", "n_iter_no_change", "tol"):
            if self._is_set(name) and not self.early_stopping:
                raise ValueError(f"{name} is {getattr(self, name)}, but early_stopping is False")

    def _is_set(self, name: str) -> bool:
        return not np.array_equal(getattr(self, name), signature(type(self)).parameters[name].default)

    def _start(self, labels: NDArray[Any]) -> None:
        """A new network for these classes."""
        if len(labels) < 2:
            raise ValueError(f"the labels are all of one class, {labels[0]!r}, expected two classes or more")
        self.classes_ = labels
        self._sizes = self._layers(len(labels))
        seed = self.random_state
        if not isinstance(seed, Integral):
            seed = check_random_state(seed).randint(2**31 - 1)
        self._seed = int(seed)
        rng = np.random.default_rng([self._seed, 0])
        self.parameters_: Parameters = self._network().initial_parameters(rng)
        self._memory: Memory = {}
        self._updates = 0
        self.temperature_ = 1.0
        self._takes_images = False
        self.history_: list[dict[str, float]] = []
        self.n_iter_ = self.t_ = 0

    def _layers(self, num_classes: int) -> tuple[int, ...]:
        """Spins of each layer that the settings ask for."""
        return (*self._hidden_sizes(), self.spins_per_class * num_classes)

    def _hidden_sizes(self) -> tuple[int, ...]:
        """Spins of each hidden layer that the settings ask for."""
        given = np.atleast_1d(self.hidden_layer_sizes)
        fits = given.ndim == 1 and (given.dtype.kind in "iu" or not given.size)
        if not fits or not (given.min(initial=1) >= 1 and given.max(initial=1) < 2**31):
            raise ValueError(
                f"hidden_layer_sizes is {short(self.hidden_layer_sizes)}, expected an integer >= 1, or one"
                " for each layer"
            )
        return tuple(given.tolist())

    def _betas(self) -> tuple[float, float]:
        """First and last inverse temperature that the settings ask for."""
        given = np.asarray(self.beta_range)
        if given.shape != (2,) or given.dtype.kind not in "iuf" or not 0 < given[0] <= given[1] < np.inf:
            raise ValueError(f"beta_range is {short(self.beta_range)}, expected two numbers, 0 < hot <= cold")
        return float(given[0]), float(given[1])

    def _network(self) -> FullyConnected:
        """The network that was started, whatever the settings are now."""
        return FullyConnected(
            self.n_features_in_, self._sizes, len(self.classes_), bias_gain=self.initial_bias
        )

    def _check_network(self) -> None:
        fitted, wanted = self._sizes, self._layers(len(self.classes_))
        if fitted != wanted:
            raise ValueError(
                f"the network has layers {fitted}, and goes on as such, but the settings ask for {wanted}"
            )

    def _numbers(self, labels: NDArray[Any]) -> NDArray[np.int64]:
        """Each label's place in ``classes_``."""
        strange = np.setdiff1d(labels, self.classes_)
        if strange.size:
            raise ValueError(f"y holds label {strange[0]!r}, expected one of classes_, {self.classes_}")
        return np.searchsorted(self.classes_, labels)

    def _rule(self, num_reads: int | None = None) -> EquilibriumPropagation:
        """The learning rule, on a machine of so many reads, by default those of learning."""
        machine = self.machine
        if machine is None:
            machine = AnnealingMachine(
                num_reads=num_reads or self.num_reads,
                num_sweeps=self.num_sweeps,
                beta_range=self._betas(),
                num_threads=_threads(self.n_jobs),
            )
        _check_spins(machine)
        return EquilibriumPropagation(
            network=self._network(),
            machine=machine,
            nudge=self.nudge,
            symmetric=self.symmetric,
            statistic=self.statistic,
            seed=self._seed,
            optimizer=BY_NAME[self.optimizer](
                learning_rate=self.learning_rate,
                bias_learning_rate=self.bias_learning_rate,
                coupling_learning_rate=self.coupling_learning_rate if self._sizes[1:] else None,
                weight_decay=self.weight_decay,
            ),
        )

    def _outputs(self, X: ArrayLike) -> tuple[Network, _Floats]:
        """The network, and its output spins ``(n, outputs)`` in the free phase of each row."""
        check_is_fitted(self)
        x = validate_data(self, self._features(X), dtype=np.float32, order="C", reset=False)
        return self._free_outputs(x)

    def _free_outputs(self, x: _Floats) -> tuple[Network, _Floats]:
        """The network, and its output spins for rows as they are; all meet the same random numbers."""
        rule = self._rule(self.test_reads)
        return rule.network, free_outputs(rule, self.parameters_, x, np.zeros(len(x), dtype=np.uint32))

    def _train(
        self,
        x: _Floats,
        y: NDArray[np.int64],
        weights: _Floats | None,
        epochs: int,
        decay: Decay,
        held: _Images | None = None,
    ) -> None:
        """Learns for some epochs; with images that are held back only until it does no better on them."""
        rule = self._rule()
        state = TrainState(
            _copy(self.parameters_), epoch=self.n_iter_, updates=self._updates, memory=deepcopy(self._memory)
        )
        first = self.n_iter_
        best, best_parameters, stale = -np.inf, self.parameters_, 0
        for _ in range(epochs):
            train_epoch(
                rule,
                state,
                x,
                y,
                batch_size=self.batch_size,
                first_id=self.t_,
                weights=weights,
                decay=lambda done: decayed(decay, done - first, epochs),
            )
            row = end_epoch(rule, state)
            # Whole epochs only: after Ctrl-C a warm start goes on from the last one.
            self.parameters_, self.n_iter_, self.t_ = _copy(state.parameters), state.epoch, self.t_ + len(x)
            self._memory, self._updates = deepcopy(state.memory), state.updates
            self.history_.append(row)
            if held is not None:
                x_held, y_held, weights_held = held
                right = classes(*self._free_outputs(x_held)) == y_held
                row["validation_accuracy"] = accuracy = float(np.average(right, weights=weights_held))
                stale = 0 if accuracy >= best + self.tol else stale + 1
                if accuracy > best:
                    best, best_parameters = accuracy, self.parameters_
            if self.verbose:
                print(", ".join(f"{k} {v:.4g}" for k, v in row.items()))
            if stale >= self.n_iter_no_change:
                break
        if held is not None:
            self.parameters_ = best_parameters

    def _hold_back(
        self, x: _Floats, y: NDArray[np.int64], weights: _Floats | None
    ) -> tuple[_Images, _Images]:
        """Images to learn from, and those that early stopping holds back."""
        counts = np.ones(len(y), dtype=np.float32) if weights is None else weights
        parts = train_test_split(
            x, y, counts, test_size=self.validation_fraction, stratify=y, random_state=self._seed
        )
        return tuple(parts[::2]), tuple(parts[1::2])

    def _calibrate_by(self, x: _Floats, y: NDArray[np.int64], weights: _Floats | None) -> None:
        """Finds the temperature by images that were not learned from."""
        self.temperature_ = fit_temperature(_decisions(*self._free_outputs(x)), y, weights)

    def _calibrate_by_folds(self, x: _Floats, y: NDArray[np.int64], weights: _Floats | None) -> None:
        """Finds the temperature, by networks that learn from parts of the images and judge the others."""
        decisions = np.empty((len(x), len(self.classes_)))
        for others, held in folds(y, self._folds(), self._seed):
            model = self._unfitted()
            of_others = None if weights is None else weights[others]
            model._train(x[others], y[others], of_others, self.n_iter_, self.decay)
            decisions[held] = _decisions(*model._free_outputs(x[held]))
        self.temperature_ = fit_temperature(decisions, y, weights)

    def _folds(self) -> int:
        """Folds of the calibration; fewer than 2 are none."""
        if self.calibration_folds is None:
            return 2 if self.machine is None else 0
        return int(self.calibration_folds)

    def _unfitted(self) -> Self:
        """A classifier with the settings, seed and classes of this one, that has learned nothing."""
        settings = self.get_params(deep=False) | {"random_state": self._seed, "verbose": False}
        model = type(self)(**settings)
        model.n_features_in_ = self.n_features_in_
        model._start(self.classes_)
        return model


def _check_spins(machine: Machine) -> None:
    """Refuses what is no machine of spins of -1 and 1."""
    check_machine(machine)
    levels = machine.levels
    if levels != (-1, 1):
        raise ValueError(
            f"machine {type(machine).__name__} has neurons of {levels[0]} and {levels[1]}, expected spins of"
            " -1 and 1"
        )


def _threads(n_jobs: int | None) -> int:
    """Threads of a fit. Under a backend of many machines, such as Dask's, joblib counts all of theirs."""
    backend, _ = get_active_backend()
    if type(backend).__module__.startswith("joblib._parallel"):
        return int(effective_n_jobs(n_jobs))
    with parallel_config("threading", n_jobs=1):
        return int(effective_n_jobs(n_jobs))


def _decisions(network: Network, outputs: _Floats) -> NDArray[np.float64]:
    """Logarithm of the share of each class's output spins that are up, ``(n, num_classes)``."""
    found: NDArray[np.float64] = np.log(shares(network, outputs))
    return found


def _copy(parameters: Parameters) -> Parameters:
    return {name: value.copy() for name, value in parameters.items()}
