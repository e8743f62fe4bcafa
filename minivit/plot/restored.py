"""What a model makes of a spoiled photograph."""

from collections.abc import Mapping

from minivit.plot.figure import TEXT, WIDTH, Figure, check_images, new_figure, set_title, show_image
from minivit.types import UInt8, ndarray


def restored(
    original: UInt8[ndarray, "Y X C"],
    plain: UInt8[ndarray, "Y X C"],
    result: UInt8[ndarray, "Y X C"],
    quality: Mapping[str, tuple[float, float]],
    *,
    shown: str = "noisy",
) -> Figure:
    """Three panels: what the model was shown, what it makes of it, and what it was.

    Parameters
    ----------
    original, plain, result : (Y, X, C)
        Of one size.
    quality : {"plain", "result": (PSNR, SSIM)}
        How near these are to the original.
    shown : str
        What the first panel is called.
    """
    check_images(original[None])
    Y, X, _ = original.shape
    figure = new_figure(0.92 * WIDTH / 3 * Y / X + 0.9)
    names = {shown: ("plain", plain), "restored": ("result", result), "original": (None, original)}
    for panel, (name, (key, image)) in zip(figure.subplots(1, 3), names.items(), strict=True):
        show_image(panel, image)
        panel.set_title(name, fontsize=TEXT)
        if key is not None:
            decibels, like = quality[key]
            panel.set_xlabel(f"PSNR {decibels:.2f} dB, SSIM {like:.3f}", fontsize=TEXT)
    set_title(figure, "What the model is shown, what it makes of it, and what it was")
    return figure
