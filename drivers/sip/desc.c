#include "desc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { TE_OFFERED = 101 };

static const struct {
	const char *name;
	uint8_t pt; /* static payload type (RFC 3551) */
} CODEC[DESC_CODECS] = { { "PCMA", 8 }, { "PCMU", 0 }, { "G722", 9 } };

static const char *const DIR[] = { "inactive", "recvonly", "sendonly", "sendrecv" };

/* ---- reading -------------------------------------------------------------------------------------------------------- */

struct text {
	const char *p;
	size_t len;
};

static bool text_starts(const struct text *t, const char *word)
{
	const size_t n = strlen(word);

	return t->len >= n && !memcmp(t->p, word, n);
}

/* The next word up to a blank (or `stop`); empty at the end. */
static struct text text_word(struct text *t, char stop)
{
	struct text w;

	while (t->len && *t->p == ' ')
		++t->p, --t->len;
	w.p = t->p;
	w.len = 0;
	while (w.len < t->len && w.p[w.len] != ' ' && w.p[w.len] != stop)
		++w.len;
	t->p += w.len;
	t->len -= w.len;
	if (t->len)
		++t->p, --t->len;
	return w;
}

static bool text_number(const struct text *t, uint32_t max, uint32_t *out)
{
	uint32_t n = 0;

	if (!t->len || t->len > 9)
		return false;
	for (size_t i = 0; i < t->len; ++i) {
		if (t->p[i] < '0' || t->p[i] > '9')
			return false;
		n = n * 10 + (uint32_t)(t->p[i] - '0');
	}
	*out = n;
	return n <= max;
}

static bool text_copy(char *to, size_t size, const struct text *t)
{
	if (!t->len || t->len >= size)
		return false;
	memcpy(to, t->p, t->len);
	to[t->len] = '\0';
	return true;
}

static bool text_is(const struct text *t, const char *word)
{
	return t->len == strlen(word) && !strncasecmp(t->p, word, t->len);
}

/* "IN IP4 192.0.2.1/127": only addresses, no names: the far end's name would be looked up in the real-time thread. */
static bool read_connection(struct text t, char host[DESC_HOST])
{
	struct text net = text_word(&t, ' '), type = text_word(&t, ' '), addr = text_word(&t, '/');
	unsigned char raw[16];
	char tmp[DESC_HOST];

	if (!text_is(&net, "IN") || !text_copy(tmp, sizeof(tmp), &addr))
		return false;
	if (inet_pton(text_is(&type, "IP6") ? AF_INET6 : AF_INET, tmp, raw) != 1)
		return false;
	memcpy(host, tmp, DESC_HOST);
	return true;
}

static bool read_media(struct text t, struct desc_line *l)
{
	struct text media = text_word(&t, ' '), port = text_word(&t, ' '), proto = text_word(&t, ' ');
	struct text formats = t;
	uint32_t n;

	for (size_t i = 0; i < port.len; ++i)
		if (port.p[i] == '/')
			port.len = i;
	if (!text_copy(l->media, sizeof(l->media), &media) || !text_copy(l->proto, sizeof(l->proto), &proto) ||
	    !text_number(&port, 65535, &n) || !text_copy(l->formats, sizeof(l->formats), &formats))
		return false;
	l->port = (uint16_t)n;
	memset(l->codec_pt, 255, sizeof(l->codec_pt));
	while (t.len && l->norder < sizeof(l->order)) {
		struct text f = text_word(&t, ' ');

		if (!text_number(&f, 127, &n))
			continue;
		l->order[l->norder++] = (uint8_t)n;
		for (unsigned c = 0; c < DESC_CODECS; ++c)
			if (n == CODEC[c].pt)
				l->codec_pt[c] = (uint8_t)n;
	}
	return true;
}

static bool listed(const struct desc_line *l, uint32_t pt)
{
	for (unsigned i = 0; i < l->norder; ++i)
		if (l->order[i] == pt)
			return true;
	return false;
}

static void read_rtpmap(struct text t, struct desc_line *l)
{
	struct text pt = text_word(&t, ' '), name = text_word(&t, '/'), rate = text_word(&t, '/');
	uint32_t n;

	if (!text_number(&pt, 127, &n) || !listed(l, n) || !text_is(&rate, "8000"))
		return;
	if (text_is(&name, "telephone-event") && n) {
		l->te = (uint8_t)n;
		return;
	}
	for (unsigned c = 0; c < DESC_CODECS; ++c)
		if (text_is(&name, CODEC[c].name) && (l->codec_pt[c] == 255 || n != CODEC[c].pt))
			l->codec_pt[c] = (uint8_t)n;
}

static void read_attribute(struct text t, struct desc_line *l)
{
	uint32_t n;

	for (unsigned i = 0; i < sizeof(DIR) / sizeof(DIR[0]); ++i)
		if (text_is(&t, DIR[i]))
			l->dir = (uint8_t)i;
	if (text_is(&t, "rtcp-mux"))
		l->mux = true;
	if (text_starts(&t, "rtpmap:"))
		read_rtpmap((struct text){ t.p + 7, t.len - 7 }, l);
	if (text_starts(&t, "ptime:")) {
		struct text v = { t.p + 6, t.len - 6 };

		if (text_number(&v, 200, &n) && n >= 10)
			l->ptime = (uint8_t)n;
	}
	if (text_starts(&t, "rtcp:")) {
		struct text v = { t.p + 5, t.len - 5 }, port = text_word(&v, ' ');

		if (text_number(&port, 65535, &n))
			l->rtcp_port = (uint16_t)n;
	}
}

static int read_line(struct desc *d, struct desc_line *session, struct text t)
{
	struct desc_line *l = d->lines ? &d->line[d->lines - 1] : session;
	const char kind = t.p[0];

	t.p += 2;
	t.len -= 2;
	if (kind == 'm') {
		if (d->lines == DESC_LINES)
			return E2BIG;
		l = &d->line[d->lines];
		*l = *session;
		if (!read_media(t, l))
			return EBADMSG;
		++d->lines;
	} else if (kind == 'c') {
		if (!read_connection(t, l->host))
			l->host[0] = '\0'; /* a name or a foreign network: that media line cannot be used */
	} else if (kind == 'a') {
		read_attribute(t, l);
	}
	return 0;
}

static bool line_usable(const struct desc_line *l)
{
	bool codec = false;

	for (unsigned c = 0; c < DESC_CODECS; ++c)
		codec = codec || l->codec_pt[c] != 255;
	return codec && l->port && l->host[0] && !strcmp(l->media, "audio") &&
	       (!strcmp(l->proto, "RTP/AVP") || !strcmp(l->proto, "RTP/AVPF"));
}

int desc_parse(struct desc *d, const char *p, size_t len)
{
	struct desc_line session;
	bool version = false;

	memset(d, 0, sizeof(*d));
	memset(&session, 0, sizeof(session));
	session.dir = DESC_SENDRECV;
	session.ptime = 20;
	d->audio = 255;
	while (len) {
		const char *end = memchr(p, '\n', len);
		const size_t whole = end ? (size_t)(end - p) + 1 : len;
		struct text t = { p, end ? (size_t)(end - p) : len };
		int err;

		if (t.len && t.p[t.len - 1] == '\r')
			--t.len;
		p += whole;
		len -= whole;
		if (!t.len)
			continue;
		if (t.len < 2 || t.p[1] != '=')
			return EBADMSG;
		version = version || t.p[0] == 'v';
		err = read_line(d, &session, t);
		if (err)
			return err;
	}
	if (!version || !d->lines)
		return EBADMSG;
	for (uint8_t i = 0; i < d->lines && d->audio == 255; ++i)
		if (line_usable(&d->line[i]))
			d->audio = i;
	return 0;
}

/* ---- agreeing ------------------------------------------------------------------------------------------------------- */

static bool wanted(const struct desc_local *local, unsigned codec)
{
	for (unsigned i = 0; i < DESC_CODECS; ++i)
		if (local->codecs[i] == codec)
			return true;
	return false;
}

static bool unspecified(const char *host)
{
	return !strcmp(host, "0.0.0.0") || !strcmp(host, "::");
}

int desc_agree(const struct desc *d, const struct desc_local *local, struct desc_far *far)
{
	const struct desc_line *l;
	uint8_t theirs;

	if (d->audio == 255)
		return ENOENT;
	l = &d->line[d->audio];
	memset(far, 0, sizeof(*far));
	far->codec = DESC_NONE;
	for (unsigned i = 0; i < l->norder && far->codec == DESC_NONE; ++i)
		for (unsigned c = 0; c < DESC_CODECS; ++c)
			if (l->codec_pt[c] == l->order[i] && wanted(local, c)) {
				far->codec = (uint8_t)c;
				far->pt = l->order[i];
				break;
			}
	if (far->codec == DESC_NONE)
		return ENOENT;
	memcpy(far->host, l->host, sizeof(far->host));
	far->port = l->port;
	far->mux = l->mux;
	far->rtcp_port = l->mux ? l->port : l->rtcp_port ? l->rtcp_port : (uint16_t)(l->port + 1);
	far->te = l->te;
	far->ptime = l->ptime;
	/* The hold of RFC 2543: an address of zeros means that they do not want to hear us. */
	theirs = unspecified(l->host) ? l->dir & DESC_SENDONLY : l->dir;
	far->dir = (uint8_t)(((theirs & DESC_SENDONLY) ? DESC_RECVONLY : 0) | ((theirs & DESC_RECVONLY) ? DESC_SENDONLY : 0));
	far->dir &= local->dir;
	return 0;
}

/* ---- writing -------------------------------------------------------------------------------------------------------- */

struct out {
	char *buf;
	size_t size, len;
	bool full;
};

__attribute__((format(printf, 2, 3))) static void out_add(struct out *o, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (o->full)
		return;
	va_start(ap, fmt);
	n = vsnprintf(o->buf + o->len, o->size - o->len, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= o->size - o->len)
		o->full = true;
	else
		o->len += (size_t)n;
}

static void out_session(struct out *o, const struct desc_local *local, uint64_t id, uint32_t version)
{
	const char *type = strchr(local->host, ':') ? "IP6" : "IP4";

	out_add(o, "v=0\r\no=- %llu %u IN %s %s\r\ns=-\r\nc=IN %s %s\r\nt=0 0\r\n", (unsigned long long)id, version, type,
		local->host, type, local->host);
}

static void out_te(struct out *o, unsigned pt)
{
	out_add(o, "a=rtpmap:%u telephone-event/8000\r\na=fmtp:%u 0-15\r\n", pt, pt);
}

size_t desc_write_offer(char *buf, size_t size, const struct desc_local *local, uint64_t id, uint32_t version)
{
	struct out o = { buf, size, 0, false };

	out_session(&o, local, id, version);
	out_add(&o, "m=audio %u RTP/AVP", local->port);
	for (unsigned i = 0; i < DESC_CODECS; ++i)
		if (local->codecs[i] < DESC_CODECS)
			out_add(&o, " %u", CODEC[local->codecs[i]].pt);
	out_add(&o, " %d\r\n", TE_OFFERED);
	for (unsigned i = 0; i < DESC_CODECS; ++i)
		if (local->codecs[i] < DESC_CODECS)
			out_add(&o, "a=rtpmap:%u %s/8000\r\n", CODEC[local->codecs[i]].pt, CODEC[local->codecs[i]].name);
	out_te(&o, TE_OFFERED);
	out_add(&o, "a=ptime:%u\r\na=rtcp-mux\r\na=%s\r\n", local->ptime, DIR[local->dir & 3]);
	return o.full ? 0 : o.len;
}

size_t desc_write_answer(char *buf, size_t size, const struct desc *offer, const struct desc_local *local,
			 const struct desc_far *far, uint64_t id, uint32_t version)
{
	struct out o = { buf, size, 0, false };

	out_session(&o, local, id, version);
	for (uint8_t i = 0; i < offer->lines; ++i) {
		const struct desc_line *l = &offer->line[i];

		if (i != offer->audio) {
			out_add(&o, "m=%s 0 %s %s\r\n", l->media, l->proto, l->formats);
			continue;
		}
		out_add(&o, "m=audio %u %s %u", local->port, l->proto, far->pt);
		if (far->te)
			out_add(&o, " %u", far->te);
		out_add(&o, "\r\na=rtpmap:%u %s/8000\r\n", far->pt, CODEC[far->codec].name);
		if (far->te)
			out_te(&o, far->te);
		out_add(&o, "a=ptime:%u\r\n%sa=%s\r\n", local->ptime, far->mux ? "a=rtcp-mux\r\n" : "", DIR[far->dir & 3]);
	}
	return o.full ? 0 : o.len;
}
