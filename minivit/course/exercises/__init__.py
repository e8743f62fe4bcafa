"""The exercises, one file each beside its statement, in the order in which the lectures have them."""

from minivit.course.exercise import Exercise
from minivit.course.exercises.adamw import ADAMW
from minivit.course.exercises.attention import ATTENTION
from minivit.course.exercises.batch_norm import BATCH_NORM
from minivit.course.exercises.block import BLOCK
from minivit.course.exercises.contrastive import CONTRASTIVE
from minivit.course.exercises.contrastive_pairs import CONTRASTIVE_PAIRS
from minivit.course.exercises.costs import COSTS
from minivit.course.exercises.dft import DFT
from minivit.course.exercises.distillation import DISTILLATION
from minivit.course.exercises.gating import GATING
from minivit.course.exercises.giou import GIOU
from minivit.course.exercises.layer_norm import LAYER_NORM
from minivit.course.exercises.linear import LINEAR
from minivit.course.exercises.local_attention import LOCAL_ATTENTION
from minivit.course.exercises.matching import MATCHING
from minivit.course.exercises.mel import MEL
from minivit.course.exercises.mixer import MIXER
from minivit.course.exercises.mixup import MIXUP
from minivit.course.exercises.multi_head import MULTI_HEAD
from minivit.course.exercises.non_local import NON_LOCAL
from minivit.course.exercises.patches import PATCHES
from minivit.course.exercises.pixel_shuffle import PIXEL_SHUFFLE
from minivit.course.exercises.pooling_attention import POOLING_ATTENTION
from minivit.course.exercises.positions import POSITIONS
from minivit.course.exercises.recurrent_attention import RECURRENT_ATTENTION
from minivit.course.exercises.softmax import SOFTMAX
from minivit.course.exercises.stft import STFT
from minivit.course.exercises.swin_block import SWIN_BLOCK
from minivit.course.exercises.tokens import TOKENS
from minivit.course.exercises.windows import WINDOWS

ALL = (
    RECURRENT_ATTENTION,
    SOFTMAX,
    LINEAR,
    LAYER_NORM,
    ATTENTION,
    MULTI_HEAD,
    BLOCK,
    PATCHES,
    TOKENS,
    ADAMW,
    COSTS,
    WINDOWS,
    SWIN_BLOCK,
    MIXER,
    DFT,
    STFT,
    MEL,
    CONTRASTIVE,
    BATCH_NORM,
    MIXUP,
    DISTILLATION,
    POSITIONS,
    NON_LOCAL,
    LOCAL_ATTENTION,
    POOLING_ATTENTION,
    GATING,
    GIOU,
    MATCHING,
    CONTRASTIVE_PAIRS,
    PIXEL_SHUFFLE,
)

EXERCISES: dict[str, Exercise] = {
    exercise.name: exercise for exercise in sorted(ALL, key=lambda exercise: (exercise.lecture, exercise.section))
}

__all__ = ["EXERCISES"]
