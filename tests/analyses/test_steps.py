"""Rounds of events until there are enough of them, and steps that are made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from hepsets.analyses.steps import Rounds, rounds_until_enough, step


def made(workers: int) -> dict[str, list[int]]:
    """Numbers stand for events; ``abs`` makes them, since other processes know it."""
    kinds = {
        "b": Rounds(20, lambda number: [-2 * number, -number], first=1),
        "a": Rounds(1, lambda number: [-number - 1]),
    }
    return rounds_until_enough(abs, int, kinds, title="events", workers=workers)


def test_rounds_are_whole_and_as_few_as_can_be():
    assert made(1) == {"b": [2, 1, 4, 2, 6, 3, 8, 4], "a": [1]}


@pytest.mark.parametrize("workers", [2])
def test_they_do_not_depend_on_the_number_of_workers(workers):
    assert made(workers) == made(1)


def test_what_is_enough_at_once_is_one_round():
    assert rounds_until_enough(abs, int, {"a": Rounds(0, lambda _: [1])}, title="events") == {"a": [1]}


def test_no_round_is_begun_in_vain_where_their_size_is_known():
    begun: list[tuple[str, int]] = []

    def rounds(name: str, wanted: int) -> Rounds[int]:
        def tasks(number: int) -> list[int]:
            begun.append((name, number))
            return [10]

        return Rounds(wanted, tasks)

    kinds = {"many": rounds("many", 75), "few": rounds("few", 10), "one": rounds("one", 1)}
    rounds_until_enough(abs, int, kinds, title="events", workers=2)
    assert sorted(begun) == [("few", 0), *(("many", number) for number in range(8)), ("one", 0)]


def test_a_step_is_made_once(tmp_path):
    path = tmp_path / "step"
    assert step(path, lambda: "made", Path.write_text, Path.read_text) == "made"
    assert step(path, lambda: pytest.fail("made again"), Path.write_text, Path.read_text) == "made"


def test_a_run_goes_on_with_what_a_resumed_one_would_read(tmp_path):
    def write(path, number):
        path.write_text(f"{number:.3f}")

    found = [
        step(tmp_path / "third", lambda: 1 / 3, write, lambda path: float(path.read_text())) for _ in "12"
    ]
    assert found == [0.333, 0.333]


def test_a_step_that_fails_leaves_nothing(tmp_path):
    def stop() -> str:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        step(tmp_path / "step", stop, Path.write_text, Path.read_text)
    assert not list(tmp_path.iterdir())
