#!/usr/bin/env python3
"""The heart of sched under the explorer (explore.h, scenarios.c), and mutants of it that the explorer must find broken.

    run.py            every scenario to its bound, two seconds of random runs each: some minutes
    run.py --quick    one switch less and no random runs: half a minute, for make test
    run.py SCENARIO   that one, with the steps of a run that fails

scenarios.c includes copies of the library's source: with tiny capacities, and for a mutant with one line changed. A pattern that is not
in its file exactly once is an error here: whoever changes such a line looks at the mutant too.
"""
import os
import re
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

here = os.path.dirname(os.path.abspath(__file__))
source = os.path.dirname(os.path.dirname(here))
build = os.environ.get("UG_BUILD", os.path.join(source, "build-test"))
cc = os.environ.get("CC", "cc").split()
flags = ["-std=gnu11", "-D_GNU_SOURCE", "-O1", "-g", "-Wall", "-Wextra", "-Werror",
         # what the copies have and no scenario calls, with all that it would need
         "-ffunction-sections", "-fdata-sections"]
arch = os.uname().machine

# Tiny capacities, and names for what the model stands in for.
changes = {
    "queue.c": [
        (r"#define SLOT_PATIENCE 100", "#define SLOT_PATIENCE 1"),
        (r"^(void ug__queue_push\(struct proc \*p, runnable r\)\n\{)", r"\1\n\tby_holder(p);"),
        (r"^(void ug__queue_push_quiet\(struct proc \*p, runnable r\)\n\{)", r"\1\n\tby_holder(p);"),
        (r"^(static inline __attribute__\(\(always_inline\)\) runnable ring_pop\(struct proc \*p\)\n\{)", r"\1\n\tby_holder(p);"),
    ],
    "idle.c": [],
    "park.c": [(r"i > 100", "1"), (r"#define LONG_LOOP 8", "#define LONG_LOOP 1")],
    "enter.c": [],
    "worker.c": [
        (r"ug__thread_start\(worker_main, w\)", "start_worker(w)"),
        (r"struct worker \*w = aligned_alloc\(64, .*\);", "struct worker *w = new_worker();"),
    ],
    "monitor.c": [],
    "sleep.c": [],
    "run.c": [],
    "../base/biased.c": [
        (r"#define TURNS 512", "#define TURNS 1"),
        (r"#define DOUBLINGS 5", "#define DOUBLINGS 1"),
        (r"#define LOOKS 16", "#define LOOKS 1"),
        (r"#define LOOK_DOUBLINGS 3", "#define LOOK_DOUBLINGS 1"),
        (r"#define PAUSES 100", "#define PAUSES 0"),
    ],
    "held.c": [(r"#define A_WORKER 4", "#define A_WORKER 0")],
    "../sync/rwmutex.c": [
        (r"#define SPINS 30", "#define SPINS 1"),
        (r"#define WRITES 4", "#define WRITES 2"),
        (r"#define PATIENCE 4", "#define PATIENCE 1"),
        (r"n % 8 == 0", "1"),
    ],
    "../base/biased.h": [(r"#define UG__OWNED_MOST 7", "#define UG__OWNED_MOST 2")],
    "sched_priv.h": [(r"#define RING 256", "#define RING 2"), (r"#define SLOT_USES 32", "#define SLOT_USES 2")],
}

# What each line is there for: without it the explorer finds a run that goes wrong.
mutants = [
    ("a sleeper does not look at the queues once more", "idle.c",
     r"!work_but_slots\(\) && !load_seq\(&w->proc->slot\) && ", "", "one_injected"),
    ("a sleeper leaves `searching` as it is", "idle.c",
     r"^\tif \(load_seq\(&S->searching\)\)\n\t\tstore_seq\(&S->searching, 0u\);", "", "injectors"),
    ("a sleeper counts itself without a barrier", "idle.c",
     r"^\tadd_seq\(&S->idle_count, 1u\);", r"\tstore_relaxed(&S->idle_count, S->idle_count + 1);", "one_injected"),
    ("one that was woken does not look whether there is more", "idle.c",
     r"^\tif \(load_seq\(&S->idle_count\) && work_but_slots\(\)\)\n\t\tug__idle_wake\(\);", "", "chain_3"),
    ("a push to the global queue without a barrier", "queue.c",
     r"store_seq\(&q->count, q->count \+ n\)", "store_release(&q->count, q->count + n)", "one_injected"),
    ("a push to the ring without a barrier", "queue.c",
     r"^\t\tstore_seq\(&p->tail, tail \+ 1\);", r"\t\tstore_release(&p->tail, tail + 1);", "held_ring"),
    ("pushes of young ones are not counted", "queue.c",
     r"state \+ YOUNG_PUSH\)", "state + YOUNG_ONE)", "young_again"),
    ("who gives way does not count his push and theirs", "queue.c",
     r"state \+ \(n \+ 1\) \* YOUNG_PUSH\)", "state + (n + 1) * YOUNG_ONE)", "given_way"),
    ("who gives way takes out others' place", "queue.c",
     r"cas_acq_rel\(&p->young_state, &state, state - n \* YOUNG_ONE\)",
     "cas_acq_rel(&p->young_state, &state, young_without(state, n))", "given_way"),
    ("who gives way leaves no room for himself", "queue.c",
     r"young_count\(state\) \+ n == RING", "young_count(state) + n > RING", "given_way_full"),
    ("who gives way wakes nobody", "park.c",
     r"(p->young_oldest = older < OLDEST_FIRST \? older : OLDEST_FIRST;\n)\t\tug__idle_wake\(\);", r"\1", "given_way_held"),
    ("a yield without a processor wakes nobody", "park.c",
     r"^\t\tinject_hog\(\(runnable\)t\);\n(\t\}\n\tug__leave_stack)", r"\t\tug__hog_push(t);\n\1", "pinned"),
    ("the loop does not wait for on_cpu", "park.c",
     r"^\tfor \(int i = 0; load_acquire\(&t->on_cpu\); i\+\+\)\n\t\tif \(1\)\n\t\t\tsched_yield\(\);", "", "parked_2"),
    ("a task switches to one that still leaves its stack", "park.c",
     r"next && unlikely\(load_acquire\(&next->on_cpu\)\)", "0", "playing"),
    ("a worker begins without asking whether it was taken from", "worker.c",
     r"^\tug__enter\(w\);", r"\tstore_relaxed(&w->in, 1u);", "taken"),
    ("the monitor sleeps over a busy one's timer", "monitor.c", r" \|\| busy_one_has_timers\(\)", "", "armed"),
    ("a spare that comes back late is not ended", "run.c",
     r"^(\tstore_seq\(&S->stopping, 1u\);\n)((?:.*\n)*?)\t\t/\* Each time.*\n((?:.*\n){2})", r"\1\3\2", "ending"),
    ("the end does not wait for one that readies a hog", "park.c",
     r"^\t\t\tinject_from_thread\(\(runnable\)t, inject_hog\);", "\t\t\tinject_hog((runnable)t);", "visited"),
    ("the hand-over without its barrier", None, None, None, "taken (delayed"),
    ("a reader does not look again after it was noted", "../sync/rwmutex.c",
     r"may_note\(load_seq\(&m->state_\)\) && ", "", "book"),
    ("a reader does not look whether it has its processor still", "../sync/rwmutex.c",
     r" && ug__has_proc\(w\)\)", ")", "book_taken (delayed"),
    ("a worker without a processor notes readers", "enter.c", r" \| UG__TAKEN_OFF\)", ")", "book_taken (delayed"),
    ("a writer sleeps before those who leave have seen it", "../sync/rwmutex.c", r"^\tug__held_told\(&m->state_\);", "", "book"),
    ("a thread counts what is held without a barrier", "held.c", r"\(void\)ug__membarrier\(\);", "(void)0;", "book_1 (delayed"),
    ("what is held is not settled before the task leaves its stack", "park.c", r"^\tug__held_settle\(w\);", "", "book"),
    ("a count is taken in two places while it is settled", "held.c",
     r"^\t\t\twait_while\(w, held\);", "\t\t\tcontinue;", "book_left"),
    ("a lock is taken away without a barrier", None, None, None, "owned (delayed"),
    ("who asks for a lock does not wait for the answer", "../base/biased.c",
     r"load_acquire\(&b->owner\) == 0", r"\g<0> || 1", "owned"),
    ("an owner gives up what is another's by now", "../base/biased.c",
     r"cas_acq_rel\(&b->owner, &asked, 0u\)", "store_release(&b->owner, 0u)", "owned_again"),
    ("who takes a lock away does not wait for the owner's section", "../base/biased.c",
     r"load_acquire\(&h->locks\[i\]\) == l", r"\g<0> && 0", "owned"),
    ("an owner does not look whether the lock is its own still", "../base/biased.h",
     r"if \(likely\(load_relaxed\(&b->owner\) == me\)\) \{", "if (1) {", "owned"),
    ("an owned lock is given to another", "../base/biased.c", r"^\t\ttake_away\(l, b, owner\);", "", "owned"),
]


def copy(name, folder, mutant):
    text = open(os.path.join(source, "src/sched", name)).read()
    todo = list(changes[name])
    if mutant and mutant[1] == name:
        todo.append((mutant[2], mutant[3]))
    for pattern, new in todo:
        text, count = re.subn(pattern, new, text, flags=re.M)
        if count != 1:
            sys.exit(f"{name}: {pattern!r} is there {count} times, not once")
    path = os.path.normpath("sched/" + name) if name.endswith(".h") else "copy_" + os.path.basename(name)
    os.makedirs(os.path.join(folder, os.path.dirname(path)), exist_ok=True)
    with open(os.path.join(folder, path), "w") as out:
        out.write(f'#line 1 "src/sched/{name}"\n{text}')


def compile_explorer():
    objects = []
    for file in here + "/explore.c", source + "/src/stack/switch.c", source + f"/src/stack/switch_{arch}.S":
        objects.append(os.path.join(work, os.path.basename(file) + ".o"))
        subprocess.run([*cc, *flags, "-I", source + "/src", "-I", source + "/include", "-I", build, "-c", file, "-o", objects[-1]],
                       check=True)
    return objects


def compile(mutant=None):
    folder = tempfile.mkdtemp(dir=work)
    for name in changes:
        copy(name, folder, mutant)
    program = os.path.join(folder, "scenarios")
    include = ["-I", folder, "-I", here, "-I", source + "/src", "-I", source + "/include", "-I", build]
    extra = ["-Wno-unused-function", *(["-DNO_BARRIER"] if mutant[1] is None else [])] if mutant else []
    subprocess.run([*cc, *flags, *extra, *include, "-include", here + "/atomic_shim.h", "-c", here + "/scenarios.c",
                    "-o", program + ".o"], check=True)
    subprocess.run([*cc, program + ".o", *explorer, "-pthread", "-Wl,--gc-sections", "-o", program], check=True)
    return program


def explore():
    """Status (0: nothing found) and what was printed."""
    options = ["-s", "2", "-r", "0", "-l", "1"] if "--quick" in sys.argv else ["-s", "300", "-r", "2"]
    result = subprocess.run([compile(), *options], stdout=subprocess.PIPE, text=True)
    return result.returncode, "explored", result.stdout


def find(mutant):
    # The one that takes longest is found in some seconds; a slow machine may need many more.
    result = subprocess.run([compile(mutant), "-s", "100", "-r", "5", mutant[4]], stdout=subprocess.PIPE, text=True)
    lines = [line for line in result.stdout.splitlines() if " runs" not in line and not line.startswith("  ")]
    if result.returncode < 0:  # by a signal: it went on with a stack that another stood on
        lines.append(f"{mutant[4]}: ended by signal {-result.returncode}")
    return int(result.returncode not in (1, -signal.SIGSEGV)), "found: " + mutant[0], "\n".join(lines)


def main():
    chosen = [a for a in sys.argv[1:] if not a.startswith("-")]
    if chosen:
        return subprocess.run([compile(), "-r", "10", *chosen], env={**os.environ, "MODEL_TRACE": "1"}).returncode
    failed = 0
    with ThreadPoolExecutor(2) as two:
        answers = [two.submit(explore), *(two.submit(find, m) for m in mutants)]
        for number, answer in enumerate(answers, 1):
            status, what, text = answer.result()
            failed += status != 0
            print("".join(f"# {line}\n" for line in text.splitlines()), end="")
            print(f"{'not ok' if status else 'ok'} {number} - {what}", flush=True)
    print(f"1..{len(answers)}")
    return failed != 0


with tempfile.TemporaryDirectory() as work:
    explorer = compile_explorer()
    status = main()
sys.exit(status)
