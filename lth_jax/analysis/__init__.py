"""Why tickets win: how stable their training is, and how their minima are connected."""

from .connectivity import Path as Path
from .connectivity import alphas as alphas
from .connectivity import barrier as barrier
from .connectivity import interpolate as interpolate
from .connectivity import path_errors as path_errors
from .connectivity import recomputed as recomputed
from .stability import Closeness as Closeness
from .stability import closeness as closeness
from .stability import pairs as pairs
from .stability import to_data_order as to_data_order
from .stability import to_pruning as to_pruning
