"""Sample inputs of Kaldi's features: short frames, enough frequencies for every band."""

from numpy.random import Generator

from minivit.check.draw import Case, choose, different, sizes


def kaldi_fbank(rng: Generator) -> Case:
    while True:  # until no two lengths are equal
        (B,), T, W, h = sizes(rng, 1), *(int(rng.integers(*ends)) for ends in ((14, 40), (6, 14), (3, 16)))
        options = {
            "n_mels": choose(rng, 3, 5),
            "win_length": W,
            "hop_length": h,
            "snip_edges": choose(rng, True, False),
        }
        N = 1 + (T - W) // h if options["snip_edges"] else (T + h // 2) // h
        if N > 0 and different((B, T), (B, options["n_mels"], N)):
            break
    window = choose(rng, "povey", "hann", rng.standard_normal(W))
    options |= {"sr": 8000.0, "n_fft": choose(rng, 32, 45), "fmax": choose(rng, None, 3500.0), "window": window}
    options |= {"coef": choose(rng, 0.97, 0.0), "remove_dc_offset": choose(rng, True, False)}
    return Case((rng.standard_normal((B, T)),), options | {"power": choose(rng, 2.0, 1.0)})
