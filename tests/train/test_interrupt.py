"""Signals while a step is computed."""

import signal
import threading

import pytest

from minivit.train.interrupt import NAMES, InterruptFlag

SIGNALS = [signal.Signals[name] for name in NAMES if name in signal.Signals.__members__]


@pytest.fixture(autouse=True)
def deaf_before():
    """Whoever runs the tests survives a mend that goes wrong; and everything is as before, in the end."""
    before = {number: signal.signal(number, lambda *_: pytest.fail("not handled")) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_is_noted_and_the_second_interrupts(number: signal.Signals) -> None:
    before = [signal.getsignal(other) for other in SIGNALS]
    with InterruptFlag() as flag:
        assert not flag.seen
        signal.raise_signal(number)
        assert flag.seen
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(SIGNALS[0])  # another one as well as the same
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
    assert [signal.getsignal(other) for other in SIGNALS] == before


@pytest.mark.parametrize("number", SIGNALS)
def test_what_was_ignored_stays_ignored(number: signal.Signals) -> None:
    """As under nohup, or in the background of a shell script."""
    signal.signal(number, signal.SIG_IGN)
    with InterruptFlag() as flag:
        signal.raise_signal(number)
        assert not flag.seen
    assert signal.getsignal(number) is signal.SIG_IGN


def test_the_handler_of_a_program_around_us_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal, "getsignal", lambda _: None)  # what Python says of a handler that is not Python's
    monkeypatch.setattr(signal, "signal", lambda *_: pytest.fail("changed"))
    with InterruptFlag():
        pass


def test_in_another_thread_nothing_is_done() -> None:
    seen = []

    def work() -> None:
        with InterruptFlag() as flag:
            seen.append(flag.seen)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [False]
