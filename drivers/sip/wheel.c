/*
 * wheel: libre's timers as a hierarchical timing wheel on CLOCK_MONOTONIC.
 *
 * libre keeps its timers in one sorted list on the wall clock: starting one costs a walk over all (10,000 of them at 300
 * calls a second) and a step of the clock moves every one. All public tmr_* functions are defined here, so the linker
 * never takes libre's tmr.o out of the archive. Four levels of 256 slots of 1 ms, 256 ms, 65.5 s, 4.7 h: start and cancel
 * are O(1), a timer moves down at most three times (Varghese & Lauck 1987, scheme 7).
 *
 * One thread owns the wheel: the SIP thread. The structure is static, as libre's own list is one per thread and we have
 * exactly one such thread.
 */
#include "ua_libre.h"

#include <string.h>
#include <time.h>

enum {
	BITS = 8,
	SLOTS = 1 << BITS,
	MASK = SLOTS - 1,
	LEVELS = 4,
	WORDS = SLOTS / 64,
};

static const uint64_t SPAN_MAX = (1ULL << (BITS * LEVELS)) - 1; /* 49.7 days, longer delays are cut to this */

static struct {
	struct list slot[LEVELS][SLOTS];
	uint64_t used[LEVELS][WORDS]; /* bit set: the slot may hold timers (cleared when found empty) */
	uint64_t tick;                /* last millisecond that was run; 0 before the first use */
	uint32_t count;
} wheel;

uint64_t tmr_jiffies(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void slot_mark(unsigned level, unsigned i)
{
	wheel.used[level][i / 64] |= 1ULL << (i % 64);
}

static void slot_clear(unsigned level, unsigned i)
{
	wheel.used[level][i / 64] &= ~(1ULL << (i % 64));
}

/* Level and slot follow from how far away the expiry is; a level's slot is run (or moved down) when its turn comes. */
static void wheel_insert(struct tmr *tmr)
{
	const uint64_t delta = tmr->jfs - wheel.tick;
	unsigned level = 0, i;

	while (level < LEVELS - 1 && delta >= 1ULL << (BITS * (level + 1)))
		++level;
	i = (unsigned)(tmr->jfs >> (BITS * level)) & MASK;
	list_append(&wheel.slot[level][i], &tmr->le, tmr);
	slot_mark(level, i);
}

/* Distance in slots from `from` (exclusive) to the next used slot of the level, 1..SLOTS; 0 where none is used. */
static unsigned slot_next(unsigned level, unsigned from)
{
	unsigned step = 1;

	while (step <= SLOTS) {
		const unsigned i = (from + step) & MASK;
		const uint64_t word = wheel.used[level][i / 64] >> (i % 64);

		if (!word) {
			step += 64 - i % 64;
			continue;
		}
		step += (unsigned)__builtin_ctzll(word);
		if (step > SLOTS)
			return 0;
		if (!list_isempty(&wheel.slot[level][(from + step) & MASK]))
			return step;
		slot_clear(level, (from + step) & MASK); /* emptied by tmr_cancel */
	}
	return 0;
}

/* The next tick at which there is something to do: a timer due, or a slot of a higher level to move down. */
static uint64_t wheel_next(void)
{
	uint64_t best = UINT64_MAX;

	for (unsigned level = 0; level < LEVELS; ++level) {
		const uint64_t at = wheel.tick >> (BITS * level);
		const unsigned step = slot_next(level, (unsigned)at & MASK);

		if (step && (at + step) << (BITS * level) < best)
			best = (at + step) << (BITS * level);
	}
	return best;
}

/* At a tick that is a multiple of a level's width: that level's slot goes down to where its timers now belong. */
static void wheel_cascade(void)
{
	for (unsigned level = LEVELS - 1; level > 0; --level) {
		const unsigned i = (unsigned)(wheel.tick >> (BITS * level)) & MASK;
		struct list *list = &wheel.slot[level][i];
		struct le *le;

		if (wheel.tick & ((1ULL << (BITS * level)) - 1))
			continue;
		slot_clear(level, i);
		for (uint32_t n = list_count(list); n && (le = list_head(list)); --n) {
			list_unlink(le);
			wheel_insert(list_ledata(le));
		}
	}
}

static void slot_run(struct list *list)
{
	struct le *le;

	/* Handlers may cancel any timer and start new ones, but none for this very tick: the loop ends. */
	while ((le = list_head(list))) {
		struct tmr *tmr = list_ledata(le);
		tmr_h *th = tmr->th;
		void *arg = tmr->arg;

		list_unlink(le);
		--wheel.count;
		tmr->th = NULL;
		if (th)
			th(arg);
	}
}

void tmr_poll(struct list *tmrl)
{
	const uint64_t now = tmr_jiffies();
	(void)tmrl;

	while (wheel.tick < now) {
		const uint64_t next = wheel_next();

		if (next > now) {
			wheel.tick = now;
			return;
		}
		wheel.tick = next;
		wheel_cascade();
		slot_run(&wheel.slot[0][wheel.tick & MASK]);
	}
}

uint64_t tmr_next_timeout(struct list *tmrl)
{
	uint64_t next, now;
	(void)tmrl;

	if (!wheel.count)
		return 0; /* libre: wait without limit */
	next = wheel_next();
	now = tmr_jiffies();
	if (next <= now)
		return 1;
	return next - now > 60000 ? 60000 : next - now;
}

void tmr_init(struct tmr *tmr)
{
	if (tmr)
		memset(tmr, 0, sizeof(*tmr));
}

void tmr_start(struct tmr *tmr, uint64_t delay, tmr_h *th, void *arg)
{
	uint64_t now;

	if (!tmr)
		return;
	if (tmr->th) {
		list_unlink(&tmr->le);
		--wheel.count;
	}
	tmr->th = th;
	tmr->arg = arg;
	if (!th)
		return;
	now = tmr_jiffies();
	if (!wheel.count && wheel.tick < now)
		wheel.tick = now; /* nothing waits: skip the idle time */
	tmr->jfs = now + delay;
	if (tmr->jfs <= wheel.tick)
		tmr->jfs = wheel.tick + 1;
	if (tmr->jfs - wheel.tick > SPAN_MAX)
		tmr->jfs = wheel.tick + SPAN_MAX;
	++wheel.count;
	wheel_insert(tmr);
}

void tmr_cancel(struct tmr *tmr)
{
	tmr_start(tmr, 0, NULL, NULL);
}

uint64_t tmr_get_expire(const struct tmr *tmr)
{
	uint64_t now;

	if (!tmr || !tmr->th)
		return 0;
	now = tmr_jiffies();
	return tmr->jfs > now ? tmr->jfs - now : 0;
}

int tmr_status(struct re_printf *pf, void *unused)
{
	(void)unused;
	return re_hprintf(pf, "Timers: %u\n", wheel.count);
}

void tmr_debug(void)
{
	if (wheel.count)
		(void)re_fprintf(stderr, "%H", tmr_status, NULL);
}
