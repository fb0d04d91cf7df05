/** What the C files of the engine share. Each struct says which thread owns its fields. */
#ifndef SWITCHROOM_MEDIA_INTERNAL_H
#define SWITCHROOM_MEDIA_INTERNAL_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "codec.h"
#include "detect.h"
#include "jitter.h"
#include "media.h"
#include "ring.h"
#include "rtp.h"
#include "waker.h"

#define FRAME 160             /* samples at 8 kHz in 20 ms */
#define SLOTS 20              /* ports tick every 20 ms, spread over 20 slots of 1 ms */
#define SLOT_NS 1000000ull
#define TICKS_PER_SLOT 8      /* 1/8000 s */
#define SHARDS_MAX 8
#define MEMBERS_MAX 64
#define DIGITS_MAX 128
#define PTIME_MOST 1000       /* bytes: 125 ms */

#define DIR_RECV 1
#define DIR_SEND 2

union address {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

struct clip {
	_Atomic int refs;
	size_t length;
	int16_t samples[];
};

struct play {
	struct item item;             /* to the writer, which drops the media thread's reference */
	_Atomic int refs;             /* one of the control thread (port->asked), one of the media thread */
	_Atomic int64_t progress;     /* samples sent << 1 | stopped: shared, see play.c */
	int id;
	int again;                    /* after the last clip this one, and so on; NO_LOOP: the end */
	int gap;
	int count, index;             /* clips; the one that runs */
	size_t at;                    /* within it, or within the gap where in_gap */
	bool in_gap;
	int64_t total;
	struct clip *clip[];
};

/* One recording: the media thread fills the ring, the writer empties it and owns everything else once `done` is set. */
#define RECORD_RING 16384u
struct recording {
	struct item item;
	struct recording *next;       /* writer's list */
	struct engine *engine;
	int id, port, mode, channels, fd, error;
	char *path;
	int64_t limit, silence_limit;
	int64_t taken, silent;        /* media thread */
	double floor;                 /* media thread: noise floor, power */
	bool paused;                  /* media thread: silence is written */
	int64_t written, synced;      /* writer: samples per channel */
	_Atomic int done;             /* enum record_reason; set last by the media thread */
	_Atomic bool failed;          /* the writer cannot write */
	_Atomic uint32_t head, tail;
	_Atomic uint64_t lost;
	int16_t ring[];               /* RECORD_RING * channels */
};

/* Digits going out (media thread). */
struct digit_sender {
	char queue[DIGITS_MAX];
	int count, ms[DIGITS_MAX], gap[DIGITS_MAX];
	enum { DIGIT_IDLE, DIGIT_ON, DIGIT_END, DIGIT_GAP } state;
	int elapsed;                  /* samples in this state; end packets sent in DIGIT_END */
	int duration;                 /* of the event so far, samples */
	uint32_t ts;
	double phase_low, phase_high;
};

/* Digits coming in by RFC 4733 or in-band (media thread). */
struct digit_receiver {
	bool begun, by_event;         /* an event was seen; this far end sends events */
	uint32_t ts;
	int64_t event_at, inband_at;  /* tick clock of the last report of either kind */
	char event_digit, inband_digit;
};

/* Where the far end is, and whom we believe (media thread; net.c). */
struct latch {
	union address signalled, current, candidate;
	bool known, sendable, nat, locked;
	unsigned sane;                /* good packets in a row of the candidate */
	uint16_t next_seq;
	uint32_t candidate_ssrc;
	int64_t heard_at, opened_at;  /* ticks: last good packet; latching was opened */
};

struct shard;
struct bridge;

/* The first part, up to the counters, is what a relayed packet touches: it lies together, for the caches' sake. */
struct port {
	/* set at opening, then read only */
	struct item item;             /* to the writer at the end, which frees it */
	_Atomic(struct shard *) shard;
	int id, fd;

	/* media thread only from here, but where said otherwise */
	bool dirty, ticking, listening, connected, closing, mux, starved, silent_told, metered, marker, relaying, rtcp_tried,
	     keeps_digits;            /* its digits reach nobody else by themselves */
	int slot, member;
	int payload_type, event_type, direction;
	struct bridge *bridge;
	uint32_t ssrc, ts, ts_origin; /* ts: of the next frame of ours; ts_origin + now: what it would be by the clock */
	uint16_t seq;                 /* of the next packet */
	uint16_t relay_seq, relay_first;     /* added to the peer's numbers; first number relayed */
	uint32_t relay_ts;
	const struct port *relay_from;
	int64_t sent_at;
	struct rtp_source source;
	struct latch latch;
	/* figures: written here, read by anybody */
	_Atomic uint64_t packets_in, packets_out, octets_in, octets_out, expected, relayed;
	_Atomic uint32_t jitter_us, delay;
	_Atomic int32_t far_loss_ppm, rtt_us;   /* -1: unknown */
	_Atomic bool latched;
	_Atomic bool let_go;          /* control thread: closed, though not here yet: it sends nothing more and tells nothing */
	_Atomic uint64_t stray, late, duplicate, concealed, stretched, skipped;

	struct engine *engine;
	int number, rtcp_fd, family;
	struct play *asked;           /* control thread: the playback asked for last */
	struct tone_plan plan_asked;  /* control thread: of the detector */
	bool detect_asked;

	struct port *all_next, *all_prev;    /* shard->ports */
	struct port *slot_next, *slot_prev;  /* shard->slot[slot] while ticking */
	struct port *dirty_next;
	int64_t now;                  /* ticks, of this tick */
	union address rtcp_to;
	int64_t rtcp_at, rtcp_ntp_at;
	uint32_t rtcp_ntp;

	struct play *play;
	struct recording *recording;
	struct detect *detect;
	struct digit_sender digits_out;
	struct digit_receiver digits_in;

	/* metering */
	double rx_power, tx_power;
	int metered_frames;

	/* this tick's audio */
	bool rx_lost, quiet;
	int16_t rx[FRAME], tx[FRAME];
	int16_t rx_wide[2 * FRAME];

	uint8_t fifo[PTIME_MOST + FRAME];
	size_t fifo_length, ptime;    /* bytes */
	struct codec codec;
	struct halfband up, down;     /* transmit to 16 kHz; receive to 8 kHz */
	struct halfband mix_up;       /* our 8 kHz voice into a 16 kHz mix */
	struct jitter jitter;
};

struct bridge {
	struct item item;
	struct engine *engine;
	struct shard *shard;          /* control thread: where its members live */
	int members_asked, capacity_asked;   /* control thread */
	/* media thread */
	int count, slot;
	bool relay, wide;
	struct port *member[MEMBERS_MAX];
	int capacity;
	float *gain;                  /* capacity x capacity, by source and listener: gain_at */
};

/* One media thread and what belongs to it. */
struct shard {
	struct engine *engine;
	int index, epoll;
	struct waker waker;
	pthread_t thread;
	bool joined;
	struct mailbox mailbox;
	struct event_ring events;
	bool mailed;                  /* orders came when it last looked */
	bool told;                    /* events were pushed in this round */
	_Atomic bool stop;
	struct port *ports;           /* all of them */
	struct port *scan;            /* where the slow scan goes on */
	struct port *slot[SLOTS];
	int slot_load[SLOTS];
	struct port *dirty;
	int64_t tick;                 /* number of the next slot to run, since the epoch */
	int64_t counted;              /* the tick since which `came` packets came */
	int64_t came;
	bool crowded;                 /* so many that they are fetched together */
	bool behind;                  /* more lie there than it took at once */
	uint64_t epoch;               /* ns */
	_Atomic int port_count, load;
	_Atomic uint64_t late_max_us, ticks_skipped, stray;
	_Atomic bool realtime;
	uint64_t random;
	uint8_t packet[RTP_PACKET_MAX + 64];
};

struct engine {
	int low, high, shards, timeout;   /* timeout in ticks */
	int event_fd;
	bool running;
	struct shard *shard[SHARDS_MAX];
	_Atomic int next_id;
	_Atomic uint8_t *used;        /* by (number - low) / 2: taken by the control thread, given back by a media thread */
	int next_number;              /* control thread */
	_Atomic int ports_open;

	/* the writer: recordings, and everything that media threads let go of */
	pthread_t writer;
	struct waker writer_waker;
	struct mailbox writer_mailbox;
	struct event_ring writer_events;
	_Atomic bool writer_stop;
	struct recording *recordings;
	_Atomic uint64_t record_lost;
};

/* engine.c */
/* How long an order may wait (µs), so that those of several calls are one wake-up: not at all where somebody waits for it, a
 * tenth of a frame where it will be heard, a frame where it will not. They stay in order whatever they may wait. */
enum order_wait { ORDER_NOW = 0, ORDER_SOON = 2000, ORDER_LATER = 20000 };
void shard_send(struct shard *sh, struct item *it, enum order_wait wait_us);
void engine_discard(struct engine *e, struct item *it);
void shard_tell(struct shard *sh, const struct media_event *ev);
uint32_t shard_random(struct shard *sh);
int64_t shard_now(const struct shard *sh);       /* ticks of 1/8000 s */
uint64_t clock_ns(void);

/* shard.c: ports in slots */
void shard_adopt(struct shard *sh, struct port *p);
void shard_release(struct shard *sh, struct port *p);
void port_refresh(struct port *p);               /* now: outside the walk through a slot */
void port_touch(struct port *p);                 /* later: in shard_settle */
void shard_settle(struct shard *sh);
void port_dismiss(struct port *p);               /* the end of a port, on its shard */
void slot_run(struct shard *sh, int slot, int64_t now);
void port_scan(struct shard *sh, struct port *p, int64_t now);
static inline struct shard *port_shard(struct port *p)
{
	return atomic_load_explicit(&p->shard, memory_order_relaxed);
}

/* net.c: sockets and latching */
int address_parse(union address *a, const char *host, int number, int family);
socklen_t address_length(const union address *a);
bool address_same(const union address *a, const union address *b);
bool address_same_host(const union address *a, const union address *b);
bool address_any(const union address *a);
void address_text(const union address *a, char *out, size_t n);
int socket_open(struct port *p, const char *host);
bool socket_open_rtcp(struct port *p);
void sockets_close(struct port *p);
bool latch_accept(struct latch *l, const union address *from, const struct rtp_header *h, int64_t now);
void latch_open(struct latch *l, const union address *to, bool nat, bool sendable, int64_t now);

/* receive.c and send.c */
void port_receive(struct port *p);
void port_receive_rtcp(struct port *p);
void rtcp_receive(struct port *p, const uint8_t *data, size_t n, const union address *from, int64_t now);
void rtcp_send(struct port *p, int64_t now, bool bye);
void port_pull(struct port *p, int64_t now);
void port_push(struct port *p, int64_t now);
void port_relay(struct port *from, struct port *to, const struct rtp_header *h, int64_t now);
bool port_send_packet(struct port *p, uint8_t *packet, size_t n, int64_t now);

/* play.c */
struct play *play_alloc(struct clip **clips, int count, int again, int gap);
void play_drop(struct play *pl);                 /* a reference; not on a media thread */
int64_t play_stop(struct play *pl);              /* any thread: nothing more is taken; samples sent */
void play_begin(struct port *p, struct play *pl);
bool play_fill(struct port *p, int16_t *out);    /* adds a frame to out; true where anything was playing */
void play_end(struct port *p, bool complete);

/* record.c */
struct recording *recording_alloc(struct port *p, const char *path, int64_t limit, int64_t silence, int mode);
void recording_push(struct port *p);
void recording_end(struct port *p, enum record_reason why);
void recording_adopt(struct item *it, void *engine);
bool recordings_write(struct engine *e, bool all);

/* digits.c */
void digit_event_in(struct port *p, const struct rtp_header *h, int64_t now);
void digit_inband_in(struct port *p, char digit, int ms, int64_t now);
/* EVENT: packets went out in place of this frame's audio; TONE: it was written to `pcm`. */
enum digits_pushed { DIGITS_NONE, DIGITS_TONE, DIGITS_EVENT };
enum digits_pushed digits_push(struct port *p, int16_t *pcm, int64_t now);
bool digits_busy(const struct port *p);

/* mix.c */
static inline float *gain_at(const struct bridge *b, int source, int listener)
{
	return &b->gain[source * b->capacity + listener];
}
void bridge_enter(struct bridge *b, struct port *p, float hears, float heard);
void bridge_refresh(struct bridge *b);
bool bridge_mix(struct port *p, int16_t *narrow, int16_t *wide);
struct port *bridge_peer(const struct port *p);
void bridge_leave(struct port *p);

#define BUMP(field, n) \
	atomic_store_explicit(&(field), atomic_load_explicit(&(field), memory_order_relaxed) + (n), memory_order_relaxed)

#endif
