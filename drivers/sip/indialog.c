/* indialog: requests within a dialog other than INVITE, both ways, and session timers (RFC 4028). */
#include "ua.h"

struct pending {
	struct le le;
	struct leg *leg;
	struct sip_request *req;
	uint32_t number;
	bool refresh; /* an UPDATE for the session timer */
	char *method, *headers;
	char *ctype;
	struct mbuf *body;
	unsigned tries;
};

static void pending_destructor(void *arg)
{
	struct pending *p = arg;

	list_unlink(&p->le);
	mem_deref(p->req);
	mem_deref(p->method);
	mem_deref(p->headers);
	mem_deref(p->ctype);
	mem_deref(p->body);
}

/* ---- ours ------------------------------------------------------------------------------------------------------------ */

static void pending_response(int err, const struct sip_msg *msg, void *arg)
{
	struct pending *p = arg;
	struct leg *leg = p->leg;
	const bool refresh = p->refresh;
	bool has, uac, uas;

	if (msg && msg->scode < 200)
		return;
	if (msg && (msg->scode == 401 || msg->scode == 407) && p->tries++ < 2) {
		struct record *rec = ua_record(leg->ua, EV_AUTH, msg->scode, leg->id, p->number, p->tries - 1);

		record_str(rec, p->method);
		record_str(rec, leg->dlg.target);
		record_headers(rec, msg, SIP_HDR_WWW_AUTHENTICATE, SIP_HDR_PROXY_AUTHENTICATE);
		ua_emit(leg->ua);
		return;
	}
	if (msg && msg->scode >= 300 && !strcmp(p->method, "REFER"))
		refer_state(leg, msg->scode);
	mem_deref(p);
	if (leg->state != LEG_UP)
		return;
	if (err == ETIMEDOUT || (msg && (msg->scode == 408 || msg->scode == 481))) { /* RFC 3261 12.2.1.2 */
		leg_cause(leg, msg ? msg->scode : 408, 0, BY_NETWORK, "the far end no longer knows the call");
		leg_bye(leg);
		return;
	}
	if (refresh && msg && msg->scode < 300) {
		const uint32_t seconds = session_timer_header(msg, &has, &uac, &uas);

		if (has)
			session_timer_start(leg, seconds, !uas);
	} else if (refresh && msg) {
		leg->update_ok = false; /* the next refresh is a re-INVITE */
	}
}

static int contact_handler(enum sip_transp tp, const struct sa *src, const struct sa *dst, struct mbuf *mb, void *arg)
{
	const struct pending *p = arg;
	(void)dst;

	return ua_contact_print(mb, p->leg->dlg.user, src, tp);
}

static int pending_send(struct pending *p, const char *auth)
{
	struct leg *leg = p->leg;
	const size_t len = p->body ? p->body->end : 0;
	char *headers = NULL;
	int err;

	err = re_sdprintf(&headers, "%s%s", auth ? auth : "", p->headers);
	if (!err)
		err = dialog_request(leg->ua, &leg->dlg, &p->req, p->method, ++leg->dlg.lseq, NULL, headers, p->ctype,
				     p->body ? p->body->buf : NULL, len, contact_handler, pending_response, p);
	mem_deref(headers);
	if (leg->slot && leg->slot->state == JOURNAL_UP)
		leg->slot->lseq = leg->dlg.lseq;
	return err;
}

static struct pending *pending_new(struct leg *leg, const char *met, const char *headers)
{
	static uint32_t number;
	struct pending *p = mem_zalloc(sizeof(*p), pending_destructor);

	if (!p)
		return NULL;
	p->leg = leg;
	p->number = ++number ? number : ++number;
	if (str_dup(&p->method, met) || str_dup(&p->headers, headers ? headers : ""))
		return mem_deref(p);
	list_append(&leg->reql, &p->le, p);
	return p;
}

/* `headers` are whole lines. A dialog that is not there yet or no more: ENOTCONN. */
int indialog_send(struct leg *leg, const char *met, const char *headers, const char *ctype, const uint8_t *body, size_t len)
{
	struct pending *p;
	int err = 0;

	if (!leg->dlg.rtag || leg->state >= LEG_LEAVING)
		return ENOTCONN;
	p = pending_new(leg, met, headers);
	if (!p)
		return ENOMEM;
	if (len) {
		p->body = mbuf_alloc(len);
		err = p->body ? mbuf_write_mem(p->body, body, len) : ENOMEM;
		err |= str_dup(&p->ctype, ctype);
	}
	err = err ? err : pending_send(p, NULL);
	if (err)
		mem_deref(p);
	return err;
}

/* Credentials from Python: the request goes out once more. Without: it counts as refused. */
void indialog_auth(struct leg *leg, uint32_t number, const char *headers)
{
	struct le *le;

	for (le = list_head(&leg->reql); le; le = le->next) {
		struct pending *p = list_ledata(le);

		if (p->number != number)
			continue;
		if (!str_isset(headers) || pending_send(p, headers))
			mem_deref(p);
		return;
	}
}

/* ---- theirs ----------------------------------------------------------------------------------------------------------- */

static void on_bye(struct leg *leg, const struct sip_msg *msg)
{
	uint16_t q850 = 0;
	char text[96] = "";

	(void)sip_treply(NULL, leg->ua->sip, msg, 200, "OK");
	reason_parse(msg, &q850, text, sizeof(text));
	leg_cause(leg, 0, q850 ? q850 : 16, BY_FAR, text);
	if (leg->st)
		(void)sip_treply(&leg->st, leg->ua->sip, leg->invite, 487, "Request Terminated");
	leg_end(leg);
}

static void on_info(struct leg *leg, const struct sip_msg *msg)
{
	char ctype[64];
	struct record *rec;

	(void)sip_treply(NULL, leg->ua->sip, msg, 200, "OK");
	if (!mbuf_get_left(msg->mb) || mbuf_get_left(msg->mb) > 256)
		return;
	(void)re_snprintf(ctype, sizeof(ctype), "%r/%r", &msg->ctyp.type, &msg->ctyp.subtype);
	rec = ua_record(leg->ua, EV_INFO, 0, leg->id, 0, 0);
	record_str(rec, ctype);
	record_add(rec, (const char *)mbuf_buf(msg->mb), mbuf_get_left(msg->mb));
	ua_emit(leg->ua);
}

/* UPDATE (RFC 3311): a session refresh, a new target, or a new offer, answered at once. */
static void on_update(struct leg *leg, const struct sip_msg *msg)
{
	struct sip *sip = leg->ua->sip;
	bool has, uac, uas;
	const uint32_t seconds = session_timer_header(msg, &has, &uac, &uas);
	char timer[96] = "", body[DESC_MAX];
	struct desc *d = NULL;
	struct desc_far far, before = leg->far;
	struct sa laddr;
	size_t len = 0;

	if (has && seconds < leg->ua->cfg.min_se) {
		(void)sip_treplyf(NULL, NULL, sip, msg, false, 422, "Session Interval Too Small",
				  "Min-SE: %u\r\nContent-Length: 0\r\n\r\n", leg->ua->cfg.min_se);
		return;
	}
	if (mbuf_get_left(msg->mb) && (leg->req || leg->ok || leg->offer)) {
		(void)sip_treply(NULL, sip, msg, 491, "Request Pending");
		return;
	}
	if (mbuf_get_left(msg->mb)) {
		d = mem_zalloc(sizeof(*d), NULL);
		if (!d || !sdp_body(msg) || desc_parse(d, (const char *)mbuf_buf(msg->mb), mbuf_get_left(msg->mb)) ||
		    desc_agree(d, &leg->local, &far)) {
			mem_deref(d);
			(void)sip_treply(NULL, sip, msg, 488, "Not Acceptable Here");
			return;
		}
		len = desc_write_answer(body, sizeof(body), d, &leg->local, &far, leg->desc_id, ++leg->desc_version);
		(void)leg_far_set(leg, &far);
		mem_deref(d);
	}
	(void)dialog_peer(&leg->dlg, msg, false);
	if (leg->state == LEG_UP)
		leg_journal_dialog(leg, JOURNAL_UP);
	if (has) {
		(void)re_snprintf(timer, sizeof(timer), "%sSession-Expires: %u;refresher=%s\r\n",
				  uas ? "" : "Require: timer\r\n", seconds, uas ? "uas" : "uac");
		session_timer_start(leg, seconds, uas);
	}
	ua_laddr(leg->ua, &laddr, msg->tp, &msg->src);
	(void)sip_treplyf(NULL, NULL, sip, msg, false, 200, "OK", "Contact: <sip:%s@%J%s>\r\n%s%sContent-Length: %zu\r\n\r\n%b",
			  leg->dlg.user, &laddr, sip_transp_param(msg->tp), timer,
			  len ? "Content-Type: application/sdp\r\n" : "", len, body, len);
	if (len && memcmp(&before, &leg->far, sizeof(before))) {
		record_far(ua_record(leg->ua, EV_MEDIA, 0, leg->id, 0, 0), &leg->far);
		ua_emit(leg->ua);
	}
}

static void on_options(struct leg *leg, const struct sip_msg *msg)
{
	(void)sip_treplyf(NULL, NULL, leg->ua->sip, msg, false, 200, "OK",
			  "Allow: " GUARD_ALLOW "\r\nSupported: 100rel, timer, replaces\r\nAccept: application/sdp\r\n"
			  "Content-Length: 0\r\n\r\n");
}

static const struct {
	const char *met;
	void (*handler)(struct leg *leg, const struct sip_msg *msg);
} HANDLERS[] = {
	{ "BYE", on_bye },	{ "INVITE", uas_reinvite }, { "INFO", on_info },       { "REFER", refer_in },
	{ "UPDATE", on_update }, { "NOTIFY", refer_notify },    { "OPTIONS", on_options }, { "PRACK", uas_prack },
};

void indialog_request(struct leg *leg, const struct sip_msg *msg)
{
	if (!pl_strcmp(&msg->met, "ACK")) {
		uas_ack(leg, msg);
		return;
	}
	if (leg->dlg.rseq_set && msg->cseq.num < leg->dlg.rseq) { /* RFC 3261 12.2.2 */
		(void)sip_treply(NULL, leg->ua->sip, msg, 500, "CSeq Out Of Order");
		return;
	}
	leg->dlg.rseq = msg->cseq.num;
	leg->dlg.rseq_set = true;
	for (size_t i = 0; i < ARRAY_SIZE(HANDLERS); ++i)
		if (!pl_strcmp(&msg->met, HANDLERS[i].met)) {
			HANDLERS[i].handler(leg, msg);
			return;
		}
	(void)sip_treply(NULL, leg->ua->sip, msg, 501, "Not Implemented");
}

/* ---- session timers ---------------------------------------------------------------------------------------------------- */

static void timer_refresh(void *arg)
{
	struct leg *leg = arg;
	struct pending *p;
	char headers[128];

	if (leg->state != LEG_UP)
		return;
	if (!leg->update_ok) {
		uac_modify(leg); /* the same media once more */
		return;
	}
	(void)re_snprintf(headers, sizeof(headers), "Supported: timer\r\nSession-Expires: %u;refresher=uac\r\n", leg->se_seconds);
	p = pending_new(leg, "UPDATE", headers);
	if (!p)
		return;
	p->refresh = true;
	if (pending_send(p, NULL))
		mem_deref(p);
}

static void timer_expired(void *arg)
{
	struct leg *leg = arg;

	if (leg->state != LEG_UP)
		return;
	leg_cause(leg, 408, 102, BY_NETWORK, "the session was not refreshed");
	leg->bye_q850 = 102;
	leg_bye(leg);
}

/* RFC 4028 10: the refresher does so at half time; the other waits until shortly before the end, then hangs up. */
void session_timer_start(struct leg *leg, uint32_t seconds, bool refresher)
{
	const uint32_t early = seconds / 3 < 32 ? seconds / 3 : 32;

	if (!seconds || seconds > 1000000)
		return;
	leg->se_seconds = seconds;
	leg->se_refresher = refresher;
	tmr_start(&leg->se_tmr, (uint64_t)(refresher ? seconds / 2 : seconds - early) * 1000,
		  refresher ? timer_refresh : timer_expired, leg);
}

uint32_t session_timer_header(const struct sip_msg *msg, bool *has, bool *uac, bool *uas)
{
	const struct sip_hdr *hdr = sip_msg_hdr(msg, SIP_HDR_SESSION_EXPIRES);
	struct pl seconds, params, who = PL_INIT;

	*has = *uac = *uas = false;
	if (!hdr || re_regex(hdr->val.p, hdr->val.l, "[0-9]+[^]*", &seconds, &params) || seconds.l > 7)
		return 0;
	*has = true;
	if (!msg_param_decode(&params, "refresher", &who)) {
		*uac = !pl_strcasecmp(&who, "uac");
		*uas = !pl_strcasecmp(&who, "uas");
	}
	return pl_u32(&seconds);
}
