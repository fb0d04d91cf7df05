#include "order.h"

#include <stdlib.h>
#include <unistd.h>

static void order_freed(struct item *it, void *engine)
{
	struct order *o = (struct order *)it;

	(void)engine;
	detect_free(o->detect);
	free(o->gain);
	free(o);
}

/* The media thread frees nothing: what an order still holds at its end goes with it. */
void order_over(struct order *o)
{
	o->item.run = order_freed;
	engine_discard(o->engine, &o->item);
}

struct order *order_alloc(struct port *p, void (*run)(struct item *, void *))
{
	struct order *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->item.run = run;
	o->port = p;
	o->engine = p->engine;
	return o;
}

void order_send(struct order *o)
{
	shard_send(port_shard(o->port), &o->item, ORDER_SOON);
}

void order_send_later(struct order *o)
{
	shard_send(port_shard(o->port), &o->item, ORDER_LATER);
}

struct order *order_certain(struct port *p, void (*run)(struct item *, void *))
{
	struct order *o;

	while (!(o = order_alloc(p, run)))
		usleep(1000);
	return o;
}
