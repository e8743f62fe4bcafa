import matplotlib
import numpy as np
import pytest

from minivit.plot import panels

MAP = np.array([[0.0, 1.0, 2.0], [0.0, 0.0, 4.0]])


def test_maps_are_as_dark_as_their_largest_number_and_zero_is_white():
    first, second, *empty = panels({"one": MAP, "ten": 10 * MAP}).axes
    assert [first.get_title(), second.get_title()] == ["one", "ten"]
    (one,), (ten,) = first.images, second.images
    shown, times_ten = (np.ma.asarray(drawn.get_array()) for drawn in (one, ten))
    np.testing.assert_array_equal(one.to_rgba(shown), ten.to_rgba(times_ten))
    assert shown.mask.tolist() == [[True, False, False], [True, True, False]]
    np.testing.assert_allclose(one.to_rgba(np.array([4.0]))[0, :3], matplotlib.colormaps["viridis_r"](1.0)[:3])
    assert len(empty) == 4
    assert not any(ax.axison for ax in empty)


def test_of_signed_numbers_zero_is_in_the_middle():
    ((drawn,), *_) = (ax.images for ax in panels({"it": MAP - 1}, signed=True).axes)
    assert drawn.get_clim() == (-3, 3)


def test_images_stand_beside_maps():
    image = np.full((4, 4, 3), 7, np.uint8)
    first, second, *_ = panels({"image": image, "of nothing": np.zeros((2, 2))}).axes
    np.testing.assert_array_equal(first.images[0].get_array(), image)
    assert second.images[0].get_clim() == (0, 1)


def test_the_row_is_as_tall_as_the_tallest():
    flat, square = (panels(dict.fromkeys("abcdef", np.ones(shape))).get_figheight() for shape in ((3, 12), (5, 5)))
    assert flat - 0.35 == (square - 0.35) / 4
    assert panels(dict.fromkeys("abcdefgh", np.ones((5, 5)))).get_figheight() < square


@pytest.mark.parametrize("count", [0, 10])
def test_more_than_there_is_room_for(count):
    with pytest.raises(ValueError, match=f"there are {count} maps; expected 1 to 9"):
        panels({str(i): MAP for i in range(count)})
