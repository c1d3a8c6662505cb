#!/usr/bin/env python3
"""`undergo serve` against raw bytes: what two servers could read differently is answered 400 and closed, whether it
comes in one piece or byte by byte; what leaves the folder is not found; what is plain HTTP, however odd, works."""
import os
import socket
import tempfile
import time
import unittest

from served import PATIENCE, Served, each, on_each_poller, read_all, responses, with_tables

SECRET = b"the secret of another folder"
NEXT = b"GET /smuggled.txt HTTP/1.1\r\nHost: x\r\n\r\n"  # behind what is refused: nobody may answer it
H = b"Host: x\r\n"


def get(*lines, target=b"/a.txt", method=b"GET"):
    return b"%s %s HTTP/1.1\r\nHost: x\r\n%s\r\n" % (method, target, b"".join(line + b"\r\n" for line in lines))


def chunked(body):
    return get(b"Transfer-Encoding: chunked", method=b"POST") + body


FRAMING = {
    "Content-Length and Transfer-Encoding": get(b"Content-Length: 5", b"Transfer-Encoding: chunked") + b"0\r\n\r\n",
    "Transfer-Encoding and Content-Length": get(b"Transfer-Encoding: chunked", b"Content-Length: 5") + b"0\r\n\r\n",
    "Content-Length 0 and Transfer-Encoding": get(b"Content-Length: 0", b"Transfer-Encoding: chunked") + b"0\r\n\r\n",
    "two lengths": get(b"Content-Length: 5", b"Content-Length: 6") + b"hello",
    "two equal lengths": get(b"Content-Length: 5", b"Content-Length: 5") + b"hello",
    "list of lengths": get(b"Content-Length: 5, 6") + b"hello",
    "list of equal lengths": get(b"Content-Length: 5, 5") + b"hello",
    "length with plus": get(b"Content-Length: +5") + b"hello",
    "length with minus": get(b"Content-Length: -5") + b"hello",
    "length minus 0": get(b"Content-Length: -0") + b"hello",
    "length in hex": get(b"Content-Length: 0x5") + b"hello",
    "length with letter": get(b"Content-Length: 5a") + b"hello",
    "length with space": get(b"Content-Length: 5 5") + b"hello",
    "length with point": get(b"Content-Length: 5.0") + b"hello",
    "length in quotes": get(b'Content-Length: "5"') + b"hello",
    "length with underscore": get(b"Content-Length: 1_0") + b"hello",
    "empty length": get(b"Content-Length:") + b"hello",
    "length of 2 to the 64 and 5": get(b"Content-Length: 18446744073709551621") + b"hello",
    "length of 2 to the 63": get(b"Content-Length: 9223372036854775808") + b"hello",
    "length in other digits": get("Content-Length: \u0665".encode()) + b"hello",
    "two codings": get(b"Transfer-Encoding: gzip, chunked") + b"0\r\n\r\n",
    "chunked twice": get(b"Transfer-Encoding: chunked, chunked") + b"0\r\n\r\n",
    "chunked on two lines": get(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked") + b"0\r\n\r\n",
    "identity on a second line": get(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity") + b"0\r\n\r\n",
    "chunked is not last": get(b"Transfer-Encoding: chunked, identity") + b"0\r\n\r\n",
    "identity": get(b"Transfer-Encoding: identity"),
    "unknown coding": get(b"Transfer-Encoding: xchunked") + b"0\r\n\r\n",
    "coding with parameter": get(b"Transfer-Encoding: chunked;q=1") + b"0\r\n\r\n",
    "coding in quotes": get(b'Transfer-Encoding: "chunked"') + b"0\r\n\r\n",
    "coding with vertical tab": get(b"Transfer-Encoding: \x0bchunked") + b"0\r\n\r\n",
    "coding with NUL": get(b"Transfer-Encoding: chunked\0") + b"0\r\n\r\n",
    "empty coding": get(b"Transfer-Encoding:") + b"0\r\n\r\n",
    "chunked in HTTP/1.0": b"GET /a.txt HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
}

LINES = {
    "bare LF after the request line": b"GET /a.txt HTTP/1.1\nHost: x\r\n\r\n",
    "bare LF after a field": b"GET /a.txt HTTP/1.1\r\nHost: x\n\r\n",
    "bare LF as the empty line": b"GET /a.txt HTTP/1.1\r\nHost: x\r\n\n",
    "bare LF throughout": b"GET /a.txt HTTP/1.1\nHost: x\n\n",
    "bare LF before the request": b"\n" + get(),
    "bare CR in the target": b"GET /a\r.txt HTTP/1.1\r\n" + H + b"\r\n",
    "bare CR after the version": b"GET /a.txt HTTP/1.1\r\r\n" + H + b"\r\n",
    "bare CR in a field": get(b"A: b\rContent-Length: 5"),
    "bare CR in a name": get(b"A\r: b"),
    "CR CR LF": get(b"A: b\r"),
    "NUL in the method": b"GE\0T /a.txt HTTP/1.1\r\n" + H + b"\r\n",
    "NUL in the target": get(target=b"/a.txt\0.html"),
    "NUL in a name": get(b"A\0: b"),
    "NUL in a field": get(b"A: b\0c"),
    "control character in a field": get(b"A: b\x01c"),
    "DEL in a field": get(b"A: b\x7fc"),
    "space before the colon": get(b"Content-Length : 5") + b"hello",
    "tab before the colon": get(b"Transfer-Encoding\t: chunked") + b"0\r\n\r\n",
    "space in a name": get(b"Content Length: 5"),
    "name in brackets": get(b"[A]: b"),
    "name beyond ASCII": get("\u00e4: b".encode()),
    "field without a name": get(b": b"),
    "field without a colon": get(b"AB"),
    "folded line": get(b"A: b", b" c"),
    "folded line with a tab": get(b"A: b", b"\tc"),
    "folded coding": get(b"Transfer-Encoding:", b" chunked") + b"0\r\n\r\n",
    "space before the first field": b"GET /a.txt HTTP/1.1\r\n Host: x\r\n\r\n",
    "line of one space": get(b" "),
    "two empty lines before the request": b"\r\n\r\n" + get(),
    "space before the method": b" " + get(),
    "two spaces after the method": b"GET  /a.txt HTTP/1.1\r\n" + H + b"\r\n",
    "two spaces after the target": b"GET /a.txt  HTTP/1.1\r\n" + H + b"\r\n",
    "space after the version": b"GET /a.txt HTTP/1.1 \r\n" + H + b"\r\n",
    "tab after the method": b"GET\t/a.txt HTTP/1.1\r\n" + H + b"\r\n",
    "space in the target": get(target=b"/a.txt b"),
    "space in the version": b"GET /a.txt HTTP/ 1.1\r\n" + H + b"\r\n",
    "no target": b"GET HTTP/1.1\r\n" + H + b"\r\n",
    "method with a bracket": get(method=b"GE(T"),
    "method beyond ASCII": get(method=b"G\xc3\x89T"),
    "empty method": get(method=b""),
    "no version (HTTP/0.9)": b"GET /a.txt\r\n",
    "no version and more": b"GET /a.txt\r\n" + H + b"\r\n",
    "version in small letters": b"GET /a.txt http/1.1\r\n" + H + b"\r\n",
    "version of two digits": b"GET /a.txt HTTP/1.10\r\n" + H + b"\r\n",
    "version without a point": b"GET /a.txt HTTP/11\r\n" + H + b"\r\n",
    "version with a comma": b"GET /a.txt HTTP/1,1\r\n" + H + b"\r\n",
    "another protocol": b"GET /a.txt ICY/1.1\r\n" + H + b"\r\n",
    "no protocol at all": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
}

TARGETS = {
    "no Host": b"GET /a.txt HTTP/1.1\r\n\r\n",
    "two Hosts": get(b"Host: x"),
    "two Hosts that differ": get(b"host: y"),
    "empty Host": b"GET /a.txt HTTP/1.1\r\nHost:\r\n\r\n",
    "Host with a path": b"GET /a.txt HTTP/1.1\r\nHost: x/y\r\n\r\n",
    "Host with a user": b"GET /a.txt HTTP/1.1\r\nHost: a@x\r\n\r\n",
    "Host with a space": b"GET /a.txt HTTP/1.1\r\nHost: x y\r\n\r\n",
    "list of Hosts": b"GET /a.txt HTTP/1.1\r\nHost: x, y\r\n\r\n",
    "Host with a port of letters": b"GET /a.txt HTTP/1.1\r\nHost: x:http\r\n\r\n",
    "Host with a port too great": b"GET /a.txt HTTP/1.1\r\nHost: x:65536\r\n\r\n",
    "Host with half an address": b"GET /a.txt HTTP/1.1\r\nHost: [::1\r\n\r\n",
    "absolute target of another scheme": get(target=b"ftp://x/a.txt"),
    "absolute target of a file": get(target=b"file:///etc/passwd"),
    "absolute target with a user": get(target=b"http://a@x/a.txt"),
    "absolute target without a host": get(target=b"http:///a.txt"),
    "absolute target with a bad port": get(target=b"http://x:y/a.txt"),
    "absolute target, two Hosts": get(b"Host: y", target=b"http://x/a.txt"),
    "absolute target, no Host": b"GET http://x/a.txt HTTP/1.1\r\n\r\n",
    "target without a slash": get(target=b"a.txt"),
    "asterisk for a GET": get(target=b"*"),
    "fragment": get(target=b"/a.txt#b"),
    "byte beyond ASCII": get(target="/\u00e4".encode()),
    "quote": get(target=b'/"a"'),
    "angle bracket": get(target=b"/<a>"),
    "backslash": get(target=b"/..\\..\\outside\\secret.txt"),
    "percent without digits": get(target=b"/a%"),
    "percent with one digit": get(target=b"/a%2"),
    "percent with letters": get(target=b"/%zz"),
}

BODIES = {
    "extension": chunked(b"5;a=b\r\nhello\r\n0\r\n\r\n"),
    "extension without a value": chunked(b"5;a\r\nhello\r\n0\r\n\r\n"),
    "empty extension": chunked(b"5;\r\nhello\r\n0\r\n\r\n"),
    "extension in quotes": chunked(b'5;a="\r\n"\r\nhello\r\n0\r\n\r\n'),
    "extension with a bare LF": chunked(b"5;\nx\r\nhello\r\n0\r\n\r\n"),
    "extension of the last chunk": chunked(b"5\r\nhello\r\n0;a=b\r\n\r\n"),
    "size with minus": chunked(b"-5\r\nhello\r\n0\r\n\r\n"),
    "size with plus": chunked(b"+5\r\nhello\r\n0\r\n\r\n"),
    "size with 0x": chunked(b"0x5\r\nhello\r\n0\r\n\r\n"),
    "size with underscore": chunked(b"0_5\r\nhello\r\n0\r\n\r\n"),
    "space before the size": chunked(b" 5\r\nhello\r\n0\r\n\r\n"),
    "space after the size": chunked(b"5 \r\nhello\r\n0\r\n\r\n"),
    "no size": chunked(b"\r\nhello\r\n0\r\n\r\n"),
    "size of other letters": chunked(b"g\r\nhello\r\n0\r\n\r\n"),
    "size of 2 to the 64 and 5": chunked(b"10000000000000005\r\nhello\r\n0\r\n\r\n"),
    "size of 2 to the 63": chunked(b"8000000000000000\r\nhello\r\n0\r\n\r\n"),
    "size of many zeros": chunked(b"0" * 100 + b"5\r\nhello\r\n0\r\n\r\n"),
    "bare LF after the size": chunked(b"5\nhello\r\n0\r\n\r\n"),
    "bare CR after the size": chunked(b"5\rhello\r\n0\r\n\r\n"),
    "bare LF after the data": chunked(b"5\r\nhello\n0\r\n\r\n"),
    "nothing after the data": chunked(b"5\r\nhello0\r\n\r\n"),
    "data longer than its size": chunked(b"4\r\nhello\r\n0\r\n\r\n"),
    "data shorter than its size": chunked(b"6\r\nhello\r\n0\r\n\r\n"),
    "bare LF after the last chunk": chunked(b"0\n\r\n"),
    "bare LF at the end": chunked(b"0\r\n\n"),
    "bare LF in the trailer": chunked(b"0\r\nA: b\n\r\n"),
    "bare CR in the trailer": chunked(b"0\r\nA: b\rc\r\n\r\n"),
    "NUL in the trailer": chunked(b"0\r\nA: \0\r\n\r\n"),
    "folded line in the trailer": chunked(b"0\r\nA: b\r\n c\r\n\r\n"),
    "space before the colon in the trailer": chunked(b"0\r\nA : b\r\n\r\n"),
    "no colon in the trailer": chunked(b"0\r\nAB\r\n\r\n"),
    "length in the trailer": chunked(b"0\r\nContent-Length: 5\r\n\r\n"),
    "coding in the trailer": chunked(b"0\r\nTransfer-Encoding: chunked\r\n\r\n"),
    "Host in the trailer": chunked(b"0\r\nHost: y\r\n\r\n"),
}

LIMITS = {
    "request line": (get(target=b"/" + b"a" * 20000), 414),
    "request line that does not end": (b"GET /" + b"a" * 20000, 414),
    "field": (get(b"A: " + b"b" * 20000), 431),
    "field that does not end": (get()[:-2] + b"A: " + b"b" * 20000, 431),
    "many small fields": (get(*[b"A%d: b" % i for i in range(101)]), 431),
    "many fields": (get(*[b"A%d: %s" % (i, b"b" * 300) for i in range(80)]), 431),
    "empty fields": (get(*[b"A:"] * 200), 431),
    "method": (get(method=b"A" * 200), 501),
    "HTTP/2.0": (b"GET /a.txt HTTP/2.0\r\n" + H + b"\r\n", 505),
    "HTTP/3.0": (b"GET /a.txt HTTP/3.0\r\n" + H + b"\r\n", 505),
    "HTTP/0.9 as a version": (b"GET /a.txt HTTP/0.9\r\n" + H + b"\r\n", 505),
    "preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0", 505),
    "expectation": (get(b"Expect: tea"), 417),
}

# status, whether the connection has to end
TRAVERSAL = {
    "dots": (b"/../outside/secret.txt", 400, True),
    "many dots": (b"/../../../../../../../../etc/passwd", 400, True),
    "dots inside": (b"/sub/../../outside/secret.txt", 400, True),
    "dots that stay inside": (b"/sub/../a.txt", 400, True),
    "dots at the end": (b"/sub/..", 400, True),
    "one dot": (b"/./a.txt", 400, True),
    "encoded dots": (b"/%2e%2e/outside/secret.txt", 400, True),
    "one encoded dot": (b"/.%2e/outside/secret.txt", 400, True),
    "encoded capital dots": (b"/%2E%2E/outside/secret.txt", 400, True),
    "encoded slash": (b"/..%2foutside%2fsecret.txt", 400, True),
    "encoded slash inside": (b"/sub%2fb.txt", 400, True),
    "encoded dots and slash": (b"/%2e%2e%2foutside%2fsecret.txt", 400, True),
    "encoded root": (b"/%2fetc/passwd", 400, True),
    "encoded twice": (b"/%252e%252e/outside/secret.txt", 404, False),
    "encoded slash twice": (b"/..%252foutside%252fsecret.txt", 404, False),
    "encoded backslash": (b"/..%5coutside%5csecret.txt", 404, False),
    "overlong UTF-8": (b"/%c0%ae%c0%ae/outside/secret.txt", 404, False),
    "encoded NUL": (b"/a.txt%00.html", 400, True),
    "encoded NUL behind a link": (b"/out.txt%00", 400, True),
    "root twice": (b"//etc/passwd", 404, False),
    "link to a file outside": (b"/out.txt", 404, True),
    "link by a full path": (b"/full.txt", 404, True),
    "link to a folder outside": (b"/out/secret.txt", 404, True),
    "link to a folder outside, itself": (b"/out/", 404, True),
    "link to a link outside": (b"/out2.txt", 404, True),
    "link through a folder inside": (b"/sub/up.txt", 404, True),
    "link to the root": (b"/root/etc/passwd", 404, True),
    "link to itself": (b"/loop", 404, True),
    "dots behind a link": (b"/out/../secret.txt", 400, True),
    "hidden file": (b"/.hidden", 404, False),
    "hidden folder": (b"/.git/config", 404, False),
    "hidden file in a folder": (b"/sub/.hidden", 404, False),
    "encoded hidden file": (b"/%2ehidden", 404, False),
    "three dots": (b"/.../secret.txt", 404, False),
    "file as a folder": (b"/a.txt/", 404, False),
    "file below a file": (b"/a.txt/b.txt", 404, False),
    "FIFO": (b"/fifo", 404, False),
    "socket": (b"/socket", 404, False),
    "name too long": (b"/" + b"a" * 256, 404, False),
    "path too long": (b"/" + b"a/" * 3000, 404, False),
    "no such file": (b"/none", 404, False),
}


def make_folder(top):
    folder, outside = os.path.join(top, "served"), os.path.join(top, "outside")
    for d in (folder, outside, f"{folder}/sub", f"{folder}/.git", f"{folder}/many"):
        os.mkdir(d)
    files = {"served/a.txt": b"hello\n", "served/sub/b.txt": b"below\n", "served/smuggled.txt": SECRET,
             "served/.hidden": SECRET, "served/.git/config": SECRET, "served/sub/.hidden": SECRET,
             "outside/secret.txt": SECRET}
    files.update({f"served/many/{i}": b"%d\n" % i * (i + 1) for i in range(100)})
    for name, data in files.items():
        with open(os.path.join(top, name), "wb") as f:
            f.write(data)
    links = {"out.txt": "../outside/secret.txt", "full.txt": f"{outside}/secret.txt", "out": "../outside",
             "out2.txt": "out.txt", "sub/up.txt": "../../outside/secret.txt", "root": "/", "loop": "loop",
             "in.txt": "a.txt", "below": "sub"}
    for name, target in links.items():
        os.symlink(target, os.path.join(folder, name))
    os.mkfifo(f"{folder}/fifo")
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(f"{folder}/socket")
    old = time.time() - 3600
    for name in files:
        os.utime(os.path.join(top, name), (old, old))
    return folder


@on_each_poller
@with_tables
class Raw(Served):
    @classmethod
    def setUpClass(cls):
        top = tempfile.TemporaryDirectory()
        cls.addClassCleanup(top.cleanup)
        cls.server = cls.start(make_folder(top.name), "--log", "none")

    def refused(self, data, status):
        """The only answer to the bytes, after which the server closes."""
        for pieces in (False, True) if len(data) < 2000 else (False,):
            with self.subTest(byte_by_byte=pieces):
                got = self.server.talk(data + NEXT, pieces)
                self.assertNotIn(SECRET, got)
                found = responses(got)
                self.assertEqual([r.status for r in found], [status], got)
                self.assertEqual(found[0].fields.get("connection"), "close", got)
        self.assertEqual(self.server.get("/a.txt")[0], 200)

    @each(FRAMING)
    def framing(self, data):
        self.refused(data, 400)

    @each(LINES)
    def line(self, data):
        self.refused(data, 400)

    @each(TARGETS)
    def target(self, data):
        self.refused(data, 400)

    @each(BODIES)
    def chunk(self, data):
        self.refused(data, 400)

    @each(LIMITS)
    def limit(self, data, status):
        self.refused(data, status)

    @each(TRAVERSAL)
    def traversal(self, target, status, closes):
        got = self.server.talk(get(target=target) + get(b"Connection: close"))
        self.assertNotIn(SECRET, got)
        self.assertNotIn(b"root:", got)
        found = responses(got)
        self.assertEqual([r.status for r in found], [status] if closes else [status, 200], got)
        self.assertEqual(self.server.talk(get(b"Range: bytes=0-", b"Connection: close", target=target, method=b"HEAD"))
                         .split(b" ")[1], b"%d" % status)

    # ---- what works ----

    def statuses(self, data, methods=()):
        return [r.status for r in responses(self.server.talk(data), methods)]

    def test_links_that_stay_inside_are_followed(self):
        for target, body in ((b"/in.txt", b"hello\n"), (b"/below/b.txt", b"below\n"), (b"//a.txt", b"hello\n")):
            r, = responses(self.server.talk(get(b"Connection: close", target=target)))
            self.assertEqual((r.status, r.body), (200, body))

    def test_a_hundred_requests_in_one_packet_get_a_hundred_answers_in_order(self):
        data = b"".join(get(target=b"/many/%d" % i) for i in range(99))
        data += get(b"Connection: close", target=b"/many/99")
        found = responses(self.server.talk(data))
        self.assertEqual([(r.status, r.body) for r in found], [(200, b"%d\n" % i * (i + 1)) for i in range(100)])
        self.assertEqual([r.fields.get("connection") for r in found], [None] * 99 + ["close"])

    def test_pipelined_requests_of_all_kinds_are_answered_in_order(self):
        kinds = [("GET", get(), 200), ("HEAD", get(method=b"HEAD"), 200), ("GET", get(target=b"/none"), 404),
                 ("POST", get(b"Content-Length: 5", method=b"POST") + b"hello", 405),
                 ("POST", chunked(b"5\r\nhello\r\n3\r\nGET\r\n0\r\nA: b\r\n\r\n"), 405),
                 ("GET", get(b"Content-Length: 5") + b"GET /", 200), ("GET", get(b"Range: bytes=1-2"), 206),
                 ("OPTIONS", get(method=b"OPTIONS"), 204), ("GET", get(target=b"/sub"), 301),
                 ("BREW", get(method=b"BREW"), 405), ("get", get(method=b"get"), 405),
                 ("GET", get(target=b"/many/99"), 200)] * 8
        data = b"".join(k[1] for k in kinds) + get(b"Connection: close")
        methods = [k[0] for k in kinds]
        self.assertEqual(self.statuses(data, methods), [k[2] for k in kinds] + [200])

    def test_a_cut_at_any_byte_changes_nothing(self):
        data = (get(b"A: b") + chunked(b"5\r\nhello\r\n0\r\nA: b\r\n\r\n") + b"\r\n" +
                get(b"Content-Length: 2") + b"ab" + get(b"Connection: close"))
        for at in range(1, len(data)):
            with self.server.connect() as s:
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                s.sendall(data[:at])
                s.sendall(data[at:])
                self.assertEqual([r.status for r in responses(read_all(s))], [200, 405, 200, 200], at)

    def test_requests_that_come_byte_by_byte_work(self):
        found = responses(self.server.talk(get(b"A: b") + get(b"Connection: close", target=b"/many/3"), pieces=True))
        self.assertEqual([(r.status, r.body) for r in found], [(200, b"hello\n"), (200, b"3\n3\n3\n3\n")])

    def test_one_empty_line_before_a_request_is_skipped(self):
        self.assertEqual(self.statuses(b"\r\n" + get() + b"\r\n" + get(b"Connection: close")), [200, 200])

    def test_http_1_0_needs_no_host_and_closes(self):
        data = b"GET /a.txt HTTP/1.0\r\n\r\n"
        r, = responses(self.server.talk(data + NEXT))
        self.assertEqual((r.status, r.fields["connection"], r.body), (200, "close", b"hello\n"))

    def test_http_1_0_stays_when_asked_to(self):
        keep = b"GET /a.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
        found = responses(self.server.talk(keep + b"GET /a.txt HTTP/1.0\r\n\r\n"))
        self.assertEqual([r.fields["connection"] for r in found], ["keep-alive", "close"])

    def test_http_1_0_gets_no_chunks(self):
        r, = responses(self.server.talk(b"GET /sub/ HTTP/1.0\r\n\r\n"))
        self.assertNotIn("transfer-encoding", r.fields)
        self.assertIn(b"b.txt", r.body)

    def test_absolute_targets_are_understood(self):
        for target in (b"http://x/a.txt", b"HTTP://y:80/a.txt", b"https://[::1]:1/a.txt?b"):
            self.assertEqual(self.statuses(get(b"Connection: close", target=target)), [200])

    def test_any_host_is_served(self):
        for host in (b"localhost:8080", b"[::1]", b"[::1]:80", b"192.0.2.1", b"x:", b"a-b.example."):
            data = b"GET /a.txt HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % host
            self.assertEqual(self.statuses(data), [200], host)

    def test_options_of_everything_and_of_a_file(self):
        first, second = responses(self.server.talk(get(target=b"*", method=b"OPTIONS") +
                                                   get(b"Connection: close", method=b"OPTIONS")))
        self.assertEqual((first.status, second.status), (204, 204))
        self.assertEqual(set(second.fields["allow"].split(", ")), {"GET", "HEAD", "OPTIONS"})

    def test_other_methods_are_answered_with_those_that_are_allowed(self):
        for method in (b"POST", b"PUT", b"DELETE", b"PATCH", b"TRACE", b"BREW", b"get"):
            r, = responses(self.server.talk(get(b"Connection: close", method=method)))
            self.assertEqual((r.status, set(r.fields["allow"].split(", "))), (405, {"GET", "HEAD", "OPTIONS"}), method)

    def test_connect_is_not_allowed(self):
        r, = responses(self.server.talk(get(b"Connection: close", target=b"x:80", method=b"CONNECT")))
        self.assertIn(r.status, (400, 405))

    def test_names_and_close_are_read_in_any_case(self):
        data = b"GET /a.txt HTTP/1.1\r\nhOsT:x\r\ncOnNeCtIoN:  \t keep-alive , CLOSE \t\r\n\r\n"
        self.assertEqual(self.statuses(data + NEXT), [200])

    def test_who_expects_100_for_a_body_that_nobody_wants_gets_the_answer_at_once(self):
        with self.server.connect() as s:
            s.sendall(get(b"Expect: 100-continue", b"Content-Length: 5", method=b"POST"))
            r, = responses(read_all(s))
        self.assertEqual((r.status, r.fields["connection"]), (405, "close"))

    def test_who_expects_100_and_has_sent_the_body_already_is_not_kept_waiting(self):
        data = get(b"Expect: 100-continue", b"Content-Length: 5", method=b"POST") + b"hello"
        r = responses(self.server.talk(data + get(b"Connection: close")))
        self.assertEqual([x.status for x in r if x.status >= 200][0], 405)
        self.assertNotIn(405, [x.status for x in r[1:] if x.status >= 200])

    def test_a_client_that_has_said_all_still_gets_the_answers(self):
        with self.server.connect() as s:
            s.sendall(get() * 3)
            s.shutdown(socket.SHUT_WR)
            self.assertEqual([r.status for r in responses(read_all(s))], [200] * 3)

    def test_half_a_request_and_an_end_is_no_request(self):
        for data in (b"", b"G", get()[:-1], get()[:-2]):
            with self.server.connect() as s:
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
                self.assertEqual(read_all(s), b"", data)

    def test_a_body_that_ends_early_costs_the_connection(self):
        for data in (get(b"Content-Length: 9", method=b"POST") + b"hello", chunked(b"9\r\nhello")):
            with self.server.connect() as s:
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
                r, = responses(read_all(s))
                self.assertIn(r.status, (400, 405))

    def test_a_body_beyond_the_limit_is_not_waited_for(self):
        with self.server.connect() as s:
            s.sendall(get(b"Content-Length: 1000000000000", method=b"POST"))
            r, = responses(read_all(s))
            self.assertIn(r.status, (405, 413))
            self.assertEqual(r.fields["connection"], "close")

    def test_an_answer_arrives_though_the_client_goes_on_sending(self):
        with self.server.connect() as s:
            s.sendall(b"GET /a.txt HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n" + b"x" * 100_000)
            self.assertEqual([r.status for r in responses(read_all(s))], [400])

    def test_a_client_that_resets_hurts_nobody(self):
        for _ in range(20):
            with socket.create_connection(self.server.address, PATIENCE) as s:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                s.sendall(get() * 50)
        self.assertEqual(self.server.get("/a.txt")[2], b"hello\n")

    def test_a_header_of_all_visible_characters_is_taken(self):
        value = bytes(range(0x21, 0x7f)) + b"\t " + bytes(range(0x80, 0x100)) + b"."
        self.assertEqual(self.statuses(get(b"!#$%&'*+-.^_`|~aZ09: " + value, b"Connection: close")), [200])

    def test_a_head_of_just_the_limit_is_taken(self):
        head = get(b"Connection: close")
        padded = get(b"Connection: close", b"A: " + b"b" * (16384 - len(head) - 5))
        self.assertEqual(len(padded), 16384)
        self.assertEqual(self.statuses(padded), [200])


if __name__ == "__main__":
    unittest.main()
