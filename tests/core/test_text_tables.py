"""Columns without entries are left out of tables, and what is shown is not cut."""

from rich.console import Console

from hepsets.core.text_tables import aligned, markdown_table, terminal_table

HEADINGS = ("model", "limit", "less")
ROWS = [("a", "", ""), ("b", "", "1 ± 2")]


def printed(table, width=60):
    console = Console(width=width)
    with console.capture() as capture:
        console.print(table)
    return [line.split() for line in capture.get().splitlines() if "─" not in line and line.strip()]


def test_columns_that_a_screen_has_no_room_for_are_left_out():
    table = aligned(("model", "a" * 60, "b" * 60), [("mine", "1", "2")])
    assert table[0] == "model  " + "a" * 60
    assert table[1].split() == ["mine", "1"]


def test_a_column_without_any_entry_is_left_out_and_one_with_a_single_entry_stays():
    assert [line.split() for line in aligned(HEADINGS, ROWS)] == [
        ["model", "less"],
        ["a"],
        ["b", "1", "±", "2"],
    ]
    assert markdown_table(HEADINGS, ROWS) == ["| model | less |", "|---|---|", "| a |  |", "| b | 1 ± 2 |"]
    assert printed(terminal_table(HEADINGS, ROWS)) == [["model", "less"], ["a"], ["b", "1", "±", "2"]]


def test_a_table_without_rows_has_all_its_columns():
    assert aligned(HEADINGS, []) == ["model  limit  less"]
    assert markdown_table(HEADINGS, []) == ["| model | limit | less |", "|---|---|---|"]
    assert printed(terminal_table(HEADINGS, [])) == [[*HEADINGS]]


def test_numbers_stand_to_the_right_where_the_columns_to_the_left_are_named():
    table = terminal_table(HEADINGS, ROWS, left=("model",), title="of models")
    assert table.title == "of models"
    assert [(column.header, column.justify, column.no_wrap) for column in table.columns] == [
        ("model", "left", True),
        ("less", "right", True),
    ]
