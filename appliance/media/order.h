/** What the control thread asks of a media thread: one struct for all kinds, carried through the shard's mailbox. */
#ifndef SWITCHROOM_ORDER_H
#define SWITCHROOM_ORDER_H

#include <semaphore.h>

#include "internal.h"

struct order {
	struct item item;
	struct engine *engine;
	struct port *port, *other;
	struct bridge *bridge;
	union address address;
	int codec, payload_type, event_type, ptime, direction, rtcp_number, mux, nat, id, count, ms, gap_ms;
	float hears, heard, *gain;
	struct play *play;
	struct recording *recording;
	struct detect *detect;
	uint32_t flags;
	struct shard *to;
	sem_t *done;
	char digits[DIGITS_MAX];
};

/* NULL: no memory. */
struct order *order_alloc(struct port *p, void (*run)(struct item *, void *));
/* For the ends of things, which are never refused for want of memory: tries until there is some. */
struct order *order_certain(struct port *p, void (*run)(struct item *, void *));
void order_send(struct order *o);
void order_send_later(struct order *o);   /* one whose effect nobody hears */
/* On the media thread, when it is carried out. */
void order_over(struct order *o);

#endif
