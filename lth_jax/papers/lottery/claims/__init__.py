"""The claims of the paper, A1 to A81 in its order; some in several parts."""

from ....judging.rules import Claim
from . import (
    abstract,
    appendix_conv,
    appendix_deep,
    appendix_lenet,
    appendix_tickets,
    conv,
    deep,
    lenet,
)
from .changes import with_changes

_CLAIMS = (
    *abstract.CLAIMS,
    *lenet.CLAIMS,
    *conv.CLAIMS,
    *deep.CLAIMS,
    *appendix_tickets.CLAIMS,
    *appendix_lenet.CLAIMS,
    *appendix_conv.CLAIMS,
    *appendix_deep.CLAIMS,
    appendix_lenet.COST,
)
CLAIMS: tuple[Claim, ...] = tuple(with_changes(_CLAIMS))
