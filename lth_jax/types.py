"""The words of the package: a few tuples that everything else maps between."""

import math
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, Protocol

import jax
import numpy as np
from jax.core import Tracer

Key = jax.Array
"""A typed PRNG key, ``jax.random.key``."""
Params = Any
"""A pytree of float arrays: the weights of one network."""
ModelState = Any
"""A pytree of what a network carries besides weights, e.g. batch-norm statistics."""
Mask = Any
"""A pytree with the treedef of the params, every leaf bool: True = keep."""
OptState = Any
"""A pytree: the state of an optax optimizer."""
Scores = Any
"""A pytree like the params: the higher a score, the more it deserves to stay."""

Kind = Literal["conv", "dense", "shortcut", "output"]
FINAL: Literal["final"] = "final"
"""Rewind point: the weights at the end of training."""
END: Literal["end"] = "end"
"""Clock: the end of the schedule, where the learning rate is the last one."""


class LayerInfo(NamedTuple):
    """What a prunable kernel is.

    Attributes:
        kind: "output" is pruned at a rate of its own, others at theirs if one is given.
        shape: of the whole leaf.
        stacked: how many leading axes number layers of their own, as those of
            ``nn.scan`` do: each of these layers is pruned, and counted, by itself.
    """

    kind: Kind
    shape: tuple[int, ...]
    stacked: int = 0


class Apply(Protocol):
    """``(params, state, x, train, key) -> (logits[batch, classes], new state)``."""

    def __call__(
        self, params: Params, state: ModelState, x: jax.Array, train: bool, key: Key
    ) -> tuple[jax.Array, ModelState]:
        """Apply the network to a batch."""
        ...


class Model(NamedTuple):
    """A network as two pure functions and a table of its prunable layers.

    Attributes:
        init: key -> (params, state); closed over the input shape.
        apply: (params, state, x, train, key) -> (logits, new state).
        layers: path of every prunable kernel -> its kind and shape.
    """

    init: Callable[[Key], tuple[Params, ModelState]]
    apply: Apply
    layers: Mapping[str, LayerInfo]

    def __repr__(self) -> str:
        """Return a line."""
        size = sum(math.prod(info.shape) for info in self.layers.values())
        return f"Model({size:,} prunable weights in {len(self.layers)} layers)"


class Ticket(NamedTuple):
    """All that is needed to train a subnetwork from its rewind point.

    Attributes:
        params: the full weights of the rewind point; `lth_jax.tickets.masks.start`
            returns those that training starts from.
        mask: True = keep.
        state: model state at the rewind point.
        clock: int32 scalar, the step at which schedule and data order stand.
        moments: optimizer state to continue from; None starts the optimizer afresh.
        filled: bool scalar, may be traced: False = pruned weights are exactly 0, True =
            they are what ``params`` holds there, and are not trained.
    """

    params: Params
    mask: Mask
    state: ModelState
    clock: Any
    moments: OptState | None = None
    filled: Any = False

    def __repr__(self) -> str:
        """Return a line, of one ticket or of several, stacked."""
        mask = jax.tree.leaves(self.mask)
        kept = "mask not known"
        if mask and all(map(_is_known, mask)):
            alive = sum(int(np.sum(m)) for m in mask)
            kept = f"{alive / max(1, _size(self.mask)):.1%} kept"
        return f"Ticket({_size(self.params):,} parameters, {kept}{_at(self.clock)})"


class Snapshot(NamedTuple):
    """One point of a training trajectory: what a ticket can be rewound to."""

    params: Params
    state: ModelState
    moments: OptState | None
    clock: Any

    def __repr__(self) -> str:
        """Return a line, of one network or of several, stacked."""
        return f"Snapshot({_size(self.params):,} parameters{_at(self.clock)})"


def _size(tree: Any) -> int:
    return sum(math.prod(np.shape(leaf)) for leaf in jax.tree.leaves(tree))


def _at(clock: Any) -> str:
    """Return ", step 500", ", 3 networks", or nothing where the clock is not known."""
    if np.ndim(clock):
        return f", {len(clock)} networks"
    return f", step {int(clock):,}" if _is_known(clock) else ""


def _is_known(value: Any) -> bool:
    """Tell whether a value can be looked at: it is not traced, and still there."""
    if isinstance(value, jax.Array):
        return not isinstance(value, Tracer) and not value.is_deleted()
    return isinstance(value, int | np.ndarray | np.generic)


Trajectory = Mapping[Any, Snapshot]
"""Snapshots by step; `FINAL` names the end of training."""


class Rewind(NamedTuple):
    """A rule of rewinding.

    Attributes:
        weights: step whose weights the ticket starts from, or FINAL.
        clock: step at which schedule and data order stand, or END.
        steps: length of the training; None = what is left after the clock.
        moments: optimizer state is that of the weights, not a new one.

    Example:
        ``Rewind(0, 0)`` resets to the initialisation (Frankle & Carbin 2019),
        ``Rewind(k, k)`` rewinds to step k (Frankle et al. 2020, Algorithm 1),
        ``Rewind(FINAL, k)`` rewinds the learning rate alone, and
        ``Rewind(FINAL, END, n)`` fine-tunes for n steps (Renda et al. 2020).
    """

    weights: int | Literal["final"] = 0
    clock: int | Literal["end"] = 0
    steps: int | None = None
    moments: bool = False


class Loss(Protocol):
    """``(params, x, y) -> scalar``: mean loss of a network on a batch, in training."""

    def __call__(self, params: Params, x: jax.Array, y: jax.Array) -> jax.Array:
        """Return the mean loss."""
        ...


class Evidence(NamedTuple):
    """All that a pruning criterion may look at; unused fields cost nothing under jit.

    Attributes:
        params: weights at the end of the training that the pruning follows; of a
            criterion that reads "initial", the initial weights.
        init: the initial weights, those of step 0.
        mask: the weights alive so far.
        state: model state, of the same time as ``params``.
        batches: training examples ``(x, y)``, of shapes [batches, examples, ...] and
            [batches, examples], as many as the `Criterion` asks for; else None.
        key: for criteria that draw at random.
        model: the network; ``model.layers`` names what can be pruned.
        loss: (params, x, y) -> mean loss, with ``state`` and in training mode; it masks
            nothing by itself.
    """

    params: Params
    init: Params
    mask: Mask
    state: ModelState = None
    batches: tuple[jax.Array, jax.Array] | None = None
    key: Key | None = None
    model: Model | None = None
    loss: Loss | None = None


Score = Callable[[Evidence], Scores]
"""What a pruning criterion computes."""


class Criterion(NamedTuple):
    """A pruning criterion, and all that a study needs to know of it.

    Attributes:
        score: evidence -> scores, a tree like the params; higher = keep.
        reads: "final" = the weights at the end of training; "initial" = those of step
            0, so that masks are made without training the dense network first.
        words: what goes first, for pages: "weights of least magnitude".
        batches: how many batches of training examples it looks at.
        examples: of each batch; None = as many as training takes.
    """

    score: Score
    reads: Literal["initial", "final"] = "final"
    words: str = ""
    batches: int = 0
    examples: int | None = None


Control = Callable[[Key, Ticket], Ticket]
"""A control of the ticket; can be vmapped over keys and tickets."""
