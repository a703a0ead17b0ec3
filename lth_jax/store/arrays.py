"""The arrays of a run: what they are called, written and read side by side.

tickets.npz, of every level::

    mask/<path>          uint8: as bits, the mask of a leaf that can be pruned
    start/<path>         weights that training started from
    state/<path>         model state that it started from
    filled               bool: pruned weights are not 0; only where one is True

final.npz, of every level whose final weights are kept::

    final/<path>         weights of the tickets at the end of training
    state/<path>         their model state
    mask/<path>          their masks there, where training can change them
    chain/<path>, chain_state/<path>
                         the same of the networks that go on from the level before,
                         where it is these that pruning looks at

snapshots.npz, of level 0, the dense networks on their way::

    <step>/params/<path>, <step>/state/<path>
    <step>/moments/<path>    optimizer state, where tickets start from it

``<path>`` is that of a leaf, see `lth_jax.tree`; the first axis of every array is that
of the replicates. Trees are read like another of their structure or, where there is
none to go by, as arrays by path; that needs nothing of training.
"""

import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from .. import tree
from ..errors import StoreError
from ..files import Form, read_npz
from ..types import Mask, ModelState, Params, Snapshot

_MASK, _START, _STATE, _FILLED = "mask", "start", "state", "filled"
_FINALS = {"ticket": ("final", "state"), "chain": ("chain", "chain_state")}
"""Names of final weights and model state, by kind."""
_KNOWN = (
    r"filled|(mask|start|state|final|chain|chain_state|\d+/(params|state|moments))/.+"
)
"""Names of arrays."""
Leaves = dict[str, np.ndarray]
"""Arrays by the path of a leaf, or by their name in a file."""


class Stored(NamedTuple):
    """The arrays of a file, and the file, which errors name."""

    file: Path
    arrays: Mapping[str, np.ndarray]


Check = Callable[[Mapping[str, Form]], None]
"""Raises ValueError where the arrays of a file are not what they must be."""


def opened(file: Path, check: Check) -> Stored:
    """Read all arrays of a file, after a look at what they are.

    Args:
        file: to read.
        check: of what is in it, see `of_replicates` and `like_those_of`.

    Raises:
        StoreError: the file is missing or damaged, or does not pass the check.
    """
    return Stored(file, read_npz(file, check))


def of_replicates(n: int) -> Check:
    """Return a check that arrays are known ones, and numbers of so many replicates."""

    def check(forms: Mapping[str, Form]) -> None:
        for name, (shape, dtype) in forms.items():
            if not re.fullmatch(_KNOWN, name, re.DOTALL):
                raise ValueError(f"it holds {name}, which no run has.")
            if shape[:1] != (n,) or dtype.kind not in "biuf":
                raise ValueError(
                    f"{name} is {dtype} {shape}, no numbers of {n} replicates."
                )

    return check


def like_those_of(
    like: Snapshot, layers: Collection[str], steps: Iterable[int] = ()
) -> Check:
    """Return a check that arrays are those that a study has.

    Args:
        like: a snapshot of the study's networks, replicates as first axis.
        layers: paths of the leaves that can be pruned.
        steps: at which it keeps snapshots.
    """
    known: dict[str, Form] = {}
    for prefix in (_START, *(params for params, _ in _FINALS.values())):
        known |= _forms(prefix, like.params)
    for prefix in (_STATE, *(state for _, state in _FINALS.values())):
        known |= _forms(prefix, like.state)
    for step in steps:
        for name, part in _parts(like).items():
            known |= _forms(f"{step}/{name}", part)
    for path, (shape, _) in _forms(_MASK, like.params).items():
        if path.removeprefix(f"{_MASK}/") in layers:
            known[path] = _packed_form(shape)
    replicates = jax.tree.leaves(like.params)[0].shape[:1]
    known[_FILLED] = Form(replicates, np.dtype(bool))

    def check(forms: Mapping[str, Form]) -> None:
        for name, form in forms.items():
            if known.get(name) != form:
                raise ValueError(
                    f"it holds {name} of {form.dtype} {form.shape}, which this study"
                    " has not."
                )

    return check


def _forms(prefix: str, values: Any) -> dict[str, Form]:
    leaves = _named(prefix, values).items()
    return {name: Form(leaf.shape, np.dtype(leaf.dtype)) for name, leaf in leaves}


def _packed_form(shape: tuple[int, ...]) -> Form:
    return Form((shape[0], -(-math.prod(shape[1:]) // 8)), np.dtype(np.uint8))


def _named(prefix: str, values: Any) -> Leaves:
    return {f"{prefix}/{path}": leaf for path, leaf in tree.flatten(values).items()}


def _like(stored: Stored, prefix: str, like: Any) -> Any:
    """Return the tree of a prefix; refuse arrays that are not like those of another."""

    def read(path: str, leaf: np.ndarray) -> np.ndarray:
        array = stored.arrays.get(f"{prefix}/{path}")
        if array is None or (array.shape, array.dtype) != (leaf.shape, leaf.dtype):
            raise StoreError(
                f"{stored.file} has no {prefix}/{path} of {leaf.dtype} {leaf.shape}"
            )
        return array

    return tree.map_with_path(read, like)


# tickets.npz


def start_weights(mask: Mask, params: Params, filled: np.ndarray) -> Params:
    """Return the weights that the training of tickets starts from, on the host.

    Args:
        mask: NumPy arrays.
        params: the same.
        filled: bool, of the leading axes of both: where it is True, pruned weights are
            those of ``params``, else 0.

    Example:
        >>> mask = {"w": np.array([[True, False], [True, False]])}
        >>> params = {"w": np.array([[1.0, 2.0], [3.0, 4.0]])}
        >>> start_weights(mask, params, np.array([False, True]))["w"].tolist()
        [[1.0, 0.0], [3.0, 4.0]]
    """

    def start(m: np.ndarray, p: np.ndarray) -> np.ndarray:
        alike = filled.reshape(filled.shape + (1,) * (p.ndim - filled.ndim))
        return np.where(m | alike, p, p.dtype.type(0))

    return jax.tree.map(start, mask, params)


def pack_tickets(
    masks: Mask,
    start: Params,
    state: ModelState,
    filled: np.ndarray,
    layers: Collection[str],
) -> Leaves:
    """Return the arrays of tickets.npz.

    Args:
        masks: of the tickets of all replicates.
        start: the weights that they start from, see `start_weights`.
        state: the model state that they start from.
        filled: bool [replicates].
        layers: paths of the leaves that can be pruned; other leaves have no mask.
    """
    arrays = _packed(masks, layers) | _named(_START, start) | _named(_STATE, state)
    return arrays | ({_FILLED: filled} if filled.any() else {})


def _packed(masks: Mask, layers: Collection[str]) -> Leaves:
    return {
        f"{_MASK}/{path}": np.packbits(mask.reshape(len(mask), -1), axis=1)
        for path, mask in tree.flatten(masks).items()
        if path in layers
    }


def masked_layers(names: Iterable[str]) -> set[str]:
    """Return the paths of the leaves that have a mask, given the names of arrays.

    Example:
        >>> masked_layers(["mask/Dense_0/kernel", "start/Dense_0/bias"])
        {'Dense_0/kernel'}
    """
    return set(tree.below(dict.fromkeys(names), f"{_MASK}/"))


def masks_of(
    tickets: Stored, leaves: Mapping[str, np.ndarray], layers: Collection[str]
) -> Leaves:
    """Return masks by path.

    A mask that is missing must never be taken for one that is all True, so the file
    must hold those of all layers and no others.

    Args:
        tickets: tickets.npz.
        leaves: all weights by path, replicates as first axis.
        layers: paths of the leaves that can be pruned; other masks are all True.

    Raises:
        StoreError: a mask is missing, is of another shape, or is of no layer.
    """
    if strange := masked_layers(tickets.arrays) - set(layers):
        raise StoreError(f"{tickets.file} has masks of {sorted(strange)}, no layers")
    if gone := set(layers) - set(leaves):
        raise StoreError(f"{tickets.file} has masks of {sorted(gone)}, but no weights")
    masks = {}
    for path, leaf in leaves.items():
        if path in layers:
            masks[path] = _unpacked(tickets, path, leaf.shape)
        else:
            masks[path] = np.ones(leaf.shape, bool)
    return masks


def _unpacked(tickets: Stored, path: str, shape: tuple[int, ...]) -> np.ndarray:
    packed, size = tickets.arrays.get(f"{_MASK}/{path}"), math.prod(shape[1:])
    form = _packed_form(shape)
    if packed is None or (packed.shape, packed.dtype) != form:
        raise StoreError(f"{tickets.file} has no {_MASK}/{path} of uint8 {form[0]}")
    return np.unpackbits(packed, axis=1, count=size).astype(bool).reshape(shape)


def masks_like(tickets: Stored, like: Params, layers: Collection[str]) -> Mask:
    """Return masks as a tree of the structure of the weights, see `masks_of`."""
    return tree.unflatten(like, masks_of(tickets, tree.flatten(like), layers))


def without_weights(tickets: Stored) -> Stored:
    """Return the masks of tickets.npz alone, packed: what many levels have room for."""
    masks = {n: a for n, a in tickets.arrays.items() if n.startswith(f"{_MASK}/")}
    return Stored(tickets.file, masks)


def starts_of(tickets: Stored) -> Leaves:
    """Return the weights that tickets start from, by path."""
    return tree.below(tickets.arrays, f"{_START}/")


def states_of(tickets: Stored) -> Leaves:
    """Return the model state that tickets start from, by path."""
    return tree.below(tickets.arrays, f"{_STATE}/")


def filled_of(tickets: Stored, replicates: int) -> np.ndarray:
    """Return which tickets are filled.

    Raises:
        StoreError: what is stored of it is no bool per replicate.
    """
    filled = tickets.arrays.get(_FILLED, np.zeros(replicates, bool))
    if (filled.shape, filled.dtype) != ((replicates,), np.dtype(bool)):
        raise StoreError(f"{tickets.file} has no {_FILLED} of bool ({replicates},)")
    return filled


# final.npz


def pack_finals(
    finals: Mapping[str, Snapshot],
    masks: Mask | None = None,
    layers: Collection[str] = (),
) -> Leaves:
    """Return the arrays of final.npz.

    Args:
        finals: where networks ended, by kind: "ticket", "chain".
        masks: of the tickets there, where training can change them.
        layers: paths of the leaves that can be pruned.
    """
    arrays = {}
    for kind, final in finals.items():
        params, state = _FINALS[kind]
        arrays |= _named(params, final.params) | _named(state, final.state)
    arrays |= {} if masks is None else _packed(masks, layers)
    return dict(sorted(arrays.items()))


def finals_like(finals: Stored, kind: str, like: Snapshot) -> Snapshot:
    """Return where networks ended; their clock is that of ``like``.

    Args:
        finals: final.npz.
        kind: "ticket" or "chain".
        like: a snapshot of the same structure.

    Raises:
        StoreError: an array is missing, or is not like that of ``like``.
    """
    params, state = _FINALS[kind]
    return Snapshot(
        _like(finals, params, like.params),
        _like(finals, state, like.state),
        None,
        like.clock,
    )


def ends_of(finals: Stored) -> Leaves:
    """Return the weights at which tickets ended, by path."""
    params, _ = _FINALS["ticket"]
    return tree.below(finals.arrays, f"{params}/")


def trained_layers(
    tickets: Stored, finals: Stored, layers: Sequence[str]
) -> tuple[Leaves, Leaves]:
    """Return the weights of some layers before and after a training, by path.

    Args:
        tickets: tickets.npz.
        finals: final.npz of the same level.
        layers: paths of their leaves.

    Raises:
        StoreError: the weights of a layer are missing, or of two shapes.
    """
    start, end = starts_of(tickets), ends_of(finals)
    params, _ = _FINALS["ticket"]
    for path in layers:
        if path not in start:
            raise StoreError(f"{tickets.file} has no {_START}/{path}.")
        if path not in end or end[path].shape != start[path].shape:
            shape = start[path].shape
            raise StoreError(f"{finals.file} has no {params}/{path} of shape {shape}.")
    return {path: start[path] for path in layers}, {path: end[path] for path in layers}


# snapshots.npz


def pack_snapshots(snapshots: Mapping[int, Snapshot]) -> Leaves:
    """Return the arrays of snapshots.npz.

    Args:
        snapshots: by step; optimizer state is stored if there is some.
    """
    arrays = {}
    for step, snapshot in snapshots.items():
        for name, part in _parts(snapshot).items():
            arrays |= _named(f"{step}/{name}", part)
    return arrays


def snapshot_like(snapshots: Stored, step: int, like: Snapshot) -> Snapshot:
    """Return the snapshot of a step; its clock is that of ``like``.

    Args:
        snapshots: snapshots.npz.
        step: which.
        like: a snapshot of the same structure.

    Raises:
        StoreError: an array is missing, or is not like that of ``like``.
    """
    parts = {
        name: _like(snapshots, f"{step}/{name}", part)
        for name, part in _parts(like).items()
    }
    return like._replace(**parts)


def weights_at(snapshots: Stored, step: int) -> Leaves:
    """Return the weights of the dense networks at a step, by path."""
    return tree.below(snapshots.arrays, f"{step}/params/")


def _parts(snapshot: Snapshot) -> dict[str, Any]:
    """Return what is stored of a snapshot, by name."""
    parts = {"params": snapshot.params, "state": snapshot.state}
    if snapshot.moments is not None:
        parts["moments"] = snapshot.moments
    return parts


# Trees without a structure to go by.


def nested(leaves: Mapping[str, np.ndarray], file: Path) -> dict[str, Any]:
    """Return arrays by path as nested dicts, like the params of our networks.

    Raises:
        StoreError: a path lies in another, which is an array.
    """
    made: dict[str, Any] = {}
    for path, leaf in leaves.items():
        *folders, last = path.split("/")
        place = made
        for folder in folders:
            place = place.setdefault(folder, {})
            if not isinstance(place, dict):
                raise StoreError(f"{file} cannot be read: {path} lies in an array.")
        place[last] = leaf
    return made
