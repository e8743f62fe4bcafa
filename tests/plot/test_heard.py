import numpy as np

from minivit.data import sounds
from minivit.plot import sound_images, spectrogram_images


def test_low_frequencies_lie_below_and_loud_is_bright() -> None:
    spectrograms = np.full((2, 3, 4), -20.0, np.float32)
    spectrograms[0, 0, 1] = 5  # the lowest band of the first sound
    spectrograms[1] += np.arange(3)[:, None]
    images = spectrogram_images(spectrograms)
    assert (images.shape, images.dtype) == ((2, 3, 4, 3), np.uint8)
    brightness = images.astype(int).sum(-1)
    assert np.unravel_index(brightness[0].argmax(), (3, 4)) == (2, 1)
    assert brightness[0, 0, 0] < 10  # more than 50 dB below
    assert (np.diff(brightness[1], axis=0) < 0).all()  # each has a scale of its own


def test_a_rising_tone_rises() -> None:
    data = sounds(150, 1)
    rising = data.train.waves[data.train.labels == 0][:3]
    images = sound_images(rising, 8_000)
    assert images.shape == (3, 64, 98, 3)
    for image in images.astype(int).sum(-1):
        rows = [image[:, column].argmax() for column in np.flatnonzero(image.max(0) > 600)]
        assert rows[0] > rows[-1] + 5  # towards the first row, the highest frequency
