"""What tests of figures share."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from made import WHO, run_of
from matplotlib.figure import Figure

from lth_jax import papers, plotting
from lth_jax.config import Config, ModelConfig, PruneConfig, TrainConfig, to_dict
from lth_jax.store.read import Run

ACCURACY = {
    "val_accuracy_es": 0.0,
    "test_accuracy_es": -0.01,
    "test_accuracy_final": -0.02,
    "train_accuracy_final": 0.02,
}
"""How much they differ from one another."""


def numbers(variant: int, kind: str, level: int, replicates: int) -> np.ndarray:
    """Return validation accuracies of a kind: those of level 0 belong to all kinds."""
    offset = 0.0 if level == 0 else 0.002 * len(kind)
    spread = np.resize((0.0, 0.003, 0.0005), replicates)
    return 0.9 + 0.004 * variant + 0.001 * level - offset + spread


def made(config: Config, variant: int = 0, weights: int = 50_000) -> Run:
    """Return a run of a config whose numbers follow from the number of its variant."""
    rows, keep = [], 1 - config.prune.rate
    kinds = [kind for kind, draws in config.draws.items() if draws]
    for level in range(config.levels + 1):
        for kind in ("ticket", *kinds) if level else ("ticket",):
            values = numbers(variant, kind, level, config.replicates)
            one = {"level": level, "kind": kind, "draw": 0, "status": "ok"}
            one |= {"density": keep**level, "n_weights": weights}
            one |= {"n_remaining": round(weights * keep**level)}
            rows += [
                one
                | {"replicate": r, "early_stop_step": 10 * (level + r + variant + 1)}
                | {name: value + more for name, more in ACCURACY.items()}
                for r, value in enumerate(values)
            ]
    summary = pd.DataFrame(rows)
    steps = [config.train.steps * part // 6 for part in (0, 2, 3, 4, 6)]
    points = [(step, split) for step in steps for split in ("validation", "test")]
    is_deep = config.model.name in ("vgg19", "resnet18")
    at = pd.DataFrame(points if is_deep else [], columns=["step", "split"])
    curves = summary[[*WHO, "val_accuracy_es"]].merge(at, how="cross")
    lower = 0.1 * (curves["split"] == "test") + curves["step"].astype(float) / 1e7
    curves["accuracy"] = curves.pop("val_accuracy_es") - lower
    return run_of(config, summary, curves=curves.assign(loss=1.0))


def sketched(config: Config) -> Run:
    """Return a run with the kinds of networks of a config, at level 1 alone."""
    one_level = replace(config.prune, levels=1, one_shot=config.prune.one_shot[:1])
    few = made(replace(config, prune=one_level, replicates=1, control_levels=()))
    return few._replace(config=to_dict(config))


def swept(base: Config, **changes: Iterable[Any]) -> dict[str, Run]:
    """Return runs that differ in one setting, named v0, v1, ... in this order."""
    ((name, values),) = changes.items()
    part, _, field = name.partition("__")
    configs = [
        replace(base, **{part: replace(getattr(base, part), **{field: value})})
        for value in values
    ]
    return {f"v{i}": made(config, i) for i, config in enumerate(configs)}


def small(name: str = "lenet", levels: int = 3, **fields: Any) -> Config:
    return Config(
        model=ModelConfig(name=name),  # type: ignore[arg-type]
        train=TrainConfig(steps=600, optimizer="adam"),
        prune=PruneConfig(levels=levels, rate=0.5),
        replicates=3,
        **fields,
    )


def outside(figure: Figure) -> list[str]:
    """Return the panels that cut off a line, the end of a bar or a band."""
    figure.draw_without_rendering()
    found = []
    for ax in figure.axes:
        boxes = [line.get_transform().transform(line.get_xydata()) for line in ax.lines]
        for each in ax.collections:
            paths = [path.vertices for path in each.get_paths()]
            boxes += [each.get_transform().transform(path) for path in paths]
        places = np.concatenate([np.empty((0, 2)), *boxes])
        places = places[np.isfinite(places).all(axis=1)]
        low, high = np.add(ax.bbox.get_points(), [[-0.01], [0.01]])
        if ax.get_visible() and not ((places >= low) & (places <= high)).all():
            found.append(ax.get_title("left"))
    return found


def supported(runs: Mapping[str, Run]) -> dict[str, plotting.Exhibit]:
    """Return the figures of all papers that runs support, by name, in order."""
    return plotting.supported(papers.figures(), runs)
