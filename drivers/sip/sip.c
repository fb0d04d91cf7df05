/* sip: the thread, its sockets, commands in, and which part of the user agent a message is for. */
#include "sip.h"

#include "ua.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

struct ua *the_ua;

/* ---- records and texts --------------------------------------------------------------------------------------------------- */

struct record *ua_record(struct ua *ua, enum ua_ev type, uint16_t code, uint64_t id, uint32_t a, uint32_t b)
{
	record_begin(&ua->rec, (uint16_t)type, code, id, a, b);
	return &ua->rec;
}

void ua_emit(struct ua *ua)
{
	ring_push(ua->ring, &ua->rec);
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

/* ---- messages ------------------------------------------------------------------------------------------------------------- */

static bool request_handler(const struct sip_msg *msg, void *arg)
{
	struct ua *ua = arg;
	struct leg *leg;

	if (pl_isset(&msg->to.tag)) {
		leg = leg_of(ua, msg);
		if (leg && leg->state != LEG_GONE)
			indialog_request(leg, msg);
		else if (!orphan_request(ua, msg) && pl_strcmp(&msg->met, "ACK"))
			(void)sip_treply(NULL, ua->sip, msg, 481, "Call Does Not Exist");
		return true;
	}
	if (!pl_strcmp(&msg->met, "INVITE"))
		uas_invite(ua, msg);
	else if (!pl_strcmp(&msg->met, "CANCEL")) {
		if (!orphan_request(ua, msg))
			(void)sip_reply(ua->sip, msg, 481, "Transaction Does Not Exist");
	} else if (pl_strcmp(&msg->met, "ACK"))
		request_in(ua, msg);
	return true;
}

static bool response_handler(const struct sip_msg *msg, void *arg)
{
	struct ua *ua = arg;

	if (orphan_response(ua, msg))
		return true;
	if (!pl_strcmp(&msg->cseq.met, "INVITE") && msg->scode >= 200 && msg->scode < 300)
		(void)uac_stray_ok(ua, msg);
	return true;
}

/* libre tells the cancel handler nothing of the CANCEL: its Reason is noted here, just before. */
static void trace_handler(bool tx, enum sip_transp tp, const struct sa *src, const struct sa *dst, const uint8_t *pkt, size_t len,
			  void *arg)
{
	struct ua *ua = the_ua;
	struct pl reason;
	(void)tp;
	(void)src;
	(void)dst;
	(void)arg;

	if (tx || len < 7 || memcmp(pkt, "CANCEL ", 7))
		return;
	ua->cancel_reason[0] = '\0';
	if (!re_regex((const char *)pkt, len, "\r\nReason:[ ]*[^\r\n]+", NULL, &reason))
		(void)pl_strcpy(&reason, ua->cancel_reason, sizeof(ua->cancel_reason));
}

/* ---- commands ------------------------------------------------------------------------------------------------------------- */

static void cmd_ban(struct ua *ua, const struct command *cmd)
{
	struct timespec ts;
	struct sa sa;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	if (sa_set(&sa, cmd_str(cmd, 0), 0) && !ua_sa_decode(&sa, cmd_str(cmd, 0)))
		return;
	if (cmd->type == CMD_ALLOW)
		(void)(cmd->code ? guard_allow(ua->guard, &sa.u.sa) : guard_disallow(ua->guard, &sa.u.sa));
	else if (cmd->a)
		(void)guard_ban(ua->guard, &sa.u.sa, ((uint64_t)ts.tv_sec + cmd->a) * 1000000);
	else
		(void)guard_unban(ua->guard, &sa.u.sa);
}

static bool cmd_answer(struct leg *leg, struct command *cmd)
{
	struct desc_local local;

	if (leg->rel_mb && !leg->answer_waits && leg->state == LEG_RUNG) { /* RFC 3262 3: first their PRACK */
		leg->answer_waits = cmd;
		return true;
	}
	if (desc_local_decode(&local, cmd_str(cmd, 0)))
		uas_answer(leg, &local);
	return false;
}

static void cmd_auth(struct leg *leg, const struct command *cmd)
{
	const struct pl *headers = cmd_str(cmd, 0);
	const bool give_up = cmd->code || !headers->l;

	if (cmd->a) {
		indialog_auth(leg, cmd->a, give_up ? NULL : headers->p);
		return;
	}
	leg->auth = mem_deref(leg->auth);
	if (!give_up)
		(void)pl_strdup(&leg->auth, headers);
	if (leg->state == LEG_CALLING && give_up) {
		leg_cause(leg, 401, 0, BY_FAR, "the far end does not take our credentials");
		leg_end(leg);
	} else if (leg->state == LEG_CALLING && uac_invite(leg)) {
		leg_fail(leg, EPROTO);
	} else if (leg->state == LEG_LEAVING) {
		if (give_up)
			leg_end(leg);
		else
			leg_bye(leg);
	} else if (leg->state == LEG_UP) {
		uac_modify(leg);
	}
}

/* Commands to one leg. Returns true when it kept `cmd`. */
static bool leg_command(struct ua *ua, struct command *cmd)
{
	struct leg *leg = leg_find(ua, cmd->id);
	const struct pl *first = cmd_str(cmd, 0), *second = cmd_str(cmd, 1), *body = cmd_str(cmd, 2);

	if (!leg || leg->state == LEG_GONE)
		return false;
	switch (cmd->type) {
	case CMD_PROGRESS:
		uas_progress(leg, cmd->code, first);
		break;
	case CMD_ANSWER:
		return cmd_answer(leg, cmd);
	case CMD_REJECT:
		uas_reject(leg, cmd->code, first->l ? first->p : "Declined", second->p);
		break;
	case CMD_HANGUP:
		leg_hang_up(leg, cmd->code, first->p);
		break;
	case CMD_MODIFY:
		if (desc_local_decode(&leg->local, first))
			uac_modify(leg);
		break;
	case CMD_INDIALOG: {
		const struct pl *ctype = cmd_str(cmd, 3);

		(void)indialog_send(leg, first->p, second->p, ctype->l ? ctype->p : "text/plain", (const uint8_t *)body->p,
				    body->l);
		break;
	}
	case CMD_AUTH:
		cmd_auth(leg, cmd);
		break;
	default:
		break;
	}
	return false;
}

static bool hang_up_handler(struct le *le, void *arg)
{
	(void)arg;
	leg_hang_up(le->data, 16, "stopping");
	return false;
}

static bool end_handler(struct le *le, void *arg)
{
	struct leg *leg = le->data;
	(void)arg;

	leg_cause(leg, 503, 0, BY_NEAR, "stopped");
	leg_end(leg);
	return false;
}

static void stop_now(void *arg)
{
	struct ua *ua = arg;

	tmr_cancel(&ua->stop_tmr);
	hash_apply(ua->legs_by_id, end_handler, NULL);
	(void)ua_record(ua, EV_STOPPED, 0, 0, 0, 0);
	ua_emit(ua);
	re_cancel();
}

void ua_stop_check(struct ua *ua)
{
	if (ua->stopping && !ua->legs)
		tmr_start(&ua->stop_tmr, 1, stop_now, ua);
}

static void cmd_stop(struct ua *ua, const struct command *cmd)
{
	if (ua->stopping)
		return;
	ua->stopping = true;
	tmr_start(&ua->stop_tmr, cmd->a ? cmd->a : 1, stop_now, ua);
	hash_apply(ua->legs_by_id, hang_up_handler, NULL);
	ua_stop_check(ua);
}

/* Returns true when the command is kept by somebody. */
static bool command_run(struct ua *ua, struct command *cmd)
{
	switch (cmd->type) {
	case CMD_CALL:
		uac_call(ua, cmd);
		return false;
	case CMD_REPLY:
		request_reply(ua, cmd);
		return false;
	case CMD_REQUEST:
		request_out(ua, cmd);
		return false;
	case CMD_ORPHANS:
		orphans_end(ua, cmd);
		return false;
	case CMD_BAN:
	case CMD_ALLOW:
		cmd_ban(ua, cmd);
		return false;
	case CMD_SHED:
		guard_set_shed(ua->guard, cmd->a, cmd->b);
		return false;
	case CMD_STOP:
		cmd_stop(ua, cmd);
		return false;
	default:
		return leg_command(ua, cmd);
	}
}

static void queue_handler(int id, void *data, void *arg)
{
	struct ua *ua = arg;
	struct command *cmd;
	(void)id;
	(void)data;

	pthread_mutex_lock(&ua->lock);
	cmd = ua->first;
	ua->first = NULL;
	ua->last = &ua->first;
	pthread_mutex_unlock(&ua->lock);
	while (cmd) {
		struct command *next = cmd->next;

		cmd->next = NULL;
		if (!command_run(ua, cmd))
			free(cmd);
		cmd = next;
	}
}

/* One record into a command with NUL-terminated strings; NULL when it is malformed or memory is short. */
static struct command *command_decode(const uint8_t *p, size_t len)
{
	struct command *cmd;
	uint16_t n;
	size_t at = RING_HEAD;

	memcpy(&n, p + 24, 2);
	if (n > CMD_STRINGS)
		return NULL;
	cmd = malloc(sizeof(*cmd) + len);
	if (!cmd)
		return NULL;
	cmd->next = NULL;
	cmd->len = len;
	memcpy(cmd->raw, p, len);
	memcpy(&cmd->type, p + 4, 2);
	memcpy(&cmd->code, p + 6, 2);
	memcpy(&cmd->id, p + 8, 8);
	memcpy(&cmd->a, p + 16, 4);
	memcpy(&cmd->b, p + 20, 4);
	cmd->strings = n;
	for (unsigned i = 0; i < n; ++i) {
		uint16_t l;

		if (at + 2 > len)
			goto bad;
		memcpy(&l, p + at, 2);
		at += 2;
		if (at + l + 1 > len || p[at + l] != '\0')
			goto bad;
		cmd->str[i].p = (const char *)cmd->raw + at;
		cmd->str[i].l = l;
		at += (size_t)l + 1;
	}
	return cmd;
bad:
	free(cmd);
	return NULL;
}

int ua_command(struct ua *ua, const uint8_t *records, size_t len)
{
	struct command *first = NULL, **last = &first;
	bool wake;
	int err = 0;

	while (len) {
		uint32_t size;

		if (len < RING_HEAD)
			goto bad;
		memcpy(&size, records, 4);
		if (size < RING_HEAD || size > len)
			goto bad;
		*last = command_decode(records, size);
		if (!*last)
			goto bad;
		last = &(*last)->next;
		records += size;
		len -= size;
	}
	if (!first)
		return 0;
	pthread_mutex_lock(&ua->lock);
	wake = !ua->first;
	*ua->last = first;
	ua->last = last;
	if (wake && ua->started == 1)
		err = mqueue_push(ua->mq, 0, NULL);
	pthread_mutex_unlock(&ua->lock);
	return err;
bad:
	while (first) {
		struct command *next = first->next;

		free(first);
		first = next;
	}
	return EINVAL;
}

/* ---- the thread ----------------------------------------------------------------------------------------------------------- */

static void second_handler(void *arg)
{
	struct ua *ua = arg;
	struct timespec ts;

	(void)ring_flush(ua->ring);
	if (!clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts))
		atomic_store(&ua->count.cpu_us, (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000);
	tmr_start(&ua->second_tmr, ring_strained(ua->ring) ? 5 : 200, second_handler, ua);
}

/* UDP first: with port 0 the kernel chooses, and TCP takes the same. */
static int listen_one(struct ua *ua, const struct pl *where)
{
	struct sa sa;
	int err;

	if (sa_decode(&sa, where->p, where->l))
		return EINVAL;
	if (ua->listens == LISTEN_MAX)
		return E2BIG;
	err = sip_transp_add(ua->sip, SIP_TRANSP_UDP, &sa);
	if (err)
		return err;
	sa_set_port(&sa, ua->udp_port);
	err = sip_transp_add(ua->sip, SIP_TRANSP_TCP, &sa);
	ua->port[ua->listens++] = sa_port(&sa);
	return err;
}

static int listen_all(struct ua *ua)
{
	struct pl rest, where;
	int err = 0;

	pl_set_str(&rest, ua->listen);
	while (!err && !re_regex(rest.p, rest.l, "[^ ,]+", &where)) {
		err = listen_one(ua, &where);
		if (err)
			(void)re_snprintf(ua->error, sizeof(ua->error), "cannot listen on %r: %m", &where, err);
		rest.l -= (size_t)(where.p + where.l - rest.p);
		rest.p = where.p + where.l;
	}
	if (!err && !ua->listens)
		err = EINVAL;
	return err;
}

static int guard_start(struct ua *ua)
{
	struct guard_config cfg = { 0 };

	memcpy(cfg.secret, ua->cfg.secret, sizeof(cfg.secret));
	ua->guard = guard_new(&cfg);
	ua->guard_out = malloc(sizeof(*ua->guard_out));
	if (!ua->guard || !ua->guard_out)
		return ENOMEM;
	if (ua->emergency)
		(void)guard_set_emergency(ua->guard, ua->emergency);
	return 0;
}

static int parts_start(struct ua *ua)
{
	int err;

	err = hash_alloc(&ua->legs_by_id, UA_HASH);
	err |= hash_alloc(&ua->legs_by_call, UA_HASH);
	err |= hash_alloc(&ua->pending, UA_HASH);
	err |= hash_alloc(&ua->orphans, UA_HASH);
	err |= guard_start(ua);
	if (err)
		return err;
	err = sip_alloc(&ua->sip, NULL, UA_LIBRE_HASH, UA_LIBRE_HASH, 1024, ua->software, NULL, ua);
	if (err)
		return err;
	sip_set_trace_handler(ua->sip, trace_handler);
	err = listen_all(ua);
	if (err)
		return err;
	err = sip_listen(&ua->lsnr_req, ua->sip, true, request_handler, ua);
	err |= sip_listen(&ua->lsnr_resp, ua->sip, false, response_handler, ua);
	err |= mqueue_alloc(&ua->mq, queue_handler, ua);
	tmr_start(&ua->second_tmr, 200, second_handler, ua);
	return err;
}

static bool free_handler(struct le *le, void *arg)
{
	struct leg *leg = le->data;
	(void)arg;

	leg->ended = true;
	leg->slot = NULL; /* abandoned, not ended: the journal keeps it */
	mem_deref(leg);
	return false;
}

static void parts_stop(struct ua *ua)
{
	tmr_cancel(&ua->second_tmr);
	tmr_cancel(&ua->stop_tmr);
	hash_apply(ua->legs_by_id, free_handler, NULL);
	requests_close(ua);
	orphans_close(ua);
	ua->lsnr_req = mem_deref(ua->lsnr_req);
	ua->lsnr_resp = mem_deref(ua->lsnr_resp);
	if (ua->sip) {
		sip_close(ua->sip, true);
		sip_transp_flush(ua->sip);
	}
	ua->sip = mem_deref(ua->sip);
	front_close(ua);
	ua->mq = mem_deref(ua->mq);
	ua->legs_by_id = mem_deref(ua->legs_by_id);
	ua->legs_by_call = mem_deref(ua->legs_by_call);
	ua->pending = mem_deref(ua->pending);
	ua->orphans = mem_deref(ua->orphans);
}

static void thread_started(struct ua *ua, int state)
{
	pthread_mutex_lock(&ua->lock);
	ua->started = state;
	if (state == 1 && ua->first)
		(void)mqueue_push(ua->mq, 0, NULL);
	pthread_cond_signal(&ua->cond);
	pthread_mutex_unlock(&ua->lock);
}

static void *thread_main(void *arg)
{
	struct ua *ua = arg;
	struct memstat stat;
	int err;

	err = libre_init();
	if (!err)
		err = re_thread_init();
	if (!err)
		err = fd_setsize((int)ua->cfg.max_fds);
	if (!err)
		err = parts_start(ua);
	if (err && !ua->error[0])
		(void)re_snprintf(ua->error, sizeof(ua->error), "the SIP thread cannot start: %m", err);
	if (!err) {
		thread_started(ua, 1);
		(void)re_main(NULL);
		thread_started(ua, 2);
	}
	parts_stop(ua);
	tmr_debug();
	re_thread_close();
	libre_close();
	if (!mem_get_stat(&stat))
		atomic_store(&ua->count.blocks_left, stat.blocks_cur);
	if (err)
		thread_started(ua, -1);
	return NULL;
}

/* ---- from Python ---------------------------------------------------------------------------------------------------------- */

static char *copy(const char *s)
{
	return s && *s ? strdup(s) : NULL;
}

static void ua_destroy(struct ua *ua)
{
	struct command *cmd = ua->first;

	while (cmd) {
		struct command *next = cmd->next;

		free(cmd);
		cmd = next;
	}
	guard_free(ua->guard);
	free(ua->guard_out);
	journal_close(ua->journal);
	ring_free(ua->ring);
	free(ua->listen);
	free(ua->software);
	free(ua->journal_path);
	free(ua->emergency);
	pthread_mutex_destroy(&ua->lock);
	pthread_cond_destroy(&ua->cond);
	free(ua);
	the_ua = NULL;
}

static struct ua *ua_new(const struct ua_config *cfg)
{
	struct ua *ua = calloc(1, sizeof(*ua));

	if (!ua)
		return NULL;
	pthread_mutex_init(&ua->lock, NULL);
	pthread_cond_init(&ua->cond, NULL);
	ua->cfg = *cfg;
	ua->last = &ua->first;
	ua->next_id = 1;
	ua->listen = copy(cfg->listen);
	ua->software = strdup(cfg->software ? cfg->software : "Switchroom");
	ua->journal_path = copy(cfg->journal);
	ua->emergency = copy(cfg->emergency);
	ua->ring = ring_new(cfg->ring_log2 ? cfg->ring_log2 : 22);
	if (ua->cfg.min_se < 90)
		ua->cfg.min_se = 90;
	if (!ua->cfg.max_fds)
		ua->cfg.max_fds = 8192;
	if (!ua->cfg.max_legs)
		ua->cfg.max_legs = 4096;
	return ua;
}

/* Signals belong to Python's main thread: this one blocks all but those that mean a fault. */
static int thread_create(struct ua *ua)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGFPE);
	sigdelset(&all, SIGILL);
	sigdelset(&all, SIGABRT);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&ua->thread, NULL, thread_main, ua);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return err;
}

struct ua *ua_start(const struct ua_config *cfg, char *error, size_t size)
{
	struct ua *ua;
	int err = 0;

	if (the_ua) {
		snprintf(error, size, "a SIP thread runs already in this process");
		return NULL;
	}
	ua = ua_new(cfg);
	if (!ua || !ua->ring || !ua->listen || !ua->software) {
		snprintf(error, size, "out of memory");
		if (ua)
			ua_destroy(ua);
		return NULL;
	}
	if (ua->journal_path && !(ua->journal = journal_open(ua->journal_path, cfg->journal_slots ? cfg->journal_slots : 4096))) {
		snprintf(error, size, "the dialog journal %s cannot be opened: %s", ua->journal_path, strerror(errno));
		ua_destroy(ua);
		return NULL;
	}
	the_ua = ua;
	err = thread_create(ua);
	if (err) {
		snprintf(error, size, "the SIP thread cannot be started: %s", strerror(err));
		ua_destroy(ua);
		return NULL;
	}
	pthread_mutex_lock(&ua->lock);
	while (!ua->started)
		pthread_cond_wait(&ua->cond, &ua->lock);
	err = ua->started < 0;
	pthread_mutex_unlock(&ua->lock);
	if (err) {
		pthread_join(ua->thread, NULL);
		snprintf(error, size, "%s", ua->error);
		ua_destroy(ua);
		return NULL;
	}
	return ua;
}

static void stop_command(struct ua *ua)
{
	uint8_t rec[RING_HEAD] = { RING_HEAD };
	const uint16_t type = CMD_STOP;
	const uint32_t wait = 1;

	memcpy(rec + 4, &type, 2);
	memcpy(rec + 16, &wait, 4);
	(void)ua_command(ua, rec, sizeof(rec));
}

size_t ua_free(struct ua *ua)
{
	size_t left;

	if (!ua)
		return 0;
	stop_command(ua);
	pthread_join(ua->thread, NULL);
	left = atomic_load(&ua->count.blocks_left);
	ua_destroy(ua);
	return left;
}

int ua_fd(const struct ua *ua)
{
	return ring_fd(ua->ring);
}

size_t ua_events(struct ua *ua, uint8_t *buf, size_t size)
{
	return ring_read(ua->ring, buf, size);
}

uint16_t ua_port(const struct ua *ua, unsigned index)
{
	return index < ua->listens ? ua->port[index] : 0;
}

void ua_counters(struct ua *ua, struct ua_counters *out)
{
	struct guard_counters g;

	guard_counters(ua->guard, &g);
	memset(out, 0, sizeof(*out));
	out->legs = atomic_load(&ua->count.legs);
	out->requests_in = atomic_load(&ua->count.requests_in);
	out->messages_in = atomic_load(&ua->count.messages_in);
	out->messages_out = atomic_load(&ua->count.messages_out);
	out->spilled = ring_spilled(ua->ring);
	out->shed = atomic_load(&ua->count.shed) + g.shed;
	out->refused = atomic_load(&ua->count.refused);
	out->tcp_connections = atomic_load(&ua->count.tcp_connections);
	out->guard_dropped = g.dropped;
	out->guard_replied = g.replied;
	out->guard_banned = g.banned;
	out->journal_full = atomic_load(&ua->count.journal_full);
	out->unhandled = atomic_load(&ua->count.unhandled);
	out->cpu_us = atomic_load(&ua->count.cpu_us);
}
