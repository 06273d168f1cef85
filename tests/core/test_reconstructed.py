"""Names of track parameters and their covariance."""

from hepsets.core.reconstructed import COVARIANCE, KIND_NAMES, NEUTRAL_HADRON, ORIGIN_NAMES, TRACK_PARAMETERS


def test_the_covariance_is_the_lower_triangle_row_by_row():
    assert COVARIANCE[:6] == (
        "cov_d0_d0", "cov_d0_phi", "cov_phi_phi", "cov_d0_omega", "cov_phi_omega", "cov_omega_omega",
    )  # fmt: skip
    assert len(COVARIANCE) == len(set(COVARIANCE)) == 15
    assert [f"cov_{name}_{name}" for name in TRACK_PARAMETERS] == [COVARIANCE[i] for i in (0, 2, 5, 9, 14)]


def test_every_kind_and_origin_has_a_name():
    assert KIND_NAMES[NEUTRAL_HADRON] == "neutral hadron"
    assert (len(KIND_NAMES), len(ORIGIN_NAMES)) == (5, 6)
