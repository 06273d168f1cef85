"""Trainings of a smart-background run: several of each model, on users' files, and what is said of them."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from helpers.random_events import muon_label, random_events
from helpers.tiny_run import tiny_run
from helpers.toy_corpus import toy_trunk

from hepsets.analyses import smart_background
from hepsets.analyses.smart_background import SCALES, Config
from hepsets.analyses.smart_background import training as one_training
from hepsets.analyses.smart_background.config import (
    OUR_FIT,
    OURS,
    PUBLISHED,
    DataConfig,
    FitChanges,
    check,
    fit_config,
    task_of,
)
from hepsets.analyses.smart_background.ranking import markdown, verdict
from hepsets.analyses.smart_background.samples import content_keys, get_samples
from hepsets.analyses.smart_background.training import Lesson, Training, train_all
from hepsets.core import config as configuration
from hepsets.core.errors import InputError
from hepsets.core.events import EventWriter
from hepsets.core.purpose import Purpose
from hepsets.evaluate.scores.paired import Influenced, Repeated
from hepsets.learn.training.config import FitConfig
from hepsets.learn.training.losses import ComputingTime
from hepsets.learn.training.task import Binary

MODELS = ("deep_sets", "deep_sets_pdg")


def own_file(path: Path, number: int, seed: int) -> str:
    """A file of a user, with a label that the particles tell."""
    events = random_events(number, seed=seed, mean_particles=10)
    with EventWriter(path) as writer:
        writer.write(events.with_columns(label=muon_label(events).astype(bool)))
    return str(path)


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    return Config(
        scale="quick",
        data=DataConfig(
            train=(own_file(folder / "train.parquet", 600, 1),),
            test=(own_file(folder / "test.parquet", 600, 2),),
        ),
        models=MODELS,
        training_seeds=2,
        fit=FitChanges(epochs=3, least_steps=0, learning_rate=0.01, device="cpu"),
    )


@pytest.fixture(scope="module")
def finished(config, tmp_path_factory):
    return tiny_run(smart_background, "smart-background", config, tmp_path_factory)


# -- settings --------------------------------------------------------------------------------------


def settled(*pairs: str, scale: str = "standard") -> Config:
    values = configuration.merge(SCALES[scale], configuration.parse_overrides(pairs))
    return configuration.from_mapping(Config, values)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", [*PUBLISHED, OURS])
def test_what_a_user_says_of_training_reaches_every_model(scale, name):
    assert fit_config(settled("fit.epochs=1", scale=scale), name).epochs == 1


def test_each_model_keeps_of_its_own_training_what_nobody_spoke_of():
    ours = fit_config(settled("fit.epochs=1"), OURS)
    assert ours == dataclasses.replace(OUR_FIT, epochs=1, seed=1)
    assert fit_config(settled(), OURS) == dataclasses.replace(OUR_FIT, seed=1)
    assert fit_config(settled(), "deep_sets").epochs == 10


def test_what_is_said_of_one_model_is_above_what_is_said_of_all():
    config = settled("fit.epochs=2", f"fit_of.{OURS}.epochs=5", f"fit_of.{OURS}.batch=64")
    found = fit_config(config, OURS)
    assert (found.epochs, found.batch, found.schedule) == (5, 64, OUR_FIT.schedule)
    assert fit_config(config, "deep_sets").epochs == 2


def test_seeds_of_single_models_are_no_setting():
    with pytest.raises(InputError, match=r"unknown key 'fit\.seed'"):
        settled("fit.seed=3")


@pytest.mark.parametrize("study", ["skims", "few_labels"])
def test_studies_of_our_own_skims_are_refused_for_users_files(config, study):
    with pytest.raises(InputError, match="files of your own"):
        check(dataclasses.replace(config, studies=(study,)))


# -- trainings -------------------------------------------------------------------------------------


def test_events_that_stand_twice_are_trained_on_or_held_out_with_their_copies(config, tmp_path):
    once = random_events(300, seed=4, mean_particles=6)
    events = once[np.concatenate([np.arange(300), np.arange(150)])]
    events = events.with_columns(label=muon_label(events).astype(bool)).used_for(Purpose.TRAINING)
    keys = content_keys(events)
    short = dataclasses.replace(config, fit=dataclasses.replace(config.fit, epochs=1))
    for _ in range(2):  # trained, then read
        _, result = one_training.train(short, "deep_sets", events, tmp_path)
        assert not np.isin(keys[result.validation_indices], keys[result.train_indices]).any()
        assert len(result.validation_indices) + len(result.train_indices) == 450


class Begun(Exception):  # noqa: N818 (nothing is wrong)
    """Ends a training where it would begin."""


@pytest.fixture
def given(monkeypatch, tmp_path):
    """What the training of a model is given, seen without training anything."""
    events = random_events(200, seed=3, mean_particles=6)
    label = muon_label(events).astype(bool)
    passes = np.random.default_rng(1).binomial(4, np.where(label, 0.6, 0.1))
    weight = np.where(label, 1.0, 9.0)
    events = events.with_columns(label=label, passes=passes, weight=weight).used_for(Purpose.TRAINING)

    def begin(model, events, targets, weights, *, config, task, progress, checkpoint, validation):
        raise Begun(SimpleNamespace(**locals()))

    monkeypatch.setattr(one_training, "fit", begin)

    def of(config: Config, name: str, **options) -> SimpleNamespace:
        with pytest.raises(Begun) as begun:
            one_training.train(config, name, events, tmp_path, **options)
        return begun.value.args[0]

    return of


def test_published_models_learn_labels_and_ours_how_often_an_event_passes(given):
    published, ours = given(Config(), "deep_sets").targets, given(Config(), OURS).targets
    assert set(published) == {0.0, 1.0}
    assert len(set(ours)) > 3
    assert np.corrcoef(published, ours)[0, 1] > 0.5


def test_trainings_differ_in_seed_and_first_weights_but_not_in_their_split(given):
    config = Config(seed=4)
    first, second = (given(config, "deep_sets", training=Training("deep_sets", n)) for n in (0, 1))
    assert (first.config.split_seed, second.config.split_seed) == (4, 4)
    assert first.config.seed == first.model.config.seed == 4
    assert second.config.seed == second.model.config.seed != 4


def test_a_model_is_trained_for_what_the_run_says_and_a_lesson_above_it(given):
    assert given(Config(), "deep_sets").task == Binary()
    for_time = Config(fit_of={"deep_sets": FitChanges(loss="computing_time")})
    assert given(for_time, "deep_sets").task == Binary(ComputingTime())
    assert given(for_time, "transformer").task == Binary()
    lesson = Lesson(np.zeros(200), np.arange(200.0), task=Binary())
    found = given(for_time, "deep_sets", lesson=lesson)
    assert found.task == Binary()
    assert found.targets is lesson.targets
    assert found.weights is lesson.weights


def test_a_calibration_takes_labels_and_weights_of_the_held_out_events(monkeypatch):
    seen = {}

    def calibrate(model, events, labels, weights):
        seen.update(events=events, labels=labels, weights=weights)

    monkeypatch.setattr(one_training, "calibrate_model", calibrate)
    held_out = np.array([7, 2, 5])
    result = SimpleNamespace(validation_indices=held_out, validation=lambda events: events[held_out])
    lesson = Lesson(np.zeros(10), labels=np.arange(10) % 2 == 0, label_weights=np.arange(10.0))
    assert one_training._calibrated(None, np.arange(10), lesson, result) == ""
    assert seen["events"].tolist() == held_out.tolist()
    assert seen["labels"].tolist() == [False, True, False]
    assert seen["weights"].tolist() == [7.0, 2.0, 5.0]
    seen.clear()
    assert one_training._calibrated(None, np.arange(10), Lesson(np.zeros(10)), result) == ""
    assert not seen


@pytest.mark.validate
def test_models_do_not_depend_on_how_many_are_trained_at_once(config, finished, tmp_path):
    folder, _ = finished  # was trained one after the other
    samples = get_samples(config, tmp_path)
    trainings = [Training(name, number) for number, name in enumerate(MODELS)]
    train_all(config, trainings, samples, tmp_path, workers=2)
    for training in trainings:
        one, other = (training.path(where) for where in (folder / "models", tmp_path))
        name = one.name + ".safetensors"
        assert one.with_name(name).read_bytes() == other.with_name(name).read_bytes()
    assert not list(tmp_path.glob("*.parquet"))


def test_trainings_of_a_model_differ_in_weights_and_share_their_events(finished):
    _, result = finished
    for model in result.models:
        first, second = model.fits
        assert first.train_loss[0] != second.train_loss[0]
        assert first.validation_events == second.validation_events
        assert model.aucs.trainings[0].value == pytest.approx(model.classification.auc.value)


def test_spreads_errors_of_choices_and_neighbours_stand_beside_the_metrics(finished):
    folder, result = finished
    metrics = json.loads((folder / "result.json").read_text())["metrics"]
    for row, model in zip(metrics["models"], result.models, strict=True):
        values = [each["auc"] for each in row["trainings"]]
        assert row["training_seeds"] == len(values) == 2
        assert row["auc"] == pytest.approx(values[0])
        assert row["auc_mean"] == pytest.approx(np.mean(values))
        assert row["auc_seed_spread"] == pytest.approx(np.std(values, ddof=1)) != 0
        assert row["max_speedup_choice_se"] > 0
        assert row["max_speedup_se"] > row["max_speedup_choice_se"]
        assert row["importance_speedup_se"] > row["importance_speedup_choice_se"]
        assert row["converged"] is False
        assert set(row["auc_indistinguishable"]) <= set(MODELS) - {model.name}


def test_a_training_that_was_cut_short_is_told_in_log_page_and_summary(finished, capsys):
    folder, result = finished
    log, page = (folder / "log.txt").read_text(), (folder / "report.html").read_text()
    for name in (*MODELS, *(f"{name}_2" for name in MODELS)):
        assert f"WARNING {name} has not converged" in log
    assert "Not converged, and better with more training: deep_sets, deep_sets_pdg" in page
    smart_background.print_summary(result)
    out = capsys.readouterr().out
    assert "Not converged" in " ".join(out.split())
    assert "…" not in out  # no number is cut
    places = [line.split()[0] for line in out.splitlines() if line.split() and line.split()[0].isdigit()]
    assert places == [str(place) for place in range(1, len(MODELS) + 1)]


def test_a_training_that_went_on_for_long_gives_no_warning(config, tmp_path, caplog):
    longer = dataclasses.replace(config.fit, epochs=100, patience=0.1, schedule="settle")
    long = dataclasses.replace(config, fit=longer)
    training = Training("deep_sets_pdg")
    with caplog.at_level("WARNING"):
        ((_, fitted),) = train_all(long, [training], get_samples(config, tmp_path), tmp_path)
    assert fitted.converged is True
    assert "converged" not in caplog.text


# -- what is said ----------------------------------------------------------------------------------


def test_pages_of_users_files_say_nothing_of_our_samples_skims_and_detector(finished):
    folder, _ = finished
    page = (folder / "report.html").read_text()
    text = re.sub(r"<svg.*?</svg>|<style.*?</style>|<script.*?</script>", "", page, flags=re.DOTALL)
    for word in ("hadronic", "mixed", "Pythia", "semileptonic", "jpsi", "Belle", "parametric", "tag"):
        assert word not in re.sub(r"</?[a-z][^>]*>", " ", text), word


def test_a_retention_that_was_set_is_shown_as_set_and_has_no_error(finished):
    folder, _ = finished
    metrics = json.loads((folder / "result.json").read_text())["metrics"]
    assert metrics["retention"] == {"label": {"value": 0.05, "se": 0.0}}
    assert metrics["retention_is_set"] is True
    page = (folder / "report.html").read_text()
    assert "0.05 (set" in page
    assert "0.0500 ± " not in page


def test_a_retention_that_training_weights_tell_is_measured(config, tmp_path):
    """Rules are made with it, so test events have no say."""
    events = random_events(400, seed=5, mean_particles=5)
    label = muon_label(events).astype(bool)
    path = tmp_path / "weighted.parquet"
    with EventWriter(path) as writer:
        writer.write(events.with_columns(label=label, weight=np.where(label, 1.0, 9.0)))
    data = dataclasses.replace(config.data, train=(str(path),))
    samples = get_samples(dataclasses.replace(config, data=data), tmp_path)
    assert not samples.retention_is_set
    share = label.sum() / (label.sum() + 9 * (~label).sum())
    assert samples.retention.value == pytest.approx(share)
    assert samples.retention.se > 0
    data = dataclasses.replace(config.data, test=(str(path),))
    assert get_samples(dataclasses.replace(config, data=data), tmp_path).retention_is_set


def with_aucs(result, *values: float, shifts=(-0.001, 0.001)):
    """The same models with other AUCs, each known to 0.01; each training is shifted."""
    influence = np.zeros(1)
    return tuple(
        dataclasses.replace(
            model,
            name=f"model_{at}",
            aucs=Repeated(tuple(Influenced(value + shift, influence, 0.007) for shift in shifts)),
        )
        for at, (model, value) in enumerate(zip((*result.models, *result.models), values, strict=False))
    )


def test_no_model_is_called_best_that_is_not_above_the_next_by_two_errors(finished):
    _, result = finished
    level = with_aucs(result, 0.70, 0.80, 0.81)
    assert "none is best: model_2 and model_1 cannot be told apart" in verdict(level)
    assert "**" not in markdown(level, None)
    clear = with_aucs(result, 0.70, 0.80, 0.85)
    assert "model_2 separates best" in verdict(clear)
    first, second, third = markdown(clear, None).splitlines()[2:5]
    assert first.startswith("| 1 | **`model_2`")
    assert "**" not in second + third


def test_no_model_is_called_best_that_was_trained_once(finished):
    _, result = finished
    once = with_aucs(result, 0.70, 0.80, 0.85, shifts=(0.0,))
    assert verdict(once).startswith("3 models were trained once each, so none is called best")
    assert "cannot be told apart" not in verdict(once)
    assert "**" not in markdown(once, None)
    level = with_aucs(result, 0.70, 0.80, 0.81, shifts=(0.0,))
    assert "At the top model_2 and model_1 cannot be told apart" in verdict(level)


def test_the_table_of_the_run_names_neighbours_by_their_rows(finished):
    folder, result = finished
    assert (folder / "table.md").read_text() == markdown(result.models, None)
    rows = markdown(with_aucs(result, 0.70, 0.80, 0.81), None).splitlines()[2:5]
    assert [row.split("|")[-2].strip() for row in rows] == ["2", "1", ""]


def test_changes_say_all_that_a_training_has_but_its_seeds_and_what_for() -> None:
    names = {field.name for field in dataclasses.fields(FitConfig)}
    own = {field.name for field in dataclasses.fields(FitChanges)}
    assert own - {"loss", "costs"} == names - {"seed", "split_seed"}
    base = FitConfig(epochs=4, batch=64)
    assert FitChanges().on(base) == base
    assert FitChanges(epochs=3, weight_decay=0.0).on(FitConfig(weight_decay=0.1)) == FitConfig(epochs=3)
    config = Config(
        fit=FitChanges(loss="computing_time"), fit_of={"deep_sets": FitChanges(loss="cross_entropy")}
    )
    assert task_of(config, OURS) == Binary(ComputingTime())
    assert task_of(config, "deep_sets") == Binary()


def test_a_run_with_a_trunk_trains_its_head_alone_and_others_from_scratch(tmp_path):
    events = random_events(80, seed=1, mean_particles=8)
    events = events.with_columns(label=muon_label(events))
    trunk = toy_trunk(events)
    trunk.save(tmp_path / "trunk.safetensors")
    config = Config(models=("tree_encoder",), trunk=str(tmp_path / "trunk.safetensors"), tune="head")
    settings = FitConfig(epochs=1, batch=32, device="cpu")
    model, _ = one_training.train(config, "tree_encoder", events, tmp_path, settings=settings)
    for name, tensor in trunk.encoder.state_dict().items():
        assert (model.network.encoder.state_dict()[name] == tensor).all()
    assert model.config.units == trunk.config.units
