"""All presets, side by side."""

from typing import Any

from minivit.caches import nbytes
from minivit.checked import checked
from minivit.cost.run import Scene, nbytes_of
from minivit.models import PRESETS, create_model
from minivit.train.optim import AdamW
from minivit.types import Positive


@checked
def presets(*, batch: Positive = 1, length: Positive = 32, dtype: str = "float32") -> list[dict[str, Any]]:
    """Parameters, MACs and memory of every preset, with the names that :meth:`Estimate.to_dict` has for them.

    Of each only forward is run. All of them take a quarter of a minute; in a terminal a bar says how far it is. Memory
    is what grows with the model (weights, gradients, AdamW's averages) and what grows with the batch (what backward
    keeps, if all is computed at once). The peak of a step is a little more than their sum, and takes an estimate of its
    own.

    Parameters
    ----------
    batch, length, dtype
        As in :func:`~minivit.cost.estimate`.
    """
    from tqdm import tqdm

    rows = []
    for name in tqdm(PRESETS, unit="model", leave=False, disable=None):  # None: no bar where stderr is not a terminal
        scene = Scene(create_model(name, dtype=dtype), batch, length, optimizer=AdamW)
        scene.forward()
        rows.append(
            {
                "name": name,
                "batch": batch,
                "dtype": dtype,
                "params": scene.model.num_params,
                "macs_forward": scene.tally.total(phase="forward").macs,
                "weight_bytes": nbytes_of(scene.model.named_state().values()),
                "gradient_bytes": nbytes_of(scene.model.params),
                "optimizer_bytes": scene.optimizer_bytes,
                "activation_bytes": nbytes(scene.cache),
            }
        )
    return rows
