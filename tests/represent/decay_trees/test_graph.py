import torch
from helpers.random_events import event_tables
from hypothesis import given

from hepsets.core.events import Events
from hepsets.represent.decay_trees.graph import DecayGraph


def dense(mothers: torch.Tensor) -> torch.Tensor:
    """D^-½ A D^-½ from its definition."""
    n = len(mothers)
    adjacency = torch.eye(n, dtype=torch.float64)
    for daughter, mother in enumerate(mothers.tolist()):
        adjacency[daughter, mother] = adjacency[mother, daughter] = 1.0
    scale = adjacency.sum(1).rsqrt()
    return scale[:, None] * adjacency * scale[None, :]


def values_of(events: Events) -> torch.Tensor:
    return torch.randn(events.n_particles, 5, generator=torch.Generator().manual_seed(2))


@given(event_tables())
def test_the_convolution_is_the_normalised_adjacency_matrix(events: Events) -> None:
    mothers, values = torch.from_numpy(events.mothers), values_of(events)
    expected = dense(mothers) @ values.double()
    for dtype in (torch.float32, torch.float64):  # the compiled loop, and torch's operations
        result = DecayGraph(mothers).convolve(values.to(dtype))
        torch.testing.assert_close(result.double(), expected, rtol=1e-5, atol=1e-5)


@given(event_tables())
def test_the_gradient_is_that_of_the_matrix(events: Events) -> None:
    mothers = torch.from_numpy(events.mothers)
    values = values_of(events).requires_grad_()
    weight = torch.linspace(-1.0, 1.0, values.numel()).view(values.shape)
    (DecayGraph(mothers).convolve(values) * weight).sum().backward()
    expected = dense(mothers).T @ weight.double()
    torch.testing.assert_close(values.grad.double(), expected, rtol=1e-5, atol=1e-5)


def test_a_lone_root_keeps_its_value() -> None:
    torch.testing.assert_close(
        DecayGraph(torch.tensor([0])).convolve(torch.tensor([[3.0]])), torch.tensor([[3.0]])
    )


def test_daughters_are_counted() -> None:
    graph = DecayGraph(torch.tensor([0, 0, 0, 1]))
    assert graph.is_daughter.tolist() == [0.0, 1.0, 1.0, 1.0]
    assert graph.n_daughters.tolist() == [2.0, 1.0, 0.0, 0.0]


def test_gradients_of_gradients_are_those_of_the_matrix() -> None:
    mothers, values = torch.tensor([0, 0, 1, 1]), torch.tensor([[1.0], [-2.0], [3.0], [0.5]])
    found = []
    for dtype in (torch.float32, torch.float64):  # the compiled loop, and torch's operations
        x = values.to(dtype).requires_grad_()
        (slope,) = torch.autograd.grad(DecayGraph(mothers).convolve(x).pow(3).sum(), x, create_graph=True)
        found.append(torch.autograd.grad(slope.square().sum(), x)[0].double())
    torch.testing.assert_close(*found, rtol=1e-5, atol=1e-5)
