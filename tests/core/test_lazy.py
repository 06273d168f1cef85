"""Names that are imported when they are first used."""

import sys

import pytest


def test_a_name_is_imported_when_it_is_first_used(tmp_path, monkeypatch):
    package = tmp_path / "lazy_package"
    package.mkdir()
    (package / "__init__.py").write_text(
        "from hepsets.core.lazy import lazy\n__getattr__, __dir__ = lazy(__name__, {'answer': 'module'})\n"
    )
    (package / "module.py").write_text("answer = 42\n")
    monkeypatch.syspath_prepend(tmp_path)
    import lazy_package

    assert "answer" in dir(lazy_package)
    assert "lazy_package.module" not in sys.modules
    assert lazy_package.answer == 42
    assert vars(lazy_package)["answer"] == 42  # found at once from now on
    with pytest.raises(AttributeError, match="'lazy_package' has no attribute 'question'"):
        _ = lazy_package.question
