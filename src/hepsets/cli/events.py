"""The commands that make events: generate, simulate, produce."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hepsets.cli.application import Seed, Settings, Workers, command, cores
from hepsets.cli.command import refuse_unused
from hepsets.core.errors import InputError
from hepsets.core.extras import require
from hepsets.core.file_roles import Input, Output, check_suffix
from hepsets.core.streams import echo
from hepsets.core.whole_file import is_special

if TYPE_CHECKING:
    from hepsets.core.events import EventWriter
    from hepsets.formats.hepmc_writer import HepmcWriter

MAX_EVENTS = 10**9
"""Most events in one file: weeks of generation, and a file of terabytes."""


Generated = Annotated[
    Path,
    typer.Option(help="Parquet file to write; or HepMC3, .hepmc or .hepmc.gz, but for kstmumu."),
    Output("HepMC3 or parquet"),
]


@command("generate")
def generate(
    sample: Annotated[
        str,
        typer.Argument(
            help="mixed, charged, uubar, ddbar, ssbar, ccbar, taupair; zbb, zcc, zss, zud; lhcb_bbbar, "
            "bs_dspi, bs_dsk, bs_dsstpi, bs_dsrho, b0_dpi, b0_dspi, lb_lcpi; or kstmumu."
        ),
    ],
    events: Annotated[int, typer.Option(min=1, help="How many events; for kstmumu, at each ΔC9.")],
    out: Generated,
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
    """Generate events with Pythia 8 (Υ(4S), Z → q q̄, p p → b b̄), or B → K*μμ from their density."""
    require("simulate" if sample == "kstmumu" else "generate", f"hepsets generate {sample}")
    from hepsets.generate.kstmumu import files as kstmumu_file
    from hepsets.generate.kstmumu.density import named_window

    _refuse_too_many(events)
    if sample == kstmumu_file.SAMPLE:
        refuse_unused(f"the sample {sample}", workers=workers)
        check_suffix("--out", out, "parquet")
        values = kstmumu_file.parse_values(delta_c9 or ["0"])
        chosen = named_window(window or "0-20")
        start = time.perf_counter()
        kstmumu_file.write_decays(out, values, events, seed, chosen)
        elapsed, total = time.perf_counter() - start, events * len(values)
        echo(f"{out}: {total} {sample} events in {elapsed:.1f} s ({total / elapsed:.0f} events/s)")
        return
    refuse_unused(f"the sample {sample}", delta_c9=delta_c9, window=window)

    from hepsets.core.progress import progress_bar
    from hepsets.core.run import versions
    from hepsets.generate.samples import generate_sample

    parts = generate_sample(sample, events, seed=seed, workers=workers or 1)
    provenance = {
        "hepsets.sample": sample,
        "hepsets.seed": str(seed),
        "hepsets.version": versions()["hepsets"],
    }
    start = time.perf_counter()
    with _writer(out, sample, provenance) as writer, progress_bar("generating", events) as advance:
        for part in parts:
            writer.write(part)
            advance(len(part))
    elapsed = time.perf_counter() - start
    echo(f"{out}: {events} {sample} events in {elapsed:.1f} s ({events / elapsed:.0f} events/s)")


def _writer(
    out: Path, sample: str, provenance: dict[str, str]
) -> AbstractContextManager[EventWriter | HepmcWriter]:
    """What writes generated events, by the name of the file."""
    from hepsets.core.events import EventWriter
    from hepsets.formats.hepmc_writer import hepmc_writer
    from hepsets.generate.lhc_beauty.samples import SAMPLES as LHC

    if out.name.endswith(".parquet") or is_special(out):
        return EventWriter(out, metadata=provenance)
    return hepmc_writer(out, beams=sample not in LHC)


@command("simulate", needs="simulate")
def simulate(
    file: Annotated[Path, typer.Argument(help="Generated events, parquet."), Input()],
    out: Annotated[
        Path,
        typer.Option(
            help="Parquet file to write: the events with their labels, or what idea or lhcb sees of them."
        ),
        Output("parquet"),
    ],
    skim: Annotated[list[str] | None, typer.Option(help="Skim to run; may be given several times.")] = None,
    candidates: Annotated[
        Path | None,
        typer.Option(help="Also write the candidates of the skims to this parquet file."),
        Output("parquet"),
    ] = None,
    detector: Annotated[str, typer.Option(help="Detector by name; see hepsets list.")] = "belle2",
    seed: Seed = 1,
    workers: Workers = 1,
) -> None:
    """Simulate the detector, run skims and write the events with one label per skim.

    The detectors idea and lhcb have no skims: their reconstructed particles are written.
    """
    from hepsets.select.skims.label_file import label_file
    from hepsets.simulate.detector import DetectorConfig
    from hepsets.simulate.registry import DETECTORS
    from hepsets.simulate.seen_file import see_file

    start = time.perf_counter()
    settled = DETECTORS.find(detector)
    if not isinstance(settled, DetectorConfig):
        refuse_unused(f"the detector {detector}", skim=skim or None, candidates=candidates)
        total = see_file(file, out, detector=settled, seed=seed, workers=workers)
        elapsed = time.perf_counter() - start
        echo(f"{out}: {total} events seen in {elapsed:.1f} s ({total / elapsed:.0f} events/s)")
        return
    retentions = label_file(
        file,
        out,
        skims=skim or ["hadronic_b0"],
        candidates=candidates,
        seed=seed,
        workers=workers,
        detector=detector,
    )
    elapsed = time.perf_counter() - start
    for name, retention in retentions.items():
        echo(f"{name}: retention {retention}")
    echo(f"{out}: written in {elapsed:.1f} s")


@command("produce", needs="generate,farm")
def produce(
    config: Annotated[Path, typer.Argument(help="TOML file; see docs/production.md."), Input()],
    scheduler: Annotated[
        str, typer.Option(help="local, tls://HOST:PORT of a Dask scheduler (or tcp://), slurm or htcondor.")
    ] = "local",
    settings: Settings = None,
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
        workers=workers or cores(),
        tell=lambda text: echo(text, err=True),
    )
    for name, retention in summary.retention.items():
        echo(f"{name}: retention {retention}")
    counts = summary.counts
    if counts.outside:
        echo(f"{counts.outside} events are unlike what the filter was trained on; all were kept", err=True)
    echo(
        f"{folder / 'events.parquet'}: {counts.generated} {settled.sample} events generated, "
        f"{counts.simulated} simulated, {counts.written} written in {time.perf_counter() - start:.1f} s"
    )


def _refuse_too_many(events: int) -> None:
    if events > MAX_EVENTS:
        raise InputError(
            f"--events {events}", f"at most {MAX_EVENTS} in one file", "take hepsets produce for more"
        )
