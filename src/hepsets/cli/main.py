"""The command ``hepsets``: reads the options, calls one stage, prints what came out."""

from __future__ import annotations

import dataclasses
import importlib
import json
import os
import signal
import sys
import time
from concurrent.futures import BrokenExecutor
from contextlib import suppress
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from hepsets.cli.command import Commands, refuse_unused
from hepsets.core.errors import InputError, reason
from hepsets.core.file_roles import STREAM, Input, Output
from hepsets.core.streams import discard_output, prepare_streams
from hepsets.core.whole_file import final_name, together
from hepsets.deploy.filter.shipped import SHIPPED, filter_file

ANALYSES = {
    "smart-background": "hepsets.analyses.smart_background",
    "continuum-suppression": "hepsets.analyses.continuum_suppression",
    "delta-c9": "hepsets.analyses.delta_c9",
}
"""Module of each analysis; it has ``Config``, ``SCALES`` and ``run``."""

app = typer.Typer(
    help="Learn on the sets that particle collisions make.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


command = Commands(app)


class Scale(StrEnum):
    """Sizes of a run."""

    quick = "quick"
    standard = "standard"
    full = "full"


Workers = Annotated[int, typer.Option(min=1, help="Processes that generate and simulate.")]
UNLIKE_THE_MODEL = 3
"""Exit code of an inference from events that do not look like the model's."""

MAX_SEED = 2**63 - 1
Seed = Annotated[int, typer.Option(min=0, max=MAX_SEED, help="Seed of everything random.")]


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of bad input.")] = False,
) -> None:
    """Learn on the sets that particle collisions make."""


@command("list")
def list_analyses() -> None:
    """List the analyses, samples, skims, models and the filters of the package."""
    from hepsets.generate.kstmumu.files import SAMPLE
    from hepsets.generate.pythia import SAMPLES
    from hepsets.learn.decay_trees.registry import MODEL_NAMES
    from hepsets.select.skims.registry import SKIMS

    for title, names in (
        ("analyses", ANALYSES),
        ("samples", (*SAMPLES, SAMPLE)),
        ("skims", SKIMS),
        ("models", (*MODEL_NAMES, "DS_{layers}_GCN_{indices}")),
        ("filters", SHIPPED),
    ):
        typer.echo(f"{title + ':':10}{', '.join(names)}")


@command("generate")
def generate(
    sample: Annotated[str, typer.Argument(help="mixed, charged, uubar, ddbar, ssbar, ccbar or kstmumu.")],
    events: Annotated[int, typer.Option(min=1, help="How many events; for kstmumu, at each ΔC9.")],
    out: Annotated[Path, typer.Option(help="Parquet file to write."), Output("parquet")],
    seed: Seed = 1,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes that generate; 1 by default, and for kstmumu.")
    ] = None,
    delta_c9: Annotated[
        list[str] | None,
        typer.Option(help="kstmumu: ΔC9, or several with commas, or train or test; 0 by default."),
    ] = None,
    window: Annotated[
        str | None,
        typer.Option(
            help="kstmumu: range of q², 0-20 (default) or 1-19, with -nonresonant without 8.9 to 14."
        ),
    ] = None,
) -> None:
    """Generate events with Pythia 8 and Belle II's decay table, or B → K*μμ decays from their density."""
    from hepsets.generate.kstmumu import files as kstmumu_file
    from hepsets.generate.kstmumu.density import named_window

    if sample == kstmumu_file.SAMPLE:
        refuse_unused(f"the sample {sample}", workers=workers)
        values = kstmumu_file.parse_values(delta_c9 or ["0"])
        chosen = named_window(window or "0-20")
        start = time.perf_counter()
        kstmumu_file.write_decays(out, values, events, seed, chosen)
        elapsed, total = time.perf_counter() - start, events * len(values)
        typer.echo(f"{out}: {total} {sample} events in {elapsed:.1f} s ({total / elapsed:.0f} events/s)")
        return
    refuse_unused(f"the sample {sample}", delta_c9=delta_c9, window=window)
    import numpy as np

    from hepsets.core.events import EventWriter
    from hepsets.core.progress import progress_bar
    from hepsets.core.run import versions
    from hepsets.generate.pythia import GenerateConfig, event_type
    from hepsets.generate.pythia import generate as generate_events

    config = GenerateConfig(sample=sample, events=events, seed=seed, workers=workers or 1)
    provenance = {
        "hepsets.sample": sample,
        "hepsets.seed": str(seed),
        "hepsets.version": versions()["hepsets"],
    }
    start = time.perf_counter()
    with EventWriter(out, metadata=provenance) as writer, progress_bar("generating", events) as advance:
        for part in generate_events(config):
            kind = np.full(len(part), event_type(sample), dtype=np.int8)
            writer.write(part.with_columns(event_type=kind))
            advance(len(part))
    elapsed = time.perf_counter() - start
    typer.echo(f"{out}: {events} {sample} events in {elapsed:.1f} s ({events / elapsed:.0f} events/s)")


@command("simulate")
def simulate(
    file: Annotated[Path, typer.Argument(help="Generated events, parquet."), Input()],
    out: Annotated[
        Path, typer.Option(help="Parquet file to write: the events with their labels."), Output("parquet")
    ],
    skim: Annotated[list[str] | None, typer.Option(help="Skim to run; may be given several times.")] = None,
    candidates: Annotated[
        Path | None,
        typer.Option(help="Also write the candidates of the skims to this parquet file."),
        Output("parquet"),
    ] = None,
    seed: Seed = 1,
    workers: Workers = 1,
) -> None:
    """Simulate the Belle II detector, run skims and write the events with one label per skim."""
    from hepsets.select.skims.label_file import label_file

    start = time.perf_counter()
    retentions = label_file(
        file, out, skims=skim or ["hadronic_b0"], candidates=candidates, seed=seed, workers=workers
    )
    elapsed = time.perf_counter() - start
    for name, retention in retentions.items():
        typer.echo(f"{name}: retention {retention}")
    typer.echo(f"{out}: written in {elapsed:.1f} s")


@command("produce")
def produce(
    config: Annotated[Path, typer.Argument(help="TOML file; see docs/production.md."), Input()],
    scheduler: Annotated[
        str, typer.Option(help="local, tls://HOST:PORT of a Dask scheduler (or tcp://), slurm or htcondor.")
    ] = "local",
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="One setting, dotted.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder; runs/NAME for NAME.toml by default."), Output(None)
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes or batch jobs; one per core by default.")
    ] = None,
) -> None:
    """Generate, filter, simulate and skim in shards (Dask); a killed run goes on when repeated."""
    from hepsets.core import config as configuration
    from hepsets.deploy import production

    if "://" in scheduler:
        refuse_unused("a scheduler whose workers are used as they are", workers=workers)
    values = configuration.merge(
        configuration.read_toml(config), configuration.parse_overrides(settings or [])
    )
    settled = configuration.from_mapping(production.ProduceConfig, values, source=str(config))
    folder = out or Path("runs") / config.stem
    start = time.perf_counter()
    summary = production.produce(
        settled,
        folder,
        scheduler=scheduler,
        workers=workers or _cores(),
        tell=lambda text: typer.echo(text, err=True),
    )
    for name, retention in summary.retention.items():
        typer.echo(f"{name}: retention {retention}")
    counts = summary.counts
    if counts.outside:
        typer.echo(
            f"{counts.outside} events are unlike what the filter was trained on; all were kept", err=True
        )
    typer.echo(
        f"{folder / 'events.parquet'}: {counts.generated} {settled.sample} events generated, "
        f"{counts.simulated} simulated, {counts.written} written in {time.perf_counter() - start:.1f} s"
    )


@command("export")
def export(
    run: Annotated[Path, typer.Argument(help="Folder of a finished run."), Input()],
    model: Annotated[str, typer.Option(help="Model of that run.")],
    out: Annotated[Path, typer.Option(help="ONNX file to write."), Output("ONNX")],
    data: Annotated[
        Path | None,
        typer.Option(help="Events, parquet, to compare scores on; generated ones by default."),
        Input(),
    ] = None,
) -> None:
    """Export a trained model as a filter: one ONNX file with everything inside, checked against PyTorch."""
    from hepsets.deploy.filter.export import export_from_run

    events, difference = export_from_run(run, model, out, data)
    typer.echo(f"{out}: scores of {events} events differ from PyTorch's by at most {difference:.1g}")


@command("filter")
def filter_events(
    inputs: Annotated[
        list[Path],
        typer.Argument(help="HepMC3 ASCII (also gzip, - for standard input) or parquet files."),
        Input(),
    ],
    out: Annotated[
        Path,
        typer.Option(help="File of the same format, or - for standard output."),
        Output("HepMC3 or parquet", stream=True),
    ],
    model: Annotated[
        str,
        typer.Option(help="File that hepsets export wrote, or a filter of the package."),
        Input(filter_file),
    ] = SHIPPED[0],
    mode: Annotated[str, typer.Option(help="importance, threshold or score.")] = "importance",
    form: Annotated[str, typer.Option(help="Of the keep probability: root or logistic.")] = "root",
    floor: Annotated[float | None, typer.Option(help="Least keep probability; by default the best.")] = None,
    threshold: Annotated[float | None, typer.Option(help="Least score; by default the best.")] = None,
    seed: Seed = 1,
    sample: Annotated[
        str | None, typer.Option(help="What all events are, such as ccbar, for filters that can be told.")
    ] = None,
    protect: Annotated[
        str | None,
        typer.Option(help="Observable whose bins all keep the same effective share, such as missing_energy."),
    ] = None,
    renumber: Annotated[
        bool, typer.Option("--renumber", help="Count events from 0, do not use their own numbers.")
    ] = False,
    report: Annotated[Path | None, typer.Option(help="HTML page with a summary."), Output("HTML")] = None,
) -> None:
    """Keep the generated events that are worth simulating, with weights that leave no bias."""
    from hepsets.deploy.filter.event_filter import EventFilter, FilterSettings
    from hepsets.deploy.filter.files import filter_files

    settings = FilterSettings(mode, form, floor, threshold, seed, sample, protect)  # type: ignore[arg-type]  # it checks them
    event_filter = EventFilter.load(model)
    with together():
        summary = filter_files(event_filter, inputs, out, settings, renumber=renumber)
        if report:
            from hepsets.report.pages.filter import write_filter_page

            facts = event_filter.facts(settings) | {
                "input": ", ".join("standard input" if path == STREAM else str(path) for path in inputs),
                "output": "standard output" if out == STREAM else str(out),
                "finished": f"{datetime.now():%Y-%m-%d %H:%M}",
            }
            write_filter_page(report, summary, facts, event_filter.rules(settings))
    for line in summary.lines():
        typer.echo(line, err=True)


@command("infer")
def infer(
    analysis: Annotated[str, typer.Argument(help="What to infer: delta-c9.")],
    events: Annotated[
        Path, typer.Argument(help="Your events: parquet, CSV with a header, or .pkl."), Input()
    ],
    model: Annotated[Path, typer.Option(help="Folder of a finished run, or of one of its models."), Input()],
    level: Annotated[
        str | None, typer.Option(help="generator, detector or background; by default by the columns.")
    ] = None,
    window: Annotated[
        str | None, typer.Option(help="Of q², 0-20 or 1-19; by default the narrowest with all events.")
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=YOURS", help="What your file calls a column, such as q_squared=q2."),
    ] = None,
    trust_pickle: Annotated[
        bool, typer.Option("--trust-pickle", help="Read a pickle, which may run any code.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="JSON file with the result."), Output("JSON")] = None,
    curve: Annotated[
        Path | None, typer.Option(help="CSV file with the likelihood curve."), Output("CSV")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="HTML page with the result."), Output("HTML")] = None,
) -> None:
    """Infer ΔC9 from your own B → K*μμ events with a trained model; see docs/infer.md.

    Exit code 3 says that the events do not look like those the model was made for.
    """
    if analysis != "delta-c9":
        raise InputError(f"analysis {analysis!r}", "delta-c9, the only one that infers from your events")
    names = _pairs(column or [])
    if events.suffix != ".pkl":
        refuse_unused(f"{events}, which is no .pkl", trust_pickle=trust_pickle)
    from hepsets.deploy.delta_c9 import choose, models_of, models_that_fit, read_events

    models = models_of(model, level, window)
    frame = read_events(events, models.values(), names, trust_pickle=trust_pickle)
    chosen, notes = choose(models, frame)
    inference = chosen.infer(frame)
    unlike = inference.verdict.answer == "no"
    fitting = models_that_fit(models_of(model), chosen, frame) if unlike else ()
    inference = dataclasses.replace(inference, warnings=(*notes, *fitting, *inference.warnings))
    for line in inference.lines():
        typer.echo(line)
    made = chosen.provenance
    facts = {
        "events": str(events),
        "model": str(model),
        "trained with": f"hepsets {made.version}, seed {made.seed}",
        "finished": f"{datetime.now():%Y-%m-%d %H:%M}",
    }
    with together():
        if out:
            from hepsets.core.run import versions, write_atomically

            record = inference.record() | {
                "model": {"path": str(model), "version": made.version, "seed": made.seed},
                "file": str(events),
                "versions": versions(),
            }
            write_atomically(out, json.dumps(record, indent=2, allow_nan=False, ensure_ascii=False) + "\n")
        if curve:
            inference.write_curve(curve)
        if report:
            from hepsets.report.pages.inference import write_inference_page

            write_inference_page(report, inference, facts)
    if unlike:
        raise typer.Exit(UNLIKE_THE_MODEL)


def _pairs(texts: list[str]) -> dict[str, str]:
    """Names of columns from NAME=YOURS."""
    names: dict[str, str] = {}
    for text in texts:
        name, equals, yours = text.partition("=")
        if not (name and equals and yours):
            raise InputError(f"--column {text!r}", "NAME=YOURS, such as q_squared=q2")
        if name in names:
            raise InputError(f"two --column for {name}", "one")
        names[name] = yours
    return names


@command("run")
def run(
    analysis: Annotated[str, typer.Argument(help="Name of the analysis; see hepsets list.")],
    scale: Annotated[Scale | None, typer.Option(help="Size of the run.")] = None,
    config: Annotated[Path | None, typer.Option(help="TOML file with settings."), Input()] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="One setting, dotted.")
    ] = None,
    data: Annotated[
        list[Path] | None, typer.Option(help="Your own training events: files or patterns."), Input()
    ] = None,
    test_data: Annotated[
        list[Path] | None, typer.Option(help="Your own test events: files or patterns."), Input()
    ] = None,
    study: Annotated[
        list[str] | None,
        typer.Option(help="Study to add: features, layers, embedding, skims, few_labels, loss."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the run."), Output(None)] = None,
    seed: Annotated[int | None, typer.Option(min=0, max=MAX_SEED, help="Seed of everything random.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; all cores by default.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an unfinished run.")] = False,
) -> None:
    """Run an analysis and write its folder: config, result, report, figures and models."""
    from hepsets.core import config as configuration
    from hepsets.core.run import RunFolder

    module = _analysis(analysis)
    values: dict[str, Any] = configuration.read_toml(config) if config else {}
    overrides = configuration.parse_overrides(settings or [])
    if "scale" in overrides:
        raise InputError("--set scale", "--scale", "the scale sets many defaults at once")
    chosen = scale.value if scale else str(values.get("scale", "standard"))
    if values.get("scale", chosen) != chosen:
        raise InputError(
            f"--scale {chosen} for a file of scale {values['scale']}",
            "one scale",
            "leave --scale out, or take the scale and what it sets out of the file",
        )
    if chosen not in module.SCALES:
        raise InputError(f"scale = {chosen!r}", f"one of {', '.join(module.SCALES)}")
    values = configuration.merge(module.SCALES[chosen], values)
    values["scale"] = chosen
    if seed is not None:
        values["seed"] = seed
    for key, given in (("train", data), ("test", test_data)):
        if given:
            values = configuration.merge(values, {"data": {key: [str(path) for path in given]}})
    if study:
        values["studies"] = study
    values = configuration.merge(values, overrides)
    settled = configuration.from_mapping(module.Config, values)
    folder = out or Path("runs") / f"{analysis}-{chosen}-{datetime.now():%Y%m%d-%H%M%S}"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be made ({error.strerror})", "a folder to write to") from error
    with RunFolder(folder, settled, resume=resume) as run_folder:
        result = module.run(settled, run_folder, workers=workers or _cores())
        run_folder.finish(analysis, chosen, settled.seed, result.metrics)
    module.print_summary(result)
    typer.echo(f"report: {folder / 'report.html'}")


@command("tune")
def tune(
    analysis: Annotated[str, typer.Argument(help="Name of the analysis.")],
    trials: Annotated[int, typer.Option(min=1, help="How many trials to add.")],
    model: Annotated[str, typer.Option(help="Model to tune.")] = "gcn_stack",
    scale: Annotated[Scale, typer.Option(help="Size of the data.")] = Scale.quick,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="One setting, dotted.")
    ] = None,
    storage: Annotated[
        Path,
        typer.Option(help="SQLite file; existing trials are gone on with."),
        Output("SQLite", continued=True),
    ] = Path("tune.sqlite"),
    data: Annotated[
        list[Path] | None, typer.Option(help="Your own training events: files or patterns."), Input()
    ] = None,
    seed: Seed = 1,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; all cores by default.")] = None,
) -> None:
    """Search hyper-parameters on validation events (Optuna); resumable."""
    from hepsets.core import config as configuration

    module = _analysis(analysis)
    if not hasattr(module, "tune"):
        raise InputError(f"tune {analysis}", "an analysis whose models can be tuned: smart-background")
    values = configuration.merge(module.SCALES[scale.value], configuration.parse_overrides(settings or []))
    values |= {"scale": scale.value, "seed": seed}
    if data:
        values = configuration.merge(values, {"data": {"train": [str(path) for path in data]}})
    settled = configuration.from_mapping(module.Config, values)
    best = module.tune(settled, model, trials=trials, storage=storage, workers=workers or _cores())
    typer.echo(f"best of {best.trials} trials: validation AUC {best.auc:.4f} with")
    for key, value in best.parameters.items():
        typer.echo(f"  {key} = {value}")
    typer.echo(f"storage: {storage}")


def _analysis(name: str) -> Any:
    if name not in ANALYSES:
        raise InputError(f"analysis {name!r}", f"one of {', '.join(ANALYSES)}")
    return importlib.import_module(ANALYSES[name])


_INTERRUPTED = 128 + signal.SIGINT
_CLOSED = 128 + signal.SIGPIPE
_STOPPED = tuple(128 + number for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))


def _terminate(number: int, _: object) -> None:
    """Leave as after an error: partial files are removed, worker processes end."""
    raise SystemExit(128 + number)


def main() -> None:
    """Entry point: what goes wrong outside the program gives one line on standard error and exit code 2.

    A reader of standard output that has enough ends the command quietly with 141, as other tools of the
    system do; Ctrl-C gives 130.
    """
    prepare_streams()
    signal.signal(signal.SIGTERM, _terminate)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # nohup ignores it
        signal.signal(signal.SIGHUP, _terminate)
    code = _run(sys.argv[1:])
    if code == _INTERRUPTED:
        _say("interrupted")
    if code in _STOPPED:  # all is cleaned up; workers end with this process, whatever they are at
        os._exit(code)
    raise SystemExit(code)


def _run(words: list[str]) -> int:
    """Exit code of a command; its output has left this process."""
    stdout = sys.stdout
    try:
        try:
            app(command.arguments(words))
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
            if sys.stdout is not stdout:  # typer found that nobody reads
                sys.stdout = stdout
                raise BrokenPipeError from None
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        discard_output()
        return _CLOSED
    except KeyboardInterrupt:
        return _INTERRUPTED
    except (InputError, OSError, UnicodeError, MemoryError, RecursionError, BrokenExecutor) as error:
        if "--debug" in words:
            raise
        discard_output()
        _say(f"error: {_told(error)}")
        return 2


def _told(error: Exception) -> str:
    """What went wrong outside the program, as one line."""
    if isinstance(error, OSError):
        name = (
            f"{final_name(os.fsdecode(error.filename))}: " if isinstance(error.filename, str | bytes) else ""
        )
        return name + reason(error)
    if isinstance(error, UnicodeEncodeError):
        return f"{error.object!r:.80} cannot be written as {error.encoding}; expected names that are"
    if isinstance(error, MemoryError):
        return f"out of memory ({reason(error)})"
    if isinstance(error, RecursionError):
        return "something is nested too deeply in one of the files"
    if isinstance(error, BrokenExecutor):
        return "a worker process was killed; expected enough memory for all of them; try fewer --workers"
    return str(error)


def _say(text: str) -> None:
    with suppress(OSError):
        sys.stderr.write("hepsets: " + " ".join(text.split()) + "\n")
        sys.stderr.flush()
