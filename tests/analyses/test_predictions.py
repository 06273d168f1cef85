import numpy as np
import pyarrow.parquet as pq
import pytest

from hepsets.analyses.predictions import keep_predictions
from hepsets.core.errors import InputError


def test_each_event_has_its_number_truth_and_the_scores_of_all_models(tmp_path):
    number, label = np.arange(45_000) * 7, np.arange(45_000) % 3 == 0
    scores = {"bdt": np.linspace(0, 1, 45_000), "ours": np.linspace(1, 0, 45_000)}
    path = keep_predictions(tmp_path, "tagged", {"event_number": number, "label": label}, scores)
    assert path == tmp_path / "predictions" / "tagged.parquet"
    with pq.ParquetFile(path) as file:
        assert file.num_row_groups == 3
        found = file.read()
    assert found.column_names == ["event_number", "label", "bdt", "ours"]
    assert [str(kind) for kind in found.schema.types] == ["int64", "bool", "float", "float"]
    np.testing.assert_array_equal(found["event_number"].to_numpy(), number)
    np.testing.assert_allclose(found["ours"].to_numpy(), scores["ours"], atol=1e-7)


def test_a_model_does_not_take_the_place_of_the_truth(tmp_path):
    with pytest.raises(InputError, match="a model called label"):
        keep_predictions(tmp_path, "a", {"label": np.zeros(2)}, {"label": np.zeros(2)})


def test_scores_of_other_events_are_refused(tmp_path):
    with pytest.raises(InputError, match="columns of"):
        keep_predictions(tmp_path, "a", {"label": np.zeros(2)}, {"bdt": np.zeros(3)})
    assert not list(tmp_path.glob("predictions/*"))
