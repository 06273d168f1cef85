"""Every configuration of every layer: accepted ones are exact, refused ones would not be."""

from __future__ import annotations

from hepsets.analyses.c4_images.layers import layer_errors


def test_accepted_configurations_are_exact_and_refused_ones_would_break_the_symmetry():
    found = layer_errors(3, images=1)
    accepted = [one.error for one in found if one.accepted]
    refused = [one.error for one in found if not one.accepted]
    assert len(accepted) > 300
    assert max(accepted) < 1e-5
    assert len(refused) > 100
    assert min(refused) > 1e-3
    assert {one.layer.split()[0] for one in found} == {
        "AveragedC4Conv2d",
        "LiftingConv2d",
        "GroupConv2d",
        "SpatialPool2d",
        "OrientationBatchNorm2d",
        "GroupPool",
    }
