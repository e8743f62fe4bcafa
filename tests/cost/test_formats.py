"""Every bit against ml_dtypes and NumPy, which were written by others; TF32, which they lack, against integers."""

from typing import Any, cast

import ml_dtypes
import numpy as np
import pytest

from minivit.cost.formats import FORMATS, fields_of, normal_value, round_to, value_of

OTHERS = {
    "fp64": np.float64,
    "fp32": np.float32,
    "bf16": ml_dtypes.bfloat16,
    "fp16": np.float16,
    "fp8_e4m3": ml_dtypes.float8_e4m3fn,
    "fp8_e5m2": ml_dtypes.float8_e5m2,
}
LOW = [name for name in FORMATS if name not in ("fp64", "fp32", "tf32")]


def tf32_bits(bits):
    """float32 bit patterns with 13 bits of the mantissa rounded away, by integers alone; nan apart."""
    odd = bits >> np.uint32(13) & np.uint32(1)
    return (bits + np.uint32(0xFFF) + odd) & np.uint32(0xFFFFE000)


def by_others(x, name):
    """``x`` rounded by ml_dtypes or NumPy, in the dtype of ``x``."""
    with np.errstate(all="ignore"):
        return x.astype(OTHERS[name]).astype(x.dtype)


def assert_same_bits(found, expected):
    """All the same, the signs of zeros too; nan is nan."""
    assert found.dtype == expected.dtype
    nan = np.isnan(expected)
    np.testing.assert_array_equal(np.isnan(found), nan)
    kind = np.dtype(f"u{found.itemsize}")
    np.testing.assert_array_equal(found[~nan].view(kind), expected[~nan].view(kind))


@pytest.fixture(scope="module")
def patterns():
    """A million random patterns of bits as float32, with all kinds of numbers among them."""
    bits = np.random.default_rng(0).integers(0, 2**32, 1_000_000, dtype=np.uint32)
    special = np.array([0, -0.0, np.inf, -np.inf, np.nan, 65504, 65519.99, 65520, 448, 464, 464.00003, 57344, 61440])
    return np.concatenate((bits.view(np.float32), special.astype(np.float32)))


def neighbourhood(name):
    """All numbers of a format of 16 bits or less, the middles between them, and what lies right beside those."""
    values = value_of(np.arange(2 ** FORMATS[name].bits), name)
    values = np.unique(values[np.isfinite(values)])
    middles = (values[1:] + values[:-1]) / 2
    return np.concatenate((values, middles, np.nextafter(middles, np.inf), np.nextafter(middles, -np.inf)))


@pytest.mark.parametrize("name", LOW)
def test_all_codes_are_those_of_others(name):
    bits = FORMATS[name].bits
    codes = np.arange(2**bits, dtype=f"u{bits // 8}")
    with np.errstate(invalid="ignore"):  # there are nan among them that signal
        assert_same_bits(value_of(codes, name), codes.view(OTHERS[name]).astype(np.float64))


@pytest.mark.parametrize("name", ["fp32", "fp64"])
def test_random_codes_are_those_of_numpy(name, rng):
    codes = rng.integers(0, 2 ** FORMATS[name].bits, 10_000, dtype=f"u{FORMATS[name].bits // 8}", endpoint=False)
    with np.errstate(invalid="ignore"):
        assert_same_bits(value_of(codes, name), codes.view(OTHERS[name]).astype(np.float64))
    largest = 2 ** FORMATS[name].bits - 1
    assert np.isnan(value_of(largest, name))
    assert value_of(largest >> 1 & ~(2 ** FORMATS[name].mantissa_bits - 1), name) == np.inf


def test_tf32_is_float32_without_the_last_13_bits(rng):
    codes = rng.integers(0, 2**19, 10_000, dtype=np.uint32)
    with np.errstate(invalid="ignore"):
        assert_same_bits(value_of(codes, "tf32"), (codes << np.uint32(13)).view(np.float32).astype(np.float64))


@pytest.mark.parametrize("name", LOW)
def test_a_million_random_float32_are_rounded_as_by_others(name, patterns):
    assert_same_bits(round_to(patterns, name), by_others(patterns, name))


def test_a_million_random_float32_are_rounded_to_tf32_as_by_integers(patterns):
    with np.errstate(invalid="ignore"):
        expected = np.where(np.isnan(patterns), patterns, tf32_bits(patterns.view(np.uint32)).view(np.float32))
    assert_same_bits(round_to(patterns, "tf32"), expected)


@pytest.mark.parametrize("name", LOW)
def test_numbers_of_a_format_stay_and_middles_go_to_the_even_neighbour(name):
    x = neighbourhood(name).astype(np.float32)
    assert_same_bits(round_to(x, name), by_others(x, name))
    values = value_of(np.arange(2 ** FORMATS[name].bits), name)
    assert_same_bits(round_to(values, name), values)


def test_float64_is_rounded_once():
    """NumPy rounds float64 to half once. ml_dtypes goes by way of float32: it rounds twice, here to another side."""
    x = neighbourhood("fp16")
    assert_same_bits(round_to(x, "fp16"), by_others(x, "fp16"))
    for name in ("bf16", "fp8_e4m3", "fp8_e5m2"):
        epsilon = FORMATS[name].epsilon
        above = np.array([1 + epsilon / 2 + 2.0**-40])  # a little above the middle of 1 and its neighbour
        assert round_to(above, name) == 1 + epsilon
        assert by_others(above, name) == 1
    assert round_to(np.array([1 + 2.0**-11 + 2.0**-40]), "tf32") == 1 + 2.0**-10


@pytest.mark.parametrize("name", ["bf16", "fp8_e4m3", "fp8_e5m2"])
def test_float64_goes_to_the_nearest_number(name):
    """Of neighbours in a sorted list of all numbers, without a thought of bits."""
    values = value_of(np.arange(2 ** FORMATS[name].bits), name)
    values = np.unique(values[np.isfinite(values)])
    x = neighbourhood(name)
    x = x[np.abs(x) < values[-1]]
    above = np.searchsorted(values, x).clip(1)
    low, high = values[above - 1], values[above]
    y, to_low, to_high = round_to(x, name), x - low, high - x
    np.testing.assert_array_equal(y[to_low < to_high], low[to_low < to_high])
    np.testing.assert_array_equal(y[to_low > to_high], high[to_low > to_high])


def test_float64_to_float32_is_numpys_conversion(rng):
    bits = rng.integers(0, 2**64, 100_000, dtype=np.uint64)
    near = rng.standard_normal(100_000) * 2.0 ** rng.integers(-155, 130, 100_000)  # subnormal and too large ones
    x = np.concatenate((bits.view(np.float64), near))
    assert_same_bits(round_to(x, "fp32"), by_others(x, "fp32"))


def test_wider_formats_change_nothing(patterns):
    with np.errstate(invalid="ignore"):
        x = patterns.astype(np.float64)
    x = np.concatenate((x, [5e-324, 1.7976931348623157e308, 2.5e-310]))
    assert_same_bits(round_to(x, "fp64"), x)
    for name in ("fp32", "fp64"):
        assert_same_bits(round_to(patterns, name), patterns)


@pytest.mark.parametrize("name", OTHERS)
def test_limits_are_those_of_others(name):
    f, info = FORMATS[name], ml_dtypes.finfo(OTHERS[name])
    limits = f.largest, f.smallest_normal, f.smallest_subnormal, f.epsilon
    assert limits == tuple(map(float, (info.max, info.smallest_normal, info.smallest_subnormal, info.eps)))
    assert f.bits == np.dtype(OTHERS[name]).itemsize * 8


def test_tf32_has_the_range_of_fp32_and_the_precision_of_fp16():
    f = FORMATS["tf32"]
    assert (f.bits, f.smallest_normal, f.epsilon) == (19, FORMATS["fp32"].smallest_normal, FORMATS["fp16"].epsilon)
    assert FORMATS["bf16"].largest < f.largest < FORMATS["fp32"].largest


def test_what_is_too_large():
    x = np.array([65519.0, 65520.0, -65520.0, np.inf])
    np.testing.assert_array_equal(round_to(x, "fp16"), [65504, np.inf, -np.inf, np.inf])
    x = np.array([464.0, 464.1, np.inf])
    np.testing.assert_array_equal(round_to(x, "fp8_e4m3"), [448, np.nan, np.nan])


def test_the_formula_with_a_bias_that_is_added_holds_for_normal_numbers_and_a_negative_bias():
    f = FORMATS["fp8_e5m2"]
    codes = np.arange(256)
    values, (sign, exponent, mantissa) = value_of(codes, "fp8_e5m2"), fields_of(codes, "fp8_e5m2")
    parts = zip(sign.tolist(), exponent.tolist(), mantissa.tolist(), strict=True)
    written = np.array([normal_value(*part, mantissa_bits=f.mantissa_bits, bias=-f.bias) for part in parts])
    normal = (exponent > 0) & (exponent < 31)
    np.testing.assert_array_equal(written[normal], values[normal])
    assert not (written == values)[~normal].any()

    one = {"sign": 0, "exponent": 127, "mantissa": 0, "mantissa_bits": 23}
    assert normal_value(**one, bias=-127) == value_of(0x3F800000, "fp32") == 1
    assert normal_value(**one, bias=127) == 2.0**254
    assert normal_value(0, 0, 0, mantissa_bits=23, bias=-127) == 2.0**-127  # where 0 is meant
    assert normal_value(0, 255, 0, mantissa_bits=23, bias=-127) == 2.0**128  # where infinity is meant


def test_fields():
    assert [int(part) for part in fields_of(0b1_10001_0100000000, "fp16")] == [1, 17, 256]
    assert value_of(0b1_10001_0100000000, "fp16") == -5


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(), (0,), (1,), (2, 0, 3), (2, 3, 4)])
def test_shape_and_dtype_stay_and_the_argument_too(shape, dtype, rng):
    x = rng.standard_normal(shape).astype(dtype)
    before = x.copy()
    y = round_to(x, "bf16")
    assert (type(y), y.shape, y.dtype) == (np.ndarray, shape, dtype)
    np.testing.assert_array_equal(x, before)
    assert not np.shares_memory(x, round_to(x, "fp64"))
    np.testing.assert_array_equal(round_to(x.T, "bf16"), y.T)


def test_plain_numbers():
    for number, dtype in ((np.float32(3.3), np.float32), (3.3, np.float64)):
        y = round_to(cast(Any, number), "fp8_e4m3")
        assert (y, y.dtype, y.shape) == (3.25, dtype, ())


@pytest.mark.parametrize(
    ("x", "error", "words"),
    [
        (np.zeros(2, np.float16), TypeError, "x has dtype float16; expected float32 or float64"),
        (np.zeros(2, np.complex64), TypeError, "x has dtype complex64; expected float32 or float64"),
        (np.zeros(2, int), TypeError, "x has dtype int64; expected float32 or float64"),
    ],
)
def test_what_is_not_rounded(x, error, words):
    with pytest.raises(error, match=words):
        round_to(x, "bf16")


def test_unknown_formats_and_codes_are_refused():
    for call in (lambda: round_to(np.zeros(2), "fp4"), lambda: value_of(0, "fp4"), lambda: fields_of(0, "fp4")):
        with pytest.raises(ValueError, match="format is 'fp4'; expected one of fp64, fp32, tf32"):
            call()
    for code in (-1, 256):
        with pytest.raises(ValueError, match=f"code {code} is out of range; expected 0 to 255"):
            value_of(code, "fp8_e4m3")
    with pytest.raises(TypeError, match="codes have dtype float64; expected integers"):
        value_of(np.zeros(2), "bf16")


@pytest.fixture
def rng():
    return np.random.default_rng(0)
