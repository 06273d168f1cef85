import numpy as np
import pytest

from hepsets.generate.kstmumu.bound import cramer_rao_bound
from hepsets.generate.kstmumu.density import WINDOWS
from hepsets.generate.kstmumu.likelihood import fit_exact, log_likelihood
from hepsets.generate.kstmumu.sampler import sample_decays
from hepsets.learn.data_sets.exact_likelihood import ExactLikelihood


def test_it_agrees_with_the_likelihood_of_the_theory():
    window = WINDOWS["1-19"]
    frame = sample_decays(3000, -0.8, 1, window=window)
    model = ExactLikelihood(window)
    points = np.array([-1.2, -0.8, -0.3])
    ours, theirs = model.log_likelihood(frame, points), log_likelihood(frame, points, window)
    assert ours - ours[0] == pytest.approx(theirs - theirs[0], abs=1e-6)
    fit, other = model.infer(frame), fit_exact(frame, window)
    assert fit.value == pytest.approx(other.value, abs=1e-3)
    assert (fit.high - fit.low) / 2 == pytest.approx(other.se, rel=0.05)


def test_it_reaches_the_bound():
    window = WINDOWS["0-20"]
    frame = sample_decays(400_000, -0.8, 2, window=window)
    values = ExactLikelihood(window).predict(frame, np.arange(0, 400_001, 4000))
    assert values.std() == pytest.approx(cramer_rao_bound(-0.8, window, 4000), rel=0.25)
    assert abs(values.mean() + 0.8) < 4 * values.std() / 10
