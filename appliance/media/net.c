/** Sockets out of a range of ports, addresses, and whose packets are believed. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

#define LATCH_SANE 3          /* packets in sequence before a strange source is believed */
#define LATCH_OPEN 80000      /* ticks (10 s) after (re)connecting in which it may be */
#define LATCH_LOST 40000      /* ticks (5 s) of silence after which a source may be given up */
#define DSCP_EF 0xb8          /* expedited forwarding, RFC 3246, as the traffic class byte */

int address_parse(union address *a, const char *host, int number, int family)
{
	memset(a, 0, sizeof(*a));
	if (number < 0 || number > 65535)
		return EINVAL;
	if (inet_pton(AF_INET, host, &a->in.sin_addr) == 1) {
		a->in.sin_family = AF_INET;
		a->in.sin_port = htons((uint16_t)number);
	} else if (inet_pton(AF_INET6, host, &a->in6.sin6_addr) == 1) {
		a->in6.sin6_family = AF_INET6;
		a->in6.sin6_port = htons((uint16_t)number);
	} else {
		return EINVAL;
	}
	return family != AF_UNSPEC && a->sa.sa_family != family ? EAFNOSUPPORT : 0;
}

socklen_t address_length(const union address *a)
{
	return a->sa.sa_family == AF_INET6 ? sizeof(a->in6) : sizeof(a->in);
}

bool address_same_host(const union address *a, const union address *b)
{
	if (a->sa.sa_family != b->sa.sa_family)
		return false;
	if (a->sa.sa_family == AF_INET)
		return a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
	return memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, sizeof(a->in6.sin6_addr)) == 0;
}

bool address_same(const union address *a, const union address *b)
{
	/* The port stands at the same place in both families. */
	return a->in.sin_port == b->in.sin_port && address_same_host(a, b);
}

bool address_any(const union address *a)
{
	static const struct in6_addr any = IN6ADDR_ANY_INIT;

	if (a->sa.sa_family == AF_INET)
		return a->in.sin_addr.s_addr == 0;
	return memcmp(&a->in6.sin6_addr, &any, sizeof(any)) == 0;
}

void address_text(const union address *a, char *out, size_t n)
{
	char host[INET6_ADDRSTRLEN] = "";

	if (a->sa.sa_family == AF_INET6)
		inet_ntop(AF_INET6, &a->in6.sin6_addr, host, sizeof(host));
	else
		inet_ntop(AF_INET, &a->in.sin_addr, host, sizeof(host));
	snprintf(out, n, "%s:%d", host, ntohs(a->in.sin_port));
}

static int socket_bind(const union address *a, int *fd)
{
	int value = DSCP_EF, error;

	*fd = socket(a->sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (*fd < 0)
		return errno;
	if (bind(*fd, &a->sa, address_length(a)) != 0) {
		error = errno;
		close(*fd);
		*fd = -1;
		return error;
	}
	/* Marking is a courtesy to routers: where the kernel refuses it audio still flows. */
	if (a->sa.sa_family == AF_INET)
		(void)setsockopt(*fd, IPPROTO_IP, IP_TOS, &value, sizeof(value));
	else
		(void)setsockopt(*fd, IPPROTO_IPV6, IPV6_TCLASS, &value, sizeof(value));
	return 0;
}

/* Numbers are taken round the range, so that a late packet of an ended call seldom meets a new one. The odd one above is
 * kept for RTCP. */
int socket_open(struct port *p, const char *host)
{
	struct engine *e = p->engine;
	int pairs = (e->high - e->low + 1) / 2, error = EADDRINUSE;
	union address a;

	if (address_parse(&a, host, 0, AF_UNSPEC) != 0)
		return EADDRNOTAVAIL;
	p->family = a.sa.sa_family;
	for (int tries = 0; tries < pairs && error == EADDRINUSE; tries++) {
		int k = e->next_number;

		e->next_number = (k + 1) % pairs;
		if (atomic_load_explicit(&e->used[k], memory_order_acquire))
			continue;
		a.in.sin_port = htons((uint16_t)(e->low + 2 * k));
		error = socket_bind(&a, &p->fd);
		if (error == 0) {
			atomic_store_explicit(&e->used[k], 1, memory_order_relaxed);
			p->number = e->low + 2 * k;
		}
	}
	return error;
}

/* Beside the RTP socket. False: somebody else has that number. */
bool socket_open_rtcp(struct port *p)
{
	union address a;
	socklen_t length = sizeof(a);

	if (getsockname(p->fd, &a.sa, &length) != 0)
		return false;
	a.in.sin_port = htons((uint16_t)(p->number + 1));
	return socket_bind(&a, &p->rtcp_fd) == 0;
}

void sockets_close(struct port *p)
{
	struct engine *e = p->engine;

	if (p->fd < 0)
		return;
	close(p->fd);
	if (p->rtcp_fd >= 0)
		close(p->rtcp_fd);
	p->fd = p->rtcp_fd = -1;
	atomic_store_explicit(&e->used[(p->number - e->low) / 2], 0, memory_order_release);
}

void latch_open(struct latch *l, const union address *to, bool nat, bool sendable, int64_t now)
{
	bool same = l->known && address_same(&l->signalled, to);

	l->known = true;
	l->nat = nat;
	l->sendable = sendable;
	l->heard_at = now;   /* time on hold was no silence */
	if (same)
		return;      /* a re-INVITE with the same address must not undo what was learned */
	l->signalled = l->current = *to;
	l->locked = false;
	l->sane = 0;
	l->opened_at = now;
}

/* A source other than the signalled one: believed only while latching is open, and after packets in sequence. */
static bool candidate_accept(struct latch *l, const union address *from, const struct rtp_header *h, int64_t now)
{
	bool host = address_same_host(from, &l->signalled);
	bool open = !l->locked ? now - l->opened_at < LATCH_OPEN || host : now - l->heard_at > LATCH_LOST;

	if (!open || (!host && !l->nat))
		return false;
	if (l->sane > 0 && address_same(from, &l->candidate) && h->ssrc == l->candidate_ssrc && h->seq == l->next_seq) {
		l->sane++;
	} else {
		l->candidate = *from;
		l->candidate_ssrc = h->ssrc;
		l->sane = 1;
	}
	l->next_seq = (uint16_t)(h->seq + 1);
	/* From the signalled host only the port is new (RFC 4961 not followed there): that is believed at once. */
	return l->sane >= (host && !l->locked ? 1 : LATCH_SANE);
}

bool latch_accept(struct latch *l, const union address *from, const struct rtp_header *h, int64_t now)
{
	if (!l->known)
		return false;
	if (l->locked && address_same(from, &l->current)) {
		l->heard_at = now;
		return true;
	}
	/* The signalled address itself is always right, whoever was believed before. */
	if (!address_same(from, &l->signalled) && !candidate_accept(l, from, h, now))
		return false;
	l->current = *from;
	l->locked = true;
	l->sane = 0;
	l->heard_at = now;
	return true;
}
