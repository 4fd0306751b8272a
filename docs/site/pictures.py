"""Draws the pictures of the explanation: `python docs/site/pictures.py`, a minute or two."""

from __future__ import annotations

from pathlib import Path

import dimod
import matplotlib as mpl
import networkx as nx
import numpy as np
from matplotlib.figure import Figure

from ising_ep import SimulatedAnnealingSampler, datasets, plots, training
from ising_ep.chip import Chip, EnergyScales
from ising_ep.config import TrainConfig, preset
from ising_ep.embedding import embed
from ising_ep.machines.chip_model import RATE, TEMPERATURE
from ising_ep.machines.chip_rates import QUBIT, Kind, TunnellingRates
from ising_ep.network import FullyConnected

FOLDER = Path(__file__).resolve().parents[1] / "explain"
# Told apart in grey and by colour-blind readers: the Okabe-Ito palette, with dashes besides.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
DASHES = ("-", "--", "-.", ":")


def two_phases() -> Figure:
    """What the output spins of a network of digits do in both phases, before and after learning."""
    digits = datasets.load_digits()
    own = {"layers": (40, 20), "epochs": 8, "learning_rate": 0.005, "bias_learning_rate": 0.005, "shift": 0}
    config = TrainConfig.checked(preset("mnist-100") | {"dataset": "digits", "train_per_class": None} | own)
    rule = training.learning_rule(config, digits)
    untrained = rule.network.initial_parameters(np.random.default_rng(1))
    trained = training.train(config, digits).parameters
    figure = Figure(figsize=(9, 3.4), layout="constrained", dpi=plots.DPI)
    grid = figure.subplots(2, 4, width_ratios=[1, 1.6, 1.6, 1.6])
    image, ids = digits.x_test[:1], np.zeros(1, dtype=np.uint32)
    target = rule.network.targets(digits.y_test[:1])
    for row, (when, parameters) in zip(grid, (("before", untrained), ("after", trained)), strict=True):
        fields = rule.network.fields(parameters, image)
        free = rule.free_phase(parameters, fields, ids)
        nudged = rule.nudge_phase(parameters, fields, target, free, ids)
        row[0].imshow(image.reshape(8, 8), cmap="gray_r")
        row[0].set(title=f"{when} learning", xticks=[], yticks=[])
        panels = {"free phase": rule.outputs(free), "nudge phase": rule.outputs(nudged), "target": target}
        for axes, (name, spins) in zip(row[1:], panels.items(), strict=True):
            shades = axes.imshow(spins.reshape(10, -1).T, cmap="gray", vmin=-1, vmax=1, aspect="auto")
            axes.set(title=name, xticks=range(10), yticks=[])
    for axes in grid[1, 1:]:
        axes.set_xlabel("digit that the spins stand for")
    figure.colorbar(shades, ax=grid, label="output spin", ticks=[-1, 0, 1])
    return figure


def anneal() -> Figure:
    """Spins of a lattice at three moments of an anneal, and its energy in all of them."""
    lattice = nx.grid_2d_graph(40, 40, periodic=True)
    problem = dimod.BinaryQuadraticModel.from_ising({}, dict.fromkeys(lattice.edges, -1.0))
    betas = np.geomspace(0.1, 2.0, 200)
    figure = Figure(figsize=(10, 3), layout="constrained", dpi=plots.DPI)
    *snapshots, course = figure.subplots(1, 4, width_ratios=[1, 1, 1, 1.5])

    def stopped(sweeps: int) -> dimod.SampleSet:
        schedule = {"beta_schedule": betas[:sweeps], "beta_schedule_type": "custom", "num_sweeps": sweeps}
        return SimulatedAnnealingSampler().sample(problem, num_reads=8, seed=2, **schedule)

    for axes, sweeps in zip(snapshots, (20, 100, 200), strict=True):
        spins = [stopped(sweeps).first.sample[site] for site in lattice]
        axes.imshow(np.reshape(spins, (40, 40)), cmap="gray", vmin=-1, vmax=1)
        axes.set(title=f"sweep {sweeps}, T = {1 / betas[sweeps - 1]:.2g}", xticks=[], yticks=[])
    done = np.arange(5, 201, 5)
    means = [stopped(sweeps).record.energy.mean() / len(lattice) for sweeps in done]
    course.plot(done, means, color=COLOURS[0], label="energy of a spin")
    course.set(xlabel="sweep", ylabel="energy of a spin", title="hot to cold")
    heat = course.twinx()
    heat.plot(done, 1 / betas[done - 1], DASHES[1], color=COLOURS[1], label="temperature")
    heat.set_ylabel("temperature")
    course.legend(handles=[*course.lines, *heat.lines], frameon=False, loc="upper right")
    return figure


def chains() -> Figure:
    """A small network, and the qubits that its spins take on a chip."""
    network, chip = FullyConnected(4, (6, 4), num_classes=2), Chip.perfect("chimera", 3)
    embedding = embed(network, chip, copies=1, cache=False)
    figure = Figure(figsize=(9, 4.6), layout="constrained", dpi=plots.DPI)
    left, right = figure.subplots(1, 2)
    rows, cols, _ = network.couplings(network.initial_parameters(np.random.default_rng(0)))
    place = {spin: (0, -spin) for spin in range(6)} | {spin: (1, 4 - 1.2 * spin) for spin in range(6, 10)}
    colours = [mpl.colormaps["tab20"](spin) for spin in range(10)]
    graph = nx.Graph(zip(rows.tolist(), cols.tolist(), strict=True))
    nx.draw_networkx_edges(graph, place, ax=left, edge_color="silver")
    for spin, (x, y) in place.items():
        left.scatter(x, y, s=420, color=colours[spin], edgecolors="black", zorder=2)
        left.text(x, y, str(spin), ha="center", va="center", zorder=3)
    left.set(title="network: 10 spins, 24 couplings", xlim=(-0.3, 1.3))
    left.axis("off")
    lengths = embedding.chain_lengths()
    owner = dict(
        zip(embedding.qubits().tolist(), np.repeat(np.arange(len(lengths)), lengths).tolist(), strict=True)
    )
    layout = chip.topology.layout(chip.topology.graph(chip.shape))
    for a, b in chip.qubits[chip.ends].tolist():
        chain = owner.get(a, -1) == owner.get(b, -2)
        style = (
            {"color": colours[owner[a]], "linewidth": 5} if chain else {"color": "silver", "linewidth": 0.7}
        )
        right.plot(*zip(layout[a], layout[b], strict=True), zorder=1, **style)
    for qubit in chip.qubits.tolist():
        spin = owner.get(qubit)
        colour = "white" if spin is None else colours[spin]
        right.scatter(*layout[qubit], s=150, color=colour, edgecolors="grey", zorder=2)
        right.text(
            *layout[qubit], "" if spin is None else str(spin), ha="center", va="center", fontsize=7, zorder=3
        )
    right.set_title(f"chip: {embedding.num_qubits} qubits in 10 chains")
    right.set_aspect("equal")
    right.axis("off")
    return figure


def freeze_out() -> Figure:
    """A(s) and B(s) of a chip, and the tries that qubits and chains have left."""
    scales = EnergyScales.named("advantage_system4")
    rates = TunnellingRates(scales, temperature=TEMPERATURE, rate=RATE, sweeps_per_us=1e9)
    anneal, s = np.array([[0.0, 0.0], [20.0, 1.0]]), np.linspace(0.15, 1, 400)
    figure = Figure(figsize=(10, 3.6), layout="constrained", dpi=plots.DPI)
    left, middle, right = figure.subplots(1, 3)
    for values, name, colour, dash in zip(
        scales.at(s), ("A(s), the field", "B(s), the problem"), COLOURS, DASHES, strict=False
    ):
        left.semilogy(s, values, dash, color=colour, label=name)
    left.set(xlabel="s", ylabel="GHz", ylim=(1e-4, 20), title="Energies")
    kinds = {"a qubit": QUBIT, "chain of 3": Kind(3, 1.0), "chain of 12": Kind(12, 1.0)}
    for (name, kind), colour, dash in zip(kinds.items(), COLOURS, DASHES, strict=False):
        per_step = rates.tries_per_us(s, kind) * (20 / (1 / (s[1] - s[0])))
        left_over = np.cumsum(per_step[::-1])[::-1]
        stop = rates.freeze_out(anneal, kind)
        middle.semilogy(s, left_over, dash, color=colour, label=name)
        right.plot(stop, rates.inverse_temperature(stop), "o", color=colour, label=f"{name}: s = {stop:.2f}")
    middle.axhline(1, color="grey", linewidth=0.8)
    middle.set(xlabel="s", ylabel="flips tried from s on", ylim=(1e-2, 1e5), title="Tries that are left")
    right.plot(s, rates.inverse_temperature(s), color="grey", zorder=0)
    right.set(xlabel="s", ylabel="inverse temperature (1/J)", title="Where they freeze")
    for axes in (left, middle, right):
        axes.legend(frameon=False, fontsize="small")
        axes.grid(alpha=0.3)
    return figure


def main() -> None:
    """Draws them all."""
    for draw in (two_phases, anneal, chains, freeze_out):
        plots.save(draw(), FOLDER / f"{draw.__name__.replace('_', '-')}.png")


if __name__ == "__main__":
    main()
