"""Large numbers in the unit that fits."""

import pytest

from minivit.cost.units import count, memory


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0"),
        (1, "0.00 KiB"),
        (1536, "1.50 KiB"),
        (2**20 - 1, "1.00 MiB"),
        (2**30 - 1, "1.00 GiB"),
        (2**41, "2,048.00 GiB"),
    ],
)
def test_memory(size: int, text: str) -> None:
    """What rounds to the next unit is said in that."""
    assert memory(size) == text


@pytest.mark.parametrize(("number", "text"), [(0, "0"), (58_002_000, "58.002 M"), (17_563_828_224, "17.564 G")])
def test_count(number: int, text: str) -> None:
    assert count(number) == text
