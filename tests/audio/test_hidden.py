"""What pictures in sound promise: that one sees them, in the file too, whatever kind of picture they are."""

from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from minivit.audio.hidden import hidden_correlation, hidden_picture, hide
from minivit.audio.invert import griffinlim
from minivit.audio.stft import istft_forward

QUICK: Any = {"duration": 1.0, "n_iter": 16}


def star(side=96):
    """A star in a circle, grey in part: lines, edges and a slope."""
    slope = np.linspace(0, 120, side).astype(np.uint8)
    image = Image.fromarray(np.broadcast_to(slope, (side, side)).copy())
    turns = 2 * np.pi * np.arange(6) * 2 / 5
    draw = ImageDraw.Draw(image)
    draw.line([*zip(side * (0.5 + 0.4 * np.sin(turns)), side * (0.5 - 0.4 * np.cos(turns)), strict=True)], 255, 5)
    draw.ellipse((4, 4, side - 4, side - 4), outline=255, width=5)
    return np.asarray(image)


@pytest.fixture(scope="module")
def hidden():
    return hide(star())


def as_16_bits(y):
    return np.round(y * 32767).astype(np.int16) / np.float32(32768)


def test_the_picture_is_seen_in_the_wave_and_in_16_bits_of_it(hidden):
    assert hidden.y.dtype == np.float32
    for y in (hidden.y, as_16_bits(hidden.y), 0.01 * hidden.y, hidden.y.astype(np.float64)):
        assert hidden_correlation(y, hidden) > 0.97
    assert np.abs(hidden.y).max() == pytest.approx(10 ** (-1 / 20), rel=1e-3)


def test_phases_that_do_not_fit_blur_it(hidden):
    cut = {"n_fft": hidden.n_fft, "hop_length": hidden.hop_length}
    drawn = griffinlim(hidden.S, n_iter=0, **cut).y
    middle = (-1.0) ** np.arange(len(hidden.S))[:, None]  # phases of zero in the middle of every frame
    zero, _ = istft_forward((hidden.S * middle).astype(np.complex64), hop_length=hidden.hop_length)
    assert hidden_correlation(zero, hidden) < 0.8
    assert 1 - hidden_correlation(drawn, hidden) > 2 * (1 - hidden_correlation(hidden.y, hidden))


def test_the_top_of_the_picture_is_high_and_its_left_side_early():
    image = np.zeros((10, 10), np.uint8)
    image[:3, :5] = 255
    hidden = hide(image, **QUICK)
    early, late = np.array_split(hidden.y, 2)
    assert (early**2).sum() > 100 * (late**2).sum()
    power = np.abs(np.fft.rfft(hidden.y)) ** 2
    f = np.fft.rfftfreq(len(hidden.y), 1 / 22050)
    top = 500 + 0.7 * (9922.5 - 500)
    assert power[(f > top - 100) & (f < 10000)].sum() > 0.98 * power.sum()
    assert hidden.picture[-1, 0] == 1 == hidden.picture[-1].max()
    assert hidden.picture[0].max() == 0


def test_brightness_is_in_decibels_and_black_is_silent():
    image = np.repeat(np.array([[0, 51, 153, 255]], np.uint8), 40, 1).repeat(40, 0)
    hidden = hide(image, db=40.0, **QUICK)
    row = hidden.S[100]
    np.testing.assert_allclose(
        row[len(row) // 8 :: len(row) // 4][:4], [0, 10 ** (-32 / 20), 10 ** (-16 / 20), 1], rtol=1e-5
    )
    assert (hidden.S[: hidden.bins[0]] == 0).all()
    assert (hidden.S[hidden.bins[1] :] == 0).all()


def test_every_kind_of_image_shows_the_same():
    grey = star(48)
    alpha = 255 - grey[..., None]
    black = np.zeros((48, 48, 1), np.uint8)
    kinds = [
        grey,
        grey[..., None],
        np.dstack([grey] * 3),
        np.dstack([grey, np.full_like(grey, 255)]),
        np.dstack([grey, grey, grey, np.full_like(grey, 255)]),
        np.dstack([black, black, black, alpha]),  # black on white paper
        np.concatenate([black, alpha], 2),
        np.asfortranarray(grey),
        grey[::-1][::-1],
    ]
    first, *others = (hide(kind, **QUICK) for kind in kinds)
    for other in others:
        np.testing.assert_allclose(other.picture, first.picture, atol=1.5 / 255)
        assert hidden_correlation(other.y, first) > 0.95


@pytest.mark.parametrize("shape", [(1, 7), (7, 1), (1, 300), (300, 1), (2, 2), (1500, 900, 3)])
def test_images_of_all_sides_are_seen(shape):
    few = np.random.default_rng(0).integers(0, 256, np.minimum(shape[:2], 5), dtype=np.uint8)
    image = np.asarray(Image.fromarray(few).resize(shape[1::-1], Image.Resampling.BICUBIC))
    hidden = hide(np.dstack([image] * 3) if len(shape) == 3 else image, **QUICK)
    assert hidden_correlation(as_16_bits(hidden.y), hidden) > 0.95


def test_wide_pictures_last_longer():
    image = np.tile(star(32), (1, 3))
    seconds = [len(hide(a, n_iter=0).y) / 22050 for a in (star(32), image, image.T, np.tile(image, (1, 9)))]
    np.testing.assert_allclose(seconds, [4, 12, 2, 20], atol=0.01)


def test_what_is_left_of_the_picture_in_half_a_wave(hidden):
    half = len(hidden.y) // 2
    left = hidden_picture(hidden.y[:half], hidden)
    columns = left.shape[1] // 2 - 4
    assert np.corrcoef(left[:, :columns].ravel(), hidden.picture[:, :columns].ravel())[0, 1] > 0.95
    assert (left[:, columns + 10 :] == 0).all()
    longer = np.pad(hidden.y, (0, 5000))
    assert hidden_correlation(longer, hidden) > 0.97


def test_a_wave_in_which_nothing_is_to_be_seen(hidden):
    for nothing in (np.zeros(50_000), np.full(50_000, np.nan)):
        with pytest.raises(ValueError, match="y is silent, or not finite, at the frequencies"):
            hidden_correlation(nothing, hidden)
    noise = np.random.default_rng(0).standard_normal(len(hidden.y))
    assert abs(hidden_correlation(noise, hidden)) < 0.1


@pytest.mark.parametrize(
    ("image", "options", "error", "message"),
    [
        (np.zeros((4, 4)), {}, TypeError, "image has dtype float64; expected uint8"),
        (np.zeros((4, 4), bool), {}, TypeError, "image has dtype bool"),
        (np.zeros(4, np.uint8), {}, ValueError, r"image has shape \(4,\)"),
        (np.zeros((4, 4, 5), np.uint8), {}, ValueError, r"image has shape \(4, 4, 5\)"),
        (np.zeros((0, 4), np.uint8), {}, ValueError, r"image has shape \(0, 4\)"),
        (np.zeros((4, 4), np.uint8), {}, ValueError, "one brightness"),
        (np.full((4, 4, 4), 255, np.uint8), {}, ValueError, "one brightness"),
        (star(8), {"sr": 0}, ValueError, "sr is 0; expected at least 1"),
        (star(8), {"sr": 10}, ValueError, "expected a band of at least two"),
        (star(8), {"fmin": 9000.0, "fmax": 8000.0}, ValueError, "fmin is 9000 and fmax 8000"),
        (star(8), {"fmax": 12000.0}, ValueError, "below half of sr, 11025 Hz"),
        (star(8), {"fmax": np.nan}, ValueError, "fmax is nan; expected above 0"),
        (star(8), {"fmin": 0.0}, ValueError, "fmin is 0.0; expected above 0"),
        (star(8), {"fmin": np.inf}, ValueError, "fmin is inf"),
        (star(8), {"duration": 0.0}, ValueError, "duration is 0.0; expected above 0"),
        (star(8), {"duration": 1e-3}, ValueError, "expected at least 2 frames"),
        (star(8), {"duration": 1e9}, ValueError, r"at most 10\^8 numbers"),
        (star(8), {"db": 0.0}, ValueError, "db is 0.0"),
        (star(8), {"hop_length": 2000}, ValueError, "do not overlap-add"),
        (np.uint8(3) * np.ones((), np.uint8), {}, ValueError, r"image has shape \(\); expected \(Y, X\)"),
        (star(8), {"n_fft": 2}, ValueError, "expected a band of at least two"),
    ],
)
def test_what_is_no_picture_or_leaves_no_room_for_one_is_refused(image, options, error, message):
    with pytest.raises(error, match=message):
        hide(image, **options)
