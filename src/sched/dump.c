/* SPDX-License-Identifier: MIT */
/*
 * The dump of all tasks: read while they run, without stopping any. What a line says of a task was true at some moment
 * while it was written. Stacks and records of tasks are never unmapped while the runtime runs, so a torn read is the
 * worst that can happen; names are the callers', good for their task's life.
 */
#include "sched/when_priv.h"

static const char *const wait_names[UG__WAIT_COUNT] = {
	[UG__WAIT_SEND] = "waits to send on channel",
	[UG__WAIT_RECV] = "waits to receive from channel",
	[UG__WAIT_SELECT] = "waits in select",
	[UG__WAIT_SLEEP] = "sleeps",
	[UG__WAIT_READABLE] = "waits for readable descriptor",
	[UG__WAIT_WRITABLE] = "waits for writable descriptor",
	[UG__WAIT_TASK] = "waits for end of task",
	[UG__WAIT_GROUP] = "waits for group",
	[UG__WAIT_MUTEX] = "waits for mutex",
	[UG__WAIT_RWMUTEX] = "waits for rwmutex",
	[UG__WAIT_COND] = "waits for condition",
	[UG__WAIT_ONCE] = "waits for once",
	[UG__WAIT_WAITGROUP] = "waits for wait group",
	[UG__WAIT_SEM] = "waits for semaphore",
	[UG__WAIT_BLOCKING] = "waits for blocking call",
	[UG__WAIT_FOREVER] = "waits for the end of its context",
};

struct dump {
	int fd;
	int64_t now;
	size_t tasks, unstarted;
};

static void dump_task(struct ug__stack *s, void *arg)
{
	struct dump *d = arg;
	struct ug__task *t = (struct ug__task *)(void *)s;
	uint64_t id = load_acquire(&t->id);
	if (id == 0)
		return;
	d->tasks++;
	uint32_t kind = load_relaxed(&t->wait_kind);
	const char *name = load_relaxed(&t->name);
	if (kind == UG__WAIT_NONE || kind >= UG__WAIT_COUNT) {
		ug__report(d->fd, "task %llu %s: %s\n", (unsigned long long)id, name ? name : "(no name)",
			load_relaxed(&t->on_cpu) ? "running" : "ready");
		return;
	}
	int64_t since = d->now - load_relaxed(&t->wait_since);
	const void *object = load_relaxed(&t->wait_object);
	long long ms = (long long)(since > 0 ? since / UG_MS : 0);
	name = name ? name : "(no name)";
	if (object)
		ug__report(d->fd, "task %llu %s: %s %p, %lld ms\n", (unsigned long long)id, name, wait_names[kind],
			object, ms);
	else
		ug__report(d->fd, "task %llu %s: %s, %lld ms\n", (unsigned long long)id, name, wait_names[kind], ms);
}

static void dump_record(const struct record *r, void *arg)
{
	struct dump *d = arg;
	d->unstarted++;
	if (d->unstarted > 100)
		return;
	const char *name = load_relaxed(&r->name);
	name = name ? name : "(no name)";
	if (load_relaxed(&r->copied) != RECORD_WAITS) {
		ug__report(d->fd, "task %s: not started\n", name);
		return;
	}
	const struct ug__waiter *w = &((const struct ug__when *)(const void *)r->copy)->waiter;
	int64_t since = d->now - (int64_t)load_relaxed(&w->reserved_);
	ug__report(d->fd, "task %s: not started, %s %p, %lld ms\n", name, wait_names[UG__WAIT_READABLE],
		load_relaxed(&w->value_), (long long)(since > 0 ? since / UG_MS : 0));
}

void ug__dump_tasks(int fd)
{
	struct dump d = {.fd = fd, .now = ug_now()};
	ug__stack_each(dump_task, &d);
	ug__each_record(dump_record, &d);
	ug__report(fd, "%zu tasks started, %zu not started; %u processors, %u workers, poller %s\n", d.tasks,
		d.unstarted, S->procs_count, load_relaxed(&S->worker_count), S->poller->name);
}

void ug_dump(int fd)
{
	if (!ug__visit()) {
		ug__report(fd, "no runtime runs\n");
		return;
	}
	ug__dump_tasks(fd);
	ug__visit_end();
}
