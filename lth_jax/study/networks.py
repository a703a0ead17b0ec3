"""What a study trains: the plan of every level, known before anything is trained."""

import dataclasses
import functools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import Literal, NamedTuple

from ..config import Config, fingerprint
from ..tickets.criteria import CRITERIA
from ..tickets.rewinding import rule_of
from ..types import END, FINAL

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


class LevelPlan(NamedTuple):
    """What is known of a level before anything is trained.

    Attributes:
        number: 0 = dense.
        parent: level whose masks are pruned further; None for level 0.
        waits: level that must be trained before this one can be pruned and rewound;
            None if nothing has to be, as for criteria that read initial weights.
        clock: step at which schedule and data order of its networks stand.
        steps: how many steps its networks train.
        evaluations: steps at which its networks are evaluated. They are counted from
            the start of the schedule: a network that is rewound to step k is evaluated
            at k, every ``eval_every`` steps from there, and at its last step.
        networks: its trainings, tickets first.
        pruned: kind of network whose final weights the next pruning looks at.
    """

    number: int
    parent: int | None
    waits: int | None
    clock: int
    steps: int
    evaluations: tuple[int, ...]
    networks: tuple[LaneId, ...]
    pruned: str

    @property
    def end(self) -> int:
        """Step at which the training of its networks ends."""
        return self.clock + self.steps


Reads = Literal["initial", "final"]


@functools.lru_cache(maxsize=256)
def plan_study(config: Config, reads: Reads | None = None) -> tuple[LevelPlan, ...]:
    """Return the plans of all levels of a study, level by level.

    Args:
        config: all settings.
        reads: which weights the pruning criterion looks at, see
            `lth_jax.types.Criterion`; default: what the one of that name does.

    Example:
        >>> from lth_jax import PruneConfig, RewindConfig, TrainConfig
        >>> train, prune = TrainConfig(steps=10, eval_every=4), PruneConfig(levels=2)
        >>> config = Config(train=train, prune=prune, rewind=RewindConfig(weights=3))
        >>> [(plan.parent, plan.clock, plan.steps) for plan in plan_study(config)]
        [(None, 0, 10), (0, 3, 7), (1, 3, 7)]
        >>> plan_study(config)[1].evaluations
        (3, 7, 10)
    """
    if reads is None:
        known = CRITERIA.get(config.prune.criterion)
        reads = known.reads if known else "final"
    return tuple(_plan(config, reads, n) for n in range(config.levels + 1))


def _plan(config: Config, reads: Reads, number: int) -> LevelPlan:
    train, rule = config.train, rule_of(config)
    parent = None if number == 0 else 0 if config.prune.one_shot else number - 1
    steps = rule.steps if number and rule.steps else train.steps
    clock = 0
    if number and rule.clock != END:
        clock = rule.clock
    elif number:  # Fine-tuning goes on where the level before has ended.
        before = 0 if config.prune.one_shot else number - 1
        clock = train.steps + before * steps
    return LevelPlan(
        number=number,
        parent=parent,
        waits=_waits_for(config, reads, parent),
        clock=clock,
        steps=steps,
        evaluations=(*range(clock, clock + steps, train.eval_every), clock + steps),
        networks=_networks(config, number),
        pruned="chain" if number and config.prune.continued else "ticket",
    )


def _waits_for(config: Config, reads: Reads, parent: int | None) -> int | None:
    rule = rule_of(config)
    if parent is None or reads == "final" or rule.weights == FINAL:
        return parent
    # Tickets take the dense network's weights of a later step, or are compared with it.
    of_dense = rule.weights != 0 or rule.moments or config.stability.orders > 1
    return 0 if of_dense else None


def _networks(config: Config, level: int) -> tuple[LaneId, ...]:
    draws = {"ticket": range(1)}
    if level and config.prune.continued:
        draws["chain"] = range(1)
    if level in (config.control_levels or range(1, config.levels + 1)):
        draws |= {kind: range(n) for kind, n in config.draws.items() if n}
        copied = [kind for kind in draws if kind != "chain"]
        others = range(1, config.stability.orders)
        draws |= {kind + COPY: others for kind in copied}
    return tuple(
        LaneId(level, kind, replicate, draw)
        for kind, numbers in draws.items()
        for replicate in range(config.replicates)
        for draw in numbers
    )


def kept_steps(config: Config) -> tuple[int, ...]:
    """Return the steps at which the dense network's weights are kept."""
    weights = rule_of(config).weights
    return (weights,) if isinstance(weights, int) and weights else ()


def names(config: Config, networks: Iterable[LaneId]) -> list[str]:
    """Return a name for each training, the same for equal trainings of two studies.

    Dense networks are equal whatever is done with them later.

    Example:
        >>> names(Config(), [LaneId(2, "random_reinit", 0, 1)])[0].split("/", 1)[1]
        '2/random_reinit/0/1'
        >>> dense = [LaneId(0, "ticket", 0)]
        >>> names(Config(), dense) == names(Config(reinits=3), dense)
        True
    """
    mine, dense = _prefixes(config)
    return ["/".join(map(str, (mine if n.level else dense, *n))) for n in networks]


@functools.lru_cache(maxsize=256)
def _prefixes(config: Config) -> tuple[str, str]:
    plain = Config(data=config.data, model=config.model, train=config.train)
    dense = fingerprint(dataclasses.replace(plain, seed=config.seed))
    return fingerprint(config), dense


Plan = tuple[LevelPlan, ...]


def lengths(
    studies: Iterable[tuple[Config, Plan, Iterable[int]]],
) -> dict[str, int]:
    """Return the steps of all trainings of some levels of studies, by name.

    Args:
        studies: config, plan and numbers of levels of each.

    Example:
        >>> config = Config(replicates=1)
        >>> one = config, plan_study(config), [0, 1]
        >>> sum(lengths([one]).values()), sum(lengths([one, one]).values())
        (100000, 100000)
    """
    return {
        name: plan[level].steps
        for config, plan, levels in studies
        for level in levels
        for name in names(config, plan[level].networks)
    }


def waves(plan: Plan) -> list[list[int]]:
    """Return the levels that train together, in order.

    A level trains as early as what it waits for is trained.

    Example:
        >>> from lth_jax import PruneConfig
        >>> waves(plan_study(Config(prune=PruneConfig(levels=2))))
        [[0], [1], [2]]
        >>> waves(plan_study(Config(prune=PruneConfig(one_shot=(0.5, 0.8)))))
        [[0], [1, 2]]
        >>> before = PruneConfig(levels=2, criterion="initial_magnitude")
        >>> waves(plan_study(Config(prune=before)))
        [[0, 1, 2]]
    """
    wave_of: dict[int, int] = {}
    found: list[list[int]] = []
    for level in plan:
        after = -1 if level.waits is None else wave_of[level.waits]
        wave_of[level.number] = after + 1
        found.extend([] for _ in range(after + 2 - len(found)))
        found[after + 1].append(level.number)
    return found


def side_by_side(plans: Sequence[Plan]) -> Iterator[list[list[int]]]:
    """Yield, wave by wave, the levels of each of several studies that train together.

    Example:
        >>> from lth_jax import PruneConfig
        >>> short, long = (Config(prune=PruneConfig(levels=n)) for n in (0, 1))
        >>> list(side_by_side([plan_study(short), plan_study(long)]))
        [[[0], [0]], [[], [1]]]
    """
    for joined in zip_longest(*map(waves, plans), fillvalue=[]):
        yield list(joined)


def trainings(config: Config) -> list[LaneId]:
    """Return every training of a study, level by level, tickets first.

    Example:
        >>> from lth_jax import PruneConfig
        >>> config = Config(replicates=1, reinits=1, prune=PruneConfig(levels=1))
        >>> [(t.level, t.kind) for t in trainings(config)]
        [(0, 'ticket'), (1, 'ticket'), (1, 'random_reinit')]
    """
    return [network for level in plan_study(config) for network in level.networks]


def widest_of(studies: Sequence[tuple[Config, Plan]]) -> int:
    """Return how many networks of equal length studies train at most side by side.

    Example:
        >>> configs = Config(seed=0), Config(seed=1)
        >>> widest_of([(config, plan_study(config)) for config in configs])
        10
    """
    widest = 0
    for joined in side_by_side([plan for _, plan in studies]):
        side = [(*study, levels) for study, levels in zip(studies, joined, strict=True)]
        widest = max(widest, *Counter(lengths(side).values()).values())
    return widest
