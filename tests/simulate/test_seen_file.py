"""Files of what a layered detector sees."""

import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.core.events import EventWriter
from hepsets.core.particle_sets import read_particle_sets
from hepsets.generate.z_pole import generate_z_block
from hepsets.simulate.idea import IDEA
from hepsets.simulate.layered import see_z_events
from hepsets.simulate.seen_file import see_file


def test_a_file_holds_what_the_detector_sees_whatever_the_row_groups_and_workers(tmp_path, monkeypatch):
    monkeypatch.setattr("hepsets.simulate.seen_file.BATCH_EVENTS", 7)
    events = generate_z_block("zcc", 2, 0, 30)
    with EventWriter(tmp_path / "events.parquet") as writer:
        writer.write(events[:10])
        writer.write(events[10:])
    whole = see_z_events(events, seed=5, event_numbers=np.arange(30), detector=IDEA)
    for workers in (1, 2):
        out = tmp_path / f"seen_{workers}.parquet"
        assert see_file(tmp_path / "events.parquet", out, detector=IDEA, seed=5, workers=workers) == 30
        seen = read_particle_sets(out)
        assert np.array_equal(seen.offsets, whole.offsets)
        assert all(np.array_equal(seen.particles[name], whole.particles[name]) for name in whole.particles)
        assert all(np.array_equal(seen.columns[name], whole.columns[name]) for name in whole.columns)


def test_a_file_is_not_replaced_by_what_is_seen_of_it(tmp_path):
    with pytest.raises(InputError, match="one path for input and output"):
        see_file(tmp_path / "a.parquet", tmp_path / "a.parquet", detector=IDEA)
