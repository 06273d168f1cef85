import torch

from hepsets.represent.scaler import Scaler


def test_fitted_features_have_mean_zero_and_spread_one() -> None:
    features = torch.randn(5000, 3) * torch.tensor([1e-3, 1.0, 50.0]) + torch.tensor([1.0, -2.0, 300.0])
    scaler = Scaler(3)
    scaler.fit(features)
    scaled = scaler(features)
    torch.testing.assert_close(scaled.mean(0), torch.zeros(3), rtol=0, atol=1e-3)
    torch.testing.assert_close(scaled.std(0), torch.ones(3), rtol=1e-3, atol=0)


def test_a_constant_feature_is_centred_and_not_blown_up() -> None:
    features = torch.full((1000, 1), 0.1)
    scaler = Scaler(1)
    scaler.fit(features)
    assert scaler.scale.item() == 1.0
    torch.testing.assert_close(scaler(features), torch.zeros(1000, 1), rtol=0, atol=1e-7)


def test_an_unfitted_scaler_is_the_identity() -> None:
    features = torch.randn(10, 2)
    assert torch.equal(Scaler(2)(features), features)


def test_statistics_are_saved_and_never_trained() -> None:
    scaler = Scaler(2)
    assert set(scaler.state_dict()) == {"mean", "scale"}
    assert not list(scaler.parameters())


def test_quantiles_are_not_moved_by_tails_nor_by_what_is_absent() -> None:
    random = torch.Generator().manual_seed(1)
    features = torch.randn(5000, 3, generator=random) * 0.01 + 1
    features[:40, 0] = 1e4
    features[2000:, 1] = -9.0
    features[:, 2] = 5.0
    scaler = Scaler(3)
    scaler.fit_quantiles(features, -9.0)
    torch.testing.assert_close(scaler.mean, torch.tensor([1.0, 1.0, 5.0]), atol=1e-3, rtol=0)
    torch.testing.assert_close(scaler.scale, torch.tensor([0.01, 0.01, 1.0]), atol=1e-3, rtol=0)


def test_a_scaler_in_double_precision_scales_in_double_precision() -> None:
    features = torch.randn(10, 2)
    scaler = Scaler(2)
    scaler.fit(features)
    exact = (features.double() - scaler.mean.double()) / scaler.scale.double()
    torch.testing.assert_close(scaler.double()(features), exact, rtol=1e-12, atol=0)
