"""Put a trunk of ``hepsets run pretraining`` or ``hepsets pretrain`` into the package, with its card.

``python tools/ship_trunk.py RUN [NAME]`` (or ``make shipped-trunk RUN=… TRUNK=…``).
"""

from __future__ import annotations

import json
import shutil
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hepsets.core.errors import InputError
from hepsets.core.record import checksum_of_file
from hepsets.core.whole_file import whole_file
from hepsets.deploy.trunk_shipped import FOLDER, SHIPPED
from hepsets.learn.pretraining.encoder import Trunk

MOST_BYTES = 4_000_000
"""A trunk of the package is smaller."""

CARD = ("objective", "samples", "skims", "corpus_events", "corpus_seed", "events_trained", "cpu_seconds")
"""What the card in its header must tell."""


def ship(run: Path, name: str = "", folder: Path = FOLDER) -> Trunk:
    """Copy a trunk, as it is to the byte, and write its card.

    Parameters
    ----------
    run
        Folder of a run of pre-training, whose trunk ``name`` is finished; or of ``hepsets pretrain``.
    name
        What the trunk of a run was pre-trained for, such as ``supervised+masked``; empty for ``hepsets
        pretrain``.
    folder
        Where it shall stand.

    Raises
    ------
    InputError
        If there is no such trunk or it is not finished, is too large, or its card lacks something.
    """
    path = source(run, name)
    size, trunk = path.stat().st_size, Trunk.load(path)
    if size >= MOST_BYTES:
        raise InputError(f"{path} has {size} bytes", f"fewer than {MOST_BYTES}", "pre-train a smaller one")
    lacks = [key for key in CARD if key not in trunk.card]
    if lacks:
        raise InputError(f"the card of {path} lacks {', '.join(lacks)}", "what hepsets pretrain writes")
    text = card(trunk, size, checksum_of_file(path), name, evidence(run, name))
    folder.mkdir(exist_ok=True)
    with whole_file(folder / f"{SHIPPED}.safetensors") as partial:
        shutil.copyfile(path, partial)
    with whole_file(folder / f"{SHIPPED}.md") as partial:
        partial.write_text(text, encoding="utf-8")
    return trunk


def source(run: Path, name: str) -> Path:
    """The file of a trunk that is finished.

    Raises
    ------
    InputError
        If there is none.
    """
    if not name:
        found = run / "trunk.safetensors"
        if not found.is_file():
            raise InputError(
                f"no {found}", "a finished folder of hepsets pretrain", "or name a trunk of a run"
            )
        return found
    found = run / "models" / f"{name}.safetensors"
    if not (found.is_file() and found.with_name(f"{name}.json").is_file()):
        there = sorted(path.stem for path in (run / "models").glob("*.json"))
        raise InputError(f"no finished trunk {name!r} in {run}", f"one of {', '.join(there) or 'none yet'}")
    return found


def evidence(run: Path, name: str) -> Mapping[str, Any]:
    """What a run measured of a trunk: its ``settings``, and its ``metrics`` if it is finished."""
    if not name:
        return {}
    found: dict[str, Any] = {"settings": tomllib.loads((run / "config.toml").read_text(encoding="utf-8"))}
    if (run / "result.json").is_file():
        found["metrics"] = json.loads((run / "result.json").read_text(encoding="utf-8"))["metrics"]
    return found


def card(trunk: Trunk, size: int, sha256: str, name: str, evidence: Mapping[str, Any]) -> str:
    """What a user must know of a trunk, as Markdown."""
    return (
        "\n".join([*_what_it_is(trunk, size, sha256, name, evidence), *_what_it_saves(name, evidence)]) + "\n"
    )


def _what_it_is(
    trunk: Trunk, size: int, sha256: str, name: str, evidence: Mapping[str, Any]
) -> Iterator[str]:
    known, sizes, told = trunk.card, trunk.config, evidence.get("settings")
    made = "hepsets pretrain"
    if told is not None:
        made = f"`hepsets run pretraining --scale {told['scale']} --seed {told['seed']}`, its trunk `{name}`"
    parts = [f"{key} {known['objective'][key]:g}" for key in ("masked", "contrastive", "supervised")]
    rows = {
        "made by": f"{made}; hepsets {known['versions']['hepsets']}, `tools/ship_trunk.py`",
        "file": f"{SHIPPED}.safetensors, {size / 1000:.0f} kB, SHA-256 `{sha256}`",
        "network": f"{known['weights']} weights: {sizes.units} units, {sizes.layers} attention layers of "
        f"{sizes.attention_heads} heads, {len(trunk.pdg_map.ids)} PDG ids",
        "objectives": f"weights {', '.join(part for part in parts if not part.endswith(' 0'))}",
        "corpus": f"{known['corpus_events']} events to train on: {', '.join(known['samples'])}; skims "
        f"{', '.join(known['skims']) or 'none'}; corpus seed {known['corpus_seed']}",
        "detector": "the parametric Belle II of this package"
        + (f", shifted: {known['detector_shift']}" if known.get("detector_shift") else ""),
        "training": f"{known['events_trained']} events shown, {known['cpu_seconds'] / 3600:.2f} hours of "
        f"processor time, validation loss {known['validation_loss']['first']:.3f} after the first "
        f"epoch, {known['validation_loss']['best']:.3f} at best",
        "licence": "BSD-3-Clause, as the package",
    }
    yield "# Model card: the trunk"
    yield ""
    yield f"`hepsets run ANALYSIS --trunk {SHIPPED}` and `hs.load_trunk()`: an encoder of B-factory events"
    yield "that networks for tasks start from. What it is for and what not: docs/pretraining.md."
    yield ""
    yield "| | |"
    yield "|---|---|"
    for key, value in rows.items():
        yield f"| {key} | {value} |"
    yield ""
    yield "Each shard of its corpus has a seed of 63 bits, drawn from the corpus seed: runs with seeds such"
    yield "as people choose share no event with it. A task that asks for one of its skims, or for its"
    yield "samples, is not new to it. It saw no real data and no other detector."


def _what_it_saves(name: str, evidence: Mapping[str, Any]) -> Iterator[str]:
    metrics = evidence.get("metrics", {})
    savings = [row for row in metrics.get("label_saving", []) if row["pretraining"] == name]
    if not savings:
        return
    yield ""
    yield "## Labels that it saves"
    yield ""
    yield "How many labels from scratch reach what it does with so many, with bands of one standard error:"
    yield ""
    yield "| task | trained | labels | worth from scratch | low | high |"
    yield "|---|---|---|---|---|---|"
    for row in savings:
        most = max(
            one["labels"]
            for one in metrics["curves"]
            if one["task"] == row["task"] and one["pretraining"] == "none"
        )  # what scratch needs beyond its most labels is not known
        worth = [row[key] for key in ("equivalent_scratch_labels", "low", "high")]
        shown = [f"{'≥ ' if value >= most else ''}{value:.0f}" for value in worth]
        yield f"| {row['task']} | {row['tuning']} | {row['labels']} | {' | '.join(shown)} |"


if __name__ == "__main__":
    ship(Path(sys.argv[1]), *sys.argv[2:3])
