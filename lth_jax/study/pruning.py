"""How a study makes masks: its criterion, counts and examples, compiled once."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from .. import tree
from ..config import Config
from ..errors import InputError
from ..keys import Stream, derive
from ..tickets import criteria, masks
from ..tickets.counts import layer_rates
from ..training.dataset import Dataset
from ..training.metrics import cross_entropy
from ..types import Criterion, Evidence, Key, LayerInfo, Mask, Model, Snapshot
from .level import Parent


class Pruning(NamedTuple):
    """How masks are made.

    Attributes:
        masks: (level, parent, start) -> masks, over replicates.
        scored: the same without a look at values, so that shapes can go through it.
    """

    masks: Callable[[int, Parent, Snapshot], Mask]
    scored: Callable[[int, Parent, Snapshot], Any]


def make_pruning(
    model: Model,
    config: Config,
    criterion: Criterion,
    counts: Sequence[Any],
    train: Dataset | None,
) -> Pruning:
    """Return how masks are made, over replicates."""
    # Layers of rate 0 take no part: in global pruning too, where one count is for all.
    stated = config.prune.one_shot or (config.prune.rate,)
    rates = [layer_rates(model.layers, config.prune, rate) for rate in stated]
    protected = frozenset(p for p in model.layers if not any(r[p] for r in rates))
    layers = tuple(model.layers.items())
    compiled = _compiled_pruning(model.init, model.apply, layers, criterion, protected)
    if criterion.batches and train is None:
        raise InputError(
            f"prune.criterion {config.prune.criterion} looks at training examples:"
            " give make_study the training set."
        )
    root = jax.random.key(config.seed)
    examples = criterion.examples or config.train.batch_size

    def keys(stream: Stream, level: int) -> Key:
        replicates = range(config.replicates)
        return jnp.stack([derive(root, r, stream, level) for r in replicates])

    def scored(level: int, parent: Parent, start: Snapshot) -> Any:
        batches = None
        if criterion.batches and train is not None:
            drawing = keys(Stream.SCORE_BATCH, level)
            batches = _batches(train, drawing, criterion.batches, examples)
        return compiled(
            parent.finals._replace(moments=None),
            start.params,
            parent.masks,
            counts[level],
            keys(Stream.SCORE, level),
            batches,
        )

    def prune(level: int, parent: Parent, start: Snapshot) -> Mask:
        kept, unscored = scored(level, parent, start)
        for path, bad in tree.to_host(unscored).items():
            if (bad & parent.alive).any():
                raise InputError(
                    f"prune.criterion {config.prune.criterion} returned NaN for weights"
                    f" of {path} that are alive, at level {level}: a score must be a"
                    " number, higher = keep."
                )
        return kept

    return Pruning(prune, scored)


def _batches(train: Dataset, keys: Key, batches: int, examples: int) -> Any:
    """Return examples of the training set for every replicate, none of them twice."""
    wanted = batches * examples
    if wanted > train.size:
        raise InputError(
            f"The criterion asks for {batches} batches of {examples} training examples,"
            f" and there are {train.size}: ask for fewer."
        )

    whole = jax.tree.map(jnp.asarray, train)

    def draw(key: Key, replicate: jax.Array) -> Any:
        chosen = jax.random.permutation(key, train.size)[:wanted]
        return whole.of(replicate).at(chosen.reshape(batches, examples))

    return jax.vmap(draw)(keys, jnp.arange(len(keys)))


@functools.lru_cache(maxsize=16)
def _compiled_pruning(
    init: Callable[..., Any],
    apply: Callable[..., Any],
    layers: tuple[tuple[str, LayerInfo], ...],
    criterion: Criterion,
    protected: frozenset[str],
) -> Callable[..., Any]:
    """Return compiled pruning over replicates; studies of one network share it."""
    model = Model(init, apply, dict(layers))

    def prune(
        weights: Snapshot, initial: Any, mask: Mask, n_keep: Any, key: Key, batches: Any
    ) -> tuple[Mask, dict[str, jax.Array]]:
        def loss(params: Any, x: jax.Array, y: jax.Array) -> jax.Array:
            logits, _ = apply(params, weights.state, x, True, key)
            return cross_entropy(logits, y)

        evidence = Evidence(
            weights.params, initial, mask, weights.state, batches, key, model, loss
        )
        scores = criterion.score(evidence)
        unscored = criteria.nan_layers(scores, mask, model.layers)
        scores = tree.map_with_path(
            lambda path, s: jnp.full_like(s, jnp.inf) if path in protected else s,
            scores,
        )
        return masks.prune(scores, mask, n_keep, prunable=model.layers), unscored

    return jax.jit(jax.vmap(prune, in_axes=(0, 0, 0, None, 0, 0)))
