import numpy as np
import pytest


@pytest.fixture(autouse=True)
def nothing_left_open():
    """No picture may go through pyplot: its figures stay in memory until somebody closes them."""
    yield
    import matplotlib.pyplot as plt

    assert plt.get_fignums() == []


@pytest.fixture
def ax():
    """A panel that somebody else has made."""
    from matplotlib.figure import Figure

    return Figure().subplots()


@pytest.fixture
def rng():
    return np.random.default_rng(0)
