/* The form of a message: what RFC 3261 asks, and RFC 4475 shows going wrong. Pure; each check says what to answer. */
#include "guard_int.h"

#include <string.h>
#include <strings.h>

enum { CSEQ_MAX = 0x7fffffff };

bool list_has(const char *list, struct span tag)
{
	struct span rest = {list, strlen(list)}, item;

	while (span_next(&rest, ',', &item)) {
		if (item.n == tag.n && !strncasecmp(item.p, tag.p, tag.n))
			return true;
	}
	return false;
}

bool answer_object(struct answer *a, unsigned status, const char *reason, const char *why)
{
	a->status = status;
	a->reason = reason;
	a->why = why;
	return false;
}

static bool bad(struct answer *a, const char *why)
{
	return answer_object(a, 400, "Bad Request", why);
}

void answer_add(struct answer *a, const char *text)
{
	size_t n = strlen(a->extra);

	if (n + strlen(text) < sizeof(a->extra))
		memcpy(a->extra + n, text, strlen(text) + 1);
}

/* ---- form of a request: each part true when there is nothing to object to ---- */

static bool check_version(const struct message *m, struct answer *a)
{
	if (!m->version.n || span_is(m->version, "SIP/2.0"))
		return true;
	if (m->version.n == 7 && !memcmp(m->version.p, "SIP/", 4) && m->version.p[5] == '.')
		return answer_object(a, 505, "Version Not Supported", "another version of SIP");
	return bad(a, "request line does not end in a version");
}

static bool check_single(const struct message *m, struct answer *a)
{
	if (!m->to_n || !m->from_n || !m->call_id_n || !m->cseq_n)
		return bad(a, "To, From, Call-ID or CSeq is missing");
	if (m->to_n > 1 || m->from_n > 1 || m->call_id_n > 1 || m->cseq_n > 1 || m->max_forwards_n > 1)
		return bad(a, "a header that may stand once stands twice");
	if (m->request && m->replaces && m->method != M_INVITE && m->method != M_ACK) /* RFC 3891 3 */
		return bad(a, "Replaces in another request than INVITE");
	if (!m->call_id.n || memchr(m->call_id.p, ' ', m->call_id.n))
		return bad(a, "bad Call-ID");
	return true;
}

/* The Content-Length against what came: a datagram may hold more (noise), never less; a stream's frame fits exactly. */
static bool check_length(const struct message *m, size_t len, bool stream, struct answer *a)
{
	if (m->content_length_n > 1)
		return bad(a, "several Content-Lengths");
	if (!m->length_ok)
		return bad(a, "bad Content-Length");
	if (stream && !m->content_length_n)
		return bad(a, "no Content-Length on a stream");
	if (!m->head || m->length > len - m->head || (stream && m->length != len - m->head))
		return bad(a, "body is shorter than Content-Length");
	return true;
}

static bool check_uri(const struct message *m, struct answer *a)
{
	const char *at, *wrong = uri_fault(m->uri);

	if (wrong)
		return bad(a, wrong);
	if (!uri_is_sip(m->uri))
		return answer_object(a, 416, "Unsupported URI Scheme", "request URI is not sip");
	at = memrchr(m->uri.p, '@', m->uri.n);
	at = at ? at : m->uri.p;
	if (memchr(at, '?', m->uri.n - (size_t)(at - m->uri.p)))
		return bad(a, "request URI carries headers");
	return true;
}

static bool check_contacts(const struct message *m, struct answer *a)
{
	struct address contact;
	struct span rest, value;

	if (m->contact.n > LINES_MAX)
		return bad(a, "too many Contacts");
	for (unsigned i = 0; i < m->contact.n; i++) {
		rest = m->contact.v[i];
		while (span_next(&rest, ',', &value)) {
			if (span_is(value, "*") && m->method == M_REGISTER)
				continue;
			if (!address_read(&contact, value))
				return bad(a, "bad Contact");
		}
	}
	return true;
}

static bool check_numbers(struct message *m, struct answer *a)
{
	size_t digits = 0;
	uint64_t value;
	struct span method;

	while (digits < m->cseq.n && m->cseq.p[digits] >= '0' && m->cseq.p[digits] <= '9')
		digits++;
	if (!number_read((struct span){m->cseq.p, digits}, CSEQ_MAX, &value))
		return bad(a, "CSeq is not a number below 2^31");
	m->cseq_number = (uint32_t)value;
	if (m->max_forwards_n && !number_read(m->max_forwards, UINT32_MAX, &value))
		return bad(a, "bad Max-Forwards");
	if (m->method == M_UNKNOWN)
		return answer_object(a, 501, "Not Implemented", "unknown method");
	method = span_trim((struct span){m->cseq.p + digits, m->cseq.n - digits});
	if (method.p == m->cseq.p + digits || !span_is(method, guard_methods[m->method]))
		return bad(a, "CSeq names another method");
	return true;
}

static bool check_addresses(struct message *m, struct answer *a)
{
	if (!address_read(&m->to_addr, m->to))
		return bad(a, "bad To");
	if (!address_read(&m->from_addr, m->from))
		return bad(a, "bad From");
	if (m->method == M_REGISTER && !uri_is_sip(m->to_addr.uri))
		return bad(a, "REGISTER for something that is not sip");
	return true;
}

/* A branch that is only the magic cookie names no transaction: two senders of it must not be taken for one (4475 3.2.1). */
static bool check_branch(const struct message *m, struct answer *a)
{
	if (m->top.has_branch && span_iscase(m->top.branch, "z9hG4bK"))
		return bad(a, "branch without an id");
	return true;
}

static bool check_require(const struct guard *g, const struct message *m, struct answer *a)
{
	struct span rest, tag;
	bool first = true;

	if (m->method == M_ACK || m->method == M_CANCEL)
		return true;
	for (unsigned i = 0; i < m->require.n && i < LINES_MAX; i++) {
		rest = m->require.v[i];
		while (span_next(&rest, ',', &tag)) {
			char text[64];

			if (!tag.n || list_has(g->supported, tag))
				continue;
			if (!is_token(tag) || tag.n >= sizeof(text))
				return bad(a, "bad Require");
			memcpy(text, tag.p, tag.n);
			text[tag.n] = '\0';
			answer_add(a, first ? "Unsupported: " : ", ");
			answer_add(a, text);
			first = false;
		}
	}
	if (first)
		return true;
	answer_add(a, "\r\n");
	return answer_object(a, 420, "Bad Extension", "an extension that we do not have is required");
}

static struct span media_type(struct span value)
{
	struct span type = {NULL, 0};

	(void)span_next(&value, ';', &type);
	return type;
}

static bool is_media_type(struct span type)
{
	const char *slash = type.n ? memchr(type.p, '/', type.n) : NULL;
	struct span subtype;

	if (!slash)
		return false;
	subtype = (struct span){slash + 1, type.n - (size_t)(slash + 1 - type.p)};
	type.n = (size_t)(slash - type.p);
	return is_token(span_trim(type)) && is_token(span_trim(subtype));
}

static bool accepts_sdp(const struct message *m)
{
	struct span rest, range;

	if (!m->accept.n)
		return true;
	for (unsigned i = 0; i < m->accept.n && i < LINES_MAX; i++) {
		rest = m->accept.v[i];
		while (span_next(&rest, ',', &range)) {
			range = media_type(range);
			if (span_iscase(range, "application/sdp") || span_is(range, "*/*") ||
			    span_iscase(range, "application/*"))
				return true;
		}
	}
	return false;
}

static bool check_media(const struct message *m, size_t body, struct answer *a)
{
	if (m->content_type_n > 1 || (m->content_type_n && !is_media_type(media_type(m->content_type))))
		return bad(a, "bad Content-Type");
	if (m->method != M_INVITE)
		return true;
	if (body && m->content_type.n && !span_iscase(media_type(m->content_type), "application/sdp")) {
		answer_add(a, "Accept: application/sdp\r\n");
		return answer_object(a, 415, "Unsupported Media Type", "the body is not SDP");
	}
	if (!accepts_sdp(m)) {
		answer_add(a, "Warning: 399 switchroom \"We answer in application/sdp only\"\r\n");
		return answer_object(a, 406, "Not Acceptable", "SDP is not accepted");
	}
	return true;
}

static bool check_method(const struct guard *g, const struct message *m, struct answer *a)
{
	if (m->method == M_UNKNOWN || g->allowed_methods & (1u << m->method))
		return true;
	return answer_object(a, 405, "Method Not Allowed", "a method that we do not serve");
}

void form_judge(const struct guard *g, struct message *m, size_t len, bool stream, struct answer *a)
{
	size_t body = len - m->head;
	bool ok;

	a->status = 0;
	a->extra[0] = '\0';
	/* For the tag in the answer, before anything is found wrong. */
	if (m->to_n)
		(void)address_read(&m->to_addr, m->to);
	ok = check_version(m, a) && (!m->fault || bad(a, m->fault)) && check_single(m, a) &&
	     check_length(m, len, stream, a) && check_addresses(m, a) && check_uri(m, a) && check_numbers(m, a) &&
	     check_branch(m, a) && check_contacts(m, a) && check_method(g, m, a) && check_require(g, m, a) &&
	     check_media(m, m->content_length_n ? (size_t)m->length : body, a);
	if (!ok && (a->status == 405 || a->status == 501)) {
		answer_add(a, "Allow: ");
		answer_add(a, g->allow);
		answer_add(a, "\r\n");
	}
}

/* A response to nothing of ours, or a broken one, is never answered (RFC 3261 8.1.3.3, 18.1.2). */
const char *form_response(struct message *m, size_t len)
{
	struct answer a = {0};

	if (m->fault)
		return m->fault;
	if (!span_is(m->version, "SIP/2.0"))
		return "response of another version";
	if (m->vias != 1)
		return "response with several Vias is not for an end point";
	for (struct span rest = m->via[0], via; span_next(&rest, ',', &via);) {
		if (rest.p)
			return "response with several Vias is not for an end point";
	}
	if (!check_single(m, &a) || !check_length(m, len, false, &a))
		return a.why;
	/* CSeq: of any method, so only its number is looked at. */
	m->method = M_UNKNOWN;
	if (!check_numbers(m, &a) && a.status != 501)
		return a.why;
	return NULL;
}
