"""Show code of the package in a lecture, from the package itself: what is read is what runs."""

import inspect
from collections.abc import Callable
from textwrap import dedent

from minivit.course.exercises import EXERCISES


def show_source(function: Callable, *pieces: str) -> None:
    """Display the source of a function in a notebook, without its docstring, or only the lines that have a piece.

    Over what an exercise asks for it says of which one this is the answer, with a link that leads there from a lecture.
    """
    from IPython.display import Markdown, display  # pyright: ignore[reportMissingImports]  (a notebook has it)

    display(Markdown(source_text(function, *pieces)))


def source_text(function: Callable, *pieces: str) -> str:
    """What :func:`show_source` displays, as Markdown: the file, whether it is an answer, and the code."""
    source = dedent(inspect.getsource(function)).removeprefix("@checked\n")
    if function.__doc__:
        quotes = source.index('"""')
        source = source[: source.rindex("\n", 0, quotes) + 1] + source[source.index('"""', quotes + 3) + 4 :]
    lines = [line for line in source.splitlines() if not pieces or any(piece in line for piece in pieces)]
    code = dedent("\n".join(lines)) if pieces else "\n".join(lines)
    return f"`{function.__module__.replace('.', '/')}.py`{is_an_answer(function)}\n```python\n{code}\n```"


def is_an_answer(function: Callable) -> str:
    """What is said of a function that an exercise asks for; of others nothing."""
    for name, exercise in EXERCISES.items():
        if function.__qualname__ in [task.name for task in exercise.tasks]:
            link = f"[`{name}`](../minivit/course/exercises/{name}.md)"
            return f": the answer to the exercise {link}; do that first if you want to find it yourself."
    return ""
