"""What the convolutional network looks at: images of many decays at a few ΔC9."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.delta_c9.config import Config
from hepsets.analyses.delta_c9.samples import SHOWN, Cell, seed_of
from hepsets.generate.kstmumu.density import WINDOWS
from hepsets.generate.kstmumu.sampler import sample_decays
from hepsets.represent.data_sets.images import ImageScale
from hepsets.represent.data_sets.pools import variable_matrix

IMAGE_EVENTS = 200_000
IMAGE_TRUTHS = (0.0, -0.8, -1.5)


def example_images(config: Config) -> dict[float, NDArray[np.floating[Any]]]:
    """By ΔC9: mean standardised q² in bins of (cos θ_μ, cos θ_K, χ), shape ``(bins, bins, bins)``."""
    cell = Cell("generator", config.windows[0])
    window = WINDOWS[config.windows[0]]
    matrices = {
        truth: variable_matrix(
            sample_decays(IMAGE_EVENTS, truth, seed_of(config, cell, SHOWN, 2 + i), window=window)
        )
        for i, truth in enumerate(IMAGE_TRUTHS)
    }
    scale = ImageScale.fit(np.concatenate(list(matrices.values())), config.cnn.bins)
    return {
        truth: scale.images(scale.pixels(m), np.arange(len(m)), np.array([0, len(m)]))[0]
        for truth, m in matrices.items()
    }
