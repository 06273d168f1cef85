from hepsets.analyses.z_flavour.other_seeds import Neighbours, Quantity, Scatter, SeedStudy
from hepsets.analyses.z_flavour.page_seeds import seeds_section
from hepsets.core.measured import Measured
from hepsets.report.page import Table

POINT = Quantity(4, ("s", "ud", 0.1))

STUDY = SeedStudy(
    (1, 2),
    (
        Scatter("vertex_graph", "hemispheres", POINT, (0.53, 0.55), Measured(0.54, 0.02), 0.0141),
        Scatter("vertex_graph", "found", Quantity(4), (0.885, 0.887), Measured(0.886, 0.003), 0.0014),
    ),
    (
        Neighbours(
            "found", Quantity(3), "vertex_graph", "particle_transformer", Measured(0.001, 0.002), False
        ),
        Neighbours("found", Quantity(4), "vertex_graph", "deep_sets", Measured(0.03, 0.004), True),
        Neighbours("hemispheres", POINT, "vertex_graph", "boosted_trees", Measured(0.14, 0.02), True),
    ),
)


def test_each_training_stands_beside_mean_and_spread_in_per_cent():
    (table,) = (content for content in seeds_section(STUDY).content if isinstance(content, Table))
    assert [column.heading for column in table.columns][3:] == ["seed 1", "seed 2", "mean", "spread"]
    assert table.rows == (
        ("found", "vertex_graph", "accuracy of 4 flavours", "88.50", "88.70", "88.60 ± 0.30", "0.14"),
        ("hemispheres", "vertex_graph", "s at 10 % ud", "53.00", "55.00", "54.00 ± 2.00", "1.41"),
    )


def test_neighbours_that_are_not_told_apart_are_named():
    *_, found, hemispheres = seeds_section(STUDY).content
    assert found == (
        "Not told apart in found, spread of trainings counted: vertex_graph and particle_transformer by "
        "accuracy of 3 flavours (0.10 ± 0.20)."
    )
    assert hemispheres.endswith(": none.")
