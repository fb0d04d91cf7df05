/**
 * Playing clips. The control thread and the media thread share one word per playback: samples sent, and a bit that says
 * stop. The media thread claims each frame by compare-and-swap before it goes out, so that whoever sets the bit knows
 * to the sample what the far end was sent.
 */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

struct clip *clip_alloc(size_t samples)
{
	struct clip *c = samples > (1u << 30) ? NULL : malloc(sizeof(*c) + samples * sizeof(int16_t));

	if (!c)
		return NULL;
	atomic_init(&c->refs, 1);
	c->length = samples;
	return c;
}

int16_t *clip_samples(struct clip *c)
{
	return c->samples;
}

size_t clip_length(const struct clip *c)
{
	return c->length;
}

void clip_free(struct clip *c)
{
	if (c && atomic_fetch_sub(&c->refs, 1) == 1)
		free(c);
}

static void play_dropped(struct item *it, void *engine)
{
	(void)engine;
	play_drop((struct play *)it);
}

struct play *play_alloc(struct clip **clips, int count, int again, int gap)
{
	struct play *pl = calloc(1, sizeof(*pl) + (size_t)count * sizeof(pl->clip[0]));
	int64_t repeated = 0;

	if (!pl)
		return NULL;
	pl->item.run = play_dropped;
	atomic_init(&pl->refs, 2);
	pl->again = again >= 0 && again < count ? again : NO_LOOP;
	pl->gap = gap;
	pl->count = count;
	for (int i = 0; i < count; i++) {
		atomic_fetch_add(&clips[i]->refs, 1);
		pl->clip[i] = clips[i];
		pl->total += (int64_t)clips[i]->length;
		if (i >= pl->again)
			repeated += (int64_t)clips[i]->length + gap;
	}
	/* An endless loop over nothing would never move on. */
	if (repeated == 0)
		pl->again = NO_LOOP;
	pl->total += (int64_t)gap * (pl->again == NO_LOOP ? count - 1 : count);
	return pl;
}

void play_drop(struct play *pl)
{
	if (!pl || atomic_fetch_sub(&pl->refs, 1) != 1)
		return;
	for (int i = 0; i < pl->count; i++)
		clip_free(pl->clip[i]);
	free(pl);
}

int64_t play_stop(struct play *pl)
{
	return atomic_fetch_or(&pl->progress, 1) >> 1;
}

void play_begin(struct port *p, struct play *pl)
{
	if (p->play)
		play_end(p, false);
	p->play = pl;
}

void play_end(struct port *p, bool complete)
{
	struct play *pl = p->play;

	if (!pl)
		return;
	p->play = NULL;
	/* Whoever closes a port has asked for the position: nobody is woken to hear it again. */
	if (!p->closing && !atomic_load_explicit(&p->let_go, memory_order_relaxed))
		shard_tell(port_shard(p), &(struct media_event){
			.kind = EV_PLAY_DONE, .port = p->id, .id = pl->id, .a = play_stop(pl), .b = pl->total,
			.flag = complete });
	engine_discard(p->engine, &pl->item);
}

/* Adds up to `room` samples of what comes next; 0 at the end of all. Moves on over clips and gaps. */
static size_t play_next(struct play *pl, int16_t *out, size_t room)
{
	while (pl->index < pl->count) {
		size_t length = pl->in_gap ? (size_t)pl->gap : pl->clip[pl->index]->length;
		size_t n = length - pl->at < room ? length - pl->at : room;

		if (n > 0) {
			if (!pl->in_gap)
				memcpy(out, pl->clip[pl->index]->samples + pl->at, n * sizeof(*out));
			pl->at += n;
			return n;
		}
		pl->at = 0;
		if (!pl->in_gap && (pl->again != NO_LOOP || pl->index + 1 < pl->count)) {
			pl->in_gap = true;
			continue;
		}
		pl->in_gap = false;
		pl->index++;
		if (pl->again != NO_LOOP && pl->index == pl->count)
			pl->index = pl->again;
	}
	return 0;
}

static size_t play_ahead(struct play *pl, int16_t *frame)
{
	size_t n = 0;

	memset(frame, 0, FRAME * sizeof(*frame));
	while (n < FRAME) {
		size_t got = play_next(pl, frame + n, FRAME - n);

		if (got == 0)
			break;
		n += got;
	}
	return n;
}

static bool play_over(const struct play *pl)
{
	return pl->again == NO_LOOP && atomic_load_explicit(&pl->progress, memory_order_relaxed) >> 1 >= pl->total;
}

bool play_fill(struct port *p, int16_t *out)
{
	struct play *pl = p->play;
	int16_t frame[FRAME];
	int64_t was;
	size_t n;

	if (!pl)
		return false;
	was = atomic_load_explicit(&pl->progress, memory_order_relaxed);
	n = was & 1 ? 0 : play_ahead(pl, frame);
	if (was & 1 || !atomic_compare_exchange_strong(&pl->progress, &was, was + 2 * (int64_t)n)) {
		play_end(p, false);
		port_touch(p);
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		int v = out[i] + frame[i];

		out[i] = (int16_t)(v > 32767 ? 32767 : v < -32768 ? -32768 : v);
	}
	if (play_over(pl)) {
		play_end(p, true);
		port_touch(p);
	}
	return true;
}
