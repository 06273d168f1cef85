"""Which trunk of a run of pre-training is the best start with few labels, as linear classifiers find.

``python tools/compare_trunks.py RUN`` prints, for each task whose events stand in the folder of a run and
each finished trunk, the area under the ROC curve on development events with 30, 100 and 300 labels: mean and
standard error of five disjoint draws. A trunk for the package is chosen so, test events are not looked at.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hepsets.analyses.pretraining.samples import read
from hepsets.analyses.pretraining.tasks import LABEL
from hepsets.analyses.pretraining.trunks import vectors
from hepsets.core.measured import Measured
from hepsets.learn.pretraining.encoder import Trunk

LABELS, DRAWS = (30, 100, 300), 5


def areas(trunk: Trunk, task: str, folder: Path) -> list[Measured]:
    """Areas with each number of :data:`LABELS`."""
    pool = read(task, folder / "training.parquet")[np.arange(DRAWS * max(LABELS))]
    held = read(task, folder / "validation.parquet")
    seen, judged = vectors(trunk, task, pool), vectors(trunk, task, held)
    found = []
    for labels in LABELS:
        draws = []
        for draw in range(DRAWS):
            some = slice(draw * labels, (draw + 1) * labels)
            classifier = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=200))
            classifier.fit(seen[some], pool.columns[LABEL][some])
            draws.append(roc_auc_score(held.columns[LABEL], classifier.predict_proba(judged)[:, 1]))
        found.append(Measured(float(np.mean(draws)), float(np.std(draws, ddof=1) / np.sqrt(DRAWS))))
    return found


if __name__ == "__main__":
    run = Path(sys.argv[1])
    for place in sorted((run / "events").iterdir()):
        for path in sorted((run / "models").glob("*.safetensors")):
            told = zip(LABELS, areas(Trunk.load(path), place.name, place), strict=True)
            print(place.name, path.stem, *(f"{labels}: {area}" for labels, area in told), sep="  ")
