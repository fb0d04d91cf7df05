/* What the C files of the user agent share. Only the SIP thread touches anything in here, but for the command queue. */
#ifndef SWITCHROOM_SIP_UA_H
#define SWITCHROOM_SIP_UA_H

#include "ua_libre.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "desc.h"
#include "guard.h"
#include "journal.h"
#include "replaces.h"
#include "ring.h"
#include "sip.h"

enum {
	UA_HASH = 4096,        /* buckets: legs, pending requests */
	UA_LIBRE_HASH = 32768, /* transactions live 32 s */
	CMD_STRINGS = 16,
	LISTEN_MAX = 8,
	TIMER_64T1 = 32000,
};

enum { NETWORKS_MAX = 64 };

struct network {
	struct sa addr;
	unsigned bits;
};

struct command {
	struct command *next;
	size_t len;
	uint16_t type, code;
	uint64_t id;
	uint32_t a, b;
	unsigned strings;
	struct pl str[CMD_STRINGS]; /* each is followed by a NUL */
	uint8_t raw[];
};

struct ua {
	struct sip *sip;
	struct sip_lsnr *lsnr_req, *lsnr_resp;
	struct mqueue *mq;
	struct guard *guard;
	struct journal *journal;
	struct ring *ring;
	struct record rec;
	struct hash *legs_by_id, *legs_by_call, *pending, *orphans;
	struct list streams;
	uint16_t udp_port; /* of the socket bound last */
	bool any; /* listening now, on every address */
	uint16_t port[LISTEN_MAX];
	struct sa public_addr; /* AF_UNSPEC: none announced */
	struct network local[NETWORKS_MAX];
	unsigned locals;
	bool public_bad;
	unsigned listens;
	struct tmr second_tmr, stop_tmr, call_tmr;
	uint64_t next_id; /* odd */
	uint32_t legs;
	bool stopping;
	char cancel_reason[256]; /* Reason header of the CANCEL that is being handled */

	char *listen, *software, *journal_path, *emergency;
	struct ua_config cfg;

	pthread_t thread;
	pthread_mutex_t lock; /* queue, started */
	pthread_cond_t cond;
	struct command *first, **last;
	int started; /* 0 not yet, 1 running, 2 over, -1 failed */
	bool joined;
	char error[256];
	struct guard_out *guard_out;

	struct {
		_Atomic uint64_t requests_in, messages_in, messages_out, shed, refused, tcp_connections, journal_full, unhandled;
		_Atomic uint64_t legs, cpu_us, blocks_left;
	} count;
};

extern struct ua *the_ua; /* libre keeps state per thread; one user agent per process */

enum leg_state {
	LEG_CALLING,   /* our INVITE is out */
	LEG_RUNG,      /* their INVITE waits for us */
	LEG_ANSWERED,  /* our 200 is out, no ACK yet */
	LEG_UP,
	LEG_CANCELLING,/* we gave up our INVITE, the final answer is awaited */
	LEG_LEAVING,   /* our BYE is out */
	LEG_GONE,
};

struct dialog {
	char *call_id, *ltag, *rtag;
	char *local, *remote; /* name-addr without tag */
	char *target;         /* their Contact: Request-URI */
	char *routes;         /* Route header lines, "" when none */
	char *user;           /* user part of our Contact */
	uint32_t lseq, rseq;
	bool rseq_set;
	struct sa dst;
	enum sip_transp tp;
};

struct leg {
	struct le he_id, he_call;
	struct ua *ua;
	uint64_t id;
	enum leg_state state;
	bool outgoing;
	bool ended;  /* EV_ENDED has gone out */
	struct dialog dlg;
	struct journal_slot *slot;
	bool no_call; /* it has no record of its own: refused by the driver, a stranger's of which it has said nothing yet, or one
			 of several branches */

	/* their INVITE (the first or a later one) */
	struct sip_msg *invite;
	struct sip_strans *st;
	struct mbuf *ok; /* our 200, sent again until the ACK */
	struct sa ok_dst;
	struct tmr ok_tmr, ok_limit; /* ok_tmr: the 100 first, then the 200 again */
	uint32_t ok_count, ok_cseq;
	bool ok_offer; /* our 200 carried the offer: the ACK brings the answer */

	/* our INVITE (the first or a later one) */
	struct sip_request *req;
	uint32_t invite_cseq;
	bool invite_offer;   /* it carried an offer */
	bool provisional;    /* some 1xx came */
	char *headers;       /* of ours */
	char *auth;          /* Authorization lines for the next try */
	uint32_t auth_tries;
	char *ruri;
	struct tmr tmr;      /* timer B, then re-INVITE after 491 */
	bool modify_waits;

	/* media */
	struct desc_local local;
	struct desc *offer;  /* theirs, not answered yet */
	struct desc_far far;
	bool far_set;
	uint64_t desc_id;
	uint32_t desc_version;

	/* reliable provisional answers (RFC 3262) */
	bool rel_required;   /* they require them */
	uint32_t rel_seq;    /* ours, last sent */
	uint32_t rel_seen;   /* theirs, last seen */
	struct mbuf *rel_mb;
	struct tmr rel_tmr;
	uint32_t rel_count;
	struct command *answer_waits;

	/* session timer (RFC 4028) */
	uint32_t se_seconds;
	bool se_refresher, se_peer, update_ok;
	struct tmr se_tmr;

	/* how it ended */
	uint16_t end_code, end_q850;
	uint8_t end_by;
	char end_text[96];
	char *end_contact; /* of a 3xx */
	uint16_t bye_q850;
	char bye_text[64];

	struct list reql; /* requests in the dialog that are not INVITE */
};

/* ---- command.c ---- */
void command_queue_handler(int id, void *data, void *arg);

/* ---- texts.c ---- */
void ua_emit(struct ua *ua);
void ua_emit_soon(struct ua *ua);
struct record *ua_record(struct ua *ua, enum ua_ev type, uint16_t code, uint64_t id, uint32_t a, uint32_t b);
void record_pl(struct record *rec, const struct pl *pl);
void record_str(struct record *rec, const char *s);
void record_sa(struct record *rec, const struct sa *sa);
void record_headers(struct record *rec, const struct sip_msg *msg, enum sip_hdrid id, enum sip_hdrid id2);
void record_far(struct record *rec, const struct desc_far *far);
bool ua_sa_decode(struct sa *sa, const struct pl *pl);
int ua_route(char *buf, size_t size, struct uri *uri, const struct sa *dst, enum sip_transp tp);
void ua_laddr(struct ua *ua, struct sa *laddr, enum sip_transp tp, const struct sa *dst);
int ua_contact_print(struct mbuf *mb, const char *user, const struct sa *laddr, enum sip_transp tp);
bool desc_local_decode(struct desc_local *local, const struct pl *pl);
const struct pl *cmd_str(const struct command *cmd, unsigned i);
void reason_parse(const struct sip_msg *msg, uint16_t *q850, char *text, size_t size);
void reason_parse_value(const struct pl *val, uint16_t *q850, char *text, size_t size);
bool option_listed(const struct sip_msg *msg, enum sip_hdrid id, const char *tag);
bool sdp_body(const struct sip_msg *msg);
void desc_local_host(struct ua *ua, struct desc_local *local, enum sip_transp tp, const struct sa *dst);

void ua_stop_check(struct ua *ua);

/* ---- dialog.c ---- */
void dialog_free(struct dialog *d);
int dialog_from_invite(struct dialog *d, const struct sip_msg *msg);
int dialog_peer(struct dialog *d, const struct sip_msg *msg, bool routes);
bool dialog_matches(const struct dialog *d, const struct sip_msg *msg);
typedef int (dialog_head_h)(struct mbuf *mb, const struct sa *laddr, const struct sa *dst, enum sip_transp tp, void *arg);
int dialog_request(struct ua *ua, struct dialog *d, struct sip_request **reqp, const char *met, uint32_t cseq,
		   const char *ruri, const char *headers, const char *ctype, const uint8_t *body, size_t len,
		   sip_send_h *sendh, sip_resp_h *resph, void *arg);
void dialog_destination(struct dialog *d, const struct sa *src, enum sip_transp tp);

/* ---- leg.c: life of a leg ---- */
struct leg *leg_new(struct ua *ua, uint64_t id);
void leg_link(struct leg *leg);
struct leg *leg_find(struct ua *ua, uint64_t id);
struct leg *leg_of(struct ua *ua, const struct sip_msg *msg);
struct leg *leg_by_dialog(struct ua *ua, const struct pl *call_id, const struct pl *ltag, const struct pl *rtag);
void leg_cause(struct leg *leg, uint16_t code, uint16_t q850, uint8_t by, const char *text);
void leg_report(struct leg *leg);
void leg_end(struct leg *leg); /* leg_report, then it is freed */
void leg_bye(struct leg *leg);
void leg_hang_up(struct leg *leg, uint16_t q850, const char *text);
void leg_fail(struct leg *leg, int err);
bool leg_far_set(struct leg *leg, const struct desc_far *far);
void leg_journal_dialog(struct leg *leg, enum journal_state state);
struct mbuf;

/* ---- invite.c: their INVITE that begins a leg ---- */
void uas_invite(struct ua *ua, const struct sip_msg *msg);

/* ---- uas.c: what becomes of their INVITEs ---- */
uint16_t uas_take_offer(struct leg *leg, const struct sip_msg *msg);
void uas_progress(struct leg *leg, uint16_t code, const struct pl *media);
void uas_answer(struct leg *leg, const struct desc_local *local);
void uas_reject(struct leg *leg, uint16_t code, const char *reason, const char *headers);
void uas_reinvite(struct leg *leg, const struct sip_msg *msg);
void uas_ack(struct leg *leg, const struct sip_msg *msg);
void uas_prack(struct leg *leg, const struct sip_msg *msg);
void uas_drop(struct leg *leg);

/* ---- uac.c: our INVITE ---- */
void uac_call(struct ua *ua, const struct command *cmd);
int uac_invite(struct leg *leg);
void uac_modify(struct leg *leg);
void uac_cancel(struct leg *leg);
bool uac_stray_ok(struct ua *ua, const struct sip_msg *msg);

/* ---- indialog.c: everything else within a dialog, session timers ---- */
void indialog_request(struct leg *leg, const struct sip_msg *msg);
int indialog_send(struct leg *leg, const char *met, const char *headers, const char *ctype, const uint8_t *body, size_t len);
void indialog_auth(struct leg *leg, uint32_t number, const char *headers);
void session_timer_start(struct leg *leg, uint32_t seconds, bool refresher);
uint32_t session_timer_header(const struct sip_msg *msg, bool *has, bool *uac, bool *uas);

/* ---- refer.c: REFER both ways ---- */
void refer_send(struct leg *leg, const struct command *cmd);
void refer_state(struct leg *leg, uint16_t code);
void refer_in(struct leg *leg, const struct sip_msg *msg);
void refer_notify(struct leg *leg, const struct sip_msg *msg);

/* ---- orphan.c ---- */
void orphans_end(struct ua *ua, const struct command *cmd);
bool orphan_response(struct ua *ua, const struct sip_msg *msg);
bool orphan_request(struct ua *ua, const struct sip_msg *msg);
void orphans_close(struct ua *ua);

/* ---- requests.c: what belongs to no call ---- */
void request_in(struct ua *ua, const struct sip_msg *msg);
void request_reply(struct ua *ua, const struct command *cmd);
void request_out(struct ua *ua, const struct command *cmd);
void requests_close(struct ua *ua);

/* ---- public.c: behind NAT ---- */
int public_decode(struct ua *ua, const char *address, const char *local);
bool public_towards(const struct ua *ua, const struct sa *dst);
void public_apply(const struct ua *ua, struct sa *laddr, const struct sa *dst);

/* ---- front.c: the guard before libre ---- */
void front_close(struct ua *ua);

#endif
