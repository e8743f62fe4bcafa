"""The table of language models: parameters from layers, width and vocabulary, and what else has to be assumed."""

from typing import Any

from minivit.cost.formulas import language_model_params
from minivit.cost.lectures.row import MODEL, NO_MODEL, PREFIXES, Row, held, quoted
from minivit.models.transformer import Transformer

Options = dict[str, Any]


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
        one_table = f"{model.num_params / 1e6:.1f} M with {vocab_size:,} tokens; {printed} M would take {needed:,.0f}"
        why = f"the paper's own figure; {one_table}, and no vocabulary fits both models"
        parts = "6 of the encoder and 6 of the decoder"
        found += [
            held(f"Transformer-{name}: layers", "12", "", layers, parts, source=MODEL),
            held(f"Transformer-{name}: parameters", printed, "M parameters", model.num_params, why, source=MODEL),
        ]
    return found


def _stacks() -> list[Row]:
    """Stacks of blocks: layers, width, vocabulary, and what else has a table or a matrix."""
    bert: Options = {"positions": 512, "segments": 2, "pooler": True}
    roberta: Options = {"positions": 514, "segments": 1, "pooler": True}
    short: Options = {"positions": 1024}
    long: Options = {"positions": 2048}
    relative: Options = {"relative": True}
    table = {
        "BERT-Base": ("110", "M", 12, 768, 30_522, bert, "positions, two segments, pooler"),
        "BERT-Large": ("340", "M", 24, 1024, 30_522, bert, "positions, two segments, pooler; its zero does not count"),
        "XLNet-Large": ("~340", "M", 24, 1024, 32_000, relative, "BERT's number; 13 d^2; BERT's biases are assumed"),
        "RoBERTa": ("355", "M", 24, 1024, 50_265, roberta, "positions, one segment, pooler"),
        "GPT-2": ("1.5", "B", 48, 1600, 50_257, short, "1024 positions"),
        "Megatron-LM": ("8.3", "B", 72, 3072, 51_200, short, "GPT-2's vocabulary, filled up to a multiple of 1024"),
        "Turing-NLG": ("17", "B", 78, 4256, 50_257, short, "vocabulary and positions of GPT-2 are assumed"),
        "GPT-3": ("175", "B", 96, 12_288, 50_257, long, "GPT-2's vocabulary, 2048 positions"),
        "Gopher": ("280", "B", 80, 16_384, 32_000, relative, "13 d^2 per layer; BERT's biases are assumed"),
    }
    found = []
    for name, (printed, prefix, depth, width, vocab_size, options, why) in table.items():
        why = f"{vocab_size:,} tokens, {why}"
        if options is relative:
            without = language_model_params(depth, width, vocab_size)
            why += f"; with 12 d^2 it would be {without / PREFIXES[prefix]:.1f} {prefix}"
        computed = language_model_params(depth, width, vocab_size, **options)
        unit, step = f"{prefix} parameters", 10 if printed.endswith("40") else None
        found.append(held(f"{name}: parameters", printed, unit, computed, why, step=step, source=NO_MODEL))
    return found


def _trained() -> list[Row]:
    """What a model was trained on, and on what, as the slide has it; the paper beside it need not say the same."""
    table = [
        ("Transformer-Base", "8 x P100, 12 hours", "Vaswani et al. 2017, section 5.2", ""),
        ("Transformer-Large", "8 x P100, 3.5 days", "Vaswani et al. 2017, section 5.2", ""),
        ("BERT", "13 GB", "Devlin et al. 2019", ""),
        ("XLNet-Large", "126 GB; 512 x TPU v3, 2.5 days", "Yang et al. 2019", "5.5 days in its later version"),
        ("RoBERTa", "160 GB; 1024 x V100, 1 day", "Liu et al. 2019", ""),
        ("GPT-2", "40 GB", "Radford et al. 2019", ""),
        ("Megatron-LM", "174 GB; 512 x V100, 9 days", "Shoeybi et al. 2019", ""),
        ("Turing-NLG", "256 x V100", "Microsoft 2020", ""),
        ("GPT-3", "694 GB", "Brown et al. 2020", "570 GB of filtered CommonCrawl"),
        ("Gopher", "10.55 TB; 4096 x TPU v3, 38 days", "Rae et al. 2021", "10.5 TB of MassiveText"),
    ]
    found = []
    for name, text, paper, other in table:
        why = "the slide's, not held against the paper" if not other else f"the slide's; the paper has {other}"
        found.append(quoted(f"{name}: data and training", text, "", f"slide; see {paper}", why))
    return found
