"""Controls: pure functions (key, ticket) -> ticket, vmappable over keys and tickets.

A control changes one property of the ticket and leaves the rest, so that training both
tells what the property is worth. Each is made from a model, which says what its layers
are; `CONTROLS` is the table of those that have a name.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from .. import tree
from ..errors import InputError, LthError
from ..keys import Stream
from ..types import Control, Key, LayerInfo, Mask, Model, Ticket
from . import masks


def random_reinit(model: Model) -> Control:
    """Same mask, fresh random weights and fresh model state, of the ticket's dtypes.

    Args:
        model: the network whose ``init`` draws the weights.

    Returns:
        A control. Weights that ``init`` draws in another dtype than the ticket's (a
        ticket in bfloat16 of a float32 network) are cast to the ticket's.

    Reference:
        Frankle & Carbin (2019), section 2, "random reinitialization".
    """

    def control(key: Key, ticket: Ticket) -> Ticket:
        params, state = jax.tree.map(
            _like, model.init(key), (ticket.params, ticket.state)
        )
        return ticket._replace(params=params, state=state, moments=None)

    return control


def _like(new: jax.Array, old: jax.Array) -> jax.Array:
    return new if new.dtype == old.dtype else new.astype(old.dtype)


def shuffle_mask(model: Model) -> Control:
    """Same weights, a random mask with the ticket's count in every layer.

    Args:
        model: says what its layers are.

    Returns:
        A control.

    Reference:
        Frankle & Carbin (2019), appendix E, "random sparsity"; Frankle et al. (2020),
        section 2: same layer-wise proportions.
    """

    def control(key: Key, ticket: Ticket) -> Ticket:
        leaves = tree.flatten(ticket.mask)
        keys = dict(zip(leaves, jax.random.split(key, len(leaves)), strict=True))
        scores = tree.map_with_path(
            lambda path, m: jax.random.uniform(keys[path], m.shape), ticket.mask
        )
        mask = masks.prune(
            scores,
            masks.ones(ticket.mask),
            masks.layer_counts(ticket.mask, model.layers),
            prunable=model.layers,
        )
        return ticket._replace(mask=mask)

    return control


def keep_sign(model: Model) -> Control:
    """Same mask, fresh random magnitudes with the signs of the ticket's weights.

    Args:
        model: the network whose ``init`` draws the magnitudes, cast to the ticket's
            dtypes as those of `random_reinit` are.

    Returns:
        A control.

    Reference:
        Zhou et al. (2019), "Deconstructing lottery tickets", mask-1 actions; experiment
        ``reuse_sign`` of the original code.
    """
    reinit = random_reinit(model)

    def control(key: Key, ticket: Ticket) -> Ticket:
        fresh = reinit(key, ticket)
        params = tree.map_with_path(
            lambda path, new, old: (
                jnp.abs(new) * jnp.sign(old) if path in model.layers else new
            ),
            fresh.params,
            ticket.params,
        )
        return fresh._replace(params=params)

    return control


def permute_init(model: Model) -> Control:
    """Same mask, the ticket's start weights permuted within every layer.

    Args:
        model: says what its layers are.

    Returns:
        A control.

    Reference:
        Zhou et al. (2019), "Deconstructing lottery tickets": its code calls this
        ``random_reinit``.

    Deviation:
        All initial values of a layer take part, as in that code; the paper's
        "reshuffle" permutes those of the surviving weights alone.
    """

    def permute(key: Key, leaf: jax.Array) -> jax.Array:
        return jax.random.permutation(key, leaf.ravel()).reshape(leaf.shape)

    def control(key: Key, ticket: Ticket) -> Ticket:
        params = masks.redraw(permute, key, ticket.params, prunable=model.layers)
        return ticket._replace(params=params, moments=None)

    return control


def resample_init(model: Model) -> Control:
    """Same mask, weights drawn with replacement from the ticket's own, layer by layer.

    What is drawn from are the start weights that the mask keeps, so a layer has their
    distribution, but no weight its place.

    Args:
        model: says what its layers are.

    Returns:
        A control.

    Reference:
        Frankle & Carbin (2019), appendix F.3, "reinitializing from winning ticket
        initializations"; experiment ``reuse`` of the original code.
    """

    def resample(key: Key, leaf: jax.Array, mask: jax.Array) -> jax.Array:
        kept_first = leaf.ravel()[jnp.argsort(~mask.ravel())]
        most = jnp.maximum(mask.sum(), 1)
        return kept_first[jax.random.randint(key, leaf.shape, 0, most)]

    def control(key: Key, ticket: Ticket) -> Ticket:
        params = masks.redraw(
            resample, key, ticket.params, ticket.mask, prunable=model.layers
        )
        return ticket._replace(params=params, moments=None)

    return control


def noisy_init(model: Model) -> Callable[[jax.Array, Key, Ticket], Ticket]:
    """Same mask, Gaussian noise added to the ticket's start weights.

    Args:
        model: says what its layers are.

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

    def control(scale: jax.Array, key: Key, ticket: Ticket) -> Ticket:
        def add(key: Key, leaf: jax.Array) -> jax.Array:
            noise = jax.random.normal(key, leaf.shape, leaf.dtype)
            return (leaf + scale * leaf.std() * noise).astype(leaf.dtype)

        params = masks.redraw(add, key, ticket.params, prunable=model.layers)
        return ticket._replace(params=params, moments=None)

    return control


class ControlEntry(NamedTuple):
    """A control with a name, and all that a study needs to know of it.

    Attributes:
        make: model -> control.
        stream: of its keys; None: `Stream.NAMED_CONTROL`, by its name.
        field: of the `Config` that says how many there are; "": ``Config.controls``.
        words: for pages.
        own_weights: it starts from the dense network's own weights, as the ticket does.
        scaled: ``make(model)`` is (scale, key, ticket) -> ticket, and ``field`` holds
            the scales: one control each.
    """

    make: Callable[[Model], Callable[..., Ticket]]
    stream: Stream | None = None
    field: str = ""
    words: str = ""
    own_weights: bool = False
    scaled: bool = False


CONTROLS: dict[str, ControlEntry] = {
    "random_reinit": ControlEntry(
        random_reinit, Stream.RANDOM_REINIT, "reinits", "random reinit"
    ),
    "shuffle_mask": ControlEntry(
        shuffle_mask, Stream.SHUFFLE_MASK, "shuffles", "random mask", own_weights=True
    ),
    "keep_sign": ControlEntry(
        keep_sign, Stream.KEEP_SIGN, "keep_signs", "reinit that keeps the signs"
    ),
    "permute_init": ControlEntry(
        permute_init, Stream.PERMUTE_INIT, "permutes", "initial weights permuted"
    ),
    "resample_init": ControlEntry(
        resample_init,
        Stream.RESAMPLE_INIT,
        "resamples",
        "reinit drawn from the ticket's weights",
    ),
    "noise": ControlEntry(
        noisy_init,
        Stream.NOISY_INIT,
        "noises",
        "noise on the initial weights",
        scaled=True,
    ),
}


def checked(name: str, control: Callable[..., Ticket]) -> Callable[..., Ticket]:
    """Return the control, whose tickets are checked when it is traced.

    Params, mask and state must be what the ticket's are: trees, shapes and dtypes; the
    optimizer state may be left out. How many weights the mask keeps is known only when
    it is computed: see `changed_counts`.

    Args:
        name: what to call it in an error.
        control: (key, ticket) -> ticket, or (scale, key, ticket) -> ticket.

    Returns:
        The same control. It raises InputError where the tickets do not fit, or where
        the user's function raises anything.

    Example:
        >>> ones = {"w": jnp.ones((2, 2))}
        >>> ticket = Ticket(ones, masks.ones(ones), {}, 0)
        >>> halved = lambda key, t: t._replace(mask={"w": t.mask["w"][0]})
        >>> checked("halved", halved)(None, ticket)  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        lth_jax.errors.InputError: The mask of the control 'halved' and that of its ...
    """

    def check(*given: Any) -> Ticket:
        try:
            made = control(*given)
        except LthError:
            raise
        except Exception as error:
            raise InputError(
                f"The control {name!r} raises {type(error).__name__}: {error}"
            ) from error
        _check_ticket(name, made, given[-1])
        return made

    return check


def _check_ticket(name: str, made: Any, ticket: Ticket) -> None:
    if not isinstance(made, Ticket):
        raise InputError(
            f"The control {name!r} returns {type(made).__name__}: it must return a"
            " ticket, such as ticket._replace(params=...)."
        )
    if jnp.ndim(made.filled) or not jnp.issubdtype(jnp.result_type(made.filled), bool):
        raise InputError(
            f"filled of the control {name!r} is {made.filled!r}: it must be one bool."
        )
    for part in ("params", "mask", "state", "moments"):
        new, old = getattr(made, part), getattr(ticket, part)
        if part == "moments" and new is None:
            continue
        titles = f"The {part} of the control {name!r}", "that of its ticket"
        tree.check_alike(new, old, titles)
        wanted = {path: jnp.result_type(leaf) for path, leaf in _flat(old)}
        for path, leaf in _flat(new):
            if jnp.result_type(leaf) != wanted[path]:
                raise InputError(
                    f"{titles[0]} is {jnp.result_type(leaf)} in leaf {path!r}, but"
                    f" {titles[1]} {wanted[path]}: keep the dtype, for example by"
                    f" .astype({wanted[path]})."
                )


def _flat(of: Any) -> Any:
    return tree.flatten(of).items()


def changed_counts(
    before: Mask, after: Mask, layers: Mapping[str, LayerInfo]
) -> dict[str, jax.Array]:
    """Tell of every leaf whether a control changed how many of its weights are kept.

    Pure, jittable and vmappable.

    Args:
        before: the ticket's mask.
        after: the control's.
        layers: ``model.layers``; every layer that a leaf stacks counts by itself.

    Example:
        >>> before = {"w": jnp.array([[True, False]])}
        >>> after = {"w": jnp.array([[True, True]])}
        >>> changed_counts(before, after, {"w": LayerInfo("dense", (1, 2))})["w"].item()
        True
    """
    counts = [masks.layer_counts(m, _every(m, layers)) for m in (before, after)]
    return {path: (n != counts[1][path]).any() for path, n in counts[0].items()}


def _every(mask: Mask, layers: Mapping[str, LayerInfo]) -> dict[str, LayerInfo]:
    """Return all leaves, those that cannot be pruned too, as layers."""
    other = LayerInfo("dense", ())
    return {path: layers.get(path, other) for path in tree.flatten(mask)}
