"""Pruning criteria: pure functions from evidence to scores; higher = keep."""

import jax
import jax.numpy as jnp

from ..types import Evidence, Score, Scores


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


CRITERIA: dict[str, Score] = {
    "magnitude": magnitude,
    "initial_magnitude": initial_magnitude,
}
