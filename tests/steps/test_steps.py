"""A recorded run holds the numbers of the run, in their order, and leaves the model as it was."""

import cProfile
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minivit as mv
from minivit.course.exercises import EXERCISES
from minivit.course.stub import solved_source
from minivit.course.with_ops import in_place_of_ours, load_as_it_is
from minivit.steps import page as page_module
from minivit.steps import step, step_op
from minivit.steps import steps as steps_module
from minivit.steps.arrays import Store
from minivit.steps.field import receptive_field
from minivit.steps.steps import EndedError
from minivit.train.augment import normalize
from tests.sampled import REST
from tests.steps.test_arrays import read, shown
from tests.unchecked import without_annotations

SMALL = {"depth": 2, "embed_dim": 12, "num_heads": 3, "mlp_ratio": 2.0, "img_size": 8, "patch_size": 4}


def model_and_image(**options):
    model = mv.models.ViT(**{**SMALL, "num_classes": 5, **options})
    rng = np.random.default_rng(1)
    for param in model.params:  # nothing is 0 or 1
        param.value = rng.standard_normal(param.shape).astype(np.float32) / 2
    return model, rng.standard_normal((8, 8, 3)).astype(np.float32)


def call_of(run, place, label, way="forward"):
    (found,) = [call for call in run.calls if (call.place, call.label, call.way) == (place, label, way)]
    return found


def test_the_numbers_are_those_of_the_run():
    model, image = model_and_image()
    run = step(model, image, 3)
    logits, cache = model.forward(image[None])
    loss, c_loss = mv.ops.cross_entropy_forward(logits, np.array([3]))
    (dlogits,) = mv.ops.cross_entropy_backward(np.float32(1), c_loss)
    dimages = model.backward(dlogits, cache)
    attention = call_of(run, "blocks.1.attn", "attention")
    expected = cache.blocks[1].attn.attention
    for name in ("q", "k", "v"):
        np.testing.assert_array_equal(read(run.store, attention.inputs[name]), shown(getattr(expected, name)))
    np.testing.assert_array_equal(read(run.store, attention.cache["weights"]), shown(expected.weights))
    assert attention.inputs["k"]["axes"] == ["B", "H", "S", "K"]
    back = call_of(run, "", "ViT", "backward")
    np.testing.assert_array_equal(read(run.store, back.outputs["dx"]), shown(dimages))
    linear = call_of(run, "blocks.0.mlp.fc1", "linear", "backward")
    np.testing.assert_array_equal(
        read(run.store, linear.outputs["dweight"]), shown(model.blocks[0].mlp.fc1.weight.grad)
    )
    np.testing.assert_allclose(read(run.store, call_of(run, "", "cross_entropy").outputs["y"]), loss, rtol=1e-3)
    np.testing.assert_allclose(run.probabilities, mv.ops.softmax_forward(logits)[0][0], rtol=1e-6)


def test_calls_stand_in_their_order_with_their_parents_and_partners():
    model, image = model_and_image()
    run = step(model, image, 0)
    ways = [call.way for call in run.calls if call.parent is None]
    assert ways == ["forward", "forward", "backward", "backward"] + ["update"] * len(model.params)
    for n, call in enumerate(run.calls):
        assert call.parent is None or call.parent < n
        if call.partner is not None:
            other = run.calls[call.partner]
            assert {call.way, other.way} == {"forward", "backward"}
            assert (other.place, other.label, other.partner) == (call.place, call.label, n)
    alone = {call.label for call in run.calls if call.way == "backward" and call.partner is None}
    assert alone == set()
    labels = [call.label for call in run.calls if call.place == "blocks.0.attn" and call.way == "forward"]
    assert labels[:5] == ["SelfAttention", "split_heads", "multi_head_attention", "attention", "softmax"]


def test_steps_that_do_nothing_are_left_out():
    model, image = model_and_image(class_token=False, global_pool="avg")
    labels = [call.label for call in step(model, image, 0).calls]
    assert "prepend_token" not in labels
    assert "Identity" not in labels


def test_parameters_are_moved_by_the_rule_and_named():
    model, image = model_and_image()
    run = step(model, image, 0)
    updates = [call for call in run.calls if call.way == "update"]
    assert [call.place for call in updates] == list(model.named_params())
    bias = next(call for call in updates if call.place == "head.bias")
    before, grad, after = (
        read(run.store, found) for found in (bias.inputs["value"], bias.inputs["grad"], bias.outputs["new value"])
    )
    np.testing.assert_allclose(after, before - 1e-3 * np.sign(grad), atol=1e-4)


def test_the_model_is_left_as_it_was():
    model, image = model_and_image()
    model.params[0].add_grad(np.ones_like(model.params[0].value))
    before, grads = model.state_dict(), [param.grad.copy() for param in model.params]
    step(model, image, 2)
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[name])
    for param, grad in zip(model.params, grads, strict=True):
        np.testing.assert_array_equal(param.grad, grad)


def test_another_profiler_is_put_back():
    heard = []
    sys.setprofile(lambda *event: heard.append(event))
    try:
        step_op("softmax", np.array([[1.0, 2.0]]))
        assert sys.getprofile() is not None
        with pytest.raises(ValueError, match="no op"):
            step_op("sofmax", np.array([[1.0, 2.0]]))
    finally:
        sys.setprofile(None)
    assert heard


def test_a_profile_that_is_made_goes_on():
    def after():
        return 0

    profile = cProfile.Profile()
    profile.enable()
    try:
        step_op("softmax", np.array([[1.0, 2.0]]))
        after()
    finally:
        profile.disable()
    assert any(entry.code is after.__code__ for entry in profile.getstats())  # type: ignore[attr-defined]


def test_without_a_label_the_likeliest_class_is_taken_and_that_is_said():
    model, image = model_and_image()
    run = step(model, image)
    assert run.label == int(np.argmax(run.probabilities))
    assert "No true class" in run.notes[0]


@REST
def test_forward_alone():
    model, image = model_and_image()
    run = step(model, image, 0, backward=False)
    assert {call.way for call in run.calls} == {"forward"}
    assert len(run.html()) < len(step(model, image, 0).html())


def test_of_one_block_alone():
    model, image = model_and_image()
    for name in ("1", "blocks.1"):
        run = step(model, image, 0, block=name)
        deep = {call.place for call in run.calls if call.kind == "op" and call.place}
        assert deep
        assert all(place.startswith("blocks.1") for place in deep)
        assert [call.place for call in run.calls if call.label == "Block" and call.way == "forward"] == [
            "blocks.0",
            "blocks.1",
        ]


def test_models_without_classes_are_shown_forward():
    model, image = model_and_image(num_classes=0)
    run = step(model, image)
    assert {call.way for call in run.calls} == {"forward"}
    assert "names none" in run.notes[0]
    with pytest.raises(ValueError, match="names no classes"):
        step(model, image, 1)


@pytest.mark.parametrize("name", ["resnet20_32", "swin_tiny_patch2_32", "mixer_tiny_patch4_32", "pvt_v2_tiny_32"])
@REST
def test_other_models_become_pages(name):
    model = mv.create_model(name)
    image = np.random.default_rng(0).standard_normal((32, 32, 3)).astype(np.float32)
    run = step(model, image, 1)
    assert {call.way for call in run.calls} == {"forward", "backward", "update"}
    assert "Not" not in run.error
    assert len(run.html()) < 13e6


@REST
def test_the_page_of_the_default_model_has_less_than_five_megabytes():
    """The model, the data and all classes of ``minivit train``; its weights have moved a little, so none is 0."""
    data, model = mv.data.shapes(1, 2), mv.create_model("vit_micro_patch4_32")
    for param in model.params:
        param.value += 0.02 * np.random.default_rng(0).standard_normal(param.shape).astype(np.float32)
    image = data.test.images[0]
    run = step(model, image, 1, normalize=lambda x: normalize(x, data.mean, data.std), class_names=data.class_names)
    assert run.what_if.keys() > {"weights"}
    assert "blocks" in run.field
    assert len(run.html().encode()) < 5e6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image": np.zeros((6, 8, 3), np.float32)}, "images have shape"),
        ({"image": np.zeros((2, 8, 8, 3), np.float32)}, "expected one image"),
        ({"image": np.zeros((8, 8, 3), np.uint8)}, "expected normalize"),
        ({"image": None}, "image has dtype object; expected pixels, or what the model takes"),
        ({"image": "shape.png"}, "image has dtype <U9; expected pixels"),
        ({"image": np.zeros((8, 8, 3), complex)}, "image has dtype complex128; expected pixels"),
        ({"image": np.zeros(8, np.float32)}, "image has shape (8,); expected one image"),
        ({"image": np.zeros((0, 8, 3), np.float32)}, "image has shape (0, 8, 3); expected one image"),
        ({"normalize": lambda batch: None}, "what normalize gives is None; expected ndarray"),
        ({"class_names": ["a"]}, "class_names are ['a']; expected a list of a name for each class"),
        ({"class_names": "cat"}, "class_names are 'cat'; expected a list of a name for each class"),
        ({"class_names": ""}, "class_names are ''; expected a list of a name for each class"),
        ({"label": 5}, "label is 5"),
        ({"label": -1}, "label is -1"),
        ({"image": np.full((8, 8, 3), np.nan, np.float32)}, "image holds nan"),
        ({"block": "7"}, "there is no block '7'; there are blocks.0"),
    ],
)
def test_mistakes_are_said_in_a_sentence(change, message):
    model, image = model_and_image()
    options = {"image": image, "label": None, **change}
    with pytest.raises((ValueError, TypeError), match=re.escape(message)):
        without_annotations(step)(model, options.pop("image"), **options)


def test_what_is_no_model():
    with pytest.raises(TypeError, match="model is 'vit'; expected Model"):
        without_annotations(step)("vit", np.zeros((8, 8, 3), np.float32))


def test_what_ended_early_says_so():
    wrong = step_op("softmax", np.zeros((2, 3)), dy=np.zeros((3, 3)))
    assert repr(wrong).endswith(f" steps of softmax, which ended with an error: {wrong.error}>")
    assert "(3, 3)" in wrong.error


def test_a_model_that_is_not_finite_is_refused_with_the_first_place():
    model, image = model_and_image()
    model.blocks[1].mlp.fc1.bias.value[3] = np.nan
    with pytest.raises(ValueError, match=r"not finite: blocks\.1\.mlp"):
        step(model, image, 0)


def test_models_of_more_than_an_image_are_refused():
    with pytest.raises(ValueError, match="SAM does not take an image alone; step shows models that do"):
        step(mv.create_model("sam_tiny_patch4_64"), np.zeros((64, 64, 3), np.float32))
    with pytest.raises(ValueError, match="ImageGPT does not take an image alone"):
        step(mv.create_model("imagegpt_tiny_16"), np.zeros((16, 16, 3), np.float32))


def test_pixels_go_with_what_normalizes_them():
    model, _ = model_and_image()
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    mean, std = (0.5, 0.4, 0.3), (0.2, 0.3, 0.1)
    run = step(model, pixels, 0, normalize=lambda batch: normalize(batch, mean, std))
    np.testing.assert_array_equal(run.pixels, pixels)
    shown_to_it = read(run.store, call_of(run, "", "ViT").inputs["images"])
    np.testing.assert_allclose(shown_to_it[0], (pixels / 255 - mean) / std, rtol=1e-3, atol=1e-3)


def solution(tmp_path, old, new):
    text = solved_source(EXERCISES["attention"])
    assert old in text
    return written(tmp_path, "attention", text.replace(old, new))


def written(tmp_path, exercise, text):
    folder = tmp_path / exercise
    folder.mkdir()
    (folder / "solution.py").write_text(text, encoding="utf-8")
    return load_as_it_is(folder)


def stepped_with(mine):
    """The model is built with the solution, too."""
    with in_place_of_ours([mine]):
        return step(*model_and_image(), 0)


def test_a_students_function_is_stepped_through(tmp_path):
    mine = solution(tmp_path, "dv = weights.mT @ dy", "dv = 2 * weights.mT @ dy")
    run = stepped_with(mine)
    sources = [line for told in page_module._told(run)["functions"].values() for line in told["source"]]
    assert any("dv = 2 * weights.mT @ dy" in line for line in sources)
    calls = [call for call in run.calls if call.label == "attention" and call.way == "backward"]
    assert {call.function.__module__.startswith("minivit.") for call in calls} == {False}


def test_a_students_function_that_fails_ends_the_run_and_the_steps_before_are_shown(tmp_path):
    mine = solution(tmp_path, "dv = weights.mT @ dy", "raise RuntimeError('no idea')")
    text = Path(mine.folder, "solution.py").read_text(encoding="utf-8")
    run = stepped_with(mine)
    (failed,) = [call for call in run.calls if call.error]
    assert (failed.label, failed.error) == ("attention", run.error)
    line = 1 + next(n for n, words in enumerate(text.split("\n")) if "raise RuntimeError" in words)
    assert run.error.startswith(
        f"RuntimeError: no idea (solution.py, line {line}, in attention_backward: raise Runtime"
    )
    assert run.raised == {"file": "solution.py", "line": line}
    assert any(call.way == "backward" and call.outputs for call in run.calls)
    assert "no idea" in page_module._told(run)["error"]


def test_of_an_error_in_our_code_the_line_of_yours_is_told(tmp_path):
    """What the student called refuses its arguments; an error without words is told by its type."""
    mine = solution(tmp_path, "(dscores,) = softmax_backward(dweights,", "(dscores,) = softmax_backward(dweights.T,")
    run = stepped_with(mine)
    assert re.match(r"ValueError: .* \(solution\.py, line \d+, in attention_backward: \(dscores,\) = ", run.error)
    assert str(EndedError(ZeroDivisionError())) == "ZeroDivisionError"


DECORATED = """
def logged(function):
    def call(*args, **options):
        return function(*args, **options)
    return call

softmax_forward, softmax_backward = logged(softmax_forward), logged(softmax_backward)
"""


@REST
@pytest.mark.parametrize(
    ("text", "recorded"),
    [
        (DECORATED, True),
        ("softmax_forward = (\n    lambda x, ours=softmax_forward:\n        ours(x)\n)", True),
        ("exec('def softmax_forward(x, *, ours=softmax_forward):\\n    return ours(x)')", True),
        ("import functools\nsoftmax_forward = functools.partial(softmax_forward)", False),
    ],
)
def test_functions_of_students_of_any_kind(tmp_path, text, recorded):
    mine = written(tmp_path, "softmax", f"{solved_source(EXERCISES['softmax'])}\n\n{text}\n")
    run = stepped_with(mine)
    assert run.error == ""
    assert run.html()
    ways = [call.way for call in run.calls if (call.place, call.label) == ("blocks.0.attn", "softmax")]
    assert ways == ["forward", "backward"][1 - recorded :]


def test_what_the_model_says_is_right_where_a_students_softmax_is_not(tmp_path):
    text = solved_source(EXERCISES["softmax"])
    mine = written(tmp_path, "softmax", text.replace("y /= total", "y /= 2 * total"))
    run = stepped_with(mine)
    np.testing.assert_allclose(sum(run.probabilities), 1, rtol=1e-5)


def field_of(model, size):
    image = np.random.default_rng(0).uniform(1, 3, (1, *size, 3)).astype(np.float32)  # no stem's ReLU hides a pixel
    return receptive_field(model, image)


def test_the_receptive_field_of_a_convolution_ends_where_its_kernels_end():
    """Two of 3 x 3 on the image: 2 pixels to each side. Two more, the first with stride 2: 1 + 2 more, so 5."""
    model = mv.models.ResNet(num_classes=3, layers=(1, 1), channels=(4, 8), stem="3x3", stem_chans=4, img_size=(8, 16))
    model.conv1.weight.value[...] = 0
    model.conv1.weight.value[1, 1] = 1  # the stem adds nothing to the field
    for block in (*model.layer1, *model.layer2):
        block.bn2.weight.value[...] = 1  # it begins as 0
    found = field_of(model, (8, 16))
    assert (found["part"], found["grid"]) == ("square", [8, 8])
    (first, second) = found["blocks"].values()
    assert first.shape == second.shape == (64, 64)
    rows, columns = np.nonzero(first.reshape(8, 8, 8, 8)[4, 4])  # squares of 1 x 2 pixels; the place (4, 9)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (2, 6, 3, 5)
    rows, columns = np.nonzero(second.reshape(8, 8, 8, 8)[4, 4])  # the place (2, 4) of a map of 4 x 8, pixel (4, 8)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (0, 7, 1, 6)


def test_the_receptive_field_of_a_hybrid_is_of_its_maps_and_its_tokens():
    model = mv.create_model("vit_tiny_r8_s4_32", depth=1)
    found = field_of(model, (32, 32))
    assert (found["part"], found["grid"]) == ("patch", [8, 8])
    shapes = [share.shape for share in found["blocks"].values()]
    assert shapes == [(64, 64)] * 3 + [(65, 64)]  # a class token stands in front of the last
    own = found["blocks"]["blocks.0"][1:].diagonal()
    assert own.mean() > 5 * found["blocks"]["blocks.0"].mean()


@REST
def test_the_receptive_field_goes_on_behind_merged_patches_and_not_to_queries():
    found = field_of(mv.create_model("detr_swin_tiny_64"), (64, 64))
    assert {"backbone.layers.0.blocks.1", "backbone.layers.1.blocks.1", "transformer.encoder.1"} <= {*found["blocks"]}
    assert not [name for name in found["blocks"] if "decoder" in name]
    assert {share.shape for share in found["blocks"].values()} == {(256, 256)}


def test_of_an_overlapping_patch_embedding_squares_are_asked():
    found = field_of(mv.create_model("pvt_v2_tiny_32", depths=(1, 1, 1)), (32, 32))
    assert (found["part"], len(found["blocks"])) == ("square", 3)


def test_the_field_of_as_many_patches_as_there_may_be_is_kept_whole():
    options = {"img_size": 64, "patch_size": 4, "depth": 1, "embed_dim": 8, "num_heads": 2, "class_token": True}
    run = step(mv.models.ViT(**options, num_classes=3), np.ones((64, 64, 3), np.float32), 0, backward=False)
    kept = run.field["blocks"]["blocks.0"]
    assert kept["shape"] == [257, 256]
    assert "shown" not in kept


def test_a_function_that_works_in_place_is_a_step(tmp_path):
    """It gives back what it was given, but the numbers are others."""
    text = solved_source(EXERCISES["tokens"])
    old = "    return x + positions, AddPositionsCache(positions.shape)"
    assert old in text
    mine = written(tmp_path, "tokens", text.replace(old, f"    x += positions\n{old.replace('x + positions', 'x')}"))
    run = stepped_with(mine)
    found = call_of(run, "", "add_positions")
    before, after = read(run.store, found.inputs["x"]), read(run.store, found.outputs["y"])
    assert not np.array_equal(before, after)
    assert found.partner is not None


def test_what_python_tells_no_profiler_of_is_told_of(tmp_path):
    text = (
        solved_source(EXERCISES["attention"])
        + """

class Called:
    def __init__(self, function):
        self.function = function
    def __call__(self, *args, **options):
        return self.function(*args, **options)

attention_forward = Called(attention_forward)
"""
    )
    run = stepped_with(written(tmp_path, "attention", text))
    assert "attention_forward is no function" in run.notes[-1]


def test_the_name_of_a_model_makes_no_tags():
    model, image = model_and_image()
    named: Any = type("A</title><script>alert(7)</script>", (type(model),), {})(**model.config)
    assert "<script>alert" not in step(named, image, 0, backward=False).html()


def test_names_of_classes_may_stand_in_an_array():
    model, image = model_and_image()
    run = without_annotations(step)(model, image, 0, class_names=np.array(list("abcde")), backward=False)
    assert run.class_names == list("abcde")


def test_a_function_that_takes_the_profiler_away_is_told_of(tmp_path):
    mine = solution(tmp_path, "dv = weights.mT @ dy", "__import__('sys').setprofile(None); dv = weights.mT @ dy")
    run = stepped_with(mine)
    assert "sys.setprofile" in run.notes[-1]
    assert sys.getprofile() is None


def test_a_model_that_cannot_be_computed_again_has_no_receptive_field(tmp_path):
    mine = solution(
        tmp_path,
        "    weights, _ = softmax_forward(scores)",
        "    assert q.dtype == 'float32', 'single'\n    weights, _ = softmax_forward(scores)",
    )
    run = stepped_with(mine)
    assert run.error == ""
    assert "single" in run.field["reason"]


def test_a_page_is_one_file_that_asks_for_nothing():
    model, image = model_and_image()
    html = step(model, image, 0).html()
    assert not re.search(r"""(src|href)=["'](?!#|data:)""", html)
    assert not re.search(r"\bfetch\(|XMLHttpRequest|import\(", html)
    assert html.count("<script") == html.count("</script>") == 2


def test_pages_that_are_too_large_are_refused(monkeypatch):
    model, image = model_and_image()
    run = step(model, image, 0)
    monkeypatch.setattr(page_module, "MOST_BYTES", 10**4)
    with pytest.raises(ValueError, match=r"--block.*--no-backward.*smaller image"):
        run.html()


def test_in_a_notebook_it_is_a_page_in_a_frame():
    html = step_op("softmax", np.array([[1.0, 2.0, 3.0]]))._repr_html_()
    assert html.startswith("<iframe srcdoc=")
    assert '"' not in html.partition('srcdoc="')[2].partition('" style')[0]


def test_an_op_alone():
    rng = np.random.default_rng(0)
    q, k, v = rng.standard_normal((3, 2, 5, 4))
    dy = rng.standard_normal((2, 5, 4))
    run = step_op("attention", q, k, v, dy=dy)
    y, cache = mv.ops.attention_forward(q, k, v)
    grads = mv.ops.attention_backward(dy, cache)
    forward, backward = (call_of(run, "", "attention", way) for way in ("forward", "backward"))
    np.testing.assert_array_equal(read(run.store, forward.outputs["y"]), shown(y))
    for name in ("q", "k", "v"):
        np.testing.assert_array_equal(read(run.store, backward.outputs[f"d{name}"]), shown(getattr(grads, name)))
    with pytest.raises(ValueError, match="did you mean softmax"):
        step_op("softmacks", q)
    with pytest.raises(TypeError, match="argument: 'k'"):
        step_op("attention", q)


def test_complex_numbers_are_shown_as_two_arrays():
    x = np.random.default_rng(0).standard_normal((2, 6))
    run = step_op("rfft", x)
    y, _ = mv.every_op.EVERY_OP["rfft"].forward(x)
    forward, backward = run.calls
    for name, expected in (("Re y", y.real), ("Im y", y.imag)):
        np.testing.assert_array_equal(read(run.store, forward.outputs[name]), shown(expected))
    assert np.abs(read(run.store, backward.inputs["Im dy"])).min() > 0  # what comes back is random in both


@pytest.mark.parametrize(
    ("name", "arrays", "options"),
    [("rfft", [np.ones((1, 4))], {}), ("split_heads", [np.ones((1, 2, 4))], {"num_heads": 2})],
)
def test_both_ways_of_an_op_alone_know_of_each_other(name, arrays, options):
    assert [call.partner for call in step_op(name, *arrays, **options).calls[:2]] == [1, 0]


def test_axes_have_the_names_that_are_known_and_no_others():
    model, image = model_and_image()
    calls = page_module._told(step(model, image, 0))["calls"]
    found = {(call["place"], call["label"], call["way"]): call for call in calls}
    assert found["blocks.0.norm1", "layer_norm", "backward"]["outputs"]["dx"]["axes"] == ["B", "N", "D"]
    assert found["blocks.0.attn", "softmax", "backward"]["outputs"]["dx"]["axes"] == ["B", "H", "N", "S"]
    update = found["blocks.0.mlp.fc1.weight", "adamw_update", "update"]
    assert {tuple(update["inputs"][name]["axes"]) for name in ("value", "grad", "m", "v")} == {("D", "F")}
    assert "axes" not in found["", "cross_entropy", "forward"]["inputs"]["targets"]


def test_an_op_that_does_nothing_is_shown_alone():
    run = step_op("dropout", np.ones((2, 3)), rate=0.5)
    assert [call.way for call in run.calls] == ["forward", "backward"]


def test_a_label_may_come_out_of_an_array():
    model, image = model_and_image()
    assert step(model, image, np.array([3])[0], backward=False).label == 3


def test_a_large_image_is_shown_as_a_whole():
    image = np.zeros((300, 600, 3), np.float32)
    image[290:, 590:] = 1
    pixels = steps_module._pixels(image)
    assert pixels.shape == (100, 200, 3)
    assert (pixels[-3:, -3:] == 255).all()
    assert pixels[:-4].max() == 0
    told = page_module._told(page_module.Steps("large", [], Store(most=100), pixels=pixels))
    assert "shown" not in told["pixels"]


def test_the_page_computes_again_with_all_weights_or_not_at_all():
    options = {**SMALL, "depth": 1, "num_heads": 1, "num_classes": 2}
    image = np.zeros((8, 8, 3), np.float32)
    run = step(mv.models.ViT(**{**options, "embed_dim": 160}), image, 0, backward=False)
    assert not [name for name, kept in run.what_if["weights"].items() if "shown" in kept]
    run = step(mv.models.ViT(**{**options, "embed_dim": 600}), image, 0, backward=False)
    assert "too large" in run.what_if["reason"]
    run = step(model_and_image(num_classes=0)[0], image, backward=False)
    assert "no classes" in run.what_if["reason"]


def test_the_receptive_field_of_a_patch_behind_the_first_block_is_by_attention():
    model, image = model_and_image()
    run = step(model, image, 0)
    assert {name: found["shape"] for name, found in run.field["blocks"].items()} == {
        "blocks.0": [5, 4],
        "blocks.1": [5, 4],
    }
    shares = read(run.store, run.field["blocks"]["blocks.0"])
    assert (shares > 0).all()  # each token sees each patch
    assert (shares[1:].argmax(1) == np.arange(4)).all()  # and its own the most
