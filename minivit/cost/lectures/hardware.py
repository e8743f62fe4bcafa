"""What A100 and H100 can do, from the numbers of their processors, cores and clocks; days of training as a ratio.

Sources: NVIDIA, "A100 Tensor Core GPU Architecture" (2020) and "H100 Tensor Core GPU Architecture" (2022).
"""

from fractions import Fraction

from minivit.cost.formulas import memory_bandwidth, peak_flops
from minivit.cost.lectures.row import Row, held, quoted

A100 = {"processors": 108, "clock": 1_410_000_000}
H100 = {"processors": 132, "clock": 1_775_000_000}  # the clock of the slide; boards that are sold have others
TENSOR_CORES = 4  # of a processor, in both


def rows() -> list[Row]:
    """In the order of the slides."""
    return [*_peaks(), *_ratios(), *_memory(), *_h100_parts(), *_training()]


def _peaks() -> list[Row]:
    """Of each number format: cores of a processor, operations of a core in a cycle, what is printed, its last step."""
    table = {
        "A100": [
            ("FP64", 32, 2, "9.7", None),
            ("FP32", 64, 2, "19.5", None),
            ("BF16", 64, 4, "39", None),
            ("FP16", 64, 8, "78", None),
            ("TF32, tensor cores", TENSOR_CORES, 256, "156", None),
            ("FP16/BF16, tensor cores", TENSOR_CORES, 512, "312", None),
        ],
        "H100": [
            ("FP64", 64, 2, "30", None),
            ("FP32", 128, 2, "60", None),
            ("BF16", 128, 4, "120", None),
            ("FP16", 128, 4, "120", None),
            ("TF32, tensor cores", TENSOR_CORES, 512, "500", 100),
            ("FP16/BF16, tensor cores", TENSOR_CORES, 1024, "1000", 100),
        ],
    }
    found = []
    for chip, formats in table.items():
        clock = A100 if chip == "A100" else H100
        for name, cores, flops, printed, step in formats:
            peak = peak_flops(cores=cores, flops_per_cycle=flops, **clock)
            why = f"{clock['processors']} SMs x {cores} x {flops} FLOPs per cycle x {clock['clock'] / 1e9:g} GHz"
            found.append(held(f"{chip}: {name}", printed, "T FLOP/s", peak, why, step=step))
    return found


def _ratios() -> list[Row]:
    """The slide's ratios are those of the numbers that it prints."""
    table = [
        ("memory bandwidth", "3.0", "2.0", "1.5"),
        ("FP64", "30", "9.7", "3"),
        ("FP32", "60", "19.5", "3"),
        ("BF16", "120", "39", "3"),
        ("FP16", "120", "78", "1.5"),
        ("TF32, tensor cores", "500", "156", "3.2"),
        ("FP16/BF16, tensor cores", "1000", "312", "3.2"),
    ]
    return [
        held(f"H100 / A100: {name}", printed, "", Fraction(new) / Fraction(old), f"{new} / {old}, as printed")
        for name, new, old, printed in table
    ]


def _memory() -> list[Row]:
    stacks, bits = 5, 1024
    found = []
    for chip, printed, size in [("A100", "40", 8), ("A100", "80", 16), ("H100", "40", 16), ("H100", "80", 16)]:
        why = f"{stacks} stacks of {size} GiB"
        if chip == "H100":
            why += "; there is no H100 with 40" if printed == "40" else ""
        found.append(held(f"{chip}: {printed} GB of memory", printed, "GB", stacks * size * 2**30, why, meant="GiB"))
    for size, printed, clock in [(40, "1.5", 1_215_000_000), (80, "2.0", 1_593_000_000)]:
        why = f"{stacks * bits} bits, twice in a cycle of {clock / 1e6:g} MHz"
        bandwidth = memory_bandwidth(stacks * bits, clock)
        found.append(held(f"A100 with {size} GB: memory bandwidth", printed, "T B/s", bandwidth, why))
    h100 = quoted("H100: memory bandwidth", "3.0", "T B/s", "NVIDIA 2022", "as announced, before the clock was known")
    return [*found, h100]


def _h100_parts() -> list[Row]:
    fp32 = peak_flops(cores=128, flops_per_cycle=2, **H100)
    tensor_flops = 4 * 16 * 8 * 2
    announced = 1000 * 10**12
    cores = round(announced / peak_flops(cores=1, flops_per_cycle=tensor_flops, **H100))
    with_four = peak_flops(cores=4 * TENSOR_CORES, flops_per_cycle=tensor_flops, **H100)
    return [
        held("H100: SMs on the chip", "144", "", 8 * 9 * 2, "8 clusters of 9 pairs"),
        quoted("H100: SMs in use", "132", "", "NVIDIA 2022", "66 pairs, for the SXM board"),
        held("H100: FP32 cores of an SM", "128", "", 4 * 32, "4 subunits of 32"),
        held("H100: FP32, the slide's product", "60", "G FLOP/s", fp32, "a thousand times more: 60 x 10^12"),
        held(
            "H100: FLOPs of a tensor core in a cycle",
            "1024",
            "",
            tensor_flops,
            "(4 x 16) by (16 x 8), 2 for each product",
        ),
        held(
            "H100: tensor cores of a subunit",
            "4",
            "",
            cores // 4,
            f"the announced 1000 TFLOP/s take {cores} per SM, one per subunit; 4 would give {with_four / 1e12:,.0f}",
        ),
        held("TF32: bits", "19", "", 1 + 8 + 10, "sign, exponent of FP32, mantissa of FP16"),
    ]


def _training() -> list[Row]:
    days = {
        "ViT-H/14, JFT": "2.5k",
        "ViT-L/16, JFT": "0.68k",
        "ViT-L/16, ImageNet-21k": "0.23k",
        "BiT-L, ResNet152x4, JFT": "9.9k",
        "Noisy Student, EfficientNet-L2": "12.3k",
    }
    first = float(days["ViT-H/14, JFT"].removesuffix("k"))
    return [
        quoted(
            f"TPUv3-core-days of training: {name}",
            printed,
            "",
            "Dosovitskiy et al. 2021, table 2",
            f"{float(printed.removesuffix('k')) / first:.2f} times ViT-H/14's",
        )
        for name, printed in days.items()
    ]
