"""A ticket of one's own, taken apart: its layers, its units and its paths.

Run: python examples/anatomy.py
"""

import numpy as np

import lth_jax as lth
from lth_jax import analysis, tree
from lth_jax.analysis import anatomy


def main() -> None:
    """Find a ticket for the digits and print what is in it."""
    model = lth.lenet((8, 8, 1), widths=(30, 20))
    splits, _ = lth.sources.load(lth.DataConfig(), seed=0)

    def kernels(stacked: dict) -> dict[str, np.ndarray]:
        """Return the first replicate's by path, layers in order as in the model."""
        leaves = tree.flatten(stacked)
        return {path: np.asarray(leaves[path][0]) for path in model.layers}

    config = lth.Config(
        train=lth.TrainConfig(steps=300, eval_every=100),
        prune=lth.PruneConfig(levels=3, rate=0.7, output_rate=0.5),
    )
    dense, *_, last = lth.find_ticket(model, splits, config)
    start, end = kernels(dense.tickets.params), kernels(dense.outcome.finals.params)
    masks = kernels(last.masks)

    live, units = analysis.live(masks), analysis.connections(masks)
    for row in anatomy.layer_rows(anatomy.Opened(last.number, 0, start, end, masks)):
        path, moved = row["layer"], row["distance_kept"] / row["distance_other"]
        unused = int((units[path].outgoing.connections == 0).sum())
        print(
            f"{path}: {row['n_remaining']} of {row['n_weights']} weights left,"
            f" {live[path].sum()} live, {unused} inputs unused,"
            f" kept ones moved {moved:.1f} times as far as others"
        )
    print(f"10^{analysis.log10_paths(masks):.1f} paths from an input to an output")


if __name__ == "__main__":
    main()
