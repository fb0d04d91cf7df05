/**
 * Hears what the far end does on a line: digits, speech, call-progress tones, answering machines.
 *
 * One `struct detect` listens to one leg. It is given every 20 ms frame of that leg, what came in and what we sent at
 * the same time, and tells its handler of what it has recognised. Nothing here allocates, locks, logs or reads a clock
 * after detect_alloc: time is the count of samples pushed. One thread at a time per detector; many detectors may run in
 * many threads.
 *
 * What we sent is needed because gateways and hybrids echo it: whatever of the received signal is explained by the sent
 * one (delay up to DETECT_ECHO_MS, any level) is taken out before anything is decided.
 *
 * Everything between the two cffi marks is plain enough for cffi's parser: build.py reads it from here.
 */
#ifndef SWITCHROOM_DETECT_H
#define SWITCHROOM_DETECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* cffi: begin */

/* What to listen for; any sum of these. MACHINE and BEEP need VOICE and TONE inside and run them silently. */
#define DETECT_DIGITS 1   /* in-band DTMF */
#define DETECT_VOICE 2    /* speech starts and stops */
#define DETECT_TONES 4    /* call-progress tones of the plan, special information tone, fax, modem */
#define DETECT_MACHINE 8  /* person or answering machine; counted from the moment this was switched on */
#define DETECT_BEEP 16    /* the beep of an answering machine, after speech */
#define DETECT_ALL 31

#define DETECT_FRAME 160      /* samples at 8 kHz in the 20 ms on which everything is decided */
#define DETECT_ECHO_MS 400    /* longest echo that is recognised, jitter buffer included */
#define TONE_ELEMENTS 4       /* on/off pairs in one cadence */
#define TONE_CADENCES 16      /* cadences in one plan */

enum detect_type { DETECT_EV_DIGIT, DETECT_EV_VOICE, DETECT_EV_TONE, DETECT_EV_MACHINE };

/* In the order of appliance/media/events.py Tone.tone; 0 is none. */
enum detect_tone {
	TONE_NONE, TONE_DIAL, TONE_RINGBACK, TONE_BUSY, TONE_CONGESTION, TONE_SPECIAL, TONE_FAX, TONE_MODEM, TONE_BEEP,
	TONE_COUNT
};

enum detect_verdict { VERDICT_NONE, VERDICT_PERSON, VERDICT_MACHINE, VERDICT_UNSURE };

struct detect_event {
	int type;              /* enum detect_type */
	int value;             /* DIGIT: the character; VOICE: 1 started, 0 stopped; TONE: enum detect_tone;
	                          MACHINE: enum detect_verdict */
	uint32_t at_ms;        /* when it began (digit, voice, tone) or was decided (machine), in ms since that detector
	                          was switched on; the event itself comes later, when there is enough evidence */
	uint32_t duration_ms;  /* how long it has lasted up to now */
};

/* One on/off pair. f2 0: a single frequency. on_ms 0: the tone never stops (dial tone). */
struct tone_element {
	uint16_t f1, f2;          /* Hz */
	uint16_t on_ms, off_ms;
};

struct tone_cadence {
	uint8_t tone;             /* enum detect_tone */
	uint8_t elements;         /* 1..TONE_ELEMENTS */
	struct tone_element element[4];
};

/* The call-progress tones of one country (data: appliance/media/tones.py). */
struct tone_plan {
	uint8_t cadences;         /* 0..TONE_CADENCES */
	uint8_t tolerance;        /* of on and off times, percent; 0: 25 */
	uint8_t tolerance_hz;     /* of frequencies; 0: 20 */
	struct tone_cadence cadence[16];
};

/* All times in ms; 0 anywhere: the default in brackets. */
struct detect_conf {
	uint32_t rate;               /* of the samples pushed: 8000 [8000] or 16000 */
	uint32_t flags;              /* sum of DETECT_*, to begin with */
	const struct tone_plan *plan;  /* copied; NULL: no call-progress tones, the universal ones are still heard */
	uint16_t voice_start;        /* speech within the last 240 ms that counts as started [120] */
	uint16_t voice_stop;         /* pause that ends speech [600] */
	int16_t voice_level;         /* quietest speech, dBov [-48] */
	uint16_t person_max;         /* a first greeting up to this long, then a pause, is a person [1800] */
	uint16_t person_pause;       /* that pause [900] */
	uint16_t machine_min;        /* speech that goes on for this long without such a pause is a machine [3000] */
	uint16_t machine_wait;       /* nobody has spoken by then: unsure [5000] */
	uint16_t machine_limit;      /* no verdict by then: unsure [8000] */
};

struct detect;

/* DETECT_LOST: this frame never arrived; `rx` is what concealment made up (or zeros). */
#define DETECT_LOST 1

typedef void (detect_h)(const struct detect_event *event, void *arg);

/* Returns 0, or EINVAL (rate, plan out of bounds), ENOMEM. */
int detect_alloc(struct detect **dp, const struct detect_conf *conf);
void detect_free(struct detect *d);

/* Switches detectors on and off. Those on in both old and new flags keep their state; one switched on starts afresh, and
 * its at_ms from 0. The echo estimate and the noise floor live on. */
void detect_set(struct detect *d, uint32_t flags);
uint32_t detect_flags(const struct detect *d);

/* `n` samples received, and as many that were sent in the same time (`tx` NULL: we were silent). Any n; 20 ms is what it
 * is made for, and `how` (0 or DETECT_LOST) speaks for all n. The handler runs inside the call; it may call detect_set. */
void detect_push(struct detect *d, const int16_t *rx, const int16_t *tx, size_t n, uint32_t how, detect_h *handler,
                 void *arg);

/* cffi: end */

#endif
