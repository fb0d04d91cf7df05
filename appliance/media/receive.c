/** What comes in on a port's sockets, and turning it into this tick's frame. */
#define _GNU_SOURCE
#include <string.h>
#include <time.h>

#include "internal.h"

#define COMFORT_NOISE 13      /* RFC 3389: a sign of life; what it describes is made by concealment fading to silence */
#define QUIET_POWER 10000.0   /* mean square of a frame in which a few milliseconds may be cut (-50 dBov) */

static ssize_t packet_read(struct port *p, int fd, union address *from)
{
	socklen_t length = sizeof(*from);

	return recvfrom(fd, port_shard(p)->packet, RTP_PACKET_MAX, MSG_DONTWAIT, &from->sa, &length);
}

static void stray(struct port *p)
{
	BUMP(p->stray, 1);
	BUMP(port_shard(p)->stray, 1);
}

static void audio_in(struct port *p, const struct rtp_header *h, int64_t now)
{
	struct port *peer = bridge_peer(p);

	if (peer && p->bridge->relay)
		port_relay(p, peer, h, now);
	if (p->listening && jitter_put(&p->jitter, h->ts, h->payload, h->length, (uint32_t)now) == JITTER_LATE)
		BUMP(p->late, 1);
}

static void event_in(struct port *p, const struct rtp_header *h, int64_t now)
{
	struct port *peer = bridge_peer(p);

	if (peer && p->bridge->relay && !p->keeps_digits)
		port_relay(p, peer, h, now);
	digit_event_in(p, h, now);
}

static bool type_ours(const struct port *p, const struct rtp_header *h)
{
	return h->type == p->payload_type || (p->event_type && h->type == p->event_type) || h->type == COMFORT_NOISE;
}

static void packet_in(struct port *p, const struct rtp_header *h, const union address *from, int64_t now)
{
	bool audio = h->type == p->payload_type;
	enum rtp_verdict verdict;

	if (!type_ours(p, h) || h->length == 0 || !latch_accept(&p->latch, from, h, now)) {
		stray(p);
		return;
	}
	atomic_store_explicit(&p->latched, !address_same(from, &p->latch.signalled), memory_order_relaxed);
	verdict = rtp_source_update(&p->source, h, (uint32_t)now, audio);
	if (verdict == RTP_REFUSED) {
		stray(p);
		return;
	}
	if (verdict == RTP_DUPLICATE) {
		BUMP(p->duplicate, 1);
		return;
	}
	if (verdict == RTP_RESTARTED) {
		jitter_reset(&p->jitter);
		p->digits_in.begun = false;
	}
	BUMP(p->packets_in, 1);
	BUMP(p->octets_in, h->length);
	atomic_store_explicit(&p->expected, rtp_source_expected(&p->source), memory_order_relaxed);
	atomic_store_explicit(&p->jitter_us, (uint32_t)(p->source.jitter * 125), memory_order_relaxed);
	p->silent_told = false;
	if (!(p->direction & DIR_RECV))
		return;
	if (audio)
		audio_in(p, h, now);
	else if (h->type != COMFORT_NOISE)
		event_in(p, h, now);
}

/* One packet for each readiness: the poll is level-triggered, and so no port can keep the others waiting. */
void port_receive(struct port *p)
{
	struct shard *sh = port_shard(p);
	union address from;
	struct rtp_header h;
	ssize_t n = packet_read(p, p->fd, &from);
	int64_t now;

	if (n <= 0)
		return;
	now = shard_now(sh);
	if (n >= 2 && p->mux && sh->packet[1] >= 192 && sh->packet[1] <= 223) {
		rtcp_receive(p, sh->packet, (size_t)n, &from, now);
		return;
	}
	if (!rtp_parse(&h, sh->packet, (size_t)n)) {
		stray(p);
		return;
	}
	packet_in(p, &h, &from, now);
}

/* ---- RTCP --------------------------------------------------------------------------------------------------------- */

/* RFC 3550 6.4.1 lets the NTP time be any clock of the sender's: the monotonic one never jumps. */
static uint64_t ntp_now(void)
{
	uint64_t ns = clock_ns();

	return (ns / 1000000000ull) << 32 | ((ns % 1000000000ull) << 32) / 1000000000ull;
}

void rtcp_receive(struct port *p, const uint8_t *data, size_t n, const union address *from, int64_t now)
{
	struct rtcp_report r;
	uint32_t rtt;

	if (!p->latch.known || !address_same_host(from, &p->latch.current) || !rtcp_parse(&r, data, n, p->ssrc)) {
		stray(p);
		return;
	}
	if (r.sender) {
		p->rtcp_ntp = r.ntp;
		p->rtcp_ntp_at = now;
	}
	if (!r.present)
		return;
	atomic_store_explicit(&p->far_loss_ppm, (int32_t)(r.loss * 1e6), memory_order_relaxed);
	if (r.lsr == 0)
		return;
	rtt = (uint32_t)(ntp_now() >> 16) - r.lsr - r.dlsr;
	/* Ten seconds are no round trip but a report that was made up. */
	if (rtt < 10 * 65536)
		atomic_store_explicit(&p->rtt_us, (int32_t)((uint64_t)rtt * 1000000 / 65536), memory_order_relaxed);
}

void port_receive_rtcp(struct port *p)
{
	struct shard *sh = port_shard(p);
	union address from;
	ssize_t n = packet_read(p, p->rtcp_fd, &from);

	if (n > 0)
		rtcp_receive(p, sh->packet, (size_t)n, &from, shard_now(sh));
}

static void report_fill(struct port *p, struct rtcp_send *s, int64_t now)
{
	struct rtp_source *src = &p->source;
	uint64_t expected = rtp_source_expected(src) - src->expected_gone;
	int64_t due = (int64_t)(expected - src->expected_before);
	int64_t lost = due - (int64_t)(src->received - src->received_before);
	int64_t all = (int64_t)expected - (int64_t)src->received;

	src->expected_before = expected;
	src->received_before = src->received;
	s->source = src;
	s->fraction = (uint8_t)(due > 0 && lost > 0 ? lost * 255 / due : 0);
	s->lost = (uint32_t)(all > 0x7fffff ? 0x7fffff : all < -0x800000 ? -0x800000 : all);
	if (p->rtcp_ntp) {
		s->lsr = p->rtcp_ntp;
		s->dlsr = (uint32_t)((now - p->rtcp_ntp_at) * 65536 / 8000);
	}
}

void rtcp_send(struct port *p, int64_t now, bool bye)
{
	uint8_t packet[RTP_PACKET_MAX];
	struct rtcp_send s = { .ssrc = p->ssrc, .ts = p->ts, .ntp = ntp_now(), .cname = "switchroom", .bye = bye,
			       .packets = (uint32_t)atomic_load(&p->packets_out),
			       .octets = (uint32_t)atomic_load(&p->octets_out) };
	union address to = p->rtcp_to;
	int fd = p->mux ? p->fd : p->rtcp_fd;

	if (fd < 0 || !p->connected || !p->latch.sendable || to.in.sin_port == 0)
		return;
	s.sender = s.packets > 0;
	if (bye && !s.sender && !p->source.begun)
		return;   /* RFC 3550 6.3.7: who took no part does not take leave */
	if (p->source.begun)
		report_fill(p, &s, now);
	if (p->latch.locked && !address_same(&p->latch.current, &p->latch.signalled)) {
		/* Behind NAT only what was latched can be reached; the odd port beside it is the best guess there is. */
		uint16_t number = ntohs(p->latch.current.in.sin_port);

		to = p->latch.current;
		to.in.sin_port = htons((uint16_t)(p->mux ? number : number + 1));
	}
	if (sendto(fd, packet, rtcp_build(packet, &s), MSG_DONTWAIT, &to.sa,
		   address_length(&to)) < 0)
		return;   /* a report that is lost is made up for by the next */
}

/* ---- this tick's frame -------------------------------------------------------------------------------------------- */

static double frame_power(const int16_t *pcm, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (double)pcm[i] * pcm[i];
	return sum / (double)n;
}

static void frame_decode(struct port *p, const struct jitter_frame *f)
{
	int16_t pcm[2 * JITTER_TAKE];

	codec_decode_frame(&p->codec, f, pcm);
	if (p->codec.rate == 16000) {
		memcpy(p->rx_wide, pcm, sizeof(p->rx_wide));
		halfband_halve(&p->down, pcm, 2 * FRAME, p->rx);
		return;
	}
	memcpy(p->rx, pcm, sizeof(p->rx));
	if (p->bridge && p->bridge->wide)
		halfband_double(&p->mix_up, p->rx, FRAME, p->rx_wide);
}

void port_pull(struct port *p, int64_t now)
{
	struct jitter_frame f;

	p->now = now;
	if (!p->listening)
		return;
	if (!p->connected || !(p->direction & DIR_RECV) || !jitter_take(&p->jitter, &f, (uint32_t)now, p->quiet)) {
		memset(p->rx, 0, sizeof(p->rx));
		memset(p->rx_wide, 0, sizeof(p->rx_wide));
		p->rx_lost = true;
		return;
	}
	frame_decode(p, &f);
	atomic_store_explicit(&p->delay, (uint32_t)jitter_delay(&p->jitter), memory_order_relaxed);
	p->rx_lost = f.present < f.length / 2;
	p->quiet = frame_power(p->rx, FRAME) < QUIET_POWER;
	if (f.present < f.length)
		BUMP(p->concealed, f.length - f.present);
	if (f.length < JITTER_FRAME)
		BUMP(p->stretched, JITTER_FRAME - f.length);
	if (f.length > JITTER_FRAME)
		BUMP(p->skipped, f.length - JITTER_FRAME);
}
