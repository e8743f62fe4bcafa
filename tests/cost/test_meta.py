"""The real code on arrays without numbers gives what it gives on real ones: shapes, dtypes, layout, kept bytes."""

import numpy as np
import pytest

import minivit as mv
from minivit.check.cases import CASES
from minivit.cost.meta import CostError, MetaArray
from minivit.cost.tally import Tally
from minivit.nests import mapped, named_leaves
from minivit.ops import OPS


def without_numbers(nest, tally):
    return mapped(
        lambda a: MetaArray(a.shape, a.dtype, tally) if isinstance(a, np.ndarray) and a.dtype.kind == "f" else a, nest
    )


def layout(nest):
    """Of every array: its shape, dtype and the steps along axes that have any; of all else, what it is."""
    return {
        name: (a.shape, a.dtype, [step for step, n in zip(a.strides, a.shape, strict=True) if n > 1] if a.size else [])
        for name, a in named_leaves(nest)
        if isinstance(a, (np.ndarray, np.generic))
    }


@pytest.mark.parametrize("name", CASES)
def test_every_op_makes_the_same_arrays(name):
    op, tally = OPS[name], Tally()
    for seed in range(3):
        case = CASES[name](np.random.default_rng(seed))
        again = CASES[name](np.random.default_rng(seed))  # a generator among the options has drawn
        args, kwargs = mapped(lambda a: a.copy() if isinstance(a, np.ndarray) else a, (case.args, case.kwargs))
        y, cache = op.forward(*args, **kwargs)  # of arrays that are no views
        meta_y, meta_cache = op.forward(*without_numbers(again.args, tally), **without_numbers(again.kwargs, tally))
        assert layout(meta_y) == layout(y)
        assert layout(meta_cache) == layout(cache)
        assert mv.nbytes(meta_cache) == mv.nbytes(cache)
        dy = mapped(np.ones_like, y)
        assert layout(op.backward(without_numbers(dy, tally), meta_cache)) == layout(op.backward(dy, cache))


def reads_a_number(x):
    return x if x.sum() > 0 else -x


def picks_some(x):
    return x[x > 0]


def writes_into_numbers(x):
    y = np.zeros(x.shape)
    y[...] = 1
    return np.add(x, x, out=y)


def unknown(x):
    return np.fft.fft(x)


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (
            reads_a_number,
            r"the code looks at a number, and here are none.* \(in reads_a_number, test_meta.py line",
        ),
        (picks_some, r"the code looks at a number, and here are none: only shapes \(in picks_some, test_meta.py line"),
        (writes_into_numbers, r"an array of numbers is written into .* \(in writes_into_numbers, test_meta.py line"),
        (unknown, r"the counter does not know numpy.fft \(in unknown, test_meta.py line"),
    ],
)
def test_what_cannot_be_counted_is_said_with_its_line(function, says):
    with pytest.raises(CostError, match=says):
        mv.cost.of(function, x=(3, 4))


def test_what_is_alive_is_counted():
    tally = Tally()
    x = MetaArray((1000, 1000), np.float32, tally)
    y = x + 1
    assert (tally.alive, tally.peak) == (8_000_000, 8_000_000)
    z = y.reshape(-1)[::2]
    del y
    assert tally.alive == 8_000_000  # the view keeps it
    del z, x
    assert (tally.alive, tally.peak) == (0, 8_000_000)
