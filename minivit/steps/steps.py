"""A model's forward and backward on one image, recorded step by step, to be looked at in a page."""

from collections.abc import Callable, Sequence
from pathlib import Path
from reprlib import repr as in_short
from typing import Any

import numpy as np

from minivit.caches import first_nonfinite
from minivit.checked import check_range, check_type, did_you_mean
from minivit.cost.tally import layers_in
from minivit.errors import last_foreign, sentence
from minivit.every_op import EVERY_OP
from minivit.layers import Identity, PatchEmbed
from minivit.layers.batch_norm import frozen
from minivit.models.model import Model
from minivit.nests import mapped
from minivit.steps.arrays import MOST_NUMBERS, Store
from minivit.steps.field import patch_embed_of, receptive_field
from minivit.steps.page import Steps
from minivit.steps.record import Recorder, recording
from minivit.steps.what_if import recipe
from minivit.tasks.classification import Classification
from minivit.train.optim import AdamW
from minivit.types import ndarray

SMALL = 2**21
"""Arrays of models of fewer parameters are shown as large as a page can draw them."""

NUMBERS_OF_LARGE = 2**14
"""Of an array of a larger model at the most."""

MOST_PIXELS = 256
"""Of the image beside the arrays, in each direction; it is drawn no larger."""

LEARNING_RATE = 1e-3

Normalize = Callable[[ndarray], ndarray]


def step(
    model: Model,
    image: ndarray,
    label: int | np.integer | None = None,
    *,
    normalize: Normalize | None = None,
    class_names: Sequence[str] = (),
    block: str | None = None,
    backward: bool = True,
) -> Steps:
    """Run a model on one image, and record forward, loss, backward and one step of AdamW, number by number.

    >>> import numpy as np, minivit as mv
    >>> model = mv.create_model("vit_micro_patch4_32", depth=1, embed_dim=8, num_heads=2)
    >>> mv.step(model, np.zeros((32, 32, 3), np.float32), label=3)
    <93 steps of ViT>

    The model is left as it was. Layers that keep averages of batches compute with these, as in inference.

    Parameters
    ----------
    model : Model
    image : (Y, X, C) or (1, Y, X, C)
        As the model takes it; or pixels, uint8, with ``normalize`` that makes of a batch of them what the model takes.
    label : int, optional
        The true class. If not given, the class that the model holds for the most probable.
    class_names : list of str, optional
        Numbers, if not given.
    block : str, optional
        Record the inside of the layer of this name alone: "blocks.2", or "2" for short.
    backward : bool
        False: forward alone.

    Raises
    ------
    ValueError
        If the image does not fit the model, there is no such class or block, or something is not finite.
    TypeError
        If the model is none, the image is none, or its pixels are to be normalised and are not.
    """
    check_type("model", model, Model)
    if [example.ndim for example in model.example(1, 1, np.empty)] != [4]:
        raise ValueError(f"{type(model).__name__} does not take an image alone; step shows models that do")
    image = np.asarray(image)
    if image.dtype.kind not in "uif":
        raise TypeError(f"image has dtype {image.dtype}; expected pixels, or what the model takes")
    batch = image[None] if image.ndim == 3 else image
    if batch.ndim != 4 or len(batch) != 1 or not batch.size:
        raise ValueError(f"image has shape {image.shape}; expected one image, (Y, X, C) or (1, Y, X, C)")
    if image.dtype == np.uint8 and normalize is None:
        raise TypeError("image has pixels, uint8; expected normalize beside them, or what the model takes")
    inputs = batch if normalize is None else normalize(batch)
    check_type("what normalize gives", inputs, ndarray)
    grey = inputs.mean((0, 1, 2)) if normalize is None else normalize(np.full_like(batch[:, :1, :1], 128))[0, 0, 0]
    twin = _twin(model)
    classes = twin.config.get("num_classes")
    names = list(class_names)
    if isinstance(class_names, str) or (names and classes and len(names) != classes):
        raise ValueError(f"class_names are {in_short(class_names)}; expected a list of a name for each class")
    if place := first_nonfinite({"image": inputs}):
        raise ValueError(f"{place} holds nan or infinity")
    if label is not None:
        label = int(label) if isinstance(label, np.integer) else label  # as it stands in an array of labels
        check_type("label", label, int)
        if not classes:
            raise ValueError(f"label is {label}, but this {type(model).__name__} names no classes")
        check_range("label", label, at_least=0, below=classes)
    store = Store(MOST_NUMBERS if twin.num_params < SMALL else NUMBERS_OF_LARGE)
    recorder = Recorder(twin, store, block=_full_name(twin, block))
    run = Steps(type(model).__name__, recorder.calls, store, pixels=_pixels(batch[0]), class_names=names)
    embed = patch_embed_of(twin)
    run.grid = embed.grid_size if isinstance(embed, PatchEmbed) else None
    run.what_if = recipe(twin, inputs, grey, store)
    try:
        outputs, cache = _recorded(recorder, twin.forward, inputs)
        if place := first_nonfinite({"outputs": outputs}):
            raise ValueError(f"the model is not finite: {first_nonfinite(cache) or place} holds nan or infinity")
        if isinstance(outputs, ndarray) and classes and outputs.shape == (1, classes):
            _say(run, outputs, label)
            if backward and label is None:
                run.notes.append(
                    "No true class was given: the loss is that of the class that the model holds for likeliest."
                )
            if backward:
                _back(run, recorder, twin, outputs, cache)
        elif backward:
            run.notes.append("There is no backward: a loss needs a class, and this model's output names none.")
    except EndedError as ended:
        run.error, run.raised = str(ended), ended.place
    run.calls = recorder.steps()
    run.notes += recorder.missing()
    run.field = {"reason": "the run did not come to its end"} if run.error else _field(model, inputs, store)
    return run


def _field(model: Model, inputs: ndarray, store: Store) -> dict[str, Any]:
    """What each token sees; a student's function that computed one image in float32 may fail at many in float64."""
    try:
        found = receptive_field(model, inputs)
    except Exception as error:
        return {"reason": f"the model could not be computed again: {sentence(error)}"}
    if "blocks" not in found:
        return found
    return {**found, "blocks": {name: store.add(share, most=share.size) for name, share in found["blocks"].items()}}


def step_op(name: str, *arrays: ndarray, dy: Any = None, **options: Any) -> Steps:
    """Run one op forward and backward, and record it, number by number.

    >>> import numpy as np, minivit as mv
    >>> mv.steps.step_op("softmax", np.array([[1.0, 2.0, 3.0]]))
    <2 steps of softmax>

    Parameters
    ----------
    name : str
        A key of ``minivit.every_op.EVERY_OP``.
    *arrays, **options
        What its forward takes.
    dy : optional
        The gradient that comes back; random if not given, since under ones many a mistake has no effect.

    Raises
    ------
    ValueError
        If there is no such op.
    """
    if name not in EVERY_OP:
        hint = did_you_mean(name, EVERY_OP) or f"; the ops are {', '.join(EVERY_OP)}"
        raise ValueError(f"there is no op {name!r:.40}{hint}")
    op, store = EVERY_OP[name], Store()
    recorder, rng = Recorder(None, store), np.random.default_rng(0)
    run = Steps(name, recorder.calls, store)
    try:
        y, cache = _recorded(recorder, op.forward, *arrays, **options)
        dy = mapped(lambda a: _random_like(np.asarray(a), rng), y) if dy is None else dy
        _recorded(recorder, op.backward, dy, cache)
    except EndedError as ended:
        run.error, run.raised = str(ended), ended.place
    run.calls = recorder.steps() or recorder.calls  # alone, an op is shown even if it does nothing
    run.notes += recorder.missing()
    run.what_if = run.field = {"reason": "there is no model, only an op"}
    return run


def _random_like(y: ndarray, rng: np.random.Generator) -> ndarray:
    dy = rng.standard_normal(y.shape)
    return (dy + 1j * rng.standard_normal(y.shape) if y.dtype.kind == "c" else dy).astype(y.dtype)


class EndedError(Exception):
    """What was recorded came to an early end, by this error: its type, what it says, and whose line raised it."""

    def __init__(self, error: Exception) -> None:
        kind, said, line = type(error).__name__, sentence(error), last_foreign(error)
        text = said if said == kind else f"{kind}: {said}"
        file = Path(line.filename).name if line else ""
        super().__init__(f"{text} ({file}, line {line.lineno}, in {line.name}: {line.line})" if line else text)
        self.place = {"file": file, "line": line.lineno} if line else None


def _recorded(recorder: Recorder, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Run it. An error is told in the page, if there is any step to be seen before it."""
    try:
        with recording(recorder), np.errstate(all="ignore"):
            return function(*args, **options)
    except Exception as error:
        if not any(call.outputs for call in recorder.calls):
            raise
        ended = EndedError(error)
        recorder.ended(str(ended))
        raise ended from error


def _twin(model: Model) -> Model:
    """The same model, whose weights may change; norms of batches compute with their averages."""
    plain = {"grad_checkpointing": False} if "grad_checkpointing" in model.config else {}
    twin = type(model)(**{**model.config, **plain})
    twin.load_state_dict(model.state_dict())
    return frozen(twin)


def _full_name(model: Model, block: str | None) -> str | None:
    """The layer's name: "2" is short for "blocks.2"."""
    if block is None:
        return None
    layers = {name: layer for name, layer in layers_in(model) if name and not isinstance(layer, Identity)}
    names = sorted(layers)
    for name in (block, f"blocks.{block}"):
        if name in names:
            return name
    shown = [name for name in names if name.count(".") == name.startswith("blocks.")]
    raise ValueError(f"there is no block {block!r:.40}; there are {', '.join(shown[:30])}")


def _pixels(image: ndarray) -> ndarray:
    """To look at: pixels as they are, other numbers stretched from black to white; of a large image every n-th."""
    every = -(-max(image.shape[:2]) // MOST_PIXELS)
    image = image[::every, ::every]
    if image.dtype == np.uint8:
        return image
    low, high = float(image.min()), float(image.max())
    return ((image - low) * (255 / (high - low or 1))).astype(np.uint8)


def _say(run: Steps, logits: ndarray, label: int | None) -> None:
    """What the model says of the image, and what it is held to."""
    shares = np.exp(logits[0] - logits.max())  # in place of the op may stand that of a student, which is wrong
    run.probabilities = (shares / shares.sum()).tolist()
    run.label = int(logits[0].argmax()) if label is None else label


def _back(run: Steps, recorder: Recorder, model: Model, logits: ndarray, cache: Any) -> None:
    """Loss, backward, and one step of an optimizer that has made none before."""
    task = Classification()
    loss, c_loss = _recorded(recorder, task.forward, logits, np.array([run.label]))
    dlogits = _recorded(recorder, task.backward, np.ones_like(loss), c_loss)
    model.zero_grad()
    _recorded(recorder, model.backward, dlogits, cache)
    _recorded(recorder, AdamW(model, lr=LEARNING_RATE).step)
