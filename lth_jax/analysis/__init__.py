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
from .structure import Connections as Connections
from .structure import Split as Split
from .structure import Units as Units
from .structure import connections as connections
from .structure import dead_units as dead_units
from .structure import distance as distance
from .structure import growth as growth
from .structure import live as live
from .structure import log10_paths as log10_paths
from .structure import random_spread as random_spread
from .structure import split as split
from .structure import spread as spread
