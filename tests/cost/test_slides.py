"""Every number of the slides: what comes out, computed a second time, and the verdict."""

import json
from functools import cache
from math import ceil, log2

import pytest

from minivit.cost import formulas
from minivit.cost.lectures.row import UNITS, VERDICTS, held, verdict
from minivit.cost.slides import slides
from tests.unchecked import without_annotations


@cache
def table():
    return without_annotations(slides)()


@cache
def rows():
    return table().to_dict()


def model_of(layers, d, tables, *, per_layer=12, more=0):
    """Parameters of a stack of blocks, array by array: matrices, their biases, norms; then tables and a last norm."""
    vectors = 4 * d + 4 * d + d + 2 * 2 * d  # of attention, of the MLP, gamma and beta twice
    return layers * (per_layer * d * d + vectors) + tables * d + 2 * d + more


def translation(d, layers=6, tokens=37_000):
    """Encoder and decoder of the Transformer, whose blocks have a second attention with its norm."""
    attention, mlp, norm = 4 * (d * d + d), 8 * d * d + 5 * d, 2 * d
    return layers * (attention + mlp + 2 * norm) + layers * (2 * attention + mlp + 3 * norm) + tokens * d


def vit_macs(N, D, L, patch=16 * 16 * 3, classes=1000):
    """Without a class token."""
    return N * patch * D + L * (12 * N * D * D + 2 * N * N * D) + classes * D


MAPS = 4 * 48 * 16
EXPECTED = {
    "Attention on pixels, R = 128, 48 layers, 16 heads: all maps": (128**4 * MAPS, "wrong unit"),
    "Attention on pixels, 3 x 224 x 224: entries of a map": ((3 * 224 * 224) ** 2, "wrong unit"),
    "Patches of 16 in an image of 224": (224 * 224 // 16**2, "right"),
    "Attention on 14 x 14 patches: entries of a map": (14**4, "right"),
    "Attention on 14 x 14 patches: one map": (4 * 14**4, "wrong unit"),
    "Attention on 14 x 14 patches: all maps of 48 layers with 16 heads": (14**4 * MAPS, "wrong unit"),
    "Attention on 16 x 16 patches: entries of a map": (16**4, "right"),
    "Attention on 16 x 16 patches: one map": (4 * 16**4, "wrong unit"),
    "Attention on 16 x 16 patches: all maps of 48 layers with 16 heads": (16**4 * MAPS, "wrong unit"),
    "Attention on 14 x 14 patches: entries of a map, on another slide": (14**4, "wrong unit"),
    "Patches of 4 in an image of 224, in a row": (56, "right"),
    "56^4, entries of a map": (56**4, "rounded"),
    "56^2 x 4^2, entries of a map": (50_176, "wrong"),
    "Side of the map, image of 224: CNN, stage 1": (56, "right"),
    "Side of the map, image of 224: CNN, stage 2": (28, "right"),
    "Side of the map, image of 224: CNN, stage 3": (14, "right"),
    "Side of the map, image of 224: ViT-B/16": (14, "right"),
    "Scores are divided by": (8, "right"),
    "Label smoothing 0.1, 5 classes: the right class": (0.9, "right"),
    "Label smoothing 0.1, 5 classes: each other": (0.025, "right"),
    "ViT-Base: layers": (12, "right"),
    "ViT-Base: width": (768, "right"),
    "ViT-Base: width of the MLP": (4 * 768, "right"),
    "ViT-Base: heads": (768 // 64, "right"),
    "ViT-Large: layers": (24, "right"),
    "ViT-Large: width": (1024, "right"),
    "ViT-Large: width of the MLP": (4 * 1024, "right"),
    "ViT-Large: heads": (1024 // 64, "right"),
    "ViT-Huge: layers": (32, "right"),
    "ViT-Huge: width": (1280, "right"),
    "ViT-Huge: width of the MLP": (4 * 1280, "right"),
    "ViT-Huge: heads": (1280 // 80, "right"),
    # parameters: timm 1.0, counted
    "ViT-Base (B/16): parameters": (86_567_656, "rounded"),
    "ViT-Large (L/32): parameters": (306_535_400, "rounded"),
    "ViT-Large (L/16): parameters": (304_326_632, "wrong"),
    "ViT-Huge (H/14): parameters": (632_045_800, "rounded"),
    "ViT-B/16 at 384: parameters": (86_859_496, "rounded"),
    "ViT-B/16 at 384: MACs": (vit_macs(576, 768, 12), "wrong unit"),
    "ViT-L/16 at 384: parameters": (304_715_752, "wrong"),
    "ViT-L/16 at 384: MACs": (vit_macs(576, 1024, 24), "wrong unit"),
    "DeiT-S at 224: parameters": (22_050_664, "rounded"),
    "DeiT-S at 224: MACs": (vit_macs(196, 384, 12), "wrong unit"),
    "DeiT-B at 224: parameters": (86_567_656, "rounded"),
    "DeiT-B at 224: MACs": (17_471_649_792, "wrong unit"),  # vit_base_patch16_gap_224 of timm 1.0, counted
    "DeiT-B at 384: parameters": (86_859_496, "rounded"),
    "DeiT-B at 384: MACs": (vit_macs(576, 768, 12), "wrong unit"),
    # timm 1.0, counted
    "Swin-T at 224: parameters": (28_288_354, "rounded"),
    "Swin-T at 224: MACs": (4_490_566_656, "wrong unit"),
    "Swin-S at 224: parameters": (49_606_258, "rounded"),
    "Swin-S at 224: MACs": (8_740_875_264, "wrong unit"),
    "Swin-B at 224: parameters": (87_768_224, "rounded"),
    "Swin-B at 224: MACs": (15_430_946_816, "wrong unit"),
    "Swin-B at 384: parameters": (87_903_584, "rounded"),
    "Swin-B at 384: MACs": (47_083_134_976, "wrong unit"),
    "ResNet-50: parameters": (25_557_032, "rounded"),
    "ResNet-50: MACs": (4_089_184_256, "wrong"),
    "LR-Net-50: parameters": (23_380_033, "rounded"),
    "LR-Net-50: MACs": (4_034_291_614, "wrong"),
    "ResNet-50, side of res1": (112, "right"),
    "ResNet-50, side of res2": (56, "right"),
    "ResNet-50, side of res3": (28, "right"),
    "ResNet-50, side of res4": (14, "right"),
    "ResNet-50, side of res5": (7, "right"),
    "Transformer-Base: layers": (12, "right"),
    "Transformer-Base: parameters": (translation(512), "wrong"),
    "Transformer-Large: layers": (12, "right"),
    "Transformer-Large: parameters": (translation(1024), "wrong"),
    "BERT-Base: parameters": (model_of(12, 768, 30_522 + 512 + 2, more=768 * 769), "rounded"),
    "BERT-Large: parameters": (model_of(24, 1024, 30_522 + 512 + 2, more=1024 * 1025), "rounded"),
    "XLNet-Large: parameters": (model_of(24, 1024, 32_000, per_layer=13, more=24 * 2 * 1024), "wrong"),
    "RoBERTa: parameters": (model_of(24, 1024, 50_265 + 514 + 1, more=1024 * 1025), "rounded"),
    "GPT-2: parameters": (model_of(48, 1600, 50_257 + 1024), "rounded"),
    "Megatron-LM: parameters": (model_of(72, 3072, 51_200 + 1024), "rounded"),
    "Turing-NLG: parameters": (model_of(78, 4256, 50_257 + 1024), "rounded"),
    "GPT-3: parameters": (model_of(96, 12_288, 50_257 + 2048), "rounded"),
    "Gopher: parameters": (model_of(80, 16_384, 32_000, per_layer=13, more=80 * 2 * 16_384), "rounded"),
    # MHz, SMs, cores, FLOPs of a core in a cycle
    "A100: FP64": (1410 * 108 * 32 * 2 * 10**6, "rounded"),
    "A100: FP32": (1410 * 108 * 64 * 2 * 10**6, "rounded"),
    "A100: BF16": (1410 * 108 * 64 * 4 * 10**6, "rounded"),
    "A100: FP16": (1410 * 108 * 64 * 8 * 10**6, "rounded"),
    "A100: TF32, tensor cores": (1410 * 108 * 4 * 256 * 10**6, "rounded"),
    "A100: FP16/BF16, tensor cores": (1410 * 108 * 4 * 512 * 10**6, "rounded"),
    "H100: FP64": (1775 * 132 * 64 * 2 * 10**6, "rounded"),
    "H100: FP32": (1775 * 132 * 128 * 2 * 10**6, "rounded"),
    "H100: BF16": (1775 * 132 * 128 * 4 * 10**6, "rounded"),
    "H100: FP16": (1775 * 132 * 128 * 4 * 10**6, "rounded"),
    "H100: TF32, tensor cores": (1775 * 132 * 4 * 512 * 10**6, "rounded"),
    "H100: FP16/BF16, tensor cores": (1775 * 132 * 4 * 1024 * 10**6, "rounded"),
    "H100 / A100: memory bandwidth": (3.0 / 2.0, "right"),
    "H100 / A100: FP64": (30 / 9.7, "rounded"),
    "H100 / A100: FP32": (60 / 19.5, "rounded"),
    "H100 / A100: BF16": (120 / 39, "rounded"),
    "H100 / A100: FP16": (120 / 78, "rounded"),
    "H100 / A100: TF32, tensor cores": (500 / 156, "rounded"),
    "H100 / A100: FP16/BF16, tensor cores": (1000 / 312, "rounded"),
    "A100: 40 GB of memory": (40 * 2**30, "wrong unit"),
    "A100: 80 GB of memory": (80 * 2**30, "wrong unit"),
    "H100: 40 GB of memory": (80 * 2**30, "wrong"),
    "H100: 80 GB of memory": (80 * 2**30, "wrong unit"),
    "A100 with 40 GB: memory bandwidth": (1_555_200_000_000, "rounded"),
    "A100 with 80 GB: memory bandwidth": (2_039_040_000_000, "rounded"),
    "H100: SMs on the chip": (144, "right"),
    "H100: FP32 cores of an SM": (128, "right"),
    "H100: FP32, the slide's product": (132 * 128 * 2 * 1775 * 10**6, "wrong"),
    "H100: FLOPs of a tensor core in a cycle": (4 * 8 * 16 * 2, "right"),
    "H100: tensor cores of a subunit": (1, "wrong"),
    "TF32: bits": (19, "right"),
    "Source of ViT": ("ICLR 2021", "wrong"),
    "Source of Swin": ("ICCV 2021", "wrong"),
    "Source of SAGAN": ("ICML 2019", "wrong"),
    "Source of SwinIR": ("ICCV Workshops 2021", "wrong"),
    "Source of CLIP": ("Radford et al. 2021", "wrong"),
}


def test_every_number_that_is_not_quoted_is_expected_here():
    assert [row.topic for row in table().rows if row.verdict != "quoted"] == [*EXPECTED]


@pytest.mark.parametrize("topic", EXPECTED)
def test_what_comes_out_and_the_verdict(topic):
    computed, found = EXPECTED[topic]
    row = rows()[topic]
    assert row["computed"] == (pytest.approx(computed, rel=1e-15) if isinstance(computed, float) else computed)
    assert row["verdict"] == found
    assert row["why"]


def test_topics_are_different():
    assert len(rows()) == len(table().rows)


def test_what_is_quoted_has_its_paper_and_no_computed_number():
    quoted = [row for row in table().rows if row.verdict == "quoted"]
    assert len(quoted) > 90
    for row in quoted:
        assert row.computed is None
        assert any(year in row.source for year in map(str, range(2009, 2023))), row.topic
        assert row.why
        assert ("slide's" in row.why) == row.source.startswith("slide; see "), row.topic
    for topic in ("RegNetY-4G: parameters", "EffNet-B7: MACs", "Transfer: DeiT-B", "ImageNet-21k"):
        assert any(row.topic.startswith(topic) for row in quoted), topic


def test_families_that_are_not_here_are_marked():
    marked = {row.topic.split(":")[0] for row in table().rows if row.source == "formula, no model here"}
    assert {"BERT-Large", "GPT-3", "Gopher"} <= marked
    for topic in ("ViT-Base (B/16): parameters", "Transformer-Base: parameters", "LR-Net-50: parameters"):
        assert rows()[topic]["source"] == "model"
    assert rows()["Swin-B at 384: MACs"]["source"] == "model"


@pytest.mark.parametrize(
    ("topic", "words"),
    [
        ("Attention on 14 x 14 patches: entries of a map", "with the class token 38,809"),
        ("Attention on 14 x 14 patches: all maps of 48 layers with 16 heads", "cut, not rounded"),
        ("Attention on pixels, 3 x 224 x 224: entries of a map", "cut, not rounded"),
        ("ViT-Base (B/16): parameters", "with a head of 1000 classes; without one 85.8 M"),
        ("ViT-Large (L/32): parameters", "without one 305.5 M"),
        ("ViT-Huge (H/14): parameters", "without one 630.8 M"),
        ("ViT-B/16 at 384: MACs", "without the class token fits; with it 55.48 G MACs"),
        ("ViT-L/16 at 384: MACs", "with it 191.07 G MACs"),
        ("DeiT-B at 224: MACs", "with it 17.56 G MACs"),
        ("Swin-T at 224: parameters", "rounded up"),
        ("Transformer-Base: parameters", "63.1 M"),
        ("Transformer-Large: parameters", "214.2 M"),
        ("XLNet-Large: parameters", "BERT's biases are assumed"),
        ("Gopher: parameters", "BERT's biases are assumed"),
        ("XLNet-Large: data and training", "the paper has 5.5 days"),
        ("GPT-3: data and training", "the paper has 570 GB"),
        ("BERT: data and training", "the slide's, not held against the paper"),
        ("ImageNet-21k: classes, images", "21,841, cut, not rounded"),
        ("Gopher: parameters", "with 12 d^2 it would be 258.2 B"),
        ("H100: tensor cores of a subunit", "4 would give 3,839"),
        ("TPUv3-core-days of training: BiT-L, ResNet152x4, JFT", "3.96 times"),
    ],
)
def test_reasons_say_the_number_that_explains(topic, words):
    assert words in rows()[topic]["why"]


def test_only_a_count_without_the_class_token_fits_all_published_macs():
    """With it, 55.48 and 17.56 might be cut, but 191.07 is not 190.7."""
    printed = [("ViT-B/16 at 384", 55.4), ("ViT-L/16 at 384", 190.7), ("DeiT-B at 224", 17.5), ("DeiT-S at 224", 4.6)]
    for name, number in printed:
        assert round(rows()[f"{name}: MACs"]["computed"] / 1e9, 1) == number
    assert formulas.vit_macs(img_size=384, embed_dim=1024, depth=24, mlp_dim=4096) > 191.0e9


def test_a_slide_is_quoted_as_it_stands():
    assert rows()["Accuracy: Noisy Student, EfficientNet-L2"]["printed"] == "88.4/88.5*, 90.55"


def test_a_vocabulary_that_fits_one_translation_model_does_not_fit_the_other():
    for tokens in range(34_000, 43_000, 10):
        fits = [abs(translation(d, tokens=tokens) / 1e6 - printed) < 1 for d, printed in [(512, 65), (1024, 213)]]
        assert not all(fits)


# -- verdicts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("printed", "unit", "meant", "computed", "expected"),
    [
        ("1,024", "", "", 1024, "right"),
        ("1.5", "GB", "GB", 1_500_000_000, "right"),
        ("1.5", "GB", "GB", 1_549_999_999, "rounded"),
        ("1.5", "GB", "GB", 1_599_999_999, "rounded"),  # cut
        ("1.5", "GB", "GB", 1_600_000_000, "wrong"),
        ("1.5", "GB", "GB", 1_400_000_000, "wrong"),
        ("1.5", "GB", "GiB", 3 * 2**29, "wrong unit"),
        ("1.5", "GB", "GiB", 2**30, "wrong"),
        ("~86", "M parameters", "M parameters", 86_567_656, "rounded"),
        ("2", "T", "T", 2 * 10**12, "right"),
        ("here", "", "", "here", "right"),
        ("here", "", "", "there", "wrong"),
    ],
)
def test_verdicts(printed, unit, meant, computed, expected):
    assert verdict(printed, unit, meant, computed) == expected


def test_zeros_at_the_end_may_count_for_nothing():
    assert verdict("340", "", "", 335) == "wrong"
    assert verdict("340", "", "", 335, step=10) == "rounded"
    assert verdict("340", "", "", 350, step=10) == "wrong"


@pytest.mark.parametrize(
    ("computed", "words"), [(1.54, ""), (1.56, "cut, not rounded; "), (1.44, "rounded up; "), (1.46, ""), (1.5, "")]
)
def test_numbers_that_are_not_rounded_to_the_nearest_say_so(computed, words):
    assert held("x", "1.5", "", computed, "why").why == words + "why"


def test_units_are_powers():
    assert UNITS["KB"] == (1000, "bytes")
    assert UNITS["TiB"] == (2**40, "bytes")
    assert UNITS["G MACs"] == (10**9, "MACs")
    assert UNITS["B parameters"] == (10**9, "parameters")
    assert all(ceil(log2(size)) == log2(size) for name, (size, _) in UNITS.items() if "iB" in name)


# -- table -------------------------------------------------------------------------------------------------------------


def test_it_prints_as_a_table():
    lines = str(table()).splitlines()
    assert len(lines) == len(table().rows) + 2
    assert lines[0].split() == ["topic", "slide", "computed", "verdict", "from", "why"]
    assert "768 GB" in lines[1]
    assert "768 GiB = 824,633,720,832 bytes" in lines[1]
    assert len({line.index(row.verdict) for line, row in zip(lines[1:4], table().rows, strict=False)}) == 1
    assert repr(table()) == str(table())


def test_the_last_line_counts_the_verdicts():
    numbers = [sum(row.verdict == name for row in table().rows) for name in VERDICTS]
    assert sum(numbers) == len(table().rows)
    said = ", ".join(f"{number} {name}" for number, name in zip(numbers, VERDICTS, strict=True))
    assert str(table()).endswith(f"{len(table().rows)} rows: {said}")


def test_it_renders_in_a_notebook():
    html = table()._repr_html_()
    assert html.count("<tr>") == len(table().rows) + 1
    assert "H100: FP32, the slide&#x27;s product" in html
    assert ">768 GiB<" in html  # without the exact number, which makes the table wide
    assert table().summary() in html


def test_numbers_are_chosen_by_verdict():
    wrong = table().only("wrong", "wrong unit")
    assert wrong.rows == [row for row in table().rows if row.verdict.startswith("wrong")]
    assert table().only("wrong").summary() == "16 rows: 16 wrong"
    assert table().only().rows == []
    with pytest.raises(
        ValueError, match="there is no verdict 'false'; expected right, rounded, wrong unit, wrong, quoted"
    ):
        table().only("false")


def test_it_is_plain_data():
    assert json.loads(json.dumps(rows())) == rows()
    row = rows()["ViT-B/16 at 384: MACs"]
    assert (row["printed"], row["unit"], row["meant"]) == ("55.4", "G FLOPs", "G MACs")
    assert row["computed"] == formulas.vit_macs(img_size=384, class_token=False)
