"""Image files as people have them."""

import struct
import warnings
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from minivit.data.image_file import SUFFIXES, read_image

INT64: Any = np.int64


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


# Formats


def noise(rows=6, columns=4, channels=3):
    return np.random.default_rng(0).integers(0, 256, (rows, columns, channels), np.uint8)


@pytest.mark.parametrize("name", [suffix for suffixes in SUFFIXES.values() for suffix in suffixes])
def test_every_format(tmp_path, name):
    """What is in the file counts, not its name."""
    if name == ".webp":
        pytest.importorskip("PIL._webp")
    grey = name in (".pgm", ".pbm")
    pixels = np.kron(noise()[..., :1] // 128 * 255, np.ones((8, 8, 1), np.uint8)).repeat(3, 2)  # black and white
    mode = {".pgm": "L", ".pbm": "1"}.get(name, "RGB")
    Image.fromarray(pixels).convert(mode).save(tmp_path / f"a{name}", quality=95)
    (tmp_path / f"a{name}").rename(tmp_path / "a.dat")
    out = read_image(tmp_path / "a.dat")
    assert out.shape == pixels.shape
    np.testing.assert_allclose(out, pixels, atol=12 if name in (".jpg", ".jpeg", ".webp") else 0)
    assert grey or out.dtype == np.uint8


@pytest.mark.parametrize("suffix", ["eps", "ico", "icns", "pcx", "tga", "jp2", "avif", "psd", "xbm", "pdf", "sgi"])
def test_other_formats_are_not_opened(tmp_path, suffix, monkeypatch):
    """Not even under the name of one that is; EPS would start Ghostscript."""
    import subprocess

    monkeypatch.setattr(subprocess, "Popen", None)
    path = tmp_path / f"a.{suffix}"
    if suffix == "psd":
        path.write_bytes(b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 4, 4, 8, 3) + bytes(12))
    else:
        try:
            Image.new("1" if suffix == "xbm" else "RGB", (16, 16)).save(path)
        except (OSError, KeyError, ValueError):
            pytest.skip("this Pillow cannot write it")
    path = path.rename(tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"a.png cannot be read as an image \(it is none of PNG, JPEG, WEBP, "):
        read_image(path)


@pytest.mark.parametrize("suffix", ["gif", "webp", "tiff", "png"])
def test_of_several_pictures_the_first(tmp_path, suffix):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue", "green")]
    frames[0].save(tmp_path / f"a.{suffix}", save_all=True, append_images=frames[1:], lossless=True)
    assert (read_image(tmp_path / f"a.{suffix}") == [255, 0, 0]).all()


# Kinds of pixels

WHOLE = [0, 255, 256, 32767, 32768, 65535]


@pytest.mark.parametrize("suffix", ["png", "tiff", "pgm"])
@pytest.mark.parametrize("channels", [1, 3])
def test_sixteen_bits_are_scaled_and_never_clipped(tmp_path, suffix, channels):
    values = np.array([WHOLE], np.uint16)
    if suffix == "pgm":
        (tmp_path / "a.pgm").write_bytes(b"P5 6 1 65535 " + values.astype(">u2").tobytes())
    else:
        Image.fromarray(values).save(tmp_path / f"a.{suffix}")
    out = read_image(tmp_path / f"a.{suffix}", channels=channels)
    assert out[0, :, 0].tolist() == [0, 0, 1, 127, 128, 255]
    assert out.shape == (1, 6, channels)


def test_pgm_in_digits(tmp_path):
    (tmp_path / "a.pgm").write_bytes(b"P2 3 1 65535 0 32768 65535")
    assert read_image(tmp_path / "a.pgm", channels=1).ravel().tolist() == [0, 128, 255]


@pytest.mark.parametrize("most", [1, 100, 255, 1023, 4095, 65535])
def test_the_largest_value_of_a_pgm_is_white(tmp_path, most):
    value = np.array([0, most], ">u2" if most > 255 else "u1")
    (tmp_path / "a.pgm").write_bytes(b"P5 2 1 %d " % most + value.tobytes())
    assert read_image(tmp_path / "a.pgm", channels=1).ravel().tolist() == [0, 255]


def png_chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def test_sixteen_bits_of_colour(tmp_path):
    row = b"\0" + np.array([WHOLE[-3:]], ">u2").tobytes()
    header = struct.pack(">IIBBBBB", 1, 1, 16, 2, 0, 0, 0)
    png = (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + png_chunk(b"IDAT", zlib.compress(row))
        + png_chunk(b"IEND", b"")
    )
    (tmp_path / "a.png").write_bytes(png)
    assert read_image(tmp_path / "a.png").ravel().tolist() == [127, 128, 255]


@pytest.mark.parametrize("mode", ["I", "F"])
def test_thirty_two_bits_are_refused(tmp_path, mode):
    Image.new(mode, (4, 4), 1).save(tmp_path / "a.tiff")
    with pytest.raises(ValueError, match=r"a.tiff cannot be read as an image \(its pixels have 32 bits"):
        read_image(tmp_path / "a.tiff")


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_lies_on_white(tmp_path, mode):
    """Not on the colour behind it, which programs leave black or whatever they like."""
    image = Image.new("RGBA", (3, 1))
    image.putdata([(0, 0, 0, 0), (0, 0, 0, 255), (0, 0, 0, 51 if mode != "P" else 0)])
    image = image.convert("LA") if mode == "LA" else image
    if mode == "P":
        image = Image.new("P", (3, 1))
        image.putpalette([0, 0, 0] * 2)
        image.putdata([0, 1, 0])
        image.info["transparency"] = 0
    image.save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png")[0].tolist() == [[255] * 3, [0] * 3, [204 if mode != "P" else 255] * 3]
    assert read_image(tmp_path / "a.png", channels=1)[0, :2].tolist() == [[255], [0]]


@pytest.mark.parametrize("mode", ["L", "RGB", "1"])
def test_a_colour_that_stands_for_transparent(tmp_path, mode):
    image = Image.new(mode, (2, 1))
    image.putpixel((1, 0), {"L": 9, "RGB": (9, 9, 9), "1": 1}[mode])
    image.save(tmp_path / "a.png", transparency={"L": 0, "RGB": (0, 0, 0), "1": 0}[mode])
    assert read_image(tmp_path / "a.png")[0].tolist() == [[255] * 3, [9 if mode != "1" else 255] * 3]


@pytest.mark.parametrize(
    ("mode", "suffix", "colour", "expected"),
    [
        ("1", "png", 1, [255, 255, 255]),
        ("1", "tiff", 1, [255, 255, 255]),
        ("L", "jpg", 77, [77, 77, 77]),
        ("P", "png", 3, [30, 20, 10]),
        ("CMYK", "jpg", (0, 0, 0, 0), [255, 255, 255]),
        ("CMYK", "tiff", (0, 255, 255, 0), [255, 0, 0]),
        ("YCbCr", "tiff", (255, 128, 128), [255, 255, 255]),
    ],
)
def test_modes(tmp_path, mode, suffix, colour, expected):
    image = Image.new(mode, (16, 16), colour)
    if mode == "P":
        image.putpalette([0, 0, 0] * 3 + [30, 20, 10])
    image.save(tmp_path / f"a.{suffix}")
    assert read_image(tmp_path / f"a.{suffix}")[5, 5].tolist() == expected
    assert read_image(tmp_path / f"a.{suffix}", channels=1).shape == (16, 16, 1)


# What cameras write beside the picture


def exif(*entries, order="<"):
    """A block of EXIF: (tag, type, count, eight bytes: of value and place, or of what stands there)."""
    start = 8 + 2 + 12 * len(entries) + 4
    fixed, behind = b"", b""
    for tag, kind, count, content in entries:
        if len(content) > 4:
            fixed += struct.pack(order + "HHII", tag, kind, count, start + len(behind))
            behind += content
        else:
            fixed += struct.pack(order + "HHI", tag, kind, count) + content.ljust(4, b"\0")
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    return b"Exif\0\0" + head + struct.pack(order + "H", len(entries)) + fixed + bytes(4) + behind


def write_photo(path, block):
    """A JPEG without the JFIF header, as cameras write it, so that its resolution is looked up in EXIF."""
    Image.fromarray(np.array([[255, 255, 0, 0]] * 2, np.uint8).repeat(8, 0).repeat(8, 1)).save(path, exif=block)
    content = path.read_bytes()
    if content[6:10] == b"JFIF":
        path.write_bytes(content[:2] + content[4 + struct.unpack(">H", content[4:6])[0] :])


TURNED = (0x0112, 3, 1, b"\x06\0")  # clockwise by a quarter


@pytest.mark.parametrize(
    "entry",
    [
        (0x011A, 10, 1, struct.pack("<ii", -1, 0)),
        (0x011A, 10, 1, struct.pack("<ii", 0, 0)),
        (0x011A, 5, 1, struct.pack("<II", 1, 0)),
        (0x011A, 5, 1, struct.pack("<II", 0, 0)),
        (0x011A, 2, 4, b"abc\0"),
        (0x011A, 3, 1, b"\xff\xff"),
        (0x8769, 4, 1, struct.pack("<I", 2**32 - 1)),
        (0x9286, 7, 2**31, b"abcd"),
    ],
)
def test_a_photo_with_nonsense_in_its_exif(tmp_path, entry):
    """Is turned, if at least that can be read."""
    write_photo(tmp_path / "a.jpg", exif(TURNED, entry))
    image = read_image(tmp_path / "a.jpg")
    assert image.shape == (32, 16, 3)
    np.testing.assert_allclose(image[4, 8], 255, atol=3)
    np.testing.assert_allclose(image[28, 8], 0, atol=3)


@pytest.mark.parametrize(
    "block",
    [b"Exif\0\0", b"Exif\0\0II*\0", b"Exif\0\0" + b"\xff" * 50, exif((0x0112, 3, 1, b"\x09")), exif(TURNED)[:20]],
)
def test_a_photo_whose_exif_says_nothing(tmp_path, block):
    write_photo(tmp_path / "a.jpg", block)
    assert read_image(tmp_path / "a.jpg").shape == (16, 32, 3)


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "tiff", "webp"])
def test_every_way_to_hold_a_camera(tmp_path, turn, suffix):
    upright = np.kron(np.array([[0, 80, 160], [240, 200, 40]], np.uint8), np.ones((16, 16), np.uint8))
    rows, columns = np.mgrid[0:32, 0:48]
    stored = {  # TIFF 6.0, section 8: where row 0 and column 0 of the file are
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.T,
        6: upright.T[::-1],
        7: upright.T[::-1, ::-1],
        8: upright.T[:, ::-1],
    }[turn]
    block = Image.Exif()
    block[0x0112] = turn
    Image.fromarray(np.ascontiguousarray(stored)).save(tmp_path / f"a.{suffix}", exif=block, quality=95)
    out = read_image(tmp_path / f"a.{suffix}", channels=1)[..., 0]
    np.testing.assert_allclose(out[8::16, 8::16], upright[8::16, 8::16], atol=6)
    assert out.shape == (32, 48) == rows.shape == columns.shape


# Files that are no pictures


def test_a_picture_that_may_be_too_large(tmp_path, monkeypatch):
    """Pillow only warns up to twice its limit."""
    Image.new("L", (100, 100)).save(tmp_path / "bomb.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 9_999)
    with pytest.raises(ValueError, match=r"bomb.png cannot be read as an image \(.*10000 pixels.*limit of 9999 pixels"):
        read_image(tmp_path / "bomb.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10_000)
    assert read_image(tmp_path / "bomb.png").shape == (100, 100, 3)


SIDE = 60_000
BOMBS = {
    "png": b"\x89PNG\r\n\x1a\n"
    + png_chunk(b"IHDR", struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0))
    + png_chunk(b"IDAT", zlib.compress(bytes(1000))),
    "gif": b"GIF89a"
    + struct.pack("<HHBBB", SIDE, SIDE, 0, 0, 0)
    + b","
    + struct.pack("<HHHHB", 0, 0, SIDE, SIDE, 0)
    + b"\2\0;",
    "bmp": b"BM" + struct.pack("<IIIIiiHHIIiiII", 99, 0, 54, 40, SIDE, SIDE, 1, 24, 0, 0, 0, 0, 0, 0),
    "ppm": b"P6 60000 60000 255 abc",
    "tiff": b"II*\0\x08\0\0\0\x04\0"
    + b"".join(struct.pack("<HHII", tag, 4, 1, n) for tag, n in [(256, SIDE), (257, SIDE), (262, 1), (273, 8)])
    + bytes(4),
    "jpeg": b"\xff\xd8\xff\xc0\0\x0b\x08" + struct.pack(">HH", SIDE, SIDE) + b"\1\1\x11\0\xff\xda\0\x08\1\1\0\0\x3f\0",
}


@pytest.mark.parametrize("kind", BOMBS)
def test_a_few_bytes_that_promise_a_picture_of_gigabytes(tmp_path, kind):
    (tmp_path / "bomb").write_bytes(BOMBS[kind])
    with pytest.raises(ValueError, match=r"bomb cannot be read as an image \(Image size \(3600000000 pixels"):
        read_image(tmp_path / "bomb")


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "bmp", "gif", "tiff", "ppm"])
def test_cut_anywhere(tmp_path, suffix):
    """One sentence, or the picture, where what was cut off did not matter."""
    Image.fromarray(noise(40, 40)).save(tmp_path / f"a.{suffix}")
    content = (tmp_path / f"a.{suffix}").read_bytes()
    for length in {*range(0, 40), *range(40, len(content), len(content) // 40)}:
        (tmp_path / "cut").write_bytes(content[:length])
        try:
            assert read_image(tmp_path / "cut").shape == (40, 40, 3)
        except ValueError as error:
            assert str(error).startswith(f"{tmp_path / 'cut'} cannot be read as an image (")  # noqa: PT017
            assert " object at 0x" not in str(error)  # noqa: PT017
        else:
            assert length > len(content) // 2


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "bmp", "gif", "tiff", "ppm"])
def test_bytes_changed(tmp_path, suffix):
    """Another picture, or one sentence; and never a warning of Pillow's."""
    Image.fromarray(noise(20, 20)).save(tmp_path / f"a.{suffix}")
    rng = np.random.default_rng(0)
    whole = (tmp_path / f"a.{suffix}").read_bytes()
    for _ in range(100):
        content = bytearray(whole)
        for place in rng.integers(min(len(content), 200), size=3):
            content[place] = rng.integers(256)
        (tmp_path / "a").write_bytes(content)
        try:
            image = read_image(tmp_path / "a")
        except ValueError as error:
            assert str(error).startswith(f"{tmp_path / 'a'} cannot be read as an image (")  # noqa: PT017
        else:
            assert image.size > 0


@pytest.mark.parametrize(
    "content", [b"", b"\0", b"P6", b"P6 0 0 255 ", b"GIF89a", b"BM", b"<html>", b"\xff\xd8\xff\xd9"]
)
def test_a_file_of_few_bytes(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(ValueError, match=r"a.png cannot be read as an image \("):
        read_image(tmp_path / "a.png")


def test_files_that_cannot_be_opened(tmp_path, public_folder, forbid):
    with pytest.raises(FileNotFoundError, match=r"there is no file .*nowhere"):
        read_image(tmp_path / "nowhere")
    with pytest.raises(IsADirectoryError, match="Is a directory"):
        read_image(tmp_path)
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    with pytest.raises(OSError, match=r"Too many levels of symbolic links: .*loop.png"):
        read_image(tmp_path / "loop.png")
    Image.new("L", (2, 2)).save(public_folder / "a.png")
    forbid(public_folder / "a.png")
    with pytest.raises(PermissionError, match=r"Permission denied: .*a.png"):
        read_image(public_folder / "a.png")


def test_a_channel_too_many(tmp_path):
    with pytest.raises(ValueError, match="in 1 or 3 channels, not in 4"):
        read_image(tmp_path, channels=4)


def test_the_filters_of_warnings_stay(tmp_path):
    Image.new("L", (2, 2)).save(tmp_path / "a.png")
    before = list(warnings.filters)
    read_image(tmp_path / "a.png")
    assert warnings.filters == before


# Another size


@pytest.mark.parametrize("shape", [(64, 64), (64, 96), (96, 64), (100, 300), (32, 32), (16, 24), (8, 8)])
def test_resized_as_timm_does(tmp_path, shape):
    """The shorter side becomes 32 (bicubic), and the middle is cut out; held by Pillow's own two steps."""
    rows, columns = shape
    y, x = np.mgrid[0:rows, 0:columns] / min(shape)
    pixels = np.stack([127 + 120 * np.sin(3 * x), 127 + 120 * np.cos(4 * y), 200 * np.exp(-x - y)], -1).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    scale = 32 / min(shape)
    resized = Image.fromarray(pixels).resize((round(columns * scale), round(rows * scale)), Image.Resampling.BICUBIC)
    left, top = (resized.width - 32) // 2, (resized.height - 32) // 2
    expected = np.asarray(resized.crop((left, top, left + 32, top + 32))).astype(int)
    out = read_image(tmp_path / "a.png", size=32)
    assert out.shape == (32, 32, 3)
    np.testing.assert_allclose(out, expected, atol=2)


def test_the_right_size_stays_as_it_is(tmp_path):
    Image.fromarray(noise(6, 4)).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png", size=(INT64(6), 4)), noise(6, 4))


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3000, 1), (2, 7)])
def test_extreme_proportions(tmp_path, shape):
    Image.new("L", shape[::-1], 99).save(tmp_path / "a.png")
    assert (read_image(tmp_path / "a.png", size=(8, 5)) == 99).all()


@pytest.mark.parametrize("size", [0, -1, (4, 0)])
def test_a_size_that_is_none(tmp_path, size):
    Image.new("L", (2, 2)).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"size is .*; expected at least 1"):
        read_image(tmp_path / "a.png", size=size)
