/** Bridges: a matrix of gains between ports, and when a plain pair needs none of it. */
#include <string.h>

#include "internal.h"

struct port *bridge_peer(const struct port *p)
{
	const struct bridge *b = p->bridge;

	return b && b->count == 2 ? b->member[1 - p->member] : NULL;
}

/* Packets may pass untouched where nothing would have to be changed in them but numbers. */
static bool relay_possible(const struct bridge *b)
{
	const struct port *x, *y;

	if (b->count != 2 || *gain_at(b, 0, 1) != 1.0f || *gain_at(b, 1, 0) != 1.0f)
		return false;
	x = b->member[0];
	y = b->member[1];
	return x->connected && y->connected && x->codec.type == y->codec.type && !x->play && !y->play &&
	       (x->event_type != 0) == (y->event_type != 0);
}

void bridge_refresh(struct bridge *b)
{
	b->relay = relay_possible(b);
	b->wide = false;
	for (int i = 0; i < b->count; i++)
		b->wide |= b->member[i]->connected && b->member[i]->codec.rate == 16000;
	for (int i = 0; i < b->count; i++)
		port_refresh(b->member[i]);
}

static const int16_t *voice_of(const struct port *from, bool wide)
{
	return wide ? from->rx_wide : from->rx;
}

/* What `p` hears of the others, at 8 or 16 kHz. False where it hears nothing at all. */
static bool mix_into(const struct port *p, int16_t *out, bool wide)
{
	const struct bridge *b = p->bridge;
	size_t n = wide ? 2 * FRAME : FRAME;
	float sum[2 * FRAME];
	bool any = false;

	memset(sum, 0, sizeof(sum));
	for (int k = 0; k < b->count; k++) {
		float gain = *gain_at(b, k, p->member);
		const int16_t *voice = voice_of(b->member[k], wide);

		if (b->member[k] == p || gain <= 0 || !b->member[k]->listening)
			continue;
		any = true;
		for (size_t i = 0; i < n; i++)
			sum[i] += gain * voice[i];
	}
	for (size_t i = 0; any && i < n; i++)
		out[i] = (int16_t)(sum[i] > 32767 ? 32767 : sum[i] < -32768 ? -32768 : sum[i]);
	return any;
}

bool bridge_mix(struct port *p, int16_t *narrow, int16_t *wide)
{
	bool any = mix_into(p, narrow, false);

	return wide ? mix_into(p, wide, true) || any : any;
}

void bridge_enter(struct bridge *b, struct port *p, float hears, float heard)
{
	if (p->bridge || b->count >= b->capacity)
		return;
	p->bridge = b;
	p->member = b->count;
	b->member[b->count++] = p;
	for (int i = 0; i < b->count; i++) {
		*gain_at(b, i, p->member) = hears;
		*gain_at(b, p->member, i) = heard;
	}
	if (b->slot < 0)
		b->slot = p->ticking ? p->slot : -1;
	bridge_refresh(b);
}

void bridge_leave(struct port *p)
{
	struct bridge *b = p->bridge;
	int gone = p->member, last;

	if (!b)
		return;
	last = --b->count;
	/* The last member takes the free place, with its row and column. */
	b->member[gone] = b->member[last];
	b->member[gone]->member = gone;
	for (int i = 0; i <= last; i++)
		*gain_at(b, gone, i) = *gain_at(b, last, i);
	for (int i = 0; i <= last; i++)
		*gain_at(b, i, gone) = *gain_at(b, i, last);
	p->bridge = NULL;
	p->relaying = false;
	if (b->count == 0)
		b->slot = -1;
	bridge_refresh(b);
}
