"""What the analysis of pre-training is called, asks and compares; cheap to import."""

from __future__ import annotations

from typing import Literal

MODELS = ("masked", "contrastive", "supervised", "masked+contrastive", "supervised+masked")
"""What trunks are pre-trained for; of a combination the first part has the weight 1."""

SCRATCH = "none"
"""The pre-training of networks that start from random weights."""

Tuning = Literal["head", "all"]
"""What is trained with the labels of a task."""

TASKS = ("continuum-suppression", "smart-background", "flavour-tagging", "pi0-count")
"""The tasks, none of whose labels a corpus knows."""

name = "pretraining"
question = "How many labels does a pre-trained trunk save, and at how many tasks does it pay?"
