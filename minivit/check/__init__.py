"""The gradient checker: the tests, the lectures and students' own backward passes are judged by the same one."""

from minivit.check.cases import CASES, CONSTANTS
from minivit.check.derivative import GradientError
from minivit.check.diagnose import diagnose
from minivit.check.draw import Case
from minivit.check.layer import check_layer
from minivit.check.pair import check_complex_step, check_pair, check_vjp, gradient_errors

__all__ = [
    "CASES",
    "CONSTANTS",
    "Case",
    "GradientError",
    "check_complex_step",
    "check_layer",
    "check_pair",
    "check_vjp",
    "diagnose",
    "gradient_errors",
]
