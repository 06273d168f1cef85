"""The command `hepsets`, run in this process."""

import sys

from hepsets.cli import main as cli


def hepsets(monkeypatch, capsys, *arguments):
    """Exit code, standard output and standard error of a command."""
    monkeypatch.setattr(sys, "argv", ["hepsets", *map(str, arguments)])
    code = 0
    try:
        cli.main()
    except SystemExit as stop:
        code = stop.code or 0
    streams = capsys.readouterr()
    return code, streams.out, streams.err
