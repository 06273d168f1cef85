"""Everything that a run on turned images found: what its metrics and its report are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.c4_images import about
from hepsets.analyses.c4_images.about import OURS
from hepsets.analyses.c4_images.comparison import Gain, ModelResult
from hepsets.analyses.c4_images.config import Config
from hepsets.analyses.c4_images.layers import LayerError
from hepsets.analyses.c4_images.metrics import metrics_of
from hepsets.analyses.c4_images.one_image import Kernels, OneImage
from hepsets.analyses.c4_images.samples import MAIN
from hepsets.analyses.shown import Shown
from hepsets.core.run import Origin


@dataclass(frozen=True)
class Facts:
    """What a sample holds.

    Parameters
    ----------
    name, data
        Of the sample, and as ``result.json`` calls it.
    counts
        Images of each part.
    shape
        Channels, height and width.
    classes
        Their names.
    """

    name: str
    data: str
    counts: dict[str, int]
    shape: tuple[int, int, int]
    classes: tuple[str, ...]


@dataclass(frozen=True, eq=False, repr=False)
class Result(Shown):
    """Everything that a run found.

    Parameters
    ----------
    config, origin
        What was run, and when and with what.
    samples
        What the images are, by the name of the sample.
    models
        All models on all samples.
    gains
        By how much ours is more accurate than each other model of its sample.
    layers
        Every configuration of every layer.
    image
        One image turned four ways.
    kernels
        Of the averaged layer, if it was trained.
    event_images
        Some test events of each kind, by sample, shape ``(n_classes, n_images, channels, side, side)``.
    """

    analysis: ClassVar[str] = about.name

    config: Config
    origin: Origin
    samples: dict[str, Facts]
    models: tuple[ModelResult, ...]
    gains: tuple[Gain, ...]
    layers: tuple[LayerError, ...]
    image: OneImage
    kernels: Kernels | None
    event_images: dict[str, NDArray[np.float32]]

    def of(self, sample: str, *, plain: bool = True) -> tuple[ModelResult, ...]:
        """The models of a sample; those of other widths or fewer images only if ``plain`` is off."""
        return tuple(
            one for one in self.models if one.variant.sample == sample and (one.variant.plain or not plain)
        )

    @property
    def lead(self) -> ModelResult:
        """Our model on the images of the run, or the most accurate one where it was not trained."""
        models = self.of(MAIN)
        ours = [one for one in models if one.name == OURS]
        return ours[0] if ours else max(models, key=lambda one: one.accuracy.value)

    @property
    def metrics(self) -> dict[str, Any]:
        """The metrics of ``result.json``."""
        return metrics_of(self.models, self.gains, self.layers)
