"""lth_jax: winning tickets in JAX.

The front door: a user's network and data in, tickets and controls out. Everything else
is in the rooms (`lth_jax.tickets`, `lth_jax.training`, `lth_jax.study`, ...).
"""

from . import sources as sources
from .config import Config as Config
from .config import DataConfig as DataConfig
from .config import ModelConfig as ModelConfig
from .config import PlanConfig as PlanConfig
from .config import PruneConfig as PruneConfig
from .config import RewindConfig as RewindConfig
from .config import TrainConfig as TrainConfig
from .driver.devices import use_host_devices as use_host_devices
from .errors import InputError as InputError
from .models import from_functions as from_functions
from .models import from_linen as from_linen
from .models import from_nnx as from_nnx
from .models import lenet as lenet
from .sources import from_arrays as from_arrays
from .store.read import load_run as load_run
from .store.read import load_ticket as load_ticket
from .study.rows import summary_rows as summary_rows
from .study.waves import find_ticket as find_ticket
from .tickets.masks import prune as prune
from .tickets.rewinding import rewind as rewind
from .training.optim import freeze_pruned as freeze_pruned
from .types import Model as Model
from .types import Rewind as Rewind
from .types import Ticket as Ticket
