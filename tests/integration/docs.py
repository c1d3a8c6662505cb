#!/usr/bin/env python3
"""The reference and the guide hold what they say: docstrings, exports, links, code."""
import os
import re
import subprocess
import sys
import tempfile
import unittest

SOURCE, BUILD = os.environ["UG_SOURCE"], os.environ["UG_BUILD"]
INCLUDE = os.path.join(SOURCE, "include")
HEADERS = os.path.join(INCLUDE, "undergo")
SCRIPT = [sys.executable, os.path.join(SOURCE, "scripts", "docs.py")]


def run(command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


class Reference(unittest.TestCase):
    def test_every_function_has_a_docstring_and_the_library_exports_just_those(self):
        r = run(SCRIPT + ["--check", HEADERS, os.path.join(BUILD, "libundergo.so")])
        self.assertEqual(r.returncode, 0, r.stdout)

    def test_the_check_sees_what_is_missing(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "x.h"), "w", encoding="utf-8") as f:
                f.write("/* Documented. */\nint ug_a(void);\n\nint ug_b(void);\nint ug__c(void);\n")
            source, library = os.path.join(folder, "x.c"), os.path.join(folder, "x.so")
            with open(source, "w", encoding="utf-8") as f:
                f.write("int ug_a(void) { return 0; } int ug__c(void) { return 0; } int ug_d(void) { return 0; }\n")
            subprocess.run(["cc", "-shared", "-o", library, source], check=True)
            r = run(SCRIPT + ["--check", folder, library])
        self.assertEqual(r.returncode, 1)
        self.assertEqual(r.stdout.splitlines(), [
            "ug_d is exported, and no public header declares it",
            "x.h: ug_b is declared, and the library does not export it",
            "x.h:4: ug_b has no docstring",
            "3 functions declared, 3 exported, 3 faults"])

    def test_no_link_is_dead(self):
        with tempfile.TemporaryDirectory() as out:
            r = run(SCRIPT + [HEADERS, out])
            self.assertEqual(r.returncode, 0, r.stdout)
            html = os.path.join(out, "html")
            texts = {}
            for name in os.listdir(html):
                with open(os.path.join(html, name), encoding="utf-8") as f:
                    texts[name] = f.read()
        for name, text in texts.items():
            for link in set(re.findall(r'href="([^":]*)"', text)):
                page, _, anchor = link.partition("#")
                with self.subTest(page=name, link=link):
                    if page and page not in texts:
                        self.assertTrue(os.path.exists(os.path.normpath(os.path.join(SOURCE, "build/docs/html", page))))
                    elif anchor:
                        self.assertIn(f'id="{anchor}"', texts[page or name])

    def test_an_install_lists_its_man_pages_for_the_uninstall(self):
        with tempfile.TemporaryDirectory() as out:
            where = dict(os.environ, MESON_INSTALL_DESTDIR_PREFIX=os.path.join(out, "usr"), MESON_BUILD_ROOT=out)
            subprocess.run(SCRIPT + ["--install", HEADERS, "share/man"], env=where, check=True)
            with open(os.path.join(out, "man-pages.txt"), encoding="utf-8") as f:
                listed = f.read().splitlines()
            folder = os.path.join(out, "usr", "share/man", "man3")
            self.assertEqual(sorted(listed), sorted(os.path.join(folder, n) for n in os.listdir(folder)))

    def test_man_pages_are_clean(self):
        with tempfile.TemporaryDirectory() as out:
            run(SCRIPT + [HEADERS, out])
            folder = os.path.join(out, "man", "man3")
            pages = os.listdir(folder)
            self.assertGreater(len(pages), 200)
            for name in pages:
                with open(os.path.join(folder, name), encoding="utf-8") as f:
                    text = f.read()
                if text.startswith(".so "):
                    self.assertTrue(os.path.exists(os.path.join(out, "man", text.split()[1])))
                else:
                    self.assertRegex(text, r"^\.TH \w+ 3 .*\n\.SH NAME\n.* \\- .+\n")


class Guide(unittest.TestCase):
    def test_its_code_compiles(self):
        folder = os.path.join(SOURCE, "docs", "guide")
        count = 0
        for name in sorted(os.listdir(folder)):
            with open(os.path.join(folder, name), encoding="utf-8") as f:
                blocks = re.findall(r"^```c\n(.*?)^```$", f.read(), re.S | re.M)
            for number, code in enumerate(blocks, 1):
                count += 1
                for compiler, *way in (("cc", "-x", "c", "-std=c11", "-Wshadow"), ("c++", "-x", "c++", "-std=c++17")):
                    with self.subTest(page=name, block=number, compiler=compiler):
                        r = subprocess.run([compiler, *way, "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Wconversion", "-Werror",
                                            "-Wno-unused-function", "-fsyntax-only", "-I", INCLUDE, "-"],
                                           input=f"#include <undergo/undergo.h>\n#include <signal.h>\n#include <unistd.h>\n{code}",
                                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
                        self.assertEqual(r.returncode, 0, r.stdout)
        self.assertGreater(count, 10)


if __name__ == "__main__":
    unittest.main()
