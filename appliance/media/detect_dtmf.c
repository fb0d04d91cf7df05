/**
 * In-band digits (ITU-T Q.23, Q.24) over lines that lose packets.
 *
 * A digit is counted in short windows (15 ms, every 7.5 ms) that each sound like one, so that a lost packet costs some
 * windows and neither the digit nor its unity: a hole of one packet is bridged, and time that is known to be lost does not
 * count as a pause. Between neighbouring windows the phase must have moved on as the frequencies say: speech, that now and
 * then has the right frequencies, seldom holds them.
 */
#include "detect_priv.h"

#include <math.h>
#include <string.h>

#define NEED 4                    /* windows that make a digit: 37.5 ms of tone at least, Q.24 wants 40 ms heard */
#define PAIR_SHARE 0.62f          /* of the power that the pair must hold: 1.5 % off the highest frequency costs that much */
#define EVEN 1.7f                 /* between the halves' powers: a tone that fills only part of a window has no say */
#define TWIST 6.4f                /* 8 dB, either way */
#define APART 0.16f               /* the next best row or column is 8 dB weaker */
#define LEAST_POWER 42000.0f      /* of each tone: -44 dBov */
#define LEVEL_STEP 5.0f           /* 7 dB between windows of one digit */
#define BRIDGE (38 * 8)           /* samples; a pause is longer (Q.24: 40 ms), one packet's hole is 35 ms at the most */
#define LOST_MOST (60 * 8)        /* lost samples that do not count as a pause */

static const float freqs[8] = {697, 770, 852, 941, 1209, 1336, 1477, 1633};
static const char keys[17] = "123A456B789C*0#D";
static float bank[8][2][DTMF_WINDOW];  /* cosine, sine; written once, by dtmf_setup */

void dtmf_setup(void)
{
	for (int f = 0; f < 8; f++) {
		for (int i = 0; i < DTMF_WINDOW; i++) {
			double w = 2.0 * M_PI * freqs[f] * i / RATE;
			bank[f][0][i] = (float)cos(w);
			bank[f][1][i] = (float)sin(w);
		}
	}
}

void dtmf_init(struct dtmf *s)
{
	memset(s, 0, sizeof(*s));
}

/* What one window sounds like. */
struct look {
	int row, col;            /* 0..3; row -1: nothing like a digit */
	float level, phase_row, phase_col;
};

static int strongest(const float *power, float *second)
{
	int best = 0;
	*second = 0.0f;
	for (int i = 1; i < 4; i++)
		if (power[i] > power[best])
			best = i;
	for (int i = 0; i < 4; i++)
		if (i != best && power[i] > *second)
			*second = power[i];
	return best;
}

static struct look window_look(const float *x)
{
	struct look look = {.row = -1};
	const float scale = 2.0f / ((float)DTMF_WINDOW * DTMF_WINDOW);
	const size_t half = DTMF_WINDOW / 2;
	const float early = vec_dot(x, x, half), late = vec_dot(x + half, x + half, half);
	const float total = (early + late) / DTMF_WINDOW;
	float re[8], im[8], power[8], second_row, second_col;

	if (total < 2.0f * LEAST_POWER || early > EVEN * late || late > EVEN * early)
		return look;
	for (int f = 0; f < 8; f++) {
		re[f] = vec_dot(x, bank[f][0], DTMF_WINDOW);
		im[f] = -vec_dot(x, bank[f][1], DTMF_WINDOW);
		power[f] = (re[f] * re[f] + im[f] * im[f]) * scale;
	}
	int row = strongest(power, &second_row), col = strongest(power + 4, &second_col);
	float pr = power[row], pc = power[4 + col];
	if (pr < LEAST_POWER || pc < LEAST_POWER || pr > TWIST * pc || pc > TWIST * pr)
		return look;
	if (pr + pc < PAIR_SHARE * total || second_row > APART * pr || second_col > APART * pc)
		return look;
	look.row = row;
	look.col = col;
	look.level = pr + pc;
	look.phase_row = atan2f(im[row], re[row]);
	look.phase_col = atan2f(im[4 + col], re[4 + col]);
	return look;
}

/* Hz between the frequency heard and the nominal one, from how far the phase moved in one hop. */
static float phase_error(float before, float now, float nominal)
{
	float turns = (now - before) / (2.0f * (float)M_PI) - nominal * DTMF_HOP / RATE;
	turns -= roundf(turns);
	return fabsf(turns) * RATE / DTMF_HOP;
}

static bool phase_steady(const struct dtmf *s, const struct look *look)
{
	float fr = freqs[look->row], fc = freqs[4 + look->col];
	/* Q.24: 1.5 % must be heard; noise adds a few Hz. */
	return phase_error(s->phase_row, look->phase_row, fr) < 0.02f * fr + 6.0f &&
	       phase_error(s->phase_col, look->phase_col, fc) < 0.02f * fc + 6.0f;
}

static bool same_press(const struct dtmf *s, char digit, float level, uint64_t start)
{
	uint32_t forgiven = s->lost < LOST_MOST ? s->lost : LOST_MOST;
	if (!s->candidate || digit != s->candidate || level > s->level * LEVEL_STEP || level < s->level / LEVEL_STEP)
		return false;
	return start < s->last + BRIDGE + forgiven;
}

/* Counts one window in; returns the digit when it has become one. */
static char window_count(struct dtmf *s, const struct look *look, uint64_t start)
{
	char digit = keys[look->row * 4 + look->col];
	bool same = same_press(s, digit, look->level, start);

	if (same && s->consecutive && !phase_steady(s, look)) {
		if (!s->reported)
			s->hits = 0;
		same = s->reported;
	}
	if (!same) {
		s->candidate = digit;
		s->reported = false;
		s->hits = 0;
		s->level = 0.0f;
		s->first = start;
	}
	s->hits++;
	s->level = fmaxf(s->level, look->level);
	s->last = start + DTMF_WINDOW;
	s->lost = 0;
	s->consecutive = true;
	s->phase_row = look->phase_row;
	s->phase_col = look->phase_col;
	if (s->hits < NEED || s->reported)
		return 0;
	s->reported = true;
	return digit;
}

char dtmf_frame(struct dtmf *s, struct frame *f, const struct echo *e, uint64_t *start)
{
	char begun = 0;
	int at = 0;

	memcpy(s->hist + s->fill, f->x, sizeof(f->x));
	s->fill += FRAME;
	if (f->lost)
		s->lost += FRAME;
	for (; at + DTMF_WINDOW <= s->fill; at += DTMF_HOP) {
		uint64_t from = f->end - (uint64_t)(s->fill - at);
		struct look look = window_look(s->hist + at);
		if (look.row < 0) {
			s->consecutive = false;
			continue;
		}
		f->digit = true;
		char digit = window_count(s, &look, from);
		if (!digit)
			continue;
		if (echo_sent_pair(e, bank[look.row][0], bank[4 + look.col][0], DTMF_WINDOW, DTMF_HOP))
			continue;
		begun = digit;
		*start = s->first;
	}
	s->fill -= at;
	memmove(s->hist, s->hist + at, (size_t)s->fill * sizeof(*s->hist));
	return begun;
}
