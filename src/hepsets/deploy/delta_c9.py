"""ΔC9 from a user's own events, by a model of a run: loaded, checked against its training, with warnings.

A run keeps one folder ``models/LEVEL_WINDOW/`` per level of realism and window of q², such as
``models/background_0-20/``, with ``morphing.safetensors`` (the likelihood), ``cells.safetensors`` (goodness
of fit), ``reference.safetensors`` (simulated events that a user's are compared with), ``domain.json`` (where
its training events lie), ``inference.json`` (what it is), without background ``rate.safetensors`` (its
normalisation in narrower ranges of q²), with background ``draws.safetensors`` (in place of missing columns).
Nothing in them is code.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame, read_frame
from hepsets.core.record import checksum_of_file, parse, sealed, unsealed
from hepsets.evaluate.estimates.domain import EventDomain
from hepsets.evaluate.estimates.event_mistakes import unit_of_q_squared
from hepsets.evaluate.estimates.event_verdict import Judge
from hepsets.evaluate.estimates.goodness_of_fit import CellModel, GoodnessOfFit
from hepsets.evaluate.estimates.reference_events import FOLDED_CHI, ReferenceEvents, with_folded_chi
from hepsets.evaluate.estimates.summary import Inference, intervals_of
from hepsets.formats.flat_table import read_columns
from hepsets.formats.root_files import split_tree
from hepsets.generate.kstmumu.density import VARIABLES, WINDOWS, Window, WindowName
from hepsets.generate.kstmumu.nuisances import theory_uncertainty
from hepsets.learn.data_sets.missing_columns import ColumnDraws
from hepsets.learn.data_sets.morphing import Morphing
from hepsets.learn.data_sets.quadratic_likelihood import DeltaC9Fit
from hepsets.learn.data_sets.rate_by_q_squared import RateByQSquared
from hepsets.learn.data_sets.truth_ratios import TruthRatios
from hepsets.learn.files import load, save

SCHEMA = "hepsets-delta-c9-inference-2"

CARD = "inference.json"
"""The file that makes a folder such a model."""

RATES = "rate.safetensors"
"""The file that tells the rate by q², where a model has one."""

Level = Literal["generator", "detector", "background"]

LEVELS: tuple[str, ...] = get_args(Level)
"""The levels of realism."""

MEASURED = ("mbc", "delta_e", "m_kpi")
"""Columns by which events are seen to be measured ones."""

LABEL = "delta_c9"
"""Column of the true value, in simulated events."""

STRANGE_RATIO = 2.0
"""Factor by which the fitted background over signal may differ from that of training without a warning."""

ROUNDING = 1e-6
"""By how much a cosine may exceed 1."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Provenance:
    """What a model is and where it comes from.

    Parameters
    ----------
    level
        Of realism: true decays (``generator``), measured ones (``detector``), or those among background.
    window
        Name of the window of q².
    seed
        Of the run.
    version
        Of hepsets that made it.
    """

    level: Level
    window: WindowName
    seed: int
    version: str = dataclasses.field(default_factory=lambda: version("hepsets"))


@dataclasses.dataclass(frozen=True, eq=False)
class DeltaC9Inference:
    """All that it takes to infer ΔC9 from events.

    Parameters
    ----------
    morphing
        The likelihood.
    cells
        Goodness of fit.
    domain
        Where the training events lie.
    provenance
        What the model is.
    reference
        Simulated events that a user's are compared with.
    draws
        Columns that tell signal from background, in simulated events: they stand in for missing ones.
    rates
        The rate by q²; models of earlier versions and those with background do not know it.
    q_squared
        Limits of a range within the window that the model was narrowed to [GeV²].
    """

    morphing: Morphing
    cells: CellModel
    domain: EventDomain
    provenance: Provenance
    reference: ReferenceEvents
    draws: ColumnDraws | None = None
    rates: RateByQSquared | None = None
    q_squared: tuple[float, float] | None = None

    @classmethod
    def of(
        cls,
        morphing: Morphing,
        frame: EventFrame,
        truth: TruthRatios,
        *,
        level: str,
        window: str,
        set_events: tuple[int, int],
        seed: int,
    ) -> DeltaC9Inference:
        """A model with the cells and the domain of simulated events.

        Parameters
        ----------
        morphing
            The trained likelihood.
        frame
            Simulated events, such as those of its training, with ``delta_c9``; background has
            ``is_signal`` false.
        truth
            Density ratios of its signal events, in their order.
        level, window
            Their names.
        set_events
            Least and greatest number of events, background included, of the sets that it was judged on.
        seed
            Of the run.

        Raises
        ------
        InputError
            As :meth:`CellModel.of`, and for names that do not exist.
        """
        provenance = _provenance({"level": level, "window": window, "seed": seed})
        besides = morphing.config.signal_columns if morphing.odds else ()
        columns = (*VARIABLES, *besides)
        cut = (*VARIABLES[:-1], FOLDED_CHI, *besides[:1])
        cells = CellModel.of(with_folded_chi(frame), truth, variables=cut)
        reference = ReferenceEvents.of(frame, truth, columns[: len(VARIABLES) + 1], seed)
        domain = EventDomain.of(frame, WINDOWS[window].vetoes, set_events, columns)
        if besides:
            draws = ColumnDraws.of(morphing, frame, truth, seed)
            return cls(morphing, cells, domain, provenance, reference, draws)
        rates = RateByQSquared.of(frame["q_squared"].astype(np.float64), morphing.terms(frame), truth)
        return cls(morphing, cells, domain, provenance, reference, rates=rates)

    @property
    def window(self) -> Window:
        """The q² that the model is for."""
        whole = WINDOWS[self.provenance.window]
        return whole if self.q_squared is None else Window(*self.q_squared, whole.vetoes)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the model uses; only :data:`VARIABLES` must be there."""
        return (*VARIABLES, *(self.draws.columns if self.draws is not None else ()))

    def save(self, folder: str | Path, *, compact: bool = False) -> None:
        """Write the model's folder, whole or not at all; one that stands there is replaced.

        Parameters
        ----------
        folder
            The folder.
        compact
            See :meth:`ReferenceEvents.save`.

        Raises
        ------
        InputError
            If nothing can be written there.
        """
        folder = Path(folder)
        partial = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}.partial")
        old = partial.with_suffix(".old")
        try:
            partial.mkdir(parents=True)
            save(self.morphing, partial / "morphing.safetensors")
            self.cells.save(partial / "cells.safetensors")
            self.reference.save(partial / "reference.safetensors", compact=compact)
            self.domain.write(partial / "domain.json")
            if self.draws is not None:
                self.draws.save(partial / "draws.safetensors")
            if self.rates is not None:
                self.rates.save(partial / RATES)
            digests = {path.name: checksum_of_file(path) for path in sorted(partial.iterdir())}
            card = sealed({"schema": SCHEMA, "files": digests, **dataclasses.asdict(self.provenance)})
            (partial / CARD).write_text(json.dumps(card) + "\n", encoding="utf-8")
            if folder.exists():
                folder.rename(old)
            try:
                partial.rename(folder)
            except OSError:
                old.rename(folder)
                raise
        except OSError as error:
            raise InputError(
                f"{folder} cannot be written ({error.strerror})", "a folder to write to"
            ) from error
        finally:
            shutil.rmtree(partial, ignore_errors=True)
            shutil.rmtree(old, ignore_errors=True)

    @classmethod
    def load(cls, folder: str | Path) -> DeltaC9Inference:
        """Read what :meth:`save` wrote; never executes code from the files.

        Raises
        ------
        InputError
            If a file is missing, broken or something else, or the files do not belong together.
        """
        folder = Path(folder)
        card = folder / CARD
        if not card.is_file():
            raise InputError(f"no file {card}", "a model that a run of delta-c9 wrote", "check the folder")
        try:
            record = parse(card.read_text(encoding="utf-8"))
            schema = record["schema"]
            if schema != SCHEMA:
                raise InputError(
                    f"{card} of schema {schema!r}", repr(SCHEMA), "use the version of hepsets that wrote it"
                )
            record = unsealed(record, card)
            del record["schema"]
            digests = record.pop("files", {})  # models of earlier versions do not name any
            provenance = _provenance(record)
        except InputError:
            raise
        except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
            raise InputError(f"{card} is damaged ({error})", f"a file of schema {SCHEMA}") from error
        morphing = load(folder / "morphing.safetensors", Morphing)
        if (provenance.level == "background") != bool(morphing.odds):
            raise InputError(
                f"{folder}: a model of {provenance.level} level "
                f"{'with' if morphing.odds else 'without'} background",
                "the files of one model",
            )
        model = cls(
            morphing,
            CellModel.load(folder / "cells.safetensors"),
            EventDomain.read(folder / "domain.json"),
            provenance,
            ReferenceEvents.load(folder / "reference.safetensors"),
            ColumnDraws.load(folder / "draws.safetensors") if morphing.odds else None,
            RateByQSquared.load(folder / RATES) if (folder / RATES).is_file() else None,
        )
        _refuse_foreign(folder, digests)  # each file is sound, but they may be of several models
        return model

    def infer(self, frame: EventFrame) -> Inference:
        """ΔC9 of one data set, with all that limits it.

        Parameters
        ----------
        frame
            The events, with :data:`VARIABLES`. The angle χ may be of any turn. If anything else of
            :attr:`columns` is missing, that costs separation from background.

        Raises
        ------
        InputError
            For missing variables, values that are not finite or that no decay can have, and if no event
            lies in the window.
        """
        events = self._checked(frame)
        missing, domain, cells = self._for_columns_of(frame)
        inside = self._in_window(events)
        used = domain.usable(inside)
        if self.draws is not None and missing:
            fit = self.draws.infer(self.morphing, used)
        else:
            fit = self.morphing.infer(used)
        warnings = []
        if len(inside) < len(events):
            warnings.append(
                f"{len(events) - len(inside)} of {len(events)} events are left out: their q² is not in the "
                f"window {self.window_name}, or in a veto."
            )
        if missing:
            warnings.append(
                f"Without {', '.join(missing)} background is told from signal by q² and the angles alone: "
                "the interval is wider, and a background unlike the simulated one biases the result."
            )
        warnings += [*domain.warnings(inside), *_mixed_labels(used), *self._warnings_of_fit(fit)]
        goodness: GoodnessOfFit | None = None
        try:
            goodness = cells.compare(with_folded_chi(used), fit)
        except InputError as error:
            warnings.append(f"The goodness of fit is not known: {error.came}; it takes {error.expected}.")
        morphing = self.morphing
        verdict = self._judge(cells).verdict(used)
        return Inference(
            verdict=verdict,
            delta_c9=fit.value,
            **intervals_of(fit, morphing.limits),
            simulation_se=float(np.interp(fit.value, morphing.simulation_points, morphing.simulation_se)),
            # it changes slowly, and at round values it is known from the data set before
            theory=theory_uncertainty(round(fit.value, 1), self.window),
            events=len(used),
            events_given=len(frame),
            background_fraction=fit.background_fraction if np.isfinite(fit.background_fraction) else None,
            curve_delta_c9=fit.delta_c9,
            curve_log_likelihood=fit.log_likelihood,
            goodness_of_fit=goodness,
            level=self.provenance.level,
            window=self.window_name,
            warnings=(*verdict.warnings(), *warnings),
        )

    def likeness(self, frame: EventFrame) -> float | None:
        """The p-value of all events, if all of them look like the model's; no cause is sought if not.

        Raises
        ------
        InputError
            As :meth:`infer`.
        """
        _, domain, cells = self._for_columns_of(frame)
        used = domain.usable(self._in_window(self._checked(frame)))
        if len(used) < len(frame):
            return None
        verdict = self._judge(cells).verdict(used, causes=False)
        return verdict.p_value if verdict.answer != "no" else None

    def _for_columns_of(self, frame: EventFrame) -> tuple[list[str], EventDomain, CellModel]:
        """Columns that are missing, and what domain and cells are without those that tell background."""
        missing = [name for name in self.columns if name not in frame]
        ignored = self.draws.columns if missing and self.draws is not None else ()
        ranges = {name: ends for name, ends in self.domain.ranges.items() if name not in ignored}
        return missing, dataclasses.replace(self.domain, ranges=ranges), cells_without(self.cells, ignored)

    @property
    def window_name(self) -> str:
        """The name of the window, with the range that the model was narrowed to."""
        if self.q_squared is None:
            return self.provenance.window
        return f"{self.provenance.window}, cut to {self.q_squared[0]:g} to {self.q_squared[1]:g} GeV²"

    def _judge(self, cells: CellModel) -> Judge:
        columns = [name for name in self.reference.frame.columns if name in (*VARIABLES, *cells.variables)]
        return Judge(
            self.reference.with_folded_chi(),
            cells,
            columns,
            self.provenance.window,
            self.morphing.limits,
        )

    def _checked(self, frame: EventFrame) -> EventFrame:
        """The events with χ in (−π, π], after refusing what cannot be meant."""
        missing = [name for name in VARIABLES if name not in frame]
        if missing:
            raise InputError(
                f"events without {', '.join(missing)} (they have {', '.join(frame.columns)})",
                f"the columns {', '.join(VARIABLES)}",
                "rename the columns",
            )
        for name in (name for name in self.columns if name in frame):
            # networks work in single precision
            with np.errstate(over="ignore"):
                bad = int((~np.isfinite(frame[name].astype(np.float32))).sum())
            if bad:
                raise InputError(
                    f"{bad} of {len(frame)} events with {name} that is not finite",
                    "finite numbers",
                    "leave these rows out (DataFrame.dropna() in pandas) and find out why they are there",
                )
        for name in ("costheta_mu", "costheta_K"):
            beyond = int((np.abs(frame[name].astype(np.float64)) > 1 + ROUNDING).sum())
            if beyond:
                raise InputError(
                    f"{beyond} of {len(frame)} events with {name} beyond ±1",
                    "cosines",
                    "take the cosine, if these are angles",
                )
        chi = frame["chi"].astype(np.float64)
        beyond = int((np.abs(chi) > 2 * np.pi + ROUNDING).sum())
        if beyond:
            degrees = np.abs(chi).max() <= 360 + ROUNDING
            raise InputError(
                f"{beyond} of {len(frame)} events with chi beyond ±2π",
                "an angle in radians",
                "multiply by π/180: these are degrees" if degrees else "these are no degrees either",
            )
        wrapped = np.pi - (np.pi - chi) % (2 * np.pi)
        return frame.with_columns(chi=np.where(np.abs(chi) > np.pi, wrapped, chi))

    def _in_window(self, frame: EventFrame) -> EventFrame:
        window = self.window
        inside = window.contains(frame["q_squared"].astype(np.float64))
        if not inside.any():
            vetoes = "".join(f", not within {low:g} to {high:g}" for low, high in window.vetoes)
            raise InputError(
                f"{len(frame)} events, none of them in the window",
                f"q² from {window.low:g} to {window.high:g} GeV²{vetoes}",
                unit_of_q_squared(frame["q_squared"].astype(np.float64), window),
            )
        events: EventFrame = frame[inside]
        return events

    def _warnings_of_fit(self, fit: DeltaC9Fit) -> list[str]:
        found = list(self.domain.warnings_of_fit(fit.value, fit.low, fit.high))
        if fit.at_limit:
            least, most = self.morphing.limits
            found.append(
                f"The likelihood reaches a limit of the model, ΔC9 from {least:g} to {most:g}: there is no "
                "interval on that side."
            )
        if np.isfinite(fit.background_fraction):
            ratio = fit.background_fraction / max(1 - fit.background_fraction, 1e-9)
            expected = self.morphing.config.background_over_signal
            if not expected / STRANGE_RATIO <= ratio <= expected * STRANGE_RATIO:
                found.append(
                    f"The fitted background over signal, {ratio:.2g}, is far from the {expected:.2g} of "
                    "training, which the correction of the last bias was made for."
                )
        return found


def models_of(
    run: str | Path, level: str | None = None, window: str | None = None
) -> dict[tuple[str, str], DeltaC9Inference]:
    """The models in a run's folder by level and window, the most realistic level and the widest window first.

    Parameters
    ----------
    run
        The folder; a model's own folder counts as a run with one model.
    level, window
        Only those.

    Raises
    ------
    InputError
        If there is no such folder or no such model in it, or as :meth:`DeltaC9Inference.load`.
    """
    run = Path(run)
    if not run.is_dir():
        raise InputError(f"no folder {run}", "the folder of a finished run of delta-c9", "check the path")
    if (run / CARD).is_file():
        model = DeltaC9Inference.load(run)
        places: dict[tuple[str, str], Path] = {(model.provenance.level, model.provenance.window): run}
    else:
        places = {
            (one, name): run / "models" / f"{one}_{name}"
            for one in reversed(LEVELS)
            for name in WINDOWS
            if (run / "models" / f"{one}_{name}" / CARD).is_file()
        }
    if not places:
        raise InputError(
            f"{run} holds no model to infer ΔC9 with",
            "the folder of a finished run of delta-c9 with morphing among its models",
        )
    asked = {
        key: path for key, path in places.items() if level in (None, key[0]) and window in (None, key[1])
    }
    if not asked:
        raise InputError(
            f"no model {' '.join(name for name in (level, window) if name is not None)} in {run}",
            "; ".join(f"--level {one} --window {name}" for one, name in places),
        )
    return {key: DeltaC9Inference.load(path) for key, path in asked.items()}


def read_events(
    path: str | Path,
    models: Iterable[DeltaC9Inference],
    names: Mapping[str, str] | None = None,
    *,
    trust_pickle: bool = False,
) -> EventFrame:
    """Read a user's events: the four variables, and what else models use and the file has.

    Parameters
    ----------
    path
        ROOT (``FILE.root:TREE`` names one of several trees), parquet, CSV with a header, or a pickled data
        frame.
    models
        Models that may be applied.
    names
        What the file calls a column, where it is another name.
    trust_pickle
        Read a pickle, which may run any code while it is read.

    Raises
    ------
    InputError
        As :func:`~hepsets.core.event_frame.read_frame`, and for names of columns that no model has.
    """
    names = names or {}
    known = tuple(
        dict.fromkeys([*VARIABLES, *MEASURED, *(name for model in models for name in model.columns), LABEL])
    )
    unknown = [name for name in names if name not in known]
    if unknown:
        raise InputError(f"a name for a column {unknown[0]!r}", f"one of {', '.join(known)}")
    called = {name: names.get(name, name) for name in known}
    doubled = [own for own, times in Counter(called.values()).items() if times > 1]
    if doubled:
        raise InputError(f"column {doubled[0]!r} of the file for two columns", "one for each")
    wanted = [called[name] for name in dict.fromkeys([*VARIABLES, *names])]
    optional, remedy = list(called.values()), "say what the file calls them: --column q_squared=NAME"
    if split_tree(path)[0].suffix == ".root":
        frame = read_columns(path, wanted, optional=optional, remedy=remedy)
    else:
        frame = read_frame(path, wanted, optional=optional, trust_pickle=trust_pickle, remedy=remedy)
    return EventFrame({name: frame[own] for name, own in called.items() if own in frame})


def choose(
    models: Mapping[tuple[str, str], DeltaC9Inference], frame: EventFrame
) -> tuple[DeltaC9Inference, tuple[str, ...]]:
    """The model for these events, and what to mind about the choice if there was one.

    Events with measured columns (:data:`MEASURED`) get the most realistic level, others the least; then the
    narrowest window that holds as many of them as the widest.
    """
    levels = [name for name in LEVELS if any(name == level for level, _ in models)]
    level = levels[-1] if any(name in frame for name in MEASURED) else levels[0]
    warnings = []
    if len(levels) > 1 and level != "background":
        taken = "true decays" if level == "generator" else "measured ones without background"
        others = " or ".join(f"--level {name}" for name in levels if name != level)
        warnings.append(f"The events are taken for {taken} (level {level}); if they are not, give {others}.")
    windows = [window for of_level, window in models if of_level == level]
    inside = {name: int(WINDOWS[name].contains(frame["q_squared"]).sum()) for name in windows}
    fitting = [name for name in windows if inside[name] == max(inside.values())]
    window = min(fitting, key=lambda name: sum(high - low for low, high in WINDOWS[name].segments()))
    return models[level, window], tuple(warnings)


def models_that_fit(
    models: Mapping[tuple[str, str], DeltaC9Inference], chosen: DeltaC9Inference, frame: EventFrame
) -> tuple[str, ...]:
    """Which other models of a run all of the events look like, in whole sentences."""
    found = []
    for (level, window), model in models.items():
        if model.provenance == chosen.provenance:
            continue
        try:
            p_value = model.likeness(frame)
        except InputError:
            continue
        if p_value is not None:
            found.append(
                f"The events look like the model --level {level} --window {window} (p = {p_value:.2g})."
            )
    return tuple(found)


def cells_without(cells: CellModel, missing: Sequence[str]) -> CellModel:
    """The larger cells that are left if no cut in a missing variable is made, nor any after it."""
    cuts = [cells.variables[k % len(cells.variables)] for k in range(cells.levels)]
    levels = next((k for k, name in enumerate(cuts) if name in missing), len(cuts))
    return cells.joined(levels, [name for name in cells.variables if name not in missing])


def _mixed_labels(frame: EventFrame) -> list[str]:
    if LABEL not in frame:
        return []
    labels = np.unique(frame[LABEL])
    labels = labels[np.isfinite(labels)]
    if len(labels) < 2:
        return []
    return [
        f"The events are labelled with {len(labels)} values of ΔC9 from {labels[0]:g} to {labels[-1]:g}: "
        "no single value describes them."
    ]


def _refuse_foreign(folder: Path, digests: Mapping[str, str]) -> None:
    """Refuse files of several models in one folder: each is sound, together they give a wrong number."""
    for name, digest in digests.items():
        path = folder / name
        if path.is_file() and checksum_of_file(path) != digest:
            raise InputError(
                f"{path} is not the file that {folder / CARD} was written with",
                "the files of one model",
                "copy the whole folder of the model",
            )


def _provenance(record: Mapping[str, object]) -> Provenance:
    try:
        return TypeAdapter(Provenance).validate_python(dict(record))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{where} = {first['input']!r}", first["msg"]) from error
