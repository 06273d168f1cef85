"""Scripts become notebooks: titles, texts and cells."""

from make_notebooks import cells_of

SCRIPT = '''"""A title.

What it is about.
"""

import this

# A text above
# a cell.
x = 1  # stays


# Another one.
def f():
    """Nothing."""

    # inside a function

    return 2


print(f())
'''


def test_comments_at_the_margin_become_the_text_of_cells():
    assert cells_of(SCRIPT) == [
        ("markdown", "# A title\n\nWhat it is about."),
        ("code", "import this"),
        ("markdown", "A text above\na cell."),
        ("code", "x = 1  # stays"),
        ("markdown", "Another one."),
        (
            "code",
            'def f():\n    """Nothing."""\n\n    # inside a function\n\n    return 2\n\n\nprint(f())',
        ),
    ]
