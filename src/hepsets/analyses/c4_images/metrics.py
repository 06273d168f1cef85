"""The metrics of ``result.json``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from hepsets.analyses.c4_images.comparison import Gain, ModelResult
from hepsets.analyses.c4_images.layers import LayerError
from hepsets.analyses.c4_images.samples import MAIN, TEST
from hepsets.core.metrics import record, to_json


def metrics_of(
    models: Sequence[ModelResult], gains: Iterable[Gain], layers: Iterable[LayerError]
) -> dict[str, Any]:
    """The metrics of ``result.json``; names are an interface.

    ``models`` has an entry for each model, width and kind of test images, all trained on all images of their
    sample; models that are trained on upright images are tested on several kinds. ``data_efficiency`` has
    those of the main sample against the number of training images, ``gains`` what ``p4cnn`` is better than
    others by.
    """
    found = {
        "models": [
            record(
                name=one.name if one.variant.width == 1 else f"{one.name}_width_{one.variant.width:g}",
                data=one.data if part == TEST else f"{one.data}_{part}",
                parameters=one.parameters,
                accuracy=tested.accuracy,
                seeds=len(one.seeds),
                equivariance_error=one.equivariance_error,
                invariance_error=one.invariance_error,
                images_per_s=one.images_per_s,
            )
            for one in models
            if not one.variant.images
            for part, tested in one.tests.items()
        ],
        "layers": [
            {
                "layer": one.layer,
                "size": one.size,
                "stride": one.stride,
                "padding": one.padding,
                "equivariance_error": one.error,
            }
            for one in layers
            if one.accepted
        ],
        "data_efficiency": [
            record(model=one.name, images=one.images, accuracy=one.accuracy)
            for one in models
            if one.variant.sample == MAIN and one.variant.width == 1 and one.variant.augmentation == "none"
        ],
        "gains": [
            record(data=one.data, model=one.model, over=one.other, difference=one.difference) for one in gains
        ],
    }
    plain: dict[str, Any] = to_json(found)
    return plain
