# SPDX-License-Identifier: MIT
"""The rows of the table: how each is run, and what is asked of it."""
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Row:
    name: str
    # "idle" counts wake-ups from outside; the others load a server: "http" by wrk, and by bench/load "latency" (each
    # message when the one before is back), "paced" (at a tenth of saturation), "echo", "accept", "idle-connections"
    kind: str = "program"
    limit: int = 60  # seconds one run may take
    procs: tuple = ()  # only these; (): any
    touch: str = ""  # for rows about page faults: the unit in which touching a million pages compares
    path: str = ""  # what an http row asks for
    connections: int = 0  # of a row that bench/load drives

    @property
    def served(self):
        """Systems have a server for it, not a program that measures."""
        return self.kind not in ("program", "idle")


@dataclass(frozen=True)
class Goal:
    ratio: dict = field(default_factory=dict)  # peer: ratio; a pair of ratios is for 1 and 2 processors
    ceiling: float = None  # the most that undergo's own figure may be
    level: float = 0.03  # within this a ratio of 1 is met


def _rows():
    return [
        Row("yield"),
        Row("chan-pingpong"),
        Row("chan-buffered-1p1c"),
        Row("chan-mpmc-8x8"),
        Row("select-4"),
        Row("spawn-join"),
        Row("spawn-wait-one"),
        Row("skynet-1M"),
        Row("ring-10k"),
        Row("sieve-2000"),
        Row("mutex-8"),
        Row("rwmutex-8"),
        Row("timer-churn"),
        Row("sleep-1M", limit=180, touch="s"),
        Row("parked-1M-memory", limit=180, touch="ns/page"),
        Row("parked-1M-memory-64k", limit=180, touch="ns/page"),
        Row("unstarted-1M-memory", limit=180, touch="ns/page", procs=(1,)),
        Row("parked-1M-start", limit=180, touch="ns/task"),
        Row("parfor"),
        Row("hog-spin"),
        Row("hog-block"),
        Row("idle-wakeups", kind="idle"),
        Row("echo-1", kind="latency", connections=1),
        Row("echo-tenth", kind="paced", connections=64),
        Row("echo-64", kind="echo", connections=64),
        Row("echo-10k", kind="echo", connections=10000),
        Row("accept", kind="accept", connections=64),
        Row("idle-conn-memory", kind="idle-connections", procs=(1,)),
        Row("http-hello", kind="http", path="/hello"),
        Row("http-4k", kind="http", path="/4k.bin"),
        Row("http-1m", kind="http", path="/1m.bin"),
    ]


ROWS = {row.name: row for row in _rows()}

# By the name in the line of output: some rows give two.
GOALS = {
    "yield": Goal({"go": 5}),
    "chan-pingpong": Goal({"go": 4}),
    "chan-buffered-1p1c": Goal({"go": 3}),
    "chan-mpmc-8x8": Goal({"go": 3}),
    "select-4": Goal({"go": 3}),
    "spawn-join": Goal({"go": 5}),
    "spawn-wait-one": Goal({"go": 4}),
    "skynet-1M": Goal({"go": 4}),
    "ring-10k": Goal({"go": 3}),
    "sieve-2000": Goal({"go": 3}),
    "mutex-8": Goal({"go": (1.1, 2)}),
    "rwmutex-8": Goal({"go": 3}),
    "timer-churn": Goal({"go": 3}),
    "sleep-1M": Goal({"go": 1}),
    "parked-1M-memory": Goal(ceiling=4700),
    "parked-1M-memory-64k": Goal(ceiling=4300),
    "unstarted-1M-memory": Goal(ceiling=192),
    "parked-1M-start": Goal({"go": 1, "touch": 0.91}),
    "parfor": Goal({"go": 3}),
    "hog-spin": Goal({"go": 1}, ceiling=15),
    "hog-block": Goal({"go": 1}, ceiling=15),
    "idle-wakeups": Goal(ceiling=0),
    "echo-1-p50": Goal({"epoll": 1, "go": 1.3}),
    "echo-1-p99": Goal({"epoll": 1, "go": 1.3}, level=0.05),
    "echo-tenth-p50": Goal({"epoll": 1, "go": 1.3}),
    "echo-tenth-p99": Goal({"epoll": 1, "go": 1.3}, level=0.05),
    "echo-64": Goal({"epoll": 1, "go": 1.5, "tokio": 1, "libuv": 1}),
    "echo-64-rate": Goal({"epoll": 1, "go": 1.5, "tokio": 1, "libuv": 1}),
    "echo-10k": Goal({"epoll": 1, "go": 1.5, "tokio": 1, "libuv": 1}),
    "echo-10k-rate": Goal({"epoll": 1, "go": 1.5, "tokio": 1, "libuv": 1}),
    "accept": Goal({"go": 1.3}),
    "accept-cpu": Goal({"go": 1.3}),
    "idle-conn-memory": Goal({"go": 10}, ceiling=1024),
    "http-hello": Goal({"nginx": 1, "go": 2}),
    "http-hello-p99": Goal({"nginx": 1, "go": 1}, level=0.10),
    "http-4k": Goal({"nginx": 1.2, "go": 4}),
    "http-1m": Goal({"nginx": 1.1, "go": 1.3}),
}
