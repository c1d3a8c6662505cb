#!/usr/bin/env python3
"""instructions.py fails where a count is above its ceiling, and only there."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import instructions

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ["UG_BUILD"]
WORLD = instructions.world(os.path.join(BUILD, "tests", "guard", "units"))


def profile(unit, what, n, total, function="work"):
    return f"thread: 2\ndesc: Trigger: Client Request: {unit} {what} {n}\nfn=(1) {function}\ntotals: {total}\n"


class Counting(unittest.TestCase):
    def test_start_up_cancels_out(self):
        self.assertEqual(instructions.per_unit([
            profile("yield", "warm", 10, 999999), profile("yield", "small", 10, 5100),
            profile("yield", "large", 110, 6100)]), {"yield": 10.0})

    def test_a_task_that_changed_its_thread_is_added_up_and_the_monitor_is_not(self):
        self.assertEqual(instructions.per_unit([
            profile("yield", "small", 10, 100), profile("yield", "large", 20, 150), profile("yield", "large", 20, 50),
            profile("yield", "large", 20, 7777, "monitor_main")]), {"yield": 10.0})

    def test_3_percent_are_let_pass_and_no_more(self):
        self.assertEqual(instructions.above({"a": 102.9, "b": 103.1, "c": 50}, {"a": 100, "b": 100, "c": 100}), ["b"])

    def test_a_unit_without_a_ceiling_and_one_without_a_count_are_failures(self):
        self.assertEqual(instructions.above({"a": 1}, {"b": 1}), ["a", "b"])


@unittest.skipUnless(shutil.which("valgrind"), "no valgrind here")
@unittest.skipUnless("sanitized" not in WORLD, "valgrind does not run what is sanitized")
class Comparing(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(dir=BUILD)
        self.addCleanup(folder.cleanup)
        self.ceilings = os.path.join(folder.name, "ceilings")

    def run_it(self, *options):
        return subprocess.run([sys.executable, os.path.join(HERE, "instructions.py"), "--ceilings", self.ceilings,
                               *options, BUILD], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def test_what_was_counted_passes_and_a_ceiling_below_it_fails(self):
        done = self.run_it("--update")
        self.assertEqual(done.returncode, 0, done.stdout)
        made_for, counts = instructions.read(self.ceilings)
        self.assertEqual(made_for, WORLD)
        self.assertGreater(counts["yield"], 10)
        done = self.run_it()
        self.assertEqual(done.returncode, 0, done.stdout)
        instructions.write(self.ceilings, WORLD, dict(counts, select=counts["select"] * 0.96))
        done = self.run_it()
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertEqual([line.split()[0] for line in done.stdout.splitlines() if "too many" in line], ["select"])

    def test_ceilings_of_another_compiler_are_not_compared(self):
        instructions.write(self.ceilings, "another compiler", {"yield": 1})
        done = self.run_it()
        self.assertEqual(done.returncode, instructions.SKIPPED)
        self.assertEqual(len(done.stdout.splitlines()), 1)


if __name__ == "__main__":
    unittest.main()
