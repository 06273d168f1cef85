"""One convention for the names of a filter's weights, here and in basf2."""

import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.core.weight_names import (
    earlier_weights,
    in_both_names,
    names_of_skims,
    predictions,
    says_nothing_new,
)


def test_only_weights_are_weights():
    names = ["particles", "hepsets_b0", "hepsets_score_jpsi", "weight", "weight_b0", "hepsets_jpsi"]
    assert earlier_weights(names) == ("hepsets_b0", "hepsets_jpsi")
    assert [name for name in names if says_nothing_new(name)] == ["hepsets_score_jpsi", "weight_b0"]


def test_a_weight_has_our_name_and_that_of_basf2():
    both = in_both_names({"hepsets_b0": 2.0, "hepsets_jpsi": 0.0}, {"b0": "feiHadronicB0"})
    assert both == {"hepsets_b0": 2, "hepsets_jpsi": 0, "weight_feiHadronicB0": 2, "weight_jpsi": 0}


def test_predictions_have_names_of_basf2_alone():
    found = predictions(np.array([[0.1, 0.2], [0.3, 0.4]]), {"b0": "feiHadronicB0", "jpsi": "jpsi"})
    assert {name: column.tolist() for name, column in found.items()} == {
        "SmartBKG_Prediction_feiHadronicB0": [0.1, 0.3],
        "SmartBKG_Prediction_jpsi": [0.2, 0.4],
    }


def test_skims_that_there_are_not_and_one_name_for_two_are_refused():
    assert names_of_skims(["b0", "jpsi"], {"jpsi": "InclusiveJpsi"}) == {"b0": "b0", "jpsi": "InclusiveJpsi"}
    with pytest.raises(InputError, match="a name for the skim 'b1'; expected one of b0"):
        names_of_skims(["b0"], {"b1": "x"})
    with pytest.raises(InputError, match="one for each"):
        names_of_skims(["b0", "jpsi"], {"jpsi": "b0"})
