"""One function for each thing that is measured: it starts the measurements and prints their table."""

import argparse
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import accuracy as training
import alone
from measure import ChildError, Skip, Times, in_child, speed_ratios, spread
from report import Report, Table, in_seconds
from workload import DEFAULT_MODELS, PRESETS, Workload, make_workload

RATIO = "ratio: throughput of minivit / throughput of the peer; above 1, minivit is faster"
CASE = [("model", -24), ("batch", 5), ("threads", 7)]
RATIO_COLUMNS = [("minivit", 9), ("peer", 9), ("ratio", 6), ("10 % to 90 %", 14)]


class Session:
    """One run of the benchmarks: its options, models and report, and how many measurements have failed."""

    def __init__(self, args: argparse.Namespace, machine: dict[str, Any]) -> None:
        self.args, self.failures = args, 0
        options = {name: value for name, value in vars(args).items() if name not in ("json", "data_dir")}
        self.report = Report(args.json, machine, options)
        labels = args.models or DEFAULT_MODELS
        labels = list(PRESETS) if labels == ["all"] else labels
        found = [self.attempt(label, make_workload, label, args.batch_size) for label in labels]
        self.workloads = [workload for workload in found if workload]

    def attempt(self, name: str, measure: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """What ``measure`` returns, or None after a line that says why there is nothing."""
        try:
            return measure(*args, **options)
        except Skip as reason:
            print(f"skipped: {name}: {reason}", flush=True)
        except ChildError as error:
            self.failures += 1
            print(f"FAILED: {name}: {str(error).splitlines()[-1]}", flush=True)
            print(error, file=sys.stderr)
        return None

    def installed(self, peer: str) -> bool:
        """Whether there is such a library; if not, say so."""
        found = find_spec(peer.partition("-")[0]) is not None
        if not found:
            print(f"skipped: {peer} is not installed", flush=True)
        return found

    def cases(self) -> Iterator[tuple[Workload, int, str]]:
        """Every model with every number of threads, and a name for both."""
        for workload in self.workloads:
            for threads in self.args.threads:
                yield workload, threads, f"{workload.label}, {threads} threads"

    def keep(self, what: str, workload: Workload, threads: int, **result: Any) -> None:
        """Put a result into the report."""
        self.report.add(what, **workload._asdict(), threads=threads, **result)


def step(session: Session) -> None:
    """Training steps against every peer."""
    speed(session, "step", "TRAINING STEP: forward, loss (label smoothing 0.1), backward, clipping, AdamW; float32")


def inference(session: Session) -> None:
    """Inference against every peer."""
    speed(session, "inference", "INFERENCE: logits of a batch, nothing kept for backward; float32")


def speed(session: Session, what: str, title: str) -> None:
    """Times per batch of both sides."""
    print()
    peers = [peer for peer in session.args.peers if session.installed(peer)]
    notes = [RATIO, f"times per batch, {medians(session)}"]
    table = Table(title, notes, [*CASE, ("peer", -13), *RATIO_COLUMNS])
    for workload, threads, name in session.cases():
        for peer in peers:
            arguments = {"what": what, "workload": workload, "peer": peer, "threads": threads}
            # JAX has no setting for its threads; it takes one per core that the process may use
            arguments |= {"pairs": session.args.pairs, "cores": threads if peer == "jax" else None}
            times = session.attempt(f"{name}, {peer}", in_child, "speed.compare", **arguments)
            if times:
                table.row(workload.label, workload.batch_size, threads, peer, *ratio_cells(times))
                session.keep(what, workload, threads, peer=peer, seconds=times, ratio=summary(times))


def memory(session: Session) -> None:
    """Resident memory of fresh processes."""
    if not session.installed("torch"):
        return
    runs = min(3, session.args.pairs)  # memory hardly varies
    notes = [
        "total: peak of a fresh process that trains three steps",
        "growth: total less the peak before the first step, when library, model and data are there",
        f"ratio: PyTorch / minivit, above 1 minivit takes less; medians of {runs} processes of each, in turn",
    ]
    columns = [(f"{side} {kind}", 14) for kind in ("total", "growth") for side in ("minivit", "torch")]
    columns = [*columns[:2], ("ratio", 6), *columns[2:], ("ratio", 6)]
    table = Table("MEMORY: largest resident memory of training, MiB", notes, [*CASE, *columns])
    for workload, threads, name in session.cases():
        peaks = session.attempt(name, alone.compare_memory, workload, threads, pairs=runs)
        if peaks:
            total = {side: spread([run["peak"] for run in side_runs])[1] for side, side_runs in peaks.items()}
            growth = {
                side: spread([run["peak"] - run["built"] for run in side_runs])[1] for side, side_runs in peaks.items()
            }
            cells = []
            for ours, theirs in ((total["minivit"], total["peer"]), (growth["minivit"], growth["peer"])):
                cells += [f"{ours / 2**20:.0f}", f"{theirs / 2**20:.0f}", f"{theirs / max(ours, 1):.2f}"]
            table.row(workload.label, workload.batch_size, threads, *cells)
            session.keep("memory", workload, threads, peer="torch", bytes=peaks)


def startup(session: Session) -> None:
    """Wall time of fresh processes."""
    if not session.installed("torch"):
        return
    notes = [
        f"wall time of whole processes, {medians(session)}",
        "ratio: time of PyTorch / time of minivit; above 1, minivit is there first",
    ]
    table = Table("START-UP: from the start of a process to its end", notes, [("until", -16), *CASE, *RATIO_COLUMNS])
    pairs = session.args.pairs
    if times := session.attempt("import", alone.compare_import, pairs):
        table.row("import", "", "", "", *ratio_cells(times))
        session.report.add("startup", until="import", peer="torch", seconds=times, ratio=summary(times))
    for workload, threads, name in session.cases():
        if times := session.attempt(name, alone.compare_first_step, workload, threads, pairs):
            cells = (workload.label, workload.batch_size, threads, *ratio_cells(times))
            table.row("one step trained", *cells)
            session.keep(
                "startup", workload, threads, until="one step", peer="torch", seconds=times, ratio=summary(times)
            )


def ops(session: Session) -> None:
    """Every op of the step, alone."""
    if not session.installed("torch"):
        return
    for workload, threads, name in session.cases():
        notes = [
            RATIO,
            f"times per image, {medians(session)}; threads: {threads}; batch: {workload.batch_size}",
            "minivit runs the shards of its training step, PyTorch the whole batch; backward of the patch embedding",
            "includes the gradient of the images in minivit, which PyTorch leaves out",
        ]
        columns = [("op", -18), ("direction", -9), ("shape of a shard", -20), *RATIO_COLUMNS]
        table = Table(f"OPS of {workload.label}, one by one, against PyTorch; float32", notes, columns)
        arguments = {"workload": workload, "threads": threads, "pairs": session.args.pairs}
        for result in session.attempt(name, in_child, "ops.compare", **arguments) or []:
            times = result.pop("seconds")
            shape = " x ".join(map(str, result["shape"]))
            table.row(result["op"], result["direction"], shape, *ratio_cells(times))
            session.keep("ops", workload, threads, **result, peer="torch", seconds=times, ratio=summary(times))


def limit(session: Session) -> None:
    """The step, and its matrix products alone."""
    notes = [
        "products: all matrix products of the step, alone, with the same shapes, layouts, shards and threads",
        "share: time of the products / time of the step; 1 would be a step that does nothing else",
        medians(session),
    ]
    columns = [*CASE, ("step", 9), ("products", 9), ("share", 6), ("10 % to 90 %", 14)]
    columns += [("GFLOP/s in step", 15), ("alone", 7)]
    table = Table("LIMIT: how much of a training step is matrix products", notes, columns)
    for workload, threads, name in session.cases():
        arguments = {"workload": workload, "threads": threads, "pairs": session.args.pairs}
        if result := session.attempt(name, in_child, "limit.compare", **arguments):
            times, flops = result["seconds"], result["flops"]
            rates = [f"{flops / spread(times[side])[1] / 1e9:.0f}" for side in ("minivit", "peer")]
            table.row(workload.label, workload.batch_size, threads, *ratio_cells(times), *rates)
            seconds = {"step": times["minivit"], "products": times["peer"]}
            session.keep("limit", workload, threads, seconds=seconds, flops=flops, share=summary(times))


def accuracy(session: Session) -> None:
    """The recipe of the command line, until the target is reached."""
    target = session.args.target
    for threads in session.args.threads:
        print(
            f"\nACCURACY: CIFAR-10, recipe of minivit train; {threads} threads; target {target:.0%} of the test images"
        )
        print("time: from the start of a fresh process to the end of the evaluation after each epoch")
        name = f"accuracy, {threads} threads"
        result = session.attempt(name, training.measure, target, threads, session.args.data_dir)
        if result:
            last = result["epochs"][-1]
            reached = "reached" if last["accuracy"] >= target else "NOT reached"
            print(f"{target:.0%} {reached}: {len(result['epochs'])} epochs, {last['seconds']:.0f} s")
            session.report.add("accuracy", threads=threads, target=target, **result)


def medians(session: Session) -> str:
    """What stands in the columns."""
    return f"medians of {session.args.pairs} pairs, and the range from 10 % to 90 % of the ratios of pairs"


def ratio_cells(times: Times) -> tuple[str, str, str, str]:
    """Cells for RATIO_COLUMNS: median times of both sides, median and spread of the ratios of the pairs."""
    ours, theirs = (in_seconds(spread(times[side])[1]) for side in ("minivit", "peer"))
    low, median, high = spread(speed_ratios(times))
    return ours, theirs, f"{median:.2f}", f"{low:.2f} to {high:.2f}"


def summary(times: Times) -> dict[str, float]:
    """The ratio for the report; the times from which anything else can be computed stand beside it."""
    low, median, high = spread(speed_ratios(times))
    return {"median": median, "10%": low, "90%": high}
