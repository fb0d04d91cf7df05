/* refer: REFER within a call, both ways, and what NOTIFY tells of it (RFC 3515, RFC 3891, RFC 5589). */
#include "ua.h"

#include <strings.h>

/* ---- ours ------------------------------------------------------------------------------------------------------------ */

/* A header value inside a URI (RFC 3261 25.1, hvalue): what is not unreserved is escaped. */
static int print_escaped(struct mbuf *mb, const char *s)
{
	int err = 0;

	for (; *s && !err; ++s) {
		const char c = *s;
		const bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

		err = alnum || strchr("-_.!~*'()", c) ? mbuf_write_u8(mb, (uint8_t)c)
						      : mbuf_printf(mb, "%%%02X", (unsigned)(uint8_t)c);
	}
	return err;
}

/* `ours`: the INVITE comes to us, so the tags stand as we see them; else to the far end of `other`, which sees them turned. */
static int print_replaces(struct mbuf *mb, const struct dialog *d, bool ours)
{
	char tags[320];
	int err;

	if (re_snprintf(tags, sizeof(tags), ";to-tag=%s;from-tag=%s", ours ? d->ltag : d->rtag, ours ? d->rtag : d->ltag) < 0)
		return EOVERFLOW;
	err = mbuf_write_str(mb, "Replaces=");
	err |= print_escaped(mb, d->call_id);
	return err ? err : print_escaped(mb, tags);
}

static int refer_headers(struct mbuf *mb, const struct leg *leg, const char *uri, const struct leg *other, bool ours)
{
	int err = mbuf_printf(mb, "Refer-To: <%s", uri);

	if (other) {
		err |= mbuf_write_u8(mb, strchr(uri, '?') ? '&' : '?');
		err |= print_replaces(mb, &other->dlg, ours);
	}
	err |= mbuf_printf(mb, ">\r\nReferred-By: %s\r\n", leg->dlg.local);
	return err | mbuf_write_u8(mb, 0);
}

/* What became of our REFER: its refusal, or the state of the call that the far end makes. */
void refer_state(struct leg *leg, uint16_t code)
{
	(void)ua_record(leg->ua, EV_REFERRED, code, leg->id, 0, 0);
	ua_emit(leg->ua);
}

void refer_send(struct leg *leg, const struct command *cmd)
{
	const uint64_t id = cmd->a | (uint64_t)cmd->b << 32;
	const struct leg *other = id ? leg_find(leg->ua, id) : NULL;
	const struct pl *uri = cmd_str(cmd, 0);
	struct mbuf *mb;
	int err;

	if (id && (!other || !other->dlg.rtag || other->state >= LEG_LEAVING)) {
		refer_state(leg, 481);
		return;
	}
	mb = mbuf_alloc(512);
	err = mb ? refer_headers(mb, leg, uri->l || !other ? uri->p : other->dlg.target, other, cmd->code) : ENOMEM;
	if (!err)
		err = indialog_send(leg, "REFER", (const char *)mb->buf, NULL, NULL, 0);
	mem_deref(mb);
	if (err)
		refer_state(leg, 481);
}

/* What the far end says of the call that it makes at our REFER: a status line in message/sipfrag. */
void refer_notify(struct leg *leg, const struct sip_msg *msg)
{
	const struct sip_hdr *event = sip_msg_hdr(msg, SIP_HDR_EVENT);
	struct pl code;

	(void)sip_treply(NULL, leg->ua->sip, msg, 200, "OK");
	if (!event || event->val.l < 5 || strncasecmp(event->val.p, "refer", 5) ||
	    !msg_ctype_cmp(&msg->ctyp, "message", "sipfrag"))
		return;
	if (!re_regex((const char *)mbuf_buf(msg->mb), mbuf_get_left(msg->mb), "SIP/2.0 [0-9]3", &code) && pl_u32(&code) < 700)
		refer_state(leg, (uint16_t)pl_u32(&code));
}

/* ---- theirs ----------------------------------------------------------------------------------------------------------- */

void refer_in(struct leg *leg, const struct sip_msg *msg)
{
	const struct sip_hdr *to = sip_msg_hdr(msg, SIP_HDR_REFER_TO);
	struct record *rec;

	if (!to || sip_msg_hdr_count(msg, SIP_HDR_REFER_TO) != 1) {
		(void)sip_treply(NULL, leg->ua->sip, msg, 400, "Bad Refer-To");
		return;
	}
	(void)sip_treply(NULL, leg->ua->sip, msg, 202, "Accepted");
	rec = ua_record(leg->ua, EV_REFER, 0, leg->id, 0, 0);
	record_pl(rec, &to->val);
	record_headers(rec, msg, SIP_HDR_REFERRED_BY, SIP_HDR_NONE);
	ua_emit(leg->ua);
}
