import numpy as np
import pytest

from minivit.ops.color_codes import color_codes, colors_of, patch_outputs

RNG = np.random.default_rng(0)


def test_codes_of_colours():
    """8 levels of 32 each; red counts 64, green 8, blue 1."""
    colors = np.array([[0, 0, 0], [31, 31, 31], [32, 0, 0], [0, 255, 0], [31.9, 224, 64], [255, 255, 255]])
    assert color_codes(colors).tolist() == [0, 0, 64, 56, 58, 511]
    assert color_codes(np.array([[200]])).tolist() == [6]


def test_a_code_is_the_middle_of_its_colours():
    colors = RNG.integers(0, 256, (50, 3))
    codes = color_codes(colors)
    middles = colors_of(codes, channels=3)
    assert np.abs(middles - colors).max() <= 16
    np.testing.assert_array_equal(color_codes(middles), codes)
    assert colors_of(np.arange(8), channels=1)[:, 0].tolist() == [16, 48, 80, 112, 144, 176, 208, 240]


def test_how_much_is_asked_of_a_patch():
    asked = [patch_outputs(target, patch_size=(8, 4), in_chans=3) for target in ("mean", "rgb", "downsized", "pixels")]
    assert asked == [512, 3, 16 * 512, 96]
    assert patch_outputs("downsized", patch_size=16, in_chans=1) == 128


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: color_codes(np.array([[0, 256, 3]])), "numbers go from 0 to 256; expected 0 to 255"),
        (lambda: color_codes(np.array([[0.1, -0.5, 3]])), "numbers go from -0.5 to 3; expected 0 to 255"),
        (lambda: color_codes(np.array([[np.nan]])), "expected 0 to 255"),
        (lambda: colors_of(np.array([512]), channels=3), "code 512 is out of range; expected 0 to 511"),
        (lambda: patch_outputs("median", patch_size=4, in_chans=3), "target is 'median'; expected one of mean, rgb,"),
        (lambda: patch_outputs("downsized", patch_size=6, in_chans=3), "a patch of 6 x 6 cannot be made 4 x 4"),
        (lambda: patch_outputs("mean", patch_size=0, in_chans=3), "patch_size is 0"),
        (lambda: patch_outputs("mean", patch_size=4, in_chans=10**6), "in_chans is 1000000; expected at most 6"),
    ],
)
def test_what_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_of_no_colours():
    assert color_codes(np.zeros((0, 3))).shape == (0,)
