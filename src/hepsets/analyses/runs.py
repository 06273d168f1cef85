"""From the name of an analysis and some settings to a finished run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from hepsets.analyses.contract import ANALYSES, Analysis, names_of
from hepsets.analyses.report import STEM, page_of, report
from hepsets.core import config as configuration
from hepsets.core.errors import InputError
from hepsets.core.parallel import same_workers
from hepsets.core.run import RunFolder
from hepsets.deploy.trunk_shipped import SHIPPED, checked_trunk, trunk_checksum


@dataclass(frozen=True)
class RunOptions:
    """What a user says of a run; the rest is as the analysis has it.

    Parameters
    ----------
    scale, seed
        Size of the run, ``standard`` by default, and seed of everything random.
    file
        TOML file with settings.
    settings
        Nested values, above those of the file.
    train, test
        Files of the user's own events.
    off_resonance
        Files of data taken below the resonance.
    studies
        Studies to add.
    trunk, tune
        File of a pre-trained trunk that the analysis' model for it starts from, or ``"shipped"``, the
        package's own; and what of it is trained: ``"all"``, or the ``"head"`` alone.
    """

    scale: str | None = None
    seed: int | None = None
    file: Path | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    train: Sequence[str | Path] = ()
    test: Sequence[str | Path] = ()
    off_resonance: Sequence[str | Path] = ()
    studies: Sequence[str] = ()
    trunk: str | Path | None = None
    tune: str | None = None


def configure(analysis: Analysis, options: RunOptions) -> Any:
    """The complete configuration of a run.

    Raises
    ------
    InputError
        For a scale, a setting or a study that the analysis does not have, two different scales, a value of
        the wrong type, a trunk that is missing or another than the file says; what the file says is refused
        with the file's name.
    """
    values: dict[str, Any] = configuration.read_toml(options.file) if options.file else {}
    if "scale" in options.settings:
        raise InputError("--set scale", "--scale", "the scale sets many defaults at once")
    scale = options.scale or str(values.get("scale", "standard"))
    if values.get("scale", scale) != scale:
        raise InputError(
            f"--scale {scale} for a file of scale {values['scale']}",
            "one scale",
            "leave --scale out, or take the scale and what it sets out of the file",
        )
    if scale not in analysis.SCALES:
        raise InputError(f"scale = {scale!r}", f"one of {', '.join(analysis.SCALES)}")
    values = configuration.merge(analysis.SCALES[scale], values)
    values["scale"] = scale
    if options.file:
        configuration.from_mapping(analysis.Config, values, source=str(options.file))
    if options.seed is not None:
        values["seed"] = options.seed
    for key, option, files in (
        ("train", "--data", options.train),
        ("test", "--test-data", options.test),
        ("off_resonance", "--off-resonance", options.off_resonance),
    ):
        if files:
            if not hasattr(configuration.from_mapping(analysis.Config, values).data, key):
                raise InputError(
                    f"{option} for {analysis.name}",
                    f"no {key.replace('_', '-')} files, which this analysis does not take",
                    "leave the option out",
                )
            values = configuration.merge(values, {"data": {key: [str(path) for path in files]}})
    values = configuration.merge(values, options.settings)
    values = _with_trunk(analysis, values, options)
    config = configuration.from_mapping(analysis.Config, values)
    if not options.studies:
        return config
    known = names_of(analysis, "studies")
    for study in options.studies:
        if study not in known:
            raise InputError(
                f"--study {study} for {analysis.name}",
                f"one of {', '.join(known)}" if known else "no --study",
            )
    values["studies"] = list(dict.fromkeys((*config.studies, *options.studies)))
    return configuration.from_mapping(analysis.Config, values)


def _with_trunk(analysis: Analysis, values: dict[str, Any], options: RunOptions) -> dict[str, Any]:
    """Settings with the trunk of the options and its checksum, and the model that starts from it."""
    model = getattr(analysis, "TRUNK_MODEL", None)
    if options.trunk is None:
        if options.tune is not None:
            raise InputError(f"--tune {options.tune} alone", "what starts from a trunk", "give --trunk")
        trunk = values.get("trunk")
        if model is None or not isinstance(trunk, str):
            return values
        known = str(values.get("trunk_sha256", ""))
        checked_trunk(trunk, known)
        return {**values, "trunk_sha256": known or trunk_checksum(trunk)}
    if model is None:
        able = [name for name in ANALYSES if hasattr(ANALYSES.find(name), "TRUNK_MODEL")]
        raise InputError(f"--trunk for {analysis.name}", f"an analysis that takes one: {', '.join(able)}")
    models = configuration.from_mapping(analysis.Config, values).models
    trunk = str(options.trunk)
    chosen = {
        "trunk": trunk if trunk == SHIPPED else str(Path(trunk).absolute()),
        "trunk_sha256": trunk_checksum(trunk),
        "tune": options.tune or "all",
        "models": list(dict.fromkeys((*models, model))),
    }
    return configuration.merge(values, chosen)


def run(
    name: str,
    options: RunOptions | None = None,
    *,
    out: Path | None = None,
    workers: int = 1,
    resume: bool = False,
) -> tuple[Any, Path]:
    """Run an analysis in a folder of its own.

    Parameters
    ----------
    name
        Of the analysis.
    options
        What is to differ from its standard run.
    out
        Folder; ``runs/NAME-SCALE-DATE-TIME`` by default.
    workers
        Processes.
    resume
        Go on with an unfinished run.

    Returns
    -------
    tuple
        Its ``Result`` and the folder, which then holds ``config.toml``, ``result.json``, ``report.html``,
        figures and models.

    Raises
    ------
    InputError
        As :func:`configure`; if there is no such analysis, or the folder cannot be made or exists.
    """
    analysis = ANALYSES.find(name)
    config = configure(analysis, options or RunOptions())
    folder = out or Path("runs") / f"{name}-{config.scale}-{datetime.now():%Y%m%d-%H%M%S}"
    with RunFolder(folder, config, resume=resume) as run_folder:
        with same_workers(workers):
            result = analysis.run(config, run_folder, workers=workers)
        if not (run_folder.path / f"{STEM}.html").is_file():
            report(result, page_of(analysis), run_folder.path)
        run_folder.finish(name, config.scale, config.seed, result.metrics)
    return result, folder
