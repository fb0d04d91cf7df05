/*
 * journal: what is needed to end a dialog after this process was killed, in a mapped file on tmpfs.
 *
 * One slot per live dialog, written before the request that creates or changes the dialog leaves. Writing is a memory
 * copy: no system call, no disk. The file survives the process and not the machine; a machine that went down took its
 * calls with it. Pure C, no SIP library. A slot whose `state` is JOURNAL_FREE counts as empty whatever else stands in it;
 * `state` is written last when a slot is filled and first when it is given back.
 */
#ifndef SWITCHROOM_SIP_JOURNAL_H
#define SWITCHROOM_SIP_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum journal_state {
	JOURNAL_FREE = 0,
	JOURNAL_CALLING = 1, /* our INVITE has left or is about to: ends by CANCEL */
	JOURNAL_RUNG = 2,    /* their INVITE waits for our final answer: ends by 480 */
	JOURNAL_UP = 3,      /* confirmed, or our 200 has left: ends by BYE */
};

struct journal_slot {
	uint32_t state;
	uint32_t lseq;        /* CSeq of the INVITE we sent, or of our last request */
	uint32_t rseq;        /* CSeq number of their INVITE */
	uint32_t transport;   /* 0 UDP, 1 TCP */
	char call_id[256];
	char ltag[64];
	char rtag[128];
	char branch[64];      /* of our INVITE */
	char sentby[64];      /* "host:port" in its Via */
	char ruri[320];       /* Request-URI of our INVITE */
	char local[384];      /* From/To value of ours, without tag */
	char remote[384];     /* From/To value of theirs, without tag */
	char target[320];     /* remote target (Contact) */
	char destination[64]; /* "host:port" it goes to */
	char line[64];        /* our name of the endpoint */
	char routes[1024];    /* Route headers, each with CRLF; for JOURNAL_RUNG their Via headers as they are sent back */
};

/* A dialog that is over. The ledger writes behind: after a kill it may not have heard of it. */
struct journal_gone {
	uint64_t at; /* CLOCK_MONOTONIC milliseconds; 0: nothing here. Written last */
	char call_id[256];
	char line[64];
};

#define JOURNAL_GONE 2048 /* the last so many: more than end in the time that the ledger takes to write */

struct journal;

/*
 * Opens or makes the file (mode 0600). Its memory is reserved as it is used: where tmpfs has no room, opening fails or a slot is
 * refused, and nobody meets SIGBUS. Slots left by an earlier process stay as they are and are not given out before
 * journal_release(). NULL with errno when it cannot be mapped or belongs to another user.
 */
struct journal *journal_open(const char *path, uint32_t slots);
void journal_close(struct journal *j);

/* An empty slot, zeroed, or NULL when all are taken. */
struct journal_slot *journal_take(struct journal *j);
void journal_release(struct journal *j, struct journal_slot *slot);

/* Notes that the slot's dialog is over, before the slot is released. `now` CLOCK_MONOTONIC milliseconds. */
void journal_ended(struct journal *j, const struct journal_slot *slot, uint64_t now);

/* Dialogs that were over when the file was opened, the `i`th from 0, the latest first; NULL after the last, or after the last
 * that ended at `since` or later. */
const struct journal_gone *journal_gone(struct journal *j, uint32_t i, uint64_t since);

/* Left-over slots at opening, by index from 0; NULL after the last. Their order is of no meaning. */
struct journal_slot *journal_left(struct journal *j, uint32_t i);

/* Takes entry `i` off the list of left-over slots: somebody ends it now and will release it. */
void journal_forget_left(struct journal *j, uint32_t i);

void journal_set_state(struct journal_slot *slot, enum journal_state state);

/* Copies len bytes and a NUL; false (nothing written but an empty string) when it does not fit. */
bool journal_text(char *field, size_t size, const char *p, size_t len);

#endif
