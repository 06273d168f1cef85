"""ΔC9 from a user's events: right on average, honest about what limits it, hard to mislead."""

import dataclasses
import json
import re
import shutil

import numpy as np
import pytest
from helpers.model_contract import CODE_WRITERS, assert_loading_never_executes_code
from helpers.tiny_delta_c9 import among_background, decays, tiny_model, tiny_run

from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.deploy.delta_c9 import (
    CARD,
    DeltaC9Inference,
    choose,
    models_of,
    models_that_fit,
    read_events,
)
from hepsets.evaluate.estimates.summary import interval
from hepsets.generate.kstmumu.bound import cramer_rao_bound
from hepsets.generate.kstmumu.density import VARIABLES, WINDOWS
from hepsets.generate.kstmumu.likelihood import fit_exact

TRUE = -0.8


@pytest.fixture(scope="module")
def model() -> DeltaC9Inference:
    return tiny_model()


@pytest.fixture(scope="module")
def events() -> EventFrame:
    return decays(4000, TRUE, 7).select_columns(VARIABLES)


def changed(frame: EventFrame, name: str, value: float, rows: slice = slice(0, 3)) -> EventFrame:
    column = frame[name].astype(np.float64)
    column[rows] = value
    return frame.with_columns(**{name: column})


def test_estimates_agree_with_the_exact_likelihood(model):
    bound = cramer_rao_bound(TRUE, WINDOWS["0-20"], 4000)
    differences, pulls = [], []
    for seed in range(20, 32):
        frame = decays(4000, TRUE, seed)
        found, exact = model.infer(frame), fit_exact(frame, WINDOWS["0-20"])
        differences.append(found.delta_c9 - exact.value)
        pulls.append((found.delta_c9 - TRUE) / (found.interval68[1] - found.interval68[0]) * 2)
    assert abs(np.mean(differences)) < 0.5 * bound
    assert np.std(differences) < bound
    assert abs(np.mean(pulls)) < 4 / np.sqrt(len(pulls))
    assert 0.4 < np.std(pulls) < 1.9


def test_good_events_give_no_warning_and_all_that_limits_the_result(model, events):
    found = model.infer(events)
    assert found.warnings == ()
    assert found.verdict.answer == "yes"
    low, high = found.interval68
    least, most = found.interval95
    assert least < low < found.delta_c9 < high < most
    assert (most - least) / (high - low) == pytest.approx(1.96, rel=0.06)
    assert found.events == found.events_given == 4000
    assert found.background_fraction is None
    assert 0 < found.simulation_se < high - low
    assert found.theory["total"] == pytest.approx(
        np.hypot(found.theory["form factors"], found.theory["subleading"])
    )
    assert found.goodness_of_fit.p_value > 1e-3
    assert found.curve_log_likelihood.max() == pytest.approx(0, abs=1e-6)
    curve = np.interp([low, high], found.curve_delta_c9, found.curve_log_likelihood)
    np.testing.assert_allclose(curve, -0.5, atol=0.01)
    assert json.loads(json.dumps(found.record(), allow_nan=False))["interval68"] == [low, high]


def test_neither_order_nor_the_turn_of_chi_matters(model, events):
    found = model.infer(events)
    shuffled = events[np.random.default_rng(1).permutation(len(events))]
    turned = shuffled.with_columns(chi=shuffled["chi"] % (2 * np.pi))
    for other in (model.infer(shuffled), model.infer(turned)):
        assert other.delta_c9 == pytest.approx(found.delta_c9, abs=1e-4)
        assert other.goodness_of_fit.chi2 == pytest.approx(found.goodness_of_fit.chi2, rel=1e-6)
        assert other.warnings == ()


def test_background_floats():
    model = tiny_model("background")
    frame = among_background(4000, TRUE, 9)
    found = model.infer(frame)
    assert found.background_fraction == pytest.approx(0.5, abs=0.03)
    half = (found.interval68[1] - found.interval68[0]) / 2
    assert abs(found.delta_c9 - TRUE) < 4 * half
    assert found.goodness_of_fit.p_value > 1e-3
    assert "mbc" in model.cells.variables
    assert "mbc" in model.domain.ranges
    few = EventFrame.concatenate([frame[frame["is_signal"]], frame[~frame["is_signal"]][:300]])
    assert any("background over signal" in text for text in model.infer(few).warnings)


def test_columns_that_tell_background_may_be_missing_at_a_price():
    model = tiny_model("background")
    widths, pulls = [], []
    for seed in (31, 32, 33, 34):
        frame = among_background(4000, TRUE, seed)
        found = model.infer(frame.select_columns(VARIABLES))
        half = (found.interval68[1] - found.interval68[0]) / 2
        best = model.infer(frame).interval68
        widths.append(2 * half / (best[1] - best[0]))
        pulls.append((found.delta_c9 - TRUE) / half)
        assert found.background_fraction == pytest.approx(0.5, abs=0.25)
        assert "Without mbc, delta_e, m_kpi" in found.warnings[0]
        assert found.goodness_of_fit.ndof == 15  # cells in the four variables
    partly = model.infer(frame.select_columns([*VARIABLES, "m_kpi", "delta_e"]))
    assert partly.delta_c9 == found.delta_c9
    assert "Without mbc background" in partly.warnings[0]
    assert np.mean(widths) > 1
    assert abs(np.mean(pulls)) < 2.5


def test_saved_and_loaded_it_says_the_same(model, events, tmp_path):
    folder = tmp_path / "models" / "generator_0-20"
    model.save(folder)
    model.save(folder)  # one that stands there is replaced
    assert sorted(path.name for path in folder.parent.iterdir()) == ["generator_0-20"]
    assert sorted(path.name for path in folder.iterdir()) == [
        "cells.safetensors",
        "domain.json",
        CARD,
        "morphing.safetensors",
        "rate.safetensors",
        "reference.safetensors",
    ]
    loaded = DeltaC9Inference.load(folder)
    assert loaded.provenance == model.provenance
    assert loaded.infer(events).record() == model.infer(events).record()


def test_a_folder_that_cannot_be_written_whole_is_not_written(model, tmp_path, monkeypatch):
    folder = tmp_path / "generator_0-20"
    model.save(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(model.domain), "write", fail)
    with pytest.raises(InputError, match="No space left"):
        dataclasses.replace(model, provenance=dataclasses.replace(model.provenance, seed=2)).save(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.parametrize("write", CODE_WRITERS)
@pytest.mark.parametrize("name", ["morphing.safetensors", "cells.safetensors"])
def test_loading_never_executes_code(model, tmp_path, name, write):
    model.save(tmp_path / "model")

    def load(path):
        path.replace(tmp_path / "model" / name)
        return DeltaC9Inference.load(tmp_path / "model")

    assert_loading_never_executes_code(load, write, tmp_path / "bomb")


@pytest.mark.parametrize("name", ["morphing.safetensors", "cells.safetensors", "domain.json", CARD])
def test_broken_files_are_refused(model, tmp_path, name):
    folder = tmp_path / "model"
    model.save(folder)
    whole = (folder / name).read_bytes()
    random = np.random.default_rng(3)
    for k in range(12):
        broken = bytearray(whole)
        if k % 2:
            broken = broken[: int(random.integers(len(whole)))]
        else:  # the header of a safetensors file, the beginning of JSON
            for place in random.integers(min(len(whole), 200), size=4):
                broken[place] = int(random.integers(256))
        (folder / name).write_bytes(bytes(broken))
        if bytes(broken) != whole:
            try:
                DeltaC9Inference.load(folder)
            except InputError:
                continue
            assert not k % 2  # a cut file never passes; a digit may become another one
    (folder / name).write_text("[" * 100_000)
    with pytest.raises(InputError):
        DeltaC9Inference.load(folder)
    (folder / name).unlink()
    with pytest.raises(InputError, match="no file"):
        DeltaC9Inference.load(folder)


def test_files_of_two_models_are_refused(model, tmp_path):
    folder = tmp_path / "model"
    model.save(folder)
    for key, value, message in (
        ("level", "background", "without background"),
        ("level", "moon", "level = 'moon'"),
        ("schema", "other", "schema 'other'"),
        ("code", "x", "code"),
    ):
        record = json.loads((folder / CARD).read_text())
        record.pop("sha256", None)  # as of earlier versions
        (folder / CARD).write_text(json.dumps(record | {key: value}))
        with pytest.raises(InputError, match=message):
            DeltaC9Inference.load(folder)
        (folder / CARD).write_text(json.dumps(record))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("q_squared", np.nan, "3 of 4000 events with q_squared that is not finite.*leave these rows out"),
        ("chi", np.inf, "3 of 4000 events with chi that is not finite"),
        ("costheta_K", 1e300, "not finite"),
        ("costheta_mu", 1.2, "3 of 4000 events with costheta_mu beyond ±1.*cosine"),
        ("chi", 170.0, "3 of 4000 events with chi beyond ±2π.*degrees"),
    ],
)
def test_values_that_no_event_has_are_refused(model, events, name, value, message):
    with pytest.raises(InputError, match=message):
        model.infer(changed(events, name, value))


def test_events_elsewhere_are_left_out_with_a_warning_or_refused(model, events):
    found = model.infer(changed(events, "q_squared", 9.5, slice(0, 40)))
    assert (found.events, found.events_given) == (3960, 4000)
    assert len(found.warnings) == 1
    assert "40 of 4000 events are left out" in found.warnings[0]
    for factor, message in ((1e6, "divide by 10⁶: taken as in MeV², 100 %"), (1e12, "check the units")):
        with pytest.raises(InputError, match=message):
            model.infer(events.with_columns(q_squared=factor * events["q_squared"]))
    with pytest.raises(InputError, match="divide by 1000 and square"):
        model.infer(events.with_columns(q_squared=1e3 * np.sqrt(events["q_squared"])))
    with pytest.raises(InputError, match="without q_squared"):
        model.infer(events.select_columns(VARIABLES[1:]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frame: frame[:1], "few"),
        (lambda frame: frame[:150], "goodness of fit is not known"),
        (lambda frame: frame[:900], "900 events are few"),
        (lambda frame: EventFrame.concatenate([frame] * 5), "repeat another"),
        (lambda frame: frame.with_columns(delta_c9=np.arange(len(frame)) % 2 - 1.0), "2 values of ΔC9"),
    ],
)
def test_what_is_strange_about_events_is_said(model, events, change, message):
    found = model.infer(change(events))
    assert any(re.search(message, text) for text in found.warnings), found.warnings
    assert all(f"warning: {text}" in found.lines() for text in found.warnings)
    json.dumps(found.record(), allow_nan=False)


def test_an_estimate_at_a_limit_is_called_so(model):
    found = model.infer(decays(4000, 2.6, 3))
    text = " ".join(found.warnings)
    assert "beyond the training range" in text
    assert "limit of the model" in text
    assert (found.interval68, found.interval95) == (None, None)
    assert found.limit95.side == "at least"
    assert 1 < found.limit95.value < 2
    assert found.estimate().startswith("ΔC9 at least 1.")
    json.dumps(found.record(), allow_nan=False)


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (lambda f: f.with_columns(costheta_mu=-f["costheta_mu"]), "cosθ_ℓ has the other sign"),
        (lambda f: f.with_columns(chi=f["chi"] / np.pi), "chi is in units of π"),
        (lambda f: f[WINDOWS["1-19"].contains(f["q_squared"])], "the window 1-19"),
        (lambda f: f[(f["q_squared"] > 1.1) & (f["q_squared"] < 6)][:180], "only q² from 1.1"),
    ],
)
def test_events_unlike_the_model_get_a_verdict_before_any_number(model, events, change, cause):
    found = model.infer(change(events))
    assert found.verdict.answer == "no"
    assert found.lines()[0].startswith("The events do NOT look like the model")
    assert any(line.startswith("not to be used: ΔC9") for line in found.lines())
    assert any(cause in line for line in found.lines() if line.startswith("likely cause")), found.lines()
    assert found.record()["verdict"] == "no"
    assert any(cause in record["name"] for record in found.record()["causes"])


def test_other_models_of_the_run_are_named_where_they_fit(model, events):
    narrow = tiny_model("generator", "1-19")
    inside = events[WINDOWS["1-19"].contains(events["q_squared"])]
    models = {("generator", "0-20"): model, ("generator", "1-19"): narrow}
    (text,) = models_that_fit(models, model, inside)
    assert "--level generator --window 1-19" in text
    assert models_that_fit(models, narrow, inside.with_columns(chi=inside["chi"] / np.pi)) == ()


def test_run_folders_offer_their_models(model, events, tmp_path):
    def called(**names):  # models differ in their names only
        return dataclasses.replace(model, provenance=dataclasses.replace(model.provenance, **names))

    narrow, detector = called(window="1-19"), called(level="detector")
    run = tiny_run(tmp_path / "run", model, narrow, detector)
    models = models_of(run)
    assert list(models) == [("detector", "0-20"), ("generator", "0-20"), ("generator", "1-19")]
    chosen, notes = choose(models, events)
    assert (chosen.provenance.level, chosen.provenance.window) == ("generator", "0-20")
    assert len(notes) == 1
    assert "--level detector" in notes[0]
    inside = events[WINDOWS["1-19"].contains(events["q_squared"])]
    assert choose(models, inside)[0].provenance.window == "1-19"
    apart = called(window="1-19-nonresonant")
    tiny_run(tmp_path / "run", apart)
    beside = inside[WINDOWS["1-19-nonresonant"].contains(inside["q_squared"])]
    assert choose(models_of(run), beside)[0].provenance.window == "1-19-nonresonant"
    measured = events.with_columns(mbc=np.full(len(events), 5.279))
    assert choose(models, measured)[0].provenance.level == "detector"
    assert choose(models_of(run, "detector"), events)[1] == ()
    assert list(models_of(run / "models" / "generator_1-19")) == [("generator", "1-19")]
    with pytest.raises(InputError, match=r"no model background in .*--level generator --window 1-19"):
        models_of(run, "background")
    with pytest.raises(InputError, match="no model detector 1-19"):
        models_of(run, "detector", "1-19")
    for place, message in ((tmp_path, "holds no model"), (tmp_path / "no", "no folder")):
        with pytest.raises(InputError, match=message):
            models_of(place)


def test_columns_may_have_names_of_their_own(model, events, tmp_path):
    path = tmp_path / "events.parquet"
    renamed = {"q_squared": "q2", "chi": "phi"}
    EventFrame({renamed.get(name, name): column for name, column in events.columns.items()}).write_parquet(
        path
    )
    back = read_events(path, [model], renamed)
    assert all(np.array_equal(back[name], events[name]) for name in VARIABLES)
    with pytest.raises(InputError, match=r"no column q_squared, chi \(it has q2.*--column q_squared=NAME"):
        read_events(path, [model])
    with pytest.raises(InputError, match="no column weight"):
        read_events(path, [model], {**renamed, "mbc": "weight"})
    with pytest.raises(InputError, match="'charm'"):
        read_events(path, [model], {"charm": "q2"})
    with pytest.raises(InputError, match="column 'q2' of the file for two"):
        read_events(path, [model], {**renamed, "mbc": "q2"})


def test_intervals_end_where_the_curve_does():
    points = np.linspace(-1, 0.2, 601)
    assert interval(points, -2 * points**2, 0.5) == (pytest.approx(-0.5), 0.2)


@pytest.mark.parametrize("name", ["domain.json", CARD])
def test_a_changed_number_of_a_card_is_seen(model, tmp_path, name):
    folder = tmp_path / "model"
    model.save(folder)
    text = (folder / name).read_text()
    (folder / name).write_text(
        re.sub(r"(\d)([,.\]}])", lambda m: f"{(int(m[1]) + 1) % 10}{m[2]}", text, count=1)
    )
    with pytest.raises(InputError, match="damaged or was edited"):
        DeltaC9Inference.load(folder)


@pytest.mark.parametrize("name", ["morphing.safetensors", "cells.safetensors", "domain.json"])
def test_files_of_two_models_are_not_one_model(name, model, tmp_path):
    model.save(tmp_path / "wide")
    tiny_model("generator", "1-19").save(tmp_path / "narrow")
    shutil.copy(tmp_path / "narrow" / name, tmp_path / "wide" / name)
    with pytest.raises(InputError, match="the files of one model"):
        DeltaC9Inference.load(tmp_path / "wide")
