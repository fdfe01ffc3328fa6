"""Round trips of a small frame between Python and Node, over pipes: prints their microseconds as JSON."""

import json
import subprocess
import sys
import time

from sirocco_worker import frames

WARM_UP, ROUNDS = 1_000, 10_000

child = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
assert child.stdin is not None
assert child.stdout is not None
frame = frames.encode({"type": "ping", "n": 1})
took = []
for _ in range(WARM_UP + ROUNDS):
    began = time.perf_counter_ns()
    child.stdin.write(frame)
    child.stdin.flush()
    frames.read(child.stdout)
    took.append((time.perf_counter_ns() - began) / 1000)
child.stdin.close()
print(json.dumps(took[WARM_UP:]))
