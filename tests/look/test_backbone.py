import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file, save_file

import minivit as mv
from minivit.look import look, open_backbone
from minivit.look.backbone import MOST_BYTES
from minivit.models import ViT
from minivit.weights import resample_abs_pos_embed
from tests.look.conftest import OPTIONS
from tests.sampled import REST
from tests.train.small import small_dataset, small_trainer

NAME = "vit_pocket_patch4_32"


@pytest.mark.parametrize("img_size", [(32, 32), (8, 40)])
def test_positions_are_those_of_the_checkpoint_resampled(weights: Path, img_size: tuple[int, int]) -> None:
    original = ViT(**{**OPTIONS, "seed": 3})
    model = open_backbone(weights, NAME).build(img_size)
    grid = (img_size[0] // 4, img_size[1] // 4)
    expected = resample_abs_pos_embed(original.pos_embed.value, grid, num_prefix_tokens=0)
    np.testing.assert_array_equal(model.pos_embed.value, expected)
    assert original.reg_token is not None
    assert model.reg_token is not None
    np.testing.assert_array_equal(model.reg_token.value, original.reg_token.value)


@pytest.mark.filterwarnings("ignore:took the arrays whose names begin")
def test_the_loader_is_found_by_the_names(tmp_path: Path) -> None:
    """Of the same weights under the names of transformers."""
    options = {name: value for name, value in OPTIONS.items() if name not in ("reg_tokens", "no_embed_class")}
    model, again = (ViT(**{**options, "num_classes": 0}, seed=seed) for seed in (1, 2))
    for arrays in (mv.weights.to_hf(model), mv.weights.to_timm(model)):
        again.init(seed=2)
        mv.weights.load_any(again, {f"backbone.{n.removeprefix('dinov2.')}": a for n, a in arrays.items()})
        np.testing.assert_array_equal(again.blocks[1].ls2.gamma.value, model.blocks[1].ls2.gamma.value)
        np.testing.assert_array_equal(again.blocks[1].attn.qkv.weight.value, model.blocks[1].attn.qkv.weight.value)


def test_a_run_of_minivit(tmp_path: Path, photo: Path) -> None:
    trainer = small_trainer(small_dataset())
    trainer.save(tmp_path / "checkpoint.safetensors")
    for path in (tmp_path, tmp_path / "checkpoint.safetensors"):
        backbone = open_backbone(path)
        assert backbone.mean == tuple(trainer.dataset.mean)
        model = backbone.build((8, 24))
        name = "blocks.0.attn.qkv.weight"
        np.testing.assert_array_equal(model.state_dict()[name], trainer.model.state_dict()[name])


@pytest.mark.parametrize(
    ("shape", "size", "expected"),
    [((60, 90), 32, (20, 32)), ((90, 60), 60, (60, 40)), ((1, 500), 32, (4, 32)), ((1, 1), None, (32, 32))],
)
def test_sides_are_whole_patches(weights, tmp_path: Path, shape, size, expected) -> None:
    """As near to the proportions of the photograph as they can be; the longer side is about the size asked for."""
    path = tmp_path / "grey.png"
    Image.new("L", shape[::-1]).save(path)
    assert open_backbone(weights, NAME).read(path, size).shape == (*expected, 3)


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "CMYK", "I;16"])
def test_every_colour_mode(weights, tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("photo.tif" if mode == "CMYK" else "photo.png")
    Image.new(mode, (40, 20)).save(path)
    assert open_backbone(weights, NAME).read(path).shape == (16, 32, 3)


def test_a_photograph_stands_as_the_camera_was_held(weights, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    Image.new("RGB", (40, 20)).save(tmp_path / "photo.jpg", exif=exif)
    assert open_backbone(weights, NAME).read(tmp_path / "photo.jpg").shape == (32, 16, 3)


def test_a_size_that_takes_too_much_memory(weights, photo: Path) -> None:
    """Is refused before anything is computed; the size that the sentence names fits, and not a much larger one."""
    backbone = open_backbone(weights, NAME)
    with pytest.raises(
        ValueError, match=r"at size 2000 has 166,500 patches, .* GiB in every block, more than 1"
    ) as error:
        backbone.read(photo, 2000)
    found = re.search(r"choose a size of (\d+) at most", str(error.value))
    assert found
    fits = int(found[1])
    Y, X, _ = backbone.read(photo, fits).shape
    assert 0.9 * MOST_BYTES < 4 * 4 * (Y // 4 * (X // 4)) ** 2 <= MOST_BYTES


@REST
@pytest.mark.parametrize("shape", [(60, 90), (61, 89), (997, 1000), (3, 1000), (500, 500)])
def test_the_size_that_is_advised_is_taken(weights, tmp_path: Path, shape: tuple[int, int], monkeypatch) -> None:
    """Whatever is rounded: sides are whole patches, and an advice that is refused again would be none."""
    path = tmp_path / "grey.png"
    Image.fromarray(np.zeros(shape, np.uint8)).save(path)
    backbone = open_backbone(weights, NAME)
    for most in range(2**13, 2**16, 997):
        monkeypatch.setattr("minivit.look.backbone.MOST_BYTES", most)
        for size in (200, 333, 1111):
            try:
                backbone.read(path, size)
            except ValueError as error:
                backbone.read(path, int(str(error).split("choose a size of ")[1].split()[0]))


@pytest.mark.parametrize("size", [0, -5, 3, 2**13, 10**30])
def test_a_size_that_is_none(weights, photo: Path, size: int) -> None:
    with pytest.raises(ValueError, match=f"size is {size}; expected at least 4, a patch, and below 8192"):
        open_backbone(weights, NAME).read(photo, size)


def test_what_is_no_backbone(weights: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is no model 'vit_enormous'"):
        open_backbone(weights, "vit_enormous")
    with pytest.raises(ValueError, match="resnet18 is a ResNet; expected a ViT"):
        open_backbone(weights, "resnet18")
    with pytest.raises(ValueError, match="is a folder: a run says itself what its model is, without --model"):
        open_backbone(tmp_path, "vit_micro_patch4_32")
    with pytest.raises(ValueError, match="resnet18 is a ResNet; expected a ViT"):
        open_backbone("resnet18")
    with pytest.raises(ValueError, match="no trained weights of vit_micro_patch4_32 are known"):
        open_backbone("vit_micro_patch4_32")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        open_backbone(tmp_path / "nowhere.safetensors")
    with pytest.raises(KeyError, match="layer scale, which this model does not: build it with init_values=1e-5"):
        open_backbone(weights, "vit_micro_patch4_32")
    with pytest.raises(ValueError, match=r"weights\.safetensors"):
        open_backbone(weights)  # which minivit did not write: --model is missing
    with pytest.raises(
        FileNotFoundError, match=r"no file or preset vit_small_patch14_dinov3; did you mean vit_small_patch14"
    ):
        open_backbone("vit_small_patch14_dinov3")
    with pytest.raises(ValueError, match=r"a\.npz is no checkpoint of minivit; .* the preset must be named"):
        open_backbone(tmp_path / "a.npz")
    mixer = tmp_path / "mixer.safetensors"
    mv.save(mv.create_model("mixer_tiny_patch4_32"), mixer)
    with pytest.raises(ValueError, match="is a Mixer; expected a ViT"):
        open_backbone(mixer)
    with pytest.raises(ValueError, match="ast_tiny_patch16_64x98 is an AST; expected a ViT"):
        open_backbone("ast_tiny_patch16_64x98")


@pytest.mark.filterwarnings("ignore:loaded nan or infinite numbers")
def test_weights_that_are_no_numbers(weights: Path, tmp_path: Path) -> None:
    """Are refused before anything is looked at: of each patch would come nan, which is drawn as well."""
    arrays = load_file(weights)
    arrays["blocks.1.attn.proj.bias"][3] = np.nan
    save_file(arrays, weights)
    message = r"holds weights that are not finite numbers, the first of them in blocks\.1\.attn\.proj\.bias$"
    with pytest.raises(ValueError, match=message):
        open_backbone(weights, NAME)
    trainer = small_trainer(small_dataset())
    trainer.model.named_params()["head.weight"].value[0] = np.inf
    trainer.save(tmp_path / "checkpoint.safetensors")
    with pytest.raises(ValueError, match=r"checkpoint\.safetensors holds weights that are not .* in head\.weight$"):
        open_backbone(tmp_path)


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning", "ignore:invalid:RuntimeWarning")
def test_weights_that_are_too_large(weights: Path, photo: Path) -> None:
    arrays = load_file(weights)
    arrays["norm.weight"][:] = np.finfo(np.float32).max
    save_file(arrays, weights)
    backbone = open_backbone(weights, NAME)
    with pytest.raises(ValueError, match="what the model makes of the photograph is not finite: its weights are too"):
        look(backbone, backbone.read(photo))
