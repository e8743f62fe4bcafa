# ruff: noqa: F811
# pyright: reportUndefinedVariable=false, reportRedeclaration=false
# Each part, with its imports, is put behind the answer, whose functions it replaces.
# --- patches counted one by one
def num_tokens(img_size, patch_size=1, *, class_token=False):
    (H, W), (P, Q) = pair(img_size), pair(patch_size)
    if H % P or W % Q:
        raise ValueError(f"an image of {H} x {W} is no whole patches of {P} x {Q}")
    return sum(1 for _ in range(0, H, P) for _ in range(0, W, Q)) + (1 if class_token else 0)


# --- areas, and what is left over
def num_tokens(img_size, patch_size=1, *, class_token=False):
    import math

    size, part = pair(img_size), pair(patch_size)
    if any(math.gcd(n, p) != p for n, p in zip(size, part, strict=True)):
        raise ValueError("the patches do not divide the image")
    return math.prod(size) // math.prod(part) + bool(class_token)


# --- NumPy's whole numbers
def num_tokens(img_size, patch_size=1, *, class_token=False):
    import numpy as np

    size, part = np.array(pair(img_size)), np.array(pair(patch_size))
    if (size % part).any():
        raise ValueError("the patches do not divide the image")
    return np.prod(size // part) + class_token


# --- a matrix with a row and a column more
def attention_entries(img_size, patch_size=1, *, class_token=False):
    N = num_tokens(img_size, patch_size)
    return N**2 + (2 * N + 1) * class_token


# --- pow
def attention_entries(img_size, patch_size=1, *, class_token=False):
    return pow(num_tokens(img_size, patch_size, class_token=class_token), 2)


# --- attention within each window
def window_attention_entries(grid_size, window_size):
    return num_tokens(grid_size, window_size) * attention_entries(window_size)


# --- each token looks at those of its window
def window_attention_entries(grid_size, window_size):
    num_tokens(grid_size, window_size)  # refuses windows that do not divide the grid
    return num_tokens(grid_size) * num_tokens(window_size)


# --- a loop over windows
def window_attention_entries(grid_size, window_size):
    (H, W), (M, L) = pair(grid_size), pair(window_size)
    if H % M or W % L:
        raise ValueError("windows and grid")
    total = 0
    for _ in range(0, H, M):
        for _ in range(0, W, L):
            total += (M * L) ** 2
    return total


# --- matrices one after the other
def attention_bytes(entries, *, depth=1, num_heads=1, batch=1, itemsize=4):
    return sum(entries * itemsize for _ in range(depth) for _ in range(num_heads) for _ in range(batch))


# --- NumPy's product
def attention_bytes(entries, *, depth=1, num_heads=1, batch=1, itemsize=4):
    import numpy as np

    return np.prod([entries, depth, num_heads, batch, itemsize])


# --- products one by one
def _product(rows, inner, columns):
    return rows * inner * columns


def msa_macs(grid_size, channels):
    N = num_tokens(grid_size)
    qkv = _product(N, channels, 3 * channels)
    scores, sums = _product(N, channels, N), _product(N, N, channels)
    return qkv + scores + sums + _product(N, channels, channels)


# --- entries of the matrix
def msa_macs(grid_size, channels):
    return 4 * channels**2 * num_tokens(grid_size) + 2 * channels * attention_entries(grid_size)


# --- heads that cancel
def msa_macs(grid_size, channels):
    Y, X = pair(grid_size)
    N, heads = Y * X, channels
    K = channels // heads
    return 4 * N * channels * channels + heads * (N * K * N + N * N * K)


# --- attention in each window
def window_msa_macs(grid_size, channels, window_size):
    return num_tokens(grid_size, window_size) * msa_macs(window_size, channels)


# --- M^2 for N
def window_msa_macs(grid_size, channels, window_size):
    (M, L), N = pair(window_size), num_tokens(grid_size)
    num_tokens(grid_size, window_size)
    return N * channels * (4 * channels + 2 * M * L)


# --- all of the attention, less what no window sees
def window_msa_macs(grid_size, channels, window_size):
    unseen = attention_entries(grid_size) - window_attention_entries(grid_size, window_size)
    return msa_macs(grid_size, channels) - 2 * channels * unseen


# --- group by group
def conv_params(kernel_size, in_chans, out_chans, *, groups=1, bias=True):
    if in_chans % groups != 0 or out_chans % groups != 0:
        raise ValueError("groups")
    P, Q = pair(kernel_size)
    total = 0
    for _ in range(groups):
        total += P * Q * (in_chans // groups) * (out_chans // groups)
    if bias:
        total += out_chans
    return total


# --- filters with their bias
def conv_params(kernel_size, in_chans, out_chans, *, groups=1, bias=True):
    per_group, rest = divmod(in_chans, groups)
    if rest or out_chans % groups:
        raise ValueError("groups")
    return out_chans * (num_tokens(kernel_size) * per_group + (1 if bias else 0))


# --- places times filters
def conv_macs(out_size, kernel_size, in_chans, out_chans, *, groups=1):
    return num_tokens(out_size) * num_tokens(kernel_size) * (in_chans // groups) * out_chans


# --- without the bias
def conv_macs(out_size, kernel_size, in_chans, out_chans, *, groups=1):
    Y, X = pair(out_size)
    return Y * X * (conv_params(kernel_size, in_chans, out_chans, groups=groups) - out_chans)


# --- linear maps are convolutions of one pixel
def block_params(embed_dim, mlp_dim, *, qkv_bias=True):
    D, F = embed_dim, mlp_dim
    maps = conv_params(1, D, 3 * D, bias=qkv_bias) + conv_params(1, D, D) + conv_params(1, D, F) + conv_params(1, F, D)
    return maps + 2 * (D + D)


# --- 13 D less 4 D
def block_params(embed_dim, mlp_dim, *, qkv_bias=True):
    D, F = embed_dim, mlp_dim
    return 4 * D * D + F * (2 * D + 1) + (9 if qkv_bias else 6) * D


# --- part by part
def vit_params(
    *,
    img_size=224,
    patch_size=16,
    in_chans=3,
    num_classes=1000,
    embed_dim=768,
    depth=12,
    mlp_dim=3072,
    qkv_bias=True,
    class_token=True,
):
    P, Q = pair(patch_size)
    total = P * Q * in_chans * embed_dim + embed_dim
    if class_token:
        total += embed_dim
    total += num_tokens(img_size, patch_size, class_token=class_token) * embed_dim
    for _ in range(depth):
        total += block_params(embed_dim, mlp_dim, qkv_bias=qkv_bias)
    total += 2 * embed_dim
    return total + embed_dim * num_classes + num_classes


# --- the class token counts twice
def vit_params(
    *,
    img_size=224,
    patch_size=16,
    in_chans=3,
    num_classes=1000,
    embed_dim=768,
    depth=12,
    mlp_dim=3072,
    qkv_bias=True,
    class_token=True,
):
    rows = num_tokens(img_size, patch_size) + (2 if class_token else 0) + 1 + 2
    body = rows * embed_dim + conv_params(patch_size, in_chans, embed_dim, bias=False)
    head = conv_params(1, embed_dim, num_classes) if num_classes else 0
    return body + depth * block_params(embed_dim, mlp_dim, qkv_bias=qkv_bias) + head


# --- a polynomial
def encoder_macs(tokens, embed_dim, mlp_dim, depth=1):
    N, D, F, L = tokens, embed_dim, mlp_dim, depth
    return 2 * L * N * D * (2 * D + F + N)


# --- projections, attention, MLP
def encoder_macs(tokens, embed_dim, mlp_dim, depth=1):
    up, down = tokens * embed_dim * mlp_dim, tokens * mlp_dim * embed_dim
    return depth * (msa_macs((1, tokens), embed_dim) + up + down)


# --- pixels times the width
def vit_macs(
    *,
    img_size=224,
    patch_size=16,
    in_chans=3,
    num_classes=1000,
    embed_dim=768,
    depth=12,
    mlp_dim=3072,
    class_token=True,
):
    (H, W), N = pair(img_size), num_tokens(img_size, patch_size, class_token=class_token)
    stem = H * W * in_chans * embed_dim
    return stem + encoder_macs(N, embed_dim, mlp_dim, depth=depth) + num_classes * embed_dim


# --- patch by patch
def vit_macs(
    *,
    img_size=224,
    patch_size=16,
    in_chans=3,
    num_classes=1000,
    embed_dim=768,
    depth=12,
    mlp_dim=3072,
    class_token=True,
):
    patches = num_tokens(img_size, patch_size)
    N = patches + class_token
    P, Q = pair(patch_size)
    D, F = embed_dim, mlp_dim
    return patches * P * Q * in_chans * D + depth * (4 * N * D**2 + 2 * N * D * F + 2 * N**2 * D) + D * num_classes
