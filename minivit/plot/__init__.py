"""Pictures of data, of a run, and of what a model has learned.

A function that draws one panel returns its Axes and accepts ``ax=``; one that draws several returns a Figure. End a
notebook cell with either and the picture is shown; anywhere else, hand it to :func:`save`. :func:`frames` puts a slider
under several. Nothing is shown before, and no global state is touched: the figures are not pyplot's, so there is none
to close and no ``plt.show()`` to call. Images are the stored pixels, uint8 (N, Y, X, C) with one or three channels.
"""

from minivit.plot.attention import attention_maps, attention_rollout, attention_weights, read_by_head
from minivit.plot.augmentations import augmentations, mixtures
from minivit.plot.boxes import boxes
from minivit.plot.cost import macs_by_size, memory_bars
from minivit.plot.curves import learning_curves, loss_curve, score_curve
from minivit.plot.detections import detections, object_attention, pixel_attention, query_habits
from minivit.plot.ear import cochleagram_beside_spectrogram, ear_maps, ear_responses
from minivit.plot.embedding import patch_filters, position_similarity, principal_filters, similarity_maps
from minivit.plot.figure import save
from minivit.plot.frames import frames
from minivit.plot.future import foretold, steps_ahead
from minivit.plot.heard import sound_images, spectrogram_images
from minivit.plot.heat_map import heat_map
from minivit.plot.images import predictions, reconstructions, samples
from minivit.plot.influence import influences
from minivit.plot.inversion import inversion_curves, picture_in_sound
from minivit.plot.look import photographs
from minivit.plot.masks import prompted_masks
from minivit.plot.matches import matches
from minivit.plot.mixing import paired_units, token_mixing_maps
from minivit.plot.overview import sound_overview
from minivit.plot.panels import panels
from minivit.plot.pixels import completions, drawn
from minivit.plot.restored import restored
from minivit.plot.segments import segments
from minivit.plot.similarity import similarity_matrix
from minivit.plot.sound import mel_filters, spectrogram, tones_through_windows, waveform, window_spectra
from minivit.plot.voice import source_and_filter, vocal_tube
from minivit.plot.windows import attention_in_windows, pyramid, relative_position_biases, shifted_regions

__all__ = [
    "attention_in_windows",
    "attention_maps",
    "attention_rollout",
    "attention_weights",
    "augmentations",
    "boxes",
    "cochleagram_beside_spectrogram",
    "completions",
    "detections",
    "drawn",
    "ear_maps",
    "ear_responses",
    "foretold",
    "frames",
    "heat_map",
    "influences",
    "inversion_curves",
    "learning_curves",
    "loss_curve",
    "macs_by_size",
    "matches",
    "mel_filters",
    "memory_bars",
    "mixtures",
    "object_attention",
    "paired_units",
    "panels",
    "patch_filters",
    "photographs",
    "picture_in_sound",
    "pixel_attention",
    "position_similarity",
    "predictions",
    "principal_filters",
    "prompted_masks",
    "pyramid",
    "query_habits",
    "read_by_head",
    "reconstructions",
    "relative_position_biases",
    "restored",
    "samples",
    "save",
    "score_curve",
    "segments",
    "shifted_regions",
    "similarity_maps",
    "similarity_matrix",
    "sound_images",
    "sound_overview",
    "source_and_filter",
    "spectrogram",
    "spectrogram_images",
    "steps_ahead",
    "token_mixing_maps",
    "tones_through_windows",
    "vocal_tube",
    "waveform",
    "window_spectra",
]
