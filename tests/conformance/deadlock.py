#!/usr/bin/env python3
"""A deadlock is reported with every task's name and wait, and nothing else is; an overflowed stack names its task.

usage: deadlock.py PROGRAM [SANITIZER]

Under ThreadSanitizer no deadlock is looked for: its own thread keeps the report away, as any plain thread does. Faults are
each sanitizer's own business.
"""
import os
import re
import resource
import signal
import subprocess
import sys
import time

program = sys.argv[1]
sanitizer = sys.argv[2] if len(sys.argv) > 2 else "none"
race_build = "thread" in sanitizer
sanitized = sanitizer != "none"
ALIVE = 1.0  # seconds that an innocent program is watched

RECEIVER = ("the-first", "receive")
DEADLOCKED = {
    "one_waits": [RECEIVER],
    "waits_after_a_sleep": [RECEIVER],
    "waits_after_its_thread": [RECEIVER],
    "waits_after_a_long_thread": [RECEIVER],
    "waits_after_a_long_computation": [RECEIVER],
    "waits_without_the_main_thread": [RECEIVER],
    "waits_after_a_blocking_call": [RECEIVER, ("the-receiver", "receive")],
    "waits_after_the_last_signal": [RECEIVER],
    "everything_waits": [
        RECEIVER, ("the-sender", "send"), ("the-receiver", "receive"), ("the-nil", "receive|context|ever"),
        ("the-selector", "select"), ("the-locker", "mutex"), ("the-writer", "rwmutex"), ("the-conditional", "cond"),
        ("the-once", "once|receive"), ("the-once-more", "once|receive"), ("the-waitgroup", "wait ?group"),
        ("the-semaphore", "sem.*:|waits for sem"), ("the-joiner", "task"), ("the-awaited", "receive"),
        ("the-scope", "group"), ("the-member", "receive"),
    ],
}
INNOCENT = [
    "waits_for_a_signal", "waits_for_a_descriptor", "selects_on_a_descriptor", "waits_for_a_blocking_call",
    "waits_for_a_blocked_task", "waits_for_a_busy_task", "waits_for_a_pinned_task", "waits_for_a_timer",
    "selects_on_a_timer", "waits_for_a_deadline", "sleeps_pinned", "has_a_thread", "has_a_thread_that_waits",
    "is_fed_by_a_thread", "is_fed_by_naps", "is_fed_by_blocking_calls", "runs_without_ug_main",
]
OVERFLOWS = {"overflows": "the-deep-one", "overflows_a_small_stack": "the-shallow-one"}
RUNS = [("1", "epoll"), ("2", "epoll"), ("8", "epoll"), ("2", "uring")]


def begin(name, procs, poller):
    env = {**os.environ, "UG_PROCS": procs, "UG_POLLER": poller}
    return subprocess.Popen([program, name], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE, text=True, errors="replace",
                            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)))


def finish(p, seconds):
    """(status, stderr); None as status where the program had to be ended."""
    try:
        text = p.communicate(timeout=seconds)[1]
        return p.returncode, text
    except subprocess.TimeoutExpired:
        p.kill()
        return None, p.communicate()[1]


def deadlocked(name, procs, poller):
    status, text = finish(begin(name, procs, poller), 20)
    if status != 2:
        return f"status {status}, not 2\n{text}"
    if "deadlock" not in text:
        return f"no word of a deadlock\n{text}"
    for task, wait in DEADLOCKED[name]:
        lines = [line for line in text.splitlines() if re.search(rf"\b{task}(?![-\w])", line)]
        if len(lines) != 1:
            return f"{len(lines)} lines name {task}\n{text}"
        after = lines[0].split(task, 1)[1]
        if not re.search(wait, after):
            return f"{task} should wait for {wait}: {lines[0]}"
    return None


def overflowed(name, procs, poller):
    status, text = finish(begin(name, procs, poller), 20)
    if status is None or status >= 0:
        return f"status {status}, not a signal's\n{text}"
    if "overflow" not in text or OVERFLOWS[name] not in text:
        return f"{OVERFLOWS[name]} is not named\n{text}"
    return None


def faulted(procs, poller):
    status, text = finish(begin("faults", procs, poller), 20)
    if status != -signal.SIGSEGV:
        return f"status {status}, not SIGSEGV's\n{text}"
    return f"called an overflow\n{text}" if "overflow" in text else None


def innocent(names, procs, poller):
    """Runs all of them at once, half idle as they are."""
    running = [(name, begin(name, procs, poller)) for name in names]
    time.sleep(ALIVE)
    answers = []
    for name, p in running:
        status = p.poll()
        if status is None:
            p.kill()
        text = p.communicate()[1]
        wrong = status is not None or text
        answers.append((name, f"status {status}\n{text}" if wrong else None))
    return answers


def main():
    results = []

    def note(name, procs, poller, wrong):
        results.append(wrong)
        print(f"{'not ok' if wrong else 'ok'} {len(results)} - {name} procs={procs} {poller}")
        if wrong:
            print(wrong)

    per_run = len(INNOCENT) + (0 if race_build else len(DEADLOCKED)) + (0 if sanitized else len(OVERFLOWS) + 1)
    print(f"1..{per_run * len(RUNS)}")
    for procs, poller in RUNS:
        for name in DEADLOCKED if not race_build else ():
            note(name, procs, poller, deadlocked(name, procs, poller))
        for i in range(0, len(INNOCENT), 6):
            for name, wrong in innocent(INNOCENT[i:i + 6], procs, poller):
                note(name, procs, poller, wrong)
        for name in OVERFLOWS if not sanitized else ():
            note(name, procs, poller, overflowed(name, procs, poller))
        if not sanitized:
            note("faults", procs, poller, faulted(procs, poller))
    sys.exit(1 if any(results) else 0)


if __name__ == "__main__":
    main()
