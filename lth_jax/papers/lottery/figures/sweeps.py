"""Figures of sweeps over one setting: appendices B, G, H and I."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ....plotting.density import STOP, TEST_AT_STOP, Series, bars_text
from ....plotting.evaluations import at_fractions
from ....plotting.figure import EARLY_STOP, Exhibit, Runs, Topic, drawn_of_runs
from ....plotting.kinds import kinds, look_of
from ....plotting.many_lines import WHOLE, draw_lines
from ....plotting.style import (
    DASHED,
    INK,
    MARKERS,
    PALETTE,
    note,
    ramp,
    rows_of_panels,
    side_legend,
    under,
)
from ....plotting.variants import (
    SCOPES,
    by_network,
    differing,
    network_words,
    plain,
    setting_words,
    settings_of,
)
from ....results import network_name
from ....store.read import Run
from .main import fractions_shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Settings = Mapping[str, Any]
VALIDATION_AT_STOP = ("val_accuracy_es", "Validation accuracy at early stop (%)")
ON_VALIDATION = (STOP, VALIDATION_AT_STOP)
ON_TEST = (STOP, TEST_AT_STOP)
RATE, WARMUP, LEVELS = "train.learning_rate", "train.warmup", "prune.levels"
LENET, CONV = ("lenet",), ("conv2", "conv4", "conv6")
VGG, RESNET = ("vgg19",), ("resnet18",)
KIND = "kind"


class Special(NamedTuple):
    """What is special about a variant.

    Attributes:
        words: in the legend.
        order: place on the ramp of colours; None: its colour is no part of it.
    """

    words: str
    order: float | None = None


class Dashes(NamedTuple):
    """What is solid and what is dashed.

    Attributes:
        by: a setting, or `KIND`.
        words: of its values; the first one is solid, the second dashed.
    """

    by: str
    words: Mapping[str, str]


REINITS_DASHED = Dashes(KIND, {"ticket": "ticket", "random_reinit": "random reinit"})
LAYERWISE_DASHED = Dashes("prune.scope", SCOPES)


def _every(settings: Settings) -> bool:
    del settings
    return True


class Sweep(NamedTuple):
    """Which runs a figure shows, and how.

    Attributes:
        networks: it has a row of panels for each that is there.
        varies: the setting in which its variants must differ.
        special: what is special about a variant, from its settings; None: it is none
            of these.
        title: of the legend.
        along: settings in which they may differ too.
        where: tells runs that belong from others, by their settings.
        shows: columns of the summary and their titles; or the split whose accuracy is
            shown at three moments of training.
        by_weights: x is the number of weights, not their share.
        dashes: what is dashed; None: nothing.
    """

    networks: tuple[str, ...]
    varies: str
    special: Callable[[Settings], Special | None]
    title: str = ""
    along: tuple[str, ...] = ()
    where: Callable[[Settings], bool] = _every
    shows: tuple[tuple[str, str], ...] | str = ON_VALIDATION
    by_weights: bool = False
    dashes: Dashes | None = None


# What is special about a variant.


def _number(name: str) -> Callable[[Settings], Special]:
    return lambda settings: Special(plain(settings[name]), settings[name])


def _std(settings: Settings) -> Special:
    std = settings["model.init_std"]
    return Special("Glorot's") if std is None else Special(plain(std), std)


def _size(settings: Settings) -> Special:
    widths = settings["model.widths"]
    return Special("-".join(map(str, widths)), widths[0])


def _conv_rate(settings: Settings) -> Special | None:
    rate = dict(settings["prune.rates"]).get("conv", settings["prune.rate"])
    return Special(plain(rate), rate) if rate else None


def _layers(settings: Settings) -> Special | None:
    rates = dict(settings["prune.rates"])
    idle = {kind for kind in ("conv", "dense") if rates.get(kind) == 0}
    words = {"conv": "dense layers only", "dense": "convolutions only"}
    if len(idle) == 2:
        return None
    return Special(words[idle.pop()] if idle else "all layers")


def _continued(settings: Settings) -> Special:
    name = "prune.continued"
    return Special(setting_words(name, settings[name]))


def _schedule(settings: Settings) -> Special:
    warmup = settings[WARMUP]
    after = f", warmup {warmup:,}" if warmup else ""
    return Special(f"rate {plain(settings[RATE])}{after}")


# Which runs belong.


def _trained_with(optimizer: str) -> Callable[[Settings], bool]:
    """Return whether runs have an optimizer, and no dropout."""
    return lambda settings: (
        settings["train.optimizer"] == optimizer and settings["model.dropout"] == 0
    )


def _has_dropout(settings: Settings) -> bool:
    return settings["model.dropout"] > 0


def _scope(scope: str) -> Callable[[Settings], bool]:
    return lambda settings: settings["prune.scope"] == scope


# The figures.


def _learning_rates(
    networks: tuple[str, ...], where: Callable[[Settings], bool]
) -> Sweep:
    return Sweep(networks, RATE, _number(RATE), "learning rate", where=where)


def _exhibit(number: int, subject: str, sweep: Sweep) -> Exhibit:
    """Return a figure of a sweep; its caption follows from what the sweep shows."""
    against = "number" if sweep.by_weights else "share"
    if isinstance(sweep.shows, str):
        shown, early_stop = (
            f"{sweep.shows} accuracy of tickets at three moments of training",
            "",
        )
    else:
        split = "validation" if sweep.shows == ON_VALIDATION else "test"
        shown = f"how early training stops, and {split} accuracy there"
        early_stop = EARLY_STOP
    return Exhibit(
        name=f"figure_{number}",
        topic=Topic.SWEEP,
        draw=drawn_of_runs(lambda runs: _draw(sweep, runs)),
        supports=lambda runs: bool(_selected(sweep, runs)),
        caption=f"Figure {number}. {subject}: {shown}, by the {against} of weights that"
        f" remain.{early_stop}{WHOLE}",
    )


OF_LENET = f"of {network_name('lenet')}"
OF_CONV = "of convolutional networks"
OF_VGG = f"of {network_name('vgg19')}"
OF_RESNET = f"of {network_name('resnet18')}"
FIGURES = (
    _exhibit(
        9,
        f"Resetting and continued training {OF_LENET}",
        Sweep(LENET, "prune.continued", _continued, along=(LEVELS,)),
    ),
    _exhibit(
        10,
        f"Resetting and continued training {OF_CONV}",
        Sweep(CONV, "prune.continued", _continued, along=(LEVELS,)),
    ),
    _exhibit(
        26,
        f"Learning rates {OF_LENET} with Adam",
        _learning_rates(LENET, _trained_with("adam")),
    ),
    _exhibit(
        27,
        f"Learning rates {OF_LENET} with SGD",
        _learning_rates(LENET, _trained_with("sgd")),
    ),
    _exhibit(
        28,
        f"Learning rates {OF_LENET} with momentum",
        _learning_rates(LENET, _trained_with("momentum")),
    ),
    _exhibit(
        29,
        f"Pruning rates {OF_LENET}",
        Sweep(
            LENET,
            "prune.rate",
            _number("prune.rate"),
            "pruning rate",
            along=(LEVELS, "prune.output_rate"),
        ),
    ),
    _exhibit(
        30,
        f"Gaussian initial weights {OF_LENET}",
        Sweep(LENET, "model.init_std", _std, "standard deviation"),
    ),
    _exhibit(
        31,
        f"{network_name('lenet')}s of several sizes",
        Sweep(
            LENET,
            "model.widths",
            _size,
            "hidden units",
            along=(LEVELS,),
            by_weights=True,
        ),
    ),
    _exhibit(
        32,
        f"Learning rates {OF_CONV} with Adam",
        _learning_rates(CONV, _trained_with("adam")),
    ),
    _exhibit(
        33,
        f"Learning rates {OF_CONV} with SGD",
        _learning_rates(CONV, _trained_with("sgd")),
    ),
    _exhibit(
        34,
        f"Learning rates {OF_CONV} with momentum",
        _learning_rates(CONV, _trained_with("momentum")),
    ),
    _exhibit(
        35,
        "Pruning rates of convolutions",
        Sweep(
            CONV,
            "prune.rates",
            _conv_rate,
            "pruning rate of\nconvolutions",
            along=(LEVELS,),
        ),
    ),
    _exhibit(
        36,
        f"Learning rates {OF_CONV} with dropout",
        _learning_rates(CONV, _has_dropout),
    ),
    _exhibit(
        37,
        "Pruning dense layers or convolutions alone",
        Sweep(
            CONV,
            "prune.rates",
            _layers,
            "pruned",
            along=("prune.output_rate",),
            shows=ON_TEST,
            by_weights=True,
        ),
    ),
    *(
        _exhibit(
            number,
            f"Global and layer-by-layer pruning {of_network}",
            Sweep(
                networks,
                "prune.scope",
                _schedule,
                along=(RATE, WARMUP),
                shows="test",
                dashes=LAYERWISE_DASHED,
            ),
        )
        for number, networks, of_network in (
            (38, VGG, OF_VGG),
            (39, RESNET, OF_RESNET),
        )
    ),
    *(
        _exhibit(
            number,
            f"Layer-by-layer pruning {of_network}",
            Sweep(
                networks,
                WARMUP,
                _schedule,
                along=(RATE,),
                where=_scope("layerwise"),
                shows="test",
                dashes=REINITS_DASHED,
            ),
        )
        for number, networks, of_network in (
            (40, VGG, OF_VGG),
            (41, RESNET, OF_RESNET),
        )
    ),
    *(
        _exhibit(
            number,
            f"Learning rates {of_network}",
            Sweep(
                networks,
                RATE,
                _number(RATE),
                "learning rate",
                shows="validation",
                dashes=REINITS_DASHED,
            ),
        )
        for number, networks, of_network in (
            (42, RESNET, OF_RESNET),
            (43, VGG, OF_VGG),
        )
    ),
    *(
        _exhibit(
            number,
            f"Steps of warmup {of_network}",
            Sweep(
                networks,
                WARMUP,
                _number(WARMUP),
                "steps of warmup",
                where=_scope("global"),
                shows="validation",
            ),
        )
        for number, networks, of_network in (
            (44, RESNET, OF_RESNET),
            (45, VGG, OF_VGG),
        )
    ),
)


def draw_sweep(name: str, runs: Run | Runs) -> "Figure":
    """Plot a figure of the appendices: a line per variant, a row per network.

    Lines are means over all networks of a kind that have a number, bars their min and
    max. Every line starts at its dense network; where variants share that, it is also a
    thin horizontal line. Colours follow the value that differs if it is a number.

    Args:
        name: of the figure, such as ``figure_26``.
        runs: by variant.

    Reference:
        Frankle & Carbin, "The Lottery Ticket Hypothesis" (2019), figures 9, 10 and 26
        to 45 (appendices B, G, H and I).

    Deviation:
        The axis of steps is logarithmic, and that of accuracy is logarithmic in the
        error where some are far below the others, such as networks that learn nothing.
    """
    return {each.name: each for each in FIGURES}[name].draw(runs)


# Which runs they show.


class Member(NamedTuple):
    """A run of a sweep, and what is special about it."""

    run: Run
    special: Special


def _selected(sweep: Sweep, runs: Runs) -> dict[str, list[Member]]:
    """Return the runs that a figure shows, by network.

    Args:
        sweep: of the figure.
        runs: by variant; those that are no part of the sweep are left out.

    Returns:
        Networks with at least two variants that differ in nothing else, in the order in
        which they are shown.
    """
    found = {}
    for network, group in by_network(runs).items():
        if network in sweep.networks:
            members = _members(sweep, group.values())
            if _is_sweep(sweep, members):
                found[network] = sorted(members, key=lambda one: _rank(one.special))
    return found


def _members(sweep: Sweep, runs: Iterable[Run]) -> list[Member]:
    own = [run for run in runs if sweep.where(settings_of(run)) and _dashes(sweep, run)]
    found = [(run, sweep.special(settings_of(run))) for run in own]
    return [Member(run, special) for run, special in found if special is not None]


def _rank(special: Special) -> float:
    return np.inf if special.order is None else special.order


def _is_sweep(sweep: Sweep, members: Sequence[Member]) -> bool:
    runs = [member.run for member in members]
    fields = {*differing(runs)}
    looks = {(member.special, *_dashes(sweep, member.run)) for member in members}
    needs_reinits = sweep.dashes == REINITS_DASHED
    needs_curves = isinstance(sweep.shows, str)
    return (
        sweep.varies in fields
        and fields <= {sweep.varies, *sweep.along}
        and len(looks) == len(members)
        and (not needs_reinits or all(len(_dashes(sweep, run)) > 1 for run in runs))
        and (not needs_curves or all(len(run.curves) for run in runs))
    )


def _dashes(sweep: Sweep, run: Run) -> list[tuple[str, Any]]:
    """Return the kinds of networks of a run that are shown, and their dashes.

    It is empty for a run whose setting is none of those that a figure tells apart.
    """
    if sweep.dashes is None:
        return [("ticket", "-")]
    styles = dict(zip(sweep.dashes.words, ("-", DASHED), strict=True))
    if sweep.dashes.by == KIND:
        there = kinds(run.summary)
        return [(kind, dash) for kind, dash in styles.items() if kind in there]
    value = settings_of(run)[sweep.dashes.by]
    return [("ticket", styles[value])] if value in styles else []


# How they are drawn.


def _draw(sweep: Sweep, runs: Runs) -> "Figure":
    rows = []
    for network, members in _selected(sweep, runs).items():
        words = network_words(member.run for member in members)
        title = words if len(sweep.networks) > 1 else ""
        members, columns = _with_columns(sweep, network, members)
        rows.append((members, [(name, under(title, text)) for name, text in columns]))
    figure, grid = rows_of_panels([[text for _, text in row] for _, row in rows])
    drawn: list[Series] = []
    for axes, (members, columns) in zip(grid, rows, strict=True):
        drawn += _draw_row(sweep, axes, members, [name for name, _ in columns])
    note(figure, bars_text(drawn, rows[0][1][-1][0]))
    return figure


def _with_columns(
    sweep: Sweep, network: str, members: list[Member]
) -> tuple[list[Member], Sequence[tuple[str, str]]]:
    """Return the runs with the columns that are shown, and those with their titles."""
    if not isinstance(sweep.shows, str):
        return members, sweep.shows
    runs = [member.run for member in members]
    looked, columns = at_fractions(runs, fractions_shown(network), sweep.shows)
    found = zip(looked, members, strict=True)
    return [Member(run, member.special) for run, member in found], columns


def _draw_row(
    sweep: Sweep, axes: Sequence["Axes"], members: list[Member], columns: Sequence[str]
) -> list[Series]:
    """Draw a row of panels and its legend; return its lines."""
    lines = _lines(sweep, members)
    for ax, column in zip(axes, columns, strict=True):
        draw_lines(ax, lines, column, sweep.by_weights)
    words = sweep.dashes.words.values() if sweep.dashes else ()
    there = {line.look.dashes for line in lines}
    styles = {
        text: dash
        for text, dash in zip(words, ("-", DASHED), strict=False)
        if dash in there
    }
    side_legend(axes, sweep.title, styles if len(styles) > 1 else {})
    return lines


def _lines(sweep: Sweep, members: Sequence[Member]) -> list[Series]:
    """Return the lines of a row: tickets, and controls if they are shown.

    Args:
        sweep: of which the runs are.
        members: of one network, in order.
    """
    orders = sorted({_rank(member.special) for member in members} - {np.inf})
    shades = dict(zip(orders, ramp(len(orders)), strict=True))
    markers = dict(zip(orders, cycle(MARKERS), strict=False))
    names = dict.fromkeys(m.special.words for m in members if m.special.order is None)
    colours = dict(zip(names, [INK] if orders else PALETTE, strict=False))
    lines = []
    for run, special in members:
        for kind, dashes in _dashes(sweep, run):
            look = look_of(kind)._replace(name=special.words, dashes=dashes)
            if special.order is None:
                look = look._replace(colour=colours[special.words])
            else:
                colour, marker = shades[special.order], markers[special.order]
                look = look._replace(colour=colour, marker=marker)
            lines.append(Series(run, kind, look))
    return lines
