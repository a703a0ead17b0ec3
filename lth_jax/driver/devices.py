"""Devices: how many, and how many networks train on each at once."""

import dataclasses
import os
import re
from collections.abc import Mapping
from pathlib import Path
from platform import machine
from typing import Any, NamedTuple

import jax

from ..config import Config, PlanConfig
from ..errors import InputError, StoreError
from ..models import CONVOLUTIONS, best_known
from ..types import Model

MEMORY_SHARE = 0.6
"""Fraction of an accelerator's memory that lanes may fill."""
TRAINING_COPIES = 6
"""Copies of the weights a lane needs: start, current, gradient, two moments, spare."""


class Plan(NamedTuple):
    """How trainings are spread; fixed at the first start of a run.

    Attributes:
        platform: "cpu", "gpu" or "tpu".
        devices: number of devices.
        lanes: networks per device.
        convolution: form of convolutions.
    """

    platform: str
    devices: int
    lanes: int
    convolution: str = "columns"


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


def candidates(config: PlanConfig, model: Model, n_lanes: int) -> list[Plan]:
    """Return the plans worth measuring; on a CPU it is known which one is best.

    Args:
        config: what the user fixed.
        model: its size bounds the lanes of an accelerator.
        n_lanes: lanes of the largest wave; more are never needed.

    Raises:
        InputError: more devices are asked for than there are.
    """
    available = jax.local_devices()
    platform = available[0].platform
    devices = config.devices or min(len(available), n_lanes)
    if devices > len(available):
        raise InputError(
            f"plan.devices is {devices}, but JAX sees {len(available)} of kind"
            f" {platform!r}."
        )
    lanes, forms = [1], [best_known()]
    if platform != "cpu":
        most = min(-(-n_lanes // devices), max(1, _lanes_that_fit(model)))
        lanes, forms = sorted({most, -(-most // 2), -(-most // 4)}), [*CONVOLUTIONS]
    if config.lanes:
        lanes = [config.lanes]
    if not any(info.kind == "conv" for info in model.layers.values()):
        forms = [best_known()]
    if config.convolution:
        forms = [config.convolution]
    return [Plan(platform, devices, n, form) for form in forms for n in lanes]


def stored_plan(
    stored: Mapping[str, Any], config: PlanConfig, halved: bool = False
) -> Plan | None:
    """Return the plan of a run that goes on, if user and machine allow it.

    Args:
        stored: the plan in the run's manifest; empty if it has none yet.
        config: what the user fixes; a plan that agrees with it is kept.
        halved: whether its lanes are fewer than were asked for, for want of memory.

    Returns:
        None where a plan has to be made.

    Raises:
        StoreError: the stored plan was edited.
    """
    if not stored:
        return None
    try:
        plan = Plan(**stored)
        fixed = PlanConfig(**{k: v for k, v in stored.items() if k != "platform"})
        Config(plan=fixed).validate()
    except (TypeError, InputError) as error:
        raise StoreError(
            f"The plan in manifest.json was changed; restore it: {error}"
        ) from error
    fits = plan.devices <= len(jax.local_devices())
    same = plan.platform == jax.local_devices()[0].platform
    asked = {
        name: value
        for name, value in dataclasses.asdict(config).items()
        if value is not None and not (name == "lanes" and halved and value > plan.lanes)
    }
    agrees = asked.items() <= plan._asdict().items()
    return plan if fits and same and agrees else None


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


def plan_devices(plan: Plan) -> list[Any]:
    """Return the devices of a plan."""
    return jax.local_devices()[: plan.devices]


def _lanes_that_fit(model: Model) -> int:
    memory = (jax.local_devices()[0].memory_stats() or {}).get("bytes_limit", 8 << 30)
    return int(MEMORY_SHARE * memory / (TRAINING_COPIES * size_of(model)))


def size_of(model: Model) -> int:
    """Return the bytes of a network's weights."""
    params, _ = jax.eval_shape(model.init, jax.random.key(0))
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(params))
