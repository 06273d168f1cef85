import os
import subprocess
import sys

_TWICE_IN_WORKERS = """
import sys
from hepsets.core.compiling import tell_compiling
from hepsets.core.kernel import kernel
from hepsets.core.parallel import map_in_order, same_workers

@kernel
def square(x):
    return x * x

if __name__ == "__main__":
    if "silent" not in sys.argv:
        tell_compiling()
    for _ in range(2):
        with same_workers(2):
            print(list(map_in_order(square, [3, 0.5], 2)))
    print(square(4))
"""


def said(tmp_path, *words, **environment):
    script = tmp_path / "twice.py"
    script.write_text(_TWICE_IN_WORKERS)
    ended = subprocess.run(
        [sys.executable, script, *words],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "kept")} | environment,
    )
    assert ended.stdout == "[9, 0.25]\n[9, 0.25]\n16\n"
    return ended.stderr.splitlines()


def test_who_waits_for_the_compiler_is_told_once_and_not_when_all_is_compiled(tmp_path):
    (line,) = said(tmp_path)
    assert line.startswith("compiling for this machine")
    assert said(tmp_path) == []


def test_a_library_and_the_other_processes_of_torchrun_are_silent(tmp_path):
    assert said(tmp_path, "silent", NUMBA_CACHE_DIR=str(tmp_path / "other")) == []
    assert said(tmp_path, RANK="1") == []
