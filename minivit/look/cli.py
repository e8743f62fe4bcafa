"""``minivit look``: photographs in, a picture of what a Vision Transformer sees on them out."""

import argparse
from typing import Any

MOST = 12  # photographs in one picture


def add_look_command(commands: Any) -> None:
    """Add ``look`` to the commands of ``minivit``."""
    look = commands.add_parser("look", help="draw what a Vision Transformer sees on photographs of any size")
    look.add_argument(
        "checkpoint",
        metavar="CHECKPOINT",
        help="a run, its checkpoint, a preset whose trained weights are on the hub, or with --model weights of others",
    )
    look.add_argument("images", nargs="+", metavar="IMAGE", help="two and more are compared, each with the next one")
    look.add_argument("--model", metavar="NAME", help="of weights of timm, transformers or Google: their preset")
    look.add_argument("--size", type=int, metavar="N", help="pixels of the longer side; as in training if not given")
    look.add_argument("-o", "--out", metavar="FILE", default="look.png", help="look.png if not given")
    look.set_defaults(run=_run_look)


def _run_look(args: argparse.Namespace) -> int:
    """Draw, and print what was looked at."""
    from minivit.files import must_be_another
    from minivit.look import components, look, nearest, open_backbone
    from minivit.plot import photographs, save
    from minivit.plot.figure import picture_path
    from minivit.terminal import one_line, warnings_said

    if len(args.images) > MOST:
        raise ValueError(f"there are {len(args.images)} images; expected at most {MOST}, all in one picture")
    out = picture_path(args.out)
    for path in args.images:
        must_be_another(out, path)
    with warnings_said():
        backbone = open_backbone(args.checkpoint, args.model)
        seen = []
        for path in args.images:
            seen.append(look(backbone, backbone.read(path, args.size)))
            rows, columns, _ = seen[-1].patches.shape
            print(one_line(f"{path}: {rows} x {columns} patches"))
    found = components([its.patches for its in seen])
    pairs = [
        nearest(a.patches, b.patches, of_a.foreground, of_b.foreground)
        for a, b, of_a, of_b in zip(seen, seen[1:], found, found[1:], strict=False)
    ]
    figure = photographs(
        [its.image for its in seen],
        [its.attention for its in seen],
        [its.colours for its in found],
        pairs,
        reader="class token" if backbone.reads_class_token else "mean of the patches",
    )
    save(figure, out)
    print(one_line(f"wrote {out}"))
    return 0
