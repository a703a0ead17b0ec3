"""Which of some figures runs support, in the order of a page."""

from collections.abc import Iterable

from . import dead_units
from .figure import Exhibit, Runs, Topic

GENERAL = dead_units.FIGURES
"""Figures that belong to no paper."""
CROWDED = (Topic.NETWORK, Topic.RANDOM_MASKS)
"""Topics of figures that have a line per variant and kind."""


def supported(figures: Iterable[Exhibit], runs: Runs) -> dict[str, Exhibit]:
    """Return the figures that runs support, by name, in order.

    Figures stand in the order of their topics, within a topic in the order given.
    Where runs are a sweep that has figures of its own, those in which it would be
    dozens of lines are left out. Of a single run, what is at the last step stands last.

    Args:
        figures: of papers, as from `lth_jax.papers.figures`; general ones are added.
        runs: by variant; a single run is a mapping of one.

    Example:
        >>> from lth_jax import papers
        >>> from lth_jax.store.read import load_run  # doctest: +SKIP
        >>> run = load_run("runs/mnist_lenet-1a2b3c4d")  # doctest: +SKIP
        >>> list(supported(papers.figures(), {"": run}))  # doctest: +SKIP
        ['figure_4', 'figure_3', 'figure_11']
    """
    found = [each for each in (*figures, *GENERAL) if each.supports(runs)]
    if len(runs) == 1:
        found.sort(key=lambda each: (each.topic == Topic.LAST_STEP, each.topic))
    else:
        found.sort(key=lambda each: each.topic)
        if any(each.topic == Topic.SWEEP for each in found):
            found = [each for each in found if each.topic not in CROWDED]
    return {each.name: each for each in found}
