/* dialog: identifiers, route set and remote target of a dialog (RFC 3261 12), and requests within it. */
#include "ua.h"

void dialog_free(struct dialog *d)
{
	mem_deref(d->call_id);
	mem_deref(d->ltag);
	mem_deref(d->rtag);
	mem_deref(d->local);
	mem_deref(d->remote);
	mem_deref(d->target);
	mem_deref(d->routes);
	mem_deref(d->user);
}

struct routes {
	struct mbuf *mb;
	int err;
};

static bool route_handler(const struct sip_hdr *hdr, const struct sip_msg *msg, void *arg)
{
	struct routes *r = arg;
	(void)msg;

	r->err |= mbuf_printf(r->mb, "Route: %r\r\n", &hdr->val);
	return false;
}

/* A From or To value without its tag parameter: the rest of the value is ours to repeat word for word. */
static int taddr_without_tag(char **out, const struct sip_taddr *addr)
{
	const char *after;
	struct pl end;

	if (!pl_isset(&addr->tag) || msg_param_exists(&addr->params, "tag", &end))
		return pl_strdup(out, &addr->val);
	/* `end` begins at the parameter's semicolon; the tag's value ends the parameter, both within the value */
	after = addr->tag.p + addr->tag.l;
	return re_sdprintf(out, "%b%b", addr->val.p, (size_t)(end.p - addr->val.p), after,
			   (size_t)(addr->val.p + addr->val.l - after));
}

/* Where requests go: the first route, else the Contact, else (NAT, a name, a stream) where the message came from. */
void dialog_destination(struct dialog *d, const struct sa *src, enum sip_transp tp)
{
	struct sip_addr route;
	struct uri uri;
	struct pl pl, val;
	struct sa sa;

	if (str_isset(d->routes)) {
		pl_set_str(&pl, d->routes + strlen("Route: "));
		val = pl;
		for (val.l = 0; val.l < pl.l && val.p[val.l] != '\r' && val.p[val.l] != ','; ++val.l)
			;
		if (sip_addr_decode(&route, &val))
			goto source;
		uri = route.uri;
	} else {
		pl_set_str(&pl, d->target);
		if (uri_decode(&uri, &pl))
			goto source;
	}
	if (sa_set(&sa, &uri.host, uri.port ? uri.port : SIP_PORT))
		goto source;
	if (!str_isset(d->routes) && (tp != SIP_TRANSP_UDP || !sa_cmp(&sa, src, SA_ADDR)))
		goto source;
	d->tp = tp;
	if (!msg_param_decode(&uri.params, "transport", &pl))
		d->tp = pl_strcasecmp(&pl, "tcp") ? SIP_TRANSP_UDP : SIP_TRANSP_TCP;
	d->dst = sa;
	return;
source:
	d->dst = *src;
	d->tp = tp;
}

/* Takes remote target (and for the first message of a dialog tag, route set and their address) from a message. */
int dialog_peer(struct dialog *d, const struct sip_msg *msg, bool routes)
{
	const struct sip_hdr *contact = sip_msg_hdr(msg, SIP_HDR_CONTACT);
	const struct sip_taddr *peer = msg->req ? &msg->from : &msg->to;
	struct sip_addr addr;
	char *target = NULL;
	int err = 0;

	if (contact && !sip_addr_decode(&addr, &contact->val) && !pl_strcasecmp(&addr.uri.scheme, "sip")) {
		err = pl_strdup(&target, &addr.auri);
		if (!err) {
			mem_deref(d->target);
			d->target = target;
		}
	} else if (!d->target) {
		return EBADMSG;
	}
	if (routes && !err) {
		struct routes r = { mbuf_alloc(256), 0 };

		if (!r.mb)
			return ENOMEM;
		(void)sip_msg_hdr_apply(msg, msg->req, SIP_HDR_RECORD_ROUTE, route_handler, &r);
		r.mb->pos = 0;
		d->routes = mem_deref(d->routes);
		err = r.err ? r.err : mbuf_strdup(r.mb, &d->routes, mbuf_get_left(r.mb));
		mem_deref(r.mb);
		d->rtag = mem_deref(d->rtag);
		d->remote = mem_deref(d->remote);
		if (pl_isset(&peer->tag)) /* RFC 2543 callers have none */
			err |= pl_strdup(&d->rtag, &peer->tag);
		err |= taddr_without_tag(&d->remote, peer);
	}
	if (!err)
		dialog_destination(d, &msg->src, msg->tp);
	return err;
}

int dialog_from_invite(struct dialog *d, const struct sip_msg *msg)
{
	int err;

	err = pl_strdup(&d->call_id, &msg->callid);
	err |= re_sdprintf(&d->ltag, "%016llx", msg->tag); /* the tag that libre puts into answers to this request */
	err |= pl_strdup(&d->local, &msg->to.val);
	err |= str_dup(&d->user, "switchroom");
	if (err)
		return err;
	d->lseq = rand_u16();
	d->rseq = msg->cseq.num;
	d->rseq_set = true;
	return dialog_peer(d, msg, true);
}

static bool pl_is(const struct pl *pl, const char *s)
{
	return s ? pl_strcmp(pl, s) == 0 : !pl_isset(pl);
}

bool dialog_matches(const struct dialog *d, const struct sip_msg *msg)
{
	return !pl_strcmp(&msg->callid, d->call_id) && pl_is(msg->req ? &msg->to.tag : &msg->from.tag, d->ltag) &&
	       pl_is(msg->req ? &msg->from.tag : &msg->to.tag, d->rtag);
}

/* Sends a request in (or, where `d` has no remote tag yet, for) a dialog. `headers` are whole lines with CRLF. */
int dialog_request(struct ua *ua, struct dialog *d, struct sip_request **reqp, const char *met, uint32_t cseq,
		   const char *ruri, const char *headers, const char *ctype, const uint8_t *body, size_t len,
		   sip_send_h *sendh, sip_resp_h *resph, void *arg)
{
	struct mbuf *mb = mbuf_alloc(1024);
	const bool stateful = strcmp(met, "ACK") != 0;
	struct uri route;
	char routebuf[128];
	int err;

	if (!mb)
		return ENOMEM;
	err = mbuf_printf(mb, "Max-Forwards: 70\r\n%sTo: %s%s%s\r\nFrom: %s;tag=%s\r\nCall-ID: %s\r\nCSeq: %u %s\r\n",
			  d->routes ? d->routes : "", d->remote, d->rtag ? ";tag=" : "", d->rtag ? d->rtag : "", d->local,
			  d->ltag, d->call_id, cseq, met);
	err |= mbuf_printf(mb, "User-Agent: %s\r\n%s", ua->software, headers ? headers : "");
	if (len)
		err |= mbuf_printf(mb, "Content-Type: %s\r\n", ctype);
	err |= mbuf_printf(mb, "Content-Length: %zu\r\n\r\n", len);
	if (len)
		err |= mbuf_write_mem(mb, body, len);
	mb->pos = 0;
	err = err ? err : ua_route(routebuf, sizeof(routebuf), &route, &d->dst, d->tp);
	if (!err)
		err = sip_request(stateful ? reqp : NULL, ua->sip, stateful, met, -1, ruri ? ruri : d->target, -1, &route, mb,
				  0, sendh, resph, arg);
	mem_deref(mb);
	return err;
}
