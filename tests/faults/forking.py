"""Workers at little cost: a process that has imported the program forks a child for each, which a test may kill.

Reads a line of JSON for each worker: its arguments and the file for what it says. Answers with the child's pid. Each
child is ``habitue`` with these arguments, as the console script starts it.
"""

import json
import os
import signal
import sys

from engine.cli import main

signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # who ends is gone at once, so that a test can see it
for line in sys.stdin:
    wanted = json.loads(line)
    child = os.fork()
    if not child:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        output = os.open(wanted["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.argv = ["habitue", *wanted["words"]]
        main()
        sys.exit(0)
    print(child, flush=True)
