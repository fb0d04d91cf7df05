/* Harness for the C parts of the SIP driver that stand alone: timer wheel, ring, journal, descriptions. Built with the
 * sanitizers by test_sip_driver_c.py. The clock is ours: the wheel's time moves only when told. */
#include "desc.h"
#include "journal.h"
#include "ring.h"
#include "ua_libre.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CHECK(x) do { if (!(x)) { fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x); exit(1); } } while (0)

static uint64_t now_ms = 1000000;
int __wrap_clock_gettime(clockid_t id, struct timespec *ts);
int __wrap_clock_gettime(clockid_t id, struct timespec *ts)
{
	(void)id;
	ts->tv_sec = (time_t)(now_ms / 1000);
	ts->tv_nsec = (long)(now_ms % 1000) * 1000000;
	return 0;
}

/* ---- wheel: against a plain array of expiries ---- */

enum { TIMERS = 3000 };
static struct tmr timers[TIMERS];
static uint64_t due[TIMERS];
static unsigned fired;

static void fire(void *arg)
{
	const size_t i = (size_t)arg;

	CHECK(due[i] && now_ms >= due[i]);
	CHECK(due[i] > now_ms - 70000); /* never later than the step that the clock made */
	due[i] = 0;
	++fired;
	if (i % 7 == 0) { /* handlers start and cancel timers */
		const uint64_t delay = (uint64_t)rand() % 100000;

		due[i] = now_ms + delay;
		tmr_start(&timers[i], delay, fire, (void *)i);
		tmr_cancel(&timers[(i + 1) % TIMERS]);
		due[(i + 1) % TIMERS] = 0;
	}
}

static void test_wheel(void)
{
	static const uint64_t RANGE[] = { 2, 300, 70000, 20000000 };
	uint64_t wait;

	for (size_t round = 0; round < 20000; ++round) {
		const size_t i = (size_t)rand() % TIMERS;
		const uint64_t delay = (uint64_t)rand() % RANGE[rand() % 4];

		if (rand() % 4 == 0) {
			tmr_cancel(&timers[i]);
			due[i] = 0;
		} else {
			tmr_start(&timers[i], delay, fire, (void *)i);
			due[i] = now_ms + delay;
		}
		now_ms += rand() % 3 ? rand() % 4 : rand() % 60000;
		tmr_poll(NULL);
		for (size_t k = 0; k < TIMERS; ++k)
			CHECK(!due[k] || due[k] >= now_ms);
	}
	for (size_t i = 0; i < TIMERS; ++i) {
		tmr_cancel(&timers[i]);
		due[i] = 0;
	}
	CHECK(fired > 1000 && tmr_next_timeout(NULL) == 0);
	tmr_start(&timers[1], 32000, fire, (void *)1);
	due[1] = now_ms + 32000;
	while ((wait = tmr_next_timeout(NULL))) { /* sleeping as told ends at the timer, in few steps */
		now_ms += wait;
		tmr_poll(NULL);
	}
	CHECK(!due[1]);
}

/* ---- ring: everything arrives once, in order, also what finds no room; whoever reads only when woken, or looks by itself for a
 * while, misses nothing ---- */

enum { RECORDS = 200000 };

static void await_wake(struct ring *r)
{
	struct pollfd pfd = { .fd = ring_fd(r), .events = POLLIN };

	CHECK(poll(&pfd, 1, 20000) == 1);
}

static void take(struct ring *r, uint64_t *expected)
{
	static uint8_t buf[RING_RECORD_MAX];
	const size_t n = ring_read(r, buf, sizeof(buf));
	size_t at = 0;

	while (at < n) {
		uint32_t len;
		uint64_t id;

		memcpy(&len, buf + at, 4);
		memcpy(&id, buf + at + 8, 8);
		CHECK(id == (*expected)++);
		for (size_t k = RING_HEAD + 2; k < len; ++k)
			CHECK(buf[at + k] == (uint8_t)id);
		at += len;
	}
	CHECK(at == n);
}

static void *reader(void *arg)
{
	struct ring *r = arg;
	uint64_t expected = 0;

	for (unsigned turn = 0; expected < RECORDS; ++turn) {
		await_wake(r);
		take(r, &expected);
		if (turn % 4)
			continue;
		ring_poll(r, true);
		for (unsigned i = 0; i < turn % 9; ++i)
			take(r, &expected);
		ring_poll(r, false);
		take(r, &expected);
	}
	return NULL;
}

static void test_ring(void)
{
	struct ring *r = ring_new(17);
	static struct record rec;
	static char text[4000];
	pthread_t t;

	CHECK(r && !pthread_create(&t, NULL, reader, r));
	for (uint64_t i = 0; i < RECORDS; ++i) {
		memset(text, (int)(uint8_t)i, sizeof(text));
		record_begin(&rec, 1, 2, i, 3, 4);
		record_add(&rec, text, (size_t)rand() % (i % 100 ? 60 : sizeof(text)));
		ring_push(r, &rec, i % 3); /* some wait for the next that wakes */
	}
	while (!ring_flush(r))
		;
	ring_call(r);
	pthread_join(t, NULL);
	CHECK(ring_spilled(r) > 0); /* a ring this small: the waiting list was used */
	record_begin(&rec, 1, 2, 3, 4, 5);
	for (unsigned i = 0; i < 40; ++i)
		record_add(&rec, text, sizeof(text));
	CHECK(rec.len <= RING_RECORD_MAX && rec.strings <= RING_STRINGS);
	ring_free(r);
}

/* ---- journal ---- */

static void test_journal(const char *path)
{
	struct journal *j = journal_open(path, 8);
	struct journal_slot *s[9];
	FILE *f;

	CHECK(j);
	for (unsigned i = 0; i < 8; ++i) {
		s[i] = journal_take(j);
		CHECK(s[i] && journal_text(s[i]->call_id, sizeof(s[i]->call_id), "call", 4));
		journal_set_state(s[i], i % 2 ? JOURNAL_UP : JOURNAL_CALLING);
	}
	CHECK(!journal_take(j));
	journal_release(j, s[3]);
	CHECK(!journal_text(s[0]->ltag, sizeof(s[0]->ltag), "a very long tag that is longer than any tag may be in this journal", 66));
	CHECK(s[0]->ltag[0] == '\0');
	journal_close(j); /* as a kill would */
	j = journal_open(path, 8);
	CHECK(j && journal_left(j, 6) && !journal_left(j, 7));
	CHECK(journal_take(j) && !journal_take(j)); /* the left-over ones are not given out */
	journal_forget_left(j, 0);
	CHECK(journal_left(j, 5) && !journal_left(j, 6));
	journal_close(j);
	f = fopen(path, "r+b"); /* garbage of another layout: begins anew */
	CHECK(f && fwrite("garbage!", 8, 1, f) == 1);
	fclose(f);
	j = journal_open(path, 8);
	CHECK(j && !journal_left(j, 0));
	journal_close(j);
	CHECK(!journal_open("/proc/self/nothing/here", 8));
}

/* What is over is told after the next opening: the latest first, as many as fit, none that is too old. */
static void test_journal_ended(const char *path)
{
	struct journal *j = journal_open(path, 8);
	struct journal_slot *s;
	char id[32];

	CHECK(j && !journal_gone(j, 0, 1));
	for (unsigned i = 0; i < JOURNAL_GONE + 10; ++i) {
		s = journal_take(j);
		CHECK(s);
		(void)snprintf(id, sizeof(id), "call-%u", i);
		CHECK(journal_text(s->call_id, sizeof(s->call_id), id, strlen(id)) && journal_text(s->line, sizeof(s->line), "gw", 2));
		if (i % 2)
			journal_ended(j, s, 1000 + i); /* it never left: no dialog */
		journal_set_state(s, JOURNAL_UP);
		journal_ended(j, s, 1000 + i);
		journal_release(j, s);
	}
	CHECK(!journal_gone(j, 0, 1)); /* those of this process are its own */
	journal_close(j);
	j = journal_open(path, 8);
	CHECK(j && !journal_left(j, 0));
	for (unsigned i = 0; i < JOURNAL_GONE; ++i) {
		(void)snprintf(id, sizeof(id), "call-%u", JOURNAL_GONE + 9 - i);
		CHECK(journal_gone(j, i, 1) && !strcmp(journal_gone(j, i, 1)->call_id, id) && !strcmp(journal_gone(j, i, 1)->line, "gw"));
	}
	CHECK(!journal_gone(j, JOURNAL_GONE, 1));
	CHECK(journal_gone(j, 4, 1000 + JOURNAL_GONE + 5) && !journal_gone(j, 5, 1000 + JOURNAL_GONE + 5));
	journal_close(j);
}

/* On a file system with little room: an error or a refused slot, and no signal. Slots that were given out can be written. */
static void test_journal_room(const char *path)
{
	struct journal *j = journal_open(path, 4096);
	struct journal_slot *s;
	unsigned n = 0;

	if (!j) {
		CHECK(errno == ENOSPC);
		puts("no room");
		return;
	}
	while ((s = journal_take(j))) {
		memset(s, 1, sizeof(*s));
		++n;
	}
	journal_close(j);
	printf("%u slots\n", n);
}

/* ---- descriptions: mutations of good ones never read outside, and what is agreed makes an answer ---- */

static const char GOOD[] = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=video 5 RTP/AVP 96\r\n"
			   "m=audio 20000/2 RTP/AVP 9 0 8 18 101\r\na=rtpmap:101 telephone-event/8000\r\na=ptime:30\r\n"
			   "a=rtcp:20009 IN IP4 192.0.2.1\r\na=sendonly\r\n";

static void test_desc(void)
{
	struct desc_local local = { "192.0.2.9", 4000, { DESC_PCMA, DESC_PCMU, DESC_NONE }, 20, DESC_SENDRECV };
	struct desc_far far;
	struct desc d;
	char out[DESC_MAX];

	CHECK(!desc_parse(&d, GOOD, sizeof(GOOD) - 1) && !desc_agree(&d, &local, &far));
	CHECK(far.codec == DESC_PCMU && far.pt == 0 && far.te == 101 && far.ptime == 30 && far.rtcp_port == 20009);
	CHECK(far.dir == DESC_RECVONLY && !strcmp(far.host, "192.0.2.1"));
	for (unsigned i = 0; i < 200000; ++i) {
		char *copy = malloc(sizeof(GOOD)); /* its own block: a read past the end is seen */
		size_t len = (size_t)rand() % sizeof(GOOD);

		memcpy(copy, GOOD, sizeof(GOOD) - 1);
		len = rand() % 2 ? sizeof(GOOD) - 1 : len;
		for (int k = rand() % 6; k > 0; --k)
			copy[(size_t)rand() % (sizeof(GOOD) - 1)] = (char)(rand() % 3 ? "0123456789 =:/\r\nmac"[rand() % 19] : rand());
		copy = realloc(copy, len ? len : 1);
		if (!desc_parse(&d, copy, len) && !desc_agree(&d, &local, &far)) {
			CHECK(far.codec < DESC_CODECS && far.port && far.host[0]);
			(void)desc_write_answer(out, sizeof(out), &d, &local, &far, 1, 1);
			CHECK(!desc_write_answer(out, 40, &d, &local, &far, 1, 1));
		}
		free(copy);
	}
}

int main(int argc, char **argv)
{
	if (argc == 2) {
		test_journal_room(argv[1]);
		return 0;
	}
	CHECK(argc == 3);
	srand((unsigned)atoi(argv[2]));
	test_wheel();
	test_ring();
	test_journal(argv[1]);
	(void)unlink(argv[1]);
	test_journal_ended(argv[1]);
	test_desc();
	puts("ok");
	return 0;
}
