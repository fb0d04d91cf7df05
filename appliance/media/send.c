/** What goes out on a port: relayed packets as they come, and a frame of our own each tick. */
#define _GNU_SOURCE
#include <math.h>
#include <string.h>

#include "internal.h"

#define METER_FRAMES 10       /* 200 ms */

bool port_send_packet(struct port *p, uint8_t *packet, size_t n, int64_t now)
{
	const union address *to = &p->latch.current;

	p->sent_at = now;
	if (sendto(p->fd, packet, n, MSG_DONTWAIT | MSG_NOSIGNAL, &to->sa, address_length(to)) < 0)
		return false;   /* a full queue or an unreachable host: the packet is lost as on any network */
	BUMP(p->packets_out, 1);
	BUMP(p->octets_out, n - RTP_HEADER);
	return true;
}

static bool can_send(const struct port *p)
{
	return p->connected && (p->direction & DIR_SEND) && p->latch.sendable &&
	       !atomic_load_explicit(&p->let_go, memory_order_relaxed);
}

/* Our own stream follows the clock; after a time of relaying or of silence on hold it takes up where the clock is. */
static void stream_resume(struct port *p, int64_t now)
{
	uint32_t due = p->ts_origin + (uint32_t)now;
	int32_t behind = (int32_t)(due - p->ts);

	if (behind <= 2 * FRAME)
		return;
	p->ts = due;
	p->marker = true;
}

/* ---- relaying ----------------------------------------------------------------------------------------------------- */

static void relay_begin(struct port *from, struct port *to, const struct rtp_header *h, int64_t now)
{
	stream_resume(to, now);
	to->relaying = true;
	to->relay_from = from;
	to->relay_seq = (uint16_t)(to->seq - h->seq);
	to->relay_ts = to->ts - h->ts;
	to->relay_first = to->seq;
	to->marker = true;
	if (to->starved) {
		to->starved = false;
		port_refresh(to);
	}
}

/* The packet stays as it is but for its numbers: gaps and disorder are passed on for the far end to see and conceal. */
void port_relay(struct port *from, struct port *to, const struct rtp_header *h, int64_t now)
{
	uint8_t *packet = port_shard(from)->packet + (h->payload - port_shard(from)->packet) - RTP_HEADER;
	bool event = h->type != from->payload_type;
	uint16_t seq;
	uint32_t ts;

	if (!can_send(to) || digits_busy(to))
		return;
	if (!to->relaying || to->relay_from != from || (uint16_t)(h->seq + to->relay_seq - to->seq + 200) > 3200)
		relay_begin(from, to, h, now);
	seq = (uint16_t)(h->seq + to->relay_seq);
	ts = h->ts + to->relay_ts;
	if ((int16_t)(seq - to->relay_first) < 0)
		return;   /* older than the stream's beginning: its number was used by a packet of ours */
	rtp_build(packet, h->marker || to->marker, (uint8_t)(event ? to->event_type : to->payload_type), seq, ts, to->ssrc);
	to->marker = false;
	if ((int16_t)(seq + 1 - to->seq) > 0)
		to->seq = (uint16_t)(seq + 1);
	if (!event && (int32_t)(ts + (uint32_t)h->length - to->ts) > 0)
		to->ts = ts + (uint32_t)h->length;
	if (port_send_packet(to, packet, RTP_HEADER + h->length, now))
		BUMP(to->relayed, 1);
}

/* ---- a frame of our own ------------------------------------------------------------------------------------------- */

static void fifo_send(struct port *p, int64_t now)
{
	uint8_t packet[RTP_HEADER + PTIME_MOST];

	while (p->fifo_length >= p->ptime) {
		rtp_build(packet, p->marker, (uint8_t)p->payload_type, p->seq++,
			  p->ts - (uint32_t)p->fifo_length, p->ssrc);
		memcpy(packet + RTP_HEADER, p->fifo, p->ptime);
		port_send_packet(p, packet, RTP_HEADER + p->ptime, now);
		p->marker = false;
		p->fifo_length -= p->ptime;
		memmove(p->fifo, p->fifo + p->ptime, p->fifo_length);
	}
}

static void frame_send(struct port *p, const int16_t *pcm, bool silent, int64_t now)
{
	uint8_t *at = p->fifo + p->fifo_length;

	if (silent && p->codec.rate == 8000)
		memset(at, codec_silence(&p->codec), FRAME);
	else
		codec_encode(&p->codec, pcm, at, FRAME);
	p->fifo_length += FRAME;
	p->ts += FRAME;
	p->relaying = false;
	fifo_send(p, now);
}

/* Adds what is made at 8 kHz here (playback, tones) to what the 16 kHz bridge gives. */
static void wide_add(struct port *p, const int16_t *own, int16_t *wide)
{
	int16_t doubled[2 * FRAME];

	halfband_double(&p->up, own, FRAME, doubled);
	for (int i = 0; i < 2 * FRAME; i++) {
		int v = wide[i] + doubled[i];

		wide[i] = (int16_t)(v > 32767 ? 32767 : v < -32768 ? -32768 : v);
	}
}

/* Makes and sends this tick's frame; p->tx is what the far end hears, at 8 kHz. */
static void own_frame(struct port *p, int64_t now)
{
	int16_t own[FRAME] = { 0 }, wide[2 * FRAME] = { 0 };
	bool is_wide = p->codec.rate == 16000, playing = false, mixed = false;
	enum digits_pushed digits;

	memset(p->tx, 0, sizeof(p->tx));
	stream_resume(p, now);
	digits = digits_push(p, own, now);
	if (digits == DIGITS_NONE) {
		mixed = p->bridge && !p->bridge->relay && bridge_mix(p, p->tx, is_wide ? wide : NULL);
		playing = play_fill(p, own);
	}
	if (digits == DIGITS_EVENT) {
		/* The event takes the place of audio: its time passes, the codec hears nothing of it. */
		p->ts += FRAME;
		return;
	}
	for (int i = 0; i < FRAME; i++) {
		int v = p->tx[i] + own[i];

		p->tx[i] = (int16_t)(v > 32767 ? 32767 : v < -32768 ? -32768 : v);
	}
	if (is_wide)
		wide_add(p, own, wide);
	frame_send(p, is_wide ? wide : p->tx, !mixed && !playing && digits == DIGITS_NONE, now);
}

/* ---- taps --------------------------------------------------------------------------------------------------------- */

static const char *const tone_names[TONE_COUNT] = {
	[TONE_NONE] = "", [TONE_DIAL] = "dial", [TONE_RINGBACK] = "ringback", [TONE_BUSY] = "busy",
	[TONE_CONGESTION] = "congestion", [TONE_SPECIAL] = "special", [TONE_FAX] = "fax", [TONE_MODEM] = "modem",
	[TONE_BEEP] = "beep",
};
static const char *const verdict_names[] = { "", "person", "machine", "unsure" };

static void detected(const struct detect_event *ev, void *arg)
{
	struct port *p = arg;
	struct media_event out = { .port = p->id, .a = ev->at_ms, .flag = ev->value };

	switch (ev->type) {
	case DETECT_EV_DIGIT:
		digit_inband_in(p, (char)ev->value, (int)ev->duration_ms, p->now);
		return;
	case DETECT_EV_VOICE:
		out.kind = EV_VOICE;
		break;
	case DETECT_EV_TONE:
		out.kind = EV_TONE;
		strncpy(out.text, tone_names[ev->value], sizeof(out.text) - 1);
		break;
	case DETECT_EV_MACHINE:
		out.kind = EV_MACHINE;
		strncpy(out.text, verdict_names[ev->value], sizeof(out.text) - 1);
		break;
	default:
		return;
	}
	shard_tell(port_shard(p), &out);
}

static double pcm_power(const int16_t *pcm)
{
	double sum = 0;

	for (int i = 0; i < FRAME; i++)
		sum += (double)pcm[i] * pcm[i];
	return sum / FRAME;
}

/* dBov, ITU-T G.100.1: 0 is the power of the largest square wave; nothing at all counts as -127. */
static double dbov(double mean_square)
{
	double db = 10 * log10(mean_square / (32768.0 * 32768.0) + 2e-13);

	return db < -127 ? -127 : db;
}

static void meter(struct port *p)
{
	p->rx_power += pcm_power(p->rx);
	p->tx_power += pcm_power(p->tx);
	if (++p->metered_frames < METER_FRAMES)
		return;
	shard_tell(port_shard(p), &(struct media_event){ .kind = EV_LEVEL, .port = p->id,
		.x = dbov(p->rx_power / METER_FRAMES), .y = dbov(p->tx_power / METER_FRAMES) });
	p->rx_power = p->tx_power = 0;
	p->metered_frames = 0;
}

void port_push(struct port *p, int64_t now)
{
	bool relayed = p->bridge && p->bridge->relay && !p->starved && !digits_busy(p);
	const struct port *peer = bridge_peer(p);

	if (relayed && peer && peer->listening)
		memcpy(p->tx, peer->rx, sizeof(p->tx));
	else
		memset(p->tx, 0, sizeof(p->tx));
	if (!relayed && can_send(p))
		own_frame(p, now);
	if (p->detect && p->connected)
		detect_push(p->detect, p->rx, p->tx, FRAME, p->rx_lost ? DETECT_LOST : 0, detected, p);
	if (p->recording)
		recording_push(p);
	if (p->metered)
		meter(p);
}
