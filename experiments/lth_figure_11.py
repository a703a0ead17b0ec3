"""Validation loss during training (LTH, appendix C, Figure 11; X2).

Of tickets at 100, 51.3, 21.1, 7.0, 3.6 and 1.9 % of the weights, and of reinits at 51.3
and 21.1 %: the networks of Figure 3, whose early stop is the least of these losses.

Run:     lth run experiments/lth_figure_11.py
Data:    MNIST through TFDS (--data.dir, $TFDS_DATA_DIR) or `lth data prepare mnist`.
Cost:    that of experiments/lth_figure_3.py.
Expect:  loss falls, then rises again, in tickets as in the dense network; tickets at
         21.1 % come to its minimum earliest, reinits later the more is pruned.
"""

import runpy
from pathlib import Path

_figure_3 = runpy.run_path(str(Path(__file__).with_name("lth_figure_3.py")))
config, quick = _figure_3["config"], _figure_3["quick"]
