"""Pytrees seen as ``{"Dense_0/kernel": leaf}``: paths, counts, stacks."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from .errors import InputError


def flatten(tree: Any) -> dict[str, Any]:
    """Return the leaves of a tree by path, in the order of ``jax.tree.leaves``.

    Example:
        >>> flatten({"Dense_0": {"kernel": 1, "bias": 2}})
        {'Dense_0/bias': 2, 'Dense_0/kernel': 1}

    Raises:
        InputError: two leaves have one path, such as ``{"a/b": 1, "a": {"b": 2}}``.
    """
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    flat = {}
    for keys, leaf in leaves:
        if _path(keys) in flat:
            raise InputError(f"two leaves have the path {_path(keys)!r}: rename one.")
        flat[_path(keys)] = leaf
    return flat


def unflatten(like: Any, leaves: Mapping[str, Any]) -> Any:
    """Return a tree shaped like ``like`` with the leaves of the mapping.

    Raises:
        KeyError: a path of ``like`` has no leaf.

    Example:
        >>> unflatten({"a": {"b": 0}}, {"a/b": 7})
        {'a': {'b': 7}}
    """
    return map_with_path(lambda path, _: leaves[path], like)


def below(leaves: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Return the leaves whose path begins so, by the rest of their path.

    Example:
        >>> below({"a/b": 1, "c": 2}, "a/")
        {'b': 1}
    """
    return {
        path.removeprefix(prefix): leaf
        for path, leaf in leaves.items()
        if path.startswith(prefix)
    }


def map_with_path(f: Callable[..., Any], tree: Any, *rest: Any) -> Any:
    """Map ``f(path, leaf, *leaves)`` over trees of one structure.

    Example:
        >>> map_with_path(lambda path, x, y: (path, x + y), {"a": 1}, {"a": 2})
        {'a': ('a', 3)}
    """
    return jax.tree_util.tree_map_with_path(
        lambda keys, *leaves: f(_path(keys), *leaves), tree, *rest
    )


def _path(keys: tuple[Any, ...]) -> str:
    return jax.tree_util.keystr(keys, simple=True, separator="/")


def concatenate(trees: Sequence[Any]) -> Any:
    """Concatenate stacked trees of one structure along their first axis, on the host.

    Example:
        >>> concatenate([{"a": np.zeros((2, 3))}, {"a": np.ones((1, 3))}])["a"].shape
        (3, 3)
    """
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *trees)


def take(tree: Any, index: Any) -> Any:
    """Index the first axis of every leaf.

    Example:
        >>> take({"a": np.arange(3)}, 1)["a"].item()
        1
    """
    return jax.tree.map(lambda leaf: leaf[index], tree)


def to_host(tree: Any) -> Any:
    """Copy a tree to NumPy arrays."""
    return jax.tree.map(np.asarray, jax.device_get(tree))


def check_alike(one: Any, other: Any, names: tuple[str, str]) -> None:
    """Check that two trees have the same leaves, of the same shapes.

    Args:
        one: a tree of arrays.
        other: another.
        names: what to call them in an error.

    Raises:
        InputError: they do not; names the first leaf that differs.

    Example:
        >>> check_alike({"a": np.ones(2)}, {"a": np.zeros(2)}, ("first", "second"))
    """
    has, wants = ({p: np.shape(x) for p, x in flatten(t).items()} for t in (one, other))
    for path in has | wants:
        if has.get(path) != wants.get(path):
            shapes = (f"shape {t[path]}" if path in t else "none" for t in (has, wants))
            raise InputError(
                f"{names[0]} and {names[1]} differ in leaf {path!r}, of"
                f" {' and '.join(shapes)}: both must be of one model."
            )
    if jax.tree.structure(one) != jax.tree.structure(other):
        raise InputError(
            f"{names[0]} and {names[1]} have the same leaves in other containers:"
            f" {jax.tree.structure(one)} and {jax.tree.structure(other)}."
        )


def check_same_types(one: Any, other: Any, names: tuple[str, str]) -> None:
    """Check that two trees with the same leaves hold the same types in them.

    Args:
        one: a tree of arrays.
        other: another, see `check_alike`.
        names: what to call them in an error.

    Raises:
        InputError: they do not; names the first leaf that differs.

    Example:
        >>> check_same_types({"a": np.ones(2)}, {"a": np.zeros(2)}, ("first", "second"))
    """
    wanted = flatten(other)
    for path, leaf in flatten(one).items():
        if leaf.dtype != wanted[path].dtype:
            raise InputError(
                f"{names[0]} has a leaf {path!r} of {leaf.dtype}, but {names[1]} has"
                f" {wanted[path].dtype} there: cast one of them to the other."
            )
