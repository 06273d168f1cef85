"""A TNtuple (from go-hep's groot/testdata/tntuple.root)."""

import pytest

from hepsets.core.errors import InputError
from hepsets.formats.belle2_ntuple import read_ntuple


def test_a_tntuple_is_a_tree(case):
    with pytest.raises(InputError, match=r"tntuple.root: tree 'ntup' lacks R2"):
        read_ntuple("tntuple.root")
