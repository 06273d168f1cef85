"""Code that is kept for the next process."""

import os
import subprocess
import sys

import pytest

_SCRIPT = """
import sys
from hepsets.core.kernel import kernel

@kernel
def half(x):
    return x / 2

@kernel
def quarter(x):
    return half(half(x))

print(eval(sys.argv[1]))
"""


@pytest.fixture
def script(tmp_path):
    path, kept = tmp_path / "halves.py", tmp_path / "kept"
    path.write_text(_SCRIPT)

    def says(expression):
        environment = os.environ | {"NUMBA_CACHE_DIR": str(kept)}
        command = [sys.executable, path, expression]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    says.files = lambda pattern: sorted(kept.rglob(pattern))
    says.path = path
    return says


@pytest.mark.parametrize("pattern", ["*.half-*.nbc", "*.quarter-*.nbc", "*.nbi"])
def test_a_damaged_file_is_written_anew(script, pattern):
    assert script("quarter(6.0)") == "1.5"
    files = script.files(pattern)
    assert files
    for file in files:
        content = bytearray(file.read_bytes())
        content[len(content) // 2 :] = b"?" * 40
        file.write_bytes(content)
    expression = "(quarter(6.0), quarter(6))"  # the second asks for half of a float, which is kept too
    assert script(expression) == "(1.5, 1.5)"
    assert script(expression) == "(1.5, 1.5)"
    assert all(b"?" * 40 not in file.read_bytes() for file in files)


def test_code_of_other_types_under_the_same_number_is_not_run(script):
    assert script("(half(6.0), half(6), quarter(6.0))") == "(3.0, 3.0, 1.5)"
    files = script.files("*.half-*.nbc")
    assert len(files) >= 3
    codes = [file.read_bytes() for file in files]
    for file, code in zip(files, codes[1:] + codes[:1], strict=True):  # as two processes at once may leave it
        file.write_bytes(code)
    script.files("*.quarter-*.nbc")[0].unlink()  # made anew of what is kept of half
    assert script("(half(6.0), half(6), quarter(6.0))") == "(3.0, 3.0, 1.5)"
