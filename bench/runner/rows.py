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
    pages: bool = False  # a million pages: the host backs memory first
    touch: str = ""  # for rows about page faults: the unit in which touching a million pages compares
    path: str = ""  # what an http row asks for
    connections: int = 0  # of a row that bench/load drives
    load: float = 0.6  # seconds that bench/load counts; what comes before and after takes as long with many connections
    repeat: int = 1  # runs of each system in a round: more and shorter ones where a stall of the host's decides a run
    seconds: int = 25  # about what five rounds at one number of processors take, with all peers: for the estimate
    # Systems whose slow run is followed by runs of fewer units, which cost as much each
    fewer: tuple = ()
    seldom: tuple = ()  # systems that nothing is asked of and that take every other turn
    share: float = 0.5  # of all figures of a system, which counts: the median

    @property
    def served(self):
        """Systems have a server for it, not a program that measures."""
        return self.kind not in ("program", "idle")


@dataclass(frozen=True)
class Goal:
    ratio: dict = field(default_factory=dict)  # peer: ratio; a pair of ratios is for 1 and 2 processors; 1 of any other
    ceiling: float = None  # the most that undergo's own figure may be
    level: float = 0.03  # within this a ratio of 1 is met
    shown: tuple = ()  # peers that nothing is asked of


PEERS_IN_UNITS = ("go", "tokio", "boost-fiber")  # their programs know --part


def _rows():
    return [
        Row("yield", seconds=15, fewer=PEERS_IN_UNITS),
        Row("chan-pingpong", seconds=12, fewer=PEERS_IN_UNITS),
        Row("chan-buffered-1p1c", seconds=12, fewer=PEERS_IN_UNITS),
        Row("chan-mpmc-8x8", seconds=15, fewer=PEERS_IN_UNITS),
        Row("select-4", seconds=7, fewer=PEERS_IN_UNITS),
        Row("spawn-join", seconds=30, fewer=("boost-fiber",)),
        Row("spawn-wait-one", seconds=12, fewer=PEERS_IN_UNITS),
        Row("skynet-1M", seconds=20),
        Row("ring-10k", seconds=20),
        Row("sieve-2000", seconds=8),
        Row("mutex-8", seconds=15, fewer=PEERS_IN_UNITS),
        Row("rwmutex-8", seconds=10, fewer=PEERS_IN_UNITS),
        Row("timer-churn", seconds=12, fewer=PEERS_IN_UNITS),
        Row("sleep-1M", pages=True, touch="s", seconds=125, seldom=("bare",)),
        Row("parked-1M-memory", pages=True, seconds=45),
        Row("parked-1M-memory-64k", pages=True, seconds=20),
        Row("unstarted-1M-memory", pages=True, seconds=6, procs=(1,)),
        Row("parked-1M-start", pages=True, touch="ns/task", seconds=115, seldom=("bare",)),
        Row("parfor", seconds=2),
        Row("hog-spin", seconds=10, share=0.99),
        Row("hog-block", seconds=26, share=0.99, repeat=2, seldom=("bare",)),
        Row("idle-wakeups", kind="idle", seconds=15),
        Row("echo-1", kind="latency", connections=1),
        Row("echo-tenth", kind="paced", connections=64, load=0.25, repeat=2),
        Row("echo-64", kind="echo", connections=64),
        Row("echo-10k", kind="echo", connections=10000, load=0.4, seconds=30),
        Row("accept", kind="accept", connections=64),
        Row("idle-conn-memory", kind="idle-connections", procs=(1,), seconds=60),
        Row("http-hello", kind="http", path="/hello"),
        Row("http-4k", kind="http", path="/4k.bin"),
        Row("http-1m", kind="http", path="/1m.bin"),
    ]


ROWS = {row.name: row for row in _rows()}

# What the same work costs in C without undergo, beside which goals are argued: bench/limits, touching pages as stacks lie,
# the hand-written loop on one poller for all its threads, as undergo's and Go's have, and the one on a poller each.
BARE = ("bare", "touch-256k", "epoll-shared", "epoll")
FLOOR = ("epoll",)  # of HTTP: it answers whatever ends a head, and parses nothing
MAY_BE_AHEAD = ("go", "tokio", "boost-fiber")  # of memory a parked task: a page and its tables are what a stack takes

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
    "mutex-8": Goal({"go": (1.1, 2)}, shown=("std-mutex",)),  # Rust's, which holds up its thread
    "rwmutex-8": Goal({"go": 3}),
    "timer-churn": Goal({"go": 3}),
    "sleep-1M": Goal({"touch": 0.91}),
    "parked-1M-memory": Goal(ceiling=4700, shown=MAY_BE_AHEAD),
    "parked-1M-memory-64k": Goal(ceiling=4300, shown=MAY_BE_AHEAD),
    "unstarted-1M-memory": Goal(ceiling=192),
    "parked-1M-start": Goal({"go": 1, "touch": 0.91}),
    "parfor": Goal({"go": 3, "openmp": 1, "rayon": 1}),
    "hog-spin": Goal({"go": 1}, ceiling=15, level=0.10),
    "hog-block": Goal({"go": 1}, ceiling=15, level=0.10),
    "idle-wakeups": Goal(ceiling=0),
    "echo-1-p50": Goal({"epoll": 1, "go": 1.3}),
    "echo-1-p99": Goal({"epoll": 1, "go": 1.3}, level=0.05),
    "echo-tenth-p50": Goal({"epoll": 1}),
    "echo-tenth-p99": Goal({"epoll": 1}, level=0.05),
    "echo-64": Goal({"epoll": 1, "go": 1.5, "tokio": 1, "libuv": 1}),
    "echo-64-rate": Goal({"epoll": 1, "go": 1.5, "tokio": 1, "libuv": 1}),
    "echo-10k": Goal({"epoll": 1, "go": 1.5, "tokio": 1, "libuv": 1}),
    "echo-10k-rate": Goal({"epoll": 1, "go": 1.5, "tokio": 1, "libuv": 1}),
    "accept": Goal({"go": 1.3}),
    "accept-cpu": Goal({"go": 1.3}),
    "idle-conn-memory": Goal({"go": 10}, ceiling=1024),
    "http-hello": Goal({"nginx": 1, "go": 2}, shown=FLOOR),
    "http-hello-p50": Goal(shown=FLOOR),
    "http-hello-p99": Goal({"nginx": 1, "go": 2}, level=0.10, shown=FLOOR),
    "http-4k": Goal({"nginx": 1.2, "go": 4}, shown=FLOOR),
    "http-1m": Goal({"nginx": 1.1, "go": 1.3}, shown=FLOOR),
}
