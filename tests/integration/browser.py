#!/usr/bin/env python3
"""Headless Chromium shows the page of a folder, follows links, downloads; the page fits a phone and a desktop, in light
and in dark. Screenshots for people to look at are left in the build folder."""
import os
import struct
import sys
import tempfile
import unittest
import urllib.parse

import webdriver
from served import SKIPPED, Server, end_well, wait_until

SHOTS = os.path.join(os.environ.get("UG_BUILD", tempfile.gettempdir()), "screenshots")
LONG = "a-very-long-name-" * 12 + ".tar.gz"
UMLAUT = "\u00c4pfel & Birnen <\u5317\u4eac> #1 100%?.txt"
FILES = {"readme.txt": b"read me\n", "archive.zip": b"PK\5\6" + bytes(18), "photo-0001.jpg": b"j" * 2_345_678,
         "report 2024.pdf": b"p" * 98_765, LONG: b"l" * 1234, UMLAUT: b"umlaut\n", "empty": b"", ".hidden": b"",
         "documents/letter.txt": b"letter\n", "documents/2024/spring/note.txt": b"deep\n", "pictures/a.png": b"a"}

# Each visible text beside the contrast of its colour to what is behind it.
# https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
CONTRAST = """
function parse(c) { return c.match(/[\\d.]+/g).map(Number); }
function light(c) {
  const [r, g, b] = c.map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
function behind(e) {
  for (; e; e = e.parentElement) {
    const c = parse(getComputedStyle(e).backgroundColor);
    if (c.length < 4 || c[3] === 1) return c.slice(0, 3);
  }
  return [255, 255, 255];
}
return [...document.body.querySelectorAll('*')]
  .filter(e => e.checkVisibility() && [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
  .map(e => {
    const a = light(parse(getComputedStyle(e).color)), b = light(behind(e));
    return [e.textContent.trim(), (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)];
  });
"""

BOXES = """
return [...document.querySelectorAll(arguments[0])].map(e => {
  const r = e.getBoundingClientRect();
  return {text: e.textContent.trim(), left: r.left, right: r.right, top: r.top, bottom: r.bottom, height: r.height};
});
"""

# How high the place is at which a finger on the middle of a link hits the link.
TARGETS = """
return [...document.querySelectorAll('a')].map(a => {
  a.scrollIntoView({block: 'center', behavior: 'instant'});
  const r = a.getClientRects()[0], x = r.left + r.width / 2, y = r.top + r.height / 2;
  const hit = y => { const e = document.elementFromPoint(x, y); return e && e.closest('a') === a; };
  let up = 0, down = 0;
  while (up < 99 && hit(y - up)) up++;
  while (down < 99 && hit(y + down)) down++;
  return [a.textContent.trim(), up + down - 1];
});
"""


def setUpModule():
    global browser, server
    folder = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(folder.cleanup)
    for name, data in FILES.items():
        path = os.path.join(folder.name, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(data)
        os.utime(path, (1_700_000_000 + len(data), 1_700_000_000 + len(data)))
    os.mkdir(os.path.join(folder.name, "nothing in here"))
    server = Server(folder.name, "--log", "none")
    unittest.addModuleCleanup(end_well, server)
    browser = webdriver.Browser()
    unittest.addModuleCleanup(browser.close)
    os.makedirs(SHOTS, exist_ok=True)


class Page(unittest.TestCase):
    def setUp(self):
        browser.screen(1280)
        browser.prefer("light")
        browser.go(server.url + "/")
        browser.console()

    def complaints(self):
        """Those about an icon are not ours: a browser looks for one once it has shown a file of plain text."""
        return [e for e in browser.console() if "/favicon.ico" not in e["message"]]

    def names(self):
        return [b["text"].rstrip("/") for b in browser.run(BOXES, "tbody a")]

    def test_shows_what_is_there(self):
        names = self.names()
        self.assertEqual(names[:3], ["documents", "nothing in here", "pictures"])
        self.assertEqual(set(names), {n.partition("/")[0] for n in FILES if n[0] != "."} | {"nothing in here"})
        self.assertEqual(self.complaints(), [])

    def test_links_are_followed_down_and_up(self):
        browser.follow("documents")
        self.assertEqual(browser.url(), server.url + "/documents/")
        self.assertIn("documents", browser.title())
        for name in ("2024", "spring"):
            browser.follow(name)
        self.assertEqual(browser.url(), server.url + "/documents/2024/spring/")
        browser.follow("note.txt")
        self.assertEqual(browser.text("body"), "deep")
        browser.post("/back")
        browser.follow("documents")
        self.assertEqual(browser.url(), server.url + "/documents/")
        browser.follow("Parent")
        self.assertEqual(browser.url(), server.url + "/")
        self.assertEqual(self.complaints(), [])

    def test_a_file_of_any_name_opens(self):
        browser.follow(UMLAUT[:5])
        self.assertEqual(urllib.parse.unquote(browser.url()), f"{server.url}/{UMLAUT}")
        self.assertEqual(browser.text("body"), "umlaut")

    def test_a_file_is_downloaded(self):
        browser.follow("archive.zip")
        path = os.path.join(browser.downloads, "archive.zip")
        wait_until(lambda: os.path.exists(path) and not [n for n in os.listdir(browser.downloads) if "crdownload" in n],
                   "nothing was downloaded")
        with open(path, "rb") as f:
            self.assertEqual(f.read(), FILES["archive.zip"])

    def test_columns_sort(self):
        browser.follow("Size")
        sizes = [len(FILES[n]) for n in self.names() if n in FILES]
        self.assertEqual(sizes, sorted(sizes, reverse=True))
        browser.follow("Size")
        self.assertEqual([len(FILES[n]) for n in self.names() if n in FILES], sizes[::-1])
        browser.follow("Changed")
        self.assertEqual(self.names()[:3], ["nothing in here"] + self.names()[1:3])
        browser.follow("Name")
        names = [n.lower() for n in self.names() if n in FILES and n.isascii()]
        self.assertEqual(names, sorted(names))

    def test_an_empty_folder_says_so(self):
        browser.follow("nothing in here")
        self.assertIn("empty", browser.text("main"))

    def test_the_keyboard_reaches_every_entry(self):
        seen = set()
        for _ in range(40):
            self.press("\ue004")  # tab
            seen.add(browser.run("return document.activeElement.textContent.trim().replace(/\\/$/, '')"))
        self.assertLessEqual(set(self.names()), seen)

    def press(self, key):
        browser.post("/actions", actions=[{"type": "key", "id": "keys", "actions": [{"type": "keyDown", "value": key},
                                                                                    {"type": "keyUp", "value": key}]}])


def layout(width, scheme, path, name):
    def test(self):
        browser.console()
        browser.screen(width, phone=width < 600)
        browser.prefer(scheme)
        browser.go(server.url + path)
        shot = os.path.join(SHOTS, f"{name}-{width}-{scheme}.png")
        browser.screenshot(shot)
        self.looks_right(width, scheme)
        with open(shot, "rb") as f:
            head = f.read(24)
        self.assertEqual(head[:8], b"\x89PNG\r\n\x1a\n")
        self.assertEqual(struct.unpack(">I", head[16:20]), (width,))
    return test


class Layout(unittest.TestCase):
    def looks_right(self, width, scheme):
        self.assertEqual(browser.run("return innerWidth"), width)
        self.assertLessEqual(browser.run("return document.documentElement.scrollWidth"), width, "it scrolls sideways")

        texts = browser.run(BOXES, "a, td, p, h1, time, data")
        for b in texts:
            with self.subTest(text=b["text"][:30]):
                self.assertGreaterEqual(b["left"], 0)
                self.assertLessEqual(b["right"], width)

        entries = browser.run(BOXES, "tbody a")
        for above, below in zip(entries, entries[1:]):
            self.assertGreaterEqual(below["top"], above["bottom"] - 0.5, "entries overlap")
        self.assertTrue(all(b["height"] > 0 for b in entries))
        if width < 600:
            for link, height in browser.run(TARGETS):
                with self.subTest(link=link[:30]):
                    self.assertGreaterEqual(height, 40, "too low for a finger")

        for row in range(1, len(entries) + 1):
            cells = [b for b in browser.run(BOXES, f"tbody tr:nth-child({row}) > *") if b["text"]]
            for i, a in enumerate(cells):
                for b in cells[i + 1:]:
                    apart = (a["right"] <= b["left"] + 0.5 or b["right"] <= a["left"] + 0.5 or
                             a["bottom"] <= b["top"] + 0.5 or b["bottom"] <= a["top"] + 0.5)
                    self.assertTrue(apart, f"{a} covers {b}")

        for text, contrast in browser.run(CONTRAST):
            with self.subTest(text=text[:30]):
                self.assertGreaterEqual(contrast, 4.5, "hard to read")
        background = browser.run("return getComputedStyle(document.body).backgroundColor")
        brightness = sum(map(float, background.strip("rgba()").split(",")[:3])) / 3
        self.assertEqual(brightness > 128, scheme == "light", background)
        self.assertEqual(browser.console(), [])


for page, path in (("listing", "/"), ("deep", "/documents/2024/spring/"), ("empty", "/nothing%20in%20here/")):
    for width in (400, 1280):
        for scheme in ("light", "dark"):
            setattr(Layout, f"test_{page}_{width}_{scheme}", layout(width, scheme, path, page))


if __name__ == "__main__":
    if webdriver.missing():
        print("no", " or ".join(webdriver.missing()))
        sys.exit(SKIPPED)
    unittest.main()
