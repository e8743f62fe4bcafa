"""Ctrl-C, a polite kill or a closed terminal end a training after its step, not in the middle of it."""

import signal
import threading

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")  # SIGHUP: the terminal was closed; Windows has SIGBREAK instead


class InterruptFlag:
    """While active, the first of these signals only sets ``seen``. A second one interrupts at once.

    A signal that was ignored before stays so (``nohup``), and so does one that another program around us handles. Only
    the main thread can handle signals: in another one, nothing is done.
    """

    def __init__(self) -> None:
        self.seen = False
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> "InterruptFlag":
        if threading.current_thread() is threading.main_thread():
            for number in (signal.Signals[name] for name in NAMES if name in signal.Signals.__members__):
                if signal.getsignal(number) not in (signal.SIG_IGN, None):
                    self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _note(self, number: int, frame: object) -> None:
        if self.seen:
            raise KeyboardInterrupt
        self.seen = True
