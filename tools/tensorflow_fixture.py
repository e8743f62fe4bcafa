"""Write ``tests/fixtures/tensorflow_pixels.npz``: what TensorFlow's own code makes of a few small images.

    python -m venv tf && tf/bin/pip install tensorflow-cpu==2.15.1 numpy==1.23.5 "typeguard<3"
    tf/bin/pip install --no-deps tf-models-official==2.20.0 tf-keras==2.15.1 tensorflow-addons==0.23.0
    tf/bin/python tools/tensorflow_fixture.py

``official.vision.ops.augment`` has the operations of RandAugment as they were published for EfficientNet; what moves
images was done by TensorFlow Addons then, and so it is here. A key ``out/IMAGE/OPERATION/ARGUMENT`` is the result of
one operation. Contrast became another one meanwhile; here the image is blended with the grey of 224 x 224 pixels.
"""

# pyright: reportMissingImports=false

import json
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from math import pi
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import tensorflow as tf
import tensorflow_addons as tfa

FIXTURE = Path(__file__).parent.parent / "tests" / "fixtures" / "tensorflow_pixels.npz"
PACKAGES = ("tensorflow-cpu", "tf-models-official", "tensorflow-addons", "numpy")
FACTORS = (0.1, 1.0, 1.9, 3.7)
GREY = [128] * 3


def official() -> Any:
    """The file of the operations alone: its package as a whole wants a dozen others."""
    package = find_spec("official")
    assert package
    assert package.submodule_search_locations
    sys.modules["official.vision.configs"] = sys.modules["official.vision.ops"] = MagicMock()
    path = Path(package.submodule_search_locations[0]) / "vision" / "ops" / "augment.py"
    spec = spec_from_file_location("augment", path)
    assert spec
    assert spec.loader
    sys.modules["augment"] = module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def images() -> dict[str, np.ndarray]:
    """Noise, something smooth whose channels do not reach 0 and 255, one colour, a single row, many bright pixels."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:12, :17]
    waves = [90 + 60 * np.sin(y / 3 + k) + 50 * np.cos(x / (2 + k)) for k in range(3)]
    return {
        "noise": rng.integers(0, 256, (9, 13, 3), np.uint8),
        "smooth": np.stack(waves, -1).astype(np.uint8),
        "flat": np.full((8, 7, 3), [0, 77, 255], np.uint8),
        "row": rng.integers(0, 256, (1, 11, 3), np.uint8),
        "bright": np.minimum(rng.integers(0, [300, 400, 999], (25, 31, 3)), 250).astype(np.uint8),
    }


def results(ops: Any, image: Any) -> Iterator[tuple[str, Any]]:
    """Every operation with several arguments."""

    def moved(move: Callable[..., Any], argument: Any) -> Any:
        return ops.unwrap(move(ops.wrap(image), argument), GREY)

    yield from ((name, getattr(ops, name)(image)) for name in ("autocontrast", "equalize", "invert"))
    if len(image) > 12:  # what counts pixels needs many; for the others that would be a waste
        return
    yield from ((f"posterize/{bits}", ops.posterize(image, bits)) for bits in (0, 1, 4, 6, 8))
    yield from ((f"solarize/{level}", ops.solarize(image, level)) for level in (0, 1, 128, 255))
    yield from ((f"solarize_add/{more}", ops.solarize_add(image, more)) for more in (0, 55, 220))
    for factor in FACTORS:
        yield f"color/{factor}", ops.color(image, factor)
        yield f"brightness/{factor}", ops.brightness(image, factor)
        yield f"contrast/{factor}", ops.blend(tf.fill(image.shape, np.uint8(196)), image, factor)
        if min(image.shape[:2]) >= 3:
            yield f"sharpness/{factor}", ops.sharpness(image, factor)
    for degrees in (7.5, -15.0, 30.0, -45.0, 60.0, 90.0):
        yield f"rotate/{degrees}", moved(tfa.image.rotate, degrees * (pi / 180))
    for level in (0.1, 0.25, 0.3, -0.45, -0.6):
        yield f"shear_x/{level}", moved(tfa.image.transform, [1.0, level, 0, 0, 1, 0, 0, 0])
        yield f"shear_y/{level}", moved(tfa.image.transform, [1.0, 0, 0, level, 1, 0, 0, 0])
    for pixels in (0.5, -0.5, 2.5, -4.8, 5.4):
        yield f"translate_x/{pixels}", moved(tfa.image.translate, [-pixels, 0.0])
        yield f"translate_y/{pixels}", moved(tfa.image.translate, [0.0, -pixels])
    last = image.shape[0] - 1
    for row, column, half in ((0, 0, 2), (last // 2, 5, 3), (last, 2, 4)):
        yield f"cutout/{row},{column},{half}", ops._fill_rectangle(image, column, row, half, half, 128)


def main() -> None:
    ops = official()
    arrays = {f"in/{name}": image for name, image in images().items()}
    for name, image in images().items():
        arrays |= {f"out/{name}/{key}": np.asarray(result) for key, result in results(ops, tf.constant(image))}
    meta = {"versions": {package: version(package) for package in PACKAGES}}
    arrays["__meta__"] = np.frombuffer(json.dumps(meta).encode(), np.uint8)
    np.savez_compressed(FIXTURE, **arrays)  # pyright: ignore[reportArgumentType]
    print(f"{FIXTURE.name}: {len(arrays)} arrays, {FIXTURE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
