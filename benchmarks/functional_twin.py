"""The twin of minivit's ViT as one function of its parameters, in the NumPy API: for JAX and for HIPS autograd.

Both libraries differentiate it; nobody writes a backward pass. The parameters are minivit's own, by name.
"""

# pyright: reportMissingImports=false

from collections.abc import Callable
from math import pi, sqrt
from typing import Any, NamedTuple

import numpy as np


class Library(NamedTuple):
    """What the twin takes from a library."""

    xp: Any
    erf: Callable[[Any], Any]
    value_and_grad: Callable[[Any], Any]
    jit: Callable[[Any], Any]
    wait: Callable[[Any], Any]


def load(peer: str) -> Library:
    """Import jax or autograd."""
    if peer == "jax":
        import jax
        from jax.scipy.special import erf

        return Library(jax.numpy, erf, jax.value_and_grad, jax.jit, jax.block_until_ready)
    import autograd.numpy
    from autograd import value_and_grad
    from autograd.scipy.special import erf

    def as_it_is(x: Any) -> Any:  # nothing is compiled, and nothing runs behind our back
        return x

    return Library(autograd.numpy, erf, value_and_grad, as_it_is, as_it_is)


def forward(lib: Library, config: dict[str, Any], params: dict[str, Any], images: Any) -> Any:
    """Logits (B, classes) of images (B, Y, X, C)."""
    xp = lib.xp
    D, eps = config["embed_dim"], config["norm_eps"]
    (Y, X), (P, Q) = (
        (size, size) if isinstance(size, int) else size for size in (config["img_size"], config["patch_size"])
    )
    B, C = len(images), config["in_chans"]

    def linear(name: str, x: Any) -> Any:
        y = x @ params[f"{name}.weight"]
        return y + params[f"{name}.bias"] if f"{name}.bias" in params else y

    def layer_norm(name: str, x: Any) -> Any:
        x = x - xp.mean(x, -1, keepdims=True)
        rstd = 1 / xp.sqrt(xp.mean(x * x, -1, keepdims=True) + eps)
        return x * rstd * params[f"{name}.weight"] + params[f"{name}.bias"]

    def activation(x: Any) -> Any:
        if config["act_layer"] == "relu":
            return xp.maximum(x, 0)
        if config["act_layer"] == "gelu_tanh":
            return 0.5 * x * (1 + xp.tanh(sqrt(2 / pi) * (x + 0.044715 * x * x * x)))
        return 0.5 * x * (1 + lib.erf(x / sqrt(2)))

    def attention(name: str, x: Any) -> Any:
        N, H = x.shape[1], config["num_heads"]
        qkv = xp.reshape(linear(f"{name}.qkv", x), (B, N, 3, H, D // H))
        qkv = xp.transpose(qkv, (2, 0, 3, 1, 4))  # (3, B, H, N, K)
        q, k, v = qkv[0], qkv[1], qkv[2]
        weights = softmax((q * (D // H) ** -0.5) @ xp.swapaxes(k, -1, -2))
        y = xp.transpose(weights @ v, (0, 2, 1, 3))  # (B, N, H, K)
        return linear(f"{name}.proj", xp.reshape(y, (B, N, D)))

    def softmax(scores: Any) -> Any:
        scores = xp.exp(scores - xp.max(scores, -1, keepdims=True))
        return scores / xp.sum(scores, -1, keepdims=True)

    x = xp.reshape(images, (B, Y // P, P, X // Q, Q, C))
    x = xp.reshape(xp.transpose(x, (0, 1, 3, 2, 4, 5)), (B, -1, P * Q * C))
    x = linear("patch_embed.proj", x)
    if config["class_token"]:
        x = xp.concatenate([params["cls_token"] + xp.zeros((B, 1, 1), np.float32), x], 1)
    x = x + params["pos_embed"]
    for i in range(config["depth"]):
        x = x + attention(f"blocks.{i}.attn", layer_norm(f"blocks.{i}.norm1", x))
        h = activation(linear(f"blocks.{i}.mlp.fc1", layer_norm(f"blocks.{i}.norm2", x)))
        x = x + linear(f"blocks.{i}.mlp.fc2", h)
    if "norm.weight" in params:
        x = layer_norm("norm", x)
    x = x[:, 0] if config["global_pool"] == "token" else xp.mean(x[:, int(config["class_token"]) :], 1)
    if "fc_norm.weight" in params:
        x = layer_norm("fc_norm", x)
    return linear("head", x)


def training(peer: str, model: Any, images: Any, labels: Any, threads: int) -> Callable[[], float]:
    """A function that trains one step and returns its loss; AdamW and clipping as in minivit."""
    lib, config = load(peer), model.config
    xp = lib.xp
    targets = np.eye(config["num_classes"], dtype=np.float32)[labels] * 0.9 + np.float32(0.1 / config["num_classes"])

    def loss_of(params: Any, images: Any, targets: Any) -> Any:
        logits = forward(lib, config, params, images)
        logits = logits - xp.max(logits, -1, keepdims=True)
        log_probs = logits - xp.log(xp.sum(xp.exp(logits), -1, keepdims=True))
        return -xp.sum(targets * log_probs) / len(targets)

    def update(params: Any, m: Any, v: Any, corrections: Any, images: Any, targets: Any) -> Any:
        loss, grads = lib.value_and_grad(loss_of)(params, images, targets)
        norm = xp.sqrt(sum(xp.sum(g * g) for g in grads.values()))
        share = xp.minimum(1, 1 / (norm + 1e-6))
        grads = {name: g * share for name, g in grads.items()}
        m = {name: 0.9 * m[name] + (1 - 0.9) * g for name, g in grads.items()}
        v = {name: 0.999 * v[name] + (1 - 0.999) * (g * g) for name, g in grads.items()}
        new = {}
        for name, w in params.items():
            decay = 1e-3 * 0.05 if w.ndim == 2 else 0.0
            root = xp.sqrt(v[name] / corrections[1]) + 1e-8
            new[name] = w * (1 - decay) - 1e-3 * (m[name] / corrections[0]) / root
        return loss, new, m, v

    update = lib.jit(update)
    params = {name: xp.array(array) for name, array in model.state_dict().items()}
    zeros = {name: xp.zeros(array.shape, np.float32) for name, array in params.items()}
    images, targets = xp.array(images), xp.array(targets)
    state, steps = (params, zeros, zeros), 0

    def step() -> float:
        nonlocal state, steps
        steps += 1
        corrections = (1 - 0.9**steps, 1 - 0.999**steps)
        loss, *state = lib.wait(update(*state, corrections, images, targets))
        return float(loss)

    return with_threads(peer, threads, step)


def inference(peer: str, model: Any, images: Any, threads: int) -> Callable[[], Any]:
    """A function that returns the logits of the images as an array."""
    lib = load(peer)
    logits_of = lib.jit(lambda params, images: forward(lib, model.config, params, images))
    params = {name: lib.xp.array(array) for name, array in model.state_dict().items()}
    images = lib.xp.array(images)
    return with_threads(peer, threads, lambda: np.asarray(logits_of(params, images)))


def with_threads(peer: str, threads: int, work: Callable[[], Any]) -> Callable[[], Any]:
    """``work`` with so many threads: autograd's are those of NumPy's BLAS; JAX's are the cores of the process."""
    if peer == "jax":
        return work
    from threadpoolctl import ThreadpoolController

    libraries = ThreadpoolController()

    def limited() -> Any:
        with libraries.limit(limits=threads, user_api="blas"):
            return work()

    return limited
