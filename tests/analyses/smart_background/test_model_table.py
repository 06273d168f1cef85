from hepsets.analyses.smart_background.model_table import ModelRow, model_table
from hepsets.core.measured import Measured


def row(name, auc):
    return ModelRow(
        name=name,
        parameters=1234,
        inputs="scaled",
        loss=Measured(0.5, 0.01),
        accuracy=Measured(0.8, 0.01),
        auc=Measured(auc, 0.002),
        max_speedup=Measured(5.0, 0.1),
        importance_speedup=None,
        threshold=0.9,
        true_positive_rate=Measured(0.3, 0.01),
        false_positive_rate=Measured(0.02, 0.001),
        train_events_per_s=16_000,
        score_events_per_s=60_000,
        to_limit=Measured(0.94 - auc, 0.003),
    )


def test_the_best_area_comes_first_and_the_best_model_stands_out():
    table = model_table([row("a", 0.7), row("b", 0.9), row("c", 0.8)], best="c")
    assert [cells[0] for cells in table.rows] == ["b", "c", "a"]
    assert table.highlight == 1
    assert model_table([row("a", 0.7)]).highlight is None


def test_numbers_stand_under_their_headings():
    table = model_table([row("a", 0.7)])
    cells = {
        (column.heading, column.unit): cell for column, cell in zip(table.columns, table.rows[0], strict=True)
    }
    assert cells["AUC", ""] == Measured(0.7, 0.002)
    assert cells["Loss", ""] == Measured(0.5, 0.01)
    assert cells["Train", "10³/s"] == 16
    assert cells["Speedup", "weights"] is None
