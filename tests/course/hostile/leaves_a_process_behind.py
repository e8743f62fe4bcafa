import os
import subprocess
import sys


def linear_forward(x, weight, bias=None):
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    os._exit(3)
