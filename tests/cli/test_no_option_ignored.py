"""Nothing that is given on the command line is passed over: of every option and argument of every command,
another value changes what comes out, or is refused in a line that names it.

What comes out of a command is its exit code, what it prints, the files that it writes, the problems that a
QPU gets, and, of what never changes a result, what the core and the run folder are asked for. An option
without an entry fails `test_every_option_has_an_entry`; so does an entry without one.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result
from dwave.cloud import Client
from dwave.cloud.exceptions import SolverError
from safetensors.numpy import load_file

from ising_ep import cli
from ising_ep.chip import Chip
from ising_ep.cli import runs
from ising_ep.config import lacking
from ising_ep.emulator import Emulator, Fault
from ising_ep.machines import MACHINES as REGISTRY
from ising_ep.machines.chip_model import ChipModel
from ising_ep.training.run_folder import CONFIG, RunFolder
from support.anneals import count_anneals
from support.services import log_in
from support.settings import DEFAULTS_OF_ALL


class Changes(NamedTuple):
    """These words after a command's (``after``, or that of the walk) change what comes out."""

    words: str
    after: str | None = None


class Instead(NamedTuple):
    """This command gives something else than another (``of``, or that of the walk)."""

    command: str
    of: str | None = None


class Refused(NamedTuple):
    """These words after a command's (``after``, or that of the walk) are refused, in a line with ``text``."""

    words: str
    text: str
    after: str | None = None


class By(NamedTuple):
    """What it does is tested by a function of this file."""

    test: str


class Walk(NamedTuple):
    """A command that does its work, and what shows that each of its options and arguments counts."""

    base: str
    options: dict[str, tuple[Changes | Instead | Refused | By, ...]]


# --- commands -------------------------------------------------------------------------------------------

TRAIN = "train --dataset two.npz --layers 6,4 --epochs 1 --out run"
ANNEALING = f"{TRAIN} --num-reads 3 --num-sweeps 6"
WARM = f"{ANNEALING} --epochs 3 --statistic average --beta-range 0.1 1"
DETERMINISTIC = f"{TRAIN} --machine deterministic --layers 20,8,4"
OSCILLATOR = f"{TRAIN} --machine oscillator --num-reads 3 --num-steps 6"
MODEL = "--chip chimera:4 --chip-missing 0.1"
ON_CHIP = f"{TRAIN} --machine chip {MODEL} --num-reads 3 --num-sweeps 20"
PATTERNS = "train --dataset patterns --network convolutional --epochs 2 --out run"
# Filters of 2 x 2 pixels on the images of 3 x 3.
DEEP = "--network deep-convolutional --filters 2 --kernels 2 --strides 1 --layers 4"
FILTERS = f"train --dataset patterns {DEEP} --epochs 1 --num-reads 3 --num-sweeps 6 --out run"
QPU = f"{PATTERNS} --machine qpu"
SAMPLE = "sample spins.coo --num-reads 20 --num-sweeps 3 --seed 1"
MINIMIZE = "minimize flat.coo --no-presolve --seed 1"
SMALL_MODEL = "--chip chimera:2 --chip-missing 0.05"
EMBED = f"embed --layers 6,4 {SMALL_MODEL} --copies 1 --method minorminer --out e.json"
LAID = f"embed {DEEP} {SMALL_MODEL} --chip chimera:4 --copies 1 --method minorminer --out e.json"
ESTIMATE = "estimate --dataset two.npz --layers 6,4 --chip chimera:2 --chip-missing 0 --embedding placed.json"
SEARCHED = f"estimate --dataset two.npz --layers 6,4 {SMALL_MODEL} --batch-size 16"
EMULATE = "emulate --chip chimera:2 --chip-missing 0.1 --sweeps-per-us 0.02 --seed 1"
PUBLISHED = (
    "train --dataset mnist --data-dir idx --layers 4,10 --epochs 1 --num-reads 2 --num-sweeps 3 --out run"
)

CONVOLUTIONAL = "network convolutional"

WALKS: dict[str, Walk] = {
    "train": Walk(
        ANNEALING,
        {
            "dataset": (Changes("--dataset other.npz"), Refused("--dataset nothing", "'nothing'")),
            "data_dir": (
                Changes("--data-dir other", PUBLISHED),
                Refused("--data-dir idx", "data_dir idx"),
                Refused("--data-dir idx", "data_dir idx", "train --resume trained"),
            ),
            "train_per_class": (
                Changes("--train-per-class 2"),
                Refused("--train-per-class 1", "number per class", PATTERNS),
            ),
            "test_per_class": (
                Changes("--test-per-class 1"),
                Refused("--test-per-class 1", "number per class", PATTERNS),
            ),
            "network": (
                Changes("--network layers", PATTERNS),
                Refused("--network convolutional", CONVOLUTIONAL),
                Refused(
                    "--network convolutional", "network is convolutional", "train --machine deterministic"
                ),
            ),
            "layers": (
                Changes("--layers 7,4"),
                Refused("--layers 8,4", f"layers is (8, 4), but {CONVOLUTIONAL}", PATTERNS),
                Refused("--layers 7,4", "--layers is (7, 4)", "train --resume trained"),
            ),
            "skips": (
                Changes("--skips", f"{ANNEALING} --layers 6,4,4"),
                Refused("--skips", "have no layer to skip"),
                Refused("--skips", "skips is True, but network", FILTERS),
            ),
            "filters": (Changes("--filters 3", FILTERS), Refused("--filters 3", "filters is (3,)")),
            "kernels": (
                Changes("--kernels 3", FILTERS),
                Refused("--kernels 4", "kernels are (4,)", FILTERS),
            ),
            "strides": (
                Changes("--strides 2", FILTERS),
                Refused("--strides 1,1", "strides are (1, 1)", FILTERS),
            ),
            "gains": (
                Changes("--gains 0.9", FILTERS),
                Refused("--gains 1,1,1", "gains are (1.0, 1.0, 1.0)", FILTERS),
            ),
            "epochs": (
                Changes("--epochs 2"),
                Changes("--epochs 2", "train --resume trained"),
            ),
            "batch_size": (Changes("--batch-size 4"),),
            "nudge": (Changes("--nudge 0.5"),),
            "symmetric": (Changes("--symmetric"),),
            "statistic": (Changes("--statistic average"),),
            "learning_rate": (Changes("--learning-rate 0.3"),),
            "bias_learning_rate": (
                Changes("--bias-learning-rate 0.3"),
                Refused("--bias-learning-rate 0.3", "bias_learning_rate is 0.3", PATTERNS),
            ),
            "coupling_learning_rate": (
                Changes("--coupling-learning-rate 0.3"),
                Refused("--layers 4 --coupling-learning-rate 0.3", "coupling_learning_rate is 0.3"),
            ),
            "optimizer": (Changes("--optimizer adam"),),
            "decay": (Changes("--decay cosine", f"{ANNEALING} --epochs 2"),),
            "weight_decay": (Changes("--weight-decay 0.5"),),
            "weight_bits": (Changes("--weight-bits 3"),),
            "weight_noise": (Changes("--weight-noise 0.1"),),
            "centre": (Changes("--centre"), Refused("--centre", "no centre", PATTERNS)),
            "standardise": (
                Changes("--standardise"),
                Refused("--standardise", "no other scale", PATTERNS),
            ),
            "mean_field_epochs": (
                Changes("--mean-field-epochs 1", f"{ANNEALING} --epochs 2"),
                Refused("--mean-field-epochs 1", "means in all epochs", "train --machine mean-field"),
            ),
            "mean_field_nudge": (
                Changes("--mean-field-nudge 0.1", f"{ANNEALING} --mean-field-epochs 1 --epochs 2"),
                Refused("--mean-field-nudge 0.1", "mean_field_epochs is 0"),
            ),
            "mean_field_beta": (
                Changes("--mean-field-beta 0.1", f"{ANNEALING} --mean-field-epochs 1 --epochs 2"),
                Refused("--mean-field-beta 0.1", "mean_field_epochs is 0"),
            ),
            "mean_field_sweeps": (
                Changes("--mean-field-sweeps 2 1", f"{ANNEALING} --mean-field-epochs 1 --epochs 2"),
                Refused("--mean-field-sweeps 2 1", "mean_field_epochs is 0"),
            ),
            "mean_field_rate": (
                Changes("--mean-field-rate 0.1", f"{ANNEALING} --mean-field-epochs 1 --epochs 2"),
                Refused("--mean-field-rate 0.1", "mean_field_epochs is 0"),
            ),
            "shift": (
                Changes("--shift 1"),
                Refused("--shift 1", "shift", PATTERNS),
                Refused("--shift 1", "shift", f"{ANNEALING} --dataset flat.npz"),
            ),
            "flip": (
                Changes("--flip"),
                Refused("--flip", "no mirror images", PATTERNS),
                Refused("--flip", "flip is True", f"{ANNEALING} --dataset flat.npz"),
            ),
            "seed": (
                Changes("--seed 1"),
                Refused("--seed 1", "--seed is 1, but the run", "train --resume trained"),
            ),
            "machine": (
                Changes("--machine oscillator", f"{TRAIN} --num-reads 3"),
                Refused("--machine chip", "--machine is chip, but the run", "train --resume trained"),
            ),
            "num_reads": (
                Changes("--num-reads 4"),
                Refused("--num-reads 4", "--num-reads is 4, but the run", "train --resume trained"),
            ),
            "num_sweeps": (Changes("--num-sweeps 33"), Changes("--num-sweeps 33", ON_CHIP)),
            "beta_range": (Changes("--beta-range 0.1 1"),),
            "reverse_fraction": (Changes("--reverse-fraction 0.75", WARM),),
            "test_reads": (Changes("--test-reads 9"),),
            "free_steps": (Changes("--free-steps 1", DETERMINISTIC),),
            "nudge_steps": (Changes("--nudge-steps 1", DETERMINISTIC),),
            "nudge_sweeps": (Changes("--nudge-sweeps 1", f"{TRAIN} --machine mean-field"),),
            "num_steps": (Changes("--num-steps 7", OSCILLATOR),),
            "gain": (Changes("--gain 0.1", OSCILLATOR),),
            "noise_range": (Changes("--noise-range 0.1 0.9", OSCILLATOR),),
            "chip": (Changes("--chip chimera:5", ON_CHIP),),
            "chip_missing": (Changes("--chip-missing 0.05", ON_CHIP),),
            "chip_seed": (
                Changes("--chip-seed 5", ON_CHIP),
                Refused("--chip-missing 0 --chip-offsets 0 0 --chip-seed 5", "chip_seed is 5", ON_CHIP),
                Refused(
                    "--chip-offsets 0 0 --chip-seed 5",
                    "chip_seed is 5",
                    f"{TRAIN} --machine chip --chip solver.json",
                ),
            ),
            "copies": (
                Changes("--copies 2 --batch-size 2", ON_CHIP),
                Refused("--copies 500", "copies is 500, but ", ON_CHIP),
            ),
            "embedding": (
                Changes("--embedding placed.json", f"{ON_CHIP} --chip chimera:2 --chip-missing 0"),
                Refused(
                    "--embedding placed.json --copies 2",
                    "copies is 2",
                    f"{ON_CHIP} --chip chimera:2 --chip-missing 0",
                ),
                Refused("--embedding placed.json", "the embedding was made for", ON_CHIP),
            ),
            "chain_strength": (Changes("--chain-strength 0.1", ON_CHIP),),
            "gauges": (Changes("--gauges", ON_CHIP),),
            "annealing_time": (Changes("--annealing-time 60", ON_CHIP),),
            "chip_model": (Changes("--chip-model quantum", ON_CHIP),),
            "chip_schedule": (Changes("--chip-schedule advantage2_system1-fast", ON_CHIP),),
            "chip_temperature": (Changes("--chip-temperature 150", ON_CHIP),),
            "chip_rate": (
                Changes("--chip-rate 3", ON_CHIP),
                Refused("--chip-model quantum --chip-rate 3", "chip_rate is 3", ON_CHIP),
            ),
            "chip_noise": (Changes("--chip-noise 0.9 0.9", ON_CHIP),),
            "chip_offsets": (Changes("--chip-offsets 0.9 0.9", ON_CHIP),),
            "chip_slope": (Changes("--chip-slope 0.9", ON_CHIP),),
            "chip_susceptibility": (Changes("--chip-susceptibility 0.9", ON_CHIP),),
            "chip_readout_error": (Changes("--chip-readout-error 0.2", ON_CHIP),),
            "max_qpu_time": (
                Changes("--max-qpu-time 0.001", QPU),
                Refused("--max-qpu-time 1", "--max-qpu-time is 1.0, but machine annealing"),
                Refused("--max-qpu-time inf", "--max-qpu-time is inf, but machine chip", ON_CHIP),
                Refused("--max-qpu-time 1", "--max-qpu-time is 1.0", "train --resume trained"),
            ),
            "when_offline": (
                By("test_a_solver_that_goes_offline_is_waited_for_or_not"),
                Refused("--when-offline wait", "--when-offline is wait, but machine annealing"),
            ),
            "answer_timeout": (
                By("test_an_answer_is_waited_for_as_long_as_asked_for"),
                Refused("--answer-timeout 9", "--answer-timeout is 9.0, but machine annealing"),
            ),
            "preset": (
                Changes("--preset mnist-100", f"{ANNEALING} --train-per-class 4 --test-per-class 2"),
                Refused("--preset mnist", "--preset is mnist", "train --resume trained"),
                Refused("--preset best", "preset is 'best'"),
            ),
            "settings_file": (
                Changes("--settings given.json"),
                Refused("--settings given.json", "--settings is given.json", "train --resume trained"),
                Refused("--settings list.json", "list.json is [], expected an object of settings"),
            ),
            "out": (
                Changes("--out other"),
                Refused("--out other", "--out is other", "train --resume trained"),
            ),
            "resume": (Instead("train --resume trained --epochs 3", "train --resume begun --epochs 3"),),
            "checkpoint_every": (Changes("--checkpoint-every 2"), Changes("--checkpoint-every 2", ON_CHIP)),
            "threads": (
                Changes("--threads 3"),
                Changes("--threads 3", ON_CHIP),
                Changes("--threads 3", OSCILLATOR),
                Changes("--threads 3", "train --resume trained --epochs 2"),
                Refused("--threads 3", "--threads is 3, but machine deterministic", DETERMINISTIC),
            ),
            "scheduler": (
                Refused("--scheduler pigeon://1", "pigeon://1"),
                Refused("--scheduler pigeon://1", "pigeon://1", "train --resume trained"),
            ),
        },
    ),
    "evaluate": Walk(
        "evaluate trained",
        {
            "run": (Instead("evaluate begun"), Instead("evaluate qpu", "evaluate nothing")),
            "dataset": (
                Changes("--dataset other.npz"),
                Refused("--dataset patterns", "patterns has 9 inputs"),
            ),
            "data_dir": (
                Changes("--data-dir other", "evaluate published"),
                Refused("--data-dir idx", "data_dir idx"),
                Refused("--data-dir idx --dataset other.npz", "data_dir idx"),
            ),
            "threads": (
                Changes("--threads 3"),
                Refused("--threads 3", "--threads is 3, but machine deterministic", "evaluate relaxed"),
                Refused("--threads 3", "--threads is 3, but machine qpu", "evaluate qpu"),
            ),
            "copies": (
                Changes("--copies 1", "evaluate qpu"),
                Refused("--copies 2", "--copies is 2, but machine annealing"),
            ),
            "max_qpu_time": (
                Refused("--max-qpu-time 0.0001", "--max-qpu-time is 0.0001", "evaluate qpu"),
                Refused("--max-qpu-time 1", "--max-qpu-time is 1.0, but machine annealing"),
            ),
            "when_offline": (
                By("test_a_solver_that_goes_offline_is_waited_for_or_not"),
                Refused("--when-offline wait", "--when-offline is wait, but machine annealing"),
            ),
            "answer_timeout": (
                By("test_an_answer_is_waited_for_as_long_as_asked_for"),
                Refused("--answer-timeout 9", "--answer-timeout is 9.0, but machine annealing"),
            ),
        },
    ),
    "calibrate": Walk(
        "calibrate kept",
        {
            "run": (
                Instead("calibrate kept --out c.json", "calibrate qpu --out c.json"),
                Refused("", "is a run on machine annealing", "calibrate trained"),
            ),
            "out": (Changes("--out c.json"), Refused("--out old.json", "old.json exists; give --force")),
            "force": (Changes("--force", "calibrate kept --out old.json"),),
            "seed": (Changes("--seed 1"),),
            "threads": (Refused("--threads 5000", "num_threads is 5000"),),
        },
    ),
    "predict": Walk(
        "predict trained images.npy",
        {
            "run": (Instead("predict begun images.npy"),),
            "images": (
                Instead("predict trained others.npy"),
                Instead("predict nine.npy", "predict trained nine.npy"),
            ),
            "out": (
                Changes("--out labels.csv"),
                Refused("--out no/labels.csv", "no/labels.csv"),
                Refused("--out old.csv", "old.csv exists; give --force"),
            ),
            "force": (
                Changes("--force", "predict trained images.npy --out old.csv"),
                Refused("--force", "--force"),
            ),
            "probabilities": (Changes("--probabilities"),),
            "threads": (
                Changes("--threads 3"),
                Refused("--threads 3", "--threads is 3, but machine qpu", "predict qpu nine.npy"),
            ),
            "copies": (
                Changes("--copies 1", "predict qpu nine.npy"),
                Refused("--copies 2", "--copies is 2, but machine annealing"),
            ),
            "max_qpu_time": (
                Refused("--max-qpu-time 0.0001", "--max-qpu-time is 0.0001", "predict qpu nine.npy"),
                Refused("--max-qpu-time 1", "--max-qpu-time is 1.0, but machine annealing"),
            ),
            "when_offline": (
                By("test_a_solver_that_goes_offline_is_waited_for_or_not"),
                Refused("--when-offline wait", "--when-offline is wait, but machine annealing"),
            ),
            "answer_timeout": (
                By("test_an_answer_is_waited_for_as_long_as_asked_for"),
                Refused("--answer-timeout 9", "--answer-timeout is 9.0, but machine annealing"),
            ),
        },
    ),
    "inspect": Walk(
        "inspect kept --out p.json",
        {
            "run": (
                Instead("inspect qpu --out p.json"),
                Refused("", "is a run on machine annealing", "inspect trained --out p.json"),
            ),
            "problem": (
                Refused("--problem mine", "has not kept problem 'mine'", "inspect qpu --out p.json"),
            ),
            "out": (Changes("--out q.json"), Refused("--out old.json", "old.json exists; give --force")),
            "force": (
                Changes("--force", "inspect kept --out old.json"),
                Refused("--force", "--out is not given", "inspect kept"),
            ),
            "opened": (By("test_a_problem_is_shown_where_the_inspector_is_installed"),),
        },
    ),
    "report": Walk(
        "report trained",
        {
            "run": (Instead("report qpu"),),
            "out": (
                Changes("--out r.html"),
                Refused("--out two.npz", "--out is two.npz"),
                Refused("--out old.html", "old.html exists; give --force"),
            ),
            "force": (
                Changes("--force", "report trained --out old.html"),
                Refused("--force", "--force"),
            ),
            "watch": (By("test_the_report_of_a_run_that_goes_on_is_watched_or_not"),),
        },
    ),
    "plot": Walk(
        "plot trained",
        {
            "run": (Instead("plot begun"),),
            "out": (
                Changes("--out pictures"),
                Refused("--out two.npz", "two.npz"),
                Refused("--out drawn", "drawn/curves.png exists; give --force"),
            ),
            "force": (
                Changes("--force", "plot trained --out drawn"),
                Refused("--force", "--force"),
            ),
        },
    ),
    "sample": Walk(
        f"{SAMPLE} --output out.json",
        {
            "file": (Instead(f"{SAMPLE.replace('spins', 'bits')} --output out.json"),),
            "num_reads": (Changes("--num-reads 21"), Refused("--num-reads 0", "num_reads")),
            "num_sweeps": (Changes("--num-sweeps 4"), Refused("--num-sweeps -1", "num_sweeps")),
            "beta_range": (Changes("--beta-range 0.1 0.2"), Refused("--beta-range -1 1", "beta_range")),
            "schedule": (Changes("--schedule linear"), Refused("--schedule flat", "--schedule")),
            "seed": (Changes("--seed 2"), Refused("--seed -1", "seed")),
            "num_threads": (Changes("--num-threads 3"), Refused("--num-threads 0", "num_threads")),
            "vartype": (
                Changes("--vartype SPIN", "sample bare.coo --num-sweeps 3 --seed 1"),
                Instead(
                    "sample bare.coo --seed 1 --vartype SPIN --output o.json",
                    "sample bare.coo --seed 1 --vartype BINARY --output o.json",
                ),
                Refused("--vartype BINARY", "expected BINARY"),
                Refused("--vartype SPIN", "expected SPIN", "sample two.orlib --instance 1"),
            ),
            "file_format": (
                Instead(
                    "sample matrix.csv --format qubo-matrix --seed 1",
                    "sample matrix.csv --format graph-matrix --seed 1",
                ),
                Refused("--format orlib", "orlib"),
            ),
            "instance": (
                Instead(
                    "sample two.orlib --instance 1 --seed 1",
                    "sample two.orlib --instance 2 --seed 1",
                ),
                Refused("--instance 1", "instance is 1, but a file of format coo"),
                Refused("--instance 3", "instance is 3", "sample two.orlib"),
            ),
            "output": (Changes("--output out.csv"), Refused("--output out.txt", "out.txt")),
            "aggregate": (Changes("--aggregate"), Refused("--aggregate", "--aggregate", SAMPLE)),
            "force": (
                Changes("--force", f"{SAMPLE} --output old.json"),
                Refused("--force", "--force", SAMPLE),
            ),
        },
    ),
    "minimize": Walk(
        f"{MINIMIZE} --output out.json",
        {
            "file": (Instead(f"{MINIMIZE.replace('flat', 'spins')} --output out.json"),),
            "time_limit": (Changes("--time-limit 0.3"), Refused("--time-limit -1", "time_limit")),
            "target": (Changes("--target 100"), Refused("--target nan", "target")),
            "seed": (Changes("--seed 2"), Refused("--seed -1", "seed")),
            "num_threads": (Changes("--num-threads 3"), Refused("--num-threads 0", "num_threads")),
            "max_states": (Changes("--max-states 1"), Refused("--max-states 0", "max_states")),
            "no_presolve": (Changes("--no-presolve", "minimize flat.coo --seed 1"),),
            "vartype": (
                Instead(
                    "minimize bare.coo --seed 1 --vartype SPIN --output o.json",
                    "minimize bare.coo --seed 1 --vartype BINARY --output o.json",
                ),
            ),
            "file_format": (
                Instead(
                    "minimize matrix.csv --format qubo-matrix --seed 1",
                    "minimize matrix.csv --format graph-matrix --seed 1",
                ),
            ),
            "instance": (
                Instead(
                    "minimize two.orlib --instance 1 --seed 1",
                    "minimize two.orlib --instance 2 --seed 1",
                ),
            ),
            "output": (Changes("--output out.csv"), Refused("--output out.txt", "out.txt")),
            "force": (
                Changes("--force", f"{MINIMIZE} --output old.json"),
                Refused("--force", "--force", MINIMIZE),
            ),
        },
    ),
    "embed": Walk(
        EMBED,
        {
            "network": (
                Instead(f"embed --network convolutional {MODEL}", f"embed {SMALL_MODEL} --layers 6,4"),
                Refused("--network convolutional", CONVOLUTIONAL),
            ),
            "layers": (
                Changes("--layers 5,3"),
                Refused(
                    "--layers 120,40", "layers is (120, 40), but network", "embed --network convolutional"
                ),
            ),
            "skips": (
                Instead(
                    f"embed --layers 6,5,4 --skips {MODEL} --copies 1 --method minorminer --out e.json",
                    f"embed --layers 6,5,4 {MODEL} --copies 1 --method minorminer --out e.json",
                ),
                Refused("--skips", "have no layer to skip"),
            ),
            "filters": (Changes("--filters 3", LAID), Refused("--filters 3", "filters is (3,)")),
            "kernels": (Changes("--kernels 3", LAID),),
            "strides": (Changes("--strides 2", LAID),),
            "image": (
                Changes("--image 3,4", LAID),
                Refused("--image 3,4", "network layers is the same"),
                Refused("--image 3", "--image is (3,)", LAID),
            ),
            "chip": (Changes("--chip chimera:3"),),
            "chip_missing": (Changes("--chip-missing 0.1"),),
            "chip_seed": (
                Changes("--chip-seed 5"),
                Refused("--chip-seed 5 --chip-missing 0", "chip_seed is 5"),
                Refused("--chip-seed 5", "chip_seed is 5", "embed --layers 6,4 --chip solver.json"),
            ),
            "copies": (Changes("--copies 2", f"{EMBED} --chip-missing 0"),),
            "method": (Changes("--method structured"),),
            "seed": (
                Changes("--seed 1"),
                Changes("--seed 1", f"{EMBED} --method structured"),
            ),
            "cache": (Changes("--no-cache"),),
            "out": (
                Changes("--out other.json"),
                Refused("--out no/e.json", "no/e.json"),
                Refused("--out old.json", "old.json exists; give --force"),
            ),
            "picture": (
                Changes("--picture e.png"),
                Refused("--picture no/e.png", "no/e.png"),
                Refused("--picture drawn/curves.png", "drawn/curves.png exists; give --force"),
            ),
            "force": (
                Changes("--force", f"{EMBED} --out old.json"),
                Refused("--force", "--force", "embed --layers 6,4"),
            ),
        },
    ),
    "estimate": Walk(
        ESTIMATE,
        {
            "dataset": (Changes("--dataset patterns"),),
            "data_dir": (
                Changes("--data-dir idx", f"estimate {MODEL} --dataset mnist --layers 4,10 --copies 3"),
                Refused("--data-dir idx", "data_dir idx"),
            ),
            "train_per_class": (
                Changes("--train-per-class 2"),
                Refused("--train-per-class 9999", "train_per_class is 9999", "estimate --dataset mnist"),
                Refused("--train-per-class 1", "number per class", "estimate --dataset patterns"),
            ),
            "test_per_class": (
                Changes("--test-per-class 1"),
                Refused("--test-per-class 1", "number per class", "estimate --dataset patterns"),
            ),
            "network": (
                Changes("--network convolutional", f"estimate --dataset patterns {SMALL_MODEL}"),
                Refused("--network convolutional", CONVOLUTIONAL),
            ),
            "skips": (
                Instead(
                    "estimate --layers 7,5,4 --skips --dataset two.npz --chip chimera:2",
                    "estimate --layers 2,2 --dataset two.npz --chip chimera:2",
                ),
                Refused("--skips", "have no layer to skip"),
            ),
            "filters": (
                Changes("--filters 6", f"estimate --dataset patterns {DEEP} {MODEL}"),
                Refused("--filters 3", "filters is (3,)"),
            ),
            "kernels": (Changes("--kernels 3", f"estimate --dataset patterns {DEEP} {MODEL}"),),
            "strides": (Changes("--strides 2", f"estimate --dataset patterns {DEEP} {MODEL}"),),
            "layers": (
                Instead(
                    "estimate --layers 7,4 --dataset two.npz --chip chimera:1",
                    "estimate --layers 2,2 --dataset two.npz --chip chimera:1",
                ),
                Refused("--layers 8,4", "layers is (8, 4), but network", "estimate --network convolutional"),
            ),
            "epochs": (Changes("--epochs 2"),),
            "mean_field_epochs": (
                Changes("--mean-field-epochs 1"),
                Refused("--mean-field-epochs 99", "mean_field_epochs is 99"),
            ),
            "preset": (
                Changes("--preset mnist-100-chip"),
                Refused("--preset best", "preset is 'best'"),
            ),
            "batch_size": (Changes("--batch-size 2"),),
            "symmetric": (Changes("--symmetric"),),
            "num_reads": (Changes("--num-reads 20"),),
            "reverse_fraction": (Changes("--reverse-fraction 0.75"),),
            "chip": (Changes("--chip chimera:1", SEARCHED),),
            "chip_missing": (Changes("--chip-missing 0.1", SEARCHED),),
            "chip_seed": (
                Changes("--chip-seed 2", SEARCHED),
                Refused("--chip-seed 5 --chip-missing 0", "chip_seed is 5"),
            ),
            "copies": (Changes("--copies 1", f"{SEARCHED} --chip-seed 2"),),
            "embedding": (
                Changes("--embedding placed.json", f"{SEARCHED} --chip-missing 0"),
                Refused("--copies 2", "copies is 2"),
                Refused("--embedding placed.json", "the embedding was made for", SEARCHED),
            ),
            "annealing_time": (Changes("--annealing-time 60"),),
            "seconds_per_call": (Changes("--seconds-per-call 5"),),
        },
    ),
    "completion": Walk(
        "completion bash",
        {"shell": (Instead("completion zsh"), Refused("", "'tcsh'", "completion tcsh"))},
    ),
    "doctor": Walk("doctor", {"as_json": (By("test_doctor_prints_json_where_that_is_asked_for"),)}),
    "emulate": Walk(
        EMULATE,
        {
            "chip": (Changes("--chip chimera:3"),),
            "chip_missing": (Changes("--chip-missing 0.3"),),
            "chip_seed": (
                Changes("--chip-seed 5"),
                Refused("--chip-seed 5 --chip-missing 0 --chip-offsets 0 0", "chip_seed is 5"),
            ),
            "chip_model": (Changes("--chip-model quantum"),),
            "chip_schedule": (Changes("--chip-schedule advantage2_system1-fast"),),
            "chip_temperature": (Changes("--chip-temperature 500"),),
            "chip_rate": (
                Changes("--chip-rate 3"),
                Refused("--chip-model quantum --chip-rate 3", "chip_rate is 3"),
            ),
            "chip_noise": (Changes("--chip-noise 0.9 0.9"),),
            "chip_offsets": (Changes("--chip-offsets 0.9 0.9"),),
            "chip_slope": (Changes("--chip-slope 0.9"),),
            "chip_susceptibility": (Changes("--chip-susceptibility 0.9"),),
            "chip_readout_error": (Changes("--chip-readout-error 0.2"),),
            "sweeps_per_us": (Changes("--sweeps-per-us 0.1"), Refused("--sweeps-per-us 0", "sweeps_per_us")),
            "no_reverse": (Changes("--no-reverse"),),
            "port": (By("test_the_stand_in_serves_at_the_port_that_is_asked_for"),),
            "realtime": (Changes("--realtime"),),
            "faults": (Changes("--fault failed:1"), Refused("--fault fire", "--fault is 'fire'")),
            "seed": (Changes("--seed 2"),),
            "threads": (Changes("--threads 3"),),
        },
    ),
}


def walked() -> Iterator[tuple[str, str, Changes | Instead | Refused]]:
    for command, walk in WALKS.items():
        for option, entries in walk.options.items():
            yield from ((command, option, entry) for entry in entries if not isinstance(entry, By))


@pytest.mark.parametrize("command", cli.main.commands)
def test_every_option_has_an_entry(command: str) -> None:
    options = WALKS[command].options
    assert {parameter.name for parameter in cli.main.commands[command].params} == options.keys()
    for entries in options.values():
        assert entries
        assert all(entry.test in globals() for entry in entries if isinstance(entry, By))


def test_every_command_is_walked_and_has_no_commands_below() -> None:
    assert cli.main.commands.keys() == WALKS.keys()
    assert not [c for c in cli.main.commands.values() if isinstance(c, click.Group)]
    assert [parameter.name for parameter in cli.main.params] == ["version"]
    assert ising_ep("--version").output != ising_ep("--help").output


# --- what they find ---------------------------------------------------------------------------------------


def ising_ep(*words: Any) -> Result:
    return CliRunner().invoke(cli.main, [str(word) for word in words])


MODEL_OF_QPU = ChipModel(Chip.perfect("chimera", 6), sweeps_per_us=1.0)


def write_datasets(folder: Path) -> None:
    """Images of 4 x 4 pixels in two classes, the same without a shape, and 28 x 28 as MNIST's files."""
    rng = np.random.default_rng(0)
    labels = np.arange(12, dtype=np.uint8) % 2
    for seed, (npz, npy, idx) in enumerate((("two", "images", "idx"), ("other", "others", "other"))):
        x = np.random.default_rng(seed).integers(0, 256, (12, 4, 4), dtype=np.uint8)
        arrays = {"x_train": x[:8], "y_train": labels[:8], "x_test": x[8:], "y_test": labels[8:]}
        np.savez(folder / f"{npz}.npz", **arrays)
        np.save(folder / f"{npy}.npy", x)
        (folder / idx).mkdir()
        images = rng.integers(0, 256, (20, 28, 28), dtype=np.uint8)
        for stem in ("train", "t10k"):
            for kind, array in (("images-idx3", images), ("labels-idx1", np.arange(20, dtype=np.uint8) % 10)):
                header = np.array([0x0800 + array.ndim, *array.shape], dtype=">u4").tobytes()
                (folder / idx / f"{stem}-{kind}-ubyte").write_bytes(header + array.tobytes())
    flat = {name: x.reshape(len(x), -1)[:, :15] for name, x in arrays.items() if name[0] == "x"}
    np.savez(folder / "flat.npz", **arrays | flat)
    np.save(folder / "nine.npy", np.where(rng.random((9, 3, 3)) < 0.5, -1, 1).astype(np.float32))


def write_problems(folder: Path) -> None:
    entries = "".join(f"{i} {j} {(-1) ** (i * j) * (i + j / 2)}\n" for i in range(9) for j in range(i, 9))
    (folder / "bare.coo").write_text(entries)
    (folder / "spins.coo").write_text(f"# vartype=SPIN\n{entries}")
    (folder / "bits.coo").write_text(f"# vartype=BINARY\n{entries}")
    flat = "".join(f"{i} {j} 1\n" for i in range(9) for j in range(i))
    (folder / "flat.coo").write_text(f"# vartype=SPIN\n{flat}")
    (folder / "two.orlib").write_text("2\n2 2\n1 1 3\n1 2 4\n1 1\n1 1 9\n")
    (folder / "matrix.csv").write_text("0,-3\n-3,0\n")
    (folder / "old.json").write_text("{}")
    (folder / "old.html").write_text("<p>")
    (folder / "old.csv").write_text("image,label\n")
    (folder / "drawn").mkdir()
    (folder / "drawn" / "curves.png").write_text("mine")
    (folder / "given.json").write_text('{"nudge": 0.5}')
    (folder / "list.json").write_text("[]")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything that the commands read."""
    folder = tmp_path_factory.mktemp("inputs")
    write_datasets(folder)
    write_problems(folder)
    chip = Chip.perfect("chimera", 4)
    properties = {
        "topology": {"type": "chimera", "shape": [4, 4, 4]},
        "qubits": chip.qubits.tolist(),
        "couplers": chip.couplers.tolist(),
    }
    (folder / "solver.json").write_text(json.dumps(properties))
    with pytest.MonkeyPatch.context() as patch, Emulator(MODEL_OF_QPU) as service:
        patch.chdir(folder)
        log_in(patch, service)
        without_pictures(patch)
        for command in (
            f"{ANNEALING} --out trained",
            f"{ANNEALING} --out begun --seed 1",
            f"{DETERMINISTIC} --out relaxed",
            f"{PUBLISHED} --out published",
            f"{QPU} --out qpu",
            f"{QPU} --epochs 8 --out kept",
            "embed --layers 6,4 --chip chimera:2 --chip-missing 0 --copies 1 --out placed.json --seed 3"
            " --method minorminer",
        ):
            result = ising_ep(*shlex.split(command))
            assert result.exit_code == 0, result.output
    return folder


def without_pictures(patch: pytest.MonkeyPatch) -> None:
    """A run draws none: they take longer than all the rest, and no option of `train` is about them."""
    patch.setattr(runs, "draw", lambda *_: None)


# --- what comes out -------------------------------------------------------------------------------------


class Shop:
    """Runs each command once, or twice to see that chance is no cause, in a folder of its own."""

    def __init__(self, inputs: Path, folder: Path) -> None:
        self.inputs, self.folder = inputs, folder
        self.known: dict[str, Any] = {}
        self.number = 0

    def run(self, command: str, *faults: Fault) -> tuple[Result, dict[str, Any]]:
        """The result, and all that comes out. The service is a new one, which finds nothing by its label."""
        self.number += 1
        here = self.folder / str(self.number)
        shutil.copytree(self.inputs, here)
        before = {path: path.stat().st_mtime_ns for path in here.rglob("*")}
        asked: set[Any] = set()
        saved = [0]
        with pytest.MonkeyPatch.context() as patch, Emulator(MODEL_OF_QPU) as service:
            for fault in faults:
                service.add_fault(fault)
            patch.chdir(here)
            if command.startswith("embed"):
                patch.setenv("XDG_CACHE_HOME", str(here / "cache"))
            patch.delenv("ISING_EP_MNIST", raising=False)
            log_in(patch, service)
            notice(patch, asked, saved)
            words = shlex.split(command)
            if words[0] == "train":
                without_pictures(patch)
            result, heard = serve(words) if words[0] == "emulate" else (ising_ep(*words), None)
        written = {
            str(path.relative_to(here)): content_of(path)
            for path in sorted(here.rglob("*"))
            if path.is_file() and before.get(path) != path.stat().st_mtime_ns
        }
        shutil.rmtree(here)
        return result, {
            "exit code": result.exit_code,
            "printed": [] if heard else printed(result),
            "heard": heard,
            "written": written,
            "problems": len(service.problems),
            "threads": asked,
            "saved": saved,
        }

    def outcome(self, command: str) -> dict[str, Any]:
        """What comes out, each time."""
        if command not in self.known:
            self.known[command] = self.run(command)[1]
            assert self.run(command)[1] == self.known[command]  # chance is no cause
        found: dict[str, Any] = self.known[command]
        return found


def notice(patch: pytest.MonkeyPatch, threads: set[Any], saved: list[int]) -> None:
    """What never changes a result: the threads that anneal, and how often a run is saved."""
    count_anneals(patch, lambda call: threads.add(call["num_threads"]))
    save = RunFolder.save

    def counted_save(self: RunFolder, *arguments: Any) -> None:
        saved[0] += 1
        save(self, *arguments)

    patch.setattr(RunFolder, "save", counted_save)


def printed(result: Result) -> list[str]:
    """What it prints, but for the line of settings and how long it took; of an error, the last line."""
    took = re.compile(r"seed \d+: \S+ s$|^ +\S+ s  |until one does")
    out = [line for line in result.stdout.splitlines() if not took.search(line)]
    return out if result.exit_code == 0 else [*out, result.output.splitlines()[-1]]


def content_of(path: Path) -> Any:
    """What a file holds, but for times, the name of a run and what other programs may write otherwise; and
    but for the settings that are kept beside a result, which prove nothing."""
    if path.name == "metrics.csv":
        return [line.rpartition(",")[0] for line in path.read_text().splitlines()]
    if path.suffix == ".safetensors":
        return {name: value.tobytes() for name, value in load_file(path).items()}
    if path.suffix == ".json" and path.name != CONFIG:
        content = json.loads(path.read_text())
        # Settings name the folder in which they were found.
        of_folder = ("chip",) if "machine" in content else ()
        return {name: value for name, value in content.items() if name not in ("info", "run", *of_folder)}
    if path.suffix == ".csv":
        return path.read_text()
    return None


@pytest.fixture(scope="module")
def shop(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return Shop(inputs, tmp_path_factory.mktemp("shop"))


# --- the stand-in for the service -----------------------------------------------------------------------


def serve(words: list[str]) -> tuple[Result, Any]:
    """The result of `emulate`, ended by Ctrl-C, and what a client heard meanwhile."""
    heard: list[Any] = []

    def talk() -> None:
        ended = threading.Event()
        try:
            limit = time.monotonic() + 30
            while not (said := settings_said()) and time.monotonic() < limit and not finished.is_set():
                ended.wait(0.01)
            if said:
                heard.append(ask(said))
        finally:
            if not finished.is_set():
                os.kill(os.getpid(), signal.SIGINT)

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    finished = threading.Event()
    thread = threading.Thread(target=talk)
    try:
        thread.start()
        result = ising_ep(*words)
    finally:
        finished.set()
        thread.join()
        for number, handler in before.items():
            signal.signal(number, handler)
    return result, heard


def settings_said() -> dict[str, str]:
    """What the command has printed, to be set in the environment."""
    shown = getattr(sys.stdout, "buffer", None)
    text = shown.getvalue().decode() if hasattr(shown, "getvalue") else ""
    found = dict(re.findall(r"^export (\w+)=(\S+)$", text, re.MULTILINE))
    return found if len(found) == 2 else {}


def ask(said: dict[str, str]) -> Any:
    """A chip, its reads of a frustrated problem, and whether it took its time."""
    login = {"endpoint": said["DWAVE_API_ENDPOINT"], "token": said["DWAVE_API_TOKEN"]}
    with Client(**login, cache_enabled=False, config_file=False) as client:
        solver = client.get_solver()
        chip = sorted(solver.nodes), sorted(solver.edges), sorted(solver.parameters)
        rng = np.random.default_rng(0)
        linear = {qubit: float(rng.normal()) for qubit in chip[0]}
        quadratic = {pair: float(rng.uniform(-1, 1)) for pair in chip[1] if pair[0] < pair[1]}
        # More than half a second of a QPU, and some milliseconds of this computer.
        parameters = {"num_reads": 1000, "annealing_time": 500.0, "answer_mode": "raw"}
        future = solver.sample_ising(linear, quadratic, **parameters)
        try:
            reads = future.samples
        except SolverError as error:
            return chip, type(error).__name__
        took = (future.time_solved - future.time_received).total_seconds() * 1e6
        return chip, reads, took >= future.timing["qpu_access_time"]


# --- the walk -------------------------------------------------------------------------------------------

QUIET = pytest.mark.filterwarnings("ignore:training accuracy", "ignore:chip_temperature")


@pytest.mark.slow
@QUIET
@pytest.mark.parametrize(("command", "option", "entry"), list(walked()))
def test_another_value_makes_another_outcome_or_is_refused(
    shop: Shop, command: str, option: str, entry: Changes | Instead | Refused
) -> None:
    base = WALKS[command].base
    if isinstance(entry, Instead):
        assert shop.run(entry.command)[1] != shop.outcome(entry.of or base)
    elif isinstance(entry, Changes):
        usual = entry.after or base
        assert shop.run(f"{usual} {entry.words}")[1] != shop.outcome(usual)
    else:
        result, outcome = shop.run(f"{entry.after or base} {entry.words}")
        assert_refused(result, entry.text)
        assert outcome["written"].keys() <= {"qpu/qpu.sqlite"}  # of a run that is there already
        assert not outcome["problems"]


def assert_refused(result: Result, text: str) -> None:
    """In one line that has the text; click sets the usage before some."""
    assert result.exit_code == 2, result.output
    assert isinstance(result.exception, SystemExit)
    *others, last = result.stderr.strip().splitlines()
    assert last.startswith("Error: ")
    assert text in last
    assert not [line for line in others if line.startswith("Error")]


# Something, of settings that are None by default.
OF_NONE = {"copies": 1, "embedding": "e.json", "chip_missing": 0.1, "test_reads": 1}
SETTINGS = [p for p in cli.main.commands["train"].params if p.name in DEFAULTS_OF_ALL]


MACHINES = REGISTRY.names


def of_machine(machine: str, option: click.Parameter) -> bool:
    """Whether an option is for what the machine lacks."""
    return lacking({"machine": machine}).get(str(option.name), "").startswith("machine ")


@pytest.mark.parametrize(
    ("machine", "option"),
    [(machine, p) for machine in MACHINES for p in SETTINGS if of_machine(machine, p)],
    ids=lambda each: each if isinstance(each, str) else each.name,
)
def test_what_a_machine_lacks_is_refused_even_as_it_is_by_default(
    machine: str, option: click.Option, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    value = OF_NONE.get(str(option.name), DEFAULTS_OF_ALL[str(option.name)])
    words = [option.opts[0], *(value if isinstance(value, tuple) else [value])]
    if option.is_flag:
        words = (option.opts if value else option.secondary_opts)[:1]
    result = ising_ep("train", "--machine", machine, *words)
    assert_refused(result, f"{option.name} is")
    assert f"but machine {machine} has" in result.stderr
    assert not list(tmp_path.iterdir())


# --- what is not seen so --------------------------------------------------------------------------------

ON_QPU = [QPU, "evaluate qpu", "predict qpu nine.npy"]


@pytest.mark.slow
@pytest.mark.parametrize("command", ON_QPU)
def test_a_solver_that_goes_offline_is_waited_for_or_not(shop: Shop, command: str) -> None:
    soon, late = (Fault("offline", "submit", seconds=seconds) for seconds in (1.1, 60))
    codes = [
        shop.run(f"{command} {words}", fault)[1]["exit code"]
        for words, fault in (("", soon), ("--when-offline wait", soon), ("--when-offline stop", late))
    ]
    assert codes == [0, 0, 75]


@pytest.mark.slow
@pytest.mark.parametrize("command", ON_QPU)
def test_an_answer_is_waited_for_as_long_as_asked_for(shop: Shop, command: str) -> None:
    """A problem that stays in progress is asked for anew after a second, and not after ten minutes."""
    usual = shop.outcome(command)
    outcome = shop.run(f"{command} --answer-timeout 1", Fault("never"))[1]
    assert outcome["exit code"] == 0
    assert outcome["problems"] > usual["problems"]
    assert outcome["printed"] == usual["printed"]


@pytest.mark.slow
def test_the_report_of_a_run_that_goes_on_is_watched_or_not(
    inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without --watch the page is written once; with it, a browser loads the first of two pages again."""
    monkeypatch.chdir(shutil.copytree(inputs, tmp_path / "here"))
    run = RunFolder.open(Path("trained"))
    written: list[bool] = []
    write = cli.report.replace

    def seen(path: Path, content: bytes) -> None:
        written.append(b'http-equiv="refresh"' in content)
        write(path, content)
        run.close()

    monkeypatch.setattr(cli.report, "replace", seen)
    for words, refreshed in (((), [False]), (("--watch",), [True, False])):
        run.hold()
        written.clear()
        assert ising_ep("report", "trained", *words).exit_code == 0
        assert written == refreshed


def test_the_stand_in_serves_at_the_port_that_is_asked_for(shop: Shop) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    result, heard = serve(shlex.split(f"{EMULATE} --port {port}"))
    assert result.exit_code == 0
    assert heard
    assert f"127.0.0.1:{port}/" in result.stdout


def test_a_problem_is_shown_where_the_inspector_is_installed() -> None:
    """What it shows there: tests/qpu/test_inspector.py."""
    if find_spec("dwave._inspectorapp") is not None:
        pytest.skip("D-Wave's app is installed")
    assert_refused(ising_ep("inspect", "kept", "--open"), "--open needs dwave-inspector")


def test_doctor_prints_json_where_that_is_asked_for() -> None:
    text, found = (ising_ep("doctor", *words).stdout for words in ([], ["--json"]))
    assert text.startswith(f"ising-ep {json.loads(found)['ising-ep']}, Python ")


# --- examples -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [None, *cli.main.commands])
def test_the_help_has_examples_that_parse(name: str | None) -> None:
    help_of = ising_ep(*([] if name is None else [name]), "--help").output.replace(" \\\n", " ")
    found = re.search(r"^  Examples?:\n((?:    ising-ep .*\n)+)", help_of, re.MULTILINE)
    assert found
    for line in found[1].splitlines():
        _, command, *words = shlex.split(re.sub(r"   \(.*\)$", "", line))
        assert name in (None, command)
        # Parses, and runs nothing.
        assert cli.main.commands[command].make_context(command, words, parent=click.Context(cli.main)).params
