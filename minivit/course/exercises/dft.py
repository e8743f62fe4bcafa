"""The discrete Fourier transform: as it is defined, as a matrix, fast, inverted, and of real numbers as a pair."""

from functools import partial

import numpy as np
from numpy.random import Generator

from minivit.check.draw import Case, choose, complex_normal, different
from minivit.course.exercise import Call, Draw, Exercise, Property, Task
from minivit.course.exercises._cases import ONE_SAMPLE, close

OTHERS = (  # numpy.fft, scipy.fft and scipy.linalg.dft, by what all their functions call
    "numpy.fft._pocketfft:_raw_fft",
    *(f"scipy.fft._pocketfft.basic:{name}" for name in ("c2c", "r2c", "c2r", "c2cn", "r2cn", "c2rn")),
    "scipy.linalg._special_matrices:dft",
)


def signals(*numbers: int, batch: int = 1, of_complex: bool = False) -> Draw:
    """Draws signals of one of these numbers of samples; no two lengths are equal."""

    def drawn(rng: Generator) -> Case:
        while True:
            shape = (*rng.permutation([3, 5, 7])[:batch].tolist(), choose(rng, *numbers))
            if different((*shape, 1 + shape[-1] // 2)):
                return Case((complex_normal(rng, shape) if of_complex else rng.standard_normal(shape),), {})

    return drawn


def real(*pairs: tuple[int, int | None]) -> Draw:
    """Draws real signals of W samples, of which n are transformed."""

    def drawn(rng: Generator) -> Case:
        while True:
            (W, n), B = choose(rng, *pairs), choose(rng, 3, 5, 7)
            if different((B, W, 1 + (n or W) // 2)):
                return Case((rng.standard_normal((B, W)),), {"n": n})

    return drawn


def two_leading_axes(rng: Generator) -> Case:
    return Case((rng.standard_normal((3, 2, 10)),), {"n": None})


def matrix_size(rng: Generator) -> Case:
    return Case((choose(rng, 3, 5, 6, 7, 8, 9),), {})


def named_sizes(case: Case) -> dict[str, float]:
    N = case.kwargs.get("n") or (case.args[0] if isinstance(case.args[0], int) else case.args[0].shape[-1])
    return {"N": N} if N not in (2, 4) else {}


def is_unitary(call: Call, rng: Generator) -> str | None:
    F = np.asarray(call(12))
    return None if close(F @ F.conj().T, 12 * np.eye(12)) else "F times its conjugate transpose must be N times 1"


def keeps_the_energy(call: Call, rng: Generator) -> str | None:
    x = complex_normal(rng, (12,))
    X = np.asarray(call(x))
    yours, right = (np.abs(X) ** 2).sum(), 12 * (np.abs(x) ** 2).sum()
    says = "Parseval: the sum of |X_k|^2 must be N times the sum of |x_n|^2"
    return None if close(yours, right) else f"{says}, {right:.6g} here; yours is {yours:.6g}"


def finds_a_tone(call: Call, rng: Generator) -> str | None:
    k, N = choose(rng, 1, 2, 5), 12
    X = np.asarray(call(np.cos(2 * np.pi * k * np.arange(N) / N)))
    right = np.zeros(N)
    right[[k, N - k]] = N / 2
    says = f"a cosine that turns {k} times in {N} samples has {N // 2} in the bins {k} and {N - k}, and 0 elsewhere"
    return None if close(X, right) else f"{says}; yours has {', '.join(f'{size:.3g}' for size in np.abs(X).round(9))}"


def turns_with_a_delay(call: Call, rng: Generator) -> str | None:
    x = rng.standard_normal(16)
    turned = np.asarray(call(x)) * np.exp(-2j * np.pi * 3 * np.arange(16) / 16)
    says = "if x comes 3 samples later (around the circle), X_k turns by 3 k / N of a circle: e^(-2 pi i 3 k / N)"
    return None if close(call(np.roll(x, 3)), turned) else says


def is_right_for_every_length(call: Call, rng: Generator) -> str | None:
    """All from 1 to 20 and some that have been halved often."""
    for N in (*range(1, 21), 24, 28, 40, 64):
        x = rng.standard_normal(N)
        X = np.asarray(call(x))
        if X.dtype.kind != "c":
            return f"for N = {N} it returns real numbers; a transform is of complex ones"
        if not close(X, np.fft.fft(x)):
            return f"wrong for N = {N}"
    return None


def undoes(call: Call, rng: Generator) -> str | None:
    for x in (complex_normal(rng, (3, 12)), rng.standard_normal((3, 12))):
        again = np.asarray(call(np.fft.fft(x)))
        if not close(again, x):
            return "the inverse of the transform of x must be x, complex as it is"
        if again.dtype.kind != "c":
            return "where x was real, it returns real numbers; the inverse returns complex ones, whatever they are"
    return None


def has_real_edges(call: Call, rng: Generator) -> str | None:
    X = np.asarray(call(rng.standard_normal(12))[0])
    says = "of real numbers X_0 and X_{N/2} are real (a sum, and a sum with every other sign changed)"
    return None if close(np.imag(X[[0, -1]]), 0) else f"{says}; yours are {X[0]:.4g} and {X[-1]:.4g}"


SIGN = "the exponent has the other sign: the transform has e^(-2 pi i k n / N), its inverse e^(+2 pi i k n / N)"
NO_PI = "2 pi is missing: e^(i angle) goes round once when the angle is 2 pi"
HALF_TURNS = "pi instead of 2 pi: k n / N is a part of the whole circle"
STEPS = "the circle has N steps, not N - 1"
FROM_ONE = "the bins are counted from 1; k begins with 0, where nothing turns"
SAMPLES_FROM_ONE = "the samples are counted from 1; n begins with 0"
NOT_DIVIDED = "divided by N: 1/N belongs to the inverse"
ROOT = "divided by the root of N (the unitary form); here 1/N is in the inverse, all of it"
COSINES = "the cosines only: e^(-i angle) = cos(angle) - i sin(angle), and the imaginary part is missing"
PARTS = "cosine and sine have changed places: e^(-i angle) = cos(angle) - i sin(angle)"
CENTRED = "frequency 0 stands in the middle; here it comes first (that is what np.fft.fftshift changes)"
FIRST_AXIS = "the transform runs over the first axis; it is the last"
NO_CIRCLE = "the exponent is not divided by N: after N samples bin 1 must have gone round once"
HALVES = (
    "each halving is a few NumPy calls: transform both halves in one call, as two rows of one array (log2 N calls; two "
    "calls are 2 N in all), and no matrix of N x N numbers"
)
TURN = "euler(-2 * np.pi / N * np.arange(N // 2))"
ENTRY = "X[k] += x[n] * euler(-2 * np.pi * (k * n % N) / N)"
ROOTS = "return euler(-2 * np.pi / N * k)[k[:, None] * k % N]"
GIVEN_N = "return _code_for(x).rfft(x, N), RfftCache(x.shape[-1], N)"
ADJOINT = "dx = _code_for(dy).irfft(dy * (N / _copies(N, dy)), N)"
UNDO_CONJ = "return fft(X.conj()).conj() / X.shape[-1]"
TWICE = (
    "the bins between the edges count twice: irfft adds for each its conjugate. The adjoint runs over the bins that "
    "there are, so halve them"
)
NO_COPY = "the bins 0 and N/2 have no conjugate beside them: irfft counts them once, so they are not halved"
DIVIDED = "divided by N: that is the inverse. The adjoint is no inverse, and nothing is divided"
CONJUGATE = (
    "the exponent has the other sign: the adjoint is the conjugate transpose, e^(+2 pi i k n / N) where the forward "
    "has e^(-2 pi i k n / N)"
)


def with_parts(cosine: str, sine: str) -> str:
    """A sum over both parts, in the loop."""
    return f"angle = 2 * np.pi * k * n / N; X[k] += x[n] * ({cosine} * np.cos(angle) + {sine} * np.sin(angle))"


transform = partial(Task, sizes=named_sizes)
REASONS = {"1 / N": "1/N belongs to the inverse", "1 / sqrt(N)": "1/N is in the inverse, all of it"}
one_row = partial(transform, axes={"y": "sample frequency"}, reasons=REASONS, closed=OTHERS, simpler=ONE_SAMPLE)

TASKS = (
    one_row(
        "dft_loops",
        {"": signals(5, 6, 7, 8, 9, batch=0), "of complex numbers": signals(5, 6, 7, 9, batch=0, of_complex=True)},
        (Property("a tone in its bins", finds_a_tone),),
        {
            ENTRY: {
                "X[k] += x[n] * euler(2 * np.pi * k * n / N)": SIGN,
                "X[k] += x[n] * euler(-k * n / N)": NO_PI,
                "X[k] += x[n] * euler(-np.pi * k * n / N)": HALF_TURNS,
                "X[k] += x[n] * euler(-2 * np.pi * k * n)": NO_CIRCLE,
                "X[k] += x[n] * euler(-2 * np.pi * k * n) / N": "N stands outside of the exponent: the angle is "
                "divided by it, not the number",
                "X[k] += x[n] * euler(-360 * k * n / N)": "360 in place of 2 pi: angles are in radians",
                "X[k] += x[n] * euler(-2 * np.pi * k * n / (N - 1))": STEPS,
                "X[k] += x[n] * euler(-2 * np.pi * (k + 1) * n / N)": FROM_ONE,
                "X[k] += x[n] * euler(-2 * np.pi * k * (n + 1) / N)": SAMPLES_FROM_ONE,
                "X[k] += x[n] * euler(-2 * np.pi * (k + 1) * (n + 1) / N)": "both indices are counted from 1; they "
                "begin with 0",
                "X[k] += x[n] * euler(-2 * np.pi * k / N)": "the exponent does not depend on n: the wave must turn "
                "from sample to sample",
                "X[k] += x[n] * euler(-2 * np.pi * n / N)": "the exponent does not depend on k: bin k turns k times",
                "X[k] += x[n] * euler(-2 * np.pi * (k + n) / N)": "k and n are added in the exponent; it has their "
                "product",
                "X[k] += x[n] * euler(-2 * np.pi * k * n / N) / N": NOT_DIVIDED,
                "X[k] += x[n] * euler(-2 * np.pi * k * n / N) / np.sqrt(N)": ROOT,
                "X[k] = x[n] * euler(-2 * np.pi * k * n / N)": "the last sample overwrites the others; X_k is the sum "
                "over all of them: +=",
                "X[k] += x[k] * euler(-2 * np.pi * k * n / N)": "k and n are exchanged in one place: X_k is the sum "
                "over n, of x_n",
                "X[k] += 1j * x[n] * np.exp(-2 * np.pi * k * n / N)": "1j stands before the exponential; it belongs "
                "into the exponent",
                "X[k] += euler(-2 * np.pi * k * n / N)": "the samples are missing: each turned 1 is multiplied by x_n",
                "X[k] += x[n] + euler(-2 * np.pi * k * n / N)": "the sample is added to the turned 1; it is multiplied "
                "by it",
                "X[k] += x[n].real * euler(-2 * np.pi * k * n / N)": "the imaginary part of x is left out",
                "X[(k + N // 2) % N] += x[n] * euler(-2 * np.pi * k * n / N)": CENTRED,
                "X[k] += x[n] * np.exp(-2 * np.pi * k * n / N)": "the exponent is real: 1j is missing, and the wave "
                "dies away instead of turning",
                "X[k] += np.abs(x[n] * euler(-2 * np.pi * k * n / N))": "sizes are added; it is the complex numbers "
                "that are, so that they can cancel",
                with_parts("1", "0"): COSINES,
                with_parts("0", "-1j"): "the sines only: e^(-i angle) = cos(angle) - i sin(angle), and the cosine is "
                "missing",
                with_parts("1", "-1"): "the i of the sine is missing: e^(-i angle) = cos(angle) - i sin(angle)",
                with_parts("-1j", "1"): PARTS,
            },
            "return X": {
                "return X[: 1 + N // 2]": "... y has shape",
                "return X * (np.arange(N) == 0)": "all bins but the first are empty: is `return X` inside of the loop?",
                "return np.abs(X)": "... their angle is missing",
                "return X.conj() * 1j": "... real and imaginary part are exchanged",
                "return -X": "... has the wrong sign",
            },
        },
        keep_loops=True,
    ),
    transform(
        "dft_matrix",
        {"": matrix_size},
        (Property("its conjugate transpose is its inverse, but for N", is_unitary),),
        {
            ROOTS: {
                "return euler(2 * np.pi / N * k[:, None] * k)": SIGN,
                "return euler(-k[:, None] * k / N)": NO_PI,
                "return euler(-np.pi / N * k[:, None] * k)": HALF_TURNS,
                "return euler(-2 * np.pi * k[:, None] * k)": NO_CIRCLE,
                "return euler(-2 * np.pi / (N - 1) * k[:, None] * k)": STEPS,
                "return euler(-2 * np.pi / N * (k[:, None] + 1) * k)": FROM_ONE,
                "return euler(-2 * np.pi / N * k[:, None] * (k + 1))": SAMPLES_FROM_ONE,
                "return euler(-2 * np.pi / N * (k[:, None] + 1) * (k + 1))": "both indices are counted from 1; they "
                "begin with 0, so the first row and column are 1",
                "return euler(-2 * np.pi / N * (k[:, None] + k))": "k and n are added in the exponent; it has their "
                "product",
                "return euler(-2 * np.pi / N * k[:, None] * k) / N": NOT_DIVIDED,
                "return euler(-2 * np.pi / N * k[:, None] * k) / np.sqrt(N)": ROOT,
                "return euler(2 * np.pi / N * k[:, None] * k) / N": "that is the inverse of the matrix; F has "
                "e^(-2 pi i k n / N), and no 1/N",
                "return np.cos(2 * np.pi / N * k[:, None] * k) + 0j": COSINES,
                "return np.sin(2 * np.pi / N * k[:, None] * k) - 1j * np.cos(2 * np.pi / N * k[:, None] * k)": PARTS,
                "return np.exp(-2 * np.pi / N * k[:, None] * k)": "the exponent is real: 1j is missing",
                "return euler(-2 * np.pi / N * (k[:, None] - N // 2) * k)": CENTRED,
                "return euler(-2 * np.pi / N * (k[:, None] - N // 2) * (k - N // 2))": "k and n are counted from the "
                "middle; they begin with 0",
                "return euler(-2 * np.pi / N * k[:, None] * k)[: 1 + N // 2]": "... y has shape",
                "return euler(-2 * np.pi / N * k)": "... y has shape",
                "return -euler(-2 * np.pi / N * k[:, None] * k)": "... has the wrong sign",
                "return 1j * euler(-2 * np.pi / N * k[:, None] * k)": "... a quarter of a circle",
            }
        },
        reasons=REASONS,
        axes={"y": "frequency sample"},
        closed=OTHERS,
    ),
    one_row(
        "dft",
        {
            "": signals(6, 8, 9, 10),
            "of complex numbers": signals(6, 9, 10, of_complex=True),
            "without other axes": signals(8, 9, batch=0),
            "with two other axes": signals(6, 8, 10, batch=2),
        },
        (Property("Parseval", keeps_the_energy),),
        {
            "x @ dft_matrix(x.shape[-1])": {
                "x @ dft_matrix(x.shape[-1]).conj()": "that is the inverse (without 1/N): the matrix itself "
                "multiplies, not its conjugate",
                "x @ dft_matrix(x.shape[-1]).real": COSINES,
                "(x / x.shape[-1]) @ dft_matrix(x.shape[-1])": NOT_DIVIDED,
                "(x / x.shape[-1] ** 0.5) @ dft_matrix(x.shape[-1])": ROOT,
                "x.real @ dft_matrix(x.shape[-1])": "the imaginary part of x is left out",
                "x.conj() @ dft_matrix(x.shape[-1])": "x is conjugated, as np.vdot does; it stays as it is",
                "x[..., ::-1] @ dft_matrix(x.shape[-1])": "the samples are turned around",
                "np.abs(x) @ dft_matrix(x.shape[-1])": "signs and angles of x are lost: np.abs does not belong there",
                "np.moveaxis(np.moveaxis(x, 0, -1) @ dft_matrix(x.shape[0]), -1, 0)": FIRST_AXIS,
                "x @ np.fft.fftshift(dft_matrix(x.shape[-1]), 1)": CENTRED,
                "x @ dft_matrix(x.shape[-1])[:, : 1 + x.shape[-1] // 2]": "... y has shape",
                "x.sum(-1, keepdims=True) * dft_matrix(x.shape[-1])[0]": "that is the sum of the samples, the bin 0, "
                "in all bins",
            },
            ".astype(np.result_type(x, np.complex64), copy=False)": {
                "": "... it must be of complex64 where float32 came in",
            },
            "": {
                "x = x.reshape(-1, x.shape[-1]); return np.array([row @ dft_matrix(row.size).astype(np.result_type(x, "
                "np.complex64)) for row in x])": "... a loop over",
                "x -= x.mean(); return x @ dft_matrix(x.shape[-1])": "... you modified x in place",
            },
        },
        uses=("dft_matrix",),
        big=lambda rng: Case((rng.standard_normal((600, 32)),), {}),
    ),
    one_row(
        "fft",
        {
            "": signals(8, 16),
            "of an even number with an odd part": signals(6, 10, 12, 20),
            "of an odd number": signals(9, 11, 15),
            "of complex numbers": signals(8, 12, 16, of_complex=True),
            "without other axes": signals(8, 12, 16, batch=0),
            "with two other axes": signals(8, 12, 16, batch=2),
        },
        (
            Property("of every length", is_right_for_every_length),
            Property("Parseval", keeps_the_energy),
            Property("a delay is a turn", turns_with_a_delay),
        ),
        {
            TURN: {
                "euler(2 * np.pi / N * np.arange(N // 2))": "the odd places are turned the wrong way: by "
                "e^(-2 pi i k / N)",
                "euler(-np.pi / N * np.arange(N // 2))": "the odd places are turned by half of what they must: "
                "k / N of the whole circle",
                "euler(-2 * np.pi / (N // 2) * np.arange(N // 2))": "the odd places are turned by k / (N/2) of a "
                "circle; it is k / N, as they lie one sample behind the even ones",
                "np.ones(N // 2)": "the odd places are not turned: they lie one sample behind the even ones, so X_k "
                "of theirs is turned by k / N of a circle",
                "euler(-2 * np.pi / N * np.ones(N // 2))": "the odd places are turned by 1 / N for all k; by k / N",
                "euler(-2 * np.pi / N * np.arange(1, N // 2 + 1))": "k is counted from 1 where the odd places are "
                "turned; from 0",
                "np.cos(2 * np.pi / N * np.arange(N // 2))": "the turn of the odd places has lost its imaginary part",
            },
            "[even + odd, even - odd]": {
                "[even + odd, even + odd]": "the second half is even + odd, too; half a circle is -1: even - odd",
                "[even - odd, even + odd]": "the two halves are exchanged: the sum comes first",
                "[even + odd, odd - even]": "the second half has the wrong sign: what was turned (the odd "
                "places) is subtracted, even - odd",
                "[even, odd]": "even and odd places stand behind one another; their sum and difference must",
            },
            "x.reshape(*B, N // 2, 2).swapaxes(-1, -2)": {
                "x.reshape(*B, 2, N // 2)": "the first and the second half are transformed; it must be the even and "
                "the odd places: x[..., ::2] and x[..., 1::2]",
            },
            "even, odd = halves[..., 0, :], halves[..., 1, :]": {
                "even, odd = halves[..., 1, :], halves[..., 0, :]": "even and odd places are exchanged",
            },
            "return np.concatenate([even + odd, even - odd], axis=-1)": {
                "return np.stack([even + odd, even - odd], axis=-1).reshape(*B, N)": "sum and difference stand side by "
                "side; all sums come first, then all differences: the difference is X_{k + N/2}",
                "return np.concatenate([even + odd, even - odd], axis=-1) / 2": "each halving divides by 2, so all in "
                "all it is divided by N; that belongs to the inverse",
                "return np.concatenate([even + odd, even - odd], axis=-1) / np.sqrt(2)": "each halving divides by the "
                "root of 2; 1/N is in the inverse, all of it",
                "return np.concatenate([even + odd, (even - odd).conj()], axis=-1)": "the second half is no conjugate "
                "of the first: even - odd",
                "return np.concatenate([even + odd, even[..., :0]], axis=-1)": "... ValueError",
                "return np.concatenate([even + odd, even - odd], axis=-1).astype(complex)": "... where float32 came in",
            },
            "return bluestein(x)": {
                "return x": "an odd number of samples comes back as it is; only a single sample is its own transform",
                "return fft(np.concatenate([x, np.zeros_like(x[..., :1])], -1))[..., :N]": "an odd number of samples "
                "is filled up with a zero: the bins of N + 1 samples are other frequencies",
                "return fft(np.concatenate([x, np.zeros_like(x, shape=(*B, power_of_two(N) - N))], -1))[..., :N]": "an "
                "odd number of samples is filled up with zeros to a power of 2: its bins are other frequencies",
                "return fft(x[..., :-1])": "... ValueError",
                "raise ValueError(N)": "... ValueError",
                "return bluestein(x).conj()": "an odd number of samples is transformed with the other sign in the "
                "exponent",
            },
            "": {"return dft(x)": "... times as long as the reference on a large batch: each halving"},
        },
        uses=("dft",),
        instead=HALVES,
        big=lambda rng: Case(
            (rng.standard_normal((1, 6144)),), {}
        ),  # three times a power of 2; so long that a matrix is far too slow on every machine
        hides_docstring=True,
    ),
    one_row(
        "ifft",
        {
            "": signals(8, 16, of_complex=True),
            "of an even number with an odd part": signals(6, 10, 12, 20, of_complex=True),
            "of an odd number": signals(9, 11, 15, of_complex=True),
        },
        (Property("takes the transform back", undoes),),
        {
            UNDO_CONJ: {
                "return fft(X.conj()).conj()": "1/N is missing: the transform and its inverse together would give N x",
                "return fft(X) / X.shape[-1]": "that is the transform once more: the exponent of the inverse has the "
                "other sign",
                "return fft(X)": "that is the transform once more, without 1/N",
                "return fft(X.conj()) / X.shape[-1]": "the result must be conjugated, too: conj(fft(conj(X))) / N",
                "return fft(X).conj() / X.shape[-1]": "X must be conjugated before, too: conj(fft(conj(X))) / N",
                "return fft(X.conj()).conj() / np.sqrt(X.shape[-1])": "divided by the root of N; it is N, as the "
                "transform divides by nothing",
                "return fft(X.conj()).conj() * X.shape[-1]": "multiplied by N; it is divided by N",
                "return fft(X.conj()).conj() / len(X)": "divided by the number of rows; N is the last axis",
                "return fft(X.conj()).conj() / X.size": "divided by the number of all numbers; N is the last axis",
                "return fft(X[..., ::-1]) / X.shape[-1]": "turned around, X_0 comes last; -k stands at N - k, so X_0 "
                "stays where it is",
                "return fft(X)[..., ::-1] / X.shape[-1]": "turned around, x_0 comes last; -n stands at N - n, so x_0 "
                "stays where it is",
                "return -fft(X) / X.shape[-1]": "the sign is turned in the exponent, not of the transform",
                "return 1 / fft(X)": "the inverse of the transform, not one over the transform",
                "return (fft(X.conj()).conj() / X.shape[-1]).real": "... has the right real part only",
                "return np.abs(fft(X.conj())) / X.shape[-1]": "... their angle is missing",
                "return np.array([fft(row.conj()).conj() / row.size for row in X])": "... a loop over axis 0",
            }
        },
        uses=("fft",),
        axes={"y": "sample number"},
        instead=HALVES,
        big=lambda rng: Case((complex_normal(rng, (1, 2048)),), {}),
    ),
    transform(
        "rfft_forward",
        {
            "": real((8, None), (10, None), (12, None)),
            "of an odd number": real((9, None), (11, None)),
            "with n less than there are": real((11, 8), (9, 6), (12, 7), (10, 5)),
            "with n more than there are": real((8, 11), (6, 9), (7, 10), (10, 15)),
            "with two other axes": two_leading_axes,
        },
        (Property("real at the edges", has_real_edges),),
        {
            GIVEN_N: {
                "return _code_for(x).fft(x, N), RfftCache(x.shape[-1], N)": "all N frequencies; the second half says "
                "nothing new: keep the first 1 + N // 2",
                "return _code_for(x).rfft(x, N)[..., : N // 2], RfftCache(x.shape[-1], N)": "the last bin is missing: "
                "k goes from 0 to N // 2, which are 1 + N // 2 bins",
                "return _code_for(x).rfft(x, N)[..., 1:], RfftCache(x.shape[-1], N)": "bin 0 is missing, the sum of "
                "the samples",
                "return _code_for(x).fft(x, N)[..., N // 2 - N % 2 :][..., : 1 + N // 2], RfftCache(x.shape[-1], N)": (
                    "the second half of the frequencies; it is the first"
                ),
                "return _code_for(x).fft(x, N)[..., 1 : 2 + N // 2], RfftCache(x.shape[-1], N)": "the bins are one "
                "place off: the first one is k = 0",
                "return _code_for(x).rfft(x, N).conj(), RfftCache(x.shape[-1], N)": SIGN,
                "return _code_for(x).rfft(x, N) / N, RfftCache(x.shape[-1], N)": NOT_DIVIDED,
                "return _code_for(x).rfft(x, N) / np.sqrt(N), RfftCache(x.shape[-1], N)": ROOT,
                "return _code_for(x).rfft(x, N) / x.shape[-1], RfftCache(x.shape[-1], N)": "divided by the number of "
                "samples: the transform divides by nothing",
                "return _code_for(x).rfft(x, N) * _copies(N, x), RfftCache(x.shape[-1], N)": "the bins between the "
                "edges are doubled; X_k is one of the N frequencies, and its conjugate another",
                "return _code_for(x).rfft(x, N) * 2, RfftCache(x.shape[-1], N)": "... 2 times too large",
                "return _code_for(x).rfft(x, N).real, RfftCache(x.shape[-1], N)": "... the imaginary part is missing",
                "return np.abs(_code_for(x).rfft(x, N)), RfftCache(x.shape[-1], N)": "... their angle is missing",
                "return np.abs(_code_for(x).rfft(x, N)) ** 2, RfftCache(x.shape[-1], N)": "... the squared size",
                "return _code_for(x).rfft(x, N, norm='forward') * (N % 2 + 1), RfftCache(x.shape[-1], N)": "... y",
                "return _code_for(x).rfft(x[..., -N:], N), RfftCache(x.shape[-1], N)": "the last n samples are "
                "transformed; it is the first n",
                "return np.fft.fft(x, max(N, x.shape[-1]))[..., : 1 + N // 2], RfftCache(x.shape[-1], N)": "the bins "
                "are cut; it is the samples: the first n are transformed",
                "return np.fft.fft(x, N)[..., : 1 + x.shape[-1] // 2], RfftCache(x.shape[-1], N)": "the bins of as "
                "many numbers as x has; there are 1 + N // 2, and N is n",
                "return _code_for(x).rfft(np.pad(x, (0, max(N - x.shape[-1], 0)))[..., :N]), RfftCache(x.shape[-1], N)"
                "": "np.pad with one pair fills up every axis; only the last one is to be longer",
                "p = max(N - x.shape[-1], 0); return _code_for(x).rfft(np.pad(x, ((0, 0),) * (x.ndim - 1) + ((p, "
                "0),)), N), RfftCache(x.shape[-1], N)": "the zeros are added before the samples; they come after them",
                "p = max(N - x.shape[-1], 0); return _code_for(x).rfft(np.pad(x, ((0, 0),) * (x.ndim - 1) + ((p // 2, "
                "p - p // 2),)), N), RfftCache(x.shape[-1], N)": "the zeros are added on both sides; they come after "
                "the samples",
                "return _code_for(x).rfft(x[..., np.arange(N) % x.shape[-1]]), RfftCache(x.shape[-1], N)": "the signal "
                "is filled up with its own beginning; it is with zeros",
                "return np.moveaxis(_code_for(x).rfft(np.moveaxis(x, 0, -1), len(x)), -1, 0), RfftCache(x.shape[-1], "
                "N)": FIRST_AXIS,
                "return _code_for(x).rfft(x, N), RfftCache(N, N)": "... cache.length is",
                "return _code_for(x).rfft(x, N), RfftCache(N, x.shape[-1])": "... cache.",
                "return _code_for(x).rfft(x.astype(float), N), RfftCache(x.shape[-1], N)": "... it must be of "
                "complex64 where float32 came in",
            },
        },
        uses=("fft",),
        reasons=REASONS,
        simpler=ONE_SAMPLE,
        axes={"y": "sample frequency"},
    ),
    transform(
        "rfft_backward",
        {
            "": real((8, None), (10, None), (12, None)),
            "of an odd number": real((9, None), (11, None)),
            "with n less than there are": real((11, 8), (9, 6), (12, 7), (10, 5)),
            "with n more than there are": real((8, 11), (6, 9), (7, 10), (10, 15)),
            "with two other axes": two_leading_axes,
        },
        mistakes={
            ADJOINT: {
                "dx = _code_for(dy).irfft(dy, N) * N": TWICE,
                "dx = _code_for(dy).irfft(dy, N)": "that is the inverse, which divides by N and adds for each bin "
                "between the edges its conjugate; the adjoint does neither",
                "dx = _code_for(dy).irfft(dy / _copies(N, dy), N)": DIVIDED,
                "dx = _code_for(dy).irfft(dy * np.sqrt(N) / _copies(N, dy), N)": "divided by the root of N: nothing is "
                "divided, because the forward does not",
                "dx = _code_for(dy).irfft(dy * N * _copies(N, dy), N)": "the bins between the edges are doubled once "
                "more; irfft has counted them twice already: halve them",
                "dx = _code_for(dy).irfft(dy * (N / 2), N)": NO_COPY,
                "c = _copies(N, dy); c[0] = 2; dx = _code_for(dy).irfft(dy * (N / c), N)": "bin 0 is halved; it has no "
                "conjugate beside it, and counts once",
                "c = _copies(N, dy); c[-1] = 2; dx = _code_for(dy).irfft(dy * (N / c), N)": "for even N the last bin "
                "is N/2, an edge, which is its own conjugate: it counts once",
                "c = _copies(N, dy); c[-1] = 1; dx = _code_for(dy).irfft(dy * (N / c), N)": "for odd N the last bin is "
                "no edge: irfft counts it twice, for its conjugate",
                "c = _copies(N, dy); dx = _code_for(dy).irfft(dy.conj() * (N / c), N)": CONJUGATE,
                "c = _copies(N, dy); dx = _code_for(dy).irfft(dy.conj(), N) * N": f"{CONJUGATE}. And bins between the "
                "edges count twice",
                "c = _copies(N, dy); dx = _code_for(dy).irfft(dy.real * (N / c) + 0j, N)": "the imaginary part of dy "
                "is left out: X_k has one, and it depends on x",
                "c = _copies(N, dy); dx = _code_for(dy).irfft(1j * dy.imag * (N / c), N)": "the real part of dy is "
                "left out",
                "c = _copies(N, dy); dx = _code_for(dy).irfft(np.abs(dy) * (N / c) + 0j, N)": "the angle of dy is left "
                "out: np.abs does not belong there",
                "c = _copies(N, dy); dx = _code_for(dy).irfft(dy * (N / (3 - c)), N)": "the edges are halved; it is "
                "the bins between them that irfft counts twice",
                "dx = np.fft.ifft(dy, N) * N": "... take .real",
                "dx = np.fft.ifft(dy, W).real * N": "dy is filled up to the length of x; it is to N bins, cache.n",
                "dx = np.fft.ifft(dy, N).real * W": "multiplied by the length of x; ifft divides by N, cache.n",
                "dx = np.fft.ifft(dy, N).real * dy.shape[-1]": "multiplied by the number of bins that there are; ifft "
                "divides by N, cache.n",
                "dx = np.fft.ifft(dy).real * N": "dy is not filled up: put zeros behind it until it has N bins",
                "dx = np.fft.ifft(dy, N).imag * N": "the imaginary part is taken; x is real, and its gradient is the "
                "real part",
                "dx = np.abs(np.fft.ifft(dy, N)) * N": "the size is taken; x is real, and its gradient is the real "
                "part",
                "c = _copies(N, dy); dx = 2 * _code_for(dy).irfft(dy * (N / c), N)": "... 2 times too large",
                "c = _copies(N, dy); dx = -_code_for(dy).irfft(dy * (N / c), N)": "... has the wrong sign",
                "c = _copies(N, dy); dx = _code_for(dy).irfft(dy * (N / c), N)[..., ::-1]": "... reversed along",
            },
            "return InputGrad(dx[..., :W])": {
                "return InputGrad(dx)": "... dx has shape",
                "return InputGrad(dx[..., N - W :])": "the last W numbers; the zeros were added behind the samples, so "
                "it is the first W",
            },
            "return InputGrad(np.pad(dx, ((0, 0),) * (dx.ndim - 1) + ((0, W - N),)))": {
                "return InputGrad(dx[..., np.arange(W) % N])": "what was left out has gradient 0; the formula goes "
                "round the circle once more",
            },
            "(0, W - N)": {
                "(W - N, 0)": "the zeros stand before; what was left out are the last samples",
            },
        },
        uses=("ifft",),
        simpler=ONE_SAMPLE,
        axes={"dx": "sample number"},
    ),
)

DFT = Exercise(
    "dft",
    "the discrete Fourier transform, and the fast one",
    50,
    TASKS,
    closed=(
        *(f"minivit.audio.fourier:{name}" for name in ("bluestein", "irfft_forward", "irfft_backward")),
        *(f"minivit.audio.stft:{name}" for name in ("stft_forward", "_spectra")),
    ),
    lecture="09_sound",
    section=2,
)
