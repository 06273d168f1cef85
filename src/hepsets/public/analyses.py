"""Public names about whole analyses: run one, infer from one's own events with what a run left."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hepsets.analyses.runs import RunOptions
from hepsets.analyses.runs import run as run_analysis
from hepsets.analyses.shown import plotted, told
from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.core.screen import on_screen
from hepsets.deploy.delta_c9 import models_of, read_events
from hepsets.deploy.delta_c9_range import choose_for_range
from hepsets.deploy.delta_c9_shipped import run_folder
from hepsets.evaluate.estimates.summary import Inference

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from hepsets.deploy.filter.event_filter import EventFilter


@dataclass(frozen=True, repr=False)
class Run:
    """A finished run.

    Parameters
    ----------
    folder
        Where configuration, ``result.json``, ``report.html``, figures and models stand.
    result
        Everything that the analysis found.
    analysis
        Its name.
    """

    folder: Path
    result: Any
    analysis: str

    def __repr__(self) -> str:
        """Its headline, with uncertainties, on one screen."""
        return on_screen(told(self.analysis, self.result), f"report: {self.folder / 'report.html'}")

    def plot(self, name: str | None = None) -> Figure:
        """A figure of the report; the main one by default.

        Raises
        ------
        InputError
            If the report has no such figure; it names those that there are.
        """
        return plotted(self.analysis, self.result, name)

    @property
    def metrics(self) -> Mapping[str, Any]:
        """What ``result.json`` holds under this name."""
        metrics: Mapping[str, Any] = self.result.metrics
        return metrics

    def filter(self, model: str, path: str | Path, *, data: str | Path | None = None) -> EventFilter:
        """Make a filter of generated events of a model of this run, one of your own too.

        Parameters
        ----------
        model
            Its name.
        path
            ONNX file to write; ``hepsets filter --model FILE`` and :func:`load_filter` take it.
        data
            Parquet file of events to compare the scores on; generated ones by default, where the run was not
            on files of one's own.

        Returns
        -------
        EventFilter
            That of the file, whose scores on up to 1000 events are PyTorch's within 1e-5.

        Raises
        ------
        InputError
            If the run has no such model that could be a filter.
        """
        from hepsets.deploy.filter.event_filter import EventFilter  # starts ONNX Runtime
        from hepsets.deploy.filter.export import export_from_run

        export_from_run(self.folder, model, Path(path), None if data is None else Path(data))
        return EventFilter.load(path)


def run(
    analysis: str,
    *,
    scale: str = "standard",
    seed: int = 1,
    settings: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    workers: int = 1,
    resume: bool = False,
    trunk: str | Path | None = None,
    tune: str | None = None,
) -> Run:
    """Run an analysis: make or read events, train, judge, and write the folder with its report.

    Parameters
    ----------
    analysis
        One of those that :func:`list_analyses` names.
    scale
        ``"quick"`` (minutes), ``"standard"`` or another size of the analysis.
    seed
        Of everything random.
    settings
        What differs from the scale, such as ``{"data": {"train_events": 2000}, "models": ["decay_sweep"]}``:
        fields of the analysis' ``Config``, nested.
    out
        Folder of the run; ``runs/NAME-SCALE-DATE-TIME`` by default.
    workers
        Processes.
    resume
        Go on with an unfinished run of the same settings.
    trunk
        A pre-trained trunk that one more model of the analysis starts from: a file of ``hepsets pretrain``,
        or ``"shipped"``, the package's own.
    tune
        What of that model is trained: ``"all"``, which is the default, or its ``"head"`` alone.

    Returns
    -------
    Run
        Its ``folder``, its ``metrics``, and all that was found as ``result``.

    Raises
    ------
    InputError
        For an unknown analysis, scale or setting, values out of range, a folder that exists, no such trunk,
        or an analysis that takes none.

    Examples
    --------
    >>> import hepsets as hs
    >>> hs.run("delta-c9", scale="enormous")
    Traceback (most recent call last):
    hepsets.core.errors.InputError: scale = 'enormous'; expected one of quick, standard, full
    """
    if settings is not None and not isinstance(settings, Mapping):
        raise InputError(f"settings {settings!r}", 'a mapping, such as {"models": ["decay_sweep"]}')
    options = RunOptions(scale=scale, seed=seed, settings=settings or {}, trunk=trunk, tune=tune)
    folder = None if out is None else Path(out)
    result, where = run_analysis(analysis, options, out=folder, workers=workers, resume=resume)
    return Run(where, result, analysis)


def infer(
    run: str | Path,
    events: EventFrame | str | Path,
    *,
    level: str | None = None,
    window: str | None = None,
    q_squared: tuple[float, float] | None = None,
    columns: Mapping[str, str] | None = None,
) -> Inference:
    """Infer ΔC9 from one's own B⁰ → K*⁰μ⁺μ⁻ decays, with a model of a run of ``delta-c9``.

    Parameters
    ----------
    run
        Folder of the run, or of one of its models, or ``"shipped"``: the package's own.
    events
        The decays, or a file of them (ROOT, parquet, or CSV with a header): ``q_squared`` [GeV²],
        ``costheta_mu``, ``costheta_K``, ``chi`` [rad], each of shape ``(n_events,)``; measured ones besides
        ``mbc``, ``delta_e`` and ``m_kpi`` [GeV].
    level
        ``"generator"`` (true decays), ``"detector"`` or ``"background"``; by default by the columns.
    window
        Of q²; by default the narrowest one that all events lie in.
    q_squared
        Least and greatest q² [GeV²], if the events are cut to a part of the window.
    columns
        What the file calls a column, such as ``{"q_squared": "q2"}``.

    Returns
    -------
    Inference
        ΔC9 with its intervals, goodness of fit, whether the events look like the model's, and warnings.

    Raises
    ------
    InputError
        For a folder without such a model, missing columns, or values that no decay can have.

    Examples
    --------
    >>> import hepsets as hs
    >>> hs.infer("nowhere", "decays.csv")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    hepsets.core.errors.InputError: no folder nowhere; expected the folder of a finished run of delta-c9; ...
    """
    models = models_of(run_folder(run), level, window)
    if isinstance(events, EventFrame):
        if columns:
            raise InputError("columns for events that are no file", "none", "rename the columns of the frame")
        frame = events
    elif not isinstance(events, str | Path):
        raise InputError(f"a {type(events).__name__} to infer from", "an EventFrame, or a file of decays")
    else:
        frame = read_events(events, models.values(), columns)
    chosen, notes = choose_for_range(models, frame, q_squared)
    inference = chosen.infer(frame)
    return dataclasses.replace(inference, warnings=(*notes, *inference.warnings))
