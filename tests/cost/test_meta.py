"""The real code on arrays without numbers gives what it gives on real ones: shapes, dtypes, layout, kept bytes."""

import pickle
import sys
import tracemalloc

import numpy as np
import pytest

import minivit as mv
from minivit.check.cases import CASES
from minivit.cost.errors import CostError
from minivit.cost.meta import MetaArray
from minivit.cost.tally import Tally
from minivit.every_op import EVERY_OP
from minivit.nests import mapped, named_leaves
from tests.sampled import REST


def without_numbers(nest, tally):
    return mapped(
        lambda a: MetaArray(a.shape, a.dtype, tally) if isinstance(a, np.ndarray) and a.dtype.kind in "fc" else a, nest
    )


def layout(nest):
    """Of every array: its shape, dtype and the steps along axes that have any; of all else, what it is."""
    return {
        name: (a.shape, a.dtype, [step for step, n in zip(a.strides, a.shape, strict=True) if n > 1] if a.size else [])
        for name, a in named_leaves(nest)
        if isinstance(a, (np.ndarray, np.generic))
    }


@pytest.mark.parametrize(
    "view",
    [
        lambda a: a,
        lambda a: a.mT,
        lambda a: a[:, :1],
        lambda a: a[:1],
        lambda a: a[1:],
        lambda a: a[..., ::2],
        lambda a: a[:, 1:1],
        lambda a: a[:1, :1].mT,
    ],
)
def test_whether_it_lies_in_one_piece(view):
    array = np.zeros((2, 3, 4))
    assert view(MetaArray(array.shape, array.dtype, Tally())).flags.c_contiguous == view(array).flags.c_contiguous


@pytest.mark.parametrize("name", CASES)
def test_every_op_makes_the_same_arrays(name):
    op, tally = EVERY_OP[name], Tally()
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


EXPRESSIONS = """
    x+1
    x.sum()
    x.sum(1)
    np.sum(x,axis=(0,2),keepdims=True)
    x.mean(-1)
    np.mean(x, axis=0)
    x.var(-1,keepdims=True)
    x.std()
    np.std(x,0)
    x.max(-1)
    np.max(x)
    np.maximum(x,0)
    x.min(0)
    x.prod(1)
    np.clip(x,0,1)
    x.clip(0)
    np.round(x,1)
    x.round()
    x@w
    np.dot(x,w)
    x.dot(w)
    np.dot(w,w[0])
    np.dot(w.T,x.reshape(2,4,3))
    np.dot(w[:,0],x.reshape(2,4,3))
    np.inner(x,x)
    np.inner(w[0],w[0])
    np.tensordot(x,w,1)
    np.tensordot(x,x,axes=((1,2),(1,2)))
    np.outer(w[0],w[1])
    np.einsum('abc,cd->abd',x,w)
    np.einsum('abc,abc->',x,x)
    np.linalg.norm(x)
    np.linalg.norm(x,axis=-1)
    np.linalg.norm(x,axis=-1,keepdims=True)
    np.stack([x,x])
    np.hstack([x,x])
    np.vstack([w,w])
    np.concatenate([x,x],1)
    np.split(x,2,axis=2)[1]
    np.array_split(x,2,axis=1)[1]
    np.expand_dims(x,1)
    x[:,None]
    np.moveaxis(x,0,2)
    np.rollaxis(x,2)
    np.flip(x,1)
    np.roll(x,1,axis=1)
    np.roll(x,1)
    np.tile(x,2)
    np.tile(w,(2,1,3))
    np.repeat(x,2,axis=1)
    x.repeat(3)
    np.cumsum(x,1)
    x.cumsum(0)
    np.diff(x,axis=1)
    np.tril(x)
    np.triu(w,1)
    np.sort(x)
    np.argsort(x,0)
    x.argmax(1)
    x.argmax()
    np.argmin(x,axis=-1)
    np.atleast_2d(w[0])
    np.matrix_transpose(x)
    x.T
    x.mT.copy()
    np.exp(x.transpose(1,0,2))
    x.transpose(1,0,2)+w[:,0]
    np.pad(x,((0,0),(1,2),(0,0)))
    np.where(x>0,x,0)
    np.where(x>0,x,0.0)
    np.isfinite(x)
    np.logical_and(x>0,x<1)
    np.power(x,2)
    x**2
    x**-1
    abs(x)**0.5
    2**x
    x/2
    x//2
    x%2
    -x
    abs(x)
    np.sign(x)
    np.tanh(x).astype('f8')
    np.float64(2)*x
    np.arange(4)*x
    x*np.arange(4.0)
    np.ones_like(x)
    np.zeros_like(x,shape=(2,2))
    np.zeros_like(x.T,shape=(4,5,7))
    np.empty_like(x.swapaxes(0,1),shape=(4,1,7),dtype='f8')
    np.full_like(x.T,1,shape=(1,2,3))
    np.full_like(x,3,dtype=int)
    np.empty_like(x.T)
    np.broadcast_to(x,(2,2,3,4))
    np.any(x>0)
    np.all(x>0,axis=1)
    np.divmod(x,2)[1]
    np.take(x,[0,1],axis=2)
    x[[0,1,1]]
    x[:,[0,2],None]
    x[0]
    x[...,0]
    x[:,::-1]
    np.squeeze(x[:1])
    np.swapaxes(x,0,1).reshape(3,-1)
    np.ravel(x)
    x.flatten()
    sum(x)
    next(iter(x))
    np.add.reduce(x,axis=1)
    np.add.accumulate(x,axis=1)
    np.multiply.outer(w[0],w[1])
    np.frexp(x)[1]
    np.vecdot(x,x)
    x.conj()
    np.real(x)
    np.real(x*1j)
    np.imag(x*1j)
    (x*1j).imag[0]+x
    np.fft.rfft(x)
    np.fft.rfft(x,7)
    np.fft.rfft(x[:,::2])
    np.fft.irfft(np.fft.rfft(x))
    np.fft.irfft(x*1j,7)
    np.conj(x*1j)
    abs(x*1j)
    np.concat([x,x])
    np.squeeze(np.expand_dims(x,0))
    np.logaddexp(x,1)
    np.square(x)
    np.heaviside(x,0)
    np.linalg.matrix_transpose(x)
    x.swapaxes(0,1).sum(axis=1)
    x.T[i]
    x.T[:,i]
    x.T[i,:,0]
    x[i,:,i]
    x[:,i,i]
    x[0,:,i]
    x[:,0,i]
    x[i,None,i]
    x[i,i,None]
    x[i,i]
    x.T[i,i]
    x.T[...,i]
    x[...,i,:]
    x.transpose(1,0,2)[i]
    x.transpose(1,0,2)[:,i]
    x.transpose(1,0,2)[:,i,None]
    x.transpose(0,2,1)[i]
    x[:,i]
    x[:,:,i]
    x[:,:,j]
    x[:,j]
    x[:,None,i]
    x[::-1][i]
    x[np.array([True,False])]
    x[:,np.array([True,False,True])]
    x[np.ones((2,3),bool)]
    np.zeros((2,3),like=x)
    np.ones(3,'f4',like=x)
    np.full((2,2),1.5,like=x)
    np.tri(3,dtype=bool,like=x)
    np.tri(3,4,like=x)
    np.arange(5,like=x)
    np.arange(2,5.5,like=x)
    np.arange(2,11,3,like=x)
    np.empty((0,2),like=x)
    np.matrix_transpose(np.tri(3,4,like=x))
    np.einsum('abc,cd',x,w)
    np.einsum('abc',x)
    np.einsum('abc->bca',x)
    np.einsum('cab',x)
    np.einsum('...b,bd',x,w)
    np.einsum('abc,c->ab',x,[1,2,3,4])
    np.einsum('abc,cd->abd',x,w,out=np.zeros_like(x,shape=(2,3,5)))
    np.dot(x,2)
    x**np.float64(2)
    np.round(np.argsort(x))
    np.cumsum(x,0,out=np.zeros_like(x,dtype='f8'))
    np.full_like(x,fill_value=2)
    np.ascontiguousarray(x.T,'f8',like=x)
    np.add(x,x[0],out=np.zeros_like(x,dtype='f8'))
    x.sum(0,out=np.zeros_like(x[0]))
    x[[-2,1]]
    x[...,i,0]
"""


@pytest.mark.parametrize("expression", [line.strip() for line in EXPRESSIONS.strip().splitlines()])
def test_what_is_made_of_arrays_is_what_numpy_makes(expression):
    """Of the same shape and dtype, and laid out in the same way."""
    rng, tally = np.random.default_rng(0), Tally()
    real = {"x": rng.standard_normal((2, 3, 4), "f4"), "w": rng.standard_normal((4, 5), "f4")}
    known = {"np": np, "i": np.array([1, 0]), "j": np.array([[1, 0, 1], [0, 0, 1]])}
    found = eval(expression, known | without_numbers(real, tally))
    assert isinstance(found, MetaArray)
    assert layout(found) == layout(eval(expression, known | real))


MISTAKES = """
    np.einsum('abc,abc->ab',x,x[:,:,:3])
    np.einsum('ab,bc->ac',x,w)
    np.tensordot(x,w,2)
    np.concatenate([x,x],axis=3)
    np.pad(x,-1)
    np.add(x,x,out=np.zeros_like(x[0]))
    np.add(x,x,out=np.zeros_like(x,dtype=int))
    np.matmul(x,w,out=np.zeros_like(x))
    np.sum(x,0,out=np.zeros_like(x))
    np.copyto(x,np.ones((5,5)))
    np.cumsum(x,3)
    x.__iadd__(np.ones((5,2,3,4)))
    x.sum((0,0))
    x.squeeze(0)
    x.transpose(0,1)
    x.transpose(0,0,1)
    x[[0,2]]
    x[...,[0,-5]]
    x[:,np.array([True,False])]
    x[np.ones((3,2),bool)]
    x['a']
    x[1.0]
    x[...,...]
    x[...,[0],...]
    x[[0,1],[0,1,2]]
    x.swapaxes(0,7)
    x[x[0]>0]
    np.take(x,[9],axis=0)
    np.take(x,[-25])
    np.take(x,[0],axis=3)
    x.take([9],0)
    np.repeat(x,2,axis=3)
    np.sort(x,3)
    np.argsort(x,3)
    np.add.at(x,[2],1)
    np.add.at(x,([0],0),np.ones((2,4)))
    np.add.reduceat(x,[0,2])
    np.add.reduceat(x,[0],axis=3)
    x.__setitem__(2,1)
    x.__setitem__((0,0,0,0),1)
    x.__setitem__([0,2],1)
    x.__setitem__((...,-5),1)
    x.__setitem__(slice(None),np.ones(5))
    x.__setitem__(slice(None),np.ones((3,2,4)))
    x.__setitem__(slice(None),np.ones((2,1,3,4)))
    x.__setitem__(slice(None),x[:,:,:,None])
    x.__setitem__(([0,1],[0,1]),x[:1,:3])
    x.__setitem__(np.ones((2,4),bool),1)
    x.__setitem__(np.ones((2,3),bool),np.ones((5,4)))
    x.__setitem__(x[0]>0,1)
    x.__setitem__([0.5],1)
"""


@pytest.mark.parametrize("expression", [line.strip() for line in MISTAKES.strip().splitlines()])
def test_what_numpy_refuses_is_refused(expression):
    real, tally = {"x": np.ones((2, 3, 4), "f4"), "w": np.ones((4, 5), "f4")}, Tally()
    with pytest.raises((ValueError, TypeError, IndexError)) as caught:
        eval(expression, {"np": np} | real)
    kind = next(each for each in (IndexError, ValueError, TypeError) if isinstance(caught.value, each))
    with pytest.raises(kind):
        eval(expression, {"np": np} | without_numbers(real, tally))


UNKNOWN = """
    np.einsum('abc,cd->abd',x,w,dtype='f8')
    np.einsum('abc,cd,de->abe',x,w,w.T,optimize=True)
    np.einsum(x,[0,1,2],w,[2,3])
    np.vecdot(x,x,axis=0)
    np.matmul(x,x,axes=[(-2,-1),(-1,-2),(-2,-1)])
    np.unique(x,return_counts=True)
    np.pad(x,{1:(1,2)})
    np.fft.rfft(x,axis=1)
    np.fft.irfft(x*1j,norm="ortho")
    np.imag(x)
    np.sum(x,0,out=np.zeros((3,4)))
    np.add.at(np.zeros((2,3,4)),[0],x[:1])
    x[True]
    x.__array__()
    np.from_dlpack(x)
    pickle.dumps(x)
    f'{x.sum():.3f}'
    round(x.sum())
"""


@pytest.mark.parametrize("expression", [line.strip() for line in UNKNOWN.strip().splitlines()])
def test_what_is_not_known_is_refused(expression):
    arrays = without_numbers({"x": np.ones((2, 3, 4), "f4"), "w": np.ones((4, 5), "f4")}, Tally())
    with pytest.raises(CostError, match=r"in <module>, <string> line 1\)"):
        eval(expression, {"np": np, "pickle": pickle, "__name__": "numpyish"} | arrays)


ASSIGNED = """
    x[:]=np.ones((1,1,2,3,4))
    x[0]=x[1]
    x[0]=[1,2,3,4]
    x[[0,1],[0,1]]=np.ones((1,2,4))
    x[np.ones((2,3),bool)]=np.ones((6,4))
    x[x>0]=0
    np.add.at(x,0,1)
    np.add.at(x,[0,0],np.ones((1,3,4)))
    np.negative.at(x,[0,0])
    np.add.at(x,(slice(None),[0,0]),x[:,:2])
    np.add(1,2,out=x)
    np.add.reduce(np.ones((2,3)),0,out=w[0,:3])
    np.matmul(np.ones((4,2)),np.ones((2,5)),out=w)
    np.take(x,[9,-9],axis=2,mode='wrap')
    np.take(x,[0],axis=0,out=x[:1])
"""


@pytest.mark.parametrize("statement", [line.strip() for line in ASSIGNED.strip().splitlines()])
def test_what_numpy_writes_may_be_written(statement):
    real, tally = {"x": np.ones((2, 3, 4), "f4"), "w": np.ones((4, 5), "f4")}, Tally()
    for arrays in (real, without_numbers(real, tally)):
        exec(statement, {"np": np} | arrays)


@pytest.mark.parametrize(
    ("expression", "macs"),
    [
        ("np.einsum('ab,bc->ac',a,b)", 2 * 3 * 4),
        ("np.einsum('ab,bc,cd->ad',a,b,c)", 2 * (2 * 3 * 4 * 5)),  # NumPy multiplies three numbers, 120 times
        ("np.einsum('ab,ab,ab->',a,a,a)", 2 * (2 * 3)),
        ("np.einsum('ab,bc,cd->ad',a,b,np.ones((4,5),'f4'))", 2 * 3 * 4 * 5),
        ("np.einsum('ab,bc->ac',a,np.ones((3,4),'f4'))", 0),
        ("a@b@c", 2 * 3 * 4 + 2 * 4 * 5),
    ],
)
def test_multiplications_of_products(expression, macs):
    tally = Tally()
    tally.phase = "forward"
    shapes = {"a": (2, 3), "b": (3, 4), "c": (4, 5)}
    eval(expression, {"np": np} | {name: MetaArray(shape, "f4", tally) for name, shape in shapes.items()})
    assert tally.total(phase="forward").macs == macs


def test_axes_in_another_order_take_no_memory():
    tally = Tally()
    x = MetaArray((1000, 1000), np.float32, tally)
    assert np.einsum("ab->ba", x).base is x
    assert tally.peak == x.nbytes


@REST
def test_views_without_end_are_refused():
    with pytest.raises(CostError, match="makes more than 250,000 arrays"):
        list(MetaArray((10**9, 2), np.float32, Tally()))


X, Y = np.ones((1000, 1000), np.float32), np.ones((1000, 1000), np.float32)
SUMS = """
    x*y*(1-y)
    x+y+1
    x+y+np.float32(1)
    x*y+x*y
    (x*y)-(x*y)
    x-(x*y)
    x+(x*y)
    1-x*y
    np.float32(3)*(x*y)
    np.float32(3)-(x*y)
    -(x*y)
    abs(x*y)
    (x*y)**2
    (x*y)**0.5
    (x*y)**3
    (x*y)/3
    (x*y)+x.T
    (x*y)+x[0]
    (x*y)*x.astype('f8')
    x.astype('f8')*x
    (x*y)@(x*y)+x
    (x*y).reshape(-1)+1
    (x>0)*(x*y)
    ~((x>0)&(y>0))
"""


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="operands without a name cannot be told from others")
@pytest.mark.parametrize("expression", [line.strip() for line in SUMS.strip().splitlines()])
def test_memory_that_numpy_uses_again_is_not_counted_twice(expression):
    x, y = X.copy(), Y.copy()
    code, tally = compile(expression, "expression", "eval"), Tally()
    meta = without_numbers({"x": x, "y": y}, tally)
    before = tally.alive
    eval(code, {"np": np}, meta)
    tracemalloc.start()
    eval(code, {"np": np}, {"x": x, "y": y})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert tally.peak - before == pytest.approx(peak, abs=x.nbytes / 10)
