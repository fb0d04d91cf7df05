#include "rtp.h"

#include <string.h>

#define MAX_DROPOUT 3000
#define MAX_MISORDER 100
#define RTCP_SR 200
#define RTCP_RR 201
#define RTCP_SDES 202
#define RTCP_BYE 203

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint8_t *put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
	return p + 2;
}

static uint8_t *put32(uint8_t *p, uint32_t v)
{
	return put16(put16(p, (uint16_t)(v >> 16)), (uint16_t)v);
}

bool rtp_parse(struct rtp_header *h, const uint8_t *data, size_t n)
{
	size_t at;

	if (n < RTP_HEADER || data[0] >> 6 != 2)
		return false;
	at = RTP_HEADER + 4u * (data[0] & 15);
	if (data[0] & 0x10) {
		if (at + 4 > n)
			return false;
		at += 4 + 4u * get16(data + at + 2);
	}
	if (at > n)
		return false;
	if (data[0] & 0x20) {
		if (at == n || data[n - 1] == 0 || data[n - 1] > n - at)
			return false;
		n -= data[n - 1];
	}
	h->marker = data[1] >> 7;
	h->type = data[1] & 0x7f;
	h->seq = get16(data + 2);
	h->ts = get32(data + 4);
	h->ssrc = get32(data + 8);
	h->payload = data + at;
	h->length = n - at;
	return true;
}

void rtp_build(uint8_t *data, bool marker, uint8_t type, uint16_t seq, uint32_t ts, uint32_t ssrc)
{
	data[0] = 0x80;
	data[1] = (uint8_t)(marker << 7 | type);
	put32(put32(put16(data + 2, seq), ts), ssrc);
}

static uint64_t span(const struct rtp_source *s)
{
	return s->begun ? (uint64_t)s->cycles + s->max_seq - s->base_seq + 1 : 0;
}

uint64_t rtp_source_expected(const struct rtp_source *s)
{
	return s->expected_gone + span(s);
}

uint64_t rtp_source_received(const struct rtp_source *s)
{
	return s->received_gone + s->received;
}

static void source_begin(struct rtp_source *s, const struct rtp_header *h)
{
	if (s->begun) {
		s->expected_gone += span(s);
		s->received_gone += s->received;
	}
	s->begun = true;
	s->ssrc = h->ssrc;
	s->base_seq = s->max_seq = h->seq;
	s->cycles = 0;
	s->bad_seq = 0x10001;
	s->window = 1;
	s->received = 0;
	s->expected_before = s->received_before = 0;
	s->transit = 0;
}

static void jitter_update(struct rtp_source *s, const struct rtp_header *h, uint32_t arrival)
{
	uint32_t transit = arrival - h->ts;
	int32_t d = (int32_t)(transit - s->transit);

	/* A jump of more than a second is the sender's timestamp, not the network. */
	if (s->transit != 0 && d > -8000 && d < 8000)
		s->jitter += ((d < 0 ? -d : d) - s->jitter) / 16.0;
	s->transit = transit;
}

static enum rtp_verdict source_advance(struct rtp_source *s, uint16_t seq)
{
	uint16_t ahead = (uint16_t)(seq - s->max_seq);
	uint16_t behind = (uint16_t)(s->max_seq - seq);

	if (ahead == 0 || (behind < 64 && s->window >> behind & 1)) {
		s->duplicate++;
		return RTP_DUPLICATE;
	}
	if (ahead < MAX_DROPOUT) {
		if (seq < s->max_seq)
			s->cycles += 0x10000;
		s->window = ahead < 64 ? s->window << ahead | 1 : 1;
		s->max_seq = seq;
		return RTP_NEW;
	}
	if (behind < MAX_MISORDER) {
		if (behind < 64)
			s->window |= 1ull << behind;
		return RTP_NEW;
	}
	if (seq == s->bad_seq)
		return RTP_RESTARTED;
	s->bad_seq = (seq + 1) & 0xffff;
	return RTP_REFUSED;
}

enum rtp_verdict rtp_source_update(struct rtp_source *s, const struct rtp_header *h, uint32_t arrival, bool audio)
{
	enum rtp_verdict verdict = RTP_RESTARTED;

	if (s->begun && h->ssrc != s->ssrc) {
		bool known = h->ssrc == s->probe_ssrc && h->seq == s->probe_seq;

		s->probe_ssrc = h->ssrc;
		s->probe_seq = (uint16_t)(h->seq + 1);
		if (!known)
			return RTP_REFUSED;
	} else if (s->begun) {
		verdict = source_advance(s, h->seq);
	}
	if (verdict == RTP_DUPLICATE || verdict == RTP_REFUSED)
		return verdict;
	if (verdict == RTP_RESTARTED)
		source_begin(s, h);
	s->received++;
	if (audio)
		jitter_update(s, h, arrival);
	return verdict;
}

static void report_read(struct rtcp_report *r, const uint8_t *block, unsigned count, uint32_t ours)
{
	for (; count > 0; count--, block += 24) {
		if (get32(block) != ours)
			continue;
		r->present = true;
		r->loss = block[4] / 256.0;
		r->lsr = get32(block + 16);
		r->dlsr = get32(block + 20);
	}
}

bool rtcp_parse(struct rtcp_report *r, const uint8_t *data, size_t n, uint32_t ours)
{
	memset(r, 0, sizeof(*r));
	if (n < 8 || (data[1] != RTCP_SR && data[1] != RTCP_RR))
		return false;
	while (n >= 4) {
		size_t length = 4u * (get16(data + 2) + 1u);
		unsigned count = data[0] & 31;
		size_t head = data[1] == RTCP_SR ? 28 : 8;

		if (data[0] >> 6 != 2 || length > n)
			return false;
		if (data[1] == RTCP_SR || data[1] == RTCP_RR) {
			if (length < head + 24u * count)
				return false;
			if (data[1] == RTCP_SR) {
				r->sender = true;
				r->ntp = get32(data + 10);
			}
			report_read(r, data + head, count, ours);
		}
		data += length;
		n -= length;
	}
	return n == 0;
}

static uint8_t *sdes_build(uint8_t *p, const struct rtcp_send *s)
{
	size_t name = strnlen(s->cname, 32);
	size_t chunk = (4 + 2 + name + 1 + 3) & ~(size_t)3;

	*p++ = 0x81;
	*p++ = RTCP_SDES;
	p = put16(p, (uint16_t)(chunk / 4));
	memset(p, 0, chunk);
	put32(p, s->ssrc);
	p[4] = 1;
	p[5] = (uint8_t)name;
	memcpy(p + 6, s->cname, name);
	return p + chunk;
}

size_t rtcp_build(uint8_t *data, const struct rtcp_send *s)
{
	uint8_t *p = data;
	bool block = s->source && s->source->begun;

	*p++ = (uint8_t)(0x80 | block);
	*p++ = s->sender ? RTCP_SR : RTCP_RR;
	p = put16(p, (uint16_t)((s->sender ? 6 : 1) + (block ? 6 : 0)));
	p = put32(p, s->ssrc);
	if (s->sender) {
		p = put32(put32(p, (uint32_t)(s->ntp >> 32)), (uint32_t)s->ntp);
		p = put32(put32(put32(p, s->ts), s->packets), s->octets);
	}
	if (block) {
		p = put32(p, s->source->ssrc);
		p = put32(p, (uint32_t)s->fraction << 24 | (s->lost & 0xffffff));
		p = put32(p, s->source->cycles + s->source->max_seq);
		p = put32(p, (uint32_t)s->source->jitter);
		p = put32(put32(p, s->lsr), s->dlsr);
	}
	p = sdes_build(p, s);
	if (s->bye) {
		*p++ = 0x81;
		*p++ = RTCP_BYE;
		p = put32(put16(p, 1), s->ssrc);
	}
	return (size_t)(p - data);
}

bool rtp_event_parse(struct rtp_event *e, const uint8_t *payload, size_t n)
{
	if (n < 4)
		return false;
	e->event = payload[0];
	e->end = payload[1] >> 7;
	e->volume = payload[1] & 63;
	e->duration = get16(payload + 2);
	return true;
}

void rtp_event_build(uint8_t *payload, const struct rtp_event *e)
{
	payload[0] = e->event;
	payload[1] = (uint8_t)(e->end << 7 | e->volume);
	put16(payload + 2, e->duration);
}
