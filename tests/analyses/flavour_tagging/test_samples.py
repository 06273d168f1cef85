"""The tag sides of a run: split by event, made once, a user's never judged on themselves."""

import dataclasses

import numpy as np
import pytest
from helpers.random_whole_events import random_whole_events

from hepsets.analyses.flavour_tagging.config import Config, DataConfig
from hepsets.analyses.flavour_tagging.samples import get_samples
from hepsets.core.errors import InputError
from hepsets.core.particle_sets import write_particle_sets
from hepsets.core.purpose import Purpose


def own(tmp_path, *files, **options):
    return dataclasses.replace(Config(), data=DataConfig(train=tuple(map(str, files)), **options))


def test_no_event_serves_two_purposes(tmp_path):
    pytest.importorskip("pythia8mc")
    config = dataclasses.replace(
        Config(), data=DataConfig(train_events=120, validation_events=60, test_events=60)
    )
    samples = get_samples(config, tmp_path / "events")
    parts = (samples.train, samples.validation, samples.test)
    assert [len(part) for part in parts] == [240, 120, 120]
    assert [part.purpose for part in parts] == list(Purpose)
    numbers = [set(part.columns["event_number"].tolist()) for part in parts]
    assert sum(map(len, numbers)) == len(set.union(*numbers)) == 240
    again = get_samples(config, tmp_path / "events")
    assert np.array_equal(again.test.particles["px"], samples.test.particles["px"])


def test_both_tag_sides_of_a_users_event_stay_together(tmp_path):
    sets = random_whole_events(120, seed=1).with_columns(event_number=np.arange(120) // 2)
    write_particle_sets(sets, tmp_path / "sets.parquet")
    samples = get_samples(own(tmp_path, tmp_path / "sets.parquet"), tmp_path / "events")
    numbers = [
        set(part.columns["event_number"].tolist())
        for part in (samples.train, samples.validation, samples.test)
    ]
    assert sum(map(len, numbers)) == len(set.union(*numbers)) == 60


def test_test_sets_that_are_trained_on_are_refused(tmp_path):
    sets = random_whole_events(60, seed=2)
    write_particle_sets(sets, tmp_path / "a.parquet")
    write_particle_sets(sets[20:], tmp_path / "b.parquet")
    with pytest.raises(InputError):
        get_samples(
            own(tmp_path, tmp_path / "a.parquet", test=(str(tmp_path / "b.parquet"),)), tmp_path / "e"
        )


def test_sets_of_one_flavour_are_refused(tmp_path):
    sets = random_whole_events(60, seed=3)
    write_particle_sets(sets[sets.columns["q"] > 0], tmp_path / "a.parquet")
    with pytest.raises(InputError, match="one flavour"):
        get_samples(own(tmp_path, tmp_path / "a.parquet"), tmp_path / "e")
