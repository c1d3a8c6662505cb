#!/usr/bin/env python3
"""Feed layers.py small trees with one wrong thing each, and see it find that thing; and a right one, and see it pass."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

here = os.path.dirname(os.path.abspath(__file__))
HOUSE = """
floor 0 base
floor 1 stack poll
floor 2 sched
floor 5 os net
floor 8 cmd
edge stack -> poll: a reason
"""
RIGHT = {
    "tests/layers.txt": HOUSE,
    "src/undergo.map": "{ global: ug_[a-z]*; local: *; };",
    "include/undergo/base.h": "int ug_base(void);\n",
    "include/undergo/undergo.h": "#include <undergo/base.h>\n",
    "src/base/base.c": '#include "base/a_priv.h"\n#include <undergo/base.h>\nint ug_base(void) { return 1; }\n',
    "src/base/a_priv.h": "",
    "src/sched/sched.h": "int ug__sched(void);\n",
    "src/sched/sched.c": '#include "sched/sched.h"\n\n#include <undergo/base.h>\nint ug__sched(void) { return ug_base(); }\n',
    "src/os/os.c": "int ug_os(void);\nint ug_os(void) { return 2; }\n",
    "examples/hello.c": "#include <undergo/undergo.h>\n",
    "tests/meson.build": "names = ['unit/base/a', 'unit/sched/a', 'fuzz/base_a']\n",
}


class Layers(unittest.TestCase):
    compiled = {}  # most trees share most files

    def compile(self, root, path, text, output):
        if (path, text) in self.compiled:
            with open(output, "wb") as f:
                f.write(self.compiled[path, text])
            return
        subprocess.run(["cc", "-c", "-w", "-I", root + "/include", "-I", root + "/src", os.path.join(root, path),
                        "-o", output], check=True)
        with open(output, "rb") as f:
            self.compiled[path, text] = f.read()

    def layers(self, files=None):
        """Names of the failed checks for the right tree with these files put over it, and the output."""
        with tempfile.TemporaryDirectory() as root:
            build = os.path.join(root, "build")
            os.mkdir(build)
            tree = {**RIGHT, **(files or {})}
            commands = []
            for path, text in tree.items():
                os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
                with open(os.path.join(root, path), "w", encoding="utf-8") as f:
                    f.write(text)
            for path in tree:
                if path.startswith("src/") and path.endswith(".c"):
                    output = "libundergo.so.p/" + path.replace("/", "_") + ".o"
                    os.makedirs(os.path.join(build, "libundergo.so.p"), exist_ok=True)
                    self.compile(root, path, tree[path], os.path.join(build, output))
                    commands.append({"directory": build, "file": os.path.join("..", path), "output": output})
            with open(os.path.join(build, "compile_commands.json"), "w", encoding="utf-8") as f:
                json.dump(commands, f)
            run = subprocess.run([sys.executable, os.path.join(here, "layers.py"), "--tree", root, "--build", build],
                                 capture_output=True, text=True)
            text = run.stdout + run.stderr
            failed = [line.split(" - ")[1] for line in text.splitlines() if line.startswith("not ok")]
            self.assertEqual(run.returncode != 0, bool(failed) or not run.stdout, text)
            return failed, text

    def wrong(self, check, path, text, said):
        failed, out = self.layers(files={path: text})
        self.assertEqual(failed, [check], out)
        self.assertIn(said, out)

    def test_right_tree(self):
        self.assertEqual(self.layers()[0], [])

    def test_file_of_a_test_that_nobody_compiles(self):
        self.wrong("listed", "tests/unit/base/b.c", "", "tests/unit/base/b.c: in no meson.build")
        self.assertEqual(self.layers(files={"tests/go/a.c": "", "tests/go/meson.build": "executable('a', 'a.c')"})[0], [])
        self.assertEqual(self.layers(files={"tests/go/a.c": "", "tests/go/run.py": "cc('a.c')"})[0], [])

    def test_include_upwards(self):
        self.wrong("includes", "src/base/up.c", '#include "sched/sched.h"\n', "base (floor 0) includes")

    def test_include_beside(self):
        failed, out = self.layers(files={"src/os/os.h": "", "src/net/net.c": '#include "os/os.h"\n'})
        self.assertEqual(failed, ["includes"], out)

    def test_listed_edge_inside_a_floor(self):
        failed, out = self.layers(files={"src/poll/poll.h": "", "src/stack/a.c": '#include "poll/poll.h"\n'})
        self.assertEqual(failed, [], out)
        failed, out = self.layers(files={"src/stack/stack.h": "", "src/poll/a.c": '#include "stack/stack.h"\n'})
        self.assertEqual(failed, ["includes"], out)

    def test_private_header_of_another(self):
        self.wrong("includes", "src/sched/peek.c", '#include "base/a_priv.h"\n', "private to base")

    def test_private_header_in_a_unit_test(self):
        self.wrong("includes", "tests/unit/sched/a.c", '#include "base/a_priv.h"\n', "private to base")
        self.assertEqual(self.layers(files={"tests/unit/base/a.c": '#include "base/a_priv.h"\n'})[0], [])
        self.assertEqual(self.layers(files={"tests/fuzz/base_a.c": '#include "base/a_priv.h"\n'})[0], [])

    def test_library_includes_the_header_of_everything(self):
        self.wrong("includes", "src/os/all.c", "#include <undergo/undergo.h>\n", "undergo.h is for users")

    def test_example_sees_inside(self):
        self.wrong("includes", "examples/a.c", '#include "../src/sched/sched.h"\n', "only public headers")

    def test_includes_in_no_order(self):
        self.wrong("order", "src/base/b.c", '#include <stdio.h>\n#include "base/a_priv.h"\n', "in no order")
        self.wrong("order", "src/base/b.c", '#include <stdlib.h>\n#include <stdio.h>\n', "in no order")
        self.wrong("order", "src/base/b.c", '#include "a_priv.h"\n', "without its package")
        own_first = '#include "sched/sched.h"\n\n#include "base/b.h"\n#include <stdio.h>\n'
        self.assertEqual(self.layers(files={"src/sched/b.c": own_first, "src/base/b.h": ""})[0], [])

    def test_unknown_package(self):
        self.wrong("includes", "include/undergo/odd.h", "#include <undergo/base.h>\n", "belongs to no package")

    def test_call_upwards_without_an_include(self):
        self.wrong("symbols", "src/base/call.c", "int ug__sched(void);\nint ug_c(void) { return ug__sched(); }\n",
                   "base (floor 0) calls ug__sched of sched")

    def test_call_beside(self):
        self.wrong("symbols", "src/net/call.c", "int ug_os(void);\nint ug_c(void) { return ug_os(); }\n", "calls ug_os of os")

    def test_name_without_prefix(self):
        self.wrong("names", "src/os/name.c", "int helper(void) { return 1; }\n", "shows helper")

    def test_platform(self):
        self.wrong("platforms", "src/os/plat.c", "#if defined(__linux__)\n#endif\n", "asks for __linux__")
        self.assertEqual(self.layers(files={"src/os/plat_linux.c": "#ifdef __x86_64__\n#endif\n"})[0], [])
        self.assertEqual(self.layers(files={"src/os/san.c": "#ifdef __SANITIZE_THREAD__\n#endif\n"})[0], [])

    def test_errno(self):
        self.wrong("errno", "src/os/err.c", "#include <errno.h>\nint ug_e(void) { return errno; }\n", "touches errno")
        words = '#include <errno.h>\n/* errno */ // errno\nconst char *ug_e(void) { return "errno"; }\n'
        self.assertEqual(self.layers(files={"src/os/err.c": words})[0], [])
        self.assertEqual(self.layers(files={"src/base/err.c": "#include <errno.h>\nint ug_e(void) { return errno; }\n"})[0], [])

    def test_stdio(self):
        self.wrong("stdio", "src/os/print.c", '#include <stdio.h>\nvoid ug_p(int i) { printf("%d", i); }\n', "calls printf")
        self.wrong("stdio", "src/os/print.c", '#include <stdio.h>\nvoid ug_p(void) { fputs("a", stderr); }\n', "calls stderr")
        listed = {"tests/layers.txt": HOUSE + "stdio src/os/print.c: a reason\n",
                  "src/os/print.c": '#include <stdio.h>\nvoid ug_p(int i) { printf("%d", i); }\n'}
        self.assertEqual(self.layers(files=listed)[0], [])

    def test_length(self):
        self.wrong("length", "src/os/long.c", "\n" * 601, "601 lines")

    def test_edge_without_a_reason_is_refused(self):
        failed, out = self.layers(files={"tests/layers.txt": HOUSE + "edge os -> net\n"})
        self.assertIn("a reason is needed", out)


if __name__ == "__main__":
    unittest.main()
