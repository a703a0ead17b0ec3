"""What a study trains: the networks of every level, and which levels go together."""

import dataclasses
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from itertools import zip_longest
from typing import NamedTuple

from ..config import Config, fingerprint
from ..tickets.rewinding import rule_of
from ..training import optim
from ..types import END

COPY = "_reorder"
"""What the kind of a copy under another data order ends in."""


class LaneId(NamedTuple):
    """Names one training of a study."""

    level: int
    kind: str
    replicate: int
    draw: int = 0

    @property
    def copied(self) -> str | None:
        """Kind of which this is a copy under another data order, the draw-th one.

        Example:
            >>> LaneId(1, "shuffle_mask_reorder", 0, 2).copied
            'shuffle_mask'
        """
        kind = self.kind.removesuffix(COPY)
        return None if kind == self.kind else kind


def names(config: Config, ids: Iterable[LaneId]) -> list[str]:
    """Return a name for each training, the same for equal trainings of two studies.

    Equal are dense networks: what is done with them later does not matter to them.

    Example:
        >>> names(Config(), [LaneId(2, "random_reinit", 0, 1)])[0].split("/", 1)[1]
        '2/random_reinit/0/1'
        >>> dense = [LaneId(0, "ticket", 0)]
        >>> names(Config(), dense) == names(Config(reinits=3), dense)
        True
    """
    plain = Config(data=config.data, model=config.model, train=config.train)
    dense = fingerprint(dataclasses.replace(plain, seed=config.seed))
    mine = fingerprint(config)
    return ["/".join(map(str, (mine if n.level else dense, *n))) for n in ids]


def level_names(config: Config, level: int) -> list[str]:
    """Return the names of the trainings of one level."""
    return names(config, level_ids(config, level))


def lengths(studies: Iterable[tuple[Config, Iterable[int]]]) -> dict[str, int]:
    """Return the steps of all trainings of some levels of studies, by name.

    Example:
        >>> one = Config(replicates=1), [0, 1]
        >>> sum(lengths([one]).values()), sum(lengths([one, one]).values())
        (100000, 100000)
    """
    return {
        name: steps_of(config, level)
        for config, levels in studies
        for level in levels
        for name in level_names(config, level)
    }


def clock_of(config: Config, level: int) -> int:
    """Return the step at which the networks of a level start.

    Example:
        >>> from lth_jax import PruneConfig, RewindConfig
        >>> tuned = RewindConfig(weights="final", clock="end", steps=10)
        >>> [clock_of(Config(rewind=tuned), level) for level in range(3)]
        [0, 50000, 50010]
    """
    clock = rule_of(config).clock
    if level == 0:
        return 0
    if clock != END:
        return clock
    before = 0 if config.prune.one_shot else level - 1
    return config.train.steps + before * steps_of(config, level)


def steps_of(config: Config, level: int) -> int:
    """Return how many steps the networks of a level train."""
    length = rule_of(config).steps
    return length if level and length else config.train.steps


def evaluations(config: Config, level: int) -> tuple[int, ...]:
    """Return the steps at which the networks of a level are evaluated.

    They are counted from the start of the schedule: a network that is rewound to step k
    is evaluated at k, every ``eval_every`` steps from there, and at its last step.

    Example:
        >>> from lth_jax import RewindConfig, TrainConfig
        >>> train = TrainConfig(steps=10, eval_every=4)
        >>> config = Config(train=train, rewind=RewindConfig(weights=3))
        >>> evaluations(config, 0), evaluations(config, 1)
        ((0, 4, 8, 10), (3, 7, 10))
    """
    clock, length = clock_of(config, level), steps_of(config, level)
    steps = range(clock, clock + length, config.train.eval_every)
    return (*steps, clock + length)


def kept_steps(config: Config) -> tuple[int, ...]:
    """Return the steps at which the dense network's weights are kept."""
    weights = rule_of(config).weights
    return (weights,) if isinstance(weights, int) and weights else ()


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
    draws = {"ticket": range(1)}
    if level and config.prune.continued:
        draws["chain"] = range(1)
    if level in (config.control_levels or range(1, config.levels + 1)):
        draws |= {kind: range(n) for kind, n in config.draws.items() if n}
        copied = [kind for kind in draws if kind != "chain"]
        others = range(1, config.stability.orders)
        draws |= {kind + COPY: others for kind in copied}
    return [
        LaneId(level, kind, replicate, draw)
        for kind, numbers in draws.items()
        for replicate in range(config.replicates)
        for draw in numbers
    ]


def widest_of(configs: Sequence[Config]) -> int:
    """Return how many networks of equal length studies train at most side by side.

    Example:
        >>> widest_of([Config(seed=0), Config(seed=1)])
        10
    """
    widest = 0
    for joined in zip_longest(*map(waves, configs), fillvalue=[]):
        side = lengths(zip(configs, joined, strict=True))
        widest = max(widest, *Counter(side.values()).values())
    return widest


def compiled(config: Config) -> Hashable:
    """Return what a compiled training holds fixed, its data and plan among it.

    Studies that have it in common train side by side.

    Example:
        >>> from lth_jax import ModelConfig
        >>> stds = (0.1, 0.2)
        >>> one, other = (Config(model=ModelConfig(init_std=std)) for std in stds)
        >>> compiled(one) == compiled(other)
        True
    """
    train, restored = optim.static(config.train), config.rewind.moments
    model = dataclasses.replace(config.model, init_std=None)
    return config.data, config.seed, model, train, restored, config.plan


def pruned_kind(config: Config, level: int) -> str:
    """Return the kind of network whose final weights the next pruning looks at."""
    return "chain" if level and config.prune.continued else "ticket"
