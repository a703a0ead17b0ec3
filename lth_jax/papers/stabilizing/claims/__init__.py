"""The claims of the paper, B1 to B16 in its order; B3 has a part per printed number."""

from ....judging.rules import Claim
from . import abstract, appendix, imagenet, rewinding, stability

CLAIMS: tuple[Claim, ...] = (
    *abstract.CLAIMS,
    *stability.CLAIMS,
    *rewinding.CLAIMS,
    *imagenet.CLAIMS,
    *appendix.CLAIMS,
)
