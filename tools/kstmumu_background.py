"""Make the background model that the package ships: generic B B̄ events, their candidates, the fit.

    for seed in 1 2; do
        python tools/kstmumu_background.py generate mixed $seed 240 mixed-$seed.parquet
        python tools/kstmumu_background.py generate charged $seed 255 charged-$seed.parquet
    done
    python tools/kstmumu_background.py fit mixed-1.parquet charged-1.parquet mixed-2.parquet charged-2.parquet

Each ``generate`` takes about three minutes of one core for 1.2 million events. ``fit`` overwrites
``background.npz`` and its provenance, ``background.json``, in the package.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from hepsets.core.event_frame import EventFrame, read_frame
from hepsets.generate.blocks import BLOCK_EVENTS
from hepsets.select.kstmumu.background import MODEL_FILE, fit_background
from hepsets.select.kstmumu.candidates import generic_candidates


def generate(sample: str, seed: int, blocks: int, out: Path) -> None:
    """Write the candidates of so many blocks of events."""
    candidates = generic_candidates(sample, range(blocks), seed)
    metadata = {"sample": sample, "seed": str(seed), "events": str(blocks * BLOCK_EVENTS)}
    candidates.write_parquet(out, metadata=metadata)
    print(f"{len(candidates)} candidates in {blocks * BLOCK_EVENTS} events")


def fit(files: list[Path], components: int) -> None:
    """Fit the model to the candidates of all files and write it with its provenance."""
    generated: Counter[str] = Counter()
    for file in files:
        stored = pq.read_schema(file).metadata
        generated[stored[b"sample"].decode()] += int(stored[b"events"])
    candidates = EventFrame.concatenate([read_frame(file) for file in files])
    model = fit_background(candidates, dict(generated), components=components)
    model.save(MODEL_FILE)
    background = candidates[~candidates["is_signal"]]
    record = {
        "command": "python tools/kstmumu_background.py " + " ".join(Path(word).name for word in sys.argv[1:]),
        "date": datetime.now(UTC).date().isoformat(),
        "versions": {name: version(name) for name in ("hepsets", "pythia8mc", "scikit-learn", "numpy")},
        "generated_events": dict(generated),
        "candidates": len(background),
        "b_to_kpimumu_removed": int(candidates["is_signal"].sum()),
        "candidates_by_true_muons": np.bincount(background["true_muons"], minlength=3).tolist(),
        "share_from_one_b": round(float(background["one_b"].mean()), 4),
        "components": len(model.weights),
    }
    MODEL_FILE.with_suffix(".json").write_text(json.dumps(record, indent=2) + "\n")
    print(json.dumps(record, indent=2))


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    make = verbs.add_parser("generate")
    make.add_argument("sample")
    make.add_argument("seed", type=int)
    make.add_argument("blocks", type=int)
    make.add_argument("out", type=Path)
    learn = verbs.add_parser("fit")
    learn.add_argument("files", type=Path, nargs="+")
    learn.add_argument("--components", type=int, default=8)
    arguments = parser.parse_args()
    if arguments.verb == "generate":
        generate(arguments.sample, arguments.seed, arguments.blocks, arguments.out)
    else:
        fit(arguments.files, arguments.components)


if __name__ == "__main__":
    main()
