"""The report's sections on the studies of a smart-background run."""

from __future__ import annotations

from collections.abc import Iterator

from particle import InvalidParticle, Particle, ParticleNotFound, pdgid

from hepsets.analyses.smart_background import figures as own_figures
from hepsets.analyses.smart_background.page_many_skims import multi_skim_sections
from hepsets.analyses.smart_background.studies.inputs import EmbeddingMap, Studies
from hepsets.analyses.smart_background.studies.loss import LossRow
from hepsets.core.measured import Measured
from hepsets.report.page import Content, Drawing, FigureFiles, Section


def study_sections(studies: Studies, figures: FigureFiles) -> Iterator[Section]:
    """What the requested studies found."""
    if studies.features:
        drawn = []
        for inputs, rows in studies.features.items():
            first, *others = rows
            drawn.append(
                figures(
                    f"features_{inputs}",
                    own_figures.feature_study(
                        f"all features, {inputs} inputs (AUC {first.auc})",
                        {row.name: row.change for row in others},
                    ),
                    f"{inputs.capitalize()} inputs: change of the AUC of deep_sets_gcn_pdg, paired errors.",
                )
            )
        raw, scaled = studies.features["raw"][0], studies.features["scaled"][0]
        yield Section(
            "Study of features",
            (f"Normalised inputs: AUC {scaled.auc} against {raw.auc} on raw ones.", *drawn),
        )
    if studies.layers:
        yield Section(
            "Study of layers",
            (
                figures(
                    "layers",
                    own_figures.layer_scan(studies.layers),
                    "AUC of members of the DS/GCN family.",
                ),
            ),
        )
    if studies.loss:
        yield Section("A loss that knows its purpose", tuple(_loss(studies.loss, figures)))
    for skim in dict.fromkeys(point.skim for point in studies.few_labels):
        yield Section(f"New skim, few labels: {skim}", tuple(_few_labels(studies, skim, figures)))
    if studies.embedding is not None:
        yield Section("Learnt PDG embedding", (_embedding(studies.embedding, figures),))
    if studies.skims is not None:
        yield from multi_skim_sections(studies.skims, figures)


def _loss(rows: tuple[LossRow, ...], figures: FigureFiles) -> Iterator[Content]:
    first, *others = rows
    yield (
        "The unbiased speedup can be trained for: the network's output is then itself the probability to "
        "keep an event, and the loss is the computing time per effective passing event. The other way is to "
        "learn the probability to pass by cross entropy, calibrate it, and take the closed form p ∝ √P(pass) "
        "or the logistic form of Belle II's production. Scales, offsets and floors are chosen on validation "
        "events."
    )
    yield figures(
        "loss",
        own_figures.feature_study(
            f"{first.name}, p ∝ √P ({first.speedup})",
            {
                f"{row.name}{', p ∝ √P' if row.form == 'root' else ', logistic p'}": Measured(
                    100 * (row.ratio.value - 1), 100 * row.ratio.se
                )
                for row in others
            },
            quantity="unbiased speedup [%]",
        ),
        "Change of the unbiased speedup on the test events, with paired errors.",
    )


def _few_labels(studies: Studies, skim: str, figures: FigureFiles) -> Iterator[Content]:
    points = [point for point in studies.few_labels if point.skim == skim]
    names = {"head": "head on the frozen trunk", "fine_tune": "fine-tuned", "scratch": "from scratch"}
    auc: dict[str, dict[int, Measured]] = {names[point.method]: {} for point in points}
    gain: dict[str, dict[int, Measured]] = {names[point.method]: {} for point in points}
    for point in points:
        auc[names[point.method]][point.labels] = point.auc
        gain[names[point.method]][point.labels] = point.importance_speedup
    yield (
        f"The trunk was trained on all skims but {skim}. Then some events were labelled for {skim}, as many "
        "that fail as pass. On the frozen trunk a head is a logistic regression, and the scores of the other "
        "skims stay the same to the last bit; fine-tuning starts from the trunk and moves all of it. Keep "
        "rules come from the labelled events alone."
    )
    yield figures(
        f"few_labels_{skim}",
        own_figures.learning_curves(auc, gain),
        "Means over disjoint draws of the labelled events; errors hold their spread and that of the test "
        "sample, which all points share.",
    )


def _embedding(found: EmbeddingMap, figures: FigureFiles) -> Drawing:
    first, second = (f"{100 * share:.0f} %" for share in found.explained)
    return figures(
        "embedding",
        own_figures.embedding_map(
            found.positions,
            [_label(int(i)) for i in found.pdg],
            [_kind(int(i)) for i in found.pdg],
            found.occurrences,
        ),
        f"The two main directions of the embedding of deep_sets_gcn_pdg_normalized ({first} and {second} of "
        "its variance); the size of a point shows how often the particle occurs.",
    )


def _label(pdg: int) -> str:
    """Name in matplotlib's math text, or the number of a particle without a name."""
    try:
        return f"${Particle.from_pdgid(pdg).latex_name}$"
    except (ParticleNotFound, InvalidParticle):
        return str(pdg)


def _kind(pdg: int) -> str:
    if pdgid.is_lepton(pdg):
        return "leptons"
    if pdgid.has_bottom(pdg):
        return "beauty"
    if pdgid.has_charm(pdg):
        return "charm"
    if pdgid.is_baryon(pdg):
        return "light baryons"
    if pdgid.has_strange(pdg):
        return "strange mesons"
    return "light mesons" if pdgid.is_meson(pdg) else "others"
