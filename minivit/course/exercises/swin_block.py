"""The two layers that make a Swin Transformer of a Vision Transformer: attention in windows, and patch merging."""

from functools import partial

import numpy as np
from numpy.random import Generator

from minivit.check.draw import Case, choose, different
from minivit.course.exercise import Call, Draw, Exercise, Property, Task
from minivit.course.exercises._cases import ONE_SAMPLE, arrays, close, telling, with_options
from minivit.course.exercises.windows import cut
from minivit.layers.window_attention import WindowAttention


def layer(rng: Generator, whole: bool = True, shifted: bool = True, **options: object) -> Case:
    while True:  # until no two lengths are equal: heads, windows, tokens of one, and the axes of the map
        (B, Y, X, _), (_, W, N, _), cuts = cut(rng, whole, shifted)
        H, K = choose(rng, 3, 5), choose(rng, 3, 5, 7)
        if different((B, Y, X, H * K), (B, W, H, N, K)):
            break
    made = {"dim": H * K, "num_heads": H, "map_size": (Y, X), **cuts, **options}
    shapes = {name: param.shape for name, param in WindowAttention(**made).named_params().items()}
    params = {name: rng.standard_normal(shape) / choose(rng, 2.0, 3.0) for name, shape in shapes.items()}
    return Case((rng.standard_normal((B, Y, X, H * K)), params), made)


def draw(whole: bool = True, shifted: bool = True, **options: object) -> Draw:
    return partial(layer, whole=whole, shifted=shifted, **options)


def with_mask(rng: Generator) -> Case:
    """Each token may look at itself, and one at nothing."""
    (x, params), options = layer(rng, relative_position="none")
    rows, columns = options["window_size"]
    mask = (rng.random((rows * columns,) * 2) < 0.6) | np.eye(rows * columns, dtype=bool)
    mask[0] = False
    return Case((x, params), {**options, "mask": mask})


def large(rng: Generator) -> Case:
    """Many small windows."""
    D = 12
    shapes = {"qkv.weight": (D, 3 * D), "qkv.bias": (3 * D,), "proj.weight": (D, D), "proj.bias": (D,)}
    params = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    params["relative_position_bias_table"] = rng.standard_normal((15, 3))
    options = {"dim": D, "num_heads": 3, "map_size": (64, 96), "window_size": (2, 3), "shift_size": (1, 2)}
    return Case((rng.standard_normal((2, 64, 96, D)), params), options)


def merging(rng: Generator, odd: bool = False) -> Case:
    """A map with an even number of rows and columns, or with odd ones, and the parameters of the layer."""
    (x,), _ = odd_maps(rng) if odd else even_maps(rng)
    width = 4 * x.shape[3]
    shapes = {"norm.weight": (width,), "norm.bias": (width,), "reduction.weight": (width, width // 2)}
    params = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    return Case((x, params), {"dim": x.shape[3]})


def maps(*sides: tuple[int, int]) -> Draw:
    def drawn(rng: Generator) -> Case:
        (Y, X), (B, C) = choose(rng, *sides), choose(rng, (3, 5), (5, 3), (5, 7))
        return Case((rng.standard_normal((B, Y, X, C)),), {})

    return drawn


even_maps, odd_maps = maps((4, 8), (8, 4), (4, 12), (8, 14)), maps((9, 13), (13, 9), (9, 4), (8, 9))


def token_sizes(case: Case) -> dict[str, float]:
    x, options = case.args[0], case.kwargs
    H, (M, L) = options["num_heads"], options["window_size"]
    Y, X = options["map_size"]
    windows = -(-Y // M) * -(-X // L)
    found = {"the head width": x.shape[3] // H, "the heads": H, "the windows": windows, "the batch": len(x)}
    return telling({**found, "the tokens of a window": M * L})


def map_sizes(case: Case) -> dict[str, float]:
    B, Y, X, C = case.args[0].shape
    return telling({"the batch": B, "the channels": C, "the tokens": Y * X})


def windows_are_apart(call: Call, rng: Generator) -> str | None:
    """Another first window changes only itself."""
    (x, params), options = layer(rng, shifted=False)
    (M, L), other = options["window_size"], x.copy()
    other[:, :M, :L] += 1
    y, changed = call(x, params, **options)[0], call(other, params, **options)[0]
    outside = np.ones(x.shape[1:3], bool)
    outside[:M, :L] = False
    says = "another first window changes others, though nothing is shifted: attention stays inside of a window"
    return None if close(y[:, outside], changed[:, outside]) else says


def strangers_are_apart(call: Call, rng: Generator) -> str | None:
    """In shifted windows, too, the ends of the map do not see each other."""
    (x, params), options = layer(rng)
    other = x.copy()
    other[:, 0, 0] += 1  # it is rolled into the last window
    y, changed = call(x, params, **options)[0], call(other, params, **options)[0]
    says = (
        "the first token of the map changes the last one, which it has only met by the roll: the mask keeps them apart"
    )
    return None if close(y[:, -1, -1], changed[:, -1, -1]) else says


def windows_are_alike(call: Call, rng: Generator) -> str | None:
    (x, params), options = layer(rng, shifted=False)
    M, L = options["window_size"]
    y, moved = (call(a, params, **options)[0] for a in (x, np.roll(x, (M, L), (1, 2))))
    says = "a map moved by whole windows must give the same, moved: all windows have the same weights and the same bias"
    return None if close(np.roll(y, (M, L), (1, 2)), moved) else says


def keeps_all(call: Call, rng: Generator) -> str | None:
    (x,), _ = even_maps(rng)
    y = call(x)[0]
    same = np.array_equal(np.sort(y, axis=None), np.sort(x, axis=None))
    return None if same else "merging puts numbers side by side and changes none; yours are others"


MASKED = "bias = np.where(self.mask, zero if bias is None else bias, -infinity)"
ATTEND = "h, c_attn = super().forward(windows, bias, mask=mask, rng=rng)"
TABLE_READ = 'bias, c_bias = relative_position_bias_forward(table, window_size=self.cut["window_size"])'
PUT_BACK = "y, c_reverse = window_reverse_forward(h, map_size=self.map_size, **self.cut)"
SUMMED = "dbias = sum_to(dbias, dbias.shape[-3:])"
BIAS_ALONE = (
    'alone = relative_position_bias_forward(self.relative_position_bias_table.value, window_size=self.cut["window_'
    'size"])[0] if self.relative_position_bias_table else None'
)
AFTER_SOFTMAX = (
    "allowed = None if self.mask is None else np.where(self.mask, 0.0, -np.inf); h, c_attn = super().forward(windows, "
    "allowed, mask=mask, rng=rng); a = c_attn.attention; h, _ = self.proj.forward(((a.weights + relative_position_bias"
    '_forward(self.relative_position_bias_table.value, window_size=self.cut["window_size"])[0]) @ a.v).swapaxes(-3, '
    "-2).reshape(windows.shape))"
)
EACH_LOOKS = (
    "both = mask if self.mask is None else self.mask if mask is None else self.mask & mask; added = np.where(True if "
    f"both is None else both, 0, {{}}).astype(x.dtype); {BIAS_ALONE}; h, c_attn = super().forward(windows, added if "
    "alone is None else alone + added, rng=rng)"
)
FINITE = (
    "a token that may look at nothing looks at all, because a finite number is taken from all of its scores alike; "
)
FINITE += "minus infinity, or mask=, gives it zeros"
NO_PAD_FIRST = "the windows are cut without pad_first; self.cut has it"
UNSHIFTED = "the map is not shifted: give shift_size to window_partition_forward and window_reverse_forward"
NOT_BACK = "the windows are put together without rolling back: give shift_size to window_reverse_forward, too"
RESIDUAL = "x is added: the residual path belongs to the block, not to attention"
ORDER = (
    "the four neighbours are in the order (0, 0), (0, 1), (1, 0), (1, 1), to the right first; it is down first: "
    "(0, 0), (1, 0), (0, 1), (1, 1)"
)
FILL_SIDE = "the map is filled up at the top and on the left; zeros come at the bottom and on the right"

attention_task = partial(
    Task,
    cases={
        "": draw(),
        "without a shift": draw(shifted=False),
        "where windows do not divide the map": draw(whole=False, pad_first=True),
        "without a shift and relative positions": draw(shifted=False, relative_position="none", proj_drop=0.4),
        "with a mask, without relative positions": with_mask,
        "with dropout": with_options(layer, proj_drop=0.4, rng=3),
    },
    big=large,
    sizes=token_sizes,
    simpler=ONE_SAMPLE,
    axes={
        "y": "sample row column channel",
        "dx": "sample row column channel",
        "drelative_position_bias_table": "way head",
    },
)
merge_task = partial(
    Task,
    cases={"": even_maps, "with odd sides": odd_maps},
    big=arrays("8 64 32 4"),
    sizes=map_sizes,
    simpler=ONE_SAMPLE,
)
merging_task = partial(
    Task,
    cases={"": merging, "with odd sides": partial(merging, odd=True), "with a generator": with_options(merging, rng=3)},
    sizes=map_sizes,
    simpler=ONE_SAMPLE,
)

TASKS = (
    attention_task(
        "WindowAttention.forward",
        properties=(
            Property("windows do not see each other", windows_are_apart),
            Property("strangers do not see each other", strangers_are_apart),
            Property("all windows are treated alike", windows_are_alike),
        ),
        mistakes={
            "if self.mask is not None:": {
                "half = tuple(m // 2 for m in self.cut['window_size'])\n"
                "    near = shifted_window_mask(self.map_size, self.cut['window_size'], half)[:, None]\n"
                "    bias = np.where(near, x.dtype.type(0) if bias is None else bias, x.dtype.type(-np.inf))\n"
                "    if False:": "the mask of a shift of half a window is used in "
                "every layer; self.mask is that of this one, and None where all may look at all",
                "if self.mask is not None and mask is None:": "self.mask is not used where another mask is given; a "
                "token looks where both allow it",
            },
            MASKED: {
                "pass": "the mask is not used: in a shifted window strangers have met, and self.mask keeps them apart",
                "bias = np.where(self.mask, -infinity, zero if bias is None else bias)": "the mask is the wrong way "
                "round: self.mask is True where a token may look",
                "bias = np.where(self.mask, zero if bias is None else bias, zero)": "forbidden scores lose their bias "
                "and nothing else; they must become minus infinity",
                "bias = np.where(self.mask, zero, -infinity)": "the mask has taken the place of the bias; both count",
                "bias = np.where(self.mask[::-1], zero if bias is None else bias, -infinity)": "the masks of the "
                "windows are in reversed order",
                "bias = np.where(self.mask[-1:], zero if bias is None else bias, -infinity)": "the mask of the last "
                "window stands for all; each window has its own",
                "bias = np.where(np.repeat(self.mask, len(x), 0).reshape(len(x), *self.mask.shape), zero if bias is "
                "None else bias, -infinity)": "the masks meet other windows: where those of a sample stand together, "
                "masks are tiled (np.tile), not repeated one by one (np.repeat)",
                "bias = np.where(self.mask[:, 0], zero if bias is None else bias, -infinity)": "... broadcast",
                "bias = np.where(self.mask[:, 0][None], zero if bias is None else bias[:, None], -infinity)": "... "
                "broadcast",
                "bias = (zero if bias is None else bias) + np.where(self.mask, 0, -1.0)": "forbidden scores are only 1 "
                "smaller; they must become minus infinity",
            },
            TABLE_READ: {
                "pass": "the bias of relative positions is missing: it is added to the scores",
                f"{TABLE_READ}; bias = bias[:1]": "the bias of the first head stands for all heads",
                f"{TABLE_READ}; bias = bias.mT": "the bias is transposed: its rows are the queries",
                f"{TABLE_READ}; bias = -bias": "the bias is subtracted; it is added to the scores",
                f"{TABLE_READ}; bias = bias[::-1]": "the heads' biases are in reversed order",
                f"{TABLE_READ}; bias = bias / (x.shape[-1] // self.num_heads) ** 0.5": "the bias is divided by "
                "sqrt(K); it is added after the scores were",
                f"{TABLE_READ}; bias = bias * (x.shape[-1] // self.num_heads) ** 0.5": "the bias is multiplied by "
                "sqrt(K); it is added as it is, after the scores were divided",
            },
            "windows, c_partition = window_partition_forward(x, **self.cut)": {
                'a, b = self.cut["shift_size"]; windows, c_partition = window_partition_forward(np.roll(x, (-a, -b), '
                "(1, 2)), **self.cut)": "the map is rolled twice: window_partition_forward rolls it already",
                'windows, c_partition = window_partition_forward(x, **{**self.cut, "shift_size": 0})': "the windows "
                "are cut without the shift, and put back with it",
                'windows, c_partition = window_partition_forward(x, **{**self.cut, "pad_first": False})': NO_PAD_FIRST,
                'self.cut["pad_first"] = False; windows, c_partition = window_partition_forward(x, **self.cut)': (
                    NO_PAD_FIRST
                ),
                "x *= 1.5; windows, c_partition = window_partition_forward(x, **self.cut)": "... you modified x in "
                "place",
            },
            f"{TABLE_READ}  # (H, N, N)": {
                f"{TABLE_READ}; bias = bias.sum(0, keepdims=True)": "the biases of all "
                "heads are summed; each head has its own"
            },
            "": {
                'cut = {**self.cut, "shift_size": 0}; windows, c_partition = window_partition_forward(x, **cut); '
                "bias, c_bias = relative_position_bias_forward(self.relative_position_bias_table.value, window_size="
                'cut["window_size"]) if self.relative_position_bias_table else (None, None); bias = bias if self.mask '
                "is None else np.where(self.mask, x.dtype.type(0) if bias is None else bias, x.dtype.type(-np.inf)); "
                "h, c_attn = super().forward(windows, bias, mask=mask, rng=rng); y, c_reverse = window_reverse_forward("
                "h, map_size=self.map_size, **cut); return y, WindowAttentionCache(c_partition, c_bias, c_attn, "
                "c_reverse)": UNSHIFTED,
            },
            ATTEND: {
                AFTER_SOFTMAX: "the bias is added to the shares, after the softmax; it is added to the scores, before",
                EACH_LOOKS.format(-100.0): FINITE,
                EACH_LOOKS.format(-1e9): FINITE,
                EACH_LOOKS.format(-1.0): "forbidden scores are only 1 smaller; they must become minus infinity",
                "h, c_attn = super().forward(windows, mask=mask, rng=rng)": "what was put into the bias is not given "
                "to super().forward: neither relative positions nor self.mask count",
                f"bias = None if bias is None else bias / 2; {ATTEND}": "the bias is halved; it is added as it is",
                "h, c_attn = super().forward(windows, bias, rng=rng)": "the argument mask is not used",
                "h, c_attn = super().forward(windows, bias, mask=mask)": "the dropout is left out",
                f"{BIAS_ALONE}; either = self.mask if mask is None else mask if self.mask is None else self.mask | "
                "mask; h, c_attn = super().forward(windows, alone, mask=either, rng=rng)": "a token looks where one of "
                "the two masks allows it; both must",
                "n = window_partition_forward(np.ones_like(x[:1, :, :, :1]), **self.cut)[0][0]; allowed = n[:, None, "
                "None, :, 0] > 0; h, c_attn = super().forward(windows, bias, mask=allowed if mask is None else allowed "
                "& mask, rng=rng)": "what only fills the map up is forbidden; here it may be looked at, as in timm",
                f"rng = rng and np.random.default_rng(0); {ATTEND}": "dropout draws with a generator of its own, "
                "default_rng(0); it draws with rng",
                f"rng = rng or np.random.default_rng(0); {ATTEND}": "... cache.attn.proj_drop.factor must be None",
                "_, c_attn = super().forward(windows, bias, mask=mask, rng=rng); h = windows": "attention is missing: "
                "those are the windows, cut and put back",
                f"windows = windows / (x.shape[-1] // self.num_heads) ** 0.5; {ATTEND}": "the tokens are divided by "
                "sqrt(K); SelfAttention divides the scores by it already",
                f"{ATTEND}; h = h + windows": RESIDUAL,
                f"{ATTEND}; h = h[:, ::-1]": "the windows are put back in reversed order",
            },
            PUT_BACK: {
                'y, c_reverse = window_reverse_forward(h, map_size=self.map_size, **{**self.cut, "shift_size": 0})': (
                    NOT_BACK
                ),
                f"{PUT_BACK}; y = np.roll(y, [-2 * s for s in c_reverse.shift_size], (1, 2))": "rolled once more in "
                "the direction of the cut; the way back is the other one",
                f"{PUT_BACK}; y = y + x": RESIDUAL,
                f"{PUT_BACK}; y = h": "... y has shape",
                'y, c_reverse = window_reverse_forward(h, map_size=self.map_size, **{**self.cut, "pad_first": not '
                'self.cut["pad_first"]})': "windows are put together with another pad_first than they were cut with",
            },
        },
        free=("cache.attn.attention.bias_shape",),
    ),
    attention_task(
        "WindowAttention.backward",
        mistakes={
            SUMMED: {
                "dbias = dbias.reshape(-1, *dbias.shape[-3:])[-1]": "the gradient of the last window alone; all "
                "windows read the same table, so sum over them",
                "dbias = dbias.reshape(-1, *dbias.shape[-3:])[0]": "the gradient of the first window alone; all "
                "windows read the same table, so sum over them",
                "dbias = dbias.reshape(-1, *dbias.shape[-3:]).mean(0)": "the bias has the mean of the gradients of all "
                "windows; they are summed",
                f"{SUMMED}; dbias = dbias.mT": "the gradient of the bias is transposed: its rows are the queries",
                f"{SUMMED}; dbias = dbias.sum(0, keepdims=True).repeat(len(dbias), 0)": "all heads have the sum of "
                "their gradients; each has its own bias",
                f"{SUMMED}; dbias = dbias[::-1]": "... reversed along the head axis",
                "pass": "... relative_position_bias_backward: dy",
            },
            "self.relative_position_bias_table.add_grad(dtable)": {
                "pass": "the gradient of the table is not added: self.relative_position_bias_table.add_grad(dtable)",
                "self.relative_position_bias_table.grad = dtable": "... is assigned where a gradient is there already",
                "self.relative_position_bias_table.add_grad(2 * dtable)": "... drelative_position_bias_table is 2 "
                "times too large",
                "self.relative_position_bias_table.add_grad(-dtable)": "... has the wrong sign",
            },
            "(dh,) = window_reverse_backward(dy, cache.reverse)": {
                "(dh,) = window_reverse_backward(dy, cache.reverse._replace(shift_size=(0, 0)))": "dy is cut without "
                "the shift: window_reverse_backward rolls it, as cache.reverse says",
            },
            "dwindows = super().backward(dh, cache.attn)": {
                "dwindows = dh": "the backward of attention is not called: its parameters get no gradient",
                "self.qkv.zero_grad(); dwindows = super().backward(dh, cache.attn)": "... is assigned where a gradient "
                "is there already",
                "super().backward(dh, cache.attn); dwindows = super().backward(dh, cache.attn)": "... is 2 times too "
                "large",
            },
            "(dx,) = window_partition_backward(dwindows, cache.partition)": {
                "(dx,) = window_partition_backward(dwindows, cache.partition._replace(shift_size=(0, 0)))": "the "
                "gradient is put together without rolling it back: window_partition_backward does so, as "
                "cache.partition says",
                "(dx,) = window_partition_backward(dh, cache.partition)": "the gradient has not passed attention",
            },
            "return dx": {
                "return dx + dy": RESIDUAL,
                "return -dx": "... dx has the wrong sign",
                "return dwindows": "... dx has shape",
                "return dx, dbias": "... ",
            },
        },
    ),
    merge_task(
        "merge_patches_forward",
        properties=(Property("no number changes", keeps_all),),
        mistakes={
            ".transpose(0, 1, 3, 4, 2, 5)": {
                "": "one reshape cannot do it: the four neighbours do not lie side by side in memory",
                ".transpose(0, 1, 3, 2, 4, 5)": ORDER,
                ".transpose(0, 1, 3, 5, 4, 2)": "the channels come first, then the neighbours, as in PyTorch's unfold; "
                "all channels of one neighbour stand together",
                ".transpose(0, 1, 3, 5, 2, 4)": "the channels come first, then the neighbours, row by row; all "
                "channels of one neighbour stand together, and the order is down first",
                ".transpose(0, 1, 3, 4, 2, 5)[..., ::-1, :]": "up and down are exchanged: the order is (0, 0), (1, 0), "
                "(0, 1), (1, 1)",
                ".transpose(0, 1, 3, 4, 2, 5)[..., ::-1, :, :]": "left and right are exchanged: the order is (0, 0), "
                "(1, 0), (0, 1), (1, 1)",
            },
            "neighbours = x.reshape(B, rows, 2, columns, 2, C).transpose(0, 1, 3, 4, 2, 5)": {
                "neighbours = x.reshape(B, 2, rows, 2, columns, C).transpose(0, 2, 4, 3, 1, 5)": "tokens that lie half "
                "a map apart are merged; merge neighbours: x[:, 0::2, 0::2], ...",
            },
            "np.pad(x, ((0, 0), (0, Y % 2), (0, X % 2), (0, 0)))": {
                "np.pad(x, ((0, 0), (Y % 2, 0), (X % 2, 0), (0, 0)))": FILL_SIDE,
                'np.pad(x, ((0, 0), (0, Y % 2), (0, X % 2), (0, 0)), "edge")': "the map is filled up with copies of "
                "its edge; it is with zeros",
            },
            "rows, columns =": {
                "x = x[:, : Y // 2 * 2, : X // 2 * 2]; Y, X = x.shape[1:3]; rows, columns =": "the odd row or column "
                "is cut off; fill the map up with zeros",
                "x = x * 2; rows, columns =": "... y is 2 times too large",
            },
            "return neighbours.reshape(B, rows, columns, 4 * C)": {
                "return neighbours.reshape(B, rows * columns, 4 * C)": "... the numbers are right, only the shape",
                "return neighbours.mean((3, 4))": "that is the mean of the four; they are put side by side",
                "return neighbours.sum((3, 4))": "that is the sum of the four; they are put side by side",
            },
            "MergePatchesCache((B, Y, X, C))": {
                "MergePatchesCache((B, 2 * rows, 2 * columns, C))": "... cache.map_shape"
            },
        },
        axes={"y": "sample row column channel"},
    ),
    merge_task(
        "merge_patches_backward",
        mistakes={
            ".transpose(0, 1, 4, 2, 3, 5)": {
                "": "one reshape cannot do it: undo the forward's steps one by one, the last one first",
                ".transpose(0, 1, 3, 2, 4, 5)": ORDER,
            },
            "dy.reshape(B, rows, columns, 2, 2, C).transpose(0, 1, 4, 2, 3, 5)": {
                "dy.reshape(B, rows, columns, C, 2, 2).transpose(0, 1, 5, 2, 4, 3)": "the four neighbours are taken "
                "from dy[..., 0::4] and so on; each has C channels in a row: dy[..., :C], dy[..., C : 2 * C], ...",
            },
            "[:, :Y, :X]": {
                "": "what filled the map up is still there; drop it",
                "[:, -Y:, -X:]": "dropped at the top and on the left; what filled the map up stands at the bottom and "
                "on the right",
            },
            "return InputGrad(dx)": {
                "return InputGrad(dx / 4)": "... dx is 4 times too small",
                "return InputGrad(dx[:, ::-1])": "... reversed along the row axis",
            },
        },
        axes={"dx": "sample row column channel"},
    ),
    merging_task(
        "PatchMerging.forward",
        mistakes={
            "h, c_norm =": {
                "_, c_norm =": "the norm is missing: the merged tokens are normalised before reduction maps them",
            },
            "self.reduction.forward(h)": {
                "self.reduction.forward(h - self.norm.bias.value)": "... y",
            },
            "y, c_reduction =": {"_, c_reduction = self.reduction.forward(h); y = h #": "... y has shape"},
            "merge_patches_forward(x)": {
                "merge_patches_forward(x.swapaxes(1, 2)); h = h.swapaxes(1, 2)": ORDER,
                "merge_patches_forward(x / x.std())": "... y",
                "merge_patches_forward((x - x.mean(-1, keepdims=True)) / x.std(-1, keepdims=True))": "each token is "
                "normalised before it is merged; self.norm alone normalises, the 4C numbers that are merged",
            },
            "return y": {
                "return np.maximum(y, 0)": "there is no activation behind reduction, nor one before it",
                "return y / 2": "... y is 2 times too small",
                "return y.reshape(len(y), -1, y.shape[-1])": "... the numbers are right, only the shape",
            },
        },
        axes={"y": "sample row column channel"},
        uses=("merge_patches_forward",),
    ),
    merging_task(
        "PatchMerging.backward",
        mistakes={
            "self.norm.backward(dh, cache.norm)": {
                "dh": "the backward of the norm is not called: its parameters get no gradient",
            },
            "self.reduction.backward(dy, cache.reduction)": {
                "(self.reduction.backward(dy, cache.reduction), dy @ self.reduction.weight.value.reshape(dy.shape[-1], "
                "-1))[1]": "a reshape of the weight is not its transpose; self.reduction.backward returns the gradient",
                "dy @ self.reduction.weight.value.T": "... dreduction.weight is zero everywhere",
                "(self.reduction.zero_grad(), self.reduction.backward(dy, cache.reduction))[1]": "... is assigned where"
                " a gradient is there already",
                "self.reduction.backward(dy / len(dy), cache.reduction)": "... the batch: averaged over it instead of "
                "summed",
            },
            "return dx": {"return -dx": "... dx has the wrong sign", "return dh": "... dx has shape"},
        },
        axes={"dx": "sample row column channel"},
        uses=("merge_patches_backward",),
    ),
)

SWIN_BLOCK = Exercise(
    "swin_block",
    "the Swin block: attention in windows, and patch merging",
    60,
    TASKS,
    offers=(
        "np",
        *("sum_to", "window_partition_forward", "window_partition_backward", "window_reverse_forward"),
        *("window_reverse_backward", "relative_position_bias_forward", "relative_position_bias_backward"),
    ),
    lecture="07_windows",
    section=6,
)
