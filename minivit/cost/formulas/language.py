"""Parameters of language models, from their tables: layers, width, vocabulary, and what else must be known."""

from minivit.checked import checked
from minivit.cost.formulas.vit import block_params
from minivit.types import Count, Positive


@checked
def language_model_params(
    depth: Count,
    width: Positive,
    vocab_size: Positive,
    *,
    positions: Count = 0,
    segments: Count = 0,
    pooler: bool = False,
    relative: bool = False,
) -> int:
    r"""Parameters of a stack of Transformer blocks with MLPs of four widths, over one vocabulary V.

    .. math:: L (12 d^2 + 13 d) + (V + n + s) d + 2d

    Blocks are those of :func:`~minivit.cost.formulas.vit.block_params`. To them come tables of V tokens, n positions
    and s segments, and one more norm (behind the embedding in BERT, at the end in GPT). The head shares that of
    the tokens.

    Parameters
    ----------
    depth, width, vocab_size
    positions : int
        Learned positions; 0 if they are computed.
    segments : int
        Kinds of segments that have a vector (2 in BERT, 1 in RoBERTa).
    pooler : bool
        BERT's linear map of the first token, :math:`d^2 + d`.
    relative : bool
        Relative positions as in Transformer-XL (XLNet, Gopher): every layer projects them, one :math:`d^2` more, with
        two more vectors. A layer then has 13 and not 12 times :math:`d^2`.

    """
    block = block_params(width, 4 * width) + relative * (width**2 + 2 * width)
    tables = (vocab_size + positions + segments + 2) * width
    return depth * block + tables + pooler * (width**2 + width)
