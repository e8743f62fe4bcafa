"""What the task of hidden patches promises beyond what all tasks do."""

from functools import partial

import numpy as np
import pytest

from minivit.data import LabeledSounds
from minivit.data.examples import Images
from minivit.ops.color_codes import MASK
from minivit.tasks import MaskedPrediction
from minivit.tasks.masked_prediction import AskedPatches
from minivit.train import normalize
from tests.sampled import REST
from tests.unchecked import without_annotations

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (40, 16, 24, 3)).astype(np.uint8)
HALF = partial(normalize, mean=(0.5,) * 3, std=(0.25,) * 3)


def drawn(task, seed=1):
    return task.draw(Images(PIXELS), normalize=HALF, rng=np.random.default_rng(seed))


def patch(image, row, column):
    return PIXELS[image, 8 * row : 8 * row + 8, 8 * column : 8 * column + 8]


def test_what_is_asked():
    """Of the second row's third patch of an image, in each way."""
    answers = {target: drawn(MaskedPrediction(8, target=target))[1].answers for target in ("mean", "rgb", "pixels")}
    tile = patch(7, 1, 2)
    red, green, blue = (tile.mean((0, 1)) // 32).astype(int)
    assert answers["mean"][7, 5] == 64 * red + 8 * green + blue
    np.testing.assert_allclose(answers["rgb"][7, 5], (tile.mean((0, 1)) / 255 - 0.5) / 0.25, rtol=1e-5)
    np.testing.assert_allclose(answers["pixels"][7, 5], ((tile / 255 - 0.5) / 0.25).ravel(), rtol=1e-5, atol=1e-6)
    small = drawn(MaskedPrediction(8, target="downsized"))[1].answers
    assert small.shape == (40, 6, 16)
    corner = (tile[:2, 2:4].mean((0, 1)) // 32).astype(int)  # of the 4 x 4, row 0 and column 1
    assert small[7, 5, 1] == 64 * corner[0] + 8 * corner[1] + corner[2]


def test_how_patches_are_hidden():
    """Half are asked for; of these, four fifths are masked, a tenth is another patch, and a tenth is left."""
    pixels = np.zeros((500, 32, 32, 3), np.uint8)
    (_, shown), targets = MaskedPrediction(4).draw(Images(pixels), normalize=HALF, rng=np.random.default_rng(0))
    asked, places = targets.asked, np.arange(64)
    assert (asked.sum(1) == 32).all()
    np.testing.assert_array_equal(shown[~asked], np.tile(places, (500, 1))[~asked])
    shares = [np.mean(shown[asked] == MASK), np.mean(shown[asked] == np.tile(places, (500, 1))[asked])]
    np.testing.assert_allclose(shares, [0.8, 0.1], atol=0.01)
    others = shown[asked & (shown != MASK) & (shown != places)]
    assert np.bincount(others, minlength=64).min() > 0.5 * len(others) / 64
    assert not np.array_equal(shown[0], shown[1])


def test_without_a_generator_it_is_the_same_test_each_time():
    task = MaskedPrediction(8)
    one, two = (task.draw(Images(PIXELS), normalize=HALF) for _ in range(2))
    np.testing.assert_array_equal(one[0][1], two[0][1])
    assert not np.array_equal(drawn(task, 1)[0][1], drawn(task, 2)[0][1])


def test_only_what_is_asked_for_counts():
    task = MaskedPrediction(8)
    _, targets = drawn(task)
    outputs = RNG.standard_normal((40, 6, 512))
    others = np.where(targets.asked[..., None], outputs, 7 * RNG.standard_normal(outputs.shape))
    loss, cache = task.forward(outputs, targets)
    assert task.forward(others, targets)[0] == loss
    assert task.score(others, targets) == task.score(outputs, targets)
    doutputs = task.backward(np.ones(()), cache)
    assert not doutputs[~targets.asked].any()
    assert doutputs[targets.asked].any(-1).all()


def test_the_loss_is_a_mean_over_what_is_asked_for():
    """Parts of a batch, of which each asks for as much as ``over`` says, add up to the whole."""
    task = MaskedPrediction(8)
    _, targets = drawn(task)
    targets.asked[:15] = targets.asked[0, :1]  # all patches, or none
    targets.asked[0] = True
    outputs = RNG.standard_normal((40, 6, 512))
    whole = task.forward(outputs, targets)[0] * task.over(targets)
    halves = 0.0
    for half in (slice(3), slice(3, 40)):
        part = AskedPatches(targets.answers[half], targets.asked[half])
        halves += task.forward(outputs[half], part)[0] * task.over(part)
    assert whole == pytest.approx(halves, rel=1e-12)
    assert task.over(targets) == targets.asked.sum()


@pytest.mark.parametrize("target", ["mean", "downsized", "rgb", "pixels"])
def test_who_knows_all_has_a_score_of_1(target):
    task = MaskedPrediction(8, target=target)
    _, targets = drawn(task)
    answers = targets.answers
    if target in ("mean", "downsized"):
        outputs = 50.0 * (answers[..., None] == np.arange(512)).reshape(40, 6, -1)
    else:
        outputs = answers.astype(float)
    assert task.score(outputs, targets) == 1
    assert task.forward(outputs, targets)[0] == pytest.approx(0, abs=1e-12)
    assert task.score(np.roll(outputs, 1, 0), targets) < 0.2


@REST
@pytest.mark.parametrize("target", ["mean", "downsized", "rgb", "pixels"])
def test_pictures_of_what_it_fills_in(target, tmp_path):
    from minivit.data import shapes

    task, data = MaskedPrediction(8, target=target), shapes(4, 4)
    (_, _), targets = task.draw(data.train, normalize=HALF)
    outputs = RNG.standard_normal((4, 16, {"mean": 512, "downsized": 8192, "rgb": 3, "pixels": 192}[target]))
    (name, draw), *rest = task.pictures(data, data.train, targets, outputs).items()
    assert (name, rest) == ("reconstructions", [])
    draw().savefig(tmp_path / "it.png")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patch_size": 8, "target": "median"}, "target is 'median'; expected one of mean, rgb, downsized, pixels"),
        ({"patch_size": 6, "target": "downsized"}, "a patch of 6 x 6 cannot be made 4 x 4"),
        ({"patch_size": 8, "mask_ratio": 0.0}, "mask_ratio is 0.0; expected above 0"),
        ({"patch_size": 8, "mask_ratio": 1.5}, "mask_ratio is 1.5"),
        ({"patch_size": 0}, "patch_size is 0"),
    ],
)
def test_what_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        MaskedPrediction(**options)


def test_all_patches_may_be_asked_for_and_one_always_is():
    assert drawn(MaskedPrediction(8, mask_ratio=1.0))[1].asked.all()
    assert (drawn(MaskedPrediction(8, mask_ratio=0.01))[1].asked.sum(1) == 1).all()
    whole = MaskedPrediction((16, 24))  # the image is one patch: there is no other
    assert set(drawn(whole)[0][1].ravel().tolist()) <= {MASK, 0}


def test_outputs_of_another_shape():
    task = MaskedPrediction(8, target="rgb")
    _, targets = drawn(task)
    with pytest.raises(
        ValueError, match=r"outputs have shape \(40, 24, 3\); expected \(40, 6\) and an axis of outputs"
    ):
        task.forward(np.zeros((40, 24, 3)), targets)
    with pytest.raises(ValueError, match="4 outputs for each patch; expected 3"):
        task.forward(np.zeros((40, 6, 4)), targets)
    with pytest.raises(TypeError, match="MaskedPrediction is about Images"):
        without_annotations(task.draw)(LabeledSounds(np.zeros((2, 9), np.int16), np.zeros(2, int)), normalize=HALF)


def test_parts_of_targets_are_targets():
    assert isinstance(drawn(MaskedPrediction(8))[1], AskedPatches)


@pytest.mark.parametrize("target", ["mean", "downsized", "pixels"])
def test_of_nothing_there_is_no_loss_and_no_score(target):
    task = MaskedPrediction(8, target=target)
    _, targets = drawn(task)
    nothing = targets._replace(asked=np.zeros_like(targets.asked))
    outputs = np.zeros((40, 6, {"mean": 512, "downsized": 16 * 512, "pixels": 192}[target]), np.float32)
    for asked in (task.forward, task.score):
        with pytest.raises(ValueError, match="no patch is asked for; expected one at least"):
            asked(outputs, nothing)


def test_outputs_that_are_no_classes_of_16_colours():
    task = MaskedPrediction(8, target="downsized")
    _, targets = drawn(task)
    with pytest.raises(ValueError, match="100 outputs for each patch; expected a number for each class, 16 times"):
        task.forward(np.zeros((40, 6, 100), np.float32), targets)
