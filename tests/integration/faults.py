"""`undergo serve` where an allocation fails, each in its turn: what was asked for then may fail, and nothing else.

usage: faults.py SHIM    (fail_alloc.c as a library; without one, all is skipped)
"""
import os
import subprocess
import sys
import tempfile
import unittest

from served import PATIENCE, POLLERS, SKIPPED, UNDERGO, sanitized

SHIM = ""


def poor(first, count):
    return {"LD_PRELOAD": SHIM, "FAIL_FROM": str(first), "FAIL_COUNT": str(count)}


class Faults(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="undergo-faults-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

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
                needed = [first for first in range(1, 41) if not self.starts(first, 1, poller)]
                self.assertGreater(len(needed), 10)
                self.assertLess(needed[-1], 40)  # all were tried


if __name__ == "__main__":
    SHIM = sys.argv.pop(1) if len(sys.argv) > 1 else ""
    if not SHIM or sanitized():
        print("skipped: no allocator to stand before")
        sys.exit(SKIPPED)
    unittest.main()
