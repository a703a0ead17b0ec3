"""Devices: how many there are, what they are, what is compiled for them."""

import os
import re
from pathlib import Path
from platform import machine

import jax
from jax.extend.backend import backends, clear_backends

from ..errors import InputError
from ..types import Model


def use_host_devices(n: int | None = None) -> None:
    """Make JAX show ``n`` devices on a CPU, so that lanes train on all cores.

    Call it before anything touches JAX's backend; the command line does it by itself.
    On machines with an accelerator it changes nothing that matters.

    Args:
        n: devices; default: the cores this process may use.

    Raises:
        InputError: the backend has started already.
    """
    try:
        jax.config.update("jax_num_cpu_devices", n or _cores())
    except RuntimeError as error:
        raise InputError(
            "use_host_devices must be called before JAX computes anything."
        ) from error


def check_platforms() -> None:
    """Check that JAX can use the platforms that the user has named.

    Where none is named, JAX takes what there is, and nothing is started here.

    Raises:
        InputError: it cannot; says which there are.
    """
    wanted = jax.config.values["jax_platforms"]
    if not wanted or wanted == "cpu":
        return
    try:
        jax.local_devices()
    except Exception as error:  # of many classes, and some without words
        jax.config.update("jax_platforms", None)
        there = ", ".join(backends())
        clear_backends()  # what was not asked for is not used either
        jax.config.update("jax_platforms", wanted)
        raise InputError(
            f"JAX_PLATFORMS is {wanted!r}, which JAX cannot use here; there is {there}."
            " Unset it, or name what there is."
        ) from error


def keep_compiled(folder: Path) -> None:
    """Let JAX keep compiled programs, so that a second start compiles nothing.

    A cache that the user has named (``JAX_COMPILATION_CACHE_DIR``) is left alone.

    Args:
        folder: of the cache; each kind of processor gets a folder of its own, because
            programs for CPUs are compiled for one kind.
    """
    if jax.config.values["jax_compilation_cache_dir"] is None:
        host = re.sub(r"\W+", "-", _cpu_model() or machine())
        jax.config.update("jax_compilation_cache_dir", str(folder / host))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.3)


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def describe() -> dict[str, str | int]:
    """Return what the devices are, for a manifest."""
    devices = jax.local_devices()
    kind = devices[0].device_kind
    if devices[0].platform == "cpu":
        kind = _cpu_model() or kind
    return {
        "platform": devices[0].platform,
        "kind": kind,
        "count": len(devices),
        "cores": os.cpu_count() or 0,
    }


def _cpu_model() -> str:
    try:
        with open("/proc/cpuinfo") as file:
            lines = [line for line in file if line.startswith("model name")]
    except OSError:
        return ""
    return lines[0].split(":", 1)[1].strip() if lines else ""


def size_of(model: Model) -> int:
    """Return the bytes of a network's weights."""
    params, _ = jax.eval_shape(model.init, jax.random.key(0))
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(params))
