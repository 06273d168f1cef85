"""One process at a time works in a folder."""

import subprocess
import sys

import pytest

from hepsets.core.errors import InputError
from hepsets.core.lock import LOCK, only_process, try_lock


def test_a_folder_is_held_by_one_and_free_afterwards(tmp_path):
    with (
        only_process(tmp_path),
        pytest.raises(InputError, match="another run is at work"),
        only_process(tmp_path),
    ):
        pass
    with only_process(tmp_path):
        assert (tmp_path / LOCK).exists()


def test_a_process_that_dies_lets_go(tmp_path):
    code = (
        "import sys, pathlib; from hepsets.core.lock import only_process\n"
        "with only_process(pathlib.Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code, tmp_path], stdin=pipe, stdout=pipe) as process:
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(InputError, match="wait for it"), only_process(tmp_path):
            pass
        process.kill()
    with only_process(tmp_path):
        pass


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be used"), only_process(tmp_path / "none"):
        pass


def test_a_file_system_without_locks_is_said_in_the_log(tmp_path, monkeypatch, caplog):
    def no_locks(file, how):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("fcntl.flock", no_locks)
    with only_process(tmp_path):
        pass
    assert "cannot be locked" in caplog.text
    with (tmp_path / LOCK).open() as file, pytest.raises(OSError, match="not supported"):
        try_lock(file.fileno())
