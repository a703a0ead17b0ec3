"""What a study trains: the networks of every level, and which levels go together."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from .config import Config, fingerprint


class LaneId(NamedTuple):
    """Names one training of a study."""

    level: int
    kind: str
    replicate: int
    draw: int = 0


def names(config: Config, ids: Iterable[LaneId]) -> list[str]:
    """Return a name for each training, unlike those of other studies.

    Example:
        >>> names(Config(), [LaneId(2, "random_reinit", 0, 1)])[0].split("/", 1)[1]
        '2/random_reinit/0/1'
    """
    mine = fingerprint(config)
    return ["/".join(map(str, (mine, *lane))) for lane in ids]


def waves(config: Config) -> list[list[int]]:
    """Return the levels that train together, in order.

    Example:
        >>> from lth_jax import PruneConfig
        >>> waves(Config(prune=PruneConfig(levels=2)))
        [[0], [1], [2]]
        >>> waves(Config(prune=PruneConfig(one_shot=(0.5, 0.8))))
        [[0], [1, 2]]
    """
    pruned = list(range(1, config.levels + 1))
    if config.prune.one_shot:
        return [[0], pruned]
    return [[0], *([n] for n in pruned)]


def parent_of(config: Config, level: int) -> int | None:
    """Return the level whose final weights decide the mask of a level."""
    if level == 0:
        return None
    return 0 if config.prune.one_shot else level - 1


def trainings(config: Config) -> list[LaneId]:
    """Return every training of a study, level by level, tickets first.

    Example:
        >>> from lth_jax import PruneConfig
        >>> config = Config(replicates=1, reinits=1, prune=PruneConfig(levels=1))
        >>> [(t.level, t.kind) for t in trainings(config)]
        [(0, 'ticket'), (1, 'ticket'), (1, 'random_reinit')]
    """
    return [lane for n in range(config.levels + 1) for lane in level_ids(config, n)]


def level_ids(config: Config, level: int) -> list[LaneId]:
    """Return the trainings of one level, tickets first."""
    replicates = range(config.replicates)
    kinds = ["ticket", *(["chain"] if level and config.prune.continued else [])]
    return [LaneId(level, kind, r) for kind in kinds for r in replicates] + [
        LaneId(level, kind, r, draw)
        for kind, draws in config.draws.items()
        for r in replicates
        for draw in range(draws if level else 0)
    ]


def widest_wave(config: Config) -> int:
    """Return how many networks the largest wave of a study trains.

    Example:
        >>> widest_wave(Config(replicates=5, reinits=3))
        20
    """
    return max(wave_size(config, wave) for wave in waves(config))


def wave_size(config: Config, wave: Sequence[int]) -> int:
    """Return how many networks levels that train together have."""
    return sum(len(level_ids(config, level)) for level in wave)


def pruned_kind(config: Config, level: int) -> str:
    """Return the kind of network whose final weights the next pruning looks at."""
    return "chain" if level and config.prune.continued else "ticket"
