"""Public names about models: register, fit, score, judge, save, load and export them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import nn

from hepsets.core.config import from_mapping
from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.core.events import Events
from hepsets.core.measured import Measured
from hepsets.core.particle_sets import ParticleSets
from hepsets.core.pdg import PdgMap
from hepsets.deploy.trunk_shipped import SHIPPED, checked_trunk
from hepsets.evaluate.scores.classification import classify
from hepsets.generate.kstmumu.density import named_window
from hepsets.learn import files
from hepsets.learn.data_sets.morphing import Morphing, fit_morphing
from hepsets.learn.data_sets.truth_ratios import TruthRatios
from hepsets.learn.decay_trees.own_module import own_event_model, own_event_recipe
from hepsets.learn.decay_trees.recipe import build_model
from hepsets.learn.particle_sets.own_module import own_set_recipe
from hepsets.learn.particle_sets.recipe import build_set_model
from hepsets.learn.pretraining.encoder import Trunk
from hepsets.learn.registry import Model, recipe, recipes, register
from hepsets.learn.tables.boosted_trees import BoostedTrees, BoostedTreesConfig, fit_trees
from hepsets.learn.training.config import FitConfig
from hepsets.learn.training.fit import FitResult
from hepsets.learn.training.fit import fit as fit_model
from hepsets.learn.training.score import score as score_events
from hepsets.learn.training.trainable import Trainable
from hepsets.learn.whole_events.model import build_whole_event_model
from hepsets.select.variables.continuum import VARIABLES

RARE = 20
"""PDG ids that occur less often in training are to a model what it has never seen."""


def register_model(
    name: str, make: Callable[..., nn.Module], *, kind: str = "decay_trees", **options: Any
) -> None:
    """Make a network of your own known by a name, wherever models are named, while this process runs.

    It is trained, compared, drawn, saved, loaded and exported as those of the package are: by :func:`fit`,
    and by :func:`run` among ``models``. A package of your own makes it known for good by an entry point, see
    docs/extending.md.

    Parameters
    ----------
    name
        What it is called in tables, figures and files. Once more, it takes the place of the first.
    make
        A class of ``nn.Module``, or a function, that gives a fresh network: called with a batch as
        :func:`fit` says (``particle_sets``: a
        :class:`~hepsets.represent.particle_sets.data.SetBatch`), it gives logits.
        Its parameters called ``n_features``, ``n_tokens`` or like an option are given these sizes.
    kind
        What it is applied to: ``"decay_trees"`` (smart background) or ``"particle_sets"`` (continuum
        suppression).
    options
        Of :class:`~hepsets.learn.decay_trees.model.ModelConfig`, or of
        :class:`~hepsets.learn.particle_sets.model.SetModelConfig`, such as ``units`` and ``sets``.

    Raises
    ------
    InputError
        For a name that is taken, another kind or option, or a ``make`` that is nothing to call.

    Examples
    --------
    >>> import hepsets as hs, torch
    >>> class Energies(torch.nn.Module):
    ...     def __init__(self, n_features):
    ...         super().__init__()
    ...         self.event = torch.nn.Linear(n_features, 1)
    ...
    ...     def forward(self, batch):
    ...         return self.event(batch.sum(batch.features))
    >>> hs.register_model("energies", Energies)
    >>> hs.list_models()[-1]
    'energies'
    """
    makers = {"decay_trees": own_event_recipe, "particle_sets": own_set_recipe}
    if kind not in makers:
        raise InputError(f"a model of {kind!r} to register", f"one of {', '.join(makers)}")
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z_]\w*", name):
        raise InputError(f"the model {name!r}", "a name of letters, digits and underscores")
    register(makers[kind](name, make, **options))


def fit(
    model: str | nn.Module,
    events: Events | ParticleSets | EventFrame,
    labels: ArrayLike | None = None,
    *,
    weights: ArrayLike | None = None,
    options: Mapping[str, Any] | None = None,
    **training: Any,
) -> Trainable | BoostedTrees | Morphing:
    """Train a model to tell the events that pass from those that do not, or to infer ΔC9 from many decays.

    Parameters
    ----------
    model
        A name that :func:`list_models` gives for this kind of events; or any ``torch.nn.Module`` of your own
        (:func:`register_model` gives it a name), for decay trees: it is called with a
        :class:`~hepsets.represent.decay_trees.batch.PackedBatch` (``features``, float32 of shape
        ``(n_particles, 8)``, scaled; ``tokens`` of the PDG ids; ``sum``, which sums over each event) and
        returns logits, shape ``(n_events,)`` or ``(n_events, 1)``. It is trained itself, not a copy.
    events
        Decay trees (:class:`Events`); candidates with the rest of the event (:class:`ParticleSets`, as
        :func:`candidates` finds them, or :func:`tag_sides`, for models of whole events); or, for
        ``"boosted_trees"``, anything with the columns ``variables`` of the options, the thirty against
        continuum by default. For ``"morphing"`` generated B⁰ → K*⁰μ⁺μ⁻ decays (:class:`EventFrame`) at
        several ΔC9, in the window that the option ``window`` names.
    labels
        Shape ``(n_events,)``: whether an event passes, or its probability to; none for ``"morphing"``.
    weights
        Shape ``(n_events,)``; all one by default. Some may be negative, such as sWeights.
    options
        Of the model, where they differ from its own, such as ``{"units": 16}``.
    training
        Of the training: ``epochs``, ``learning_rate``, ``batch``, ``seed`` and the further fields of
        :class:`~hepsets.learn.training.config.FitConfig`, or of trees those of
        :class:`~hepsets.learn.tables.boosted_trees.BoostedTreesConfig`.

    Returns
    -------
    Trainable, BoostedTrees or Morphing
        The trained model, in the state of its best epoch on the part of the events that validates. The last
        has ``infer(decays)``, which finds ΔC9 of all of them together.

    Raises
    ------
    InputError
        For an unknown model or option, labels or weights that do not fit, events that are for something else
        than training, or a loss that is not finite.

    Examples
    --------
    >>> import hepsets as hs, numpy as np
    >>> events = hs.generate("mixed", 60, seed=1)
    >>> model = hs.fit("deep_sets_pdg", events, np.arange(60) % 2, epochs=1, options={"units": 4})
    >>> hs.score(model, events).shape
    (60,)
    """
    given = dict(options or {})
    if model == "morphing":
        return _fit_morphing(events, labels, weights, given, training)
    if labels is None:
        raise InputError("no labels", "which events pass, shape (n_events,)")
    importance = None if weights is None else np.asarray(weights)
    if model == "boosted_trees":
        variables = given.pop("variables", VARIABLES)
        config = from_mapping(BoostedTreesConfig, {**given, **training}, source="fit")
        trees, _ = fit_trees(events, np.asarray(labels), variables, importance, config)
        return trees
    settings = from_mapping(FitConfig, training, source="fit")
    fresh = _fresh(model, events, {"seed": settings.seed, **given})
    fitted = fit_model(fresh, events, np.asarray(labels), importance, settings)
    fresh.told = _told(fresh, events, np.asarray(labels), importance, fitted)
    return fresh


def _told(model: Trainable, events: Any, labels: NDArray[Any], weights: Any, fitted: FitResult) -> str:
    """How a training went, for people: the AUC on validation events, if these have labels of both kinds."""
    held = fitted.validation_indices
    epochs = f"best epoch {fitted.best_epoch} of {len(fitted.history)}"
    text = f"trained on {len(fitted.train_indices):,} events, {epochs}"
    if labels.ndim != 1 or not np.isin(labels[held], (0, 1)).all() or len(np.unique(labels[held])) < 2:
        return text
    scores = score_events(model, fitted.validation(events))
    area = classify(labels[held], scores, None if weights is None else weights[held]).auc
    return f"{text}; AUC {area} on {len(held):,} validation events"


def _fit_morphing(events: Any, labels: Any, weights: Any, options: dict[str, Any], training: Any) -> Morphing:
    if not isinstance(events, EventFrame) or labels is not None or weights is not None:
        raise InputError("labels, weights or other events for morphing", "decays at several ΔC9 alone")
    window = named_window(options.pop("window", "0-20"))
    config = recipe("data_sets", "morphing").configured({**options, "fit": training})
    return fit_morphing(events, TruthRatios.of(events, window), config).model


def _fresh(model: str | nn.Module, events: Events | ParticleSets | EventFrame, options: Any) -> Trainable:
    if isinstance(model, Trainable):
        _refuse_others(model, events)
        return model
    if isinstance(events, Events):
        pdg_map = PdgMap.fit(events.particles["pdg"], min_count=RARE)
        if isinstance(model, nn.Module):
            return own_event_model(model, pdg_map, **options)
        if isinstance(model, str):
            return build_model(model, pdg_map, **options)
    if isinstance(events, ParticleSets) and isinstance(model, str):
        if model in recipes("whole_events"):
            return build_whole_event_model(model, **options)
        return build_set_model(model, **options)
    name = model if isinstance(model, str) else repr(model)[:40]
    raise InputError(
        f"the model {name} for a {type(events).__name__}",
        "decay trees (Events) for modules of your own; these or ParticleSets for networks of the package",
        "boosted_trees takes tables",
    )


def score(model: Trainable | BoostedTrees, events: Events | ParticleSets | EventFrame) -> NDArray[np.float32]:
    """Probability of each event to pass, by a trained model.

    Parameters
    ----------
    model
        What :func:`fit` or :func:`load` returned.
    events
        Of the kind that it was trained on.

    Returns
    -------
    ndarray
        Float32, shape ``(n_events,)``; by the first head of a model with several.

    Raises
    ------
    InputError
        For a model that gives no probabilities, or events without the columns that it takes.

    Examples
    --------
    >>> import hepsets as hs, numpy as np
    >>> sets = hs.ParticleSets({"px": np.zeros(400)}, np.arange(401), {"R2": np.arange(400) / 400})
    >>> trees = hs.fit("boosted_trees", sets, np.arange(400) > 200, options={"variables": ["R2"]}, trees=3)
    >>> bool(hs.score(trees, sets)[0] < hs.score(trees, sets)[-1])
    True
    """
    if isinstance(model, BoostedTrees):
        return model.score(events)
    if not isinstance(model, Trainable):
        raise InputError(f"a score of a {type(model).__name__}", "a model that hs.fit trained")
    _refuse_others(model, events)
    return score_events(model, events)


def _refuse_others(model: Trainable, events: object) -> None:
    """Refuse events of another kind than a model takes."""
    taken = {"decay_trees": Events, "particle_sets": ParticleSets, "whole_events": ParticleSets}.get(
        str(model.kind)
    )
    if taken is not None and not isinstance(events, taken):
        raise InputError(
            f"a {type(events).__name__} for {model.name}", f"{taken.__name__}, as it was trained on"
        )


def save(model: Model, path: str | Path) -> None:
    """Write a model to one file, whole or not at all; nothing in it is code.

    Parameters
    ----------
    model
        Of any kind. Of a module of your own the file holds the numbers, not the class.
    path
        Where the file shall stand, such as ``"model.safetensors"``.

    Raises
    ------
    InputError
        If nothing can be written there.

    Examples
    --------
    See :func:`load`.

    >>> import hepsets as hs
    """
    if not hasattr(model, "tensors"):
        raise InputError(f"a {type(model).__name__} to save", "a model that hs.fit or hs.load returned")
    files.save(model, path)


def load(path: str | Path, *, module: nn.Module | None = None) -> Any:
    """Read a model that :func:`save` or a run wrote: ready to use, on the CPU.

    Parameters
    ----------
    path
        The file.
    module
        For a model of your own that was not registered: a module of the class that was trained.

    Returns
    -------
    Model
        With ``name``, ``kind``, and what its kind can do; :func:`score` scores with it.

    Raises
    ------
    InputError
        If the file is missing, damaged, no model, or needs a ``module``.

    Examples
    --------
    >>> import hepsets as hs, numpy as np, tempfile
    >>> events = hs.generate("mixed", 60, seed=1)
    >>> model = hs.fit("deep_sets", events, np.arange(60) % 2, epochs=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     hs.save(model, f"{folder}/m.safetensors")
    ...     again = hs.load(f"{folder}/m.safetensors")
    >>> bool((hs.score(again, events) == hs.score(model, events)).all())
    True
    """
    return files.load(path) if module is None else files.load(path, module=module)


def load_trunk(name: str | Path = SHIPPED) -> Trunk:
    """Read a pre-trained trunk: an encoder of events that networks for tasks start from.

    Parameters
    ----------
    name
        ``"shipped"``, the package's own, or a file of ``hepsets pretrain``.

    Returns
    -------
    Trunk
        On the CPU; its ``card`` says what it was trained on and for.
        :mod:`hepsets.learn.pretraining.tuning` makes models of it, which :func:`fit` trains.

    Raises
    ------
    InputError
        If the file is missing, damaged or no trunk.

    Examples
    --------
    >>> import hepsets as hs
    >>> from hepsets.learn.pretraining.tuning import generated_model
    >>> model = generated_model(hs.load_trunk(), "head")  # a tree_encoder: hs.fit(model, events, labels)
    >>> hs.score(model, hs.generate("mixed", 10, seed=1)).shape
    (10,)
    """
    return Trunk.load(checked_trunk(name))


def export(model: Trainable, path: str | Path) -> None:
    """Write a trained network as one ONNX file, which gives its scores without PyTorch.

    :meth:`hepsets.public.analyses.Run.filter` makes a filter of a model of a run.

    Parameters
    ----------
    model
        What :func:`fit` or :func:`load` returned, a network of your own too.
    path
        Where the file shall stand. Its inputs and outputs are in docs/models.md.

    Raises
    ------
    InputError
        For a model that is no network.

    Examples
    --------
    >>> import hepsets as hs
    >>> hs.export("model.safetensors", "model.onnx")
    Traceback (most recent call last):
    hepsets.core.errors.InputError: a str to export; expected a network that was trained
    """
    from hepsets.deploy.onnx.kinds import export_network  # starts ONNX Runtime

    export_network(model, path)


def auc(labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None) -> Measured:
    """Area under the ROC curve: how likely a passing event has the greater score of two.

    Parameters
    ----------
    labels
        Shape ``(n_events,)``, bool: the event passes.
    scores
        Shape ``(n_events,)``, in [0, 1].
    weights
        Shape ``(n_events,)``; all one by default. Some may be negative, such as sWeights.

    Returns
    -------
    Measured
        The area and its standard error.

    Raises
    ------
    InputError
        For shapes that do not fit, a single class, or numbers that are not finite.

    Examples
    --------
    >>> import hepsets as hs
    >>> print(hs.auc([0, 0, 1, 1], [0.1, 0.4, 0.3, 0.9]))
    0.75 ± 0.35
    """
    return classify(labels, scores, weights).auc
