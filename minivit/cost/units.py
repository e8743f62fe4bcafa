"""Large numbers as people read them."""


def memory(size: int) -> str:
    """Bytes as people read them, in units of powers of 1024."""
    if size == 0:
        return "0"
    unit, name = next(((2**k, name) for k, name in ((30, "GiB"), (20, "MiB")) if size >= 0.99 * 2**k), (2**10, "KiB"))
    return f"{size / unit:,.2f} {name}"


def count(number: float) -> str:
    """MACs or FLOP/s as people read them, in billions or millions."""
    if number == 0:
        return "0"
    return f"{number / 1e9:,.3f} G" if number >= 1e8 else f"{number / 1e6:,.3f} M"
