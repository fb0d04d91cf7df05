#include "ring.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct spill {
	struct spill *next;
	size_t len;
	uint8_t buf[];
};

struct ring {
	size_t size;
	uint8_t *buf;
	int fd;
	_Atomic uint64_t head; /* writer: bytes ever written */
	_Atomic uint64_t tail; /* reader: bytes ever read */
	struct spill *first, **last;
	_Atomic uint64_t spilled;
	bool unheard; /* writer: something may lie there that nobody was woken for */
	atomic_bool polled; /* reader: looks by itself */
};

struct ring *ring_new(size_t size_log2)
{
	struct ring *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->size = (size_t)1 << size_log2;
	r->buf = malloc(r->size);
	r->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	r->last = &r->first;
	if (!r->buf || r->fd < 0) {
		ring_free(r);
		return NULL;
	}
	return r;
}

void ring_free(struct ring *r)
{
	if (!r)
		return;
	while (r->first) {
		struct spill *next = r->first->next;

		free(r->first);
		r->first = next;
	}
	if (r->fd >= 0)
		close(r->fd);
	free(r->buf);
	free(r);
}

int ring_fd(const struct ring *r)
{
	return r->fd;
}

void record_begin(struct record *rec, uint16_t type, uint16_t code, uint64_t id, uint32_t a, uint32_t b)
{
	memset(rec->buf, 0, RING_HEAD);
	memcpy(rec->buf + 4, &type, 2);
	memcpy(rec->buf + 6, &code, 2);
	memcpy(rec->buf + 8, &id, 8);
	memcpy(rec->buf + 16, &a, 4);
	memcpy(rec->buf + 20, &b, 4);
	rec->len = RING_HEAD;
	rec->strings = 0;
}

void record_add(struct record *rec, const char *p, size_t len)
{
	uint16_t n;

	if (rec->strings >= RING_STRINGS || rec->len + 2 > RING_RECORD_MAX)
		return;
	if (len > RING_RECORD_MAX - rec->len - 2)
		len = RING_RECORD_MAX - rec->len - 2;
	if (len > UINT16_MAX)
		len = UINT16_MAX;
	n = (uint16_t)len;
	memcpy(rec->buf + rec->len, &n, 2);
	if (len)
		memcpy(rec->buf + rec->len + 2, p, len);
	rec->len += 2 + len;
	++rec->strings;
}

static void ring_wake(struct ring *r)
{
	const uint64_t one = 1;

	(void)!write(r->fd, &one, sizeof(one));
}

void ring_call(struct ring *r)
{
	/* The reader switches `polled` off first and then looks at head: it has seen what was put in before this. */
	if (r->unheard && !atomic_load(&r->polled))
		ring_wake(r);
	r->unheard = false;
}

static bool ring_put(struct ring *r, const uint8_t *p, size_t len, bool wake)
{
	const uint64_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
	const uint64_t tail = atomic_load(&r->tail);
	const size_t at = head & (r->size - 1);
	const size_t first = len < r->size - at ? len : r->size - at;

	if (head - tail + len > r->size)
		return false;
	memcpy(r->buf + at, p, first);
	memcpy(r->buf, p + first, len - first);
	atomic_store(&r->head, head + len);
	/* Whoever empties the ring looks at head once more after moving tail: only then may the wake-up be left out. */
	r->unheard |= atomic_load(&r->tail) == head;
	if (wake)
		ring_call(r);
	return true;
}

bool ring_flush(struct ring *r)
{
	while (r->first) {
		struct spill *s = r->first;

		if (!ring_put(r, s->buf, s->len, true))
			return false;
		r->first = s->next;
		if (!r->first)
			r->last = &r->first;
		free(s);
	}
	return true;
}

void ring_push(struct ring *r, struct record *rec, bool wake)
{
	const uint32_t len = (uint32_t)rec->len;
	struct spill *s;

	memcpy(rec->buf, &len, 4);
	memcpy(rec->buf + 24, &rec->strings, 2);
	if (ring_flush(r) && ring_put(r, rec->buf, rec->len, wake))
		return;
	s = malloc(sizeof(*s) + rec->len);
	if (!s)
		abort(); /* an event of a call would be lost: a restart, which ends every call properly, is the lesser evil */
	s->next = NULL;
	s->len = rec->len;
	memcpy(s->buf, rec->buf, rec->len);
	*r->last = s;
	r->last = &s->next;
	atomic_fetch_add(&r->spilled, 1);
}

bool ring_strained(const struct ring *r)
{
	const uint64_t used = atomic_load_explicit(&r->head, memory_order_relaxed) -
			      atomic_load_explicit(&r->tail, memory_order_relaxed);

	return r->first || used > r->size / 2;
}

static size_t record_size(const struct ring *r, uint64_t at)
{
	uint8_t lenb[4];
	uint32_t len;

	for (size_t i = 0; i < 4; ++i)
		lenb[i] = r->buf[(at + i) & (r->size - 1)];
	memcpy(&len, lenb, 4);
	return len;
}

static void record_copy(const struct ring *r, uint64_t tail, uint8_t *to, size_t len)
{
	const size_t at = tail & (r->size - 1);
	const size_t first = len < r->size - at ? len : r->size - at;

	memcpy(to, r->buf + at, first);
	memcpy(to + first, r->buf, len - first);
}

size_t ring_read(struct ring *r, uint8_t *buf, size_t size)
{
	uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed), woken, head;
	size_t done = 0;

	(void)!read(r->fd, &woken, sizeof(woken));
	while (tail != (head = atomic_load(&r->head))) {
		while (tail != head) {
			const size_t len = record_size(r, tail);

			if (done + len > size) {
				atomic_store(&r->tail, tail);
				ring_wake(r);
				return done;
			}
			record_copy(r, tail, buf + done, len);
			done += len;
			tail += len;
		}
		atomic_store(&r->tail, tail);
	}
	return done;
}

void ring_poll(struct ring *r, bool on)
{
	atomic_store(&r->polled, on);
}

uint64_t ring_spilled(const struct ring *r)
{
	return atomic_load_explicit(&r->spilled, memory_order_relaxed);
}
