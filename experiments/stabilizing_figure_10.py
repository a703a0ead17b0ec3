"""Stability as angles (SLTH, Figure 10): the study of Figure 3, whose page has both.

Run:     lth run experiments/stabilizing_figure_10.py [--only lenet]
Data:    MNIST and CIFAR-10 through TFDS (--data.dir or $TFDS_DATA_DIR).
Cost:    that of experiments/stabilizing_figure_3.py.
Expect:  LeNet: 22.7 and 53.1 degrees for tickets, 49.2 and 83.6 for random subnetworks
         (data order and pruning).
"""

import runpy
from pathlib import Path

_figure_3 = runpy.run_path(str(Path(__file__).with_name("stabilizing_figure_3.py")))
config, quick = _figure_3["config"], _figure_3["quick"]
