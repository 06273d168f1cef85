"""The public names about whole analyses give what the command gives."""

from __future__ import annotations

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
        "delta-c9", scale="quick", seed=5, settings={"levels": ["generator"]}, out=tmp_path / "run"
    )
    assert found.metrics == {"answer": 42}
    assert found.folder == tmp_path / "run"
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
