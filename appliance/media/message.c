/** Where the speech of a recorded message is, how loud it is, and the same at another level. */
#include "message.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "detect.h"
#include "media.h"

#define RATE 8000
#define STEP 80                     /* samples in which silence is told from speech: 10 ms */
#define FLOOR_SHARE 10              /* the noise floor is the level that every tenth step stays below */
#define ABOVE_FLOOR 9.0             /* dB */
#define BELOW_LOUD 38.0             /* dB under the loudest step everything is silence */
#define SILENT_DBOV -58.0
#define JOIN 12                     /* steps: a shorter pause is part of a word */
#define CLICK 6                     /* steps: a shorter sound that stands alone at an end is the handset, not speech */
#define ALONE 15                    /* steps of silence that make it stand alone */
#define DIGIT_TAIL (RATE * 3 / 2)   /* a digit that begins in the last 1.5 s ended the recording */

static int32_t sample_at(const uint8_t *at, int bytes)
{
	if (bytes == 1)
		return ((int32_t)at[0] - 128) * 256;
	return (int16_t)(uint16_t)(at[bytes - 2] | at[bytes - 1] << 8);
}

void message_mono(const uint8_t *in, size_t frames, int encoding, int bytes, int channels, int16_t *out)
{
	for (size_t i = 0; i < frames; i++) {
		int32_t sum = 0;
		for (int c = 0; c < channels; c++) {
			const uint8_t *at = in + (i * (size_t)channels + (size_t)c) * (size_t)bytes;
			int16_t one;
			if (encoding == MESSAGE_PCM) {
				sum += sample_at(at, bytes);
				continue;
			}
			pcm_expand(encoding == MESSAGE_ALAW ? 8 : 0, at, &one, 1);
			sum += one;
		}
		out[i] = (int16_t)(sum / channels);
	}
}

/* ---- the digit at the end ---------------------------------------------------------------------------------------- */

struct last_digit {
	size_t start;
	bool heard;
};

static void digit_heard(const struct detect_event *event, void *arg)
{
	struct last_digit *last = arg;
	last->start = (size_t)event->at_ms * 8;
	last->heard = true;
}

/* Where the message ends if a key ended it: before its tone. */
static int digit_tail(const int16_t *pcm, size_t n, size_t *end)
{
	struct detect_conf conf = {.flags = DETECT_DIGITS};
	struct last_digit last = {0};
	struct detect *d;
	size_t from = n > 4 * DIGIT_TAIL ? n - 4 * DIGIT_TAIL : 0;

	int err = detect_alloc(&d, &conf);
	if (err)
		return err;
	/* The recording may end in the middle of the tone; silence behind it lets the detector finish its last frame. */
	static const int16_t silence[2 * DETECT_FRAME];
	detect_push(d, pcm + from, NULL, n - from, 0, digit_heard, &last);
	detect_push(d, silence, NULL, 2 * DETECT_FRAME, 0, digit_heard, &last);
	detect_free(d);
	*end = n;
	if (last.heard && from + last.start + DIGIT_TAIL > n)
		*end = from + (last.start > STEP ? last.start - STEP : 0);
	return 0;
}

/* ---- speech and silence ------------------------------------------------------------------------------------------ */

static double step_db(const int16_t *x)
{
	double mean = 0.0, sum = 0.0;
	for (int i = 0; i < STEP; i++)
		mean += x[i];
	mean /= STEP;
	for (int i = 0; i < STEP; i++)
		sum += (x[i] - mean) * (x[i] - mean);
	return sum < 1.0 ? -110.0 : 10.0 * log10(sum / STEP / (32768.0 * 32768.0));
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double speech_threshold(const double *db, size_t steps, double *sorted)
{
	memcpy(sorted, db, steps * sizeof(*db));
	qsort(sorted, steps, sizeof(*sorted), compare);
	/* Half a percent may be clicks: they do not say how loud the speech is. */
	double loud = sorted[steps - 1 - steps / 200];
	double threshold = fmax(sorted[steps / FLOOR_SHARE] + ABOVE_FLOOR, loud - BELOW_LOUD);
	/* All of it speech, without a pause to hear the floor in. */
	if (threshold > loud - 12.0)
		threshold = loud - 12.0;
	return fmax(threshold, SILENT_DBOV);
}

/* The next sounding stretch at or after *at; short pauses inside belong to it. */
static bool stretch_next(const double *db, size_t steps, double threshold, size_t *at, size_t *end)
{
	while (*at < steps && db[*at] < threshold)
		(*at)++;
	if (*at >= steps)
		return false;
	size_t last = *at;
	for (size_t i = *at; i < steps && i <= last + JOIN; i++)
		if (db[i] >= threshold)
			last = i;
	*end = last + 1;
	return true;
}

/* First and last step of speech, clicks at the ends left out; returns how many steps sound. */
static size_t speech_bounds(const double *db, size_t steps, double threshold, size_t *first, size_t *last)
{
	size_t at = 0, end = 0, sounding = 0, pending_end = 0;
	bool begun = false;

	while (stretch_next(db, steps, threshold, &at, &end)) {
		size_t length = end - at, next = end, next_end = 0;
		bool follows = stretch_next(db, steps, threshold, &next, &next_end);
		bool alone_before = !begun || at > pending_end + ALONE;
		bool alone_behind = !follows || next > end + ALONE;
		if (length >= CLICK || !(alone_before && alone_behind)) {
			if (!begun)
				*first = at;
			begun = true;
			pending_end = end;
			sounding += length;
		}
		at = end;
	}
	*last = pending_end;
	return sounding;
}

/* ---- level (ITU-T P.56, method B) -------------------------------------------------------------------------------- */

#define P56_STEPS 15
#define P56_MARGIN 15.9             /* dB between level and threshold */
#define P56_HANG (RATE / 5)

static double active_level(const int16_t *x, size_t n)
{
	const double g = exp(-1.0 / (RATE * 0.03));
	double p = 0.0, q = 0.0, square = 0.0, before = 0.0, level_before = -110.0;
	size_t active[P56_STEPS] = {0}, hang[P56_STEPS];

	for (int j = 0; j < P56_STEPS; j++)
		hang[j] = P56_HANG;
	for (size_t i = 0; i < n; i++) {
		double v = x[i] / 32768.0;
		square += v * v;
		p = g * p + (1.0 - g) * fabs(v);
		q = g * q + (1.0 - g) * p;
		for (int j = 0; j < P56_STEPS; j++) {
			if (q >= ldexp(1.0, j - P56_STEPS))
				hang[j] = 0;
			else if (hang[j] < P56_HANG)
				hang[j]++;
			else
				continue;
			active[j]++;
		}
	}
	/* From the lowest threshold up, the level over what is active comes down to the threshold: where it is 15.9 dB above. */
	for (int j = 0; j < P56_STEPS && active[j]; j++) {
		double level = 10.0 * log10(square / (double)active[j] + 1e-12);
		double margin = level - 20.0 * log10(ldexp(1.0, j - P56_STEPS));
		if (margin <= P56_MARGIN) {
			if (j == 0)
				return level;
			double share = (before - P56_MARGIN) / (before - margin);
			return level_before + share * (level - level_before);
		}
		before = margin;
		level_before = level;
	}
	return level_before;
}

int message_find(const int16_t *pcm, size_t n, struct message_found *found)
{
	size_t end, first = 0, last = 0;

	memset(found, 0, sizeof(*found));
	found->active_dbov = -110.0;
	int err = digit_tail(pcm, n, &end);
	if (err)
		return err;
	found->limit = end;
	size_t steps = end / STEP;
	if (steps < CLICK)
		return 0;
	double *db = malloc(2 * steps * sizeof(*db));
	if (!db)
		return ENOMEM;
	for (size_t i = 0; i < steps; i++)
		db[i] = step_db(pcm + i * STEP);
	size_t sounding = speech_bounds(db, steps, speech_threshold(db, steps, db + steps), &first, &last);
	free(db);
	if (!sounding)
		return 0;
	found->start = first * STEP;
	found->end = last * STEP;
	found->speech_seconds = (double)sounding * STEP / RATE;
	found->active_dbov = active_level(pcm + found->start, found->end - found->start);
	int peak = 0; /* whole: gcc 12 for ARM fails on a loop that finds the greatest of fractions made of these */
	for (size_t i = found->start; i < found->end; i++)
		peak = abs(pcm[i]) > peak ? abs(pcm[i]) : peak;
	found->peak = peak / 32768.0;
	return 0;
}

/* ---- gain -------------------------------------------------------------------------------------------------------- */

static double block_need(const double *x, size_t n, size_t block, double ceiling)
{
	double peak = 0.0;
	for (size_t i = block * STEP; i < (block + 1) * STEP && i < n; i++)
		peak = fmax(peak, fabs(x[i]));
	return peak > ceiling ? ceiling / peak : 1.0;
}

/* Least need of the block and its neighbours: between two such values no line rises above the need of any sample. */
static double block_gain(const double *need, size_t blocks, size_t b)
{
	double g = need[b];
	if (b > 0)
		g = fmin(g, need[b - 1]);
	if (b + 1 < blocks)
		g = fmin(g, need[b + 1]);
	return g;
}

static double edge_fade(size_t i, size_t n)
{
	const size_t fade = STEP / 2;
	size_t from_edge = i < n - 1 - i ? i : n - 1 - i;
	return from_edge < fade ? (double)(from_edge + 1) / (double)(fade + 1) : 1.0;
}

int message_level(const int16_t *in, size_t n, double gain, double ceiling, int16_t *out, double *peak)
{
	size_t blocks = n / STEP + 1;
	double *x = malloc((n + blocks) * sizeof(*x)), *need = x + n;
	double dc = 0.0, y = 0.0;

	*peak = 0.0;
	if (!x)
		return ENOMEM;
	for (size_t i = 0; i < n; i++)
		dc += in[i];
	dc = n ? dc / (double)n : 0.0;
	for (size_t i = 0; i < n; i++)
		x[i] = (in[i] - dc) * gain;
	for (size_t b = 0; b < blocks; b++)
		need[b] = block_need(x, n, b, ceiling * 32767.0);
	for (size_t i = 0; i < n; i++) {
		double place = ((double)i - STEP / 2.0) / STEP;
		size_t b = place < 0.0 ? 0 : (size_t)place;
		double share = place < 0.0 ? 0.0 : place - (double)b;
		double a = block_gain(need, blocks, b), c = b + 1 < blocks ? block_gain(need, blocks, b + 1) : a;
		y = x[i] * (a + share * (c - a)) * edge_fade(i, n);
		out[i] = (int16_t)lrint(fmax(-32768.0, fmin(32767.0, y)));
		*peak = fmax(*peak, abs(out[i]) / 32768.0);
	}
	free(x);
	return 0;
}
