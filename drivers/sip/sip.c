/* sip: the thread, its sockets, and which part of the user agent a message is for. */
#include "sip.h"

#include "ua.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

struct ua *the_ua;

/* ---- messages ------------------------------------------------------------------------------------------------------------- */

static bool request_handler(const struct sip_msg *msg, void *arg)
{
	struct ua *ua = arg;
	struct leg *leg;

	if (pl_isset(&msg->to.tag)) {
		leg = leg_of(ua, msg);
		if (leg && leg->state != LEG_GONE)
			indialog_request(leg, msg);
		else if (!pl_strcmp(&msg->met, "SUBSCRIBE")) /* its dialogs are Python's */
			request_in(ua, msg);
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
	ua->any = sa_is_any(&sa);
	if (ua->any)
		(void)sa_set_str(&sa, sa_af(&sa) == AF_INET6 ? "::1" : "127.0.0.1", sa_port(&sa));
	err = sip_transp_add(ua->sip, SIP_TRANSP_UDP, &sa);
	if (!err) {
		sa_set_port(&sa, ua->udp_port);
		err = sip_transp_add(ua->sip, SIP_TRANSP_TCP, &sa);
	}
	ua->any = false;
	if (err)
		return err;
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
	err |= mqueue_alloc(&ua->mq, command_queue_handler, ua);
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
	tmr_cancel(&ua->call_tmr);
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

	pthread_setname_np(pthread_self(), "sip");
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
	ua->public_bad = public_decode(ua, cfg->public_addr, cfg->local) != 0;
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
	if (ua && ua->public_bad) {
		snprintf(error, size, "the public address or a local network cannot be read");
		ua_destroy(ua);
		return NULL;
	}
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

void ua_poll(struct ua *ua, bool on)
{
	ring_poll(ua->ring, on);
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
