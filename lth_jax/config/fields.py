"""Dataclasses as data: are values of their fields' types; built from JSON; one form."""

import dataclasses
import functools
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from ..errors import InputError, did_you_mean


@functools.cache
def hints_of(cls: Any) -> dict[str, Any]:
    """Return the types of the fields of a dataclass, by name; read only."""
    return get_type_hints(cls)


def check_types(instance: Any, prefix: str = "") -> None:
    """Check that every field of a dataclass holds what its annotation says.

    A float may be given as an int; a bool is no number, a list no tuple.

    Args:
        instance: a dataclass, its fields plain types, choices, tuples or dataclasses.
        prefix: of its fields' names in messages.

    Raises:
        InputError: names the first field that does not.
    """
    for name, hint in hints_of(type(instance)).items():
        value, field = getattr(instance, name), prefix + name
        if not _fits(value, hint):
            words = _choices(hint) if isinstance(value, str) else ()
            typed = hint.__name__ if isinstance(hint, type) else str(hint)
            expected = f": it must be of type {typed.replace('typing.', '')}."
            raise InputError(
                f"{field} is {shown(value)}"
                + (did_you_mean(value, words) if words else expected)
            )
        if dataclasses.is_dataclass(value):
            check_types(value, f"{field}.")


def build(cls: Any, stored: Any, prefix: str = "") -> Any:
    """Make a dataclass of a JSON object; a field that is not there has its default.

    Types of values are left to `check_types`.

    Args:
        cls: a dataclass whose fields have defaults.
        stored: nested dicts, lists for tuples.
        prefix: of its fields' names in messages.

    Raises:
        InputError: names what is no object, or no field.
    """
    if not isinstance(stored, dict):
        raise InputError(f"{prefix[:-1]} is {shown(stored)}: it must be an object.")
    hints = hints_of(cls)
    for name in stored:
        if name not in hints:
            raise InputError(f"{prefix}{name} is no field{did_you_mean(name, hints)}")
    values = {
        name: build(hints[name], value, f"{prefix}{name}.")
        if dataclasses.is_dataclass(hints[name])
        else _tuples(value)
        for name, value in stored.items()
    }
    return cls(**values)


def canonical(value: Any, hint: Any) -> Any:
    """Return a value in the one form that equal values of a type have.

    Example:
        >>> canonical((0, -0.0, 0.5), tuple[float, ...]), canonical(1, int)
        ((0.0, 0.0, 0.5), 1)
    """
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return value if value is None else canonical(value, parts[0])
    if origin is tuple:
        each = parts[:1] * len(value) if parts[-1] is ... else parts
        return tuple(map(canonical, value, each))
    return float(value) + 0.0 if hint is float else value


def shown(value: Any) -> str:
    """Return a value as a message shows it: short, and whatever it is.

    Example:
        >>> shown("5"), shown(10**5000)
        ("'5'", '<int>')
    """
    try:
        text = repr(value)
    except Exception:
        return f"<{type(value).__name__}>"
    return text if len(text) <= 200 else f"{text[:200]}..."


def _fits(value: Any, hint: Any) -> bool:
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Literal:
        return isinstance(value, str) and value in parts
    if origin in (Union, UnionType):
        return any(_fits(value, part) for part in parts)
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        each = parts[:1] * len(value) if parts[-1] is ... else parts
        return len(value) == len(each) and all(map(_fits, value, each))
    if hint is float and isinstance(value, int):
        return _fits(value, int) and abs(value) < 2**1023
    return isinstance(value, hint) and (hint is bool or not isinstance(value, bool))


def _choices(hint: Any) -> tuple[str, ...]:
    """Return the words that a field takes, if it takes words; None is no word."""
    for part in (hint, *get_args(hint)):
        if get_origin(part) is Literal:
            return get_args(part)
    return ()


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
