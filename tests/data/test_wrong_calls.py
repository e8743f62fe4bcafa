"""Mistakes as a notebook meets them: in a process without the checks of the test run."""

import re
import subprocess
import sys

CALLS = {
    "Dataset(**good(train=pixels))": "TypeError: train must be Examples, such as LabeledImages, got ndarray",
    "Dataset(**good(test=Images(pixels)))": "TypeError: train is LabeledImages but test is Images",
    "Dataset(**good(train=LabeledImages([[1]], labels)))": "TypeError: train images must be a NumPy array, got list",
    "Dataset(**good(train=labeled([0, 1])))": "TypeError: train labels must be a NumPy array, got list",
    "Dataset(**good(train=LabeledImages(pixels / 255, labels)))": "ValueError: train images must be uint8, got float64",
    "Dataset(**good(test=labeled(np.array([0, 1], 'i4'))))": "ValueError: test labels must be .* int64, got int32 .*",
    "Dataset(**good(test=labeled(np.array([0., 1.]))))": "ValueError: test labels must be .* int64, got float64 .*",
    "Dataset(**good(test=labeled(np.array([True, False]))))": "ValueError: test labels must be .* int64, got bool .*",
    "LabeledSounds([1], labels).check('train', 2)": "TypeError: train waves must be a NumPy array, got list",
    "LabeledSounds(waves, [0, 1]).check('train', 2)": "TypeError: train labels must be a NumPy array, got list",
    "draw_sounds(2.5, rng=rng)": "TypeError: draw_sounds: n is 2.5; expected int",
    "Dataset(**good(class_names=[0, 1]))": r"TypeError: class_names must be strings, .*; got \[0, 1\]",
    "Dataset(**good(class_names='ab'))": r"TypeError: class_names must be strings, .*; got 'ab'",
    "Dataset(**good(class_names=np.arange(10000)))": r"TypeError: class_names must be strings, .{0,150}",
    "Dataset(**good(mean=np.zeros(3, 'f'), class_names=['a', 'b'])).class_names": r"\('a', 'b'\)",
    "json.dumps(Dataset(**good(mean=np.zeros(3, 'f'))).mean)": r"\[0.0, 0.0, 0.0\]",
    "channel_statistics(pixels / 255)": r"TypeError: .*images has dtype float64; expected uint8",
    "load_dataset(3)": "TypeError: load_dataset: name_or_folder is 3; expected str or Path",
    "load_dataset('pets', img_size=2.5)": r"TypeError: .*img_size is 2.5; expected int or .*",
    "read_image('a.png', size=2.5)": r"TypeError: .*size is 2.5; expected int or .*",
    "read_image('a.png', size=(1, 2, 3))": r"TypeError: .*size is \(1, 2, 3\); expected int or .*",
    "read_image('a.png', size='large')": r"TypeError: .*size is 'large'; expected int or .*",
    "draw_shapes(2.5, rng=rng)": "TypeError: .* is 2.5; expected int",
    "draw_shapes(2, size=20.0, rng=rng)": r"TypeError: .*size is 20.0; expected int or .*",
    "draw_scenes('3', rng=rng)": "TypeError: .* is '3'; expected int",
    "draw_scenes(1, max_objects=2.5, rng=rng)": "TypeError: .* is 2.5; expected int",
    "shapes(5, 5, seed=0.5)": "TypeError: .* is 0.5; expected int",
    "random_crop_flip(pixels, rng, padding=0.5)": "TypeError: .* is 0.5; expected int",
    "normalize(pixels / 255, (0,) * 3, (1,) * 3)": "TypeError: normalize: images has dtype float64; expected uint8",
    "normalize(pixels, (0,) * 3, (1,) * 3, 'float99')": "TypeError: .*float99.*",
    "Trainer(Recipe(epochs=1), Dataset(**good(train=labeled(labels[::-1])))).model.num_params > 0": "True",
}

PROGRAM = f"""
import json
import numpy as np
from minivit.data import Dataset, Images, LabeledImages, LabeledSounds, channel_statistics
from minivit.data import draw_scenes, draw_shapes, draw_sounds, load_dataset, shapes
from minivit.data.image_file import read_image
from minivit.train import Recipe, Trainer, normalize, random_crop_flip
pixels, labels, rng = np.zeros((2, 32, 32, 3), np.uint8), np.array([0, 1]), np.random.default_rng(0)
waves = np.zeros((2, 9), np.int16)
def labeled(labels):
    return LabeledImages(pixels, labels)
def good(**changes):
    return dict(name="a", train=labeled(labels), test=labeled(labels), class_names=("a", "b"),
                mean=(0.5,) * 3, std=(0.2,) * 3) | changes
for call in {list(CALLS)!r}:
    try:
        print(eval(call))
    except Exception as error:
        print(f"{{type(error).__name__}}: {{error}}")
"""


def test_wrong_calls() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    for (call, message), said in zip(CALLS.items(), done.stdout.splitlines(), strict=True):
        assert re.fullmatch(message, said), f"{call}: {said}"
