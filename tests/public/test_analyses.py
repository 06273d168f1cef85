"""The public names about whole analyses give what the command gives."""

from __future__ import annotations

import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import pytest
from helpers.tiny_delta_c9 import decays, tiny_model, tiny_run

import hepsets as hs
from hepsets.public import analyses


def test_a_run_hands_on_what_was_said_and_what_was_found(monkeypatch, tmp_path):
    seen = {}

    def instead(name, options, *, out, workers, resume):
        seen.update(name=name, options=options, workers=workers, resume=resume)
        return SimpleNamespace(metrics={"answer": 42}), out

    monkeypatch.setattr(analyses, "run_analysis", instead)
    found = hs.run(
        "delta-c9",
        scale="quick",
        seed=5,
        settings={"levels": ["generator"]},
        out=tmp_path / "run",
        workers=3,
        resume=True,
    )
    assert (seen["workers"], seen["resume"]) == (3, True)
    assert found.metrics == {"answer": 42}
    assert (found.folder, found.analysis) == (tmp_path / "run", "delta-c9")
    options = seen["options"]
    assert (seen["name"], options.scale, options.seed, options.settings["levels"]) == (
        *("delta-c9", "quick", 5),
        ["generator"],
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: hs.run("delta-c8"), "did you mean 'delta-c9'"),
        (lambda: hs.run("delta-c9", settings={"level": ["generator"]}), "did you mean 'levels'"),
        (lambda: hs.run("delta-c9", settings=5), "settings 5; expected a mapping"),
        (lambda: hs.run(5), "5; expected one of"),
        (lambda: hs.infer("nowhere", hs.EventFrame({"chi": np.zeros(3)})), "no folder nowhere"),
    ],
)
def test_what_cannot_be_meant_is_refused(call, message):
    with pytest.raises(hs.InputError, match=message):
        call()


def test_events_and_their_file_give_one_answer(tmp_path):
    run = tiny_run(tmp_path / "run", tiny_model())
    events = decays(3000, -0.8, seed=77)
    hs.write(events, tmp_path / "decays.parquet")
    found, of_file = hs.infer(run, events), hs.infer(run, tmp_path / "decays.parquet")
    assert json.dumps(found.record()) == json.dumps(of_file.record())
    with pytest.raises(hs.InputError, match="columns for events that are no file"):
        hs.infer(run, events, columns={"chi": "phi"})
    renamed = hs.EventFrame({"phi" if name == "chi" else name: events[name] for name in events.columns})
    hs.write(renamed, tmp_path / "renamed.parquet")
    found = hs.infer(run, tmp_path / "renamed.parquet", columns={"chi": "phi"})
    assert json.dumps(found.record()) == json.dumps(of_file.record())
    with pytest.raises(hs.InputError, match="a Events to infer from"):
        hs.infer(run, hs.generate("mixed", 2))


def test_an_inference_takes_the_model_that_is_asked_for_and_says_which_it_took(tmp_path):
    run = tiny_run(tmp_path / "run", tiny_model())
    detector = dataclasses.replace(
        tiny_model(), provenance=dataclasses.replace(tiny_model().provenance, level="detector")
    )
    tiny_run(run, detector)
    events = decays(3000, -0.8, seed=77)
    told = "taken for true decays (level generator)"
    assert any(told in warning for warning in hs.infer(run, events).warnings)
    assert not any(told in warning for warning in hs.infer(run, events, level="generator").warnings)
    for asked, message in (
        ({"level": "background"}, "no model background"),
        ({"window": "1-19"}, "no model 1-19"),
    ):
        with pytest.raises(hs.InputError, match=message):
            hs.infer(run, events, **asked)
