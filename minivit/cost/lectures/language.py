"""The table of language models: parameters from layers, width and vocabulary, and what else has to be assumed."""

from typing import Any

from minivit.cost.formulas import language_model_params
from minivit.cost.lectures.row import MODEL, NO_MODEL, Row, held, quoted
from minivit.models.transformer import Transformer


def rows() -> list[Row]:
    """In the order of the slide."""
    return [*_translation(), *_stacks(), *_trained()]


def _translation() -> list[Row]:
    """Models of minivit, with one table of the paper's 37,000 tokens for source, target and head."""
    vocab_size, found = 37_000, []
    for name, printed, width, heads in [("Base", "65", 512, 8), ("Large", "213", 1024, 16)]:
        model = Transformer(vocab_size=vocab_size, embed_dim=width, num_heads=heads)
        layers = len(model.encoder) + len(model.decoder)
        needed = vocab_size + (int(printed) * 10**6 - model.num_params) / width
        why = (
            f"the paper's own figure; with {vocab_size:,} tokens {model.num_params / 1e6:.1f} M; {printed} M would take"
        )
        found += [
            held(
                f"Transformer-{name}: layers", "12", "", layers, "6 of the encoder and 6 of the decoder", source=MODEL
            ),
            held(
                f"Transformer-{name}: parameters",
                printed,
                "M parameters",
                model.num_params,
                f"{why} {needed:,.0f}: no vocabulary fits both models",
                source=MODEL,
            ),
        ]
    return found


def _stacks() -> list[Row]:
    bert = {"positions": 512, "segments": 2, "pooler": True}
    table: list[tuple[str, str, str, int, int, int, dict[str, Any], str]] = [
        ("BERT-Base", "110", "M", 12, 768, 30_522, bert, "with positions, segments and pooler"),
        ("BERT-Large", "340", "M", 24, 1024, 30_522, bert, "with positions, segments and pooler; two digits count"),
        (
            "XLNet-Large",
            "~340",
            "M",
            24,
            1024,
            32_000,
            {"relative": True},
            "that of BERT; relative positions cost d^2 a layer",
        ),
        (
            "RoBERTa",
            "355",
            "M",
            24,
            1024,
            50_265,
            bert | {"positions": 514, "segments": 1},
            "a larger vocabulary than BERT's",
        ),
        ("GPT-2", "1.5", "B", 48, 1600, 50_257, {"positions": 1024}, "with 1024 positions"),
        (
            "Megatron-LM",
            "8.3",
            "B",
            72,
            3072,
            51_200,
            {"positions": 1024},
            "GPT-2's vocabulary, filled up to a multiple of 1024",
        ),
        (
            "Turing-NLG",
            "17",
            "B",
            78,
            4256,
            50_257,
            {"positions": 1024},
            "GPT-2's vocabulary and 1024 positions are assumed",
        ),
        ("GPT-3", "175", "B", 96, 12_288, 50_257, {"positions": 2048}, "GPT-2's vocabulary"),
        ("Gopher", "280", "B", 80, 16_384, 32_000, {"relative": True}, "13 d^2 per layer, for relative positions"),
    ]
    found = []
    for name, printed, prefix, depth, width, vocab_size, options, why in table:
        computed = language_model_params(depth, width, vocab_size, **options)
        if options.get("relative"):
            without = language_model_params(depth, width, vocab_size)
            why += f"; with 12 d^2 it would be {without / (1e6 if prefix == 'M' else 1e9):.1f} {prefix}"
        elif name != "Megatron-LM":
            why = f"{vocab_size:,} tokens; {why}"
        step = 10 if name in ("BERT-Large", "XLNet-Large") else None
        unit = f"{prefix} parameters"
        found.append(held(f"{name}: parameters", printed, unit, computed, why, step=step, source=NO_MODEL))
    return found


def _trained() -> list[Row]:
    """What a model was trained on, and on what: as the papers say."""
    table = [
        ("Transformer-Base", "8 x P100, 12 hours", "Vaswani et al. 2017, section 5.2"),
        ("Transformer-Large", "8 x P100, 3.5 days", "Vaswani et al. 2017, section 5.2"),
        ("BERT", "13 GB", "Devlin et al. 2019"),
        ("XLNet-Large", "126 GB; 512 x TPU v3, 2.5 days", "Yang et al. 2019"),
        ("RoBERTa", "160 GB; 1024 x V100, 1 day", "Liu et al. 2019"),
        ("GPT-2", "40 GB", "Radford et al. 2019"),
        ("Megatron-LM", "174 GB; 512 x V100, 9 days", "Shoeybi et al. 2019"),
        ("Turing-NLG", "256 x V100", "Microsoft 2020"),
        ("GPT-3", "694 GB", "Brown et al. 2020"),
        ("Gopher", "10.55 TB; 4096 x TPU v3, 38 days", "Rae et al. 2021"),
    ]
    return [quoted(f"{name}: data and training", text, "", paper, "as the slide has it") for name, text, paper in table]
