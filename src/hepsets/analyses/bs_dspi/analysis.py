"""The steps of a run, in order."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.bs_dspi.about import MASS_BLIND as BLIND
from hepsets.analyses.bs_dspi.about import NETWORK, TREES
from hepsets.analyses.bs_dspi.checks import (
    Checks,
    compare_isolations,
    importances,
    sculpting,
    sideband_stands_for_peak,
    vetoed,
)
from hepsets.analyses.bs_dspi.classifier import Pool, Trained, demand_sidebands, train_trees, within
from hepsets.analyses.bs_dspi.config import Config, check
from hepsets.analyses.bs_dspi.cut import ChosenCut, Cuts, choose_cut, cut_samples, signal_range, tightest
from hepsets.analyses.bs_dspi.facts import classifier_of, facts_of
from hepsets.analyses.bs_dspi.mass_fits import Fits, Selection, fit_candidates
from hepsets.analyses.bs_dspi.oscillation import measure_oscillation
from hepsets.analyses.bs_dspi.page import make_page
from hepsets.analyses.bs_dspi.predictions import predictions
from hepsets.analyses.bs_dspi.published import Published, as_published
from hepsets.analyses.bs_dspi.result import Result
from hepsets.analyses.bs_dspi.reweighted import Reweighted, reweight_signal
from hepsets.analyses.bs_dspi.samples import DATA, SIGNAL, Samples, get_samples
from hepsets.analyses.bs_dspi.summary import markdown
from hepsets.analyses.bs_dspi.unfolded import unfold_signal
from hepsets.analyses.bs_dspi.variables import MASS_BLIND, VARIABLES, with_angle
from hepsets.analyses.predictions import keep_predictions
from hepsets.analyses.report import report
from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.core.run import Origin, RunFolder, log, write_atomically
from hepsets.evaluate.fits.signal_window import all_windows
from hepsets.evaluate.scores.families import family_share
from hepsets.learn.files import save
from hepsets.select.bs_dspi.vetoes import READS, VetoCuts, passes_vetoes

Array = NDArray[np.float64]


def run(config: Config, folder: RunFolder, *, workers: int = 1) -> Result:
    """Make or read candidates, fit, train, choose the cut, fit again, test, report."""
    check(config)
    samples = _with_angle(get_samples(config, folder.path / "candidates", workers=workers))
    demand_sidebands(
        samples, {"classifier.sideband": config.classifier.sideband, "cut.sideband": config.cut.sideband}
    )
    present(MASS_BLIND, samples)
    before, fit = fit_candidates(samples, selection(samples), config.fit)
    peak = signal_range(samples)
    trees = grow(config, samples, folder.path / "models")
    cuts = _cuts(config, samples, trees, peak, _expected(samples, peak, all_windows(fit.fit)))
    kept, kept_by_tight = (
        selection(samples, trees.lead, cut.threshold, config.vetoes) for cut in (cuts.chosen, cuts.tight)
    )
    toys = config.fit.toys
    after, fitted = fit_candidates(samples, kept, config.fit, toys=toys, seed=config.seed, workers=workers)
    best, _ = fit_candidates(samples, kept_by_tight, config.fit)
    blind, grown = bool(config.fit.blind), list(trees.by_name.values())
    for name, events, scores in predictions(samples, grown, kept, blind=blind):
        keep_predictions(folder.path, name, events, scores)
    result = Result(
        config,
        Origin.now(),
        facts_of(samples, kept),
        classifier_of(config, samples, trees.lead),
        trees.reweighted,
        cuts,
        Fits(before, after, best),
        signal_efficiency(samples, kept, trees.reweighted.weights),
        check_selection(config, samples, trees, cuts.chosen, peak),
        None if config.fit.blind else unfold_signal(samples, kept, fitted, seed=config.seed),
        measure_oscillation(samples, kept, fitted, config.tagging, seed=config.seed),
        _published(config, samples, cuts.chosen),
    )
    report(result, make_page, folder.path)
    write_atomically(folder.path / "tables.md", markdown(result))
    if not config.data.keep:
        shutil.rmtree(folder.path / "candidates", ignore_errors=True)
    return result


@dataclass(frozen=True, eq=False)
class Trees:
    """What was grown.

    Parameters
    ----------
    lead
        The trees that select.
    others
        Further ones by name, which are compared with them.
    reweighted
        Weights of the simulated signal that the trees that select were grown with.
    """

    lead: Trained
    others: dict[str, Trained]
    reweighted: Reweighted

    @property
    def by_name(self) -> dict[str, Trained]:
        """All of them, those that select first."""
        return {self.lead.name: self.lead, **self.others}


def grow(config: Config, samples: Samples, folder: Path) -> Trees:
    """Grow trees: first those without momenta, which say what is signal in data and so how to reweight it.

    Parameters
    ----------
    config
        Of the run.
    samples
        Candidates.
    folder
        Where the trees that select are kept, those of each fold.
    """
    pool = Pool.of(samples, config.classifier.sideband)
    train = partial(train_trees, pool, config=config.classifier, seed=config.seed)
    unseen = present(MASS_BLIND, samples)
    others: dict[str, Trained] = {}
    reweighted = Reweighted.none(len(samples.signal), config.classifier.folds)
    if BLIND in config.models:
        others[BLIND] = train(variables=unseen, name=BLIND)
        if config.classifier.reweight:
            reweighted = _reweighted(config, samples, others[BLIND])
    name, variables = (
        (BLIND, unseen) if config.classifier.mass_blind else (TREES, present(VARIABLES, samples))
    )
    lead = train(variables=variables, name=name, signal_weights=reweighted.by_fold)
    others.pop(name, None)
    for fold, model in enumerate(lead.trees):
        save(model, folder / f"{name}_{fold}.safetensors")
    return Trees(lead, others, reweighted)


def check_selection(
    config: Config, samples: Samples, trees: Trees, cut: ChosenCut, peak: tuple[float, float]
) -> Checks:
    """What may be wrong with the selection, and what it rests on."""
    lead, sideband, seed = trees.lead, config.classifier.sideband, config.seed
    passing = selection(samples, vetoes=config.vetoes)
    efficiency, window = cut.efficiency.value, config.fit.window
    isolation = None
    if NETWORK in config.models:
        isolation = compare_isolations(samples, lead, sideband, config.isolation, seed=seed)
    return Checks(
        {
            name: sculpting(samples, vetoed(one, passing), efficiency, window)
            for name, one in trees.by_name.items()
        },
        sideband_stands_for_peak(samples, vetoed(lead, passing), cut.threshold, peak, sideband),
        importances(samples, lead, sideband, seed=seed),
        isolation,
    )


def _cuts(
    config: Config,
    samples: Samples,
    trees: Trees,
    peak: tuple[float, float],
    expected: tuple[Measured, Measured],
) -> Cuts:
    passing = selection(samples, vetoes=config.vetoes)
    tried = cut_samples(
        samples, trees.lead, passing, peak, expected, config.cut.sideband, weights=trees.reweighted.weights
    )
    chosen = choose_cut(tried, config.cut.figure)
    log.info("cut at %.3f", chosen.threshold)
    return Cuts(chosen, tightest(chosen, tried, config.cut))


def _published(config: Config, samples: Samples, cut: ChosenCut) -> Published | None:
    """The coursework's version, if it was asked for and comes out; it would tell what is blinded."""
    if "published" not in config.studies or config.fit.blind:
        return None
    try:
        return as_published(samples, config, expected=(cut.expected_signal, cut.expected_background))
    except InputError as error:
        log.warning("nothing as published: %s", error)
        return None


def signal_efficiency(samples: Samples, kept: Selection, weights: Array) -> Measured:
    """Share of the simulated signal that a selection keeps; its error counts parton events.

    Parameters
    ----------
    samples, kept
        Candidates, and the selection.
    weights
        Of simulated signal, shape ``(n_signal,)``.
    """
    return family_share(kept.simulated[SIGNAL], samples.signal.columns["underlying_event"], weights)


def _expected(
    samples: Samples, peak: tuple[float, float], found: tuple[Measured, Measured, Measured | None]
) -> tuple[Measured, Measured]:
    """Signal and background under the peak before the cut: the first from cross-section, branching fractions
    and efficiency where these are known, else, as the second, from the fit.
    """
    if SIGNAL not in samples.yields:
        return found[:2]
    share, of_all = float(within(samples.signal, peak).mean()), samples.yields[SIGNAL]
    return Measured(share * of_all.value, share * of_all.se), found[1]


def _reweighted(config: Config, samples: Samples, blind: Trained) -> Reweighted:
    """Weights of the simulated signal by the data that a loose cut on trees without weights keeps."""
    threshold = float(np.quantile(blind.scores[SIGNAL], 0.1))
    kept = selection(samples, blind, threshold, config.vetoes)
    return reweight_signal(samples, kept, blind, config.fit, config.classifier.reweighting, seed=config.seed)


def selection(
    samples: Samples,
    trained: Trained | None = None,
    threshold: float = 0.0,
    vetoes: VetoCuts | None = None,
) -> Selection:
    """What a cut on the score keeps, and vetoes; everything without them.

    Parameters
    ----------
    samples, trained
        Candidates and their scores.
    threshold
        Of the cut.
    vetoes
        Of D⁺ and Λ_c, if there are any; candidates without their columns are not vetoed.
    """
    parts = samples.by_name
    kept = {name: np.ones(len(part), dtype=bool) for name, part in parts.items()}
    if trained is not None:
        kept = {name: trained.scores[name] >= threshold for name in parts}
    if vetoes is not None and set(READS) <= set(samples.data.columns):
        kept = {name: which & passes_vetoes(parts[name].columns, vetoes) for name, which in kept.items()}
    return Selection(kept.pop(DATA), kept)


def present(variables: Sequence[str], samples: Samples) -> tuple[str, ...]:
    """Those variables that the candidates have; a user's file need not have all.

    Raises
    ------
    InputError
        If they have none.
    """
    found = tuple(name for name in variables if name in samples.data.columns)
    if not found:
        raise InputError(
            "candidates without any variable that trees could see",
            f"some in signal and data, such as {', '.join(variables[:6])}",
            "docs/lhcb_events.md says what they may be called",
        )
    return found


def _with_angle(samples: Samples) -> Samples:
    simulated = {
        name: dataclasses.replace(one, candidates=with_angle(one.candidates))
        for name, one in samples.simulated.items()
    }
    return dataclasses.replace(samples, simulated=simulated, data=with_angle(samples.data))
