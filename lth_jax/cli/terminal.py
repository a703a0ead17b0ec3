"""The one place where text reaches a terminal; what it could do there is escaped.

Names in files, and messages about them, can hold the characters that clear a screen,
set a title or turn a line around.
"""

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..errors import harmless


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
