/* libFuzzer on the guard: any bytes, as datagram and as stream. Besides what the sanitizers see, it checks what the stack
 * and the far end rely on: answers are well formed, and what was rewritten for the stack passes a second time as it is. */
#include "guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static struct guard *g;
static struct guard_out out, again;
static struct sockaddr_in known, stranger;

static void address(struct sockaddr_in *in, const char *text)
{
	in->sin_family = AF_INET;
	in->sin_port = htons(5060);
	inet_pton(AF_INET, text, &in->sin_addr);
}

static void start(void)
{
	struct guard_config cfg = {.secret = "fuzz fuzz fuzz!"};

	g = guard_new(&cfg);
	address(&known, "192.0.2.1");
	address(&stranger, "192.0.2.2");
	if (!g || !guard_allow(g, (struct sockaddr *)&known) || !guard_set_emergency(g, "112,0112"))
		abort();
}

static void answer_is_sound(const struct guard_out *o)
{
	if (o->len < 40 || o->len > sizeof(o->buf) || memcmp(o->buf, "SIP/2.0 ", 8) || memcmp(o->buf + o->len - 4, "\r\n\r\n", 4))
		abort();
	for (size_t i = 0; i < o->len; i++) { /* every line end is a whole one, and only the last is an empty line */
		if (o->buf[i] == '\n' && (!i || o->buf[i - 1] != '\r'))
			abort();
		if (o->buf[i] == '\r' && (i + 1 >= o->len || o->buf[i + 1] != '\n'))
			abort();
	}
	if (memmem(o->buf, o->len, "\r\n\r\n", 4) != o->buf + o->len - 4)
		abort();
}

static void check(const uint8_t *data, size_t size, const struct sockaddr_in *src, bool stream, uint64_t now)
{
	enum guard_verdict verdict = guard_check(g, data, size, (const struct sockaddr *)src, stream, now, &out);

	if (verdict != out.verdict || !out.why)
		abort();
	if (verdict == GUARD_REPLY || (verdict == GUARD_CLOSE && out.len))
		answer_is_sound(&out);
	if (verdict == GUARD_CLOSE && !stream)
		abort();
	if (verdict == GUARD_PASS && out.rewritten && src == &known) {
		if (guard_check(g, out.buf, out.len, (const struct sockaddr *)src, stream, now, &again) != GUARD_PASS ||
		    again.rewritten)
			abort();
		out.len = guard_outgoing(g, out.buf, out.len);
	}
}

static void frames(const uint8_t *data, size_t size)
{
	size_t n = 0;

	for (int i = 0; i < 16 && size; i++) {
		enum guard_frame frame = guard_frame(data, size, &n);

		if (frame == GUARD_FRAME_WAIT)
			return;
		if (!n || n > size)
			abort();
		check(data, n, &known, true, 1);
		if (frame == GUARD_FRAME_BAD)
			return;
		data += n;
		size -= n;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint64_t now = 1000000;
	uint8_t response[2048];
	size_t n = size < sizeof(response) ? size : sizeof(response);

	if (!g)
		start();
	now += 100000;
	guard_set_shed(g, size & 1 ? 1 : 0, 1);
	check(data, size, &stranger, false, now);
	guard_set_shed(g, 0, 0);
	check(data, size, &known, false, now);
	frames(data, size);
	memcpy(response, data, n);
	if (guard_outgoing(g, response, n) > n)
		abort();
	return 0;
}
