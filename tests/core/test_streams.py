"""Standard streams take any text, whatever the terminal can show, and may be closed."""

import errno
import os
import subprocess
import sys

import pytest

import hepsets.core.streams

SAY = "from hepsets.core.streams import echo, prepare_streams as p; p(); echo('ΔC9 ≤ 1 ± 2, B̄')"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("B⁰ → K*⁰μ⁺μ⁻", "B0 -> K*0mu+mu-"),
        ("Υ(4S), √s = 10.58 GeV", "Y(4S), sqrts = 10.58 GeV"),
        ("漢", "?"),
    ],
)
def test_letters_that_an_encoding_lacks_have_plain_ones_in_their_place(text, shown):
    assert text.encode("ascii", "hepsets").decode("ascii") == shown


def test_bytes_of_a_path_that_is_no_text_stay_as_they_are():
    assert b"a\xff.root".decode("utf-8", "surrogateescape").encode("utf-8", "hepsets") == b"a\xff.root"


def test_a_process_without_utf_8_prints_what_it_has_to_say():
    done = subprocess.run(
        [sys.executable, "-c", SAY],
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=True,
    )
    assert done.stdout == b"dC9 <= 1 +- 2, Bbar\n"


@pytest.mark.parametrize(("closed", "fine"), [("2>&-", True), (">&-", False)])
def test_a_closed_standard_error_is_silent_and_a_closed_output_is_an_error(closed, fine):
    stream = "stderr" if fine else "stdout"
    code = f"import sys; {SAY}; print('x', file=sys.{stream}); sys.{stream}.flush()"
    shell = ["sh", "-c", f'"$0" -c "$1" {closed}', sys.executable, code]
    assert (subprocess.run(shell, capture_output=True, check=False).returncode == 0) is fine


def test_an_output_that_takes_no_more_is_named(monkeypatch):
    class Full:
        def write(self, _):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(sys, "stdout", Full())
    with pytest.raises(OSError, match="No space left on device: 'standard output'"):
        hepsets.core.streams.echo("much")
