"""One step of a Transformer block: what a layer finds is added to what was there. Where the normalisation stands is
the whole difference between a pre-norm and a post-norm block.
"""

from typing import Any

from numpy import ndarray

from minivit.layers.layer import Layer

StepCaches = tuple[Any, Any, Any]
"""Of the normalisation, of the layer, and of stochastic depth."""


class PreNorm(Layer):
    """Pre-norm: ``x + layer(norm(x))``. The residual path goes through all blocks untouched.

    Source: Xiong et al. 2020, "On Layer Normalization in the Transformer Architecture", section 3.
    """

    def step(
        self, x: ndarray, norm: Layer, layer: Layer, drop_path: Layer, *context: ndarray, **options: Any
    ) -> tuple[ndarray, StepCaches]:
        """``y = x + drop_path(layer(norm(x), *context, **options))``."""
        h, c_norm = norm.forward(x)
        h, c_layer = layer.forward(h, *context, **options)
        h, c_drop_path = drop_path.forward(h, rng=options["rng"])
        return x + h, (c_norm, c_layer, c_drop_path)  # never +=: we do not own x

    def step_backward(
        self, dy: ndarray, norm: Layer, layer: Layer, drop_path: Layer, caches: StepCaches
    ) -> tuple[ndarray, ...]:
        """Gradients of x and of the context: :meth:`step`, read from the bottom up."""
        c_norm, c_layer, c_drop_path = caches
        dh = drop_path.backward(dy, c_drop_path)
        dh, *dcontext = _all(layer.backward(dh, c_layer))
        return dy + norm.backward(dh, c_norm), *dcontext  # forward: x + h; both ways get the gradient


class PostNorm(PreNorm):
    """Post-norm: ``norm(x + layer(x))``. The normalisation stands on the residual path itself.

    Source: Vaswani et al. 2017, section 3.1.
    """

    def step(
        self, x: ndarray, norm: Layer, layer: Layer, drop_path: Layer, *context: ndarray, **options: Any
    ) -> tuple[ndarray, StepCaches]:
        """``y = norm(x + drop_path(layer(x, *context, **options)))``."""
        h, c_layer = layer.forward(x, *context, **options)
        h, c_drop_path = drop_path.forward(h, rng=options["rng"])
        y, c_norm = norm.forward(x + h)
        return y, (c_norm, c_layer, c_drop_path)

    def step_backward(
        self, dy: ndarray, norm: Layer, layer: Layer, drop_path: Layer, caches: StepCaches
    ) -> tuple[ndarray, ...]:
        """Gradients of x and of the context: :meth:`step`, read from the bottom up."""
        c_norm, c_layer, c_drop_path = caches
        dsum = norm.backward(dy, c_norm)
        dh = drop_path.backward(dsum, c_drop_path)
        dh, *dcontext = _all(layer.backward(dh, c_layer))
        return dsum + dh, *dcontext  # forward: x + h


def _all(gradients: ndarray | tuple[ndarray, ...]) -> tuple[ndarray, ...]:
    """What backward of a layer returns: an array, where the layer has one input, is a tuple here, too."""
    return gradients if isinstance(gradients, tuple) else (gradients,)
