/**
 * Takes our own signal out of what comes back.
 *
 * The delay is unknown up to DETECT_ECHO_MS (a gateway far away, its jitter buffer and ours), the path mostly short: so
 * the delay is found by cross-correlation at 2 kHz over a leaky 120 ms, and a short adaptive filter (NLMS) stands around
 * it. Once it explains what comes in, the search rests. All of it sleeps while we are silent.
 */
#include "detect_priv.h"

#include <math.h>
#include <string.h>

#define LEAK 0.85f
#define LOCK_SHARE 0.45f    /* of the power that the best delay must explain, as rho squared */
#define SILENT_POWER 1100.0f  /* -60 dBov: below it there is nothing to echo, or to search in */
#define EXPLAINED 0.25f     /* residual to received power: the filter does its work */

/* Low-pass at 800 Hz for the step to 2 kHz (windowed sinc, Hann). */
static const float dec_filter[DEC_TAPS] = {
	-0.0004f, -0.0034f, -0.0040f, 0.0089f, 0.0443f, 0.0998f, 0.1584f, 0.1964f,
	0.1964f, 0.1584f, 0.0998f, 0.0443f, 0.0089f, -0.0040f, -0.0034f, -0.0004f,
};

void echo_init(struct echo *e)
{
	memset(e, 0, sizeof(*e));
	e->lag = -1;
	e->quiet = DETECT_ECHO_MS;
}

/* Shifts a frame into `mem`, writes DEC_FRAME samples; the first difference flattens the spectrum of speech. */
static void decimate(float *mem, const float *x, float *out, float *last)
{
	memmove(mem, mem + FRAME, DEC_TAPS * sizeof(*mem));
	memcpy(mem + DEC_TAPS, x, FRAME * sizeof(*mem));
	for (int i = 0; i < DEC_FRAME; i++) {
		float y = vec_dot(mem + i * DEC + DEC, dec_filter, DEC_TAPS);
		out[i] = y - 0.9f * *last;
		*last = y;
	}
}

static void search_reset(struct echo *e)
{
	memset(e->acc, 0, sizeof(e->acc));
	memset(e->tx_energy, 0, sizeof(e->tx_energy));
	e->rx_energy = 0.0f;
	e->searched = 0;
}

static void search_frame(struct echo *e, const float *rxd)
{
	for (int k = 0; k < ECHO_LAGS; k += 4)
		vec_store(e->acc + k, vec_load(e->acc + k) * LEAK);
	for (int i = 0; i < DEC_FRAME; i++) {
		const vec4 r = {rxd[i], rxd[i], rxd[i], rxd[i]};
		const float *t = e->txd + i + 1;
		for (int k = 0; k < ECHO_LAGS; k += 4)
			vec_store(e->acc + k, vec_load(e->acc + k) + r * vec_load(t + k));
	}
	float run = 0.0f;
	for (int i = 0; i < DEC_FRAME; i++)
		run += e->txd[1 + i] * e->txd[1 + i];
	for (int k = 0; k < ECHO_LAGS; k++) {
		e->tx_energy[k] = e->tx_energy[k] * LEAK + (run > 0.0f ? run : 0.0f);
		if (k + 1 < ECHO_LAGS)
			run += e->txd[1 + k + DEC_FRAME] * e->txd[1 + k + DEC_FRAME] - e->txd[1 + k] * e->txd[1 + k];
	}
	e->rx_energy = e->rx_energy * LEAK + vec_dot(rxd, rxd, DEC_FRAME);
	e->searched++;
}

/* Gain at full rate for one delay over the last two frames; *share is the power it explains (rho squared). */
static float gain_at(const struct echo *e, const float *rx, int lag, float *share)
{
	const float *t1 = e->tx + ECHO_HIST - FRAME - lag;
	const float *t0 = t1 - FRAME;
	float rt = vec_dot(rx, t1, FRAME) + vec_dot(e->rx_prev, t0, FRAME);
	float tt = vec_dot(t1, t1, FRAME) + vec_dot(t0, t0, FRAME);
	float rr = vec_dot(rx, rx, FRAME) + vec_dot(e->rx_prev, e->rx_prev, FRAME);
	*share = tt > 1.0f && rr > 1.0f ? rt * rt / (tt * rr) : 0.0f;
	return tt > 1.0f ? rt / tt : 0.0f;
}

static bool lock_at(struct echo *e, const float *rx, int centre, int reach, float least)
{
	float best = 0.0f, gain = 0.0f;
	int lag = -1;
	for (int l = centre - reach; l <= centre + reach; l++) {
		if (l < 0 || l > DETECT_ECHO_MS * 8 - 1)
			continue;
		float share, g = gain_at(e, rx, l, &share);
		if (share > best)
			best = share, gain = g, lag = l;
	}
	if (lag < 0 || best < least)
		return false;
	memset(e->tap, 0, sizeof(e->tap));
	e->tap[lag < ECHO_PRE ? lag : ECHO_PRE] = gain;
	e->lag = lag < ECHO_PRE ? 0 : lag - ECHO_PRE;
	e->training = 25;
	e->bad = 0;
	e->left = 0.1f;
	search_reset(e);
	return true;
}

static void search_lock(struct echo *e, const float *rx)
{
	float best = 0.0f;
	int at = -1;
	if (e->searched < 3)
		return;
	for (int k = 0; k < ECHO_LAGS; k++) {
		float den = e->tx_energy[k] * e->rx_energy;
		float share = den > 1.0f ? e->acc[k] * e->acc[k] / den : 0.0f;
		if (share > best)
			best = share, at = k;
	}
	if (best > LOCK_SHARE)
		(void)lock_at(e, rx, (ECHO_LAGS - 1 - at) * DEC, 6, 0.1f);
}

/* The filter's output over one frame; out = rx - estimate. Returns the estimate's power. */
static float filter_run(const struct echo *e, const float *rx, float *out)
{
	/* tap[j] weighs what was sent lag + j samples ago; the window runs forward in time, so the taps are turned. */
	float turned[ECHO_TAPS], sum = 0.0f;
	for (int j = 0; j < ECHO_TAPS; j++)
		turned[j] = e->tap[ECHO_TAPS - 1 - j];
	const float *t = e->tx + ECHO_HIST - FRAME - e->lag - (ECHO_TAPS - 1);
	for (int i = 0; i < FRAME; i++) {
		float y = vec_dot(turned, t + i, ECHO_TAPS);
		out[i] = rx[i] - y;
		sum += y * y;
	}
	return sum / FRAME;
}

static void filter_adapt(struct echo *e, const float *rx, float step)
{
	float turned[ECHO_TAPS];
	for (int j = 0; j < ECHO_TAPS; j++)
		turned[j] = e->tap[ECHO_TAPS - 1 - j];
	const float *t = e->tx + ECHO_HIST - FRAME - e->lag - (ECHO_TAPS - 1);
	float power = vec_dot(t, t, ECHO_TAPS);
	for (int i = 0; i < FRAME; i++) {
		float err = rx[i] - vec_dot(turned, t + i, ECHO_TAPS);
		float g = step * err / (power + 4000.0f * ECHO_TAPS);
		const vec4 g4 = {g, g, g, g};
		for (int j = 0; j < ECHO_TAPS; j += 4)
			vec_store(turned + j, vec_load(turned + j) + g4 * vec_load(t + i + j));
		if (i + 1 < FRAME)
			power += t[i + ECHO_TAPS] * t[i + ECHO_TAPS] - t[i] * t[i];
		power = power > 0.0f ? power : 0.0f;
	}
	for (int j = 0; j < ECHO_TAPS; j++)
		e->tap[j] = isfinite(turned[j]) && fabsf(turned[j]) < 100.0f ? turned[ECHO_TAPS - 1 - j] : 0.0f;
}

static void explain(struct echo *e, struct frame *f, const float *rx)
{
	float out[FRAME];
	float estimate = filter_run(e, rx, out);
	float left = vec_dot(out, out, FRAME) / FRAME;

	if (left > EXPLAINED * f->power && f->power > SILENT_POWER && estimate > 0.1f * f->power) {
		/* A jitter buffer moved by whole packets: the old filter stands right beside the truth. */
		for (int jump = -3; jump <= 3; jump++) {
			if (jump && lock_at(e, rx, e->lag + ECHO_PRE + jump * FRAME, 1, 0.8f)) {
				estimate = filter_run(e, rx, out);
				left = vec_dot(out, out, FRAME) / FRAME;
				break;
			}
		}
	}
	if (left > f->power) {  /* worse than nothing, for example while the callee alone speaks */
		e->bad += estimate > 0.1f * f->power;
		if (e->bad > 10)
			e->lag = -1;
		return;
	}
	float ratio = estimate > 1.0f ? left / estimate : 1.0f;
	bool good = left < EXPLAINED * f->power;
	if (good || e->training > 0)
		filter_adapt(e, rx, e->training > 0 ? 0.5f : 0.2f);
	if (good) {
		e->bad = 0;
		e->left += 0.1f * (fminf(ratio, 0.3f) - e->left);
	} else if (estimate > SILENT_POWER) {
		e->bad++;
	}
	e->training -= e->training > 0;
	memcpy(f->x, out, sizeof(out));
	f->echo_power = estimate;
	f->echo_left = e->left;
	f->power = left;
}

static void sent_push(struct echo *e, const float *tx)
{
	memmove(e->tx, e->tx + FRAME, (ECHO_HIST - FRAME) * sizeof(*tx));
	memcpy(e->tx + ECHO_HIST - FRAME, tx, FRAME * sizeof(*tx));
	memmove(e->txd, e->txd + DEC_FRAME, ECHO_LAGS * sizeof(*tx));
	decimate(e->dec_tx, tx, e->txd + ECHO_LAGS, &e->flat_tx);
}

void echo_frame(struct echo *e, struct frame *f, const float *tx)
{
	const float sent = vec_dot(tx, tx, FRAME) / FRAME;
	float rx[FRAME], rxd[DEC_FRAME];

	e->quiet = sent > SILENT_POWER ? 0 : e->quiet + 1;
	/* Everything we sent has left the history: there is nothing to keep it for. */
	if (e->quiet > (DETECT_ECHO_MS / FRAME_MS) + 6) {
		e->quiet = DETECT_ECHO_MS;
		return;
	}
	sent_push(e, tx);
	memcpy(rx, f->x, sizeof(rx));
	decimate(e->dec_rx, rx, rxd, &e->flat_rx);
	if (f->power > SILENT_POWER && !f->lost) {
		if (e->lag >= 0)
			explain(e, f, rx);
		if (e->lag < 0 || e->bad > 0) {
			search_frame(e, rxd);
			float before = f->power;
			search_lock(e, rx);
			if (e->lag >= 0 && e->training == 25) {
				memcpy(f->x, rx, sizeof(rx));
				f->power = vec_dot(rx, rx, FRAME) / FRAME;
				explain(e, f, rx);
				f->power = fminf(f->power, before);
			}
		}
	}
	memcpy(e->rx_prev, rx, sizeof(rx));
}

bool echo_sent_pair(const struct echo *e, const float *row, const float *col, size_t window, size_t hop)
{
	int hits = 0;
	if (e->quiet >= DETECT_ECHO_MS)
		return false;
	for (size_t at = 0; at + window <= ECHO_HIST; at += hop) {
		const float *x = e->tx + at;
		float total = vec_dot(x, x, window) / (float)window;
		if (total < SILENT_POWER)
			continue;
		float r0 = vec_dot(x, row, window), r1 = vec_dot(x, row + window, window);
		float c0 = vec_dot(x, col, window), c1 = vec_dot(x, col + window, window);
		float scale = 2.0f / ((float)window * (float)window);
		float pr = (r0 * r0 + r1 * r1) * scale, pc = (c0 * c0 + c1 * c1) * scale;
		hits += pr + pc > 0.5f * total && pr > 0.05f * total && pc > 0.05f * total;
	}
	return hits >= 3;
}
