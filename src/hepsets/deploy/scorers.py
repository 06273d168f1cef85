"""Find the trained model that is to be applied: of a file, of a run, exported, or a filter by its name."""

from __future__ import annotations

from pathlib import Path

from hepsets.core.errors import InputError
from hepsets.core.run import read_result
from hepsets.deploy.apply import Scorer
from hepsets.deploy.decay_tree_scores import DecayTreeScorer
from hepsets.deploy.filter.event_filter import CARD, EventFilter
from hepsets.deploy.filter.shipped import SHIPPED, filter_file
from hepsets.deploy.onnx.runtime import open_session

DEFAULT = "seeded/vertex_graph"
"""The model of a run for files of FCC-ee courses, which have seeded vertices and true kinds."""


def find_scorer(where: Path, name: str | None = None) -> Scorer:
    """The model of a file, or of a finished run.

    Parameters
    ----------
    where
        A file that a run, ``hs.save`` or ``hepsets export`` wrote, the folder of a run, or the name of a
        filter of the package.
    name
        Which model of a run, such as ``found/vertex_graph``; by default that of largest AUC on validation
        events, if the run says which (:func:`why_default`), the one for files of FCC-ee courses, or the
        only one.

    Raises
    ------
    InputError
        If there is no such model, it is unclear which is meant, or it does not score events one by one.
    """
    if where.is_dir():
        return scorer_of(_of_run(where, name))
    if str(where) not in SHIPPED and not where.exists():
        expected = f"the folder of a run, a model file, or one of {', '.join(SHIPPED)}"
        raise InputError(f"no file or folder {where}", expected, "check the path")
    if name is not None:
        raise InputError(f"a name, {name!r}, for the single file {where}", "no name")
    return scorer_of(filter_file(where) if str(where) in SHIPPED else where)


def scorer_of(path: Path) -> Scorer:
    """The model of a file.

    Raises
    ------
    InputError
        If it holds none that scores events one by one.
    """
    if path.suffix != ".onnx":
        return _trained(path)
    _, metadata = open_session(path, threads=1)
    if CARD in metadata:
        return DecayTreeScorer(EventFilter.load(path), path)
    if not {"sets", "classes"} & set(metadata):
        raise InputError(
            f"{path} is an exported {metadata.get('model', 'graph')} without all that apply must know",
            "an exported filter, or an exported model of particle sets or of events with vertices",
            "take the model's own file (.safetensors), or make a filter of the model: hepsets export",
        )
    return _exported(path, of_sets="sets" in metadata)


# -- what takes PyTorch, to make features at least, is imported when it is needed -------------------


def _exported(path: Path, *, of_sets: bool) -> Scorer:
    from hepsets.deploy.candidate_scores import CandidateScorer
    from hepsets.deploy.flavour_tags import FlavourTagger
    from hepsets.deploy.onnx.particle_sets import OnnxSetModel
    from hepsets.deploy.onnx.vertexed_events import OnnxVertexedModel

    if of_sets:
        return CandidateScorer(OnnxSetModel(path), path)
    exported = OnnxVertexedModel(path)
    return FlavourTagger(exported, path, exported.level)


def _trained(path: Path) -> Scorer:
    from hepsets.deploy.candidate_scores import CandidateScorer
    from hepsets.deploy.flavour_tags import FlavourTagger, FlavourTrees
    from hepsets.learn.decay_trees.model import EventModel
    from hepsets.learn.files import load
    from hepsets.learn.particle_sets.model import SetModel
    from hepsets.learn.tables.boosted_trees import BoostedTrees
    from hepsets.learn.tables.class_trees import ClassTrees
    from hepsets.learn.vertexed_events.model import VertexedModel

    model = load(path)
    if isinstance(model, VertexedModel):
        return FlavourTagger(model, path, model.config.level)
    if isinstance(model, ClassTrees):
        trees = FlavourTrees.of(model, path)
        return FlavourTagger(trees, path, trees.level)
    if isinstance(model, EventModel):
        return DecayTreeScorer.of_model(model, path)
    if isinstance(model, SetModel | BoostedTrees):
        return CandidateScorer(model, path)
    raise InputError(
        f"{path} holds the model {model.name!r} of {model.kind}",
        "a model that scores events one by one",
        "what is estimated of many events together hepsets infer tells",
    )


def _of_run(run: Path, name: str | None) -> Path:
    from hepsets.deploy.filter.export import models_of

    files = models_of(run)
    named = name is not None
    if name is None:
        name = _default(run, list(files))
    if name not in files:
        raise InputError(
            f"no model {name!r} in {run}" if named or not files else f"{run} without --name",
            f"one of {', '.join(files)}" if files else "the folder of a finished run",
            "name it with --name" if files else "",
        )
    return files[name]


def why_default(run: Path) -> str:
    """Why :func:`find_scorer` takes the model of a run that it takes, where nobody named one."""
    metrics = read_result(run)["metrics"] if (run / "result.json").exists() else {}
    if metrics.get("best_model") is None:
        return ""
    if metrics.get("crowned_model") == metrics["best_model"]:
        return "; the run calls it best"
    if len(metrics.get("models", ())) == 1:
        return "; the run has no other"
    return "; the run calls none best, and this one has the largest AUC on validation events"


def _default(run: Path, names: list[str]) -> str | None:
    best = read_result(run)["metrics"].get("best_model") if (run / "result.json").exists() else None
    if best in names:
        return str(best)
    return DEFAULT if DEFAULT in names or len(names) != 1 else names[0]
