"""What is public is documented: with shapes of arrays, and the errors that it raises."""

import ast
import re

import pytest
from helpers.house import ROOT, SOURCES, python_files, tree

SHAPES = re.compile(r"shape|\(n_|(as|As|see|See|like|Like)( in)? :\w+:|any array")
"""What says in a docstring how arrays look, or where that stands."""

STILL_OPEN = {
    "src/hepsets/analyses/continuum_suppression/training.py::class_weights",
    "src/hepsets/analyses/delta_c9/figures/decays.py::asymmetries_along_q_squared",
    "src/hepsets/analyses/delta_c9/figures/decays.py::example_images",
    "src/hepsets/analyses/delta_c9/figures/intervals.py::posterior_products",
    "src/hepsets/analyses/delta_c9/figures/intervals.py::rank_histograms",
    "src/hepsets/analyses/smart_background/comparison.py::biases_at",
    "src/hepsets/analyses/smart_background/comparison.py::weighted_biases",
    "src/hepsets/analyses/smart_background/figures.py::embedding_map",
    "src/hepsets/analyses/smart_background/resimulation.py::simulate_further",
    "src/hepsets/analyses/smart_background/resimulation.py::spread",
    "src/hepsets/analyses/smart_background/samples.py::refuse_shared_events",
    "src/hepsets/formats/belle2_ntuple.py::Ntuple.label",
    "src/hepsets/generate/decay_table.py::is_parton",
    "src/hepsets/generate/kstmumu/likelihood.py::log_likelihood",
    "src/hepsets/generate/kstmumu/observables.py::count_asymmetries",
    "src/hepsets/generate/kstmumu/observables.py::expected_asymmetries",
    "src/hepsets/generate/record.py::Record.read",
    "src/hepsets/learn/data_sets/deep_sets.py::DeepSetsNetwork.fit_scales",
    "src/hepsets/learn/data_sets/estimator.py::NetworkEstimator.estimate",
    "src/hepsets/learn/data_sets/estimator.py::groups",
    "src/hepsets/learn/data_sets/likelihood_estimator.py::LikelihoodEstimator.estimate_terms",
    "src/hepsets/learn/data_sets/likelihood_estimator.py::LikelihoodEstimator.terms_of_sets",
    "src/hepsets/learn/data_sets/morphing.py::coefficients",
    "src/hepsets/learn/data_sets/morphing.py::odds_inputs",
    "src/hepsets/learn/data_sets/quadratic_likelihood.py::checked_offsets",
    "src/hepsets/learn/data_sets/regression.py::Residuals.estimates",
    "src/hepsets/learn/data_sets/regression.py::Residuals.of",
    "src/hepsets/learn/data_sets/regression.py::Residuals.tensors",
    "src/hepsets/learn/data_sets/set_summary.py::SetSummary.posterior_cdf",
    "src/hepsets/learn/data_sets/set_summary.py::training_sets",
    "src/hepsets/learn/data_sets/truth_ratios.py::TruthRatios.after_selection",
    "src/hepsets/learn/data_sets/truth_ratios.py::signal_of",
    "src/hepsets/learn/data_sets/truth_ratios.py::signal_with",
    "src/hepsets/learn/decay_trees/decay_gcn.py::GraphConvolution.forward",
    "src/hepsets/learn/decay_trees/decay_sweep.py::SweepRound.forward",
    "src/hepsets/learn/decay_trees/soft_labels.py::soft_labels",
    "src/hepsets/learn/particle_sets/multi_deep_sets.py::pool",
    "src/hepsets/learn/tables/boosted_trees.py::BoostedTrees.score_matrix",
    "src/hepsets/learn/training/disco.py::DisCo.forward",
    "src/hepsets/learn/training/disco.py::squared_distance_correlation",
    "src/hepsets/learn/training/fit.py::split_train_validation",
    "src/hepsets/learn/training/losses.py::Penalty.forward",
    "src/hepsets/learn/training/losses.py::cross_entropy",
    "src/hepsets/learn/training/trainable.py::TrainingData.tensors",
    "src/hepsets/represent/data_sets/images.py::ImageScale.fit",
    "src/hepsets/represent/data_sets/pools.py::EventSets.packed",
    "src/hepsets/represent/data_sets/pools.py::whole_sets",
    "src/hepsets/represent/decay_trees/data.py::EventData.tensors",
    "src/hepsets/represent/decay_trees/sweeps.py::DecaySweeps.both",
    "src/hepsets/represent/decay_trees/sweeps.py::DecaySweeps.sweep",
    "src/hepsets/represent/particle_sets/data.py::SetData.tensors",
    "src/hepsets/represent/particle_sets/features.py::CandidateEvents.event",
    "src/hepsets/represent/particle_sets/features.py::CandidateEvents.particle",
    "src/hepsets/select/candidates/classifier.py::logit",
    "src/hepsets/select/kstmumu/cuts.py::efficiency",
    "tools/candidate_classifier.py::batches",
    "tools/candidate_classifier.py::cross_fit",
}
"""Shapes or errors are not told yet: what is mended leaves the list, nothing joins."""


def public(body, prefix=""):
    """Public functions and classes of a module or class, with their names; overloads share a docstring."""
    for node in body:
        if any(ast.unparse(mark) == "overload" for mark in getattr(node, "decorator_list", ())):
            continue
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.name[0] != "_":
            if any(isinstance(mark, ast.Name) and mark.id == "overload" for mark in node.decorator_list):
                continue  # what is documented is the function itself
            yield prefix + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from public(node.body, f"{prefix}{node.name}.")


def raises(function):
    """Whether a function itself refuses something."""
    return any(
        isinstance(node, ast.Raise)
        and isinstance(node.exc, ast.Call)
        and getattr(node.exc.func, "id", "") == "InputError"
        for node in ast.walk(function)
    )


def has_arrays(function):
    """Whether a function takes or returns arrays or tensors."""
    signature = ast.unparse(function.args) + ast.unparse(function.returns or ast.Constant(None))
    return re.search(r"NDArray|\bTensor\b", signature) is not None


def says_enough(node):
    """Whether the docstring of something public is there and tells errors and shapes."""
    docstring = ast.get_docstring(node) or ""
    if isinstance(node, ast.ClassDef):
        return bool(docstring)
    told_errors = not raises(node) or "InputError" in docstring
    told_shapes = not has_arrays(node) or SHAPES.search(docstring) is not None
    return bool(docstring) and told_errors and told_shapes


def test_what_is_public_is_documented_with_shapes_and_errors():
    left = {
        f"{path.relative_to(ROOT)}::{name}"
        for path in python_files(SOURCES, ROOT / "tools")
        for name, node in public(tree(path).body)
        if not says_enough(node)
    }
    assert left == STILL_OPEN


def test_every_file_says_what_it_is_for():
    assert [path for path in python_files(SOURCES, ROOT / "tools") if not ast.get_docstring(tree(path))] == []


@pytest.mark.parametrize(
    ("text", "enough"),
    [
        ("def f(): pass", False),
        ('def f():\n    "Do."', True),
        ('def f():\n    "Do."\n    raise InputError("a", "b")', False),
        ('def f():\n    "Do, or raise InputError."\n    raise InputError("a", "b")', True),
        ('def f(x: NDArray[np.bool_]):\n    "Do."', False),
        ('def f() -> torch.Tensor:\n    "Do."', False),
        ('def f(x: NDArray[np.bool_]):\n    "Do with shape ``(n_events,)``."', True),
        ("class A: pass", False),
    ],
)
def test_silence_is_noticed(text, enough):
    assert says_enough(ast.parse(text).body[0]) is enough


def test_methods_are_public_in_public_classes_alone():
    text = "class A:\n    def f(self): pass\n    def _g(self): pass\nclass _B:\n    def h(self): pass"
    assert [name for name, _ in public(ast.parse(text).body)] == ["A", "A.f"]
