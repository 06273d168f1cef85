"""The report's sections on detector and background: efficiency, resolution, suppression, images."""

from __future__ import annotations

from collections.abc import Iterator

from hepsets.analyses.delta_c9.config import Config
from hepsets.analyses.delta_c9.detector import Candidates, DetectorStudy
from hepsets.analyses.delta_c9.figures import background as background_figures
from hepsets.analyses.delta_c9.figures import decays as decay_figures
from hepsets.analyses.delta_c9.images import IMAGE_EVENTS
from hepsets.analyses.delta_c9.result import Result
from hepsets.analyses.delta_c9.suppression import Suppression
from hepsets.core.measured import Measured
from hepsets.generate.kstmumu.density import WINDOWS
from hepsets.report.page import Content, FigureFiles, Section
from hepsets.select.kstmumu.cuts import SELECTION


def detector_sections(result: Result, figures: FigureFiles) -> Iterator[Section]:
    """What detector and background do, as far as it was looked at."""
    study = result.detector
    if study.efficiency is not None:
        vetoes = WINDOWS[result.config.windows[0]].vetoes
        yield Section("Detector and selection", tuple(_detector(study, study.efficiency, vetoes, figures)))
    if study.candidates is not None:
        yield Section("Background", tuple(_background(result.config, study.candidates, figures)))
    if study.suppression is not None:
        yield Section(
            "Background suppression", tuple(_suppression(result.config, study.suppression, figures))
        )
    if result.images:
        yield Section("Images", (_images(result, figures),))


def _detector(
    study: DetectorStudy, efficiency: Measured, vetoes: tuple[tuple[float, float], ...], figures: FigureFiles
) -> Iterator[Content]:
    yield f"Of the decays in the window {efficiency} are selected."
    yield figures(
        "efficiency",
        decay_figures.efficiency_curves(study.passed, efficiency, vetoes=vetoes),
        "Efficiency against the true variables.",
    )
    yield figures(
        "resolution", decay_figures.resolution_histograms(study.differences, study.resolution), "Resolution."
    )
    yield figures(
        "asymmetries",
        decay_figures.asymmetries_along_q_squared(study.theory, study.asymmetries, vetoes=vetoes),
        "A_FB and S₅ along q²; lines are the theory before any detector. From 8.9 to 14 GeV² it "
        "is a smooth continuation without its resonances.",
    )


def _background(config: Config, candidates: Candidates, figures: FigureFiles) -> Iterator[Content]:
    yield "Background is drawn from a smooth model of candidates in simulated B B̄ events."
    yield figures(
        "mbc_delta_e",
        background_figures.mbc_and_delta_e(
            candidates.signal, candidates.background, delta_e_cut=SELECTION.max_delta_e
        ),
        f"Mbc and ΔE of candidates, {config.data.background_over_signal:g} of background to one "
        "of signal in the signal region. The gap lies between the regions.",
    )
    yield figures(
        "sideband",
        background_figures.sideband_comparison(candidates.in_sideband, candidates.in_region),
        "Background in the sideband and in the signal region.",
    )


def _suppression(config: Config, found: Suppression, figures: FigureFiles) -> Iterator[Content]:
    yield (
        f"Boosted trees leave {found.b_over_s_after} background candidates per signal decay in place "
        f"of {found.b_over_s_before:.1f}, and {found.signal_efficiency} of the signal, in what "
        f"{config.study.luminosity:g}/ab should hold."
    )
    yield figures(
        "suppression",
        background_figures.suppression(found),
        "Output of the trees, and the figure of merit on expected yields.",
    )


def _images(result: Result, figures: FigureFiles) -> Content:
    return figures(
        "images",
        decay_figures.example_images(result.images),
        f"Images of {IMAGE_EVENTS:,} decays: mean standardised q² in bins of the angles.",
    )
