"""The process of a solution answers, or is ended with all that it has started, also when the check itself is killed."""

import contextlib
import os
import random
import re
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from minivit.course import keeper
from minivit.course.call import Outcome
from minivit.course.exercises import EXERCISES
from minivit.course.grade import closed_functions
from minivit.course.process import Child
from minivit.course.runner import CannotRunError, ChildRunner
from tests.sampled import REST

needs_sessions = pytest.mark.skipif(not hasattr(os, "killpg"), reason="there are no sessions of processes here")
needs_proc = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")

SENDS = "\n".join([
    "frame = sys._getframe()",
    "while 'number' not in frame.f_locals: frame = frame.f_back",
    "wire.send(frame.f_locals['answers'], {number}, {data})",
])  # fmt: skip
TAKES = "names = {}; exec(text, names); return names['linear_forward'](x)"
BODIES = {
    # what the pipe bears
    "answers_itself": (
        SENDS.format(number="frame.f_locals['number']", data="wire.pack(('returned', '', 7, None, 0.0))"),
        "returned", "",
    ),
    "forges_a_number": (
        SENDS.format(number="5", data="wire.pack(('raised', 'forged', None, None, 0.0))"), "returned", "",
    ),
    "forges_the_next_numbers": (
        "\n".join(SENDS.format(number=f"(frame.f_locals['number'] + {i}) % 2**64", data="b''") for i in (1, 2)),
        "returned", "",
    ),
    "speaks_garbage": ("os.write(4, b'\\xff' * 100)", "died", "something that is no answer"),
    "floods": (
        "for _ in range(2000): os.write(4, (7).to_bytes(8, 'little') + (1000).to_bytes(8, 'little') + bytes(1000))",
        "returned", "",
    ),
    "hangs_up": ("os.closerange(0, 100)", "died", "the process ended"),
    # how it ends
    "kills_its_group": ("os.killpg(0, signal.SIGKILL)", "died", "the process ended"),
    "kills_the_keeper": ("os.kill(os.getppid(), signal.SIGKILL); os._exit(0)", "died", "the process ended"),
    "interrupts": ("raise KeyboardInterrupt", "died", "the process ended"),
    "leaves_a_garbler": ("threading.Timer(0.1, os.write, (4, b'\\xff' * 100)).start()", "returned", ""),
    "leaves_a_bomb": ("threading.Timer(0.1, os._exit, (1,)).start()", "returned", ""),
    # what it returns, raises and writes
    "writes_without_end": (
        "with open('large', 'wb') as file:\n    while True: file.write(bytes(2**20))", "raised", "File too large",
    ),
    "returns_itself": ("a = []; a.append(a); return a", "raised", "handed over: it is nested more than 20 levels deep"),
    "returns_a_liar": ("return np.zeros(2).view(Liar)", "returned", ""),
    "returns_a_failure": ("return Fails()", "raised", "handed over: no"),
    "returns_too_much": ("return np.broadcast_to(1.0, (10**6, 10**6))", "raised", "handed over: 8,000,000,000,"),
    "returns_many_parts": ("return dict.fromkeys(map(str, range(200_000)))", "raised", "handed over: it has too many"),
    "raises_odd_text": ("raise ValueError('\\ud800 \\u2192 \\x1b[31m')", "raised", "ValueError: \ud800 \u2192 \x1b"),
    "raises_much_text": ("raise ValueError('x' * 10**7)", "raised", "^ValueError: x{500}\n"),
    # where the answers are
    "opens_a_file": ("text = open(minivit.ops.linear.__file__).read()\n" + TAKES, "raised", "the answer is in them"),
    "opens_a_cached_file": ("open(minivit.ops.linear.__cached__, 'rb')", "raised", "the answer is in them"),
    "opens_from_root": (
        "path = minivit.ops.linear.__file__[1:]\nopen(os.open(path, 0, dir_fd=os.open('/', 0)))",
        "raised", "the answer is in them",
    ),
    "opens_through_a_link": (
        "os.symlink(minivit.ops.linear.__file__, 'link.py')\ntext = open('link.py').read()\n" + TAKES,
        "raised", "the answer is in them",
    ),
    "links": ("os.link(minivit.ops.linear.__file__, 'copy.py')", "raised", "the answer is in them"),
    "puts_a_file_in": (
        "open('own.py', 'w').close()\nos.rename('own.py', minivit.ops.linear.__file__ + '.new')",
        "raised", "the answer is in them",
    ),
    "puts_a_link_in": ("os.symlink('own.py', minivit.ops.linear.__file__ + '.new')", "raised", "the answer is in them"),
    "takes_a_file_out": ("os.remove(minivit.ops.linear.__file__ + '.none')", "raised", "the answer is in them"),
    "maps": ("np.memmap(minivit.ops.linear.__file__)", "raised", "the answer is in them"),
    "imports_again": ("importlib.reload(minivit.ops.linear)", "raised", "the answer is in them"),
    "inspects": ("return inspect.getsource(minivit.ops.linear)", "raised", "could not get source code"),
    "runs_cat": ("subprocess.run(['cat', minivit.ops.linear.__file__])", "raised", "starts no other process"),
    "runs_a_shell": ("os.system('true')", "raised", "starts no other process"),
    "spawns": (
        "from multiprocessing import util\nutil.spawnv_passfds(b'/bin/true', [b'true'], [])",
        "raised", "starts no other process",
    ),
    "forks": ("os.fork()", "raised", "starts no other process"),
}  # fmt: skip
HEAD = """
import ctypes, importlib, inspect, os, signal, subprocess, sys, threading, time
import numpy as np
import minivit
from minivit.course import wire

class Liar(np.ndarray):
    shape = property(lambda self: (10**6,) * 3)
    dtype = property(lambda self: np.dtype("f8"))
    nbytes = 3

class Fails(tuple):
    @property
    def _fields(self):
        raise RuntimeError("no")

def right(x):
    return x

def loops(x):
    while True:
        pass

def stops_soon(x):
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGSTOP)).start()
"""


@pytest.fixture(scope="module")
def runner(tmp_path_factory):
    """One for all; a child that a function has ended is followed by another."""
    bodies = "\n".join(f"def {name}(x):\n{textwrap.indent(body, '    ')}\n" for name, (body, _, _) in BODIES.items())
    path = tmp_path_factory.mktemp("hostile") / "solution.py"
    runner = ChildRunner(HEAD + bodies, str(path), closed_functions(EXERCISES["linear"]), seconds=20)
    yield runner
    runner.close()


@pytest.mark.sampled(every=20)
@needs_sessions
@pytest.mark.parametrize("name", BODIES)
def test_a_hostile_function_costs_nobody_else_an_answer(name, runner):
    _, status, says = BODIES[name]
    runner._called.clear()  # as if it were the first in its process: it is not tried again
    outcome = runner.call(name, (np.ones(2),), {})
    assert outcome.status == status, outcome.message
    assert re.search(says or "^$", outcome.message)
    time.sleep(0.3 * name.startswith("leaves"))
    for _ in range(2):
        after = runner.call("right", (np.arange(3.0),), {})
        np.testing.assert_array_equal(after.value, np.arange(3.0))


@needs_sessions
def test_what_they_print_is_kept_in_part(runner):
    """Of those that went before; for the same reason a function of ours that fails in the child would be seen."""
    runner.call("interrupts", (np.ones(2),), {})
    assert "KeyboardInterrupt" in runner.output
    assert len(runner.output) <= 4096


@REST
@needs_sessions
def test_an_endless_loop_is_ended(runner, monkeypatch):
    runner._called.clear()
    with monkeypatch.context() as patched:
        patched.setattr(runner, "seconds", 1)
        assert (
            runner.call("loops", (np.ones(2),), {}).message
            == "no answer after 1 seconds: an endless loop, or too many rounds?"
        )
    assert runner.call("right", (np.ones(2),), {}).status == "returned"


@REST
@needs_sessions
def test_a_question_that_nobody_reads_is_given_up(runner, monkeypatch):
    """Eight megabytes do not fit into the pipe, and the process that should read them stands still."""
    runner.call("stops_soon", (np.ones(2),), {})
    time.sleep(0.3)
    stopped = runner._child
    monkeypatch.setattr(runner, "seconds", 3)
    assert runner.call("right", (np.zeros(10**6),), {}).status == "returned"
    assert stopped.ended
    assert runner._child is not stopped


class Mortal(Child):
    """A child that loads, answers one call, and dies in the second."""

    started = 0

    def __init__(self, folder):
        Mortal.started += 1
        self.left, self.ended, self.output = 3, False, ""

    def ask(self, question, seconds):
        self.left -= 1
        self.ended = self.left < 0
        return Outcome("died" if self.ended else "returned")


def test_only_what_others_may_have_spoilt_is_tried_again(monkeypatch):
    monkeypatch.setattr("minivit.course.runner.Child", Mortal)
    runner = ChildRunner("", "solution.py", [])
    calls = ["one", "one", "two", "three"]  # the second dies by itself, the last where "two" was called before
    assert [runner.call(name, (), {}).status for name in calls] == ["returned", "died", "returned", "returned"]
    assert Mortal.started == 3


def test_where_no_process_can_be_started_it_says_so(monkeypatch):
    def refuse(*args, **options):
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with pytest.raises(CannotRunError, match=r"^no process can be started for the solution: Resource temporarily unav"):
        ChildRunner("", "solution.py", [])


CHAIN = """
fork = ctypes.PyDLL(None).fork
if fork() == 0:
    while True:  # each one leaves the session, starts the next one and ends
        os.setsid()
        if fork():
            os._exit(0)
"""
GUARDS = """
fork = ctypes.PyDLL(None).fork
if fork() == 0:
    while True:  # when one of the two ends, the other starts it again
        os.setsid()
        first = os.getpid()
        if fork():
            os.wait()
        else:
            while os.getppid() == first:
                time.sleep(0.001)
"""


STAYS = {
    "spins": "while True: pass",
    "holds the interpreter": "3 ** 10**9",
    "stands still": "os.kill(os.getpid(), signal.SIGSTOP)",
    "hears no signal": "[signal.signal(s, signal.SIG_IGN) for s in (1, 2, 15)]\nwhile True: pass",
    "has a group of its own": "os.setpgid(0, 0)\nwhile True: pass",
    "chain": CHAIN + "time.sleep(60)",
    "guards": GUARDS + "time.sleep(60)",
    "tree": "fork = ctypes.PyDLL(None).fork\nfor _ in range(5): fork() or os.setsid()\ntime.sleep(60)",
}


@contextlib.contextmanager
def held_open(path):
    """A pipe with a name; whoever is asked to opens it, and it ends when none of them is left."""
    os.mkfifo(path)
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        yield file
    finally:
        os.close(file)


@needs_sessions
def test_bytecode_is_closed_wherever_python_keeps_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path / "bytecode"))
    body, status, says = BODIES["opens_a_cached_file"]
    source = f"{HEAD}\ndef reads(x):\n    return str({body})\n"
    runner = ChildRunner(source, str(tmp_path / "solution.py"), closed_functions(EXERCISES["linear"]), seconds=20)
    try:
        outcome = runner.call("reads", (np.ones(2),), {})
    finally:
        runner.close()
    assert (outcome.status, says in outcome.message) == (status, True), outcome.message


def wait_for(condition, seconds=30):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def read_end(file):
    """True when nobody is left who could write, False while somebody is."""
    try:
        return os.read(file, 2**16) == b""
    except BlockingIOError:
        return False


@needs_proc
@pytest.mark.parametrize("code", [CHAIN, GUARDS], ids=["chain", "guards"])
def test_processes_that_start_others_while_they_are_looked_for(code, tmp_path):
    with held_open(tmp_path / "pipe") as pipe:
        mark = f"test-{random.getrandbits(64)}"
        begin = f"import ctypes, os, time\nos.write(os.open({str(tmp_path / 'pipe')!r}, os.O_WRONLY), b'x')\n"
        subprocess.run([sys.executable, "-c", begin + code], env={**os.environ, keeper.MARK: mark}, check=True)
        time.sleep(0.2)
        assert not read_end(pipe)
        assert not read_end(pipe)
        keeper.end_marked(mark)
        wait_for(lambda: read_end(pipe), 2)


ROUNDS = [(0.2, "SIGKILL", "stands still"), (0.4, "SIGTERM", "chain"), (0.1, "SIGHUP", "holds the interpreter")]
NAMES = ["SIGTERM", "SIGHUP", "SIGINT", "SIGKILL"]
RANDOM = [(random.uniform(0, 2), number, how) for how in STAYS for number in NAMES]


@pytest.mark.sampled(every=0)
@needs_proc
@pytest.mark.parametrize(
    ("seconds", "number", "how"), [*ROUNDS, *(pytest.param(*case, marks=pytest.mark.slow) for case in RANDOM)]
)
def test_whoever_ends_the_check_ends_the_child(seconds, number, how, tmp_path):
    """At any moment from when the function runs on, and whatever it does then."""
    body = f"os.write(os.open({str(tmp_path / 'pipe')!r}, os.O_WRONLY), b'x')\n{STAYS[how]}"
    text = f"import ctypes, os, signal, time\ndef linear_forward(*args):\n{textwrap.indent(body, '    ')}\n"
    (tmp_path / "solution.py").write_text(text, encoding="utf-8")
    with held_open(tmp_path / "pipe") as pipe:
        command = [sys.executable, "-m", "minivit", "course", "check", str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as check:
            wait_for(lambda: begun(pipe))
            time.sleep(seconds)
            check.send_signal(getattr(signal, number))
            check.wait(30)
        wait_for(lambda: read_end(pipe), 10)


def begun(file):
    try:
        return os.read(file, 1) == b"x"
    except BlockingIOError:
        return False
