"""Data sets: shapes and sounds drawn from a seed, scenes with captions, sequences, CIFAR-10 and CIFAR-100, folders."""

from minivit.data.byte_pairs import BytePairs
from minivit.data.captions import encode_captions, one_object_captions
from minivit.data.cifar import cifar10, cifar100
from minivit.data.dataset import Dataset, channel_statistics
from minivit.data.examples import Examples, Images, LabeledImages, LabeledSounds, Scenes, Sounds, TaughtImages
from minivit.data.folder import image_folder
from minivit.data.names import load_dataset
from minivit.data.scenes import Scene, draw_scenes, scenes
from minivit.data.segments import SegmentedImages, segmented
from minivit.data.sequences import (
    END,
    PAD,
    START,
    CaptionedImages,
    Sequences,
    addition,
    captioned,
    decode,
    encode,
    reversal,
    sorting,
)
from minivit.data.shapes import draw_shapes, shapes
from minivit.data.sounds import draw_sounds, sounds
from minivit.data.unlabeled import partly_labeled
