/* Stress of waker.h and ring.h: pushers with orders that may wait differently, from bursts and from rest, against a thread
 * that sleeps as a media thread does. Every order is carried out, each pusher's in their order.
 * "alone": one pusher that gives its next order when the last was carried out, so that no later ring makes up for a missed one,
 * and a thread that falls asleep for good each time. Built and run by test_media_waker.py. */
#include "ring.h"
#include "waker.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#define CHECK(x) do { if (!(x)) { fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x); exit(1); } } while (0)

enum { PUSHERS = 3, SOON_US = 2000, LATER_US = 20000 };

struct stress_order {
	struct item item;
	uint64_t before;
	unsigned pusher, number;
};

static struct waker waker;
static struct mailbox box;
static atomic_uint carried;
static unsigned orders, total, pushers = PUSHERS;
static bool alone;
static unsigned expected[PUSHERS];
static uint64_t latest;

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void carry_out(struct item *it, void *arg)
{
	struct stress_order *o = (struct stress_order *)it;
	const uint64_t now = now_ns(), late = now > o->before ? now - o->before : 0;

	(void)arg;
	CHECK(o->number == expected[o->pusher]);
	expected[o->pusher]++;
	latest = late > latest ? late : latest;
	free(o);
	atomic_fetch_add(&carried, 1);
}

static bool look(void)
{
	struct item *it;
	bool any = false;

	while ((it = mailbox_pop(&box))) {
		it->run(it, NULL);
		any = true;
	}
	return any;
}

/* Between two steps, so that the other side's come in between as often as not. */
static void dawdle(unsigned *seed)
{
	for (volatile unsigned spin = (unsigned)rand_r(seed) % 500; spin; --spin)
		;
}

/* As engine.c does, with a tick now and then, and none at all at other times: asleep until somebody rings. */
static void *serve(void *arg)
{
	unsigned seed = 99;
	bool mailed = false;

	while (atomic_load(&carried) < total) {
		const uint64_t tick = rand_r(&seed) % 2 ? now_ns() + rand_r(&seed) % 3000000 : WAKER_ASLEEP;
		const uint64_t until = alone ? WAKER_ASLEEP : mailed ? now_ns() + SOON_US * 1000ull : tick;
		struct pollfd fd = { .fd = waker.fd, .events = POLLIN };
		int n = 0;

		waker_promise(&waker, until);
		dawdle(&seed);
		mailed = look();
		dawdle(&seed);
		if (!mailed) {
			const uint64_t now = now_ns(), pause = until > now ? until - now : 0;
			const struct timespec timeout = { (time_t)(pause / 1000000000), (long)(pause % 1000000000) };

			n = ppoll(&fd, 1, until == WAKER_ASLEEP ? NULL : &timeout, NULL);
		}
		waker_awake(&waker);
		dawdle(&seed);
		if (n > 0) {
			waker_read(&waker);
			mailed |= look();
		}
	}
	return arg;
}

static void *give(void *arg)
{
	static const uint64_t WAIT_US[] = { 0, SOON_US, LATER_US };
	const unsigned pusher = (unsigned)(uintptr_t)arg;
	unsigned seed = 7 + pusher;

	for (unsigned i = 0; i < orders; ++i) {
		struct stress_order *o = malloc(sizeof(*o));
		const unsigned dice = (unsigned)rand_r(&seed) % 100;

		CHECK(o);
		o->item.run = carry_out;
		o->pusher = pusher;
		o->number = i;
		const uint64_t before = o->before = now_ns() + WAIT_US[rand_r(&seed) % 3] * 1000;

		mailbox_push(&box, &o->item);
		waker_ring(&waker, before);
		for (unsigned long spin = 0; alone && atomic_load(&carried) <= i; ++spin)
			if (spin > 1000) /* one processor may be all there is */
				sched_yield();
		if (dice < 2) { /* long enough for the other side to be asleep */
			const struct timespec rest = { 0, rand_r(&seed) % 1000000 };

			nanosleep(&rest, NULL);
		} else if (dice < 20) { /* about as long as it takes to fall asleep: where a ring could be missed */
			for (unsigned n = 0; n < 8; ++n)
				dawdle(&seed);
		}
	}
	return NULL;
}

/* A missed ring is an order that is never carried out: the watch says so, and the test does not hang. */
static void wait_for_all(void)
{
	unsigned before = 0, still = 0;

	while (atomic_load(&carried) < total) {
		const struct timespec rest = { 0, 50000000 };
		const unsigned done = atomic_load(&carried);

		nanosleep(&rest, NULL);
		still = done == before ? still + 1 : 0;
		before = done;
		if (still == 100) {
			fprintf(stderr, "a wake-up was missed: %u of %u orders carried out\n", done, total);
			exit(2);
		}
	}
}

int main(int argc, char **argv)
{
	pthread_t thread, pusher[PUSHERS];

	CHECK(argc == 3);
	alone = !strcmp(argv[1], "alone");
	pushers = alone ? 1 : PUSHERS;
	orders = (unsigned)atoi(argv[2]);
	total = pushers * orders;
	mailbox_init(&box);
	waker_init(&waker, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
	CHECK(waker.fd >= 0 && !pthread_create(&thread, NULL, serve, NULL));
	for (uintptr_t i = 0; i < pushers; ++i)
		CHECK(!pthread_create(&pusher[i], NULL, give, (void *)i));
	wait_for_all();
	for (unsigned i = 0; i < pushers; ++i)
		pthread_join(pusher[i], NULL);
	pthread_join(thread, NULL);
	close(waker.fd);
	printf("%u orders, the latest %.1f ms after its time\n", total, (double)latest / 1e6);
	return 0;
}
