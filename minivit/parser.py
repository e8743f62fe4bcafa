"""The arguments of the command line: texts, whole numbers and settings, checked the same way in every command."""

import argparse
from typing import Any, NoReturn

from minivit.checked import did_you_mean
from minivit.terminal import shortened


class Parser(argparse.ArgumentParser):
    """All arguments pass one check, whatever they are for; what is wrong is said on one line of sensible length."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.color = False  # Python 3.14 would write escape sequences
        self.register("type", None, given_text)
        self.register("type", int, whole_number)

    def add_subparsers(self, **options: Any) -> Any:
        """Commands; their own parsers check the arguments that follow."""
        commands = super().add_subparsers(**options)
        commands.type = str
        return commands

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:  # type: ignore[override]
        """As of argparse; but a command says itself what it does not know, and what may be meant."""
        known, strange = super().parse_known_args(args, namespace)
        if strange and not self._subparsers:
            name, *_ = strange[0].split("=")
            self.error(f"unrecognized arguments: {' '.join(strange)}{did_you_mean(name, self._option_string_actions)}")
        return known, strange

    def error(self, message: str) -> NoReturn:
        """Exit with code 2."""
        option, _, trouble = message.removeprefix("argument ").partition(": ")
        if trouble == "expected one argument":  # -5,10 behind it is taken for an option
            message += f"; one that begins with - is written {option.split('/')[-1]}=-..."
        super().error(shortened(message, 200))


def given_text(text: str) -> str:
    """An argument that is a text: an empty one is mostly a variable of the shell that was not set."""
    if not text or "\0" in text:
        raise argparse.ArgumentTypeError("it is empty" if not text else "it has a NUL in it, which no name can have")
    return text


def whole_number(text: str) -> int:
    """An argument that is a whole number; one of 308 digits and more is no float any more."""
    if len(text) > 300:
        raise argparse.ArgumentTypeError(f"{shortened(text, 40)} has {len(text):,} digits; expected at most 300")
    return int(text)


def number(text: str) -> float:
    """An argument that is a number, a whole one where it has no fraction."""
    return whole_number(text) if text.lstrip("+-").isdecimal() else float(text)


def setting(text: str) -> tuple[str, str]:
    """An argument ``KEY=VALUE``."""
    key, _, value = given_text(text).partition("=")
    if not key or not value:
        raise argparse.ArgumentTypeError(f"{shortened(text, 40)!r} is not KEY=VALUE, such as depth=4")
    return key, value
