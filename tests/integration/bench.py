#!/usr/bin/env python3
"""The load client of the sockets rows sees what there is to see, and bench/run gets a row from it: none of this measures."""
import glob
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.dont_write_bytecode = True
SOURCE, BUILD = os.environ["UG_SOURCE"], os.environ["UG_BUILD"]
sys.path.insert(0, os.path.join(SOURCE, "bench", "runner"))
import measure
import report
import rows
import socket_rows
import systems

if not shutil.which("cc"):
    print("no cc here")
    sys.exit(77)
made = tempfile.TemporaryDirectory(prefix="undergo-bench-")
CLIENT = os.path.join(made.name, "load")
subprocess.run(["cc", "-O2", "-Wall", "-Wextra", "-D_GNU_SOURCE",
                *sorted(glob.glob(os.path.join(SOURCE, "bench", "load", "*.c"))), "-o", CLIENT, "-pthread"], check=True)


def load(mode, port, *options, **how):
    return subprocess.run([CLIENT, mode, "127.0.0.1", str(port), "warm=10", *options], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, timeout=60, **how)


class Program:
    """A server of the benchmark, for a block."""

    def __init__(self, name):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.process = subprocess.Popen([os.path.join(BUILD, "bench", name), f"127.0.0.1:{self.port}"])

    def __enter__(self):
        for _ in range(2000):
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return self
            except OSError:
                time.sleep(0.01)
        raise AssertionError("the server does not listen")

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


class Answers:
    """A server in this process: `serve` gets each connection, in a thread."""

    def __init__(self, serve):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.serve = serve
        self.closed = threading.Semaphore(0)
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.one, args=(conn,), daemon=True).start()

    def one(self, conn):
        with conn:
            try:
                self.serve(conn)
            except OSError:
                pass
        self.closed.release()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()


def fields(done):
    return {name: float(value) for name, value in (word.split("=") for word in done.stdout.split())}


class Client(unittest.TestCase):
    def good(self, done):
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        seen = fields(done)
        self.assertGreater(seen["done"], 0)
        self.assertLessEqual(seen["p50"], seen["p99"])
        return seen

    def test_trips_and_the_cpu_time_of_the_server(self):
        with Program("echo") as server:
            seen = self.good(load("echo", server.port, "run=300", "connections=64", "threads=2",
                                  f"server={server.process.pid}"))
        self.assertGreater(seen["server"], 0)
        self.assertGreaterEqual(seen["time"], 300e6)

    def test_visits(self):
        with Program("echo") as server:
            self.good(load("accept", server.port, "run=300", "connections=8"))

    def test_a_rate_is_kept_to(self):
        with Program("echo") as server:
            seen = self.good(load("echo", server.port, "run=1000", "connections=8", "rate=200"))
        self.assertLessEqual(seen["done"], 400)  # some may have been owed; as fast as it goes would be thousands

    def test_latency_is_the_time_between_sending_and_the_whole_message(self):
        def late(conn):
            while data := conn.recv(4096):
                conn.sendall(data[:1])
                time.sleep(0.02)
                conn.sendall(data[1:])
        with Answers(late) as server:
            seen = self.good(load("echo", server.port, "run=200"))
        self.assertGreaterEqual(seen["p50"], 20e6)

    def test_a_message_that_had_to_wait_is_timed_from_when_it_was_due(self):
        def stalls(conn):
            while True:
                for _ in range(20):
                    conn.sendall(conn.recv(4096))
                time.sleep(0.3)
        with Answers(stalls) as server:
            seen = self.good(load("echo", server.port, "run=1000", "rate=100"))
        self.assertGreaterEqual(seen["p99"], 200e6)

    def test_a_server_that_hangs_up_is_a_failure(self):
        for mode in "echo", "accept":
            with Answers(lambda conn: conn.recv(4096)) as server:
                done = load(mode, server.port, "run=300")
            self.assertEqual(done.returncode, 1)
            self.assertIn("closed a connection", done.stderr)

    def test_a_crowd_is_counted_at_its_end(self):
        with Program("http-hello") as server:
            with subprocess.Popen([CLIENT, "idle", "127.0.0.1", str(server.port), "connections=50"],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
                self.assertEqual(client.stdout.readline(), "open=50\n")
                client.stdin.close()
                self.assertEqual(client.stdout.readline(), "closed=0\n")

    def test_a_crowd_that_was_sent_away_is_seen(self):
        def once(conn):
            conn.recv(4096)
            conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\nHello, World!\n")
        with Answers(once) as server:
            with subprocess.Popen([CLIENT, "idle", "127.0.0.1", str(server.port), "connections=3"],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
                self.assertEqual(client.stdout.readline(), "open=3\n")
                for _ in range(3):
                    self.assertTrue(server.closed.acquire(timeout=30))
                client.stdin.close()
                self.assertEqual(client.stdout.readline(), "closed=3\n")


class Runner(unittest.TestCase):
    def test_rows_come_out_in_five_fields(self):
        done = subprocess.run([os.path.join(SOURCE, "bench", "run"), "--quick", "--systems", "epoll", "--build", BUILD,
                               "--procs", "1", "echo-1", "accept"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = [line.split("\t") for line in done.stdout.splitlines()]
        self.assertEqual([line[:3] + line[4:] for line in lines], [
            ["epoll", "echo-1-p50", "1", "us"], ["epoll", "echo-1-p99", "1", "us"],
            ["epoll", "accept", "1", "connections/s"], ["epoll", "accept-cpu", "1", "us-cpu/connection"]])
        for line in lines:
            self.assertGreater(float(line[3]), 0)

    def test_every_figure_of_a_sockets_row_has_a_goal(self):
        class System:
            name = "x"
        seen = dict.fromkeys(("done", "time", "server", "client", "p50", "p99"), 1.0)
        for row in rows.ROWS.values():
            if row.connections:
                for line in socket_rows.lines(seen, System, row, 1):
                    self.assertIn(line[1], rows.GOALS)

    def test_a_system_that_fails_or_hangs_is_left_out_and_the_rest_goes_on(self):
        row = rows.Row("yield", limit=1)
        made = [systems.System(name, "", {"yield": command}) for name, command in (
            ("fails", ["sh", "-c", "exit 3"]), ("hangs", ["sleep", "60"]), ("silent", ["true"]), ("absent", ["/nowhere"]),
            ("garbles", ["printf", "a\\tyield\\t1\\tx\\tns\\n"]), ("good", ["printf", "good\\tyield\\t1\\t7\\tns\\n"]))]
        bench = measure.Bench(made, BUILD, 2, False)
        del systems.told[:]
        seen = []
        bench.run_all([row, row], [1], lambda: seen.append(dict(bench.figures["yield", 1])))
        self.assertTrue(bench.failed)
        self.assertEqual(bench.figures, {("yield", 1): {"good": ("ns", [7.0] * 4)}})
        self.assertEqual(len(seen), 2)
        for name in "fails", "hangs", "silent", "absent", "garbles":
            self.assertEqual(sum(line.startswith(f"failed: {name} yield at 1: ") for line in systems.told), 2)

    def test_figures_of_a_system_that_fails_later_do_not_count(self):
        flag = os.path.join(made.name, "flag")
        once = f"[ ! -e {flag} ] || exit 1; : >{flag}; printf 'once\\tyield\\t1\\t7\\tns\\n'"
        bench = measure.Bench([systems.System("once", "", {"yield": ["sh", "-c", once]})], BUILD, 2, False)
        bench.run_all([rows.Row("yield")], [1], lambda: None)
        self.assertEqual(bench.figures, {("yield", 1): {}})

    def shortened(self, system, row, seconds):
        """The part of the units that a system's next run has, 0 where it has none."""
        parts, turns = {}, [systems.System(system, "")]
        measure.Bench(turns, BUILD, 5, False).shorten(turns[0], row, {"undergo": 0.5, system: seconds}, parts, turns)
        return parts.get(system, 1) if turns else 0

    def test_a_slow_peer_does_not_keep_the_others_waiting(self):
        in_units, as_a_whole = rows.Row("yield", fewer=("go",)), rows.Row("skynet-1M")
        self.assertEqual(self.shortened("go", in_units, 1.5), 1)
        self.assertEqual(self.shortened("go", in_units, 8.0), 10)
        self.assertEqual(self.shortened("undergo", in_units, 20.0), 1)
        self.assertEqual(self.shortened("tokio", in_units, 8.0), 0)
        self.assertEqual(self.shortened("go", as_a_whole, 4.0), 1)
        self.assertEqual(self.shortened("go", as_a_whole, 8.0), 0)
        self.assertEqual(self.shortened("undergo", as_a_whole, 20.0), 1)

    def test_the_share_that_a_row_counts(self):
        self.assertEqual(report.figure("yield", "ns", [3, 1, 2]), ("ns", 2))
        self.assertEqual(report.figure("hog-spin", "ms", list(range(1, 101))), ("ms-p99", 99))

    def test_verdicts(self):
        self.assertEqual(self.goals({"go": 50, "bare": 5}), {"go": "5 met", "bare": ""})
        self.assertEqual(self.goals({"go": 40, "bare": 9}), {"go": "5 behind, bare 4.44", "bare": ""})
        self.assertEqual(self.goals({"go": 40, "bare": 7}), {"go": "5 behind", "bare": ""})
        self.assertEqual(self.goals({"x": 9.8}), {"x": "1 level"})
        self.assertEqual(self.goals({"x": 9.6}), {"x": "1 behind"})

    def goals(self, peers):
        figures = {("yield", 1): {name: ("ns", [value]) for name, value in {"undergo": 10, **peers}.items()}}
        return {peer: cells[7] for (_, _, peer), cells in report.table_lines(figures, 1).items()}

    def test_a_row_counts_as_its_worst_line(self):
        lines = [["yield", "1", "ns", "10", peer, "9", "0.90", goal, "1"]
                 for peer, goal in (("go", "5 met"), ("tokio", "1 behind, bare 0.90"), ("bare", ""), ("libuv", "1 level"))]
        text = report.summary(lines)
        self.assertIn("| 1 | 1 | 0 | 0 | 1 | 0 |", text)
        self.assertIn("Bounded at 1: yield (tokio 0.90, asked 1).", text)

    def test_ratios_are_of_costs_and_rates_turned_round(self):
        self.assertEqual(report.ratio(2.0, 3.0, "us-cpu/round-trip"), 1.5)
        self.assertEqual(report.ratio(3.0, 2.0, "round-trips/s"), 1.5)


if __name__ == "__main__":
    unittest.main()
