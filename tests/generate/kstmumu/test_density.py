import hashlib
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.generate.kstmumu.density import (
    COEFFICIENTS,
    Q_SQUARED_LIMITS,
    TABLE_FILE,
    TABLE_UNIT,
    TEST_VALUES,
    TRAIN_VALUES,
    VARIABLES,
    WINDOWS,
    Window,
    angular_table,
    angular_table_with_directions,
    density_coefficients,
    density_terms,
    knot_weights,
    n_directions,
    rate,
    rate_coefficients,
    rate_terms,
    shifted_table,
)


def random_frame(n: int, seed: int) -> EventFrame:
    """Decays spread evenly over the phase space."""
    random = np.random.default_rng(seed)
    low, high = Q_SQUARED_LIMITS
    return EventFrame(
        {
            "q_squared": random.uniform(low, high, n),
            "costheta_mu": random.uniform(-1, 1, n),
            "costheta_K": random.uniform(-1, 1, n),
            "chi": random.uniform(-math.pi, math.pi, n),
        }
    )


def test_the_values_of_the_study_have_their_number_and_range() -> None:
    assert (len(TRAIN_VALUES), min(TRAIN_VALUES), max(TRAIN_VALUES)) == (44, -2.0, 1.1)
    assert (len(TEST_VALUES), min(TEST_VALUES), max(TEST_VALUES)) == (14, -2.0, 0.2)
    assert {0.0, -0.82} < set(TRAIN_VALUES)
    assert {0.0, -0.8} < set(TEST_VALUES)
    for values in (TRAIN_VALUES, TEST_VALUES):
        assert (np.diff(values) > 0).all()


def test_the_table_is_the_one_its_provenance_describes() -> None:
    provenance = json.loads(TABLE_FILE.with_suffix(".json").read_text())
    assert hashlib.sha256(TABLE_FILE.read_bytes()).hexdigest() == provenance["sha256"]
    assert provenance["unit_per_gev2"] == TABLE_UNIT
    assert provenance["coefficients"] == list(COEFFICIENTS)
    assert provenance["flavio"]
    masses = provenance["masses_gev"]
    limits = (4 * masses["mu"] ** 2, (masses["B0"] - masses["K*0"]) ** 2)
    assert limits == pytest.approx(Q_SQUARED_LIMITS, rel=1e-12)
    assert len(provenance["directions"]) == n_directions()
    assert angular_table().q_squared[[0, -1]] == pytest.approx(limits, abs=1e-6)


def test_no_density_is_negative_anywhere() -> None:
    terms = density_terms(random_frame(200_000, 1))
    for delta_c9 in (-3.0, -1.5, -0.8, 0.0, 1.1, 3.0):
        assert (terms @ [1, delta_c9, delta_c9**2]).min() > 0


def test_the_density_integrates_to_the_rate_over_the_angles() -> None:
    nodes, weights = np.polynomial.legendre.leggauss(12)
    chi = np.linspace(-math.pi, math.pi, 9)[1:]
    grid = np.meshgrid(nodes, nodes, chi, indexing="ij")
    weight = (weights[:, None, None] * weights[:, None] * np.full(8, 2 * math.pi / 8)).ravel()
    table = angular_table()
    for knot in (5, 150, 300, 500):
        frame = EventFrame(
            {
                "q_squared": np.full(weight.size, table.q_squared[knot]),
                **dict(zip(VARIABLES[1:], (axis.ravel() for axis in grid), strict=True)),
            }
        )
        # the root of sin²θ is no polynomial, but its integral against cos χ and sin χ vanishes
        assert weight @ density_terms(frame) == pytest.approx(rate(table.coefficients)[knot], rel=1e-10)


def test_density_coefficients_are_the_ratio_to_the_standard_model() -> None:
    frame, window = random_frame(1000, 2), WINDOWS["1-19"]
    beta, gamma, log_p0 = density_coefficients(frame, window).T
    b, c = rate_coefficients(window)
    terms, total = density_terms(frame), rate_terms(window)
    for delta_c9 in (-1.7, 0.4):
        powers = [1, delta_c9, delta_c9**2]
        ratio = (1 + beta * delta_c9 + gamma * delta_c9**2) / (1 + b * delta_c9 + c * delta_c9**2)
        assert np.exp(log_p0) * ratio == pytest.approx((terms @ powers) / (total @ powers), rel=1e-12)


def test_columns_may_have_a_prefix() -> None:
    frame = random_frame(10, 3)
    truth = EventFrame({f"truth_{name}": frame[name] for name in VARIABLES})
    window = WINDOWS["0-20"]
    assert np.array_equal(
        density_coefficients(frame, window), density_coefficients(truth, window, variables_prefix="truth_")
    )


@pytest.mark.parametrize(
    ("name", "value"), [("q_squared", 19.5), ("q_squared", 0.01), ("costheta_K", 1.01), ("chi", np.nan)]
)
def test_values_that_no_decay_has_are_refused(name: str, value: float) -> None:
    frame = random_frame(3, 4)
    column = frame[name].copy()
    column[1] = value
    with pytest.raises(InputError, match=f"{name} = "):
        density_terms(frame.with_columns(**{name: column}))


def test_single_precision_is_good_enough_at_the_ends_of_the_phase_space() -> None:
    ends = EventFrame(
        {
            "q_squared": np.array([*Q_SQUARED_LIMITS, 5.0], dtype=np.float32),
            "costheta_mu": np.array([1.0, -1.0, 1 + 2e-7], dtype=np.float32),
            "costheta_K": np.array([0.3, -1.0, 1.0], dtype=np.float32),
            "chi": np.array([math.pi, -math.pi, 0.0], dtype=np.float32),
        }
    )
    assert np.isfinite(density_coefficients(ends, WINDOWS["0-20"])).all()


def test_windows_know_their_vetoes_and_limits() -> None:
    window = WINDOWS["0-20"]
    assert window.contains(np.array([0.1, 9.5, 10.0, 13.5, 19.0, 25.0, np.nan])).tolist() == [
        True, False, True, False, True, False, False,
    ]  # fmt: skip
    assert window.segments() == [(Q_SQUARED_LIMITS[0], 9.0), (10.0, 13.0), (14.0, Q_SQUARED_LIMITS[1])]
    assert WINDOWS["1-19"].without_resonances().segments() == [(1.0, 8.9), (14.0, 19.0)]
    assert Window(2.0, 6.0, ()).segments() == [(2.0, 6.0)]


@pytest.mark.parametrize(
    ("low", "high", "vetoes"),
    [(3, 1, ()), (20, 30, ()), (1, 2, ((0, 5),)), (0, math.inf, ()), (0, 5, ((3, 2),))],
)
def test_windows_that_make_no_sense_are_refused(low: float, high: float, vetoes: tuple) -> None:
    with pytest.raises(InputError):
        Window(low, high, vetoes)


@given(low=st.floats(0, 10), width=st.floats(0.01, 10), veto=st.floats(0, 19), gap=st.floats(0.01, 3))
def test_knot_weights_integrate_straight_lines_exactly(
    low: float, width: float, veto: float, gap: float
) -> None:
    try:
        window = Window(low, low + width, ((veto, veto + gap),))
    except InputError:
        return
    knots = angular_table().q_squared
    exact = sum((high - low) + (high**2 - low**2) for low, high in window.segments())
    assert knot_weights(window) @ (1 + 2 * knots) == pytest.approx(exact, rel=1e-9, abs=1e-9)


def test_nuisances_change_the_table_linearly() -> None:
    base, one = shifted_table(), shifted_table([0.0, 1.0])
    two = shifted_table([0.0, 2.0])
    change = one.coefficients - base.coefficients
    assert np.abs(change).max() > 0.01
    assert two.coefficients - base.coefficients == pytest.approx(2 * change, abs=1e-12)
    directions = angular_table_with_directions().coefficients
    assert change == pytest.approx(directions[:, :, 6:9], abs=1e-12)
    with pytest.raises(InputError, match="at most"):
        shifted_table([0.0] * 99)
    with pytest.raises(InputError, match="-5 to 5"):
        shifted_table([7.0])


def test_the_table_lies_in_the_package() -> None:
    assert Path(TABLE_FILE).stat().st_size < 300_000
