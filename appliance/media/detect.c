/** The detector as a whole: framing, the order of the parts, events. What each part does stands in its own file. */
#include "detect.h"
#include "detect_priv.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static pthread_once_t setup_once = PTHREAD_ONCE_INIT;

static void setup(void)
{
	dtmf_setup();
	spectrum_setup();
}

float power_db(float mean_square)
{
	const float full = 32768.0f * 32768.0f;
	return mean_square < 0.01f ? -110.0f : 10.0f * log10f(mean_square / full);
}

static bool plan_valid(const struct tone_plan *plan)
{
	if (plan->cadences > TONE_CADENCES || plan->tolerance > 50)
		return false;
	for (int i = 0; i < plan->cadences; i++) {
		const struct tone_cadence *c = &plan->cadence[i];
		if (c->tone == TONE_NONE || c->tone >= TONE_COUNT || c->elements < 1 || c->elements > TONE_ELEMENTS)
			return false;
		for (int j = 0; j < c->elements; j++) {
			const struct tone_element *el = &c->element[j];
			if (el->f1 < 200 || el->f1 > 2600 || (el->f2 && (el->f2 <= el->f1 || el->f2 > 2600)))
				return false;
			if (el->on_ms == 0 && c->elements > 1)
				return false;
		}
	}
	return true;
}

static void conf_defaults(struct detect_conf *c)
{
	if (!c->rate)
		c->rate = RATE;
	if (!c->voice_start)
		c->voice_start = 120;
	if (!c->voice_stop)
		c->voice_stop = 600;
	if (!c->voice_level)
		c->voice_level = -48;
	if (!c->person_max)
		c->person_max = 1800;
	if (!c->person_pause)
		c->person_pause = 900;
	if (!c->machine_min)
		c->machine_min = 3000;
	if (!c->machine_wait)
		c->machine_wait = 5000;
	if (!c->machine_limit)
		c->machine_limit = 8000;
	c->flags &= DETECT_ALL;
}

int detect_alloc(struct detect **dp, const struct detect_conf *conf)
{
	if (!dp || !conf || (conf->rate && conf->rate != RATE && conf->rate != 2 * RATE))
		return EINVAL;
	if (conf->plan && !plan_valid(conf->plan))
		return EINVAL;
	struct detect *d = calloc(1, sizeof(*d));
	if (!d)
		return ENOMEM;
	pthread_once(&setup_once, setup);
	d->conf = *conf;
	conf_defaults(&d->conf);
	if (conf->plan)
		d->plan = *conf->plan;
	d->conf.plan = NULL;  /* the caller's; ours is the copy */
	if (!d->plan.tolerance)
		d->plan.tolerance = 25;
	if (!d->plan.tolerance_hz)
		d->plan.tolerance_hz = 20;
	echo_init(&d->echo);
	spectrum_init(&d->spectrum);
	voice_init(&d->voice);
	detect_set(d, d->conf.flags);
	*dp = d;
	return 0;
}

void detect_free(struct detect *d)
{
	free(d);
}

uint32_t detect_flags(const struct detect *d)
{
	return d->flags;
}

void detect_set(struct detect *d, uint32_t flags)
{
	flags &= DETECT_ALL;
	const uint32_t fresh = flags & ~d->flags;
	for (int i = 0; i < 5; i++)
		if (fresh & (1u << i))
			d->since[i] = d->now;
	if (fresh & DETECT_DIGITS)
		dtmf_init(&d->dtmf);
	/* The tracker of segments serves both; a beep asked for later must still see the tone that began before it. */
	if ((fresh & DETECT_TONES) || ((fresh & DETECT_BEEP) && !(d->flags & DETECT_TONES)))
		tones_init(&d->tones, &d->plan);
	if (fresh & DETECT_VOICE)
		d->voice.speaking = false, d->voice.active = 0;
	if (fresh & DETECT_MACHINE)
		machine_init(&d->machine, d->now);
	d->flags = flags;
}

static void emit(const struct detect *d, uint32_t flag, int type, int value, uint64_t at, detect_h *handler, void *arg)
{
	uint64_t since = d->since[__builtin_ctz(flag)];
	struct detect_event ev = {.type = type, .value = value};
	ev.at_ms = (uint32_t)((at > since ? at - since : 0) / 8);
	ev.duration_ms = (uint32_t)((d->now - at) / 8);
	if (handler)
		handler(&ev, arg);
}

static void hear_tones(struct detect *d, struct frame *f, uint8_t *heard, detect_h *handler, void *arg)
{
	struct tone_found found = tones_frame(&d->tones, f, &d->spectrum, &d->plan, d->voice.floor_db,
	                                      (float)d->conf.voice_level);
	*heard = found.tone;
	if (found.tone && (d->flags & DETECT_TONES))
		emit(d, DETECT_TONES, DETECT_EV_TONE, found.tone, found.start, handler, arg);
	if (d->flags & DETECT_BEEP) {
		found = tones_beep(&d->tones, &d->plan, d->voice.heard);
		if (found.tone) {
			*heard = TONE_BEEP;
			emit(d, DETECT_BEEP, DETECT_EV_TONE, TONE_BEEP, found.start, handler, arg);
		}
	}
}

static void frame_run(struct detect *d, detect_h *handler, void *arg)
{
	struct frame *f = &d->frame;
	float tx[FRAME];
	bool constant = true;
	float sum = 0.0f;

	for (size_t i = 0; i < FRAME; i++) {
		f->x[i] = d->rx[i];
		tx[i] = d->tx[i];
		sum += (float)d->rx[i] * (float)d->rx[i];
		constant = constant && d->rx[i] == d->rx[0];
	}
	d->now += FRAME;
	f->end = d->now;
	f->power = sum / FRAME;
	f->lost = d->lost;
	f->hole = constant;
	f->digit = f->tonal = f->unclear = f->echo_likely = false;
	f->echo_power = f->echo_left = 0.0f;
	if (constant)
		f->power = 0.0f;
	echo_frame(&d->echo, f, tx);
	f->db = power_db(f->power);

	if (d->flags & DETECT_DIGITS) {
		uint64_t start = 0;
		char digit = dtmf_frame(&d->dtmf, f, &d->echo, &start);
		if (digit)
			emit(d, DETECT_DIGITS, DETECT_EV_DIGIT, digit, start, handler, arg);
	}
	if (!(d->flags & ~(uint32_t)DETECT_DIGITS))
		return;
	spectrum_frame(&d->spectrum, f);
	uint8_t heard = TONE_NONE;
	if (d->flags & (DETECT_TONES | DETECT_BEEP | DETECT_VOICE | DETECT_MACHINE))
		hear_tones(d, f, &heard, handler, arg);
	enum voice_change change = voice_frame(&d->voice, f, &d->conf, tones_on(&d->tones));
	if (change != VOICE_SAME && (d->flags & DETECT_VOICE))
		emit(d, DETECT_VOICE, DETECT_EV_VOICE, change == VOICE_STARTED,
		     change == VOICE_STARTED ? d->voice.start : d->voice.last, handler, arg);
	if (d->flags & DETECT_MACHINE) {
		enum detect_verdict verdict = machine_frame(&d->machine, &d->voice, heard, d->now, &d->conf);
		if (verdict)
			emit(d, DETECT_MACHINE, DETECT_EV_MACHINE, verdict, d->now, handler, arg);
	}
}

/* Half-band low-pass for 16 kHz legs: 4 kHz down 6 dB, -50 dB above 5 kHz. Odd taps; every other one is zero. */
static const float half_band[8] = {0.31327f, -0.09191f, 0.04247f, -0.02017f, 0.00879f, -0.00323f, 0.00085f, -0.00007f};

static float half_filter(float *mem, int16_t sample, int phase)
{
	memmove(mem, mem + 1, 30 * sizeof(*mem));
	mem[30] = sample;
	if (phase)
		return 0.0f;
	float y = 0.5f * mem[15];
	for (int i = 0; i < 8; i++)
		y += half_band[i] * (mem[15 - (2 * i + 1)] + mem[15 + (2 * i + 1)]);
	return y > 32767.0f ? 32767.0f : y < -32768.0f ? -32768.0f : y;
}

void detect_push(struct detect *d, const int16_t *rx, const int16_t *tx, size_t n, uint32_t how, detect_h *handler,
                 void *arg)
{
	const bool wide = d->conf.rate == 2 * RATE;

	for (size_t i = 0; i < n; i++) {
		int16_t r = rx[i], t = tx ? tx[i] : 0;
		if (wide) {
			r = (int16_t)half_filter(d->half_rx, r, d->half_phase);
			t = (int16_t)half_filter(d->half_tx, t, d->half_phase);
			d->half_phase ^= 1;
			if (d->half_phase == 0)
				continue;
		}
		d->rx[d->fill] = r;
		d->tx[d->fill] = t;
		d->lost = d->lost || (how & DETECT_LOST);
		if (++d->fill < FRAME)
			continue;
		d->fill = 0;
		if (d->flags)
			frame_run(d, handler, arg);
		else
			d->now += FRAME;
		d->lost = false;
	}
}
