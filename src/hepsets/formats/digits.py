"""The handwritten digits that scikit-learn ships: 1797 images of 8 × 8 pixels, at hand without a download."""

from __future__ import annotations

import numpy as np

from hepsets.core.images import Images


def read_digits() -> Images:
    """All digits: pixels from 0 to 1, the digit as the label.

    They are counts of ink in blocks of 4 × 4 of 32 × 32 bitmaps (E. Alpaydin, C. Kaynak, UCI repository,
    1998).

    Examples
    --------
    >>> digits = read_digits()
    >>> digits.pixels.shape, sorted(set(digits.labels.tolist())) == list(range(10))
    ((1797, 1, 8, 8), True)
    """
    from sklearn.datasets import load_digits  # slow to import

    found = load_digits()
    return Images(
        found.images[:, None].astype(np.float32) / 16,
        found.target.astype(np.int64),
        np.arange(len(found.target)),
    )
