"""What is measured, beside what, and how well it should do."""

from typing import NamedTuple

CONV2 = (27 * 64 * 32**2, 9 * 64 * 64 * 32**2, 64 * 16**2 * 256, 256 * 256, 2_560)
RESNET18 = (
    *(27 * 16 * 32**2, 6 * 9 * 16 * 16 * 32**2, (9 + 1) * 16 * 32 * 16**2),
    *(5 * 9 * 32 * 32 * 16**2, (9 + 1) * 32 * 64 * 8**2, 5 * 9 * 64 * 64 * 8**2, 640),
)
OPERATIONS = {
    "lenet": 2 * 60 * (3 * 266_200 - 235_200),
    "conv2": 2 * 60 * (3 * sum(CONV2) - CONV2[0]),
    "resnet18": 2 * 128 * (3 * sum(RESNET18) - RESNET18[0]),
}
"""Floating-point operations of a step: each product forward and twice backward, but the
first layer needs no input gradient."""
LENET_EVALUATION = 2 * 15_000 * 266_200
EAGER, COMPILED, NAIVE = "PyTorch eager", "torch.compile", "a plain JAX loop"
LIMIT = "the matrix-product peak"


class Row(NamedTuple):
    """One measurement, most often beside a peer.

    Attributes:
        name: of the work.
        ours: words for `lth_jax.benchmarks.ours`.
        peer: what it is compared with; empty: nothing.
        theirs: words for the peer; for the limit, the work's operations.
        goal: largest ratio ours / peer that is good enough; of our value alone where
            there is no peer.
        pairs: how often both are measured.
        operations: floating-point, where they bound the time.
        precision: of the matrix products on both sides.
        unit: of our value: ms and s of time, GiB of memory.
    """

    name: str
    ours: str
    peer: str = ""
    theirs: str | int = ""
    goal: float | None = None
    pairs: int = 3
    operations: int | None = None
    precision: str = "float32"
    unit: str = "ms"


def rows(platform: str, cores: int) -> list[Row]:
    """Return what is measured on a CPU with so many cores, or on a GPU."""
    vgg19, smallest = "step --network vgg19 --lanes 4", "smallest run, start to report"
    return [
        *(_cpu_rows(cores) if platform == "cpu" else _gpu_rows()),
        Row("memory of VGG-19, 4 lanes", vgg19, goal=8, unit="GiB"),
        Row(f"{smallest}, compiled before", "start_up", goal=8, unit="s"),
    ]


def _cpu_rows(cores: int) -> list[Row]:
    """Return the rows of a CPU.

    Lanes beyond its cores run group after group, and each costs what one of a single
    group does; LeNet's widest row shows it.
    """
    steps = [
        *(("lenet", 1, None, 5), ("lenet", cores, 0.42, 7)),
        ("lenet", 4 * cores, None, 3),
        *(("conv2", 1, None, 3), ("conv2", cores, 1.0, 5)),
        *(("resnet18", 1, None, 3), ("resnet18", cores, None, 3)),
    ]
    return [
        *(_step(network, lanes, goal, n) for network, lanes, goal, n in steps),
        *(row for network in OPERATIONS for row in _other_loops(network)),
        Row("lenet epoch", "epoch --devices 1", EAGER, "epoch", 0.65, 5),
        *_beside_peak(cores, 1.3, 1.6),
        *_pruning(),
    ]


def _gpu_rows() -> list[Row]:
    """Return the rows of a GPU, where one pair of each has to do."""
    goals = {("conv2", 32): 0.5, ("resnet18", 32): 0.5}
    made = [
        *(
            _step(network, lanes, goals.get((network, lanes)))
            for network in OPERATIONS
            for lanes in (1, 2, 8, 32, 128)
        ),
        *(
            _step(network, 32, precision=precision)
            for network in OPERATIONS
            for precision in ("tensorfloat32", "bfloat16")
        ),
        Row("lenet step, 32 lanes", "step --lanes 32", "one lane", "step", 1 / 20),
        *(row for network in OPERATIONS for row in _other_loops(network)),
        Row("lenet epoch", "epoch --devices 1", EAGER, "epoch"),
        *_beside_peak(32),
        *_pruning(),
        Row("485 trainings of Figure 4, compiled too", "figure_4", goal=240, unit="s"),
    ]
    return [row._replace(pairs=1) for row in made]


def _step(
    network: str,
    lanes: int,
    goal: float | None = None,
    pairs: int = 3,
    precision: str = "float32",
) -> Row:
    words = f"step --network {network} --precision {precision}"
    return Row(
        f"{network} step, {lanes} lane{'s' * (lanes > 1)}",
        f"{words} --lanes {lanes}{' --devices 1' * (lanes == 1)}",
        EAGER,
        words,
        goal,
        pairs,
        OPERATIONS[network],
        precision,
    )


def _other_loops(network: str) -> list[Row]:
    words = f"--network {network}"
    naive = f"naive {words} --devices 1"
    return [
        _step(network, 1)._replace(peer=COMPILED, theirs=f"step {words} --compile"),
        _step(network, 1)._replace(peer=NAIVE, theirs=naive),
    ]


def _beside_peak(
    lanes: int, evaluation: float | None = None, cadence: float | None = None
) -> list[Row]:
    """Return LeNet's evaluation and its training at the paper's cadence, with goals."""
    operations = 100 * OPERATIONS["lenet"] + LENET_EVALUATION
    works = [
        ("evaluation", "evaluation", LENET_EVALUATION, evaluation),
        ("at the paper's cadence", "period", operations, cadence),
    ]
    return [
        Row(
            f"lenet {name}, {lanes} lanes", f"{what} --lanes {lanes}", LIMIT, n, goal, 5
        )
        for name, what, n, goal in works
    ]


def _pruning() -> list[Row]:
    name = "pruning of 4 million weights"
    return [
        Row(name, "pruning", "a full sort", "pruning --how sort"),
        Row(name, "pruning", "lax.top_k", "pruning --how top_k"),
    ]
