import pytest
import torch
from helpers.padded_reference import pad, reference_logits
from helpers.random_events import events_of_sizes, random_events

from hepsets.core.errors import InputError
from hepsets.core.pdg import PdgMap
from hepsets.learn.decay_trees.recipe import build_model

PDG_MAP = PdgMap(tuple(range(1, 41)))


PUBLISHED = (
    "deep_sets",
    "deep_sets_pdg",
    "deep_sets_gcn",
    "deep_sets_gcn_pdg",
    "deep_sets_gcn_pdg_normalized",
    "transformer",
    "gcn_stack",
    "DS_3_GCN_1",
    "DS_6_GCN_135",
    "flat_mlp",
    "flat_mlp_mask",
)


def linear(n_in: int, n_out: int) -> int:
    return n_in * n_out + n_out


def deep_sets(f: int, u: int) -> int:
    return linear(f, u) + linear(u, u) + linear(u, 1)


def parameters(name: str, f: int, u: int, n: int) -> int:
    """The published formulas: f features, u units, n rows of the embedding."""
    tokens, graph = n * 8, linear(u, u)
    if name == "transformer":
        layer = 4 * linear(u, u) + linear(u, 2 * u) + linear(2 * u, u) + 2 * 2 * u
        return n * 6 + linear(f + 6, u) + 2 * layer + linear(u, 1)
    if name == "gcn_stack":
        first, others = 2 * (f + 25) + linear(f + 25, u), 3 * (2 * u + linear(u, u))
        return n * 25 + first + others + linear(u, u) + 2 * u + linear(u, 1)
    return {
        "deep_sets": deep_sets(f, u),
        "deep_sets_pdg": tokens + deep_sets(f + 8, u),
        "deep_sets_gcn": linear(f, u) + graph + linear(u, u) + linear(u, 1),
        "deep_sets_gcn_pdg": tokens + linear(f + 8, u) + graph + linear(u, u) + linear(u, 1),
        "deep_sets_gcn_pdg_normalized": tokens + linear(f + 8, u) + graph + linear(u, u) + linear(u, 1),
        "flat_mlp": linear(100 * f, u) + linear(u, u) + linear(u, 1),
        "flat_mlp_mask": linear(100 * (f + 1), u) + linear(u, u) + linear(u, 1),
        "DS_3_GCN_1": linear(f, u) + linear(u, u) + linear(u, 1),
        "DS_6_GCN_135": linear(f, u) + 4 * linear(u, u) + linear(u, 1),
    }[name]


@pytest.mark.parametrize("units", [32, 24])
@pytest.mark.parametrize("name", PUBLISHED)
def test_models_have_the_published_number_of_parameters(name: str, units: int) -> None:
    for drop in ((), ("energy",)):
        model = build_model(name, PDG_MAP, units=units, drop=drop)
        f = (6 if name == "gcn_stack" else 8) - len(drop)
        assert model.n_parameters == parameters(name, f, units, len(PDG_MAP))


def test_numbers_of_parameters_at_the_published_size() -> None:
    # written out once, by hand, so that formula and model cannot be wrong together
    assert build_model("deep_sets", PDG_MAP).n_parameters == 8 * 32 + 32 + 32 * 32 + 32 + 32 + 1 == 1377
    assert build_model("deep_sets_gcn", PDG_MAP).n_parameters == 1377 + 32 * 32 + 32


@pytest.mark.parametrize(
    ("name", "inputs", "coordinates"),
    [
        ("deep_sets", "scaled", "cartesian"),
        ("deep_sets_gcn_pdg", "raw", "cartesian"),
        ("deep_sets_gcn_pdg_normalized", "scaled", "cartesian"),
        ("gcn_stack", "scaled", "cylindrical"),
    ],
)
def test_models_take_the_published_inputs_unless_told_otherwise(
    name: str, inputs: str, coordinates: str
) -> None:
    config = build_model(name, PDG_MAP).config
    assert (config.inputs, config.coordinates) == (inputs, coordinates)
    other = {"inputs": "raw", "coordinates": "cylindrical", "drop": ("r",)}
    config = build_model(name, PDG_MAP, **other).config
    assert (config.inputs, config.coordinates, config.drop) == ("raw", "cylindrical", ("r",))


@pytest.mark.parametrize("graph_last", [False, True])
@pytest.mark.parametrize("extra", [0, 9])
@pytest.mark.parametrize(
    "name",
    [name for name in PUBLISHED if not name.startswith("flat")] + ["DS_2_GCN_2", "DS_4_GCN_none"],
)
def test_models_equal_their_padded_reference(name: str, extra: int, graph_last: bool) -> None:
    events = events_of_sizes([41, 1, 3, 0, 60, 17, 2], seed=3)
    pdg_map = PdgMap.fit(events.particles["pdg"])
    if graph_last and not name.startswith("deep_sets_gcn"):
        return  # others have no such option
    options = {"graph_last": True} if graph_last else {}
    model = build_model(name, pdg_map, heads=2, **options).eval()
    data = model.prepare(events)
    model.fit_scaler(data.features)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            torch.nn.init.normal_(module.running_mean)
            torch.nn.init.uniform_(module.running_var, 0.5, 2.0)
            torch.nn.init.normal_(module.bias)
    batch = data.slice(0, len(events))
    with torch.no_grad():
        expected = reference_logits(model, pad(batch, extra=extra))
        torch.testing.assert_close(model(batch), expected, rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize("name", ["deep_sets_gcn_pdg_normalized", "gcn_stack", "transformer"])
def test_gradients_equal_those_of_the_padded_reference(name: str) -> None:
    events = random_events(12, mean_particles=9)
    still = {} if name.startswith("deep_sets") else {"dropout": 0.0}
    model = build_model(name, PdgMap.fit(events.particles["pdg"]), **still).train()
    batch = model.prepare(events).slice(0, len(events))
    gradients = []
    for logits in (lambda: model(batch), lambda: reference_of(model, batch)):
        model.zero_grad()
        (logits() * torch.linspace(-1, 1, len(events))).sum().backward()
        gradients.append({key: value.grad.clone() for key, value in model.named_parameters()})
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-3, atol=1e-5)


def reference_of(model, batch):
    if model.name != "transformer":
        return reference_logits(model, pad(batch, extra=4)).squeeze(1)
    return transformer_by_hand(model, batch)


def transformer_by_hand(model, batch):
    """One event at a time with torch's attention, so that gradients reach our weights."""
    network = model.network
    x = network.projection(torch.cat([model.scaler(batch.features), network.embedding(batch.tokens)], 1))
    logits = []
    for begin, end in zip(batch.offsets[:-1], batch.offsets[1:], strict=True):
        event = x[begin:end]
        for layer in network.layers:
            mixed, _ = torch.nn.functional.multi_head_attention_forward(
                *[event[:, None]] * 3,
                event.shape[1],
                layer.heads,
                layer.query_key_value.weight,
                layer.query_key_value.bias,
                None,
                None,
                False,
                0.0,
                layer.mix.weight,
                layer.mix.bias,
            )
            event = layer.attention_norm(event + mixed[:, 0])
            event = layer.feed_forward_norm(event + layer.down(torch.relu(layer.up(event))))
        logits.append(network.output(event.mean(0)))
    return torch.cat(logits)


def test_initial_weights_follow_the_seed() -> None:
    one, same, other = (build_model("deep_sets", PDG_MAP, seed=s) for s in (1, 1, 2))
    assert torch.equal(one.network.output.weight, same.network.output.weight)
    assert not torch.equal(one.network.output.weight, other.network.output.weight)


def test_building_a_model_leaves_the_callers_random_numbers_alone() -> None:
    state = torch.random.get_rng_state()
    build_model("deep_sets", PDG_MAP)
    assert torch.equal(state, torch.random.get_rng_state())


@pytest.mark.parametrize("name", ["", "deepsets", "DS_1_GCN_1", "DS_4_GCN_5", "DS_4_GCN_11", "DS_3_GCN_0"])
def test_names_without_a_model_are_refused(name: str) -> None:
    with pytest.raises(InputError):
        build_model(name, PDG_MAP)
