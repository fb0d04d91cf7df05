/** The control thread's side: every call becomes an order to the port's media thread, or reads what it publishes. */
#define _GNU_SOURCE
#include <errno.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

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

static void order_freed(struct item *it, void *engine)
{
	struct order *o = (struct order *)it;

	(void)engine;
	detect_free(o->detect);
	free(o->gain);
	free(o);
}

/* The media thread frees nothing: what an order still holds at its end goes with it. */
static void order_over(struct order *o)
{
	o->item.run = order_freed;
	engine_discard(o->engine, &o->item);
}

static struct order *order_alloc(struct port *p, void (*run)(struct item *, void *))
{
	struct order *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->item.run = run;
	o->port = p;
	o->engine = p->engine;
	return o;
}

static void order_send(struct order *o)
{
	shard_send(port_shard(o->port), &o->item);
}

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
	sockets_close(p);
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

static struct shard *shard_lightest(struct engine *e)
{
	struct shard *best = e->shard[0];

	for (int i = 1; i < e->shards; i++)
		if (atomic_load(&e->shard[i]->load) < atomic_load(&best->load))
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
	p->fd = -1;
	p->ptime = FRAME;
	p->direction = DIR_RECV | DIR_SEND;
	p->marker = true;
	atomic_init(&p->far_loss_ppm, -1);
	atomic_init(&p->rtt_us, -1);
	jitter_reset(&p->jitter);
	codec_init(&p->codec, CODEC_PCMA);
	atomic_init(&p->shard, near ? port_shard(near) : shard_lightest(e));
	failed = sockets_open(p, host);
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
	order_send(o);
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

/* Ends of things are never refused for want of memory: the order for it is tried until there is some. */
static struct order *order_certain(struct port *p, void (*run)(struct item *, void *))
{
	struct order *o;

	while (!(o = order_alloc(p, run)))
		usleep(1000);
	return o;
}

void port_close(struct port *p)
{
	play_drop(p->asked);
	p->asked = NULL;
	atomic_fetch_sub(&port_shard(p)->load, 1);
	order_send(order_certain(p, close_run));
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

/* ---- playing and recording ---------------------------------------------------------------------------------------- */

static void play_run(struct item *it, void *shard)
{
	struct order *o = (struct order *)it;

	(void)shard;
	play_begin(o->port, o->play);
	port_touch(o->port);
	order_over(o);
}

int port_play(struct port *p, struct clip **clips, int count, int loop, int gap)
{
	struct play *pl = play_alloc(clips, count, loop, gap);
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

/* ---- bridges ------------------------------------------------------------------------------------------------------ */

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
	shard_send(o->to, &o->item);
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
	order_send(o);
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
	shard_send(b->shard, &o->item);
}
