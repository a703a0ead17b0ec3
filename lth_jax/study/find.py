"""Iterative magnitude pruning: train, prune, rewind, repeat; one-shot too."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax
import optax

from ..config import Config
from ..training.dataset import Splits
from ..training.lanes import Keep, Lanes, Outcome, Program, make_program, run_lanes
from ..training.loop import AfterStep, check_fits
from ..types import (
    FINAL,
    Control,
    Criterion,
    Model,
    Score,
    Trajectory,
)
from .given import check_kinds, with_given
from .level import Level, Parent, Ready, finals_of, parent_of, trajectory_of
from .networks import side_by_side, widest_of
from .ready import Memory, make_ready
from .study import Study, check_rows, make_study
from .waves import Train, train_levels

Wave = Sequence[tuple[int, int]]
"""(number of a study, level) of what trains together."""


def find_tickets(
    studies: Sequence[Study],
    memories: Sequence[Memory],
    train: Train,
    parts: Callable[[Wave], Iterator[Wave]] = lambda wave: iter([wave]),
    missing: Callable[[int, int], bool] = lambda study, level: True,
) -> Iterator[tuple[int, Level]]:
    """Find the tickets of studies side by side, level by level.

    This is the method: prune what has been trained, rewind what survives, add the
    controls, train; again. `find_ticket` runs it in memory, ``lth run`` on disk.

    Args:
        studies: they differ in nothing that the training program holds fixed.
        memories: of each study; asked for what the levels before have come to.
        train: trains lanes.
        parts: cuts what could train together to what fits.
        missing: (number of a study, level) -> whether the level is to be trained.

    Yields:
        The number of a study and a level of it, trained and remembered.

    Reference:
        Frankle & Carbin (2019), section 1, "Identifying winning tickets"; Frankle et
        al. (2020), Algorithm 1.
    """
    for joined in side_by_side([study.plan for study in studies]):
        wave = [(i, n) for i, levels in enumerate(joined) for n in levels]
        for part in parts([one for one in wave if missing(*one)]):
            ready = _prune_and_rewind(studies, memories, part)
            trained = train_levels([(studies[i], one) for i, one in ready], train)
            for (i, _), level in zip(ready, trained, strict=True):
                memories[i].keep(level)
                yield i, level


def _prune_and_rewind(
    studies: Sequence[Study], memories: Sequence[Memory], part: Wave
) -> list[tuple[int, Ready]]:
    ready: dict[int, dict[int, Ready]] = {i: {} for i, _ in part}
    for i, number in part:
        study, before = studies[i], ready[i]
        before[number] = make_ready(study, study.plan[number], memories[i], before)
    return [(i, ready[i][number]) for i, number in part]


class Remembered:
    """What a study remembers of its levels, in memory: what later ones need."""

    def __init__(self, study: Study) -> None:
        """Remember nothing yet."""
        self._study = study
        self._parents: dict[int, Parent] = {}
        self._dense: dict[Any, Any] = {}

    def parent(self, number: int) -> Parent:
        """Return what the pruning after a level needs."""
        return self._parents[number]

    def trajectory(self) -> Trajectory:
        """Return the dense networks' snapshots on the way, and at the end."""
        return self._dense

    def keep(self, level: Level) -> None:
        """Remember a level that is trained; forget what no later level waits for."""
        self._parents[level.number] = parent_of(level)
        if level.number == 0:
            end = {FINAL: finals_of(level, "ticket")}
            self._dense = {**trajectory_of(level), **end}
        later = {plan.waits for plan in self._study.plan[level.number + 1 :]}
        self._parents = {n: p for n, p in self._parents.items() if n in later}


def find_ticket(
    model: Model,
    splits: Splits,
    config: Config,
    optimizer: optax.GradientTransformation | None = None,
    *,
    criterion: Score | Criterion | None = None,
    controls: Mapping[str, Control] | None = None,
    after_step: AfterStep | None = None,
) -> Iterator[Level]:
    """Find winning tickets, level by level, in memory.

    Args:
        model: a `Model`, e.g. from `lth_jax.from_linen`.
        splits: the data, e.g. from `lth_jax.from_arrays`.
        config: training, pruning, replicates, controls, plan; what it says of data,
            model and places is not used.
        optimizer: any optax optimizer, with its own learning rate; it takes the place
            of the config's. Rewound to a step above 0, its schedules must take the
            step: see `lth_jax.training.optim.scale_by_clock`.
        criterion: evidence -> scores, which takes the place of the config's; a
            `lth_jax.types.Criterion` also says what it looks at.
        controls: ``{name: (key, ticket) -> ticket}``: one network of each for every
            ticket, or as many as the config's ``controls`` says.
        after_step: ``(state, gradients, step, key) -> state``, called after every
            update: it may change the mask.

    Yields:
        Levels 0 (dense) to L, each when it is trained.

    Raises:
        InputError: before anything is trained, where config, model, data, optimizer,
            criterion and controls do not fit.

    Example:
        >>> import lth_jax as lth
        >>> splits, _ = lth.sources.load(lth.DataConfig(), seed=0)
        >>> model = lth.lenet((8, 8, 1), widths=(5,))
        >>> train, prune = lth.TrainConfig(steps=1), lth.PruneConfig(levels=1)
        >>> levels = lth.find_ticket(model, splits, Config(train=train, prune=prune))
        >>> [level.number for level in levels]
        [0, 1]

    Reference:
        Frankle & Carbin (2019), section 1, "Identifying winning tickets".
    """
    check_kinds(config, model, splits)
    config, given = with_given(
        config,
        criterion=criterion,
        controls=controls,
        optimizer=optimizer,
        after_step=after_step,
    )
    check_fits(model, config.train, splits.train, splits.n_classes)
    check_rows(config, splits)
    study = make_study(model, config, given, splits.train)
    program = _program(study)
    data = program.put_data(splits)

    def train(lanes: Lanes, _: list[str], keep: Keep) -> Iterator[Outcome]:
        return run_lanes(program, lanes, data, keep=keep)

    for _, level in find_tickets([study], [Remembered(study)], train):
        yield level


def _program(study: Study) -> Program:
    """Return a training program on all devices that a study can use."""
    config = study.config
    widest = widest_of([(config, study.plan)])
    devices = jax.local_devices()[: config.plan.devices or widest]
    lanes = 1 if devices[0].platform == "cpu" else -(-widest // len(devices))
    return make_program(
        study.model,
        config.train,
        devices=devices,
        lanes_per_device=config.plan.lanes or lanes,
        optimizer=study.optimizer,
        after_step=study.given.after_step,
    )
