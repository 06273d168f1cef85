import re

import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.evaluate.estimates.domain import EventDomain
from hepsets.generate.kstmumu.density import WINDOWS
from hepsets.generate.kstmumu.sampler import sample_decays

WINDOW = WINDOWS["1-19"]


@pytest.fixture(scope="module")
def domain():
    training = sample_decays(50_000, -1.0, 1, window=WINDOW)
    training["delta_c9"][:25_000] = 0.5
    return EventDomain.of(training, WINDOW.vetoes, (4_000, 16_000))


@pytest.fixture
def data():
    return sample_decays(5_000, -0.5, 2, window=WINDOW)


def test_events_like_those_of_training_raise_no_warning(domain, data):
    assert domain.warnings(data) == ()
    assert len(domain.usable(data)) == 5_000
    assert domain.warnings_of_fit(-0.5, -0.6, -0.4) == ()


def test_events_that_training_never_had_are_left_out_with_a_warning(domain, data):
    broken = data.with_columns(q_squared=data["q_squared"].copy(), chi=data["chi"].copy())
    broken["q_squared"][:30] = 9.5
    broken["q_squared"][30:40] = 0.3
    broken["chi"][40] = np.nan
    assert len(domain.usable(broken)) == 4_959
    (warning,) = domain.warnings(broken)
    assert "41 of 5000" in warning


def test_another_unit_is_an_error(domain, data):
    with pytest.raises(InputError, match="units"):
        domain.usable(data.with_columns(q_squared=1e6 * data["q_squared"]))


def test_angles_in_another_convention_are_noticed(domain, data):
    (warning,) = domain.warnings(data.with_columns(chi=data["chi"] + np.pi))
    assert "chi" in warning


def test_repeated_events_are_noticed(domain, data):
    random = np.random.default_rng(3)
    (warning,) = domain.warnings(data[random.integers(0, 5_000, 5_000)])
    assert "repeat" in warning


def test_numbers_of_events_far_from_those_judged_are_noticed(domain, data):
    assert "are few" in domain.warnings(data[:200])[0]
    assert "fewer than" in domain.warnings(data[:1500])[0]
    many = sample_decays(40_000, -0.5, 4, window=WINDOW)
    assert "more than the model was judged with" in domain.warnings(many)[0]


def test_results_beyond_training_are_noticed(domain):
    assert "The interval" in domain.warnings_of_fit(0.4, 0.3, 0.6)[0]
    assert domain.warnings_of_fit(-1.5, -1.6, -1.4)[0].startswith("ΔC9 lies beyond")


def test_missing_columns_are_named(domain, data):
    with pytest.raises(InputError, match="without chi"):
        domain.usable(data.select_columns(["q_squared", "costheta_mu", "costheta_K"]))


def test_a_file_holds_the_domain(domain, tmp_path):
    domain.write(tmp_path / "domain.json")
    assert EventDomain.read(tmp_path / "domain.json") == domain
    text = (tmp_path / "domain.json").read_text()
    (tmp_path / "domain.json").write_text(re.sub(r"\d+\.\d+", "NaN", text, count=1))
    with pytest.raises(InputError, match="not finite"):
        EventDomain.read(tmp_path / "domain.json")
    (tmp_path / "domain.json").write_text("{}")
    with pytest.raises(InputError, match="damaged"):
        EventDomain.read(tmp_path / "domain.json")
    with pytest.raises(InputError, match="no file"):
        EventDomain.read(tmp_path / "nothing.json")
