/* uas: what becomes of INVITEs that came in: ringing, answering, refusing, and later ones of a leg (RFC 3261 13.3, 14.2). */
#include "ua.h"

static const char ALLOW[] = "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, PRACK, UPDATE, INFO, REFER, NOTIFY\r\n"
			    "Supported: 100rel, timer, replaces\r\n";

/* ---- the reply to an INVITE ------------------------------------------------------------------------------------------ */

static int reply_print(struct leg *leg, struct mbuf **mbp, uint16_t code, const char *reason, const char *headers,
		       const char *body, size_t len)
{
	struct mbuf *contact = mbuf_alloc(128);
	struct sa laddr;
	int err;

	if (!contact)
		return ENOMEM;
	ua_laddr(leg->ua, &laddr, leg->invite->tp, &leg->invite->src);
	err = ua_contact_print(contact, leg->dlg.user, &laddr, leg->invite->tp);
	contact->pos = 0;
	if (!err)
		err = sip_treplyf(&leg->st, mbp, leg->ua->sip, leg->invite, true, code, reason,
				  "%b%s%s%sContent-Length: %zu\r\n\r\n%b", mbuf_buf(contact), mbuf_get_left(contact), ALLOW,
				  headers ? headers : "", len ? "Content-Type: application/sdp\r\n" : "", len, body, len);
	mem_deref(contact);
	return err;
}

/* Our side of the media for an answer to `leg->offer`, or an offer where they made none. Length, 0: no common codec. */
static size_t describe(struct leg *leg, char *buf, size_t size)
{
	struct desc_far far;

	desc_local_host(leg->ua, &leg->local, leg->invite->tp, &leg->invite->src);
	if (leg->state == LEG_UP || !leg->desc_version) /* 183 and 200 of one INVITE say the same */
		++leg->desc_version;
	if (!leg->offer)
		return desc_write_offer(buf, size, &leg->local, leg->desc_id, leg->desc_version);
	if (desc_agree(leg->offer, &leg->local, &far))
		return 0;
	(void)leg_far_set(leg, &far);
	return desc_write_answer(buf, size, leg->offer, &leg->local, &far, leg->desc_id, leg->desc_version);
}

/* Their offer, if any. 0 or the code to refuse with. */
uint16_t uas_take_offer(struct leg *leg, const struct sip_msg *msg)
{
	struct desc_far far;

	leg->offer = mem_deref(leg->offer);
	if (!mbuf_get_left(msg->mb))
		return 0;
	if (!sdp_body(msg))
		return 415;
	leg->offer = mem_zalloc(sizeof(*leg->offer), NULL);
	if (!leg->offer)
		return 500;
	if (desc_parse(leg->offer, (const char *)mbuf_buf(msg->mb), mbuf_get_left(msg->mb)))
		return 400;
	return desc_agree(leg->offer, &leg->local, &far) ? 488 : 0;
}

/* Ends everything that still waits for something about their INVITE. */
void uas_drop(struct leg *leg)
{
	tmr_cancel(&leg->ok_tmr);
	tmr_cancel(&leg->ok_limit);
	tmr_cancel(&leg->rel_tmr);
	leg->ok = mem_deref(leg->ok);
	leg->rel_mb = mem_deref(leg->rel_mb);
	leg->st = mem_deref(leg->st);
	leg->invite = mem_deref(leg->invite);
	leg->offer = mem_deref(leg->offer);
	free(leg->answer_waits);
	leg->answer_waits = NULL;
}

void uas_reject(struct leg *leg, uint16_t code, const char *reason, const char *headers)
{
	if (leg->state != LEG_RUNG)
		return;
	leg_cause(leg, code, 0, BY_NEAR, reason);
	(void)sip_treplyf(&leg->st, NULL, leg->ua->sip, leg->invite, false, code, reason, "%sContent-Length: 0\r\n\r\n",
			  headers ? headers : "");
	leg_end(leg);
}

/* ---- 200 and its ACK ------------------------------------------------------------------------------------------------- */

static void ok_again(void *arg)
{
	struct leg *leg = arg;
	const uint64_t wait = (uint64_t)SIP_T1 << (leg->ok_count < 4 ? ++leg->ok_count : 4);

	leg->ok->pos = 0;
	(void)sip_send(leg->ua->sip, leg->invite->sock, leg->invite->tp, &leg->ok_dst, leg->ok);
	tmr_start(&leg->ok_tmr, wait < SIP_T2 ? wait : SIP_T2, ok_again, leg);
}

/* No ACK within 64 T1: the dialog is confirmed all the same, so it ends by BYE (RFC 3261 13.3.1.4). */
static void ok_timeout(void *arg)
{
	struct leg *leg = arg;

	leg_cause(leg, 408, 0, BY_NETWORK, "no ACK from the far end");
	leg_bye(leg);
}

static int ok_send(struct leg *leg, const char *headers, const char *body, size_t len)
{
	struct pl rport;
	int err;

	leg->ok = mem_deref(leg->ok);
	sip_reply_addr(&leg->ok_dst, leg->invite, !msg_param_exists(&leg->invite->via.params, "rport", &rport));
	leg->ok_cseq = leg->invite->cseq.num;
	leg->ok_offer = !leg->offer;
	leg->ok_count = 0;
	err = reply_print(leg, &leg->ok, 200, "OK", headers, body, len);
	if (err)
		return err;
	tmr_start(&leg->ok_limit, TIMER_64T1, ok_timeout, leg);
	tmr_start(&leg->ok_tmr, SIP_T1, ok_again, leg);
	return 0;
}

/* Who refreshes, when they asked for a session timer (RFC 4028 9): they do where they can, else we. */
static void session_header(struct leg *leg, char *buf, size_t size)
{
	bool has, uac, uas;
	const uint32_t seconds = session_timer_header(leg->invite, &has, &uac, &uas);
	const bool theirs = option_listed(leg->invite, SIP_HDR_SUPPORTED, "timer");

	buf[0] = '\0';
	if (!has)
		return;
	if (theirs && !uas)
		(void)re_snprintf(buf, size, "Require: timer\r\nSession-Expires: %u;refresher=uac\r\n", seconds);
	else
		(void)re_snprintf(buf, size, "Session-Expires: %u;refresher=uas\r\n", seconds);
	session_timer_start(leg, seconds, !theirs || uas);
}

void uas_answer(struct leg *leg, const struct desc_local *local)
{
	char body[DESC_MAX], timer[96];
	size_t len;
	int err;

	if (leg->state != LEG_RUNG)
		return;
	leg->local = *local;
	len = describe(leg, body, sizeof(body));
	if (!len) {
		uas_reject(leg, 488, "Not Acceptable Here", NULL);
		return;
	}
	tmr_cancel(&leg->rel_tmr);
	leg->rel_mb = mem_deref(leg->rel_mb);
	session_header(leg, timer, sizeof(timer));
	leg_journal_dialog(leg, JOURNAL_UP);
	leg->state = LEG_ANSWERED;
	err = ok_send(leg, timer, body, len);
	if (err)
		leg_fail(leg, err);
}

static void answered_by_ack(struct leg *leg, const struct sip_msg *msg)
{
	struct desc *d;
	struct desc_far far;
	int err;

	if (!leg->ok_offer)
		return;
	d = mem_zalloc(sizeof(*d), NULL);
	if (!d)
		return;
	err = sdp_body(msg) ? desc_parse(d, (const char *)mbuf_buf(msg->mb), mbuf_get_left(msg->mb)) : EBADMSG;
	if (!err && !desc_agree(d, &leg->local, &far))
		(void)leg_far_set(leg, &far);
	mem_deref(d);
}

void uas_ack(struct leg *leg, const struct sip_msg *msg)
{
	const bool first = leg->state == LEG_ANSWERED, known = leg->far_set;
	struct desc_far before = leg->far;

	if (!leg->ok || msg->cseq.num != leg->ok_cseq)
		return;
	answered_by_ack(leg, msg);
	uas_drop(leg);
	if (first) {
		leg->state = LEG_UP;
		if (leg->bye_q850) { /* hung up between our 200 and the ACK */
			leg_bye(leg);
			return;
		}
		if (!leg->far_set) { /* our offer was never answered: there is no audio to be had */
			leg_cause(leg, 488, 88, BY_NEAR, "no common codec");
			leg->bye_q850 = 88;
			leg_bye(leg);
			return;
		}
		record_far(ua_record(leg->ua, EV_ANSWERED, 200, leg->id, 0, 0), &leg->far);
		if (known)
			ua_emit_soon(leg->ua);
		else
			ua_emit(leg->ua);
	} else if (leg->far_set && memcmp(&before, &leg->far, sizeof(before))) {
		record_far(ua_record(leg->ua, EV_MEDIA, 0, leg->id, 0, 0), &leg->far);
		ua_emit(leg->ua);
	}
	if (leg->modify_waits)
		uac_modify(leg);
}

/* ---- 180 and 183, reliable where they require it (RFC 3262) ------------------------------------------------------------ */

static void rel_again(void *arg)
{
	struct leg *leg = arg;
	const uint64_t wait = (uint64_t)SIP_T1 << ++leg->rel_count;

	if (leg->rel_count > 6) { /* 64 T1 without a PRACK: RFC 3262 3 */
		uas_reject(leg, 504, "No PRACK", NULL);
		return;
	}
	leg->rel_mb->pos = 0;
	(void)sip_send(leg->ua->sip, leg->invite->sock, leg->invite->tp, &leg->ok_dst, leg->rel_mb);
	tmr_start(&leg->rel_tmr, wait, rel_again, leg);
}

static int rel_send(struct leg *leg, uint16_t code, const char *reason, const char *body, size_t len)
{
	char headers[64];
	struct pl rport;
	int err;

	leg->rel_seq = leg->rel_seq ? leg->rel_seq + 1 : 1u + rand_u16();
	(void)re_snprintf(headers, sizeof(headers), "Require: 100rel\r\nRSeq: %u\r\n", leg->rel_seq);
	sip_reply_addr(&leg->ok_dst, leg->invite, !msg_param_exists(&leg->invite->via.params, "rport", &rport));
	leg->rel_mb = mem_deref(leg->rel_mb);
	leg->rel_count = 0;
	err = reply_print(leg, &leg->rel_mb, code, reason, headers, body, len);
	if (!err)
		tmr_start(&leg->rel_tmr, SIP_T1, rel_again, leg);
	return err;
}

void uas_progress(struct leg *leg, uint16_t code, const struct pl *media)
{
	const char *reason = code == 183 ? "Session Progress" : "Ringing";
	char body[DESC_MAX];
	size_t len = 0;
	int err;

	if (leg->state != LEG_RUNG)
		return;
	tmr_cancel(&leg->ok_tmr);
	if (pl_isset(media) && leg->offer && desc_local_decode(&leg->local, media)) {
		len = describe(leg, body, sizeof(body));
		if (!len) {
			uas_reject(leg, 488, "Not Acceptable Here", NULL);
			return;
		}
	}
	if (leg->rel_required && !leg->rel_mb)
		err = rel_send(leg, code, reason, body, len);
	else if (leg->rel_required)
		return; /* one reliable answer at a time; the one under way says that it rings */
	else
		err = reply_print(leg, NULL, code, reason, NULL, body, len);
	if (err)
		leg_fail(leg, err);
}

void uas_prack(struct leg *leg, const struct sip_msg *msg)
{
	const struct sip_hdr *rack = sip_msg_hdr(msg, SIP_HDR_RACK);
	struct pl seq, cseq;

	if (!rack || !leg->rel_mb || re_regex(rack->val.p, rack->val.l, "[0-9]+[ ]+[0-9]+", &seq, NULL, &cseq) ||
	    pl_u32(&seq) != leg->rel_seq || pl_u32(&cseq) != leg->invite->cseq.num) {
		(void)sip_treply(NULL, leg->ua->sip, msg, 481, "No Such Reliable Response");
		return;
	}
	tmr_cancel(&leg->rel_tmr);
	leg->rel_mb = mem_deref(leg->rel_mb);
	(void)sip_treply(NULL, leg->ua->sip, msg, 200, "OK");
	if (leg->answer_waits) {
		struct desc_local local;
		struct command *cmd = leg->answer_waits;

		leg->answer_waits = NULL;
		if (desc_local_decode(&local, cmd_str(cmd, 0)))
			uas_answer(leg, &local);
		free(cmd);
	}
}

/* ---- a later INVITE ---------------------------------------------------------------------------------------------------- */

/* Answered here and now: the media engine follows by EV_MEDIA, other legs by what the core decides. */
void uas_reinvite(struct leg *leg, const struct sip_msg *msg)
{
	struct sip *sip = leg->ua->sip;
	char body[DESC_MAX], timer[96];
	struct desc_far before = leg->far;
	uint16_t code;
	size_t len;

	if (leg->state != LEG_UP && leg->state != LEG_ANSWERED) {
		(void)sip_treply(NULL, sip, msg, 481, "Call Does Not Exist");
		return;
	}
	if (leg->ok || leg->state == LEG_ANSWERED) { /* theirs before is not finished: RFC 3261 14.2 */
		(void)sip_treplyf(NULL, NULL, sip, msg, false, 500, "Server Internal Error",
				  "Retry-After: %u\r\nContent-Length: 0\r\n\r\n", rand_u16() % 11);
		return;
	}
	if (leg->req) {
		(void)sip_treply(NULL, sip, msg, 491, "Request Pending");
		return;
	}
	code = uas_take_offer(leg, msg);
	if (code) {
		leg->offer = mem_deref(leg->offer);
		(void)sip_treply(NULL, sip, msg, code, code == 488 ? "Not Acceptable Here" : "Bad Request");
		return;
	}
	leg->invite = mem_deref(leg->invite);
	leg->invite = mem_ref((void *)msg);
	(void)dialog_peer(&leg->dlg, msg, false);
	leg_journal_dialog(leg, JOURNAL_UP);
	len = describe(leg, body, sizeof(body));
	session_header(leg, timer, sizeof(timer));
	if (ok_send(leg, timer, body, len)) {
		uas_drop(leg);
		return;
	}
	if (leg->offer && memcmp(&before, &leg->far, sizeof(before))) {
		record_far(ua_record(leg->ua, EV_MEDIA, 0, leg->id, 0, 0), &leg->far);
		ua_emit(leg->ua);
	}
}
