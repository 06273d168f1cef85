"""A whole run of B_s → D_sπ on candidates out of a hat, whose numbers are known."""

from __future__ import annotations

import dataclasses
import json

import pyarrow.parquet as pq
import pytest
from helpers.json_schema import problems, result_schema
from helpers.redrawn import redrawn
from helpers.shown import says_and_draws
from helpers.tiny_run import tiny_run
from helpers.toy_bs_candidates import MEAN, WIDTH, toy_samples

from hepsets.analyses import bs_dspi
from hepsets.analyses.bs_dspi import Config
from hepsets.analyses.bs_dspi.config import (
    ClassifierConfig,
    CutConfig,
    DataConfig,
    FitConfig,
    IsolationStep,
    check,
)
from hepsets.analyses.bs_dspi.figures.selection import scan_figure
from hepsets.analyses.bs_dspi.samples import Samples
from hepsets.analyses.bs_dspi.summary import markdown
from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.learn.particle_sets.isolation import IsolationConfig
from hepsets.learn.tables.boosted_trees import BoostedTreesConfig
from hepsets.learn.training.config import FitConfig as TrainingConfig

TINY = Config(
    scale="quick",
    classifier=ClassifierConfig(folds=2, trees=BoostedTreesConfig(trees=40, patience=10, depth=3, threads=1)),
    fit=FitConfig(toys=4),
    isolation=IsolationStep(candidates=200, network=IsolationConfig(units=4, fit=TrainingConfig(epochs=1))),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    patched = pytest.MonkeyPatch()
    patched.setattr(
        "hepsets.analyses.bs_dspi.analysis.get_samples", lambda *_, **__: Samples(*_ordered(*toy_samples()))
    )
    run = tiny_run(bs_dspi, "bs-dspi", TINY, tmp_path_factory)
    patched.undo()
    return run


def _ordered(simulated, yields, data):
    return simulated, yields, 0.001, data


def test_a_run_keeps_to_the_schema_and_has_all_that_was_promised(made):
    folder, _ = made
    record = json.loads((folder / "result.json").read_text())
    assert problems(record, result_schema()) == []
    assert {"classifier", "published", "fit_before", "fit_after", "cut", "fom", "fom_se", "toys"} <= set(
        record["metrics"]
    )


def test_the_fit_finds_the_decays_that_are_there_at_their_mass(made):
    _, result = made
    for fit in (result.fits.before, result.fits.after):
        assert fit.truth > 100
        assert abs(fit.signal.value - fit.truth) < 4 * fit.signal.se
        assert abs(fit.mean.value - MEAN) < 4 * fit.mean.se
        assert fit.sigma.value == pytest.approx(WIDTH, rel=0.3)
        assert fit.at_limits == ()
        assert 0.4 < fit.goodness.chi2_per_ndf < 1.8


def test_the_cuts_that_were_chosen_lie_on_the_curve_that_is_drawn(made):
    _, result = made
    chosen, tight = result.cuts.chosen, result.cuts.tight
    curve = scan_figure(chosen, tight).axes[1].lines[0]
    for one in (chosen, tight):
        distance = abs(curve.get_xdata() - one.efficiency.value) + abs(
            curve.get_ydata() - one.false_rate.value
        )
        assert one.false_rate.value == 0 or distance.min() < 1e-9


def test_each_candidate_is_kept_with_its_scores_and_whether_it_is_selected(made):
    folder, result = made
    data = pq.read_table(folder / "predictions" / "data.parquet")
    chosen = data["is_selected"].to_numpy()
    assert 0 < chosen.sum() < len(chosen)
    assert (data["boosted_trees"].to_numpy()[chosen] >= result.cuts.chosen.threshold - 1e-6).all()
    assert {"event_number", "bs_mass", "fold", "mass_blind_trees"} <= set(data.column_names)
    assert (folder / "predictions" / "bs_dspi.parquet").exists()


def test_the_cut_keeps_most_of_the_signal_and_little_else(made):
    _, result = made
    assert result.signal_efficiency.value > 0.6
    assert result.fits.after.s_over_b.value > 3 * result.fits.before.s_over_b.value
    assert result.cuts.tight.factor.value >= result.cuts.chosen.factor.value
    assert result.cuts.tight.efficiency.value >= TINY.cut.best_efficiency - 0.05
    assert result.samples.kept["b0_dpi"].value < 0.5 * result.samples.kept["bs_dspi"].value  # by the vetoes


def test_the_figure_of_merit_and_the_efficiency_are_those_of_vetoes_and_cut_together(made):
    folder, result = made
    cut = result.cuts.chosen
    assert cut.efficiency.value == pytest.approx(result.signal_efficiency.value)
    assert cut.scan.efficiency[cut.scan.best] == pytest.approx(result.signal_efficiency.value)
    assert cut.expected_physical.value > 10
    assert "of it physical, of which simulation says" in (folder / "report.html").read_text()


def test_toys_that_did_not_come_out_are_counted(made):
    folder, result = made
    told = json.loads((folder / "result.json").read_text())["metrics"]["toys"]
    assert (told["count"], told["failed"]) == (result.fits.after.toys.count, result.fits.after.toys.failed)
    assert told["count"] + told["failed"] == TINY.fit.toys


def test_a_mean_that_is_held_is_not_told_as_measured(made):
    folder, result = made
    assert json.loads((folder / "result.json").read_text())["metrics"]["fit_after"]["held"] == []
    held = dataclasses.replace(result.fits.before, held=("mean", "width_scale"))
    told = dataclasses.replace(result, fits=dataclasses.replace(result.fits, before=held))
    assert told.metrics["fit_before"]["held"] == ["mean", "width_scale"]
    assert "(held)" in markdown(told).splitlines()[2]
    assert "(held)" not in markdown(result).splitlines()[2]


def test_combinations_that_do_not_know_their_mass_are_not_sculpted(made):
    _, result = made
    assert {"boosted_trees", "mass_blind_trees"} == set(result.checks.sculpting)
    assert all(one.p_value > 1e-3 for one in result.checks.sculpting.values())


def test_each_fault_of_the_published_version_stands_beside_its_number(made):
    folder, result = made
    faults = {fault.number: fault for fault in result.published.faults}
    area = faults["area under the ROC curve"]
    assert area.published.value > area.done_right.value
    emptied = faults["share of the sideband that the cut keeps"]
    assert emptied.published.value < emptied.done_right.value
    page = (folder / "report.html").read_text()
    assert all(fault.name in page for fault in result.published.faults)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"cut": CutConfig(sideband=(5.6, 6.0))}, "a sideband that is not fitted"),
        ({"fit": FitConfig(window=(5.8, 5.3))}, "a lower end below"),
        ({"fit": FitConfig(window=(5.4, 5.8))}, "a range with the peak"),
        ({"classifier": ClassifierConfig(sideband=(5.35, 5.5))}, "a sideband without the peak"),
        (
            {"data": DataConfig(train=("signal=a", "data=b")), "fit": FitConfig(blind="word")},
            "a figure that needs no signal",
        ),
        ({"classifier": ClassifierConfig(trees=BoostedTreesConfig(seed=3))}, "one seed for the run"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_made(changed, said):
    with pytest.raises(InputError, match=said):
        check(dataclasses.replace(TINY, **changed))


@pytest.fixture(scope="module")
def of_files(tmp_path_factory):
    """A run on ntuples of two files, whose masses are in MeV."""
    folder = tmp_path_factory.mktemp("ntuples")
    simulated, _, data = toy_samples()
    names = {
        "Bs_M": ("bs_mass", 1e3),
        "Bs_PT": ("bs_pt", 1e3),
        "Bs_IPCHI2_OWNPV": ("bs_ip_chi2", 1),
        "Bs_FDCHI2_OWNPV": ("bs_flight_chi2", 1),
        "Bs_DIRA_OWNPV": ("bs_dira", 1),
        "Ds_M": ("ds_mass", 1e3),
        "Pi_ProbNNpi": ("bachelor_prob_nn_pi", 1),
        "Pi_IPCHI2_OWNPV": ("bachelor_ip_chi2", 1),
        "eventNumber": ("underlying_event", 1),
    }
    for role, sets in (("signal", simulated["bs_dspi"].candidates), ("data", data)):
        table = {theirs: sets.columns[ours] * scale for theirs, (ours, scale) in names.items()}
        EventFrame(table).write_parquet(folder / f"{role}.parquet")
    files = tuple(f"{role}={folder / role}.parquet" for role in ("signal", "data"))
    config = dataclasses.replace(
        TINY, data=DataConfig(train=files), fit=FitConfig(toys=0), studies=(), seed=2
    )
    return tiny_run(bs_dspi, "bs-dspi", config, tmp_path_factory)


def test_a_users_ntuples_are_fitted_with_what_columns_they_have(of_files):
    folder, result = of_files
    record = json.loads((folder / "result.json").read_text())
    assert problems(record, result_schema()) == []
    assert not {"published", "toys", "delta_ms"} & set(record["metrics"])
    assert abs(result.fits.after.mean.value - MEAN) < 4 * result.fits.after.mean.se
    assert result.fits.after.truth == -1
    assert result.fits.after.s_over_b.value > result.fits.before.s_over_b.value
    assert result.checks.sideband is None
    assert "note: data: no momenta of all tracks" in markdown(result)


def test_a_report_is_drawn_again_byte_by_byte(of_files, tmp_path, monkeypatch):
    folder, result = of_files
    first, again = redrawn(folder, bs_dspi, tmp_path, monkeypatch)
    assert first == again
    assert "before the cut" in markdown(result)


def test_its_result_tells_the_headline_with_errors_and_draws_it(made):
    says_and_draws(made[1])
