"""Rows of numbers from the columns of tracks."""

import numpy as np
import pytest
from helpers.toy_vertices import primary_group, seen_from_groups

from hepsets.core.errors import InputError
from hepsets.select.vertices.tracks import COV, PT, track_rows


def test_a_row_holds_parameters_covariance_and_transverse_momentum():
    _, rows, _ = group = primary_group(np.random.default_rng(1))
    columns = seen_from_groups([[group]]).particles
    made = track_rows(columns)
    assert made == pytest.approx(rows, rel=1e-6)
    assert made[:, COV + 2] == pytest.approx(columns["cov_phi_phi"])
    assert made[:, PT] == pytest.approx(np.hypot(columns["px"], columns["py"]))


def test_particles_without_helices_are_refused():
    with pytest.raises(InputError, match="no column d0"):
        track_rows({"px": np.ones(2), "py": np.ones(2)})
