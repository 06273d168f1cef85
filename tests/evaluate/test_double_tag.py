import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.evaluate.double_tag import (
    count_tags,
    measure_partial_widths,
    mixed_light,
    tag_hemispheres,
)

R_B, R_C = 0.2158, 0.1721

SHARES = {"b": R_B, "c": R_C, "s": 0.2197, "ud": 1 - R_B - R_C - 0.2197}

EFFICIENCY = {"b": (0.75, 0.08), "c": (0.01, 0.55), "s": (0.002, 0.03), "ud": (0.001, 0.02)}
"""Of the tags for b and for c, in hemispheres of each flavour."""

LIGHT = {flavour: SHARES[flavour] for flavour in ("s", "ud")}


def pair_shares(flavour, tags=2):
    """Shares of events by tags, with hemispheres that are both easier or both harder to tag (ρ > 0)."""
    shares = np.zeros((3, 3))
    for easier in (0.9, 1.1):
        b, c = np.array(EFFICIENCY[flavour]) * easier
        one = np.array([1 - b - c, b, c])
        shares += np.outer(one, one) / 2
    folded = np.triu(shares) + np.tril(shares, -1).T
    if tags == 1:
        folded = np.array(
            [[folded[0, 0] + folded[0, 2] + folded[2, 2], folded[0, 1] + folded[1, 2]], [0, folded[1, 1]]]
        )
    return folded


def draw(random, flavour, events, tags):
    shares = pair_shares(flavour, tags)
    return random.multinomial(events, shares.ravel()).reshape(shares.shape)


def experiment(random, tags, events, simulated):
    of_flavour = random.multinomial(events, list(SHARES.values()))
    data = sum(draw(random, name, n, tags) for name, n in zip(SHARES, of_flavour, strict=True))
    simulation = {name: draw(random, name, simulated, tags) for name in SHARES}
    given = Measured(R_C, 0.003) if tags == 1 else None
    return data, simulation, given


@pytest.mark.parametrize(("tags", "simulated"), [(1, 20_000), (1, 400_000), (2, 50_000)])
def test_many_disjoint_samples_scatter_about_the_truth_as_their_errors_say(tags, simulated):
    random = np.random.default_rng(tags)
    pulls = []
    for _ in range(250):
        data, simulation, given = experiment(random, tags, 40_000, simulated)
        if given is not None:  # what is given fluctuates as its error says
            given = Measured(random.normal(R_C, given.se), given.se)
        found = measure_partial_widths(data, simulation, light_shares=LIGHT, r_c=given)
        b = found.efficiency["b b"]
        pulls.append(
            [
                (found.r_b.value - R_B) / found.r_b.se,
                (found.r_c.value - R_C) / found.r_c.se,
                (b.value - EFFICIENCY["b"][0]) / b.se,
            ]
        )
    width, mean = np.std(pulls, axis=0), np.mean(pulls, axis=0)
    assert width == pytest.approx([1, 1, 1], abs=0.15)
    assert (np.abs(mean) < 3 / np.sqrt(len(pulls))).all()


def test_exact_shares_give_the_exact_answer_with_its_correlations():
    for tags in (1, 2):
        simulation = {name: exact(name, tags, 10**12) for name in SHARES}
        data = mixture(simulation)
        given = Measured(R_C, 0.0) if tags == 1 else None
        found = measure_partial_widths(data, simulation, light_shares=LIGHT, r_c=given)
        assert found.r_b.value == pytest.approx(R_B, abs=1e-7)
        assert found.r_c.value == pytest.approx(R_C, abs=1e-7)
        assert found.efficiency["b b"].value == pytest.approx(0.75, abs=1e-7)
        assert found.efficiency["c b"].value == pytest.approx(0.01, abs=1e-7)
        assert found.correlation["b b"].value == pytest.approx(1.01, abs=1e-7)  # 1 + 0.1² of the two kinds


def exact(flavour, tags=2, events=10**9):
    """Counts without fluctuation."""
    return np.round(events * pair_shares(flavour, tags)).astype(np.int64)


def mixture(simulation):
    """Events of all flavours as the Z makes them, of equally many simulated ones of each."""
    return sum(np.round(share * simulation[name]).astype(np.int64) for name, share in SHARES.items())


def carried_over(value_of, counts):
    """The error that Poisson fluctuations of counts, shape ``(n, n)``, give to the numbers made of them."""
    variance = 0.0
    for place in zip(*np.triu_indices(len(counts)), strict=True):
        step = np.zeros_like(counts)
        step[place] = counts[place] // 100
        slope = (value_of(counts + step) - value_of(counts - step)) / (2 * step[place])
        variance = variance + slope**2 * counts[place]
    return np.sqrt(variance)


@pytest.mark.parametrize("tags", [1, 2])
def test_the_errors_are_the_fluctuations_of_all_counts_carried_over(tags):
    simulation = {name: exact(name, tags) for name in SHARES}
    data = 4 * mixture(simulation)
    given = Measured(R_C, 0.003) if tags == 1 else None

    def values(changed=None, counts=None, r_c=given):
        shifted = simulation | ({changed: counts} if changed in SHARES else {})
        found = measure_partial_widths(
            counts if changed == "data" else data, shifted, light_shares=LIGHT, r_c=r_c
        )
        many = [found.r_b, found.r_c, *found.efficiency.values(), *found.correlation.values()]
        return found, np.array([one.value for one in many]), np.array([one.se for one in many])

    found, _, stated = values()
    of_data = carried_over(lambda n: values("data", n)[1], data)
    of_simulation = [
        carried_over(lambda n, name=name: values(name, n)[1], simulation[name]) for name in SHARES
    ]
    of_given = np.zeros(len(stated))
    if given is not None:
        up, down = (values(r_c=Measured(R_C + step, 0.0))[1] for step in (1e-4, -1e-4))
        of_given = np.abs(up - down) / 2e-4 * given.se
    assert found.r_b_data == pytest.approx(of_data[0], rel=1e-3)
    assert found.r_b_simulation == pytest.approx(
        np.sqrt(np.sum(np.square(of_simulation), axis=0))[0], rel=1e-3
    )
    assert found.r_b_given == pytest.approx(of_given[0], rel=1e-3, abs=1e-15)
    together = np.sqrt(np.sum(np.square([of_data, *of_simulation, of_given]), axis=0))
    assert stated == pytest.approx(together, rel=1e-3)
    assert found.events == data.sum()


def test_efficiencies_and_correlations_bear_the_names_of_flavour_and_tag():
    simulation = {name: exact(name) for name in SHARES}
    found = measure_partial_widths(mixture(simulation), simulation, light_shares=LIGHT)
    light = np.average([EFFICIENCY["s"], EFFICIENCY["ud"]], axis=0, weights=[SHARES["s"], SHARES["ud"]])
    for name, pair in {**EFFICIENCY, "light": light}.items():
        for tag, efficiency in zip("bc", pair, strict=True):
            if name in ("b", "c", "light"):
                assert found.efficiency[f"{name} {tag}"].value == pytest.approx(efficiency, rel=1e-6)
    assert found.correlation.keys() == found.efficiency.keys()
    assert found.correlation["c c"].value == pytest.approx(1.01)
    squares = np.average(
        [EFFICIENCY["s"][1] ** 2, EFFICIENCY["ud"][1] ** 2], weights=[SHARES["s"], SHARES["ud"]]
    )
    assert found.correlation["light c"].value == pytest.approx(1.01 * squares / light[1] ** 2)
    assert found.from_data == ("b b", "c c", "b c")


def test_a_flavour_that_is_never_tagged_has_no_correlation_to_speak_of():
    simulation = {name: exact(name, 1) for name in SHARES}
    simulation |= dict.fromkeys(LIGHT, np.array([[10**9, 0], [0, 0]]))
    data = mixture(simulation)
    found = measure_partial_widths(data, simulation, light_shares=LIGHT, r_c=Measured(R_C, 0.0))
    assert found.r_b.value == pytest.approx(R_B)
    assert (found.efficiency["light b"].value, found.correlation["light b"].value) == (0.0, 1.0)


def test_without_the_correlation_r_b_is_too_small():
    """C_b = 1.01 that is taken for 1 makes the efficiency 1 % too large and R_b as much too small."""
    random = np.random.default_rng(5)
    data, simulation, given = experiment(random, 1, 4_000_000, 4_000_000)
    plain = simulation["b"].copy()
    total, tagged = plain.sum(), (plain[0, 1] + 2 * plain[1, 1]) / (2 * plain.sum())
    plain[1, 1] = round(total * tagged**2)
    plain[0, 1] = round(2 * total * tagged) - 2 * plain[1, 1]
    plain[0, 0] = total - plain[0, 1] - plain[1, 1]
    biased = measure_partial_widths(data, simulation | {"b": plain}, light_shares=LIGHT, r_c=given)
    found = measure_partial_widths(data, simulation, light_shares=LIGHT, r_c=given)
    assert biased.r_b.value / found.r_b.value == pytest.approx(1 / 1.01, abs=2e-3)


def test_the_efficiency_of_b_needs_no_simulation():
    """Simulation that tags b half as often gives the same R_b: only its correlation is used."""
    random = np.random.default_rng(6)
    data, simulation, given = experiment(random, 1, 400_000, 4_000_000)
    shares = pair_shares("b", 1)
    single, both = shares[0, 1] / 2 + shares[1, 1], shares[1, 1]
    worse = np.array([[1 - single + both / 4, single - both / 2], [0, both / 4]])
    other = simulation | {"b": np.round(4e6 * worse).astype(np.int64)}
    one, two = (
        measure_partial_widths(data, sim, light_shares=LIGHT, r_c=given) for sim in (simulation, other)
    )
    assert one.r_b.value == pytest.approx(two.r_b.value, abs=0.3 * one.r_b.se)


def test_the_error_has_its_three_parts():
    random = np.random.default_rng(7)
    data, simulation, given = experiment(random, 1, 40_000, 20_000)
    found = measure_partial_widths(data, simulation, light_shares=LIGHT, r_c=given)
    parts = np.array([found.r_b_data, found.r_b_simulation, found.r_b_given])
    assert found.r_b.se == pytest.approx(np.sqrt(np.sum(parts**2)))
    # OPAL: ΔR_b/R_b = -0.056 ΔR_c/R_c at its efficiencies; here about ε_c/ε_b twice
    assert found.r_b_given / R_B == pytest.approx(2 * 0.009 / 0.75 * given.se / R_B, rel=0.35)
    exact = measure_partial_widths(data, simulation, light_shares=LIGHT, r_c=Measured(R_C, 0.0))
    assert exact.r_b_given == 0


def test_light_events_are_mixed_as_the_z_decays():
    counts = {"s": np.array([[90, 10], [0, 0]]), "ud": np.array([[100, 0], [0, 0]])}
    shares, covariance = mixed_light(counts, {"s": 1.0, "ud": 3.0})
    assert shares == pytest.approx([0.975, 0.025, 0.0])
    assert covariance[1, 1] == pytest.approx(0.1 * 0.9 / 100 / 16)


def test_tags_are_counted_without_order_and_b_goes_before_c():
    assert tag_hemispheres([0.9, 0.1, 0.1], 0.5, [0.9, 0.9, 0.1], 0.5).tolist() == [1, 2, 0]
    assert tag_hemispheres([0.9, 0.1], 0.5).tolist() == [1, 0]
    counts = count_tags([2, 1, 0], [1, 2, 2], tags=2)
    assert counts[1, 2] == 2
    assert counts[0, 2] == 1
    assert counts.sum() == 3
    assert count_tags([0, 1, 1, 0], [0, 0, 1, 1]).tolist() == [[1, 2], [0, 1]]
    assert count_tags([], []).tolist() == [[0, 0], [0, 0]]
    assert count_tags([0.0, 1.0], [1.0, 1.0]).tolist() == [[0, 1], [0, 1]]
    # a score at the cut reaches it
    assert tag_hemispheres([0.5, 0.4, 0.4], 0.5, [0.9, 0.3, 0.2], 0.3).tolist() == [1, 2, 0]
    for first, second in (([0, 1], [0]), ([[0, 1]], [[0, 1]])):
        with pytest.raises(InputError, match="one of each hemisphere"):
            count_tags(first, second)


@pytest.mark.parametrize(
    ("data", "names", "given", "said"),
    [
        (np.ones((4, 4), dtype=int), "bcl", None, "shape"),
        (np.array([[9, 1], [0, 0]]), "bcl", None, "R_c"),
        (np.array([[9, 1], [0, 0]]), "bc", Measured(0.17, 0), "no simulation of light"),
        (np.array([[90, 10], [0, 0]]), "bcl", Measured(0.17, 0), "no R between"),
        (np.array([[0, 0], [0, 0]]), "bcl", Measured(0.17, 0), "no events of data"),
    ],
)
def test_counts_that_tell_nothing_are_refused_in_one_line(data, names, given, said):
    simulation = {
        {"b": "b", "c": "c", "l": "light"}[name]: np.array([[30, 40], [0, 30]])
        if name == "b"
        else np.array([[98, 2], [0, 0]])
        for name in names
    }
    with pytest.raises(InputError, match=said):
        measure_partial_widths(data, simulation, r_c=given)
    with pytest.raises(InputError, match=r"tags \[0, 3\]"):
        count_tags([0], [3], tags=2)


@pytest.mark.parametrize("r_b", [1.1, -0.02])
def test_a_share_of_b_beyond_all_hadrons_or_none_is_refused(r_b):
    """Exact shares of efficiencies 0.5, 0.3 and 0.01 without correlations, solved by this R_b alone."""
    efficiency = {"b": 0.5, "c": 0.3, "light": 0.01}
    share = {"b": r_b, "c": 0.17, "light": 0.83 - r_b}

    def table(single, double):
        return np.rint(
            1e8 * np.array([[1 - 2 * single + double, 2 * (single - double)], [0, double]])
        ).astype(int)

    data = table(*(sum(share[f] * efficiency[f] ** k for f in share) for k in (1, 2)))
    simulation = {f: table(e, e**2) for f, e in efficiency.items()}
    with pytest.raises(InputError, match="no R between"):
        measure_partial_widths(data, simulation, r_c=Measured(0.17, 0.0))


def test_a_tag_that_tells_no_flavour_is_refused_whatever_it_leaves_to_solve():
    alike = np.array([[64, 32], [0, 4]])
    everywhere = dict.fromkeys(("b", "c", "light"), alike)
    with pytest.raises(InputError, match="no R between"):
        measure_partial_widths(alike, everywhere, r_c=Measured(0.17, 0.0))
