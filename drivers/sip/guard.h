/*
 * guard: looks at every SIP message before the SIP stack sees it.
 *
 * Pure C: no stack library, no I/O, no clock, no allocation after guard_new(), no loop without a bound. One thread owns
 * a guard (the SIP thread); nothing here locks. Only guard_set_shed() and guard_counters() may be called from elsewhere.
 *
 * What it decides, in this order:
 *   1. ban table           a banned source is dropped unread
 *   2. form of the message RFC 3261 / RFC 4475: answer statelessly what the stack would drop, mangle or wrongly accept
 *   3. rate per source     out-of-dialog requests of sources we do not know (docs/security.md says why not a ban)
 *   4. overload            503 + Retry-After to new INVITEs only
 */
#ifndef SWITCHROOM_SIP_GUARD_H
#define SWITCHROOM_SIP_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
	GUARD_MESSAGE_MAX = 32768, /* bytes of one message, head and body; more is dropped (datagram) or closed (stream) */
	GUARD_HEAD_MAX = 16384,    /* bytes of start line and headers */
	GUARD_OUT_MAX = 33792,     /* bytes of guard_out.buf: a whole rewritten message fits */
	GUARD_HEADERS_MAX = 256,   /* header lines of one message */
	GUARD_EMERGENCY_MAX = 32,  /* emergency user parts */
	GUARD_STREAM_WAIT_MS = 10000, /* how long a stream may stay in the middle of a message before it is closed */
};

enum guard_verdict {
	GUARD_PASS = 0,  /* give it to the stack: out->buf/len when out->rewritten, else the bytes as they came */
	GUARD_DROP = 1,  /* say nothing */
	GUARD_REPLY = 2, /* send out->buf/len: datagram to source address : out->port; stream on the same connection */
	GUARD_CLOSE = 3, /* stream only: send out->buf/len if any, then close the connection */
};

struct guard;

struct guard_config {
	uint8_t secret[16];    /* random per start: tags, branches and hash tables cannot be guessed */
	const char *allow;     /* Allow value; NULL: GUARD_ALLOW. A known method that is not in it gets 405 */
	const char *supported; /* option tags we understand; NULL: GUARD_SUPPORTED. Others in Require get 420 */
	unsigned source_burst; /* challenges an unknown source gets at once; 0: 40. Other answers: five times as many */
	unsigned source_rate;  /* ... and per minute afterwards; 0: 60 */
	unsigned retry_after;  /* seconds, in the 503 of overload; 0: 5 */
};

#define GUARD_ALLOW "INVITE, ACK, BYE, CANCEL, OPTIONS, REGISTER, PRACK, UPDATE, INFO, REFER, NOTIFY, SUBSCRIBE"
#define GUARD_SUPPORTED "100rel, timer, replaces, path"

struct guard_out {
	enum guard_verdict verdict;
	uint16_t status;  /* of a reply, else 0 */
	uint16_t port;    /* host order: where a datagram reply goes (RFC 3261 18.2.2, RFC 3581) */
	bool rewritten;   /* PASS: the stack must see buf/len in place of what came */
	const char *why;  /* static text for logs and counters, never NULL */
	size_t len;
	uint8_t buf[GUARD_OUT_MAX];
};

struct guard_counters {
	uint64_t seen, passed, rewritten, replied, dropped, closed;
	uint64_t banned;  /* dropped because of a ban */
	uint64_t limited; /* dropped by the rate per source */
	uint64_t shed;    /* 503 */
};

/* The only allocation: about 3 MB of tables. NULL when out of memory. */
struct guard *guard_new(const struct guard_config *cfg);
void guard_free(struct guard *g);

/*
 * One whole message: a datagram, or on a stream one frame as guard_frame() cut it. `now_us` is monotonic.
 * Returns out->verdict. `out` may be reused without clearing.
 */
enum guard_verdict guard_check(struct guard *g, const uint8_t *buf, size_t len, const struct sockaddr *src, bool stream,
			       uint64_t now_us, struct guard_out *out);

/*
 * Before a response leaves (any transport): takes out again the Via branch that a rewrite put in, so that the far end
 * reads its own Via. Shortens in place, returns the new length; other messages stay as they are. Cheap.
 */
size_t guard_outgoing(const struct guard *g, uint8_t *buf, size_t len);

/* ---- streams: where one message ends ---- */

enum guard_frame {
	GUARD_FRAME_WAIT = 0,  /* not whole yet: read on, close after GUARD_STREAM_WAIT_MS */
	GUARD_FRAME_WHOLE = 1, /* *n bytes are one message: hand them to guard_check() */
	GUARD_FRAME_SKIP = 2,  /* *n bytes of line ends between messages (keep-alive, RFC 5626): throw away */
	GUARD_FRAME_BAD = 3,   /* framing is lost (no, bad, negative, differing or huge Content-Length, head too long):
				* hand the first *n bytes to guard_check(), which answers 400 where it can, then close */
};

enum guard_frame guard_frame(const uint8_t *buf, size_t len, size_t *n);

/*
 * ---- bans, and the sources that can never be banned (v4-mapped v6 counts as v4) ----
 *
 * Lines' addresses and those of live registrations are allowed: exempt from bans and from the rate per source. Allowing is
 * counted (two phones behind one address are two guard_allow) and lifts a ban. With a port the end point is allowed too.
 */
bool guard_allow(struct guard *g, const struct sockaddr *addr); /* false when the table (8,192 end points) is full */
bool guard_disallow(struct guard *g, const struct sockaddr *addr); /* same address and port as in guard_allow */
bool guard_allowed(const struct guard *g, const struct sockaddr *addr); /* looks at the address only */

/*
 * Bans the whole address; where that is allowed, only its end point (address and port), unless that one is allowed, too: a
 * guesser on the machine of a gateway is shut out, the gateway is not. False when there is nothing to ban.
 */
bool guard_ban(struct guard *g, const struct sockaddr *addr, uint64_t until_us);
bool guard_unban(struct guard *g, const struct sockaddr *addr);
bool guard_banned(const struct guard *g, const struct sockaddr *addr, uint64_t now_us);

/* ---- overload ---- */

/* New INVITEs per second let through, 0 = all; any thread. `burst` is how many may come at once (0: rate / 10 + 1). */
void guard_set_shed(struct guard *g, unsigned per_second, unsigned burst);

/* User parts that are never shed ("112", "0112"); comma separated, at most GUARD_EMERGENCY_MAX of at most 15 characters. */
bool guard_set_emergency(struct guard *g, const char *users);

void guard_counters(const struct guard *g, struct guard_counters *out);

#endif
