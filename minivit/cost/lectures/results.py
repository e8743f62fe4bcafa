"""Accuracies, speeds and sizes of data sets, which only papers know, and in which proceedings the papers are."""

from minivit.cost.lectures.row import Row, held, quoted

VIT = "Dosovitskiy et al. 2021, table 2"
DEIT = "Touvron et al. 2021, tables 2, 3 and 7"
SWIN = "Liu et al. 2021"


def rows() -> list[Row]:
    """Data sets, accuracies, sources."""
    return [*_data_sets(), *_vit(), *_deit(), *_swin(), *_sources()]


def _lines(table: str, columns: str, unit: str, source: str, text: str) -> list[Row]:
    """A row for each line "name: numbers"."""
    parts = [line.strip().split(": ") for line in text.strip().splitlines()]
    return [quoted(f"{table}: {name}", numbers, unit, source, columns) for name, numbers in parts]


def _data_sets() -> list[Row]:
    larger = "21,841, cut, not rounded, and 14,197,122; 5,247 and 3.2 million when it was published, Deng et al. 2009"
    table = [
        ("ImageNet: classes, images", "1k, 1.2M", "Russakovsky et al. 2015", "1000 and 1,281,167; cut, not rounded"),
        ("ImageNet-21k: classes, images", "21k, 14M", "Russakovsky et al. 2015", larger),
        ("JFT-300M: images", "300M", "Sun et al. 2017", "not public"),
    ]
    return [quoted(topic, printed, "", source, why) for topic, printed, source, why in table]


def _vit() -> list[Row]:
    found = _lines(
        "Accuracy",
        "ImageNet, ReaL, CIFAR-10, CIFAR-100, Pets, Flowers, VTAB",
        "%",
        VIT,
        """ViT-H/14, JFT: 88.55, 90.72, 99.50, 94.55, 97.56, 99.68, 77.63
        ViT-L/16, JFT: 87.76, 90.54, 99.42, 93.90, 97.32, 99.74, 76.28
        ViT-L/16, ImageNet-21k: 85.30, 88.62, 99.15, 93.25, 94.67, 99.61, 72.72
        BiT-L, ResNet152x4, JFT: 87.54, 90.54, 99.37, 93.51, 96.62, 99.63, 76.29
        Noisy Student, EfficientNet-L2: 88.4/88.5*, 90.55""",
    )
    steiner = "the original figures, to which the slide compares those with regularisation and augmentation"
    for name, printed in [("ViT-B/16", "77.9"), ("ViT-L/16", "76.53")]:
        found.append(
            quoted(f"{name} at 384, trained on ImageNet", printed, "%", "Dosovitskiy et al. 2021, table 5", steiner)
        )
    return found


def _deit() -> list[Row]:
    before = quoted(
        "ViT-B/16 on ImageNet, without and with distillation", "77.9, 83.4", "%", DEIT, "not at one image size"
    )
    supervision = _lines(
        "ImageNet",
        "top-1 of Ti, S, B, B at 384",
        "%",
        DEIT,
        """DeiT, no distillation: 72.2, 79.8, 81.8, 83.1
        DeiT, usual distillation: 72.2, 79.8, 81.8, 83.2
        DeiT, hard distillation: 74.3, 80.9, 83.0, 84.0
        DeiT, class embedding: 73.9, 80.9, 83.0, 84.2
        DeiT, distillation embedding: 74.6, 81.1, 83.1, 84.4
        DeiT, class and distillation embedding: 74.5, 81.2, 83.4, 84.5""",
    )
    transfer = _lines(
        "Transfer",
        "ImageNet, CIFAR-10, CIFAR-100, Flowers, Cars, iNat-18, iNat-19 in %, where given; images/s",
        "",
        DEIT,
        """EfficientNet-B7: 84.3, 98.9, 91.7, 98.8, 94.7; 55.1
        ViT-B/32: 73.4, 97.8, 86.3, 85.4; 394.5
        ViT-B/16: 77.9, 98.1, 87.1, 89.5; 85.9
        ViT-L/32: 71.2, 97.9, 87.1, 86.4; 124.1
        ViT-L/16: 76.5, 97.9, 86.4, 89.7; 27.3
        DeiT-B: 81.8, 99.1, 90.8, 98.4, 92.1, 73.2, 77.7; 292.3
        DeiT-B at 384: 83.1, 99.1, 90.8, 98.5, 93.3, 79.5, 81.4; 85.9
        DeiT-B distilled: 83.4, 99.1, 91.3, 98.8, 92.9, 73.7, 78.4; 290.9
        DeiT-B distilled at 384: 84.4, 99.2, 91.4, 98.9, 93.9, 80.1, 83.0; 85.9""",
    )
    return [before, *supervision, *transfer]


def _swin() -> list[Row]:
    imagenet = _lines(
        "Speed and accuracy",
        "images/s; top-1 in %",
        "",
        f"{SWIN}, table 1",
        """RegNetY-4G at 224: 1156.7; 80.0
        RegNetY-8G at 224: 591.6; 81.7
        RegNetY-16G at 224: 334.7; 82.9
        EffNet-B3 at 300: 732.1; 81.6
        EffNet-B4 at 380: 349.4; 82.9
        EffNet-B5 at 456: 169.1; 83.6
        EffNet-B6 at 528: 96.9; 84.0
        EffNet-B7 at 600: 55.1; 84.3
        ViT-B/16 at 384: 85.9; 77.9
        ViT-L/16 at 384: 27.3; 76.5
        DeiT-S at 224: 940.4; 79.8
        DeiT-B at 224: 292.3; 81.8
        DeiT-B at 384: 85.9; 83.1
        Swin-T at 224: 755.2; 81.3
        Swin-S at 224: 436.9; 83.0
        Swin-B at 224: 278.1; 83.5
        Swin-B at 384: 84.7; 84.5""",
    )
    coco = _lines(
        "COCO",
        "box AP, AP50, AP75; parameters; FLOPs (MACs); frames/s",
        "",
        f"{SWIN}, table 2a",
        """Cascade Mask R-CNN, R-50: 46.3, 64.3, 50.5; 82M; 739G; 18.0
        Cascade Mask R-CNN, Swin-T: 50.5, 69.3, 54.9; 86M; 745G; 15.3
        ATSS, R-50: 43.5, 61.9, 47.0; 32M; 205G; 28.3
        ATSS, Swin-T: 47.2, 66.5, 51.3; 36M; 215G; 22.3
        RepPointsV2, R-50: 46.5, 64.6, 50.3; 42M; 274G; 13.6
        RepPointsV2, Swin-T: 50.0, 68.5, 54.2; 45M; 283G; 12.0
        Sparse R-CNN, R-50: 44.5, 63.4, 48.2; 106M; 166G; 21.0
        Sparse R-CNN, Swin-T: 47.9, 67.3, 52.3; 110M; 172G; 18.4""",
    )
    cascade = _lines(
        "COCO",
        "box AP, AP50, AP75; mask AP, AP50, AP75; parameters; FLOPs (MACs); frames/s",
        "",
        f"{SWIN}, table 2b",
        """Cascade with masks, DeiT-S: 48.0, 67.2, 51.7; 41.4, 64.2, 44.3; 80M; 889G; 10.4
        Cascade with masks, R50: 46.3, 64.3, 50.5; 40.1, 61.7, 43.4; 82M; 739G; 18.0
        Cascade with masks, Swin-T: 50.5, 69.3, 54.9; 43.7, 66.6, 47.1; 86M; 745G; 15.3
        Cascade with masks, X101-32: 48.1, 66.5, 52.4; 41.6, 63.9, 45.2; 101M; 819G; 12.8
        Cascade with masks, Swin-S: 51.8, 70.4, 56.3; 44.7, 67.9, 48.5; 107M; 838G; 12.0
        Cascade with masks, X101-64: 48.3, 66.4, 52.3; 41.7, 64.0, 45.1; 140M; 972G; 10.4
        Cascade with masks, Swin-B: 51.9, 70.9, 56.5; 45.0, 68.4, 48.7; 145M; 982G; 11.6""",
    )
    ablation = _lines(
        "Swin-T",
        "ImageNet top-1, top-5; COCO box AP, mask AP; ADE20k mIoU",
        "%",
        f"{SWIN}, table 4",
        """without shifting: 80.2, 95.1; 47.7, 41.5; 43.3
        with shifted windows: 81.3, 95.6; 50.5, 43.7; 46.1
        no positions: 80.1, 94.9; 49.2, 42.6; 43.8
        absolute positions: 80.5, 95.2; 49.0, 42.4; 43.2
        absolute and relative positions: 81.3, 95.6; 50.2, 43.4; 44.0
        relative positions without appearance: 79.3, 94.7; 48.2, 41.9; 44.1
        relative positions: 81.3, 95.6; 50.5, 43.7; 46.1""",
    )
    return [*imagenet, *coco, *cascade, *ablation]


def _sources() -> list[Row]:
    """Papers that a slide places elsewhere than where they appeared; other slides have some of them right."""
    table = [
        ("ViT", "CVPR 2020", "ICLR 2021", "Dosovitskiy et al."),
        ("Swin", "CVPR 2021", "ICCV 2021", "Liu et al., the best paper there"),
        ("SAGAN", "ICML 2018", "ICML 2019", "Zhang et al.; a preprint in 2018"),
        ("SwinIR", "ICCV 2021", "ICCV Workshops 2021", "Liang et al."),
        ("CLIP", "Bianchi et al. 2021", "Radford et al. 2021", "the slide names one who trained it again, for Italian"),
    ]
    return [held(f"Source of {name}", printed, "", right, why, source=right) for name, printed, right, why in table]
