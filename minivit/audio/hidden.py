"""Pictures hidden in sound: any image becomes a wave whose spectrogram shows it.

The track "Cyberdemon" on the soundtrack of DOOM (2016) is the known example: its spectrogram shows pentagrams and the
number 666 (Engadget, 29 May 2016, "The new 'Doom' hides sinister images in its soundtrack"). The lecture's slide names
DOOM Eternal, a later game.
"""

from math import ceil, floor, inf
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from minivit.audio.invert import griffinlim
from minivit.audio.stft import stft_forward
from minivit.checked import check_range, checked
from minivit.types import Count, Real, SampleRate, Samples, ndarray

if TYPE_CHECKING:
    from PIL import Image

PEAK = 0.891  # one decibel below the largest sample that a file can hold
MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}  # Pillow's, by the number of channels
SHORTEST, LONGEST = 2.0, 20.0  # seconds of a wave whose duration follows from the picture's sides
PER_SIDE = 4.0  # seconds, of a square picture
MOST_NUMBERS = 10**8  # of a spectrogram: of more, an option that was meant otherwise would take all memory


class Hidden(NamedTuple):
    """A wave with a picture in it, and where in its spectrogram to look."""

    y: Real[ndarray, " T"]
    picture: Real[ndarray, "R N"]
    """As it was drawn: 0 black, 1 white; the lowest frequency is its first row, as in a spectrogram."""
    S: Real[ndarray, "F N"]
    """The magnitudes that :func:`minivit.audio.invert.griffinlim` was asked for."""
    convergence: Real[ndarray, " I"]
    sr: int
    n_fft: int
    hop_length: int
    bins: tuple[int, int]
    """The first frequency of the picture, and the first above it."""
    db: float


@checked
def hide(
    image: ndarray,
    *,
    sr: SampleRate = 22050,
    duration: float | None = None,
    fmin: float = 500.0,
    fmax: float | None = None,
    db: float = 50.0,
    n_fft: Samples = 1024,
    hop_length: Samples = 256,
    n_iter: Count = 64,
    seed: Count = 0,
) -> Hidden:
    r"""A wave whose spectrogram shows this image: its columns one after the other, its rows as frequencies.

    A pixel of brightness g from 0 to 1 is to have the magnitude

    .. math:: S = 10^{(g - 1)\, \mathrm{db} / 20}, \qquad \text{and black none at all,}

    because spectrograms are looked at in decibels. :func:`minivit.audio.invert.griffinlim` finds phases. They matter:
    overlapping frames with phases that do not fit cancel each other, and the picture is grained.

    Parameters
    ----------
    image : uint8 (Y, X) or (Y, X, C)
        Of 1 to 4 channels: grey, grey and alpha, RGB, RGBA. What is transparent lies on white. Any number of pixels:
        it is resized to the frames and frequencies that there are.
    sr : int
        Samples per second of the wave.
    duration : float, optional
        Seconds. If not given, 4 for a square picture and more for a wide one, but from 2 to 20.
    fmin, fmax : float
        The frequencies of its lower and upper edge; ``fmax`` is 0.9 of sr / 2 if not given.
    db : float
        How far the darkest grey is below white, in decibels.
    n_fft, hop_length
        Of the spectrogram to look at, with a Hann window; others show the picture, too, a little less sharp.
    n_iter : int
        Steps of Griffin-Lim; 0 leaves random phases.
    seed : int
        What phases at the start are drawn from.

    Returns
    -------
    Hidden
        The wave ``y`` is in float32, and its largest sample one decibel below full scale.

    Raises
    ------
    TypeError
        If the image is not uint8.
    ValueError
        If it has no pixels, other channels, or one colour only, so that there is nothing to see; if an option is out of
        range, or frequencies and seconds leave no room for a picture.
    """
    for name, value in {"fmin": fmin, "db": db}.items():
        check_range(f"hide: {name}", value, above=0, below=inf)
    grey = _grey(image)
    rows, columns = grey.height, grey.width
    if duration is None:
        duration = min(max(PER_SIDE * columns / rows, SHORTEST), LONGEST)
    check_range("hide: duration", duration, above=0, below=inf)
    fmax = 0.45 * sr if fmax is None else fmax
    check_range("hide: fmax", fmax, above=0, below=inf)
    low, high = ceil(fmin * n_fft / sr), floor(min(fmax, sr) * n_fft / sr) + 1
    if fmax > sr / 2 or high - low < 2:
        raise ValueError(
            f"hide: fmin is {fmin:g} and fmax {fmax:g}; expected a band of at least two of the frequencies, "
            f"{sr / n_fft:.4g} Hz apart, below half of sr, {sr / 2:g} Hz"
        )
    frames = 1 + round(duration * sr / hop_length)
    if frames < 2 or frames * (1 + n_fft // 2) > MOST_NUMBERS:
        raise ValueError(
            f"hide: {duration:g} seconds are {frames:,} frames of {1 + n_fft // 2:,} frequencies; expected at least 2 "
            "frames, and at most 10^8 numbers"
        )
    picture = _resized(grey, high - low, frames)
    S = np.zeros((1 + n_fft // 2, frames), np.float32)
    S[low:high] = np.where(picture > 0, 10 ** ((picture - 1) * np.float32(db / 20)), 0)
    y, convergence = griffinlim(S, n_fft=n_fft, hop_length=hop_length, n_iter=n_iter, seed=seed)
    y *= np.float32(PEAK) / np.abs(y).max()
    return Hidden(y, picture, S, convergence, sr, n_fft, hop_length, (low, high), db)


@checked
def hidden_picture(y: Real[ndarray, " T"], hidden: Hidden) -> Real[ndarray, "R N"]:
    """The picture that the spectrogram of a wave shows, in the place of the hidden one: 0 black, 1 white.

    Brightness is in decibels, as :func:`hide` has it. How loud the wave is does not matter: white is the level at which
    its spectrogram is nearest to the one that was asked for.

    Parameters
    ----------
    y : (T,)
        The wave of ``hidden``, or what has come back of it from a file or through the air, beginning where it begins.
        What is missing at its end is silent, what is behind its end left out.
    hidden : Hidden

    Raises
    ------
    ValueError
        If there is no sound in the place of the picture, or numbers that are not finite.
    """
    X, _ = stft_forward(y, n_fft=hidden.n_fft, hop_length=hidden.hop_length)
    wanted = hidden.S[slice(*hidden.bins)]
    there = np.abs(X[slice(*hidden.bins), : wanted.shape[1]])
    size = np.pad(there, ((0, 0), (0, wanted.shape[1] - there.shape[1])))
    if not 0 < (energy := float((size * size).sum())) < inf:
        raise ValueError("hidden_picture: y is silent, or not finite, at the frequencies of the picture")
    white = float((size * wanted).sum()) / energy
    level = 20 * np.log10(np.maximum(size * y.dtype.type(white), np.finfo(y.dtype).tiny))
    return np.clip(1 + level / y.dtype.type(hidden.db), 0, 1)


@checked
def hidden_correlation(y: Real[ndarray, " T"], hidden: Hidden) -> float:
    """How much :func:`hidden_picture` looks like the picture: the correlation of their pixels; 1 is the picture itself.

    0 where all that is seen has one brightness. Arguments and errors are the same.
    """
    found, wanted = (each - each.mean(dtype=np.float64) for each in (hidden_picture(y, hidden), hidden.picture))
    both = float(np.linalg.norm(found) * np.linalg.norm(wanted))
    return float((found * wanted).sum()) / both if both else 0.0


def _grey(image: ndarray) -> "Image.Image":
    """The image in shades of grey, what is transparent in it on white."""
    from PIL import Image

    if image.dtype != np.uint8:
        raise TypeError(f"hide: image has dtype {image.dtype}; expected uint8, pixels from 0 to 255")
    channels = image.shape[-1] if image.ndim == 3 else 1
    if image.ndim not in (2, 3) or channels not in MODES or image.size == 0:
        raise ValueError(
            f"hide: image has shape {image.shape}; expected (Y, X) or (Y, X, C), none of them 0, and C 1 to 4"
        )
    pixels: Any = np.ascontiguousarray(image.reshape(image.shape[:2]) if channels == 1 else image)
    drawn = Image.fromarray(pixels)
    if drawn.mode in ("LA", "RGBA"):
        drawn = Image.alpha_composite(Image.new("RGBA", drawn.size, "white"), drawn.convert("RGBA"))
    grey = drawn.convert("L")
    darkest, brightest = grey.getextrema()
    if darkest == brightest:
        raise ValueError("hide: all pixels of image are of one brightness; expected a picture of something")
    return grey


def _resized(grey: "Image.Image", rows: int, columns: int) -> Real[ndarray, "R N"]:
    """Brightness from 0 to 1, the bottom row first."""
    from PIL import Image

    pixels = np.asarray(grey.convert("F").resize((columns, rows), Image.Resampling.BICUBIC))
    return np.clip(pixels[::-1] / np.float32(255), 0, 1)
