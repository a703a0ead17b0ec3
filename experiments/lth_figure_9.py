"""Resetting against continued training (LTH, appendix B, Figures 9 and 10; X1).

Resetting sends the weights back to their initial values before every training. With
continued training a chain of networks keeps its trained weights from pruning to
pruning, and only the tickets cut out of it start from the initial ones.

Run:     lth run experiments/lth_figure_9.py [--only lenet]
Data:    MNIST and CIFAR-10 through TFDS (--data.dir or $TFDS_DATA_DIR).
Cost:    LeNet 246 trainings, Conv-2/4/6 183, 219 and 219; LeNet an hour or two on 2
         cores, the others for an accelerator; `--dry-run` measures it.
Expect:  resetting reaches higher validation accuracy and stops earlier, down to smaller
         networks, in all four.
"""

from dataclasses import replace

from lth_jax import recipes
from lth_jax.config import Config, Variants


def config() -> Variants:
    """Return the paper's settings, LeNet down to 0.3 % of its weights."""
    lenet = recipes.lenet()
    networks = {
        "lenet": replace(lenet, prune=replace(lenet.prune, levels=27)),
        **recipes.convs(),
    }
    return {
        f"{name}_{way}": _made(setting, continued)
        for name, setting in networks.items()
        for way, continued in (("reset", False), ("continued", True))
    }


def quick() -> Variants:
    """Return LeNet, small."""
    study = config()
    names = ("lenet_reset", "lenet_continued")
    return {name: recipes.small(study[name]) for name in names}


def _made(setting: Config, continued: bool) -> Config:
    return replace(setting, prune=replace(setting.prune, continued=continued))
