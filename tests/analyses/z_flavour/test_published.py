import pytest

from hepsets.analyses.z_flavour.published import COURSEWORK, PUBLISHED, points_of
from hepsets.evaluate.scores.working_points import WORKING_POINTS


def test_every_tagger_says_where_it_is_from_and_what_sets_it_apart():
    for tagger in PUBLISHED:
        assert tagger.source
        assert tagger.caveats
        assert 0 < tagger.reading_error < 0.01
        assert all(0 < p.mistag < 1 and 0 < p.efficiency < 1 for p in tagger.points)


def test_a_tagger_keeps_more_where_more_is_mistaken():
    for tagger in PUBLISHED:
        pairs = {(p.flavour, p.against) for p in tagger.points}
        for pair in pairs:
            points = sorted((p.mistag, p.efficiency) for p in tagger.points if (p.flavour, p.against) == pair)
            assert points == sorted(points, key=lambda point: point[1])


def test_working_points_of_ours_have_published_ones_beside_them():
    for flavour, against, mistag in WORKING_POINTS:
        published = [p.mistag for _, points in points_of(flavour, against) for p in points]
        assert mistag in published
    assert points_of("b", "s") == []


def test_another_students_transformer_has_the_error_of_its_test_events():
    last = COURSEWORK[-1]
    assert last.accuracy_se == pytest.approx((last.accuracy * (1 - last.accuracy) / 91_532) ** 0.5, rel=0.05)
