/*
 * front: puts the guard before libre. The linker sends libre's own calls of a few functions here (build.py, --wrap):
 *
 *   udp_listen       each SIP socket gets a helper that sees datagrams first, and a larger receive buffer
 *   tcp_listen       sees that "any" address is listened on, where libre would refuse it (as does udp_listen)
 *   tcp_accept       each connection gets one too; a banned source gets none
 *   sip_transp_laddr an address bound to "any" is shown as the one that the destination is reached from
 *   re_fprintf       what libre says on stderr about messages it does not like is counted, not printed
 */
#include "ua.h"

#include <sys/socket.h>
#include <unistd.h>

enum { LAYER = -100, STREAMS_MAX = 2048, STREAMS_PER_SOURCE = 64, RECEIVE_BUFFER = 4 << 20 };

int __real_udp_listen(struct udp_sock **usp, const struct sa *local, udp_recv_h *rh, void *arg);
int __wrap_udp_listen(struct udp_sock **usp, const struct sa *local, udp_recv_h *rh, void *arg);
int __real_tcp_listen(struct tcp_sock **tsp, const struct sa *local, tcp_conn_h *ch, void *arg);
int __wrap_tcp_listen(struct tcp_sock **tsp, const struct sa *local, tcp_conn_h *ch, void *arg);
int __real_tcp_accept(struct tcp_conn **tcp, struct tcp_sock *ts, tcp_estab_h *eh, tcp_recv_h *rh, tcp_close_h *ch, void *arg);
int __wrap_tcp_accept(struct tcp_conn **tcp, struct tcp_sock *ts, tcp_estab_h *eh, tcp_recv_h *rh, tcp_close_h *ch, void *arg);
int __real_sip_transp_laddr(struct sip *sip, struct sa *laddr, enum sip_transp tp, const struct sa *dst);
int __wrap_sip_transp_laddr(struct sip *sip, struct sa *laddr, enum sip_transp tp, const struct sa *dst);
int __wrap_re_fprintf(FILE *stream, const char *fmt, ...);

static uint64_t now_us(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

int __wrap_re_fprintf(FILE *stream, const char *fmt, ...)
{
	(void)stream;
	(void)fmt;
	if (the_ua)
		atomic_fetch_add(&the_ua->count.unhandled, 1);
	return 0;
}

/* ---- datagrams --------------------------------------------------------------------------------------------------------- */

static bool replace(struct mbuf *mb, const uint8_t *buf, size_t len)
{
	mbuf_rewind(mb);
	if (mbuf_write_mem(mb, buf, len))
		return false;
	mb->pos = 0;
	return true;
}

static bool udp_receive(struct sa *src, struct mbuf *mb, void *arg)
{
	struct udp_sock *us = arg;
	struct guard_out *out = the_ua->guard_out;
	struct mbuf *reply;
	struct sa dst = *src;

	atomic_fetch_add_explicit(&the_ua->count.messages_in, 1, memory_order_relaxed);
	switch (guard_check(the_ua->guard, mbuf_buf(mb), mbuf_get_left(mb), &src->u.sa, false, now_us(), out)) {
	case GUARD_PASS:
		return out->rewritten && !replace(mb, out->buf, out->len);
	case GUARD_REPLY:
		reply = mbuf_alloc(out->len);
		if (!reply)
			return true;
		(void)mbuf_write_mem(reply, out->buf, out->len);
		reply->pos = 0;
		sa_set_port(&dst, out->port);
		(void)udp_send(us, &dst, reply);
		mem_deref(reply);
		return true;
	default:
		return true;
	}
}

static bool udp_send_seen(int *err, struct sa *dst, struct mbuf *mb, void *arg)
{
	(void)err;
	(void)dst;
	(void)arg;
	atomic_fetch_add_explicit(&the_ua->count.messages_out, 1, memory_order_relaxed);
	mb->end = mb->pos + guard_outgoing(the_ua->guard, mbuf_buf(mb), mbuf_get_left(mb));
	return false;
}

/* Where to listen: sip_transp_add takes no "any" address, so listen_one gives it loopback's and sets `any`. */
static struct sa listen_address(const struct sa *local)
{
	struct sa sa = *local;

	if (the_ua && the_ua->any)
		(void)sa_set_str(&sa, sa_af(local) == AF_INET6 ? "::" : "0.0.0.0", sa_port(local));
	return sa;
}

int __wrap_tcp_listen(struct tcp_sock **tsp, const struct sa *local, tcp_conn_h *ch, void *arg)
{
	const struct sa where = listen_address(local);

	return __real_tcp_listen(tsp, &where, ch, arg);
}

int __wrap_udp_listen(struct udp_sock **usp, const struct sa *local, udp_recv_h *rh, void *arg)
{
	struct ua *ua = the_ua;
	const struct sa where = listen_address(local);
	struct sa bound;
	int err = __real_udp_listen(usp, &where, rh, arg);

	if (err || !ua || ua->listens >= LISTEN_MAX)
		return err;
	if (!udp_local_get(*usp, &bound))
		ua->udp_port = sa_port(&bound);
	udp_rxsz_set(*usp, GUARD_MESSAGE_MAX);
	(void)udp_sockbuf_set(*usp, RECEIVE_BUFFER);
	return udp_register_helper(NULL, *usp, LAYER, udp_send_seen, udp_receive, *usp);
}

/* ---- streams ------------------------------------------------------------------------------------------------------------ */

/*
 * Stands between a connection and libre's handlers. It holds a reference of its own to the connection: when that is the
 * last one, libre has let go of it, and libre's handlers must not be called any more.
 */
struct stream {
	struct le le;
	struct ua *ua;
	struct tcp_conn *tc;
	struct sa peer;
	struct mbuf *mb; /* the beginning of a message */
	struct tmr tmr;
	tcp_estab_h *estabh;
	tcp_recv_h *recvh;
	tcp_close_h *closeh;
	void *arg;
};

static void stream_destructor(void *arg)
{
	struct stream *s = arg;

	list_unlink(&s->le);
	tmr_cancel(&s->tmr);
	mem_deref(s->tc);
	mem_deref(s->mb);
}

static bool stream_dead(struct stream *s)
{
	if (mem_nrefs(s->tc) > 1)
		return false;
	mem_deref(s);
	return true;
}

static void stream_close(int err, void *arg)
{
	struct stream *s = arg;

	if (!stream_dead(s)) {
		s->closeh(err, s->arg);
		(void)stream_dead(s);
	}
}

/* Half a message for too long, or a connection that libre closed by itself. */
static void stream_tick(void *arg)
{
	struct stream *s = arg;

	if (stream_dead(s))
		return;
	if (s->mb)
		stream_close(ETIMEDOUT, s);
	else
		tmr_start(&s->tmr, GUARD_STREAM_WAIT_MS, stream_tick, s);
}

static void stream_estab(void *arg)
{
	struct stream *s = arg;

	if (!stream_dead(s) && s->estabh)
		s->estabh(s->arg);
}

/* Whole messages that pass are put together in `pass`. EPROTO: close. */
static int stream_messages(struct stream *s, struct mbuf *pass)
{
	struct guard_out *out = s->ua->guard_out;
	enum guard_verdict verdict;
	size_t n = 0;
	int err = 0;

	while (!err && mbuf_get_left(s->mb)) {
		const enum guard_frame frame = guard_frame(mbuf_buf(s->mb), mbuf_get_left(s->mb), &n);

		if (frame == GUARD_FRAME_WAIT)
			return 0;
		if (frame == GUARD_FRAME_SKIP) {
			if (n >= 4) { /* RFC 5626 4.4.1: the pong to a ping of two line ends */
				struct mbuf pong = { (uint8_t *)"\r\n", 2, 0, 2 };

				err = tcp_send(s->tc, &pong);
			}
			s->mb->pos += n;
			continue;
		}
		atomic_fetch_add_explicit(&s->ua->count.messages_in, 1, memory_order_relaxed);
		verdict = guard_check(s->ua->guard, mbuf_buf(s->mb), n, &s->peer.u.sa, true, now_us(), out);
		if (verdict == GUARD_PASS && frame == GUARD_FRAME_WHOLE)
			err = out->rewritten ? mbuf_write_mem(pass, out->buf, out->len)
					     : mbuf_write_mem(pass, mbuf_buf(s->mb), n);
		if ((verdict == GUARD_REPLY || verdict == GUARD_CLOSE) && out->len) {
			struct mbuf reply = { out->buf, out->len, 0, out->len };

			err |= tcp_send(s->tc, &reply);
		}
		s->mb->pos += n;
		if (verdict == GUARD_CLOSE || frame == GUARD_FRAME_BAD)
			err = EPROTO;
	}
	return err;
}

/* What has not been taken yet, and the new bytes behind it. */
static int stream_append(struct stream *s, struct mbuf *mb)
{
	struct mbuf *whole = mbuf_alloc(mbuf_get_left(s->mb) + mbuf_get_left(mb) + 1);
	int err;

	if (!whole)
		return ENOMEM;
	err = s->mb ? mbuf_write_mem(whole, mbuf_buf(s->mb), mbuf_get_left(s->mb)) : 0;
	err |= mbuf_write_mem(whole, mbuf_buf(mb), mbuf_get_left(mb));
	whole->pos = 0;
	mem_deref(s->mb);
	s->mb = whole;
	return err;
}

static void stream_receive(struct mbuf *mb, void *arg)
{
	struct stream *s = arg;
	const bool first = !s->mb;
	struct mbuf *pass;
	int err;

	if (stream_dead(s))
		return;
	pass = mbuf_alloc(1024);
	err = pass ? stream_append(s, mb) : ENOMEM;
	if (!err)
		err = stream_messages(s, pass);
	if (!err && !mbuf_get_left(s->mb))
		s->mb = mem_deref(s->mb);
	/* The time runs from a message's first byte: one byte now and then must not hold a connection for ever. */
	if (!err && s->mb && (first || s->mb->pos))
		tmr_start(&s->tmr, GUARD_STREAM_WAIT_MS, stream_tick, s);
	if (pass && pass->end) {
		pass->pos = 0;
		s->recvh(pass, s->arg);
		mem_deref(pass);
		if (stream_dead(s))
			return;
	} else {
		mem_deref(pass);
	}
	if (err)
		stream_close(err, s);
}

static bool stream_send(int *err, struct mbuf *mb, void *arg)
{
	struct ua *ua = arg;
	(void)err;

	atomic_fetch_add_explicit(&ua->count.messages_out, 1, memory_order_relaxed);
	mb->end = mb->pos + guard_outgoing(ua->guard, mbuf_buf(mb), mbuf_get_left(mb));
	return false;
}

/* Linear in the connections, at the opening of one only. */
static bool stream_room(const struct ua *ua, const struct sa *peer)
{
	unsigned same = 0, total = 0;

	if (guard_banned(ua->guard, &peer->u.sa, now_us()))
		return false;
	for (struct le *le = list_head(&ua->streams); le; le = le->next) {
		const struct stream *s = list_ledata(le);

		++total;
		same += sa_cmp(&s->peer, peer, SA_ADDR);
	}
	return guard_allowed(ua->guard, &peer->u.sa) ? total < 2 * STREAMS_MAX
						      : total < STREAMS_MAX && same < STREAMS_PER_SOURCE;
}

int __wrap_tcp_accept(struct tcp_conn **tcp, struct tcp_sock *ts, tcp_estab_h *eh, tcp_recv_h *rh, tcp_close_h *ch, void *arg)
{
	struct stream *s = mem_zalloc(sizeof(*s), stream_destructor);
	int err;

	if (!s)
		return ENOMEM;
	s->ua = the_ua;
	s->estabh = eh;
	s->recvh = rh;
	s->closeh = ch;
	s->arg = arg;
	err = __real_tcp_accept(tcp, ts, stream_estab, stream_receive, stream_close, s);
	if (err) {
		mem_deref(s);
		return err;
	}
	s->tc = mem_ref(*tcp);
	err = tcp_conn_peer_get(*tcp, &s->peer);
	if (!err && !stream_room(s->ua, &s->peer))
		err = EMFILE;
	if (!err)
		err = tcp_register_helper(NULL, *tcp, LAYER, NULL, stream_send, NULL, s->ua);
	if (err) {
		mem_deref(s);
		return err;
	}
	list_append(&s->ua->streams, &s->le, s);
	tmr_start(&s->tmr, GUARD_STREAM_WAIT_MS, stream_tick, s);
	atomic_fetch_add_explicit(&s->ua->count.tcp_connections, 1, memory_order_relaxed);
	return 0;
}

void front_close(struct ua *ua)
{
	list_flush(&ua->streams);
}

/* ---- our own address ---------------------------------------------------------------------------------------------------- */

/* The address that the kernel would send from; asked once for each destination in a row. */
static void source_for(struct sa *laddr, const struct sa *dst)
{
	static struct sa last_dst, last_src;
	const uint16_t port = sa_port(laddr);
	struct sa src;
	int fd;

	if (!sa_cmp(&last_dst, dst, SA_ADDR)) {
		fd = socket(sa_af(dst), SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (fd < 0)
			return;
		sa_init(&src, sa_af(dst));
		src.len = sizeof(src.u);
		if (!connect(fd, &dst->u.sa, dst->len) && !getsockname(fd, &src.u.sa, &src.len)) {
			last_dst = *dst;
			last_src = src;
		}
		close(fd);
		if (!sa_cmp(&last_dst, dst, SA_ADDR))
			return;
	}
	*laddr = last_src;
	sa_set_port(laddr, port);
}

int __wrap_sip_transp_laddr(struct sip *sip, struct sa *laddr, enum sip_transp tp, const struct sa *dst)
{
	int err = __real_sip_transp_laddr(sip, laddr, tp, dst);

	if (!err && dst && sa_is_any(laddr))
		source_for(laddr, dst);
	if (!err)
		public_apply(the_ua, laddr, dst);
	return err;
}
