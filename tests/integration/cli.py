#!/usr/bin/env python3
"""The command line of undergo: what it says, where, and with which status."""
import datetime
import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.request

from served import PATIENCE, POLLERS, UNDERGO, Served, each, read_all, sanitized, wait_until, with_tables

# Arguments behind `serve FOLDER`, and what the line on standard error has to name.
WRONG = {
    "option": (["--no-such-thing"], "--no-such-thing"),
    "short option": (["-z"], "-z"),
    "option with a value too many": (["--hidden=1"], "hidden"),
    "option without its value": (["--listen"], "--listen"),
    "two folders": (["elsewhere"], "folder"),
    "log format": (["--log", "xml"], "xml"),
    "empty log format": (["--log", ""], "--log"),
    "drain of a word": (["--drain", "soon"], "soon"),
    "drain without a unit": (["--drain", "10"], "10"),
    "negative drain": (["--drain", "-1s"], "-1s"),
    "cache time of a word": (["--cache-time", "soon"], "soon"),
    "cache time of nothing": (["--cache-time", "0s"], "--cache-time"),
    "limit without a value": (["--limit", "head"], "head"),
    "limit of no known name": (["--limit", "patience=1"], "patience"),
    "limit of a long name": (["--limit", "a" * 100 + "=1"], "aaa"),
    "limit of an empty value": (["--limit", "head="], "head"),
    "limit of a word": (["--limit", "head=many"], "many"),
    "limit below the least": (["--limit", "head=1"], "head"),
    "limit beyond the most": (["--limit", "head=1G"], "head"),
    "limit of 0 connections": (["--limit", "connections=0"], "connections"),
    "negative limit": (["--limit", "body=-5"], "body"),
    "limit beyond 63 bits": (["--limit", "body=99999999999999999999"], "body"),
    "limit with a wrong unit": (["--limit", "body=5q"], "5q"),
    "limit that needs a time": (["--limit", "head-time=5"], "head-time"),
    "limit of a wrong time": (["--limit", "idle-time=5 parsecs"], "idle-time"),
    "limit of no time at all": (["--limit", "rate-time=0s"], "rate-time"),
    "index in another folder": (["--index", "a/b"], "a/b"),
    "address without a port": (["--listen", "127.0.0.1"], "127.0.0.1"),
    "port too great": (["--listen", "127.0.0.1:65536"], "65536"),
    "port of letters": (["--listen", "127.0.0.1:web!"], "web!"),
    "address of somebody else": (["--listen", "192.0.2.1:0"], "192.0.2.1"),
    "half an address": (["--listen", "[::1:0"], "[::1"),
    "empty address": (["--listen", ""], "listen"),
    "socket in a folder that is not there": (["--listen", "unix:/nowhere/at/all"], "/nowhere/at/all"),
    "second address that is wrong": (["--listen", "127.0.0.1:0", "--listen", "127.0.0.1:x!"], "x!"),
}

COMMON = re.compile(r'(\S+) - - \[([^]]+)\] "([^"]*)" (\d{3}) (\d+)')


def undergo(*args):
    return subprocess.run([UNDERGO, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE)


@with_tables
class Wrong(unittest.TestCase):
    def complains(self, *args, about):
        """One line on standard error, nothing on standard output, status 2. Those of sanitizers are others."""
        run = undergo(*args)
        self.assertEqual((run.returncode, run.stdout), (2, ""), run.stderr)
        self.assertRegex(run.stderr, r"\Aundergo[^\n]*: [^\n]+\n\Z")
        self.assertIn(about, run.stderr)

    @each(WRONG)
    def use(self, args, about):
        with tempfile.TemporaryDirectory() as folder:
            self.complains("serve", folder, *args, about=about)

    def test_no_such_folder(self):
        self.complains("serve", "/no/such/folder", about="/no/such/folder")

    def test_odd_names_do_not_break_the_line(self):
        self.complains("serve", "/no/such\nfolder\x1b[1m", about="/no/such?folder?[1m")
        self.complains("da\nce", about="da?ce")

    def test_a_file_is_no_folder(self):
        self.complains("serve", __file__, "--listen", "127.0.0.1:0", about="cli.py")

    def test_a_port_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as s:
            port = s.getsockname()[1]
            self.complains("serve", ".", "--listen", f"127.0.0.1:{port}", about=f"127.0.0.1:{port}")

    def test_no_such_command(self):
        self.complains("dance", about="dance")

    def test_no_command_at_all(self):
        run = undergo()
        self.assertEqual(run.returncode, 2)
        self.assertIn("serve", run.stdout + run.stderr)


class Said(unittest.TestCase):
    def test_help(self):
        for args in (["--help"], ["-h"], ["help"]):
            run = undergo(*args)
            self.assertEqual((run.returncode, run.stderr), (0, ""))
            self.assertIn("serve", run.stdout)
            self.assertIn("--version", run.stdout)

    def test_help_of_serve_names_each_option(self):
        for args in (["serve", "--help"], ["serve", "-h"]):
            run = undergo(*args)
            self.assertEqual((run.returncode, run.stderr), (0, ""))
            for option in ("--listen", "--index", "--log", "--limit", "--drain", "--help"):
                self.assertIn(option, run.stdout)
            self.assertLess(max(map(len, run.stdout.splitlines())), 80)

    def test_version(self):
        for args in (["--version"], ["serve", "--version"]):
            run = undergo(*args)
            self.assertEqual((run.returncode, run.stderr), (0, ""))
            self.assertRegex(run.stdout, r"\Aundergo \d+\.\d+\.\d+\n\Z")

    def test_a_full_disk_is_not_silence(self):
        for args in (["--help"], ["--version"], ["serve", "--help"], ["serve", "--version"],
                     ["serve", "--listen", "127.0.0.1:0"]):
            with self.subTest(args=args), open("/dev/full", "wb") as full:
                run = subprocess.run([UNDERGO, *args], stdout=full, stderr=subprocess.PIPE, text=True, timeout=PATIENCE)
                self.assertEqual(run.returncode, 1)
                self.assertRegex(run.stderr, r"\Aundergo[^\n]*: cannot write to standard output: No space[^\n]*\n\Z")

    def test_the_man_page_has_the_options_and_defaults_of_the_help(self):
        with open(os.path.join(os.environ["UG_SOURCE"], "docs", "undergo.1"), encoding="utf-8") as f:
            page = f.read().replace("\\-", "-")
        said = undergo("--help").stdout + undergo("serve", "--help").stdout
        for what in (r"--[a-z-]+", r"\b[a-z-]+=\w+", r"default: ([^)]+?)(?=\))"):
            in_help = set(re.findall(what, re.sub(r"\n +", " ", said)))
            self.assertGreater(len(in_help), 3)
            with self.subTest(what=what):
                self.assertEqual(in_help, set(re.findall(what, re.sub(r"\n(\.[A-Z]+ )?", " ", page))))


CLOSED = {
    "no standard input": "<&-",
    "no standard output": ">&-",
    "no standard error": "2>&-",
    "no standard streams at all": "<&- >&- 2>&-",
}


@with_tables
class Closed(unittest.TestCase):
    @each(CLOSED)
    def serves_with(self, closed):
        """No socket of its own takes the place of a stream: nobody writes a log line to a client."""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "socket")
            run = subprocess.Popen(["sh", "-c", f'exec "$0" serve "$1" --listen unix:"$1"/socket {closed}', UNDERGO, folder],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            try:
                with socket.socket(socket.AF_UNIX) as s:
                    s.settimeout(PATIENCE)
                    wait_until(lambda: run.poll() is not None or s.connect_ex(path) == 0, "it listens")
                    s.sendall(b"GET /no HTTP/1.1\r\nHost: x\r\n\r\nGET /no HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                    got = read_all(s)
                run.terminate()
                _, err = run.communicate(timeout=PATIENCE)
                self.assertEqual((run.returncode, err), (0, b""))
            finally:
                run.kill()
                run.communicate()
            self.assertEqual(got.count(b"HTTP/1.1 404 Not Found\r\n"), 2)
            self.assertTrue(got.endswith(b"404 Not Found\n"), got)


class Running(Served, unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        with open(os.path.join(self.folder, "a.txt"), "w", encoding="ascii") as f:
            f.write("hello\n")

    def stop(self, server, status=0):
        server.signal(signal.SIGTERM)
        self.assertEqual(server.wait(), status)
        self.assertEqual(server.err.all, [])

    def requests(self, server):
        """Two good ones, one of what is not there, one that is not allowed, one that is none, one of odd letters."""
        server.get("/a.txt", headers={"User-Agent": 'a "test"', "Referer": "http://x/"})
        server.get("/a.txt", headers={"Range": "bytes=1-2"})
        server.get("/none")
        server.get("/a.txt", method="POST", body=b"x")
        server.talk(b"GET /a.txt HTTP/1.1\r\nHost : x\r\n\r\n")
        server.talk(b'GET /%22%0a?\'" HTTP/1.1\r\nHost: x\r\n\r\n')
        return 6

    def test_the_address_is_that_of_the_port_that_was_found(self):
        server = self.serve(self.folder)
        self.assertEqual(server.out.all[0], f"serving {self.folder} at http://127.0.0.1:{server.address[1]}/")
        self.assertEqual(server.get("/a.txt")[2], b"hello\n")

    def test_all_addresses(self):
        server = self.serve(self.folder, listen=":0")
        self.assertEqual(server.address[0], "localhost")
        server.address = ("127.0.0.1", server.address[1])
        self.assertEqual(server.get("/a.txt")[2], b"hello\n")

    def switches(self, server):
        """How often its threads have given up a core by themselves: each wake-up ends with one."""
        total = 0
        for task in os.listdir(f"/proc/{server.pid}/task"):
            with open(f"/proc/{server.pid}/task/{task}/status", encoding="ascii") as f:
                total += int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", f.read(), re.M).group(1))
        return total

    @unittest.skipIf(sanitized(), "sanitizers have threads of their own")
    def test_while_nobody_asks_it_makes_no_wake_ups(self):
        for poller in POLLERS:
            with self.subTest(poller=poller):
                server = self.serve(self.folder, env={"UG_POLLER": poller})
                server.get("/a.txt")
                server.out.wait("GET /a.txt")

                def quiet():
                    before = self.switches(server)
                    time.sleep(3)
                    return self.switches(server) == before
                wait_until(quiet, "it goes on waking up")
                self.assertEqual(server.get("/a.txt")[2], b"hello\n")

    def test_the_current_folder(self):
        server = self.serve(".")
        self.assertEqual(server.get("/")[0], 200)

    def test_log_in_the_common_format(self):
        server = self.serve(self.folder)
        n = self.requests(server)
        self.stop(server)
        entries = [COMMON.fullmatch(line) for line in server.out.all[1:-1]]
        self.assertEqual(len(entries), n, server.out.all)
        self.assertTrue(all(entries), server.out.all)
        for m in entries:
            self.assertEqual(m.group(1), "127.0.0.1")
            t = datetime.datetime.strptime(m.group(2), "%d/%b/%Y:%H:%M:%S %z")
            self.assertLess(abs(t.timestamp() - time.time()), PATIENCE)
        found = [(m.group(3), int(m.group(4))) for m in entries]
        self.assertEqual(found[:4], [("GET /a.txt HTTP/1.1", 200), ("GET /a.txt HTTP/1.1", 206),
                                     ("GET /none HTTP/1.1", 404), ("POST /a.txt HTTP/1.1", 405)])
        self.assertEqual([status for _, status in found[4:]], [400, 400])
        self.assertEqual(entries[0].group(5), "6")
        self.assertEqual(entries[1].group(5), "2")

    def test_log_in_json(self):
        server = self.serve(self.folder, "--log", "json")
        n = self.requests(server)
        self.stop(server)
        first, *entries, last = map(json.loads, server.out.all)
        self.assertEqual(len(entries), n)
        self.assertEqual(first, {"event": "serving", "url": server.url + "/"})
        e = entries[0]
        self.assertEqual((e["remote"], e["method"], e["target"], e["protocol"], e["status"], e["bytes"], e["referer"],
                          e["user_agent"]),
                         ("127.0.0.1", "GET", "/a.txt", "HTTP/1.1", 200, 6, "http://x/", 'a "test"'))
        for e in entries:
            t = datetime.datetime.fromisoformat(e["time"].replace("Z", "+00:00"))
            self.assertLess(abs(t.timestamp() - time.time()), PATIENCE)
            self.assertTrue(0 <= e["duration"] < PATIENCE)
            self.assertEqual("reason" in e, e["status"] == 400, e)
        self.assertEqual([e["status"] for e in entries], [200, 206, 404, 405, 400, 400])
        self.assertEqual(last["event"], "ended")
        counts = [last[k] for k in ("requests", "status_2xx", "status_3xx", "status_4xx", "status_5xx", "refused")]
        self.assertEqual(counts, [n, 2, 0, 4, 0, 2])
        self.assertEqual(last["bytes"], sum(e["bytes"] for e in entries))

    def test_a_log_line_cannot_be_forged(self):
        server = self.serve(self.folder)
        server.get("/a.txt", headers={"User-Agent": "\x1b[31m"})
        server.talk(b"GET /x%0d%0a127.0.0.1%20-%20-\x7f\x1b HTTP/1.1\r\nHost: x\r\n\r\n")
        server.talk(b"GET /%22%20200%205 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        self.stop(server)
        self.assertEqual(len(server.out.all), 5)
        for line in server.out.all[1:-1]:
            self.assertRegex(line, r"\A[ -~]+\Z")
            self.assertTrue(COMMON.fullmatch(line), line)

    def test_no_log(self):
        server = self.serve(self.folder, "--log", "none")
        self.requests(server)
        self.stop(server)
        self.assertEqual(len(server.out.all), 2)

    def test_counts_at_the_end(self):
        server = self.serve(self.folder)
        n = self.requests(server)
        server.get("/a.txt", method="HEAD")
        server.get("/a.txt", headers={"If-Modified-Since": "Fri, 31 Dec 2100 00:00:00 GMT", "If-None-Match": "*"})
        self.stop(server)
        m = re.fullmatch(r"served (\d+) requests on (\d+) connections, (\d+) bytes; 2xx (\d+), 3xx (\d+), 4xx (\d+), "
                         r"5xx (\d+); refused (\d+)", server.out.all[-1])
        self.assertTrue(m, server.out.all)
        counts = list(map(int, m.groups()))
        self.assertEqual(counts[:2], [n + 2, n + 2])
        self.assertEqual(counts[3:], [3, 1, 4, 0, 2])
        self.assertEqual(counts[2], sum(int(COMMON.fullmatch(line).group(5)) for line in server.out.all[1:-1]))

    def test_a_log_that_nobody_reads_does_not_stop_it(self):
        process = subprocess.Popen([UNDERGO, "serve", self.folder, "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        port = int(re.search(rb":(\d+)/", process.stdout.readline()).group(1))
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as s:
            for _ in range(100):  # 200 kB of log, which no pipe takes
                s.sendall((b"GET /a.txt?" + b"x" * 200 + b" HTTP/1.1\r\nHost: x\r\n\r\n") * 10)
                got = b""
                while got.count(b"hello\n") < 10:
                    got += s.recv(1 << 16)

    def test_a_log_whose_reader_has_gone_does_not_end_it(self):
        process = subprocess.Popen([UNDERGO, "serve", self.folder, "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        port = int(re.search(rb":(\d+)/", process.stdout.readline()).group(1))
        process.stdout.close()
        for _ in range(20):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/a.txt", timeout=PATIENCE) as r:
                self.assertEqual(r.read(), b"hello\n")
            time.sleep(0.02)  # so that some lines are written by themselves
        self.assertIsNone(process.poll())


if __name__ == "__main__":
    unittest.main()
