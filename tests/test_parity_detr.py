"""DETR: the same numbers as transformers, and of detections the same measures as pycocotools, by tools/_detr.py."""

from typing import Any

import numpy as np
import pytest
from numpy import ndarray

from minivit.layers.detr_transformer import Detections
from minivit.models import DETR, PRESETS, ResNet
from minivit.ops.average_precision import Found, Truth, average_precision, average_precision_at
from minivit.ops.boxes import giou_backward, giou_forward
from minivit.ops.positions import padded_sincos_positions_2d
from minivit.tasks import Detect
from minivit.tasks.detect import Objects
from minivit.weights import load_hf, load_torch, to_hf
from minivit.weights.places import Place
from minivit.weights.tables.torch_detr import table as official
from tests.test_parity import Case, assert_gradient, assert_output, assert_parameters, channels_last


def detr(monkeypatch: pytest.MonkeyPatch) -> tuple[DETR, DETR, Case]:
    """A model with the weights of transformers, one with its gradients for weights, and the case."""
    case = Case("hf_detr")
    monkeypatch.setitem(PRESETS, "resnet_of_the_case", (ResNet, case.meta["backbone"]))
    options = {**case.meta["config"], "backbone": "resnet_of_the_case", "drop_rate": 0.0, "dtype": "float64"}
    ours, theirs = DETR(**options), DETR(**options)
    load_hf(ours, case.part("param") | buffers(case))
    load_hf(theirs, case.part("gparam") | buffers(case))
    return ours, theirs, case


def buffers(case: Case) -> dict[str, ndarray]:
    front = "buffer/"
    return {key.removeprefix(front): a for key, a in case.part("const").items() if key.startswith(front)}


def test_transformers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two images of different sizes in one array, and what each block of the decoder says of them."""
    ours, theirs, case = detr(monkeypatch)
    y, cache = ours.forward(channels_last(case["in/x"]), case["const/sizes"])
    assert_output(y.logits, case["out/logits"])
    assert_output(y.boxes, case["out/boxes"])
    dx = ours.backward(Detections(case["cot/logits"], case["cot/boxes"]), cache)
    assert_gradient(dx, channels_last(case["gin/x"]))
    assert_parameters(ours, theirs)


def test_what_lies_beside_an_image_is_not_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small image in a large array is as one that has its own, as far as the network sees no edge of it."""
    ours, _, case = detr(monkeypatch)
    _, cache = ours.forward(channels_last(case["in/x"]), case["const/sizes"])
    for block in (*cache.transformer.encoder, *cache.transformer.decoder):
        attention = getattr(block, "cross_attn", block.attn).attention.weights  # (B, H, Q, S)
        seen = attention[1].reshape(*attention.shape[1:3], *cache.map_size)
        assert (seen[:, :, 2:] == 0).all()
        assert (seen[..., 3:] == 0).all()
        assert (seen[:, :, :2, :3] > 0).all()


def test_the_weights_are_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, _, case = detr(monkeypatch)
    theirs, given_back = case.part("param") | buffers(case), to_hf(ours)
    assert given_back.keys() == theirs.keys()
    for key, array in theirs.items():
        np.testing.assert_array_equal(given_back[key], array)


def test_the_names_of_the_authors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Queries, keys and values are in one matrix there, and the map's projection is a convolution."""
    ours, _, _ = detr(monkeypatch)
    arrays: dict[str, ndarray] = {}
    for name, place in official(ours).ways[0].items():
        for array_name, param in ours.named_state().items():
            layer, _, kind = array_name.rpartition(".")
            if array_name == name or (layer == name and array_name not in official(ours).ways[0]):
                key = place.names[0] if array_name == name else f"{place.names[0]}.{kind}"
                arrays[key] = _theirs(param, place, arrays.get(key))
    names = [*arrays]
    assert "backbone.0.body.layer2.0.downsample.1.running_var" in names
    assert arrays["input_proj.weight"].shape == (12, 12, 1, 1)
    assert arrays["transformer.decoder.layers.1.multihead_attn.in_proj_weight"].shape == (36, 12)
    assert arrays["transformer.encoder.layers.0.self_attn.in_proj_bias"].shape == (36,)
    assert {"transformer.decoder.norm.weight", "query_embed.weight", "bbox_embed.layers.2.bias"} <= {*names}
    other = DETR(**{**ours.config, "seed": 1})
    load_torch(other, arrays)
    for name, value in ours.state_dict().items():
        np.testing.assert_array_equal(other.state_dict()[name], value)


def _theirs(param: Any, place: Place, before: ndarray | None) -> ndarray:
    """As the authors keep it: axes turned, three in one matrix, a place for rows and columns."""
    array = param.value.T if param.value.ndim == 2 and param.axes == ("in", "out") else param.value
    array = array.transpose(3, 2, 0, 1) if array.ndim == 4 else array
    if place.split:
        array = array.reshape(*array.shape, 1, 1)
    _, of = place.share
    return array if of == 1 or before is None else np.concatenate((before, array))


@pytest.mark.parametrize(
    ("change", "back"),
    [
        (("model.backbone.model.", "model.backbone.conv_encoder.model."), ("o_proj", "out_proj")),
        (("mlp.fc", "fc"), ("o_proj", "out_proj")),
    ],
)
def test_older_names(monkeypatch: pytest.MonkeyPatch, change: tuple[str, str], back: tuple[str, str]) -> None:
    """Half of the changes alone are no file that there is."""
    ours, _, case = detr(monkeypatch)
    arrays = case.part("param") | buffers(case)
    renamed = {key.replace(*change).replace(*back): array for key, array in arrays.items()}
    with pytest.raises(KeyError):
        load_hf(ours, renamed)
    older = {}
    for key, array in arrays.items():
        for new, old in (("backbone.model.", "backbone.conv_encoder.model."), ("o_proj", "out_proj"), ("mlp.fc", "fc")):
            key = key.replace(new, old)
        older[key] = array
    other = DETR(**{**ours.config, "seed": 1})
    load_hf(other, older)
    for name, value in ours.state_dict().items():
        np.testing.assert_array_equal(other.state_dict()[name], value)


def test_giou_of_all_with_all() -> None:
    case = Case("hf_giou")
    y, cache = giou_forward(case["in/a"][:, None], case["in/b"])
    assert_output(y, case["out/giou"])
    da, db = giou_backward(case["cot/giou"], cache)
    assert_gradient(da[:, 0], case["gin/a"])
    assert_gradient(db, case["gin/b"])
    assert (y < 0).any()
    assert (y > 0.5).any()


@pytest.mark.parametrize(("name", "normalize"), [("normalized", True), ("counted", False)])
def test_sine_positions(name: str, normalize: bool) -> None:
    """Of two images in one array, one of which fills it; where there is no image, too."""
    case = Case("hf_detr_positions")
    expected = channels_last(case[f"out/{name}"])
    table = padded_sincos_positions_2d(case["const/there"] > 0, expected.shape[-1], normalize=normalize)
    assert_output(table, expected.reshape(table.shape))


def test_the_loss() -> None:
    """With auxiliary losses, of images with three objects, with none and with one; the same queries are matched."""
    case = Case("hf_detr_loss")
    labels = [np.array(its, np.intp) for its in case.meta["labels"]]
    targets = Objects(labels, [np.array(its).reshape(-1, 4) for its in case.meta["true"]])
    task = Detect(num_queries=5, no_object_weight=0.1)
    losses, cache = task.forward(Detections(case["in/logits"], case["in/boxes"]), targets)
    image, block, query, object_ = cache.matches
    object_ = object_ - np.array([0, 3, 3])[image]  # its place on its image
    np.testing.assert_array_equal(sorted(zip(image, block, query, object_, strict=True)), case["const/matches"])
    assert_output(losses, np.array((case["out/classes"], case["out/boxes"])))
    dlogits, dboxes = task.backward(np.array((case["cot/classes"], case["cot/boxes"])), cache)
    assert_gradient(dlogits, case["gin/logits"])
    assert_gradient(dboxes, case["gin/boxes"])
    assert task.over(targets).tolist() == [4 + 0.1 * 11, 4]


def detections(kind: str) -> tuple[list[Found], list[Truth], ndarray]:
    case = Case("coco")
    found, true = [], []
    for i in range(12):
        its = {key: case[f"const/{i}/{key}"] for key in ("true", "labels", "found", "found_labels", "scores")}
        shapes = [its["found"], its["true"]]
        if kind == "segm":
            shapes = [np.array([mask(box) for box in boxes], bool).reshape(-1, 128, 128) for boxes in shapes]
        found.append(Found(its["scores"], its["found_labels"], shapes[0]))
        true.append(Truth(its["labels"], shapes[1]))
    return found, true, case[f"out/{kind}"]


def mask(box: ndarray) -> ndarray:
    y, x = np.mgrid[:128, :128]
    return (x >= box[0]) & (x < box[2]) & (y >= box[1]) & (y < box[3]) & ((x + y) % 7 > 0)


@pytest.mark.parametrize("kind", ["bbox", "segm"])
def test_average_precision(kind: str) -> None:
    found, true, theirs = detections(kind)
    ours = average_precision(found, true)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)
    assert ours.AP_small != ours.AP_large
    assert average_precision_at(0.5, found, true) == pytest.approx(ours.AP50, abs=1e-12)


def test_average_precision_of_nothing() -> None:
    """Nan without an object; 0 without a detection; what is found where nothing is lowers it."""
    box = np.array([[0.0, 0.0, 10.0, 10.0]])
    none, one = np.zeros(0, np.intp), np.zeros(1, np.intp)
    nothing, something = Truth(none, box[:0]), Truth(one, box)
    unseen, seen = Found(none.astype(float), none, box[:0]), Found(np.ones(1), one, box)
    assert np.isnan(average_precision([unseen], [nothing])).all()
    assert np.isnan(average_precision([seen], [nothing])).all()
    assert average_precision([unseen], [something]).AP == 0
    best = average_precision([seen], [something])
    expected = [1, 1, 1, 1, np.nan, np.nan, 1, 1, 1, 1, np.nan, np.nan]  # of medium and large ones there are none
    np.testing.assert_array_equal(best, expected)
    assert average_precision_at(0.5, [seen, Found(np.full(1, 2.0), one, box)], [something, nothing]) == 0.5
    with pytest.raises(ValueError, match="detections of 1 images, and objects of 2"):
        average_precision([seen], [something, nothing])


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int16, np.float16])
def test_average_precision_of_numbers_of_few_bits(dtype: type) -> None:
    """An area may be larger than any of them."""
    boxes = np.array([[0, 0, 100, 100], [10, 10, 90, 90]], dtype)
    found, true = Found(np.array([0.9, 0.8]), np.array([0, 1]), boxes), Truth(np.array([0, 1]), boxes)
    expected = average_precision(
        [found._replace(shapes=boxes.astype(float))], [true._replace(shapes=boxes.astype(float))]
    )
    assert expected.AP_medium == expected.AP_large == 1
    np.testing.assert_array_equal(average_precision([found], [true]), expected)


def test_average_precision_of_lists() -> None:
    boxes: Any = [[0.0, 0.0, 10.0, 10.0], [5.0, 5.0, 20.0, 20.0]]
    scores: Any = [0.9, 0.8]
    labels: Any = [0, 1]
    assert average_precision([Found(scores, labels, boxes)], [Truth(labels, boxes)]).AP == 1


def test_shapes_that_cannot_be_compared_are_refused() -> None:
    one, box, mask = np.zeros(1, np.intp), np.ones((1, 4)), np.ones((1, 4, 5), bool)
    for found, true, says in (
        (mask, mask[:, :3], r"masks of 4 x 5 pixels, objects of 3 x 5"),
        (box, mask, "detections have shape .1, 4., objects .1, 4, 5."),
        (mask, box, "detections have shape .1, 4, 5., objects .1, 4."),
    ):
        with pytest.raises(ValueError, match=says):
            average_precision([Found(np.ones(1), one, found)], [Truth(one, true)])
