/* invite: an INVITE that begins a leg: what it says, what must be refused at once, what Python is told (RFC 3261 13.3.1). */
#include "ua.h"

enum { TRYING_MS = 100 };

static void cancelled(void *arg)
{
	struct leg *leg = arg;
	struct ua *ua = leg->ua;
	uint16_t q850 = 0;
	char text[96] = "";
	struct pl pl;

	pl_set_str(&pl, ua->cancel_reason);
	if (pl_isset(&pl))
		reason_parse_value(&pl, &q850, text, sizeof(text));
	(void)sip_treply(&leg->st, ua->sip, leg->invite, 487, "Request Terminated");
	leg_cause(leg, 487, q850, BY_FAR, text);
	leg_end(leg);
}

static struct leg *leg_replaced(struct ua *ua, const struct replaces *r)
{
	const struct pl call_id = { r->call_id, r->call_id_len }, to = { r->to_tag, r->to_tag_len },
			from = { r->from_tag, r->from_tag_len };
	struct leg *leg = leg_by_dialog(ua, &call_id, &to, &from);

	if (leg)
		return leg;
	/* A lamp's phone repeats the tags of a call that rings as it read them, and not all turn them round to our side. */
	leg = leg_by_dialog(ua, &call_id, &from, &to);
	return leg && leg->state == LEG_CALLING ? leg : NULL;
}

/*
 * The leg that this INVITE is to take the place of, and in *code how it would have to be refused (RFC 3891 3). The refusal
 * is Python's: strangers must not learn by it which calls there are.
 */
static const struct leg *replaced(struct ua *ua, const struct sip_msg *msg, uint16_t *code)
{
	const struct sip_hdr *hdr = sip_msg_hdr(msg, SIP_HDR_REPLACES);
	const struct leg *leg;
	struct replaces r;

	*code = 0;
	if (!hdr)
		return NULL;
	if (sip_msg_hdr_count(msg, SIP_HDR_REPLACES) != 1 || replaces_parse(&r, hdr->val.p, hdr->val.l)) {
		*code = 400;
		return NULL;
	}
	leg = leg_replaced(ua, &r);
	if (!leg || leg->state == LEG_RUNG) /* one that rings with us is not ours to hand on */
		*code = 481;
	else if (leg->state == LEG_CANCELLING || leg->state >= LEG_LEAVING)
		*code = 603;
	else if (r.early_only && leg->state != LEG_CALLING)
		*code = 486;
	return *code ? NULL : leg;
}

static void invite_event(struct leg *leg, const struct sip_msg *msg)
{
	uint16_t refuse;
	const struct leg *replaces = replaced(leg->ua, msg, &refuse);
	const uint64_t id = replaces ? replaces->id : 0;
	struct record *rec = ua_record(leg->ua, EV_INVITE, (uint16_t)(refuse << 1 | (msg->tp == SIP_TRANSP_TCP)), leg->id,
				       (uint32_t)id, (uint32_t)(id >> 32));
	const struct sip_hdr *diversion;
	struct desc_far far;
	char local[64];
	struct sa laddr;

	record_sa(rec, &msg->src);
	record_pl(rec, &msg->ruri);
	record_pl(rec, &msg->from.val);
	record_pl(rec, &msg->to.val);
	record_headers(rec, msg, SIP_HDR_P_ASSERTED_IDENTITY, SIP_HDR_NONE);
	record_pl(rec, &msg->callid);
	record_headers(rec, msg, SIP_HDR_AUTHORIZATION, SIP_HDR_PROXY_AUTHORIZATION);
	if (leg->offer && !desc_agree(leg->offer, &leg->local, &far))
		record_far(rec, &far);
	else
		record_str(rec, "");
	record_str(rec, leg->dlg.target);
	record_headers(rec, msg, SIP_HDR_USER_AGENT, SIP_HDR_NONE);
	ua_laddr(leg->ua, &laddr, msg->tp, &msg->src);
	(void)re_snprintf(local, sizeof(local), "%J", &laddr);
	record_str(rec, local);
	record_headers(rec, msg, SIP_HDR_PRIVACY, SIP_HDR_NONE);
	diversion = sip_msg_xhdr(msg, "Diversion");
	record_pl(rec, diversion ? &diversion->val : &(struct pl)PL_INIT);
	ua_emit(leg->ua);
}

static bool via_handler(const struct sip_hdr *hdr, const struct sip_msg *msg, void *arg)
{
	struct mbuf *mb = arg;

	if (mb->pos) {
		(void)mbuf_printf(mb, "Via: %r\r\n", &hdr->val);
		return false;
	}
	(void)mbuf_printf(mb, "Via: %r;received=%j\r\n", &hdr->val, &msg->src);
	return false;
}

/* What is needed to refuse this INVITE after a restart. False: it is too long to be kept. */
static bool journal_invite(struct leg *leg, const struct sip_msg *msg)
{
	struct journal_slot *s = leg->slot;
	struct dialog *d = &leg->dlg;
	struct mbuf *mb;
	struct sa dst;
	struct pl rport;
	bool fits;

	if (!s)
		return true;
	mb = mbuf_alloc(256);
	if (!mb)
		return false;
	(void)sip_msg_hdr_apply(msg, true, SIP_HDR_VIA, via_handler, mb);
	mb->pos = 0;
	fits = journal_text(s->routes, sizeof(s->routes), (const char *)mbuf_buf(mb), mbuf_get_left(mb)) &&
	       str_len(d->routes) < sizeof(s->routes) && str_len(d->call_id) < sizeof(s->call_id) &&
	       str_len(d->rtag) < sizeof(s->rtag) && str_len(d->local) < sizeof(s->local) &&
	       str_len(d->remote) < sizeof(s->remote) && str_len(d->target) < sizeof(s->target);
	mem_deref(mb);
	if (!fits)
		return false;
	leg_journal_dialog(leg, JOURNAL_FREE);
	sip_reply_addr(&dst, msg, !msg_param_exists(&msg->via.params, "rport", &rport));
	(void)re_snprintf(s->destination, sizeof(s->destination), "%J", &dst);
	journal_set_state(s, JOURNAL_RUNG);
	return true;
}

static void refuse(struct ua *ua, const struct sip_msg *msg, uint16_t code, const char *reason)
{
	atomic_fetch_add(&ua->count.refused, 1);
	(void)sip_treplyf(NULL, NULL, ua->sip, msg, false, code, reason, "%sContent-Length: 0\r\n\r\n",
			  code == 503 ? "Retry-After: 5\r\n" : "");
}

/* Whoever is answered sooner needs no 100 (RFC 3261 17.2.1 allows 200 ms). */
static void trying(void *arg)
{
	struct leg *leg = arg;

	(void)sip_treply(&leg->st, leg->ua->sip, leg->invite, 100, "Trying");
}

void uas_invite(struct ua *ua, const struct sip_msg *msg)
{
	bool has, uac, uas;
	const uint32_t seconds = session_timer_header(msg, &has, &uac, &uas);
	struct leg *leg;
	uint16_t code;

	if (ua->stopping || ua->legs >= ua->cfg.max_legs || ring_strained(ua->ring)) {
		atomic_fetch_add(&ua->count.shed, 1);
		refuse(ua, msg, 503, "Service Unavailable");
		return;
	}
	if (has && seconds < ua->cfg.min_se) {
		(void)sip_treplyf(NULL, NULL, ua->sip, msg, false, 422, "Session Interval Too Small",
				  "Min-SE: %u\r\nContent-Length: 0\r\n\r\n", ua->cfg.min_se);
		return;
	}
	leg = leg_new(ua, ua->next_id);
	if (!leg) {
		refuse(ua, msg, 503, "Service Unavailable");
		return;
	}
	ua->next_id += 2;
	leg->state = LEG_RUNG;
	leg->no_call = !guard_allowed(ua->guard, &msg->src.u.sa);
	code = dialog_from_invite(&leg->dlg, msg) ? 400 : uas_take_offer(leg, msg);
	if (!code && !journal_invite(leg, msg))
		code = 513;
	if (!code && sip_strans_alloc(&leg->st, ua->sip, msg, cancelled, leg))
		code = 500;
	if (code) {
		refuse(ua, msg, code, code == 488 ? "Not Acceptable Here" : code == 415 ? "Unsupported Media Type" : "Bad Request");
		leg->ended = true;
		mem_deref(leg);
		return;
	}
	leg->invite = mem_ref((void *)msg);
	leg->rel_required = option_listed(msg, SIP_HDR_REQUIRE, "100rel");
	leg->update_ok = option_listed(msg, SIP_HDR_ALLOW, "UPDATE");
	leg_link(leg);
	tmr_start(&leg->ok_tmr, TRYING_MS, trying, leg);
	invite_event(leg, msg);
}
