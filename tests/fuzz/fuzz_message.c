/** Messages of any length, content and encoding through message.c; built with the sanitizers by test_detect_fuzz.py. */
#include "message.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state;

static uint32_t dice(uint32_t sides)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 33) % sides;
}

static void check(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "wrong: %s\n", what);
	abort();
}

static void fill(int16_t *x, size_t n)
{
	uint32_t kind = 0;
	for (size_t i = 0; i < n; i++) {
		if (i % 800 == 0)
			kind = dice(5);
		double t = (double)i / 8000.0;
		x[i] = kind == 0   ? 0
		       : kind == 1 ? (int16_t)dice(65536)
		       : kind == 2 ? -32768
		       : kind == 3 ? (int16_t)(9000 * (sin(2 * M_PI * 941 * t) + sin(2 * M_PI * 1477 * t)))
		                   : (int16_t)((int)dice(300) - 150);
	}
}

static void levelled(const int16_t *x, size_t n)
{
	struct message_found found;
	double peak, ceiling = 0.89;
	int16_t *out = malloc(n * sizeof(*out) + 1);

	check(message_find(x, n, &found) == 0, "find");
	check(found.start <= found.end && found.end <= n && found.end <= found.limit && found.limit <= n, "bounds");
	check(isfinite(found.active_dbov) && found.peak >= 0.0 && found.peak <= 1.0, "level");
	check(message_level(x, n, (double)dice(160) / 10.0, ceiling, out, &peak) == 0, "level");
	check(peak <= ceiling + 0.001, "ceiling");
	free(out);
}

static void mixed(size_t frames)
{
	static const int encodings[6][2] = {{1, 1}, {1, 2}, {1, 3}, {1, 4}, {6, 1}, {7, 1}};
	const int *e = encodings[dice(6)], channels = 1 + (int)dice(8);
	size_t bytes = frames * (size_t)e[1] * (size_t)channels;
	uint8_t *in = malloc(bytes + 1);
	int16_t *out = malloc(frames * sizeof(*out) + 1);

	for (size_t i = 0; i < bytes; i++)
		in[i] = (uint8_t)dice(256);
	message_mono(in, frames, e[0], e[1], channels, out);
	free(in);
	free(out);
}

int main(int argc, char **argv)
{
	state = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	int rounds = argc > 2 ? atoi(argv[2]) : 100;
	for (int i = 0; i < rounds; i++) {
		size_t n = dice(4) ? dice(60000) : dice(200);
		int16_t *x = malloc(n * sizeof(*x) + 1);
		fill(x, n);
		levelled(x, n);
		free(x);
		mixed(dice(3000));
	}
	printf("%d messages\n", rounds);
	return 0;
}
