/** The control thread's side of a port: opening, connecting, closing, figures. Each call becomes an order to its media thread. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "order.h"

#define GROUP 16              /* ports that share a thread before the next one is used */

/* ---- opening and closing ------------------------------------------------------------------------------------------ */

static void open_run(struct item *it, void *shard)
{
	struct order *o = (struct order *)it;

	shard_adopt(shard, o->port);
	order_over(o);
}

static void port_freed(struct item *it, void *engine)
{
	struct port *p = (struct port *)it;

	(void)engine;
	detect_free(p->detect);
	free(p);
}

void port_dismiss(struct port *p)
{
	struct shard *sh = port_shard(p);

	p->closing = true;
	bridge_leave(p);
	play_end(p, false);
	recording_end(p, RECORD_STOPPED);
	rtcp_send(p, shard_now(sh), true);
	shard_settle(sh);
	shard_release(sh, p);
	sockets_close(p);
	atomic_fetch_sub(&p->engine->ports_open, 1);
	engine_discard(p->engine, &p->item);
}

static void close_run(struct item *it, void *shard)
{
	struct order *o = (struct order *)it;

	(void)shard;
	port_dismiss(o->port);
	order_over(o);
}

static int groups(struct shard *sh)
{
	return atomic_load(&sh->load) / GROUP;
}

/* A few calls wake one thread, many are spread evenly. */
static struct shard *shard_lightest(struct engine *e)
{
	struct shard *best = e->shard[0];

	for (int i = 1; i < e->shards; i++)
		if (groups(e->shard[i]) < groups(best))
			best = e->shard[i];
	return best;
}

static int open_error(int error)
{
	switch (error) {
	case EADDRINUSE:
		return MEDIA_E_EXHAUSTED;
	case EMFILE:
	case ENFILE:
		return MEDIA_E_FILES;
	case ENOMEM:
	case ENOBUFS:
		return MEDIA_E_MEMORY;
	default:
		return MEDIA_E_ADDRESS;
	}
}

static bool numbers_random(struct port *p)
{
	uint32_t r[3];

	/* RFC 3550 5.1 wants them unpredictable. */
	if (getrandom(r, sizeof(r), 0) != (ssize_t)sizeof(r))
		return false;
	p->ssrc = r[0];
	p->ts_origin = r[1];
	p->ts = r[1];
	p->seq = (uint16_t)(r[2] & 0x7fff);
	return true;
}

struct port *port_open(struct engine *e, const char *host, struct port *near, int *error)
{
	struct port *p = calloc(1, sizeof(*p));
	struct order *o = NULL;
	int failed;

	*error = MEDIA_E_MEMORY;
	if (!p)
		return NULL;
	p->item.run = port_freed;
	p->engine = e;
	p->id = atomic_fetch_add(&e->next_id, 1) + 1;
	p->fd = p->rtcp_fd = -1;
	p->ptime = FRAME;
	p->direction = DIR_RECV | DIR_SEND;
	p->marker = true;
	atomic_init(&p->far_loss_ppm, -1);
	atomic_init(&p->rtt_us, -1);
	jitter_reset(&p->jitter);
	codec_init(&p->codec, CODEC_PCMA);
	atomic_init(&p->shard, near ? port_shard(near) : shard_lightest(e));
	failed = socket_open(p, host);
	o = failed ? NULL : order_alloc(p, open_run);
	if (!o || !numbers_random(p)) {
		*error = failed ? open_error(failed) : MEDIA_E_MEMORY;
		sockets_close(p);
		free(o);
		free(p);
		return NULL;
	}
	*error = 0;
	atomic_fetch_add(&e->ports_open, 1);
	atomic_fetch_add(&port_shard(p)->load, 1);
	order_send_later(o);
	return p;
}

int port_id(const struct port *p)
{
	return p->id;
}

int port_number(const struct port *p)
{
	return p->number;
}

void port_close(struct port *p)
{
	atomic_store(&p->let_go, true);
	if (p->asked)
		play_stop(p->asked);
	play_drop(p->asked);
	p->asked = NULL;
	atomic_fetch_sub(&port_shard(p)->load, 1);
	order_send_later(order_certain(p, close_run));
}

/* ---- the far end -------------------------------------------------------------------------------------------------- */

static void connect_run(struct item *it, void *shard)
{
	struct order *o = (struct order *)it;
	struct port *p = o->port;

	if (!p->connected || p->codec.type != o->codec) {
		codec_init(&p->codec, o->codec);
		jitter_reset(&p->jitter);
		memset(&p->up, 0, sizeof(p->up));
		memset(&p->down, 0, sizeof(p->down));
		p->fifo_length = 0;
	}
	latch_open(&p->latch, &o->address, o->nat, !address_any(&o->address), shard_now(shard));
	p->payload_type = o->payload_type;
	p->event_type = o->event_type;
	p->ptime = (size_t)o->ptime * 8;
	p->direction = o->direction;
	p->mux = o->mux;
	p->rtcp_to = o->address;
	p->rtcp_to.in.sin_port = htons((uint16_t)o->rtcp_number);
	p->connected = true;
	port_touch(p);
	order_over(o);
}

int port_connect(struct port *p, const char *host, int number, int codec, int payload_type, int event_type, int ptime,
                 int direction, int rtcp_number, int mux, int nat)
{
	struct order *o;
	union address a;

	if (address_parse(&a, host, number, p->family) != 0 || number == 0 || payload_type < 0 || payload_type > 127 ||
	    event_type < 0 || event_type > 127 || rtcp_number < 0 || rtcp_number > 65535)
		return EINVAL;
	o = order_alloc(p, connect_run);
	if (!o)
		return ENOMEM;
	o->address = a;
	o->codec = codec;
	o->payload_type = payload_type;
	o->event_type = event_type;
	o->ptime = ptime < 10 ? 10 : ptime > 120 ? 120 : ptime;
	o->direction = direction;
	o->rtcp_number = rtcp_number;
	o->mux = mux;
	o->nat = nat;
	order_send(o);
	return 0;
}

/* ---- figures -------------------------------------------------------------------------------------------------------- */

void port_stats(struct port *p, struct port_stats *s)
{
	int32_t loss = atomic_load(&p->far_loss_ppm), rtt = atomic_load(&p->rtt_us);

	memset(s, 0, sizeof(*s));
	s->packets_in = atomic_load(&p->packets_in);
	s->packets_out = atomic_load(&p->packets_out);
	s->expected = atomic_load(&p->expected);
	s->lost = s->expected > s->packets_in ? s->expected - s->packets_in : 0;
	s->late = atomic_load(&p->late);
	s->duplicate = atomic_load(&p->duplicate);
	s->stray = atomic_load(&p->stray);
	s->octets_in = atomic_load(&p->octets_in);
	s->jitter_ms = atomic_load(&p->jitter_us) / 1000.0;
	s->far_loss = loss < 0 ? -1 : loss / 1e6;
	s->rtt_ms = rtt < 0 ? -1 : rtt / 1000.0;
	s->delay_ms = atomic_load(&p->delay) / 8.0;
	s->concealed = atomic_load(&p->concealed);
	s->relayed = atomic_load(&p->relayed);
	s->stretched = atomic_load(&p->stretched);
	s->skipped = atomic_load(&p->skipped);
	s->latched = atomic_load(&p->latched);
}
