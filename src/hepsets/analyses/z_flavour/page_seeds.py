"""The report's section on trainings with other seeds: how far single trainings scatter."""

from __future__ import annotations

from hepsets.analyses.z_flavour.other_seeds import SeedStudy
from hepsets.analyses.z_flavour.summary import SEEDS_TITLE, seed_headings, seed_lines, seed_rows
from hepsets.evaluate.scores.paired import DISTINCT
from hepsets.report.page import Column, Section, Table


def seeds_section(study: SeedStudy) -> Section:
    """Table of all models that were trained again, and which neighbours are not told apart."""
    first, *others = (str(seed) for seed in study.seeds)
    return Section(
        SEEDS_TITLE,
        (
            f"Models were trained again with the seeds {', '.join(others)} on the same events, split in the "
            f"same way: only weights and batches differ. Seed {first} is the training of the tables above. "
            "All are judged on the same test events.",
            Table(
                tuple(map(Column, seed_headings(study))),
                tuple(seed_rows(study)),
                "The spread is the standard deviation between trainings (n − 1). The error of the mean is "
                "that of the test events, which the trainings share, and in quadrature spread / √n, times "
                "the factor that makes it a 68 % interval of Student's distribution (1.84 for two trainings, "
                "1.32 for three).",
            ),
            "Models of a comparison were ordered by each of these numbers, and neighbours compared on the "
            "same test events: means over trainings, with the paired error of the events and the spreads. A "
            "model that was trained once is taken to scatter as the one that scatters most. Told apart are "
            f"those that differ by more than {DISTINCT:g} errors.",
            *seed_lines(study),
        ),
    )
