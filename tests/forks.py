"""Commands of ``lth``, each in a fork of a process that has imported everything.

So hundreds of them take minutes, one that hangs or fills the memory harms no other, and
what is measured of one is its own. ``Forks`` talks to the process, which is this file.
"""

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import time
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
LONGEST = 60.0
"""Seconds after which a command is taken to hang."""


class Ended(NamedTuple):
    """How a command has ended.

    Attributes:
        code: exit code; negative is the signal that ended it.
        seconds: of a processor, which on a busy machine are fewer than of a clock.
        grown: bytes of memory that it took beside what was there.
        out: what it printed.
        err: what it printed on the standard error.
    """

    code: int
    seconds: float
    grown: int
    out: str
    err: str


class Forks:
    """Starts commands, one at a time."""

    def __init__(self, process: subprocess.Popen) -> None:
        self._process = process

    def __call__(
        self, *words: Any, signum: int = signal.SIGKILL, after: float = LONGEST
    ) -> Ended:
        """Run a command, and send it a signal if it takes longer than ``after``."""
        asked = {"words": list(map(str, words)), "signum": signum, "after": after}
        print(json.dumps(asked), file=self._process.stdin, flush=True)
        return Ended(**json.loads(self._process.stdout.readline()))


@contextlib.contextmanager
def started(warm: Path, folder: Path, pictures: bool = False) -> Iterator[Forks]:
    """Start the process.

    Args:
        warm: a good run directory, of which a page is made.
        folder: for what commands print.
        pictures: make them, which takes longest of a page.
    """
    words = [str(warm), str(folder), *(["pictures"] if pictures else [])]
    command = [sys.executable, str(HERE / "forks.py"), *words]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=HERE.parent, **pipes) as process:
        process.stdout.readline()
        try:
            yield Forks(process)
        finally:
            process.stdin.close()


def _main(warm: str, folder: str, pictures: str = "") -> None:
    sys.path[:0] = [str(HERE), str(HERE.parent)]
    import conftest  # noqa: F401 - what is compiled is shared
    import pytest
    import runs
    import tensorflow_datasets  # noqa: F401 - imported before time is taken

    from lth_jax import cli
    from lth_jax.driver import pipeline  # noqa: F401 - the same

    if not pictures:
        runs.without_pictures(pytest.MonkeyPatch())
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for words in (["show"], ["claims"], ["report"]):
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
            cli.main([*words, warm])
    warnings.filterwarnings("ignore", "os.fork")
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(_fork(json.loads(line), Path(folder))), file=answers)
        answers.flush()


def _fork(asked: dict[str, Any], folder: Path) -> dict[str, Any]:
    start = time.monotonic()
    child = os.fork()
    if child == 0:
        _child(asked["words"], folder)
    sent = False
    while os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        lasted = time.monotonic() - start
        if lasted > asked["after"] and not sent:
            os.kill(child, asked["signum"])
            sent = True
        if lasted > asked["after"] + LONGEST:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.002)
    _, status, used = os.wait4(child, 0)
    grown = folder / "grown"
    ended = {
        "code": os.waitstatus_to_exitcode(status),
        "seconds": used.ru_utime + used.ru_stime,
        "grown": int(grown.read_text() or 0),
    }
    for name in ("out", "err"):
        ended[name] = (folder / name).read_text(errors="replace")
    return ended


def _child(words: list[str], folder: Path) -> None:
    """Run a command and leave."""
    code = 99
    try:
        from lth_jax import cli

        # Who is started in the background of a shell ignores it.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        (folder / "grown").write_text("0")
        for name, number in (("out", 1), ("err", 2)):
            os.dup2(
                os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number
            )
        before = _resident()
        code = cli.main(words)
        (folder / "grown").write_text(str(_resident() - before))
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 98
    except KeyboardInterrupt:  # before the command has begun
        code = 130
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _resident() -> int:
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    _main(*sys.argv[1:])
