"""lth_jax: winning tickets in JAX."""

from .config import Config as Config
