/* texts: event records, and what the messages say in small: addresses, options, reasons. */
#include "ua.h"

#include <strings.h>

enum { SOON_MS = 2 };

struct record *ua_record(struct ua *ua, enum ua_ev type, uint16_t code, uint64_t id, uint32_t a, uint32_t b)
{
	record_begin(&ua->rec, (uint16_t)type, code, id, a, b);
	return &ua->rec;
}

void ua_emit(struct ua *ua)
{
	ring_push(ua->ring, &ua->rec, true);
}

static void call_handler(void *arg)
{
	struct ua *ua = arg;

	ring_call(ua->ring);
}

/* For what nobody waits for: under load it goes along with what comes next, and wakes nobody of its own. */
void ua_emit_soon(struct ua *ua)
{
	ring_push(ua->ring, &ua->rec, false);
	if (!tmr_isrunning(&ua->call_tmr))
		tmr_start(&ua->call_tmr, SOON_MS, call_handler, ua);
}

void record_pl(struct record *rec, const struct pl *pl)
{
	record_add(rec, pl->p, pl->p ? pl->l : 0);
}

void record_str(struct record *rec, const char *s)
{
	record_add(rec, s, str_len(s));
}

void record_sa(struct record *rec, const struct sa *sa)
{
	char buf[64] = "";

	(void)re_snprintf(buf, sizeof(buf), "%J", sa);
	record_str(rec, buf);
}

struct joined {
	struct mbuf *mb;
};

static bool join_handler(const struct sip_hdr *hdr, const struct sip_msg *msg, void *arg)
{
	struct joined *j = arg;
	(void)msg;

	(void)mbuf_printf(j->mb, "%s%r", j->mb->pos ? "\n" : "", &hdr->val);
	return false;
}

/* All values of one or two headers, one in a line. */
void record_headers(struct record *rec, const struct sip_msg *msg, enum sip_hdrid id, enum sip_hdrid id2)
{
	const struct sip_hdr *one = sip_msg_hdr(msg, id);
	struct joined j;

	if (id2 == SIP_HDR_NONE && !one) {
		record_str(rec, "");
		return;
	}
	if (id2 == SIP_HDR_NONE && sip_msg_hdr_count(msg, id) == 1) {
		record_pl(rec, &one->val);
		return;
	}
	j.mb = mbuf_alloc(256);
	if (!j.mb) {
		record_str(rec, "");
		return;
	}
	(void)sip_msg_hdr_apply(msg, true, id, join_handler, &j);
	if (id2 != SIP_HDR_NONE)
		(void)sip_msg_hdr_apply(msg, true, id2, join_handler, &j);
	record_add(rec, (const char *)j.mb->buf, j.mb->end);
	mem_deref(j.mb);
}

/* u16 port, u16 RTCP port, u8 codec, payload type, telephone-event, ptime, direction, mux; then the host. */
void record_far(struct record *rec, const struct desc_far *far)
{
	char buf[10 + DESC_HOST];
	size_t len;

	if (!far) {
		record_str(rec, "");
		return;
	}
	len = strlen(far->host);
	memcpy(buf, &far->port, 2);
	memcpy(buf + 2, &far->rtcp_port, 2);
	buf[4] = (char)far->codec;
	buf[5] = (char)far->pt;
	buf[6] = (char)far->te;
	buf[7] = (char)far->ptime;
	buf[8] = (char)far->dir;
	buf[9] = (char)far->mux;
	memcpy(buf + 10, far->host, len);
	record_add(rec, buf, 10 + len);
}

/* u16 port, u8 ptime, u8 direction, u8 codecs[3]; then the host. */
bool desc_local_decode(struct desc_local *local, const struct pl *pl)
{
	if (pl->l < 8 || pl->l - 7 >= sizeof(local->host))
		return false;
	memset(local, 0, sizeof(*local));
	memcpy(&local->port, pl->p, 2);
	local->ptime = (uint8_t)pl->p[2];
	local->dir = (uint8_t)pl->p[3] & 3;
	memcpy(local->codecs, pl->p + 4, DESC_CODECS);
	memcpy(local->host, pl->p + 7, pl->l - 7);
	return true;
}

/* Media that listen on every address are announced at the one that this far end reaches us by. */
void desc_local_host(struct ua *ua, struct desc_local *local, enum sip_transp tp, const struct sa *dst)
{
	struct sa laddr;

	if (!public_towards(ua, dst) && strcmp(local->host, "0.0.0.0") && strcmp(local->host, "::") && local->host[0])
		return;
	ua_laddr(ua, &laddr, tp, dst);
	(void)re_snprintf(local->host, sizeof(local->host), "%j", &laddr);
}

const struct pl *cmd_str(const struct command *cmd, unsigned i)
{
	static const struct pl none = { "", 0 };

	return i < cmd->strings ? &cmd->str[i] : &none;
}

bool ua_sa_decode(struct sa *sa, const struct pl *pl)
{
	return !sa_decode(sa, pl->p, pl->l) && sa_port(sa);
}

/* libre takes the destination of a request as a URI. `buf` must live as long as `uri`. */
int ua_route(char *buf, size_t size, struct uri *uri, const struct sa *dst, enum sip_transp tp)
{
	struct pl pl;

	if (re_snprintf(buf, size, "sip:%J;transport=%s", dst, tp == SIP_TRANSP_TCP ? "tcp" : "udp") < 0)
		return ENOMEM;
	pl_set_str(&pl, buf);
	return uri_decode(uri, &pl);
}

void ua_laddr(struct ua *ua, struct sa *laddr, enum sip_transp tp, const struct sa *dst)
{
	sa_init(laddr, sa_af(dst));
	(void)sip_transp_laddr(ua->sip, laddr, tp, dst);
}

int ua_contact_print(struct mbuf *mb, const char *user, const struct sa *laddr, enum sip_transp tp)
{
	return mbuf_printf(mb, "Contact: <sip:%s@%J%s>\r\n", user, laddr, sip_transp_param(tp));
}

bool sdp_body(const struct sip_msg *msg)
{
	return msg_ctype_cmp(&msg->ctyp, "application", "sdp");
}

struct option {
	const char *tag;
	bool found;
};

static bool option_handler(const struct sip_hdr *hdr, const struct sip_msg *msg, void *arg)
{
	struct option *o = arg;
	const char *p = hdr->val.p, *end = p + hdr->val.l;
	const size_t n = strlen(o->tag);
	(void)msg;

	while (p < end) {
		const char *word;

		while (p < end && (*p == ' ' || *p == ',' || *p == '\t'))
			++p;
		word = p;
		while (p < end && *p != ',' && *p != ' ' && *p != '\t')
			++p;
		if ((size_t)(p - word) == n && !strncasecmp(word, o->tag, n))
			o->found = true;
	}
	return o->found;
}

/* Whether a list header (Require, Supported, Allow) has this word. */
bool option_listed(const struct sip_msg *msg, enum sip_hdrid id, const char *tag)
{
	struct option o = { tag, false };

	(void)sip_msg_hdr_apply(msg, true, id, option_handler, &o);
	return o.found;
}

/* Reason: Q.850;cause=17;text="User busy" (RFC 3326). */
void reason_parse_value(const struct pl *val, uint16_t *q850, char *text, size_t size)
{
	struct pl params, cause, words;

	if (val->l < 5 || strncasecmp(val->p, "Q.850", 5))
		return;
	params.p = val->p + 5;
	params.l = val->l - 5;
	if (!msg_param_decode(&params, "cause", &cause) && pl_u32(&cause) <= 127)
		*q850 = (uint16_t)pl_u32(&cause);
	if (!re_regex(params.p, params.l, "text=\"[^\"]*\"", &words))
		(void)pl_strcpy(&words, text, size);
}

struct reason {
	uint16_t *q850;
	char *text;
	size_t size;
};

static bool reason_handler(const struct sip_hdr *hdr, const struct sip_msg *msg, void *arg)
{
	struct reason *r = arg;
	(void)msg;

	reason_parse_value(&hdr->val, r->q850, r->text, r->size);
	return false;
}

void reason_parse(const struct sip_msg *msg, uint16_t *q850, char *text, size_t size)
{
	struct reason r = { q850, text, size };

	(void)sip_msg_hdr_apply(msg, true, SIP_HDR_REASON, reason_handler, &r);
}
