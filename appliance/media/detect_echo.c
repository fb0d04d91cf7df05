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

#define LEAK 0.9f
#define LOCK_SURE 0.45f     /* share of the power (rho squared) that one delay explains: an echo */
#define LOCK_TRY 0.18f      /* worth a try: a hybrid smears its echo over many delays. A wrong filter does no harm */
#define LIKELY 0.4f         /* unrelated speech reaches half of that in 19 of 20 frames */
#define LOCK_HOLD 12        /* frames before the next try */
#define LOCK_HOLD_SURE 3
#define TRAIN_ROUNDS 3
#define FLAT 0.9f            /* of speech: its spectrum falls by 6 dB an octave and more */
#define CLEAR 15.0f         /* received power over the noise's that is worth learning from */
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
	e->noise = SILENT_POWER;
	e->quiet = DETECT_ECHO_MS;
}

/* Shifts a frame into `mem`, writes DEC_FRAME samples; the first difference flattens the spectrum of speech. */
static void decimate(float *mem, const float *x, float *out, float *last)
{
	memmove(mem, mem + FRAME, DEC_TAPS * sizeof(*mem));
	memcpy(mem + DEC_TAPS, x, FRAME * sizeof(*mem));
	for (int i = 0; i < DEC_FRAME; i++) {
		float y = vec_dot(mem + i * DEC + DEC, dec_filter, DEC_TAPS);
		out[i] = y - FLAT * *last;
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
static float gain_at(const struct echo *e, int lag, float *share)
{
	const float *t = e->tx + ECHO_HIST - 2 * FRAME - lag;
	const float *rx = e->rx + 1 + (ECHO_BACK - 2) * FRAME;
	float rt = vec_dot(rx, t, 2 * FRAME), tt = vec_dot(t, t, 2 * FRAME), rr = vec_dot(rx, rx, 2 * FRAME);
	*share = tt > 1.0f && rr > 1.0f ? rt * rt / (tt * rr) : 0.0f;
	return tt > 1.0f ? rt / tt : 0.0f;
}

/* NLMS over one frame, `back` frames ago. On flattened signals (`flatten` FLAT) speech turns the filter faster, but noise
 * does so too: that is for a new filter only. */
static void filter_adapt(struct echo *e, int back, float step, float flatten)
{
	float turned[ECHO_TAPS], flat[FRAME + ECHO_TAPS];
	const float *t = e->tx + ECHO_HIST - (back + 1) * FRAME - e->lag - (ECHO_TAPS - 1);
	const float *rx = e->rx + 1 + (ECHO_BACK - 1 - back) * FRAME;

	/* tap[j] weighs what was sent lag + j samples ago; the window runs forward in time, so the taps are turned. */
	for (int j = 0; j < ECHO_TAPS; j++)
		turned[j] = e->tap[ECHO_TAPS - 1 - j];
	for (int i = 0; i < FRAME + ECHO_TAPS - 1; i++)
		flat[i] = t[i] - flatten * t[i - 1];
	flat[FRAME + ECHO_TAPS - 1] = 0.0f;
	float power = vec_dot(flat, flat, ECHO_TAPS);
	for (int i = 0; i < FRAME; i++) {
		float err = rx[i] - flatten * rx[i - 1] - vec_dot(turned, flat + i, ECHO_TAPS);
		float g = step * err / (power + 1000.0f * ECHO_TAPS);
		const vec4 g4 = {g, g, g, g};
		for (int j = 0; j < ECHO_TAPS; j += 4)
			vec_store(turned + j, vec_load(turned + j) + g4 * vec_load(flat + i + j));
		power += flat[i + ECHO_TAPS] * flat[i + ECHO_TAPS] - flat[i] * flat[i];
		power = power > 0.0f ? power : 0.0f;
	}
	for (int j = 0; j < ECHO_TAPS; j++)
		e->tap[j] = isfinite(turned[ECHO_TAPS - 1 - j]) && fabsf(turned[ECHO_TAPS - 1 - j]) < 100.0f
		                ? turned[ECHO_TAPS - 1 - j] : 0.0f;
}

/* The filter's output over one frame, `back` frames ago; out = received - estimate. Returns the estimate's power. */
static float filter_run(const struct echo *e, int back, float *out)
{
	const float *rx = e->rx + 1 + (ECHO_BACK - 1 - back) * FRAME;
	const float *t = e->tx + ECHO_HIST - (back + 1) * FRAME - e->lag - (ECHO_TAPS - 1);
	float turned[ECHO_TAPS], sum = 0.0f;

	/* tap[j] weighs what was sent lag + j samples ago; the window runs forward in time, so the taps are turned. */
	for (int j = 0; j < ECHO_TAPS; j++)
		turned[j] = e->tap[ECHO_TAPS - 1 - j];
	for (int i = 0; i < FRAME; i++) {
		float y = vec_dot(turned, t + i, ECHO_TAPS);
		out[i] = rx[i] - y;
		sum += y * y;
	}
	return sum / FRAME;
}

/* What the filter leaves of the last ECHO_BACK frames. */
static float filter_leaves(const struct echo *e)
{
	float out[FRAME], sum = 0.0f;
	for (int back = 0; back < ECHO_BACK; back++) {
		if (!(e->whole & (1u << back)))
			continue;
		(void)filter_run(e, back, out);
		sum += vec_dot(out, out, FRAME);
	}
	return sum;
}

static void filter_set(struct echo *e, int lag, float gain)
{
	memset(e->tap, 0, sizeof(e->tap));
	e->tap[lag < ECHO_PRE ? lag : ECHO_PRE] = gain;
	e->lag = lag < ECHO_PRE ? 0 : lag - ECHO_PRE;
}

static void filter_train(struct echo *e)
{
	for (int round = 0; round < TRAIN_ROUNDS; round++)
		for (int back = ECHO_BACK - 1; back >= 0; back--)
			if (e->whole & (1u << back))
				filter_adapt(e, back, 0.5f, FLAT);
}

/* Looks for the best delay around `centre`. Where it explains more than `least`, a filter is trained there, and takes the
 * place of the old one if it leaves less of the last frames. */
static bool lock_at(struct echo *e, int centre, int reach, float least)
{
	float best = 0.0f, gain = 0.0f, old_tap[ECHO_TAPS], old_leaves = INFINITY;
	int lag = -1, old_lag = e->lag;

	for (int l = centre - reach; l <= centre + reach; l++) {
		if (l < 0 || l > DETECT_ECHO_MS * 8 - 1)
			continue;
		float share, g = gain_at(e, l, &share);
		if (share > best)
			best = share, gain = g, lag = l;
	}
	if (lag < 0 || best < least)
		return false;
	e->locked = 0;
	memcpy(old_tap, e->tap, sizeof(old_tap));
	if (old_lag >= 0)
		old_leaves = filter_leaves(e);
	/* About the same place: the filter that is there may know the path already, and only has to learn on. */
	if (old_lag >= 0 && lag >= old_lag && lag <= old_lag + ECHO_TAPS / 2) {
		filter_train(e);
		if (filter_leaves(e) < 0.5f * old_leaves) {
			e->bad = 0;
			search_reset(e);
			return true;
		}
	}
	filter_set(e, lag, gain);
	float leaves = filter_leaves(e);
	if (best < 0.9f)
		filter_train(e);
	if (filter_leaves(e) > leaves)
		filter_set(e, lag, gain);
	else
		leaves = filter_leaves(e);
	if (leaves > 0.9f * old_leaves) {
		memcpy(e->tap, old_tap, sizeof(old_tap));
		e->lag = old_lag;
		return false;
	}
	e->bad = 0;
	if (e->lag != old_lag) {
		e->training = 25;
		e->left = 0.33f;
	}
	search_reset(e);
	return true;
}

static bool search_lock(struct echo *e)
{
	float best = 0.0f;
	int at = -1;
	for (int k = 0; k < ECHO_LAGS; k++) {
		float den = e->tx_energy[k] * e->rx_energy;
		float share = den > 1.0f ? e->acc[k] * e->acc[k] / den : 0.0f;
		if (share > best)
			best = share, at = k;
	}
	e->best = e->searched < 2 ? 0.0f : best;
	if (e->searched < 3 || e->locked < LOCK_HOLD_SURE || (e->whole & 3) != 3)
		return false;
	if (best < LOCK_SURE && (best < LOCK_TRY || e->locked < LOCK_HOLD))
		return false;
	return lock_at(e, (ECHO_LAGS - 1 - at) * DEC, 6, 0.0f);
}

/* Too faint to learn from: only what the filter knows is taken out. */
static void explain_faint(struct echo *e, struct frame *f)
{
	float out[FRAME];
	float estimate = filter_run(e, 0, out);
	float left = vec_dot(out, out, FRAME) / FRAME;
	if (left > f->power)
		return;
	memcpy(f->x, out, sizeof(out));
	f->echo_power = estimate;
	f->echo_left = e->left;
	f->power = left;
}

/* Takes the echo out of the frame as well as the filter can, and lets the filter learn. */
static void explain(struct echo *e, struct frame *f)
{
	float out[FRAME];
	const float received = f->power;
	float estimate = filter_run(e, 0, out);
	float left = vec_dot(out, out, FRAME) / FRAME;

	if (left > EXPLAINED * received && estimate > 0.1f * received) {
		/* A jitter buffer moves by whole packets: the truth stands right beside the old filter. */
		for (int jump = -3; jump <= 3; jump++) {
			if (jump && lock_at(e, e->lag + ECHO_PRE + jump * FRAME, 1, 0.8f)) {
				estimate = filter_run(e, 0, out);
				left = vec_dot(out, out, FRAME) / FRAME;
				break;
			}
		}
	}
	bool good = left < EXPLAINED * received;
	e->bad = good ? 0 : e->bad + 1;
	if (left > received)  /* worse than nothing: the callee speaks, or the path is another */
		return;
	if (good || e->training > 0)
		filter_adapt(e, 0, e->training > 0 ? 0.3f : 0.1f, 0.0f);
	if (good)
		e->left += 0.1f * (fminf(left / fmaxf(estimate, 1.0f), 0.3f) - e->left);
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
	memmove(e->rx, e->rx + FRAME, ((ECHO_BACK - 1) * FRAME + 1) * sizeof(*rx));
	memcpy(e->rx + 1 + (ECHO_BACK - 1) * FRAME, rx, sizeof(rx));
	e->locked++;
	e->best = 0.0f;
	e->whole = (e->whole << 1) | !(f->lost || f->hole);
	decimate(e->dec_rx, rx, rxd, &e->flat_rx);
	const float received = f->power;
	e->noise = fminf(e->noise * 1.01f, fmaxf(received, 1.0f));
	if (received < SILENT_POWER || f->lost)
		return;
	if (e->lag >= 0 && received < CLEAR * e->noise)
		explain_faint(e, f);
	else if (e->lag >= 0)
		explain(e, f);
	if (received < 3.0f * e->noise)
		return;
	if (e->lag >= 0 && e->bad == 0)
		return;
	search_frame(e, rxd);
	if (search_lock(e)) {
		memcpy(f->x, rx, sizeof(rx));
		f->power = received;
		explain(e, f);
	}
	f->echo_likely = e->best > LIKELY;
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
