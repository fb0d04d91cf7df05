/* Reading one SIP message: where things stand, and whether the lines are lines. RFC 3261 7, 25.1. */
#include "guard_int.h"

#include <string.h>
#include <strings.h>

const char *const guard_methods[M_COUNT] = {
	"",       "INVITE", "ACK",  "BYE",   "CANCEL", "OPTIONS",   "REGISTER", "PRACK",
	"UPDATE", "INFO",   "REFER", "NOTIFY", "SUBSCRIBE", "MESSAGE", "PUBLISH",
};

/* ---- pieces ---- */

const char *uri_fault(struct span uri)
{
	const char *at, *colon = memchr(uri.p, ':', uri.n);

	if (!uri.n || !colon || colon == uri.p)
		return "URI without a scheme";
	for (const char *p = uri.p; p < colon; p++) {
		if (!is_alnum(*p) && *p != '+' && *p != '-' && *p != '.')
			return "URI with a bad scheme";
	}
	for (size_t i = 0; i < uri.n; i++) {
		unsigned char c = (unsigned char)uri.p[i];

		if (c <= ' ' || c >= 0x7f || c == '<' || c == '>' || c == '"')
			return "URI with a character that may not stand there";
	}
	if (uri_is_sip(uri)) {
		at = memrchr(uri.p, '@', uri.n);
		at = at ? at + 1 : colon + 1;
		if (at >= uri.p + uri.n || *at == ';' || *at == '?' || *at == ':')
			return "URI without a host";
	}
	return NULL;
}

bool uri_is_sip(struct span uri)
{
	return (uri.n >= 4 && !strncasecmp(uri.p, "sip:", 4)) || (uri.n >= 5 && !strncasecmp(uri.p, "sips:", 5));
}

/* Cuts *s at its first `c`: what stands before comes back, *s keeps the rest; all of it when there is none. */
static struct span cut(struct span *s, char c)
{
	const char *p = s->n ? memchr(s->p, c, s->n) : NULL;
	struct span before = *s;

	if (!p) {
		s->n = 0;
		return span_trim(before);
	}
	before.n = (size_t)(p - s->p);
	s->p = p + 1;
	s->n -= before.n + 1;
	return span_trim(before);
}

static bool host_read(struct via *v, struct span host)
{
	struct span port = {NULL, 0};
	uint64_t number = 0;
	const char *p;

	if (host.n && host.p[0] == '[') {
		p = memchr(host.p, ']', host.n);
		if (!p)
			return false;
		v->host = (struct span){host.p + 1, (size_t)(p - host.p - 1)};
		port = span_trim((struct span){p + 1, host.n - (size_t)(p + 1 - host.p)});
	} else {
		p = host.n ? memchr(host.p, ':', host.n) : NULL;
		v->host = span_trim((struct span){host.p, p ? (size_t)(p - host.p) : host.n});
		if (p)
			port = (struct span){p, host.n - (size_t)(p - host.p)};
	}
	for (size_t i = 0; i < v->host.n; i++) {
		if (!is_alnum(v->host.p[i]) && (!v->host.p[i] || !strchr("-._:%", v->host.p[i])))
			return false;
	}
	if (port.n) {
		struct span digits = span_trim((struct span){port.p + 1, port.n - 1});

		if (port.p[0] != ':' || !number_read(digits, 65535, &number) || !number)
			return false;
	}
	v->port = (unsigned)number;
	return v->host.n > 0;
}

/* Display names may be tokens and white space (and, as phones do, other letters), or one quoted string. */
static bool display_ok(struct span s)
{
	if (s.n && s.p[0] == '"') {
		for (size_t i = 1; i < s.n; i++) {
			if (s.p[i] == '\\')
				i++;
			else if (s.p[i] == '"')
				return i == s.n - 1;
		}
		return false;
	}
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < 0x80 && (strchr(",;:\"\\<>", c) || (c < ' ' && !is_space((char)c)) || c == 0x7f))
			return false;
	}
	return true;
}

/* A parameter's value: a whole quoted string, or nothing that could open one or a bracket and hide what follows. */
static bool value_ok(struct span s)
{
	if (s.n && s.p[0] == '"')
		return display_ok(s);
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '<' || s.p[i] == '>' || is_space(s.p[i]))
			return false;
	}
	return true;
}

/* "SIP / 2.0 / UDP host : port ; params": white space, also folded, may stand between all parts. */
bool via_read(struct via *v, struct span value)
{
	struct span rest = value, param, head, name, version, transport;
	size_t i;

	memset(v, 0, sizeof(*v));
	if (!span_next(&rest, ';', &head))
		return false;
	name = cut(&head, '/');
	version = cut(&head, '/');
	head = span_trim(head);
	for (i = 0; i < head.n && !is_space(head.p[i]); i++)
		;
	transport = (struct span){head.p, i};
	head = span_trim((struct span){head.p + i, head.n - i});
	if (!span_iscase(name, "SIP") || !is_token(version) || !transport.n || !is_alnum(transport.p[0]) ||
	    !is_token(transport) || !host_read(v, head))
		return false;
	while (span_next(&rest, ';', &param)) {
		bool given = param.n && memchr(param.p, '=', param.n);
		struct span key = cut(&param, '=');

		param = span_trim(param);
		if (!is_token(key) || (given && !param.n) || !value_ok(param))
			return false;
		if (span_iscase(key, "branch")) {
			if (v->has_branch || !given)
				return false;
			v->has_branch = true;
			v->branch = param;
		} else if (span_iscase(key, "rport") && !given) {
			v->has_rport = true;
			v->rport_end = (struct span){key.p + key.n, 0};
		}
	}
	v->ok = span_is(version, "2.0");
	return true;
}

static bool params_read(struct address *a, struct span rest)
{
	struct span param;

	while (span_next(&rest, ';', &param)) {
		bool given = param.n && memchr(param.p, '=', param.n);
		struct span key = cut(&param, '=');

		param = span_trim(param);
		if (!is_token(key) || (given && !param.n) || !value_ok(param))
			return false;
		if (span_iscase(key, "tag")) {
			if (a->tag.p || !is_token(param))
				return false;
			a->tag = param;
		}
	}
	return true;
}

/* Where "<" stands outside a quoted display name; n when there is none. */
static size_t bracket(struct span s)
{
	bool quoted = false;

	for (size_t i = 0; i < s.n; i++) {
		if (quoted && s.p[i] == '\\')
			i++;
		else if (s.p[i] == '"')
			quoted = !quoted;
		else if (s.p[i] == '<' && !quoted)
			return i;
	}
	return s.n;
}

bool address_read(struct address *a, struct span value)
{
	size_t open = bracket(value);
	const char *close;
	struct span rest, head;

	memset(a, 0, sizeof(*a));
	if (open == value.n) { /* addr-spec: what follows ";" belongs to the header, "?" and "," need brackets */
		rest = value;
		if (!span_next(&rest, ';', &head))
			return false;
		a->uri = head;
		close = memrchr(head.p, '@', head.n);
		close = close ? close : head.p;
		if (memchr(close, '?', head.n - (size_t)(close - head.p)) || memchr(head.p, ',', head.n))
			return false;
		return !uri_fault(a->uri) && params_read(a, rest);
	}
	close = memchr(value.p + open, '>', value.n - open);
	if (!close || !display_ok(span_trim((struct span){value.p, open})))
		return false;
	a->uri = (struct span){value.p + open + 1, (size_t)(close - value.p) - open - 1};
	rest = span_trim((struct span){close + 1, value.n - (size_t)(close + 1 - value.p)});
	if (uri_fault(a->uri))
		return false;
	if (!rest.n)
		return true;
	if (rest.p[0] != ';')
		return false;
	rest.p++;
	rest.n--;
	return params_read(a, rest);
}

/* ---- lines ---- */

size_t message_head(const char *p, size_t n)
{
	const char *end = memmem(p, n > GUARD_HEAD_MAX ? GUARD_HEAD_MAX : n, "\r\n\r\n", 4);

	return end ? (size_t)(end - p) + 4 : 0;
}

static void fault(struct message *m, const char *what)
{
	if (!m->fault)
		m->fault = what;
}

static bool status_line(struct message *m, struct span line)
{
	struct span rest = line;
	uint64_t code = 0;
	struct span number;

	m->version = cut(&rest, ' ');
	number = (struct span){rest.p, rest.n < 3 ? rest.n : 3};
	if (rest.n < 4 || rest.p[3] != ' ' || !number_read(number, 699, &code) || code < 100)
		fault(m, "bad status line");
	m->status = (unsigned)code;
	return true;
}

static bool request_line(struct message *m, struct span line)
{
	const char *first = memchr(line.p, ' ', line.n), *last = memrchr(line.p, ' ', line.n);

	if (!first || first == line.p)
		return false;
	m->request = true;
	m->method_text = (struct span){line.p, (size_t)(first - line.p)};
	if (!is_token(m->method_text))
		return false;
	for (int i = M_UNKNOWN + 1; i < M_COUNT; i++) {
		if (span_is(m->method_text, guard_methods[i]))
			m->method = (enum method)i;
	}
	if (last == first) {
		fault(m, "request line of two parts");
		return true;
	}
	m->uri = (struct span){first + 1, (size_t)(last - first - 1)};
	m->version = (struct span){last + 1, line.n - (size_t)(last + 1 - line.p)};
	return true;
}

static void keep(struct lines *l, struct span value)
{
	if (l->n < LINES_MAX)
		l->v[l->n] = value;
	l->n++;
}

static void once(struct span *where, unsigned *n, struct span value)
{
	if (!(*n)++)
		*where = value;
}

static void header(struct message *m, struct span name, struct span value)
{
	char c = name.n == 1 ? (char)(name.p[0] | 0x20) : 0;

	if (c == 'v' || span_iscase(name, "Via")) {
		if (m->vias < GUARD_HEADERS_MAX)
			m->via[m->vias++] = value;
	} else if (c == 't' || span_iscase(name, "To")) {
		once(&m->to, &m->to_n, value);
	} else if (c == 'f' || span_iscase(name, "From")) {
		once(&m->from, &m->from_n, value);
	} else if (c == 'i' || span_iscase(name, "Call-ID")) {
		once(&m->call_id, &m->call_id_n, value);
	} else if (span_iscase(name, "CSeq")) {
		once(&m->cseq, &m->cseq_n, value);
	} else if (span_iscase(name, "Max-Forwards")) {
		once(&m->max_forwards, &m->max_forwards_n, value);
	} else if (c == 'l' || span_iscase(name, "Content-Length")) {
		once(&m->content_length, &m->content_length_n, value);
	} else if (c == 'c' || span_iscase(name, "Content-Type")) {
		once(&m->content_type, &m->content_type_n, value);
	} else if (c == 'm' || span_iscase(name, "Contact")) {
		keep(&m->contact, value);
	} else if (span_iscase(name, "Require")) {
		keep(&m->require, value);
	} else if (span_iscase(name, "Replaces")) {
		m->replaces = true;
	} else if (span_iscase(name, "Accept")) {
		keep(&m->accept, value);
	} else if (span_iscase(name, "Authorization") || span_iscase(name, "Proxy-Authorization")) {
		m->authorization = true;
	}
}

/* One line without its end, folds included. */
static void header_line(struct message *m, struct span line)
{
	struct span name, value = line;

	if (!memchr(line.p, ':', line.n)) {
		fault(m, "header without a colon");
		return;
	}
	name = cut(&value, ':');
	if (!is_token(name) || is_space(line.p[0])) {
		fault(m, "bad header name");
		return;
	}
	header(m, name, span_trim(value));
}

/*
 * The next line: up to CRLF; with `folds` also what continues it. Returns bytes used. A lone CR or LF is a fault: stacks
 * disagree about where such a line ends, and the guard must see what the stack sees.
 */
static size_t line_next(struct message *m, const char *p, size_t n, bool folds, struct span *line)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] != '\r' && p[i] != '\n')
			continue;
		if (p[i] == '\n' || i + 1 >= n || p[i + 1] != '\n') {
			fault(m, "line end is not CRLF");
			if (p[i] == '\r')
				continue;
			*line = (struct span){p, i};
			return i + 1;
		}
		if (folds && i + 2 < n && (p[i + 2] == ' ' || p[i + 2] == '\t')) {
			i++;
			continue;
		}
		*line = (struct span){p, i};
		return i + 2;
	}
	*line = (struct span){p, n};
	return n;
}

static void body_length(struct message *m)
{
	m->length_ok = !m->content_length_n;
	if (m->content_length_n == 1)
		m->length_ok = number_read(m->content_length, GUARD_MESSAGE_MAX * 16, &m->length);
}

bool message_read(struct message *m, const char *p, size_t n)
{
	struct span line, rest;
	size_t at, count = 0;

	memset(m, 0, sizeof(*m));
	m->head = message_head(p, n);
	if (!m->head)
		fault(m, "headers do not end");
	at = line_next(m, p, n, false, &line);
	if (line.n >= 4 && !strncasecmp(line.p, "SIP/", 4))
		status_line(m, line);
	else if (!request_line(m, line))
		return false;
	n = m->head ? m->head - 2 : (n < GUARD_HEAD_MAX ? n : GUARD_HEAD_MAX);
	while (at < n && count++ < GUARD_HEADERS_MAX) {
		at += line_next(m, p + at, n - at, true, &line);
		if (line.n)
			header_line(m, line);
	}
	if (at < n)
		fault(m, "too many headers");
	if (!m->vias)
		return false;
	rest = m->via[0];
	if (!span_next(&rest, ',', &m->via_top) || !via_read(&m->top, m->via_top) || !m->top.ok)
		fault(m, "bad Via");
	body_length(m);
	return true;
}
