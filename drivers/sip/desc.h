/*
 * desc: session descriptions (RFC 4566) and offer/answer (RFC 3264) for one audio stream. Pure C, fixed bounds.
 *
 * We offer and answer plain RTP (RTP/AVP) with PCMA, PCMU, G722 and telephone-event. An answer names one codec and
 * telephone-event only, so that the two sides cannot differ; every other media line of an offer is answered with port 0.
 */
#ifndef SWITCHROOM_SIP_DESC_H
#define SWITCHROOM_SIP_DESC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum desc_codec { DESC_PCMA = 0, DESC_PCMU = 1, DESC_G722 = 2, DESC_CODECS = 3, DESC_NONE = 255 };
enum desc_dir { DESC_INACTIVE = 0, DESC_RECVONLY = 1, DESC_SENDONLY = 2, DESC_SENDRECV = 3 };

enum {
	DESC_HOST = 48,
	DESC_LINES = 8,     /* media lines kept of a description; one with more is refused */
	DESC_FORMATS = 128, /* bytes of a format list that is echoed in a rejection */
	DESC_MAX = 2048,    /* bytes of a description we write */
};

/* Our side. */
struct desc_local {
	char host[DESC_HOST];
	uint16_t port;
	uint8_t codecs[DESC_CODECS]; /* in order of preference, DESC_NONE where fewer */
	uint8_t ptime;
	uint8_t dir;
};

/* What was agreed: where to send and how. */
struct desc_far {
	char host[DESC_HOST];
	uint16_t port;
	uint16_t rtcp_port;
	uint8_t codec;
	uint8_t pt;
	uint8_t te; /* payload type of telephone-event, 0: none */
	uint8_t ptime;
	uint8_t dir; /* ours */
	bool mux;
};

struct desc_line {
	char media[12];
	char proto[24];
	char formats[DESC_FORMATS];
	char host[DESC_HOST];
	uint16_t port;
	uint16_t rtcp_port;
	uint8_t dir; /* theirs */
	uint8_t ptime;
	bool mux;
	uint8_t order[16];        /* payload types as listed */
	uint8_t norder;
	uint8_t codec_pt[DESC_CODECS]; /* 255: not there */
	uint8_t te;
};

struct desc {
	struct desc_line line[DESC_LINES];
	uint8_t lines;
	uint8_t audio; /* index of the audio line that can be used, 255: none */
};

/* 0, or EBADMSG where it is no description, E2BIG where it has too many media lines. */
int desc_parse(struct desc *d, const char *p, size_t len);

/* The agreement when `d` is their offer or answer; 0 or ENOENT where no codec is common. */
int desc_agree(const struct desc *d, const struct desc_local *local, struct desc_far *far);

/* Return the bytes written, 0 when there is no room. `id` stays for a session, `version` grows with each change. */
size_t desc_write_offer(char *buf, size_t size, const struct desc_local *local, uint64_t id, uint32_t version);
size_t desc_write_answer(char *buf, size_t size, const struct desc *offer, const struct desc_local *local,
			 const struct desc_far *far, uint64_t id, uint32_t version);

#endif
