/** The control thread's side of playing, recording, digits, detection, metering. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "order.h"

static void play_run(struct item *it, void *shard)
{
	struct order *o = (struct order *)it;

	(void)shard;
	play_begin(o->port, o->play);
	port_touch(o->port);
	order_over(o);
}

int port_play(struct port *p, struct clip **clips, int count, int again, int gap)
{
	struct play *pl = play_alloc(clips, count, again, gap);
	struct order *o = order_alloc(p, play_run);
	int id;

	if (!pl || !o) {
		free(o);
		play_drop(pl);
		play_drop(pl);
		return -1;
	}
	if (p->asked)
		play_stop(p->asked);
	play_drop(p->asked);
	p->asked = pl;
	id = pl->id = atomic_fetch_add(&p->engine->next_id, 1) + 1;
	o->play = pl;
	order_send(o);
	return id;
}

static void stop_play_run(struct item *it, void *shard)
{
	struct order *o = (struct order *)it;

	(void)shard;
	if (o->port->play && o->port->play->id == o->id)
		play_end(o->port, false);
	port_touch(o->port);
	order_over(o);
}

int64_t port_stop_play(struct port *p)
{
	struct order *o;
	int64_t sent;

	if (!p->asked)
		return 0;
	sent = play_stop(p->asked);
	o = order_alloc(p, stop_play_run);
	if (!o)
		return sent;   /* the tick sees the bit and ends it */
	o->id = p->asked->id;
	order_send(o);
	return sent;
}

int64_t port_play_position(struct port *p)
{
	return p->asked ? atomic_load(&p->asked->progress) >> 1 : 0;
}

static void record_run(struct item *it, void *shard)
{
	struct order *o = (struct order *)it;

	(void)shard;
	recording_end(o->port, RECORD_STOPPED);
	o->port->recording = o->recording;
	port_touch(o->port);
	order_over(o);
}

int port_record(struct port *p, const char *path, int64_t limit, int64_t silence, int mode)
{
	struct recording *r = recording_alloc(p, path, limit, silence, mode);
	struct order *o = order_alloc(p, record_run);
	int id;

	if (!r || !o) {
		free(o);
		if (r)
			free(r->path);
		free(r);
		return -1;
	}
	id = r->id;
	o->recording = r;
	engine_discard(p->engine, &r->item);   /* the writer takes it up first: from then on it is the writer's to free */
	order_send(o);
	return id;
}

static void stop_record_run(struct item *it, void *shard)
{
	struct order *o = (struct order *)it;

	(void)shard;
	recording_end(o->port, RECORD_STOPPED);
	order_over(o);
}

static void pause_record_run(struct item *it, void *shard)
{
	struct order *o = (struct order *)it;

	(void)shard;
	if (o->port->recording)
		o->port->recording->paused = o->flags;
	order_over(o);
}

void port_pause_record(struct port *p, int on)
{
	struct order *o = order_certain(p, pause_record_run);

	o->flags = on != 0;
	order_send(o);
}

void port_stop_record(struct port *p)
{
	order_send(order_certain(p, stop_record_run));
}

/* ---- digits, detection, metering ---------------------------------------------------------------------------------- */

static void digits_run(struct item *it, void *shard)
{
	struct order *o = (struct order *)it;
	struct digit_sender *s = &o->port->digits_out;

	(void)shard;
	for (int i = 0; o->digits[i] && s->count < DIGITS_MAX; i++) {
		s->queue[s->count] = o->digits[i];
		s->ms[s->count] = o->ms;
		s->gap[s->count++] = o->gap_ms;
	}
	port_touch(o->port);
	order_over(o);
}

void port_send_digits(struct port *p, const char *digits, int ms, int gap_ms)
{
	struct order *o = order_certain(p, digits_run);

	strncpy(o->digits, digits, sizeof(o->digits) - 1);
	o->ms = ms;
	o->gap_ms = gap_ms;
	order_send(o);
}

static void keep_digits_run(struct item *it, void *shard)
{
	struct order *o = (struct order *)it;

	(void)shard;
	o->port->keeps_digits = o->flags;
	order_over(o);
}

void port_keep_digits(struct port *p, int on)
{
	struct order *o = order_certain(p, keep_digits_run);

	o->flags = on != 0;
	order_send(o);
}

static void detect_run(struct item *it, void *shard)
{
	struct order *o = (struct order *)it;
	struct port *p = o->port;
	struct detect *old = p->detect;

	(void)shard;
	if (o->detect || o->flags == 0) {
		p->detect = o->detect;
		o->detect = old;   /* freed with the order */
	} else if (old) {
		detect_set(old, o->flags);
	}
	port_touch(p);
	order_over(o);
}

/* A detector that is there keeps its echo estimate and its noise floor; another country's tones need a new one. */
int port_detect(struct port *p, uint32_t flags, const struct tone_plan *plan)
{
	static const struct tone_plan none;
	struct order *o = order_alloc(p, detect_run);
	struct detect_conf conf = { .rate = 8000, .flags = flags, .plan = plan };
	bool same = p->detect_asked && memcmp(&p->plan_asked, plan ? plan : &none, sizeof(none)) == 0;
	int error = 0;

	if (!o)
		return ENOMEM;
	o->flags = flags;
	if (flags && !same)
		error = detect_alloc(&o->detect, &conf);
	if (error) {
		free(o);
		return error;
	}
	p->detect_asked = flags != 0;
	p->plan_asked = plan ? *plan : none;
	order_send(o);
	return 0;
}

static void meter_run(struct item *it, void *shard)
{
	struct order *o = (struct order *)it;

	(void)shard;
	o->port->metered = o->flags;
	o->port->metered_frames = 0;
	o->port->rx_power = o->port->tx_power = 0;
	port_touch(o->port);
	order_over(o);
}

void port_meter(struct port *p, int on)
{
	struct order *o = order_certain(p, meter_run);

	o->flags = on != 0;
	order_send(o);
}
