/**
 * Feeds the detectors with whatever may come in: noise, full-scale squares, tones, digits, silence, our own sound with
 * random delay; frames of any length, lost frames, switches thrown from inside the handler. Built with the sanitizers by
 * test_detect_fuzz.py; with "time" as first argument it prints the cost of a frame instead.
 */
#include "detect.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MOST 960
#define PAST 8192

struct run {
	struct detect *d;
	uint64_t state;
	uint64_t pushed;      /* ms */
	long events;
	bool throws;
};

static uint32_t dice(struct run *r, uint32_t sides)
{
	r->state = r->state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(r->state >> 33) % sides;
}

static void check(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "wrong: %s\n", what);
	abort();
}

static void heard(const struct detect_event *ev, void *arg)
{
	struct run *r = arg;

	r->events++;
	check(ev->type >= DETECT_EV_DIGIT && ev->type <= DETECT_EV_MACHINE, "type");
	check(ev->at_ms <= r->pushed, "time");
	if (ev->type == DETECT_EV_DIGIT)
		check(ev->value && strchr("0123456789*#ABCD", ev->value), "digit");
	if (ev->type == DETECT_EV_TONE)
		check(ev->value > TONE_NONE && ev->value < TONE_COUNT, "tone");
	if (ev->type == DETECT_EV_MACHINE)
		check(ev->value > VERDICT_NONE && ev->value <= VERDICT_UNSURE, "verdict");
	if (r->throws && dice(r, 3) == 0)
		detect_set(r->d, dice(r, 32));
}

static int16_t clip(double v)
{
	return v > 32767.0 ? 32767 : v < -32768.0 ? -32768 : (int16_t)v;
}

static void fill(struct run *r, int16_t *x, size_t n, uint32_t kind, double f1, double f2, double amp, uint64_t at)
{
	for (size_t i = 0; i < n; i++) {
		double t = (double)(at + i) / 8000.0;
		switch (kind) {
		case 0: x[i] = 0; break;
		case 1: x[i] = (int16_t)dice(r, 65536); break;
		case 2: x[i] = dice(r, 2) ? 32767 : -32768; break;
		case 3: x[i] = clip(amp * sin(2 * M_PI * f1 * t)); break;
		case 4: x[i] = clip(amp * (sin(2 * M_PI * f1 * t) + sin(2 * M_PI * f2 * t))); break;
		case 5: x[i] = (int16_t)((int)dice(r, 400) - 200); break;
		default: x[i] = -32768;
		}
	}
}

static void plan_make(struct run *r, struct tone_plan *p)
{
	memset(p, 0, sizeof(*p));
	p->cadences = (uint8_t)dice(r, TONE_CADENCES + 1);
	p->tolerance = (uint8_t)dice(r, 51);
	for (int i = 0; i < p->cadences; i++) {
		struct tone_cadence *c = &p->cadence[i];
		c->tone = (uint8_t)(1 + dice(r, TONE_COUNT - 1));
		c->elements = (uint8_t)(1 + dice(r, TONE_ELEMENTS));
		for (int j = 0; j < c->elements; j++)
			c->element[j] = (struct tone_element){(uint16_t)(200 + dice(r, 1000)),
			                                      (uint16_t)(dice(r, 2) ? 1300 + dice(r, 1000) : 0),
			                                      (uint16_t)(1 + dice(r, 5000)), (uint16_t)dice(r, 5000)};
	}
}

static void one_call(struct run *r, int frames)
{
	static int16_t past[PAST], rx[MOST], tx[MOST];
	struct tone_plan plan;
	struct detect_conf conf = {.flags = dice(r, 64), .plan = dice(r, 4) ? &plan : NULL, .rate = dice(r, 4) ? 0 : 16000};
	uint64_t at = 0, factor = conf.rate == 16000 ? 16 : 8, samples = 0;
	uint32_t rk = 0, tk = 0, delay = dice(r, 4000), gain = dice(r, 20);
	double f1 = 425, f2 = 480, amp = 4000;

	plan_make(r, &plan);
	check(detect_alloc(&r->d, &conf) == 0, "alloc");
	memset(past, 0, sizeof(past));
	for (int i = 0; i < frames; i++) {
		size_t n = dice(r, 20) ? 160 : dice(r, MOST + 1);
		if (dice(r, 25) == 0) {
			rk = dice(r, 8), tk = dice(r, 8);
			f1 = 200 + dice(r, 2400), f2 = 200 + dice(r, 2400), amp = dice(r, 40000);
		}
		fill(r, rx, n, rk, f1, f2, amp, at);
		fill(r, tx, n, tk, f2, f1, amp, at);
		for (size_t j = 0; j < n; j++) {
			past[(at + j) % PAST] = tx[j];
			if (rk == 7)  /* our own, with whatever gain */
				rx[j] = clip(past[(at + j + PAST - delay) % PAST] * (gain / 8.0));
		}
		at += n;
		samples += n;
		r->pushed = samples / factor + 20;
		detect_push(r->d, rx, dice(r, 3) ? tx : NULL, n, dice(r, 15) == 0 ? DETECT_LOST : 0, heard, r);
		if (r->throws && dice(r, 100) == 0)
			detect_set(r->d, dice(r, 1u << 31));
	}
	detect_free(r->d);
}

static double cost(uint32_t flags, uint32_t rk, uint32_t tk, bool echoed)
{
	static int16_t past[PAST], rx[160], tx[160];
	struct run r = {.state = 7};
	struct detect_conf conf = {.flags = flags};
	struct timespec a, b;
	double sum = 0;
	const int frames = 20000;

	check(detect_alloc(&r.d, &conf) == 0, "alloc");
	for (int i = 0; i < frames; i++) {
		uint64_t at = (uint64_t)i * 160;
		bool pause = i % 100 > 70;
		fill(&r, rx, 160, pause ? 0 : rk, 500, 1500, 4000, at);
		fill(&r, tx, 160, pause ? 0 : tk, 700, 1900, 4000, at);
		for (size_t j = 0; j < 160; j++) {
			past[(at + j) % PAST] = tx[j];
			if (echoed)
				rx[j] = past[(at + j + PAST - 800) % PAST] / 2;
		}
		r.pushed = UINT32_MAX;
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
		detect_push(r.d, rx, tk ? tx : NULL, 160, 0, heard, &r);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
		sum += (double)(b.tv_sec - a.tv_sec) * 1e6 + (double)(b.tv_nsec - a.tv_nsec) / 1e3;
	}
	detect_free(r.d);
	return sum / frames;
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "time") == 0) {
		printf("digits, silence %.2f\n", cost(DETECT_DIGITS, 0, 0, false));
		printf("digits, sound %.2f\n", cost(DETECT_DIGITS, 1, 0, false));
		printf("all, silence %.2f\n", cost(DETECT_ALL, 0, 0, false));
		printf("all, sound %.2f\n", cost(DETECT_ALL, 1, 0, false));
		printf("all, echo of ours %.2f\n", cost(DETECT_ALL, 1, 1, true));
		printf("all, both speak %.2f\n", cost(DETECT_ALL, 1, 1, false));
		return 0;
	}
	struct run r = {.state = argc > 1 ? strtoull(argv[1], NULL, 10) : 1};
	int calls = argc > 2 ? atoi(argv[2]) : 20;
	for (int i = 0; i < calls; i++) {
		r.throws = i % 2;
		one_call(&r, 1000);
	}
	printf("%d calls, %ld events\n", calls, r.events);
	return 0;
}
