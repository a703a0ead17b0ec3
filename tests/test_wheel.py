"""The wheel of what is tracked, installed elsewhere, does what a clone does."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

REPO = Path(__file__).parents[1]
WHERE = "import lth_jax; print(lth_jax.__file__)"
RUN = "from lth_jax.cli import main; import sys; sys.exit(main(sys.argv[1:]))"
WORDS = "run digits --quick --no-progress --out runs"
NUMBERS = {".npz", ".parquet"}


def done(*words: object, cwd: Path, **more: str) -> str:
    """Run a command; return what it prints last."""
    kept = {
        k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")
    }
    command = subprocess.run(
        [*map(str, words)], cwd=cwd, env=kept | more, capture_output=True, text=True
    )
    assert command.returncode == 0, command.stdout + command.stderr
    return command.stdout.strip().rpartition("\n")[2]


def tracked(to: Path) -> Path:
    """Copy the files that git tracks, as they are now."""
    if not (REPO / ".git").exists() or shutil.which("git") is None:
        pytest.skip("no git checkout, or no git: nothing tells which files are tracked")
    names = subprocess.run(
        ["git", "-C", str(REPO), "ls-files", "-z"], capture_output=True, check=True
    ).stdout.decode()
    for name in filter(None, names.split("\0")):
        if (REPO / name).is_file() and not name.startswith("results/"):
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPO / name, to / name)
    return to


def built(source: Path, to: Path) -> Path:
    """Build the wheel as ``pip`` does; what builds it comes from where pip looks."""
    pip = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet"]
    build = subprocess.run(
        [*pip, "--wheel-dir", str(to), str(source)], capture_output=True, text=True
    )
    if build.returncode and "setuptools" in build.stderr.partition("lth_jax")[0]:
        pytest.skip(f"pip finds no setuptools to build with: {build.stderr[-300:]}")
    assert build.returncode == 0, build.stderr
    (wheel,) = to.glob("*.whl")
    return wheel


def installed(wheel: Path, to: Path) -> Path:
    """Install the wheel into an environment of its own; return its Python.

    What it depends on is taken from the environment of the tests, by path: an editable
    installation there does not count.
    """
    done(sys.executable, "-m", "venv", to, cwd=to.parent)
    python = to / "bin" / "python"
    pip = [python, "-m", "pip", "install", "--no-deps", "--no-index", "--quiet"]
    done(*pip, wheel, cwd=to.parent)
    own = done(
        python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=to
    )
    paths = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (Path(own) / "dependencies.pth").write_text("\n".join(sorted(paths)) + "\n")
    return python


def numbers(run: Path) -> dict[str, bytes]:
    files = [file for file in sorted(run.rglob("*")) if file.suffix in NUMBERS]
    return {file.relative_to(run).as_posix(): file.read_bytes() for file in files}


@pytest.mark.long
def test_the_wheel_has_the_bytes_of_the_clone(tmp_path):
    source = tracked(tmp_path / "source")
    wheel = built(source, tmp_path / "dist")
    python = installed(wheel, tmp_path / "clean")
    away, clone = tmp_path / "away", tmp_path / "clone"
    away.mkdir()
    clone.mkdir()
    place = done(python, "-c", WHERE, cwd=away)
    assert Path(place).is_relative_to(tmp_path / "clean")
    lth = python.with_name("lth")
    theirs = away / done(lth, *WORDS.split(), cwd=away)
    own = {"PYTHONPATH": str(REPO)}
    assert done(sys.executable, "-c", WHERE, cwd=clone, **own).startswith(str(REPO))
    command = [sys.executable, "-c", RUN, *WORDS.split()]
    ours = clone / done(*command, cwd=clone, **own)
    assert ours.name == theirs.name
    assert numbers(ours) and numbers(theirs) == numbers(ours)
    assert (theirs / "report.html").exists()
