"""The results of docs/bs_dspi.md are those of a run."""

import json

import bs_dspi_results
import pytest


@pytest.fixture
def docs(tmp_path, monkeypatch):
    """A copy of the page, and where its pictures go."""
    (tmp_path / "figures").mkdir()
    page = tmp_path / "bs_dspi.md"
    page.write_text(bs_dspi_results.PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(bs_dspi_results, "DOCS", tmp_path)
    monkeypatch.setattr(bs_dspi_results, "PAGE", page)
    return tmp_path


def test_tables_and_pictures_are_those_of_the_run_and_the_rest_stays(docs, tmp_path):
    run = tmp_path / "run"
    (run / "figures").mkdir(parents=True)
    for name in bs_dspi_results.FIGURES:
        (run / "figures" / f"{name}.png").write_bytes(name.encode())
    (run / "result.json").write_text(json.dumps({"scale": "quick", "seed": 7}))
    (run / "tables.md").write_text("| fit |\n|---|\n| before |\n")
    before = (docs / "bs_dspi.md").read_text(encoding="utf-8")
    for _ in "12":  # once more changes nothing
        bs_dspi_results.main(run)
        page = (docs / "bs_dspi.md").read_text(encoding="utf-8")
        made = page.split(bs_dspi_results.BEGIN)[1].split(bs_dspi_results.END)[0]
        assert "`hepsets run bs-dspi --scale quick --seed 7`. Masses in MeV." in made
        assert "| before |" in made
        assert page.split(bs_dspi_results.END)[1] == before.split(bs_dspi_results.END)[1]
    assert (docs / "figures" / "bs_dspi_toys.png").read_bytes() == b"toys"
