/* Writing stateless responses (RFC 3261 8.2.6, 18.2.1, RFC 3581) into a fixed buffer. */
#include "guard_int.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

void write_bytes(struct writer *w, const char *p, size_t n)
{
	if (w->full || n > w->cap - w->n) {
		w->full = true;
		return;
	}
	if (n)
		memcpy(w->p + w->n, p, n);
	w->n += n;
}

void write_text(struct writer *w, const char *text)
{
	write_bytes(w, text, strlen(text));
}

void write_number(struct writer *w, uint64_t value)
{
	char digits[20];
	size_t i = sizeof(digits);

	do {
		digits[--i] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	write_bytes(w, digits + i, sizeof(digits) - i);
}

void write_hex(struct writer *w, uint64_t value)
{
	char digits[16];

	for (int i = 15; i >= 0; i--, value >>= 4)
		digits[i] = "0123456789abcdef"[value & 15];
	write_bytes(w, digits, sizeof(digits));
}

/* What a peer sent goes back to it byte by byte (NUL included), but never a line end that we did not mean. */
static void write_span(struct writer *w, struct span s)
{
	size_t from = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != '\r' && s.p[i] != '\n')
			continue;
		write_bytes(w, s.p + from, i - from);
		if (s.p[i] == '\n')
			write_bytes(w, " ", 1);
		from = i + 1;
	}
	write_bytes(w, s.p + from, s.n - from);
}

static void write_line(struct writer *w, const char *name, struct span value)
{
	write_text(w, name);
	write_span(w, value);
	write_text(w, "\r\n");
}

static unsigned source_text(const struct sockaddr *src, char text[INET6_ADDRSTRLEN])
{
	text[0] = '\0';
	if (src->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)src;

		inet_ntop(AF_INET, &in->sin_addr, text, INET6_ADDRSTRLEN);
		return ntohs(in->sin_port);
	}
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)src;

	if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
		inet_ntop(AF_INET, &in6->sin6_addr.s6_addr[12], text, INET6_ADDRSTRLEN);
	else
		inet_ntop(AF_INET6, &in6->sin6_addr, text, INET6_ADDRSTRLEN);
	return ntohs(in6->sin6_port);
}

/* The top Via with received and rport; the rest of its line as it came. A broken one goes back untouched. */
static void write_top(struct writer *w, const struct message *m, const char *host, unsigned port)
{
	const char *end = m->via_top.p + m->via_top.n;
	struct span first = {m->via_top.p, m->via_top.n}, rest = {NULL, 0};

	if (!m->top.ok) {
		write_line(w, "Via: ", m->via[0]);
		return;
	}
	write_text(w, "Via: ");
	if (m->top.has_rport) {
		rest.p = m->top.rport_end.p;
		rest.n = (size_t)(end - rest.p);
		first.n = (size_t)(rest.p - first.p);
		write_span(w, first);
		write_text(w, "=");
		write_number(w, port);
		write_span(w, rest);
	} else {
		write_span(w, first);
	}
	if (m->top.has_rport || !span_iscase(m->top.host, host)) {
		write_text(w, ";received=");
		write_text(w, host);
	}
	write_span(w, (struct span){end, (size_t)(m->via[0].p + m->via[0].n - end)});
	write_text(w, "\r\n");
}

static void write_to(struct writer *w, const struct message *m, uint64_t tag)
{
	if (!m->to_n)
		return;
	write_text(w, "To: ");
	write_span(w, m->to);
	if (!span_set(m->to_addr.tag)) {
		write_text(w, ";tag=");
		write_hex(w, tag);
	}
	write_text(w, "\r\n");
}

bool reply_write(struct guard_out *out, const struct message *m, const struct sockaddr *src, unsigned status,
		 const char *reason, const char *extra, uint64_t tag)
{
	struct writer w = {out->buf, 0, sizeof(out->buf), false};
	char host[INET6_ADDRSTRLEN];
	unsigned port = source_text(src, host);

	out->status = (uint16_t)status;
	out->port = (uint16_t)port;
	if (m->top.ok && !m->top.has_rport)
		out->port = (uint16_t)(m->top.port ? m->top.port : 5060);
	write_text(&w, "SIP/2.0 ");
	write_number(&w, status);
	write_text(&w, " ");
	write_text(&w, reason);
	write_text(&w, "\r\n");
	write_top(&w, m, host, port);
	for (unsigned i = 1; i < m->vias; i++)
		write_line(&w, "Via: ", m->via[i]);
	if (m->from_n)
		write_line(&w, "From: ", m->from);
	write_to(&w, m, tag);
	if (m->call_id_n)
		write_line(&w, "Call-ID: ", m->call_id);
	if (m->cseq_n)
		write_line(&w, "CSeq: ", m->cseq);
	write_text(&w, extra);
	write_text(&w, "Content-Length: 0\r\n\r\n");
	out->len = w.n;
	return !w.full;
}
