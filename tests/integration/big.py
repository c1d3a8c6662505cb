#!/usr/bin/env python3
"""A file of 1 GiB arrives whole, and the server needs no more memory for it than for a small one."""
import hashlib
import os
import tempfile
import threading
import unittest

from served import Served, on_each_poller, read_exactly, sanitized

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

    def test_a_file_that_shrinks_meanwhile_is_no_whole_answer(self):
        path = os.path.join(folder.name, f"shrinking-{self.poller}")
        with open(path, "wb") as f:
            f.truncate(64 * MIB)
        s = self.connect(self.server, receive_buffer=1 << 16)
        s.sendall(b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n" % os.path.basename(path).encode())
        total = len(s.recv(1000))
        os.truncate(path, 20 * MIB)
        while piece := s.recv(MIB):  # an end, or a reset: nothing made up
            total += len(piece)
        self.assertLess(total, 64 * MIB)
        self.assertEqual(self.server.get("/big", method="HEAD")[0], 200)

    def test_a_file_that_grows_meanwhile_is_sent_as_it_was(self):
        path = os.path.join(folder.name, f"growing-{self.poller}")
        with open(path, "wb") as f:
            f.truncate(32 * MIB)
        s = self.connect(self.server, receive_buffer=1 << 16)
        request = b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n" % os.path.basename(path).encode()
        s.sendall(request)
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += s.recv(1)
        os.truncate(path, 64 * MIB)
        s.sendall(request)
        self.assertEqual(read_exactly(s, 32 * MIB), bytes(32 * MIB))
        self.assertEqual(read_exactly(s, 12), b"HTTP/1.1 200")


if __name__ == "__main__":
    unittest.main()
