"""The geometry that :mod:`minivit.data.shapes` and :mod:`minivit.data.scenes` share: outlines, colours, backgrounds.

Every shape is one function of the plane: its signed distance, negative inside, zero on the outline and positive
outside. The shapes are centred on the origin, fit in the unit circle and stand upright (y points down, as in images).
With a distance at hand everything else is short: union is ``min``, intersection is ``max``, subtraction is
``max(a, -b)``, and a smooth edge one pixel wide is ``clip(1/2 - distance in pixels, 0, 1)`` (I. Quilez, "2D distance
functions", https://iquilezles.org/articles/distfunctions2d).
"""

from collections.abc import Callable

import numpy as np

from minivit.types import Float, Int, Size, UInt8, ndarray, pair


def disc(x, y, radius):
    """Disc around the origin."""
    return np.sqrt(x * x + y * y) - radius


def box(x, y, half_x, half_y):
    """Rectangle around the origin with sides along the axes."""
    return np.maximum(abs(x) - half_x, abs(y) - half_y)


def half_planes(x, y, n):
    """The n coordinates of a point along the normals of a regular polygon with n sides."""
    return [np.cos(angle) * x + np.sin(angle) * y for angle in (2 * np.pi * np.arange(n) / n).tolist()]


def circle(x, y):
    return disc(x, y, 0.85)


def square(x, y):
    return box(x, y, 0.7, 0.7)


def triangle(x, y):
    a, b, c = half_planes(y, x, 3)  # the first normal points down: it stands on its base
    return np.maximum(np.maximum(a, b), c) - 0.5


def star(x, y):
    """Five points: a point of the star lies outside at most one of the five lines, so the second largest decides."""
    first, *others = half_planes(-y, x, 5)
    second = np.full_like(first, -np.inf)
    for value in others:
        second = np.maximum(second, np.minimum(first, value))
        first = np.maximum(first, value)
    return second - np.cos(2 * np.pi / 5).item()


def cross(x, y):
    return np.minimum(box(x, y, 0.95, 0.28), box(x, y, 0.28, 0.95))


def ring(x, y):
    return abs(disc(x, y, 0.72)) - 0.18


def crescent(x, y):
    return np.maximum(disc(x + 0.05, y, 0.95), -disc(x - 0.4, y, 0.75))


def heart(x, y):
    """A square standing on its corner, and a disc over each of its upper sides."""
    side = 0.7
    corner = (abs(x) + abs(y) - side) * 2**-0.5
    return np.minimum(corner, disc(abs(x) - side / 2, y + side / 2, side * 2**-0.5))


def arrow(x, y):
    slope = 0.8
    head = np.maximum(0.05 - x, (abs(y) - slope * (0.95 - x)) / (1 + slope**2) ** 0.5)
    return np.minimum(head, box(x + 0.4, y, 0.55, 0.2))


def hourglass(x, y):
    slope = 0.8
    return np.maximum(abs(y) - 0.75, (abs(x) - slope * abs(y) - 0.06) / (1 + slope**2) ** 0.5)


SHAPES: dict[str, Callable] = {
    f.__name__: f for f in (circle, square, triangle, star, cross, ring, crescent, heart, arrow, hourglass)
}
"""Class name -> signed distance; the label of a class is its place in this dictionary."""

PALETTE = {
    "red": (1.00, 0.30, 0.25),
    "orange": (1.00, 0.62, 0.15),
    "yellow": (0.98, 0.93, 0.25),
    "green": (0.30, 0.88, 0.35),
    "cyan": (0.25, 0.88, 0.92),
    "blue": (0.35, 0.50, 1.00),
    "purple": (0.78, 0.38, 1.00),
    "white": (0.95, 0.95, 0.95),
}
"""Colour name -> red, green, blue in [0, 1]: bright, so that they stand out from the dark backgrounds."""


def rows_columns(size: Size) -> tuple[int, int]:
    """The size of an image as (rows, columns); ValueError below 16 pixels, where the shapes look alike."""
    rows, columns = pair(size)
    if min(rows, columns) < 16:
        raise ValueError(f"size is {rows} x {columns} pixels; expected at least 16 on each side")
    return rows, columns


def grid(size: Size) -> tuple[Float[ndarray, "1 X"], Float[ndarray, "Y 1"]]:
    """Return the x and y coordinates of the pixel centres, in pixels."""
    rows, columns = rows_columns(size)
    return np.arange(columns, dtype=np.float32)[None, :] + 0.5, np.arange(rows, dtype=np.float32)[:, None] + 0.5


def place(n: int, radius: Float[ndarray, "n"], size: Size, rng: np.random.Generator) -> Float[ndarray, "n 2"]:
    """Draw n centres (x, y), in pixels, such that a shape of the given radius stays inside the image."""
    rows, columns = rows_columns(size)
    room = np.array([columns, rows], np.float32) - 2 * radius[:, None]
    return radius[:, None] + room * rng.random((n, 2), np.float32)


def tilt(n: int, rng: np.random.Generator) -> Float[ndarray, "n"]:
    """Draw n angles, in radians, up to 17 degrees to either side."""
    return 0.3 * (2 * rng.random(n, np.float32) - 1)


def coverage(
    labels: Int[ndarray, "n"],
    centres: Float[ndarray, "n 2"],
    radii: Float[ndarray, "n"],
    angles: Float[ndarray, "n"],
    size: Size,
) -> Float[ndarray, "n Y X"]:
    """Return how much of each pixel is covered by each of n shapes, from 0 to 1.

    ``centres`` are (x, y) and, like ``radii``, in pixels; ``angles`` are in radians.
    """
    x, y = grid(size)
    cos, sin = (np.cos(angles) / radii)[:, None, None], (np.sin(angles) / radii)[:, None, None]
    dx, dy = x - centres[:, 0, None, None], y - centres[:, 1, None, None]
    u, v = cos * dx + sin * dy, cos * dy - sin * dx  # as the shape sees it: turned back, in units of its radius
    distance = np.empty_like(u)
    for label, shape in enumerate(SHAPES.values()):
        (ours,) = np.nonzero(labels == label)
        if len(ours):
            distance[ours] = shape(u[ours], v[ours])
    return np.clip(0.5 - distance * radii[:, None, None], 0, 1)


# A canvas has its colours first, (n, 3, Y, X), unlike every finished image: broadcasting over long rows of pixels is
# 2.5 times as fast as over the three colours of a pixel.


def paint(canvas: Float[ndarray, "n 3 Y X"], cover: Float[ndarray, "n Y X"], colours: Float[ndarray, "n 3"]) -> None:
    """Lay a colour over each canvas, in place, as densely as ``cover`` says."""
    canvas += cover[:, None] * (colours[:, :, None, None] - canvas)


def background(n: int, size: Size, rng: np.random.Generator) -> Float[ndarray, "n 3 Y X"]:
    """Draw n dark canvases, each with its own tint, a wave across it and five faint specks."""
    x, y = grid(size)
    side = min(rows_columns(size))

    def uniform(low, high, *shape):
        return low + (high - low) * rng.random(shape, np.float32)

    direction, phase = uniform(0, np.pi, n, 1, 1), uniform(0, 2 * np.pi, n, 1, 1)
    wavelength = uniform(0.2, 0.8, n, 1, 1) * side
    along = (np.cos(direction) * x + np.sin(direction) * y) / wavelength
    wave = np.sin(2 * np.pi * along + phase)
    tint = uniform(0.05, 0.25, n, 1, 1, 1) + uniform(-0.05, 0.1, n, 3, 1, 1)
    canvas = tint + uniform(0, 0.08, n, 3, 1, 1) * wave[:, None]
    for _ in range(5):
        centre_x, centre_y = uniform(0, x.size, n, 1, 1), uniform(0, y.size, n, 1, 1)
        speck = np.clip(0.5 - disc(x - centre_x, y - centre_y, uniform(0.015, 0.04, n, 1, 1) * side), 0, 1)
        paint(canvas, 0.5 * speck, uniform(0, 1, n, 3))
    return canvas


def develop(canvas: Float[ndarray, "n 3 Y X"], rng: np.random.Generator) -> UInt8[ndarray, "n Y X 3"]:
    """Turn canvases into images: sensor noise of 2.5 %, colours last, eight bits."""
    noisy = canvas + 0.025 * rng.standard_normal(canvas.shape, np.float32)
    return np.ascontiguousarray(np.moveaxis(np.clip(255 * noisy + 0.5, 0, 255).astype(np.uint8), 1, -1))
