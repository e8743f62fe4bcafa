"""What ``minivit cost`` prints: the same figures as a table for people, in Markdown, as CSV or as JSON."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from minivit.cost.budget import LargestBatch
from minivit.cost.estimate import Estimate
from minivit.cost.measure import Measured
from minivit.cost.tally import Work
from minivit.cost.units import count, memory
from minivit.json_text import to_json

FORMATS = ("table", "json", "csv", "md")


class Report(NamedTuple):
    """Exact figures by name, and the same in words; ``note`` says what they are of."""

    rows: Sequence[Mapping[str, Any]]
    head: Sequence[str]
    cells: Sequence[Sequence[str]]
    note: str = ""
    single: bool = False
    """Whether JSON has no list around the one row."""

    def text(self, form: str) -> str:
        """All of it, in one of ``FORMATS``."""
        if form == "json":
            return to_json(self.rows[0] if self.single else self.rows, indent=2)
        return {"csv": self._csv, "md": self._markdown, "table": self._table}[form]()

    def _csv(self) -> str:
        file = io.StringIO()
        writer = csv.DictWriter(file, self.rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        return file.getvalue().removesuffix("\n")

    def _table(self) -> str:
        lines = [self.head, *self.cells] if any(self.head) else [*self.cells]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        sides = "<" + (">" if any(self.head) else "<") * (len(widths) - 1)  # words to the left, numbers to the right
        table = [
            "  ".join(f"{cell:{side}{n}}" for cell, side, n in zip(line, sides, widths, strict=True)).rstrip()
            for line in lines
        ]
        return "\n".join([self.note, *table] if self.note else table)

    def _markdown(self) -> str:
        align = ["---", *["---:"] * (len(self.head) - 1)]
        table = [f"| {' | '.join(line)} |" for line in (self.head, align, *self.cells)]
        return "\n".join([*table, "", self.note] if self.note else table)


def of_model(estimate: Estimate) -> Report:
    """All figures of one estimate."""
    return Report([estimate.to_dict()], ("", ""), estimate.rows(), single=True)


def of_several(name: str, values: Mapping[str, Any], estimates: Mapping[str, Estimate]) -> Report:
    """A row for each value of something that is swept over; values and estimates by what the values are called."""
    head = (name, "parameters", "MACs forward", "backward", "kept, at once", "peak in shards", "at once", "inference")
    cells = [
        (
            value,
            f"{estimate.params:,}",
            count(estimate.macs_forward),
            count(estimate.macs_backward),
            memory(estimate.activation_bytes),
            memory(estimate.peak_training_bytes),
            memory(estimate.peak_whole_batch_bytes),
            memory(estimate.peak_inference_bytes),
        )
        for value, estimate in estimates.items()
    ]
    rows = [
        {name: text if isinstance(values[text], tuple) else values[text]} | estimate.to_dict()
        for text, estimate in estimates.items()
    ]
    return Report(rows, head, cells, _what(next(iter(estimates.values())), but=name))


def _what(estimate: Estimate, but: str = "") -> str:
    parts = {"name": estimate.name, "batch": f"batch of {estimate.batch}", "dtype": estimate.dtype}
    return ", ".join(part for key, part in parts.items() if key != but)


def _work(forward: Work, backward: Work) -> dict[str, int]:
    return {
        "macs_forward": forward.macs,
        "macs_backward": backward.macs,
        "elements_forward": forward.elements,
        "elements_backward": backward.elements,
    }


def _work_cells(forward: Work, backward: Work) -> tuple[str, ...]:
    return count(forward.macs), count(backward.macs), f"{forward.elements:,}", f"{backward.elements:,}"


def by_layer(estimate: Estimate, depth: int | None) -> Report:
    """A row for each layer, those within it included."""
    layers = estimate.by_layer(depth)
    rows = [
        {"layer": layer.name, "params": layer.params}
        | _work(layer.forward, layer.backward)
        | {"activation_bytes": layer.activation_bytes}
        for layer in layers
    ]
    head = ("layer", "parameters", "MACs forward", "backward", "elements forward", "backward", "kept")
    cells = [
        (
            layer.name,
            f"{layer.params:,}",
            *_work_cells(layer.forward, layer.backward),
            memory(layer.activation_bytes),
        )
        for layer in layers
    ]
    return Report(rows, head, cells, _what(estimate))


def by_op(estimate: Estimate) -> Report:
    """A row for each op; what is done outside of all is in one without a name."""
    rows = [{"op": op.name} | _work(op.forward, op.backward) for op in estimate.by_op()]
    head = ("op", "MACs forward", "backward", "elements forward", "backward")
    cells = [(op.name or "(outside of ops)", *_work_cells(op.forward, op.backward)) for op in estimate.by_op()]
    return Report(rows, head, cells, _what(estimate))


def of_presets(rows: Sequence[Mapping[str, Any]], length: int) -> Report:
    """A row for each preset."""
    head = ("model", "parameters", "MACs forward", "weights", "to train", "kept")
    cells = [
        (
            row["name"],
            f"{row['params']:,}",
            count(row["macs_forward"]),
            memory(row["weight_bytes"]),
            memory(row["weight_bytes"] + row["gradient_bytes"] + row["optimizer_bytes"]),
            memory(row["activation_bytes"]),
        )
        for row in rows
    ]
    batch, dtype = rows[0]["batch"], rows[0]["dtype"]
    note = (
        f"Batch of {batch}, {dtype}; images of the size in the name, or of the model's own, sequences of {length} "
        "tokens, or frames of sound.\n"
        "To train: weights, gradients and AdamW's two averages. Kept: of the whole batch, until backward."
    )
    return Report(rows, head, cells, note)


def of_budget(name: str, budget: int, asked: LargestBatch, otherwise: Mapping[str, LargestBatch]) -> Report:
    """The largest batch as asked, and what lets a larger one fit."""
    larger = {
        change: largest
        for change, largest in otherwise.items()
        if largest.in_shards > asked.in_shards or largest.at_once > asked.at_once
    }
    found = {"as asked": asked} | larger
    rows = [{"choice": choice, "budget_bytes": budget} | largest._asdict() for choice, largest in found.items()]
    head = ("largest batch", "in shards", "peak", "all at once", "peak")
    cells = [
        (
            choice,
            f"{largest.in_shards:,}",
            memory(largest.peak_in_shards),
            f"{largest.at_once:,}" if largest.at_once else "none",
            memory(largest.peak_at_once),
        )
        for choice, largest in found.items()
    ]
    return Report(rows, head, cells, f"{name}: a training step within {memory(budget)}")


def of_measurement(measured: Measured) -> Report:
    """Estimated figures beside measured ones."""
    estimate = measured.estimate
    names = {"shard_activation_bytes": "kept of a shard", "peak_training_bytes": "peak of a step, one thread"}
    pairs = {name: (getattr(estimate, name), getattr(measured, name)) for name in names}
    rows: list[dict[str, Any]] = [
        {"figure": name, "estimated": expected, "measured": real} for name, (expected, real) in pairs.items()
    ]
    rows += [
        {"figure": name, "estimated": None, "measured": getattr(measured, name)}
        for name in ("seconds", "flops_per_second")
    ]
    cells = [(names[name], memory(a), memory(b), f"{(b - a) / a:+.2%}") for name, (a, b) in pairs.items()]
    cells += [
        ("seconds of a step", "", f"{measured.seconds:.3f}", ""),
        ("FLOP/s of matrix products", "", count(measured.flops_per_second), ""),
    ]
    return Report(rows, ("", "estimated", "measured", "difference"), cells, _what(estimate))
