/*
 * sip: the SIP user agent in its own thread, as Python sees it. Eight functions; the rest is records.
 *
 * Commands go in and events come out as records (ring.h): a head of 32 bytes — u32 bytes, u16 type, u16 code, u64 id,
 * u32 a, u32 b, u16 number of strings, 6 unused — then the strings, each u16 length and bytes. In commands every string is
 * followed by a NUL that its length does not count. Nothing here takes Python's lock, and no function waits but
 * ua_start (until the sockets stand) and ua_free (until the thread has gone).
 *
 * Ids name legs and pending requests: what Python starts has an even id, what arrives an odd one.
 */
#ifndef SWITCHROOM_SIP_H
#define SWITCHROOM_SIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ua;

struct ua_config {
	const char *listen;       /* "192.0.2.1:5060 [2001:db8::1]:5060": UDP and TCP on each */
	const char *software;     /* User-Agent and Server */
	const char *journal;      /* path on tmpfs, or NULL: no journal */
	const char *emergency;    /* user parts never shed, comma separated */
	const char *public_addr;  /* "203.0.113.1:0": told to far ends outside `local`, port 0: our own; "": none */
	const char *local;        /* networks, "10.0.0.0/8 fd00::/8" */
	uint32_t journal_slots;   /* also the most legs at once, when there is a journal */
	uint32_t max_legs;
	uint32_t max_fds;         /* highest descriptor number + 1 that the loop can watch */
	uint32_t timer_b_ms;      /* INVITE without any answer, 0: 32,000 (RFC 3261 timer B) */
	uint32_t session_seconds; /* Session-Expires asked for, 0: no session timer of our own */
	uint32_t min_se;          /* RFC 4028, at least 90 */
	uint32_t ring_log2;       /* size of the event ring */
	uint8_t secret[16];
};

/* NULL and a sentence in `error` when a socket cannot be bound or memory is short. */
struct ua *ua_start(const struct ua_config *cfg, char *error, size_t size);
/* After the stop command was answered by EV_STOPPED (or to abandon it): joins the thread, frees everything. Returns the
 * number of library blocks still allocated, 0 when nothing leaked. */
size_t ua_free(struct ua *ua);
/* Descriptor that becomes readable when there are events; ua_events makes it unreadable. */
int ua_fd(const struct ua *ua);
/* Copies whole event records; 0 when there are none. `size` at least 65,536. What finds no room in it makes the descriptor
 * readable again. */
size_t ua_events(struct ua *ua, uint8_t *buf, size_t size);
/* While `on`, whoever takes the events looks by itself, and the descriptor stays unreadable. After switching it off: ua_events
 * once more. */
void ua_poll(struct ua *ua, bool on);
/* One or several command records. 0, or ENOMEM, EINVAL (malformed: nothing is carried out). */
int ua_command(struct ua *ua, const uint8_t *records, size_t len);
/* Local ports in the order of `listen`; UDP and TCP share one. */
uint16_t ua_port(const struct ua *ua, unsigned index);

struct ua_counters {
	uint64_t legs, requests_in, messages_in, messages_out, spilled, shed, refused, tcp_connections;
	uint64_t guard_dropped, guard_replied, guard_banned, journal_full, unhandled;
	uint64_t cpu_us; /* of the SIP thread */
};
void ua_counters(struct ua *ua, struct ua_counters *out);

enum ua_cmd {
	CMD_CALL = 1,      /* code transport, a timer B ms (0: default), b 1: a further branch of a call; CALL_* strings */
	CMD_PROGRESS = 2,  /* code 180..183; [media] */
	CMD_ANSWER = 3,    /* media */
	CMD_REJECT = 4,    /* code, a 1: it never became a call; reason, header lines */
	CMD_HANGUP = 5,    /* code Q.850; text */
	CMD_MODIFY = 6,    /* media */
	CMD_INDIALOG = 7,  /* method, header lines, body */
	CMD_AUTH = 8,      /* a request number from EV_AUTH, code 1: give up; header lines */
	CMD_REPLY = 9,     /* code; reason, header lines, body */
	CMD_REQUEST = 10,  /* code transport, a CSeq; REQ_* strings */
	CMD_ORPHANS = 11,  /* Call-IDs; "" stands for every other left-over slot */
	CMD_BAN = 12,      /* a seconds (0: lift); address */
	CMD_ALLOW = 13,    /* code 1 allow, 0 no longer; address */
	CMD_SHED = 14,     /* a new INVITEs per second (0: all), b burst */
	CMD_STOP = 15,     /* a ms to wait for the far ends */
	CMD_REFER = 16,    /* a/b id of the leg whose place is to be taken (0: none), code 1: by an INVITE to us; URI, "": its Contact */
	CMD_DIALOG = 17,   /* what a leg is called: EV_DIALOG */
};
enum { CALL_ID, CALL_RURI, CALL_TO, CALL_FROM, CALL_USER, CALL_DST, CALL_ROUTES, CALL_HEADERS, CALL_LINE, CALL_MEDIA, CALL_STRINGS };
enum { REQ_METHOD, REQ_RURI, REQ_TO, REQ_FROM, REQ_CALL_ID, REQ_USER, REQ_DST, REQ_HEADERS, REQ_BODY, REQ_STRINGS };

enum ua_ev {
	EV_INVITE = 1,   /* code transport + 2 * status to refuse its Replaces with, a/b id of the leg it replaces (low, high); INV_* */
	EV_PROGRESS = 2, /* code 180..199; far media or "" */
	EV_ANSWERED = 3, /* far media */
	EV_MEDIA = 4,    /* far media */
	EV_ENDED = 5,    /* code SIP status, a Q.850, b BY_*; text, Contact of a redirection or "" */
	EV_INFO = 6,     /* content type, body */
	EV_REFER = 7,    /* Refer-To, Referred-By */
	EV_AUTH = 8,     /* code 401 or 407, a number of the request; method, uri, challenges (line by line), stale tries in b */
	EV_REQUEST = 9,  /* code transport, a CSeq; REQIN_* strings */
	EV_RESPONSE = 10,/* code status (0: none came, text says why), a errno; reason, RESP_* strings */
	EV_ORPHAN = 11,  /* code 2 found and being ended, 1 ended, 0 not found or no answer; Call-ID, line, detail */
	EV_STOPPED = 12,
	EV_BANNED = 13,
	EV_DIALOG = 15,  /* code 1 found; Call-ID, our tag, theirs ("": not answered yet) */
	EV_REFERRED = 14,/* code SIP status: our REFER's refusal, or the state of the call that it brought about */
};
enum { BY_FAR = 0, BY_NEAR = 1, BY_NETWORK = 2 };
enum {
	INV_SOURCE, INV_RURI, INV_FROM, INV_TO, INV_PAI, INV_CALL_ID, INV_AUTH, INV_FAR, INV_CONTACT, INV_AGENT, INV_LOCAL,
	INV_PRIVACY, INV_DIVERSION,
};
enum {
	REQIN_METHOD, REQIN_SOURCE, REQIN_RURI, REQIN_FROM, REQIN_TO, REQIN_CALL_ID, REQIN_AUTH, REQIN_CONTACT, REQIN_EXPIRES,
	REQIN_PATH, REQIN_SUPPORTED, REQIN_AGENT, REQIN_EVENT, REQIN_BODY, REQIN_LOCAL,
	REQIN_TAG, REQIN_ROUTES, REQIN_ACCEPT,
};
enum { RESP_REASON, RESP_CHALLENGE, RESP_CONTACT, RESP_EXPIRES, RESP_MIN_EXPIRES, RESP_RETRY_AFTER, RESP_SERVICE_ROUTE, RESP_VIA, RESP_SOURCE };

#endif
