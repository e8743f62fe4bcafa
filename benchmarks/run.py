"""Measure minivit against other libraries on this machine, side by side.

    python benchmarks/run.py                        everything but accuracy, against PyTorch
    python benchmarks/run.py step inference --peers torch torch-compile jax autograd --json speed.json
    python benchmarks/run.py step --models all --threads 1
    python benchmarks/run.py accuracy --data-dir DIR

what is measured:
  step       a training step: forward, loss, backward, clipping, AdamW
  inference  logits of a batch
  memory     largest resident memory of a process that trains three steps
  startup    fresh processes: the import alone, and everything until one step is trained
  ops        each op of the step against the PyTorch function that does the same, forward and backward
  limit      how much of a training step is matrix products, below which no NumPy can go
  accuracy   time from the start of a process to a test accuracy on CIFAR-10 (not measured if nothing is named)

Both sides have the same weights, the same batch and the same number of threads. Before anything is timed, their losses
or logits are found equal within the rounding of float32. They run in turn, and the ratio is taken pair by pair.
Libraries that are not installed are skipped.
"""

import argparse
import sys

WHATS = ("step", "inference", "memory", "startup", "ops", "limit", "accuracy")
PEERS = ("torch", "torch-channels-last", "torch-compile", "jax", "autograd")


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", metavar="WHAT", help=f"of {', '.join(WHATS)}; all but accuracy if not given")
    parser.add_argument(
        "--models",
        nargs="+",
        metavar="MODEL",
        help="NAME, NAME:avg or NAME:token, by what the head reads (mean of the patches, or class token); or all",
    )
    parser.add_argument("--threads", type=int, nargs="+", metavar="N", default=[1, 2])
    parser.add_argument("--batch-size", type=int, metavar="N", help="at most 128 and what suits the model if not given")
    parser.add_argument("--pairs", type=int, default=20, metavar="N")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=["torch"], help="for step and inference")
    parser.add_argument("--json", metavar="FILE", help="write every single time here, and the machine")
    parser.add_argument("--data-dir", metavar="DIR", help="where CIFAR-10 is kept, as in minivit train")
    parser.add_argument("--target", type=float, default=0.6, metavar="SHARE", help="test accuracy to reach")
    return parser


def main() -> int:
    """Measure; the exit code is 1 if anything failed."""
    parser = build_parser()
    args = parser.parse_args()
    args.what = args.what or [what for what in WHATS if what != "accuracy"]
    unknown = [what for what in args.what if what not in WHATS]
    if unknown:
        parser.error(f"there is no measurement {unknown[0]!r}; there are {', '.join(WHATS)}")
    if min(args.pairs, args.batch_size or 1, *args.threads) < 1:
        parser.error("--pairs, --threads and --batch-size must be at least 1")

    import machine  # these import NumPy, which --help does not need
    import tables

    description = machine.describe()
    print(machine.in_words(description))
    for threads in [n for n in args.threads if n > description["cores_available"]]:
        print(f"skipped: {threads} threads; there are {description['cores_available']} cores")
        args.threads.remove(threads)
    session = tables.Session(args, description)
    for what in args.what:
        getattr(tables, what)(session)
    return session.failures > 0


if __name__ == "__main__":
    sys.exit(main())
