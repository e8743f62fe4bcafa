"""CLIP of transformers, and OpenAI's modified ResNet written out literally, for tools/make_fixtures.py."""

# pyright: reportMissingImports=false

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
import transformers
from torch import Tensor, nn

HF_CASES: dict[str, dict[str, Any]] = {
    "hf_clip": {
        **{"img_size": (6, 8), "patch_size": (2, 4), "embed_dim": 12, "depth": 2, "num_heads": 3, "mlp_ratio": 1.5},
        **{"joint_dim": 10, "vocab_size": 17, "max_length": 9, "text_dim": 8, "text_depth": 2, "text_heads": 2},
        **{"eos_token_id": 11},
    },
    "hf_clip_gelu": {
        **{"img_size": (4, 4), "patch_size": (4, 4), "embed_dim": 6, "depth": 1, "num_heads": 2, "mlp_ratio": 2.0},
        **{"joint_dim": 5, "vocab_size": 7, "max_length": 5, "text_dim": 10, "text_depth": 1, "text_heads": 5},
        **{"text_mlp_ratio": 0.6, "act_layer": "gelu", "norm_eps": 1e-3},
    },
}
TEXTS = {  # of several lengths; with a token that is higher than the end, an end that stands there twice, and padding
    "hf_clip": [[13, 3, 11, 0, 0, 0], [13, 16, 5, 2, 9, 11], [13, 11, 4, 11, 11, 16], [13, 7, 16, 11, 0, 11]],
    "hf_clip_gelu": [[1, 3, 6, 0, 0], [5, 4, 2, 5, 6], [6, 6, 0, 1, 6]],
}


def clips(record: Callable[..., None], randomize: Callable[[nn.Module], nn.Module]) -> None:
    for name, config in HF_CASES.items():
        torch.manual_seed(17)
        model = randomize(transformers.CLIPModel(_theirs(config)))
        vision = model.vision_model.embeddings
        if config["img_size"][0] != config["img_size"][1] or config["patch_size"][0] != config["patch_size"][1]:
            _make_oblong(vision, config)
            randomize(model)
        images = torch.randn(len(TEXTS[name]), 3, *config["img_size"], requires_grad=True)
        tokens = torch.tensor(TEXTS[name])

        def run(model: Any = model, images: Tensor = images, tokens: Tensor = tokens) -> dict[str, Tensor]:
            y = model(input_ids=tokens, pixel_values=images, return_loss=True)
            embeds = {"image": y.image_embeds, "text": y.text_embeds}
            return {"loss": y.loss, "logits": y.logits_per_image, **embeds}

        record(name, run, {"x": images}, dict(model.named_parameters()), {"tokens": tokens}, config=config)
    _openai_resnet(record, randomize)


def _theirs(config: dict[str, Any]) -> Any:
    shared = {"hidden_act": config.get("act_layer", "quick_gelu"), "layer_norm_eps": config.get("norm_eps", 1e-5)}
    text, vision = config["text_dim"], config["embed_dim"]
    return transformers.CLIPConfig(
        projection_dim=config["joint_dim"],
        text_config={
            "vocab_size": config["vocab_size"],
            "max_position_embeddings": config["max_length"],
            "hidden_size": text,
            "intermediate_size": round(text * config.get("text_mlp_ratio", 4.0)),
            "num_hidden_layers": config["text_depth"],
            "num_attention_heads": config["text_heads"],
            "eos_token_id": config.get("eos_token_id", 2),  # 2 is theirs for the highest token
            **shared,
        },
        vision_config={
            "image_size": config["img_size"][0],
            "patch_size": config["patch_size"][0],
            "hidden_size": vision,
            "intermediate_size": round(vision * config["mlp_ratio"]),
            "num_hidden_layers": config["depth"],
            "num_attention_heads": config["num_heads"],
            **shared,
        },
    )


def _make_oblong(vision: Any, config: dict[str, Any]) -> None:
    """Theirs takes square images and patches alone; its parts do not mind others."""
    (Y, X), (P, Q), width = config["img_size"], config["patch_size"], config["embed_dim"]
    vision.patch_embedding = nn.Conv2d(3, width, (P, Q), stride=(P, Q), bias=False)
    places = 1 + (Y // P) * (X // Q)
    vision.position_embedding = nn.Embedding(places, width)
    vision.position_ids = torch.arange(places)[None]

    def forward(pixel_values: Tensor, **_: Any) -> Tensor:
        patches = vision.patch_embedding(pixel_values).flatten(2).transpose(1, 2)
        first = vision.class_embedding.expand(len(patches), 1, -1)
        return torch.cat([first, patches], 1) + vision.position_embedding(vision.position_ids)

    vision.forward = forward


class Block(nn.Module):
    """A bottleneck of OpenAI's ModifiedResNet, under its names."""

    def __init__(self, inplanes: int, planes: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inplanes, planes, 1, bias=False), nn.BatchNorm2d(planes)
        self.conv2, self.bn2 = nn.Conv2d(planes, planes, 3, padding=1, bias=False), nn.BatchNorm2d(planes)
        self.conv3, self.bn3 = nn.Conv2d(planes, 4 * planes, 1, bias=False), nn.BatchNorm2d(4 * planes)
        self.stride, self.downsample = stride, None
        if stride > 1 or inplanes != 4 * planes:
            parts = {"0": nn.Conv2d(inplanes, 4 * planes, 1, bias=False), "1": nn.BatchNorm2d(4 * planes)}
            self.downsample = nn.ModuleDict(parts)

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(self.bn1(self.conv1(x)))
        h = F.relu(self.bn2(self.conv2(h)))
        h = F.avg_pool2d(h, self.stride) if self.stride > 1 else h
        h = self.bn3(self.conv3(h))
        if self.downsample is not None:
            x = F.avg_pool2d(x, self.stride) if self.stride > 1 else x
            x = self.downsample["1"](self.downsample["0"](x))
        return F.relu(h + x)


class Pool(nn.Module):
    """Its attention pooling."""

    def __init__(self, places: int, width: int, heads: int, out: int) -> None:
        super().__init__()
        self.positional_embedding = nn.Parameter(torch.zeros(places + 1, width))
        self.q_proj, self.k_proj, self.v_proj = (nn.Linear(width, width) for _ in range(3))
        self.c_proj, self.heads = nn.Linear(width, out), heads

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(2).permute(2, 0, 1)  # places, batch, width
        x = torch.cat([x.mean(0, keepdim=True), x]) + self.positional_embedding[:, None]
        y, _ = F.multi_head_attention_forward(
            *(x[:1], x, x, x.shape[-1], self.heads),
            in_proj_weight=None,
            in_proj_bias=torch.cat([self.q_proj.bias, self.k_proj.bias, self.v_proj.bias]),
            bias_k=None,
            bias_v=None,
            add_zero_attn=False,
            dropout_p=0.0,
            out_proj_weight=self.c_proj.weight,
            out_proj_bias=self.c_proj.bias,
            use_separate_proj_weight=True,
            q_proj_weight=self.q_proj.weight,
            k_proj_weight=self.k_proj.weight,
            v_proj_weight=self.v_proj.weight,
        )
        return y[0]


class ModifiedResNet(nn.Module):
    """The image tower of RN50, smaller."""

    def __init__(self, layers: list[int], width: int, places: int, heads: int, out: int) -> None:
        super().__init__()
        half = width // 2
        self.conv1, self.bn1 = nn.Conv2d(3, half, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(half)
        self.conv2, self.bn2 = nn.Conv2d(half, half, 3, padding=1, bias=False), nn.BatchNorm2d(half)
        self.conv3, self.bn3 = nn.Conv2d(half, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        planes = width
        for i, depth in enumerate(layers):
            blocks = []
            for j in range(depth):
                blocks.append(Block(planes, width * 2**i, 2 if i and not j else 1))
                planes = 4 * width * 2**i
            setattr(self, f"layer{i + 1}", nn.Sequential(*blocks))
        self.stages, self.attnpool = len(layers), Pool(places, planes, heads, out)

    def forward(self, x: Tensor) -> Tensor:
        for i in (1, 2, 3):
            x = F.relu(getattr(self, f"bn{i}")(getattr(self, f"conv{i}")(x)))
        x = F.avg_pool2d(x, 2)
        for i in range(self.stages):
            x = getattr(self, f"layer{i + 1}")(x)
        return self.attnpool(x)


class Text(nn.Module):
    """OpenAI's text tower, with the image tower in front, under the names of its CLIP."""

    def __init__(self, visual: nn.Module, config: dict[str, Any]) -> None:
        super().__init__()
        width, self.heads = config["text_dim"], config["text_heads"]
        self.positional_embedding = nn.Parameter(torch.zeros(config["max_length"], width))
        self.text_projection = nn.Parameter(torch.zeros(width, config["joint_dim"]))
        self.logit_scale = nn.Parameter(torch.zeros(()))
        self.visual = visual
        blocks = []
        for _ in range(config["text_depth"]):
            mlp = nn.ModuleDict({"c_fc": nn.Linear(width, 4 * width), "c_proj": nn.Linear(4 * width, width)})
            attn = nn.MultiheadAttention(width, self.heads)
            parts = {"attn": attn, "ln_1": nn.LayerNorm(width), "mlp": mlp, "ln_2": nn.LayerNorm(width)}
            blocks.append(nn.ModuleDict(parts))
        self.transformer = nn.ModuleDict({"resblocks": nn.ModuleList(blocks)})
        self.token_embedding = nn.Embedding(config["vocab_size"], width)
        self.ln_final = nn.LayerNorm(width)

    def forward(self, images: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        image = self.visual(images)
        x = (self.token_embedding(tokens) + self.positional_embedding[: tokens.shape[1]]).permute(1, 0, 2)
        mask = torch.full((len(x), len(x)), float("-inf")).triu(1)
        for block in self.transformer["resblocks"]:
            h = block["ln_1"](x)
            x = x + block["attn"](h, h, h, need_weights=False, attn_mask=mask)[0]
            h = block["mlp"]["c_fc"](block["ln_2"](x))
            x = x + block["mlp"]["c_proj"](h * torch.sigmoid(1.702 * h))
        x = self.ln_final(x).permute(1, 0, 2)
        text = x[torch.arange(len(x)), tokens.argmax(-1)] @ self.text_projection
        image, text = (y / y.norm(dim=1, keepdim=True) for y in (image, text))
        return image, text, self.logit_scale.exp() * image @ text.T


RESNET: dict[str, Any] = {
    **{"img_size": (24, 16), "embed_dim": 4, "num_heads": 2, "layers": (1, 2), "joint_dim": 6, "vocab_size": 13},
    **{"max_length": 8, "text_dim": 6, "text_depth": 2, "text_heads": 3},
}


def _openai_resnet(record: Callable[..., None], randomize: Callable[[nn.Module], nn.Module]) -> None:
    """With running averages, and with those of the batch."""
    (Y, X), layers = RESNET["img_size"], RESNET["layers"]
    for name, train in (("openai_clip_resnet", False), ("openai_clip_resnet_train", True)):
        torch.manual_seed(18)
        visual = ModifiedResNet([*layers], RESNET["embed_dim"], Y * X // 8**2, RESNET["num_heads"], RESNET["joint_dim"])
        model = randomize(Text(visual, RESNET)).train(train)
        for key, buffer in model.named_buffers():
            if "running" in key:
                buffer.copy_(torch.rand(buffer.shape) + 0.5 if "var" in key else torch.randn(buffer.shape) / 2)
        averages = {key: buffer.clone() for key, buffer in model.named_buffers() if "running" in key}
        images = torch.randn(3, 3, Y, X, requires_grad=True)
        tokens = torch.tensor([[10, 3, 12, 0, 0], [10, 12, 4, 12, 1], [10, 5, 6, 7, 12]])

        def run(model: nn.Module = model, images: Tensor = images, tokens: Tensor = tokens) -> dict[str, Tensor]:
            return dict(zip(("image", "text", "logits"), model(images, tokens), strict=True))

        constants = {"tokens": tokens} | averages
        record(name, run, {"x": images}, dict(model.named_parameters()), constants, config=RESNET, train=train)
