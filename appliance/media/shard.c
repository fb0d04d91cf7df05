/** Ports in their shard: which of them tick, in which slot, and what happens in a tick and twice a second. */
#include <sys/epoll.h>

#include "internal.h"

#define RTCP_TICKS 40000      /* 5 s, RFC 3550 6.2 */
#define STARVED_TICKS 4000    /* a relayed leg that gets nothing for 0.5 s hears silence instead of no stream */

static void slot_leave(struct shard *sh, struct port *p)
{
	if (!p->ticking)
		return;
	if (p->slot_prev)
		p->slot_prev->slot_next = p->slot_next;
	else
		sh->slot[p->slot] = p->slot_next;
	if (p->slot_next)
		p->slot_next->slot_prev = p->slot_prev;
	p->slot_next = p->slot_prev = NULL;
	p->ticking = false;
	sh->slot_load[p->slot]--;
}

static int slot_lightest(const struct shard *sh)
{
	/* Looking from the tick onwards spreads the first ports too, and lets a new one begin soon. */
	int best = (int)((sh->tick + 1) % SLOTS);

	for (int i = 0; i < SLOTS; i++) {
		int slot = (int)((sh->tick + 1 + i) % SLOTS);

		if (sh->slot_load[slot] < sh->slot_load[best])
			best = slot;
	}
	return best;
}

static void slot_join(struct shard *sh, struct port *p)
{
	int slot;

	if (p->ticking)
		return;
	if (p->bridge) {
		/* Members of a bridge share a slot: each frame of the mix has the same frames of all. */
		if (p->bridge->slot < 0)
			p->bridge->slot = slot_lightest(sh);
		slot = p->bridge->slot;
	} else {
		slot = slot_lightest(sh);
	}
	p->slot = slot;
	p->slot_prev = NULL;
	p->slot_next = sh->slot[slot];
	if (p->slot_next)
		p->slot_next->slot_prev = p;
	sh->slot[slot] = p;
	p->ticking = true;
	sh->slot_load[slot]++;
}

static bool tapped(const struct port *p)
{
	return p->detect || p->recording || p->metered;
}

static bool tick_wanted(const struct port *p)
{
	const struct port *peer = bridge_peer(p);

	if (p->closing)
		return false;
	if (tapped(p) || p->play || digits_busy(p))
		return p->connected || p->recording;
	if (!p->connected)
		return false;
	if (!p->bridge || !p->bridge->relay)
		return true;
	return p->starved || (peer && tapped(peer));
}

static bool listen_wanted(const struct port *p)
{
	const struct port *peer = bridge_peer(p);

	return tapped(p) || (p->bridge && (!p->bridge->relay || (peer && tapped(peer))));
}

void port_refresh(struct port *p)
{
	struct shard *sh = port_shard(p);
	bool wanted = tick_wanted(p), listening = wanted && listen_wanted(p);

	/* What lay in the buffer while nobody took it is stale. */
	if (listening && !p->listening)
		jitter_reset(&p->jitter);
	p->listening = listening;
	if (p->ticking && (!wanted || (p->bridge && p->bridge->slot != p->slot)))
		slot_leave(sh, p);
	if (wanted)
		slot_join(sh, p);
}

void port_touch(struct port *p)
{
	struct shard *sh = port_shard(p);

	if (p->dirty)
		return;
	p->dirty = true;
	p->dirty_next = sh->dirty;
	sh->dirty = p;
}

void shard_settle(struct shard *sh)
{
	while (sh->dirty) {
		struct port *p = sh->dirty;

		sh->dirty = p->dirty_next;
		p->dirty = false;
		if (p->bridge)
			bridge_refresh(p->bridge);
		else
			port_refresh(p);
	}
}

/* Everybody listens before anybody speaks, so that a mix has the frames of all. */
void slot_run(struct shard *sh, int slot, int64_t now)
{
	for (struct port *p = sh->slot[slot]; p; p = p->slot_next)
		port_pull(p, now);
	for (struct port *p = sh->slot[slot]; p; p = p->slot_next)
		port_push(p, now);
	shard_settle(sh);
}

static void silence_check(struct shard *sh, struct port *p, int64_t now)
{
	int64_t quiet = now - p->latch.heard_at;

	if (!p->connected || !(p->direction & DIR_RECV) || p->silent_told || quiet < sh->engine->timeout)
		return;
	p->silent_told = true;
	shard_tell(sh, &(struct media_event){ .kind = EV_SILENT, .port = p->id, .a = quiet / 8 });
}

static void epoll_add(struct shard *sh, int fd, void *what)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = what };

	/* A descriptor that epoll refuses (out of kernel memory) is a port that hears nothing: EV_SILENT will say so. */
	epoll_ctl(sh->epoll, EPOLL_CTL_ADD, fd, &ev);
}

static void rtcp_add(struct shard *sh, struct port *p)
{
	epoll_add(sh, p->rtcp_fd, (void *)((uintptr_t)p | 1));
}

/* The RTCP socket comes with the first look at a connected port: most calls of a busy moment are over before. Where its
 * number is taken the call goes on without reports. */
static void rtcp_begin(struct shard *sh, struct port *p)
{
	p->rtcp_tried = true;
	if (socket_open_rtcp(p))
		rtcp_add(sh, p);
}

/* Twice a second for each port. */
void port_scan(struct shard *sh, struct port *p, int64_t now)
{
	bool starved = p->connected && p->bridge && p->bridge->relay && now - p->sent_at > STARVED_TICKS;

	silence_check(sh, p, now);
	if (p->connected && !p->mux && !p->rtcp_tried)
		rtcp_begin(sh, p);
	if (starved && !p->starved) {
		p->starved = true;
		port_refresh(p);
	}
	if (p->connected && now >= p->rtcp_at) {
		rtcp_send(p, now, false);
		p->rtcp_at = now + RTCP_TICKS / 2 + shard_random(sh) % RTCP_TICKS;
	}
}

void shard_adopt(struct shard *sh, struct port *p)
{
	int64_t now = shard_now(sh);

	atomic_store(&p->shard, sh);
	p->all_prev = NULL;
	p->all_next = sh->ports;
	if (p->all_next)
		p->all_next->all_prev = p;
	sh->ports = p;
	atomic_fetch_add(&sh->port_count, 1);
	p->rtcp_at = now + RTCP_TICKS / 4 + shard_random(sh) % RTCP_TICKS;
	epoll_add(sh, p->fd, p);
	if (p->rtcp_fd >= 0)
		rtcp_add(sh, p);
}

void shard_release(struct shard *sh, struct port *p)
{
	slot_leave(sh, p);
	if (sh->scan == p)
		sh->scan = p->all_next;
	if (p->all_prev)
		p->all_prev->all_next = p->all_next;
	else
		sh->ports = p->all_next;
	if (p->all_next)
		p->all_next->all_prev = p->all_prev;
	p->all_next = p->all_prev = NULL;
	atomic_fetch_sub(&sh->port_count, 1);
	/* Closing would not do it: a child between its fork and its exec has them too, and epoll would go on naming a port that
	 * is no more. */
	epoll_ctl(sh->epoll, EPOLL_CTL_DEL, p->fd, NULL);
	if (p->rtcp_fd >= 0)
		epoll_ctl(sh->epoll, EPOLL_CTL_DEL, p->rtcp_fd, NULL);
}
