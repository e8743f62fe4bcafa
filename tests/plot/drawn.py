"""What a panel says."""

from typing import Any


def texts(ax: Any) -> list[str]:
    """The words and numbers that are written into it, in their order."""
    return [text.get_text() for text in ax.texts]
