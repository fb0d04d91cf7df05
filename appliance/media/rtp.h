/** RTP and RTCP on the wire (RFC 3550) and telephone-events (RFC 4733). Pure: bytes in, numbers out. */
#ifndef SWITCHROOM_RTP_H
#define SWITCHROOM_RTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RTP_HEADER 12
#define RTP_PACKET_MAX 1500

struct rtp_header {
	bool marker;
	uint8_t type;
	uint16_t seq;
	uint32_t ts, ssrc;
	const uint8_t *payload;
	size_t length;
};

/* False for what is no RTP version 2 packet in good order. */
bool rtp_parse(struct rtp_header *h, const uint8_t *data, size_t n);
void rtp_build(uint8_t *data, bool marker, uint8_t type, uint16_t seq, uint32_t ts, uint32_t ssrc);

/* Receiver state, RFC 3550 A.1, A.3 and A.8. */
struct rtp_source {
	bool begun;
	uint32_t ssrc, base_seq, cycles, bad_seq;
	uint16_t max_seq;
	uint64_t window;          /* bit i: max_seq - i was received */
	uint64_t received, expected_before, received_before;
	uint64_t expected_gone, received_gone;  /* of earlier SSRCs and restarts */
	uint64_t duplicate;
	uint32_t transit;
	double jitter;            /* in timestamp units */
	uint32_t probe_ssrc;      /* a new SSRC must show two packets in sequence first */
	uint16_t probe_seq;
	uint64_t duplicate_gone;
};

enum rtp_verdict { RTP_NEW, RTP_DUPLICATE, RTP_REFUSED, RTP_RESTARTED };

/* `arrival` in timestamp units. RTP_RESTARTED: good, but a new stream: buffers begin afresh. */
enum rtp_verdict rtp_source_update(struct rtp_source *s, const struct rtp_header *h, uint32_t arrival, bool audio);
uint64_t rtp_source_expected(const struct rtp_source *s);
uint64_t rtp_source_received(const struct rtp_source *s);

struct rtcp_report {
	bool present;
	double loss;              /* fraction that the far end lost since its last report */
	uint32_t lsr, dlsr;       /* middle 32 bits of our SR's NTP time; delay in 1/65536 s */
	bool sender;              /* an SR: `ntp` is set */
	uint32_t ntp;             /* middle 32 bits of the sender's NTP time */
};

/* Reads a compound packet; true where it was in good order. `ours`: our SSRC, whose report block is looked for. */
bool rtcp_parse(struct rtcp_report *r, const uint8_t *data, size_t n, uint32_t ours);

struct rtcp_send {
	uint32_t ssrc, ts, packets, octets;
	uint64_t ntp;             /* 32.32 */
	const struct rtp_source *source;  /* NULL or not begun: no report block */
	uint8_t fraction;
	uint32_t lost, lsr, dlsr;
	bool sender, bye;
	const char *cname;        /* up to 32 characters */
};

/* Returns the length; `data` takes RTP_PACKET_MAX. */
size_t rtcp_build(uint8_t *data, const struct rtcp_send *s);

struct rtp_event {
	uint8_t event, volume;
	bool end;
	uint16_t duration;
};

bool rtp_event_parse(struct rtp_event *e, const uint8_t *payload, size_t n);
void rtp_event_build(uint8_t *payload, const struct rtp_event *e);

#endif
