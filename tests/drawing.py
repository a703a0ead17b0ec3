"""What tests of figures share."""

from collections.abc import Mapping

from lth_jax import papers, plotting
from lth_jax.store.read import Run


def supported(runs: Mapping[str, Run]) -> dict[str, plotting.Exhibit]:
    """Return the figures of all papers that runs support, by name, in order."""
    return plotting.supported(papers.figures(), runs)
