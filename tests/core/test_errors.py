"""Errors of bad input: readable, also when a worker process raises them."""

import pickle

from hepsets.core.errors import InputError


def test_an_input_error_comes_back_from_another_process_as_it_was():
    error = InputError("3 apples", "4", "buy one")
    back = pickle.loads(pickle.dumps(error))
    assert str(back) == str(error) == "3 apples; expected 4; buy one"
    assert (back.came, back.expected, back.remedy) == ("3 apples", "4", "buy one")
