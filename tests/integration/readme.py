#!/usr/bin/env python3
"""The README's example, cut out of the README, compiles against what `make install` installs, as C11 and as C++17,
and echoes. It is also one of the examples, word for word. A library with a sanitizer in it takes a program with the same one."""
import json
import os
import re
import socket
import subprocess
import tempfile
import time
import unittest

SOURCE, BUILD = os.environ["UG_SOURCE"], os.environ["UG_BUILD"]
PATIENCE = 30  # seconds


def options():
    out = subprocess.run(["meson", "introspect", "--buildoptions", BUILD], check=True, stdout=subprocess.PIPE).stdout
    return {o["name"]: o["value"] for o in json.loads(out)}


CHOSEN = options()
SANITIZER = CHOSEN["b_sanitize"]
C, CXX = (["cc"], ["c++"]) if SANITIZER == "none" else ([c, "-fsanitize=" + SANITIZER] for c in ("clang", "clang++"))


class Readme(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with open(os.path.join(SOURCE, "README.md"), encoding="utf-8") as f:
            cls.example = re.search(r"^```c\n(#include.*?)^```$", f.read(), re.S | re.M).group(1)
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        root = os.path.join(cls.folder.name, "root")
        subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", root], check=True)
        cls.libdir = os.path.join(root + CHOSEN["prefix"], CHOSEN["libdir"])
        cls.env = dict(os.environ, PKG_CONFIG_PATH=os.path.join(cls.libdir, "pkgconfig"), PKG_CONFIG_SYSROOT_DIR=root)

    def build_and_speak(self, number, compiler, *language):
        source = os.path.join(self.folder.name, "echo.c")
        program = os.path.join(self.folder.name, f"echo-{number}")
        with open(source, "w", encoding="utf-8") as f:
            f.write(self.example)
        flags = subprocess.run(["pkg-config", "--cflags", "--libs", "undergo"], env=self.env, check=True, stdout=subprocess.PIPE,
                               text=True).stdout.split()
        made = subprocess.run([*compiler, "-Wall", "-Wextra", "-Wconversion", "-pedantic", "-Werror", "-o", program, *language,
                               source, "-x", "none", *flags], stderr=subprocess.PIPE, text=True)
        self.assertEqual(made.returncode, 0, made.stderr)

        pid = os.getpid()
        address = f"127.{(pid >> 15) + 129}.{pid >> 8 & 127}.{pid & 255}", 7000 + number
        echo = subprocess.Popen([program, "%s:%d" % address], env=dict(os.environ, LD_LIBRARY_PATH=self.libdir))
        self.addCleanup(echo.wait, PATIENCE)
        self.addCleanup(echo.terminate)
        end = time.monotonic() + PATIENCE
        while True:
            try:
                client = socket.create_connection(address, timeout=PATIENCE)
                break
            except ConnectionRefusedError:
                self.assertIsNone(echo.poll(), "it ended")
                self.assertLess(time.monotonic(), end)
                time.sleep(0.01)
        with client:
            client.sendall(b"hello")
            self.assertEqual(client.recv(100), b"hello")

    def test_as_c(self):
        self.build_and_speak(0, C, "-std=c11", "-x", "c")

    def test_as_cxx(self):
        self.build_and_speak(1, CXX, "-std=c++17", "-x", "c++")

    def test_is_one_of_the_examples(self):
        with open(os.path.join(SOURCE, "examples", "06-echo.c"), encoding="utf-8") as f:
            self.assertEqual(self.example, re.sub(r"\A/\*.*?\*/\n", "", f.read(), flags=re.S))

    def test_fits_on_a_screen(self):
        self.assertLess(self.example.count("\n"), 26)


if __name__ == "__main__":
    unittest.main()
