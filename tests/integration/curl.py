#!/usr/bin/env python3
"""`undergo serve` as curl sees it: whole files, ranges, conditions, folders, types, connections."""
import email
import email.utils
import hashlib
import html
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

from served import PATIENCE, SKIPPED, Served, each, with_tables

DATA = random.Random(3).randbytes(300_000)
OLD = 1_000_000_000  # seconds; 2001-09-09

TYPES = {
    "page.html": "text/html; charset=utf-8",
    "style.css": "text/css; charset=utf-8",
    "code.js": "text/javascript; charset=utf-8",
    "module.mjs": "text/javascript; charset=utf-8",
    "data.json": "application/json",
    "note.txt": "text/plain; charset=utf-8",
    "README.md": "text/markdown; charset=utf-8",
    "source.c": "text/plain; charset=utf-8",
    "picture.png": "image/png",
    "picture.JPG": "image/jpeg",
    "drawing.svg": "image/svg+xml",
    "film.mp4": "video/mp4",
    "paper.pdf": "application/pdf",
    "program.wasm": "application/wasm",
    "archive.tar.gz": "application/gzip",
    "letters.woff2": "font/woff2",
}

# Where the name says nothing: what the file begins with, and the type.
UNKNOWN = {
    "README": (b"text\n", "text/plain; charset=utf-8"),
    "odd.xyzzy": (b"text", "text/plain; charset=utf-8"),
    "umlauts": ("\u00e4\u00f6\u00fc \u5317".encode() * 200, "text/plain; charset=utf-8"),
    "cut": (b"x" * 511 + "\u00e4".encode() * 9, "text/plain; charset=utf-8"),
    "latin1": (b"\xe4\xf6\xfc " * 9, "application/octet-stream"),
    "zeros": (b"text\0text", "application/octet-stream"),
    "program": (b"\x7fELF\2\1\1\0", "application/octet-stream"),
    "markup": (b"<!DOCTYPE html><script>alert(1)</script>", "text/plain; charset=utf-8"),
}

# Range, then the bytes of it
RANGES = {
    "first": ("bytes=0-0", (0, 1)),
    "some": ("bytes=100-199", (100, 200)),
    "open": ("bytes=299990-", (299_990, 300_000)),
    "all": ("bytes=0-", (0, 300_000)),
    "suffix": ("bytes=-10", (299_990, 300_000)),
    "suffix longer than the file": ("bytes=-999999", (0, 300_000)),
    "beyond the end": ("bytes=299999-999999999", (299_999, 300_000)),
    "number too great": ("bytes=5-99999999999999999999999", (5, 300_000)),
    "unit in capitals": ("BYTES=1-2", (1, 3)),
    "overlapping": ("bytes=10-19,15-24", (10, 25)),
    "touching": ("bytes=10-19,20-29", (10, 30)),
    "one of them beyond the end": ("bytes=400000-,5-6", (5, 7)),
}

IGNORED = {
    "another unit": "lines=1-2",
    "backwards": "bytes=5-4",
    "no number": "bytes=-",
    "letters": "bytes=a-b",
    "nothing": "bytes=",
    "minus": "bytes=--5",
    "plus": "bytes=+1-2",
    "no unit": "1-2",
    "one of them malformed": "bytes=1-2,x",
    "too many": "bytes=" + ",".join(f"{i * 10}-{i * 10}" for i in range(500)),
}

UNSATISFIABLE = {
    "at the end": "bytes=300000-",
    "beyond the end": "bytes=999999-1000000",
    "several": "bytes=300000-300001,400000-",
    "suffix of nothing": "bytes=-0",
}


def make_folder(folder):
    files = {"data.bin": DATA, "empty.txt": b"", ".hidden": b"hidden", "sub/a.txt": b"a\n",
             "site/index.html": b"<p>site</p>", "site/b.txt": b"b\n",
             "sub dir/\u00e4 #1?%41&\"'<x>.txt": b"odd name\n", ".git/config": b"hidden"}
    files.update({name: name.encode() for name in TYPES})
    files.update({name: data for name, (data, _) in UNKNOWN.items()})
    files.update({f"long/file-{i:04}.txt": b"x" * i for i in range(2000)})
    for name, data in files.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(data)
        os.utime(path, (OLD, OLD))


class Answer:
    def __init__(self, run):
        head, _, self.body = run.stdout.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        self.status = int(lines[0].split()[1])
        self.fields = {}
        for line in lines[1:]:
            name, _, value = line.partition(": ")
            assert name.lower() not in self.fields, line
            self.fields[name.lower()] = value


@with_tables
class Curl(Served, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        make_folder(folder.name)
        cls.folder = folder.name
        cls.server = cls.start(folder.name, "--log", "none")

    def run_curl(self, *args, paths=("/data.bin",), status=0):
        urls = [self.server.url + p for p in paths]
        run = subprocess.run(["curl", "--disable", "--silent", "--show-error", "--path-as-is", "--globoff",
                              "--noproxy", "*", "--max-time", str(PATIENCE), *args, *urls], capture_output=True)
        self.assertEqual(run.returncode, status, run.stderr)
        return run

    def curl(self, *args, path="/data.bin"):
        return Answer(self.run_curl("--include", *args, paths=(path,)))

    # ---- whole files ----

    def test_a_whole_file(self):
        r = self.curl()
        self.assertEqual(r.status, 200)
        self.assertEqual(hashlib.sha256(r.body).digest(), hashlib.sha256(DATA).digest())
        self.assertEqual(r.fields["content-length"], "300000")
        self.assertEqual(r.fields["accept-ranges"], "bytes")
        self.assertEqual(r.fields["last-modified"], "Sun, 09 Sep 2001 01:46:40 GMT")
        self.assertRegex(r.fields["etag"], r'^"[^"]+"$')
        self.assertLess(abs(email.utils.parsedate_to_datetime(r.fields["date"]).timestamp() - time.time()), PATIENCE)

    def test_an_empty_file(self):
        r = self.curl(path="/empty.txt")
        self.assertEqual((r.status, r.body, r.fields["content-length"]), (200, b"", "0"))

    def test_head_tells_what_get_would(self):
        for path in ("/data.bin", "/empty.txt", "/sub/", "/none", "/sub", "/site/"):
            with self.subTest(path=path):
                get, head = self.curl(path=path), self.curl("--head", path=path)
                self.assertEqual((head.status, head.body), (get.status, b""))
                for r in (get, head):
                    r.fields.pop("date")
                if "transfer-encoding" not in get.fields:
                    self.assertEqual(head.fields, get.fields)

    def test_a_query_is_not_part_of_the_name(self):
        self.assertEqual(self.curl(path="/data.bin?v=1&x=../y").body, DATA)

    def test_a_file_of_any_name(self):
        r = self.curl(path="/sub%20dir/%C3%A4%20%231%3F%2541%26%22'%3Cx%3E.txt")
        self.assertEqual((r.status, r.body), (200, b"odd name\n"))

    def test_an_upload_is_not_allowed(self):
        for args in (("--data", "x" * 100), ("--request", "DELETE"), ("--upload-file", __file__)):
            r = self.curl(*args)
            self.assertEqual((r.status, set(r.fields["allow"].split(", "))), (405, {"GET", "HEAD", "OPTIONS"}))

    def test_types_by_name(self):
        for name, expected in TYPES.items():
            with self.subTest(name=name):
                r = self.curl(path="/" + name)
                self.assertEqual((r.body, r.fields["content-type"]), (name.encode(), expected))

    def test_types_by_content(self):
        for name, (data, expected) in UNKNOWN.items():
            with self.subTest(name=name):
                r = self.curl(path="/" + name)
                self.assertEqual((r.body, r.fields["content-type"]), (data, expected))
                self.assertEqual(self.curl("--head", path="/" + name).fields["content-type"], expected)

    # ---- ranges ----

    @each(RANGES)
    def range(self, value, part):
        r = self.curl("--header", "Range: " + value)
        self.assertEqual(r.status, 206)
        self.assertEqual(r.fields["content-range"], f"bytes {part[0]}-{part[1] - 1}/300000")
        self.assertEqual(r.fields["content-length"], str(part[1] - part[0]))
        self.assertEqual(r.body, DATA[slice(*part)])
        self.assertIn("etag", r.fields)

    @each(IGNORED)
    def ignored_range(self, value):
        r = self.curl("--header", "Range: " + value)
        self.assertEqual((r.status, r.body), (200, DATA))

    @each(UNSATISFIABLE)
    def unsatisfiable_range(self, value):
        r = self.curl("--header", "Range: " + value)
        self.assertEqual((r.status, r.fields["content-range"]), (416, "bytes */300000"))

    def parts(self, value):
        r = self.curl("--header", "Range: " + value)
        self.assertEqual(r.status, 206)
        self.assertEqual(r.fields["content-length"], str(len(r.body)))
        self.assertNotIn("content-range", r.fields)
        self.assertRegex(r.fields["content-type"], r"^multipart/byteranges; boundary=\S+$")
        boundary = r.fields["content-type"].partition("boundary=")[2].strip('"').encode()
        first, *parts, last = (b"\r\n" + r.body).split(b"\r\n--" + boundary)
        self.assertEqual((first, last.strip()), (b"", b"--"))
        found = []
        for part in parts:
            head, _, body = part.lstrip(b"\r\n").partition(b"\r\n\r\n")
            fields = email.message_from_bytes(head + b"\r\n\r\n")
            self.assertEqual(fields["Content-Type"], "application/octet-stream")
            m = re.fullmatch(r"bytes (\d+)-(\d+)/300000", fields["Content-Range"])
            found.append((int(m.group(1)), int(m.group(2)) + 1))
            self.assertEqual(body, DATA[slice(*found[-1])])
        return found

    def test_several_ranges(self):
        self.assertEqual(self.parts("bytes=0-9,100-199,-5"), [(0, 10), (100, 200), (299_995, 300_000)])

    def test_several_ranges_in_the_order_asked_for(self):
        self.assertEqual(self.parts("bytes=5000-5009, 0-1"), [(5000, 5010), (0, 2)])

    def test_several_large_ranges(self):
        self.assertEqual(self.parts("bytes=0-99999,150000-299999"), [(0, 100_000), (150_000, 300_000)])

    def test_overlapping_ranges_are_one(self):
        self.assertEqual(self.parts("bytes=0-9,5-19,100-109"), [(0, 20), (100, 110)])

    def test_a_range_of_an_empty_file(self):
        r = self.curl("--header", "Range: bytes=0-", path="/empty.txt")
        self.assertIn((r.status, r.fields.get("content-range")), ((416, "bytes */0"), (200, None)))

    def test_a_range_means_nothing_to_head(self):
        r = self.curl("--head", "--header", "Range: bytes=0-9")
        self.assertEqual((r.status, r.fields["content-length"]), (200, "300000"))

    def test_a_download_goes_on_where_it_stopped(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "part")
            with open(path, "wb") as f:
                f.write(DATA[:123_456])
            self.run_curl("--continue-at", "-", "--output", path)
            with open(path, "rb") as f:
                self.assertEqual(f.read(), DATA)

    # ---- conditions ----

    def test_if_none_match(self):
        etag = self.curl().fields["etag"]
        for value, status in ((etag, 304), ("*", 304), ('"x", ' + etag, 304), ("W/" + etag, 304), ('"x"', 200),
                              ("", 200)):
            with self.subTest(value=value):
                r = self.curl("--header", f"If-None-Match: {value}" if value else "If-None-Match;")
                self.assertEqual((r.status, r.fields["etag"]), (status, etag))
                self.assertEqual(r.body, b"" if status == 304 else DATA)

    def test_if_modified_since(self):
        for value, status in (("Sun, 09 Sep 2001 01:46:40 GMT", 304), ("Sun, 09 Sep 2001 01:46:41 GMT", 304),
                              ("Sun, 09 Sep 2001 01:46:39 GMT", 200), ("Sunday, 09-Sep-01 01:46:40 GMT", 304),
                              ("Sun Sep  9 01:46:40 2001", 304), ("yesterday", 200), ("", 200)):
            with self.subTest(value=value):
                r = self.curl("--header", f"If-Modified-Since: {value}" if value else "If-Modified-Since;")
                self.assertEqual(r.status, status)

    def test_etag_goes_before_the_date(self):
        r = self.curl("--header", 'If-None-Match: "x"', "--header", "If-Modified-Since: Sun, 09 Sep 2001 01:46:40 GMT")
        self.assertEqual(r.status, 200)

    def test_if_match_and_if_unmodified_since(self):
        etag = self.curl().fields["etag"]
        for field, status in ((f"If-Match: {etag}", 200), ("If-Match: *", 200), ('If-Match: "x"', 412),
                              (f"If-Match: W/{etag}", 412), ("If-Unmodified-Since: Sun, 09 Sep 2001 01:46:40 GMT", 200),
                              ("If-Unmodified-Since: Sun, 09 Sep 2001 01:46:39 GMT", 412)):
            with self.subTest(field=field):
                self.assertEqual(self.curl("--header", field).status, status)

    def test_if_range(self):
        etag = self.curl().fields["etag"]
        for value, status in ((etag, 206), ('"x"', 200), ("W/" + etag, 200), ("Sun, 09 Sep 2001 01:46:40 GMT", 206),
                              ("Sun, 09 Sep 2001 01:46:41 GMT", 200), ("nonsense", 200)):
            with self.subTest(value=value):
                r = self.curl("--header", "Range: bytes=10-19", "--header", f"If-Range: {value}")
                self.assertEqual((r.status, r.body), (206, DATA[10:20]) if status == 206 else (200, DATA))

    def test_a_file_that_changes_gets_another_etag(self):
        path = os.path.join(self.folder, "changing.txt")
        with open(path, "wb") as f:
            f.write(b"one")
        os.utime(path, (OLD, OLD))
        first = self.curl(path="/changing.txt")
        with open(path, "wb") as f:
            f.write(b"two")
        os.utime(path, ns=(OLD * 10**9, OLD * 10**9 + 1))
        time.sleep(0.1)  # --cache-time
        second = self.curl("--header", f"If-None-Match: {first.fields['etag']}", path="/changing.txt")
        self.assertEqual((second.status, second.body), (200, b"two"))

    def test_without_a_cache_a_change_is_seen_at_once(self):
        path = os.path.join(self.folder, "changing.txt")
        server = self.serve(self.folder, "--cache-time", "none")
        for version in b"one", b"two", b"ten":
            with open(path, "wb") as f:
                f.write(version)
            os.utime(path, (OLD, OLD))
            self.assertEqual(server.get("/changing.txt")[2], version)
            time.sleep(0.05)  # old enough to be kept, if anything were
            self.assertEqual(server.get("/changing.txt")[2], version)

    # ---- folders ----

    def test_a_folder_without_its_slash_is_elsewhere(self):
        r = self.curl(path="/sub?x=1")
        self.assertEqual((r.status, r.fields["location"]), (301, "/sub/?x=1"))
        r = self.run_curl("--location", paths=("/site",))
        self.assertEqual(r.stdout, b"<p>site</p>")

    def test_a_redirect_never_leads_to_another_host(self):
        r = self.curl(path="//sub")
        self.assertIn(r.status, (301, 404))
        self.assertNotRegex(r.fields.get("location", ""), "^//")

    def test_the_index_stands_for_its_folder(self):
        r = self.curl(path="/site/")
        self.assertEqual((r.status, r.body), (200, b"<p>site</p>"))
        self.assertEqual(r.fields["content-type"], "text/html; charset=utf-8")
        self.assertIn("etag", r.fields)

    def test_a_folder_is_listed(self):
        r = self.curl(path="/")
        page = r.body.decode()
        self.assertEqual((r.status, r.fields["content-type"]), (200, "text/html; charset=utf-8"))
        for name in list(TYPES) + ["data.bin", "sub/", "sub%20dir/"]:
            self.assertIn(f'href="./{name}"' if f'href="./{name}"' in page else f'href="{name}"', page)
        for name in (".hidden", ".git"):
            self.assertNotIn(name, page)

    def test_odd_names_are_escaped_in_a_listing_and_its_links_lead_to_them(self):
        page = self.curl(path="/sub%20dir/").body.decode()
        self.assertNotIn("<x>", page)
        self.assertNotIn("\"'<", page)
        link, = re.findall(r'href="([^"?]*txt)"', page)
        link = html.unescape(link).removeprefix("./")
        self.assertEqual(self.curl(path="/sub%20dir/" + link).body, b"odd name\n")

    def test_a_long_listing_comes_in_chunks(self):
        r = self.curl(path="/long/")
        self.assertEqual((r.status, r.fields.get("transfer-encoding")), (200, "chunked"))
        names = re.findall(r'href="(?:\./)?(file-\d+\.txt)"', r.body.decode())
        self.assertEqual(names, [f"file-{i:04}.txt" for i in range(2000)])

    def test_a_listing_is_sorted_as_asked(self):
        page = self.curl(path="/long/?sort=size&order=desc").body.decode()
        names = re.findall(r'href="(?:\./)?(file-\d+\.txt)"', page)
        self.assertEqual(names, [f"file-{i:04}.txt" for i in range(1999, -1, -1)])

    def test_hidden_files_are_not_there(self):
        for path in ("/.hidden", "/.git/", "/.git/config", "/.git"):
            self.assertEqual(self.curl(path=path).status, 404)

    def test_what_is_not_there_is_a_404_that_people_can_read(self):
        r = self.curl(path="/none")
        self.assertEqual((r.status, r.fields["content-type"]), (404, "text/plain; charset=utf-8"))
        self.assertIn(b"404 Not Found", r.body)

    # ---- connections ----

    def test_one_connection_serves_several(self):
        paths = ("/data.bin", "/sub/", "/none", "/sub/a.txt", "/empty.txt")
        run = self.run_curl(*["--output", os.devnull] * 5, "--write-out", "%{num_connects} %{http_code}\n", paths=paths)
        self.assertEqual(run.stdout.split(b"\n"), [b"1 200", b"0 200", b"0 404", b"0 200", b"0 200", b""])

    def test_a_posted_body_does_not_disturb_what_follows(self):
        run = self.run_curl("--data", "x" * 5000, *["--output", os.devnull] * 3, "--write-out",
                            "%{num_connects} %{http_code}\n", paths=("/none", "/sub/", "/data.bin"))
        self.assertEqual(run.stdout.split(b"\n"), [b"1 405", b"0 405", b"0 405", b""])

    def test_http_1_0(self):
        r = self.curl("--http1.0", path="/sub/a.txt")
        self.assertEqual((r.status, r.body, r.fields["connection"]), (200, b"a\n", "close"))


class Options(Served, unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        for name in ("home.htm", "index.html", ".hidden"):
            with open(os.path.join(self.folder, name), "w", encoding="ascii") as f:
                f.write(name)

    def test_another_index(self):
        server = self.serve(self.folder, "--index", "home.htm")
        self.assertEqual(server.get("/")[2], b"home.htm")

    def test_no_index(self):
        server = self.serve(self.folder, "--index", "")
        self.assertIn(b"home.htm", server.get("/")[2])

    def test_no_listing(self):
        server = self.serve(self.folder, "--index", "", "--no-listing")
        self.assertEqual((server.get("/")[0], server.get("/home.htm")[0]), (404, 200))

    def test_hidden(self):
        server = self.serve(self.folder, "--index", "", "--hidden")
        self.assertEqual(server.get("/.hidden")[2], b".hidden")
        self.assertIn(b".hidden", server.get("/")[2])

    def test_a_socket_of_the_file_system(self):
        path = os.path.join(self.folder, "socket")
        self.serve(self.folder, "--listen", "unix:" + path)
        run = subprocess.run(["curl", "--disable", "--silent", "--unix-socket", path, "http://x/home.htm"],
                             stdout=subprocess.PIPE, timeout=PATIENCE)
        self.assertEqual((run.returncode, run.stdout), (0, b"home.htm"))

    def test_several_addresses(self):
        server = self.serve(self.folder, "--listen", "127.0.0.2:0")
        second = server.out.wait(r"http://127\.0\.0\.2:(\d+)/").group(0)
        run = subprocess.run(["curl", "--disable", "--silent", "--noproxy", "*", second, server.url + "/home.htm"],
                             stdout=subprocess.PIPE, timeout=PATIENCE)
        self.assertEqual((run.returncode, run.stdout), (0, b"index.htmlhome.htm"))

    def test_ipv6(self):
        try:
            server = self.serve(self.folder, listen="[::1]:0")
        except AssertionError:
            if not os.path.exists("/proc/net/if_inet6"):
                self.skipTest("no IPv6")
            raise
        run = subprocess.run(["curl", "--disable", "--silent", "--globoff", "--noproxy", "*", server.url + "/home.htm"],
                             stdout=subprocess.PIPE, timeout=PATIENCE)
        self.assertEqual((run.returncode, run.stdout), (0, b"home.htm"))


if __name__ == "__main__":
    if not shutil.which("curl"):
        print("no curl here")
        sys.exit(SKIPPED)
    unittest.main()
