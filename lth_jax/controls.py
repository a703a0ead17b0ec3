"""Controls: pure functions (key, ticket) -> ticket, vmappable over keys and tickets.

A control changes one property of the ticket and leaves the rest, so that training both
tells what the property is worth.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from . import masks, tree
from .keys import Stream
from .types import Control, Key, Model, Ticket


def random_reinit(model: Model) -> Control:
    """Same mask, fresh random weights and fresh model state.

    Args:
        model: the network whose ``init`` draws the weights.

    Returns:
        A control.

    Reference:
        Frankle & Carbin (2019), section 2, "random reinitialization".
    """

    def control(key: Key, ticket: Ticket) -> Ticket:
        params, state = model.init(key)
        return Ticket(params, ticket.mask, state, ticket.clock)

    return control


def shuffle_mask(model: Model) -> Control:
    """Same weights, a random mask with the ticket's count in every layer.

    Args:
        model: not used; every control is made from the model.

    Returns:
        A control.

    Reference:
        Frankle & Carbin (2019), appendix E, "random sparsity"; Frankle et al. (2020),
        section 2: same layer-wise proportions.
    """
    del model

    def control(key: Key, ticket: Ticket) -> Ticket:
        leaves = tree.flatten(ticket.mask)
        keys = dict(zip(leaves, jax.random.split(key, len(leaves)), strict=True))
        scores = tree.map_with_path(
            lambda path, m: jax.random.uniform(keys[path], m.shape), ticket.mask
        )
        mask = masks.prune(
            scores, masks.ones(ticket.mask), masks.layer_counts(ticket.mask)
        )
        return Ticket(ticket.params, mask, ticket.state, ticket.clock, ticket.moments)

    return control


def keep_sign(model: Model) -> Control:
    """Same mask, fresh random magnitudes with the signs of the ticket's weights.

    Args:
        model: the network whose ``init`` draws the magnitudes.

    Returns:
        A control.

    Reference:
        Zhou et al. (2019), "Deconstructing lottery tickets", mask-1 actions; experiment
        ``reuse_sign`` of the original code.
    """
    reinit = random_reinit(model)

    def control(key: Key, ticket: Ticket) -> Ticket:
        fresh = reinit(key, ticket)
        params = jax.tree.map(
            lambda new, old: (
                jnp.abs(new) * jnp.sign(old) if masks.is_prunable(old) else new
            ),
            fresh.params,
            ticket.params,
        )
        return fresh._replace(params=params)

    return control


def permute_init(model: Model) -> Control:
    """Same mask, the ticket's start weights permuted within every layer.

    Args:
        model: not used; every control is made from the model.

    Returns:
        A control.

    Reference:
        Zhou et al. (2019), "Deconstructing lottery tickets": its code calls this
        ``random_reinit``.

    Deviation:
        All initial values of a layer take part, as in that code; the paper's
        "reshuffle" permutes those of the surviving weights alone.
    """
    del model

    def control(key: Key, ticket: Ticket) -> Ticket:
        leaves = tree.flatten(ticket.params)
        keys = dict(zip(leaves, jax.random.split(key, len(leaves)), strict=True))

        def permute(path: str, leaf: jax.Array) -> jax.Array:
            if not masks.is_prunable(leaf):
                return leaf
            return jax.random.permutation(keys[path], leaf.ravel()).reshape(leaf.shape)

        params = tree.map_with_path(permute, ticket.params)
        return Ticket(params, ticket.mask, ticket.state, ticket.clock)

    return control


CONTROLS: dict[str, tuple[Callable[[Model], Control], Stream]] = {
    "random_reinit": (random_reinit, Stream.RANDOM_REINIT),
    "shuffle_mask": (shuffle_mask, Stream.SHUFFLE_MASK),
    "keep_sign": (keep_sign, Stream.KEEP_SIGN),
    "permute_init": (permute_init, Stream.PERMUTE_INIT),
}
