/**
 * Recordings. The media thread puts samples into a ring of the recording's own; the writer thread opens the file, writes
 * it, keeps its header true twice a second, and says RecordDone when it is safe on disk. A disk that is too slow costs
 * samples of the recording, counted, never of the call.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

#define RATE 8000
#define HEADER 44
#define WRITE_LEAST (RATE / 2)   /* samples: half a second in one write */
#define SPEECH_OVER_FLOOR 8.0    /* 9 dB */
#define SPEECH_LEAST 20000.0     /* mean square: -47 dBov */
#define FLOOR_MOST 40000.0

/* ---- media thread ------------------------------------------------------------------------------------------------- */

static int16_t both(int16_t x, int16_t y)
{
	int v = x + y;

	return (int16_t)(v > 32767 ? 32767 : v < -32768 ? -32768 : v);
}

static void ring_put(struct recording *r, const int16_t *rx, const int16_t *tx, int n)
{
	static const int16_t nothing[FRAME];
	uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
	uint32_t used = head - atomic_load_explicit(&r->tail, memory_order_acquire);

	if (used + (uint32_t)n > RECORD_RING) {
		atomic_fetch_add_explicit(&r->lost, (uint64_t)n, memory_order_relaxed);
		return;
	}
	if (r->paused)
		rx = tx = nothing;
	for (int i = 0; i < n; i++, head++) {
		int16_t *at = r->ring + (size_t)(head % RECORD_RING) * (size_t)r->channels;

		at[0] = r->mode == 1 ? both(rx[i], tx[i]) : rx[i];
		if (r->channels == 2)
			at[1] = tx[i];
	}
	atomic_store_explicit(&r->head, head, memory_order_release);
}

/* Speech is what stands out of the noise floor: the floor follows pauses at once and noise slowly. */
static bool speech(struct recording *r, const int16_t *pcm)
{
	double power = 0;

	for (int i = 0; i < FRAME; i++)
		power += (double)pcm[i] * pcm[i];
	power /= FRAME;
	if (power < r->floor)
		r->floor = power;
	else
		r->floor += (power < FLOOR_MOST ? power - r->floor : 0) * 0.004;
	return power > SPEECH_LEAST && power > SPEECH_OVER_FLOOR * r->floor;
}

void recording_push(struct port *p)
{
	struct recording *r = p->recording;
	int n = r->limit - r->taken < FRAME ? (int)(r->limit - r->taken) : FRAME;

	ring_put(r, p->rx, p->tx, n);
	r->taken += n;
	r->silent = speech(r, p->rx) ? 0 : r->silent + n;
	if (r->taken >= r->limit)
		recording_end(p, RECORD_LIMIT);
	else if (r->silence_limit > 0 && r->silent >= r->silence_limit)
		recording_end(p, RECORD_SILENCE);
	else if (atomic_load_explicit(&r->failed, memory_order_relaxed))
		recording_end(p, RECORD_ERROR);
}

void recording_end(struct port *p, enum record_reason why)
{
	struct recording *r = p->recording;

	if (!r)
		return;
	p->recording = NULL;
	/* From here on it is the writer's. */
	atomic_store_explicit(&r->done, (int)why, memory_order_release);
	port_touch(p);
}

/* ---- control thread ----------------------------------------------------------------------------------------------- */

struct recording *recording_alloc(struct port *p, const char *path, int64_t limit, int64_t silence, int mode)
{
	int channels = mode == 2 ? 2 : 1;
	struct recording *r = calloc(1, sizeof(*r) + RECORD_RING * sizeof(int16_t) * (size_t)channels);

	if (!r)
		return NULL;
	r->path = strdup(path);
	if (!r->path) {
		free(r);
		return NULL;
	}
	r->item.run = recording_adopt;
	r->engine = p->engine;
	r->id = atomic_fetch_add(&p->engine->next_id, 1);
	r->port = p->id;
	r->mode = mode;
	r->channels = channels;
	r->fd = -1;
	r->limit = limit;
	r->silence_limit = silence;
	r->floor = SPEECH_LEAST;
	return r;
}

/* ---- writer ------------------------------------------------------------------------------------------------------- */

static void put_le(uint8_t *at, uint32_t v, int bytes)
{
	for (int i = 0; i < bytes; i++)
		at[i] = (uint8_t)(v >> (8 * i));
}

static void header_write(struct recording *r)
{
	uint8_t h[HEADER] = "RIFF....WAVEfmt ";
	uint32_t size = (uint32_t)(r->written * r->channels * 2);

	put_le(h + 4, size + HEADER - 8, 4);
	put_le(h + 16, 16, 4);
	put_le(h + 20, 1, 2);
	put_le(h + 22, (uint32_t)r->channels, 2);
	put_le(h + 24, RATE, 4);
	put_le(h + 28, RATE * 2 * (uint32_t)r->channels, 4);
	put_le(h + 32, 2 * (uint32_t)r->channels, 2);
	put_le(h + 34, 16, 2);
	memcpy(h + 36, "data", 4);
	put_le(h + 40, size, 4);
	if (pwrite(r->fd, h, HEADER, 0) != HEADER)
		r->error = errno ? errno : EIO;
}

void recording_adopt(struct item *it, void *engine)
{
	struct recording *r = (struct recording *)it;
	struct engine *e = engine;

	r->fd = open(r->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (r->fd < 0)
		r->error = errno;
	else
		header_write(r);
	r->next = e->recordings;
	e->recordings = r;
}

static bool all_written(struct recording *r, const int16_t *data, size_t n)
{
	const char *at = (const char *)data;
	off_t where = HEADER + r->written * r->channels * 2;

	while (n > 0) {
		ssize_t done = pwrite(r->fd, at, n, where);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0) {
			r->error = done < 0 ? errno : ENOSPC;
			return false;
		}
		at += done;
		where += done;
		n -= (size_t)done;
	}
	return true;
}

/* What the ring holds, in at most two writes. */
static void ring_write(struct recording *r, uint32_t head)
{
	uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

	while (tail != head) {
		uint32_t at = tail % RECORD_RING;
		uint32_t n = head - tail < RECORD_RING - at ? head - tail : RECORD_RING - at;

		if (!r->error && all_written(r, r->ring + (size_t)at * (size_t)r->channels,
					     (size_t)n * (size_t)r->channels * 2))
			r->written += n;
		tail += n;
	}
	atomic_store_explicit(&r->tail, tail, memory_order_release);
	if (!r->error)
		header_write(r);
}

static void recording_close(struct recording *r, int why)
{
	struct engine *e = r->engine;
	struct media_event ev = { .kind = EV_RECORD_DONE, .port = r->port, .id = r->id, .code = why, .path = r->path };
	uint64_t lost = atomic_load(&r->lost);

	if (r->fd >= 0) {
		if (fsync(r->fd) != 0 && !r->error)
			r->error = errno;
		if (close(r->fd) != 0 && !r->error)
			r->error = errno;
	}
	ev.a = r->written;
	if (r->error) {
		ev.code = RECORD_ERROR;
		snprintf(ev.text, sizeof(ev.text), "%s", strerror(r->error));
	} else if (lost) {
		snprintf(ev.text, sizeof(ev.text), "disk too slow: %u samples lost", (unsigned)lost);
	}
	atomic_fetch_add(&e->record_lost, lost);
	if (!event_push(&e->writer_events, &ev))
		free(r->path);
	free(r);
}

/* Serves one recording; true when it is over and gone. */
static bool recording_write(struct recording *r, bool all)
{
	int done = atomic_load_explicit(&r->done, memory_order_acquire);
	uint32_t head = atomic_load_explicit(&r->head, memory_order_acquire);
	uint32_t waiting = head - atomic_load_explicit(&r->tail, memory_order_relaxed);

	if (done || all || waiting >= WRITE_LEAST)
		ring_write(r, head);
	if (r->error)
		atomic_store_explicit(&r->failed, true, memory_order_relaxed);
	if (done)
		recording_close(r, done);
	return done;
}

bool recordings_write(struct engine *e, bool all)
{
	struct recording **at = &e->recordings;
	bool told = false;

	while (*at) {
		struct recording *r = *at, *next = r->next;

		if (recording_write(r, all)) {
			*at = next;
			told = true;
		} else {
			at = &r->next;
		}
	}
	return told;
}
