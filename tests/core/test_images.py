import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.core.images import Images
from hepsets.core.purpose import Purpose


def make_images(n=6, shape=(1, 5, 5), seed=0):
    rng = np.random.default_rng(seed)
    return Images(rng.random((n, *shape)), rng.integers(0, 10, n), np.arange(n) + 100)


def test_an_image_keeps_its_label_and_number_wherever_it_is_taken():
    images = make_images()
    taken = images.take(np.array([4, 1, 4]))
    assert np.array_equal(taken.pixels[1], images.pixels[1])
    assert taken.labels.tolist() == images.labels[[4, 1, 4]].tolist()
    assert taken.ids.tolist() == [104, 101, 104]
    assert images[images.labels >= 0].ids.tolist() == images.ids.tolist()


def test_pixels_become_float32_and_only_squares_may_be_turned():
    images = make_images()
    assert images.pixels.dtype == np.float32
    assert images.square
    turned = images.with_pixels(np.rot90(images.pixels, axes=(2, 3)))
    assert turned.pixels.flags.c_contiguous
    assert turned.labels.tolist() == images.labels.tolist()
    assert not make_images(shape=(3, 4, 5)).square


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pixels": np.zeros((6, 5, 5))}, r"pixels\[:, None\]"),
        ({"pixels": np.zeros((6, 0, 5, 5))}, "channels"),
        ({"pixels": np.full((6, 1, 5, 5), "a")}, "numbers of shape"),
        ({"pixels": np.full((6, 1, 5, 5), np.nan)}, "image 0 that are not finite"),
        ({"labels": np.zeros(5, dtype=int)}, r"shape \(5,\) for 6 images"),
        ({"labels": np.zeros(6)}, "an integer for each"),
        ({"labels": np.full(6, -1)}, "label -1"),
        ({"ids": np.zeros((6, 1), dtype=int)}, "ids of type"),
    ],
)
def test_what_makes_no_images_is_refused(changes, message):
    images = make_images()
    given = {"pixels": images.pixels, "labels": images.labels, "ids": images.ids}
    with pytest.raises(InputError, match=message):
        Images(**(given | changes))


def test_images_that_trained_do_not_judge():
    images = make_images().used_for(Purpose.TRAINING)
    assert images.held_out(np.array([1])).purpose is Purpose.VALIDATION
    with pytest.raises(InputError, match="training events where test events"):
        images.used_for(Purpose.TEST)
    with pytest.raises(InputError, match="joined"):
        Images.concatenate([images, images.held_out(np.array([1]))])


def test_joined_images_are_those_of_both():
    one, other = make_images(2), make_images(3, seed=1)
    both = Images.concatenate([one, other])
    assert np.array_equal(both.pixels[2:], other.pixels)
    assert np.array_equal(both.pixels[:2], one.pixels)
    with pytest.raises(InputError, match="one shape"):
        Images.concatenate([one, make_images(shape=(2, 5, 5))])
