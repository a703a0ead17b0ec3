"""Training accuracy at the end of training (LTH, appendix D, Figures 12 and 13; X3).

Run:     lth run experiments/lth_figure_12.py [--only lenet]
Data:    MNIST and CIFAR-10 through TFDS (--data.dir or $TFDS_DATA_DIR).
Cost:    those of experiments/lth_figure_4.py and lth_figure_5.py together.
Expect:  100 % for LeNet at 5 % of the weights or more, about 100 % for tickets at 2 %
         or more; convolutional tickets 100 % at 2 % or more.
"""

import runpy
from pathlib import Path

from lth_jax.config import Variants

_HERE = Path(__file__).parent
_LENET = runpy.run_path(str(_HERE / "lth_figure_4.py"))
_CONV = runpy.run_path(str(_HERE / "lth_figure_5.py"))


def config() -> Variants:
    """Return LeNet, iterative and one-shot, and Conv-2/4/6, all with reinits."""
    lenet = {f"lenet_{name}": one for name, one in _LENET["config"]().items()}
    return lenet | _CONV["config"]()


def quick() -> Variants:
    """Return LeNet, small."""
    return {f"lenet_{name}": one for name, one in _LENET["quick"]().items()}
