"""Controls: pure functions (key, ticket) -> ticket, vmappable over keys and tickets.

A control changes one property of the ticket and leaves the rest, so that training both
tells what the property is worth.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from .. import tree
from ..keys import Stream
from ..types import Control, Key, Model, Ticket
from . import masks


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

    def permute(key: Key, leaf: jax.Array) -> jax.Array:
        return jax.random.permutation(key, leaf.ravel()).reshape(leaf.shape)

    def control(key: Key, ticket: Ticket) -> Ticket:
        params = masks.redraw(permute, key, ticket.params)
        return Ticket(params, ticket.mask, ticket.state, ticket.clock)

    return control


def resample_init(model: Model) -> Control:
    """Same mask, weights drawn with replacement from the ticket's own, layer by layer.

    What is drawn from are the start weights that the mask keeps, so a layer has their
    distribution, but no weight its place.

    Args:
        model: not used; every control is made from the model.

    Returns:
        A control.

    Reference:
        Frankle & Carbin (2019), appendix F.3, "reinitializing from winning ticket
        initializations"; experiment ``reuse`` of the original code.
    """
    del model

    def resample(key: Key, leaf: jax.Array, mask: jax.Array) -> jax.Array:
        kept_first = leaf.ravel()[jnp.argsort(~mask.ravel())]
        most = jnp.maximum(mask.sum(), 1)
        return kept_first[jax.random.randint(key, leaf.shape, 0, most)]

    def control(key: Key, ticket: Ticket) -> Ticket:
        params = masks.redraw(resample, key, ticket.params, ticket.mask)
        return Ticket(params, ticket.mask, ticket.state, ticket.clock)

    return control


def noisy_init(model: Model) -> Callable[[jax.Array, Key, Ticket], Ticket]:
    """Same mask, Gaussian noise added to the ticket's start weights.

    Args:
        model: not used; every control is made from the model.

    Returns:
        (scale, key, ticket) -> ticket: a control, once a scale is given. It is the
        standard deviation of the noise in units of that of all start weights of the
        layer, and can be traced.

    Example:
        >>> import functools
        >>> from lth_jax import lenet
        >>> one_sigma = functools.partial(noisy_init(lenet((4,))), 1.0)

    Reference:
        Frankle & Carbin (2019), appendix F.7, figure 25.

    Deviation:
        Sigma is measured on the layer's start weights, not taken from the formula of
        their initialiser, which a user's network need not have.
    """
    del model

    def control(scale: jax.Array, key: Key, ticket: Ticket) -> Ticket:
        def add(key: Key, leaf: jax.Array) -> jax.Array:
            noise = jax.random.normal(key, leaf.shape, leaf.dtype)
            return leaf + scale * leaf.std() * noise

        params = masks.redraw(add, key, ticket.params)
        return Ticket(params, ticket.mask, ticket.state, ticket.clock)

    return control


CONTROLS: dict[str, tuple[Callable[[Model], Control], Stream]] = {
    "random_reinit": (random_reinit, Stream.RANDOM_REINIT),
    "shuffle_mask": (shuffle_mask, Stream.SHUFFLE_MASK),
    "keep_sign": (keep_sign, Stream.KEEP_SIGN),
    "permute_init": (permute_init, Stream.PERMUTE_INIT),
    "resample_init": (resample_init, Stream.RESAMPLE_INIT),
}
