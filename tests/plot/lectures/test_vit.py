from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from minivit.plot.lectures import vit as lecture
from tests.plot.drawn import texts


def test_the_wall(ax):
    sides = np.array([2.0, 4.0, 8.0])
    curve = (sides, 4 * sides**4)
    lecture.attention_wall({"pixels": curve}, {"here": (4, 1024)}, curve, title="High", ax=ax)
    assert ax.get_title(loc="left") == "High"
    assert "here" in texts(ax)
    assert "1 GiB" in [label.get_text() for label in ax.get_yticklabels()]


@pytest.mark.parametrize(("patch_size", "says"), [(4, "patches 25 to 40"), (16, "the sequence"), (8, "the sequence")])
def test_patches(patch_size, says):
    figure = lecture.cut_into_patches(np.zeros((32, 32, 3), np.uint8), patch_size)
    assert isinstance(figure, Figure)
    assert figure.axes[-1].get_xlabel().startswith(says)
    assert f"= {(32 // patch_size) ** 2} patches" in figure.axes[1].get_xlabel()


@pytest.fixture
def stages(rng):
    """Of an image of 4 x 6 pixels in patches of 2 x 2, and tokens of width 5."""
    rows = {name: rng.standard_normal((7, 5)) for name in ("with_class", "positions", "z0", "zL")}
    arrays = {
        "image": np.zeros((4, 6, 3), np.uint8),
        "patches": np.zeros((6, 2, 2, 3)),
        "rows": rng.standard_normal((6, 12)),
        "tokens": rng.standard_normal((6, 5)),
        **rows,
        "logits": np.array([0.0, np.log(3)]),
    }
    assert [*arrays] == [*lecture.STAGES]
    return arrays


@pytest.mark.parametrize("count", range(1, 10))
def test_the_model_grows_by_a_stage_with_its_shape(stages, count):
    some = dict([*stages.items()][:count])
    ax = lecture.vit_so_far(some, depth=3, class_names=["cat", "dog"])
    written = texts(ax)
    for name, array in some.items():
        assert lecture.STAGES[name].title in written
        assert " × ".join(map(str, array.shape)) in written
    (new,) = [text for text in ax.texts if text.get_color() == lecture.RED]
    assert new.get_text() == lecture.STAGES[[*some][-1]].title
    assert ("3 blocks" in written) == (count >= 8)
    assert ({"25%", "75%", "cat", "dog"} <= {*written}) == (count == 9)
    assert any("own colours" in words for words in written) == (count > 2)


def test_a_token_keeps_its_place_from_picture_to_picture(stages):
    places = []
    for count in (4, 8):
        ax: Any = lecture.vit_so_far(dict([*stages.items()][:count]))
        left, right, bottom, top = ax.images[3].get_extent()
        corners = ax.transData.transform([(left, top), (right, bottom)]) / ax.figure.dpi
        corners[:, 1] = ax.figure.get_figheight() - corners[:, 1]  # inches from above
        places.append(corners)
    np.testing.assert_allclose(*places)


@pytest.mark.parametrize("names", [(), ("patches",), ("image", "tokens")])
def test_stages_stand_in_their_order(stages, names):
    with pytest.raises(ValueError, match="expected them in the order image, patches"):
        lecture.vit_so_far({name: stages[name] for name in names})


def test_pyramids_have_a_bar_for_each_block_and_one_scale():
    figure: Any = lecture.pyramids({"flat": ((4, 8, 3),), "steep": ((8, 4, 2), (2, 16, 1))})
    flat, steep = figure.axes
    assert [bar.get_height() for bar in flat.patches] == [4, 4, 4]
    assert [bar.get_height() for bar in steep.patches] == [8, 8, 2]
    assert flat.get_ylim() == steep.get_ylim()
    assert flat.get_xlim() == steep.get_xlim()
    assert texts(steep) == ["8²\n× 4", "2²\n× 16"]
    assert steep.patches[0].get_alpha() < flat.patches[0].get_alpha() < steep.patches[2].get_alpha()
