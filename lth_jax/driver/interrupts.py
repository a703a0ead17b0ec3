"""SIGINT and SIGTERM: asked for once, obeyed when what is computed is safe."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

SIGNALS = signal.SIGINT, signal.SIGTERM


class Terminated(SystemExit):
    """The process was asked to stop by SIGTERM, as Ctrl-C raises KeyboardInterrupt."""

    def __init__(self) -> None:
        """Exit code 143, as shells have it."""
        super().__init__(128 + signal.SIGTERM)


class Request:
    """Whether somebody has asked the process to stop."""

    def __init__(self) -> None:
        """Begin with nobody asking."""
        self.signum: int | None = None

    @property
    def error(self) -> BaseException:
        """What to raise when it is time."""
        return Terminated() if self.signum == signal.SIGTERM else KeyboardInterrupt()


@contextmanager
def deferred() -> Iterator[Request]:
    """Note the first SIGINT or SIGTERM; a second one raises at once.

    A request that nobody has obeyed is raised at the end. Outside the main thread,
    where Python lets nobody handle signals, it changes nothing; nor does it where the
    process has been told to ignore a signal.
    """
    request = Request()

    def ask(signum: int, frame: Any) -> None:
        del frame
        if request.signum is not None:
            raise request.error
        request.signum = signum
        say("\nInterrupted: storing what is computed; once more leaves at once.\n")

    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    before = {signum: signal.getsignal(signum) for signum in SIGNALS}
    mine = [
        signum for signum in SIGNALS if before[signum] not in (None, signal.SIG_IGN)
    ]
    for signum in mine:
        signal.signal(signum, ask)
    try:
        yield request
    finally:
        for signum in mine:
            signal.signal(signum, before[signum])
    if request.signum is not None:
        raise request.error


def say(text: str) -> None:
    """Write to the standard error, if there is still somebody at its other end."""
    with suppress(OSError):
        os.write(2, text.encode())


@contextmanager
def leaving_at_the_second() -> Iterator[None]:
    """Let a second SIGINT or SIGTERM end the process, whatever it is doing.

    Python runs its handlers between two of its instructions, but a compilation is one
    of them. A thread that the system wakes does not wait for that. For programs, not
    for notebooks.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    listen, speak = os.pipe()
    os.set_blocking(speak, False)

    def watch() -> None:
        asked = 0
        while word := os.read(listen, 1):
            asked += word[0] in SIGNALS
            if asked == 2:
                os._exit(128 + word[0])
        os.close(listen)

    threading.Thread(target=watch, daemon=True).start()
    before = signal.set_wakeup_fd(speak, warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        os.close(speak)
