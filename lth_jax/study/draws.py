"""The controls of a study, ready to be drawn: compiled once, a key for each draw."""

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import numpy as np

from .. import tree
from ..config import Config
from ..errors import InputError, did_you_mean
from ..keys import Stream, derive
from ..tickets import controls
from ..types import Control, Key, LayerInfo, Model, Ticket
from .given import Given


class Drawn(NamedTuple):
    """A control that is ready to be drawn.

    Attributes:
        control: (keys, tickets) -> tickets, over lanes.
        key: (replicate, draw) -> key.
    """

    control: Callable[[Key, Ticket], Ticket]
    key: Callable[[int, int], Key]


def drawn_controls(model: Model, config: Config, given: Given) -> dict[str, Drawn]:
    """Return the controls that a config asks for, by kind.

    Raises:
        InputError: there is no control of that name.
    """
    root = jax.random.key(config.seed)
    return {
        kind: _drawn(model, config, given, root, kind)
        for kind, n in config.draws.items()
        if n
    }


def _drawn(model: Model, config: Config, given: Given, root: Key, kind: str) -> Drawn:
    if kind in given.controls:
        control = _compiled_own(kind, given.controls[kind])
        return Drawn(control, partial(_key, root, Stream.NAMED_CONTROL, kind))
    scale = config.noise_kinds.get(kind)
    name = kind if scale is None else "noise"
    if name not in controls.CONTROLS:
        known = [*controls.CONTROLS, *given.controls]
        raise InputError(
            f"controls names {kind!r}, which is no control{did_you_mean(kind, known)}."
            " One of your own is given as a value: controls={...}"
        )
    entry = controls.CONTROLS[name]
    if entry.scaled and scale is None:
        raise InputError(
            f"controls names {kind!r}, which is asked for by {entry.field}, with its"
            " strengths."
        )
    layers = tuple(model.layers.items())
    control = _compiled_control(model.init, model.apply, layers, name, entry)
    if scale is not None:
        control = partial(control, float(scale))
    stream = entry.stream
    if stream is None:
        return Drawn(control, partial(_key, root, Stream.NAMED_CONTROL, kind))
    return Drawn(control, partial(_key, root, stream, ""))


def _key(root: Key, stream: Stream, name: str, replicate: int, draw: int) -> Key:
    return derive(root, replicate, stream, draw, name)


@lru_cache(maxsize=64)
def _compiled_control(
    init: Callable[..., Any],
    apply: Callable[..., Any],
    layers: tuple[tuple[str, LayerInfo], ...],
    name: str,
    entry: controls.ControlEntry,
) -> Callable[..., Ticket]:
    """Return a compiled control over lanes; studies of one network share it."""
    made = entry.make(Model(init, apply, dict(layers)))
    if entry.scaled:
        return jax.jit(jax.vmap(made, (None, 0, 0)))
    return jax.jit(jax.vmap(controls.checked(name, made)))


@lru_cache(maxsize=64)
def _compiled_own(name: str, control: Control) -> Callable[..., Ticket]:
    return jax.jit(jax.vmap(controls.checked(name, control)))


def check_drawn(
    kind: str, before: Ticket, after: Ticket, layers: Mapping[str, LayerInfo]
) -> None:
    """Raise InputError where a control changes what tables say of its level.

    They have one density and one clock for a ticket and its controls.

    Args:
        kind: its name.
        before: tickets, stacked.
        after: those of the control, the same.
        layers: the network's.
    """
    if np.any(np.asarray(before.clock) != np.asarray(after.clock)):
        raise InputError(
            f"The control {kind!r} changes the clock of its tickets: all networks of a"
            " level begin at one step. Where they begin is rewind.weights and"
            " rewind.clock."
        )
    count = jax.vmap(lambda one, two: controls.changed_counts(one, two, layers))
    for path, changed in tree.to_host(count(before.mask, after.mask)).items():
        if changed.any():
            raise InputError(
                f"The control {kind!r} changes how many weights of {path} its networks"
                " keep: a control changes one property of a ticket, and has the"
                " ticket's counts in every layer."
            )
