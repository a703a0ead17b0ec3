"""A user's own Flax module on NumPy arrays: tickets and controls out, no files written.

Run: python examples/minimal.py
"""

import flax.linen as nn
import numpy as np

import lth_jax as lth


class Net(nn.Module):
    """Two hidden layers."""

    @nn.compact
    def __call__(self, x):  # noqa: D102
        x = nn.relu(nn.Dense(64)(x))
        x = nn.relu(nn.Dense(32)(x))
        return nn.Dense(4)(x)


def blobs(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return points of four noisy classes on a circle."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, n)
    angles = labels * np.pi / 2
    centres = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    noise = rng.normal(0, 0.45, (n, 2))
    return (centres + noise).astype(np.float32), labels


def main() -> None:
    """Find tickets of `Net` and print how they and their controls fare."""
    model = lth.from_linen(Net(), input_shape=(2,), output="Dense_2/kernel")
    splits = lth.from_arrays(blobs(1200, 0), blobs(1000, 1), n_validation=200)
    config = lth.Config(
        train=lth.TrainConfig(steps=300, eval_every=20, learning_rate=1e-3),
        prune=lth.PruneConfig(levels=6, rate=0.5),
        replicates=3,
        reinits=2,
    )
    for level in lth.find_ticket(model, splits, config):
        rows = lth.summary_rows(level)
        for kind in dict.fromkeys(row["kind"] for row in rows):
            same = [row for row in rows if row["kind"] == kind]
            accuracy = np.mean([row["test_accuracy_es"] for row in same])
            density = same[0]["density"]
            print(f"level {level.number}  {density:6.1%}  {kind:14} {accuracy:.3f}")


if __name__ == "__main__":
    main()
