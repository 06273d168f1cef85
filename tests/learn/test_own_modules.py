"""A user's own module: its model's name, what is refused in its place, and logits of one head."""

import pytest
import torch

from hepsets.core.errors import InputError
from hepsets.learn.own_modules import as_it_was_trained, checked_maker, given, made, name_of, with_heads


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


def test_a_network_is_told_the_sizes_that_it_asks_for_and_no_others():
    sizes = {"n_features": 8, "n_tokens": 5}
    assert made("mine", lambda n_tokens: torch.nn.Embedding(n_tokens, 2), sizes).num_embeddings == 5
    assert made("mine", lambda width=3: torch.nn.Linear(width, 1), sizes).in_features == 3
    with pytest.raises(InputError, match="the model 'mine' without its depth"):
        made("mine", lambda n_features, depth: torch.nn.Linear(n_features, depth), sizes)
    with pytest.raises(InputError, match="the model mine alone"):
        made("mine", lambda: None, sizes)


def test_a_module_that_is_made_already_could_be_trained_but_once():
    with pytest.raises(InputError, match="a Linear that is made"):
        checked_maker("mine", torch.nn.Linear(1, 1))
    assert checked_maker("mine", torch.nn.Linear) is torch.nn.Linear


def test_numbers_of_another_class_are_named_as_such():
    with pytest.raises(InputError, match="numbers of 'mine' for another module"), as_it_was_trained("mine"):
        torch.nn.Linear(1, 1).load_state_dict(torch.nn.Linear(2, 1).state_dict())
