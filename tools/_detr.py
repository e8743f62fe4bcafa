"""DETR of transformers, its loss, and COCO's measure by pycocotools, for tools/make_fixtures.py."""

# pyright: reportMissingImports=false, reportAttributeAccessIssue=false, reportArgumentType=false

import contextlib
import io
import json
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import Module
from transformers import DetrConfig, DetrForObjectDetection, ResNetConfig
from transformers.loss import loss_for_object_detection as detection
from transformers.models.detr.modeling_detr import DetrFrozenBatchNorm2d, DetrSinePositionEmbedding

Record = Callable[..., None]
SMALL: dict[str, Any] = {
    "num_classes": 3,
    "embed_dim": 12,
    "num_heads": 3,
    "mlp_dim": 10,
    "encoder_depth": 2,
    "decoder_depth": 2,
    "num_queries": 5,
}
RESNET: dict[str, Any] = {"block": "bottleneck", "layers": (1, 2), "channels": (2, 3), "stem_chans": 6}
MATCHER = {"class_cost": 1.0, "bbox_cost": 5.0, "giou_cost": 2.0}
LABELS = [[2, 0, 2], [], [1]]
BOXES = [[[0.4, 0.5, 0.3, 0.4], [0.6, 0.2, 0.2, 0.3], [0.35, 0.55, 0.3, 0.3]], [], [[0.7, 0.6, 0.5, 0.7]]]


def detrs(record: Record, randomize: Callable[[Module], Module], write: Callable[..., None]) -> None:
    detr(record, randomize)
    loss(record)
    giou(record)
    positions(write)
    if find_spec("pycocotools") is None:
        print("pycocotools is not installed: its fixture stays as it is")
    else:
        average_precisions(write)


def detr(record: Record, randomize: Callable[[Module], Module]) -> None:
    """Images of two sizes in one array, what each block of the decoder says, and what the encoder has made."""
    torch.manual_seed(31)
    resnet = ResNetConfig(
        embedding_size=RESNET["stem_chans"],
        hidden_sizes=[4 * chans for chans in RESNET["channels"]],
        depths=list(RESNET["layers"]),
        layer_type=RESNET["block"],
        out_features=["stage2"],
    )
    config = DetrConfig(
        use_timm_backbone=False,
        backbone=None,
        use_pretrained_backbone=False,
        backbone_config=resnet,
        d_model=SMALL["embed_dim"],
        encoder_layers=SMALL["encoder_depth"],
        decoder_layers=SMALL["decoder_depth"],
        encoder_attention_heads=SMALL["num_heads"],
        decoder_attention_heads=SMALL["num_heads"],
        encoder_ffn_dim=SMALL["mlp_dim"],
        decoder_ffn_dim=SMALL["mlp_dim"],
        num_queries=SMALL["num_queries"],
        num_labels=SMALL["num_classes"],
    )
    model = randomize(DetrForObjectDetection(config)).requires_grad_()  # they freeze the first layers
    for part in model.modules():
        if isinstance(part, DetrFrozenBatchNorm2d):
            for name in ("weight", "bias", "running_mean"):
                nn.init.normal_(getattr(part, name))
            nn.init.uniform_(part.running_var, 0.5, 2)
    x = torch.randn(2, 3, 21, 26, requires_grad=True)
    sizes = torch.tensor([[21, 26], [11, 17]])
    there = torch.zeros(2, 21, 26, dtype=torch.long)
    for mask, (rows, columns) in zip(there, sizes.tolist(), strict=True):
        mask[:rows, :columns] = 1

    decoder, queries = model.model.decoder, []
    for block in decoder.layers:
        block.register_forward_hook(lambda _, __, output: queries.append(output))

    def run() -> dict[str, Tensor]:
        # with ``auxiliary_loss`` the library hands the normalised queries on to the next block, the authors do not
        queries.clear()
        last = model(pixel_values=x, pixel_mask=there)
        blocks = decoder.layernorm(torch.stack(queries, dim=1))  # (B, L, Q, D)
        logits, boxes = model.class_labels_classifier(blocks), model.bbox_predictor(blocks).sigmoid()
        torch.testing.assert_close(last.logits, logits[:, -1])
        torch.testing.assert_close(last.pred_boxes, boxes[:, -1])
        return {"logits": logits, "boxes": boxes}

    buffers = {key: value for key, value in model.named_buffers() if "backbone" in key and "num_batches" not in key}
    constants = {"sizes": sizes} | {f"buffer/{key}": value for key, value in buffers.items()}
    record("hf_detr", run, {"x": x}, dict(model.named_parameters()), constants, config=SMALL, backbone=RESNET)


def loss(record: Record) -> None:
    """Of outputs of three decoder blocks, with auxiliary losses; which queries are matched, too."""
    torch.manual_seed(32)
    logits = torch.randn(3, 3, 5, 4, requires_grad=True)  # (B, L, Q, classes)
    boxes = torch.rand(3, 3, 5, 4) * 0.5 + 0.2
    boxes.requires_grad_()
    targets = [
        {"class_labels": torch.tensor(labels, dtype=torch.long), "boxes": torch.tensor(its).reshape(-1, 4)}
        for labels, its in zip(LABELS, BOXES, strict=True)
    ]
    matcher = detection.HungarianMatcher(**MATCHER)
    criterion = detection.ImageLoss(
        matcher=matcher, num_classes=3, eos_coef=0.1, losses=["labels", "boxes", "cardinality"]
    )
    blocks = [{"logits": logits[:, i], "pred_boxes": boxes[:, i]} for i in range(3)]
    matches = [
        (i, block, int(row), int(column))
        for block, outputs in enumerate(blocks)
        for i, pairs in enumerate(matcher(outputs, targets))
        for row, column in zip(*pairs, strict=True)
    ]

    def run() -> dict[str, Tensor]:
        parts = criterion({**blocks[-1], "auxiliary_outputs": blocks[:-1]}, targets)
        ends = ("", "_0", "_1")
        classes = sum(parts[f"loss_ce{end}"] for end in ends)
        box = sum(5 * parts[f"loss_bbox{end}"] + 2 * parts[f"loss_giou{end}"] for end in ends)
        return {"classes": classes, "boxes": box}

    constants = {"matches": torch.tensor(sorted(matches))}
    record("hf_detr_loss", run, {"logits": logits, "boxes": boxes}, constants=constants, labels=LABELS, true=BOXES)


def giou(record: Record) -> None:
    """Of all boxes with all: many overlap, some lie apart, one is inside another."""
    torch.manual_seed(34)
    first, sizes = torch.rand(12, 2), torch.rand(12, 2) * 0.6 + 0.05
    boxes = torch.cat((first, first + sizes), 1)
    boxes[1] = boxes[8] + torch.tensor([0.01, 0.02, -0.02, -0.01])
    a, b = (part.clone().requires_grad_() for part in boxes.split((7, 5)))
    record("hf_giou", lambda: {"giou": detection.generalized_box_iou(a, b)}, {"a": a, "b": b})


def positions(write: Callable[..., None]) -> None:
    """Of the image in front of a filled up array, and of one that has the whole of it."""
    there = torch.zeros(2, 4, 5, dtype=torch.bool)
    there[0, :3, :4] = there[1] = True
    half = SMALL["embed_dim"] // 2
    tables = {
        f"out/{name}": DetrSinePositionEmbedding(half, normalize=normalize)(
            torch.Size((2, half, 4, 5)), torch.device("cpu"), torch.float64, there
        )
        for name, normalize in (("normalized", True), ("counted", False))
    }
    write("hf_detr_positions", {"const/there": there, **tables}, {})


def average_precisions(write: Callable[..., None]) -> None:
    """Detections of a dozen images, with ties and sizes of all ranges; on the first more than 100 of one class."""
    rng = np.random.default_rng(33)
    sides = np.array([10.0, 40.0, 116.0])
    arrays: dict[str, Any] = {}
    for i in range(12):
        n, m = int(rng.integers(0, 6)), 220 if i == 0 else int(rng.integers(0, 12))
        true, labels = _boxes(rng, n, sides), rng.integers(0, 3, n)
        found, found_labels = _boxes(rng, m, sides), rng.integers(0, 4, m)
        if n:
            near, which = rng.random(m) < 0.6, rng.integers(0, n, m)
            found[near] = np.rint(true[which[near]] + rng.normal(0, 2, (near.sum(), 4)))
            found_labels = np.where(rng.random(m) < 0.8, labels[which], found_labels)
        found[:, 2:] = np.maximum(found[:, 2:], found[:, :2] + 1)
        arrays |= {f"const/{i}/{key}": value for key, value in (("true", true), ("labels", labels))}
        arrays |= {f"const/{i}/found": found, f"const/{i}/found_labels": found_labels}
        arrays[f"const/{i}/scores"] = np.round(rng.random(m), 2)
    for kind in ("bbox", "segm"):
        arrays[f"out/{kind}"] = _coco(arrays, kind)
    write("coco", arrays, {"side": 128})


def _boxes(rng: np.random.Generator, count: int, sides: np.ndarray) -> np.ndarray:
    first = rng.integers(0, 12, (count, 2)).astype(float)
    sizes = np.rint(rng.choice(sides, (count, 1)) * rng.uniform(0.8, 1.0, (count, 2)))
    return np.concatenate((first, first + sizes), 1)


def mask(box: np.ndarray) -> np.ndarray:
    """A box with every seventh diagonal left out; tests make the same."""
    y, x = np.mgrid[:128, :128]
    return (x >= box[0]) & (x < box[2]) & (y >= box[1]) & (y < box[3]) & ((x + y) % 7 > 0)


def _coco(arrays: dict[str, Any], kind: str) -> np.ndarray:
    from pycocotools import mask as coding
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def shape(box: np.ndarray) -> dict[str, Any]:
        x0, y0, x1, y1 = box.tolist()
        if kind == "bbox":
            return {"bbox": [x0, y0, x1 - x0, y1 - y0], "area": (x1 - x0) * (y1 - y0)}
        coded = coding.encode(np.asfortranarray(mask(box).astype(np.uint8)))
        return {"segmentation": coded | {"counts": coded["counts"].decode()}, "area": int(coding.area(coded))}

    true, found = [], []
    for i in range(12):
        its = {key: arrays[f"const/{i}/{key}"] for key in ("true", "labels", "found", "found_labels", "scores")}
        for box, label in zip(its["true"], its["labels"], strict=True):
            about = {"id": len(true) + 1, "image_id": i, "category_id": int(label), "iscrowd": 0}
            true.append(about | shape(box))
        for box, label, score in zip(its["found"], its["found_labels"], its["scores"], strict=True):
            about = {"image_id": i, "category_id": int(label), "score": float(score)}
            found.append(about | {key: value for key, value in shape(box).items() if key != "area"})
    images = [{"id": i, "height": 128, "width": 128} for i in range(12)]
    annotations = {"images": images, "categories": [{"id": c} for c in range(4)], "annotations": true}
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = json.loads(json.dumps(annotations))
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(found), kind)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats
