/* command: what Python asks for, from record to deed. The queue is the only part that another thread enters. */
#include "ua.h"

#include <time.h>

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
	if (!leg->outgoing)
		leg->no_call = cmd->type == CMD_REJECT && cmd->a;
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
	case CMD_REFER:
		refer_send(leg, cmd);
		break;
	case CMD_AUTH:
		cmd_auth(leg, cmd);
		break;
	default:
		break;
	}
	return false;
}

static void cmd_dialog(struct ua *ua, const struct command *cmd)
{
	const struct leg *leg = leg_find(ua, cmd->id);
	struct record *rec = ua_record(ua, EV_DIALOG, leg != NULL, cmd->id, 0, 0);

	record_str(rec, leg ? leg->dlg.call_id : "");
	record_str(rec, leg ? leg->dlg.ltag : "");
	record_str(rec, leg && leg->dlg.rtag ? leg->dlg.rtag : "");
	ua_emit(ua);
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
	leg->slot = NULL; /* the far end has not let go: the journal keeps the dialog, the next start ends it */
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
	case CMD_DIALOG:
		cmd_dialog(ua, cmd);
		return false;
	case CMD_STOP:
		cmd_stop(ua, cmd);
		return false;
	default:
		return leg_command(ua, cmd);
	}
}

void command_queue_handler(int id, void *data, void *arg)
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
