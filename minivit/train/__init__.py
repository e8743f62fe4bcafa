"""Training: optimizers, schedules, augmentation, the sharded step, the loop with its checkpoints."""

from minivit.train.augment import normalize, normalize_waves, random_crop_flip, random_shift_flip
from minivit.train.beginning import begin_with, by_layer, only_head
from minivit.train.ema import WeightAverage
from minivit.train.erasing import random_erasing
from minivit.train.mixing import cutmix, mix, mixup, random_box
from minivit.train.optim import SGD, Adam, AdamW, Optimizer, adam_update, adamw_update, clip_grad_norm, sgd_update
from minivit.train.probe import LinearProbe, linear_probe
from minivit.train.randaugment import randaugment
from minivit.train.recipe import Recipe
from minivit.train.schedule import warmup_cosine
from minivit.train.step import predict, training_step
from minivit.train.trainer import Metrics, Trainer

__all__ = [
    "SGD",
    "Adam",
    "AdamW",
    "LinearProbe",
    "Metrics",
    "Optimizer",
    "Recipe",
    "Trainer",
    "WeightAverage",
    "adam_update",
    "adamw_update",
    "begin_with",
    "by_layer",
    "clip_grad_norm",
    "cutmix",
    "linear_probe",
    "mix",
    "mixup",
    "normalize",
    "normalize_waves",
    "only_head",
    "predict",
    "randaugment",
    "random_box",
    "random_crop_flip",
    "random_erasing",
    "random_shift_flip",
    "sgd_update",
    "training_step",
    "warmup_cosine",
]
