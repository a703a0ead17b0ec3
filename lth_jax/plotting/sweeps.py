"""Figures of sweeps over one setting: the appendices of the first paper, B, G, H, I."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .density import STOP, TEST_AT_STOP, Series
from .differences import (
    NAMED,
    NETWORKS,
    SCOPES,
    differing,
    networks,
    plain,
    settings_of,
)
from .exhibits import Runs
from .lines import draw_lines
from .moments import MOMENTS, moment_titles, moments_of, with_moments
from .style import (
    COLOURS,
    INK,
    MARKERS,
    MORE_COLOURS,
    kinds,
    ramp,
    rows_of_panels,
    side_legend,
    style,
    under,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..store.read import Run

Settings = Mapping[str, Any]
VALIDATION_AT_STOP = ("val_accuracy_es", "Validation accuracy at early stop (%)")
ON_VALIDATION = (STOP, VALIDATION_AT_STOP)
ON_TEST = (STOP, TEST_AT_STOP)
RATE, WARMUP = "train.learning_rate", "train.warmup"
LENET, CONV = ("lenet",), ("conv2", "conv4", "conv6")
VGG, RESNET = ("vgg19",), ("resnet18",)
DASHES = ("-", (0, (3, 1.5)))


class Value(NamedTuple):
    """What is special about a variant.

    Attributes:
        words: in the legend.
        order: place on the ramp of colours; None: its colour is no part of it.
    """

    words: str
    order: float | None = None


class Sweep(NamedTuple):
    """Which runs a figure shows, and how.

    Attributes:
        networks: it has a row of panels for each that is there.
        varies: the setting in which its variants must differ.
        value: of a variant, from its settings; None: it is none of these.
        title: of the legend.
        along: settings in which they may differ too.
        where: tells runs that belong from others, by their settings.
        shows: columns of the summary and their titles; or the split whose accuracy is
            shown at three moments of training.
        by_weights: x is the number of weights, not their share.
        dashed: what is dashed: a setting and its values in words, solid first; or
            controls.
    """

    networks: tuple[str, ...]
    varies: str
    value: Callable[[Settings], Value | None]
    title: str
    along: tuple[str, ...] = ()
    where: Callable[[Settings], bool] = lambda settings: True
    shows: tuple[tuple[str, str], ...] | str = ON_VALIDATION
    by_weights: bool = False
    dashed: tuple[str, Mapping[str, str]] | None = None


CONTROLS = ("kind", {"ticket": "ticket", "random_reinit": "random reinit"})
BY_SCOPE = ("prune.scope", SCOPES)


def _number(name: str) -> Callable[[Settings], Value]:
    return lambda settings: Value(plain(settings[name]), settings[name])


def _is(**values: Any) -> Callable[[Settings], bool]:
    """Return whether some settings of training have a value, without dropout."""
    wanted = {f"train.{name}": value for name, value in values.items()}
    wanted["model.dropout"] = 0
    return lambda settings: wanted.items() <= _hashable(settings)


def _hashable(settings: Settings) -> Any:
    return {k: v for k, v in settings.items() if not isinstance(v, list)}.items()


def _std(settings: Settings) -> Value:
    std = settings["model.init_std"]
    return Value("Glorot's") if std is None else Value(plain(std), std)


def _size(settings: Settings) -> Value:
    widths = settings["model.widths"]
    return Value("-".join(map(str, widths)), widths[0])


def _conv_rate(settings: Settings) -> Value | None:
    rate = dict(settings["prune.rates"]).get("conv", settings["prune.rate"])
    return Value(plain(rate), rate) if rate else None


def _layers(settings: Settings) -> Value | None:
    rates = dict(settings["prune.rates"])
    idle = {kind for kind in ("conv", "dense") if rates.get(kind) == 0}
    words = {"conv": "dense layers only", "dense": "convolutions only"}
    if len(idle) == 2:
        return None
    return Value(words[idle.pop()] if idle else "all layers")


def _way(settings: Settings) -> Value:
    return Value(NAMED["prune.continued"][settings["prune.continued"]])


def _schedule(settings: Settings) -> Value:
    warmup = settings[WARMUP]
    after = f", warmup {warmup:,}" if warmup else ""
    return Value(f"rate {plain(settings[RATE])}{after}")


def _rates(which: tuple[str, ...], where: Callable[[Settings], bool]) -> Sweep:
    return Sweep(which, RATE, _number(RATE), "learning rate", where=where)


def _scopes(which: tuple[str, ...]) -> Sweep:
    shows: Any = {"along": (RATE, WARMUP), "shows": "test", "dashed": BY_SCOPE}
    return Sweep(which, "prune.scope", _schedule, "", **shows)


def _layerwise(which: tuple[str, ...]) -> Sweep:
    shows: Any = {"along": (RATE,), "shows": "test", "dashed": CONTROLS}
    where = lambda settings: settings["prune.scope"] == "layerwise"  # noqa: E731
    return Sweep(which, WARMUP, _schedule, "", where=where, **shows)


def _deep_rates(which: tuple[str, ...]) -> Sweep:
    shows: Any = {"shows": "validation", "dashed": CONTROLS}
    return Sweep(which, RATE, _number(RATE), "learning rate", **shows)


def _warmups(which: tuple[str, ...]) -> Sweep:
    where = lambda settings: settings["prune.scope"] == "global"  # noqa: E731
    shows: Any = {"where": where, "shows": "validation"}
    return Sweep(which, WARMUP, _number(WARMUP), "steps of warmup", **shows)


def _continued(which: tuple[str, ...]) -> Sweep:
    return Sweep(which, "prune.continued", _way, "", ("prune.levels",))


LEVELS = ("prune.levels",)
SWEEPS = {
    "figure_9": _continued(LENET),
    "figure_10": _continued(CONV),
    "figure_26": _rates(LENET, _is(optimizer="adam")),
    "figure_27": _rates(LENET, _is(optimizer="sgd")),
    "figure_28": _rates(LENET, _is(optimizer="momentum")),
    "figure_29": Sweep(
        LENET,
        "prune.rate",
        _number("prune.rate"),
        "pruning rate",
        ("prune.levels", "prune.output_rate"),
    ),
    "figure_30": Sweep(LENET, "model.init_std", _std, "standard deviation"),
    "figure_31": Sweep(
        LENET, "model.widths", _size, "hidden units", LEVELS, by_weights=True
    ),
    "figure_32": _rates(CONV, _is(optimizer="adam")),
    "figure_33": _rates(CONV, _is(optimizer="sgd")),
    "figure_34": _rates(CONV, _is(optimizer="momentum")),
    "figure_35": Sweep(
        CONV, "prune.rates", _conv_rate, "pruning rate of\nconvolutions", LEVELS
    ),
    "figure_36": _rates(CONV, lambda settings: settings["model.dropout"] > 0),
    "figure_37": Sweep(
        CONV,
        "prune.rates",
        _layers,
        "pruned",
        ("prune.output_rate",),
        shows=ON_TEST,
        by_weights=True,
    ),
    "figure_38": _scopes(VGG),
    "figure_39": _scopes(RESNET),
    "figure_40": _layerwise(VGG),
    "figure_41": _layerwise(RESNET),
    "figure_42": _deep_rates(RESNET),
    "figure_43": _deep_rates(VGG),
    "figure_44": _warmups(RESNET),
    "figure_45": _warmups(VGG),
}
"""The sweeps of the appendices by the name of their figure."""


class Member(NamedTuple):
    """A run of a sweep, and what is special about it."""

    run: "Run"
    value: Value


def selected(name: str, runs: Runs) -> dict[str, list[Member]]:
    """Return the runs that a figure shows, by network.

    Args:
        name: of the figure, in `SWEEPS`.
        runs: by variant; those that are no part of the sweep are left out.

    Returns:
        Networks with at least two variants that differ in nothing else, in the order in
        which they are shown.
    """
    sweep, found = SWEEPS[name], {}
    for network, group in networks(runs).items():
        if network in sweep.networks:
            members = _members(sweep, group.values())
            if _is_sweep(sweep, members):
                found[network] = sorted(members, key=lambda member: _rank(member.value))
    return found


def _members(sweep: Sweep, runs: Iterable["Run"]) -> list[Member]:
    own = [run for run in runs if sweep.where(settings_of(run))]
    values = [(run, sweep.value(settings_of(run))) for run in own]
    return [Member(run, value) for run, value in values if value is not None]


def _rank(value: Value) -> float:
    return np.inf if value.order is None else value.order


def _is_sweep(sweep: Sweep, members: Sequence[Member]) -> bool:
    runs = [member.run for member in members]
    fields = differing(runs)
    told_apart = {(member.value, _dashed(sweep, member.run)) for member in members}
    needs_curves = isinstance(sweep.shows, str)
    return (
        sweep.varies in fields
        and {sweep.varies, *sweep.along} >= {*fields}
        and len(told_apart) == len(members)
        and (
            sweep.dashed != CONTROLS or all(len(_kinds(sweep, run)) > 1 for run in runs)
        )
        and (not needs_curves or all(len(run.curves) for run in runs))
    )


def _dashed(sweep: Sweep, run: "Run") -> Any:
    """Return the setting of a run that makes its line solid or dashed."""
    if sweep.dashed in (None, CONTROLS):
        return None
    return settings_of(run)[sweep.dashed[0]]


def draw_sweep(name: str, runs: Runs) -> "Figure":
    """Plot a figure of the appendices: a line per variant, a row per network.

    Lines are means over all networks of a kind that have a number, bars their min and
    max. Every line starts at its dense network; where variants share that, it is also a
    thin horizontal line. Colours follow the value that differs if it is a number.

    Args:
        name: of the figure, in `SWEEPS`.
        runs: by variant.

    Reference:
        Frankle & Carbin, "The Lottery Ticket Hypothesis" (2019), figures 9, 10 and 26
        to 45 (appendices B, G, H and I).

    Deviation:
        What is far below the other values, such as the accuracy of networks that learn
        nothing, lies outside the panel.
    """
    sweep, groups = SWEEPS[name], selected(name, runs)
    rows = []
    for network, members in groups.items():
        title = NETWORKS[network] if len(sweep.networks) > 1 else ""
        members, shows = _looked(sweep, network, members)
        rows.append((members, [(column, under(title, text)) for column, text in shows]))
    with style():
        figure, grid = rows_of_panels([[text for _, text in row] for _, row in rows])
        for axes, (members, shows) in zip(grid, rows, strict=True):
            _draw_row(sweep, axes, members, [column for column, _ in shows])
        return figure


def _looked(
    sweep: Sweep, network: str, members: list[Member]
) -> tuple[list[Member], Sequence[tuple[str, str]]]:
    """Return the runs with the columns that are shown, and those with their titles."""
    if not isinstance(sweep.shows, str):
        return members, sweep.shows
    moments = [moments_of(member.run, network) for member in members]
    columns = [f"accuracy at {i}" for i in range(len(MOMENTS[network]))]
    looked = []
    for (run, value), steps in zip(members, moments, strict=True):
        summary = with_moments(run, columns, steps, sweep.shows)
        looked.append(Member(run._replace(summary=summary), value))
    titles = moment_titles(sweep.shows.capitalize(), moments)
    return looked, list(zip(columns, titles, strict=True))


def _draw_row(
    sweep: Sweep, axes: Sequence["Axes"], members: list[Member], columns: Sequence[str]
) -> None:
    lines = lines_of(sweep, members)
    for ax, column in zip(axes, columns, strict=True):
        draw_lines(ax, lines, column, sweep.by_weights)
    ways = sweep.dashed[1].values() if sweep.dashed else ()
    there = {one.dashes for one in lines}
    styles = {words: dash for words, dash in zip(ways, DASHES, strict=False)}
    styles = {words: dash for words, dash in styles.items() if dash in there}
    side_legend(axes[-1], sweep.title, styles if len(styles) > 1 else {})


def lines_of(sweep: Sweep, members: Sequence[Member]) -> list[Series]:
    """Return the lines of a row: tickets, and controls if they are shown.

    Args:
        sweep: of which the runs are.
        members: of one network, in order.
    """
    orders = sorted({_rank(member.value) for member in members} - {np.inf})
    names = [one.value.words for one in members if one.value.order is None]
    palette = [INK] if orders else [*COLOURS.values(), *MORE_COLOURS]
    colours = dict(zip(orders, ramp(len(orders)), strict=True))
    others = dict(zip(dict.fromkeys(names), palette, strict=False))
    lines = []
    markers = dict(zip(orders, cycle(MARKERS.values()), strict=False))
    for run, value in members:
        mark = markers.get(_rank(value), "")
        own = others[value.words] if value.order is None else colours[value.order]
        for kind, dashes in _kinds(sweep, run).items():
            lines.append(Series(value.words, run.summary, kind, own, dashes, mark))
    return lines


def _kinds(sweep: Sweep, run: "Run") -> dict[str, Any]:
    """Return the kinds of networks of a run that are shown, and their dashes."""
    if sweep.dashed is None:
        return {"ticket": DASHES[0]}
    field, ways = sweep.dashed
    if sweep.dashed == CONTROLS:
        there = kinds(run.summary)
        return {k: d for k, d in zip(ways, DASHES, strict=True) if k in there}
    return {"ticket": DASHES[[*ways].index(settings_of(run)[field])]}
