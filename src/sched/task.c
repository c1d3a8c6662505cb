/* SPDX-License-Identifier: MIT */
/*
 * The life of a task.
 *
 *	spawned    a record of at most 192 bytes in a run queue: function, argument, context, copied arguments
 *	           (or waits for its descriptor first, and is queued then: when.c)
 *	bound      picked for the first time: it gets a stack, the record goes back to its pool
 *	running, ready, parked
 *	ended      its last act picks what runs next; if that is a record too, it takes over the very stack, and no
 *	           switch is made; else the one that is switched to reaps it (a stack cannot be freed by who stands on
 *	           it). Who only counts the ends of many is told of several at a time (tell_owner)
 *
 * Records and warm stacks are cached by processor and exchanged in batches through a shared list, so that a task costs
 * no allocation and no system call once things are warm.
 */
#include "sched/enter.h"

#include "sched/record_priv.h"
#include "sched/stacks_priv.h"
#include "sched/when_priv.h"
#include "stack/switch.h"
#include <stdlib.h>
#include <string.h>

_Static_assert(
	sizeof(struct record) == 64 && sizeof(struct record) + UG_COPY_MAX <= 192, "bench row unstarted-1M-memory");

/* Birth ------------------------------------------------------------------------------------------------------------ */

static void task_main(void *pass);

/* Fills the head of a stack from a record, which goes back to its pool. */
static void task_init(struct proc *p, struct ug__task *t, struct record *r)
{
	t->wait = UG__WAIT_STATE_NONE;
	t->flags = r->flags;
	t->pins = 0;
	store_relaxed(&t->hog, 0);
	t->may_start = CROWD;
	t->gave = 0;
	store_relaxed(&t->ready_word, OFFLINE_NONE);
	store_relaxed(&t->wait_kind, UG__WAIT_NONE);
	t->ctx = r->ctx;
	t->linked = NULL;
	t->fn = r->fn;
	t->arg = r->arg;
	t->ended = r->ended;
	t->owner = r->owner;
	store_relaxed(&t->name, r->name);
	t->local = NULL;
	store_release(&t->id, p->index + 1 + p->next_id++ * 256);
	if (r->copied == RECORD_WAITS) {
		t->fn = ug__when_start; /* which gives it back */
		t->arg = r;
		return;
	}
	if (r->copied) {
		memcpy(t->copy, r->copy, r->copied);
		t->arg = t->copy;
	}
	record_put(p, r);
}

static inline __attribute__((always_inline)) struct ug__task *bind_to(
	struct proc *p, struct ug__stack *s, struct record *record)
{
	struct ug__task *t = (struct ug__task *)(void *)s;
	task_init(p, t, record);
	store_relaxed(&t->on_cpu, 0u);
	t->carried = 0;
	ug__switch_init(&t->regs, ug__stack_start(s), task_main);
	ug__announce_new(&t->announce, ug__stack_base(s), (size_t)(ug__stack_start(s) - ug__stack_base(s)));
	return t;
}

UG__NOINLINE struct ug__task *ug__bind_to(struct proc *p, struct ug__stack *s, struct record *record)
{
	return bind_to(p, s, record);
}

struct ug__task *ug__bind(struct proc *p, runnable r)
{
	if (likely(!(r & 1)))
		return (struct ug__task *)r;
	struct record *record = (struct record *)(r & ~(runnable)1);
	struct ug__stack *s = stack_get(p, record->log);
	if (likely(s))
		return bind_to(p, s, record);
	ug__starved_push(record);
	return NULL;
}

void ug__reap(struct ug__task *t)
{
	ug__announce_gone(&t->announce);
	stack_put(ug__worker()->proc, &t->stack);
}

/* What a task does when its function has returned: all but the switch. */
static void finish(struct ug__task *t, int result)
{
	if (t->linked)
		ug__ctx_unlink(t);
	if (t->pins) {
		t->pins = 1;
		ug_unpin();
	}
	store_release(&t->id, 0u);
	if (result >= 0 && (t->flags & TASK_COUNTED))
		t->carried++;
	else if (t->ended)
		t->ended(t->owner, result);
}

/* Tells the owner of what has ended on this stack, unless that one's next task, which runs here now, can do it: the
 * owner waits for that in any case. One count that several workers write costs more than the rest of a small task.
 * Inside. */
static inline bool tell_owner(struct ug__task *t, const struct record *next)
{
	uint32_t n = t->carried;
	if (n == 0 || (next && next->owner == t->owner && next->ended == t->ended && n < UINT16_MAX))
		return false;
	t->carried = 0;
	t->ended(t->owner, (int)n);
	return true;
}

/* The record that this stack can go on with at once, or what else runs next. */
static struct record *take_over(struct proc *p, struct ug__task *t, runnable r)
{
#if defined(UG__TSAN) || defined(UG__ASAN)
	(void)p, (void)t, (void)r;
	return NULL; /* each task shall be seen to begin and end */
#else
	if (!(r & 1) || !p)
		return NULL;
	struct record *next = (struct record *)(r & ~(runnable)1);
	return next->log == t->stack.log ? next : NULL;
#endif
}

static void task_main(void *pass)
{
	struct worker *w = ug__worker();
	struct ug__task *t = w->cur;
	ug__announce_arrived(&t->announce, pass ? NULL : &w->announce);
	ug__after_switch(pass);
	ug__exceptions_start();
	ug__leave(w);
	for (;;) {
		int result = t->fn(t->arg);
		if (unlikely(!ug__worker()))
			exit(result < 0 ? 1 : result); /* in the child of a fork, whose last thread this is */
		finish(t, result);
		w = ug__worker();
		struct proc *p = ug__enter(w);
		runnable r = p ? ug__pick(p) : 0;
		struct record *next = take_over(p, t, r);
		if (unlikely(tell_owner(t, next)) && !r && p) {
			r = ug__pick(p); /* the owner, perhaps */
			next = take_over(p, t, r);
		}
		if (!next) {
			t->flags |= TASK_DEAD;
			ug__leave_stack_for(w, t, r);
			__builtin_unreachable();
		}
		task_init(p, t, next);
		ug__leave(w);
	}
}

/* Spawn ------------------------------------------------------------------------------------------------------------ */

/* The size class for so many bytes. */
static unsigned size_log(size_t bytes)
{
	if (bytes == 0)
		return S->stack_log;
	unsigned log = UG__STACK_MIN_LOG;
	while ((size_t)1 << log < bytes)
		log++;
	return log;
}

/* A record for what was asked for, by who is sure that the runtime stays. p: the caller's processor, or NULL. */
static inline __attribute__((always_inline)) struct record *filled(
	const struct ug__request *q, struct proc *p, bool wide)
{
	struct record *r = record_get(p, wide);
	if (!r)
		return NULL;
	r->arg = q->arg;
	store_relaxed(&r->name, q->opts->name);
	r->ctx = q->ctx ? q->ctx : &ug__root_ctx;
	r->ended = q->ended;
	r->owner = q->owner;
	r->log = (uint8_t)size_log(q->opts->stack_size);
	store_relaxed(&r->copied, (uint8_t)q->opts->copy_size);
	r->flags = (uint8_t)q->flags;
	if (r->copied)
		memcpy(r->copy, q->arg, r->copied);
	store_relaxed(&r->fn, q->fn);
	return r;
}

static inline __attribute__((always_inline)) int enqueue(const struct ug__request *q, struct proc *p)
{
	struct record *r = filled(q, p, q->opts->copy_size != 0);
	if (!r)
		return -ENOMEM;
	bool strong = true;
	if (p)
		strong = ug__queue_push_slot(p, (runnable)r | 1);
	else
		ug__global_push((runnable)r | 1);
	ug__idle_wake_after(strong);
	return 0;
}

int ug__visit_or_code(void)
{
	return ug__visit() ? 0 : ug__root_ctx.err_ ? ug__root_ctx.err_ : -ESRCH; /* the former in the child of a fork */
}

static UG__NOINLINE int enqueue_from_thread(const struct ug__request *q)
{
	UG_TRY(ug__visit_or_code());
	int e = enqueue(q, NULL);
	ug__visit_end();
	return e;
}

/* Of a plain thread, before it visits: no word of the runtime's. */
static inline __attribute__((always_inline)) int check(struct ug__request *q)
{
	static const struct ug_go_opts none;
	if (!q->opts)
		q->opts = &none;
	bool wrong = !q->fn || q->opts->stack_size > (size_t)1 << UG__STACK_MAX_LOG || q->opts->copy_size > UG_COPY_MAX;
	return unlikely(wrong) ? -EINVAL : 0;
}

/*
 * Who starts tasks faster than they run fills the memory with records, and each is written and read from far away: 150
 * ns a task at one processor, 170 to 310 at two, of a loop that starts three millions. So who has started so many by
 * ug__spawn_counted, while as many wait on its processor, gives way to them (park.c): as many as two thirds of the
 * nearest cache hold. 40 and 65 ns. Only its own count, since it waited last: a task that starts few has no part in a
 * crowd of others. ug_go does not give way: it says that it does not wait, and so may be called where a task must stay
 * on its thread.
 *	64 was slower at two processors (73 ns), because the other one gets less at a time; 200 was as fast. Asking for
 *	the lines of the records that are stolen, or of those to run next, was no gain: it helps the thief, who then
 *	comes more often.
 */
static inline __attribute__((always_inline)) bool crowds(const struct proc *p, struct ug__task *t)
{
	if (unlikely(!p))
		return !(t->flags & TASK_PINNED);
	if (likely(t->may_start)) {
		t->may_start--;
		return false;
	}
	return ug__young_count(p) >= CROWD;
}

/* crowded, where not NULL: the caller should give way now. */
static inline __attribute__((always_inline)) int spawn(struct ug__request q, bool *crowded)
{
	int bad = check(&q);
	if (unlikely(bad))
		return bad;
	struct worker *w = ug__worker();
	if (unlikely(!w))
		return enqueue_from_thread(&q);
	bool nested = load_relaxed(&w->in); /* in a timer's fire */
	struct proc *p = nested ? w->proc : ug__enter(w);
	int e = enqueue(&q, p);
	if (crowded && !nested)
		*crowded = likely(e == 0) ? crowds(p, w->cur) : !(w->cur->flags & TASK_PINNED);
	if (!nested)
		ug__leave(w);
	return e;
}

/* Records of tasks to come. From any thread while the runtime runs; not inside. */

int ug__request_check(struct ug__request *q)
{
	return check(q);
}

struct record *ug__record_new(const struct ug__request *q)
{
	struct worker *w = ug__worker();
	struct record *r = filled(q, w ? ug__enter(w) : NULL, true);
	if (w)
		ug__leave(w);
	return r;
}

void ug__record_free(struct record *r)
{
	struct worker *w = ug__worker();
	struct proc *p = w ? ug__enter(w) : NULL;
	if (p) {
		record_put(p, r);
	} else {
		store_relaxed(&r->fn, NULL);
		ug__records_put(&r, 1);
	}
	if (w)
		ug__leave(w);
}

int ug__spawn(ug_fn *fn, void *arg, const struct ug_go_opts *opts, ug_ctx *ctx, void (*ended)(void *owner, int result),
	void *owner)
{
	return spawn(
		(struct ug__request){.fn = fn, .arg = arg, .opts = opts, .ctx = ctx, .ended = ended, .owner = owner},
		NULL);
}

int ug__spawn_counted(ug_fn *fn, void *arg, const struct ug_go_opts *opts, ug_ctx *ctx,
	void (*ended)(void *owner, int n), void *owner)
{
	bool crowded = false;
	int e;
	do
		e = spawn((struct ug__request){.fn = fn,
				  .arg = arg,
				  .opts = opts,
				  .ctx = ctx,
				  .ended = ended,
				  .owner = owner,
				  .flags = TASK_COUNTED},
			&crowded);
	while (unlikely(e == -ENOMEM) && crowded && ug__starved_served(size_log(opts ? opts->stack_size : 0)));
	if (unlikely(crowded)) {
		ug__give_way_to_young();
		if (unlikely(load_relaxed(&S->starved)))
			ug__starved_await(size_log(opts ? opts->stack_size : 0));
	}
	return e;
}

int ug__spawn_first(ug_fn *fn, void *arg, void (*ended)(void *owner, int result), void *owner)
{
	return spawn(
		(struct ug__request){.fn = fn, .arg = arg, .ended = ended, .owner = owner, .flags = TASK_FIRST}, NULL);
}

int ug_go(ug_fn *fn, void *arg)
{
	return spawn((struct ug__request){.fn = fn, .arg = arg}, NULL);
}

int ug_go_with(ug_fn *fn, void *arg, const struct ug_go_opts *opts)
{
	return spawn((struct ug__request){.fn = fn, .arg = arg, .opts = opts}, NULL);
}

int ug_go_copy(ug_fn *fn, const void *args, size_t size)
{
	struct ug_go_opts opts = {.copy_size = size};
	return spawn((struct ug__request){.fn = fn, .arg = (void *)(uintptr_t)args, .opts = &opts}, NULL);
}

/* The current task ------------------------------------------------------------------------------------------------- */

uint64_t ug_task_id(void)
{
	struct worker *w = ug__worker();
	return w && w->cur ? w->cur->id : 0;
}

const char *ug_task_name(void)
{
	const char *name = ug__self()->name;
	return name ? name : "";
}

void ug_task_set_name(const char *name)
{
	store_relaxed(&ug__self()->name, name);
}

void ug_task_set_local(void *value)
{
	ug__self()->local = value;
}

void *ug_task_local(void)
{
	return ug__self()->local;
}
