"""Exercises: write the ops yourself, from a stub made of the reference, and have every function checked alone."""

from minivit.course.exercises import EXERCISES
from minivit.course.grade import check
from minivit.course.report import Report
from minivit.course.runner import CannotRunError
from minivit.course.stub import start
from minivit.course.with_ops import SolutionError

__all__ = ["EXERCISES", "CannotRunError", "Report", "SolutionError", "check", "start"]
