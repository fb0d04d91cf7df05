/*
 * orphan: ends the dialogs that an earlier process left behind, from what its journal says (design rule 4).
 *
 * Independent of legs: there is no session any more, only identifiers. A confirmed dialog gets BYE; our unanswered INVITE
 * gets CANCEL with the branch of that INVITE, and ACK and BYE where a 200 comes all the same; their unanswered INVITE
 * gets 480. Each is repeated like any request over UDP until the far end has answered or 32 s are over.
 */
#include "ua.h"

struct orphan {
	struct le he;
	struct ua *ua;
	struct journal_slot *slot;
	struct dialog dlg;
	struct sip_request *req;
	struct mbuf *mb; /* CANCEL or 480, repeated */
	struct tmr tmr, limit;
	uint32_t count;
	enum journal_state state;
};

static void orphan_destructor(void *arg)
{
	struct orphan *o = arg;

	hash_unlink(&o->he);
	tmr_cancel(&o->tmr);
	tmr_cancel(&o->limit);
	mem_deref(o->req);
	mem_deref(o->mb);
	dialog_free(&o->dlg);
}

#define GONE_MS 600000 /* older ends are on disk, or nobody will know */

enum orphan_news { ORPHAN_LOST = 0, ORPHAN_ENDED = 1, ORPHAN_FOUND = 2 };

static void orphan_event(struct ua *ua, const struct pl *call_id, const char *line, enum orphan_news news, const char *detail)
{
	struct record *rec = ua_record(ua, EV_ORPHAN, (uint16_t)news, 0, 0, 0);

	record_pl(rec, call_id);
	record_str(rec, line);
	record_str(rec, detail);
	ua_emit(ua);
}

static void orphan_done(struct orphan *o, bool ended, const char *detail)
{
	struct pl call_id;

	pl_set_str(&call_id, o->dlg.call_id);
	orphan_event(o->ua, &call_id, o->slot->line, ended ? ORPHAN_ENDED : ORPHAN_LOST, detail);
	journal_ended(o->ua->journal, o->slot, tmr_jiffies());
	journal_release(o->ua->journal, o->slot);
	mem_deref(o);
}

static void orphan_timeout(void *arg)
{
	orphan_done(arg, false, "the far end did not answer within 32 s");
}

static void orphan_again(void *arg)
{
	struct orphan *o = arg;
	const uint64_t wait = (uint64_t)SIP_T1 << (o->count < 4 ? ++o->count : 4);

	o->mb->pos = 0;
	(void)sip_send(o->ua->sip, NULL, o->dlg.tp, &o->dlg.dst, o->mb);
	tmr_start(&o->tmr, wait < SIP_T2 ? wait : SIP_T2, orphan_again, o);
}

static void bye_response(int err, const struct sip_msg *msg, void *arg)
{
	struct orphan *o = arg;
	char text[96];

	if (!err && msg && msg->scode < 200)
		return;
	if (err) {
		orphan_done(o, false, str_error(err, text, sizeof(text)));
		return;
	}
	(void)re_snprintf(text, sizeof(text), "BYE: %u", msg->scode);
	orphan_done(o, true, text);
}

static void orphan_bye(struct orphan *o)
{
	int err;

	tmr_cancel(&o->tmr);
	tmr_cancel(&o->limit);
	/* A gap in CSeq is lawful; the old process may have sent more than it noted. */
	o->dlg.lseq += 100;
	err = dialog_request(o->ua, &o->dlg, &o->req, "BYE", o->dlg.lseq, NULL,
			     "Reason: Q.850;cause=41;text=\"restarted\"\r\n", NULL, NULL, 0, NULL, bye_response, o);
	if (err)
		orphan_done(o, false, "the BYE could not be sent");
}

/* It was answered all the same: from here on a BYE is due, also where we are killed before it has arrived. */
static void orphan_note_answer(struct orphan *o)
{
	const struct dialog *d = &o->dlg;
	struct journal_slot *s = o->slot;

	(void)journal_text(s->rtag, sizeof(s->rtag), d->rtag, str_len(d->rtag));
	(void)journal_text(s->remote, sizeof(s->remote), d->remote, str_len(d->remote));
	(void)journal_text(s->target, sizeof(s->target), d->target, str_len(d->target));
	(void)journal_text(s->routes, sizeof(s->routes), d->routes, str_len(d->routes));
	journal_set_state(s, JOURNAL_UP);
	o->state = JOURNAL_UP;
}

/* CANCEL has the request line, Via, From, To and CSeq number of the INVITE (RFC 3261 9.1). */
static int cancel_print(struct orphan *o, const char *met, const struct pl *to)
{
	const struct journal_slot *s = o->slot;

	o->mb = mem_deref(o->mb);
	o->mb = mbuf_alloc(1024);
	if (!o->mb)
		return ENOMEM;
	return mbuf_printf(o->mb,
			   "%s %s SIP/2.0\r\nVia: SIP/2.0/%s %s;branch=%s;rport\r\nMax-Forwards: 70\r\n%sTo: %r\r\nFrom: %s;tag=%s\r\n"
			   "Call-ID: %s\r\nCSeq: %u %s\r\nUser-Agent: %s\r\nReason: Q.850;cause=41;text=\"restarted\"\r\n"
			   "Content-Length: 0\r\n\r\n", met, s->ruri, s->transport ? "TCP" : "UDP", s->sentby, s->branch, s->routes,
			   to, s->local, s->ltag, s->call_id, s->lseq, met, o->ua->software);
}

static int refusal_print(struct orphan *o)
{
	const struct journal_slot *s = o->slot;

	o->mb = mbuf_alloc(1024);
	if (!o->mb)
		return ENOMEM;
	return mbuf_printf(o->mb,
			   "SIP/2.0 480 Temporarily Unavailable\r\n%sFrom: %s;tag=%s\r\nTo: %s;tag=%s\r\nCall-ID: %s\r\n"
			   "CSeq: %u INVITE\r\nReason: Q.850;cause=41;text=\"restarted\"\r\nServer: %s\r\nContent-Length: 0\r\n\r\n",
			   s->routes, s->remote, s->rtag, s->local, s->ltag, s->call_id, s->rseq, o->ua->software);
}

static int orphan_texts(struct orphan *o)
{
	const struct journal_slot *s = o->slot;
	struct dialog *d = &o->dlg;
	struct pl dst;
	int err;

	err = str_dup(&d->call_id, s->call_id);
	err |= str_dup(&d->ltag, s->ltag);
	err |= s->rtag[0] ? str_dup(&d->rtag, s->rtag) : 0;
	err |= str_dup(&d->local, s->local);
	err |= str_dup(&d->remote, s->remote);
	err |= str_dup(&d->target, s->target);
	err |= str_dup(&d->routes, o->state == JOURNAL_RUNG ? "" : s->routes);
	err |= str_dup(&d->user, "switchroom");
	d->lseq = s->lseq;
	d->rseq = s->rseq;
	d->tp = s->transport ? SIP_TRANSP_TCP : SIP_TRANSP_UDP;
	pl_set_str(&dst, s->destination);
	return err ? err : ua_sa_decode(&d->dst, &dst) ? 0 : EINVAL;
}

static void orphan_end(struct ua *ua, struct journal_slot *slot)
{
	struct orphan *o = mem_zalloc(sizeof(*o), orphan_destructor);
	struct pl to;
	int err;

	if (!o)
		return;
	o->ua = ua;
	o->slot = slot;
	o->state = slot->state;
	err = orphan_texts(o);
	if (err) {
		struct pl call_id;

		pl_set_str(&call_id, slot->call_id);
		orphan_event(ua, &call_id, slot->line, ORPHAN_LOST, "the journal's entry is damaged");
		journal_release(ua->journal, slot);
		mem_deref(o);
		return;
	}
	hash_append(ua->orphans, hash_joaat_str(o->dlg.call_id), &o->he, o);
	pl_set_str(&to, slot->call_id);
	orphan_event(ua, &to, slot->line, ORPHAN_FOUND, ""); /* its channel is taken until it is over */
	tmr_start(&o->limit, TIMER_64T1, orphan_timeout, o);
	if (o->state == JOURNAL_UP) {
		orphan_bye(o);
		return;
	}
	pl_set_str(&to, slot->remote);
	err = o->state == JOURNAL_CALLING ? cancel_print(o, "CANCEL", &to) : refusal_print(o);
	if (err)
		orphan_done(o, false, "out of memory");
	else
		orphan_again(o);
}

static bool orphan_handler(struct le *le, void *arg)
{
	const struct orphan *o = le->data;

	return !pl_strcmp((const struct pl *)arg, o->dlg.call_id);
}

static struct orphan *orphan_find(struct ua *ua, const struct pl *call_id)
{
	return list_ledata(hash_lookup(ua->orphans, hash_joaat_pl(call_id), orphan_handler, (void *)call_id));
}

/* Dialogs that were over when we were killed: the ledger may have lost the news. Whoever is told knows them by their record. */
static void orphans_gone(struct ua *ua)
{
	const uint64_t now = tmr_jiffies(), since = now > GONE_MS ? now - GONE_MS : 1;
	const struct journal_gone *gone;

	for (uint32_t i = 0; (gone = journal_gone(ua->journal, i, since)); ++i) {
		struct pl call_id;

		pl_set_str(&call_id, gone->call_id);
		orphan_event(ua, &call_id, gone->line, ORPHAN_ENDED, "it ended just before the restart");
	}
}

/* One Call-ID each; "" ends all that are left, named or not. */
void orphans_end(struct ua *ua, const struct command *cmd)
{
	const struct pl *call_id = cmd_str(cmd, 0);
	struct journal_slot *slot;
	bool found = false;

	for (uint32_t i = 0; (slot = journal_left(ua->journal, i)); ++i) {
		struct pl id;

		pl_set_str(&id, slot->call_id);
		if (slot->state == JOURNAL_FREE || (pl_isset(call_id) && pl_cmp(&id, call_id)))
			continue;
		found = true;
		journal_forget_left(ua->journal, i);
		--i;
		orphan_end(ua, slot);
	}
	if (!pl_isset(call_id))
		orphans_gone(ua);
	if (!found && pl_isset(call_id) && !orphan_find(ua, call_id))
		orphan_event(ua, call_id, "", ORPHAN_LOST, "not in the journal: it was over, or the machine went down");
}

/* An answer to our CANCEL, or to the INVITE that it cancels. True: it was ours. */
bool orphan_response(struct ua *ua, const struct sip_msg *msg)
{
	struct orphan *o = orphan_find(ua, &msg->callid);

	if (!o || o->state != JOURNAL_CALLING || msg->scode < 200)
		return o != NULL;
	if (!pl_strcmp(&msg->cseq.met, "CANCEL")) {
		tmr_cancel(&o->tmr);
		if (msg->scode >= 300) /* the INVITE's transaction is over there: no call, or a 200 that will be repeated */
			tmr_start(&o->limit, 5000, orphan_timeout, o);
		return true;
	}
	if (pl_strcmp(&msg->cseq.met, "INVITE"))
		return true;
	if (msg->scode < 300) {
		if (!dialog_peer(&o->dlg, msg, true) && !dialog_request(ua, &o->dlg, NULL, "ACK", msg->cseq.num, NULL, NULL, NULL,
									  NULL, 0, NULL, NULL, NULL)) {
			orphan_note_answer(o);
			orphan_bye(o);
		}
		return true;
	}
	if (!cancel_print(o, "ACK", &msg->to.val)) { /* same branch (RFC 3261 17.1.1.3) */
		o->mb->pos = 0;
		(void)sip_send(ua->sip, NULL, o->dlg.tp, &o->dlg.dst, o->mb);
	}
	orphan_done(o, true, "CANCEL: the far end gave up the call");
	return true;
}

/* A request from a far end that does not know yet: BYE is what we want; ACK ends the repetition of our 480. */
bool orphan_request(struct ua *ua, const struct sip_msg *msg)
{
	struct orphan *o = orphan_find(ua, &msg->callid);

	if (!o)
		return false;
	if (!pl_strcmp(&msg->met, "ACK") && o->state == JOURNAL_RUNG) {
		orphan_done(o, true, "480: the far end gave up the call");
		return true;
	}
	if (!pl_strcmp(&msg->met, "BYE") || (!pl_strcmp(&msg->met, "CANCEL") && o->state == JOURNAL_RUNG)) {
		(void)sip_treply(NULL, ua->sip, msg, 200, "OK");
		if (!pl_strcmp(&msg->met, "BYE"))
			orphan_done(o, true, "the far end hung up");
		return true;
	}
	return false;
}

void orphans_close(struct ua *ua)
{
	hash_flush(ua->orphans);
}
