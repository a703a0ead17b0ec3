"""Which leaves of a network can be pruned: a rule, or the word of who built the model.

Kernels can; biases, norms, embeddings and positions cannot. The number of axes alone
does not tell them apart: the biases of attention heads have two axes, and so has the
scale of a norm that ``nn.scan`` stacks.
"""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from ..errors import InputError, did_you_mean
from ..types import LayerInfo

Prunable = Callable[[str, Any], bool] | Collection[str] | None
"""(path, leaf) -> bool; or the paths, such as ``model.layers``; None: `is_prunable`."""

KERNELS = {"kernel", "w", "weight", "weights"}
NORMS = {"norm", "norms", "normalization", "ln", "bn"}
EMBEDDINGS = {
    *{"embed", "embeds", "embedding", "embeddings", "emb", "posemb"},
    *{"pos", "position", "positions", "positional"},
}
BIASES = {"bias", "biases", "scale", "scales", "offset", "shift", "gamma", "beta"}
TOKENS = {"cls", "token", "tokens"}


def words(name: str) -> set[str]:
    """Return the words of a name, in lower case.

    Example:
        >>> sorted(words("LayerNorm_0")), sorted(words("pos_embedding"))
        (['0', 'layer', 'norm'], ['embedding', 'pos'])
    """
    found = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)
    return {word.lower() for word in found}


def is_prunable(path: str, leaf: Any) -> bool:
    """Tell by path and shape whether a parameter can be pruned.

    It has two axes or more, and neither its name nor that of the module that holds it
    says that it is a bias, a norm, an embedding or a position. (A module that wraps
    others may be named after a norm: the kernels in it can be pruned.)

    Args:
        path: of the leaf; a last ``value`` of an NNX state is skipped.
        leaf: anything with ``ndim``.

    Example:
        >>> import numpy as np
        >>> table = np.ones((3, 2))
        >>> [is_prunable(p, table) for p in ("Dense_0/kernel", "query/bias", "pos_emb")]
        [True, False, False]
        >>> is_prunable("kernel", np.ones(3))
        False
    """
    if leaf.ndim < 2:
        return False
    names = path.split("/")
    if len(names) > 1 and names[-1] in ("value", "raw_value"):
        names.pop()
    *holders, name = names
    holder = next((n for n in reversed(holders) if not n.isdigit()), "")
    held_by, says = words(holder), words(name)
    if held_by & NORMS or any(word.endswith("norm") for word in held_by | says):
        return False
    if name == "kernel":
        return True
    if held_by & EMBEDDINGS:
        return False
    return name in KERNELS or not (
        name == "b" or says & (BIASES | NORMS | EMBEDDINGS | TOKENS)
    )


def says_bias(path: str) -> bool:
    """Tell whether a leaf is named as a bias or scale, of one axis in most networks.

    Example:
        >>> says_bias("Dense_0/bias"), says_bias("Dense_0/kernel")
        (True, False)
    """
    return any(name == "b" or words(name) & BIASES for name in path.split("/")[-2:])


def select(leaves: Mapping[str, Any], prunable: Prunable = None) -> list[str]:
    """Return the paths of the leaves that can be pruned, in the order of the leaves.

    Args:
        leaves: by path.
        prunable: see `Prunable`.

    Raises:
        InputError: ``prunable`` names a path that there is not, or is of another type.

    Example:
        >>> import numpy as np
        >>> leaves = {"bias": np.ones(2), "kernel": np.ones((2, 2))}
        >>> select(leaves), select(leaves, lambda path, _: "b" in path)
        (['kernel'], ['bias'])
    """
    if prunable is None:
        return [path for path, leaf in leaves.items() if is_prunable(path, leaf)]
    if callable(prunable):
        return [path for path, leaf in leaves.items() if prunable(path, leaf)]
    if isinstance(prunable, str) or not isinstance(prunable, Collection):
        raise InputError(
            f"prunable is {prunable!r}: give a function (path, leaf) -> bool, or a"
            " collection of paths, such as model.layers."
        )
    for path in prunable:
        if path not in leaves:
            raise InputError(
                f"prunable names {path!r}, which is no leaf{did_you_mean(path, leaves)}"
            )
    return [path for path in leaves if path in prunable]


def stacked(prunable: Prunable, path: str) -> int:
    """Return how many leading axes of a leaf number layers of their own.

    Example:
        >>> stacked({"w": LayerInfo("dense", (3, 4, 5), 1)}, "w"), stacked(None, "w")
        (1, 0)
    """
    info = prunable.get(path) if isinstance(prunable, Mapping) else None
    return info.stacked if isinstance(info, LayerInfo) else 0


def check_one_network(leaves: Mapping[str, Any]) -> None:
    """Raise InputError for the leaves of several networks, stacked on a first axis.

    Pruned as one network, they would compete with each other, and their biases would be
    taken for kernels. It cannot always be known: only where every leaf has the same
    first axis, and even biases have two.

    Args:
        leaves: by path.
    """
    firsts = {leaf.shape[0] if leaf.ndim > 1 else None for leaf in leaves.values()}
    if len(firsts) == 1 and None not in firsts and any(map(says_bias, leaves)):
        (n,) = firsts
        raise InputError(
            f"These look like stacked masks of {n} networks: every leaf has a first"
            f" axis of {n}, {next(filter(says_bias, leaves))!r} too. Map over the"
            " networks (jax.vmap), or take one: jax.tree.map(lambda leaf: leaf[0],"
            " mask). If it is one network, say what can be pruned (prunable=...)."
        )
