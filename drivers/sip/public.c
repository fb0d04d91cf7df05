/* public: the address that a box behind NAT is reached at from outside, told to far ends that are not on a local network. */
#include "ua.h"

#include <errno.h>

/* "10.0.0.0/8 fd00::/8 192.0.2.1": networks. EINVAL where one cannot be read, E2BIG where there are too many. */
static int networks_decode(struct ua *ua, const char *text)
{
	struct pl rest, one, addr, bits;

	pl_set_str(&rest, text);
	while (!re_regex(rest.p, rest.l, "[^ ]+", &one)) {
		struct network *n = &ua->local[ua->locals];

		if (ua->locals == NETWORKS_MAX)
			return E2BIG;
		if (re_regex(one.p, one.l, "[^/]+/[0-9]+", &addr, &bits))
			return EINVAL;
		if (sa_set(&n->addr, &addr, 0) || pl_u32(&bits) > (sa_af(&n->addr) == AF_INET6 ? 128u : 32u))
			return EINVAL;
		n->bits = pl_u32(&bits);
		++ua->locals;
		rest.l -= (size_t)(one.p + one.l - rest.p);
		rest.p = one.p + one.l;
	}
	return 0;
}

int public_decode(struct ua *ua, const char *address, const char *local)
{
	sa_init(&ua->public_addr, AF_UNSPEC);
	if (!str_isset(address))
		return 0;
	if (sa_decode(&ua->public_addr, address, strlen(address)))
		return EINVAL;
	return networks_decode(ua, local ? local : "");
}

static bool within(const struct network *n, const struct sa *sa)
{
	const bool six = sa_af(sa) == AF_INET6;
	const uint8_t *a = six ? n->addr.u.in6.sin6_addr.s6_addr : (const uint8_t *)&n->addr.u.in.sin_addr;
	const uint8_t *b = six ? sa->u.in6.sin6_addr.s6_addr : (const uint8_t *)&sa->u.in.sin_addr;
	const unsigned bytes = n->bits / 8, left = n->bits % 8;

	if (sa_af(&n->addr) != sa_af(sa) || memcmp(a, b, bytes))
		return false;
	return !left || !((a[bytes] ^ b[bytes]) >> (8 - left));
}

/* Whether this far end is outside, so that it has to be told the public address. */
bool public_towards(const struct ua *ua, const struct sa *dst)
{
	if (!ua || !dst || !sa_isset(&ua->public_addr, SA_ADDR) || sa_af(&ua->public_addr) != sa_af(dst))
		return false;
	for (unsigned i = 0; i < ua->locals; ++i)
		if (within(&ua->local[i], dst))
			return false;
	return true;
}

/* Our address as this far end reaches it. The port is our own where none was announced. */
void public_apply(const struct ua *ua, struct sa *laddr, const struct sa *dst)
{
	const uint16_t port = sa_port(laddr);

	if (!public_towards(ua, dst))
		return;
	*laddr = ua->public_addr;
	if (!sa_port(laddr))
		sa_set_port(laddr, port);
}
