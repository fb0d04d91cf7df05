/** The threads: shards that carry audio, and the writer that carries what they let go of to disk and to the heap. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

#define BATCH 64
#define GATHER_NS 500000      /* what a crowd of packets may wait for each other: a tenth of the delay that anybody allows */
#define CROWD 2               /* packets a millisecond: 20 calls */
#define CROWD_SLOTS 16        /* over so many slots */
#define MAIL_MOST 100
#define WRITER_MS 100
#define FREE_MS 20            /* what an item for the writer may wait */
#define SKIP_SLOTS 1000       /* further behind than a second: the machine slept, catching up would only burst */
#define SCAN_SLOTS 20         /* every 20 ms a part of the ports is looked at, each twice a second */
#define SCAN_ROUND 25

uint64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

int64_t shard_now(const struct shard *sh)
{
	return (int64_t)((clock_ns() - sh->epoch) / 125000);
}

void shard_send(struct shard *sh, struct item *it, enum order_wait wait_us)
{
	mailbox_push(&sh->mailbox, it);
	waker_ring(&sh->waker, clock_ns() + wait_us * 1000ull);
}

void engine_discard(struct engine *e, struct item *it)
{
	mailbox_push(&e->writer_mailbox, it);
	waker_ring(&e->writer_waker, clock_ns() + FREE_MS * 1000000ull);
}

void shard_tell(struct shard *sh, const struct media_event *ev)
{
	if (event_push(&sh->events, ev))
		sh->told = true;
}

uint32_t shard_random(struct shard *sh)
{
	/* xorshift64*: spreads RTCP, hides nothing; SSRC and first numbers come from getrandom at port_open. */
	sh->random ^= sh->random >> 12;
	sh->random ^= sh->random << 25;
	sh->random ^= sh->random >> 27;
	return (uint32_t)((sh->random * 2685821657736338717ull) >> 32);
}

/* ---- a shard ------------------------------------------------------------------------------------------------------ */

static void shard_scan(struct shard *sh, int64_t now)
{
	int n = atomic_load(&sh->port_count) / SCAN_ROUND + 1;

	while (n-- > 0 && sh->ports) {
		struct port *p = sh->scan ? sh->scan : sh->ports;

		sh->scan = p->all_next;
		port_scan(sh, p, now);
	}
}

static void shard_late(struct shard *sh, uint64_t late_ns)
{
	if (late_ns / 1000 > atomic_load_explicit(&sh->late_max_us, memory_order_relaxed))
		atomic_store_explicit(&sh->late_max_us, late_ns / 1000, memory_order_relaxed);
}

/* Runs every slot that is due. Slots are never left out for being late: each sample goes out, in order. */
static void shard_ticks(struct shard *sh)
{
	int64_t due = (int64_t)((clock_ns() - sh->epoch) / SLOT_NS);

	if (due - sh->tick > SKIP_SLOTS) {
		BUMP(sh->ticks_skipped, (uint64_t)(due - sh->tick));
		sh->tick = due;
	}
	for (; sh->tick <= due; sh->tick++) {
		int slot = (int)(sh->tick % SLOTS);

		if (slot == 0 && sh->tick % SCAN_SLOTS == 0)
			shard_scan(sh, sh->tick * TICKS_PER_SLOT);
		if (!sh->slot[slot])
			continue;
		slot_run(sh, slot, sh->tick * TICKS_PER_SLOT);
		shard_late(sh, clock_ns() - sh->epoch - (uint64_t)sh->tick * SLOT_NS);
	}
}

/* When the next slot with work is due; WAKER_ASLEEP with no ports at all. After orders a second look follows soon. */
static uint64_t shard_next(const struct shard *sh, bool mailed)
{
	uint64_t soon = mailed ? clock_ns() + ORDER_SOON * 1000ull : WAKER_ASLEEP, due;
	int64_t next = sh->tick;

	if (!sh->ports)
		return soon;
	while (next % SLOTS != 0 && !sh->slot[next % SLOTS])
		next++;
	due = sh->epoch + (uint64_t)next * SLOT_NS;
	return due < soon ? due : soon;
}

/* True where there was any. Audio is not kept waiting by the ends of a thousand calls: the rest comes with the next look. */
static bool shard_mail(struct shard *sh)
{
	struct item *it;
	int n = 0;

	while (n < MAIL_MOST && (it = mailbox_pop(&sh->mailbox))) {
		it->run(it, sh);
		shard_settle(sh);
		n++;
	}
	return n > 0;
}

static int shard_sleep(struct shard *sh, struct epoll_event *ready, uint64_t until)
{
	uint64_t now = clock_ns(), pause = until > now ? until - now : 0;
	struct timespec timeout = { (time_t)(pause / 1000000000), (long)(pause % 1000000000) };

	const struct timespec *most = until == WAKER_ASLEEP ? NULL : &timeout;
	struct pollfd any = { .fd = sh->epoll, .events = POLLIN };
	int n = epoll_pwait2(sh->epoll, ready, BATCH, most, NULL);

	if (n >= 0 || errno != ENOSYS)
		return n;
	/* Linux before 5.11, as on many small ARM boxes: without this the thread would never sleep, at real-time priority. */
	ppoll(&any, 1, most, NULL);
	return epoll_wait(sh->epoll, ready, BATCH, 0);
}

/* Descriptors carry the port's address; its lowest bit set means the RTCP socket, 0 the waker. */
static void shard_ready(struct shard *sh, const struct epoll_event *ready, int n)
{
	for (int i = 0; i < n; i++) {
		uintptr_t what = (uintptr_t)ready[i].data.ptr;

		if (what == 0)
			waker_read(&sh->waker);
		else if (what & 1)
			port_receive_rtcp((struct port *)(what & ~(uintptr_t)1));
		else
			port_receive((struct port *)what);
	}
}

/* Being woken costs more than a packet: where many come they are fetched together, and a lone call's waits for none. */
static void shard_gather(const struct shard *sh)
{
	const struct timespec nap = { 0, GATHER_NS };

	if (sh->crowded && !sh->behind)
		nanosleep(&nap, NULL);
}

static void shard_count(struct shard *sh, int came)
{
	sh->came += came;
	sh->behind = came == BATCH;
	if (sh->tick - sh->counted >= CROWD_SLOTS) {
		sh->crowded = sh->came > CROWD * (sh->tick - sh->counted);
		sh->counted = sh->tick;
		sh->came = 0;
	}
}

static void shard_poll(struct shard *sh)
{
	struct epoll_event ready[BATCH];
	uint64_t until;
	int n;

	shard_gather(sh);
	until = shard_next(sh, sh->mailed);
	waker_promise(&sh->waker, until);
	sh->mailed = shard_mail(sh);
	n = shard_sleep(sh, ready, sh->mailed ? 0 : until);
	waker_awake(&sh->waker);
	/* A packet never overtakes the order that was given before it came; and an order may let go of a port that this batch
	 * names. What is ready stays ready: it is asked for anew. */
	if (n > 0 && shard_mail(sh)) {
		sh->mailed = true;
		n = shard_sleep(sh, ready, 0);
	}
	shard_ready(sh, ready, n);
	shard_count(sh, n > 0 ? n : 0);
}

static void *shard_main(void *arg)
{
	struct shard *sh = arg;
	struct sched_param priority = { .sched_priority = 20 };
	bool idle = true;

	pthread_setname_np(pthread_self(), "media");
	atomic_store(&sh->realtime, pthread_setschedparam(pthread_self(), SCHED_FIFO, &priority) == 0);
	while (!atomic_load_explicit(&sh->stop, memory_order_acquire)) {
		shard_poll(sh);
		if (idle)
			sh->tick = (int64_t)((clock_ns() - sh->epoch) / SLOT_NS);
		idle = !sh->ports;
		if (!idle)
			shard_ticks(sh);
		if (sh->told) {
			sh->told = false;
			waker_write(sh->engine->event_fd);
		}
	}
	return NULL;
}

static struct shard *shard_alloc(struct engine *e, int index)
{
	struct shard *sh = calloc(1, sizeof(*sh));
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = NULL };

	if (!sh)
		return NULL;
	sh->engine = e;
	sh->index = index;
	sh->epoch = index ? e->shard[0]->epoch : clock_ns();   /* one time line: ports may change shards */
	mailbox_init(&sh->mailbox);
	sh->epoll = epoll_create1(EPOLL_CLOEXEC);
	waker_init(&sh->waker, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
	if (getrandom(&sh->random, sizeof(sh->random), 0) < 0 || sh->random == 0)
		sh->random = sh->epoch | 1;
	if (sh->epoll < 0 || sh->waker.fd < 0 || epoll_ctl(sh->epoll, EPOLL_CTL_ADD, sh->waker.fd, &ev) != 0) {
		close(sh->epoll);
		close(sh->waker.fd);
		free(sh);
		return NULL;
	}
	return sh;
}

/* ---- the writer --------------------------------------------------------------------------------------------------- */

static bool writer_mail(struct engine *e)
{
	struct item *it;
	bool any = false;

	while ((it = mailbox_pop(&e->writer_mailbox))) {
		it->run(it, e);
		any = true;
	}
	return any;
}

/* Until it is time for the recordings, or somebody rings. What is let go of waits too: freeing is never urgent. */
static void writer_sleep(struct engine *e, int ms)
{
	struct pollfd fd = { .fd = e->writer_waker.fd, .events = POLLIN };

	if (poll(&fd, 1, ms) > 0)
		waker_read(&e->writer_waker);
}

static void *writer_main(void *arg)
{
	struct engine *e = arg;
	bool stop, mailed = false;

	pthread_setname_np(pthread_self(), "recordings");
	do {
		int ms = mailed ? FREE_MS : e->recordings ? WRITER_MS : -1;

		waker_promise(&e->writer_waker, ms < 0 ? WAKER_ASLEEP : clock_ns() + (uint64_t)ms * 1000000);
		mailed = writer_mail(e);
		if (!mailed)
			writer_sleep(e, ms);
		waker_awake(&e->writer_waker);
		stop = atomic_load(&e->writer_stop);
		mailed |= writer_mail(e);
		if (recordings_write(e, stop))
			waker_write(e->event_fd);
	} while (!stop);
	return NULL;
}

/* ---- the engine --------------------------------------------------------------------------------------------------- */

static int shards_wanted(int threads)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	/* Four cores carry more calls than an office has; the rest is left to Python. */
	if (threads <= 0)
		threads = cores < 1 ? 1 : cores > 4 ? 4 : (int)cores;
	return threads > SHARDS_MAX ? SHARDS_MAX : threads;
}

struct engine *engine_alloc(int low, int high, int threads, int timeout_ms)
{
	struct engine *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->low = low + (low & 1);
	e->high = high;
	e->timeout = timeout_ms * 8;
	mailbox_init(&e->writer_mailbox);
	e->used = calloc((size_t)(high - low + 2) / 2 + 1, 1);
	e->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	waker_init(&e->writer_waker, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
	for (int i = 0; i < shards_wanted(threads); i++) {
		e->shard[i] = shard_alloc(e, i);
		if (!e->shard[i])
			break;
		e->shards++;
	}
	if (!e->used || e->event_fd < 0 || e->writer_waker.fd < 0 || e->shards < shards_wanted(threads)) {
		engine_free(e);
		return NULL;
	}
	return e;
}

int engine_start(struct engine *e)
{
	int error;

	if (e->running)
		return 0;
	atomic_store(&e->writer_stop, false);
	error = pthread_create(&e->writer, NULL, writer_main, e);
	if (error)
		return error;
	e->running = true;
	for (int i = 0; i < e->shards; i++) {
		atomic_store(&e->shard[i]->stop, false);
		error = pthread_create(&e->shard[i]->thread, NULL, shard_main, e->shard[i]);
		if (error) {
			engine_stop(e);
			return error;
		}
		e->shard[i]->joined = true;
	}
	return 0;
}

void engine_stop(struct engine *e)
{
	if (!e->running)
		return;
	for (int i = 0; i < e->shards; i++) {
		struct shard *sh = e->shard[i];

		if (!sh->joined)
			continue;
		atomic_store_explicit(&sh->stop, true, memory_order_release);
		waker_write(sh->waker.fd);
		pthread_join(sh->thread, NULL);
		sh->joined = false;
		while (shard_mail(sh))   /* orders given last, such as closing ports */
			;
	}
	atomic_store(&e->writer_stop, true);
	waker_write(e->writer_waker.fd);
	pthread_join(e->writer, NULL);
	waker_write(e->event_fd);
	e->running = false;
}

static void events_drop(struct event_ring *r)
{
	struct media_event ev;

	while (event_pop(r, &ev))
		media_event_done(&ev);
}

void engine_free(struct engine *e)
{
	if (!e)
		return;
	engine_stop(e);
	for (int i = 0; i < e->shards; i++) {
		struct shard *sh = e->shard[i];

		while (shard_mail(sh))
			;
		while (sh->ports)
			port_dismiss(sh->ports);
		events_drop(&sh->events);
		close(sh->epoll);
		close(sh->waker.fd);
		free(sh);
	}
	writer_mail(e);
	recordings_write(e, true);
	events_drop(&e->writer_events);
	if (e->event_fd >= 0)
		close(e->event_fd);
	if (e->writer_waker.fd >= 0)
		close(e->writer_waker.fd);
	free(e->used);
	free(e);
}

int engine_fd(struct engine *e)
{
	return e->event_fd;
}

int engine_events(struct engine *e, struct media_event *out, int max)
{
	uint64_t count;
	int n = 0;

	/* First the descriptor, then the rings: what comes in between makes it readable again. */
	if (read(e->event_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return 0;
	for (int i = 0; i < e->shards; i++)
		while (n < max && event_pop(&e->shard[i]->events, &out[n]))
			n++;
	while (n < max && event_pop(&e->writer_events, &out[n]))
		n++;
	return n;
}

void media_event_done(struct media_event *ev)
{
	free(ev->path);
	ev->path = NULL;
}

void engine_health(struct engine *e, struct engine_health *h)
{
	memset(h, 0, sizeof(*h));
	h->threads = e->shards;
	h->realtime = 1;
	h->ports_open = atomic_load(&e->ports_open);
	h->ports_total = (e->high - e->low + 1) / 2;
	h->record_lost = atomic_load(&e->record_lost);
	h->events_lost = atomic_load(&e->writer_events.lost);
	for (int i = 0; i < e->shards; i++) {
		struct shard *sh = e->shard[i];
		uint64_t late = atomic_load(&sh->late_max_us);

		h->realtime &= atomic_load(&sh->realtime);
		h->events_lost += atomic_load(&sh->events.lost);
		h->ticks_skipped += atomic_load(&sh->ticks_skipped);
		h->packets_stray += atomic_load(&sh->stray);
		h->late_max_us = late > h->late_max_us ? late : h->late_max_us;
	}
}
