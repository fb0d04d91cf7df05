/** The two strongest frequencies of the last 64 ms: a Hann window and an FFT of our own, every 20 ms. */
#include "detect_priv.h"

#include <math.h>
#include <string.h>

#define HALF (SPECTRUM_N / 2)
#define TOP 176                      /* bins looked at: up to 2750 Hz */
#define BIN ((float)RATE / SPECTRUM_N)
#define LEAST_POWER 2700.0f          /* -56 dBov: quieter frames have no spectrum worth the time */
#define TONAL_SHARE 0.85f

static float hann[SPECTRUM_N];
static float twiddle[HALF][2];       /* exp(-2 pi i k / SPECTRUM_N) */
static uint16_t reversed[HALF];

void spectrum_setup(void)
{
	for (int i = 0; i < SPECTRUM_N; i++)
		hann[i] = (float)(0.5 - 0.5 * cos(2.0 * M_PI * i / SPECTRUM_N));
	for (int k = 0; k < HALF; k++) {
		twiddle[k][0] = (float)cos(2.0 * M_PI * k / SPECTRUM_N);
		twiddle[k][1] = (float)-sin(2.0 * M_PI * k / SPECTRUM_N);
		int r = 0;
		for (int bit = 1, rev = HALF / 2; bit < HALF; bit <<= 1, rev >>= 1)
			r |= k & bit ? rev : 0;
		reversed[k] = (uint16_t)r;
	}
}

void spectrum_init(struct spectrum *s)
{
	memset(s, 0, sizeof(*s));
}

/* In place, radix 2, HALF complex points. */
static void fft(float (*z)[2])
{
	for (int span = 1; span < HALF; span *= 2) {
		const int step = HALF / span;  /* in the table of SPECTRUM_N: twice HALF / (2 span) */
		for (int base = 0; base < HALF; base += 2 * span) {
			for (int j = 0; j < span; j++) {
				const float wr = twiddle[j * step][0], wi = twiddle[j * step][1];
				float *a = z[base + j], *b = z[base + j + span];
				float br = b[0] * wr - b[1] * wi, bi = b[0] * wi + b[1] * wr;
				b[0] = a[0] - br;
				b[1] = a[1] - bi;
				a[0] += br;
				a[1] += bi;
			}
		}
	}
}

/* Power of bins 0..TOP-1 of the windowed history; returns the windowed power in the same unit, all bins to 4 kHz. */
static float power_bins(const float *hist, float *power)
{
	float z[HALF][2];
	float total = 0.0f;

	for (int k = 0; k < HALF; k++) {
		int i = 2 * reversed[k];
		z[k][0] = hist[i] * hann[i];
		z[k][1] = hist[i + 1] * hann[i + 1];
		total += z[k][0] * z[k][0] + z[k][1] * z[k][1];
	}
	fft(z);
	/* The even samples were put in as real, the odd ones as imaginary part: take the two transforms apart. */
	power[0] = 0.0f;
	for (int k = 1; k < TOP; k++) {
		const float *a = z[k], *b = z[HALF - k];
		float er = 0.5f * (a[0] + b[0]), ei = 0.5f * (a[1] - b[1]);
		float or = 0.5f * (a[1] + b[1]), oi = 0.5f * (b[0] - a[0]);
		float re = er + or * twiddle[k][0] - oi * twiddle[k][1];
		float im = ei + or * twiddle[k][1] + oi * twiddle[k][0];
		power[k] = re * re + im * im;
	}
	return total * HALF;  /* Parseval, one side of the spectrum */
}

static float interpolate(const float *power, int k)
{
	float a = logf(power[k - 1] + 1e-3f), b = logf(power[k] + 1e-3f), c = logf(power[k + 1] + 1e-3f);
	float den = a - 2.0f * b + c;
	float shift = den < -1e-6f ? 0.5f * (a - c) / den : 0.0f;
	return ((float)k + fmaxf(-0.5f, fminf(0.5f, shift))) * BIN;
}

/* Power within the main lobe of bin k; bins already counted (up to `from`) are left out. */
static float lobe(const float *power, int k, int skip_low, int skip_high)
{
	float sum = 0.0f;
	for (int i = k - 3; i <= k + 3; i++)
		if (i > 0 && i < TOP && (i < skip_low || i > skip_high))
			sum += power[i];
	return sum;
}

static void find_peaks(struct spectrum *s, const float *power, float total)
{
	int k1 = 2, k2 = 0;
	for (int k = 3; k < TOP - 1; k++)
		if (power[k] > power[k1])
			k1 = k;
	for (int k = 3; k < TOP - 1; k++) {
		bool local = power[k] > power[k - 1] && power[k] >= power[k + 1];
		if (local && (k < k1 - 1 || k > k1 + 1) && power[k] > 0.03f * power[k1] && (!k2 || power[k] > power[k2]))
			k2 = k;
	}
	s->f1 = interpolate(power, k1);
	s->share1 = lobe(power, k1, 0, -1) / total;
	s->share2 = s->share1;
	s->f2 = s->ratio = 0.0f;
	if (k2) {
		s->ratio = power[k2] / power[k1];
		s->f2 = interpolate(power, k2);
		s->share2 += lobe(power, k2, k1 - 3, k1 + 3) / total;
	}
}

void spectrum_frame(struct spectrum *s, struct frame *f)
{
	float power[TOP];

	memmove(s->hist, s->hist + FRAME, (SPECTRUM_N - FRAME) * sizeof(*s->hist));
	memcpy(s->hist + SPECTRUM_N - FRAME, f->x, sizeof(f->x));
	/* A longer run is silence, with edges like any other. */
	s->hole_run = f->lost || f->hole ? s->hole_run + 1 : 0;
	s->holes = s->hole_run == 0 ? s->holes - (s->holes > 0) : s->hole_run <= 2 ? 4 : 0;
	f->unclear = s->holes > 0;
	s->last_f1 = s->valid ? s->f1 : 0.0f;
	s->last_f2 = s->valid ? s->f2 : 0.0f;
	s->valid = false;
	s->f1 = s->f2 = s->share1 = s->share2 = 0.0f;
	f->tonal = false;
	if (f->power < LEAST_POWER)
		return;
	float total = power_bins(s->hist, power);
	if (total < 1.0f)
		return;
	find_peaks(s, power, total);
	s->valid = true;
	bool steady = fabsf(s->f1 - s->last_f1) < 5.0f || (s->f2 > 0.0f && fabsf(s->f1 - s->last_f2) < 5.0f);
	f->tonal = s->share2 > TONAL_SHARE && steady;
}
