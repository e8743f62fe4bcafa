"""What was done: multiplications of matrix products, passes over elements, and the memory that was alive."""

from typing import Any


class Tally:
    """Counts while code runs on arrays without numbers."""

    def __init__(self) -> None:
        self.macs = 0
        """Multiply-accumulates of matrix products, convolutions among them."""
        self.elements = 0
        """Elements that passes over memory have read or made, one operation each."""
        self.alive = 0
        """Bytes of arrays that are alive."""
        self.peak = 0
        """The most bytes that were alive at once."""

    def product(self, macs: int) -> None:
        """A matrix product."""
        self.macs += macs

    def elementwise(self, name: str, elements: int) -> None:
        """A pass over so many elements."""
        self.elements += elements

    def allocate(self, array: Any) -> None:
        """An array with memory of its own."""
        self.alive += array.nbytes
        self.peak = max(self.peak, self.alive)

    def release(self, array: Any) -> None:
        """It is gone."""
        self.alive -= array.nbytes
