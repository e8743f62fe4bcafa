"""Numbers of other implementations, which several tests hold ours to."""

VIT = {  # parameters, and MACs of one forward pass of one image: of timm 1.0's models, counted
    "vit_tiny_patch16_224": (5_717_416, 1_253_683_200),
    "vit_tiny_patch16_384": (5_790_376, 4_682_219_520),
    "vit_small_patch32_224": (22_878_952, 1_142_909_952),
    "vit_small_patch32_384": (22_915_432, 3_442_900_992),
    "vit_small_patch16_224": (22_050_664, 4_598_882_304),
    "vit_small_patch16_384": (22_196_584, 15_490_351_104),
    "vit_small_patch8_224": (22_055_272, 22_405_742_592),
    "vit_base_patch32_224": (88_224_232, 4_409_186_304),
    "vit_base_patch32_384": (88_297_192, 13_043_564_544),
    "vit_base_patch16_224": (86_567_656, 17_563_828_224),
    "vit_base_patch16_384": (86_859_496, 55_484_350_464),
    "vit_base_patch16_gap_224": (86_566_120, 17_471_649_792),
    "vit_base_patch8_224": (86_576_872, 78_148_337_664),
    "vit_large_patch32_224": (306_535_400, 15_377_539_072),
    "vit_large_patch32_384": (306_632_680, 45_275_963_392),
    "vit_large_patch16_224": (304_326_632, 61_554_712_576),
    "vit_large_patch16_384": (304_715_752, 191_066_300_416),
    "vit_large_patch14_224": (304_203_752, 81_013_006_336),
    "vit_huge_patch14_224": (632_045_800, 167_295_109_120),
    "vit_giant_patch14_224": (1_012_611_432, 267_031_491_584),
    "vit_gigantic_patch14_224": (1_844_440_680, 483_747_550_208),
}

DEIT = {  # the same, of timm's DeiTs; of the distilled ones, with two tokens and two heads
    "deit_tiny_patch16_224": (5_717_416, 1_253_683_200),
    "deit_small_patch16_224": (22_050_664, 4_598_882_304),
    "deit_base_patch16_224": (86_567_656, 17_563_828_224),
    "deit_base_patch16_384": (86_859_496, 55_484_350_464),
    "deit_tiny_distilled_patch16_224": (5_910_800, 1_261_003_776),
    "deit_small_distilled_patch16_224": (22_436_432, 4_624_140_288),
    "deit_base_distilled_patch16_224": (87_338_192, 17_656_811_520),
    "deit_base_distilled_patch16_384": (87_630_032, 55_591_342_080),
}

DEIT3 = {  # the same, of timm's DeiT IIIs: LayerScale, no position for the class token
    "deit3_small_patch16_224": (22_059_496, 4_598_882_304),
    "deit3_medium_patch16_224": (38_849_512, 7_990_968_320),
    "deit3_base_patch16_224": (86_585_320, 17_563_828_224),
    "deit3_large_patch16_224": (304_374_760, 61_554_712_576),
    "deit3_huge_patch14_224": (632_126_440, 167_295_109_120),
}

DINOV2 = {  # the same, of timm's DINOv2s, without and with registers: no head, images of 518 x 518
    "vit_small_patch14_dinov2": (22_056_192, 46_696_739_328),
    "vit_base_patch14_dinov2": (86_579_712, 151_573_718_016),
    "vit_large_patch14_dinov2": (304_367_616, 506_803_826_688),
    "vit_small_patch14_reg4_dinov2": (22_057_344, 46_882_828_800),
    "vit_base_patch14_reg4_dinov2": (86_582_016, 152_115_766_272),
    "vit_large_patch14_reg4_dinov2": (304_370_688, 508_551_278_592),
}

SWIN = {  # the same, of timm's Swins; their own papers count the norms as well
    "swin_tiny_patch4_window7_224": (28_288_354, 4_490_566_656),
    "swin_small_patch4_window7_224": (49_606_258, 8_740_875_264),
    "swin_base_patch4_window7_224": (87_768_224, 15_430_946_816),
    "swin_base_patch4_window12_384": (87_903_584, 47_083_134_976),
    "swin_large_patch4_window7_224": (196_532_476, 34_475_759_616),
    "swin_large_patch4_window12_384": (196_735_516, 103_919_087_616),
}

SWIN_V2 = {  # the same, of timm's Swins V2
    "swinv2_tiny_window8_256": (28_347_154, 5_939_690_496),
    "swinv2_tiny_window16_256": (28_347_154, 6_660_619_264),
    "swinv2_small_window8_256": (49_728_418, 11_545_857_024),
    "swinv2_small_window16_256": (49_728_418, 12_783_078_400),
    "swinv2_base_window8_256": (87_918_816, 20_325_134_336),
    "swinv2_base_window16_256": (87_918_816, 21_969_235_968),
    "swinv2_base_window12_192": (87_918_816, 11_856_261_120),
    "swinv2_large_window12_192": (196_739_932, 26_101_905_408),
}

MIXER = {  # the same of timm's MLP-Mixers
    "mixer_s32_224": (19_104_624, 1_002_426_368),
    "mixer_s16_224": (18_528_264, 3_776_958_464),
    "mixer_b32_224": (60_293_428, 3_237_722_112),
    "mixer_b16_224": (59_880_472, 12_601_767_936),
    "mixer_l32_224": (206_939_264, 11_253_293_056),
    "mixer_l16_224": (208_196_168, 44_547_678_208),
}

MLPS = {  # the same, of timm's ResMLPs and gMLPs
    "resmlp_12_224": (15_350_872, 3_009_739_776),
    "resmlp_24_224": (30_020_680, 5_961_292_800),
    "resmlp_36_224": (44_690_488, 8_912_845_824),
    "resmlp_big_24_224": (129_138_280, 100_230_739_968),
    "gmlp_ti16_224": (5_867_328, 1_328_989_184),
    "gmlp_s16_224": (19_422_656, 4_392_060_928),
    "gmlp_b16_224": (73_075_392, 15_720_452_096),
}

SHIFTING = {  # the same, of CycleMLP's official code (to five digits of the MACs), and of Jittor-MLP's S2-MLPs
    "cyclemlp_b1": (15_155_400, 2_121_523_200),
    "cyclemlp_b2": (26_802_504, 3_875_766_272),
    "cyclemlp_b3": (38_385_720, 6_830_968_832),
    "cyclemlp_b4": (51_796_552, 10_027_163_648),
    "cyclemlp_b5": (75_747_280, 12_232_436_736),
    "s2mlp_wide": (72_239_848, 13_989_033_984),
    "s2mlp_deep": (53_916_520, 10_462_682_112),
}

RESNET = {  # the same of timm's ResNets
    "resnet18": (11_689_512, 1_814_073_344),
    "resnet26": (15_995_176, 2_342_256_640),
    "resnet34": (21_797_672, 3_663_761_408),
    "resnet50": (25_557_032, 4_089_184_256),
    "resnet101": (44_549_160, 7_801_405_440),
    "resnet152": (60_192_808, 11_513_626_624),
}

HYBRID = {  # the same of timm's ResNets with a Vision Transformer behind
    "vit_small_r26_s32_224": (36_431_912, 3_463_851_008),
    "vit_small_r26_s32_384": (36_468_392, 10_263_625_728),
    "vit_base_r50_s16_224": (98_659_112, 21_535_358_976),
    "vit_base_r50_s16_384": (98_950_952, 67_155_787_776),
    "vit_large_r50_s32_224": (328_994_856, 19_413_295_104),
    "vit_large_r50_s32_384": (329_092_136, 57_136_144_384),
}

PVT = {  # the same of the official PVTs, and of timm's PVT v2s
    "pvt_tiny": (13_229_288, 1_932_911_616),
    "pvt_small": (24_485_864, 3_815_701_504),
    "pvt_medium": (44_208_104, 6_659_175_424),
    "pvt_large": (61_369_320, 9_813_765_632),
    "pvt_huge_v2": (304_945_512, 50_492_915_712),
    "pvt_v2_b0": (3_666_760, 566_065_664),
    "pvt_v2_b1": (14_009_000, 2_108_355_584),
    "pvt_v2_b2": (25_362_856, 4_026_734_592),
    "pvt_v2_b2_li": (22_553_512, 3_888_850_944),
    "pvt_v2_b3": (45_238_696, 6_897_303_552),
    "pvt_v2_b4": (62_556_072, 10_101_116_416),
    "pvt_v2_b5": (81_956_008, 11_717_260_288),
    # encoders of SegFormer, of transformers
    "mit_b0": (3_576_392, 452_467_200),
    "mit_b1": (13_664_424, 1_675_637_760),
    "mit_b2": (24_709_288, 3_271_284_736),
    "mit_b3": (44_585_128, 6_141_853_696),
    "mit_b4": (61_355_688, 8_920_174_080),
    "mit_b5": (81_956_008, 11_717_260_288),
}

MVIT = {  # the same of timm's MViTv2s
    "mvitv2_tiny": (24_173_320, 4_676_957_952),
    "mvitv2_small": (34_870_216, 6_959_715_072),
    "mvitv2_base": (51_472_744, 10_102_438_656),
    "mvitv2_large": (217_992_952, 43_711_209_216),
    "mvitv2_small_cls": (34_870_312, 6_999_476_928),
    "mvitv2_base_cls": (51_472_840, 10_161_356_544),
    "mvitv2_large_cls": (213_635_512, 41_995_998_144),
    "mvitv2_huge_cls": (666_879_912, 120_305_008_128),
}

DETR = {  # parameters of the official DETRs, without the batch norms of the backbone, which do not learn
    "detr_resnet50": 41_524_768,
    "detr_resnet101": 60_464_672,
}

UPERNET = {  # parameters of transformers' UPerNets on Swin, of 150 classes, but a norm that they do not use
    "upernet_swin_tiny": 59_941_862,
    "upernet_swin_small": 81_259_766,
    "upernet_swin_base": 121_279_716,
}

SEGFORMER = {  # the same of its SegFormers
    "segformer_b0": 3_752_694,
    "segformer_b1": 13_715_798,
    "segformer_b2": 27_461_974,
    "segformer_b3": 47_337_814,
    "segformer_b4": 64_108_374,
    "segformer_b5": 84_708_694,
}

SWIN_IR = {  # the same of the official SwinIRs, for patches as they are trained on
    "swinir_classical_x2": (11_752_487, 28_718_779_392),
    "swinir_classical_x4": (11_900_199, 30_125_509_632),
    "swinir_lightweight_x2": (910_152, 4_282_859_520),
    "swinir_lightweight_x4": (929_628, 4_362_485_760),
    "swinir_real_x4": (11_715_559, 55_972_380_672),
    "swinir_real_large_x4": (28_013_059, 125_622_484_992),
    "swinir_gray_dn": (11_497_681, 199_968_030_720),
    "swinir_color_dn": (11_504_163, 200_074_199_040),
    "swinir_jpeg_car": (11_485_585, 190_681_555_680),
}

SAM_VIT = {  # the same of timm's image encoders of SAM
    "samvit_base_patch16": (89_670_912, 486_038_667_264),
    "samvit_base_patch16_224": (86_457_064, 17_522_227_200),
}

SAM = {  # parameters of the official SAMs; in transformers the smallest has 256 more, the random frequencies
    "sam_vit_b": 93_735_472,
    "sam_vit_l": 312_342_832,
    "sam_vit_h": 641_090_608,
}

SAM_PARTS = {"image_encoder": 89_670_912, "prompt_encoder": 6_220, "mask_decoder": 4_058_340}
"""Of ``sam_vit_b``, counted as well."""

CLIP = {  # parameters of OpenAI's models, MACs of their image towers, and parameters of these, projection included
    "clip_vit_base_patch32": (151_277_313, 4_408_811_520, 87_849_216),
    "clip_vit_base_patch16": (149_620_737, 17_563_453_440, 86_192_640),
    "clip_vit_large_patch14": (427_616_513, 81_012_768_768, 303_966_208),
    "clip_resnet50": (102_007_137, 5_792_948_224, 38_316_896),  # MACs without the products inside attention pooling
}

CLIP_IMAGE_TOWERS = {  # of timm's models, counted: a head with a bias; the ResNet with the products of its pooling
    "vit_base_patch32_clip_quickgelu_224": (87_849_728, 4_408_811_520),
    "vit_base_patch16_clip_quickgelu_224": (86_193_152, 17_563_453_440),
    "vit_large_patch14_clip_quickgelu_224": (303_966_976, 81_012_768_768),
    "resnet50_clip": (38_316_896, 5_792_948_224 + 2 * 50 * 2048),
}

OF_CLASSES = VIT | DEIT | DEIT3 | DINOV2 | SWIN | SWIN_V2 | MIXER | MLPS | SHIFTING | RESNET | HYBRID | PVT | MVIT
COUNTS = OF_CLASSES | SWIN_IR | SAM_VIT | CLIP_IMAGE_TOWERS
