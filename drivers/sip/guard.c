/*
 * The guard's decisions. See guard.h for the order; docs/security.md for the reasoning about forged sources, in short:
 *
 * A UDP source address proves nothing, so nothing that a mere datagram can cause may outlast the datagrams themselves.
 *   - Bans last, so they are never given here. Only Python gives them (guard_ban), for wrong answers to a nonce that was
 *     sent to that very address: a forger does not see the nonce and cannot fail in that way in somebody else's name.
 *   - What answers cost is bounded here by a rate per source: a forger can use up the rate of the address he forges, for as
 *     long as he keeps sending, no longer. Lines and registered phones have no such rate, so their calls are not touched.
 *   - Everything about requests of strangers is answered alike whoever is asked for, so there is nothing to enumerate.
 */
#include "guard_int.h"

#include <stdlib.h>
#include <string.h>

enum counter { C_SEEN, C_PASSED, C_REWRITTEN, C_REPLIED, C_DROPPED, C_CLOSED, C_BANNED, C_LIMITED, C_SHED };

enum { MARK_HEX = 16, UNKNOWN_PER_SECOND = 1000, PASSES_MAX = 16 };

/* ---- small parts ---- */

static void count(struct guard *g, enum counter which)
{
	atomic_fetch_add_explicit(&g->count[which], 1, memory_order_relaxed);
}

void guard_counters(const struct guard *g, struct guard_counters *out)
{
	uint64_t *to[] = {&out->seen,   &out->passed, &out->rewritten, &out->replied, &out->dropped,
			  &out->closed, &out->banned, &out->limited,   &out->shed};

	for (size_t i = 0; i < sizeof(to) / sizeof(to[0]); i++)
		*to[i] = atomic_load_explicit(&g->count[i], memory_order_relaxed);
}

/* ---- overload ---- */

static bool is_emergency(const struct guard *g, struct span uri)
{
	const char *at = memrchr(uri.p, '@', uri.n), *start = memchr(uri.p, ':', uri.n);
	struct span user;
	size_t n = 0;

	if (!at || !start)
		return false;
	user = (struct span){start + 1, (size_t)(at - start - 1)};
	while (n < user.n && user.p[n] != ';' && user.p[n] != ':')
		n++;
	for (unsigned i = 0; i < g->emergencies; i++) {
		if (n == strlen(g->emergency[i]) && !memcmp(g->emergency[i], user.p, n))
			return true;
	}
	return false;
}

static uint64_t call_key(const struct guard *g, const struct message *m, const struct source *s)
{
	struct sip_hash h;

	hash_begin(&h, g->secret);
	hash_add(&h, s->ip, sizeof(s->ip));
	hash_span(&h, m->call_id);
	hash_span(&h, span_set(m->from_addr.tag) ? m->from_addr.tag : m->from_addr.uri);
	return hash_end(&h) | 1;
}

/*
 * Whether this INVITE is refused for overload. Verdicts are remembered for as long as an INVITE may be retransmitted: the
 * retransmission of an admitted one must never meet a 503 (it would end a call that we are setting up), nor that of a
 * refused one be let in (its sender has given up). The same call with a higher CSeq is the INVITE that carries
 * credentials: it belongs to the admitted call.
 */
static bool must_shed(struct guard *g, const struct message *m, const struct source *s, uint64_t now_us)
{
	unsigned rate = atomic_load_explicit(&g->shed_rate, memory_order_relaxed);
	unsigned burst = atomic_load_explicit(&g->shed_burst, memory_order_relaxed);
	uint64_t key;
	struct call_slot *call;

	if (m->method != M_INVITE || span_set(m->to_addr.tag) || is_emergency(g, m->uri))
		return false;
	key = call_key(g, m, s);
	call = call_find(g, key, now_us);
	if (call && call->admitted && call->passes < PASSES_MAX) {
		call->passes++;
		return false;
	}
	if (call && !call->admitted && call->cseq == m->cseq_number)
		return true;
	call = call_add(g, key, now_us);
	call->cseq = m->cseq_number;
	call->admitted = !rate || bucket_take(&g->shed, rate, burst ? burst : rate / 10 + 1, now_us);
	return !call->admitted;
}

void guard_set_shed(struct guard *g, unsigned per_second, unsigned burst)
{
	atomic_store_explicit(&g->shed_burst, burst, memory_order_relaxed);
	atomic_store_explicit(&g->shed_rate, per_second, memory_order_relaxed);
}

bool guard_set_emergency(struct guard *g, const char *users)
{
	struct span rest = {users, strlen(users)}, user;

	g->emergencies = 0;
	while (span_next(&rest, ',', &user)) {
		if (!user.n)
			continue;
		if (g->emergencies >= GUARD_EMERGENCY_MAX || user.n >= sizeof(g->emergency[0]))
			return false;
		memset(g->emergency[g->emergencies], 0, sizeof(g->emergency[0]));
		memcpy(g->emergency[g->emergencies++], user.p, user.n);
	}
	return true;
}

/* ---- rewriting for the stack ---- */

/*
 * RFC 2543 requests have no branch; the stack drops them unread. They get one made of what names the transaction in such
 * requests (RFC 3261 17.2.3): the same for an INVITE, its retransmissions, its ACK and its CANCEL.
 */
static void write_branch(const struct guard *g, const struct message *m, struct writer *w)
{
	bool invite = m->method == M_INVITE || m->method == M_ACK || m->method == M_CANCEL;
	struct sip_hash h;

	hash_begin(&h, g->secret);
	hash_span(&h, invite ? (struct span){"INVITE", 6} : m->method_text);
	hash_add(&h, &m->cseq_number, sizeof(m->cseq_number));
	hash_span(&h, m->call_id);
	hash_span(&h, span_set(m->from_addr.tag) ? m->from_addr.tag : m->from);
	hash_span(&h, m->uri);
	hash_span(&h, m->via_top);
	write_text(w, g->mark);
	write_hex(w, hash_end(&h));
}

/* True when out->buf holds what the stack must see instead of the original. */
static bool rewrite(const struct guard *g, const struct message *m, const uint8_t *buf, size_t len, struct guard_out *out)
{
	struct writer w = {out->buf, 0, sizeof(out->buf), false};
	const char *text = (const char *)buf, *via_end = m->via_top.p + m->via_top.n;
	size_t end = m->content_length_n ? m->head + (size_t)m->length : len;
	bool contact = m->method == M_INVITE && !m->contact.n;

	if (end == len && m->top.has_branch && !contact)
		return false;
	write_bytes(&w, text, (size_t)(via_end - text));
	if (!m->top.has_branch)
		write_branch(g, m, &w);
	write_bytes(&w, via_end, (size_t)(text + m->head - 2 - via_end));
	if (contact) { /* RFC 2543: without Contact the caller is reached as From says; the stack wants it spelled out */
		write_text(&w, "Contact: <");
		write_bytes(&w, m->from_addr.uri.p, m->from_addr.uri.n);
		write_text(&w, ">\r\n");
	}
	write_text(&w, "\r\n");
	write_bytes(&w, text + m->head, end - m->head);
	out->len = w.n;
	return !w.full;
}

size_t guard_outgoing(const struct guard *g, uint8_t *buf, size_t len)
{
	size_t cut = strlen(g->mark) + MARK_HEX;
	uint8_t *at;

	if (len < 12 || memcmp(buf, "SIP/2.0 ", 8))
		return len;
	at = memmem(buf, len, g->mark, strlen(g->mark));
	if (!at || (size_t)(buf + len - at) < cut)
		return len;
	memmove(at, at + cut, (size_t)(buf + len - at) - cut);
	return len - cut;
}

/* ---- the verdict ---- */

static enum guard_verdict end(struct guard *g, struct guard_out *out, enum guard_verdict verdict, const char *why)
{
	static const enum counter counters[] = {C_PASSED, C_DROPPED, C_REPLIED, C_CLOSED};

	count(g, counters[verdict]);
	out->verdict = verdict;
	out->why = why;
	return verdict;
}

static enum guard_verdict refuse(struct guard *g, struct guard_out *out, const struct message *m,
				 const struct sockaddr *src, const struct answer *a, bool framing_lost)
{
	enum guard_verdict silent = framing_lost ? GUARD_CLOSE : GUARD_DROP;
	struct sip_hash h;

	if (m->method == M_ACK) /* an ACK is never answered */
		return end(g, out, silent, a->why);
	/* The same tag for each retransmission, another one for each request. */
	hash_begin(&h, g->secret);
	hash_span(&h, m->via_top);
	hash_span(&h, m->call_id);
	hash_span(&h, m->from);
	hash_span(&h, m->cseq);
	if (!reply_write(out, m, src, a->status, a->reason, a->extra, hash_end(&h))) {
		out->len = 0;
		out->status = 0;
		return end(g, out, silent, "the answer would not fit");
	}
	return end(g, out, framing_lost ? GUARD_CLOSE : GUARD_REPLY, a->why);
}

/*
 * Requests that get a challenge are what a scanner lives on: few of them. Others (OPTIONS, what we refuse by its form, and
 * credentials, whose failures Python counts) tell nothing, so there may be more; and what belongs to a call, more still.
 */
static enum rate rate_of(const struct message *m, const struct answer *a)
{
	if (m->method == M_ACK || m->method == M_CANCEL)
		return RATE_DIALOG;
	if (a->status || m->method == M_OPTIONS || m->authorization)
		return RATE_OTHER;
	if (m->method != M_REGISTER && span_set(m->to_addr.tag))
		return RATE_DIALOG;
	return RATE_CHALLENGE;
}

static bool within_rate(struct guard *g, const struct source *s, const struct message *m, const struct answer *a,
			uint64_t now_us)
{
	if (source_allowed(g, s))
		return true;
	return rate_take(g, s, rate_of(m, a), now_us) &&
	       bucket_take(&g->unknown, UNKNOWN_PER_SECOND, UNKNOWN_PER_SECOND, now_us);
}

static bool is_keepalive(const uint8_t *buf, size_t len)
{
	if (len > 8)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (buf[i] && buf[i] != '\r' && buf[i] != '\n' && buf[i] != ' ')
			return false;
	}
	return true;
}

static enum guard_verdict check_request(struct guard *g, struct message *m, const uint8_t *buf, size_t len,
					const struct sockaddr *src, const struct source *s, bool stream, uint64_t now_us,
					struct guard_out *out)
{
	struct answer a;
	bool framing_lost;

	form_judge(g, m, len, stream, &a);
	framing_lost = stream && (!m->head || m->content_length_n != 1 || !m->length_ok || m->length != len - m->head);
	if (!within_rate(g, s, m, &a, now_us)) {
		count(g, C_LIMITED);
		return end(g, out, framing_lost ? GUARD_CLOSE : GUARD_DROP, "too many requests of a source we do not know");
	}
	if (!a.status && must_shed(g, m, s, now_us)) {
		count(g, C_SHED);
		answer_object(&a, 503, "Service Unavailable", "overload");
		answer_add(&a, g->retry_after);
	}
	if (a.status)
		return refuse(g, out, m, src, &a, framing_lost);
	out->rewritten = rewrite(g, m, buf, len, out);
	if (out->rewritten)
		count(g, C_REWRITTEN);
	return end(g, out, GUARD_PASS, out->rewritten ? "passed, rewritten" : "passed");
}

enum guard_verdict guard_check(struct guard *g, const uint8_t *buf, size_t len, const struct sockaddr *src, bool stream,
			       uint64_t now_us, struct guard_out *out)
{
	struct message m;
	struct source s;
	const char *why;

	out->status = out->port = 0;
	out->rewritten = false;
	out->len = 0;
	count(g, C_SEEN);
	if (!source_read(&s, src))
		return end(g, out, GUARD_DROP, "address of an unknown family");
	if (source_banned(g, &s, now_us)) {
		count(g, C_BANNED);
		return end(g, out, stream ? GUARD_CLOSE : GUARD_DROP, "banned");
	}
	if (is_keepalive(buf, len))
		return end(g, out, GUARD_DROP, "keep-alive");
	if (len > GUARD_MESSAGE_MAX || !message_read(&m, (const char *)buf, len))
		return end(g, out, stream ? GUARD_CLOSE : GUARD_DROP, "not SIP, or too long");
	if (m.request)
		return check_request(g, &m, buf, len, src, &s, stream, now_us, out);
	why = form_response(&m, len);
	return end(g, out, why ? GUARD_DROP : GUARD_PASS, why ? why : "passed");
}

/* ---- streams ---- */

static size_t line_ends(const uint8_t *buf, size_t len)
{
	size_t i = 0;

	while (i < len && (buf[i] == '\r' || buf[i] == '\n'))
		i++;
	return i;
}

enum guard_frame guard_frame(const uint8_t *buf, size_t len, size_t *n)
{
	struct message m;

	*n = line_ends(buf, len);
	if (*n)
		return GUARD_FRAME_SKIP;
	if (!len)
		return GUARD_FRAME_WAIT;
	*n = len < GUARD_HEAD_MAX ? len : GUARD_HEAD_MAX;
	if (buf[0] < '!' || buf[0] > '~')
		return GUARD_FRAME_BAD; /* TLS, or noise */
	if (!message_head((const char *)buf, len))
		return len < GUARD_HEAD_MAX ? GUARD_FRAME_WAIT : GUARD_FRAME_BAD;
	if (!message_read(&m, (const char *)buf, len))
		return GUARD_FRAME_BAD;
	*n = m.head;
	if (m.content_length_n != 1 || !m.length_ok || m.length > GUARD_MESSAGE_MAX - m.head)
		return GUARD_FRAME_BAD;
	*n = m.head + (size_t)m.length;
	return *n <= len ? GUARD_FRAME_WHOLE : GUARD_FRAME_WAIT;
}

/* ---- birth and death ---- */

static bool copy(char *to, size_t cap, const char *text)
{
	if (strlen(text) >= cap)
		return false;
	memcpy(to, text, strlen(text) + 1);
	return true;
}

static void set_texts(struct guard *g, unsigned retry_after)
{
	struct writer w = {(uint8_t *)g->retry_after, 0, sizeof(g->retry_after) - 1, false};
	struct writer mark = {(uint8_t *)g->mark, 0, sizeof(g->mark) - 1, false};
	struct sip_hash h;

	write_text(&w, "Retry-After: ");
	write_number(&w, retry_after);
	write_text(&w, "\r\n");
	hash_begin(&h, g->secret);
	hash_add(&h, "mark", 4);
	write_text(&mark, ";branch=z9hG4bK");
	write_number(&mark, hash_end(&h) % 100000000);
	write_text(&mark, ".");
	for (int i = M_UNKNOWN + 1; i < M_COUNT; i++) {
		if (list_has(g->allow, (struct span){guard_methods[i], strlen(guard_methods[i])}))
			g->allowed_methods |= 1u << i;
	}
}

struct guard *guard_new(const struct guard_config *cfg)
{
	struct guard *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	memcpy(g->secret, cfg->secret, sizeof(g->secret));
	if (!copy(g->allow, sizeof(g->allow), cfg->allow ? cfg->allow : GUARD_ALLOW) ||
	    !copy(g->supported, sizeof(g->supported), cfg->supported ? cfg->supported : GUARD_SUPPORTED)) {
		free(g);
		return NULL;
	}
	g->source_burst = cfg->source_burst ? cfg->source_burst : 40;
	g->source_rate = cfg->source_rate ? cfg->source_rate : 60;
	if (g->source_burst > 100000)
		g->source_burst = 100000;
	if (g->source_rate > 1000000)
		g->source_rate = 1000000;
	g->unknown.milli = UNKNOWN_PER_SECOND * 1000;
	set_texts(g, cfg->retry_after ? cfg->retry_after : 5);
	return g;
}

void guard_free(struct guard *g)
{
	free(g);
}
