"""All samples by one function."""

import pytest

from hepsets.core.errors import InputError
from hepsets.generate.samples import SAMPLES, generate_sample


def test_each_sample_brings_its_event_columns():
    assert {"mixed", "zbb"} <= set(SAMPLES)
    (upsilon,) = generate_sample("mixed", 5, seed=1)
    (z,) = generate_sample("zcc", 5, seed=1)
    assert set(upsilon.columns) == {"event_type"}
    assert set(z.columns) == {"flavour", "quark_x", "quark_y", "quark_z"}
    (lhc,) = generate_sample("bs_dspi", 5, seed=1)
    assert {"underlying_event", "decay_time_true", "flavour_produced"} < set(lhc.columns)


def test_an_unknown_sample_is_answered_with_the_known_ones():
    with pytest.raises(InputError, match=r"'tautau'.*mixed.*zbb"):
        generate_sample("tautau", 1, seed=1)
