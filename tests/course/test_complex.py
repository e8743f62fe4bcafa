"""Complex numbers in arguments, results and gradients: they cross, they are compared, and what is wrong is said."""

import numpy as np
import pytest

from minivit.check.diagnose import common_factor
from minivit.course.asked import other_numbers
from minivit.course.call import perform
from minivit.course.compare import largest_number
from minivit.course.complex_numbers import of_complex, wrong_dtype
from minivit.course.exercises import EXERCISES
from minivit.course.explain import nearly_right
from minivit.course.grade import check_folder, check_functions
from minivit.course.runner import InPlaceRunner, closed_while
from minivit.course.stub import solved_source, stub_source
from minivit.course.together import inner
from minivit.course.wire import pack, unpack
from tests.course.parts import results_of
from tests.sampled import REST

RNG = np.random.default_rng(0)
Z = RNG.standard_normal((3, 5)) + 1j * RNG.standard_normal((3, 5))
X = RNG.standard_normal((3, 5))
CONJUGATE = "y is the complex conjugate of what is expected: an exponent has the other sign, or .conj() is missing"
SENTENCES = {
    CONJUGATE: Z.conj(),
    "y has the right real part only: the imaginary part is missing": Z.real,
    "y has the right real part only: the imaginary part is missing (complex)": Z.real + 0j,
    "y has the right imaginary part, but as a real number, and no real part": Z.imag,
    "y has the size of the complex numbers only: their angle is missing": np.abs(Z),
    "y has the squared size of the complex numbers only: their angle is missing": np.abs(Z) ** 2,
    "y: the real part has the wrong sign, the imaginary part is right": -Z.conj(),
    "y: real and imaginary part are exchanged": Z.imag + 1j * Z.real,
    "y is turned by a quarter of a circle (times 1j), the same everywhere": 1j * Z,
    "y is turned by a quarter of a circle (times -1j) and 3 times as long, the same everywhere": -3j * Z,
    "y is turned by 0.1 of a circle, the same everywhere": np.exp(0.2j * np.pi) * Z,
    "y: the real part is right, the imaginary part is wrong": Z.real + 2j * Z.imag,
    "y: the imaginary part is right, the real part is wrong": 2 * Z.real + 1j * Z.imag,
    "y: every size is right, the angles are wrong": Z * np.exp(1j * X),
}


@pytest.mark.parametrize("sentence", SENTENCES)
def test_what_is_wrong_with_complex_numbers_is_said(sentence):
    assert next(of_complex("y", SENTENCES[sentence], Z)) == sentence.removesuffix(" (complex)")


def test_rounding_on_the_unit_circle_is_told_as_rounding():
    """In complex64 the sizes of roots of 1 are 1 once more, and only their angles seem to be wrong."""
    results = results_of(EXERCISES["dft"], "def dft_matrix(N):\n    return ours.dft_matrix(N).astype(np.complex64)")
    (numbers,) = [result.message for result in results if result.check == "numbers"]
    assert numbers.startswith("y is right to 7 digits only: that is float32's rounding")


def test_complex_numbers_in_place_of_real_ones():
    says = "y has the right real part, but real numbers are expected: take .real"
    assert next(of_complex("y", X + 1j * Z.real, X)) == says
    assert "right size" in next(of_complex("y", np.abs(X) * np.exp(1j * Z.real), np.abs(X)))


@pytest.mark.parametrize(("got", "expected"), [(X, 2 * X), (2 * Z, Z), (-Z, Z), (Z[:2], Z)])
def test_what_is_said_of_real_numbers_and_factors_is_said_elsewhere(got, expected):
    assert [*of_complex("y", got, expected)] == []


def test_real_factors_of_complex_numbers_are_found_and_no_others():
    assert common_factor(-2.5 * Z, Z) == pytest.approx(-2.5)
    assert common_factor(2j * Z, Z) is None
    assert common_factor(2 * X, X) == pytest.approx(2)
    assert isinstance(common_factor(2 * Z, Z), float)


def test_the_largest_number_has_both_parts():
    assert largest_number(np.array([3 + 4j, np.inf, 1])) == 5
    assert largest_number(np.array([True, False])) == 1
    assert largest_number(np.array([-7, 3], np.int8)) == 7


def test_rounding_of_complex_numbers_is_called_so():
    assert "that is float32's rounding" in str(nearly_right("y", Z.astype(np.complex64).astype(complex), Z))
    assert nearly_right("y", Z.conj(), Z) is None


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_they_cross_to_the_child_and_back(dtype):
    array, scalar = unpack(pack((Z.astype(dtype), dtype(1 - 2j))))
    assert array.dtype == dtype
    assert np.array_equal(array, Z.astype(dtype))
    assert scalar == 1 - 2j


def test_others_are_others():
    other = other_numbers(Z)
    assert other.dtype == Z.dtype
    assert not np.isclose(other, Z).any()


def test_the_slope_of_a_loss_counts_both_parts():
    """A loss that is Re(sum(conj(a) z)) has the gradient a."""
    step = 1e-6 * Z
    loss = lambda z: float((np.conj(X + 2j) * z).sum().real)  # noqa: E731
    assert inner(X + 2j, step) == pytest.approx(loss(Z + step) - loss(Z))


@pytest.mark.parametrize(
    ("came", "went", "says"),
    [
        ("float64", "complex64", "y is of float64, real numbers; it must be complex: complex64 where float32 came in"),
        ("complex64", "float32", "y is of complex64; it must be of real numbers, float32: take .real"),
        ("complex128", "complex64", "it must be of complex64 where float32 came in. np.exp(1j * ...) of float64 is"),
    ],
)
def test_another_dtype_is_told(came, went, says):
    assert says in wrong_dtype("y", *map(np.dtype, ("float32", came, went)))


def failed(name, text):
    return [result.message for result in results_of(EXERCISES[name], text) if result.status == "failed"]


def test_complex_arguments_that_were_modified_are_told_with_both_values():
    text = "def ifft(X):\n    X[0] += 1j\n    return ours.ifft(X)"
    assert any(
        "you modified X in place" in message and "j, it should be " in message for message in failed("dft", text)
    )


def test_a_backward_that_fits_a_wrong_complex_forward_is_told_so():
    forward = (
        "def rfft_forward(x, *, n=None):\n    X, cache = ours.rfft_forward(x, n=n)\n    return X * 1j, cache\n\n\n"
        "def rfft_backward(dy, cache):\n    return ours.rfft_backward(dy * -1j, cache)"
    )
    results = {(r.task, r.check): r for r in results_of(EXERCISES["dft"], forward)}
    says = "your rfft_forward is wrong (though your backward is its gradient): mend that first"
    assert results["rfft_backward", "with your forward"].message == says


def solution_with(tmp_path, name, text):
    (tmp_path / "solution.py").write_text(f"{solved_source(EXERCISES[name])}\n\n{text}", encoding="utf-8")
    return {(r.task, r.check): r for r in check_folder(tmp_path).results}


TAKEN = {
    "dft_matrix": "def dft_matrix(N):\n    return np.fft.fft(np.eye(N))",
    "dft": "import scipy.fft\n\n\ndef dft(x):\n    return scipy.fft.fft(x)",
    "fft": "from numpy.fft import fft as theirs\n\n\ndef fft(x):\n    return theirs(x)",
    "ifft": "from scipy.fft import ifftn\n\n\ndef ifft(X):\n    return ifftn(X, axes=[-1])",
}


@REST
@pytest.mark.parametrize("name", TAKEN)
def test_what_is_to_be_written_is_not_taken_from_elsewhere(name, tmp_path):
    """Not from numpy.fft nor scipy.fft; where it is not the exercise, they work."""
    results = solution_with(tmp_path, "dft", TAKEN[name])
    assert "is closed during the check: to write it is the exercise" in results[name, "runs"].message
    assert results["rfft_forward", "numbers"].status == "passed"


def test_what_was_closed_works_afterwards():
    def fft(x):
        return np.fft.fft(x)

    report = check_functions([fft])
    assert "what numpy has for this is closed during the check" in report.results[0].message
    assert np.allclose(np.fft.fft(np.ones(3)), [3, 0, 0])


def test_what_nobody_has_imported_needs_no_closing():
    module = type("Solution", (), {"one": staticmethod(lambda: 1)})
    assert perform(module, "one", (), {}, closed=("no_such_package.at_all:name",)).value == 1


def test_a_pair_is_closed_to_what_either_is_closed_to():
    closed_for = {"a_forward": ("m:f", "m:g"), "a_backward": ("m:g", "m:h")}
    assert closed_while("a_forward then a_backward", closed_for) == ("m:f", "m:g", "m:h")
    assert closed_while("b", closed_for) == ()
    assert InPlaceRunner(None).closed_for == {}


@REST
def test_a_matrix_is_no_fast_transform(tmp_path):
    results = solution_with(tmp_path, "dft", "def fft(x):\n    return dft(x)")
    assert [key for key, result in results.items() if result.status != "passed"] == [("fft", "speed")]


def test_no_cache_is_called_so():
    text = "def istft_forward(*args, **options):\n    return ours.istft_forward(*args, **options)[0], None"
    results = {(r.task, r.check): r for r in results_of(EXERCISES["stft"], text, with_heads=False)}
    assert {result.status for result in results.values()} == {"passed"}
    assert results["istft_forward", "runs"].message.startswith("no cache; the given one is an IstftCache (window, ")


def test_the_stub_keeps_tables_only_where_they_are_no_answer():
    assert "COSINES:" in solved_source(EXERCISES["stft"])
    assert "COSINES" not in stub_source(EXERCISES["stft"])


def test_the_docstring_of_fft_would_tell_how():
    assert '"""See fft in README.md."""' in stub_source(EXERCISES["dft"])
