/*
 * ring: records from the SIP thread to Python. One writer, one reader, no lock; an eventfd wakes the reader.
 *
 * A record is a header of RING_HEAD bytes and strings, each with a 16 bit length in front; all little-endian as the
 * machine is (Switchroom runs on little-endian machines only; build.py checks). What finds no room waits in a list in
 * the writer's memory and goes in first later: nothing is ever lost. The writer asks ring_strained() before it lets a
 * new call in, so that waiting is bounded by what the calls in progress can still say.
 */
#ifndef SWITCHROOM_SIP_RING_H
#define SWITCHROOM_SIP_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	RING_HEAD = 32,
	RING_STRINGS = 24,        /* strings of one record */
	RING_RECORD_MAX = 65536,  /* bytes of one record; longer strings are cut */
};

struct ring;

/* One record under construction; the writer's own, reused. */
struct record {
	size_t len;
	uint16_t strings;
	uint8_t buf[RING_RECORD_MAX];
};

struct ring *ring_new(size_t size_log2);
void ring_free(struct ring *r);
int ring_fd(const struct ring *r);

void record_begin(struct record *rec, uint16_t type, uint16_t code, uint64_t id, uint32_t a, uint32_t b);
void record_add(struct record *rec, const char *p, size_t len);

/* Writer only. Without `wake` the reader may sleep on: it is woken by the next record that does, or by ring_call. */
void ring_push(struct ring *r, struct record *rec, bool wake);
void ring_call(struct ring *r);
bool ring_flush(struct ring *r); /* moves waiting records in; true when none waits any more */
bool ring_strained(const struct ring *r);

/* Reader only: takes the wake-up and copies whole records, returns bytes; 0 when empty. `size` is at least RING_RECORD_MAX. What
 * finds no room is left, and wakes anew: the reader asks once, and waits for its descriptor. */
size_t ring_read(struct ring *r, uint8_t *buf, size_t size);
/* Reader only: while `on` it looks by itself, and nobody wakes it. After switching it off it reads once more. */
void ring_poll(struct ring *r, bool on);

uint64_t ring_spilled(const struct ring *r);

#endif
