"""lth_jax: winning tickets in JAX.

The front door: a user's network and data in, tickets and controls out. Everything else
is in the submodules (`lth_jax.masks`, `lth_jax.controls`, `lth_jax.train`, ...).
"""

from . import sources as sources
from .config import Config as Config
from .config import DataConfig as DataConfig
from .config import ModelConfig as ModelConfig
from .config import PlanConfig as PlanConfig
from .config import PruneConfig as PruneConfig
from .config import RewindConfig as RewindConfig
from .config import TrainConfig as TrainConfig
from .errors import InputError as InputError
from .imp import find_ticket as find_ticket
from .masks import prune as prune
from .models import from_functions as from_functions
from .models import from_linen as from_linen
from .models import from_nnx as from_nnx
from .models import lenet as lenet
from .optim import freeze_pruned as freeze_pruned
from .parallel import use_host_devices as use_host_devices
from .rewind import rewind as rewind
from .runs import load_run as load_run
from .runs import load_ticket as load_ticket
from .sources import from_arrays as from_arrays
from .tables import summary_rows as summary_rows
from .types import Model as Model
from .types import Rewind as Rewind
from .types import Ticket as Ticket
