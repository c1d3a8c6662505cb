#!/usr/bin/env python3
"""tests/run counts what meson's log holds, and never calls a bad end a good one."""
import importlib.machinery
import importlib.util
import os
import sys
import unittest

sys.dont_write_bytecode = True
here = os.path.dirname(os.path.abspath(__file__))
loader = importlib.machinery.SourceFileLoader("run", os.path.join(here, "run"))
run = importlib.util.module_from_spec(importlib.util.spec_from_loader("run", loader))
loader.exec_module(run)


class Counting(unittest.TestCase):
    def check(self, stdout, result, status, passed, failed, skipped):
        c = run.count({"stdout": stdout, "result": result, "returncode": status})
        self.assertEqual((c.passed, c.failed, c.skipped), (passed, failed, skipped))

    def test_cases_of_a_tap_program(self):
        self.check("1..2\nok 1 - a\nok 2 - b\n", "OK", 0, 2, 0, 0)

    def test_failed_case(self):
        self.check("1..2\nok 1 - a\nnot ok 2 - b\n# why\n", "FAIL", 1, 1, 1, 0)

    def test_skipped_case_as_cmocka_says_it(self):
        self.check("1..2\nok 1 - a\nnot ok 2 # SKIP b\n", "OK", 0, 1, 0, 1)

    def test_line_without_its_end_before_a_case(self):
        self.check("1..1\nprogressok 1 - a\n", "OK", 0, 1, 0, 0)

    def test_two_groups_in_one_program(self):
        self.check("1..1\nok 1 - a\n1..2\nok 1 - b\nok 2 - c\n", "OK", 0, 3, 0, 0)

    def test_early_exit_with_status_0_is_a_failure(self):
        self.check("1..3\nok 1 - a\n", "OK", 0, 1, 1, 0)

    def test_crash(self):
        self.check("1..2\nok 1 - a\n", "FAIL", -11, 1, 1, 0)

    def test_bad_status_after_good_cases(self):
        self.check("1..1\nok 1 - a\n", "FAIL", 66, 1, 1, 0)

    def test_time_out(self):
        self.check("", "TIMEOUT", None, 0, 1, 0)

    def test_silent_program(self):
        self.check("", "OK", 0, 1, 0, 0)

    def test_skipped_program(self):
        self.check("", "SKIP", 77, 0, 0, 1)

    def test_pythons_unittest(self):
        self.check("Ran 5 tests in 0.1s\n\nFAILED (failures=1, errors=1, skipped=1)\n", "FAIL", 1, 2, 2, 1)
        self.check("Ran 5 tests in 0.1s\n\nOK\n", "OK", 0, 5, 0, 0)

    def test_no_python_test_ran(self):
        self.check("Ran 0 tests in 0.0s\n\nOK\n", "OK", 0, 0, 1, 0)


if __name__ == "__main__":
    unittest.main()
