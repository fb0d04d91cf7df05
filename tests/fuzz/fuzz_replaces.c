/* libFuzzer on the Replaces parser: what it accepts lies within the bytes given, and can end neither a line nor a URI. */
#include "replaces.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void sound(const char *all, size_t size, const char *p, size_t n)
{
	if (!p || !n || p < all || p + n > all + size)
		abort();
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)p[i] <= ' ' || (unsigned char)p[i] >= 0x7f || p[i] == ';' || p[i] == ',')
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size ? size : 1); /* exactly as long as told: reading one byte more is seen */
	struct replaces r;

	if (!copy)
		return 0;
	memcpy(copy, data, size);
	if (!replaces_parse(&r, copy, size)) {
		sound(copy, size, r.call_id, r.call_id_len);
		sound(copy, size, r.to_tag, r.to_tag_len);
		sound(copy, size, r.from_tag, r.from_tag_len);
	}
	free(copy);
	return 0;
}
