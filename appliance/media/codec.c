#include "codec.h"

#include <math.h>
#include <string.h>

#include "media.h"

/* Tables of RFC 3551 payload bytes to PCM, filled once: a kilobyte, read for every byte that is decoded. */
static int16_t expand_u[256], expand_a[256];

__attribute__((constructor)) static void tables_fill(void)
{
	for (int i = 0; i < 256; i++) {
		expand_u[i] = ulaw_to_linear((uint8_t)i);
		expand_a[i] = alaw_to_linear((uint8_t)i);
	}
}

void pcm_expand(int law, const uint8_t *in, int16_t *out, size_t n)
{
	const int16_t *table = law == CODEC_PCMU ? expand_u : expand_a;

	for (size_t i = 0; i < n; i++)
		out[i] = table[in[i]];
}

void pcm_compress(int law, const int16_t *in, uint8_t *out, size_t n)
{
	if (law == CODEC_PCMU) {
		for (size_t i = 0; i < n; i++)
			out[i] = linear_to_ulaw(in[i]);
	} else {
		for (size_t i = 0; i < n; i++)
			out[i] = linear_to_alaw(in[i]);
	}
}

size_t pcm_resampled(size_t n, int rate_in, int rate_out)
{
	return (size_t)(((uint64_t)n * (uint64_t)rate_out + (uint64_t)rate_in - 1) / (uint64_t)rate_in);
}

void pcm_resample(const int16_t *in, size_t n, int rate_in, int16_t *out, int rate_out)
{
	/* Sixteen zero crossings to each side, Hann window, cut-off at 0.94 of the lower rate's half. */
	double cut = (rate_out < rate_in ? (double)rate_out / rate_in : 1.0) * 0.94;
	double reach = 16.0 / cut;
	size_t total = pcm_resampled(n, rate_in, rate_out);

	for (size_t i = 0; i < total; i++) {
		double centre = (double)i * rate_in / rate_out, sum = 0, weight = 0;
		long from = (long)ceil(centre - reach), to = (long)floor(centre + reach);

		for (long k = from; k <= to; k++) {
			double x = (double)k - centre, y = M_PI * x * cut;
			double w = (0.5 + 0.5 * cos(M_PI * x / reach)) * (fabs(y) < 1e-9 ? 1.0 : sin(y) / y);

			weight += w;
			if (k >= 0 && (size_t)k < n)
				sum += w * in[k];
		}
		sum = round(sum / weight);
		out[i] = (int16_t)(sum > 32767 ? 32767 : sum < -32768 ? -32768 : sum);
	}
}

void codec_init(struct codec *c, int type)
{
	c->type = type;
	c->rate = type == CODEC_G722 ? 16000 : 8000;
	plc_init(&c->plc);
	if (type == CODEC_G722) {
		g722_encode_init(&c->g722_out, 64000, 0);
		g722_decode_init(&c->g722_in, 64000, 0);
	}
}

uint8_t codec_silence(const struct codec *c)
{
	return c->type == CODEC_PCMU ? 0xff : 0xd5;
}

void codec_encode(struct codec *c, const int16_t *in, uint8_t *out, size_t n)
{
	if (c->type == CODEC_G722)
		g722_encode(&c->g722_out, out, in, (int)(2 * n));
	else
		pcm_compress(c->type, in, out, n);
}

/* Decodes a run of bytes that are there; returns samples. */
static size_t run_decode(struct codec *c, const uint8_t *in, size_t n, int16_t *out)
{
	size_t samples = n;

	if (c->type == CODEC_G722)
		samples = (size_t)g722_decode(&c->g722_in, out, in, (int)n);
	else
		pcm_expand(c->type, in, out, n);
	plc_rx(&c->plc, out, (int)samples);
	return samples;
}

/* spandsp 0.0.6 turns its history with a memcpy whose ends overlap, which is undefined; it does not where nothing is left
 * to turn, so it is turned here. */
static void history_turn(plc_state_t *s)
{
	int16_t first[PLC_HISTORY_LEN];
	size_t front = (size_t)s->buf_ptr, rest = PLC_HISTORY_LEN - front;

	memcpy(first, s->history, front * sizeof(first[0]));
	memmove(s->history, s->history + front, rest * sizeof(first[0]));
	memcpy(s->history + rest, first, front * sizeof(first[0]));
	s->buf_ptr = 0;
}

static size_t run_conceal(struct codec *c, size_t n, int16_t *out)
{
	size_t samples = n * (size_t)(c->rate / 8000);

	history_turn(&c->plc);
	return (size_t)plc_fillin(&c->plc, out, (int)samples);
}

/* Drops what is over a frame: the ends of what is left are cross-faded over the whole frame. */
static void frame_shorten(int16_t *pcm, size_t frame, size_t over)
{
	for (size_t i = 0; i < frame; i++)
		pcm[i] = (int16_t)((pcm[i] * (int)(frame - i) + pcm[i + over] * (int)i) / (int)frame);
}

void codec_decode_frame(struct codec *c, const struct jitter_frame *f, int16_t *out)
{
	size_t scale = (size_t)(c->rate / 8000), done = 0;

	if (f->length < JITTER_FRAME)
		done = run_conceal(c, JITTER_FRAME - f->length, out);
	for (size_t at = 0; at < f->length;) {
		size_t end = at + 1;

		while (end < f->length && f->have[end] == f->have[at])
			end++;
		done += f->have[at] ? run_decode(c, f->data + at, end - at, out + done)
				    : run_conceal(c, end - at, out + done);
		at = end;
	}
	if (f->length > JITTER_FRAME)
		frame_shorten(out, JITTER_FRAME * scale, (f->length - JITTER_FRAME) * scale);
}

/* Half-band low pass (cut-off a quarter of the higher rate), 23 taps, Hamming window; every second tap but the centre is 0.
 * Q15. */
static const int32_t halfband_side[6] = { 10301, -3019, 1380, -629, 250, -91 };

static int16_t clip16(int32_t v)
{
	return (int16_t)(v > 32767 ? 32767 : v < -32768 ? -32768 : v);
}

void halfband_double(struct halfband *h, const int16_t *in, size_t n, int16_t *out)
{
	int16_t *past = h->history;   /* the last 12 samples at the lower rate */

	for (size_t i = 0; i < n; i++) {
		int32_t sum = 0;

		memmove(past, past + 1, 11 * sizeof(*past));
		past[11] = in[i];
		for (int k = 0; k < 6; k++)
			sum += halfband_side[k] * (past[5 - k] + past[6 + k]);
		out[2 * i] = past[5];
		out[2 * i + 1] = clip16(sum / 16384);
	}
}

void halfband_halve(struct halfband *h, const int16_t *in, size_t n, int16_t *out)
{
	int16_t *past = h->history;   /* the last 23 samples at the higher rate */

	for (size_t i = 0; i + 1 < n; i += 2) {
		int32_t sum;

		memmove(past, past + 2, (HALFBAND_TAPS - 2) * sizeof(*past));
		past[HALFBAND_TAPS - 2] = in[i];
		past[HALFBAND_TAPS - 1] = in[i + 1];
		sum = 16384 * past[11];
		for (int k = 0; k < 6; k++)
			sum += halfband_side[k] * (past[10 - 2 * k] + past[12 + 2 * k]);
		out[i / 2] = clip16(sum / 32768);
	}
}
