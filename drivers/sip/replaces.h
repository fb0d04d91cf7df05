/* replaces: the Replaces header (RFC 3891 6.1). Pure C, no allocation. */
#ifndef SWITCHROOM_SIP_REPLACES_H
#define SWITCHROOM_SIP_REPLACES_H

#include <stdbool.h>
#include <stddef.h>

/* Parts of the value, not terminated. Tags are told from the receiver's side: `to_tag` is the one that we gave. */
struct replaces {
	const char *call_id, *to_tag, *from_tag;
	size_t call_id_len, to_tag_len, from_tag_len;
	bool early_only;
};

/* 0, or EBADMSG where Call-ID or a tag is missing, empty, there twice, or not made of the characters that may stand there. */
int replaces_parse(struct replaces *r, const char *p, size_t len);

#endif
