"""Somebody has parquet files of the smart-background lab: from them to a trained model and its scores."""

import json

import awkward as ak
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

pytestmark = pytest.mark.validate

TINY = "--set 'models=[\"gcn_stack\"]' --set fit.epochs=8 --set fit.least_steps=0 --set training_seeds=1"


def test_the_labs_parquet_trains_a_model_that_tells_its_events_apart_and_scores_stand_beside_them(
    with_everything, production, tmp_path
):
    labelled = ak.from_parquet(production / "labelled.parquet")
    label = ak.values_astype(labelled["label_hadronic_b0"], np.int64)
    ak.to_parquet(  # as the lab writes it: awkward's own layout, in row groups
        ak.Array({"particles": labelled["particles"], "label": label}),
        tmp_path / "mine.parquet", row_group_size=2000,
    )  # fmt: skip
    user = with_everything(tmp_path)
    user.types(f"hepsets run smart-background --scale quick --data mine.parquet {TINY} --out RUN")
    (model,) = json.loads((tmp_path / "RUN" / "result.json").read_text())["metrics"]["models"]
    assert model["auc"] - 2 * model["auc_se"] > 0.6
    assert (tmp_path / "RUN" / "report.html").stat().st_size > 100_000

    user.types("hepsets apply RUN mine.parquet --out scored.parquet")
    scored = ak.from_parquet(tmp_path / "scored.parquet")
    assert ak.array_equal(scored["particles"], labelled["particles"], dtype_exact=False)
    (name,) = set(scored.fields) - {"particles", "label", "score_outside"}
    score = scored[name].to_numpy()
    assert ((score > 0) & (score < 1)).all()
    tested = ak.from_parquet(tmp_path / "RUN" / "predictions" / "test.parquet")
    places = tested["event_number"].to_numpy()  # of events without numbers: their places in the file
    np.testing.assert_allclose(score[places], tested["gcn_stack"].to_numpy(), atol=1e-5)
    auc = roc_auc_score(scored["label"].to_numpy()[places], score[places])
    assert auc == pytest.approx(model["auc"], abs=1e-4)
