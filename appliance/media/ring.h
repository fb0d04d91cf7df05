/**
 * The two ways between threads, both without locks: a mailbox that any thread may push to and one thread empties, and a
 * ring of events with one writer and one reader.
 */
#ifndef SWITCHROOM_RING_H
#define SWITCHROOM_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media.h"

/* First member of everything that travels through a mailbox. `run` says what the receiving thread does with it. */
struct item {
	_Atomic(struct item *) next;
	void (*run)(struct item *it, void *arg);
};

/* Many pushers, one popper: the intrusive queue of D. Vyukov. A pusher that was interrupted half-way hides later items
 * for that moment; they come out with the next wake-up, which the pusher gives after its push. */
struct mailbox {
	_Atomic(struct item *) head;
	struct item *tail;
	struct item stub;
};

static inline void mailbox_init(struct mailbox *m)
{
	atomic_store(&m->stub.next, NULL);
	atomic_store(&m->head, &m->stub);
	m->tail = &m->stub;
}

static inline void mailbox_push(struct mailbox *m, struct item *it)
{
	struct item *before;

	atomic_store_explicit(&it->next, NULL, memory_order_relaxed);
	before = atomic_exchange_explicit(&m->head, it, memory_order_acq_rel);
	atomic_store_explicit(&before->next, it, memory_order_release);
}

static inline struct item *mailbox_pop(struct mailbox *m)
{
	struct item *tail = m->tail;
	struct item *next = atomic_load_explicit(&tail->next, memory_order_acquire);

	if (tail == &m->stub) {
		if (!next)
			return NULL;
		m->tail = tail = next;
		next = atomic_load_explicit(&tail->next, memory_order_acquire);
	}
	if (next) {
		m->tail = next;
		return tail;
	}
	if (tail != atomic_load_explicit(&m->head, memory_order_acquire))
		return NULL;
	mailbox_push(m, &m->stub);
	next = atomic_load_explicit(&tail->next, memory_order_acquire);
	if (!next)
		return NULL;
	m->tail = next;
	return tail;
}

#define EVENT_RING 8192

struct event_ring {
	_Atomic uint32_t head;   /* written by the producer */
	_Atomic uint32_t tail;   /* written by the consumer */
	_Atomic uint64_t lost;
	struct media_event slot[EVENT_RING];
};

static inline bool event_push(struct event_ring *r, const struct media_event *ev)
{
	uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
	uint32_t used = head - atomic_load_explicit(&r->tail, memory_order_acquire);

	/* Levels are worth nothing later: they may not crowd out what a call waits for. */
	if (used >= EVENT_RING || (ev->kind == EV_LEVEL && used >= EVENT_RING / 2)) {
		atomic_fetch_add_explicit(&r->lost, 1, memory_order_relaxed);
		return false;
	}
	r->slot[head % EVENT_RING] = *ev;
	atomic_store_explicit(&r->head, head + 1, memory_order_release);
	return true;
}

static inline bool event_pop(struct event_ring *r, struct media_event *ev)
{
	uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

	if (tail == atomic_load_explicit(&r->head, memory_order_acquire))
		return false;
	*ev = r->slot[tail % EVENT_RING];
	atomic_store_explicit(&r->tail, tail + 1, memory_order_release);
	return true;
}

#endif
