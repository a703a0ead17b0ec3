# ruff: noqa: E402 - JAX reads the environment when it is imported
"""What every test gets: four host devices, a private cache, a key."""

import gc
import os
import time
from contextlib import suppress
from importlib import metadata
from pathlib import Path

import hypothesis
import pytest

SHORT_COMPILATION = {
    "0.10": (
        "--xla_cpu_use_fusion_emitters=false",
        "--xla_cpu_parallel_codegen_split_count=1",
    ),
    "0.12": ("--xla_cpu_parallel_codegen_split_count=1",),
}
"""Version of jaxlib -> flags that shorten the compilation of a small program (0.10: by
three quarters). XLA ends a process that names a flag which it does not know."""

# Workers, the processes that tests start, and the next run of the tests compile every
# program once for all. What nobody has made for a week goes.
COMPILED = Path(__file__).parents[1] / ".pytest_cache" / "compiled"
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    os.environ["JAX_COMPILATION_CACHE_DIR"] = str(COMPILED)
    COMPILED.mkdir(parents=True, exist_ok=True)
    for program in COMPILED.iterdir():
        with suppress(OSError):  # another worker removes it
            if program.stat().st_mtime < time.time() - 7 * 24 * 3600:
                program.unlink()
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
# A test compiles for longer than it computes. The long tests compile as users do
# (see the Makefile).
if os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1") == "1":
    version = ".".join(metadata.version("jaxlib").split(".")[:2])
    os.environ.setdefault("XLA_FLAGS", " ".join(SHORT_COMPILATION.get(version, ())))
os.environ.setdefault("JAX_PLATFORMS", "cpu")
import jax

if jax.config.jax_platforms in (None, "", "cpu"):
    jax.config.update("jax_platforms", os.environ["JAX_PLATFORMS"])
if jax.config.jax_platforms == "cpu":
    jax.config.update("jax_num_cpu_devices", 4)  # refused once a backend has started

from lth_jax.training import loop

# Traces are many small objects: to look through them often takes a tenth of the time.
gc.set_threshold(100_000, 20, 50)
# A chunk shuffles for as many steps as it has room for; trainings of tests are short.
loop.CHUNK_STEPS = 48
MEMORY = 2.4e9
"""Bytes that a worker may hold when it goes on with the next file."""

# The same examples in every run; a first call compiles, so no deadline.
hypothesis.settings.register_profile(
    "lth", deadline=None, derandomize=True, database=None, max_examples=25
)
hypothesis.settings.load_profile("lth")


@pytest.fixture(scope="session", autouse=True)
def _private_cache(tmp_path_factory):
    """Keep the tests, and what they start, away from the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LTH_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module", autouse=True)
def _bounded_memory():
    """Forget compiled programs before they fill the memory; the disk has them."""
    yield
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    if pages * os.sysconf("SC_PAGE_SIZE") > MEMORY:
        jax.clear_caches()


@pytest.fixture
def key() -> jax.Array:
    return jax.random.key(0)


@pytest.fixture
def x64():
    """Compute in float64, in this test only."""
    with jax.enable_x64(True):
        yield


@pytest.fixture
def logged(caplog):
    """Return a function that returns what the package has logged."""
    caplog.set_level("INFO", "lth_jax")
    return lambda: caplog.text
