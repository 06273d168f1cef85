"""A whole run of an analysis, small enough for a test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hepsets.core.run import RunFolder


def tiny_run(analysis: Any, name: str, config: Any, temporary: pytest.TempPathFactory) -> tuple[Path, Any]:
    """Folder and result of a finished run."""
    folder = temporary.mktemp("runs") / "tiny"
    with RunFolder(folder, config) as run_folder:
        result = analysis.run(config, run_folder)
        run_folder.finish(name, config.scale, config.seed, result.metrics)
    return folder, result
