import json

import pytest
from pydantic.dataclasses import dataclass

from hepsets.core.errors import InputError
from hepsets.core.run import RunFolder, log


@dataclass(frozen=True)
class Config:
    events: int = 3


def test_a_finished_run_has_its_config_result_and_log(tmp_path):
    with RunFolder(tmp_path / "run", Config()) as run:
        log.info("half way")
        run.finish("smart-background", "quick", 1, {"auc": 0.5})
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert result["metrics"] == {"auc": 0.5}
    assert result["versions"]["hepsets"]
    assert "half way" in (tmp_path / "run" / "log.txt").read_text()
    assert (tmp_path / "run" / "config.toml").read_text() == "events = 3\n"
    assert not (tmp_path / "run.partial").exists()


def killed_run(path, **options):
    with RunFolder(path, Config(**options)):
        raise KeyboardInterrupt


def test_a_killed_run_never_looks_finished_and_can_be_resumed(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        killed_run(tmp_path / "run")
    assert not (tmp_path / "run").exists()
    with pytest.raises(InputError, match="--resume"), RunFolder(tmp_path / "run", Config()):
        pass
    with RunFolder(tmp_path / "run", Config(), resume=True) as run:
        run.finish("a", "quick", 1, {})
    assert (tmp_path / "run" / "result.json").is_file()


def test_a_run_is_not_resumed_with_another_configuration(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        killed_run(tmp_path / "run")
    with (
        pytest.raises(InputError, match="another configuration"),
        RunFolder(tmp_path / "run", Config(events=4), resume=True),
    ):
        pass


@dataclass(frozen=True)
class LaterConfig:
    events: int = 3
    trials: int = 100


def test_a_run_of_a_version_that_knew_fewer_settings_is_resumed_with_their_defaults_alone(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        killed_run(tmp_path / "run")
    for other in (LaterConfig(trials=20), LaterConfig(events=4)):
        with (
            pytest.raises(InputError, match="another configuration"),
            RunFolder(tmp_path / "run", other, resume=True),
        ):
            pass
    with RunFolder(tmp_path / "run", LaterConfig(), resume=True) as run:
        run.finish("a", "quick", 1, {})
    assert (tmp_path / "run" / "config.toml").read_text() == "events = 3\ntrials = 100\n"


def test_a_run_refused_for_its_input_leaves_nothing(tmp_path):
    def refused():
        with RunFolder(tmp_path / "run", Config()):
            raise InputError("nonsense", "sense")

    with pytest.raises(InputError):
        refused()
    assert list(tmp_path.iterdir()) == []


def test_a_refused_run_leaves_none_of_the_folders_that_it_made_and_all_others(tmp_path):
    def refused(out, **options):
        with RunFolder(out, Config(), **options):
            raise InputError("nonsense", "sense")

    (tmp_path / "mine").mkdir()
    for out in (tmp_path / "mine" / "run", tmp_path / "a" / "b" / "run"):
        for resume in (False, True):
            with pytest.raises(InputError, match="nonsense"):
                refused(out, resume=resume)
    assert list(tmp_path.rglob("*")) == [tmp_path / "mine"]


def test_a_folder_that_cannot_be_made_is_refused_in_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be made"), RunFolder(tmp_path / "file" / "run", Config()):
        pass


def test_work_that_was_done_before_bad_input_came_up_can_be_resumed(tmp_path):
    def refused_late():
        with RunFolder(tmp_path / "run", Config()) as run:
            (run.path / "models" / "deep_sets.safetensors").write_text("weights")
            raise InputError("nonsense", "sense")

    with pytest.raises(InputError):
        refused_late()
    with RunFolder(tmp_path / "run", Config(), resume=True) as run:
        assert (run.path / "models" / "deep_sets.safetensors").read_text() == "weights"
        run.finish("a", "quick", 1, {})


def test_a_finished_run_is_never_overwritten(tmp_path):
    (tmp_path / "run").mkdir()
    with pytest.raises(InputError, match="exists"), RunFolder(tmp_path / "run", Config()):
        pass


@pytest.mark.parametrize("folder", ["", ".", "/"])
def test_a_folder_that_has_no_name_of_its_own_is_there_already(folder):
    with pytest.raises(InputError, match="exists"):
        RunFolder(folder, Config())


def test_a_metric_that_is_not_finite_is_our_fault_and_not_written(tmp_path):
    with RunFolder(tmp_path / "run", Config()) as run, pytest.raises(ValueError, match=r"metrics.a\[1\]"):
        run.finish("a", "quick", 1, {"a": [1.0, float("nan")]})
    assert not (tmp_path / "run").exists()
