/*
 * random: libre's random numbers from the kernel, a page at a time.
 *
 * libre asks OpenSSL for eight bytes with every message it decodes; looking up the generator and its locks each time
 * costs more than reading the header. All public rand_* functions are defined here, so the linker never takes libre's
 * rand.o out of the archive. The bytes are getrandom(2)'s own, none is given out twice.
 */
#include "ua_libre.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { POOL = 4096 };

static _Thread_local uint8_t pool[POOL];
static _Thread_local size_t left;

static void pool_fill(void)
{
	size_t n = 0;

	while (n < POOL) {
		const ssize_t got = getrandom(pool + n, POOL - n, 0);

		if (got < 0 && errno != EINTR)
			abort(); /* tags and branches that can be guessed are worse than a restart */
		n += got > 0 ? (size_t)got : 0;
	}
	left = POOL;
}

void rand_init(void)
{
}

void rand_bytes(uint8_t *p, size_t size)
{
	while (size) {
		size_t n;

		if (!left)
			pool_fill();
		n = size < left ? size : left;
		left -= n;
		memcpy(p, pool + left, n);
		memset(pool + left, 0, n);
		p += n;
		size -= n;
	}
}

uint16_t rand_u16(void)
{
	uint16_t v;

	rand_bytes((uint8_t *)&v, sizeof(v));
	return v;
}

uint32_t rand_u32(void)
{
	uint32_t v;

	rand_bytes((uint8_t *)&v, sizeof(v));
	return v;
}

uint64_t rand_u64(void)
{
	uint64_t v;

	rand_bytes((uint8_t *)&v, sizeof(v));
	return v;
}

char rand_char(void)
{
	static const char letters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_"; /* 64: no bias */

	return letters[rand_u16() & 63];
}

void rand_str(char *str, size_t size)
{
	if (!size)
		return;
	while (--size)
		*str++ = rand_char();
	*str = '\0';
}
