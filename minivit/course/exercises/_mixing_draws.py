"""Tasks of the exercise ``mixup`` that draw: where a box is, and how much of what is mixed."""

from collections.abc import Callable
from copy import deepcopy

import numpy as np
from numpy.random import Generator

from minivit.check.draw import Case, choose
from minivit.check.draw import generator as new_generator
from minivit.course.compare import CheckFailedError
from minivit.course.exercise import Call, Draw, Property, Task
from minivit.train.mixing import Box, mix, random_box


def box_in(rng: Generator, Y: int, X: int, where: str = "inside") -> Box:
    """A box on an image: somewhere inside, at its last row and column, none at all, or everything."""
    if where == "all":
        return Box(0, Y, 0, X)
    top, left = int(rng.integers(1, Y - 3)), int(rng.integers(2, X - 4))
    if where == "nothing":
        return choose(rng, Box(top, top, left, left + 3), Box(top, top + 2, left, left))
    if where == "corner":
        return Box(top, Y, left, X)
    return Box(top, int(rng.integers(top + 2, Y)), left, int(rng.integers(left + 2, X)))


Wanted = Callable[[Box, tuple[int, int]], bool]


def boxes(fewest: float, most: float, is_wanted: Wanted = lambda box, size: True, *, square: bool = False) -> Draw:
    """Draws a generator, the size of an image and a share for which the box is as it is wanted."""

    def drawn(rng: Generator) -> Case:
        while True:
            rows = choose(rng, 37, 45, 51)
            size, lam = (rows, rows if square else choose(rng, 60, 73, 82)), float(rng.uniform(fewest, most))
            args = new_generator(rng), size, lam
            box = random_box(deepcopy(args[0]), size, lam)
            if is_wanted(box, size):
                return Case(args, {})

    return drawn


def is_inside(box: Box, size: tuple[int, int]) -> bool:
    return box.top > 0 and box.bottom < size[0] and box.left > 0 and box.right < size[1]


def begins_outside(box: Box, size: tuple[int, int]) -> bool:
    return box.top == 0 and box.left == 0


def ends_outside(box: Box, size: tuple[int, int]) -> bool:
    return box.bottom == size[0] and box.right == size[1]


BOXES = {
    "": boxes(0.6, 0.95, is_inside),
    "where the first rows and columns are cut off": boxes(0.4, 0.8, begins_outside),
    "where the last rows and columns are cut off": boxes(0.4, 0.8, ends_outside),
    "where nothing is left of the image": boxes(0.0, 0.0),
    "where all of it is left": boxes(1.0, 1.0),
    "on a square image": boxes(0.6, 0.95, is_inside, square=True),
}


def batch(*, cut: bool | None = None, waves: bool = False, **alphas: float) -> Draw:
    """Draws inputs, labels and a generator; ``cut`` says on which side the coin is to fall."""

    def drawn(rng: Generator) -> Case:
        while True:
            B, K = choose(rng, 3, 5, 7), choose(rng, 6, 9)
            shape = (11,) if waves else (choose(rng, 20, 23), choose(rng, 31, 35), 4)
            last = K - 1 - waves  # the last class need not be in a batch, and has its column nevertheless
            args = rng.standard_normal((B, *shape)), rng.integers(0, last + 1, B), new_generator(rng)
            labels = args[1]
            labels[0], labels[-1] = 0, last
            options = {"num_classes": K, **alphas}
            inputs, targets = mix(args[0], labels, deepcopy(args[2]), **options)  # type: ignore[arg-type]
            was_cut = np.isin(inputs, args[0]).all()
            if (cut is None or cut == was_cut) and (not alphas or 0.05 < targets[0, 0] < 0.95):
                return Case(args, options)

    return drawn


MIXES = {
    "with MixUp": batch(mixup_alpha=0.8),
    "with CutMix": batch(cutmix_alpha=1.4),
    "with both, where the coin says MixUp": batch(cut=False, mixup_alpha=0.8, cutmix_alpha=1.4),
    "with both, where the coin says CutMix": batch(cut=True, mixup_alpha=0.8, cutmix_alpha=1.4),
    "with neither": batch(),
    "of waves": batch(waves=True, mixup_alpha=0.8),
}


def in_proportion(call: Call, rng: Generator) -> str | None:
    """The sides of the largest box, which no edge has cut."""
    found = [call(np.random.default_rng(seed), (20, 40), 0.75) for seed in range(60)]
    rows, columns = (max(int(box[b]) - int(box[a]) for box in found) for a, b in (("top", "bottom"), ("left", "right")))
    if (rows, columns) == (10, 20):
        return None
    return (
        "of an image of 20 rows and 40 columns a share of 1 - 0.75 is a box of 10 rows and 20 columns, half as high "
        "and "
        f"half as wide; the largest of yours are {rows} and {columns}"
    )


def is_everywhere(call: Call, rng: Generator) -> str | None:
    boxes = [call(np.random.default_rng(seed), (6, 7), 0.5) for seed in range(300)]
    for name, length, near, far in (("row", 6, "top", "bottom"), ("column", 7, "left", "right")):
        covered = {place for box in boxes for place in range(max(int(box[near]), 0), min(int(box[far]), length))}
        missing = sorted({*range(length)} - covered)
        if missing:
            return (
                f"in 300 draws no box covers {name} {missing[0]} of {length}: its middle may be anywhere on the image"
            )
    return None


def is_on_the_image(call: Call, rng: Generator) -> str | None:
    for seed in range(60):
        box = call(np.random.default_rng(seed), (9, 13), 0.3)
        top, bottom, left, right = (int(box[name]) for name in Box._fields)
        if not (0 <= top <= bottom <= 9 and 0 <= left <= right <= 13):
            return (
                f"rows {top} to {bottom}, columns {left} to {right} are not all on an image of 9 rows and 13 columns: "
                "what is beyond the edge is cut off"
            )
    return None


def pixels_and_targets_agree(call: Call, rng: Generator) -> str | None:
    """Of images whose colours are their targets."""
    labels = np.array([0, 3, 1, 2, 3])
    images = np.eye(4)[labels][:, None, None, :] * np.ones((1, 12, 10, 1))
    for seed in range(12):
        for alphas in ({"mixup_alpha": 1.0}, {"cutmix_alpha": 1.0}, {"mixup_alpha": 1.0, "cutmix_alpha": 1.0}):
            mixed = call(images, labels, np.random.default_rng(seed), num_classes=4, **alphas)
            seen, told = np.asarray(mixed["inputs"]).mean((1, 2)), np.asarray(mixed["targets"])
            wrong = ~np.isclose(seen, told, rtol=0, atol=1e-9).all(-1)
            if wrong.any():
                i = int(wrong.argmax())
                words = " and ".join(alphas)
                return (
                    f"with {words}: of image {i} it says that there are {told[i].round(4).tolist()} of the classes in "
                    f"it, "
                    f"and its pixels are {seen[i].round(4).tolist()} of them. Is the share that was drawn used, where "
                    f"the "
                    "edge has cut the box?"
                )
    return None


def waves_cannot_be_cut(call: Call, rng: Generator) -> str | None:
    waves, labels = rng.standard_normal((3, 8)), np.array([0, 1, 1])
    told = "inputs of shape (3, 8) are no images, and CutMix cannot cut them: it must raise a ValueError"
    try:
        call(waves, labels, np.random.default_rng(0), num_classes=2, cutmix_alpha=1.0)
    except CheckFailedError as error:  # what the solution raises
        return None if str(error).startswith("ValueError") else f"{told}; yours: {error}"
    except ValueError:  # what ours raises, when the solution has returned something
        return f"{told}; it returned"
    return None


SIDE = "side = int(length * (1 - lam) ** 0.5)"
MIDDLE = "start = int(rng.integers(length)) - side // 2"
STARTS = "starts.append(max(start, 0))"
STOPS = "stops.append(min(start + side, length))"
RETURNED = "return Box(starts[0], stops[0], starts[1], stops[1])"
OTHER_DRAW = (
    "the middle is another number of the generator's: it is rng.integers(length), first for the rows, then for the "
    "columns. (Yours would be as good, but then nobody could compare)"
)

BOX_TASK = Task(
    "random_box",
    BOXES,
    (
        Property("half as high and half as wide", in_proportion),
        Property("anywhere on the image", is_everywhere),
        Property("nothing is beyond the edge", is_on_the_image),
    ),
    {
        SIDE: {
            f"if lam == 1: return Box(0, 0, 0, 0)\n        {SIDE}": "an empty box lies where its middle was drawn; the "
            "draws are made in any case",
            "side = int(length * (1 - lam))": "the root is missing: a box with a share of 1 - lam of the area has "
            "sides "
            "of sqrt(1 - lam)",
            "side = int(length * lam**0.5)": "the box has the share lam; lam is what is left of the image, the box has "
            "1 - lam",
            "side = int(length * lam)": "the box has lam of each side; it has sqrt(1 - lam), because lam is what is "
            "left "
            "of the image",
            "side = int(length * (1 - lam**0.5))": "1 less the root of lam; it is the root of 1 - lam",
            "side = int(length * (1 - lam) ** 2)": "1 - lam is squared; it is its root",
            "side = round(length * (1 - lam) ** 0.5)": "the sides are rounded; they are cut to whole numbers, int(...)",
            "side = int(np.ceil(length * (1 - lam) ** 0.5))": "the sides are rounded up; they are cut to whole "
            "numbers, "
            "int(...)",
            "side = int(min(size) * (1 - lam) ** 0.5)": "the box is a square, of the shorter side; it has the "
            "proportions of the image",
            "side = int(max(size) * (1 - lam) ** 0.5)": "the box is a square, of the longer side; it has the "
            "proportions of the image",
            "side = int((size[0] * size[1] * (1 - lam)) ** 0.5)": "the box is a square; it has the proportions of the "
            "image",
            "side = int(sum(size) - length and (sum(size) - length) * (1 - lam) ** 0.5)": "rows and columns of the box "
            "are exchanged: it has the proportions of the image",
            "side = int(length * (1 - lam) ** 0.5) // 2": "half a side on either side of the middle is a whole one; "
            "yours is half of it",
            "side = 2 * int(length * (1 - lam) ** 0.5 / 2)": "an odd side becomes one shorter; side // 2 are before "
            "the "
            "middle, all others from there on",
            "side = int(length * (1 - lam) ** 0.5) + 1": "a row and a column too many",
            "side = length // 2": "half of each side, whatever lam says",
        },
        MIDDLE: {
            "start = int(rng.integers(length))": "that is where the box begins; the draw is its middle: side // 2 are "
            "before it",
            "start = int(rng.integers(length)) - side": "all of the box is before its middle; side // 2 are",
            "start = int(rng.integers(length)) - (side + 1) // 2": "of an odd side the larger half is before the "
            "middle; "
            "the smaller one is, side // 2",
            "start = int(rng.integers(length - side + 1) if side else rng.integers(length))": "the box begins where it "
            "fits whole; its middle is anywhere on the image, and the edge cuts it",
            "start = int(rng.integers(max(length - side, 1)))": "the box begins where it fits whole; its middle is "
            "anywhere on the image, and the edge cuts it",
            "exact, middle = length * (1 - lam) ** 0.5, int(rng.integers(length)); start = int(middle - exact / 2); "
            "side = int(middle + exact / 2) - start": "the sides are halved before they are cut to whole numbers; "
            "first int(...), then side // 2",
            "start = int(rng.integers(size[0])) - side // 2": "the column of the middle is drawn from the rows, too; "
            "it is rng.integers(columns)",
            "start = int(rng.random() * length) - side // 2": OTHER_DRAW,
            "start = int(rng.uniform(0, length)) - side // 2": OTHER_DRAW,
            "start = int(rng.integers(1, length)) - side // 2": OTHER_DRAW,
            "start = int(rng.integers(length + 1)) - side // 2": OTHER_DRAW,
            "start = int(rng.permutation(length)[0]) - side // 2": OTHER_DRAW,
            "start = int(rng.integers(side // 2, max(length - side // 2, side // 2 + 1))) - side // 2": "... where it "
            "fits "
            "whole",
            "start = length // 2 - side // 2": "the middle of the box is always that of the image; it is drawn",
            "start = int(np.random.default_rng(0).integers(length)) - side // 2": "a generator of its own draws the "
            "middle; draw from rng",
            "start = int(np.random.randint(length)) - side // 2": "... gives another",
        },
        "for length in size:": {
            "drawn = {n: int(rng.integers(n)) for n in size[::-1]}\n    for length in size:\n        rng = "
            "__import__('types').SimpleNamespace(integers=drawn.get)": "the column is drawn before the row; first the "
            "row",
            "drawn = float(rng.random())\n    for length in size:\n        rng = "
            "__import__('types').SimpleNamespace(integers=lambda n: drawn * n)": "one draw for row and column, so that "
            "the box lies on the diagonal; each has its own",
            "drawn = int(rng.integers(min(size)))\n    for length in size:\n        rng = "
            "__import__('types').SimpleNamespace(integers=lambda n: drawn)": "one draw for row and column, so that the "
            "box lies on the diagonal; each has its own",
            "lam = float(rng.beta(1, 1))\n    for length in size:": "the share is drawn once more; it is given, lam",
            "rng.random()\n    for length in size:": "something is drawn before the middle; draw the row first",
        },
        STARTS: {
            "starts.append(start)": "a box that begins before the first row or column is not cut off: max(start, 0)",
            "starts.append(min(max(start, 0), length - side))": "a box that is beyond the edge is moved in; it is cut "
            "off",
            "starts.append(abs(start))": "a negative start becomes positive; it becomes 0",
            "starts.append(start % length)": "the box comes in again on the other side; it is cut off",
            "starts.append(max(start, 1))": "the first row and column are number 0",
            "starts.append(max(start, 0)); start = max(start, 0)": "the box is as large as if nothing were cut off: "
            "only "
            "its beginning is moved, its end must stay",
        },
        STOPS: {
            "stops.append(start + side)": "a box that ends behind the last row or column is not cut off: min(..., "
            "length)",
            "stops.append(min(start + side, length - 1))": "the last row and column may be in the box: it ends before "
            "`length`",
            "stops.append(min(start + side, sum(size) - length))": "rows are cut off where columns end, and columns "
            "where rows do",
            "stops.append(min(start + side - 1, length))": "a box ends before bottom and right, so they are start + "
            "side",
            "stops.append(min(start + 2 * (side // 2), length))": "... an odd side becomes one shorter",
            "stops.append(min(start + side + 1, length))": "a row and a column too many: the box ends before start + "
            "side",
            "stops.append(min(side, length))": "that is how long the box is; asked for is where it ends",
            "stops.append(length)": "all boxes end with the image; they end at start + side",
        },
        RETURNED: {
            "return Box(starts[1], stops[1], starts[0], stops[0])": "rows and columns are exchanged: top and bottom "
            "are "
            "rows, and they come first",
            "return Box(starts[0], starts[1], stops[0], stops[1])": "the order is top, bottom, left, right; yours is "
            "top, left, bottom, right",
            "return Box(stops[0], starts[0], stops[1], starts[1])": "top and bottom, left and right have changed "
            "places",
            "return Box(starts[0], stops[0] - starts[0], starts[1], stops[1] - starts[1])": "height and width stand "
            "where bottom and right belong",
            "return Box(*(float(n) for n in (starts[0], stops[0], starts[1], stops[1])))": "... must be a whole number",
            "return starts[0], stops[0], starts[1]": "... the result must be a Box",
            "return Box(starts[0], stops[0], starts[0], stops[0])": "the columns are those of the rows",
        },
    },
)

ONE_HOT = "targets = one_hot(labels, num_classes).astype(inputs.dtype)"
COIN = "cuts = cutmix_alpha > 0 and (mixup_alpha == 0 or rng.random() < 0.5)"
ALPHA = "alpha = cutmix_alpha if cuts else mixup_alpha"
SHARE = "lam = float(rng.beta(alpha, alpha))"
OVER = "return mixup(inputs, targets, lam)"
INTO = "return cutmix(inputs, targets, random_box(rng, (Y, X), lam))"
NEITHER = "if alpha == 0"
ORDER = "the draws come in another order: first the coin, where both have an alpha, then the share, then the box"
ONLY_ONE = "where only one has an alpha, that is always done: no coin decides then, nor must both have one"
PROMISED = (
    "the share that was drawn is taken for the targets; what counts is the box that is left after the edge has cut it: "
    "cutmix mixes them"
)

MIX_TASK = Task(
    "mix",
    MIXES,
    (
        Property("pixels and targets agree", pixels_and_targets_agree),
        Property("what is no image cannot be cut", waves_cannot_be_cut),
    ),
    {
        ONE_HOT: {
            "targets = one_hot(labels, num_classes)": "... targets is of float32, but inputs of float64",
            "targets = one_hot(labels, num_classes).astype(np.float64)": "... targets is of float64, but inputs of "
            "float32",
            "targets = one_hot(labels[::-1].copy(), num_classes).astype(inputs.dtype)": "the targets belong to other "
            "examples: the labels are reversed",
            "targets = one_hot(labels, num_classes).astype(inputs.dtype) * 0.9 + 0.1 / num_classes": "the targets are "
            "smoothed; nothing is said of that here, it is for the loss to do",
            "targets = one_hot(num_classes - 1 - labels, num_classes).astype(inputs.dtype)": "the classes are counted "
            "from the end",
            "targets = one_hot(labels, int(labels.max()) + 1).astype(inputs.dtype)": "there are num_classes columns, "
            "whatever the largest of the labels is",
        },
        COIN: {
            f"if 0 in (mixup_alpha, cutmix_alpha): return Mixed(inputs, targets)\n    {COIN}": ONLY_ONE,
            "cuts = cutmix_alpha > 0 and (mixup_alpha == 0 or rng.random() >= 0.5)": "the coin says the opposite: "
            "CutMix "
            "where rng.random() is below a half",
            "cuts = cutmix_alpha > 0": "where both have an alpha, CutMix is always taken; a coin decides",
            "cuts = cutmix_alpha > 0 and mixup_alpha == 0": "where both have an alpha, MixUp is always taken (or is "
            "the share drawn before the coin?); a coin decides, and it is tossed first",
            f"if mixup_alpha and cutmix_alpha: m = mixup(inputs, targets, float(rng.beta(mixup_alpha, mixup_alpha))); "
            f"return cutmix(*m, random_box(rng, inputs.shape[1:3], float(rng.beta(cutmix_alpha, cutmix_alpha))))\n    "
            f"{COIN}": "where both have an alpha, both are done; a coin decides",
            f"if mixup_alpha or cutmix_alpha: first = float(rng.beta(mixup_alpha or cutmix_alpha, mixup_alpha or "
            f"cutmix_alpha))\n    {COIN}\n    rng = __import__('types').SimpleNamespace(beta=lambda *a: first, "
            f"integers=rng.integers)": ORDER,
            "cuts = bool(rng.random() < 0.5 and cutmix_alpha > 0) or mixup_alpha == 0 < cutmix_alpha": "the coin is "
            "tossed even where only one has an alpha; then nothing is to be decided, and nothing drawn",
            "cuts = bool(rng.random() < 0.5)": ONLY_ONE,
            "cuts = cutmix_alpha > 0 and (mixup_alpha == 0 or rng.integers(2) == 0)": "the coin is another number of "
            "the "
            "generator's: it is rng.random() < 0.5. (Yours would be as good, but then nobody could compare)",
            "cuts = cutmix_alpha > 0 and (mixup_alpha == 0 or rng.integers(2) == 1)": "the coin is another number of "
            "the "
            "generator's: it is rng.random() < 0.5. (Yours would be as good, but then nobody could compare)",
        },
        ALPHA: {
            "alpha = mixup_alpha if cuts else cutmix_alpha": "the alphas have changed places",
            "alpha = mixup_alpha or cutmix_alpha": "the alpha of MixUp is taken for CutMix, too",
            "alpha = cutmix_alpha or mixup_alpha": "the alpha of CutMix is taken for MixUp, too",
            "alpha = (mixup_alpha + cutmix_alpha) / (2 if min(mixup_alpha, cutmix_alpha) else 1)": "the mean of both "
            "alphas is taken; the one of what is done",
        },
        SHARE: {
            "lam = float(rng.beta(alpha, 1))": "the share is drawn from Beta(alpha, 1); both numbers are alpha",
            "lam = float(rng.beta(1, alpha))": "the share is drawn from Beta(1, alpha); both numbers are alpha",
            "lam = float(rng.beta(1, 1))": "the share is drawn from Beta(1, 1), whatever alpha is",
            "lam = float(rng.beta(mixup_alpha or alpha, cutmix_alpha or alpha))": "the share is drawn from "
            "Beta(mixup_alpha, cutmix_alpha); both numbers are the alpha of what is done",
            "lam = float(rng.beta(1 / alpha, 1 / alpha))": "the share is drawn from Beta(1 / alpha, 1 / alpha); both "
            "numbers are alpha",
            "lam = 1 - float(rng.beta(alpha, alpha))": "1 less what was drawn (or made at least a half?): the draw is "
            "the "
            "share of the example itself, as it is",
            "lam = float(rng.random())": "the share is drawn from all alike; it is from Beta(alpha, alpha)",
            "lam = float(rng.uniform(0, alpha)) % 1": "the share is drawn up to alpha; it is from Beta(alpha, alpha)",
            "lam = float(np.clip(rng.normal(0.5, alpha), 0, 1))": "the share is drawn from a normal distribution; it "
            "is "
            "from Beta(alpha, alpha)",
            "lam = float(rng.beta(alpha, alpha)); lam = max(lam, 1 - lam)": "... (or made at least a half?)",
            "lam = float(alpha / (1 + alpha))": "nothing is drawn: alpha is no share, but how shares are distributed",
            "lam = float(np.random.default_rng(0).beta(alpha, alpha))": "a generator of its own draws the share; draw "
            "from rng",
            "lam = float(rng.beta(alpha, alpha, len(inputs))[0])": "a share is drawn for each example; one for the "
            "batch",
            "lam = float(rng.beta(alpha, alpha, len(inputs)).mean())": "a share is drawn for each example; one for the "
            "batch",
            "lam = rng.beta(alpha, alpha, (len(inputs), 1)); x = lam.reshape(-1, *[1] * (inputs.ndim - 1)); return "
            "Mixed(x * inputs + (1 - x) * inputs[::-1], lam * targets + (1 - lam) * targets[::-1])": (
                "a share is drawn for each example; one for the batch"
            ),
            "lam = round(float(rng.beta(alpha, alpha)), 1)": "the share is rounded",
        },
        NEITHER: {
            "if alpha == 0: alpha = 1\n    if False": "an alpha of 0 mixes nothing",
            "if alpha == 0: return Mixed(inputs, np.full_like(targets, 1 / num_classes))\n    if False": "an alpha of "
            "0 "
            "changes no target",
        },
        OVER: {
            "return Mixed(mixup(inputs, targets, lam).inputs, targets)": "the inputs are mixed and the targets are not",
            "return Mixed(inputs, mixup(inputs, targets, lam).targets)": "the targets are mixed and the inputs are not",
            "return mixup(inputs, targets, 1 - lam)": "1 - lam is handed to mixup; the draw is the share of the "
            "example "
            "itself",
            "return Mixed(mixup(inputs, targets, lam).inputs, mixup(inputs, targets, float(rng.beta(alpha, "
            "alpha))).targets)": "the share is drawn twice, once for the inputs and once for the targets; both are "
            "mixed "
            "by one",
            "p = rng.permutation(len(inputs)); return Mixed(lam * inputs + (1 - lam) * inputs[p], lam * targets + "
            "(1 - lam) * targets[p])": "the partner is drawn; it is the one with number B - 1 - i, as in mixup",
            "return mixup(mixup(inputs, targets, lam).inputs, mixup(inputs, targets, lam).targets, lam)": "mixed twice",
        },
        INTO: {
            "return cutmix(inputs, targets, random_box(rng, (X, Y), lam))": "... expected rows within 0 to",
            "return cutmix(inputs, targets, random_box(rng, inputs.shape[:2], lam))": "the size that random_box gets "
            "is (B, Y); rows and columns are the axes 1 and 2",
            "return cutmix(inputs, targets, random_box(rng, (Y, X), 1 - lam))": "1 - lam is handed to random_box; lam "
            "is "
            "what is left of the image",
            "return cutmix(inputs, targets, random_box(rng, (Y, Y), lam))": "the box is drawn for a square image",
            "return cutmix(inputs, targets, random_box(rng, (X, X), lam))": "... box is",
            "return cutmix(inputs, targets, random_box(np.random.default_rng(0), (Y, X), lam))": "a generator of its "
            "own "
            "draws the box; draw from rng",
            "m = cutmix(inputs, targets, random_box(rng, (Y, X), lam)); return Mixed(m.inputs, lam * targets + (1 - "
            "lam) "
            "* targets[::-1])": PROMISED,
            "m = cutmix(inputs, targets, random_box(rng, (Y, X), lam)); return Mixed(m.inputs, mixup(inputs, targets, "
            "1 - lam).targets)": "the targets are mixed by 1 - lam; cutmix mixes them, by the area of the box",
            "m = cutmix(inputs, targets, random_box(rng, (Y, X), lam)); return Mixed(m.inputs, m.targets[::-1])": "the "
            "shares of the targets have changed places: what is left of the image itself, 1 less the area of the box, "
            "belongs to its own",
            "m = cutmix(inputs, targets, random_box(rng, (Y, X), lam)); return Mixed(m.inputs, targets)": "something "
            "is "
            "pasted into the images, and their targets do not say so",
            "return mixup(inputs, targets, lam)": "MixUp is done where CutMix was asked for",
            "return cutmix(inputs, targets, random_box(rng, (Y, X), float(rng.beta(alpha, alpha))))": "the share is "
            "drawn "
            "once more for the box",
        },
        "lam = float(rng.beta(alpha, alpha))\n": {
            "drawn = [int(rng.integers(n)) for n in inputs.shape[1:3]] if cuts else []\n    lam = "
            "float(rng.beta(alpha, alpha))\n    rng = __import__('types').SimpleNamespace(integers=lambda n: "
            "drawn.pop(0))\n": ORDER,
            "rng.random()\n    lam = float(rng.beta(alpha, alpha))\n": "... the coin is tossed even where only one",
        },
    },
    uses=("one_hot", "mixup", "random_box", "cutmix"),
    axes={"inputs": "example", "targets": "example class"},
)

DRAWING_TASKS = (BOX_TASK, MIX_TASK)
