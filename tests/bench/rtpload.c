/**
 * Load for bench_media.py: RTP towards many ports, stamped, and how late each packet comes back; and the bare loop that any
 * relay is measured against. Compiled by bench_media.py into a library of its own.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SLOTS 20
#define PACKET 172            /* 20 ms of G.711 */
#define BATCH 64
#define DELAYS 20000          /* histogram: 10 us each, to 200 ms */

struct load {
	int fd, legs, kind;
	uint16_t *ports, *seq;
	uint32_t *ts;
	_Atomic int stop, counting;
	_Atomic uint64_t sent, received;
	uint64_t late_slots;
	uint64_t delay[DELAYS];
	uint8_t audio[8000];
	pthread_t sender, receiver;
};

static uint64_t now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static void packet_fill(struct load *l, uint8_t *p, int leg)
{
	uint64_t stamp;

	p[0] = 0x80;
	p[1] = (uint8_t)l->kind;
	*(uint16_t *)(p + 2) = htons(l->seq[leg]++);
	*(uint32_t *)(p + 4) = htonl(l->ts[leg]);
	*(uint32_t *)(p + 8) = htonl((uint32_t)leg + 1);
	memcpy(p + 12, l->audio + l->ts[leg] % (8000 - 160), 160);
	l->ts[leg] += 160;
	stamp = now_ns(CLOCK_REALTIME);
	memcpy(p + 12, atomic_load(&l->counting) ? "STMP" : "WARM", 4);
	memcpy(p + 16, &stamp, 8);
}

static void slot_send(struct load *l, int slot)
{
	static _Thread_local uint8_t data[BATCH][PACKET];
	struct mmsghdr m[BATCH];
	struct iovec v[BATCH];
	struct sockaddr_in to[BATCH];
	int leg = slot, n = 0;

	while (leg < l->legs) {
		for (n = 0; n < BATCH && leg < l->legs; n++, leg += SLOTS) {
			packet_fill(l, data[n], leg);
			to[n] = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(l->ports[leg]),
						      .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
			v[n] = (struct iovec){ data[n], PACKET };
			m[n] = (struct mmsghdr){ .msg_hdr = { .msg_name = &to[n], .msg_namelen = sizeof(to[n]),
							      .msg_iov = &v[n], .msg_iovlen = 1 } };
		}
		/* What the kernel refuses to take is not sent and not counted. */
		n = sendmmsg(l->fd, m, (unsigned)n, 0);
		for (int i = 0; i < n; i++)
			if (memcmp(data[i] + 12, "STMP", 4) == 0)
				atomic_fetch_add(&l->sent, 1);
	}
}

/* In real time where that is allowed, as the engine is: other programs are not what is measured. */
static void realtime(int priority)
{
	struct sched_param p = { .sched_priority = priority };

	(void)pthread_setschedparam(pthread_self(), SCHED_FIFO, &p);
}

static void *sender_main(void *arg)
{
	struct load *l = arg;
	uint64_t due = now_ns(CLOCK_MONOTONIC);

	realtime(10);
	for (int slot = 0; !atomic_load(&l->stop); slot = (slot + 1) % SLOTS) {
		struct timespec t;

		slot_send(l, slot);
		due += 1000000;
		if (now_ns(CLOCK_MONOTONIC) > due + 20000000)
			l->late_slots++;
		t = (struct timespec){ (time_t)(due / 1000000000), (long)(due % 1000000000) };
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
	}
	return NULL;
}

/* The kernel's stamp of arrival, so that our own slowness in reading is not counted. */
static uint64_t arrival(struct msghdr *h)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		struct timespec t;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
			continue;
		memcpy(&t, CMSG_DATA(c), sizeof(t));
		return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
	}
	return 0;
}

static void packet_take(struct load *l, const uint8_t *p, size_t n, struct msghdr *h)
{
	uint64_t stamp, at = arrival(h);

	if (n < 24 || memcmp(p + 12, "STMP", 4) != 0)
		return;
	memcpy(&stamp, p + 16, 8);
	at = at > stamp ? (at - stamp) / 10000 : 0;
	l->delay[at < DELAYS ? at : DELAYS - 1]++;
	atomic_fetch_add(&l->received, 1);
}

/* Reads every 2 ms and never waits in the socket: waking us for each packet would be charged to who sends it. */
static void *receiver_main(void *arg)
{
	struct load *l = arg;
	static uint8_t data[BATCH][2048];
	static char control[BATCH][64];
	struct mmsghdr m[BATCH];
	struct iovec v[BATCH];

	realtime(9);
	while (!atomic_load(&l->stop)) {
		int n;

		for (int i = 0; i < BATCH; i++) {
			v[i] = (struct iovec){ data[i], sizeof(data[i]) };
			m[i] = (struct mmsghdr){ .msg_hdr = { .msg_iov = &v[i], .msg_iovlen = 1,
					.msg_control = control[i], .msg_controllen = sizeof(control[i]) } };
		}
		n = recvmmsg(l->fd, m, BATCH, MSG_DONTWAIT, NULL);
		if (n < BATCH)
			usleep(2000);
		for (int i = 0; i < n; i++)
			packet_take(l, data[i], m[i].msg_len, &m[i].msg_hdr);
	}
	return NULL;
}

static int bound(uint16_t *number)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0)
		return -1;
	getsockname(fd, (struct sockaddr *)&a, &n);
	*number = ntohs(a.sin_port);
	return fd;
}

struct load *load_open(int kind, uint16_t *number)
{
	struct load *l = calloc(1, sizeof(*l));
	int size = 32 << 20, on = 1;

	l->kind = kind;
	l->fd = bound(number);
	setsockopt(l->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	setsockopt(l->fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	setsockopt(l->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
	for (int i = 0; i < 8000; i++)
		l->audio[i] = (uint8_t)(rand() & 0x8f);
	return l;
}

void load_start(struct load *l, const uint16_t *ports, int legs)
{
	l->legs = legs;
	l->ports = calloc((size_t)legs, sizeof(*l->ports));
	l->seq = calloc((size_t)legs, sizeof(*l->seq));
	l->ts = calloc((size_t)legs, sizeof(*l->ts));
	memcpy(l->ports, ports, (size_t)legs * sizeof(*ports));
	pthread_create(&l->receiver, NULL, receiver_main, l);
	pthread_create(&l->sender, NULL, sender_main, l);
}

void load_count(struct load *l, int on)
{
	atomic_store(&l->counting, on);
}

struct load_figures {
	uint64_t sent, received, late_slots;
	double p50_ms, p99_ms, p999_ms, max_ms;
};

static double percentile(const struct load *l, double q)
{
	uint64_t total = 0, seen = 0;

	for (int i = 0; i < DELAYS; i++)
		total += l->delay[i];
	for (int i = 0; i < DELAYS; i++) {
		seen += l->delay[i];
		if (total && (double)seen >= q * (double)total)
			return (i + 1) / 100.0;
	}
	return 0;
}

void load_stop(struct load *l, struct load_figures *f)
{
	atomic_store(&l->stop, 1);
	pthread_join(l->sender, NULL);
	pthread_join(l->receiver, NULL);
	f->sent = atomic_load(&l->sent);
	f->received = atomic_load(&l->received);
	f->late_slots = l->late_slots;
	f->p50_ms = percentile(l, 0.5);
	f->p99_ms = percentile(l, 0.99);
	f->p999_ms = percentile(l, 0.999);
	f->max_ms = percentile(l, 1.0);
	close(l->fd);
	free(l->ports);
	free(l->seq);
	free(l->ts);
	free(l);
}

/* ---- the limit: one epoll, one recvfrom and one sendto for each packet, nothing else ---------------------------------- */

struct bare {
	int epoll, legs;
	_Atomic int stop;
	struct sockaddr_in to;
	int *fd;
	pthread_t thread;
	uint64_t packets;
	double cpu_seconds;
};

static void *bare_main(void *arg)
{
	struct bare *b = arg;
	struct epoll_event ready[64];
	uint8_t packet[2048];

	realtime(20);
	while (!atomic_load_explicit(&b->stop, memory_order_relaxed)) {
		int n = epoll_wait(b->epoll, ready, 64, 100);

		for (int i = 0; i < n; i++) {
			struct sockaddr_in from;
			socklen_t length = sizeof(from);
			uint32_t leg = ready[i].data.u32;
			ssize_t size = recvfrom(b->fd[leg], packet, sizeof(packet), MSG_DONTWAIT, (struct sockaddr *)&from, &length);

			if (size > 0 && sendto(b->fd[leg ^ 1], packet, (size_t)size, MSG_DONTWAIT, (struct sockaddr *)&b->to,
					       sizeof(b->to)) == size)
				b->packets++;
		}
	}
	b->cpu_seconds = (double)now_ns(CLOCK_THREAD_CPUTIME_ID) / 1e9;
	return NULL;
}

/* `ports` gets the numbers of `legs` sockets; what comes in on one goes out of its neighbour to `to`. */
struct bare *bare_open(int legs, uint16_t to, uint16_t *ports)
{
	struct bare *b = calloc(1, sizeof(*b));

	b->legs = legs;
	b->fd = calloc((size_t)legs, sizeof(int));
	b->epoll = epoll_create1(EPOLL_CLOEXEC);
	b->to = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(to),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	for (int i = 0; i < legs; i++) {
		struct epoll_event ev = { .events = EPOLLIN, .data.u32 = (uint32_t)i };

		b->fd[i] = bound(&ports[i]);
		epoll_ctl(b->epoll, EPOLL_CTL_ADD, b->fd[i], &ev);
	}
	pthread_create(&b->thread, NULL, bare_main, b);
	return b;
}

void bare_close(struct bare *b, uint64_t *packets, double *cpu_seconds)
{
	atomic_store(&b->stop, 1);
	pthread_join(b->thread, NULL);
	*packets = b->packets;
	*cpu_seconds = b->cpu_seconds;
	for (int i = 0; i < b->legs; i++)
		close(b->fd[i]);
	close(b->epoll);
	free(b->fd);
	free(b);
}
