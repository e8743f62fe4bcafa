"""The exponential moving average of a model's weights."""

from minivit.checked import check_range, checked
from minivit.models.model import Model


def ema_decay(step: int, most: float) -> float:
    r"""What the average keeps of itself at a step, counted from 1: :math:`\min(d, (1 + t) / (10 + t))`.

    So an average over many steps soon forgets the weights at the beginning, which were drawn at random: after t steps
    it looks back over about t / 9 of them, until :math:`1 / (1 - d)` is less. timm keeps d from the first step on.

    Source: TensorFlow's ``ExponentialMovingAverage`` with ``num_updates``.
    """
    return min(most, (1 + step) / (10 + step))


class WeightAverage:
    r"""The running average :math:`\bar w \leftarrow w + d\, (\bar w - w)` of all that a model's state holds.

    That is :math:`d\, \bar w + (1 - d)\, w`, but so written the average of equal numbers is that number to the bit:
    what is not trained, such as a frozen body, stays as it is. The running averages of batch normalisation are averaged
    with the weights, so that they fit these.

    Parameters
    ----------
    model : Model
        The average begins with what it is now.
    decay : float
        d, from 0 to below 1; 0.999 is an average over about a thousand steps. See :func:`ema_decay` for the first ones.

    Attributes
    ----------
    model : Model
        One of its own, with the averages for weights.

    References
    ----------
    Polyak and Juditsky 1992, "Acceleration of Stochastic Approximation by Averaging"; in this form timm's
    ``ModelEmaV2``.
    """

    @checked
    def __init__(self, model: Model, *, decay: float) -> None:
        check_range("decay", decay, at_least=0, below=1)
        self.decay = decay
        self.model = type(model)(**model.config)
        self.model.load_state_dict(model.state_dict())

    def update(self, model: Model, step: int) -> None:
        """Take in the weights after a step, counted from 1."""
        decay = ema_decay(step, self.decay)
        now = model.named_state()
        for name, average in self.model.named_state().items():
            weight = now[name].value
            average.value = weight + decay * (average.value - weight)
