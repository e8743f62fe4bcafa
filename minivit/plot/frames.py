"""frames: a picture for each value of a parameter, and a slider that needs no kernel to move between them."""

import json
from base64 import b64encode
from collections.abc import Callable, Iterable
from hashlib import sha256
from html import escape
from inspect import signature
from io import BytesIO
from itertools import product
from typing import Any, NamedTuple

import numpy as np

SCRIPT = """
(() => {
    const {names, values, start, pictures} = DATA;
    for (const figure of document.querySelectorAll("[data-frames='KEY']:not([data-ready])")) {
        figure.dataset.ready = "";
        const [image, caption] = figure.querySelectorAll("img, figcaption");
        const rows = names.map((name, i) => {
            const row = document.createElement("label"), input = document.createElement("input");
            const output = document.createElement("output");
            Object.assign(input, {type: "range", min: 0, max: values[i].length - 1, value: start[i]});
            row.style.display = "contents";
            row.append(name, input, output);
            return {name, values: values[i], input, output};
        });
        const show = () => {
            let frame = 0;
            for (const {values, input, output} of rows) {
                frame = frame * values.length + input.valueAsNumber;
                output.value = values[input.value];
                input.setAttribute("aria-valuetext", output.value);
            }
            image.src = "data:image/png;base64," + pictures[frame];
            image.alt = rows.map(({name, output}) => name + " = " + output.value).join(", ");
        };
        caption.style.cssText = "display: grid; grid-template-columns: auto minmax(6em, 20em) 1fr; gap: 0.25em 0.75em";
        caption.replaceChildren(...rows.map(({input}) => input.parentElement));
        caption.addEventListener("input", show);
        show();
    }
})();
"""


class Frames(NamedTuple):
    """What :func:`frames` has drawn. At the end of a notebook cell, a picture with a slider for each parameter.

    The HTML asks nothing of a kernel or a network. Where scripts are taken out of it, on GitHub or in a notebook that
    is not trusted, the picture with which it begins is left, and in words what it shows.
    """

    names: list[str]
    """The parameters."""
    values: list[list[str]]
    """Of each parameter, its values as they are written beside the slider."""
    start: list[int]
    """Where each slider stands at first."""
    pictures: list[bytes]
    """PNG files, one for each choice of values; the last parameter moves fastest."""

    def __repr__(self) -> str:
        return f"<{len(self.pictures)} frames of {' and '.join(self.names)}>"

    def _repr_html_(self) -> str:
        pictures = [b64encode(picture).decode() for picture in self.pictures]
        data = json.dumps({**self._asdict(), "pictures": pictures}).replace("<", "\\u003c")  # no </script> in it
        key = sha256(data.encode()).hexdigest()[:12]  # the same in every run, another for other pictures
        first = np.ravel_multi_index(self.start, [len(values) for values in self.values])
        each = list(zip(self.names, self.values, self.start, strict=True))
        shown = escape(", ".join(f"{name} = {values[place]}" for name, values, place in each))
        drawn = escape("; ".join(f"{name} = {', '.join(values)}" for name, values, _ in each))
        return (
            f'<figure data-frames="{key}" style="margin: 0; text-align: left">'
            f'<img alt="{shown}" src="data:image/png;base64,{pictures[first]}" style="max-width: 100%">'
            f'<figcaption style="text-align: left">{shown} (of {drawn})</figcaption>'
            f"<script>{SCRIPT.replace('KEY', key).replace('DATA', data)}</script></figure>"
        )


def frames(draw: Callable[..., Any], **values: Iterable[Any]) -> Frames:
    """Draw a picture for each value, to be looked at with a slider: ``frames(look, sharpness=[0, 1, 2, 4])``.

    Of two parameters, a picture for each pair of values. All of them are in the page, at 10 to 40 kB each, so a dozen
    is many.

    Parameters
    ----------
    draw
        Returns what functions of :mod:`minivit.plot` return, Axes or a Figure. A slider begins at the default of its
        parameter where there is one, else at the first value.
    **values
        For each parameter its values, in the order of the slider.

    Raises
    ------
    ValueError
        If there is nothing to draw, or the default of a parameter is not among its values.

    """
    names, choices = list(values), [list(each) for each in values.values()]
    if not names or not all(choices):
        numbers = dict(zip(names, map(len, choices), strict=True))
        raise ValueError(f"the parameters and their numbers of values are {numbers}; expected some values for each")
    start = [place_of_default(draw, name, each) for name, each in zip(names, choices, strict=True)]
    pictures = [as_png(draw(**dict(zip(names, choice, strict=True)))) for choice in product(*choices)]
    return Frames(names, [[as_text(value) for value in each] for each in choices], start, pictures)


def place_of_default(draw: Callable[..., Any], name: str, choices: list[Any]) -> int:
    """Where a slider begins."""
    parameter = signature(draw).parameters.get(name)
    if parameter is None or parameter.default is parameter.empty:
        return 0
    if parameter.default not in choices:
        raise ValueError(f"the default of {name} is {parameter.default!r}; expected one of its values, {choices}")
    return choices.index(parameter.default)


def as_text(value: Any) -> str:
    """A value as it is written beside a slider: 0.3, where a float may be 0.30000000000000004."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def as_png(picture: Any) -> bytes:
    """A picture as a file, see :func:`in_256_colours`."""
    file = BytesIO()
    picture.figure.savefig(file, format="png")
    return in_256_colours(file.getvalue())


def in_256_colours(png: bytes) -> bytes:
    """The same picture in 256 colours, which are enough for it and a third of the size.

    They are chosen so that no colour is far off, however few pixels have it: the end of a scale is such a colour.
    """
    from PIL import Image

    small = BytesIO()
    exact = Image.open(BytesIO(png)).convert("RGB")
    exact.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(small, "png", optimize=True)
    return small.getvalue()
