"""Models by name."""

import pytest

from hepsets.core.errors import InputError
from hepsets.learn.registry import recipes
from hepsets.learn.vertexed_events.recipe import build_vertexed_model


def test_a_seed_draws_the_same_weights_and_options_are_the_models_own() -> None:
    one, other = (build_vertexed_model("deep_sets", seed=3, pooling="max") for _ in range(2))
    assert all((a == b).all() for a, b in zip(one.parameters(), other.parameters(), strict=True))
    with pytest.raises(InputError, match="pooling"):
        build_vertexed_model("fcnn", pooling="max")


def test_every_model_says_what_it_sees() -> None:
    for name in recipes("vertexed_events"):
        model = build_vertexed_model(name, identification="none")
        assert not any(
            feature.startswith(("truth", "clusters", "flight_m")) for feature in model.spec.particles
        )


@pytest.mark.parametrize("name", ["vertex_graph", "particle_transformer"])
def test_networks_that_need_directions_refuse_published_features(name: str) -> None:
    with pytest.raises(InputError, match="proper"):
        build_vertexed_model(name, style="published")
