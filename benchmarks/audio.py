"""Measure log-mel features of minivit against those of librosa and torchaudio on this machine, side by side.

    python benchmarks/audio.py
    python benchmarks/audio.py --seconds 600 --pairs 10

A noise of 60 s at 16 kHz in float32, from the wave to decibels: with librosa's defaults (frames of 2048 samples, every
512), and with frames of 400, every 160, as speech is cut. minivit also keeps what backward needs. All compute in one
process and one thread, and are found equal before anything is timed. They run in turn, and the ratio is taken pair by
pair: above 1, minivit is faster. Times are of the processor, so that other programs count less. Libraries that are not
installed are skipped.

Before, minivit alone, in fresh processes: the largest memory with longer and longer waves, in one piece, which grows in
proportion, and in blocks of 10 s, which does not grow.
"""

# pyright: reportMissingImports=false

import argparse
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from time import process_time
from typing import Any

from measure import alternate, in_child, speed_ratios, spread

SR, BLOCK = 16000, 10  # hertz; seconds
CUTS: dict[str, dict[str, Any]] = {
    "librosa's defaults": {"n_fft": 2048, "hop_length": 512, "n_mels": 128},
    "frames of speech": {"n_fft": 400, "hop_length": 160, "n_mels": 80},
}
TOLERANCE = 1e-2  # decibels: float32 has seven digits, and some frequencies are 60 below others


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60, metavar="N", help="of sound; %(default)s")
    parser.add_argument("--pairs", type=int, default=20, metavar="N", help="%(default)s")
    args = parser.parse_args()
    print_memory()  # before this process is large, as Linux hands its size down

    import machine

    from minivit.threads import one_blas_thread

    print(machine.in_words(machine.describe()))
    with one_blas_thread():
        for peer, make in {"librosa": librosa_side, "torchaudio": torchaudio_side}.items():
            for name, options in CUTS.items():
                if find_spec(peer):
                    compare(peer, f"{name} {options}", make, options, args.seconds, args.pairs)
            if not find_spec(peer):
                print(f"skipped: {peer} is not installed")


def compare(peer: str, name: str, make: Callable, options: dict[str, Any], seconds: int, pairs: int) -> None:
    """Print the times of both sides, and their ratio."""
    import numpy as np

    y = noise(seconds)
    ours, theirs = our_side(y, options, like=peer), make(y, options)
    error = np.abs(ours() - theirs()).max()
    if not error <= TOLERANCE:
        raise AssertionError(f"{peer} and minivit differ by {error:.1e} dB")
    times = alternate(partial(timed, ours), partial(timed, theirs), pairs)
    low, ratio, high = spread(speed_ratios(times))
    mine, other = (1000 * spread(times[side])[1] for side in ("minivit", "peer"))
    print(f"{seconds} s of sound, {name}:")
    print(f"  minivit {mine:.1f} ms, {peer} {other:.1f} ms; ratio {ratio:.2f} (10 % {low:.2f}, 90 % {high:.2f})")


def our_side(y: Any, options: dict[str, Any], like: str) -> Callable[[], Any]:
    """Decibels of minivit, with librosa's conventions or torchaudio's."""
    from minivit.audio import melspectrogram_forward, power_to_db_forward

    theirs = {"librosa": {}, "torchaudio": {"pad_mode": "reflect", "htk": True, "norm": None}}[like]
    options = {**options, **theirs, "sr": SR}
    return lambda: power_to_db_forward(melspectrogram_forward(y, **options)[0])[0]


def librosa_side(y: Any, options: dict[str, Any]) -> Callable[[], Any]:
    import librosa

    return lambda: librosa.power_to_db(librosa.feature.melspectrogram(y=y, sr=SR, **options))


def torchaudio_side(y: Any, options: dict[str, Any]) -> Callable[[], Any]:
    import torch
    from torchaudio.transforms import AmplitudeToDB, MelSpectrogram

    torch.set_num_threads(1)
    mel, to_db, wave = MelSpectrogram(SR, **options), AmplitudeToDB("power", top_db=80.0), torch.from_numpy(y)
    return lambda: to_db(mel(wave)).numpy()


def timed(work: Callable[[], Any]) -> float:
    """Processor time of one call."""
    start = process_time()
    work()
    return process_time() - start


def noise(seconds: int) -> Any:
    import numpy as np

    return np.random.default_rng(0).standard_normal(seconds * SR, np.float32) / 10


def print_memory() -> None:
    """The largest memory of fresh processes, less that of one that does nothing."""
    without = in_child("audio.peak_memory", seconds=0, in_blocks=False)
    for in_blocks in (False, True):
        way = f"in blocks of {BLOCK} s" if in_blocks else "in one piece"
        peaks = {n: in_child("audio.peak_memory", seconds=n, in_blocks=in_blocks) for n in (60, 120, 240, 480)}
        print(f"memory {way}: " + ", ".join(f"{n} s {(peak - without) / 2**20:.0f} MiB" for n, peak in peaks.items()))


def peak_memory(seconds: int, in_blocks: bool) -> int:
    """Largest resident memory in bytes. To be called in a fresh process."""
    import numpy as np
    from alone import peak_bytes

    from minivit.audio import log_mel_blocks, log_mel_forward

    log_mel_forward(noise(1), sr=SR)
    if in_blocks:
        for _ in log_mel_blocks((noise(BLOCK) for _ in range(seconds // BLOCK)), sr=SR):
            pass
    elif seconds:
        y = np.zeros(seconds * SR, np.float32)
        log_mel_forward(y, sr=SR)
    return peak_bytes()


if __name__ == "__main__":
    main()
