/** What the parts of the detector share. Nothing outside detect*.c includes this. */
#ifndef SWITCHROOM_DETECT_PRIV_H
#define SWITCHROOM_DETECT_PRIV_H

#include "detect.h"

#define FRAME DETECT_FRAME
#define FRAME_MS 20
#define RATE 8000
#define SPECTRUM_N 512            /* 64 ms: tells 440 from 480 Hz, and still fits into an 80 ms beep */
#define DEC 4                     /* the echo's delay is looked for at 2 kHz */
#define DEC_FRAME (FRAME / DEC)
#define ECHO_LAGS (DETECT_ECHO_MS * 2)
#define ECHO_TAPS 96              /* 12 ms of impulse response around the delay found */
#define ECHO_PRE 16               /* of them before it */
#define ECHO_BACK 5               /* frames kept of what came in, to train a new filter on */
#define ECHO_HIST (DETECT_ECHO_MS * 8 + ECHO_TAPS + (ECHO_BACK + 1) * FRAME)
#define DEC_TAPS 16

/* ---- vectors: four floats at a time, on any machine that GCC knows ---- */

typedef float vec4 __attribute__((vector_size(16)));

static inline vec4 vec_load(const float *p)
{
	vec4 v;
	__builtin_memcpy(&v, p, sizeof(v));
	return v;
}

static inline void vec_store(float *p, vec4 v)
{
	__builtin_memcpy(p, &v, sizeof(v));
}

/* n is a multiple of 4 */
static inline float vec_dot(const float *a, const float *b, size_t n)
{
	vec4 s = {0, 0, 0, 0};
	for (size_t i = 0; i < n; i += 4)
		s += vec_load(a + i) * vec_load(b + i);
	return s[0] + s[1] + s[2] + s[3];
}

/* ---- one frame as every part sees it ---- */

struct frame {
	float x[FRAME];      /* received, our echo taken out; full scale 32768 */
	float power;         /* mean square of x */
	float db;            /* the same, dBov (a full-scale square wave is 0) */
	float echo_power;    /* of the echo that was taken out; 0: none was found */
	float echo_left;     /* share of it that may remain in x, 0..1 */
	bool echo_likely;    /* it looks like our echo, and is not understood yet */
	bool lost;           /* never arrived: what stands here was made up */
	bool hole;           /* all samples are the same: silence made by a machine, or a lost packet nobody told of */
	uint64_t end;        /* count of samples at its end */
	bool unclear;        /* a hole of one or two frames spoils the spectrum */
	bool tonal;          /* spectrum: at most two steady frequencies carry nearly everything */
	bool digit;          /* detect_dtmf: sounds like a digit */
};

/* ---- echo ---- */

struct echo {
	float tx[ECHO_HIST];                       /* what we sent, newest last */
	float txd[ECHO_LAGS + DEC_FRAME];          /* the same at 2 kHz, flattened */
	float acc[ECHO_LAGS];                      /* leaky cross-correlation; index k is delay ECHO_LAGS - 1 - k */
	float tx_energy[ECHO_LAGS];
	float rx_energy;
	float dec_tx[DEC_TAPS + FRAME], dec_rx[DEC_TAPS + FRAME];
	float rx[ECHO_BACK * FRAME + 1];           /* what came in, newest last */
	float flat_tx, flat_rx;
	float tap[ECHO_TAPS];
	float noise;                               /* power of the quietest that comes in */
	float left;                                /* typical share of the echo that remains */
	int lag;                                   /* samples; -1: not found */
	int searched;                              /* frames in acc */
	int quiet;                                 /* frames since we last sent anything */
	int training, bad;                         /* frames */
	int locked;                                /* frames since a filter was last tried */
	uint32_t whole;                            /* one bit a frame of rx, newest lowest: it arrived */
	float best;                                /* the search's best share, 0: no search */
};

void echo_init(struct echo *e);
void echo_frame(struct echo *e, struct frame *f, const float *tx);
/* Did we ourselves send these two frequencies within the longest echo? For digits. */
bool echo_sent_pair(const struct echo *e, const float *row, const float *col, size_t window, size_t hop);

/* ---- digits ---- */

#define DTMF_WINDOW 120
#define DTMF_HOP 60

struct dtmf {
	float hist[DTMF_WINDOW + FRAME];
	int fill;                /* samples in hist */
	char candidate;
	bool reported;
	int hits;
	uint64_t first, last;    /* start of the first, end of the last hit */
	uint32_t lost;           /* samples lost since the last hit */
	float level;             /* of the loudest hit, mean square */
	float phase_row, phase_col;
	bool consecutive;        /* the window before was a hit of the same digit */
};

void dtmf_setup(void);
void dtmf_init(struct dtmf *s);
/* Returns the digit that begins, or 0. */
char dtmf_frame(struct dtmf *s, struct frame *f, const struct echo *e, uint64_t *start);

/* ---- spectrum ---- */

struct spectrum {
	float hist[SPECTRUM_N];
	float f1, f2;            /* Hz of the strongest and the second peak; f2 0: there is none */
	float share1, share2;    /* of the power: in the first peak, in both */
	float ratio;             /* of the powers of second and first peak */
	float last_f1, last_f2;
	int hole_run;            /* frames without content in a row */
	int holes;               /* frames until a hole has left the window */
	bool valid;
};

void spectrum_setup(void);
void spectrum_init(struct spectrum *s);
void spectrum_frame(struct spectrum *s, struct frame *f);

/* ---- noise floor and speech ---- */

struct voice {
	float block_min, mins[8];     /* minima of 200 ms blocks */
	int block_frames, block;
	float floor_db;
	uint32_t active;              /* one bit a frame, newest lowest */
	float db[12];
	bool speaking;
	uint64_t start, last;         /* of this speech; end of the last active frame that was not alone */
	bool heard;                   /* any speech since it was switched on */
};

enum voice_change { VOICE_SAME, VOICE_STARTED, VOICE_STOPPED };

void voice_init(struct voice *v);
enum voice_change voice_frame(struct voice *v, const struct frame *f, const struct detect_conf *conf, bool tone_on);

/* ---- tones ---- */

#define SEGMENTS 4

struct segment {
	float f1, f2;                 /* 0: no tone, some other sound */
	float purity;                 /* least share of the strongest peak */
	float wander;                 /* Hz between lowest and highest f1 */
	float on_ms, off_ms;          /* off_ms grows until the next one begins */
	bool cut;                     /* its beginning was not heard */
	uint64_t start;
	uint32_t number;              /* counts up */
};

struct tones {
	struct segment done[SEGMENTS];  /* newest first */
	int count;
	bool on;
	struct segment cur;
	float peak, first_power, last_power;
	float f_low, f_high;
	int frames, tonal, other, off_run, change;
	float change_f1;
	uint64_t now, off_start;
	uint32_t number, beep_number;
	uint8_t reported;
	uint64_t reported_at, told_at;
	uint32_t reported_number;     /* of the newest segment that it was read from */
	bool cur_reported;
	bool beep_done;
	float dial_ms[TONE_CADENCES];
};

struct tone_found {
	uint8_t tone;
	uint64_t start;
	uint32_t oldest;              /* number of the oldest segment it was read from */
};

void tones_init(struct tones *t, const struct tone_plan *plan);
/* At most one call-progress tone and one beep a frame. */
struct tone_found tones_frame(struct tones *t, const struct frame *f, const struct spectrum *s,
                              const struct tone_plan *plan, float floor_db, float min_db);
struct tone_found tones_beep(struct tones *t, const struct tone_plan *plan, bool after_speech);
bool tones_on(const struct tones *t);

/* The cadence that the segments show, or TONE_NONE (detect_cadence.c). */
struct tone_found cadence_match(const struct tones *t, const struct tone_plan *plan);
bool cadence_frequency(const struct segment *s, const struct tone_element *el, float tolerance);
void cadence_dial_times(const struct tone_plan *plan, float *dial_ms);

/* ---- person or machine ---- */

struct machine {
	bool done;
	uint64_t since, first, last;  /* first: 0 until somebody speaks */
};

void machine_init(struct machine *m, uint64_t now);
enum detect_verdict machine_frame(struct machine *m, const struct voice *v, uint8_t tone, uint64_t now,
                                  const struct detect_conf *conf);

/* ---- all of it ---- */

struct detect {
	struct detect_conf conf;
	struct tone_plan plan;
	uint32_t flags;
	uint64_t now;                 /* samples at 8 kHz */
	uint64_t since[5];            /* when each flag was switched on */
	int16_t rx[FRAME], tx[FRAME];
	size_t fill;
	bool lost;
	float half_rx[32], half_tx[32];  /* 16 kHz: the half-band filter's memory */
	int half_phase;
	struct frame frame;
	struct echo echo;
	struct dtmf dtmf;
	struct spectrum spectrum;
	struct voice voice;
	struct tones tones;
	struct machine machine;
};

float power_db(float mean_square);

#endif
