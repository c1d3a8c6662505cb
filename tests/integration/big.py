#!/usr/bin/env python3
"""A file of 1 GiB arrives whole, and the server needs no more memory for it than for a small one."""
import hashlib
import os
import tempfile
import threading
import unittest

from served import Served, on_each_poller, sanitized

MIB = 1 << 20
SLOW = sanitized()
SIZE = (128 if SLOW else 1024) * MIB
MEMORY = 32 * MIB


def make_file(path):
    """Random blocks that all differ, or one that is sent in another's place would not be seen. Answers its SHA-256."""
    block = bytearray(os.urandom(8 * MIB))
    digest = hashlib.sha256()
    with open(path, "wb") as f:
        for i in range(SIZE // len(block)):
            block[:8] = i.to_bytes(8, "big")
            f.write(block)
            digest.update(block)
    return digest.digest()


def setUpModule():
    global folder, expected
    folder = tempfile.TemporaryDirectory(dir=os.environ.get("UG_BUILD"))
    unittest.addModuleCleanup(folder.cleanup)
    expected = make_file(os.path.join(folder.name, "big"))


@on_each_poller
class Big(Served):
    def setUp(self):
        self.server = self.serve(folder.name)

    def download(self, headers=None):
        """Answers status, length and SHA-256 of the body, and the most memory that was resident meanwhile."""
        c = self.server.http()
        self.addCleanup(c.close)
        c.request("GET", "/big", headers=headers or {})
        r = c.getresponse()
        digest, total, most, buffer = hashlib.sha256(), 0, 0, memoryview(bytearray(MIB))
        while n := r.readinto(buffer):
            digest.update(buffer[:n])
            total += n
            most = max(most, self.server.memory("VmRSS"))
        return r.status, total, digest.digest(), most

    def memory_was_small(self, most):
        if not SLOW:
            self.assertLess(max(most, self.server.memory("VmHWM")), MEMORY)

    def test_arrives_whole_in_little_memory(self):
        status, total, digest, most = self.download()
        self.assertEqual((status, total), (200, SIZE))
        self.assertEqual(digest, expected)
        self.memory_was_small(most)

    def test_a_range_of_it_arrives_too(self):
        first, last = 5 * MIB + 1, 70 * MIB
        status, total, digest, most = self.download({"Range": f"bytes={first}-{last}"})
        self.assertEqual((status, total), (206, last - first + 1))
        with open(os.path.join(folder.name, "big"), "rb") as f:
            f.seek(first)
            self.assertEqual(digest, hashlib.sha256(f.read(last - first + 1)).digest())
        self.memory_was_small(most)

    def test_so_do_several_at_once(self):
        found = []
        threads = [threading.Thread(target=lambda: found.append(self.download({"Range": f"bytes=0-{64 * MIB - 1}"})))
                   for _ in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        with open(os.path.join(folder.name, "big"), "rb") as f:
            digest = hashlib.sha256(f.read(64 * MIB)).digest()
        self.assertEqual([f[:3] for f in found], [(206, 64 * MIB, digest)] * 8)
        self.memory_was_small(max(f[3] for f in found))


if __name__ == "__main__":
    unittest.main()
