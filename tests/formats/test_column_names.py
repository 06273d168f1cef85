"""Names of branches: which of them hold the thirty variables."""

import pytest

from hepsets.core.errors import InputError
from hepsets.formats.column_names import BASF2_NAMES, VARIABLES, find_layout
from hepsets.select.variables import continuum


def test_the_reader_looks_for_the_variables_that_models_take():
    assert VARIABLES == continuum.VARIABLES


@pytest.mark.parametrize("prefix", ["", "Bsig_"])
def test_names_of_basf2_are_found_with_a_prefix_and_escaped(prefix):
    names = [prefix + name for name in BASF2_NAMES.values()]
    escaped = [name.replace("(", "__bo").replace(")", "__bc") for name in names]
    for given in (names, escaped):
        layout = find_layout([*given, prefix + "Mbc", "__event__"], "a tree")
        assert layout.branches == dict(zip(VARIABLES, given, strict=True))
        assert layout.columns == {"mbc": prefix + "Mbc", "event": "__event__"}


def test_what_lacks_is_named_with_what_is_similar():
    names = [name for name in BASF2_NAMES.values() if name != "thrustBm"]
    with pytest.raises(InputError, match=r"lacks thrustBm \(similar: thrustOm\)"):
        find_layout(names, "a tree")
