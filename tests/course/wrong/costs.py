# ruff: noqa: F811
# pyright: reportUndefinedVariable=false, reportRedeclaration=false
# Each part is put behind the answer, whose functions it replaces; its heading is what the check must say.
# --- must be a whole number: // gives one, / does not
def num_tokens(img_size, patch_size=1, *, class_token=False):
    (H, W), (P, Q) = pair(img_size), pair(patch_size)
    if H % P or W % Q:
        raise ValueError("the patches do not divide the image")
    return H * W / (P * Q) + class_token


# --- must be a whole number: // gives one, / does not
def attention_bytes(entries, *, depth=1, num_heads=1, batch=1, itemsize=4):
    return entries * depth * num_heads * batch * itemsize / 1024


# --- must be a whole number: // gives one, / does not
def attention_entries(img_size, patch_size=1, *, class_token=False):
    return float(num_tokens(img_size, patch_size, class_token=class_token)) ** 2


# --- a patch has P rows and Q columns
def num_tokens(img_size, patch_size=1, *, class_token=False):
    (H, W), (P, Q) = pair(img_size), pair(patch_size)
    if H % P or W % Q:
        raise ValueError("the patches do not divide the image")
    return (H // P) * (W // P) + class_token


# --- the window has M rows and L columns
def window_attention_entries(grid_size, window_size):
    (H, W), (M, L) = pair(grid_size), pair(window_size)
    if H % M or W % L:
        raise ValueError("the windows do not divide the grid")
    return (H // M) * (W // L) * M**4


# --- the window has M rows and L columns
def window_msa_macs(grid_size, channels, window_size):
    N, (M, _) = num_tokens(grid_size), pair(window_size)
    return 4 * N * channels**2 + 2 * M**2 * N * channels


# --- in_chans=
def conv_params(kernel_size, in_chans, out_chans, *, groups=1, bias=True):
    P, Q = pair(kernel_size)
    return P * Q * (in_chans // groups) * out_chans + bias * out_chans


# --- the heads are multiplied twice
def attention_bytes(entries, *, depth=1, num_heads=1, batch=1, itemsize=4):
    return entries * depth * num_heads**2 * batch * itemsize


# --- is the return missing?
def msa_macs(grid_size, channels):
    N = num_tokens(grid_size)
    4 * N * channels**2 + 2 * N**2 * channels
