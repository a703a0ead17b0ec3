"""Make ``digits.npz``, the small data set that comes with the package.

The images are scikit-learn's copy of the UCI Optical Recognition of Handwritten Digits
(its test part: 1,797 images of 8x8 pixels from 0 to 16). 360 of them, drawn by a fixed
seed, are the test set; both parts keep scikit-learn's order. The archive carries no
times, so running this again gives the same bytes (with the same zlib).

    python lth_jax/sources/assets/make_digits.py

Reference:
    E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine
    Learning Repository, 1998, https://doi.org/10.24432/C50P49 (CC BY 4.0).
"""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

N_TEST = 360
SEED = 0


def main(path: Path) -> None:
    """Write the archive to ``path``."""
    bunch = load_digits()
    x = bunch.images[..., None].astype(np.uint8)
    y = bunch.target.astype(np.uint8)
    order = np.random.Generator(np.random.PCG64(SEED)).permutation(len(x))
    test, train = np.sort(order[:N_TEST]), np.sort(order[N_TEST:])
    np.savez_compressed(
        path, x_train=x[train], y_train=y[train], x_test=x[test], y_test=y[test]
    )


if __name__ == "__main__":
    main(Path(__file__).with_name("digits.npz"))
