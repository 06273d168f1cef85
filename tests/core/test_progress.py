from hepsets.core.progress import progress_bar


def test_nothing_is_drawn_when_nobody_watches(capsys):
    with progress_bar("training", 3) as advance:
        for _ in range(3):
            advance(1)
    assert capsys.readouterr() == ("", "")
