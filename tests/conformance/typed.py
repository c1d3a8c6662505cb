#!/usr/bin/env python3
"""Typed channels: a wrong element type is a compiler's warning at least, by each compiler's defaults; right uses get none.

Each wrong use is compiled alone, so that each must be seen for itself; all right ones together, with every warning an error.
"""
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

include = os.path.join(os.environ.get("UG_SOURCE", "."), "include")
strict = ["-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wundef", "-Wcast-qual", "-Werror"]
ways = [("gcc", "c11"), ("clang", "c11"), ("g++", "c++17"), ("clang++", "c++17")]

HEAD = """
#include <undergo/base.h>
#include <undergo/sched.h>
#include <undergo/sync.h>
struct point { int x, y; };
struct other { int x, y; };
enum colour { RED, GREEN };
typedef UG_CHAN(int) int_chan;
typedef UG_CHAN(unsigned char) byte_chan;
typedef UG_CHAN(struct point) point_chan;
typedef UG_CHAN(struct point *) pointer_chan;
typedef UG_CHAN(const char *) text_chan;
typedef UG_CHAN(int_chan) chan_chan;
typedef UG_CHAN(ug_fn *) fn_chan;
int use(int_chan ints, byte_chan bytes, point_chan points, pointer_chan pointers, text_chan texts, chan_chan chans, fn_chan fns);
int use(int_chan ints, byte_chan bytes, point_chan points, pointer_chan pointers, text_chan texts, chan_chan chans, fn_chan fns)
{
	(void)ints, (void)bytes, (void)points, (void)pointers, (void)texts, (void)chans, (void)fns;
"""

# Channel and declarations of something that is none of its elements; {} is its address.
MISFITS = [
    ("ints", "long v = 0;", "&v"),
    ("ints", "short v = 0;", "&v"),
    ("ints", "unsigned v = 0;", "&v"),
    ("ints", "char v = 0;", "&v"),
    ("ints", "double v = 0;", "&v"),
    ("ints", "struct point v = {0, 0};", "&v"),
    ("ints", "int v = 0; int *p = &v;", "&p"),
    ("ints", "const char *v = 0;", "&v"),
    ("bytes", "signed char v = 0;", "&v"),
    ("bytes", "char v = 0;", "&v"),
    ("bytes", "int v = 0;", "&v"),
    ("points", "struct other v = {0, 0};", "&v"),
    ("points", "struct point v = {0, 0}; struct point *p = &v;", "&p"),
    ("points", "int v = 0;", "&v"),
    ("pointers", "struct point v = {0, 0};", "&v"),
    ("pointers", "struct other *v = 0;", "&v"),
    ("pointers", "struct point **v = 0;", "&v"),
    ("texts", "char v = 0;", "&v"),
    ("texts", "const unsigned char *v = 0;", "&v"),
    ("texts", "const char **v = 0;", "&v"),
    ("chans", "byte_chan v = UG_NIL;", "&v"),
    ("chans", "int v = 0;", "&v"),
    ("fns", "int (*v)(int) = 0;", "&v"),
]
USES = [
    ("send", "return ug_send({ch}, {v});"),
    ("recv", "return ug_recv({ch}, {v});"),
    ("try_send", "return ug_try_send({ch}, {v});"),
    ("try_recv", "return ug_try_recv({ch}, {v});"),
    ("select send", "struct ug_case c[] = {{UG_SEND({ch}, {v})}}; return ug_select(c, 1);"),
    ("select recv", "struct ug_case c[] = {{UG_RECV({ch}, {v})}}; return ug_select(c, 1);"),
]

WRONG = [(f"{name}: {ch} and `{decl}`", decl + " " + use.format(ch=ch, v=v)) for ch, decl, v in MISFITS for name, use in USES]
WRONG += [
    ("send of a value instead of its address", "int v = 1; return ug_send(ints, v);"),
    ("recv into a value instead of its address", "int v = 1; return ug_recv(ints, v);"),
    ("recv into a const", "const int v = 1; return ug_recv(ints, &v);"),
    ("try_recv into a const", "const int v = 1; return ug_try_recv(ints, &v);"),
    ("select recv into a const", "const int v = 1; struct ug_case c[] = {UG_RECV(ints, &v)}; return ug_select(c, 1);"),
    ("an int for a channel", "int v = 1; return ug_send(v, &v);"),
    ("one channel for another", "int_chan c = bytes; return ug_close(c);"),
]
# These show where code is made, not where it is only read.
DROPPED = [
    ("a lock whose answer is dropped", "ug_mutex m = UG_ZERO; ug_mutex_lock(&m); return 0;"),
    ("a select whose answer is dropped", "ug_select(0, 0); return 0;"),
    ("a wait for a task whose answer is dropped", "ug_task_wait(0, 0); return 0;"),
]

RIGHT = [
    "int v = 1; return ug_send(ints, &v) + ug_recv(ints, &v) + ug_try_send(ints, &v) + ug_try_recv(ints, &v);",
    "const int v = 1; return ug_send(ints, &v) + ug_try_send(ints, &v);",
    "static const int v[3] = {1, 2, 3}; return ug_send(ints, &v[1]) + ug_send(ints, v);",
    "int v[3] = {1, 2, 3}; return ug_send(ints, v + 1) + ug_recv(ints, &v[2]);",
    "struct point p = {1, 2}; return ug_send(points, &p) + ug_recv(points, &p);",
    "const struct point p = {1, 2}; return ug_send(points, &p);",
    "struct point p = {1, 2}; return ug_send(ints, &p.x) + ug_recv(ints, &p.y);",
    "struct point p = {1, 2}, *q = &p; return ug_send(pointers, &q) + ug_recv(pointers, &q);",
    "struct point p = {1, 2}, *const q = &p; return ug_send(pointers, &q);",
    'const char *t = "a"; return ug_send(texts, &t) + ug_recv(texts, &t);',
    'const char *const t = "a"; return ug_send(texts, &t) + ug_try_send(texts, &t);',
    "unsigned char b = 1; return ug_send(bytes, &b) + ug_recv(bytes, &b);",
    "uint8_t b = 1; return ug_send(bytes, &b) + ug_recv(bytes, &b);",
    "return ug_send(chans, &ints) + ug_recv(chans, &ints);",
    "ug_fn *f = 0; return ug_send(fns, &f) + ug_recv(fns, &f);",
    "int v = 0; const int w = 1; struct point p = {0, 0}; const struct point q = {1, 2};"
    " struct ug_case c[] = {UG_RECV(ints, &v), UG_SEND(ints, &w), UG_RECV(points, &p), UG_SEND(points, &q),"
    " UG_AFTER(5 * UG_MS), UG_AT(ug_now()), UG_DEFAULT, UG_IGNORE}; return ug_select(c, UG_COUNT_OF(c));",
    "int_chan c = UG_NIL; UG_TRY(ug_chan_new(&c, 3)); return ug_chan_ref(&c) + ug_chan_unref(&c);",
    "UG_CLEAN(ug_chan_unref) int_chan c = UG_NIL; return ug_close(c);",
    "struct ug_chan_opts o = UG_ZERO; int_chan c = UG_NIL; UG_TRY(ug_chan_new_with(&c, 0, &o)); return ug_close(c);",
    "return (int)(ug_len(points) + ug_cap(points));",
    "int e = 0; UG_WITH_TIMEOUT(UG_SECOND) { int v = 0; e = ug_recv(ints, &v); } return e;",
    "ug_group g; UG_GROUP(&g) { (void)ug_group_go(&g, 0, 0); } return ug_group_result(&g);",
    "UG_WITH_TIMEOUT(UG_SECOND) {\nUG_SHIELD {\nUG_WITH_DEADLINE(ug_now()) { (void)ug_sleep(1); } } } return 0;",
    "ug_group g, h; UG_GROUP(&g) {\nUG_GROUP(&h) { (void)ug_group_go(&h, 0, 0); } } return ug_group_result(&g);",
]


def compile_one(compiler, std, options, body):
    language = "c++" if "++" in std else "c"
    return subprocess.run([compiler, "-x", language, f"-std={std}", "-I", include, "-S", "-o", os.devnull, *options,
                           "-"],
                          input=HEAD + body + "\n}\n", capture_output=True, text=True)


def main():
    jobs = [("right", f"`{body}`".replace("\n", " "), way, strict, body) for way in ways for body in RIGHT]
    jobs += [("wrong", name, way, ["-fsyntax-only"], body) for way in ways for name, body in WRONG]
    jobs += [("wrong", name, way, [], body) for way in ways for name, body in DROPPED]

    def run(job):
        _, _, (compiler, std), options, body = job
        return compile_one(compiler, std, options, body) if shutil.which(compiler) else None

    print(f"1..{len(jobs)}")
    bad = 0
    with ThreadPoolExecutor(2) as pool:
        for number, (job, done) in enumerate(zip(jobs, pool.map(run, jobs)), 1):
            kind, name, (compiler, std), *_ = job
            if not done:
                print(f"ok {number} # SKIP {name}: there is no {compiler} here")
                continue
            said = "warning" in done.stderr or "error" in done.stderr
            good = done.returncode == 0 and not said if kind == "right" else said
            print(f"{'ok' if good else 'not ok'} {number} - {kind} with {compiler} as {std}: {name}")
            if not good:
                bad += 1
                print("\n".join(done.stderr.splitlines()[:12]) if kind == "right" else "no warning")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
