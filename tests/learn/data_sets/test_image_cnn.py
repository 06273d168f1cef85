from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers.toy_decays import toy_sample

from hepsets.learn.data_sets.image_cnn import ImageCnnConfig, ResNet34, fit_image_cnn
from hepsets.learn.data_sets.published_fit import PublishedFit
from hepsets.learn.data_sets.regression import SetSampling
from hepsets.represent.data_sets.pools import disjoint_sets


def test_the_published_network_is_a_resnet_34() -> None:
    network = ResNet34(64, 1000, 0.5)
    main = [
        layer
        for name, layer in network.named_modules()
        if isinstance(layer, torch.nn.Conv3d) and "shortcut" not in name
    ]
    assert len(main) + 1 == 34  # the count leaves out shortcuts and sees the head as one
    assert (main[0].out_channels, main[-1].out_channels) == (64, 512)


@pytest.mark.parametrize("bins", [6, 20, 50])
def test_images_of_any_size_have_one_output(bins: int) -> None:
    network = ResNet34(2, 4, 0.5).eval()
    with torch.inference_mode():
        assert network(torch.zeros(2, bins, bins, bins)).shape == (2,)


def test_it_learns_an_asymmetry_of_brightness() -> None:
    # q² depends on the sign of cos θ_μ as ΔC9 says: brightness is what these images show
    frame = toy_sample(6000, (-1.5, -0.5, 0.5, 1.5), seed=1)
    q_squared = 10 + 3 * np.sign(frame["costheta_mu"]) * frame["delta_c9"]
    frame = frame.with_columns(q_squared=q_squared + 0.1 * frame["chi"])
    config = ImageCnnConfig(
        bins=8,
        channels=4,
        dense=16,
        dropout=0.0,
        sampling=SetSampling(events=500, sets=60, validation_sets=10),
        fit=PublishedFit(epochs=16, batch=16, learning_rate=3e-3, schedule="cosine", device="cpu"),
    )
    model, _ = fit_image_cnn(frame, config)
    sets = disjoint_sets(frame, 500)
    off = model.estimate_sets(sets).value - sets.delta_c9
    assert np.sqrt((off**2).mean()) < 0.5
    assert model.images(sets).shape == (len(sets), 8, 8, 8)


def test_full_scale_is_as_published() -> None:
    config = ImageCnnConfig.at_scale("full", 16_000)
    assert config == ImageCnnConfig(sampling=SetSampling(events=16_000))
    assert (config.sampling.sets, config.fit.epochs, config.fit.learning_rate) == (50, 80, 4e-4)
    assert config.bins == 50
    for scale in ("quick", "standard"):
        assert ImageCnnConfig.at_scale(scale, 8000).fit.schedule == "cosine"
