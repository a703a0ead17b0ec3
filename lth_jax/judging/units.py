"""Units: how values are written where people read."""

from collections.abc import Callable, Iterable

Unit = Callable[[float], str]


def times(value: float) -> str:
    """Write a ratio: ``2.51x``."""
    return f"{value:.2f}x"


def points(value: float) -> str:
    """Write a difference of accuracies: ``+0.35 points``."""
    return f"{value:+.2f} points"


def percent(value: float) -> str:
    """Write a share: ``38.0 %``."""
    return f"{value:.2f} %"


def number(value: float) -> str:
    """Write a count or a coefficient: ``9,000``, ``-0.93``."""
    return f"{value:,.0f}" if abs(value) > 1.5 else f"{value:.2f}"


def length(value: float) -> str:
    """Write a distance of weights: ``20.7``."""
    return f"{value:.1f}"


def degrees(value: float) -> str:
    """Write an angle: ``22.7 degrees``."""
    return f"{value:.1f} degrees"


def level(value: float) -> str:
    """Write a level: ``level 15``."""
    return f"level {value:.3g}"


def named_levels(positions: Iterable[float]) -> str:
    """Return e.g. ``levels 8 and 12``.

    Example:
        >>> named_levels([0]), named_levels({12, 0, 8})
        ('level 0', 'levels 0, 8 and 12')
    """
    *most, last = (f"{position:g}" for position in sorted(positions))
    return f"levels {', '.join(most)} and {last}" if most else f"level {last}"
