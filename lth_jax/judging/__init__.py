"""The engine that judges claims of papers by rules, from tables of runs.

It knows no paper: claims are written in its words (`lth_jax.judging.rules`) in the
folders of `lth_jax.papers`, and handed to `judge`.
"""

from .verdicts import Judgement as Judgement
from .verdicts import judge as judge
from .verdicts import totals as totals
