"""The base installation, in an environment that has more: libraries of the extras cannot be imported."""

import os
import subprocess
import sys

from hepsets.core.extras import EXTRAS

HEAVY = sorted({name for names in EXTRAS.values() for name in names})

_START = f"""
import sys
class Nothing:
    def find_spec(self, name, *_):
        if name.partition(".")[0] in {HEAVY}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Nothing())
"""
COMMAND = _START + "from hepsets.cli.main import main; main()"


def hepsets(*words):
    """A command in a process of its own; what it printed and its exit code."""
    return python(COMMAND, *words)


def python(program, *words):
    """A program without the libraries of the extras."""
    program = program if program.startswith(_START) else _START + program
    line = [sys.executable, "-c", program, *map(str, words)]
    return subprocess.run(
        line, capture_output=True, text=True, check=False, env=os.environ | {"COLUMNS": "200"}
    )
