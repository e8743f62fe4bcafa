import pytest

from minivit.check import GradientError, check_layer
from minivit.models import MODELS
from tests.check.planted_clip_bugs import WRONG_CLIP_LAYERS
from tests.check.planted_cnn_attention_bugs import WRONG_CNN_ATTENTION_LAYERS
from tests.check.planted_cnn_bugs import WRONG_CNN_LAYERS
from tests.check.planted_cosine_bugs import WRONG_COSINE_LAYERS
from tests.check.planted_detection_bugs import WRONG_DETECTION_LAYERS
from tests.check.planted_dino_bugs import WRONG_DINO_LAYERS
from tests.check.planted_mlp_bugs import WRONG_MLP_LAYERS
from tests.check.planted_pixel_bugs import WRONG_PIXEL_LAYERS
from tests.check.planted_pyramid_bugs import WRONG_PYRAMID_LAYERS
from tests.check.planted_restoration_bugs import WRONG_RESTORATION_LAYERS
from tests.check.planted_sam_bugs import WRONG_SAM_LAYERS
from tests.check.wrong_layers import LAYERS

ALL_LAYERS = [
    *(*LAYERS, *WRONG_CNN_LAYERS, *WRONG_DINO_LAYERS, *WRONG_PYRAMID_LAYERS, *WRONG_CNN_ATTENTION_LAYERS),
    *(
        *WRONG_COSINE_LAYERS,
        *WRONG_MLP_LAYERS,
        *WRONG_PIXEL_LAYERS,
        *WRONG_RESTORATION_LAYERS,
        *WRONG_DETECTION_LAYERS,
        *WRONG_SAM_LAYERS,
    ),
    *WRONG_CLIP_LAYERS,
]
WHAT = [wrong.what for wrong in ALL_LAYERS]


@pytest.mark.sampled(every=36, rest=4)
@pytest.mark.parametrize("wrong", ALL_LAYERS, ids=WHAT)
def test_wrong_layer_is_caught_and_explained(wrong):
    layer = wrong.layer().init()
    kind = type(layer)
    known = dict(MODELS)  # in which a subclass of a model takes the place of one of its name
    layer.__class__ = type(kind.__name__, (kind,), {"backward": wrong.backward})
    MODELS.clear()
    MODELS.update(known)
    with pytest.raises(GradientError) as caught:
        check_layer(layer, *wrong.inputs)
    assert all(says in str(caught.value) for says in wrong.says), str(caught.value)


@pytest.mark.sampled(every=8, rest=2)
@pytest.mark.parametrize("wrong", ALL_LAYERS, ids=WHAT)
def test_the_layer_itself_is_right(wrong):
    check_layer(wrong.layer().init(), *wrong.inputs)
