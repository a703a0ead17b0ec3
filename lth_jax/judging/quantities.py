"""Quantities: a number for every level and replicate of a pool."""

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from ..schema import DATA_ORDER, PRUNING
from ..study.networks import COPY
from .intervals import LINEAR, LOG, SAVED, Scale
from .pool import Pool
from .units import Unit, degrees, length, number, percent, points, times

if TYPE_CHECKING:
    import pandas as pd

ES_ACCURACY, FINAL_ACCURACY = "test_accuracy_es", "test_accuracy_final"
ES_STEP, VALIDATION = "early_stop_step", "val_accuracy_es"
TRAIN_ACCURACY = "train_accuracy_final"
NAMES = {
    "test_accuracy_es": "test accuracy at early stop",
    "test_accuracy_final": "final test accuracy",
    "val_accuracy_es": "validation accuracy at early stop",
    "val_accuracy_final": "final validation accuracy",
    "train_accuracy_final": "final training accuracy",
    "early_stop_step": "early-stop step",
    "distance": "L2 distance",
    "angle": "angle",
    "train_barrier": "training error barrier",
    "test_barrier": "test error barrier",
    "kept_positive": "positive share of the initial weights",
    "near_zero": "share of the initial weights within half a standard deviation of 0",
    "hollow": "density of the initial weights at 0 / at the lower of the peaks beside",
    "distance_kept": "mean distance that weights move in dense training, in the ticket",
    "distance_other": "outside",
    "grown_kept": "share of weights that grow in dense training, in the ticket",
    "grown_other": "outside",
    "incoming_spread": "spread over units of the incoming connections kept",
    "incoming_random": "of a random mask",
    "outgoing_spread": "spread over units of the outgoing connections kept",
    "outgoing_random": "of a random mask",
}
CAUSES = {
    DATA_ORDER: "of {} between two data orders",
    PRUNING: "of {} to the dense network",
}
"""What is compared for stability, by what makes the two networks differ."""


class Quantity(NamedTuple):
    """A number for every position and replicate, made of one or two tables.

    The number of all replicates is made of the means of these tables: a ratio is one of
    means, as in the figures of papers, and no mean of ratios.

    Attributes:
        text: what it is.
        unit: how it is written.
        kinds: of networks that it reads.
        tables: pool -> what it is made of: rows are positions (or, of the dense
            network, there are none), columns are replicates.
        join: makes the number of these, or of their means.
        column: what it reads of each network, see `frame`, or of each pair.
        scale: on which replicates are averaged.
        stops: kinds whose early stop it compares, ``dense`` among them.
        exact: it counts networks; so a count is what it is, and has no interval.
        cause: why the networks differ whose stability it reads; empty if it reads none.
        compared: kinds whose stability it reads.
        layer: path of the layer of the tickets that it reads; empty if it reads none.
    """

    text: str
    unit: Unit
    kinds: tuple[str, ...]
    tables: Callable[[Pool], tuple[Any, ...]]
    join: Callable[..., Any]
    column: str
    scale: Scale = LINEAR
    stops: tuple[str, ...] = ()
    exact: bool = False
    cause: str = ""
    compared: tuple[str, ...] = ()
    layer: str = ""

    def frame(self, pool: Pool) -> "pd.DataFrame":
        """Return one row per position, one column per replicate."""
        return self.join(*self.tables(pool))

    @property
    def step(self) -> int | None:
        """The step at which networks must have been evaluated, if it is a fixed one."""
        return _step(self.column)


def frame(pool: Pool, kind: str, column: str) -> "pd.DataFrame":
    """Return a column of a kind's networks: positions x replicates, mean over draws.

    Args:
        pool: of runs.
        kind: which networks.
        column: of the summary, or ``accuracy@STEP``: the test accuracy at that step.
    """
    table = pool.summary[pool.summary["kind"] == kind]
    step = _step(column)
    if step is not None:
        curves = pool.curves
        at_step = (curves["step"] == step) & (curves["split"] == "test")
        table = curves[at_step & (curves["kind"] == kind)]
    values = table[column.split("@")[0]].astype(float)
    keys = [table["position"], table["replicate"]]
    return values.groupby(keys).mean().unstack()


def _step(column: str) -> int | None:
    return int(column.split("@")[1]) if "@" in column else None


def _dense(pool: Pool, column: str) -> "pd.Series":
    return frame(pool, "ticket", column).reindex([0.0]).loc[0.0]


def _name(column: str) -> str:
    return NAMES.get(column) or f"test {column.replace('@', ' at step ')}"


def _with_tickets(*kinds: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(("ticket", *kinds)))


def _itself(table: Any) -> Any:
    return table


def value(column: str, kind: str = "ticket") -> Quantity:
    """Return what a column holds: an accuracy in percent, or an early-stop step."""
    unit, factor = (number, 1) if column == ES_STEP else (percent, 100)
    return Quantity(
        f"{_name(column)} of {kind}",
        unit,
        _with_tickets(kind),
        lambda pool: (factor * frame(pool, kind, column),),
        _itself,
        column,
        stops=(kind,) if column == ES_STEP else (),
    )


def gain(column: str = ES_ACCURACY, kind: str = "ticket") -> Quantity:
    """Return the difference in accuracy between a kind and its dense network."""
    return Quantity(
        f"{_name(column)}, {kind} minus dense",
        points,
        _with_tickets(kind),
        lambda pool: (100 * frame(pool, kind, column), 100 * _dense(pool, column)),
        operator.sub,
        column,
    )


def lead(
    column: str = ES_ACCURACY, kind: str = "ticket", other: str = "random_reinit"
) -> Quantity:
    """Return the difference in accuracy between two kinds at the same level."""
    return Quantity(
        f"{_name(column)}, {kind} minus {other}",
        points,
        _with_tickets(kind, other),
        lambda pool: tuple(100 * frame(pool, each, column) for each in (kind, other)),
        operator.sub,
        column,
    )


def speedup(kind: str = "ticket") -> Quantity:
    """Return the early-stop step of the dense network divided by that of a kind."""
    return Quantity(
        f"dense early-stop step / {kind} early-stop step",
        times,
        _with_tickets(kind),
        lambda pool: (_dense(pool, ES_STEP), _steps(pool, kind)),
        operator.truediv,
        ES_STEP,
        LOG,
        stops=(kind, "dense"),
    )


def saving() -> Quantity:
    """Return the part of the dense network's early-stop step that tickets save."""
    return Quantity(
        "1 - ticket early-stop step / dense early-stop step",
        percent,
        _with_tickets(),
        lambda pool: (_steps(pool, "ticket"), _dense(pool, ES_STEP)),
        lambda ticket, dense: 100 * (1 - ticket / dense),
        ES_STEP,
        SAVED,
        stops=("ticket", "dense"),
    )


def slowdown(kind: str, than: str) -> Quantity:
    """Return the early-stop step of a kind divided by that of another.

    Args:
        kind: of networks.
        than: another kind, or ``dense``.
    """

    def tables(pool: Pool) -> tuple[Any, ...]:
        below = _dense(pool, ES_STEP) if than == "dense" else _steps(pool, than)
        return frame(pool, kind, ES_STEP), below

    return Quantity(
        f"{kind} early-stop step / {than} early-stop step",
        times,
        _with_tickets(kind, *([] if than == "dense" else [than])),
        tables,
        operator.truediv,
        ES_STEP,
        LOG,
        stops=(kind, than),
    )


def learned(threshold: float = 0.2) -> Quantity:
    """Return 100 where the final validation accuracy of tickets is above a threshold.

    Elsewhere it is 0, so the mean over replicates is a share in percent.
    """
    return Quantity(
        f"share of tickets with final validation accuracy above {100 * threshold:g} %",
        percent,
        _with_tickets(),
        lambda pool: (
            100.0 * (frame(pool, "ticket", "val_accuracy_final") > threshold),
        ),
        _itself,
        "val_accuracy_final",
        exact=True,
    )


def unstopped(part: float) -> Quantity:
    """Return the share of tickets without an early stop in a first part of training.

    Example:
        >>> unstopped(0.9).text
        'share of tickets without early stop in the first 90 % of training'
    """
    return Quantity(
        f"share of tickets without early stop in the first {100 * part:g} % of"
        " training",
        percent,
        _with_tickets(),
        lambda pool: (
            100.0
            * (frame(pool, "ticket", ES_STEP) >= part * pool.numbers["train.steps"]),
        ),
        _itself,
        ES_STEP,
        exact=True,
    )


def _steps(pool: Pool, kind: str) -> "pd.DataFrame":
    """Return early-stop steps; missing where they are 0, to be divided by."""
    steps = frame(pool, kind, ES_STEP)
    return steps.where(steps > 0)


# Stability: quantities of pairs of networks that start from the same weights.


def closeness(column: str, cause: str, kind: str = "ticket") -> Quantity:
    """Return the distance between two networks of a kind, or from the dense one.

    Args:
        column: ``distance``, ``angle``, ``train_barrier`` or ``test_barrier``.
        cause: what makes the two networks of a pair differ.
        kind: of the network, or of both.

    Example:
        >>> closeness("angle", "data_order").text
        'angle of ticket between two data orders'
    """
    unit = {"distance": length, "angle": degrees}.get(column, percent)
    factor = 100 if unit is percent else 1
    return Quantity(
        f"{NAMES[column]} {CAUSES[cause].format(kind)}",
        unit,
        _copied_kinds(cause, kind),
        lambda pool: (factor * _between(pool, kind, cause, column),),
        _itself,
        column,
        cause=cause,
        compared=(kind,),
    )


def stabler(column: str, cause: str, than: str, kind: str = "ticket") -> Quantity:
    """Return the distance between networks of another kind divided by that of a kind.

    Args:
        column: as in `closeness`.
        cause: what makes the two networks of a pair differ.
        than: the other kind.
        kind: that is stabler if the ratio is above 1.

    Example:
        >>> stabler("distance", "pruning", than="shuffle_mask").text
        'L2 distance of networks to the dense network, shuffle_mask / ticket'
    """
    return Quantity(
        f"{NAMES[column]} {CAUSES[cause].format('networks')}, {than} / {kind}",
        times,
        _copied_kinds(cause, kind, than),
        lambda pool: (
            _between(pool, than, cause, column),
            _between(pool, kind, cause, column),
        ),
        operator.truediv,
        column,
        LOG,
        cause=cause,
        compared=(kind, than),
    )


def _copied_kinds(cause: str, *kinds: str) -> tuple[str, ...]:
    """Return the networks behind comparisons, which count only if all are ok."""
    copies = [kind + COPY for kind in kinds] if cause == DATA_ORDER else []
    return _with_tickets(*kinds, *copies)


def _between(pool: Pool, kind: str, cause: str, column: str) -> "pd.DataFrame":
    """Return positions x replicates, mean over pairs."""
    table = pool.stability
    table = table[(table["kind"] == kind) & (table["cause"] == cause)]
    keys = [table["position"], table["replicate"]]
    return table[column].astype(float).groupby(keys).mean().unstack()


# Anatomy: quantities of the layers of tickets.


class Layer(NamedTuple):
    """A layer of a network: its path, and how it is called."""

    path: str
    text: str


def part(layer: Layer, column: str) -> Quantity:
    """Return a share or a spread of a layer of tickets, in percent.

    Args:
        layer: which one.
        column: of the table of layers, see `lth_jax.analysis.anatomy.LAYERS`.

    Example:
        >>> part(Layer("Dense_0/kernel", "first layer"), "kept_positive").text
        'first layer of tickets, positive share of the initial weights'
    """
    return Quantity(
        f"{layer.text} of tickets, {NAMES[column]}",
        percent,
        _with_tickets(),
        lambda pool: (100 * _inside(pool, layer, column),),
        _itself,
        column,
        layer=layer.path,
    )


def ratio(layer: Layer, column: str, below: str) -> Quantity:
    """Return a column of a layer of tickets divided by another column.

    Example:
        >>> second = Layer("Dense_1/kernel", "second layer")
        >>> quantity = ratio(second, "incoming_spread", "incoming_random")
        >>> quantity.text.split(", ")[1]
        'spread over units of the incoming connections kept / of a random mask'
    """
    return Quantity(
        f"{layer.text} of tickets, {NAMES[column]} / {NAMES[below]}",
        times,
        _with_tickets(),
        lambda pool: (_inside(pool, layer, column), _inside(pool, layer, below)),
        operator.truediv,
        column,
        LOG,
        layer=layer.path,
    )


def hollow(layer: Layer) -> Quantity:
    """Return how dense the initial weights that tickets keep are at 0.

    Divided by the lower of the two peaks beside it, left and right: 1 and more where
    one of them is missing.

    Example:
        >>> hollow(Layer("Dense_1/kernel", "second layer")).column
        'hollow'
    """
    return Quantity(
        f"{layer.text} of tickets, {NAMES['hollow']}",
        times,
        _with_tickets(),
        lambda pool: (_inside(pool, layer, "hollow"),),
        _itself,
        "hollow",
        layer=layer.path,
    )


def excess(layer: Layer, column: str, other: str) -> Quantity:
    """Return a share of a layer of tickets minus another share of it.

    Example:
        >>> output = Layer("Dense_2/kernel", "output layer")
        >>> excess(output, "grown_kept", "grown_other").text.split(", ")[2]
        'in the ticket minus outside'
    """
    return Quantity(
        f"{layer.text} of tickets, {NAMES[column]} minus {NAMES[other]}",
        points,
        _with_tickets(),
        lambda pool: tuple(
            100 * _inside(pool, layer, each) for each in (column, other)
        ),
        operator.sub,
        column,
        layer=layer.path,
    )


def _inside(pool: Pool, layer: Layer, column: str) -> "pd.DataFrame":
    """Return positions x replicates."""
    table = pool.layers[pool.layers["layer"] == layer.path]
    keys = [table["position"], table["replicate"]]
    return table[column].astype(float).groupby(keys).mean().unstack()
