/* What the C files of the guard share; nobody else includes this. */
#ifndef SWITCHROOM_SIP_GUARD_INT_H
#define SWITCHROOM_SIP_GUARD_INT_H

#include "guard.h"

#include <stdatomic.h>

/* ---- text: bytes inside the message, never terminated ---- */

struct span {
	const char *p;
	size_t n;
};

static inline bool span_set(struct span s)
{
	return s.p != NULL;
}

static inline bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static inline bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* guard_text.c */
bool span_is(struct span s, const char *text);     /* exact */
bool span_iscase(struct span s, const char *text); /* ASCII case ignored */
struct span span_trim(struct span s);              /* without white space (also folds) at both ends */

/*
 * Cuts the next piece off *rest at `sep` standing outside quotes and <>; false when *rest is used up. Pieces are trimmed.
 * An unclosed quote or bracket takes in everything to the end.
 */
bool span_next(struct span *rest, char sep, struct span *piece);

/* ---- one message, read (guard_msg.c) ---- */

enum method {
	M_UNKNOWN = 0,
	M_INVITE,
	M_ACK,
	M_BYE,
	M_CANCEL,
	M_OPTIONS,
	M_REGISTER,
	M_PRACK,
	M_UPDATE,
	M_INFO,
	M_REFER,
	M_NOTIFY,
	M_SUBSCRIBE,
	M_MESSAGE,
	M_PUBLISH,
	M_COUNT
};

extern const char *const guard_methods[M_COUNT];

enum { LINES_MAX = 16 }; /* of one kind of header that is looked at closely */

/* Header lines of one kind: the first LINES_MAX values, and how many there were. */
struct lines {
	struct span v[LINES_MAX];
	unsigned n;
};

struct via {
	struct span host; /* without brackets */
	unsigned port;    /* 0: none given */
	struct span branch;
	bool has_branch, has_rport, ok;
	struct span rport_end; /* empty span just behind "rport": where "=port" belongs */
};

/* A name-addr or addr-spec with header parameters (To, From, Contact). */
struct address {
	struct span uri, tag;
};

struct message {
	bool request;
	unsigned status;
	struct span method_text, uri, version;
	enum method method;
	struct span via[GUARD_HEADERS_MAX]; /* whole values, as they came */
	unsigned vias;
	struct span via_top; /* the first of the comma separated values in via[0] */
	struct via top;
	struct span to, from, call_id, cseq, max_forwards, content_type, content_length;
	unsigned to_n, from_n, call_id_n, cseq_n, max_forwards_n, content_length_n, content_type_n;
	struct lines contact, require, accept;
	bool authorization, replaces;
	struct address to_addr, from_addr;
	uint32_t cseq_number;
	size_t head;     /* bytes up to and including the empty line */
	uint64_t length; /* Content-Length, where content_length_n == 1 and it is a number */
	bool length_ok;
	const char *fault; /* first thing wrong with the lines themselves; NULL if none */
};

/*
 * Splits into start line and headers. False: this is no SIP at all (nothing could be answered). Faults of form are left in
 * m->fault, so that as much as possible is known for the answer.
 */
bool message_read(struct message *m, const char *p, size_t n);

/* Empty line found? Bytes up to and including it, else 0. Looks at no more than GUARD_HEAD_MAX. */
size_t message_head(const char *p, size_t n);

bool via_read(struct via *v, struct span value);
bool address_read(struct address *a, struct span value);
/* NULL, or what is wrong with a request URI or an address' URI. */
const char *uri_fault(struct span uri);
bool uri_is_sip(struct span uri);
bool number_read(struct span s, uint64_t max, uint64_t *value);
bool is_token(struct span s);

/* ---- form (guard_form.c) ---- */

enum { EXTRA_MAX = 1024 };

struct answer {
	unsigned status; /* 0: nothing to object to */
	const char *reason, *why;
	char extra[EXTRA_MAX];
};

bool list_has(const char *list, struct span tag);
bool answer_object(struct answer *a, unsigned status, const char *reason, const char *why); /* false, for "return" */
void answer_add(struct answer *a, const char *text);
void form_judge(const struct guard *g, struct message *m, size_t len, bool stream, struct answer *a);
const char *form_response(struct message *m, size_t len); /* why a response is dropped; NULL: it is sound */

/* ---- writing (guard_reply.c) ---- */

struct writer {
	uint8_t *p;
	size_t n, cap;
	bool full;
};

void write_bytes(struct writer *w, const char *p, size_t n);
void write_text(struct writer *w, const char *text);
void write_number(struct writer *w, uint64_t value);
void write_hex(struct writer *w, uint64_t value);

/* A whole stateless response; `extra` are header lines, each with its CRLF. False when it does not fit. */
bool reply_write(struct guard_out *out, const struct message *m, const struct sockaddr *src, unsigned status,
		 const char *reason, const char *extra, uint64_t tag);

/* ---- keyed hash and tables (guard_table.c) ---- */

struct sip_hash {
	uint64_t v0, v1, v2, v3, tail;
	size_t n;
};

void hash_begin(struct sip_hash *h, const uint8_t key[16]);
void hash_add(struct sip_hash *h, const void *p, size_t n);
void hash_span(struct sip_hash *h, struct span s); /* with its length, so that neighbours cannot flow together */
uint64_t hash_end(struct sip_hash *h);

/* `port` is host order; 0 stands for the whole address. */
struct source {
	uint8_t ip[16];
	uint32_t port;
};

bool source_read(struct source *s, const struct sockaddr *addr);

enum { ALLOW_SLOTS = 16384, ALLOW_MAX = 8192, BAN_SLOTS = 8192, RATE_SLOTS = 16384, CALL_SLOTS = 65536, WAYS = 8 };

struct allow_slot {
	struct source source;
	uint32_t count; /* 0: free */
};

struct ban_slot {
	struct source source;
	uint64_t until_us; /* 0: free */
};

/* What a request costs the source that we do not know: see rate_of() in guard.c. */
enum rate { RATE_CHALLENGE, RATE_OTHER, RATE_DIALOG, RATES };

/* The buckets of one source, in thousandths of a message. */
struct rate_slot {
	struct source source;
	uint64_t seen_us; /* 0: free */
	uint32_t milli[RATES];
};

/* What overload decided about a call, so that retransmissions and the INVITE with credentials fare alike. */
struct call_slot {
	uint64_t key; /* 0: free */
	uint64_t seen_us;
	uint32_t cseq;
	uint16_t passes;
	bool admitted;
};

struct bucket {
	uint64_t milli, at_us;
};

struct guard {
	uint8_t secret[16];
	char allow[256], supported[256], retry_after[32];
	unsigned source_burst, source_rate;
	uint32_t allowed_methods; /* bit per enum method */
	char mark[32];            /* what our own Via branches begin with */
	char emergency[GUARD_EMERGENCY_MAX][16];
	unsigned emergencies;
	_Atomic unsigned shed_rate, shed_burst;
	struct bucket shed, unknown;
	unsigned allows;
	struct allow_slot allow_table[ALLOW_SLOTS];
	struct ban_slot ban_table[BAN_SLOTS];
	struct rate_slot rate_table[RATE_SLOTS];
	struct call_slot call_table[CALL_SLOTS];
	_Atomic uint64_t count[sizeof(struct guard_counters) / sizeof(uint64_t)];
};

/* Takes one from a bucket that fills at `per_second` up to `burst`; false when it is empty. */
bool bucket_take(struct bucket *b, uint64_t per_second, uint64_t burst, uint64_t now_us);
bool rate_take(struct guard *g, const struct source *s, enum rate which, uint64_t now_us);
bool source_allowed(const struct guard *g, const struct source *s); /* its address, whatever the port */
bool source_banned(const struct guard *g, const struct source *s, uint64_t now_us);
struct call_slot *call_find(struct guard *g, uint64_t key, uint64_t now_us);
struct call_slot *call_add(struct guard *g, uint64_t key, uint64_t now_us);

#endif
