# %% [markdown]
# # Seeing sound
#
# A sound is a long row of numbers, and nobody who looks at the row knows what was said. Ears do not look at it: they
# take the sound apart, frequency by frequency, and so does this lecture, until a sound is an image that a [Vision
# Transformer](04_vit.ipynb) can look at. Every step runs forward and, where gradients go, backward; and at the end we
# go the way back, from the image to the sound.
#
# 1. [Tube and ear](#1-Tube-and-ear): what makes a vowel, and what hears it.
# 2. [Fourier from the definition](#2-Fourier-from-the-definition): loops, a matrix, and $N \log N$; real numbers; gradients.
# 3. [Filtering, aliasing, the convolution theorem](#3-Filtering,-aliasing,-the-convolution-theorem), seen and heard.
# 4. [Windows](#4-Windows): what cutting does to a spectrum, by number.
# 5. [The short-time Fourier transform](#5-The-short-time-Fourier-transform): which frequencies, when; and back, without loss.
# 6. [Mel features](#6-Mel-features): filter banks, logarithms, cepstra; from a wave to an image as one layer.
# 7. [Back to sound](#7-Back-to-sound): the phases that were lost, guessed and mended.
# 8. [A picture hidden in sound](#8-A-picture-hidden-in-sound).
#
# It takes less than half a minute on two processors and needs no download. *Predict* means: write down a guess before
# you run the cell below. Every number that the text claims stands in an `assert`. (Only the seconds of section 2 are
# those of the machine that built this page, and what is said of them was read there.) All sounds can be played here,
# but GitHub leaves the players out: open the page in Jupyter, or as a site. Words in blue lead to the
# [glossary](../docs/glossary.md).

# %%
from time import process_time
from timeit import repeat

import numpy as np
from IPython.display import Audio, Markdown, display

import minivit as mv
from minivit import audio, plot
from minivit.audio.tube import TUBES
from minivit.audio.voice import FORMANTS
from minivit.plot.lectures import sound as lecture
from minivit.plot.matrices import matrices
from minivit.plot.source import show_source

np.set_printoptions(precision=3, suppress=True)
SR = 8000  # samples in a second


def hear(sounds, sr=SR):
    """A player for each of these sounds."""
    for name, y in sounds.items():
        display(Markdown(f"*{name}*"), Audio(y, rate=sr))


# %% [markdown]
# ## 1 Tube and ear
#
# A microphone says how the pressure of the air changes, so and so many times a second. That is all there is, here 8,000
# numbers for each second. A machine speaks the vowels a, e, i, o, u:

# %%
vowels = audio.speak("a e i o u", sr=SR)
assert len(vowels) / SR == 1.8 and vowels.dtype == np.float32
hear({"a e i o u": vowels})
plot.waveform(vowels, sr=SR)

# %% [markdown]
# Five words one can count, but what distinguishes an a from an i? Look at what made them.
#
# ### The vocal tract
#
# From the glottis to the lips it is a tube of some 17.5 cm, shut at one end and open at the other. It rings at the
# frequencies of which a quarter of a wave fits into it, or three quarters, or five. **Predict.** Sound goes 350 m in a
# second: which frequencies are these?

# %%
length, speed = 17.5, 35_000.0  # cm, cm in a second
by_hand = [(2 * n + 1) * speed / (4 * length) for n in range(4)]
print("a tube of one width:", by_hand, "Hz")
assert by_hand == [500, 1500, 2500, 3500]
assert np.allclose(audio.tube_formants(TUBES["uh"])[:4], by_hand, atol=0.5)
resonances = {name: audio.tube_formants(tubes)[:3] for name, tubes in TUBES.items()}
for name, found in resonances.items():
    print(f"{name:3}", *(f"{f:5.0f}" for f in found), "Hz")
assert [round(f) for f in resonances["a"][:2]] == [789, 1276]
assert [round(f) for f in resonances["i"][:2]] == [257, 1904]

# %% [markdown]
# These resonances are the [formants](../docs/glossary.md#formant). The tongue makes the tube narrow here and wide
# there, and moves them: already two tubes, one behind the other, make an a (narrow behind, wide in front) or an i (the
# other way round).


# %%
def tract(vowel="uh"):
    return plot.vocal_tube(vowel)


plot.frames(tract, vowel=["uh", "a", "ae", "i"])

# %% [markdown]
# Real tracts are no two tubes, but it comes near. Means of 33 men, published in 1952: 730 and 1090 Hz for the a, 270
# and 2290 Hz for the i. With these the voice above was made: pulses of air from the glottis (the *source*) through a
# resonator for each formant (the *filter*).

# %%
assert FORMANTS["a"][:2] == (730, 1090) and FORMANTS["i"][:2] == (270, 2290)
plot.source_and_filter("a", pitch=120.0)

# %% [markdown]
# The axis counts [decibels](../docs/glossary.md#decibel): ten times the logarithm, to base 10, of a ratio of powers.
# Ten times the power is +10 dB, a hundredth of it -20 dB; and as logarithms add where powers are multiplied, what is
# heard is the sum of both curves. The source has a line at every multiple of its pitch, and the filter decides which of
# them are strong. **Predict.** Sing the same a an octave higher. What moves: the lines, the hills, or both? And what is
# left of a vowel that is whispered?

# %%
sung = {
    f"{name}, {pitch} Hz": audio.vowel(name, pitch=float(pitch), sr=SR, seed=1)
    for name, pitch in (("a", 110), ("a", 220), ("i", 110))
}
sung["a, whispered"] = audio.vowel("a", pitch=110.0, breath=20.0, sr=SR)
hear(sung)
hertz = np.arange(len(sung["a, 110 Hz"]) // 2 + 1) * SR / len(sung["a, 110 Hz"])
hann = audio.get_window("hann", len(sung["a, 110 Hz"]))
spectra = {name: np.abs(np.fft.rfft(y * hann)) ** 2 for name, y in sung.items()}

# %%
here = (hertz > 600) & (hertz < 1250)  # an a has two formants there, an i has none
share = {name: power[here].sum() / power.sum() for name, power in spectra.items()}
for name, part in share.items():
    print(f"{name:13} {part:6.1%} of the power from 600 to 1250 Hz")
assert [sum(600 < f < 1250 for f in FORMANTS[name]) for name in "ai"] == [2, 0]
assert all(share[name] > 0.7 for name in sung if name[0] == "a") and share["i, 110 Hz"] < 0.02
few = {name: 10 * np.log10(spectra[name] / spectra[name].max()) for name in [*sung][:2]}
shown = hertz < 2000
lecture.levels(
    hertz[shown],
    {name: level[shown] for name, level in few.items()},
    title="The same vowel at two pitches: other lines under the same hills",
    floor=-70,
)

# %% [markdown]
# The lines move, the hills stay; and a whisper has hills without lines. Who wants to know *what* was said looks at the
# hills, who wants to know *who* sings, and which note, at the lines. Remember that for section 6.
#
# ### The ear
#
# Behind the ear drum three little bones hand the pressure on into a snail of water, the cochlea. In it, rolled up, lies
# the [basilar membrane](../docs/glossary.md#basilar-membrane): 35 mm long, narrow and stiff where sound comes in (the
# base), wide and loose at its end (the apex). Each place of it swings most at its own frequency, and along it stand
# some 3,500 inner hair cells, which tell the nerves how much: a piano that is played backwards, an analysis.
# Greenwood's map says which place hears what, with $x$ from 0 at the apex to 1 at the base:
#
# $$f = A\,(10^{a x} - k), \qquad A = 165.4\ \text{Hz},\quad a = 2.1,\quad k = 0.88 .$$
#
# **Predict.** From where to where does that go? How many millimetres is an octave, far from the apex?

# %%
ends = audio.greenwood(0.0), audio.greenwood(1.0)
octave = 35 * np.log10(2) / 2.1  # where 10^(a x) is much more than k
octaves = {
    f: 35 * (audio.greenwood_position(2 * f) - audio.greenwood_position(f))
    for f in (100.0, 1e3, 8e3)
}
print(f"{ends[0]:.0f} to {ends[1]:,.0f} Hz; an octave is {octave:.1f} mm,")
print(*(f"from {f:.0f} Hz {mm:.1f} mm;" for f, mm in octaves.items()))
assert (round(ends[0]), round(ends[1])) == (20, 20677) and round(octave, 1) == 5.0
assert [round(mm, 1) for mm in octaves.values()] == [2.5, 4.5, 5.0]
assert round(audio.greenwood(1.0, species="cat")) == 57_042
plot.ear_maps()

# %% [markdown]
# 20 to 20,677 Hz: what is said of human ears. High up, equal ratios are equal ways, as on a piano; low down, it is more
# like equal differences. A cat's ears reach 57,042 Hz.
#
# How sharply does a place answer? On slides stands figure 3.50 of a textbook, measured on a cat. The curves below are
# no measurements, but a filter with an ear's shape, Lyon's relative of the
# [gammatone](../docs/glossary.md#gammatone), at Greenwood's places. **Predict.** A place hears 2000 Hz best. Which tone
# moves it more: one an octave below, or one an octave above?

# %%
place = np.array([audio.greenwood_position(2000.0, species="cat")])
around = audio.basilar_membrane_response(
    np.array([500.0, 1e3, 2e3, 4e3, 8e3]), place, species="cat"
)
print("500, 1000, 2000, 4000, 8000 Hz:", around[0].round(1), "dB")
assert around[0].round(1).tolist() == [-56.9, -43.5, -0.2, -79.7, -129.1]
lecture.two_ears()

# %% [markdown]
# The one below, by far: -43.5 dB against -79.7. Slow to the left and steep to the right, as in the figure. So a deep
# tone can hide a higher one, and hardly the other way round.
#
# In width: a human's filter at $f$ Hz lets as much noise through as a rectangle of its height that is
# $24.7\,(4.37 f / 1000 + 1)$ Hz wide, and listeners hear one line among others out if they are 1.25 such widths apart.
# **Predict.** Up to which frequency can an ear tell the lines of a voice at 120 Hz apart?

# %%
widths = {f: round(audio.erb(f)) for f in (100.0, 1000.0, 4000.0)}
last = 1000 * (120 / 1.25 / 24.7 - 1) / 4.37  # where 1.25 widths are 120 Hz
print(widths, f"1.25 widths are 120 Hz at {last:.0f} Hz: {last // 120:.0f} lines")
assert widths == {100.0: 35, 1000.0: 133, 4000.0: 456} and round(last) == 661
assert np.isclose(1.25 * audio.erb(last), 120) and last // 120 == 5
voice = audio.speak("aiu", sr=SR)
assert len(voice) / SR == 0.84
hear({"a, i, u in one breath": voice})
plot.cochleagram_beside_spectrogram(voice, sr=SR)

# %% [markdown]
# Up to 661 Hz: the first five. On the right, a cochleagram: such filters at 96 places, and how strong what each lets
# through is, over time. It has the lines of the pitch at the bottom, and bands, the formants, above. On the left the
# spectrogram, to which the
# rest of this lecture leads: filters of one width for all frequencies, so lines everywhere, and half of the picture for
# the octave at the top.
#
# *Sources.* Rabiner and Schafer 1978, "Digital Processing of Speech Signals", chapter 3 (tubes); Peterson and Barney
# 1952, "Control Methods Used in a Study of the Vowels", table II; Greenwood 1990, "A cochlear frequency-position
# function for several species: 29 years later"; Glasberg and Moore 1990, "Derivation of auditory filter shapes from
# notched-noise data"; Moore and Ohgushi 1993, "Audibility of partials in inharmonic complex tones" (1.25 widths); Lyon
# 1997, "All-pole models of auditory filtering". The figure of the cat: Ghitza's, in Rabiner
# and Juang 1993, "Fundamentals of Speech Recognition".

# %% [markdown]
# ## 2 Fourier from the definition
#
# How much of a frequency is in a wave? Wind it round a circle and look where its mean is. The circle is Euler's
# formula,
#
# $$e^{i\alpha} = \cos\alpha + i \sin\alpha .$$

# %%
alpha = 2 * np.pi * np.arange(12) / 12
series, term = np.zeros(12, complex), np.ones(12, complex)
for n in range(1, 40):  # 1 + z + z^2 / 2 + z^3 / 6 + ..., at z = i alpha
    series, term = series + term, term * 1j * alpha / n
assert np.allclose(audio.euler(alpha), series, atol=1e-12)
assert np.allclose(np.abs(audio.euler(alpha)), 1)
assert np.allclose((audio.euler(alpha) + audio.euler(-alpha)) / 2, np.cos(alpha))
print("e^(i pi) =", audio.euler(np.pi).round(12))

# %% [markdown]
# A cosine is half the sum of two points that go round in opposite directions, so it has two frequencies, $k$ and $-k$.
# Below, 32 samples of a cosine that turns three times. Sample $n$ is laid on the circle at the angle $-2\pi k n / N$.
# **Predict.** Where is the mean for $k = 2$? For $k = 3$?

# %%
N = 32
three = np.cos(2 * np.pi * 3 * np.arange(N) / N)
lecture.wound(three, (2, 3, 4))

# %% [markdown]
# The sum, not the mean, is the [discrete Fourier transform](../docs/glossary.md#discrete-fourier-transform) (DFT):
#
# $$X_k = \sum_{n=0}^{N-1} x_n\, e^{-2\pi i k n / N}
#       = \sum_{n=0}^{N-1} x_n \Big[\cos\frac{2\pi k n}{N} - i \sin\frac{2\pi k n}{N}\Big], \qquad k = 0, \ldots, N - 1 .$$
#
# **Exercise.** [`dft`](../minivit/course/exercises/dft.md): `minivit course start dft`. Try it before you
# read on, for here is its answer, as the definition says it, with two loops:

# %%
show_source(audio.dft_loops)
X = audio.dft_loops(three)
strong = np.flatnonzero(np.abs(X) > 1e-9)
print("not 0:", strong, X[strong].round(9))
assert strong.tolist() == [3, N - 3] and np.allclose(X[strong], N / 2)
shifted = audio.dft_loops(np.cos(2 * np.pi * 3 * np.arange(N) / N + 0.5))
assert np.allclose(
    shifted[3], N / 2 * audio.euler(0.5)
)  # the size says how much, the angle where it begins

# %% [markdown]
# $X_3$ and $X_{29}$, which is $X_{-3}$: after $N$ steps the circle is round. The size says how much there is of a
# frequency, the angle (its [phase](../docs/glossary.md#phase)) where it begins.
#
# ### As a matrix
#
# The sum is linear: $X = F x$ with $F_{kn} = e^{-2\pi i k n / N}$. **Predict.** How many different numbers are in the
# $N^2$ entries of $F$? And what is $F$ times its conjugate transpose?

# %%
F = audio.dft_matrix(8)
assert len(np.unique(F.round(12))) == 8  # the 8th roots of 1
assert np.allclose(F @ F.conj().T, 8 * np.eye(8))
matrices({"real part of F": F.real, "imaginary part of F": F.imag}, digits=1, shared=True)

# %% [markdown]
# $N$ numbers, and $N$ times the identity: all rows stand at right angles to each other. So the way back is
# $x = \bar F X / N$ (a bar is the conjugate here), and lengths are kept, but for the factor. That is Parseval's
# theorem: the energy of a wave is that of its spectrum.
#
# $$\sum_n |x_n|^2 = \frac1N \sum_k |X_k|^2$$

# %%
rng = np.random.default_rng(0)
noise = rng.standard_normal(1000)
in_time, in_frequency = audio.parseval(noise)
print(f"{in_time:.9f} = {in_frequency:.9f}")
assert abs(in_time / in_frequency - 1) < 1e-12

# %% [markdown]
# ### In $N \log N$ steps
#
# The matrix takes $N^2$ multiplications. Gauss knew of a better way, and Cooley and Tukey found it again: transform the
# numbers at even places and those at odd ones apart, $E$ and $O$, of half the length each. Then
#
# $$X_k = E_k + e^{-2\pi i k / N} O_k, \qquad X_{k + N/2} = E_k - e^{-2\pi i k / N} O_k ,$$
#
# as half a turn is $-1$. That is $N/2$ multiplications, and two smaller problems; do the same with these. **Predict.**
# How many are there in all, for $N = 1024$? By the definition it is a million.

# %%
show_source(audio.fft)
fast = audio.fft_multiplications(1024)
print(f"{audio.dft_multiplications(1024):,} or {fast:,}: {1024**2 / fast:.0f} times fewer")
assert fast == 1024 // 2 * 10 == 5120 and round(1024**2 / fast) == 205
for N in (1, 2, 3, 12, 60, 64, 97, 128):
    x = rng.standard_normal(N) + 1j * rng.standard_normal(N)
    expected = np.fft.fft(x)
    for transform in (audio.dft_loops, audio.dft, audio.fft):
        assert np.abs(transform(x) - expected).max() < 1e-12
    assert np.abs(audio.ifft(expected) - x).max() < 1e-12

# %% [markdown]
# Ten halvings of 512 each. All four are one transform: loops, matrix, by hand, NumPy's. (97 is prime and cannot be
# halved; then the sum is turned into a convolution of a length that can, which is the trick of Bluestein.) Counted, and
# timed here, the median of five rounds:


# %%
def seconds(transform, x):
    """Processor time of a call, the mean of so many as take a millisecond."""

    def timed(number):
        return (
            repeat(lambda: transform(x), number=number, repeat=1, timer=process_time)[0] / number
        )

    return timed(1 + int(1e-3 / max(timed(1), 1e-6)))


runs = {
    "loops": (audio.dft_loops, 2 ** np.arange(4, 8)),
    "matrix": (audio.dft, 2 ** np.arange(4, 12)),
    "by hand": (audio.fft, 2 ** np.arange(4, 17)),
    "NumPy": (np.fft.fft, 2 ** np.arange(4, 17)),
}
rounds = {label: [] for label in runs}
for _ in range(5):  # all of them, five times: what else is at work may disturb one round
    for label, (transform, lengths) in runs.items():
        rounds[label].append([seconds(transform, rng.standard_normal(N)) for N in lengths])
timed = {label: (runs[label][1], np.median(rounds[label], axis=0)) for label in runs}

# %%
Ns = 2 ** np.arange(4, 17, 2)
slow, fast = (
    np.array([count(int(N)) for N in Ns])
    for count in (audio.dft_multiplications, audio.fft_multiplications)
)
assert np.array_equal(slow, Ns**2) and np.array_equal(fast, Ns * np.log2(Ns) / 2)
slow_ways = {label: timed[label] for label in ("loops", "matrix")}
fast_ways = {label: timed[label] for label in ("by hand", "NumPy")}
lecture.counted_and_timed(
    Ns, {"$N^2$, by definition": (slow, slow_ways), "$N/2\\ \\log_2 N$, fast": (fast, fast_ways)}
)

# %% [markdown]
# Read the slopes. Loops and matrix (which is made anew each time) climb with $N^2$, a hundredfold for ten times the
# numbers; the matrix is the faster by what a loop in Python costs. By hand, short transforms all take about as long:
# what takes time there is not multiplying but calling NumPy, a dozen times for each halving. From some thousand numbers
# on it climbs with its line, as does NumPy's, whose loops are compiled.
#
# ### Real numbers, and backward
#
# Samples are real. **Predict.** 512 of them have 512 complex numbers for a transform. Is that twice as much
# information?

# %%
real = rng.standard_normal(512)
X = np.fft.fft(real)
assert np.allclose(X[1:], X[:0:-1].conj())  # X_{N-k} is the conjugate of X_k
half, cache = audio.rfft_forward(real)
assert half.shape == (257,) and np.allclose(half, X[:257])
print(f"{half.size} numbers say it all; imaginary parts at the ends: {half[[0, -1]].imag}")

# %% [markdown]
# No: half of it is the mirror image of the other half. 257 are kept, of which the first and the last are real: 512 real
# numbers, as before. The transform is linear, so its gradient is its adjoint, the conjugate transpose: of $L$, with
# $\bar X_k = \partial L / \partial \operatorname{Re} X_k + i\, \partial L / \partial \operatorname{Im} X_k$,
#
# $$\bar x_n = \operatorname{Re} \sum_{k=0}^{N/2} \bar X_k\, e^{2\pi i k n / N} .$$
#
# The inverse transform looks like it, and is not. **Predict.** What are the two differences?

# %%
show_source(audio.rfft_backward)
mv.check.check_vjp(audio.rfft_forward, audio.rfft_backward, real[:30])  # silent: right
dX = rng.standard_normal(257) + 1j * rng.standard_normal(257)
(dx,) = audio.rfft_backward(dX, cache)
n, k = np.arange(512), np.arange(257)[:, None]
assert np.allclose(dx, np.real(dX[:, None] * audio.euler(2 * np.pi * k * n / 512)).sum(0))
assert np.isclose(np.real(dX.conj() @ half), dx @ real)  # <dX, F x> = <F* dX, x>
assert not np.allclose(
    dx, 512 * np.fft.irfft(dX)
)  # the inverse counts bins between the edges twice

# %% [markdown]
# The inverse divides by $N$, and counts every bin between the edges twice, for its mirror image. So that a gradient can
# go through an inverse, both are undone before: `_copies` holds 2 for such a bin and 1 for the edges.
#
# *Sources.* Cooley and Tukey 1965, "An algorithm for the machine calculation of complex Fourier series"; Bluestein
# 1970, "A linear filtering approach to the computation of discrete Fourier transform"; Heideman, Johnson and Burrus
# 1984, "Gauss and the history of the fast Fourier transform".

# %% [markdown]
# ## 3 Filtering, aliasing, the convolution theorem
#
# In its transform a sound can be mended. Somebody speaks while a machine hums near 1000 Hz, with four times the power.
# **Predict.** Put the frequencies from 985 to 1015 Hz to zero, and transform back. What is left of the hum? And of the
# voice?

# %%
t = np.arange(len(voice)) / SR
hum = 2 * np.sqrt(np.mean(voice**2)) * np.sqrt(2) * np.cos(2 * np.pi * 1000.3 * t)
X, _ = audio.rfft_forward(voice + hum)
hertz = np.arange(len(X)) * SR / len(voice)
mask = np.where(np.abs(hertz - 1000) < 15, 0.0, 1.0)
mended, _ = audio.irfft_forward(mask * X, n=len(voice))


def ratio_db(signal, noise):
    """How much stronger one is than the other, in decibels."""
    return 10 * np.log10(np.sum(signal**2) / np.sum(noise**2))


before, after = ratio_db(voice, hum), ratio_db(voice, mended - voice)
print(f"voice over noise: {before:.1f} dB before, {after:.1f} dB after")
print(f"{np.count_nonzero(mask == 0)} of {len(mask)} bins are zero")
assert round(before) == -6 and after > 12
hear({"with the hum": voice + hum, "mended": mended})

# %%
parts = {"with the hum": X, "mended": mask * X}
decibels = {name: 10 * np.log10(np.abs(it) ** 2 + 1e-9) for name, it in parts.items()}
near = (hertz > 700) & (hertz < 1300)
lecture.levels(
    hertz[near],
    {name: it[near] for name, it in decibels.items()},
    title="A hole in the spectrum",
    floor=-30,
)

# %% [markdown]
# What the voice had in the hole is gone with the hum, and so is a little of the hum that lies beside the hole: a tone
# that begins and ends has more than one frequency (section 4).
#
# ### The convolution theorem
#
# What has been done to the samples? Multiplying spectra is [convolving](../docs/glossary.md#convolution) waves, on a
# circle of $N$ places:
#
# $$y_n = \sum_m h_m\, x_{(n - m) \bmod N} \quad\Longleftrightarrow\quad Y_k = H_k X_k .$$
#
# (Put the first into the definition, and write $e^{-2\pi i k n / N}$ as
# $e^{-2\pi i k m / N}\, e^{-2\pi i k (n - m) / N}$: two sums, one over $m$ and one over $n - m$.) It is the
# [convolution theorem](../docs/glossary.md#convolution-theorem), and a filter is a kernel:

# %%
h, _ = audio.irfft_forward(mask.astype(complex), n=len(voice))  # the kernel of the mask
assert np.allclose(audio.circular_convolve(voice + hum, h), mended, atol=1e-12)
show_source(audio.circular_convolve)
show_source(audio.circular_convolve_fft)
x, w = rng.standard_normal(60), rng.standard_normal(60)
assert np.allclose(audio.circular_convolve(x, w), audio.circular_convolve_fft(x, w), atol=1e-12)
both_ways = audio.circular_convolve(audio.fft(x), audio.fft(w)) / 60
assert np.allclose(audio.fft(x * w), both_ways, atol=1e-12)  # and the other way round

# %% [markdown]
# The last line is the theorem the other way round: multiply *waves*, and spectra are convolved. That is what a window
# does; so here is where section 4 comes from.
#
# A room is a kernel, too: its echo of a clap. A clap in this one fades for half a second. **Predict.** 6,720 samples of
# a voice, 4,000 of echo: how many multiplications are that, by the definition? And how many through three transforms?
# (What would come out at the end must not run into the beginning, so there are zeros behind both. And those of
# transforms are complex: four real ones each.)

# %%
clap = rng.standard_normal(4000) * np.exp(-np.arange(4000) / 700)
clap[0] = 12  # what comes straight, before any wall
in_the_hall = audio.fft_convolve(voice.astype(float), clap)
assert np.allclose(in_the_hall, np.convolve(voice.astype(float), clap), atol=1e-10)
N = 2**14  # enough for 6,720 + 4,000 - 1 samples
direct, through = len(voice) * len(clap), 4 * (3 * audio.fft_multiplications(N) + N)
print(f"{direct:,} or {through:,}: {direct / through:.0f} times fewer")
assert (len(voice), direct, through) == (6720, 26_880_000, 1_441_792)
assert round(direct / through) == 19
hear({"a clap in the hall": clap, "a voice in the hall": in_the_hall})

# %% [markdown]
# (The kernel that learns in a convolutional net is the same thing, mirrored, short and in two dimensions; so short that
# hardly anybody transforms it.)
#
# ### Aliasing
#
# **Predict.** 8,000 samples in a second of a tone of 5,000 Hz. What does one hear?

# %%
n = np.arange(SR)
assert audio.alias(5000.0, SR) == 3000
assert np.allclose(
    np.cos(2 * np.pi * 5000 * n / SR), np.cos(2 * np.pi * 3000 * n / SR), atol=1e-9
)
lecture.same_samples(5000.0, SR)

# %% [markdown]
# 3,000 Hz, and nobody can tell from the samples that it was another tone: [aliasing](../docs/glossary.md#aliasing). A
# wheel in a film turns backwards for the same reason. In $F$ it is the $N$ different numbers: more than $N$ frequencies
# have no place. What is above half of the rate must be taken away *before* one samples. **Predict.** A tone climbs from
# 0 to 8,000 Hz in a second. You take every other of its 16,000 samples. What will you hear?

# %%
seconds_of = np.arange(2 * SR) / (2 * SR)
climbing = 0.5 * np.sin(np.pi * 8000 * seconds_of**2)  # at time t it is at 8000 t hertz
every_other = climbing[::2]
filtered = audio.resample(climbing, orig_sr=2 * SR, target_sr=SR)
hear({"16,000 samples in a second": climbing}, 2 * SR)
hear({"every other one": every_other, "filtered before": filtered})

# %%
powers, rows = {}, {}
for name, y, rate in (
    ("as it was", climbing, 2 * SR),
    ("every other sample", every_other, SR),
    ("filtered before", filtered, SR),
):
    powers[name], _ = audio.spectrogram_forward(y, n_fft=256, hop_length=64)
    rows[name] = audio.fft_frequencies(sr=rate, n_fft=256)
heard = rows["every other sample"][powers["every other sample"].argmax(0)]
expected = audio.alias(8000 * np.arange(len(heard)) * 64 / SR, SR)
inner = slice(4, -4)
assert np.abs(heard - expected)[inner].max() < 1.5 * SR / 256
left = ratio_db(filtered[5000:], every_other[5000:])
print(f"filtered against not, from {5000 / SR:.3f} s on: {left:.0f} dB")
assert left < -40
lecture.spectrogram_row(powers, 1.0, hertz=rows, title="A tone that climbs to 8 kHz")

# %% [markdown]
# It climbs to 4,000 Hz and comes down again, as the formula says: $|f - s \operatorname{round}(f / s)|$ at $s$ samples
# in a second. Filtered before, it fades at 4,000 Hz, and then there is silence: a filter of finite length falls within
# several hundred hertz, not at once. (`audio.resample` filters. A photograph that is made smaller by leaving out pixels
# has the same trouble: fine stripes become broad ones.)
#
# *Sources.* Shannon 1949, "Communication in the presence of noise", theorem 1.

# %% [markdown]
# ## 4 Windows
#
# A voice changes from one moment to the next, so one transforms short pieces of it. But the transform believes that a
# piece goes on for ever, the end joined to the beginning. **Predict.** 64 samples of a tone that turns 8 times: one
# bin. And of a tone that turns 8.5 times?

# %%
N = 64
turning = {}
for turns in (8, 8.5):
    X, _ = audio.rfft_forward(np.cos(2 * np.pi * turns * np.arange(N) / N))
    turning[f"{turns:g} turns"] = np.abs(X)
near, far = turning["8 turns"], turning["8.5 turns"]
assert np.isclose(near[8], 32) and np.abs(np.delete(near, 8)).max() < 1e-12
print("8.5 turns:", *(f"{far[k]:.1f} at {k}," for k in (8, 9, 20, 32)))
assert (far > 0.5).all() and np.allclose(far[[8, 9]], 20.4, atol=1)
levels = {name: 20 * np.log10(it / 32 + 1e-9) for name, it in turning.items()}
lecture.levels(
    np.arange(33),
    levels,
    xlabel="bin k",
    title="Eight turns in the frame, or eight and a half",
    floor=-60,
)

# %% [markdown]
# It leaks everywhere, because at the seam there is a jump. Cutting a piece out is multiplying by a *rectangular*
# window, so by the theorem the spectrum is convolved with that of a rectangle, which has side lobes without end.
# Windows that go down to their ends have no jump. From the formulas, with $c_j = \cos(2\pi j n / N)$: Hann
# $\tfrac12 - \tfrac12 c_1$, Hamming $0.54 - 0.46\, c_1$, Blackman $0.42 - 0.5\, c_1 + 0.08\, c_2$. (Slides say
# "Hanning". The man was called Julius von Hann; to use his window was to *hann*, and hanning is what one did with it.)

# %%
N = 1024
c1, c2 = (np.cos(2 * np.pi * j * np.arange(N) / N) for j in (1, 2))
windows = {
    "rectangular": np.ones(N),
    "hann": 0.5 - 0.5 * c1,
    "hamming": 0.54 - 0.46 * c1,
    "blackman": 0.42 - 0.5 * c1 + 0.08 * c2,
}
for name, w in windows.items():
    assert np.allclose(audio.get_window(name, N), w, atol=1e-15)
plot.window_spectra(length=1024)

# %% [markdown]
# Above 1024 samples of each, below what they make of a single tone: one [main lobe, and side
# lobes](../docs/glossary.md#side-lobe). **Predict.** Which window would you take to tell two tones apart that are near
# to each other and equally strong? Which if one is much weaker?

# %%
lines = ["| | main lobe, bins wide | highest side lobe, dB |", "|-|-|-|"]
lobes = {}
for name, w in windows.items():
    lobes[name] = round(audio.main_lobe_width(w), 2), round(audio.highest_side_lobe(w), 1)
    lines.append(f"| {name} | {lobes[name][0]:g} | {lobes[name][1]:.1f} |")
assert lobes == {
    "rectangular": (2, -13.3),
    "hann": (4, -31.5),
    "hamming": (4, -42.7),
    "blackman": (6, -58.1),
}
Markdown("\n".join(lines))

# %% [markdown]
# Narrow and low: no window is both. Two tones, 40 dB apart, in a frame of 256
# samples: 1010 Hz, and 1210 Hz with a hundredth of its amplitude. A bin is 31.25 Hz, so they are 6.4 bins apart.
# **Predict** from the table: through which windows is the weak one seen?

# %%
N, bin_width = 256, SR / 256
t = np.arange(N) / SR
strong, weak = np.sin(2 * np.pi * 1010 * t), 0.01 * np.sin(2 * np.pi * 1210 * t)
assert (1210 - 1010) / bin_width == 6.4
at_strong, at_weak = (round(f * 64 / bin_width) for f in (1010, 1210))  # 64 places for each bin
leaks = {}
for name in windows:
    w = audio.get_window(name, N)
    tone, faint = np.abs(np.fft.rfft(np.stack([strong, weak]) * w, 64 * N))
    leaks[name] = 20 * np.log10(tone[at_weak - 64 : at_weak + 65].max() / tone[at_strong])
    seen = 20 * np.log10(faint[at_weak] / tone[at_strong])
    print(f"{name:12} the strong tone, a bin around the weak one: {leaks[name]:.1f} dB")
    assert abs(seen + 40) < 0.1
assert [round(leak) for leak in leaks.values()] == [-25, -54, -43, -63]
half = np.arange(SR // 2) / SR
hear({"both": np.sin(2 * np.pi * 1010 * half) + 0.01 * np.sin(2 * np.pi * 1210 * half)})
plot.tones_through_windows(strong + weak, sr=SR, marked=(1010.0, 1210.0))

# %% [markdown]
# The weak tone is at -40 dB. Through the rectangle it drowns in -25 dB of the strong one. Through Hamming's window it
# stands 3 dB above side lobes that are nearly as high as the first; Hann's fall, and it stands 14 dB above them, with
# Blackman 23. And the price? Two equally strong tones, 1.5 bins apart: how deep is the valley between them?

# %%
valley = {}
for name in windows:
    size = np.abs(np.fft.fft(audio.get_window(name, N), 64 * N))
    around = np.arange(-128, 129)  # two bins on either side, 64 places for each
    both = size[around - 48] ** 2 + size[around + 48] ** 2
    valley[name] = 10 * np.log10(both[128] / both.max())
print({name: f"{depth:.2f} dB" for name, depth in valley.items()})
assert round(valley["rectangular"]) == -8 and round(valley["hamming"]) == -1
assert valley["hann"] > -0.5 and valley["blackman"] > -0.05

# %% [markdown]
# Through the rectangle 8 dB deep, through Blackman there is none. (Two spectra added without regard to their phases, as
# noise would be.) Hann is what most take, here too.
#
# *Sources.* Harris 1978, "On the use of windows for harmonic analysis with the discrete Fourier transform", section V
# and table 1; Blackman and Tukey 1958, "The measurement of power spectra from the point of view of communications
# engineering", who named hanning and hamming. The picture of three windows on slides: Taylor 2009, "Text-to-Speech
# Synthesis", figure 12.1.

# %% [markdown]
# ## 5 The short-time Fourier transform
#
# Cut a wave into [frames](../docs/glossary.md#frame) that overlap, multiply each by a window, transform each: the
# short-time Fourier transform, [STFT](../docs/glossary.md#short-time-fourier-transform). With $W$ samples in a frame
# and $h$ from one frame to the next, the [hop](../docs/glossary.md#hop),
#
# $$X_{k,t} = \sum_{n=0}^{W-1} w_n\, y_{t h + n}\, e^{-2\pi i k n / W} .$$
#
# ### Frames
#
# **Predict.** A minute of sound at 16,000 samples in a second, in frames of 400, a hop of 160 apart. How many bytes do
# the frames need?

# %%
counted, _ = audio.frame_forward(np.arange(10.0), frame_length=4, hop_length=3)
assert counted.tolist() == [[0, 3, 6], [1, 4, 7], [2, 5, 8], [3, 6, 9]]
minute = np.zeros(60 * 16_000)
frames, _ = audio.frame_forward(minute, frame_length=400, hop_length=160)
assert frames.shape == (400, 5998) and np.shares_memory(frames, minute)
assert frames.strides == (8, 160 * 8)  # a sample further, a hop further
print(f"{frames.shape}: {frames.size:,} numbers, and not one was copied")
matrices({"frames of 0, 1, ..., 9: each column is one": counted}, digits=0)

# %% [markdown]
# None: it is a *strided view* of the wave. Down one row is one sample further (8 bytes), one column to the right is one
# hop further; both are steps in the same memory. Nobody may write to it, for a number in three frames is one number.
#
# Which frame belongs to which time? With `center=True` there are $W/2$ zeros (or the wave's mirror image,
# `pad_mode="reflect"`) before and behind, so frame $t$ has its middle at sample $t h$, and a wave of $T$ samples has
# $1 + \lfloor T / h \rfloor$ frames. Without, the first frame begins at the first sample, and there are
# $1 + \lfloor (T - W) / h \rfloor$.
#
# **Exercise.** [`stft`](../minivit/course/exercises/stft.md): `minivit course start stft`. Try it before you
# read on, for here is its answer:

# %%
show_source(audio.stft_forward, "padded,", "frames,", "rows =", "X =", "return X")
y = voice.astype(float)
X, c_stft = audio.stft_forward(y, n_fft=256, hop_length=64)
assert X.shape == (129, 1 + len(y) // 64) == (129, 106)
uncentred, _ = audio.stft_forward(y, n_fft=256, hop_length=64, center=False)
assert uncentred.shape == (129, 1 + (len(y) - 256) // 64) == (129, 102)
hann = audio.get_window("hann", 256)
for t in (0, 17, 101):  # frame by frame, by the definition
    assert np.allclose(
        uncentred[:, t], audio.dft(y[64 * t : 64 * t + 256] * hann)[:129], atol=1e-10
    )
assert np.allclose(X[:, 2:-2], uncentred[:, : X.shape[1] - 4])  # half a frame later

# %% [markdown]
# $|X|^2$ in decibels is the [spectrogram](../docs/glossary.md#spectrogram): frequency upwards, time to the right, as an
# image.
#
# ### Time against frequency
#
# Two tones that are 100 Hz apart, and two clicks, 20 ms apart. **Predict.** In frames of 64 samples (8 ms), which of
# the two pairs are two? And in frames of 1,024?

# %%
at = np.arange(SR // 2) / SR
test = np.sin(2 * np.pi * 1000 * at) + np.sin(2 * np.pi * 1100 * at)
test[[2000, 2160]] += 20


def look(frame=64):
    power, _ = audio.spectrogram_forward(test, n_fft=1024, win_length=frame, hop_length=8)
    return plot.spectrogram(power, sr=SR, hop_length=8, db=50)


hear({"two tones, two clicks": test})
plot.frames(look, frame=[64, 256, 1024])

# %%
dips = {}
for W in (64, 256, 1024):
    power, _ = audio.spectrogram_forward(test, n_fft=1024, win_length=W, hop_length=8)
    clicks = power[256:].sum(0)  # above 2000 Hz there are only clicks
    in_time = 10 * np.log10(clicks[260] / clicks[[250, 270]].min())
    tones = power[:, 64:200].mean(1)  # before the clicks
    in_frequency = 10 * np.log10(tones[134] / min(tones[128], tones[141]))
    dips[W] = in_time, in_frequency
    width = f"{1000 * W / SR:5.0f} ms, main lobe {4 * SR / W:4.0f} Hz"
    between = f"clicks {in_time:6.1f} dB, tones {in_frequency:6.1f} dB"
    print(f"{W:4} samples: {width}; between {between}")
assert dips[64][0] < -40 and dips[1024][0] > -1
assert dips[64][1] > -1 and dips[1024][1] < -40

# %% [markdown]
# Short frames tell the clicks apart, long ones the tones, those in between a little of both. The frame of $W$ samples
# lasts $W / s$ seconds, Hann's main lobe is $4 s / W$ hertz wide, and the product is 4, whatever $W$ is: what one gains
# in time, one loses in frequency. No frame is both. (The ear takes long frames below and short ones above.) What a
# frame cannot do, a hop cannot mend; it only says how often one looks.
#
# ### And back, without loss
#
# Transform each frame back, multiply it by the window once more, add all up where they were, and divide by the sum of
# squared windows:
#
# $$y_i = \frac{\sum_t w_{i - t h}\, x_{t,\, i - t h}}{\sum_t w_{i - t h}^2}$$
#
# **Predict.** Must windows add up to a constant for that?

# %%
hops = {}
for hop in (64, 100, 128, 200):
    X, _ = audio.stft_forward(y, n_fft=256, hop_length=hop)
    back, _ = audio.istft_forward(X, hop_length=hop, length=len(y))
    hops[hop] = np.abs(back - y).max()
    print(f"hop {hop:3}: {X.size / len(y):.2f} complex numbers a sample, off by {hops[hop]:.0e}")
assert max(hops.values()) < 1e-12
try:
    audio.istft_forward(X, hop_length=256)
except ValueError as error:
    print(error)
squares = sum(np.roll(hann, 64 * j) ** 2 for j in range(4))
assert np.allclose(squares, 1.5)
lecture.windows_add_up(hann, (64, 128, 200))

# %% [markdown]
# No: it is enough that they leave nothing out. It is right to the last digit with each of these hops; at 256 there are
# samples of which the window has left nothing, and that is refused. With a hop of a quarter of a frame the sum is a
# constant, 1.5, which saves the division and is kinder to those who change the spectrum before they go back. Why
# multiply by $w$ a second time, when dividing by $\sum w$ would do? Because a spectrum that somebody has changed may be
# no transform of any wave; with squares, one gets the wave whose transform is the nearest (Griffin and Lim). Section 7
# lives on that.
#
# ### Backward
#
# Padding, cutting, windowing, transforming: all linear, so each is undone by its transpose, the last one first.
# **Predict.** The transpose of cutting into frames?

# %%
show_source(audio.stft_backward)
show_source(audio.frame_backward)
show_source(audio.overlap_add_forward, "pieces", "hops", "piece =")

# %% [markdown]
# Adding up: a sample that was in four frames gets gradients from four. What makes a wave of frames in the way back is
# the backward pass of cutting, and the other way round. Checked as always, with differences; and by hand,
# $\langle \bar X, \text{STFT}\, y \rangle = \langle \text{STFT}^* \bar X,\, y \rangle$. The window may have a gradient,
# too, if somebody wants to learn it.

# %%
small = rng.standard_normal(50)
options = {"n_fft": 16, "hop_length": 5, "pad_mode": "reflect"}
mv.check.check_vjp(audio.stft_forward, audio.stft_backward, small, hann[:16], **options)
X, c_stft = audio.stft_forward(y, n_fft=256, hop_length=64)
dX = rng.standard_normal(X.shape) + 1j * rng.standard_normal(X.shape)
dy = audio.stft_backward(dX, c_stft).y
assert dy.shape == y.shape and np.isclose(np.real(dX.conj() * X).sum(), dy @ y)
frames, c_frame = audio.frame_forward(small, frame_length=8, hop_length=2)
dframes = rng.standard_normal(frames.shape)
assert np.isclose((dframes * frames).sum(), audio.frame_backward(dframes, c_frame).y @ small)

# %% [markdown]
# *Sources.* Allen and Rabiner 1977, "A unified approach to short-time Fourier analysis and synthesis"; Griffin and Lim
# 1984, "Signal estimation from modified short-time Fourier transform", equation 6; Gabor 1946, "Theory of
# communication" (time against frequency).

# %% [markdown]
# ## 6 Mel features
#
# A spectrogram has half of its rows for the octave from 2 to 4 kHz, and the ear less than 5 of its 35 mm. What features
# do for machines that listen is what an ear does: fine steps below, coarse ones above, and loudness in ratios.
#
# ### The scale
#
# [Mel](../docs/glossary.md#mel) (from melody) counts pitch as it is heard: what sounds equally far apart is equally far
# apart. There are two formulas,
#
# $$m = \begin{cases} 3 f / 200 & f < 1000 \\ 15 + 27 \ln(f / 1000) / \ln 6.4 & f \ge 1000 \end{cases} \quad\text{(Slaney)}, \qquad
#   m = 2595 \log_{10}(1 + f / 700) \quad\text{(HTK)} .$$
#
# **Predict.** One says that 1000 Hz are 15 mel, the other says 1000. Which is right?

# %%
heard = {
    htk: [audio.hz_to_mel(f, htk=htk) for f in (500.0, 1000.0, 4000.0)] for htk in (False, True)
}
print("Slaney", np.round(heard[False], 1), "HTK", np.round(heard[True], 1))
assert np.isclose(heard[False][1], 15) and round(heard[True][1]) == 1000
assert np.isclose(heard[False][2], 15 + 27 * np.log(4) / np.log(6.4))
assert 35 * np.diff(audio.greenwood_position(np.array([2000.0, 4000.0])))[0] < 5
f = np.linspace(0, 8000, 50)
for htk in (False, True):
    assert np.allclose(audio.mel_to_hz(audio.hz_to_mel(f, htk=htk), htk=htk), f)
lecture.scales_of_hearing()

# %% [markdown]
# Both: the unit is free. What counts is which frequencies are equally far apart, and there the two differ a little.
# librosa takes the first, torchaudio and Kaldi the second, and a model that was trained with the one hears worse with
# the other. Compare the place on the basilar membrane.
#
# ### The filters
#
# $M$ triangles, equally far apart in mel; each sums up the energy of the frequencies under it:
#
# $$Y_t[m] = \sum_k W_m[k]\, |X_t[k]|^2$$
#
# (The slide counts $k$ from 1 to $N$, the "DFT bin number". Of real samples, $1 + N/2$ bins say all; here $k$ counts
# from 0 to $N/2$.)
#
# **Exercise.** [`mel`](../minivit/course/exercises/mel.md): `minivit course start mel`. Try it before you
# read on, for here is its answer:

# %%
show_source(audio.triangular_filters)
show_source(audio.mel_scale_forward)
show_source(audio.mel_scale_backward)
bank = audio.mel_filterbank(sr=SR, n_fft=256, n_mels=20)
S, _ = audio.spectrogram_forward(y, n_fft=256, hop_length=64)
Y, c_mel = audio.mel_scale_forward(S, bank)
assert bank.shape == (20, 129) and Y.shape == (20, 106)
by_loops = np.zeros_like(Y)
for t in range(106):
    for m in range(20):
        for k in range(129):
            by_loops[m, t] += bank[m, k] * S[k, t]
assert np.allclose(Y, by_loops, rtol=1e-12)
plot.mel_filters(bank, sr=SR)

# %% [markdown]
# Wide ones are low: in Slaney's way each is divided by half of its width in hertz, so a noise that is equally strong
# everywhere is so in all bands. (HTK leaves them all 1 high.) Where no bin lies under a tip, the tip is cut off. It is
# a matrix, so backward is its transpose.
#
# **Predict.** 128 bands, librosa's default, from frames of 128 samples. What goes wrong?

# %%
import warnings

with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    too_many = audio.mel_filterbank(sr=SR, n_fft=128, n_mels=128)
empty = audio.empty_filters(too_many)
print(f"{len(empty)} of 128 filters let nothing through, the first of them no. {empty[:6]}")
edge = audio.mel_frequencies(130, fmax=SR / 2)[1]
print(f"bins are {SR / 128} Hz apart, edges of low filters {edge:.1f} Hz")
assert len(empty) == 29 and "empty" in str(said[0].message)
assert 2 * edge < SR / 128

# %% [markdown]
# Low filters are narrower than the distance of two bins, and some meet none: a black row in every image, whatever is
# said. minivit warns.
#
# ### The logarithm
#
# **Predict.** Twice as loud, four times the energy: what does that do to the logarithm of $Y$? And what is the
# logarithm of silence?

# %%
bands = {"sr": SR, "n_fft": 256, "n_mels": 20}
louder, plain = (audio.log_mel_forward(times * y, **bands)[0] for times in (2, 1))
assert np.allclose(louder - plain, np.log(4))
quiet = np.array([0.0, 1e-12, 1e-10, 1e-9, 1.0])
z, c_floor = audio.log_floor_forward(quiet, floor=1e-10)
assert z[0] == z[2] == np.log(1e-10) and np.isfinite(z).all()
(dquiet,) = audio.log_floor_backward(np.ones(5), c_floor)
print(z, dquiet)
assert dquiet[:3].tolist() == [0, 0, 0] and np.isclose(dquiet[3], 1e9)

# %% [markdown]
# It adds $\ln 4$ to every number, and a shift is what a norm takes away. Of silence it would be minus infinity, so
# there is a floor $\epsilon$: $\ln \max(\epsilon, Y)$. Below it nothing has a gradient. Above it the gradient is $1/Y$:
# a thousand million for a whisper. What is quiet is what features like these ask most of a wave.
#
# ### Pre-emphasis
#
# A voice has less and less energy the higher one goes. An old and cheap remedy is $z_t = y_t - 0.97\, y_{t-1}$,
# [pre-emphasis](../docs/glossary.md#pre-emphasis). **Predict.** What does it make of a constant? Of a wave that changes
# its sign with every sample?

# %%
constant, flipping = np.ones(9), (-1.0) ** np.arange(9)
assert np.allclose(audio.preemphasis_forward(constant)[0][1:], 0.03)
assert np.allclose(np.abs(audio.preemphasis_forward(flipping)[0][1:]), 1.97)
gains = [20 * np.log10(gain) for gain in (0.03, 1.97)]
print(f"{gains[0]:.1f} dB at 0 Hz, {gains[1]:+.1f} dB at {SR / 2:.0f} Hz")
assert [round(gain, 1) for gain in gains] == [-30.5, 5.9]
a = audio.vowel("a", pitch=110.0, sr=SR).astype(float)
tilt = {}
for name, it in (("as it is", a), ("pre-emphasis", audio.preemphasis_forward(a)[0])):
    power = np.abs(np.fft.rfft(it)) ** 2
    f = np.arange(len(power)) * SR / len(it)
    tilt[name] = 10 * np.log10(power[(f > 2000)].sum() / power[f < 2000].sum())
print({name: f"{level:.1f} dB" for name, level in tilt.items()}, "above 2000 Hz against below")
assert tilt["pre-emphasis"] > tilt["as it is"] + 6

# %% [markdown]
# ### Cepstra and deltas
#
# Neighbouring bands say much the same. A cosine transform of the log-mel spectrum takes that out: the first
# coefficients say what the shape is, roughly, the later ones what is fine in it. With the first 13 of them one has
# [MFCCs](../docs/glossary.md#mfcc), mel-frequency cepstral coefficients, on which speech recognition lived for thirty
# years.

# %%
D = audio.dct_matrix(40, 40)
assert np.allclose(D @ D.T, np.eye(40), atol=1e-12)  # lost is only what is left out
sizes = {"n_fft": 512, "hop_length": 128, "n_mels": 40}


def log_mel_level(y):
    """The mean log-mel spectrum of a sound, in decibels."""
    power, _ = audio.melspectrogram_forward(y, sr=SR, **sizes)
    return audio.power_to_db_forward(power)[0][:, 5:-5].mean(1)


fine = {
    f"a, {pitch} Hz": log_mel_level(sung[f"a, {pitch} Hz"].astype(float)) for pitch in (110, 220)
}
smooth = {f"{name}, 13 numbers": D[:13].T @ (D[:13] @ level) for name, level in fine.items()}
lecture.levels(
    np.arange(40),
    fine | smooth,
    xlabel="mel band",
    title="What 13 cepstra keep of a vowel",
    floor=-60,
)

# %% [markdown]
# **Predict.** Distances of MFCCs: is an a at 110 Hz nearer to an a at 165 Hz, or to another vowel at its own pitch?


# %%
def cepstra(name, pitch):
    """The mean MFCCs of a vowel, without the first, which says how loud it is."""
    y = audio.vowel(name, pitch=pitch, sr=SR, breath=0.02).astype(float)
    return audio.mfcc_forward(y, sr=SR, n_mfcc=13, **sizes)[0][1:, 10:-10].mean(1)


reference = cepstra("a", 110.0)
others = [("a", 165.0), ("o", 110.0), ("u", 110.0), ("e", 110.0), ("i", 110.0)]
apart = {
    f"{name}, {f:.0f} Hz": np.linalg.norm(cepstra(name, f) - reference) for name, f in others
}
print({name: round(distance) for name, distance in apart.items()})
assert min(apart, key=apart.get) == "a, 165 Hz"
ramp = np.arange(20.0)[None]
assert np.allclose(audio.delta_forward(ramp)[0], 1)  # a delta is a slope
assert np.allclose(audio.delta_forward(audio.delta_forward(ramp)[0])[0], 0)

# %% [markdown]
# To the same vowel: what is left out is the pitch, mostly. What the numbers do over time is put beside them as deltas,
# the slope of a straight line through nine frames; and deltas of deltas. A transformer needs neither: it sees the other
# frames, and may learn what to compare. It gets the log-mel spectrogram as it is.
#
# ### One layer
#
# From a wave to its log-mel spectrogram: cut, window, transform, square, sum up, take the logarithm. Each step has its
# backward, so all of them are a layer like any other:

# %%
show_source(audio.log_mel_forward)
show_source(audio.log_mel_backward)
show_source(audio.melspectrogram_backward)
show_source(audio.spectrogram_backward)
tiny = mv.layers.LogMel(sr=SR, n_fft=64, hop_length=20, n_mels=5)
mv.check.check_layer(tiny, rng.standard_normal((2, 150)))  # silent: right

# %% [markdown]
# **Predict.** Take one number of the image: band 12, frame 50. Which samples of the wave does its gradient reach? And
# what will the gradient look like?

# %%
layer = mv.layers.LogMel(sr=SR, n_fft=256, hop_length=64, n_mels=20)
image, cache = layer.forward(y[None])
assert image.shape == (1, 20, 106)
one = np.zeros_like(image)
one[0, 12, 50] = 1
dy = layer.backward(one, cache)[0]
reached = np.flatnonzero(np.abs(dy) > 1e-12 * np.abs(dy).max())
start = 50 * 64 - 128
assert start <= reached[0] and reached[-1] < start + 256
w, band = audio.get_window("hann", 256), audio.mel_filterbank(sr=SR, n_fft=256, n_mels=20)[12]
its_frame = w * np.pad(y, 128)[50 * 64 :][:256]
heard = np.fft.irfft(band * np.fft.rfft(its_frame))  # through the filter
frame = dy[start : start + 256]
assert np.isclose(np.corrcoef(frame, w * heard)[0, 1], 1)  # and through the window again
lecture.gradient_of_a_frame(dy[start - 256 : start + 512], SR, (256, 512))

# %% [markdown]
# The 256 samples of its frame and no others; and it is, but for a factor, the wave itself as that filter and that
# window see it: more of the same makes the number larger.
#
# ### Sounds as images
#
# minivit has a data set of sounds, drawn from a seed, one second each. Fifteen classes: five kinds of sound, and what
# each of them does over time: up, down, or up and down. Here they are as a model will see them.

# %%
data = mv.data.sounds(n_train=150, n_test=15, seed=0)
first = np.array([np.flatnonzero(data.train.labels == label)[0] for label in range(15)])
images = plot.sound_images(data.train.waves[first], data.sr)
assert images.shape == (15, 64, 98, 3) and data.sr == SR
some = [0, 3, 6, 9, 12]
hear({data.class_names[label]: data.train.waves[first[label]] for label in some})
plot.samples(
    images,
    data.train.labels[first],
    data.class_names,
    columns=5,
    title="Sounds and their classes",
)

# %% [markdown]
# A second of 8,000 samples has become an image of 64 × 98. Cover the names and say what is what: you can read sounds
# now.
#
# *Sources.* Davis and Mermelstein 1980, "Comparison of parametric representations for monosyllabic word recognition in
# continuously spoken sentences"; Slaney 1998, "Auditory Toolbox"; Young et al. 2002, "The HTK Book", sections 5.2, 5.4
# and 5.9; Furui 1986, "Speaker-independent isolated word recognition using dynamic features of speech spectrum";
# Stevens, Volkmann and Newman 1937, "A scale for the measurement of the psychological magnitude pitch".

# %% [markdown]
# ## 7 Back to sound
#
# A spectrogram has the sizes $|X|$ and has lost the angles. Can it be played? **Predict.** What do you hear if you keep
# the sizes and draw the angles at random? What if all are zero?

# %%
y = voice  # float32
stft = {"n_fft": 512, "hop_length": 128}
X, _ = audio.stft_forward(y, **stft)
S = np.abs(X)
options = {"hop_length": 128, "length": len(y)}
random = audio.griffinlim(S, n_iter=0, **options)
zero = audio.griffinlim(S, n_iter=0, init=None, **options)
hear({"the voice": y, "its sizes, angles drawn": random.y, "its sizes, all angles zero": zero.y})
print(f"{random.convergence[0]:.2f} and {zero.convergence[0]:.2f} of the spectrogram are wrong")
assert 0.6 < random.convergence[0] < 0.7 < zero.convergence[0] < 0.9

# %% [markdown]
# With angles that do not fit, frames that overlap cancel each other here and there. With zeros each frame begins with a
# click, of which its window leaves little. Measured: take the spectrogram of what came out, and say how far it is from
# the one wanted, $\big\|\,|X| - S\,\big\| / \|S\|$.
#
# Frames overlap, so few matrices of complex numbers are the STFT of a wave: what one frame says of a sample, the next
# must say too. [Griffin and Lim](../docs/glossary.md#griffin-lim) go to and fro: to the wave nearest to the matrix
# (section 5), and from there to the nearest matrix with sizes $S$, by keeping its angles. Neither step can lead away.
# The *fast* one overshoots on purpose, by 0.99 of the last step.

# %%
show_source(audio.griffinlim, "for _ in", "t = c", "before = c", "y, c =")
plain = audio.griffinlim(S, n_iter=100, momentum=0.0, **options)
fast = audio.griffinlim(S, n_iter=100, **options)
assert (np.diff(plain.convergence) <= 1e-6).all()  # it never grows
assert fast.convergence[-1] < 0.5 * plain.convergence[-1]

# %% [markdown]
# ### By gradient descent
#
# Nothing of this was needed: we have a backward pass. Take the samples themselves for weights, the error of the
# spectrogram for a loss, and go downhill. **Predict.** Is it better than Griffin-Lim, step by step? (A step costs about
# as much: one transform and one adjoint.)


# %%
def forward(y):
    return audio.spectrogram_forward(y, power=1.0, **stft)


start = random.y  # as Griffin-Lim's
downhill = audio.invert_by_gradient(
    S, start, forward, audio.spectrogram_backward, n_iter=100, lr=0.04
)
curves = {
    "Griffin-Lim": plain.convergence,
    "fast Griffin-Lim": fast.convergence,
    "gradient descent": downhill.convergence,
}
last = {name: curve[-1] for name, curve in curves.items()}
assert np.isclose(downhill.convergence[0], plain.convergence[0], rtol=1e-3)
assert last["fast Griffin-Lim"] < 0.05 and max(last.values()) < 0.15
hear({"Griffin-Lim": plain.y, "fast Griffin-Lim": fast.y, "gradient descent": downhill.y})
plot.inversion_curves(curves)

# %% [markdown]
# It ends where the plain one does, or near it, behind the fast one; and it knew nothing of sound. Griffin-Lim is
# gradient descent, too, in disguise: without momentum, a step moves sample $i$ by $-1 / (W \sum_t w_{i - t h}^2)$ of
# its gradient, if the loss is half the squared error over all $W$ frequencies.

# %%
S_start, cache = forward(random.y)
copies = np.full((257, 1), 2, np.float32)  # of each bin: between the edges, its mirror image too
copies[[0, -1]] = 1
gradient = audio.spectrogram_backward(copies * (S_start - S), cache).y
squares = audio.istft_forward(X, **options)[1].squares
one_step = random.y - gradient / (512 * squares)
griffin_lim = audio.griffinlim(S, n_iter=1, momentum=0.0, **options).y
print(f"one step of both: off by {np.abs(one_step - griffin_lim).max():.0e}")
assert np.abs(one_step - griffin_lim).max() < 1e-5

# %% [markdown]
# What descent has ahead of both is that it takes *any* features that have a backward.
#
# ### From mel to sound
#
# A mel spectrogram has lost more: 257 frequencies have become 64 sums. Look for a spectrum $P \ge 0$ with these sums,
# $\min_P \tfrac12 \|W P - M\|^2$: non-negative least squares (NNLS). Then Griffin-Lim for the angles; and then downhill
# through the log-mel layer, which asks for what is wanted itself. **Predict.** Which of the two brings more?

# %%
M, _ = audio.melspectrogram_forward(y, sr=SR, n_mels=64, **stft)
S_found = audio.mel_to_stft(M, sr=SR, n_fft=512)
assert (S_found >= 0).all()
sums = audio.mel_filterbank(sr=SR, n_fft=512, n_mels=64) @ S_found**2
wrong = audio.spectral_convergence(sums, M.astype(float)), audio.spectral_convergence(S_found, S)
print(f"sums wrong by {wrong[0]:.1%}, sizes by {wrong[1]:.0%}")
assert wrong[0] < 0.002 and 0.18 < wrong[1] < 0.25

layer = mv.layers.LogMel(sr=SR, n_mels=64, **stft)
target, _ = layer.forward(y[None])
drawn = audio.griffinlim(S_found, n_iter=0, **options).y
fitted = audio.griffinlim(S_found, n_iter=100, **options).y
below = audio.invert_by_gradient(target, fitted[None], layer.forward, layer.backward)
waves = {"NNLS, angles drawn": drawn, "and Griffin-Lim": fitted, "and downhill": below.y[0]}
far = {
    name: audio.spectral_convergence(layer.forward(it[None])[0], target)
    for name, it in waves.items()
}
print(
    {name: f"{error:.3f}" for name, error in far.items()}, "of the log-mel spectrogram are wrong"
)
assert far["NNLS, angles drawn"] > 2 * far["and Griffin-Lim"]
assert 0.55 < far["and downhill"] / far["and Griffin-Lim"] < 0.75
hear(waves)

# %%
powers = {
    name: audio.spectrogram_forward(it, **stft)[0]
    for name, it in ({"the voice": y} | waves).items()
}
rows = dict.fromkeys(powers, audio.fft_frequencies(sr=SR, n_fft=512))
lecture.spectrogram_row(
    powers, len(y) / SR, hertz=rows, title="From 64 numbers a frame to a voice"
)

# %% [markdown]
# The sums are right to a thousandth, and still a fifth of the sizes is wrong: what a filter has summed up, nobody can
# take apart. Griffin-Lim brings more. Downhill takes away about a third of what is left wrong in the *features*, which
# are all that a model of images of sound will ever see.
#
# *Sources.* Griffin and Lim 1984, section III; Perraudin, Balazs and Søndergaard 2013, "A fast Griffin-Lim algorithm";
# Sturmel and Daudet 2011, "Signal reconstruction from STFT magnitude: a state of the art"; Beck and Teboulle 2009, "A
# fast iterative shrinkage-thresholding algorithm for linear inverse problems"; Decorsière et al. 2015, "Inversion of
# auditory spectrograms, traditional spectrograms, and other envelope representations".

# %% [markdown]
# ## 8 A picture hidden in sound
#
# If a spectrogram can be played, so can any picture. In "Cyberdemon", on the soundtrack of the game DOOM of 2016, the
# spectrogram shows pentagrams and the number 666. (The slide says DOOM Eternal, which is a later game, of 2020; what is
# documented is of 2016.) Let us do the same, with a star of our own: columns are frames, rows frequencies, brightness
# is decibels; Griffin-Lim finds the angles. **Predict.** Do the angles matter, when all one looks at are sizes?

# %%
from PIL import Image, ImageDraw

side, turns = 240, 2 * np.pi * np.arange(6) * 2 / 5
grey = np.broadcast_to(np.linspace(0, 110, side).astype(np.uint8), (side, side))
picture = Image.fromarray(grey.copy())
draw = ImageDraw.Draw(picture)
corners = side * (0.5 + 0.4 * np.sin(turns)), side * (0.5 - 0.4 * np.cos(turns))
draw.line([*zip(*corners, strict=True)], 255, 12)
draw.ellipse((8, 8, side - 8, side - 8), outline=255, width=12)
how = {"sr": SR, "duration": 2.0, "fmin": 300.0, "db": 40.0, "n_fft": 256, "hop_length": 128}
seen = {}
for steps in (0, 4, 16, 64):
    hidden = audio.hide(np.asarray(picture), n_iter=steps, **how)
    seen[steps] = audio.hidden_correlation(hidden.y, hidden)
print({steps: f"{r:.3f}" for steps, r in seen.items()})
assert seen[0] < 0.9 and seen[64] > 0.96 and [*seen.values()] == sorted(seen.values())
hear({"a star": hidden.y})
plot.picture_in_sound(hidden)

# %% [markdown]
# They do: angles that do not fit make frames cancel each other, and the picture is grained. The number is the
# correlation of its pixels with those that the STFT of the wave shows; 1 would be the picture itself. **Predict.** Will
# it survive 16 bits? A noise 20 dB below? A voice on top of it?

# %%
star = hidden.y
loud = np.sqrt(np.mean(star**2))
spoken = np.pad(vowels, (0, len(star) - len(vowels)))  # as long
again = {
    "as a file of 16 bits": np.round(star * 32767).astype(np.int16) / np.float32(32768),
    "a noise 20 dB below": star + 0.1 * loud * rng.standard_normal(len(star)).astype(np.float32),
    "a voice as loud": star + loud / np.sqrt(np.mean(spoken**2)) * spoken,
}
survives = {name: audio.hidden_correlation(y, hidden) for name, y in again.items()}
print({name: f"{r:.3f}" for name, r in survives.items()})
assert abs(survives["as a file of 16 bits"] - seen[64]) < 0.001
assert survives["a noise 20 dB below"] > 0.8 and survives["a voice as loud"] > 0.5
hear({"a star and a voice": again["a voice as loud"]})
plot.picture_in_sound(hidden, again["a voice as loud"])

# %% [markdown]
# Sixteen bits change nothing, the noise costs a little, and the voice lies in front of it; one still sees what it was.
# From the command line, with any image, and what shows it again:
#
#     minivit hide picture.png -o secret.wav
#     minivit spectrogram secret.wav --n-fft 1024 --db 50
#
# *Sources.* "The new 'Doom' hides sinister images in its soundtrack", Engadget, 29 May 2016.
#
# ### To do yourself
#
# 1. A recorder takes 16,000 samples in a second and forgets to filter. What is heard of tones of 9, 15 and 16 kHz?
# 2. How many times fewer multiplications does the fast transform take for $N = 2^{20}$?
# 3. Speech is often cut into frames of 25 ms, 10 ms apart, at 16 kHz. How many samples are that, how many frames has a
#    sound of 10 s without padding, how far apart are the bins, and how wide is Hann's main lobe?
# 4. Hamming's 0.54 is rounded. For which $a$ is the spectrum of $a - (1 - a) c_1$ zero at 2.5 bins, in
#    the middle of Hann's first side lobe?
# 5. What is the spectrogram of a sound that is played backwards? And of $-y$? What follows for Griffin-Lim?
#
# <details><summary>Answers</summary>
#
# 1. 7 kHz, 1 kHz, and a constant, which is silence.
# 2. $N^2 / (N/2 \cdot 20) = N / 10$: about 105,000 times.
# 3. 400 and 160 samples; 998 frames; 40 Hz; four bins, 160 Hz.
# 4. 25/46, about 0.5435: $a / 2.5 = \frac{1 - a}{2} (1 / 1.5 + 1 / 3.5)$.
# 5. Its mirror image, if frames and window are alike from both ends. The same. So no algorithm can tell which of $y$
#    and $-y$ it was; nor does an ear.
#
# </details>

# %%
assert [audio.alias(f, 16_000) for f in (9e3, 15e3, 16e3)] == [7e3, 1e3, 0]
assert round(2**40 / audio.fft_multiplications(2**20), -3) == 105_000
assert [16 * 25, 16 * 10, 16_000 / 400, 4 * 16_000 / 400] == [400, 160, 40, 160]
ten_seconds, _ = audio.frame_forward(np.zeros(160_000), frame_length=400, hop_length=160)
assert ten_seconds.shape[1] == 998
a, n = 25 / 46, np.arange(1024)
assert np.isclose(a / 2.5, (1 - a) / 2 * (1 / 1.5 + 1 / 3.5)) and round(a, 4) == 0.5435
its_window = a - (1 - a) * np.cos(2 * np.pi * n / 1024)
middle = its_window @ audio.euler(-2 * np.pi * 2.5 * n / 1024)
assert abs(middle) < 1e-3 * its_window.sum()
whole = rng.standard_normal(1024)
alike = audio.get_window("hann", 64, fftbins=False)  # from both ends
there, back, opposite = (
    audio.spectrogram_forward(it, alike, n_fft=64, center=False)[0]
    for it in (whole, whole[::-1], -whole)
)
assert np.allclose(back, there[:, ::-1]) and np.array_equal(opposite, there)

# %% [markdown]
# **Next:** [a transformer that listens](10_listening.ipynb) to such images, and one that listens to the wave itself.
