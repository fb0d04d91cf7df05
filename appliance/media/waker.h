/**
 * Waking a thread that serves a mailbox, once for many items. A wake-up costs the waker and the woken more than what most
 * items ask for. So the thread says when it will look into its mailbox by itself, and whoever pushes an item rings only where
 * that is later than the item may wait. After items came the thread looks again soon: those that follow are found without a ring.
 *
 * Nothing is missed: the thread writes down when it looks, then looks once more, and only then sleeps; the others push first
 * and then read what it wrote, each with a full barrier between. Whoever read the older time has pushed before the last look.
 */
#ifndef SWITCHROOM_WAKER_H
#define SWITCHROOM_WAKER_H

#include <stdatomic.h>
#include <stdint.h>
#include <unistd.h>

#define WAKER_ASLEEP UINT64_MAX  /* looks only when it is rung */
#define WAKER_AWAKE 0            /* looks before it sleeps again; or was rung already */

struct waker {
	int fd;                      /* eventfd: readable after a ring */
	_Atomic uint64_t looks_at;   /* ns */
};

static inline void waker_init(struct waker *w, int fd)
{
	w->fd = fd;
	atomic_init(&w->looks_at, WAKER_AWAKE);
}

/* The thread itself, before its last look. */
static inline void waker_promise(struct waker *w, uint64_t at)
{
	atomic_store_explicit(&w->looks_at, at, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
}

/* The thread itself, after sleeping. */
static inline void waker_awake(struct waker *w)
{
	atomic_store_explicit(&w->looks_at, WAKER_AWAKE, memory_order_relaxed);
}

static inline void waker_write(int fd)
{
	uint64_t one = 1;

	/* A full counter (EAGAIN) is awake already; there is nothing else that can fail here. */
	if (write(fd, &one, sizeof(one)) < 0)
		return;
}

/* The thread itself, when the descriptor is readable. */
static inline void waker_read(struct waker *w)
{
	uint64_t count;

	if (read(w->fd, &count, sizeof(count)) < 0)
		return;   /* read already */
}

/* `before`: it may wait until then (ns). After the push. */
static inline void waker_ring(struct waker *w, uint64_t before)
{
	uint64_t at;

	atomic_thread_fence(memory_order_seq_cst);
	at = atomic_load_explicit(&w->looks_at, memory_order_relaxed);
	while (at > before)
		if (atomic_compare_exchange_weak(&w->looks_at, &at, WAKER_AWAKE)) {
			waker_write(w->fd);
			return;
		}
}

#endif
