"""Parameters and MACs of image models. What the papers call FLOPs in these tables are MACs."""

from typing import Any

from minivit.cost.formulas import vit_macs
from minivit.cost.lectures.row import FORMULA, MODEL, Row, held, quoted
from minivit.cost.run import Scene
from minivit.models import create_model

SWIN_TABLE = "Liu et al. 2021, table 1"

Options = dict[str, Any]


def rows() -> list[Row]:
    """In the order of the slides."""
    return [*_vit(), *_at_an_image_size(), *_swin(), *_conv_nets()]


def _params(name: str, printed: str, preset: str, why: str) -> Row:
    num_params = create_model(preset).num_params
    return held(f"{name}: parameters", printed, "M parameters", num_params, why, source=MODEL)


def _macs(name: str, printed: str, computed: int, why: str, source: str) -> Row:
    why = f"MACs, called FLOPs; {why}"
    return held(f"{name}: MACs", printed, "G FLOPs", computed, why, meant="G MACs", source=source)


def _vit() -> list[Row]:
    """Table 1 of the paper."""
    table = {  # layers, width, width of the MLP, heads
        "ViT-Base": ("vit_base_patch16_224", "12", "768", "3072", "12"),
        "ViT-Large": ("vit_large_patch16_224", "24", "1024", "4096", "16"),
        "ViT-Huge": ("vit_huge_patch14_224", "32", "1280", "5120", "16"),
    }
    found = []
    for name, (preset, *printed) in table.items():
        model = create_model(preset)
        mlps = [param.shape for path, param in model.named_params().items() if path.endswith("mlp.fc1.weight")]
        numbers = {"layers": len(mlps), "width": mlps[0][0], "width of the MLP": mlps[0][1]}
        numbers["heads"] = model.config["num_heads"]
        for (what, number), shown in zip(numbers.items(), printed, strict=True):
            found.append(held(f"{name}: {what}", shown, "", number, "as in the paper's table 1", source=MODEL))
    one = "; the paper prints one number for Large, and it fits patches of 32, whose linear map is larger"
    return [
        *found,
        _params("ViT-Base (B/16)", "86", "vit_base_patch16_224", _heads("vit_base_patch16_224")),
        _params("ViT-Large (L/32)", "307", "vit_large_patch32_224", _heads("vit_large_patch32_224") + one),
        _params("ViT-Large (L/16)", "307", "vit_large_patch16_224", _heads("vit_large_patch16_224") + one),
        _params("ViT-Huge (H/14)", "632", "vit_huge_patch14_224", _heads("vit_huge_patch14_224")),
    ]


def _heads(preset: str) -> str:
    """The paper does not say whether it counts the head."""
    without = create_model(preset, num_classes=0).num_params
    return f"with a head of 1000 classes; without one {without / 1e6:.1f} M"


def _at_an_image_size() -> list[Row]:
    """ViT and DeiT in the table of Swin. DeiT without its distillation token is a ViT."""
    large = {"embed_dim": 1024, "depth": 24, "mlp_dim": 4096}
    table: dict[str, tuple[str, str, str, str, Options]] = {
        "ViT-B/16 at 384": ("vit_base_patch16_384", "86", "a ViT-B/16", "55.4", {"img_size": 384}),
        "ViT-L/16 at 384": ("vit_large_patch16_384", "307", "that of L/32", "190.7", {"img_size": 384, **large}),
        "DeiT-S at 224": ("vit_small_patch16_224", "22", "a ViT-S/16", "4.6", {"embed_dim": 384, "mlp_dim": 1536}),
        "DeiT-B at 224": ("vit_base_patch16_224", "86", "a ViT-B/16", "17.5", {}),
        "DeiT-B at 384": ("vit_base_patch16_384", "86", "a ViT-B/16", "55.4", {"img_size": 384}),
    }
    found = []
    for name, (preset, params, why, macs, options) in table.items():
        with_token = f"a count without the class token fits; with it {vit_macs(**options) / 1e9:.2f} G MACs"
        found += [
            _params(name, params, preset, why),
            _macs(name, macs, vit_macs(**options, class_token=False), with_token, FORMULA),
        ]
    return found


def _swin() -> list[Row]:
    table = {
        "Swin-T at 224": ("swin_tiny_patch4_window7_224", "29", "4.5"),
        "Swin-S at 224": ("swin_small_patch4_window7_224", "50", "8.7"),
        "Swin-B at 224": ("swin_base_patch4_window7_224", "88", "15.4"),
        "Swin-B at 384": ("swin_base_patch4_window12_384", "88", "47.0"),
    }
    found = []
    for name, (preset, params, macs) in table.items():
        num_macs, model = _counted(preset)
        why = f"windows of {model.config['window_size']}"
        found += [
            _params(name, params, preset, why),
            _macs(name, macs, num_macs, f"{why}, norms not counted", MODEL),
        ]
    return found


def _counted(preset: str) -> tuple[int, Any]:
    """MACs of one image, and the model."""
    scene = Scene(create_model(preset), batch=1, length=1)
    scene.forward()
    return scene.tally.total(phase="forward").macs, scene.model


def _conv_nets() -> list[Row]:
    less = "the layers and the head multiply less than the table says"
    eighths = "an eighth of 100 channels is no whole number, so no rounding gives 23.3"
    found = [
        _params("ResNet-50", "25.5", "resnet50", "He et al. 2016"),
        _macs("ResNet-50", "4.3", _counted("resnet50")[0], less, MODEL),
        _params("LR-Net-50", "23.3", "lr_net50", f"Hu et al. 2019, table 1; {eighths}"),
        _macs("LR-Net-50", "4.3", _counted("lr_net50")[0], less, MODEL),
    ]
    for stage, printed in enumerate(["112", "56", "28", "14", "7"], 1):
        by = 2**stage
        found.append(held(f"ResNet-50, side of res{stage}", printed, "", 224 // by, f"224 / {by}"))
    nets = {
        "RegNetY-4G": ("21", "4.0"),
        "RegNetY-8G": ("39", "8.0"),
        "RegNetY-16G": ("84", "16.0"),
        "EffNet-B3": ("12", "1.8"),
        "EffNet-B4": ("19", "4.2"),
        "EffNet-B5": ("30", "9.9"),
        "EffNet-B6": ("43", "19.0"),
        "EffNet-B7": ("66", "37.0"),
    }
    for name, (params, macs) in nets.items():
        found += [
            quoted(f"{name}: parameters", params, "M parameters", SWIN_TABLE, "the papers' own counts"),
            quoted(f"{name}: MACs", macs, "G FLOPs", SWIN_TABLE, "the papers' own counts, of MACs", meant="G MACs"),
        ]
    return found
