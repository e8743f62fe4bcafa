import numpy as np
import pytest
from scipy.signal import savgol_filter

from minivit.audio.delta import delta_backward, delta_forward
from tests.test_parity import Case

LIBROSA = Case("librosa_features")
MFCC = LIBROSA["out/mfcc"]


def test_deltas_of_librosa():
    np.testing.assert_allclose(delta_forward(MFCC)[0], LIBROSA["out/delta"], rtol=0, atol=1e-10)
    y, _ = delta_forward(MFCC, width=5, mode="nearest")
    np.testing.assert_allclose(y, LIBROSA["out/delta_nearest"], rtol=0, atol=1e-10)


@pytest.mark.parametrize("mode", ["interp", "nearest"])
@pytest.mark.parametrize("width", [3, 7, 31])
def test_the_line_that_fits_best(width, mode):
    y, _ = delta_forward(MFCC, width=width, mode=mode)
    expected = np.asarray(savgol_filter(MFCC, width, polyorder=1, deriv=1, mode=mode))
    np.testing.assert_allclose(y, expected, atol=1e-11 * np.abs(MFCC).max())
    t = MFCC.shape[1] // 2  # a frame that has enough others around it
    around = MFCC[:, t - width // 2 : t + width // 2 + 1]
    if around.shape[1] == width:
        lines = np.polyfit(np.arange(width), around.T, 1)[0]
        np.testing.assert_allclose(y[:, t], lines, atol=1e-11 * np.abs(MFCC).max())


def test_what_rises_by_one_has_slope_one():
    rising = np.arange(20.0)
    np.testing.assert_allclose(delta_forward(rising)[0], 1)
    y, _ = delta_forward(rising, mode="nearest")
    np.testing.assert_allclose(y[4:-4], 1)
    assert y[0] == pytest.approx(0.5)  # what is repeated does not rise
    np.testing.assert_allclose(y, y[::-1])


@pytest.mark.parametrize("mode", ["interp", "nearest"])
def test_few_frames(mode):
    x = np.ones((2, 0), np.float32)
    with pytest.raises(ValueError, match=f"^delta: data has 0 frames; with mode '{mode}' expected at least"):
        delta_forward(x, mode=mode)
    y, cache = delta_forward(np.ones((2, 1)), mode="nearest")
    assert y.tolist() == delta_backward(y, cache).data.tolist() == [[0], [0]]
    with pytest.raises(ValueError, match="delta: data has 8 frames; with mode 'interp' expected at least 9"):
        delta_forward(np.ones((2, 8)))


@pytest.mark.parametrize("width", [-3, 1, 4, 1001])
def test_widths_that_are_none(width):
    with pytest.raises(ValueError, match=f"delta: width is {width}; expected an odd number from 3 to 999"):
        delta_forward(MFCC, width=width)


def test_a_mode_that_there_is_not():
    with pytest.raises(ValueError, match="delta: mode is 'mirror'; expected 'interp' or 'nearest'"):
        delta_forward(MFCC, mode="mirror")
    _, cache = delta_forward(MFCC)
    with pytest.raises(ValueError, match=r"delta_backward: dy has shape \(7, 31\); expected \(7, 32\)"):
        delta_backward(MFCC[:, 1:], cache)
