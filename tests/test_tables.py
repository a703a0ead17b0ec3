"""The open tables: what an entry says, and what a function of the user's must be."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import built, random_mask, started, tree_close

from lth_jax import models, tree
from lth_jax.config import Config, ModelConfig
from lth_jax.errors import InputError
from lth_jax.keys import Stream, derive
from lth_jax.tickets import controls, criteria, masks
from lth_jax.tickets.controls import CONTROLS
from lth_jax.tickets.criteria import CRITERIA
from lth_jax.types import Criterion, Evidence, LayerInfo, Model, Ticket


def ticket_of(params, key=None, density=0.5) -> Ticket:
    mask = random_mask(jax.random.key(3) if key is None else key, params, density)
    return Ticket(params, mask, {"mean": jnp.ones(2)}, jnp.int32(0))


PARAMS = {"w": jnp.arange(6.0).reshape(2, 3), "bias": jnp.ones(3)}
TICKET = ticket_of(PARAMS)


# Controls


def test_the_table_of_controls_says_where_their_number_stands():
    for name, entry in CONTROLS.items():
        value = getattr(Config(), entry.field)
        assert value == (() if entry.scaled else 0), name
        assert entry.words
        assert isinstance(entry.stream, Stream)
    assert [n for n, entry in CONTROLS.items() if entry.own_weights] == ["shuffle_mask"]
    assert [n for n, entry in CONTROLS.items() if entry.scaled] == ["noise"]
    assert set(Config().draws) == set(CONTROLS) - {"noise"}


def changed(**fields):
    return lambda key, ticket: ticket._replace(**fields)


WRONG_CONTROLS = {
    "raises": (lambda key, ticket: 1 / 0, "raises ZeroDivisionError: division by zero"),
    "takes the ticket first": (
        lambda ticket, key: ticket._replace(mask=key),
        "raises AttributeError",
    ),
    "params alone": (lambda key, ticket: ticket.params, "returns dict: .* a ticket"),
    "another shape": (
        changed(mask={"w": jnp.ones((3, 2), bool), "bias": jnp.ones(3, bool)}),
        r"^The mask of .* differ in leaf 'w', of shape \(3, 2\) and shape \(2, 3\)",
    ),
    "a leaf less": (changed(params={"w": PARAMS["w"]}), "^The params .* leaf 'bias'"),
    "other containers": (
        changed(params=tuple(PARAMS.values())),
        "^The params of the control 'mine'",
    ),
    "float masks": (
        changed(mask=jax.tree.map(jnp.ones_like, PARAMS)),
        "^The mask .* is float32 in leaf 'bias'.* bool",
    ),
    "another dtype": (
        changed(params=jax.tree.map(lambda p: p.astype(jnp.bfloat16), PARAMS)),
        r"^The params .* is bfloat16 in .* float32: .*\.astype\(float32\)",
    ),
    "no state": (changed(state={}), "^The state .* leaf 'mean'"),
    "optimizer state from nowhere": (changed(moments={"m": 1.0}), "^The moments"),
    "several tickets": (changed(filled=jnp.ones(2, bool)), "^filled of the control"),
}


@pytest.mark.parametrize(
    ("control", "message"), WRONG_CONTROLS.values(), ids=WRONG_CONTROLS
)
@pytest.mark.parametrize("wrap", [lambda f: f, jax.eval_shape], ids=["eager", "traced"])
def test_a_control_that_returns_another_ticket_is_named(control, message, wrap, key):
    checked = controls.checked("mine", control)
    run = checked if wrap is not jax.eval_shape else functools.partial(wrap, checked)
    with pytest.raises(InputError, match=message) as caught:
        run(key, TICKET)
    assert "'mine'" in str(caught.value)


def test_a_control_that_fits_is_left_alone(key):
    def mine(key, ticket):
        params = jax.tree.map(lambda p: p + jax.random.normal(key), ticket.params)
        return ticket._replace(params=params, moments=None)

    checked = controls.checked("mine", mine)
    restored = TICKET._replace(moments={"m": jnp.ones(1)})
    for ticket in (TICKET, restored):
        tree_close(checked(key, ticket), mine(key, ticket))
    own = lambda *_: (_ for _ in ()).throw(InputError("mine alone"))  # noqa: E731
    with pytest.raises(InputError, match=r"^mine alone$"):
        controls.checked("mine", own)(key, TICKET)


@pytest.mark.parametrize("kind", CONTROLS)
@pytest.mark.parametrize(
    "dtype", [pytest.param(jnp.float32, marks=pytest.mark.long), jnp.bfloat16]
)
def test_controls_keep_the_dtypes_of_the_ticket(kind, dtype, key):
    """Also where the network draws others."""
    model = built("mlp")
    params, state = started(model, key)
    params = jax.tree.map(lambda p: p.astype(dtype), params)
    ticket = Ticket(params, random_mask(key, params), state, jnp.int32(0))
    made = CONTROLS[kind].make(model)
    scale = [jnp.float32(0.5)] if CONTROLS[kind].scaled else []
    control = jax.jit(controls.checked(kind, made))(*scale, key, ticket)
    for path, leaf in tree.flatten(control.params).items():
        assert leaf.dtype == dtype, path
    changed = controls.changed_counts(ticket.mask, control.mask, model.layers)
    assert not any(n.item() for n in changed.values())


@pytest.mark.parametrize("kind", CONTROLS)
def test_controls_leave_what_pruned_weights_are(kind, key):
    model = built("mlp")
    params, state = started(model, key)
    mask, filled = random_mask(key, params), jnp.array(True)
    ticket = Ticket(params, mask, state, jnp.int32(0), None, filled)
    made = CONTROLS[kind].make(model)
    scale, same = [0.5] if CONTROLS[kind].scaled else [], []

    def draw(key, ticket):
        same.append(made(*scale, key, ticket).filled is ticket.filled)

    jax.eval_shape(draw, key, ticket)
    assert same == [True]


def test_a_changed_count_is_told_layer_by_layer():
    layers = {"a": LayerInfo("dense", (2, 2, 3), 1), "c": LayerInfo("dense", (2, 3))}
    before = {"a": jnp.ones((2, 2, 3), bool), "c": jnp.ones((2, 3), bool)}
    before |= {"bias": jnp.ones(3, bool)}
    before["a"] = before["a"].at[0, 0].set(False)

    def after(**leaves):
        found = jax.jit(functools.partial(controls.changed_counts, layers=layers))(
            before, before | leaves
        )
        return {path for path, n in found.items() if n}

    assert after() == set()
    assert after(a=before["a"][::-1]) == {"a"}, "from one layer of a stack to the other"
    assert after(a=before["a"][:, ::-1]) == set()
    assert after(c=before["c"].at[0, 0].set(False)) == {"c"}
    assert after(bias=before["bias"].at[0].set(False)) == {"bias"}


STACK = {"w": LayerInfo("dense", (3, 40, 50), 1)}


@pytest.mark.parametrize("kind", sorted(set(CONTROLS) - {"random_reinit", "keep_sign"}))
def test_each_layer_of_a_stack_is_a_layer_of_its_own(kind, key):
    """Counts, values and deviations are those of the slice."""
    size = jnp.array([0.1, 1.0, 10.0])[:, None, None]
    params = {"w": size * (2 + jax.random.uniform(key, (3, 40, 50)))}
    rank = jnp.arange(6000).reshape(3, 40, 50) % 2000
    mask = {"w": rank < jnp.array([200, 1000, 1600])[:, None, None]}
    ticket = Ticket(params, mask, {}, jnp.int32(0))
    made = CONTROLS[kind].make(Model(None, None, STACK))
    scale = [3.0] if CONTROLS[kind].scaled else []
    control = jax.jit(made)(*scale, jax.random.key(4), ticket)
    counts = masks.layer_counts(control.mask, STACK)["w"]
    assert counts.tolist() == [200, 1000, 1600]
    if kind == "shuffle_mask":
        assert (control.mask["w"][0] != mask["w"][0]).any()
        return
    for i in range(3):
        old, new = np.asarray(params["w"][i]), np.asarray(control.params["w"][i])
        assert (old != new).mean() > 0.9
        if kind == "noise":
            noise = (new - old) / old.std()
            assert noise.std() == pytest.approx(3, rel=0.1)
        elif kind == "permute_init":
            np.testing.assert_array_equal(np.sort(new, None), np.sort(old, None))
        else:
            assert np.isin(new, old[np.asarray(mask["w"][i])]).all()
    others = control.params["w"] / size
    assert (others[0] != others[1]).any(), "each with a draw of its own"


def test_named_controls_have_keys_of_their_own(key):
    keys = [
        derive(key, 0, Stream.NAMED_CONTROL, draw, name)
        for name in ("mine", "yours")
        for draw in (0, 1)
    ]
    assert len({tuple(jax.random.key_data(k).tolist()) for k in keys}) == 4


# Criteria


def of_least_use(evidence):
    return jax.tree.map(lambda p: p * 2.0, evidence.params)


EVIDENCE = Evidence(PARAMS, PARAMS, masks.ones(PARAMS))
WRONG_CRITERIA = {
    "raises": (lambda evidence: evidence.parms, "raises AttributeError"),
    "none": (lambda evidence: None, "differ in leaf 'bias', of none and shape"),
    "another shape": (
        lambda evidence: PARAMS | {"w": PARAMS["w"].T},
        r"leaf 'w', of shape \(3, 2\) and shape \(2, 3\)",
    ),
    "a leaf less": (lambda evidence: {"w": PARAMS["w"]}, "leaf 'bias'"),
    "ints": (
        lambda evidence: jax.tree.map(lambda p: p.astype(int), PARAMS),
        "are int32 in leaf 'bias': they must be floats",
    ),
    "other containers": (lambda evidence: [PARAMS["bias"], PARAMS["w"]], "'mine'"),
}


@pytest.mark.parametrize(
    ("score", "message"), WRONG_CRITERIA.values(), ids=WRONG_CRITERIA
)
@pytest.mark.parametrize("traced", [False, True])
def test_a_criterion_that_returns_no_scores_is_named(score, message, traced):
    checked = criteria.checked("mine", Criterion(score)).score
    run = (lambda e: jax.eval_shape(checked, e)) if traced else checked
    with pytest.raises(InputError, match=message) as caught:
        run(EVIDENCE)
    assert "criterion 'mine'" in str(caught.value)


@pytest.mark.parametrize("name", CRITERIA)
def test_a_criterion_that_fits_is_left_alone(name):
    criterion = CRITERIA[name]
    checked = criteria.checked(name, criterion)
    assert checked._replace(score=None) == criterion._replace(score=None)
    tree_close(checked.score(EVIDENCE), criterion.score(EVIDENCE))
    assert criterion.words.startswith("weights of least")


def test_criteria_have_names():
    assert criteria.named("magnitude") == ("magnitude", CRITERIA["magnitude"])
    by_function = criteria.named(criteria.initial_magnitude)
    assert by_function == ("initial_magnitude", CRITERIA["initial_magnitude"])
    assert criteria.named(of_least_use) == ("of_least_use", Criterion(of_least_use))
    own = Criterion(of_least_use, reads="initial", batches=2)
    assert criteria.named(own) == ("of_least_use", own)
    part = functools.partial(of_least_use)
    assert criteria.named(part) == ("of_least_use", Criterion(part))
    with pytest.raises(InputError, match=r"'magnitud'; did you mean 'magnitude'"):
        criteria.named("magnitud")
    with pytest.raises(InputError, match=r"^criterion is 3: give a name"):
        criteria.named(3)


def test_two_criteria_have_one_name():
    def magnitude(evidence):
        return evidence.params

    for own in (
        magnitude,
        Criterion(magnitude),
        Criterion(criteria.magnitude, reads="initial"),
    ):
        with pytest.raises(InputError, match=r"named 'magnitude', as one .* rename it"):
            criteria.named(own)


@pytest.mark.parametrize("wrap", [lambda f: f, jax.jit])
def test_nan_scores_of_the_living_are_told_by_layer(wrap):
    nan = jnp.array([[jnp.nan, 1.0]])
    scores = {"dead": nan, "alive": nan, "other": nan, "fine": jnp.ones((1, 2))}
    mask = {p: jnp.array([[p != "dead", True]]) for p in scores}
    layers = {p: LayerInfo("dense", (1, 2)) for p in ("dead", "alive", "fine")}
    found = wrap(functools.partial(criteria.nan_layers, layers=layers))(scores, mask)
    assert {p: n.item() for p, n in found.items()} == {
        "dead": False,
        "alive": True,
        "fine": False,
    }


# Networks


@pytest.mark.parametrize("name", models.NETWORKS)
def test_a_network_takes_what_its_entry_says(name):
    network = models.NETWORKS[name]
    config = ModelConfig(name=name, dropout=0.5 if network.dropout else 0.0)
    model = models.build(config, network.example, 7)
    params, state = jax.eval_shape(model.init, jax.random.key(0))
    x = jax.ShapeDtypeStruct((2, *network.example), jnp.float32)
    logits, _ = jax.eval_shape(
        lambda p, s, x: model.apply(p, s, x, False, jax.random.key(0)),
        params,
        state,
        x,
    )
    assert logits.shape == (2, 7)


def test_networks_that_there_are_not_are_refused():
    with pytest.raises(
        InputError, match=r"^model.name is 'lennet'; did you mean 'lenet"
    ):
        models.build(ModelConfig(name="lennet"), (4,), 3)
    for name in ("lenet", "vgg19", "resnet18"):
        with pytest.raises(
            InputError, match=rf"^model.dropout is 0.5, but {name} has no"
        ):
            models.build(ModelConfig(name=name, dropout=0.5), (32, 32, 3), 3)
    for name, shape in (("conv6", (12, 8, 1)), ("conv2", (8,)), ("resnet18", (8, 8))):
        with pytest.raises(InputError, match=f"^model.name is {name}, which takes im"):
            models.build(ModelConfig(name=name), shape, 3)


# Words in a line


class Plain(nn.Module):
    @nn.compact
    def __call__(self, x):
        return nn.Dense(3)(x)


def test_what_is_large_is_shown_in_a_line(key):
    model = models.from_linen(Plain(), (400,), output="Dense_0/kernel")
    params, _ = started(model, key)
    mask = masks.prune(params, masks.ones(params), {"Dense_0/kernel": 600})
    ticket = Ticket(params, mask, {}, jnp.int32(500))
    assert repr(model) == "Model(1,200 prunable weights in 1 layers)"
    assert repr(ticket) == "Ticket(1,203 parameters, 50.1% kept, step 500)"
    several = jax.tree.map(lambda leaf: jnp.stack([jnp.asarray(leaf)] * 3), ticket)
    assert repr(several) == "Ticket(3,609 parameters, 50.1% kept, 3 networks)"
    assert repr(ticket._replace(mask=None, clock=None)) == (
        "Ticket(1,203 parameters, mask not known)"
    )
    shown = []
    jax.jit(lambda ticket: shown.append(repr(ticket)))(ticket)
    assert shown == ["Ticket(1,203 parameters, mask not known)"]
