/**
 * Recorded messages: from whatever a WAV file holds to speech without the silence around it, at one level.
 * Runs on the control side, over a whole message in memory.
 */
#ifndef SWITCHROOM_MESSAGE_H
#define SWITCHROOM_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* cffi: begin */

#define MESSAGE_PCM 1    /* WAV format tags */
#define MESSAGE_ALAW 6
#define MESSAGE_ULAW 7

struct message_found {
	size_t start, end;       /* samples from the first speech to behind the last; equal: there is none */
	double active_dbov;      /* active speech level between them (ITU-T P.56), dB against a full-scale square wave */
	double peak;             /* largest sample between them, 0..1 */
	double speech_seconds;   /* sounding parts of it */
	size_t limit;            /* what may be kept: all, or what is before the digit that ended it */
};

/* Interleaved frames of 1, 2, 3 or 4 bytes a sample, little-endian, as mono 16 bit. */
void message_mono(const uint8_t *in, size_t frames, int encoding, int bytes, int channels, int16_t *out);

/* Finds the speech in n samples at 8 kHz. Returns 0 or ENOMEM. */
int message_find(const int16_t *pcm, size_t n, struct message_found *found);

/* out[i] = in[i] * gain without DC, peaks held below `ceiling` (0..1) by a limiter that sees them coming, ends faded.
 * *peak becomes the largest sample of out, 0..1. Returns 0 or ENOMEM. */
int message_level(const int16_t *in, size_t n, double gain, double ceiling, int16_t *out,
                  double *peak);

/* cffi: end */

#endif
