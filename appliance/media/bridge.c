/** The control thread's side of bridges. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "order.h"

static void bridge_freed(struct item *it, void *engine)
{
	struct bridge *b = (struct bridge *)it;

	(void)engine;
	free(b->gain);
	free(b);
}

struct bridge *bridge_open(struct engine *e)
{
	struct bridge *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->item.run = bridge_freed;
	b->engine = e;
	b->slot = -1;
	return b;
}

static void adopt_run(struct item *it, void *shard)
{
	struct order *o = (struct order *)it;

	shard_adopt(shard, o->port);
	port_touch(o->port);
	sem_post(o->done);
	order_over(o);
}

static void move_run(struct item *it, void *shard)
{
	struct order *o = (struct order *)it;

	shard_release(shard, o->port);
	o->item.run = adopt_run;
	shard_send(o->to, &o->item, ORDER_NOW);
}

/* Bridged ports live on one thread. Moving waits for both threads, a millisecond at most. */
static int port_move(struct port *p, struct shard *to)
{
	struct order *o;
	sem_t done;

	if (!p->engine->running)
		return EAGAIN;
	o = order_alloc(p, move_run);
	if (!o)
		return ENOMEM;
	sem_init(&done, 0, 0);
	o->to = to;
	o->done = &done;
	atomic_fetch_sub(&port_shard(p)->load, 1);
	atomic_fetch_add(&to->load, 1);
	shard_send(port_shard(p), &o->item, ORDER_NOW);
	while (sem_wait(&done) != 0)
		;
	sem_destroy(&done);
	return 0;
}

static void enter_run(struct item *it, void *shard)
{
	struct order *o = (struct order *)it;
	struct bridge *b = o->bridge;
	float *old = b->gain;

	(void)shard;
	if (o->gain) {
		for (int i = 0; i < b->count; i++)
			memcpy(o->gain + i * o->count, b->gain + i * b->capacity, (size_t)b->count * sizeof(*old));
		b->gain = o->gain;
		b->capacity = o->count;
		o->gain = old;
	}
	bridge_enter(b, o->port, o->hears, o->heard);
	order_over(o);
}

static int room_make(struct bridge *b, struct order *o)
{
	if (b->members_asked < b->capacity_asked)
		return 0;
	o->count = b->capacity_asked ? b->capacity_asked * 4 : 4;
	o->gain = calloc((size_t)o->count * (size_t)o->count, sizeof(float));
	if (!o->gain)
		return ENOMEM;
	b->capacity_asked = o->count;
	return 0;
}

int bridge_add(struct bridge *b, struct port *p, double hears, double heard)
{
	struct order *o;

	if (b->members_asked >= MEMBERS_MAX)
		return ENOSPC;
	if (b->members_asked > 0 && b->shard != port_shard(p) && port_move(p, b->shard) != 0)
		return EAGAIN;
	o = order_alloc(p, enter_run);
	if (!o || room_make(b, o) != 0) {
		free(o);
		return ENOMEM;
	}
	b->shard = port_shard(p);
	b->members_asked++;
	o->bridge = b;
	o->hears = (float)hears;
	o->heard = (float)heard;
	order_send(o);
	return 0;
}

static void leave_run(struct item *it, void *shard)
{
	struct order *o = (struct order *)it;

	(void)shard;
	if (o->port->bridge == o->bridge)
		bridge_leave(o->port);
	port_touch(o->port);
	order_over(o);
}

void bridge_remove(struct bridge *b, struct port *p)
{
	struct order *o = order_certain(p, leave_run);

	b->members_asked--;
	o->bridge = b;
	order_send(o);
}

static void gain_run(struct item *it, void *shard)
{
	struct order *o = (struct order *)it;
	struct bridge *b = o->bridge;

	(void)shard;
	if (o->port->bridge == b && o->other->bridge == b) {
		*gain_at(b, o->port->member, o->other->member) = o->hears;
		bridge_refresh(b);
	}
	order_over(o);
}

void bridge_gain(struct bridge *b, struct port *source, struct port *listener, double gain)
{
	struct order *o = order_certain(source, gain_run);

	o->bridge = b;
	o->other = listener;
	o->hears = (float)gain;
	order_send(o);
}

static void bridge_close_run(struct item *it, void *shard)
{
	struct order *o = (struct order *)it;

	(void)shard;
	while (o->bridge->count > 0)
		bridge_leave(o->bridge->member[0]);
	engine_discard(o->engine, &o->bridge->item);
	order_over(o);
}

void bridge_close(struct bridge *b)
{
	struct order *o;

	if (!b->shard) {
		bridge_freed(&b->item, NULL);
		return;
	}
	while (!(o = calloc(1, sizeof(*o))))
		usleep(1000);
	o->item.run = bridge_close_run;
	o->engine = b->engine;
	o->bridge = b;
	shard_send(b->shard, &o->item, ORDER_LATER);
}
