/* requests: what belongs to no call. REGISTER and the like go to Python and its answer back; ours go out and come back. */
#include "ua.h"

enum { WAIT_MS = 30000, PENDING_MAX = 20000 };

struct inbound {
	struct le he;
	struct ua *ua;
	uint64_t id;
	struct sip_msg *msg;
	struct sip_strans *st;
	struct tmr tmr;
};

static uint32_t inbound_count;

static void inbound_destructor(void *arg)
{
	struct inbound *in = arg;

	hash_unlink(&in->he);
	tmr_cancel(&in->tmr);
	mem_deref(in->st);
	mem_deref(in->msg);
	--inbound_count;
}

static void inbound_timeout(void *arg)
{
	struct inbound *in = arg;

	(void)sip_treply(&in->st, in->ua->sip, in->msg, 500, "No Decision");
	mem_deref(in);
}

static bool inbound_handler(struct le *le, void *arg)
{
	const struct inbound *in = le->data;

	return in->id == *(const uint64_t *)arg;
}

static void inbound_event(struct inbound *in)
{
	const struct sip_msg *msg = in->msg;
	struct record *rec = ua_record(in->ua, EV_REQUEST, msg->tp == SIP_TRANSP_TCP, in->id, msg->cseq.num, 0);
	struct sa laddr;
	char tag[20];

	record_pl(rec, &msg->met);
	record_sa(rec, &msg->src);
	record_pl(rec, &msg->ruri);
	record_pl(rec, &msg->from.val);
	record_pl(rec, &msg->to.val);
	record_pl(rec, &msg->callid);
	record_headers(rec, msg, SIP_HDR_AUTHORIZATION, SIP_HDR_PROXY_AUTHORIZATION);
	record_headers(rec, msg, SIP_HDR_CONTACT, SIP_HDR_NONE);
	record_headers(rec, msg, SIP_HDR_EXPIRES, SIP_HDR_NONE);
	record_headers(rec, msg, SIP_HDR_PATH, SIP_HDR_NONE);
	record_headers(rec, msg, SIP_HDR_SUPPORTED, SIP_HDR_NONE);
	record_headers(rec, msg, SIP_HDR_USER_AGENT, SIP_HDR_NONE);
	record_headers(rec, msg, SIP_HDR_EVENT, SIP_HDR_NONE);
	record_add(rec, (const char *)mbuf_buf(msg->mb), mbuf_get_left(msg->mb));
	ua_laddr(in->ua, &laddr, msg->tp, &msg->src);
	record_sa(rec, &laddr);
	(void)re_snprintf(tag, sizeof(tag), "%016llx", msg->tag); /* the one that libre puts into the answer */
	record_str(rec, tag);
	record_headers(rec, msg, SIP_HDR_RECORD_ROUTE, SIP_HDR_NONE);
	record_headers(rec, msg, SIP_HDR_ACCEPT, SIP_HDR_NONE);
	ua_emit(in->ua);
}

void request_in(struct ua *ua, const struct sip_msg *msg)
{
	struct inbound *in;

	if (!pl_strcmp(&msg->met, "OPTIONS")) {
		(void)sip_treplyf(NULL, NULL, ua->sip, msg, false, 200, "OK",
				  "Allow: " GUARD_ALLOW "\r\nSupported: 100rel, timer, replaces\r\nAccept: application/sdp\r\n"
				  "Content-Length: 0\r\n\r\n");
		return;
	}
	if (ua->stopping || inbound_count >= PENDING_MAX || ring_strained(ua->ring)) {
		atomic_fetch_add(&ua->count.shed, 1);
		(void)sip_treplyf(NULL, NULL, ua->sip, msg, false, 503, "Service Unavailable",
				  "Retry-After: 5\r\nContent-Length: 0\r\n\r\n");
		return;
	}
	in = mem_zalloc(sizeof(*in), inbound_destructor);
	if (!in)
		return;
	++inbound_count;
	in->ua = ua;
	in->id = ua->next_id;
	ua->next_id += 2;
	in->msg = mem_ref((void *)msg);
	hash_append(ua->pending, hash_joaat((const uint8_t *)&in->id, sizeof(in->id)), &in->he, in);
	if (sip_strans_alloc(&in->st, ua->sip, msg, NULL, NULL)) {
		mem_deref(in);
		return;
	}
	atomic_fetch_add(&ua->count.requests_in, 1);
	tmr_start(&in->tmr, WAIT_MS, inbound_timeout, in);
	inbound_event(in);
}

void request_reply(struct ua *ua, const struct command *cmd)
{
	const struct pl *reason = cmd_str(cmd, 0), *headers = cmd_str(cmd, 1), *body = cmd_str(cmd, 2);
	struct inbound *in = list_ledata(
		hash_lookup(ua->pending, hash_joaat((const uint8_t *)&cmd->id, sizeof(cmd->id)), inbound_handler, (void *)&cmd->id));

	if (!in || cmd->code < 200 || cmd->code > 699)
		return;
	(void)sip_treplyf(&in->st, NULL, ua->sip, in->msg, false, cmd->code, reason->l ? reason->p : "OK",
			  "%rContent-Length: %zu\r\n\r\n%r", headers, body->l, body);
	mem_deref(in);
}

/* ---- ours --------------------------------------------------------------------------------------------------------------- */

struct outbound {
	struct le he;
	struct ua *ua;
	uint64_t id;
	struct sip_request *req;
	char *user;
};

static void outbound_destructor(void *arg)
{
	struct outbound *out = arg;

	hash_unlink(&out->he);
	mem_deref(out->req);
	mem_deref(out->user);
}

static void outbound_event(struct outbound *out, int err, const struct sip_msg *msg)
{
	struct record *rec = ua_record(out->ua, EV_RESPONSE, msg ? msg->scode : 0, out->id, (uint32_t)err, 0);
	char text[96];

	if (!msg) {
		record_str(rec, str_error(err, text, sizeof(text)));
		ua_emit(out->ua);
		return;
	}
	record_pl(rec, &msg->reason);
	record_headers(rec, msg, SIP_HDR_WWW_AUTHENTICATE, SIP_HDR_PROXY_AUTHENTICATE);
	record_headers(rec, msg, SIP_HDR_CONTACT, SIP_HDR_NONE);
	record_headers(rec, msg, SIP_HDR_EXPIRES, SIP_HDR_NONE);
	record_headers(rec, msg, SIP_HDR_MIN_EXPIRES, SIP_HDR_NONE);
	record_headers(rec, msg, SIP_HDR_RETRY_AFTER, SIP_HDR_NONE);
	record_headers(rec, msg, SIP_HDR_SERVICE_ROUTE, SIP_HDR_NONE);
	record_pl(rec, &msg->via.params);
	record_sa(rec, &msg->src);
	ua_emit(out->ua);
}

static void outbound_response(int err, const struct sip_msg *msg, void *arg)
{
	struct outbound *out = arg;

	if (!err && msg && msg->scode < 200)
		return;
	if (err != ECONNABORTED || !out->ua->stopping)
		outbound_event(out, err, err ? NULL : msg);
	mem_deref(out);
}

static int outbound_contact(enum sip_transp tp, const struct sa *src, const struct sa *dst, struct mbuf *mb, void *arg)
{
	const struct outbound *out = arg;
	(void)dst;

	return str_isset(out->user) ? ua_contact_print(mb, out->user, src, tp) : 0;
}

static int outbound_send(struct outbound *out, const struct command *cmd)
{
	const struct pl *body = cmd_str(cmd, REQ_BODY);
	const enum sip_transp tp = cmd->code ? SIP_TRANSP_TCP : SIP_TRANSP_UDP;
	const struct pl *met = cmd_str(cmd, REQ_METHOD), *ruri = cmd_str(cmd, REQ_RURI);
	char routebuf[128];
	struct mbuf *mb;
	struct uri route;
	struct sa dst;
	int err;

	if (!ua_sa_decode(&dst, cmd_str(cmd, REQ_DST)))
		return EINVAL;
	mb = mbuf_alloc(1024);
	if (!mb)
		return ENOMEM;
	err = mbuf_printf(mb, "Max-Forwards: 70\r\nTo: %r\r\nFrom: %r\r\nCall-ID: %r\r\nCSeq: %u %r\r\nUser-Agent: %s\r\n%r"
			  "Content-Length: %zu\r\n\r\n%r", cmd_str(cmd, REQ_TO), cmd_str(cmd, REQ_FROM),
			  cmd_str(cmd, REQ_CALL_ID), cmd->a, met, out->ua->software, cmd_str(cmd, REQ_HEADERS), body->l, body);
	mb->pos = 0;
	err = err ? err : ua_route(routebuf, sizeof(routebuf), &route, &dst, tp);
	if (!err)
		err = sip_request(&out->req, out->ua->sip, true, met->p, (int)met->l, ruri->p, (int)ruri->l, &route, mb, 0,
				  outbound_contact, outbound_response, out);
	mem_deref(mb);
	return err;
}

void request_out(struct ua *ua, const struct command *cmd)
{
	struct outbound *out = mem_zalloc(sizeof(*out), outbound_destructor);
	int err;

	if (!out)
		return;
	out->ua = ua;
	out->id = cmd->id;
	hash_append(ua->pending, hash_joaat((const uint8_t *)&out->id, sizeof(out->id)), &out->he, out);
	err = pl_strdup(&out->user, cmd_str(cmd, REQ_USER));
	err = err ? err : ua->stopping ? ECONNABORTED : outbound_send(out, cmd);
	if (err) {
		outbound_event(out, err, NULL);
		mem_deref(out);
	}
}

void requests_close(struct ua *ua)
{
	hash_flush(ua->pending);
}
