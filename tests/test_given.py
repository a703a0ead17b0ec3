"""What users give as values: criteria, controls, networks, data, optimizers."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import CLASSES, FEATURES, linear, mlp, splits
from runs import levels

import lth_jax as lth
from lth_jax import load_run, load_ticket, masks, tree
from lth_jax.driver import pipeline
from lth_jax.errors import InputError
from lth_jax.study.find import find_ticket
from lth_jax.study.given import with_given
from lth_jax.study.rows import summary_rows
from lth_jax.types import Criterion

TRAIN = lth.TrainConfig(steps=12, batch_size=6, eval_every=6, learning_rate=0.02)
CONFIG = lth.Config(
    train=TRAIN,
    prune=lth.PruneConfig(levels=2, rate=0.4),
    replicates=2,
    plan=lth.PlanConfig(devices=2),
    progress=False,
)
MLP = mlp()


def found(config=CONFIG, **values):
    return list(find_ticket(MLP, splits(), config, **values))


@functools.cache
def plain():
    """Return the levels of the study to which nothing is given."""
    return found()


def kernels(params):
    return {path: tree.flatten(params)[path] for path in MLP.layers}


# Criteria.


def largest_first(evidence):
    return jax.tree.map(lambda w: -jnp.abs(w), evidence.params)


def test_an_own_criterion_decides():
    dense, level, _ = found(criterion=largest_first)
    for r in range(2):
        final = kernels(tree.take(dense.outcome.finals.params, r))
        for path, mask in kernels(tree.take(level.masks, r)).items():
            assert abs(final[path][mask]).max() <= abs(final[path][~mask]).min()


def test_evidence_is_what_it_says():
    seen = {}

    def look(evidence):
        x, y = evidence.batches
        seen.update(x=x.shape, y=y.shape, model=evidence.model, state=evidence.state)
        loss = evidence.loss(evidence.params, x[0], y[0])
        noise = jax.random.uniform(evidence.key)
        return jax.tree.map(lambda w: jnp.abs(w) + 0 * (loss + noise), evidence.params)

    criterion = Criterion(look, batches=2, examples=5)
    same = found(criterion=criterion)
    assert seen["x"] == (2, 5, FEATURES) and seen["y"] == (2, 5)
    assert seen["model"].layers == MLP.layers and seen["state"] == {}
    for level, other in zip(same, plain(), strict=True):
        same_masks = jax.tree.map(np.array_equal, level.masks, other.masks)
        assert all(jax.tree.leaves(same_masks))


def test_examples_are_of_the_training_set_and_differ():
    data, seen = splits(), []

    def look(evidence):
        jax.debug.callback(lambda x: seen.append(np.asarray(x)), evidence.batches[0])
        return jax.tree.map(jnp.abs, evidence.params)

    found(criterion=Criterion(look, batches=1, examples=7))
    jax.effects_barrier()
    rows = {tuple(row) for row in np.asarray(data.train.x).tolist()}
    assert len(seen) == 4  # two replicates, two prunings
    for (batch,) in seen:
        drawn = {tuple(row) for row in batch.tolist()}
        assert len(drawn) == 7 and drawn <= rows
    assert len({x.tobytes() for x in seen}) == 4


def test_a_criterion_of_initial_weights_waits_for_no_training():
    sizes = []

    def count(lanes, names, keep):
        sizes.append(lanes.size)
        raise StopIteration

    from lth_jax.study.find import Remembered, find_tickets
    from lth_jax.study.study import make_study

    config, given = with_given(
        CONFIG, criterion=Criterion(largest_first, reads="initial")
    )
    study = make_study(MLP, config, given)
    with pytest.raises((StopIteration, RuntimeError)):
        next(find_tickets([study], [Remembered(study)], count))
    assert sizes == [2 * 3]


def test_scores_of_initial_weights_are_those_of_initial_weights():
    dense, *pruned = found(criterion=Criterion(largest_first, reads="initial"))
    for level in pruned:
        for r in range(2):
            start = kernels(tree.take(dense.tickets.params, r))
            for path, mask in kernels(tree.take(level.masks, r)).items():
                assert abs(start[path][mask]).max() <= abs(start[path][~mask]).min()


@pytest.mark.parametrize(
    ("score", "words"),
    [
        (lambda e: e.params["Dense_0"], "criterion.*differ in leaf"),
        (lambda e: jax.tree.map(lambda w: w.sum(), e.params), "criterion.*shape"),
        (lambda e: jax.tree.map(lambda w: w * jnp.nan, e.params), "criterion.*NaN"),
        (lambda e: 1 / 0, "criterion.*division by zero"),
        (lambda e: e.batches[0], "criterion"),
    ],
)
def test_a_bad_criterion_is_named(score, words):
    with pytest.raises(InputError, match=f"(?s){words}"):
        found(criterion=score)


def test_names_of_the_package_are_taken():
    def magnitude(evidence):
        return evidence.params

    with pytest.raises(InputError, match=r"'magnitude'.*rename it"):
        found(criterion=magnitude)
    with pytest.raises(InputError, match=r"'keep_sign'.*another name"):
        found(controls={"keep_sign": lambda key, ticket: ticket})
    for name in ("ticket", "chain", "noise_1", "x_reorder", "no name"):
        with pytest.raises(InputError, match=f"controls names '{name}'"):
            found(controls={name: lambda key, ticket: ticket})


def test_unknown_names_are_met_with_known_ones():
    unknown = {
        "prune.criterion": {"prune": lth.PruneConfig(levels=1, criterion="magnitud")},
        "train.optimizer": {"train": dataclasses.replace(TRAIN, optimizer="adamm")},
        "controls": {"controls": (("freez", 1),)},
    }
    for field, change in unknown.items():
        with pytest.raises(InputError, match=f"{field}.*(did you mean|Known)"):
            found(dataclasses.replace(CONFIG, **change))


def test_a_chain_whose_training_decides_nothing_is_refused():
    prune = lth.PruneConfig(continued=True, criterion="initial_magnitude")
    with pytest.raises(InputError, match=r"^prune\.continued .* prune\.criterion"):
        found(dataclasses.replace(CONFIG, prune=prune))


def test_an_unknown_network_is_met_with_known_ones(tmp_path):
    config = lth.Config(model=lth.ModelConfig(name="lenett"), out=str(tmp_path))
    with pytest.raises(InputError, match=r"model\.name is 'lenett'; did you mean 'len"):
        pipeline.run(config, "typo")
    assert not list(tmp_path.iterdir())


# Controls.


def freeze(key, ticket):
    return ticket._replace(filled=True)


def shifted(key, ticket):
    return ticket._replace(params=jax.tree.map(lambda w: w + 1, ticket.params))


def test_filled_tickets_keep_pruned_weights_untrained():
    *_, last = found(controls={"freeze": freeze})
    for i, lane in enumerate(last.ids):
        ticket, final = tree.take((last.tickets, last.outcome.finals.params), i)
        for path, mask in kernels(ticket.mask).items():
            start, end = kernels(ticket.params)[path], kernels(final)[path]
            held = start[~mask] if lane.kind == "freeze" else 0
            assert (end[~mask] == held).all()
            assert (end[mask] != start[mask]).any()
            assert (start[~mask] != 0).all()


def test_own_controls_draw_by_their_name():
    def noisy(key, ticket):
        def draw(k, w):
            return jax.random.normal(k, w.shape)

        return ticket._replace(params=masks.redraw(draw, key, ticket.params))

    level = found(controls={"one": noisy, "two": noisy})[1]
    starts = {
        lane.kind: tree.take(level.tickets.params, i)["Dense_0"]["kernel"]
        for i, lane in enumerate(level.ids)
        if lane.replicate == 0
    }
    assert (starts["one"] != starts["two"]).all()


def test_own_controls_have_draws_of_their_own():
    config = dataclasses.replace(CONFIG, controls=(("shifted", 2),), reinits=1)

    def noisy(key, ticket):
        return ticket._replace(
            params=masks.redraw(
                lambda k, w: jax.random.normal(k, w.shape), key, ticket.params
            )
        )

    level = found(config, controls={"shifted": noisy})[1]
    starts = {
        lane: tree.take(level.tickets.params, i)["Dense_0"]["kernel"].tobytes()
        for i, lane in enumerate(level.ids)
    }
    assert len(set(starts.values())) == len(starts) == 2 * (1 + 1 + 2)
    without = found(dataclasses.replace(CONFIG, reinits=1))[1]
    for i, lane in enumerate(without.ids):
        own = tree.take(without.tickets.params, i)["Dense_0"]["kernel"].tobytes()
        assert starts[lane] == own


@pytest.mark.parametrize(
    ("control", "words"),
    [
        (lambda k, t: t._replace(mask=masks.ones(t.mask)), "'bad'.*how many weights"),
        (lambda k, t: t._replace(params={}), "'bad'"),
        (lambda k, t: 1 / 0, "'bad'.*division by zero"),
        (lambda k, t: t.params, "'bad'"),
        # Tables count steps from the clock of the level.
        (lambda k, t: t._replace(clock=t.clock + 1), "'bad' changes the clock"),
    ],
)
def test_a_bad_control_is_named(control, words):
    with pytest.raises(InputError, match=f"(?s){words}"):
        found(controls={"bad": control})


# Optimizers.


@pytest.mark.parametrize(
    ("init", "update", "words"),
    [
        (lambda p: 1 / 0, None, "raises ZeroDivisionError"),
        (lambda p: (), lambda u, s, p, *, value: (u, s), "raises TypeError.*'value'"),
        (lambda p: (), lambda u, s, p: ({}, s), "optimizer raises ValueError"),
        (lambda p: (), lambda u, s, p: (u, (s, 1.0)), "state that the optimizer"),
        (lambda p: jnp.int32(0), lambda u, s, p: (u, s + 0.5), "float32, but that of"),
    ],
)
def test_a_bad_optimizer_is_named(init, update, words):
    with pytest.raises(InputError, match=f"(?s)[Tt]he .*{words}"):
        found(optimizer=optax.GradientTransformation(init, update))


def test_names_that_a_value_replaces_are_refused():
    """Else they would be of no effect, and the run another one by its name."""
    sgd = dataclasses.replace(CONFIG, train=dataclasses.replace(TRAIN, optimizer="sgd"))
    with pytest.raises(InputError, match=r"^train\.optimizer is 'sgd' in the config"):
        with_given(sgd, optimizer=optax.sgd(0.1))
    prune = lth.PruneConfig(criterion="initial_magnitude")
    with pytest.raises(InputError, match=r"^prune\.criterion is 'initial_magnitude'"):
        with_given(lth.Config(prune=prune), criterion=largest_first)
    again, _ = with_given(CONFIG, criterion=largest_first, optimizer=optax.sgd(0.1))
    assert with_given(again, criterion=largest_first, optimizer=optax.sgd(0.1))[0] == (
        again
    )


def test_what_is_no_value_of_its_kind_is_named():
    data = splits()
    for model, given, config, words in [
        (MLP, tuple(data), CONFIG, "splits is a tuple"),
        (MLP.apply, data, CONFIG, "model is a "),
        (MLP, data, {}, "config is a dict"),
    ]:
        with pytest.raises(InputError, match=words):
            next(find_ticket(model, given, config))
    for name in ("", "../up", "a/b", None):
        with pytest.raises(InputError, match="name is "):
            lth.run(CONFIG, name)
    with pytest.raises(InputError, match="names are strings"):
        lth.run({1: CONFIG})
    with pytest.raises(InputError, match="config is a int"):
        lth.run({"a": 1})
    with pytest.raises(InputError, match=r"1\.5 batches.*integers"):
        with_given(CONFIG, criterion=Criterion(largest_first, batches=1.5))


# The mask moves.


def test_a_mask_can_change_in_training():
    def fewer(train, gradients, step, key):
        """Prune half of what is left on the way, and half in the last step."""
        kept = lth.prune(jax.tree.map(jnp.abs, train.params), train.mask, rate=0.5)
        now = (step == 5) | (step == 11)
        mask = jax.tree.map(lambda new, old: jnp.where(now, new, old), kept, train.mask)
        return train._replace(mask=mask)

    dense, level, _ = found(after_step=fewer)
    for r in range(2):
        ended = kernels(tree.take(dense.outcome.masks, r))
        final = kernels(tree.take(dense.outcome.finals.params, r))
        later = kernels(tree.take(level.masks, r))
        for path, mask in ended.items():
            assert mask.sum() == mask.size // 4
            assert (final[path][~mask] == 0).all()
            assert (later[path] <= mask).all()


def test_nothing_changes_where_nothing_is_given():
    same = found(after_step=lambda train, gradients, step, key: train)
    for level, other in zip(same, plain(), strict=True):
        one, two = level.outcome.finals.params, other.outcome.finals.params
        assert all(jax.tree.leaves(jax.tree.map(np.array_equal, one, two)))


# Run directories.


def own_run(out, **values):
    given = {"model": MLP, "splits": splits(), "out": out, "report": False}
    return lth.run(CONFIG, "mine", **(given | values))


def test_an_own_network_has_a_run_directory(tmp_path):
    path = own_run(tmp_path, controls={"freeze": freeze}, criterion=largest_first)
    run = load_run(path)
    assert set(run.summary["kind"]) == {"ticket", "freeze"}
    assert set(run.manifest["given"]) == {
        *("model", "data", "criterion", "controls.freeze")
    }
    memory = found(controls={"freeze": freeze}, criterion=largest_first)
    rows = [row for level in memory for row in summary_rows(level)]
    stored = run.summary.to_dict("records")
    assert [row["test_accuracy_final"] for row in rows] == [
        row["test_accuracy_final"] for row in stored
    ]
    ticket = load_ticket(path, 2, 1)
    expected = memory[2].ticket(1)
    for name in ("params", "mask"):
        one, two = getattr(ticket, name), getattr(expected, name)
        assert all(jax.tree.leaves(jax.tree.map(np.array_equal, one, two)))
    before = levels(path)
    again = own_run(tmp_path, controls={"freeze": freeze}, criterion=largest_first)
    assert again == path and levels(path) == before


def test_a_run_with_own_values_goes_on(tmp_path, monkeypatch):
    whole = own_run(tmp_path / "whole", optimizer=optax.adamw(1e-2))
    part = tmp_path / "part"
    keep = pipeline.Stored.keep

    def stop(self, level):
        keep(self, level)
        if level.number == 1:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(pipeline.Stored, "keep", stop)
        with pytest.raises(KeyboardInterrupt):
            own_run(part, optimizer=optax.adamw(1e-2))
    path = own_run(part, optimizer=optax.adamw(1e-2))
    assert path.name == whole.name
    assert levels(path) == levels(whole)


def test_other_values_are_another_run(tmp_path):
    def of(**values):
        config, given = with_given(CONFIG, model=values.pop("model", MLP), **values)
        from lth_jax.config import run_dir
        from lth_jax.study.given import identities

        return run_dir(
            config, "x", identities(given, config, given.model, splits())
        ).name

    strengths = [
        lambda k, t, s=s: t._replace(params=jax.tree.map(lambda w: w * s, t.params))
        for s in (1.0, 2.0, 1.0)
    ]
    one, two, three = (of(controls={"scale": control}) for control in strengths)
    assert one == three != two
    rates = [of(optimizer=optax.adamw(rate)) for rate in (1e-3, 1e-2, 1e-3)]
    assert rates[0] == rates[2] != rates[1]
    other = linear()._replace(layers=linear().layers)
    assert of() == of() != of(model=other)
    more = (
        dataclasses.replace(
            splits(),
        )
        if False
        else splits()
    )
    assert of(splits=splits()) == of(splits=more)
    moved = more._replace(train=more.train._replace(x=more.train.x + 1))
    assert of(splits=moved) != of(splits=more)
    assert of(criterion=largest_first) != of()


def test_what_a_value_replaces_is_not_said_twice():
    config = dataclasses.replace(CONFIG, model=lth.ModelConfig(widths=(9,)))
    with pytest.raises(InputError, match=r"model is .*value is given in its place"):
        with_given(config, model=MLP)
    config = dataclasses.replace(CONFIG, data=lth.DataConfig(name="mnist"))
    with pytest.raises(InputError, match=r"data is .*value is given in its place"):
        with_given(config, splits=splits())


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"model": linear}, "model is a function"),
        ({"splits": (splits(), None)}, "splits is a tuple.*sources.load"),
        ({"optimizer": "adam"}, "optimizer is a str"),
        ({"controls": [freeze]}, "controls is a list"),
        ({"controls": {"freeze": 3}}, r"controls\['freeze'\] is a int"),
    ],
)
def test_values_of_another_kind_are_refused(values, words):
    with pytest.raises(InputError, match=words):
        with_given(CONFIG, **values)


def test_a_network_that_does_not_take_the_data_is_refused(tmp_path):
    model = lth.lenet((FEATURES + 1,), CLASSES, widths=(4,))
    with pytest.raises(InputError, match="model does not take the examples"):
        own_run(tmp_path, model=model)
    assert not list(tmp_path.iterdir())


def test_own_values_of_a_stored_run_must_be_given_again(tmp_path):
    path = own_run(tmp_path)
    config = lth.Config(
        **{f.name: getattr(CONFIG, f.name) for f in dataclasses.fields(CONFIG)}
    )
    named, _ = with_given(config, model=MLP, splits=splits())
    with pytest.raises(InputError, match=r"data.name is own.*Give"):
        pipeline.run(named, "mine", path)


def digests(**values):
    from lth_jax.study.given import identities

    config, given = with_given(CONFIG, **values)
    return identities(given, config, given.model or MLP, given.splits or splits())


def test_digests_see_what_is_closed_over():
    def scaled(array):
        helper = jax.jit(lambda w: w * array)  # constants of an inner program
        return {
            "scale": lambda k, t: t._replace(
                params=jax.tree.map(lambda w: w * helper(jnp.ones(2)).sum(), t.params)
            )
        }

    one, two = (digests(controls=scaled(jnp.full(2, n))) for n in (1.0, 2.0))
    assert one == digests(controls=scaled(jnp.full(2, 1.0))) != two
    rates = [
        digests(optimizer=optax.inject_hyperparams(optax.sgd)(learning_rate=rate))
        for rate in (0.1, 0.2)
    ]
    assert rates[0] != rates[1], "what a state begins with"


def test_digests_see_a_network_whatever_its_data():
    def network(f):
        def apply(params, state, x, train, key):
            return f(x @ params["w"]), state

        init = linear().init
        return lth.from_functions(init, apply, output="w")

    relu, tanh = (digests(model=network(f)) for f in (jax.nn.relu, jnp.tanh))
    assert relu["model"] != tanh["model"]


def test_an_own_network_on_data_of_the_package(tmp_path):
    model = lth.lenet((8, 8, 1), widths=(4,))
    config = dataclasses.replace(CONFIG, train=dataclasses.replace(TRAIN, steps=2))

    def snip(evidence):
        x, y = evidence.batches
        grads = jax.grad(evidence.loss)(evidence.params, x[0], y[0])
        return jax.tree.map(lambda g, w: abs(g * w), grads, evidence.params)

    criterion = Criterion(snip, reads="initial", batches=1, examples=20)
    kept = {"model": model, "criterion": criterion, "out": tmp_path, "report": False}
    assert len(load_run(lth.run(config, "digits", **kept)).summary) == 6


@pytest.mark.parametrize(
    ("rewind", "masks_first"),
    [
        (lth.RewindConfig(weights=0, clock="end", steps=3), True),
        (lth.RewindConfig(weights=2, clock="end", steps=3), False),
        (lth.RewindConfig(moments="restored"), False),
    ],
)
def test_masks_of_initial_weights_and_every_way_to_rewind(rewind, masks_first):
    prune = dataclasses.replace(CONFIG.prune, criterion="initial_magnitude")
    levels = found(dataclasses.replace(CONFIG, prune=prune, rewind=rewind))
    assert [level.number for level in levels] == [0, 1, 2]
    assert (levels[1].plan.waits is None) == masks_first


@pytest.mark.parametrize(
    ("after_step", "words"),
    [
        (5, "after_step is a int"),
        (lambda *_: None, "after_step"),
        (lambda state: state, "after_step raises TypeError"),
        (lambda s, g, step, k: s._replace(params=g["Dense_0"]), "after_step returns"),
        (lambda s, g, step, k: s._replace(failed=s.failed * 1.0), "'failed' of float"),
    ],
)
def test_a_bad_after_step_is_named(after_step, words):
    with pytest.raises(InputError, match=words):
        found(after_step=after_step)


def test_masks_made_before_training_do_not_move_in_it():
    prune = dataclasses.replace(CONFIG.prune, criterion="initial_magnitude")
    with pytest.raises(InputError, match="before training, but after_step"):
        found(
            dataclasses.replace(CONFIG, prune=prune),
            after_step=lambda state, gradients, step, key: state,
        )
