"""Packages with entry points, found as if they were installed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def declare(folder: Path, name: str, groups: Mapping[str, Mapping[str, str]]) -> None:
    """Make a folder on the path a package with entry points: places of things by name, by group."""
    info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = []
    for group, places in groups.items():
        lines += [f"[{group}]", *(f"{thing} = {place}" for thing, place in places.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
