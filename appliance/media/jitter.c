#include "jitter.h"

#include <string.h>

#define MASK (JITTER_BYTES - 1)
#define DELAY_FIRST 480       /* 60 ms until one window is over: most jitter fits, and what is too much goes in a pause */
#define DELAY_LEAST 160
#define DELAY_MOST 2400       /* 300 ms: later packets count as lost */
#define WINDOW_TICKS 16000
#define ASTRAY_MOST 4
#define EXCESS_HEARD 480      /* 60 ms too much is corrected even in the middle of a word */

void jitter_reset(struct jitter *j)
{
	uint64_t late = j->late;

	memset(j->have, 0, sizeof(j->have));
	memset(j->window, 0, sizeof(j->window));
	j->started = j->running = j->settled = false;
	j->astray = 0;
	j->now_window = 0;
	j->base = 0;
	j->delay = DELAY_FIRST;
	j->late = late;
}

static bool bit_take(struct jitter *j, uint32_t at)
{
	uint64_t bit = 1ull << (at & 63);
	uint64_t *word = &j->have[at / 64];
	bool was = *word & bit;

	*word &= ~bit;
	return was;
}

static void bits_set(struct jitter *j, uint32_t at, size_t n)
{
	while (n > 0) {
		uint32_t low = at & 63;
		size_t here = 64 - low < n ? 64 - low : n;
		uint64_t mask = here == 64 ? ~0ull : ((1ull << here) - 1) << low;

		j->have[at / 64] |= mask;
		at = (at + (uint32_t)here) & MASK;
		n -= here;
	}
}

static void bytes_put(struct jitter *j, uint32_t ts, const uint8_t *data, size_t n)
{
	uint32_t at = ts & MASK;
	size_t first = JITTER_BYTES - at < n ? JITTER_BYTES - at : n;

	memcpy(j->data + at, data, first);
	memcpy(j->data, data + first, n - first);
	bits_set(j, at, n);
}

/* Wished delay: enough for all but the slowest packet of each window, and a frame, as a packet may begin at its end. */
static void delay_choose(struct jitter *j)
{
	int32_t low = INT32_MAX, high = INT32_MIN, want;

	for (unsigned i = 0; i < JITTER_WINDOWS; i++) {
		const struct jitter_window *w = &j->window[i];

		if (!w->used)
			continue;
		low = w->low < low ? w->low : low;
		high = w->second > high ? w->second : high;
	}
	if (low == INT32_MAX)
		return;
	want = (high > low ? high - low : 0) + JITTER_FRAME + 16;
	if (!j->settled && want < DELAY_FIRST)
		want = DELAY_FIRST;
	j->base = low;
	j->delay = want < DELAY_LEAST ? DELAY_LEAST : want > DELAY_MOST ? DELAY_MOST : want;
}

static void transit_note(struct jitter *j, int32_t d, uint32_t now)
{
	struct jitter_window *w = &j->window[j->now_window];

	if (now - j->window_began >= WINDOW_TICKS) {
		j->settled = true;
		j->now_window = (j->now_window + 1) % JITTER_WINDOWS;
		j->window_began = now;
		w = &j->window[j->now_window];
		w->used = false;
	}
	if (!w->used) {
		*w = (struct jitter_window){ .used = true, .low = d, .high = d, .second = d };
	} else if (d > w->high) {
		w->second = w->high;
		w->high = d;
	} else {
		w->second = d > w->second ? d : w->second;
		w->low = d < w->low ? d : w->low;
	}
	delay_choose(j);
}

static void begin(struct jitter *j, uint32_t ts, uint32_t now)
{
	jitter_reset(j);
	j->started = true;
	j->first_ts = ts;
	j->transit0 = now - ts;
	j->window_began = now;
}

/* A timestamp far off: a stray packet, or the sender's clock jumped. A run of packets that follow each other decides. */
static bool astray_settled(struct jitter *j, uint32_t ts, size_t n)
{
	j->astray = ts == j->next_ts ? j->astray + 1 : 1;
	j->next_ts = ts + (uint32_t)n;
	return j->astray >= ASTRAY_MOST;
}

enum jitter_put jitter_put(struct jitter *j, uint32_t ts, const uint8_t *data, size_t n, uint32_t now)
{
	int32_t ahead, d;

	if (n == 0 || n > JITTER_BYTES / 4)
		return JITTER_ASTRAY;
	if (!j->started)
		begin(j, ts, now);
	ahead = (int32_t)(ts - (j->running ? j->cursor : j->first_ts));
	d = (int32_t)(now - ts - j->transit0);
	if (ahead > JITTER_BYTES - (int32_t)n || ahead < -JITTER_BYTES || d > JITTER_BYTES || d < -JITTER_BYTES) {
		if (!astray_settled(j, ts, n))
			return JITTER_ASTRAY;
		begin(j, ts, now);
		ahead = 0;
		d = 0;
	}
	transit_note(j, d, now);
	if (j->running && ahead < 0) {
		if (ahead + (int32_t)n <= 0) {
			j->late++;
			return JITTER_LATE;
		}
		data += -ahead;
		n -= (size_t)-ahead;
		ts = j->cursor;
	} else if (ahead < -JITTER_BYTES / 4) {
		return JITTER_LATE;
	}
	j->astray = 0;
	bytes_put(j, ts, data, n);
	return JITTER_TAKEN;
}

/* How many bytes to take for this frame: fewer where we run ahead of the wish, more where we lag behind it. */
static size_t take_length(struct jitter *j, uint32_t now, bool quiet)
{
	uint32_t ideal = now - j->transit0 - (uint32_t)(j->base + j->delay);
	int32_t lag = (int32_t)(ideal - j->cursor);

	if (lag > JITTER_BYTES || lag < -JITTER_BYTES) {
		j->cursor = ideal;
		memset(j->have, 0, sizeof(j->have));
		return JITTER_FRAME;
	}
	/* Running ahead loses audio, so it is mended at once; lag only costs delay and waits for a pause. */
	if (lag <= -JITTER_ADJUST)
		return JITTER_FRAME - JITTER_ADJUST;
	if (lag >= EXCESS_HEARD || (quiet && lag >= JITTER_ADJUST + 40))
		return JITTER_FRAME + JITTER_ADJUST;
	return JITTER_FRAME;
}

bool jitter_take(struct jitter *j, struct jitter_frame *f, uint32_t now, bool quiet)
{
	if (!j->started)
		return false;
	if (!j->running) {
		j->running = true;
		j->cursor = now - j->transit0 - (uint32_t)(j->base + j->delay);
		/* What came for a time that is past already would come round again as the future. */
		for (uint32_t i = 1; i <= JITTER_BYTES / 2; i++)
			bit_take(j, (j->cursor - i) & MASK);
	}
	f->length = take_length(j, now, quiet);
	f->present = 0;
	for (size_t i = 0; i < f->length; i++) {
		uint32_t at = (j->cursor + (uint32_t)i) & MASK;

		f->have[i] = bit_take(j, at);
		f->data[i] = j->data[at];
		f->present += f->have[i];
	}
	j->cursor += (uint32_t)f->length;
	return true;
}

int32_t jitter_delay(const struct jitter *j)
{
	return j->started ? j->delay : 0;
}
