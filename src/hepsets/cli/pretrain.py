"""The command pretrain: from a configuration to a trunk that tasks can start from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hepsets.cli.application import Settings, command, cores
from hepsets.core.file_roles import Input, Output
from hepsets.core.streams import echo


@command("pretrain", needs="train")
def pretrain(
    config: Annotated[Path, typer.Argument(help="TOML file; see docs/pretraining.md."), Input()],
    scheduler: Annotated[
        str | None,
        typer.Option(help="Dask for the corpus: local, tls://HOST:PORT, tcp://HOST:PORT, slurm or htcondor."),
    ] = None,
    settings: Settings = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder; runs/NAME for NAME.toml by default."), Output(None)
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes that make the corpus; one per core by default.")
    ] = None,
) -> None:
    """Make a corpus and pre-train a trunk on it; a killed run goes on when repeated."""
    from hepsets.core import config as configuration
    from hepsets.deploy.pretraining import PretrainConfig, pretrain_trunk

    values = configuration.merge(
        configuration.read_toml(config), configuration.parse_overrides(settings or [])
    )
    settled = configuration.from_mapping(PretrainConfig, values, source=str(config))
    folder = out or Path("runs") / config.stem
    done = pretrain_trunk(settled, folder, scheduler=scheduler, workers=workers or cores())
    card = done.trunk.card
    losses = card["validation_loss"]
    echo(f"validation loss: {losses['first']:.3f} after the first epoch, {losses['best']:.3f} at best")
    echo(
        f"{folder / 'trunk.safetensors'}: {card['weights']} weights, {card['events_trained']} events, "
        f"{card['events_per_s']:.0f} events/s trained"
    )
