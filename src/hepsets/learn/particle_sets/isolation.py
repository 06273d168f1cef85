"""Isolation learnt: a network on the set of tracks around a B candidate, whatever their number and order.

Classic isolation asks one track or one sum: how much transverse momentum is in a cone, by how much χ² of the
vertex grows with the track that suits it best. The network sees all tracks, each with its momentum,
direction, impact parameter and what it would do to the vertex.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from hepsets.core.errors import InputError
from hepsets.core.particle_sets import ParticleSets
from hepsets.learn.particle_sets.model import SetModel
from hepsets.learn.particle_sets.recipe import build_set_model
from hepsets.learn.tables.folds import TrainingPart, hold_families
from hepsets.learn.training.config import FitConfig
from hepsets.learn.training.score import score
from hepsets.represent.particle_sets.features import SetSpec
from hepsets.select.bs_dspi.candidates import AROUND

if TYPE_CHECKING:
    from hepsets.learn.training.fit import FitResult

TRACKS = SetSpec(
    "tracks",
    ("log_pt", "log_pt_share", "like_sign", "delta_eta", "abs_delta_phi", "log_ip_chi2", "log_vertex_chi2"),
)
"""The tracks around a candidate. ``log_pt`` is of GeV, ``log_pt_share`` of the candidate's p_T; ``like_sign``
is the product of the charges of track and bachelor; χ² of the impact parameter and of the vertex as
logarithms."""

CLASSIC = ("cone_asymmetry", "log_chi2_with_one_more")
"""The classic variables, as event columns of :func:`isolation_sets`."""

_LEAST_CHI2 = 1e-3


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class IsolationConfig:
    """The network, and how it is trained.

    Parameters
    ----------
    units, layers, dropout
        Of the network, see :class:`~hepsets.learn.particle_sets.model.SetModelConfig`.
    classic
        Whether it sees the classic variables besides.
    fit
        How it is trained.
    """

    units: int = Field(default=32, ge=1)
    layers: int = Field(default=2, ge=1)
    dropout: float = Field(default=0.1, ge=0.0, lt=1.0)
    classic: bool = False
    fit: FitConfig = Field(
        default_factory=lambda: FitConfig(
            epochs=15, batch=256, learning_rate=3e-3, stop_after=4, device="cpu"
        )
    )


def isolation_sets(candidates: ParticleSets) -> ParticleSets:
    """The tracks around candidates with the features of :data:`TRACKS`, and the classic variables.

    Parameters
    ----------
    candidates
        As of :func:`hepsets.select.bs_dspi.candidates.find_candidates`: with the tracks' columns
        :data:`~hepsets.select.bs_dspi.candidates.AROUND`, and the candidates' ``bs_pt`` [GeV],
        ``bachelor_charge``, ``cone_asymmetry`` and ``chi2_with_one_more``.

    Raises
    ------
    InputError
        If one of these is missing.
    """
    of_candidates = ("bs_pt", "bachelor_charge", "cone_asymmetry", "chi2_with_one_more")
    missing = [name for name in AROUND if name not in candidates.particles]
    missing += [name for name in of_candidates if name not in candidates.columns]
    if missing:
        raise InputError(
            f"candidates without {', '.join(missing)}", "what is known of them and of the tracks around them"
        )
    p, c, own = candidates.particles, candidates.columns, candidates.event_of_particle
    pt = np.asarray(p["pt"], dtype=np.float64)
    return ParticleSets(
        {
            "log_pt": np.log(pt),
            "log_pt_share": np.log(pt / np.asarray(c["bs_pt"], dtype=np.float64)[own]),
            "like_sign": p["charge"] * c["bachelor_charge"][own],
            "delta_eta": p["delta_eta"],
            "abs_delta_phi": np.abs(p["delta_phi"]),
            "log_ip_chi2": np.log(np.maximum(p["ip_chi2"], _LEAST_CHI2)),
            "log_vertex_chi2": np.log(np.maximum(p["vertex_chi2"], _LEAST_CHI2)),
            # as seen from the candidate, for the order of the tracks; none is a daughter
            "px": pt * np.cos(p["delta_phi"]),
            "py": pt * np.sin(p["delta_phi"]),
            "pz": pt * np.sinh(p["delta_eta"]),
            "from_candidate": np.zeros(len(pt), dtype=bool),
        },
        candidates.offsets,
        {
            "cone_asymmetry": c["cone_asymmetry"],
            "log_chi2_with_one_more": np.log(np.maximum(c["chi2_with_one_more"], _LEAST_CHI2)),
        },
        candidates.purpose,
    )


class LearntIsolation:
    """A trained network on the tracks around candidates. Make it with :func:`fit_isolation`.

    Parameters
    ----------
    model
        The network with its scales; :func:`hepsets.learn.files.save` keeps it.
    result
        What its training left.
    """

    def __init__(self, model: SetModel, result: FitResult) -> None:
        self.model = model
        self.result = result

    def score(self, candidates: ParticleSets) -> NDArray[np.float32]:
        """Probability of each candidate to be signal, shape ``(n,)``."""
        return score(self.model, isolation_sets(candidates))


def fit_isolation(part: TrainingPart[ParticleSets], config: IsolationConfig | None = None) -> LearntIsolation:
    """Train a network on the tracks around candidates, and stop by families that it does not see.

    For :func:`hepsets.learn.tables.folds.cross_train`.

    Parameters
    ----------
    part
        Candidates with labels, weights and families.
    config
        The network, and how it is trained.

    Raises
    ------
    InputError
        As :func:`isolation_sets`; for too few families.
    """
    from hepsets.learn.training.fit import fit  # takes a second to import, and the registry looks in here

    config = config or IsolationConfig()
    model = build_set_model(
        "deep_sets",
        sets=(TRACKS,),
        event_features=CLASSIC if config.classic else (),
        units=config.units,
        layers=config.layers,
        dropout=config.dropout,
        symmetries=False,
        seed=config.fit.seed,
    )
    sets = isolation_sets(part.events)
    train, held = hold_families(part.groups, part.labels, config.fit.validation_fraction, config.fit.seed)
    targets: NDArray[Any] = part.labels.astype(np.float32)
    result = fit(
        model,
        sets[train],
        targets[train],
        part.weights[train],
        config.fit,
        validation=(model.prepare(sets[held]), targets[held], part.weights[held]),
    )
    return LearntIsolation(model, result)
