"""Estimates taken apart: what memory holds at the peak, and which multiplications compare tokens."""

from minivit.cost.estimate import Estimate


def memory_parts(estimate: Estimate, *, at_once: bool = False) -> dict[str, int]:
    """The bytes of the peak of a training step, by what they are; together they are the peak.

    "kept" is what backward keeps (of one shard, or of the whole batch at once), "workspace" all that is there besides
    at that moment, inputs included. Where the peak is when some of what was kept is gone already, "kept" is the rest.
    """
    peak = estimate.peak_whole_batch_bytes if at_once else estimate.peak_training_bytes
    kept = estimate.activation_bytes if at_once else estimate.shard_activation_bytes
    lasting = {
        "weights": estimate.weight_bytes,
        "gradients": estimate.gradient_bytes,
        "optimizer": estimate.optimizer_bytes,
    }
    rest = peak - sum(lasting.values())
    return lasting | {"kept": min(kept, rest), "workspace": rest - min(kept, rest)}


def attention_macs(estimate: Estimate) -> int:
    """Multiplications of forward that make or use attention weights, and not those that project to queries and keys.

    Of a ViT :math:`2 L N^2 D`: the only part that grows with the square of the tokens. Its share of all is
    :func:`~minivit.cost.formulas.vit.attention_share`.
    """
    return sum(op.forward.macs for op in estimate.by_op() if "attention" in op.name)
