/** Digits out and in: telephone-events (RFC 4733) and tones (ITU-T Q.23), and that a digit sent both ways counts once. */
#include <math.h>
#include <string.h>

#include "internal.h"

#define END_PACKETS 3         /* RFC 4733 2.5.1.4: the last one is sent three times */
#define SAME_TICKS 2400       /* a second report of the digit by the other way within 300 ms is the same press */
#define EVENT_SPACING 240     /* 30 ms: nobody presses faster; a flood of made-up events is not reported */
#define TONE_LEVEL 6000.0     /* amplitude of each of the two tones: -14.7 dBov */
#define PASSED_MS 160
#define FRAME_MS 20

static const char event_names[] = "0123456789*#ABCD";
static const double row_hz[4] = { 697, 770, 852, 941 }, column_hz[4] = { 1209, 1336, 1477, 1633 };

static int event_number(char digit)
{
	const char *at = strchr(event_names, digit);

	return at && digit ? (int)(at - event_names) : 0;
}

/* ---- in ----------------------------------------------------------------------------------------------------------- */

static void digit_tell(struct port *p, char digit, bool inband, int ms)
{
	shard_tell(port_shard(p), &(struct media_event){
		.kind = EV_DIGIT, .port = p->id, .code = digit, .flag = inband, .a = ms });
}

/* In a mixed bridge nobody relays packets: the digit is made anew for those who hear this leg. */
static void digit_pass(struct port *p, char digit)
{
	struct bridge *b = p->bridge;

	if (!b || b->relay || p->keeps_digits)
		return;
	for (int i = 0; i < b->count; i++) {
		struct port *to = b->member[i];
		struct digit_sender *s = &to->digits_out;

		if (to == p || *gain_at(b, p->member, i) <= 0 || s->count >= DIGITS_MAX)
			continue;
		s->queue[s->count] = digit;
		s->ms[s->count] = PASSED_MS;
		s->gap[s->count++] = 2 * FRAME_MS;
	}
}

void digit_event_in(struct port *p, const struct rtp_header *h, int64_t now)
{
	struct digit_receiver *d = &p->digits_in;
	struct rtp_event e;
	bool same;
	char digit;

	if (!rtp_event_parse(&e, h->payload, h->length) || e.event > 15)
		return;
	/* Packets of one press share its timestamp; older ones are stragglers. */
	if (d->begun && (int32_t)(h->ts - d->ts) <= 0)
		return;
	if (d->begun && now - d->event_at < EVENT_SPACING)
		return;
	digit = event_names[e.event];
	same = d->inband_digit == digit && now - d->inband_at < SAME_TICKS;
	d->begun = d->by_event = true;
	d->ts = h->ts;
	d->event_at = now;
	d->event_digit = digit;
	d->inband_digit = 0;
	if (same)
		return;
	digit_tell(p, digit, false, e.duration / 8);
	digit_pass(p, digit);
}

void digit_inband_in(struct port *p, char digit, int ms, int64_t now)
{
	struct digit_receiver *d = &p->digits_in;

	/* Who sends events once sends them always: its tones are the same presses heard twice. */
	if (d->by_event)
		return;
	d->inband_at = now;
	d->inband_digit = digit;
	digit_tell(p, digit, true, ms);
}

/* ---- out ---------------------------------------------------------------------------------------------------------- */

bool digits_busy(const struct port *p)
{
	return p->digits_out.count > 0 || p->digits_out.state != DIGIT_IDLE;
}

static void queue_shift(struct digit_sender *s)
{
	s->count--;
	memmove(s->queue, s->queue + 1, (size_t)s->count);
	memmove(s->ms, s->ms + 1, (size_t)s->count * sizeof(s->ms[0]));
	memmove(s->gap, s->gap + 1, (size_t)s->count * sizeof(s->gap[0]));
}

static void event_send(struct port *p, bool end, int64_t now)
{
	struct digit_sender *s = &p->digits_out;
	struct rtp_event e = { .event = (uint8_t)event_number(s->queue[0]), .volume = 10, .end = end,
			       .duration = (uint16_t)s->duration };
	uint8_t packet[RTP_HEADER + 4];

	rtp_build(packet, s->duration == FRAME, (uint8_t)p->event_type, p->seq++, s->ts, p->ssrc);
	rtp_event_build(packet + RTP_HEADER, &e);
	p->relaying = false;
	port_send_packet(p, packet, sizeof(packet), now);
}

static void tone_make(struct digit_sender *s, int16_t *pcm)
{
	int number = event_number(s->queue[0]);
	/* Rows and columns of the keypad; * 0 # stand in the last row, A-D in the last column. */
	static const char keypad[] = "123A456B789C*0#D";
	int at = (int)(strchr(keypad, event_names[number]) - keypad);
	double low = 2 * M_PI * row_hz[at / 4] / 8000, high = 2 * M_PI * column_hz[at % 4] / 8000;

	for (int i = 0; i < FRAME; i++) {
		pcm[i] = (int16_t)(TONE_LEVEL * (sin(s->phase_low) + sin(s->phase_high)));
		s->phase_low += low;
		s->phase_high += high;
	}
}

static void digit_start(struct port *p)
{
	struct digit_sender *s = &p->digits_out;

	s->state = DIGIT_ON;
	s->elapsed = s->duration = 0;
	s->phase_low = s->phase_high = 0;
	s->ts = p->ts;
}

static void digit_on(struct port *p, int16_t *pcm, int64_t now)
{
	struct digit_sender *s = &p->digits_out;

	s->duration += FRAME;
	s->elapsed += FRAME;
	if (p->event_type == 0)
		tone_make(s, pcm);
	if (s->elapsed < s->ms[0] * 8) {
		if (p->event_type != 0)
			event_send(p, false, now);
		return;
	}
	if (p->event_type != 0)
		event_send(p, true, now);
	s->state = p->event_type != 0 ? DIGIT_END : DIGIT_GAP;
	s->elapsed = p->event_type != 0 ? 1 : 0;
}

static void digit_gap(struct digit_sender *s)
{
	s->elapsed += FRAME;
	if (s->elapsed < s->gap[0] * 8)
		return;
	queue_shift(s);
	s->state = DIGIT_IDLE;
}

/* One frame of sending digits. */
enum digits_pushed digits_push(struct port *p, int16_t *pcm, int64_t now)
{
	struct digit_sender *s = &p->digits_out;

	if (s->state == DIGIT_IDLE && s->count > 0)
		digit_start(p);
	switch (s->state) {
	case DIGIT_ON:
		digit_on(p, pcm, now);
		return p->event_type != 0 ? DIGITS_EVENT : DIGITS_TONE;
	case DIGIT_END:
		if (p->event_type != 0)   /* it may have been negotiated away */
			event_send(p, true, now);
		if (++s->elapsed < END_PACKETS)
			return DIGITS_EVENT;
		s->state = DIGIT_GAP;
		s->elapsed = 0;
		return DIGITS_EVENT;
	case DIGIT_GAP:
		digit_gap(s);
		if (!digits_busy(p))
			port_touch(p);
		return DIGITS_NONE;
	case DIGIT_IDLE:
		break;
	}
	return DIGITS_NONE;
}
