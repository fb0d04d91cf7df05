/**
 * Cuts what is heard into segments of sound and silence, each with its frequencies, and reads tones from them.
 *
 * Edges come from the level of 20 ms frames (the partly filled ones count in part), the frequencies from the 64 ms
 * spectra inside. A hole of two frames is bridged: no cadence in E.180 has so short a pause, lost packets do.
 */
#include "detect_priv.h"

#include <math.h>
#include <string.h>

#define OFF_RUN 3              /* quiet frames that end a segment */
#define CHANGE_RUN 2           /* frames with another steady frequency that end it */
#define EDGE 0.20f             /* below this share of the peak's power a frame is off */
#define SAME_HZ 25.0f
#define FORGET (8 * RATE)      /* the same tone is told again after this long without it */
#define BEEP_PURITY 0.85f
#define BEEP_WANDER 12.0f      /* Hz; a voice does not hold a note so well */
#define BEEP_QUIET 240         /* ms of silence that must follow */
#define BEEP_QUIET_PLAN 800    /* the same where the frequency is one of the plan's: it could be busy, and go on */

void tones_init(struct tones *t, const struct tone_plan *plan)
{
	memset(t, 0, sizeof(*t));
	cadence_dial_times(plan, t->dial_ms);
	t->beep_done = true;
}

bool tones_on(const struct tones *t)
{
	return t->on && t->cur.f1 > 0.0f && t->tonal >= 3;
}

static void segment_begin(struct tones *t, uint64_t start, bool cut)
{
	t->on = true;
	t->cur = (struct segment){.purity = 1.0f, .cut = cut, .start = start, .number = ++t->number};
	t->peak = t->first_power = t->last_power = 0.0f;
	t->frames = t->tonal = t->other = t->off_run = t->change = 0;
	t->f_low = t->f_high = 0.0f;
	t->cur_reported = false;
	t->beep_done = false;
}

/* Moves the current segment into the list; `end` is where its last full or partial frame ended. */
static void segment_finish(struct tones *t, uint64_t end)
{
	struct segment *s = &t->cur;
	float ms = (float)(end - s->start) / 8.0f;
	if (t->peak > 0.0f && t->frames > 2)
		ms -= FRAME_MS * (2.0f - fminf(1.0f, t->first_power / t->peak) - fminf(1.0f, t->last_power / t->peak));
	s->on_ms = fmaxf(ms, 1.0f);
	s->wander = t->f_high - t->f_low;
	/* The window is 64 ms: the first three spectra of a segment also hold what was before it. */
	int inside = t->frames > 3 ? t->frames - 3 : 1;
	if (t->tonal < 1 || (float)t->tonal < 0.55f * (float)inside)
		s->f1 = s->f2 = 0.0f;
	memmove(t->done + 1, t->done, (SEGMENTS - 1) * sizeof(*t->done));
	t->done[0] = *s;
	t->count += t->count < SEGMENTS;
	t->on = false;
	t->off_start = end;
}

static bool frequencies_fit(const struct segment *s, const struct spectrum *sp)
{
	if (s->f1 <= 0.0f)
		return true;
	/* Of two equal tones now the one, now the other is the stronger. */
	return fabsf(s->f1 - sp->f1) < SAME_HZ || (sp->f2 > 0.0f && fabsf(s->f1 - sp->f2) < SAME_HZ);
}

static void frequencies_take(struct tones *t, const struct spectrum *sp)
{
	struct segment *s = &t->cur;
	float low = sp->f1, high = sp->f2;
	if (sp->f2 > 0.0f && sp->f2 < sp->f1)
		low = sp->f2, high = sp->f1;
	/* A second frequency within 12 dB counts, but not the harmonics of a worn line's tone. */
	float times = sp->f2 / sp->f1;
	bool harmonic = times > 1.5f && fabsf(times - roundf(times)) < 0.03f && sp->ratio < 0.3f;
	if (sp->f2 <= 0.0f || sp->ratio < 0.06f || harmonic)
		low = sp->f1, high = 0.0f;
	if (t->tonal == 0 || (s->f2 <= 0.0f) != (high <= 0.0f)) {
		s->f1 = low;
		s->f2 = high;
	} else {
		s->f1 += 0.3f * (low - s->f1);
		s->f2 += 0.3f * (high - s->f2);
	}
	if (t->tonal == 0)
		t->f_low = t->f_high = sp->f1;
	t->f_low = fminf(t->f_low, sp->f1);
	t->f_high = fmaxf(t->f_high, sp->f1);
	s->purity = fminf(s->purity, sp->share1);
	t->tonal++;
}

/* One loud frame of the current segment; true when it turned out to belong to a new one. */
static bool segment_extend(struct tones *t, const struct frame *f, const struct spectrum *sp)
{
	t->frames++;
	if (t->frames == 1)
		t->first_power = f->power;
	t->last_power = f->power;
	t->peak = fmaxf(t->peak * 0.98f, f->power);
	if (f->lost || sp->holes || !sp->valid)
		return false;
	bool fits = frequencies_fit(&t->cur, sp);
	if (f->tonal && fits && t->cur.f1 <= 0.0f && t->frames > 8 && ++t->change < CHANGE_RUN)
		return false;  /* a tone may begin inside speech: see whether it stays */
	if (f->tonal && fits && t->cur.f1 <= 0.0f && t->frames > 8)
		return true;
	if (f->tonal && fits) {
		t->change = 0;
		frequencies_take(t, sp);
	} else if (f->tonal) {
		t->change = fabsf(sp->f1 - t->change_f1) < SAME_HZ ? t->change + 1 : 1;
		t->change_f1 = sp->f1;
		return t->change >= CHANGE_RUN;
	} else if (t->frames > 3) {
		t->other++;
		t->change = 0;
		if (t->tonal && t->other > t->tonal + 4)  /* it was a vowel */
			t->cur.f1 = t->cur.f2 = 0.0f, t->tonal = 0;
	}
	return false;
}

static void segment_off(struct tones *t, const struct frame *f, bool faint)
{
	if (f->lost && t->off_run < OFF_RUN - 1)
		return;
	/* The frame in which the tone stops is partly filled, and counts in part. */
	if (t->off_run == 0 && faint)
		t->last_power = f->power;
	if (++t->off_run < OFF_RUN)
		return;
	segment_finish(t, f->end - (uint64_t)(OFF_RUN * FRAME));
	t->done[0].off_ms = OFF_RUN * FRAME_MS;
}

/* Universal tones that are known before they end: CED and answer tones (T.30, V.25), dial tone. */
static uint8_t tone_held(const struct tones *t, const struct tone_plan *plan)
{
	const struct segment *s = &t->cur;
	float ms = (float)(t->now - s->start) / 8.0f;

	if (s->f1 <= 0.0f || t->tonal < 10)
		return TONE_NONE;
	if (s->f2 <= 0.0f && fabsf(s->f1 - 2100.0f) < 20.0f && ms > 1300.0f)
		return t->other > 1 ? TONE_MODEM : TONE_FAX;  /* V.25 turns the phase around, each time a click */
	if (s->f2 <= 0.0f && (fabsf(s->f1 - 2225.0f) < 15.0f || fabsf(s->f1 - 2250.0f) < 12.0f) && ms > 1300.0f)
		return TONE_MODEM;
	for (int i = 0; i < plan->cadences; i++) {
		const struct tone_cadence *c = &plan->cadence[i];
		if (c->element[0].on_ms == 0 && ms > t->dial_ms[i] &&
		    cadence_frequency(s, &c->element[0], plan->tolerance_hz))
			return c->tone;
	}
	return TONE_NONE;
}

static bool special_step(const struct segment *s, float nominal, bool open, float now_ms)
{
	float ms = open ? now_ms : s->on_ms;
	return s->f1 > 0.0f && fabsf(s->f1 - nominal) < 65.0f && ms > 180.0f && ms < 520.0f;
}

/* Special information tone: 950, 1400, 1800 Hz, 330 ms each (E.180 7); told while the third sounds. */
static bool special_heard(const struct tones *t)
{
	const struct segment *third = t->on ? &t->cur : &t->done[0], *second = t->on ? &t->done[0] : &t->done[1];
	const struct segment *first = second + 1;
	float ms = (float)(t->now - third->start) / 8.0f;

	if (t->count < (t->on ? 2 : 3) || (t->on && t->tonal < 3))
		return false;
	return special_step(third, 1800.0f, t->on, ms) && special_step(second, 1400.0f, false, 0.0f) &&
	       special_step(first, 950.0f, false, 0.0f) && second->off_ms < 120.0f && first->off_ms < 120.0f;
}

/* Ringing is told with each burst and dial tone while it lasts: that they have ended shows in that they are told no more. */
static bool told_anew(const struct tones *t, uint8_t tone, uint32_t newest)
{
	if (tone == TONE_RINGBACK)
		return newest != t->reported_number;
	return tone == TONE_DIAL && t->now - t->told_at >= FORGET;
}

static struct tone_found tone_report(struct tones *t, struct tone_found found)
{
	if (!found.tone)
		return found;
	bool recent = t->reported && t->now - t->reported_at < FORGET;
	bool again = recent && found.tone == t->reported;
	/* The second half of one cadence may look like the first half of another: a change shows on fresh segments. */
	if (recent && !again && found.oldest <= t->reported_number)
		return (struct tone_found){0};
	const uint32_t newest = t->on ? t->cur.number : t->done[0].number;
	again = again && !told_anew(t, found.tone, newest);
	t->reported = found.tone;
	t->reported_at = t->now;
	t->reported_number = newest;
	if (again)
		return (struct tone_found){0};
	t->told_at = t->now;
	return found;
}

struct tone_found tones_frame(struct tones *t, const struct frame *f, const struct spectrum *sp,
                              const struct tone_plan *plan, float floor_db, float min_db)
{
	const bool loud = f->db > fmaxf(min_db, floor_db + 7.0f);
	struct tone_found found = {0};
	bool edge = false;

	t->now = f->end;
	if (!t->on && t->count)
		t->done[0].off_ms += FRAME_MS;
	if (t->on && (!loud || f->power < EDGE * t->peak)) {
		segment_off(t, f, f->power > 0.02f * t->peak);
		edge = !t->on;
	} else if (t->on) {
		t->off_run = 0;
		if (segment_extend(t, f, sp)) {
			/* The new frequency has filled most of the window for two frames now: it began about 60 ms ago. */
			uint64_t start = f->end - 3 * FRAME > t->cur.start ? f->end - 3 * FRAME : t->cur.start;
			t->last_power = t->peak;
			segment_finish(t, start);
			segment_begin(t, start, false);
			(void)segment_extend(t, f, sp);
		}
	} else if (loud && !f->lost) {
		segment_begin(t, f->end - FRAME, t->count == 0 && f->end < 4 * FRAME);
		(void)segment_extend(t, f, sp);
	}
	if (t->on && !t->cur_reported) {
		found.tone = special_heard(t) ? TONE_SPECIAL : tone_held(t, plan);
		found.start = found.tone == TONE_SPECIAL ? t->done[1].start : t->cur.start;
		found.oldest = t->cur.number;
		t->cur_reported = found.tone != TONE_NONE;
	} else if (t->on && t->cur_reported) {
		t->reported_at = t->now;
		if (t->reported == TONE_DIAL)
			found = (struct tone_found){.tone = TONE_DIAL, .start = t->cur.start, .oldest = t->cur.number};
	}
	bool beep = t->count && t->beep_number == t->done[0].number;  /* told as that already */
	if (!found.tone && !t->on && t->count && !beep && (edge || t->done[0].off_ms < 6000.0f))
		found = cadence_match(t, plan);
	return tone_report(t, found);
}

static bool plan_frequency(const struct tone_plan *plan, const struct segment *s)
{
	for (int i = 0; i < plan->cadences; i++)
		for (int j = 0; j < plan->cadence[i].elements; j++)
			if (cadence_frequency(s, &plan->cadence[i].element[j], plan->tolerance_hz))
				return true;
	return false;
}

struct tone_found tones_beep(struct tones *t, const struct tone_plan *plan, bool after_speech)
{
	const struct segment *s = &t->done[0];
	struct tone_found found = {0};

	if (t->on || t->beep_done || !t->count)
		return found;
	float quiet = plan_frequency(plan, s) ? BEEP_QUIET_PLAN : BEEP_QUIET;
	if (s->off_ms < quiet)
		return found;
	t->beep_done = true;
	if (!after_speech || s->f1 < 380.0f || s->f1 > 2550.0f || s->f2 > 0.0f)
		return found;
	if (s->on_ms < 70.0f || s->on_ms > 2200.0f || s->purity < BEEP_PURITY || s->wander > BEEP_WANDER)
		return found;
	/* The same once more: that is a cadence. */
	const struct segment *before = &t->done[1];
	if (t->count > 1 && fabsf(before->f1 - s->f1) < SAME_HZ && fabsf(before->on_ms - s->on_ms) < 0.2f * s->on_ms)
		return found;
	t->beep_number = s->number;
	found.tone = TONE_BEEP;
	found.start = s->start;
	return found;
}
