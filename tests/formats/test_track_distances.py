"""Distances of tracks: what Belle II sees is usual, and no physics gives half of them ten centimetres."""

import numpy as np
import pytest
from helpers.mixed_events import seen_events

from hepsets.core.errors import InputError
from hepsets.formats.track_distances import ENOUGH, refuse_other_lengths, unusual


def test_what_belle_ii_sees_of_b_mesons_is_usual_in_cm_and_told_or_refused_in_any_other_unit():
    d0, z0 = (seen_events().tracks[name] for name in ("d0", "z0"))
    for values in (d0, z0):
        refuse_other_lengths(values, "cm")
        with pytest.raises(InputError, match="convert micrometres or millimetres to cm"):
            refuse_other_lengths(1e4 * values, "micrometres")
    assert unusual(d0, "cm") == ""
    for scale, unit in ((10.0, "mm"), (0.01, "m")):
        assert unusual(scale * d0, unit).startswith(f"WARNING: {unit}: half of the tracks are beyond ")


def test_of_few_tracks_or_unknown_distances_nothing_is_said():
    far = np.full(ENOUGH, 80.0)
    with pytest.raises(InputError, match=r"half of the tracks are beyond 80; expected distances in cm"):
        refuse_other_lengths(-far, "a.root: dr")
    refuse_other_lengths(far[1:], "a.root: dr")
    refuse_other_lengths(np.zeros(1000), "a.root: dr")
    assert unusual(np.zeros(1000), "a.root: dr") == ""
