import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hepsets.represent.decay_trees import sweeps as decay_sweeps
from hepsets.represent.decay_trees.sweeps import DecaySweeps


@st.composite
def forests(draw):
    """Mothers of a forest whose particles stand in any order."""
    n = draw(st.integers(0, 30))
    mothers = np.array([draw(st.integers(0, i)) for i in range(n)], dtype=np.int64)
    order = np.array(draw(st.permutations(range(n))), dtype=np.int64)
    shuffled = np.empty(n, dtype=np.int64)
    shuffled[order] = order[mothers]
    return shuffled


def ancestry(mothers):
    """Matrix with 1 where the column's particle is the row's own or its ancestor."""
    matrix = np.eye(len(mothers))
    for i in range(len(mothers)):
        j = i
        while mothers[j] != j:
            j = mothers[j]
            matrix[i, j] = 1
    return matrix


@pytest.mark.parametrize("compiled", [True, False])
@given(mothers=forests(), seed=st.integers(0, 100))
def test_sweeps_are_sums_over_ancestors_and_descendants(compiled, mothers, seed):
    values = torch.from_numpy(np.random.default_rng(seed).normal(size=(len(mothers), 3)).astype(np.float32))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decay_sweeps, "runs_kernels", lambda _: compiled)
        sweeps = DecaySweeps(torch.from_numpy(mothers))
        down, up = sweeps.from_ancestors(values), sweeps.from_descendants(values)
    matrix = ancestry(mothers)
    np.testing.assert_allclose(down.numpy(), matrix @ values.numpy(), atol=1e-5)
    np.testing.assert_allclose(up.numpy(), matrix.T @ values.numpy(), atol=1e-5)


@given(mothers=forests().filter(len))
def test_gradients_are_those_of_the_matrices(mothers):
    values = torch.zeros(len(mothers), 2, requires_grad=True)
    outer = torch.arange(2.0 * len(mothers)).reshape(-1, 2)
    sweeps = DecaySweeps(torch.from_numpy(mothers))
    (of_ancestors,) = torch.autograd.grad((sweeps.from_ancestors(values) * outer).sum(), values)
    (of_descendants,) = torch.autograd.grad((sweeps.from_descendants(values) * outer).sum(), values)
    matrix = torch.from_numpy(ancestry(mothers)).float()
    torch.testing.assert_close(of_ancestors, matrix.T @ outer)
    torch.testing.assert_close(of_descendants, matrix @ outer)


def test_a_chain_of_hundreds_of_generations_is_summed_whole():
    mothers = torch.tensor([0, *range(499)])
    ones = torch.ones(500, 1)
    for compiled in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(decay_sweeps, "runs_kernels", lambda _, compiled=compiled: compiled)
            sweeps = DecaySweeps(mothers)
            assert sweeps.from_ancestors(ones)[-1] == 500
            assert sweeps.from_descendants(ones)[0] == 500


def test_the_loop_of_exported_graphs_gives_the_same_sums_and_ends_in_a_circle():
    values = torch.randn(7, 2, generator=torch.Generator().manual_seed(1))
    sweeps = DecaySweeps(torch.tensor([0, 0, 1, 2, 2, 5, 5]))
    up, down = sweeps._both_in_a_loop(values, -values)
    torch.testing.assert_close(up, sweeps.from_descendants(values))
    torch.testing.assert_close(down, sweeps.from_ancestors(-values))
    DecaySweeps(torch.tensor([1, 0]))._both_in_a_loop(values[:2], values[:2])
