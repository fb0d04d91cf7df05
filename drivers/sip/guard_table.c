/* The guard's memory: sources and calls in tables of fixed size, found by a keyed hash (SipHash-2-4) so that nobody outside
 * can make entries collide on purpose. Full sets forget their stalest entry. */
#include "guard_int.h"

#include <netinet/in.h>
#include <string.h>

/* ---- SipHash-2-4 (Aumasson, Bernstein 2012) ---- */

static uint64_t rotl(uint64_t x, int b)
{
	return (x << b) | (x >> (64 - b));
}

static void sip_round(struct sip_hash *h)
{
	h->v0 += h->v1;
	h->v1 = rotl(h->v1, 13) ^ h->v0;
	h->v0 = rotl(h->v0, 32);
	h->v2 += h->v3;
	h->v3 = rotl(h->v3, 16) ^ h->v2;
	h->v0 += h->v3;
	h->v3 = rotl(h->v3, 21) ^ h->v0;
	h->v2 += h->v1;
	h->v1 = rotl(h->v1, 17) ^ h->v2;
	h->v2 = rotl(h->v2, 32);
}

static void sip_word(struct sip_hash *h, uint64_t word)
{
	h->v3 ^= word;
	sip_round(h);
	sip_round(h);
	h->v0 ^= word;
}

static uint64_t le64(const uint8_t *p)
{
	uint64_t v = 0;

	for (int i = 7; i >= 0; i--)
		v = v << 8 | p[i];
	return v;
}

void hash_begin(struct sip_hash *h, const uint8_t key[16])
{
	uint64_t k0 = le64(key), k1 = le64(key + 8);

	h->v0 = k0 ^ 0x736f6d6570736575ull;
	h->v1 = k1 ^ 0x646f72616e646f6dull;
	h->v2 = k0 ^ 0x6c7967656e657261ull;
	h->v3 = k1 ^ 0x7465646279746573ull;
	h->tail = 0;
	h->n = 0;
}

void hash_add(struct sip_hash *h, const void *p, size_t n)
{
	const uint8_t *bytes = p;

	while (n) {
		if (h->n % 8 == 0 && n >= 8) {
			sip_word(h, le64(bytes));
			h->n += 8;
			bytes += 8;
			n -= 8;
			continue;
		}
		h->tail |= (uint64_t)*bytes++ << (8 * (h->n % 8));
		h->n++;
		n--;
		if (h->n % 8 == 0) {
			sip_word(h, h->tail);
			h->tail = 0;
		}
	}
}

void hash_span(struct sip_hash *h, struct span s)
{
	uint32_t n = (uint32_t)s.n;

	hash_add(h, &n, sizeof(n));
	hash_add(h, s.p, s.n);
}

uint64_t hash_end(struct sip_hash *h)
{
	sip_word(h, h->tail | (uint64_t)(h->n & 0xff) << 56);
	h->v2 ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(h);
	return h->v0 ^ h->v1 ^ h->v2 ^ h->v3;
}

/* ---- sources ---- */

bool source_read(struct source *s, const struct sockaddr *addr)
{
	memset(s, 0, sizeof(*s));
	if (addr && addr->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)addr;

		s->ip[10] = s->ip[11] = 0xff;
		memcpy(s->ip + 12, &in->sin_addr, 4);
		s->port = ntohs(in->sin_port);
		return true;
	}
	if (addr && addr->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)addr;

		memcpy(s->ip, &in6->sin6_addr, 16);
		s->port = ntohs(in6->sin6_port);
		return true;
	}
	return false;
}

static bool same_ip(const struct source *a, const struct source *b)
{
	return !memcmp(a->ip, b->ip, sizeof(a->ip));
}

/* By address alone: what is known of all its ports stands in one set. */
static size_t place(const struct guard *g, const struct source *s, size_t slots)
{
	struct sip_hash h;

	hash_begin(&h, g->secret);
	hash_add(&h, s->ip, sizeof(s->ip));
	return (size_t)hash_end(&h) & (slots - 1);
}

/* ---- sources that are ours: an address stands here once for itself (port 0) and once for each port of ours ---- */

static size_t allow_place(const struct guard *g, const struct source *s)
{
	return (place(g, s, ALLOW_SLOTS) + s->port * 0x9e3779b1u) & (ALLOW_SLOTS - 1);
}

/* Open addressing, at most half full, so that a free slot always ends the search. */
static size_t allow_find(const struct guard *g, const struct source *s)
{
	size_t i = allow_place(g, s);

	while (g->allow_table[i].count &&
	       !(same_ip(&g->allow_table[i].source, s) && g->allow_table[i].source.port == s->port))
		i = (i + 1) & (ALLOW_SLOTS - 1);
	return i;
}

static bool endpoint_allowed(const struct guard *g, const struct source *s)
{
	return g->allow_table[allow_find(g, s)].count > 0;
}

bool source_allowed(const struct guard *g, const struct source *s)
{
	struct source whole = *s;

	whole.port = 0;
	return endpoint_allowed(g, &whole);
}

static void allow_add(struct guard *g, const struct source *s)
{
	struct allow_slot *slot = &g->allow_table[allow_find(g, s)];

	if (!slot->count) {
		g->allows++;
		slot->source = *s;
	}
	slot->count++;
}

bool guard_allow(struct guard *g, const struct sockaddr *addr)
{
	struct source s, whole;

	if (!source_read(&s, addr) || g->allows + 2 > ALLOW_MAX)
		return false;
	whole = s;
	whole.port = 0;
	allow_add(g, &whole);
	if (s.port)
		allow_add(g, &s);
	(void)guard_unban(g, addr);
	return true;
}

/* Takes a slot out and moves up what was pushed past it, so that later searches do not stop short. */
static void allow_remove(struct guard *g, size_t hole)
{
	size_t i = hole;

	g->allows--;
	g->allow_table[hole].count = 0;
	for (;;) {
		size_t home;

		i = (i + 1) & (ALLOW_SLOTS - 1);
		if (!g->allow_table[i].count)
			return;
		home = allow_place(g, &g->allow_table[i].source);
		if (((i - home) & (ALLOW_SLOTS - 1)) < ((i - hole) & (ALLOW_SLOTS - 1)))
			continue;
		g->allow_table[hole] = g->allow_table[i];
		g->allow_table[i].count = 0;
		hole = i;
	}
}

static bool allow_drop(struct guard *g, const struct source *s)
{
	size_t i = allow_find(g, s);

	if (!g->allow_table[i].count)
		return false;
	if (!--g->allow_table[i].count)
		allow_remove(g, i);
	return true;
}

bool guard_disallow(struct guard *g, const struct sockaddr *addr)
{
	struct source s, whole;

	if (!source_read(&s, addr) || !endpoint_allowed(g, &s))
		return false;
	whole = s;
	whole.port = 0;
	if (s.port)
		(void)allow_drop(g, &s);
	return allow_drop(g, &whole);
}

bool guard_allowed(const struct guard *g, const struct sockaddr *addr)
{
	struct source s;

	return source_read(&s, addr) && source_allowed(g, &s);
}

/* ---- bans ---- */

static struct ban_slot *ban_find(const struct guard *g, const struct source *s)
{
	size_t set = place(g, s, BAN_SLOTS) & ~(size_t)(WAYS - 1);

	for (size_t i = set; i < set + WAYS; i++) {
		const struct ban_slot *slot = &g->ban_table[i];

		if (slot->until_us && same_ip(&slot->source, s) && slot->source.port == s->port)
			return (struct ban_slot *)slot;
	}
	return NULL;
}

bool guard_ban(struct guard *g, const struct sockaddr *addr, uint64_t until_us)
{
	struct source s;
	struct ban_slot *slot;
	size_t set;

	if (!source_read(&s, addr) || !until_us)
		return false;
	if (!source_allowed(g, &s))
		s.port = 0;
	else if (!s.port || endpoint_allowed(g, &s))
		return false;
	slot = ban_find(g, &s);
	if (!slot) {
		set = place(g, &s, BAN_SLOTS) & ~(size_t)(WAYS - 1);
		slot = &g->ban_table[set];
		for (size_t i = set; i < set + WAYS; i++) {
			if (g->ban_table[i].until_us < slot->until_us)
				slot = &g->ban_table[i]; /* free, or the one that ends first */
		}
	}
	slot->source = s;
	slot->until_us = until_us;
	return true;
}

bool guard_unban(struct guard *g, const struct sockaddr *addr)
{
	struct source s;
	bool found = false;

	if (!source_read(&s, addr))
		return false;
	for (int i = 0; i < 2; i++, s.port = 0) {
		struct ban_slot *slot = ban_find(g, &s);

		if (slot)
			slot->until_us = 0;
		found = found || slot;
	}
	return found;
}

bool source_banned(const struct guard *g, const struct source *s, uint64_t now_us)
{
	size_t set = place(g, s, BAN_SLOTS) & ~(size_t)(WAYS - 1);

	for (size_t i = set; i < set + WAYS; i++) {
		const struct ban_slot *slot = &g->ban_table[i];

		if (slot->until_us > now_us && same_ip(&slot->source, s) &&
		    (!slot->source.port || slot->source.port == s->port))
			return true;
	}
	return false;
}

bool guard_banned(const struct guard *g, const struct sockaddr *addr, uint64_t now_us)
{
	struct source s;

	return source_read(&s, addr) && source_banned(g, &s, now_us);
}

/* ---- rates ---- */

bool bucket_take(struct bucket *b, uint64_t per_second, uint64_t burst, uint64_t now_us)
{
	uint64_t past = now_us > b->at_us ? now_us - b->at_us : 0;

	if (past > 60000000)
		past = 60000000; /* also keeps the product below from overflowing */
	b->milli += past * per_second / 1000;
	if (past * per_second >= 1000)
		b->at_us = now_us; /* else wait until the time passed is worth something */
	if (b->milli > burst * 1000)
		b->milli = burst * 1000;
	if (b->milli < 1000)
		return false;
	b->milli -= 1000;
	return true;
}

/* How much larger the other buckets are than that of challenges. */
static const uint32_t rate_factor[RATES] = {[RATE_CHALLENGE] = 1, [RATE_OTHER] = 5, [RATE_DIALOG] = 10};

static struct rate_slot *rate_find(struct guard *g, const struct source *s, uint64_t now_us)
{
	size_t set = place(g, s, RATE_SLOTS) & ~(size_t)(WAYS - 1);
	struct rate_slot *old = &g->rate_table[set];

	for (size_t i = set; i < set + WAYS; i++) {
		struct rate_slot *slot = &g->rate_table[i];

		if (slot->seen_us && same_ip(&slot->source, s))
			return slot;
		if (slot->seen_us < old->seen_us)
			old = slot;
	}
	old->source = *s;
	old->seen_us = now_us;
	for (int i = 0; i < RATES; i++)
		old->milli[i] = g->source_burst * 1000 * rate_factor[i];
	return old;
}

bool rate_take(struct guard *g, const struct source *s, enum rate which, uint64_t now_us)
{
	struct rate_slot *slot = rate_find(g, s, now_us ? now_us : 1);
	uint64_t past = now_us > slot->seen_us ? now_us - slot->seen_us : 0;
	uint64_t gain;

	if (past > 600000000)
		past = 600000000;
	gain = past * g->source_rate / 60000; /* thousandths; source_rate is per minute */
	for (int i = 0; gain && i < RATES; i++) {
		uint64_t full = (uint64_t)g->source_burst * 1000 * rate_factor[i];
		uint64_t milli = slot->milli[i] + gain * rate_factor[i];

		slot->milli[i] = (uint32_t)(milli < full ? milli : full);
	}
	if (gain)
		slot->seen_us = now_us;
	if (slot->milli[which] < 1000)
		return false;
	slot->milli[which] -= 1000;
	return true;
}

/* ---- calls that overload has judged ---- */

enum { CALL_US = 32000000 }; /* 64 * T1: as long as an INVITE may be retransmitted */

struct call_slot *call_find(struct guard *g, uint64_t key, uint64_t now_us)
{
	size_t set = (size_t)key & (CALL_SLOTS - 1) & ~(size_t)(WAYS - 1);

	for (size_t i = set; i < set + WAYS; i++) {
		struct call_slot *slot = &g->call_table[i];

		if (slot->key == key && now_us < slot->seen_us + CALL_US)
			return slot;
	}
	return NULL;
}

struct call_slot *call_add(struct guard *g, uint64_t key, uint64_t now_us)
{
	size_t set = (size_t)key & (CALL_SLOTS - 1) & ~(size_t)(WAYS - 1);
	struct call_slot *old = &g->call_table[set];

	for (size_t i = set; i < set + WAYS; i++) {
		if (g->call_table[i].key == key) {
			old = &g->call_table[i];
			break;
		}
		if (g->call_table[i].seen_us < old->seen_us)
			old = &g->call_table[i];
	}
	memset(old, 0, sizeof(*old));
	old->key = key;
	old->seen_us = now_us;
	return old;
}
