/* uac: INVITEs of ours, the first of a leg and later ones, with CANCEL, authentication and glare (RFC 3261 13.2, 14.1). */
#include "ua.h"

static const char SUPPORTED[] = "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, PRACK, UPDATE, INFO, REFER, NOTIFY\r\n"
				"Supported: 100rel, timer, replaces\r\n";

static void invite_response(int err, const struct sip_msg *msg, void *arg);
static void modify_response(int err, const struct sip_msg *msg, void *arg);

/* Our tag proves itself: a 200 that we know nothing of is only taken up when it carries the tag that we gave its Call-ID. */
static int tag_of(char **tag, const struct ua *ua, const struct pl *call_id)
{
	struct mbuf *mb = mbuf_alloc(300);
	uint8_t digest[MD5_SIZE];
	int err;

	if (!mb)
		return ENOMEM;
	err = mbuf_write_mem(mb, ua->cfg.secret, sizeof(ua->cfg.secret));
	err |= mbuf_write_pl(mb, call_id);
	if (!err)
		md5(mb->buf, mb->end, digest);
	mem_deref(mb);
	return err ? err : re_sdprintf(tag, "%02x%02x%02x%02x%02x%02x%02x%02x", digest[0], digest[1], digest[2], digest[3],
				       digest[4], digest[5], digest[6], digest[7]);
}

/* ---- sending --------------------------------------------------------------------------------------------------------- */

/* Called by libre with the request line and Via printed, before anything leaves: the journal learns the branch. */
static int contact_handler(enum sip_transp tp, const struct sa *src, const struct sa *dst, struct mbuf *mb, void *arg)
{
	struct leg *leg = arg;
	struct journal_slot *s = leg->slot;
	struct pl branch;
	(void)dst;

	if (s && leg->state == LEG_CALLING &&
	    !re_regex((const char *)mb->buf, mb->pos, ";branch=[^;\r]+", &branch)) {
		(void)journal_text(s->branch, sizeof(s->branch), branch.p, branch.l);
		(void)re_snprintf(s->sentby, sizeof(s->sentby), "%J", src);
		s->lseq = leg->invite_cseq;
		journal_set_state(s, JOURNAL_CALLING);
	}
	return ua_contact_print(mb, leg->dlg.user, src, tp);
}

static size_t describe(struct leg *leg, char *buf, size_t size)
{
	desc_local_host(leg->ua, &leg->local, leg->dlg.tp, &leg->dlg.dst);
	++leg->desc_version;
	return desc_write_offer(buf, size, &leg->local, leg->desc_id, leg->desc_version);
}

static int invite_send(struct leg *leg, sip_resp_h *resph)
{
	char body[DESC_MAX], timer[96] = "", *headers = NULL;
	const size_t len = describe(leg, body, sizeof(body));
	const bool first = leg->state == LEG_CALLING;
	int err;

	leg->invite_cseq = ++leg->dlg.lseq;
	leg->invite_offer = true;
	if (leg->se_seconds)
		(void)re_snprintf(timer, sizeof(timer), "Session-Expires: %u%s\r\nMin-SE: %u\r\n", leg->se_seconds,
				  first ? "" : leg->se_refresher ? ";refresher=uac" : ";refresher=uas", leg->ua->cfg.min_se);
	err = re_sdprintf(&headers, "%s%s%s%s", leg->auth ? leg->auth : "", timer, SUPPORTED,
			  first && leg->headers ? leg->headers : "");
	if (!err)
		err = dialog_request(leg->ua, &leg->dlg, &leg->req, "INVITE", leg->invite_cseq, first ? leg->ruri : NULL,
				     headers, "application/sdp", (const uint8_t *)body, len, contact_handler, resph, leg);
	mem_deref(headers);
	return err;
}

/*
 * No answer at all within the time given for this destination. For the core the leg is over; the transaction goes on until
 * libre's own timer B (32 s), so that a gateway that wakes up late gets its CANCEL, or ACK and BYE.
 */
static void timer_b(void *arg)
{
	struct leg *leg = arg;

	leg_cause(leg, 408, 0, BY_NETWORK, "no answer from the far end");
	leg_report(leg);
	uac_cancel(leg);
}

int uac_invite(struct leg *leg)
{
	return invite_send(leg, invite_response);
}

static int call_texts(struct leg *leg, const struct command *cmd)
{
	struct dialog *d = &leg->dlg;
	int err;

	err = pl_strdup(&d->call_id, cmd_str(cmd, CALL_ID));
	err |= pl_strdup(&d->remote, cmd_str(cmd, CALL_TO));
	err |= pl_strdup(&d->local, cmd_str(cmd, CALL_FROM));
	err |= pl_strdup(&d->user, cmd_str(cmd, CALL_USER));
	err |= pl_strdup(&d->target, cmd_str(cmd, CALL_RURI));
	err |= pl_strdup(&leg->ruri, cmd_str(cmd, CALL_RURI));
	err |= pl_strdup(&d->routes, cmd_str(cmd, CALL_ROUTES));
	err |= pl_strdup(&leg->headers, cmd_str(cmd, CALL_HEADERS));
	return err ? err : tag_of(&d->ltag, leg->ua, cmd_str(cmd, CALL_ID));
}

/* A leg that did not even begin: its one EV_ENDED. It is we who are to blame, not the line or the phone. */
static void call_refused(struct ua *ua, uint64_t id, uint16_t code, const char *text)
{
	record_str(ua_record(ua, EV_ENDED, code, id, 0, BY_NEAR), text);
	ua_emit(ua);
}

void uac_call(struct ua *ua, const struct command *cmd)
{
	struct leg *leg;
	int err;

	if (ua->stopping || ua->legs >= ua->cfg.max_legs || !(leg = leg_new(ua, cmd->id))) {
		call_refused(ua, cmd->id, 503, "no room for another leg");
		return;
	}
	leg->outgoing = true;
	leg->no_call = cmd->b;
	leg->state = LEG_CALLING;
	leg->dlg.lseq = rand_u16();
	leg->dlg.tp = cmd->code ? SIP_TRANSP_TCP : SIP_TRANSP_UDP;
	leg->se_seconds = ua->cfg.session_seconds;
	err = call_texts(leg, cmd);
	if (!err && (!ua_sa_decode(&leg->dlg.dst, cmd_str(cmd, CALL_DST)) ||
		     !desc_local_decode(&leg->local, cmd_str(cmd, CALL_MEDIA))))
		err = EINVAL;
	if (err) {
		call_refused(ua, cmd->id, 500, "the call could not be set up: bad address or media");
		leg->ended = true;
		mem_deref(leg);
		return;
	}
	if (leg->slot) {
		const struct pl *line = cmd_str(cmd, CALL_LINE);

		(void)journal_text(leg->slot->ruri, sizeof(leg->slot->ruri), leg->ruri, strlen(leg->ruri));
		(void)journal_text(leg->slot->line, sizeof(leg->slot->line), line->p, line->l);
		leg_journal_dialog(leg, JOURNAL_FREE);
		(void)journal_text(leg->slot->routes, sizeof(leg->slot->routes), leg->dlg.routes, str_len(leg->dlg.routes));
	}
	leg_link(leg);
	err = uac_invite(leg);
	if (err) {
		leg_fail(leg, err);
		return;
	}
	if (cmd->a && cmd->a < TIMER_64T1)
		tmr_start(&leg->tmr, cmd->a, timer_b, leg);
	else if (!cmd->a && ua->cfg.timer_b_ms && ua->cfg.timer_b_ms < TIMER_64T1)
		tmr_start(&leg->tmr, ua->cfg.timer_b_ms, timer_b, leg);
}

void uac_cancel(struct leg *leg)
{
	leg->state = LEG_CANCELLING;
	if (leg->req)
		sip_request_cancel(leg->req); /* libre waits for the first 1xx by itself (RFC 3261 9.1) */
	else
		leg_end(leg); /* between two tries, e.g. waiting for credentials */
}

/* ---- answers to the first INVITE -------------------------------------------------------------------------------------- */

static int ack_send(struct leg *leg, uint32_t cseq)
{
	return dialog_request(leg->ua, &leg->dlg, NULL, "ACK", cseq, NULL, leg->auth, NULL, NULL, 0, NULL, NULL, NULL);
}

/* 0 and `far` when the message has a description that suits us, ENOENT when it has none, else it does not suit. */
static int far_of(struct leg *leg, const struct sip_msg *msg, struct desc_far *far)
{
	struct desc *d;
	int err;

	if (!mbuf_get_left(msg->mb) || !sdp_body(msg))
		return ENOENT;
	d = mem_zalloc(sizeof(*d), NULL);
	if (!d)
		return ENOMEM;
	err = desc_parse(d, (const char *)mbuf_buf(msg->mb), mbuf_get_left(msg->mb));
	if (!err && desc_agree(d, &leg->local, far))
		err = ENOTSUP;
	mem_deref(d);
	return err;
}

/* RFC 3262 4: a reliable provisional answer gets its PRACK, in order and once. False: a repetition or out of order. */
static bool prack(struct leg *leg, const struct sip_msg *msg)
{
	const struct sip_hdr *rseq = sip_msg_hdr(msg, SIP_HDR_RSEQ);
	char headers[64];
	uint32_t seq;

	if (!rseq || !option_listed(msg, SIP_HDR_REQUIRE, "100rel") || !pl_isset(&msg->to.tag))
		return true;
	seq = pl_u32(&rseq->val);
	if (leg->rel_seen && seq != leg->rel_seen + 1)
		return false;
	leg->rel_seen = seq;
	(void)re_snprintf(headers, sizeof(headers), "RAck: %u %u INVITE\r\n", seq, msg->cseq.num);
	(void)indialog_send(leg, "PRACK", headers, NULL, NULL, 0);
	return true;
}

static void provisional(struct leg *leg, const struct sip_msg *msg)
{
	struct desc_far far;
	bool media;

	if (!leg->provisional)
		tmr_cancel(&leg->tmr);
	leg->provisional = true;
	if (msg->scode == 100)
		return;
	if (pl_isset(&msg->to.tag) && sip_msg_hdr(msg, SIP_HDR_CONTACT))
		(void)dialog_peer(&leg->dlg, msg, true);
	if (!prack(leg, msg) || leg->state != LEG_CALLING)
		return;
	media = !far_of(leg, msg, &far);
	if (media)
		(void)leg_far_set(leg, &far);
	record_far(ua_record(leg->ua, EV_PROGRESS, msg->scode, leg->id, 0, 0), media ? &far : NULL);
	if (media)
		ua_emit(leg->ua);
	else
		ua_emit_soon(leg->ua);
}

static void accepted(struct leg *leg, const struct sip_msg *msg)
{
	const bool wanted = leg->state == LEG_CALLING;
	bool has, uac, uas;
	const uint32_t seconds = session_timer_header(msg, &has, &uac, &uas);
	struct desc_far far;
	int err;

	tmr_cancel(&leg->tmr);
	err = dialog_peer(&leg->dlg, msg, true);
	if (err) {
		leg_fail(leg, err);
		return;
	}
	leg->state = LEG_UP;
	leg_journal_dialog(leg, JOURNAL_UP);
	(void)ack_send(leg, msg->cseq.num);
	leg->update_ok = option_listed(msg, SIP_HDR_ALLOW, "UPDATE");
	err = far_of(leg, msg, &far);
	if (!err)
		(void)leg_far_set(leg, &far);
	if (!wanted) {
		leg_bye(leg);
		return;
	}
	if ((err && err != ENOENT) || !leg->far_set) {
		leg_cause(leg, 488, 88, BY_FAR, "the answer has no audio that we can use");
		leg->bye_q850 = 88;
		leg_bye(leg);
		return;
	}
	if (has)
		session_timer_start(leg, seconds, !uas);
	record_far(ua_record(leg->ua, EV_ANSWERED, msg->scode, leg->id, 0, 0), &leg->far);
	ua_emit(leg->ua);
}

static bool ask_auth(struct leg *leg, const struct sip_msg *msg, const char *uri)
{
	struct record *rec;

	if ((msg->scode != 401 && msg->scode != 407) || leg->auth_tries >= 2)
		return false;
	rec = ua_record(leg->ua, EV_AUTH, msg->scode, leg->id, 0, leg->auth_tries++);
	record_str(rec, "INVITE");
	record_str(rec, uri);
	record_headers(rec, msg, SIP_HDR_WWW_AUTHENTICATE, SIP_HDR_PROXY_AUTHENTICATE);
	ua_emit(leg->ua);
	return true;
}

/* Back to a call without a dialog, for the next try. */
static void forget_peer(struct leg *leg)
{
	leg->dlg.rtag = mem_deref(leg->dlg.rtag);
	leg->rel_seen = 0;
	leg->provisional = false;
}

static void refused(struct leg *leg, const struct sip_msg *msg)
{
	char reason[96], text[96] = "";
	const struct sip_hdr *hdr = sip_msg_hdr(msg, SIP_HDR_MIN_SE);
	uint16_t q850 = 0;

	if (leg->state == LEG_CALLING) {
		forget_peer(leg);
		if (ask_auth(leg, msg, leg->ruri))
			return;
		if (msg->scode == 422 && hdr && pl_u32(&hdr->val) > leg->se_seconds && pl_u32(&hdr->val) <= 86400) {
			leg->se_seconds = pl_u32(&hdr->val);
			if (!uac_invite(leg))
				return;
		}
	}
	(void)pl_strcpy(&msg->reason, reason, sizeof(reason));
	reason_parse(msg, &q850, text, sizeof(text));
	leg_cause(leg, msg->scode, q850, BY_FAR, text[0] ? text : reason);
	hdr = sip_msg_hdr(msg, SIP_HDR_CONTACT);
	if (hdr && (msg->scode == 301 || msg->scode == 302))
		(void)pl_strdup(&leg->end_contact, &hdr->val);
	leg_end(leg);
}

static void invite_response(int err, const struct sip_msg *msg, void *arg)
{
	struct leg *leg = arg;

	if (err || !msg)
		leg_fail(leg, err ? err : EPROTO);
	else if (msg->scode < 200)
		provisional(leg, msg);
	else if (msg->scode < 300)
		accepted(leg, msg);
	else
		refused(leg, msg);
}

/* ---- answers to a later INVITE ----------------------------------------------------------------------------------------- */

static void modify_again(void *arg)
{
	struct leg *leg = arg;

	uac_modify(leg);
}

static void modified(struct leg *leg, const struct sip_msg *msg)
{
	struct desc_far far;
	bool has, uac, uas;
	const uint32_t seconds = session_timer_header(msg, &has, &uac, &uas);

	(void)dialog_peer(&leg->dlg, msg, false);
	leg_journal_dialog(leg, JOURNAL_UP);
	(void)ack_send(leg, msg->cseq.num);
	if (has)
		session_timer_start(leg, seconds, !uas);
	if (!far_of(leg, msg, &far) && leg_far_set(leg, &far)) {
		record_far(ua_record(leg->ua, EV_MEDIA, 0, leg->id, 0, 0), &leg->far);
		ua_emit(leg->ua);
	}
	if (leg->modify_waits)
		uac_modify(leg);
}

static void modify_response(int err, const struct sip_msg *msg, void *arg)
{
	struct leg *leg = arg;
	uint64_t wait;

	if (!err && msg && msg->scode < 200)
		return;
	if (!err && msg && msg->scode < 300) {
		modified(leg, msg);
		return;
	}
	if (err || !msg || msg->scode == 408 || msg->scode == 481) { /* the dialog is gone: RFC 3261 14.1 */
		leg_cause(leg, msg ? msg->scode : 408, 0, BY_NETWORK, "the far end no longer knows the call");
		leg_bye(leg);
		return;
	}
	if (ask_auth(leg, msg, leg->dlg.target))
		return;
	if (msg->scode == 491) { /* RFC 3261 14.1: who made the Call-ID waits longer, in steps of 10 ms */
		wait = leg->outgoing ? 2100 + 10 * (rand_u16() % 191) : 10 * (rand_u16() % 201);
		tmr_start(&leg->tmr, wait, modify_again, leg);
		return;
	}
	/* Refused: media stay as they were, which is what the core is told. */
	record_far(ua_record(leg->ua, EV_MEDIA, msg->scode, leg->id, 0, 0), &leg->far);
	ua_emit(leg->ua);
}

/* Offers `leg->local`. Waits its turn where an INVITE of either side is under way. */
void uac_modify(struct leg *leg)
{
	if (leg->state != LEG_UP)
		return;
	if (leg->req || leg->ok) {
		leg->modify_waits = true;
		return;
	}
	leg->modify_waits = false;
	leg->auth_tries = 0;
	tmr_cancel(&leg->tmr);
	(void)invite_send(leg, modify_response);
}

/* ---- 200s that no transaction waits for --------------------------------------------------------------------------------- */

/* A 200 again (our ACK was lost): ACK again. One of a second phone behind a forking proxy, or one that came after we
 * gave up: ACK, then BYE. */
bool uac_stray_ok(struct ua *ua, const struct sip_msg *msg)
{
	struct leg *leg = leg_of(ua, msg);
	struct dialog d = { 0 };
	char *tag = NULL;
	int err;

	if (leg) {
		(void)ack_send(leg, msg->cseq.num);
		return true;
	}
	if (tag_of(&tag, ua, &msg->callid))
		return true;
	if (!pl_strcmp(&msg->from.tag, tag)) {
		err = pl_strdup(&d.call_id, &msg->callid);
		err |= re_sdprintf(&d.local, "<%r>", &msg->from.auri);
		d.ltag = mem_ref(tag);
		err |= dialog_peer(&d, msg, true);
		if (!err)
			err = dialog_request(ua, &d, NULL, "ACK", msg->cseq.num, NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL);
		if (!err)
			err = dialog_request(ua, &d, NULL, "BYE", msg->cseq.num + 1, NULL, NULL, NULL, NULL, 0, NULL, NULL,
					     NULL);
		dialog_free(&d);
	}
	mem_deref(tag);
	return true;
}
