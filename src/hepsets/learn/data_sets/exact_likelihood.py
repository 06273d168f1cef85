"""The exact likelihood of decays as the theory makes them: what no estimator can beat, without a detector."""

from __future__ import annotations

from hepsets.core.event_frame import EventFrame
from hepsets.generate.kstmumu.density import Window, density_coefficients, rate_coefficients
from hepsets.learn.data_sets.likelihood_estimator import LikelihoodEstimator
from hepsets.learn.data_sets.quadratic_likelihood import EventTerms, Rate


class ExactLikelihood(LikelihoodEstimator):
    """Maximum likelihood with the density that the decays were drawn from.

    On reconstructed events it is the likelihood of an ideal detector: biased where the detector is not.

    Parameters
    ----------
    window
        The window of q² that the decays fill.
    limits
        Least and greatest ΔC9 of fits.
    """

    def __init__(self, window: Window, limits: tuple[float, float] = (-3.0, 2.0)) -> None:
        super().__init__("exact", Rate(*rate_coefficients(window)), limits)
        self.window = window

    def terms(self, frame: EventFrame) -> EventTerms:
        """What of each decay enters the likelihood."""
        beta, gamma, _ = density_coefficients(frame, self.window).T
        return EventTerms(beta, gamma)
