"""The errors of this package: each says what was wrong, where, and what to do.

And what is safe to show of text from files, in errors and elsewhere.
"""

import re
from collections.abc import Iterable
from difflib import get_close_matches

_ACTING = re.compile(
    "[\0-\x08\x0b-\x1f\x7f-\x9f"  # control characters, but for tabs and ends of lines
    "\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"  # directions of text
    "\ud800-\udfff]"  # halves of surrogate pairs, which cannot be encoded
)


class LthError(Exception):
    """Base of every error this package raises on purpose."""


class InputError(LthError, ValueError):
    """Bad input: a config field, an argument, an array or a file of the user's.

    The command line exits with code 2 on it.
    """


class StoreError(InputError):
    """A run directory that cannot be read, written or continued as asked."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'? Known: ..."`` for an unknown word.

    Args:
        word: what the user wrote.
        known: the words that would have been accepted.

    Returns:
        A clause to append to an error message.

    Example:
        >>> did_you_mean("digit", ["digits", "mnist"])
        "; did you mean 'digits'? Known: digits, mnist"
    """
    words = list(known)
    near = get_close_matches(word, words, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    return f"{hint} Known: {', '.join(words)}"


def harmless(text: str) -> str:
    r"""Return text with its control characters escaped as JSON escapes them.

    Example:
        >>> harmless("a\x1b[2Jb\n")
        'a\\u001b[2Jb\n'
    """
    return _ACTING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
