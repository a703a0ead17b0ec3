"""The one place where text reaches a terminal; what it could do there is escaped.

Names in files, and messages about them, can hold the characters that clear a screen,
set a title or turn a line around.
"""

import logging
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_ACTING = re.compile(
    "[\0-\x08\x0b-\x1f\x7f-\x9f"  # control characters, but for tabs and ends of lines
    "\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"  # directions of text
    "\ud800-\udfff]"  # halves of surrogate pairs, which cannot be encoded
)


def harmless(text: str) -> str:
    r"""Return text with its control characters escaped as JSON escapes them.

    Example:
        >>> harmless("a\x1b[2Jb\n")
        'a\\u001b[2Jb\n'
    """
    return _ACTING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def show(text: Any) -> None:
    """Print a result."""
    print(harmless(str(text)))


def complain(error: Any) -> None:
    """Print what is wrong, on the standard error."""
    print(harmless(f"lth: {error}"), file=sys.stderr)


class _Plain(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return harmless(super().format(record))


@contextmanager
def log_on_stderr() -> Iterator[None]:
    """Show what the package logs as plain lines, and warnings of all as they are."""
    log, handler = logging.getLogger("lth_jax"), logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Plain())
    level, form = log.level, warnings.formatwarning
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    warnings.formatwarning = lambda *args, **named: harmless(form(*args, **named))
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
        warnings.formatwarning = form
