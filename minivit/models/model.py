"""What all models have in common: options that are recorded, a precision, a name under which they are found."""

from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from inspect import signature
from reprlib import repr as in_short
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy import ndarray

from minivit.checked import check_type, checked, did_you_mean, plain, precision_of, too_long
from minivit.layers.layer import Layer
from minivit.types import pair

MODELS: dict[str, type["Model"]] = {}
"""Every model class by its name, as checkpoints store it."""

PRESETS: dict[str, tuple[type["Model"], dict[str, Any]]] = {}
"""Every preset: its class and its options. Names follow timm where timm has the model."""


class Backbone(NamedTuple):
    """A classifier without its head, as a part of a model."""

    kind: type["Model"]
    config: dict[str, Any]
    """Options that it must have, if it has them."""
    called: Callable[[str], str]
    """What a parameter of the classifier is called in the model."""


class Model(Layer):
    """A layer that can be built again: ``type(model)(**model.config)`` has the same parts and initial values.

    A subclass is found by its name in ``MODELS`` from its definition on. Its ``__init__`` takes options only, is
    checked against its annotations, and ends in ``self.init(seed, dtype)``.
    """

    config: dict[str, Any]
    """Every option, given or not, as JSON can write it."""

    head_names: ClassVar[tuple[str, ...]] = ("head",)
    """The layers that give a number for each class: for other classes they are trained anew."""

    beside: ClassVar[tuple[str, ...]] = ()
    """Where parts stand beside one another, not one behind the other: for each such place a pattern that finds, at the
    beginning of a parameter's name, in which of them it is."""

    usual_task: ClassVar[str] = "Classification"
    """What it is trained for where nothing else is said: the name of a class of :mod:`minivit.tasks`."""

    keeps_img_size: ClassVar[bool] = False
    """Whether ``minivit train``, where no size is given, makes images as large as those of the preset; most models are
    built for the images as they are."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "__init__" in vars(cls):
            _check_options(cls)
            cls.__init__ = _recorded(checked(cls.__init__))  # type: ignore[method-assign]
        MODELS[cls.__name__] = cls

    @classmethod
    def add_presets(cls, presets: Mapping[str, dict[str, Any]]) -> None:
        """Let :func:`minivit.create_model` build this class by these names, with these options."""
        PRESETS.update({name: (cls, options) for name, options in presets.items()})

    @property
    def dtype(self) -> np.dtype:
        """The precision that the model computes in."""
        _, param = next(self._walk(""))
        return param.dtype

    def example(self, batch: int, length: int, new: Callable[..., ndarray]) -> tuple[ndarray, ...]:
        """What forward takes, made by ``new(shape, dtype)``: images, of a model that does not say otherwise.

        ``length`` is that of sequences, of a model that reads any.
        """
        return (new((batch, *pair(self.config["img_size"]), self.config["in_chans"]), self.dtype),)

    def backbone_in_it(self) -> "Backbone | None":
        """The classifier that this model is built on, for those that can begin with a trained one."""
        return None

    def task_options(self) -> dict[str, Any]:
        """Options of its usual task that follow from its own."""
        return {}

    def check_images(self, images: ndarray, img_size: tuple[int, int] | None, in_chans: int) -> None:
        """See that images are what the model takes; without ``img_size``, images of any size.

        Raises
        ------
        ValueError, TypeError
            If they have another size, number of channels or dtype.
        """
        check_type("images", images, ndarray)
        Y, X = img_size or ("rows", "columns")
        expected = f"(batch, {Y}, {X}, {in_chans})"
        if images.ndim != 4 or images.shape[1:3] != (img_size or images.shape[1:3]):
            raise ValueError(f"images have shape {images.shape}; the model expects {expected}, channels last")
        if images.shape[3] != in_chans:
            raise ValueError(f"images have {images.shape[3]} channels; the model expects {in_chans}: {expected}")
        if images.dtype != self.dtype and not np.iscomplexobj(images):
            raise TypeError(
                f"images have dtype {images.dtype}; the model computes in {self.dtype} "
                "(scale pixels to about -1..1 and convert them first)"
            )


def _recorded(build: Callable[..., None]) -> Callable[..., None]:
    """The same ``__init__``, which notes the options first. Of a class and its base, those of the class are noted."""

    @wraps(build)
    def init(self: Model, **options: Any) -> None:
        if not hasattr(self, "config"):
            model_options(type(self), options)
            for name, value in options.items():
                if too_long(value):  # widths are multiplied by ratios
                    raise ValueError(
                        f"{type(self).__name__}: {name} is {in_short(value)}; expected a number that a float can be"
                    )
            given = signature(build).bind(self, **options)
            given.apply_defaults()
            config = plain({name: value for name, value in given.arguments.items() if name != "self"})
            self.config = config | {"dtype": precision_of(config["dtype"]).name}
        build(self, **options)

    return init


def _check_options(kind: type[Model]) -> None:
    """See that each option has a name under which it can be recorded."""
    found = signature(kind).parameters
    several = [str(it) for it in found.values() if it.kind in (it.VAR_POSITIONAL, it.VAR_KEYWORD)]
    if several or "dtype" not in found:
        but = f"it takes {several[0]}" if several else "there is no dtype"
        raise TypeError(f"{kind.__name__}.__init__ must name each option of the model, dtype among them; {but}")


def create_model(name: str, **options: Any) -> Any:
    """Build a model by the name of its preset; ``options`` replace the preset's.

    >>> create_model("vit_tiny_patch4_32", num_classes=10, seed=0).num_params
    811146

    Raises
    ------
    ValueError
        If there is no preset of that name.
    TypeError
        If the model has no such option.
    """
    model_options(name, options)
    model_class, config = PRESETS[name]
    return model_class(**{**config, **options})


def model_options(model: "str | type[Model]", given: Iterable[str] = ()) -> dict[str, Any]:
    """The options that the model of a preset, or a class of models, has, each with its type.

    Raises
    ------
    ValueError
        If there is no preset of that name.
    TypeError
        If one of the options given is none of them.
    """
    if isinstance(model, str) and model not in PRESETS:
        hint = did_you_mean(model, PRESETS) or "; minivit doctor lists all, as does mv.models.PRESETS"
        raise ValueError(f"there is no model {model!r}{hint}")
    name, model_class = (model, PRESETS[model][0]) if isinstance(model, str) else (model.__name__, model)
    known = {option: it.annotation for option, it in signature(model_class).parameters.items() if option != "self"}
    for option in given:
        if option not in known:
            its = f"its options are {', '.join(known)}{did_you_mean(option, known)}"
            raise TypeError(f"{name} has no option {in_short(option)}; {its}")
    return known


def with_article(name: str) -> str:
    """The name of a family with its article, as it is said: a ViT, a MaskedViT, an AST, an RNNSearch, a SAM.

    >>> from minivit.models.model import with_article
    >>> with_article("ViT"), with_article("AST"), with_article("RNNSearch"), with_article("ResNet"), with_article("SAM")
    ('a ViT', 'an AST', 'an RNNSearch', 'a ResNet', 'a SAM')
    """
    spelt = name[:2].isupper() and name[1:2] not in "AEIOU"  # letter by letter, as in RNN: "ar", "en", "en"
    return f"{'an' if name[:1] in 'AEIO' or (spelt and name[0] in 'FHLMNRSX') else 'a'} {name}"
