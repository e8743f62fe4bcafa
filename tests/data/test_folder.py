"""Image files as people have them."""

import numpy as np
import pytest
from PIL import Image

from minivit.data.folder import read_image


def test_colour_and_grey(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (6, 4, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), pixels)
    assert read_image(tmp_path / "a.png", channels=1).shape == (6, 4, 1)


def test_the_middle_is_cut_out_and_resized(tmp_path):
    pixels = np.zeros((10, 30, 3), np.uint8)
    pixels[:, 8:22] = 255  # and a little more, because bicubic kernels look over the edge
    Image.fromarray(pixels).save(tmp_path / "wide.png")
    assert (read_image(tmp_path / "wide.png", size=(5, 5)) == 255).all()


def test_sixteen_bits_of_grey(tmp_path):
    ramp = np.linspace(0, 65535, 256).astype(np.uint16)[None]
    Image.fromarray(ramp).save(tmp_path / "ramp.png")
    np.testing.assert_array_equal(read_image(tmp_path / "ramp.png", channels=1)[0, :, 0], np.arange(256))


def test_a_photo_stands_as_the_camera_was_held(tmp_path):
    pixels = np.zeros((2, 4, 3), np.uint8)
    pixels[:, :2] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # turn clockwise by a quarter
    Image.fromarray(pixels).save(tmp_path / "photo.png", exif=exif)
    image = read_image(tmp_path / "photo.png")
    assert image.shape == (4, 2, 3)
    assert (image[:2] == 255).all()
    assert (image[2:] == 0).all()


def test_a_picture_too_large_to_be_true(tmp_path, monkeypatch):
    Image.new("L", (100, 100)).save(tmp_path / "bomb.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(ValueError, match=r"bomb.png cannot be read as an image"):
        read_image(tmp_path / "bomb.png")
