#!/usr/bin/env python3
"""The tables of the benchmarks are as their scripts write them, and the plots in docs/ show what the table has."""
import glob
import os
import re
import sys
import unittest
import xml.dom.minidom

sys.dont_write_bytecode = True
SOURCE = os.environ["UG_SOURCE"]
sys.path.insert(0, os.path.join(SOURCE, "bench", "runner"))
import curves
import plot
import report
import rows


def text_of(path):
    with open(path) as f:
        return f.read()


class Tables(unittest.TestCase):
    maxDiff = None

    def test_results_are_as_the_runner_writes_them(self):
        self.assertEqual(report.render(*report.read()), text_of(report.RESULTS))

    def test_curves_are_as_the_script_writes_them(self):
        self.assertEqual(curves.render(curves.rounded(curves.read())), text_of(curves.TABLE))

    def test_plots_show_the_table(self):
        drawn = dict(curves.plots(curves.read()))
        self.assertEqual(sorted(drawn), sorted(glob.glob(os.path.join(curves.PLOTS, "*.svg"))))
        for path, text in drawn.items():
            self.assertEqual(text, text_of(path), f"{path}: bench/curves --draw draws it again")

    def test_every_plot_is_shown_and_every_one_shown_is_there(self):
        shown = re.findall(r"!\[.+?\]\(curves/(.+?)\.svg\)", text_of(os.path.join(SOURCE, "docs", "curves.md")))
        self.assertEqual(shown, list(curves.CURVES))
        self.assertEqual(sorted(shown), sorted(curves.read()))

    def test_every_limit_is_of_a_row(self):
        names = {row.replace("-", "_").lower() for row in rows.ROWS}
        for path in glob.glob(os.path.join(SOURCE, "bench", "limits", "*.c")):
            self.assertIn(os.path.basename(path)[:-2], names)


class Verdicts(unittest.TestCase):
    def word(self, cell):
        return report.verdict_of(cell)

    def test_a_goal_of_one_is_met_by_who_is_level(self):
        goal = rows.Goal()
        self.assertEqual(self.word(report.verdict(goal, 1, 1.0, None)), "met")
        self.assertEqual(self.word(report.verdict(goal, 1, 0.98, None)), "level")
        self.assertEqual(self.word(report.verdict(goal, 1, 0.96, None)), "behind")
        self.assertEqual(self.word(report.verdict(rows.Goal(level=0.1), 1, 0.92, None)), "level")
        self.assertEqual(self.word(report.verdict(goal, 3, 2.98, None)), "behind")

    def test_bounded_is_what_bare_c_does_not_meet(self):
        goal = rows.Goal()
        self.assertEqual(report.verdict(goal, 3, 2.3, 2.4), "3 behind, bare 2.40")
        self.assertEqual(self.word(report.verdict(goal, 3, 2.3, 2.4)), "bounded")
        self.assertEqual(self.word(report.verdict(goal, 3, 2.3, 3.1)), "behind")
        self.assertEqual(self.word(report.verdict(goal, 1, 0.9, 0.95)), "bounded")
        self.assertEqual(self.word(report.verdict(goal, 1, 0.9, 0.98)), "behind")  # which is level, and so meets it
        self.assertEqual(self.word(report.verdict(rows.Goal(level=0.1), 1, 0.8, 0.95)), "behind")

    def test_a_table_says_so_of_each_peer(self):
        figures = {("accept-cpu", 2): {"undergo": ("us", [3, 2, 1]), "go": ("us", [2.4]), "tokio": ("us", [1.92]),
                                       "epoll": ("us", [1.96])}}
        lines = report.table_lines(figures, 1)
        self.assertEqual(lines["accept-cpu", "2", "go"][6:], ["1.20", "1.3 behind, bare 1.22", "1"])
        self.assertEqual(lines["accept-cpu", "2", "tokio"][6:], ["0.96", "1 behind", "1"])
        self.assertEqual(lines["accept-cpu", "2", "epoll"][6:], ["0.98", "1 level", "1"])
        self.assertIn("| 2 | 1 | 0 | 0 | 0 | 1 |", report.summary(lines.values()))


class Curves(unittest.TestCase):
    def bend(self, name, *points):
        return curves.bend(curves.CURVES[name], points)

    def test_what_bends(self):
        level = self.bend("tasks-trip", (1, 100), (10, 120), (100, 300), (1000, 310))
        self.assertEqual((level.times, level.at, level.holds), (2.5, 100, True))
        self.assertFalse(self.bend("tasks-trip", (1, 100), (10, 101), (100, 510)).holds)
        self.assertTrue(self.bend("procs-spawn", (1, 100), (2, 199)).holds)
        self.assertFalse(self.bend("procs-spawn", (1, 100), (2, 201)).holds)
        self.assertIsNone(self.bend("procs-spawn", (1, 100)))

    def test_a_table_is_read_as_it_was_written(self):
        table = {"connections": ({1: {"undergo": 1.5, "tokio": 20.25}, 10: {"go": 3.0}}, "then and there")}
        text = curves.render(table)
        path = curves.TABLE
        try:
            curves.TABLE = os.path.join(os.environ.get("TMPDIR", "/tmp"), f"undergo-curves-{os.getpid()}")
            with open(curves.TABLE, "w") as f:
                f.write(text)
            self.assertEqual(curves.read(), table)
        finally:
            os.unlink(curves.TABLE)
            curves.TABLE = path


class Plot(unittest.TestCase):
    def test_ticks_embrace_the_values(self):
        self.assertEqual(plot.ticks(3, 40), [2, 5, 10, 20, 50])
        self.assertEqual(plot.ticks(1, 1), [1, 2])

    def test_a_decade_is_as_long_everywhere(self):
        scale = plot.Scale(1, 1000, 0, 300)
        for value, place in (1, 0), (10, 100), (100, 200), (1000, 300):
            self.assertAlmostEqual(scale(value), place)

    def test_names_do_not_lie_on_each_other(self):
        self.assertEqual(plot.apart([200, 201, 100], 18), [200, 218, 100])
        last = plot.HEIGHT - plot.BOTTOM
        self.assertEqual(plot.apart([last, last], 18), [last - 18, last])

    def test_a_plot_is_well_formed_and_escapes_its_words(self):
        text = plot.draw("a < b", "ns/x", "many & more", {"one": [(1, 2.0), (10, 3.0)], "two": [(1, 2000.0)]})
        made = xml.dom.minidom.parseString(text).documentElement
        self.assertEqual(len(made.getElementsByTagName("polyline")), 2)
        self.assertIn("a < b", [t.firstChild.data for t in made.getElementsByTagName("text")])


if __name__ == "__main__":
    unittest.main()
