/** Codecs and rates: G.711, G.722, concealment, doubling and halving the rate. One `struct codec` per leg and codec. */
#ifndef SWITCHROOM_CODEC_H
#define SWITCHROOM_CODEC_H

#include <stddef.h>
#include <stdint.h>
#define SPANDSP_EXPOSE_INTERNAL_STRUCTURES
#include <spandsp.h>

#include "jitter.h"

#define HALFBAND_TAPS 23

struct halfband {
	int16_t history[2 * HALFBAND_TAPS];
};

struct codec {
	int type;                 /* CODEC_PCMU, CODEC_PCMA, CODEC_G722 */
	int rate;                 /* 8000 or 16000: of the PCM that decode gives and encode takes */
	plc_state_t plc;
	g722_encode_state_t g722_out;
	g722_decode_state_t g722_in;
};

void codec_init(struct codec *c, int type);
uint8_t codec_silence(const struct codec *c);
/* PCM for the bytes that are there, concealment for the others. `out` takes 2 * JITTER_TAKE samples; always gives a frame
 * (20 ms) at the codec's rate: what is more or less is joined by cross-fade or concealment. */
void codec_decode_frame(struct codec *c, const struct jitter_frame *f, int16_t *out);
/* `n` bytes from n * rate / 8000 samples. */
void codec_encode(struct codec *c, const int16_t *in, uint8_t *out, size_t n);

/* n samples in, 2n out; n even samples in, n/2 out. */
void halfband_double(struct halfband *h, const int16_t *in, size_t n, int16_t *out);
void halfband_halve(struct halfband *h, const int16_t *in, size_t n, int16_t *out);

#endif
