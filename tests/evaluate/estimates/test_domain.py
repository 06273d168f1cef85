import re

import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
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


ROOM = EventDomain({"chi": (-3.0, 3.0), "q_squared": (1.0, 11.0)}, ((4.0, 5.0),), (-2.0, 1.0), (2002, 4000))


def inside_room(number):
    q_squared, chi = np.linspace(5.5, 10.5, number), np.linspace(-3, 3, number)
    return EventFrame({"q_squared": q_squared, "chi": chi})


def test_ranges_leave_out_a_hundred_thousandth_at_either_end():
    frame = EventFrame({"q_squared": np.linspace(1, 11, 100_001), "delta_c9": np.full(100_001, -1.0)})
    frame["delta_c9"][:2] = 0.5, np.nan
    found = EventDomain.of(frame, [(4, 5)], (10, 20), ["q_squared"])
    assert found.ranges == {"q_squared": (pytest.approx(1.0001), pytest.approx(10.9999))}
    assert (found.gaps, found.delta_c9, found.set_events) == (((4.0, 5.0),), (-1.0, 0.5), (10, 20))


def test_a_hundredth_of_the_range_beside_it_is_usable_and_so_are_the_ends_of_gaps():
    q_squared = np.array([0.89, 0.91, 4.0, 4.5, 5.0, 11.09, 11.11, np.nan, 6.0, 7.0])
    chi = np.where(q_squared == 6, np.inf, 9.0)
    kept = ROOM.usable(EventFrame({"q_squared": q_squared, "chi": chi}))
    assert kept["q_squared"].tolist() == [0.91, 4, 5, 11.09, 7]
    with pytest.raises(InputError, match=r"2 events, none.*q² from 1 to 11 GeV², not within 4 to 5"):
        ROOM.usable(EventFrame({"q_squared": np.array([4.5, 20.0]), "chi": np.zeros(2)}))
    with pytest.raises(
        InputError, match=r"without chi, q_squared \(they have mass, x\).*columns chi, q_squared"
    ):
        ROOM.usable(EventFrame({"mass": np.zeros(2), "x": np.zeros(2)}))


def changed(frame, name, values):
    frame[name][: len(values)] = values
    return frame


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (inside_room(3000), None),
        (changed(inside_room(3000), "chi", [3.1, -3.1, 4]), None),
        (
            changed(inside_room(3000), "chi", [3.1, -3.1, 4, 5]),
            "0.133 % of the events have chi outside of the training range -3 to 3.",
        ),
        (
            inside_room(3000).with_columns(chi=np.linspace(4, 5, 3000)),
            "100 % of the events have chi outside of the training range -3 to 3.",
        ),
        (inside_room(3000)[np.r_[0:2997, 0:3]], None),
        (
            inside_room(3000)[np.r_[0:2996, 0:4]],
            "4 events repeat another one: intervals of a bootstrapped sample are too short.",
        ),
        (
            changed(inside_room(3000), "q_squared", [4.5]),
            "1 of 3000 events are left out: not finite, or in q² that the model was not trained on.",
        ),
        (inside_room(999), "999 events are few: the interval is exact only for many."),
        (inside_room(1000), "1000 events are fewer than the model was judged with (2002)."),
        (inside_room(1001), None),
        (inside_room(8000), None),
        (
            inside_room(8001),
            "8001 events are more than the model was judged with (4000): its small errors, and "
            "the finite simulation behind it, may exceed the interval.",
        ),
    ],
)
def test_warnings_begin_where_they_say(frame, said):
    assert ROOM.warnings(frame) == (() if said is None else (said,))


def test_an_interval_may_reach_the_end_of_the_training_range():
    assert ROOM.warnings_of_fit(-0.5, -2.0, 1.0) == ()
    for value, low, high in ((-2.0, -2.1, 0.0), (1.0, 0.0, 1.1)):
        (said,) = ROOM.warnings_of_fit(value, low, high)
        assert said == "The interval of ΔC9 lies beyond the training range -2 to 1."
    assert ROOM.warnings_of_fit(1.1, 0.0, 1.2) == ("ΔC9 lies beyond the training range -2 to 1.",)
    assert ROOM.warnings_of_fit(-2.1, -2.2, 0.0)[0].startswith("ΔC9 lies")


def test_a_domain_of_another_schema_is_damaged(tmp_path):
    path = tmp_path / "domain.json"
    ROOM.write(path)
    assert EventDomain.read(path) == ROOM
    path.write_text(path.read_text().replace("event-domain-1", "event-domain-9"))
    with pytest.raises(InputError, match=r"domain\.json is damaged.*hepsets-event-domain-1"):
        EventDomain.read(path)
    with pytest.raises(InputError, match=r"no file .*other\.json.*training events"):
        EventDomain.read(tmp_path / "other.json")
