"""`undergo serve` where an allocation fails, each in its turn: what was asked for then may fail, and nothing else.

usage: faults.py SHIM    (fail_alloc.c as a library; without one, all is skipped)
"""
import http.client
import os
import subprocess
import sys
import tempfile
import unittest

from served import PATIENCE, POLLERS, SKIPPED, UNDERGO, Server, sanitized

SHIM = ""
FILE = b"x" * 100_000


def poor(first, count):
    return {"LD_PRELOAD": SHIM, "FAIL_FROM": str(first), "FAIL_COUNT": str(count)}


class Faults(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="undergo-faults-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        with open(os.path.join(self.folder, "a.txt"), "wb") as f:
            f.write(FILE)

    def starts(self, first, count, poller):
        """Whether it comes as far as to say where it serves. If not, it has to say why, once, and to end."""
        env = dict(os.environ, UG_POLLER=poller, **poor(first, count))
        p = subprocess.Popen([UNDERGO, "serve", self.folder, "--listen", "127.0.0.1:0", "--log", "json"], env=env,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(p.stdout.close)
        self.addCleanup(p.stderr.close)
        line = p.stdout.readline()
        if '"serving"' in line:
            self.assertRegex(line, r'"url":"http://127\.0\.0\.1:\d+/"', f"allocation {first}")
            p.kill()
            p.wait(PATIENCE)
            return True  # what it needs when the first client comes is another matter
        status, said = p.wait(PATIENCE), p.stderr.read()
        self.assertIn(status, (1, 2), f"allocation {first}: {said}")
        self.assertRegex(said, r"\Aundergo( serve)?: [^\n]+\n\Z", f"allocation {first}")
        return False

    def test_one_that_is_needed_to_start(self):
        for poller in POLLERS:
            with self.subTest(poller=poller):
                first = 1
                while not self.starts(first, 1, poller):
                    first += 1
                self.assertGreater(first, 10)

    def ask(self, server, path):
        """What came; None where no answer did."""
        try:
            status, _, body = server.get(path)
        except (ConnectionError, http.client.BadStatusLine, http.client.IncompleteRead):
            return None
        self.assertIn(status, (200, 404, 500, 503), path)
        if path == "/a.txt" and status == 200:
            self.assertEqual(body, FILE)
        return status

    def test_one_that_a_request_needs(self):
        """Each once; of the questions one gets no answer, or one that says so, and the rest get theirs."""
        start = 1
        while not self.starts(start, 1, "epoll"):
            start += 1
        paths = ["/a.txt", "/", "/none", "/a.txt"]
        right = [200, 200, 404, 200]
        unhurt = 0
        for first in range(start + 1, start + 400):
            server = Server(self.folder, "--log", "json", env=poor(first, 1))
            self.addCleanup(server.kill)
            got = [self.ask(server, path) for path in paths]
            wrong = [i for i in range(len(paths)) if got[i] != right[i]]
            self.assertLessEqual(len(wrong), 1, f"allocation {first}: {got}")
            server.signal(15)
            self.assertEqual(server.wait(), 0, f"allocation {first}: {server.err.all}")
            unhurt = unhurt + 1 if not wrong else 0
            if unhurt == 10:
                return
        self.fail("each allocation hurts")


if __name__ == "__main__":
    SHIM = sys.argv.pop(1) if len(sys.argv) > 1 else ""
    if not SHIM or sanitized():
        print("skipped: no allocator to stand before")
        sys.exit(SKIPPED)
    unittest.main()
