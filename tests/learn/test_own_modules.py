"""A user's own module: its model's name, what is refused in its place, and logits of one head."""

import pytest
import torch

from hepsets.core.errors import InputError
from hepsets.learn.own_modules import given, name_of, with_heads


def test_a_model_is_called_after_the_class_of_its_module():
    assert name_of(torch.nn.Linear(1, 1)) == "own:Linear"


@pytest.mark.parametrize("module", [None, "Linear", torch.nn.Linear])
def test_what_is_no_module_is_refused_with_the_remedy(module):
    with pytest.raises(InputError, match="the model own:Linear alone; expected module="):
        given("own:Linear", module)


def test_logits_have_a_column_for_each_head():
    assert with_heads(torch.zeros(5)).shape == (5, 1)
    assert with_heads(torch.zeros(5, 3)).shape == (5, 3)
    for wrong in (None, [0.0], torch.zeros(()), torch.zeros(5, 3, 1)):
        with pytest.raises(InputError, match="a module that gives"):
            with_heads(wrong)
