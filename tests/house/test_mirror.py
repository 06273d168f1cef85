"""Tests mirror the sources: ``a/b.py`` is tested in ``tests/a/test_b.py``, or where it says here."""

import pytest
from helpers.house import ROOT, SOURCES, python_files

TESTS = ROOT / "tests"

TESTED_ELSEWHERE = {
    "__main__.py": ("cli/test_main.py", "as a module"),
    "analyses/c4_images/about.py": ("analyses/test_contract.py", "what every analysis has"),
    "analyses/c4_images/analysis.py": ("analyses/test_c4_images.py", "whole runs"),
    "analyses/c4_images/comparison.py": ("analyses/test_c4_images.py", "whole runs"),
    "analyses/c4_images/config.py": ("analyses/test_c4_images.py", "whole runs"),
    "analyses/c4_images/metrics.py": ("analyses/test_c4_images.py", "whole runs"),
    "analyses/c4_images/one_image.py": ("analyses/test_c4_images.py", "whole runs"),
    "analyses/c4_images/page.py": ("analyses/test_c4_images.py", "whole runs"),
    "analyses/c4_images/predictions.py": ("analyses/test_c4_images.py", "whole runs"),
    "analyses/c4_images/result.py": ("analyses/test_c4_images.py", "whole runs"),
    "analyses/c4_images/summary.py": ("analyses/test_c4_images.py", "whole runs"),
    "analyses/c4_images/training.py": ("analyses/test_c4_images.py", "whole runs"),
    "analyses/c4_images/figures/models.py": ("analyses/test_c4_images.py", "whole runs"),
    "analyses/c4_images/figures/symmetry.py": ("analyses/test_c4_images.py", "whole runs"),
    "analyses/c4_images/figures/views.py": ("analyses/test_c4_images.py", "whole runs"),
    "analyses/bs_dspi/about.py": ("analyses/test_contract.py", "what every analysis has"),
    "analyses/bs_dspi/analysis.py": ("analyses/test_bs_dspi.py", "whole runs"),
    "analyses/bs_dspi/config.py": ("analyses/test_bs_dspi.py", "whole runs"),
    "analyses/bs_dspi/metrics.py": ("analyses/test_bs_dspi.py", "whole runs"),
    "analyses/bs_dspi/page.py": ("analyses/test_bs_dspi.py", "whole runs"),
    "analyses/bs_dspi/predictions.py": ("analyses/test_bs_dspi.py", "whole runs"),
    "analyses/bs_dspi/page_published.py": ("analyses/test_bs_dspi.py", "whole runs"),
    "analyses/bs_dspi/result.py": ("analyses/test_bs_dspi.py", "whole runs"),
    "analyses/bs_dspi/summary.py": ("analyses/test_bs_dspi.py", "whole runs"),
    "analyses/bs_dspi/variables.py": ("analyses/test_bs_dspi.py", "whole runs"),
    "analyses/bs_dspi/facts.py": ("analyses/test_bs_dspi.py", "whole runs"),
    "analyses/bs_dspi/unfolded.py": ("analyses/test_bs_dspi.py", "whole runs"),
    "analyses/bs_dspi/figures/unfolded.py": ("analyses/test_bs_dspi.py", "whole runs"),
    "analyses/bs_dspi/figures/selection.py": ("analyses/test_bs_dspi.py", "whole runs"),
    "analyses/flavour_tagging/about.py": ("analyses/test_contract.py", "what every analysis has"),
    "analyses/flavour_tagging/analysis.py": ("analyses/test_flavour_tagging.py", "whole runs"),
    "analyses/flavour_tagging/closer_look.py": ("analyses/test_flavour_tagging.py", "whole runs"),
    "analyses/flavour_tagging/comparison.py": ("analyses/test_flavour_tagging.py", "whole runs"),
    "analyses/flavour_tagging/config.py": ("analyses/test_flavour_tagging.py", "whole runs"),
    "analyses/flavour_tagging/metrics.py": ("analyses/test_flavour_tagging.py", "whole runs"),
    "analyses/flavour_tagging/page.py": ("analyses/test_flavour_tagging.py", "whole runs"),
    "analyses/flavour_tagging/result.py": ("analyses/test_flavour_tagging.py", "whole runs"),
    "analyses/flavour_tagging/summary.py": ("analyses/test_flavour_tagging.py", "whole runs"),
    "analyses/flavour_tagging/training.py": ("analyses/test_flavour_tagging.py", "whole runs"),
    "analyses/flavour_tagging/figures.py": ("analyses/test_flavour_tagging.py", "the figures of a whole run"),
    "analyses/pretraining/about.py": ("analyses/test_contract.py", "what every analysis has"),
    "analyses/pretraining/analysis.py": ("analyses/test_pretraining.py", "whole runs"),
    "analyses/pretraining/config.py": ("analyses/test_pretraining.py", "whole runs"),
    "analyses/pretraining/figures.py": ("analyses/test_pretraining.py", "whole runs"),
    "analyses/pretraining/metrics.py": ("analyses/test_pretraining.py", "whole runs"),
    "analyses/pretraining/page.py": ("analyses/test_pretraining.py", "whole runs"),
    "analyses/pretraining/result.py": ("analyses/test_pretraining.py", "whole runs"),
    "analyses/pretraining/summary.py": ("analyses/test_pretraining.py", "whole runs"),
    "analyses/z_flavour/about.py": ("analyses/test_contract.py", "what every analysis has"),
    "analyses/z_flavour/analysis.py": ("analyses/test_z_flavour.py", "whole runs"),
    "analyses/z_flavour/blocks.py": ("analyses/test_z_flavour.py", "whole runs"),
    "analyses/z_flavour/cells.py": ("analyses/test_z_flavour.py", "whole runs"),
    "analyses/z_flavour/comparison.py": ("analyses/test_z_flavour.py", "whole runs"),
    "analyses/z_flavour/config.py": ("analyses/test_z_flavour.py", "whole runs"),
    "analyses/z_flavour/metrics.py": ("analyses/test_z_flavour.py", "whole runs"),
    "analyses/z_flavour/page.py": ("analyses/test_z_flavour.py", "whole runs"),
    "analyses/z_flavour/page_closer_look.py": ("analyses/test_z_flavour.py", "whole runs"),
    "analyses/z_flavour/result.py": ("analyses/test_z_flavour.py", "whole runs"),
    "analyses/z_flavour/samples.py": ("analyses/test_z_flavour.py", "whole runs"),
    "analyses/z_flavour/summary.py": ("analyses/test_z_flavour.py", "whole runs"),
    "analyses/z_flavour/training.py": ("analyses/test_z_flavour.py", "whole runs"),
    "analyses/smart_background/summary.py": ("analyses/test_smart_background.py", "whole runs"),
    "analyses/smart_background/sample_facts.py": ("analyses/test_smart_background.py", "whole runs"),
    "analyses/smart_background/page_studies.py": ("analyses/test_smart_background.py", "whole runs"),
    "analyses/delta_c9/theory.py": ("analyses/test_delta_c9.py", "whole runs"),
    "analyses/delta_c9/summary.py": ("analyses/test_delta_c9.py", "whole runs"),
    "analyses/delta_c9/one_data_set.py": ("analyses/test_delta_c9.py", "whole runs"),
    "analyses/delta_c9/images.py": ("analyses/test_delta_c9.py", "whole runs"),
    "analyses/continuum_suppression/summary.py": ("analyses/test_continuum_suppression.py", "whole runs"),
    "analyses/continuum_suppression/shapes.py": ("analyses/test_continuum_suppression.py", "whole runs"),
    "analyses/continuum_suppression/ensemble_page.py": (
        "analyses/test_continuum_suppression.py",
        "whole runs",
    ),
    "analyses/continuum_suppression/off_resonance_page.py": (
        "analyses/continuum_suppression/test_off_resonance.py",
        "the figures of its results",
    ),
    "analyses/continuum_suppression/about.py": ("analyses/test_contract.py", "what every analysis has"),
    "analyses/continuum_suppression/analysis.py": ("analyses/test_continuum_suppression.py", "whole runs"),
    "analyses/continuum_suppression/config.py": ("analyses/test_continuum_suppression.py", "whole runs"),
    "analyses/continuum_suppression/metrics.py": ("analyses/test_continuum_suppression.py", "whole runs"),
    "analyses/continuum_suppression/page.py": ("analyses/test_continuum_suppression.py", "whole runs"),
    "analyses/continuum_suppression/result.py": ("analyses/test_continuum_suppression.py", "whole runs"),
    "analyses/continuum_suppression/samples.py": ("analyses/test_continuum_suppression.py", "whole runs"),
    "analyses/continuum_suppression/trust.py": ("analyses/test_continuum_suppression.py", "whole runs"),
    "analyses/delta_c9/about.py": ("analyses/test_contract.py", "what every analysis has"),
    "analyses/delta_c9/analysis.py": ("analyses/test_delta_c9.py", "whole runs"),
    "analyses/delta_c9/inference.py": ("cli/test_infer.py", "the command that asks it"),
    "analyses/delta_c9/bounds.py": ("analyses/test_delta_c9.py", "whole runs"),
    "analyses/delta_c9/comparison.py": ("analyses/test_delta_c9.py", "whole runs"),
    "analyses/delta_c9/config.py": ("analyses/test_delta_c9.py", "whole runs"),
    "analyses/delta_c9/detector.py": ("analyses/test_delta_c9.py", "whole runs"),
    "analyses/delta_c9/metrics.py": ("analyses/test_delta_c9.py", "whole runs"),
    "analyses/delta_c9/page/page.py": ("analyses/test_delta_c9.py", "whole runs"),
    "analyses/delta_c9/page/meaning.py": ("analyses/test_delta_c9.py", "whole runs"),
    "analyses/delta_c9/page/models.py": ("analyses/test_delta_c9.py", "whole runs"),
    "analyses/delta_c9/page/axes.py": (
        "analyses/delta_c9/page/test_detector.py",
        "the figures that it labels",
    ),
    "analyses/delta_c9/predictions.py": ("analyses/test_delta_c9.py", "whole runs"),
    "analyses/delta_c9/result.py": ("analyses/test_delta_c9.py", "whole runs"),
    "analyses/smart_background/about.py": ("analyses/test_contract.py", "what every analysis has"),
    "analyses/smart_background/analysis.py": ("analyses/test_smart_background.py", "whole runs"),
    "analyses/smart_background/config.py": ("analyses/test_smart_background.py", "whole runs"),
    "analyses/smart_background/figures.py": ("report/test_figures.py", "all figures alike"),
    "analyses/smart_background/page_many_skims.py": (
        "analyses/smart_background/studies/test_many_skims.py",
        "the page of its run",
    ),
    "analyses/smart_background/metrics.py": ("analyses/test_smart_background.py", "whole runs"),
    "analyses/smart_background/page.py": ("analyses/test_smart_background.py", "whole runs"),
    "analyses/smart_background/ranking.py": (
        "analyses/smart_background/test_training.py",
        "several trainings of a model",
    ),
    "analyses/smart_background/resimulation.py": ("analyses/test_chains.py", "whole chains"),
    "analyses/smart_background/result.py": ("analyses/test_smart_background.py", "whole runs"),
    "analyses/smart_background/studies/inputs.py": ("analyses/test_smart_background.py", "whole runs"),
    "analyses/smart_background/tuning.py": ("analyses/test_smart_background.py", "whole runs"),
    "cli/application.py": ("cli/test_main.py", "every command"),
    "deploy/onnx/check.py": ("cli/test_filter.py", "files that no command may read"),
    "deploy/onnx/particle_sets.py": ("contracts/test_model_contract.py", "every model"),
    "deploy/onnx/whole_events.py": ("contracts/test_model_contract.py", "every model"),
    "deploy/onnx/runtime.py": ("contracts/test_model_contract.py", "every model"),
    "deploy/onnx/trace.py": ("contracts/test_model_contract.py", "every model"),
    "deploy/scale_out.py": ("deploy/test_production.py", "one cluster for both"),
    "learn/decay_trees/gcn_passes.py": ("learn/decay_trees/test_gcn_training.py", "forward and back"),
    "learn/data_sets/estimator.py": ("contracts/test_model_contract.py", "every estimator"),
    "learn/data_sets/likelihood_estimator.py": (
        "learn/data_sets/test_set_summary.py",
        "the posterior of each estimator with one",
    ),
    "learn/data_sets/published_fit.py": ("contracts/test_model_contract.py", "every estimator"),
    "learn/data_sets/quadratic_kernels.py": (
        "learn/data_sets/test_quadratic_likelihood.py",
        "its compiled loops",
    ),
    "learn/data_sets/regression.py": ("contracts/test_model_contract.py", "every estimator"),
    "learn/decay_trees/decay_gcn.py": ("contracts/test_model_contract.py", "every model"),
    "learn/decay_trees/decay_sweep.py": ("contracts/test_model_contract.py", "every model"),
    "learn/decay_trees/deep_sets.py": ("contracts/test_model_contract.py", "every model"),
    "learn/decay_trees/model.py": ("contracts/test_model_contract.py", "every model"),
    "learn/decay_trees/transformer.py": ("contracts/test_model_contract.py", "every model"),
    "learn/decay_trees/tree_encoder.py": ("contracts/test_model_contract.py", "every model"),
    "learn/layers/attention.py": ("contracts/test_model_contract.py", "every model"),
    "learn/layers/encoder_loops.py": ("learn/layers/test_encoder_pass.py", "the pass that it is"),
    "represent/particle_sets/joined.py": ("learn/pretraining/test_encoder.py", "the trunk that joins sets"),
    "learn/layers/set_encoder.py": ("learn/pretraining/test_encoder.py", "the trunk that it is in"),
    "learn/particle_sets/particle_encoder.py": ("contracts/test_model_contract.py", "every model"),
    "learn/layers/embedding.py": ("learn/layers/test_folding.py", "layers before and after folding"),
    "learn/layers/mlp.py": ("learn/data_sets/test_morphing.py", "the networks that it is made for"),
    "learn/particle_sets/model.py": ("contracts/test_model_contract.py", "every model"),
    "learn/particle_sets/pair_messages.py": (
        "learn/particle_sets/test_learned_moments.py",
        "the model whose loop it is",
    ),
    "learn/particle_sets/recipe.py": ("contracts/test_model_contract.py", "every model"),
    "learn/whole_events/deep_sets.py": ("contracts/test_model_contract.py", "every model"),
    "learn/training/config.py": ("learn/training/test_fit.py", "the loop that takes them"),
    "learn/training/examples.py": ("learn/training/test_task.py", "the loop that takes them"),
    "learn/training/logit_spline.py": ("learn/training/test_calibration.py", "the calibration that it is"),
    "learn/training/one_thread.py": ("learn/training/test_side_by_side.py", "trainings on one thread each"),
    "learn/training/score.py": ("learn/training/test_fit.py", "the loop that takes them"),
    "report/likelihood_figures.py": (
        "analyses/delta_c9/page/test_single_sets.py",
        "the figures that share it",
    ),
    "select/candidates/charm.py": ("select/candidates/test_combine.py", "one detector's candidates for all"),
    "select/candidates/classifier.py": ("select/skims/test_hadronic_tag.py", "the candidates that it judges"),
    "select/candidates/record.py": ("select/candidates/test_combine.py", "one detector's candidates for all"),
    "select/candidates/rho_rho.py": (
        "analyses/continuum_suppression/test_candidate_stream.py",
        "the stream of such events",
    ),
    "select/candidates/truth.py": ("select/candidates/test_combine.py", "one detector's candidates for all"),
    "select/vertices/config.py": ("select/vertices/test_event.py", "the call that takes it"),
    "select/vertices/found.py": ("select/vertices/test_event.py", "what whole events are made of"),
    "select/skims/record.py": ("select/skims/test_registry.py", "every skim"),
    "simulate/detector.py": ("simulate/test_belle2.py", "the engine with its numbers"),
}
"""Sources without a mirror: which tests hold them, and what of."""

OF_NO_SOURCE = {
    "analyses/test_result_schema.py": "the shipped schema of result.json",
    "analyses/test_chains.py": "whole chains on toys with a known answer",
    "analyses/z_flavour/test_purpose_of_choices.py": "events of the wrong purpose, in every step of a run",
    "cases": "files of users that were once misread, one folder each",
    "contracts": "what all models of a kind have in common",
    "deploy/test_event_types.py": "filters that are told what an event is, from training to the command",
    "deploy/test_hepmc_reference.py": "our HepMC3 against HepMC3's own library",
    "deploy/test_training_domain.py": "a filter trained on one sample, events of another",
    "evaluate/test_importance_limit.py": "the limit with few trials, a study that the docs quote",
    "evaluate/test_purpose_of_choices.py": "whatever chooses refuses test events",
    "house": "the house itself",
    "learn/test_fit_distributed.py": "training in several processes",
    "physics": "generation, detector and event shapes against published numbers",
    "plugins": "packages of somebody else, used through the command",
    "simulate/test_detector_shifts.py": "what each shifted detector changes, in all of its parts",
    "test_base_install.py": "what works without the extras, and how the rest says what it lacks",
    "test_faults.py": "disks, pipes and processes that fail in the middle",
    "test_fuzz.py": "everything that is read, damaged",
    "test_links.py": "links in the docs",
    "examples/test_examples.py": "examples/, and their notebooks",
    "examples/test_files_of_another_layout.py": "the lines of docs/files.md for them, as they stand",
    "examples/test_recipes.py": "docs/recipes.md, as it stands",
    "jobs": "what users come with, from a wheel in fresh environments",
    "test_public_names.py": "the names of import hepsets",
}
"""Tests, or folders of them, of more than one file."""


def mirror(source):
    """Where the test of a source lies, relative to the tests; a folder's ``__init__`` goes by its name."""
    return source.with_name(f"test_{source.name}")


def sources(package):
    """Files that hold code, relative to the package."""
    return [path.relative_to(package) for path in python_files(package) if path.name != "__init__.py"]


def without_mirror(package, tests):
    """Sources that have no test of their name."""
    return {str(source) for source in sources(package) if not (tests / mirror(source)).exists()}


def without_source(package, tests, scripts):
    """Tests that have no source of their name, be it a file, a folder or a script."""
    have = {mirror(source) for source in sources(package)}
    have |= {
        mirror(path.relative_to(package)).with_suffix(".py") for path in package.rglob("*") if path.is_dir()
    }
    have |= {mirror(path.relative_to(scripts.parent)) for path in python_files(scripts)}
    found = (path.relative_to(tests) for path in python_files(tests) if path.name.startswith("test_"))
    return {str(path) for path in found if path not in have}


def entry_of(test):
    """The entry that a test without source stands under; its own name if there is none."""
    return next((entry for entry in OF_NO_SOURCE if f"{test}/".startswith(f"{entry}/")), test)


def test_every_source_has_its_test_or_stands_here():
    assert without_mirror(SOURCES, TESTS) == TESTED_ELSEWHERE.keys()


def test_every_test_has_its_source_or_stands_here():
    alone = without_source(SOURCES, TESTS, ROOT / "tools")
    named = {
        next((entry for entry in OF_NO_SOURCE if f"{test}/".startswith(f"{entry}/")), test) for test in alone
    }
    assert named == OF_NO_SOURCE.keys()


@pytest.mark.parametrize("test", sorted({test for test, _ in TESTED_ELSEWHERE.values()}))
def test_what_is_tested_elsewhere_is_tested_where_it_says(test):
    assert (TESTS / test).exists()


def test_a_file_without_a_mirror_is_noticed_on_both_sides(tmp_path):
    for name in ("p/a/b.py", "p/a/c.py", "p/d/__init__.py", "t/a/test_b.py", "t/a/test_x.py", "t/test_d.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert without_mirror(tmp_path / "p", tmp_path / "t") == {"a/c.py"}
    assert without_source(tmp_path / "p", tmp_path / "t", tmp_path / "tools") == {"a/test_x.py"}
