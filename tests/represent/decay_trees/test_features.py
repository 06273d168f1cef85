import numpy as np
import pytest
from helpers.random_events import random_events

from hepsets.core.errors import InputError
from hepsets.core.events import Events
from hepsets.represent.decay_trees.features import RAW_COLUMNS, FeatureSpec

EVENTS = random_events(20)


def test_cartesian_features_are_the_columns_of_the_table() -> None:
    matrix = FeatureSpec().of_events(EVENTS)
    for place, name in enumerate(RAW_COLUMNS):
        np.testing.assert_array_equal(matrix[:, place].numpy(), EVENTS.particles[name])


def test_cylindrical_features_are_radii_and_the_rest() -> None:
    matrix = FeatureSpec(coordinates="cylindrical").of_events(EVENTS).numpy()
    p = EVENTS.particles
    expected = [np.hypot(p["x"], p["y"]), p["z"], np.hypot(p["px"], p["py"]), p["pz"]]
    expected += [p["prod_time"], p["energy"]]
    np.testing.assert_allclose(matrix, np.stack(expected, 1), rtol=1e-6, atol=1e-9)


def test_cylindrical_features_do_not_see_a_rotation_about_the_beam() -> None:
    p = dict(EVENTS.particles)
    cos, sin = np.cos(1.2), np.sin(1.2)
    for x, y in (("x", "y"), ("px", "py")):
        p[x], p[y] = cos * p[x] - sin * p[y], sin * p[x] + cos * p[y]
    spec = FeatureSpec(coordinates="cylindrical")
    turned = spec.of_events(Events(p, EVENTS.offsets))
    np.testing.assert_allclose(turned, spec.of_events(EVENTS), rtol=1e-4, atol=1e-6)


def test_dropped_features_are_gone_and_the_others_stay() -> None:
    spec = FeatureSpec(drop=("px", "py", "pz"))
    assert spec.names == ("prod_time", "x", "y", "z", "energy")
    np.testing.assert_array_equal(spec.of_events(EVENTS), FeatureSpec().of_events(EVENTS)[:, :5])


@pytest.mark.parametrize("drop", [("prodTime",), ("r",), RAW_COLUMNS])
def test_a_drop_that_makes_no_sense_is_refused(drop: tuple[str, ...]) -> None:
    with pytest.raises(InputError):
        FeatureSpec(drop=drop)
