"""Whatever is read may be damaged: one line that says so, or exactly what was written; nothing is left.

Each input has a number; with the target and the seed it is made again. ``make fuzz`` tries many
(``FUZZ_SEED`` and ``FUZZ_INPUTS`` change which and how many for each target), ``make test`` a few.
"""

from __future__ import annotations

import os
import zlib

import numpy as np
import pyhepmc
import pytest
from helpers.command import hepsets
from helpers.fuzz_targets import TARGETS, TEXT, digest, mutated
from helpers.hepmc_text import hepmc_text
from helpers.small_filter import beam_events

from hepsets.core.errors import InputError

SEED = int(os.environ.get("FUZZ_SEED", "20261129"))
MANY = int(os.environ.get("FUZZ_INPUTS", "150"))
SIZES = [4, pytest.param(MANY, marks=pytest.mark.fuzz)]
FEW = [(name, 4) for name in TARGETS if name != "model of sets as ONNX"]  # whose export takes long
ALL = [pytest.param(name, MANY, marks=pytest.mark.fuzz) for name in TARGETS]


def generator(name: str, number: int) -> np.random.Generator:
    return np.random.default_rng([SEED, zlib.crc32(name.encode()), number])


@pytest.mark.parametrize(("name", "inputs"), FEW + ALL)
@pytest.mark.filterwarnings("default")
def test_a_damaged_file_is_refused_or_says_what_was_written(name, inputs, tmp_path):
    target = TARGETS[name]
    assert target.digest
    path = tmp_path / f"damaged{target.suffix}"
    faults = []
    for number in range(inputs):
        path.write_bytes(mutated(target.content, generator(name, number), target.text))
        try:
            found = digest(target.read(path))
        except InputError as error:
            if "\n" in str(error)[:-1] or len(str(error)) > 5000:
                faults.append(f"input {number}: a long message: {str(error)[:200]}")
        except Exception as error:
            faults.append(f"input {number}: {type(error).__name__}: {str(error)[:200]}")
        else:
            if target.checked and found != target.digest:
                faults.append(f"input {number}: other numbers without a word")
    assert not faults, f"{name}, seed {SEED}, of {inputs}: " + "\n".join(faults)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


SMALL = hepmc_text(beam_events(4, 2), names=("nominal", "scale"))


def hepmc3_reads(path) -> int:
    """How many events HepMC3's own reader finds."""
    with pyhepmc.open(str(path)) as file:
        return sum(1 for _ in file)


@pytest.mark.parametrize("inputs", SIZES)
def test_what_leaves_the_filter_with_exit_code_0_hepmc3_reads(inputs, tmp_path, monkeypatch, capsys):
    faults = []
    for number in range(inputs):
        source, target = tmp_path / "in.hepmc", tmp_path / "out.hepmc"
        source.write_bytes(mutated(SMALL, generator("filter", number), True))
        code, _, err = hepsets(monkeypatch, capsys, "filter", source, "--out", target, "--mode", "score")
        if code == 0:
            events = target.read_bytes().count(b"\nE ")
            try:
                found = hepmc3_reads(target)
            except RuntimeError as error:
                found = str(error)
            if found != events:
                faults.append(f"input {number}: {events} events, of which HepMC3 reads {found}")
        elif code != 2 or err.count("\n") != 1:
            faults.append(f"input {number}: exit code {code}: {err[-300:]}")
        left = {path.name for path in tmp_path.iterdir()} - {
            "in.hepmc",
            *(["out.hepmc"] if code == 0 else []),
        }
        if left:
            faults.append(f"input {number}: left {left}")
        target.unlink(missing_ok=True)
    assert not faults, f"seed {SEED}, of {inputs}: " + "\n".join(faults)


ARGUMENTS = {
    "filter": "--out --mode --form --floor --threshold --seed --sample --model --report --protect",
    "generate": "--events --out --delta-c9 --window --seed",
    "simulate": "--out --skim --candidates --seed",
    "infer": "--model --level --window --column --out --curve",
    "export": "--model --out --data",
    "run": "--config --set --data --test-data --study --out --seed",
    "produce": "--set --out --scheduler",
    "tune": "--trials --model --set --storage",
}
VALUES = [
    *("-", ".", "in.hepmc", "missing", "in.hepmc:tree", "x.root:tree", "no/where/a.parquet", "a.parquet"),
    *("b.html", "nan", "-1", "1e400", "0", "2", "importance", "score", "mixed", "kstmumu", "hadronic_b0"),
    *("a=b", "fit.epochs=x", "seed=-1", "data=3", "=", "a.b.c=[", "ccbar", "test", "0-20", "\udcff", "µ"),
    *("", "9" * 30, "x" * 300),
]
FIRST = dict.fromkeys(("run", "tune"), ("smart-background", "--data", "missing.parquet"))
"""So that what takes minutes ends early."""


@pytest.mark.parametrize("inputs", [8, pytest.param(2 * MANY, marks=pytest.mark.fuzz)])
def test_whatever_stands_on_the_command_line_gives_no_traceback(inputs, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.hepmc").write_bytes(TEXT[: len(TEXT) // 2])  # so that no command has much to do
    faults = []
    for number in range(inputs):
        rng = generator("arguments", number)
        command = list(ARGUMENTS)[rng.integers(len(ARGUMENTS))]
        arguments = [VALUES[rng.integers(len(VALUES))] for _ in range(rng.integers(0, 3))]
        arguments += FIRST.get(command, ())
        for option in rng.permutation(ARGUMENTS[command].split())[: rng.integers(0, 5)]:
            arguments += [str(option), VALUES[rng.integers(len(VALUES))]]
        try:
            code, _, err = hepsets(monkeypatch, capsys, command, *arguments)
        except Exception as error:
            faults.append(
                f"input {number}: {command} {arguments}: {type(error).__name__}: {str(error)[:200]}"
            )
            continue
        if code not in (0, 2, 3) or "Traceback" in err:
            faults.append(f"input {number}: {command} {arguments}: exit code {code}: {err[-300:]}")
        if code == 2 and list(tmp_path.rglob("*.partial")):
            faults.append(f"input {number}: {command} {arguments}: left {list(tmp_path.rglob('*.partial'))}")
    assert not faults, f"seed {SEED}, of {inputs}: " + "\n".join(faults)
