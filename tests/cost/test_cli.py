"""``minivit cost``: the same figures as Python's, in four forms, and one sentence about every mistake."""

import csv
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes

import minivit as mv
from minivit import cli, plot
from minivit.cost import LargestBatch, report
from minivit.cost.cli import size
from minivit.cost.run import AnyLoss
from minivit.models import PRESETS
from tests.facts import COUNTS
from tests.sampled import REST
from tests.tasks.families import TwoHeads
from tests.unchecked import without_annotations

TINY = "vit_micro_patch4_32"
PAGE = Path(__file__).parents[2] / "docs" / "cost.md"
SMALL = ["--set", "depth=1", "--set", "embed_dim=8", "--set", "num_heads=2"]
OPTIONS: dict[str, Any] = {"depth": 1, "embed_dim": 8, "num_heads": 2}


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]):
    """Run ``minivit cost`` and give back what it prints."""

    def run(*args: str) -> str:
        assert cli.main(["cost", *args]) == 0
        out, err = capsys.readouterr()
        assert err == ""
        return out

    return run


@pytest.fixture
def mistake(capsys: pytest.CaptureFixture[str]):
    """Run what must fail with one line; gives it, and what was printed before."""

    def run(*args: str) -> tuple[str, str]:
        assert cli.main(["cost", *args]) == 1
        out, err = capsys.readouterr()
        assert err.startswith("minivit: ")
        assert err.count("\n") == 1
        return err.removeprefix("minivit: ").rstrip("\n"), out

    return run


def family(name: str) -> type:
    return PRESETS[name][0]


def rows_of(text: str) -> list[dict[str, str]]:
    return [*csv.DictReader(io.StringIO(text))]


def as_text(row: dict[str, Any]) -> dict[str, str]:
    return {key: "" if value is None else str(value) for key, value in row.items()}


# The figures


def test_the_figures_are_those_of_python(printed) -> None:
    options = ["--img-size", "16x32", "--batch", "3", "--dtype", "float64", "--optimizer", "sgd"]
    options += ["--recompute", "blocks", "--threads", "2"]
    given = {"img_size": (16, 32), "batch": 3, "dtype": "float64", "optimizer": "sgd", "recompute": "blocks"}
    expected = mv.cost.estimate(TINY, **given, threads=2, **OPTIONS)  # type: ignore[arg-type]
    assert json.loads(printed(TINY, *options, *SMALL, "--format", "json")) == expected.to_dict()
    assert rows_of(printed(TINY, *options, *SMALL, "--format", "csv")) == [as_text(expected.to_dict())]
    assert printed(TINY, *options, *SMALL) == f"{expected}\n"
    markdown = printed(TINY, *options, *SMALL, "--format", "md")
    assert f"| parameters | {expected.params:,} |" in markdown.splitlines()


def test_classes_and_channels_can_be_set(printed) -> None:
    """Where they are not for --set in a training, which has data that decide them."""
    found = json.loads(printed(TINY, *SMALL, "--set", "num_classes=7", "--set", "in_chans=1", "--format", "json"))
    assert found == mv.cost.estimate(TINY, num_classes=7, in_chans=1, **OPTIONS).to_dict()


def test_by_layer_and_by_op(printed) -> None:
    estimate = mv.cost.estimate(TINY, **OPTIONS)
    layers = json.loads(printed(TINY, *SMALL, "--by", "layer", "--depth", "2", "--format", "json"))
    expected = [(c.name, c.params, c.forward.macs, c.backward.macs, c.activation_bytes) for c in estimate.by_layer(2)]
    keys = ["layer", "params", "macs_forward", "macs_backward", "activation_bytes"]
    assert [tuple(row[key] for key in keys) for row in layers] == expected
    ops = rows_of(printed(TINY, *SMALL, "--by", "op", "--format", "csv"))
    assert sum(int(row["macs_forward"]) for row in ops) == estimate.macs_forward
    assert sum(int(row["elements_backward"]) for row in ops) == estimate.backward.elements
    assert {row["op"] for row in ops} > {"linear", "attention", "softmax"}
    table = printed(TINY, *SMALL, "--by", "op").splitlines()
    assert table[0] == f"{TINY}, batch of 1, float32"
    assert any(line.startswith("(outside of ops)") for line in table)
    assert not any(line.endswith(" ") for line in table)


@pytest.mark.parametrize(
    ("sweep", "key", "values"),
    [
        ("img-size=16,16x32", "img_size", [16, (16, 32)]),
        ("batch=1,2", "batch", [1, 2]),
        ("class_token=true,false", "class_token", [True, False]),
    ],
)
def test_a_sweep(printed, sweep: str, key: str, values: list[Any]) -> None:
    base = [*SMALL, "--set", "global_pool=avg"]
    rows = json.loads(printed(TINY, *base, "--sweep", sweep, "--format", "json"))
    for row, value in zip(rows, values, strict=True):
        options = {**OPTIONS, "global_pool": "avg", key: value}
        expected = mv.cost.estimate(TINY, **options)
        assert row == {key: "16x32" if value == (16, 32) else value} | expected.to_dict()
    table = printed(TINY, *base, "--sweep", sweep).splitlines()
    assert table[1].split()[0] == key
    assert len(table) == 2 + len(values)


@REST
@without_annotations
def test_all_presets(printed) -> None:
    """With the names and figures of estimates; the page about costs shows the same table."""
    rows = json.loads(printed("--format", "json"))
    assert [row["name"] for row in rows] == [*PRESETS]
    for name in (TINY, "vit_huge_patch14_224"):
        row = next(row for row in rows if row["name"] == name)
        assert row.items() <= mv.cost.estimate(name).to_dict().items()
    figures = {row["name"]: (row["params"], row["macs_forward"]) for row in rows}
    assert figures.items() >= COUNTS.items()
    text = report.of_presets(rows, length=32).text("table")
    assert text.startswith("Batch of 1, float32; ")
    line = next(line for line in text.splitlines() if line.startswith("vit_base_patch16_224 "))
    assert line.split()[1:4] == ["86,567,656", "17.564", "G"]
    page = PAGE.read_text(encoding="utf-8")
    assert report.of_presets(rows, length=32).text("md").partition("\n\n")[0] in page
    assert all(line in page for line in str(mv.cost.estimate("vit_base_patch16_224")).splitlines()[:4])


@pytest.mark.sampled(every=0, rest=12)
@pytest.mark.parametrize("name", PRESETS)
@without_annotations
def test_a_step_of_one_sample_takes_little_more_than_the_last_two_columns(name: str) -> None:
    """As the page says below the table."""
    columns = ("weight_bytes", "gradient_bytes", "optimizer_bytes", "activation_bytes")
    one = mv.cost.estimate(name)
    together = sum(one.to_dict()[column] for column in columns)
    shares = dict(re.findall(r"^\| (\w+) \| ([\d.]+) % \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    assert {*shares} - {"DINOv2"} <= {kind.__name__ for kind, _ in PRESETS.values()}
    kinds = ["DINOv2" if name.endswith("dinov2") else "", *(kind.__name__ for kind in PRESETS[name][0].__mro__)]
    more = float(next((shares[kind] for kind in kinds if kind in shares), 6.1))
    assert together < one.peak_training_bytes < (1 + more / 100) * together


def test_what_the_page_says_of_larger_batches() -> None:
    peaks = mv.cost.estimate("vit_base_patch16_224").peaks
    assert [f"{peaks.in_shards(batch) / 2**30:.2f}" for batch in (1, 2, 4)] == ["1.42", "1.56", "1.83"]


def test_presets_of_another_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["minivit.cost.presets"], "PRESETS", [TINY])
    (row,) = mv.cost.presets(batch=2, dtype="float64")
    assert row.items() <= mv.cost.estimate(TINY, batch=2, dtype="float64").to_dict().items()


def test_the_model_of_a_run(printed, tmp_path: Path) -> None:
    model = mv.create_model(TINY, num_classes=3, seed=0, **OPTIONS)
    mv.save(model, tmp_path / "checkpoint.safetensors")
    expected = mv.cost.estimate(model).to_dict()
    for name in (tmp_path, tmp_path / "checkpoint.safetensors"):
        assert json.loads(printed(str(name), "--format", "json")) == expected
    swept = json.loads(printed(str(tmp_path), "--sweep", "depth=1,2", "--format", "json"))
    assert [row["params"] for row in swept] == [
        model.num_params,
        model.num_params + 12 * 8 * 8 - 4 * 8 * 8 + 13 * 8 - 2 * 8,
    ]


@pytest.fixture
def budgets(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Largest batches are not looked for, but made up; gives what was asked."""
    asked: list[Any] = []

    def largest_batch(*args: Any, **options: Any) -> LargestBatch:
        asked.append((*args, options))
        return LargestBatch(10, 0, 299_000, 301_000)

    def largest_otherwise(*args: Any, **options: Any) -> dict[str, LargestBatch]:
        assert (*args, options) == asked[-1]
        return {"worse": LargestBatch(9, 0, 1, 2), "one": LargestBatch(9, 1, 3, 4), "two": LargestBatch(1100, 0, 5, 6)}

    for function in (largest_batch, largest_otherwise):
        monkeypatch.setattr(sys.modules["minivit.cost.budget"], function.__name__, function)
    return asked


def test_a_budget(printed, budgets: list[Any]) -> None:
    """What is asked of Python, and what of the answers is larger."""
    args = TINY, *SMALL, "--budget", "300kB", "--recompute", "blocks"
    rows = json.loads(printed(*args, "--format", "json"))
    assert budgets == [(TINY, "300kB", {**OPTIONS, "recompute": "blocks"})]
    keys = "in_shards", "at_once", "peak_in_shards", "peak_at_once"
    assert rows[0] == {"choice": "as asked", "budget_bytes": 300_000} | dict(
        zip(keys, (10, 0, 299_000, 301_000), strict=True)
    )
    assert [(row["choice"], row["in_shards"], row["at_once"]) for row in rows[1:]] == [("one", 9, 1), ("two", 1100, 0)]
    assert [line.split() for line in printed(*args).splitlines()] == [
        [f"{TINY}:", *["a", "training", "step", "within", "292.97", "KiB"]],
        ["largest", "batch", "in", "shards", "peak", "all", "at", "once", "peak"],
        ["as", "asked", "10", "291.99", "KiB", "none", "293.95", "KiB"],
        ["one", "9", "0.00", "KiB", "1", "0.00", "KiB"],
        ["two", "1,100", "0.00", "KiB", "none", "0.01", "KiB"],
    ]


@REST
def test_a_measurement(printed) -> None:
    """With Python's annotations off, a step is a few milliseconds; what it keeps is exact, its peak nearly so."""
    options = ["--batch", "18", "--threads", "2"]
    rows = {row["figure"]: row for row in json.loads(printed(TINY, *options, "--measure", "--format", "json"))}
    kept, peak = rows["shard_activation_bytes"], rows["peak_training_bytes"]
    assert kept["estimated"] == kept["measured"] == mv.cost.estimate(TINY, batch=16).activation_bytes
    assert peak["estimated"] == mv.cost.estimate(TINY, batch=18).peak_training_bytes
    assert peak["measured"] == pytest.approx(peak["estimated"], rel=0.02)
    flops = 6 * mv.cost.estimate(TINY, batch=18).macs_forward
    assert rows["flops_per_second"]["measured"] == pytest.approx(flops / rows["seconds"]["measured"])


def test_a_measurement_in_words() -> None:
    """Of a model that reads and writes tokens."""
    measured = mv.cost.measure("transformer_micro", batch=2, optimizer="sgd", recompute="blocks")
    lines = report.of_measurement(measured).text("table").splitlines()
    assert lines[2].split()[:4] == ["kept", "of", "a", "shard"]
    assert lines[2].endswith("+0.00%")
    assert lines[4].startswith("seconds of a step ")


def test_a_measurement_of_several_outputs() -> None:
    """The gradient that stands for a loss has numbers of its own, and not what lies in memory."""
    model = TwoHeads(img_size=8)
    measured = mv.cost.measure(model, batch=17)
    assert measured.shard_activation_bytes == measured.estimate.shard_activation_bytes
    outputs, _ = model.forward(np.zeros((2, 8, 8, 3), np.float32))
    loss = AnyLoss()
    doutputs = loss.backward(np.float64(1), loss.forward(outputs, None)[1])
    assert type(doutputs) is type(outputs)
    assert all((each == 1).all() for each in doutputs)


# Pictures


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is saved is not written, but kept here."""
    pictures: list[Any] = []
    monkeypatch.setattr(plot, "save", lambda picture, path: pictures.append((picture, path)))
    return pictures


def test_what_is_drawn(printed, drawn: list[Any], budgets: list[Any]) -> None:
    """The share of attention for a sweep over images, bars of memory for all else."""
    printed(TINY, *SMALL, "--sweep", "img-size=16,32", "--plot", "a.png")
    printed(TINY, *SMALL, "--sweep", "batch=1,32", "--plot", "b.png")
    printed(TINY, *SMALL, "--batch", "7", "--plot", "c.png")
    printed(TINY, *SMALL, "--budget", "1MB", "--plot", "d.png")
    assert [path for _, path in drawn] == ["a.png", "b.png", "c.png", "d.png"]
    (curves, _), *bars = drawn
    assert len(curves.axes) == 2
    assert curves.get_suptitle() == f"Multiplications of {TINY}"
    assert all(isinstance(ax, Axes) for ax, _ in bars)
    labels = [[label.get_text() for label in ax.get_yticklabels()] for ax, _ in bars]
    assert labels[0] == ["batch 1, in shards", "batch 1, all at once", "batch 32, in shards", "batch 32, all at once"]
    assert labels[1:] == [[f"batch {n}, in shards", f"batch {n}, all at once"] for n in (7, 1)]


def test_the_words_are_there_when_the_picture_fails(mistake, printed, tmp_path: Path) -> None:
    text = printed(TINY, *SMALL)
    (tmp_path / "folder.png").mkdir()
    for name, says in {
        "no/such/folder.png": "No such file or directory",
        "picture.doc": "it ends in .doc; expected",
        "folder.png": "Is a directory",
    }.items():
        said, out = mistake(TINY, *SMALL, "--plot", str(tmp_path / name))
        assert says in said
        assert out == text
    assert os.listdir(tmp_path) == ["folder.png"]


# Mistakes


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (
            ["vit_base_patch16"],
            r"there is no model 'vit_base_patch16'; did you mean .*vit_base_patch16_\d",
        ),
        (["runs/none"], "there is no file runs.none$"),
        (
            [TINY, "--img-size", "30"],
            "image size 30 x 30 is not divisible by the patch size 4 x 4; 28 x 28 and 32 x 32",
        ),
        ([TINY, "--img-size", "0"], "img_size is 0; expected at least 1"),
        ([TINY, "--img-size=-4"], "img_size is -4; expected at least 1"),
        ([TINY, "--img-size", "32000000"], "more bytes than NumPy can count"),
        ([TINY, "--batch", "0"], "batch is 0; expected at least 1"),
        ([TINY, "--batch=-5"], "batch is -5; expected at least 1"),
        ([TINY, "--batch", "9" * 40], "more bytes than NumPy can count"),
        ([TINY, "--threads", "0"], "threads is 0; expected at least 1"),
        ([TINY, "--dtype", "float16"], "dtype is float16; expected float32"),
        ([TINY, "--optimizer", "lion"], "optimizer is 'lion'; expected one of adamw, adam, sgd"),
        ([TINY, "--recompute", "all"], "recompute is 'all'; expected one of none, blocks"),
        ([TINY, "--set", "dpeth=4"], f"{TINY} has no option 'dpeth'; its options are img_size, "),
        ([TINY, "--set", "depth=four"], "depth is 'four'; expected a whole number"),
        ([TINY, "--set", "img_size=64"], "--set cannot change img_size: --img-size does"),
        ([TINY, "--set", "depth=1", "--sweep", "depth=1,2"], "--sweep varies depth, which is set beside it, too"),
        ([TINY, "--sweep", "hue=1,2"], "--sweep knows no 'hue'; it takes img_size, .*depth.*, recompute"),
        ([TINY, "--sweep", "batch=1,,2"], "batch is ''; expected a whole number"),
        ([TINY, "--sweep", "img-size=32,big"], "'big' is no size of an image; expected N or ROWSxCOLUMNS"),
        (["transformer_micro", "--sweep", "img-size=32"], "transformer_micro has no option 'img_size'"),
        (
            [TINY, "--budget", "1kB"],
            rf"a training step of {TINY} with a single sample takes 6,70\d,\d+ bytes \(6.4 MiB\), more than .* 1,000",
        ),
        ([TINY, "--budget", "16Gb"], "'16Gb' is no size of memory; expected a number and one of B, kB, MB, GB, KiB"),
        ([TINY, "--budget", "1GiB", "--batch", "3"], "--budget finds the batch; leave --batch out"),
        ([TINY, "--length", "9"], f"{TINY} reads no sequences, so that none has a length; leave it out"),
        ([TINY, "--sweep", "length=9,10"], f"{TINY} reads no sequences, so that none has a length; leave it out"),
        ([TINY, "--by", "head"], "--by is 'head'; expected layer or op"),
        ([TINY, "--depth", "2"], "--depth is for --by layer, and at least 1"),
        ([TINY, "--by", "layer", "--depth", "0"], "--depth is for --by layer, and at least 1"),
        ([TINY, "--format", "xml"], "--format is 'xml'; expected one of table, json, csv, md"),
        (["--sweep", "batch=1,2", "--plot", "x.png"], "--sweep and --plot need a MODEL; minivit cost alone lists all"),
        (["--batch", "0"], "batch is 0; expected at least 1"),
        (["vit_tini"], "there is no model 'vit_tini'; did you mean "),
        (["absent.safetensors"], "there is no file absent.safetensors$"),
    ],
)
def test_a_wrong_choice(mistake, args: list[str], says: str) -> None:
    said, out = mistake(*args)
    assert re.search(says, said), said
    assert out == ""


def test_a_step_that_does_not_fit_is_not_measured(mistake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["minivit.cost.room"], "free_memory", lambda: 2**20)
    said, out = mistake(TINY, "--measure")
    assert "a training step takes 6.4 MiB, and 1.0 MiB are free: measure with a smaller batch or model" in said
    assert out == ""
    monkeypatch.setattr(sys.modules["minivit.cost.room"], "free_memory", lambda: None)  # where the system does not say
    assert cli.main(["cost", TINY, *SMALL, "--measure"]) == 0


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--img-size", "1x2x3"], "argument --img-size: '1x2x3' is no size of an image"),
        (["--img-size", "x"], "argument --img-size: 'x' is no size of an image"),
        (["--sweep", "batch"], "argument --sweep: 'batch' is not KEY=VALUE"),
        (["--budget", ""], "argument --budget: it is empty"),
        (["--by", "op", "--measure"], "argument --measure: not allowed with argument --by"),
        (["--plot", ""], "argument --plot: it is empty"),
    ],
)
def test_an_argument_that_cannot_be_meant(args: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        cli.main(["cost", TINY, *args])
    assert exit_.value.code == 2
    assert says in capsys.readouterr().err


def test_sizes() -> None:
    assert size("224") == 224
    assert size("16x32") == (16, 32)


# Streams


@REST
@pytest.mark.skipif(sys.platform == "win32", reason="no such shell")
@pytest.mark.parametrize("where", ["--plot a.png >&- 2>&-; test -s a.png", "| true"])
def test_streams_that_take_nothing(where: str, tmp_path: Path) -> None:
    """A picture is drawn all the same."""
    command = f'"$0" -m minivit cost {TINY} --batch 2 {where}'
    done = subprocess.run(["sh", "-c", command, sys.executable], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_an_old_terminal(budgets: list[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A model in a folder whose name it cannot show, and which matplotlib would take for a formula."""
    folder = tmp_path / "zü $5_$\x1b[1m"
    folder.mkdir()
    mv.save(mv.create_model(TINY, **OPTIONS), folder / "checkpoint.safetensors")
    stream = io.TextIOWrapper(io.BytesIO(), "ascii", errors="strict")
    monkeypatch.setattr(sys, "stdout", stream)
    assert cli.main(["cost", str(folder), "--budget", "1MB", "--plot", str(tmp_path / "a.png")]) == 0
    text = stream.buffer.getvalue().decode("ascii")  # type: ignore[attr-defined]
    assert r"z\xfc $5_$\x1b[1m: a training step within" in text
    assert "\x1b" not in text
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_json_has_whole_numbers_only(printed) -> None:
    """At a batch where a float would lose the last digits."""
    batch = 10**12 + 1
    found = json.loads(printed(TINY, *SMALL, "--batch", str(batch), "--format", "json"))
    assert all(isinstance(value, int) for key, value in found.items() if key not in ("name", "dtype"))
    assert found["macs_forward"] == batch * mv.cost.estimate(TINY, **OPTIONS).macs_forward > 2**53
