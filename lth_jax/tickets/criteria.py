"""Pruning criteria: pure functions from evidence to scores; higher = keep.

`CRITERIA` is the table of those that have a name; any other function, or `Criterion`,
can take their place.
"""

import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .. import tree
from ..errors import InputError, LthError, did_you_mean
from ..types import Criterion, Evidence, LayerInfo, Mask, Score, Scores


def magnitude(evidence: Evidence) -> Scores:
    """Score a weight by its magnitude at the end of training.

    Args:
        evidence: only ``params`` is used.

    Returns:
        Tree like the params.

    Example:
        >>> magnitude(Evidence(params={"w": jnp.array([-2.0])}, init=None, mask=None))
        {'w': Array([2.], dtype=float32)}

    Reference:
        Frankle & Carbin (2019), section 1.
    """
    return jax.tree.map(jnp.abs, evidence.params)


def initial_magnitude(evidence: Evidence) -> Scores:
    """Score a weight by its magnitude before training: no training is needed to prune.

    Args:
        evidence: only ``init`` is used.

    Returns:
        Tree like the params.

    Example:
        >>> init = {"w": jnp.array([-2.0])}
        >>> initial_magnitude(Evidence(params=None, init=init, mask=None))
        {'w': Array([2.], dtype=float32)}

    Reference:
        Frankle & Carbin (2019), appendix F.4, "pruning at iteration 0".
    """
    return jax.tree.map(jnp.abs, evidence.init)


CRITERIA: dict[str, Criterion] = {
    "magnitude": Criterion(magnitude, "final", "weights of least magnitude"),
    "initial_magnitude": Criterion(
        initial_magnitude, "initial", "weights of least initial magnitude"
    ),
}


def named(given: str | Score | Criterion) -> tuple[str, Criterion]:
    """Return a criterion and its name.

    Args:
        given: a name in `CRITERIA`; or a criterion of your own, which is named after
            its function. A plain function reads what `Criterion` does by default: the
            weights at the end of training, and no examples.

    Raises:
        InputError: no criterion has this name, or two have it; or it is none.

    Example:
        >>> def of_least_use(evidence): ...
        >>> [named(each)[0] for each in ("magnitude", of_least_use)]
        ['magnitude', 'of_least_use']
    """
    if isinstance(given, str):
        if given not in CRITERIA:
            raise InputError(
                f"There is no criterion {given!r}{did_you_mean(given, CRITERIA)}"
            )
        return given, CRITERIA[given]
    own = given if isinstance(given, Criterion) else None
    score = own.score if own else given
    if not callable(score):
        raise InputError(
            f"criterion is {given!r}: give a name ({', '.join(CRITERIA)}), a function"
            " evidence -> scores or a lth_jax.types.Criterion of one."
        )
    own = own or Criterion(score)
    if own.reads not in ("initial", "final"):
        raise InputError(
            f"criterion reads {own.reads!r}: it must be 'initial' or 'final'."
        )
    asked = (own.batches, 0), (1 if own.examples is None else own.examples, 1)
    if not all(isinstance(n, int) and n >= least for n, least in asked):
        raise InputError(
            f"criterion asks for {own.batches} batches of {own.examples} examples:"
            " these are integers; batches start at 0, examples at 1."
        )
    name = _name(score)
    known = CRITERIA.get(name)
    if known and (score is not known.score or own not in (Criterion(score), known)):
        raise InputError(
            f"Your criterion is named {name!r}, as one of the package is: rename it."
        )
    return name, known or own


def _name(score: Any) -> str:
    while hasattr(score, "func"):  # functools.partial
        score = score.func
    return getattr(score, "__name__", type(score).__name__)


@functools.lru_cache(maxsize=64)
def checked(name: str, criterion: Criterion) -> Criterion:
    """Return the criterion, whose scores are checked when it is traced.

    Scores are a tree like the params, with floats of the same shapes. What they are is
    known only when they are computed: see `nan_layers`.

    Args:
        name: what to call it in an error.
        criterion: the criterion.

    Returns:
        The same criterion. Its score raises InputError where scores do not fit, or
        where the user's function raises anything.
    """

    def score(evidence: Evidence) -> Scores:
        try:
            scores = criterion.score(evidence)
        except LthError:
            raise
        except Exception as error:
            raise InputError(
                f"The criterion {name!r} raises {type(error).__name__}: {error}"
            ) from error
        like = evidence.init if evidence.params is None else evidence.params
        _check_scores(name, scores, like)
        return scores

    return criterion._replace(score=score)


def _check_scores(name: str, scores: Any, params: Any) -> None:
    title = f"The scores of the criterion {name!r}"
    tree.check_alike(scores, params, (title, "the params"))
    for path, leaf in tree.flatten(scores).items():
        dtype = getattr(leaf, "dtype", np.dtype(type(leaf)))
        if not jnp.issubdtype(dtype, jnp.floating):
            raise InputError(
                f"{title} are {dtype} in leaf {path!r}: they must be floats."
            )


def nan_layers(
    scores: Scores, mask: Mask, layers: Mapping[str, LayerInfo]
) -> dict[str, jax.Array]:
    """Tell of every layer whether a weight that is alive has no score (NaN).

    Pure, jittable and vmappable. `lth_jax.tickets.masks.prune` prunes these first.

    Args:
        scores: tree like the params.
        mask: the survivors so far.
        layers: ``model.layers``.

    Example:
        >>> scores = {"a": jnp.array([[jnp.nan, 1.0]]), "b": jnp.ones((1, 2))}
        >>> mask, info = {p: s == 1 for p, s in scores.items()}, LayerInfo("dense", ())
        >>> {p: n.item() for p, n in nan_layers(scores, mask, {"a": info}).items()}
        {'a': False}
    """
    score, alive = tree.flatten(scores), tree.flatten(mask)
    return {path: (jnp.isnan(score[path]) & alive[path]).any() for path in layers}
