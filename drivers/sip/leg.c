/* leg: one call leg from its first message to EV_ENDED, whichever side began it. */
#include "ua.h"

static void leg_destructor(void *arg)
{
	struct leg *leg = arg;

	hash_unlink(&leg->he_id);
	hash_unlink(&leg->he_call);
	tmr_cancel(&leg->tmr);
	tmr_cancel(&leg->ok_tmr);
	tmr_cancel(&leg->ok_limit);
	tmr_cancel(&leg->rel_tmr);
	tmr_cancel(&leg->se_tmr);
	list_flush(&leg->reql);
	mem_deref(leg->req); /* with a request pending: libre goes on alone, its handlers are taken out */
	mem_deref(leg->st);
	mem_deref(leg->invite);
	mem_deref(leg->ok);
	mem_deref(leg->rel_mb);
	mem_deref(leg->offer);
	mem_deref(leg->headers);
	mem_deref(leg->auth);
	mem_deref(leg->ruri);
	mem_deref(leg->end_contact);
	free(leg->answer_waits);
	dialog_free(&leg->dlg);
	if (!leg->no_call)
		journal_ended(leg->ua->journal, leg->slot, tmr_jiffies());
	journal_release(leg->ua->journal, leg->slot);
	--leg->ua->legs;
	atomic_store(&leg->ua->count.legs, leg->ua->legs);
}

struct leg *leg_new(struct ua *ua, uint64_t id)
{
	struct journal_slot *slot = ua->journal ? journal_take(ua->journal) : NULL;
	struct leg *leg;

	if (ua->journal && !slot) {
		atomic_fetch_add(&ua->count.journal_full, 1);
		return NULL;
	}
	leg = mem_zalloc(sizeof(*leg), leg_destructor);
	if (!leg) {
		journal_release(ua->journal, slot);
		return NULL;
	}
	leg->ua = ua;
	leg->slot = slot;
	leg->id = id;
	leg->desc_id = rand_u32();
	leg->local.ptime = 20;
	leg->local.dir = DESC_SENDRECV;
	for (uint8_t i = 0; i < DESC_CODECS; ++i)
		leg->local.codecs[i] = i;
	++ua->legs;
	atomic_store(&ua->count.legs, ua->legs);
	return leg;
}

void leg_link(struct leg *leg)
{
	hash_append(leg->ua->legs_by_id, hash_joaat((const uint8_t *)&leg->id, sizeof(leg->id)), &leg->he_id, leg);
	hash_append(leg->ua->legs_by_call, hash_joaat_str(leg->dlg.call_id), &leg->he_call, leg);
}

static bool id_handler(struct le *le, void *arg)
{
	const struct leg *leg = le->data;

	return leg->id == *(const uint64_t *)arg;
}

struct leg *leg_find(struct ua *ua, uint64_t id)
{
	return list_ledata(hash_lookup(ua->legs_by_id, hash_joaat((const uint8_t *)&id, sizeof(id)), id_handler, &id));
}

static bool dialog_handler(struct le *le, void *arg)
{
	const struct leg *leg = le->data;

	return dialog_matches(&leg->dlg, arg);
}

struct leg *leg_of(struct ua *ua, const struct sip_msg *msg)
{
	return list_ledata(hash_lookup(ua->legs_by_call, hash_joaat_pl(&msg->callid), dialog_handler, (void *)msg));
}

struct dialog_id {
	const struct pl *call_id, *ltag, *rtag;
};

static bool dialog_id_handler(struct le *le, void *arg)
{
	const struct leg *leg = le->data;
	const struct dialog_id *id = arg;

	return !pl_strcmp(id->call_id, leg->dlg.call_id) && !pl_strcmp(id->ltag, leg->dlg.ltag) &&
	       (leg->dlg.rtag ? !pl_strcmp(id->rtag, leg->dlg.rtag) : !pl_strcmp(id->rtag, "0"));
}

/* The tag 0 stands for none (RFC 3891 3): far ends of RFC 2543, and those that have not answered yet. */
struct leg *leg_by_dialog(struct ua *ua, const struct pl *call_id, const struct pl *ltag, const struct pl *rtag)
{
	struct dialog_id id = { call_id, ltag, rtag };

	return list_ledata(hash_lookup(ua->legs_by_call, hash_joaat_pl(call_id), dialog_id_handler, &id));
}

/* The first cause that is known stands; later ones (the 487 to our own CANCEL) explain nothing. */
void leg_cause(struct leg *leg, uint16_t code, uint16_t q850, uint8_t by, const char *text)
{
	if (leg->end_code || leg->end_q850)
		return;
	leg->end_code = code;
	leg->end_q850 = q850;
	leg->end_by = by;
	str_ncpy(leg->end_text, text ? text : "", sizeof(leg->end_text));
}

/* EV_ENDED, once. The leg itself may live on to see the far end off. */
void leg_report(struct leg *leg)
{
	struct record *rec;

	if (leg->ended)
		return;
	leg->ended = true;
	rec = ua_record(leg->ua, EV_ENDED, leg->end_code, leg->id, leg->end_q850, leg->end_by);
	record_str(rec, leg->end_text);
	record_str(rec, leg->end_contact ? leg->end_contact : "");
	if (leg->end_by == BY_NEAR)
		ua_emit_soon(leg->ua); /* as we wanted it */
	else
		ua_emit(leg->ua);
}

void leg_end(struct leg *leg)
{
	struct ua *ua = leg->ua;

	leg_report(leg);
	leg->state = LEG_GONE;
	mem_deref(leg);
	ua_stop_check(ua);
}

/* Their side cannot be reached, or our request could not even be sent. */
void leg_fail(struct leg *leg, int err)
{
	char text[80];

	if (err == ETIMEDOUT)
		leg_cause(leg, 408, 0, BY_NETWORK, "no answer from the far end");
	else
		leg_cause(leg, 503, 0, BY_NETWORK, str_error(err, text, sizeof(text)));
	leg_end(leg);
}

static void bye_response(int err, const struct sip_msg *msg, void *arg)
{
	struct leg *leg = arg;

	if (msg && msg->scode < 200)
		return;
	if (msg && (msg->scode == 401 || msg->scode == 407) && leg->auth_tries++ < 2) {
		struct record *rec = ua_record(leg->ua, EV_AUTH, msg->scode, leg->id, 0, 0);

		record_str(rec, "BYE");
		record_str(rec, leg->dlg.target);
		record_headers(rec, msg, SIP_HDR_WWW_AUTHENTICATE, SIP_HDR_PROXY_AUTHENTICATE);
		ua_emit(leg->ua);
		return;
	}
	(void)err;
	leg_end(leg);
}

/* Ends a confirmed dialog. The leg counts as gone when the far end has said so, or after 32 s without a word. */
void leg_bye(struct leg *leg)
{
	char headers[512] = "";
	int err;

	if (leg->state == LEG_GONE)
		return;
	leg->state = LEG_LEAVING;
	uas_drop(leg);
	tmr_cancel(&leg->tmr);
	tmr_cancel(&leg->se_tmr);
	leg->req = mem_deref(leg->req);
	if (leg->bye_q850)
		(void)re_snprintf(headers, sizeof(headers), "Reason: Q.850;cause=%u%s%s%s\r\n", leg->bye_q850,
				  leg->bye_text[0] ? ";text=\"" : "", leg->bye_text, leg->bye_text[0] ? "\"" : "");
	if (leg->auth)
		(void)re_snprintf(headers + strlen(headers), sizeof(headers) - strlen(headers), "%s", leg->auth);
	err = dialog_request(leg->ua, &leg->dlg, &leg->req, "BYE", ++leg->dlg.lseq, NULL, headers, NULL, NULL, 0, NULL,
			     bye_response, leg);
	if (leg->slot)
		leg->slot->lseq = leg->dlg.lseq;
	if (err)
		leg_fail(leg, err);
}

void leg_hang_up(struct leg *leg, uint16_t q850, const char *text)
{
	leg->bye_q850 = q850;
	str_ncpy(leg->bye_text, text ? text : "", sizeof(leg->bye_text));
	for (char *c = leg->bye_text; *c; ++c) /* it stands between quotes */
		if (*c == '"' || *c == '\\' || (unsigned char)*c < ' ')
			*c = ' ';
	switch (leg->state) {
	case LEG_CALLING:
		leg_cause(leg, 487, q850, BY_NEAR, text);
		uac_cancel(leg);
		break;
	case LEG_RUNG:
		leg_cause(leg, 603, q850, BY_NEAR, text);
		uas_reject(leg, 603, "Decline", NULL);
		break;
	case LEG_ANSWERED: /* BYE waits for the ACK or its time limit (RFC 3261 15): the ACK handler sees bye_q850 */
		leg_cause(leg, 0, q850 ? q850 : 16, BY_NEAR, text);
		leg->state = LEG_ANSWERED;
		leg->bye_q850 = q850 ? q850 : 16;
		break;
	case LEG_UP:
		leg_cause(leg, 0, q850 ? q850 : 16, BY_NEAR, text);
		leg_bye(leg);
		break;
	default:
		break;
	}
}

/* Returns whether anything is new. */
bool leg_far_set(struct leg *leg, const struct desc_far *far)
{
	const bool same = leg->far_set && !memcmp(&leg->far, far, sizeof(*far));

	leg->far = *far;
	leg->far_set = true;
	return !same;
}

/* The dialog as it stands goes into the journal; a leg whose texts do not fit is refused before it begins. */
void leg_journal_dialog(struct leg *leg, enum journal_state state)
{
	struct journal_slot *s = leg->slot;
	struct dialog *d = &leg->dlg;
	char dst[64];

	if (!s)
		return;
	(void)re_snprintf(dst, sizeof(dst), "%J", &d->dst);
	s->lseq = d->lseq;
	s->rseq = d->rseq;
	s->transport = d->tp == SIP_TRANSP_TCP;
	(void)journal_text(s->call_id, sizeof(s->call_id), d->call_id, str_len(d->call_id));
	(void)journal_text(s->ltag, sizeof(s->ltag), d->ltag, str_len(d->ltag));
	(void)journal_text(s->rtag, sizeof(s->rtag), d->rtag, str_len(d->rtag));
	(void)journal_text(s->local, sizeof(s->local), d->local, str_len(d->local));
	(void)journal_text(s->remote, sizeof(s->remote), d->remote, str_len(d->remote));
	(void)journal_text(s->target, sizeof(s->target), d->target, str_len(d->target));
	(void)journal_text(s->destination, sizeof(s->destination), dst, strlen(dst));
	if (state == JOURNAL_UP)
		(void)journal_text(s->routes, sizeof(s->routes), d->routes, str_len(d->routes));
	journal_set_state(s, state);
}
