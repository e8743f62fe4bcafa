# ruff: noqa: F811
# pyright: reportUndefinedVariable=false, reportRedeclaration=false
# Each part is put behind the answer, whose functions it replaces; its heading is what the check must say.
# --- a loop over axis 0 of x (sample)
def conv2d_places(x, weight, stride=1):
    return np.concatenate([ours.conv2d_places(x[b : b + 1], weight, stride) for b in range(len(x))])


# --- a loop over axis 3 of weight
def conv2d_places(x, weight, stride=1):
    return np.concatenate([ours.conv2d_places(x, weight[..., o : o + 1], stride) for o in range(weight.shape[3])], -1)


# --- a loop over axis 3 of x
def conv2d_places(x, weight, stride=1):
    return sum(ours.conv2d_places(x[..., c : c + 1], weight[:, :, c : c + 1], stride) for c in range(x.shape[3]))


# --- a loop over axis 0 of x
def patchify_forward(x, *, patch_size):
    _, cache = ours.patchify_forward(x, patch_size=patch_size)
    return np.stack([ours.patchify_forward(image[None], patch_size=patch_size)[0][0] for image in x]), cache


# --- must raise a ValueError
def patchify_forward(x, *, patch_size):
    rows, columns = pair(patch_size)
    y, cache = ours.patchify_forward(
        x[:, : x.shape[1] // rows * rows, : x.shape[2] // columns * columns], patch_size=patch_size
    )
    return y, cache


# --- is assigned where a gradient is there already
def backward(self, dy, cache):
    self.proj.bias.zero_grad()
    return our_backward(self, dy, cache)


PatchEmbed.backward = backward


# --- given the cache of your PatchEmbed.forward
def forward(self, x, *, rng=None):
    y, cache = our_forward(self, x)
    return y, cache._asdict()


PatchEmbed.forward = forward


# --- dx must be an array; it is a tuple with x: take out what is asked for
def backward(self, dy, cache):
    return patchify_backward(self.proj.backward(dy, cache.proj), cache.patches)


PatchEmbed.backward = backward


# --- if it is a layer: y, cache = layer.forward(x)
def forward(self, x, *, rng=None):
    h, _ = patchify_forward(x, patch_size=self.patch_size)
    return self.proj(h)


PatchEmbed.forward = forward
