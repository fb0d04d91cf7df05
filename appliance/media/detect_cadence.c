/**
 * Which tone of the plan do the last segments show? Pure: segments in, best candidate out.
 *
 * Short cadences (busy, congestion) need two on times and the off between them, long ones (ringback) one on time and a
 * good part of the silence after it. Of all that fit within the tolerance the nearest wins.
 */
#include "detect_priv.h"

#include <math.h>
#include <string.h>

#define LONG_PERIOD 2400.0f    /* ms of on and off in a one-element cadence that is decided from one on time */
#define LONG_OFF 0.40f         /* of its off must have passed */
#define JUST_ENDED 70.0f       /* ms of silence after which a segment is known to have ended */
#define SLACK_MS 25.0f         /* besides the tolerance: one frame and a bit */

/* Calling tones are the same everywhere: CNG (T.30 4), V.25 calling tone. */
static const struct tone_plan universal = {
	.cadences = 2,
	.tolerance = 25,
	.tolerance_hz = 38,
	.cadence = {
		{.tone = TONE_FAX, .elements = 1, .element = {{1100, 0, 500, 3000}}},
		{.tone = TONE_MODEM, .elements = 1, .element = {{1300, 0, 600, 1750}}},
	},
};

bool cadence_frequency(const struct segment *s, const struct tone_element *el, float tolerance)
{
	if (s->f1 <= 0.0f || fabsf(s->f1 - el->f1) > tolerance)
		return false;
	if (!el->f2)
		return s->f2 <= 0.0f;
	return s->f2 > 0.0f && fabsf(s->f2 - el->f2) <= tolerance;
}

void cadence_dial_times(const struct tone_plan *plan, float *dial_ms)
{
	for (int i = 0; i < plan->cadences; i++) {
		const struct tone_element *dial = &plan->cadence[i].element[0];
		dial_ms[i] = 1500.0f;
		for (int j = 0; j < plan->cadences && dial->on_ms == 0; j++) {
			for (int k = 0; k < plan->cadence[j].elements; k++) {
				const struct tone_element *el = &plan->cadence[j].element[k];
				/* As good as the same frequency: a worn line may lose one of two. */
				if (fabsf((float)el->f1 - dial->f1) < 40.0f)
					dial_ms[i] = fmaxf(dial_ms[i], 1.4f * el->on_ms);
			}
		}
	}
}

/* Relative error of a length, or -1 where it is out of tolerance. `least`: only a lower bound is known. */
static float length_error(float ms, float nominal, uint8_t tolerance, bool least)
{
	float most = nominal * tolerance / 100.0f + SLACK_MS;
	/* The slack must not make short lengths meaningless. */
	most = fminf(most, 0.4f * nominal);
	if (ms > nominal + most)
		return -1.0f;
	if (least)
		return 0.0f;
	return ms < nominal - most ? -1.0f : fabsf(ms - nominal) / nominal;
}

static float match_long(const struct tones *t, const struct tone_cadence *c, const struct tone_plan *plan)
{
	const struct tone_element *el = &c->element[0];
	const struct segment *s = &t->done[0];

	if (!cadence_frequency(s, el, plan->tolerance_hz))
		return -1.0f;
	if (s->off_ms < LONG_OFF * el->off_ms)
		return -1.0f;
	float on = length_error(s->on_ms, el->on_ms, plan->tolerance, s->cut);
	return s->cut && s->on_ms < 150.0f ? -1.0f : on;
}

/* Two on times and the off between, beginning with element `from`. */
static float match_short(const struct tones *t, const struct tone_cadence *c, int from, const struct tone_plan *plan)
{
	const struct tone_element *a = &c->element[from], *b = &c->element[(from + 1) % c->elements];
	const struct segment *first = &t->done[1], *second = &t->done[0];

	/* Once, as the second on time ends: the silence after it says nothing more. */
	if (t->count < 2 || second->off_ms > JUST_ENDED || !cadence_frequency(first, a, plan->tolerance_hz) ||
	    !cadence_frequency(second, b, plan->tolerance_hz))
		return -1.0f;
	float on1 = length_error(first->on_ms, a->on_ms, plan->tolerance, first->cut);
	float off = length_error(first->off_ms, a->off_ms, plan->tolerance, false);
	float on2 = length_error(second->on_ms, b->on_ms, plan->tolerance, false);
	if (on1 < 0.0f || off < 0.0f || on2 < 0.0f)
		return -1.0f;
	return (on1 + off + on2) / 3.0f;
}

static void match_plan(const struct tones *t, const struct tone_plan *plan, float *best, struct tone_found *found)
{
	for (int i = 0; i < plan->cadences; i++) {
		const struct tone_cadence *c = &plan->cadence[i];
		if (c->element[0].on_ms == 0)
			continue;
		bool is_long = c->elements == 1 && (float)(c->element[0].on_ms + c->element[0].off_ms) > LONG_PERIOD;
		for (int from = 0; from < (is_long ? 1 : c->elements); from++) {
			float err = is_long ? match_long(t, c, plan) : match_short(t, c, from, plan);
			if (err < 0.0f || err >= *best)
				continue;
			*best = err;
			found->tone = c->tone;
			found->start = t->done[is_long ? 0 : 1].start;
			found->oldest = t->done[is_long ? 0 : 1].number;
		}
	}
}

struct tone_found cadence_match(const struct tones *t, const struct tone_plan *plan)
{
	struct tone_found found = {0};
	float best = 1.0f;

	match_plan(t, &universal, &best, &found);
	match_plan(t, plan, &best, &found);
	return found;
}
