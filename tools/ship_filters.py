"""Put the models of a finished run into the package as its filters, each with a model card.

``python tools/ship_filters.py RUN`` (or ``make shipped RUN=…``); with names of filters, those alone.
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from protect_filter import section_of_run, write_section

from hepsets.core.errors import InputError
from hepsets.core.whole_file import whole_file
from hepsets.deploy.filter.card import FilterCard
from hepsets.deploy.filter.event_filter import EventFilter
from hepsets.deploy.filter.export import export_from_run
from hepsets.deploy.filter.shipped import FOLDER

MODELS = {"hadronic_b0": "decay_sweep", "all_skims": "multi_skim"}
"""Which model of a run becomes which filter."""

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    undefined=StrictUndefined,
    autoescape=False,
    keep_trailing_newline=True,
)


def ship(run: Path, folder: Path = FOLDER, names: Sequence[str] = tuple(MODELS)) -> None:
    """Export the models of a run and write their cards.

    Raises
    ------
    InputError
        If the run is not finished or lacks a model, or there is no filter of a name.
    """
    if strange := set(names) - set(MODELS):
        raise InputError(f"no filter {', '.join(sorted(strange))}", f"some of {', '.join(MODELS)}")
    try:
        result = json.loads((run / "result.json").read_text())
        config = tomllib.loads((run / "config.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{run} is no finished run ({error})", "the folder of one") from error
    folder.mkdir(exist_ok=True)
    for name in names:
        model = MODELS[name]
        path = folder / f"{name}.onnx"
        export_from_run(run, model, path)
        fit = json.loads((run / "models" / f"{model}.fit.json").read_text())
        text = model_card(name, result, config, fit, EventFilter.load(path).card, path.stat().st_size)
        with whole_file(path.with_suffix(".md")) as partial:
            partial.write_text(text, encoding="utf-8")
        section = section_of_run(result["metrics"], model)
        if section is not None:
            write_section(path.with_suffix(".md"), [section], "the run, on its test events")


def model_card(
    name: str,
    result: dict[str, Any],
    config: dict[str, Any],
    fit: dict[str, Any],
    card: FilterCard,
    size: int,
) -> str:
    """What a user must know of a filter of ``size`` bytes, as Markdown; ``fit`` says how it was trained."""
    metrics, model, many = result["metrics"], MODELS[name], len(card.skims) > 1
    study = metrics.get("studies", {}).get("skims", {})
    own: dict[str, Any] = next((row for row in metrics["models"] if row["name"] == model), {})
    areas = {row["skim"]: row for row in study.get("skims", [])} if many else {card.skims[0].name: own}

    def saved(way: str, skim: str) -> dict[str, Any]:
        return next(row for row in metrics[way] if row["model"] == model and row["skim"] == skim)

    return _TEMPLATES.get_template("model_card.md").render(
        name=name,
        card=card,
        many=many,
        size=size,
        data=config["multi_skim" if many else "data"],
        fit=fit,
        config=config,
        result=result,
        rows=[
            {
                "skim": skim.name,
                # what a single skim is judged at is configured
                "retention": skim.rule.population if many else metrics["retention"][skim.name]["value"],
                "auc": areas[skim.name]["auc"],
                "auc_se": areas[skim.name]["auc_se"],
                "threshold": saved("threshold", skim.name),
                "importance": saved("importance", skim.name),
            }
            for skim in card.skims
        ],
        limit=metrics.get("limit"),
        own=own,
        shared=study.get("shared_random"),
    )


if __name__ == "__main__":
    ship(Path(sys.argv[1]), names=sys.argv[2:] or tuple(MODELS))
