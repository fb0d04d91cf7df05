/* replaces: the Replaces header (RFC 3891 6.1): callid *(SEMI replaces-param), to-tag and from-tag once each. */
#include "replaces.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

static bool space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The piece up to the next ";" without white space around it; *p moves behind it. */
static size_t piece(const char **p, size_t *left, const char **start)
{
	size_t n = 0, used;

	while (n < *left && (*p)[n] != ';')
		++n;
	*start = *p;
	used = n < *left ? n + 1 : n;
	*p += used;
	*left -= used;
	while (n && space(**start)) {
		++*start;
		--n;
	}
	while (n && space((*start)[n - 1]))
		--n;
	return n;
}

/* A Call-ID is word [ "@" word ] and a tag a token (RFC 3261 25.1): nothing in either could end a header or a URI. */
static bool clean(const char *p, size_t len, const char *more)
{
	for (size_t i = 0; i < len; ++i) {
		const char c = p[i];
		const bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

		if (!alnum && (!c || !strchr(more, c)))
			return false;
	}
	return len > 0;
}

static bool tag_set(const char **tag, size_t *n, const char *p, size_t len)
{
	if (*tag || !clean(p, len, "-.!%*_+`'~"))
		return false;
	*tag = p;
	*n = len;
	return true;
}

static bool param(struct replaces *r, const char *p, size_t len)
{
	const char *equals = len ? memchr(p, '=', len) : NULL;
	size_t name = equals ? (size_t)(equals - p) : len, value = equals ? len - name - 1 : 0;
	const char *v = equals ? equals + 1 : NULL;

	while (name && space(p[name - 1]))
		--name;
	while (value && space(*v)) {
		++v;
		--value;
	}
	if (name == 6 && !strncasecmp(p, "to-tag", 6))
		return tag_set(&r->to_tag, &r->to_tag_len, v, value);
	if (name == 8 && !strncasecmp(p, "from-tag", 8))
		return tag_set(&r->from_tag, &r->from_tag_len, v, value);
	if (name == 10 && !strncasecmp(p, "early-only", 10))
		r->early_only = true;
	return name > 0; /* others say nothing to us */
}

int replaces_parse(struct replaces *r, const char *p, size_t len)
{
	const char *start;
	size_t n;

	memset(r, 0, sizeof(*r));
	r->call_id_len = piece(&p, &len, &r->call_id);
	if (!clean(r->call_id, r->call_id_len, "-.!%*_+`'~()<>:\\\"/[]?{}@"))
		return EBADMSG;
	while (len) {
		n = piece(&p, &len, &start);
		if (!param(r, start, n))
			return EBADMSG;
	}
	return r->to_tag && r->from_tag ? 0 : EBADMSG;
}
