"""Rewinding to k, to 0, and random reinits, at all sizes (SLTH, Figure 8).

The paper shows ResNet-50 on ImageNet; these are the networks of its other figures, and
the study is that of Figure 5, which has both controls.

Run:     lth run experiments/stabilizing_figure_8.py [--only resnet18]
Data:    MNIST and CIFAR-10 through TFDS (--data.dir or $TFDS_DATA_DIR).
Cost:    that of experiments/stabilizing_figure_5.py.
Expect:  rewound to k, tickets match the dense network down to a few percent of the
         weights; reset to 0 or with fresh weights they only lose accuracy.
"""

import runpy
from pathlib import Path

_figure_5 = runpy.run_path(str(Path(__file__).with_name("stabilizing_figure_5.py")))
config, quick = _figure_5["config"], _figure_5["quick"]
