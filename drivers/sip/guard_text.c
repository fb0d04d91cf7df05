/* Text inside a message: comparing, trimming, cutting at separators, numbers, tokens. Pure, linear. */
#include "guard_int.h"

#include <string.h>
#include <strings.h>

bool span_is(struct span s, const char *text)
{
	return s.n == strlen(text) && !memcmp(s.p, text, s.n);
}

bool span_iscase(struct span s, const char *text)
{
	return s.n == strlen(text) && !strncasecmp(s.p, text, s.n);
}

struct span span_trim(struct span s)
{
	while (s.n && is_space(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n && is_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

bool span_next(struct span *rest, char sep, struct span *piece)
{
	bool quoted = false, inside = false;
	size_t i;

	if (!rest->p)
		return false;
	for (i = 0; i < rest->n; i++) {
		char c = rest->p[i];

		if (quoted) {
			if (c == '\\')
				i++;
			else if (c == '"')
				quoted = false;
		} else if (c == '"' && !inside) {
			quoted = true;
		} else if (c == '<') {
			inside = true;
		} else if (c == '>') {
			inside = false;
		} else if (c == sep && !inside) {
			break;
		}
	}
	if (i >= rest->n) {
		*piece = span_trim(*rest);
		rest->p = NULL;
		rest->n = 0;
		return true;
	}
	*piece = span_trim((struct span){rest->p, i});
	rest->p += i + 1;
	rest->n -= i + 1;
	return true;
}

bool is_token(struct span s)
{
	if (!s.n)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (!is_alnum(s.p[i]) && (!s.p[i] || !strchr("-.!%*_+`'~", s.p[i])))
			return false;
	}
	return true;
}

bool number_read(struct span s, uint64_t max, uint64_t *value)
{
	uint64_t v = 0;

	if (!s.n)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(s.p[i] - '0');
		if (v > max)
			return false; /* before it can wrap: max is far below 2^60 */
	}
	*value = v;
	return true;
}
