import numpy as np
import pytest

from minivit.ops.color_clusters import colors_of_clusters, fit_clusters, nearest_clusters, unit_colors

RNG = np.random.default_rng(0)


def lump(center, count):
    return np.asarray(center) + 0.01 * RNG.standard_normal((count, 3))


CENTERS = np.array([[-0.8, -0.8, 0.0], [0.8, 0.8, 0.5], [0.0, 0.7, -0.7]])
LUMPS = np.concatenate([lump(center, 40 + 30 * i) for i, center in enumerate(CENTERS)])


def test_lumps_are_found_at_their_means():
    clusters = fit_clusters(LUMPS, count=3, seed=1)
    order = np.argsort(nearest_clusters(CENTERS, clusters))
    means = [LUMPS[:40].mean(0), LUMPS[40:110].mean(0), LUMPS[110:].mean(0)]
    np.testing.assert_allclose(clusters, np.array(means)[order], rtol=1e-12)


def test_each_cluster_is_the_mean_of_what_is_nearest_to_it():
    """Equal colours count as often as there are."""
    colors = RNG.integers(-3, 4, (500, 3)) / 3.0
    clusters = fit_clusters(colors, count=7)
    codes = nearest_clusters(colors, clusters)
    for k in range(7):
        np.testing.assert_allclose(clusters[k], colors[codes == k].mean(0), rtol=1e-12, atol=1e-15)


def test_the_outcome_depends_on_the_seed_alone():
    np.testing.assert_array_equal(fit_clusters(LUMPS, count=5, seed=2), fit_clusters(LUMPS[::-1], count=5, seed=2))
    assert not np.array_equal(fit_clusters(LUMPS, count=5, seed=2), fit_clusters(LUMPS, count=5, seed=3))
    assert fit_clusters(LUMPS.astype(np.float32), count=5).dtype == np.float32


@pytest.mark.parametrize("count", [1, 4, 9])
def test_few_colors(count):
    """All of them are clusters, and what is left is never used."""
    colors = np.array([[0.5, 0, 0], [-1, 1, 0], [0.5, 0, 0], [0, 0, 0.25], [1, 1, 1]])
    clusters = fit_clusters(colors, count=count)
    assert clusters.shape == (count, 3)
    codes = nearest_clusters(colors, clusters)
    if count >= 4:
        np.testing.assert_array_equal(colors_of_clusters(codes, clusters), colors)
        assert codes.max() == 3
    else:
        np.testing.assert_allclose(clusters[0], colors.mean(0), rtol=1e-12)


def test_of_equally_near_clusters_the_first_is_taken():
    clusters = np.array([[1.0, 0], [-1, 0], [1, 0], [0, 1]])
    np.testing.assert_array_equal(nearest_clusters(np.array([[0.0, 0], [-0.5, 0.5], [2, 0]]), clusters), [0, 1, 0])


def test_nearest_is_as_defined(monkeypatch):
    colors, clusters = RNG.standard_normal((4, 5, 3)), RNG.standard_normal((6, 3))
    expected = ((colors[..., None, :] - clusters) ** 2).sum(-1).argmin(-1)
    np.testing.assert_array_equal(nearest_clusters(colors, clusters), expected)
    monkeypatch.setattr("minivit.ops.color_clusters.AT_ONCE", 13)  # two colours at a time
    np.testing.assert_array_equal(nearest_clusters(colors, clusters), expected)


def test_many_colors(monkeypatch):
    monkeypatch.setattr("minivit.ops.color_clusters.MOST_PIXELS", 300)
    monkeypatch.setattr("minivit.ops.color_clusters.MOST_COLORS", 50)
    colors = RNG.uniform(-1, 1, (2000, 3))
    clusters = fit_clusters(colors, count=8)
    np.testing.assert_array_equal(clusters, fit_clusters(colors, count=8))
    error = np.square(colors - clusters[nearest_clusters(colors, clusters)]).sum(1).mean()
    assert error < 0.5 * np.square(colors - colors.mean(0)).sum(1).mean()


def test_unit_colors():
    np.testing.assert_array_equal(unit_colors(np.array([0, 255], np.uint8)), np.array([-1, 1], np.float32))
    assert unit_colors(np.zeros(3, np.float64)).dtype == np.float64
    for wrong in (np.nan, 1.5, -1.01):
        with pytest.raises(ValueError, match="expected -1 to 1"):
            unit_colors(np.array([0.0, wrong]))
    with pytest.raises(TypeError, match="pixels have dtype int64"):
        unit_colors(np.arange(3))


def test_what_is_no_color():
    with pytest.raises(ValueError, match=r"colors have shape \(0, 3\); expected at least one colour"):
        fit_clusters(np.zeros((0, 3)), count=4)
    with pytest.raises(ValueError, match="colors have numbers that are not finite"):
        fit_clusters(np.array([[0.0, np.nan, 0.5]]), count=1)
    with pytest.raises(ValueError, match="code 4 is out of range; expected 0 to 3 for 4 clusters"):
        colors_of_clusters(np.array([4]), np.zeros((4, 3)))
