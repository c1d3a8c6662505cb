#!/usr/bin/env python3
"""2,000 connections of wrk, for 3 seconds, or 20 where UG_LONG is set, end without a socket error."""
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import unittest

from served import SKIPPED, Served, on_each_poller, sanitized

LONG = os.environ.get("UG_LONG", "") not in ("", "0")
SLOW = sanitized()
SECONDS = 20 if LONG else 3
CONNECTIONS = 200 if SLOW else 2000
DESCRIPTORS = CONNECTIONS + 500


@on_each_poller
class Load(Served):
    def wrk(self, server, path):
        run = subprocess.run(["prlimit", f"--nofile={DESCRIPTORS}:", "wrk", "-t2", f"-c{CONNECTIONS}", f"-d{SECONDS}s",
                              "--timeout", "30s", server.url + path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             text=True, timeout=SECONDS + 120)
        self.assertEqual(run.returncode, 0, run.stdout)
        self.assertNotIn("Socket errors", run.stdout)
        self.assertNotIn("Non-2xx", run.stdout)
        requests = int(re.search(r"(\d+) requests in", run.stdout).group(1))
        self.assertGreaterEqual(requests, CONNECTIONS)
        return requests

    def load(self, size, *options):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "file"), "wb") as f:
                f.write(os.urandom(size))
            server = self.serve(folder, *options)
            requests = self.wrk(server, "/file")
            self.assertEqual(server.get("/file")[0], 200)
            server.process.terminate()
            self.assertEqual(server.wait(), 0)
        # A log whose reader cannot keep up (this script, on a busy machine) loses lines and says so: it holds up nobody.
        server.err.all[:] = [line for line in server.err.all if not line.endswith("lines of the log got lost")]
        self.assertEqual(server.err.all, [])
        served, connections = map(int, re.search(r"^served (\d+) requests on (\d+)", server.out.all[-1]).groups())
        self.assertGreater(served, requests)
        self.assertGreaterEqual(connections, CONNECTIONS + 1)

    def test_small_files(self):
        self.load(4096, "--log", "none")

    def test_large_files_and_a_log(self):
        self.load(100_000)


if __name__ == "__main__":
    if not shutil.which("wrk"):
        print("no wrk here")
        sys.exit(SKIPPED)
    if 0 <= resource.getrlimit(resource.RLIMIT_NOFILE)[1] < DESCRIPTORS:
        print(f"fewer than {DESCRIPTORS} descriptors")
        sys.exit(SKIPPED)
    unittest.main()
