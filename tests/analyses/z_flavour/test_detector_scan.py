import dataclasses

import numpy as np
import pytest

from hepsets.analyses.z_flavour import detector_scan
from hepsets.analyses.z_flavour.config import Config, ScanConfig
from hepsets.analyses.z_flavour.detector_scan import POINTS, scan_detector, values_of
from hepsets.learn.tables.class_trees import ClassTreesConfig
from hepsets.represent.vertexed_events.feature_files import read_features
from hepsets.simulate.idea import IdeaConfig

pytest.importorskip("pythia8mc")

CONFIG = Config(
    seed=3,
    studies=("detector",),
    trees=ClassTreesConfig(trees=10),
    scan=ScanConfig(
        first_layer_radius=(2.2,),
        first_layer_resolution=(),
        counting_efficiency=(0.3,),
        time_resolution=(),
        train_per_class=40,
        test_per_class=60,
        model="boosted_trees",
        trainings=2,
    ),
)


@pytest.fixture(scope="module")
def scanned(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scan")
    return folder, scan_detector(CONFIG, folder / "events", folder / "models")


def features(folder, detector, name, *, chosen="has_impact"):
    found = []
    for path in sorted((folder / "events" / detector).glob("*.safetensors")):
        data = read_features(path)
        columns = data.particles.features.float().numpy()
        names = data.spec.particles
        found.append(columns[columns[:, names.index(chosen)] > 0, names.index(name)])
    return np.concatenate(found)


def test_each_setting_is_varied_alone_and_the_planned_detector_stands_in_each(scanned):
    _, scan = scanned
    assert [(one.setting, one.value, one.planned) for one in scan.seen] == [
        ("first_layer_radius", 1.37, True),
        ("first_layer_radius", 2.2, False),
        ("counting_efficiency", 0.3, False),
        ("counting_efficiency", 0.8, True),
    ]
    assert scan.counts == (80, 16, 120)
    for one in scan.seen:
        assert [(p.flavour, p.against, p.mistag) for p in one.trained_anew] == list(POINTS)
        assert (one.trained_anew == one.of_planned) == one.planned
    assert scan.seen[0].trained_anew == scan.seen[3].trained_anew


def test_a_first_layer_farther_out_measures_impact_parameters_worse(scanned):
    folder, _ = scanned
    near, far = (features(folder, name, "impact_error") for name in ("planned", "first_layer_radius_2.2"))
    assert np.median(far) > np.median(near) + 0.2  # logarithms of the error


def test_clusters_that_are_not_counted_are_missing_and_impact_parameters_are_as_good(scanned):
    folder, _ = scanned
    many, few = (
        features(folder, name, "clusters_per_cm", chosen="has_clusters")
        for name in ("planned", "counting_efficiency_0.3")
    )
    assert 0.99 * len(many) < len(few) < len(many)  # short tracks may have none
    assert (np.mean(many) - np.mean(few)) / 10 == pytest.approx(np.log(0.8 / 0.3), abs=0.05)
    errors = [features(folder, name, "impact_error") for name in ("planned", "counting_efficiency_0.3")]
    assert np.median(errors[0]) == pytest.approx(np.median(errors[1]), abs=0.01)


def test_all_detectors_see_the_same_generated_events(scanned):
    folder, _ = scanned
    truths = []
    for name in ("planned", "first_layer_radius_2.2", "counting_efficiency_0.3"):
        paths = sorted((folder / "events" / name).glob("*.truth.npz"))
        truths.append(np.concatenate([np.load(path)["event_number"] for path in paths]))
    assert np.array_equal(truths[0], truths[1])
    assert np.array_equal(truths[0], truths[2])


def test_other_seeds_of_a_training_are_told_apart(scanned):
    _, scan = scanned
    assert [other.seed for other in scan.other_seeds] == [4]
    assert scan.seed == 3
    assert scan.other_seeds[0].points != scan.seen[0].trained_anew


def test_what_an_earlier_try_left_is_not_made_again(scanned, monkeypatch):
    folder, scan = scanned
    monkeypatch.setattr(detector_scan, "generated", lambda block: pytest.fail("generated again"))
    assert scan_detector(CONFIG, folder / "events", folder / "models") == scan


def test_values_hold_the_detector_of_the_run_and_none_are_no_scan():
    other = dataclasses.replace(CONFIG, detector=IdeaConfig(first_layer_radius=1.2))
    assert values_of(other, "first_layer_radius") == (1.2, 2.2)
    assert values_of(CONFIG, "time_resolution") == ()
