"""Mistakes easily made in augmentation and averages, planted into the text of a module: a test catches each."""

from collections.abc import Callable

import pytest

from tests.planted import Mistake, must_be_caught
from tests.train import test_ema, test_erasing, test_mixing, test_named, test_pixel_operations, test_randaugment
from tests.unchecked import without_annotations


def tensorflows(*names: str) -> Callable[[], None]:
    def check() -> None:
        for name in names:
            test_pixel_operations.same_as_tensorflow(name)

    return check


PIXELS, RANDAUGMENT, MIXING = "train.pixel_operations", "train.randaugment", "train.mixing"
ERASING, EMA = "train.erasing", "train.ema"
AMOUNTS, DISTANCES = test_randaugment.amounts_are_those_of_the_code, test_randaugment.distances_are_in_proportion
TIMM, ALIKE = test_mixing.same_as_timm, test_mixing.images_and_targets_are_mixed_alike

MISTAKES = {
    "images mixed and targets not": Mistake(
        MIXING, "inputs[::-1], lam * targets + (1 - lam) * targets[::-1])", "inputs[::-1], targets)", TIMM),
    "lambda on the wrong side": Mistake(
        MIXING, "lam * inputs + (1 - lam) * inputs[::-1]", "(1 - lam) * inputs + lam * inputs[::-1]", ALIKE),
    "targets of the next, images of the last": Mistake(
        MIXING, "(1 - lam) * inputs[::-1]", "(1 - lam) * np.roll(inputs, 1, 0)", TIMM),
    "lambda of the box that was asked for": Mistake(
        MIXING, "return cutmix(inputs, targets, random_box(rng, (Y, X), lam))",
        "mixed, _ = cutmix(inputs, targets, random_box(rng, (Y, X), lam)); "
        "return Mixed(mixed, mixup(inputs, targets, lam).targets)", ALIKE),
    "lambda is the area of the box": Mistake(
        MIXING, "lam = 1 - (bottom - top)", "lam = (bottom - top)", TIMM),
    "sides without the root": Mistake(
        MIXING, "length * (1 - lam) ** 0.5", "length * (1 - lam)", test_mixing.boxes_have_the_share_that_was_asked_for),
    "the inside of the image stays, the rest is exchanged": Mistake(
        MIXING, "mixed[:, top:bottom, left:right] = images[::-1, top:bottom, left:right]",
        "mixed = images[::-1].copy(); mixed[:, top:bottom, left:right] = images[:, top:bottom, left:right]", TIMM),
    "one alpha for both": Mistake(
        MIXING, "rng.beta(alpha, alpha)", "rng.beta(alpha, 1)", test_mixing.shares_are_drawn_from_beta),
    "mixed for the test, too": Mistake(
        "tasks.classification", "if self.mix is not None and rng is not None:",
        "if (rng := rng or np.random.default_rng(0)) and self.mix is not None:",
        test_mixing.the_task_mixes_in_training_only),
    "10 for 1": Mistake(RANDAUGMENT, "FULL = 10", "FULL = 1", AMOUNTS),
    "30 is full": Mistake(RANDAUGMENT, "FULL = 10", "FULL = 30", AMOUNTS),
    "bits that are dropped for bits that stay": Mistake(
        PIXELS, "shift = min(max(8 - bits, 0), 7)", "shift = min(bits, 7)", tensorflows("posterize")),
    "posterize with more bits at less magnitude": Mistake(
        RANDAUGMENT, "lambda share: int(share * 4)", "lambda share: 8 - int(share * 4)", AMOUNTS),
    "solarize below the threshold": Mistake(
        PIXELS, "images < threshold, images, 255 - images", "images >= threshold, images, 255 - images",
        tensorflows("solarize")),
    "solarize from the other end": Mistake(
        RANDAUGMENT, "lambda share: int(share * 256)", "lambda share: 256 - int(share * 256)", AMOUNTS),
    "moved by pixels, whatever the side": Mistake(
        RANDAUGMENT, "amount * images.shape[axis] / SIDE * drawn.signs", "amount * drawn.signs", DISTANCES),
    "columns moved in proportion to rows": Mistake(
        RANDAUGMENT, "_translate(pixels.translate_x, 2,", "_translate(pixels.translate_x, 1,", DISTANCES),
    "cut out with the whole for the half": Mistake(
        RANDAUGMENT, "int(amount * Y / SIDE), int(amount * X / SIDE)",
        "int(amount * Y / SIDE) // 2, int(amount * X / SIDE) // 2", DISTANCES),
    "the same operation for the whole batch": Mistake(
        RANDAUGMENT, "rng.integers(len(OPERATIONS), size=(layers, B))",
        "np.repeat(rng.integers(len(OPERATIONS), size=(layers, 1)), B, 1)", test_randaugment.each_image_has_its_own),
    "always the same way": Mistake(
        RANDAUGMENT, "1 - 2 * rng.integers(2, size=(layers, B))", "np.ones((layers, B), int)",
        test_randaugment.each_image_has_its_own),
    "the same place for the whole batch": Mistake(
        RANDAUGMENT, "rng.random((layers, B, 2))", "np.repeat(rng.random((layers, 1, 2)), B, 1)",
        test_randaugment.each_image_has_its_own),
    "turned the other way": Mistake(
        PIXELS, "(c, -s, left), (s, c, top)", "(c, s, left), (-s, c, top)", tensorflows("rotate")),
    "turned about the corner": Mistake(
        PIXELS, "(c, -s, left), (s, c, top)", "(c, -s, 0), (s, c, 0)", tensorflows("rotate")),
    "black comes in": Mistake(PIXELS, "FILL = 128", "FILL = 0", tensorflows("shear_x", "cutout")),
    "halves to even": Mistake(
        PIXELS, "np.trunc(place + np.copysign(0.5, place))", "np.round(place)", tensorflows("translate_x")),
    "fractions rounded": Mistake(
        PIXELS, "np.clip(values, 0, 255).astype(np.uint8)", "np.clip(np.round(values), 0, 255).astype(np.uint8)",
        tensorflows("color", "brightness")),
    "eight bits overflow": Mistake(PIXELS, "np.clip(values, 0, 255)", "np.mod(values, 256)", tensorflows("brightness")),
    "one stretch for all channels": Mistake(
        PIXELS, "images.min((-3, -2), keepdims=True)", "images.min((-3, -2, -1), keepdims=True)",
        tensorflows("autocontrast")),
    "the brightest count, too": Mistake(
        PIXELS, "(Y * X - brightest) // 255", "np.full_like(brightest, Y * X // 255)", tensorflows("equalize")),
    "medium2 as medium1": Mistake(
        "train.named", '(2, 15.0), "mixup": 0.5', '(2, 15.0), "mixup": 0.2', test_named.recipes_are_those_of_the_table),
    "erased in all images": Mistake(
        ERASING, "rng.random(B) < probability", "rng.random(B) >= probability",
        test_erasing.a_share_of_the_images_has_a_rectangle_of_noise),
    "width and height by the same factor": Mistake(
        ERASING, "np.sqrt(area / aspect)", "np.sqrt(area * aspect)",
        test_erasing.a_share_of_the_images_has_a_rectangle_of_noise),
    "an average that runs away": Mistake(
        EMA, "weight + decay * (average.value - weight)", "weight + decay * (weight - average.value)",
        test_ema.the_average_is_what_the_formula_says),
    "the new weights get what the average should keep": Mistake(
        EMA, "weight + decay * (average.value - weight)", "average.value + decay * (weight - average.value)",
        test_ema.the_average_is_what_the_formula_says),
    "an average without running averages": Mistake(
        EMA, "in self.model.named_state().items()", "in self.model.named_params().items()",
        test_ema.running_averages_are_averaged),
    "the first weights are never forgotten": Mistake(
        EMA, "min(most, (1 + step) / (10 + step))", "most", test_ema.the_first_steps_are_soon_forgotten),
}  # fmt: skip


@pytest.mark.parametrize("what", MISTAKES)
def test_a_mistake_is_caught(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    must_be_caught(MISTAKES[what], monkeypatch)


@pytest.mark.sampled(every=4)
@pytest.mark.parametrize("check", dict.fromkeys(mistake.caught_by for mistake in MISTAKES.values()))
def test_without_a_mistake_nothing_is_caught(check: Callable[[], None]) -> None:
    without_annotations(check)()
