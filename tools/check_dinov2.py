"""Hold the features of real DINOv2 weights to onnxruntime's, photograph by photograph.

Run it by hand where onnx and onnxruntime are installed, with the weights and the ONNX file of the same model::

    python tools/check_dinov2.py weights.npz model.onnx photo.jpg ...

The weights bear transformers' names, the ONNX file has the output of ``/backbone/layernorm``; both are of a ViT-S/14 on
224 x 224 pixels. Written is the largest difference of all tokens behind the last norm, as a share of their largest.
"""

# pyright: reportMissingImports=false

import argparse

import numpy as np
import onnx
import onnxruntime

import minivit as mv
from minivit.data.image_file import read_image
from minivit.train.augment import normalize

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

TOKENS = "/backbone/layernorm/Add_1_output_0"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("weights")
    parser.add_argument("onnx_file")
    parser.add_argument("photographs", nargs="+")
    args = parser.parse_args()
    model = mv.create_model("vit_small_patch14_dinov2", img_size=224)
    mv.weights.load_hf(model, args.weights)
    graph = onnx.load(args.onnx_file)
    graph.graph.output.append(onnx.helper.make_tensor_value_info(TOKENS, onnx.TensorProto.FLOAT, None))
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    (pixels,) = session.get_inputs()
    for path in args.photographs:
        image = normalize(read_image(path, size=224)[None], MEAN, STD)
        (theirs,) = session.run([TOKENS], {pixels.name: image.transpose(0, 3, 1, 2)})
        norm = model.forward(image)[1].norm
        ours = norm.xhat * model.norm.weight.value + model.norm.bias.value
        print(f"{path}: {np.abs(ours - theirs).max() / np.abs(theirs).max():.1e}")


if __name__ == "__main__":
    main()
