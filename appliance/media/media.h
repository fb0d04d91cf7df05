/**
 * The media engine's surface towards Python: everything between the cffi marks is read by build.py.
 *
 * Threads: functions here are called by one control thread. They never wait for a media thread, with one exception
 * (bridge_add of ports that live on different threads). Orders go to the media threads through lock-free mailboxes,
 * events come back through rings and an eventfd. Handles stay valid until *_close; using one after that is an error of
 * the caller, which the Python face rules out.
 *
 * Positions and lengths are samples at 8 kHz unless said otherwise.
 */
#ifndef SWITCHROOM_MEDIA_H
#define SWITCHROOM_MEDIA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "detect.h"

/* cffi: begin */

#define MEDIA_E_EXHAUSTED 1
#define MEDIA_E_ADDRESS 2
#define MEDIA_E_MEMORY 3
#define MEDIA_E_FILES 4

/* Static payload types of RFC 3551 name the codecs. */
#define CODEC_PCMU 0
#define CODEC_PCMA 8
#define CODEC_G722 9

enum event_kind { EV_DIGIT = 1, EV_PLAY_DONE, EV_RECORD_DONE, EV_VOICE, EV_TONE, EV_MACHINE, EV_SILENT, EV_LEVEL };
enum record_reason { RECORD_STOPPED = 1, RECORD_LIMIT, RECORD_SILENCE, RECORD_ERROR };

struct media_event {
	int32_t kind;      /* enum event_kind */
	int32_t port;
	int32_t id;        /* play or record id */
	int32_t code;      /* digit character, tone, verdict, record_reason */
	int32_t flag;      /* digit: heard in-band; play: complete; voice: speaking */
	int64_t a, b;      /* samples, total; or milliseconds */
	double x, y;       /* levels */
	char *path;        /* EV_RECORD_DONE: release by media_event_done */
	char text[48];     /* EV_RECORD_DONE: what went wrong */
};

struct engine_health {
	int threads, realtime, ports_open, ports_total;
	uint64_t late_max_us, events_lost, record_lost, packets_stray, ticks_skipped;
};

struct port_stats {
	uint64_t packets_in, packets_out, expected, lost, late, duplicate, stray, octets_in;
	double jitter_ms;
	double far_loss;   /* -1: no report yet */
	double rtt_ms;     /* -1: unknown */
	double delay_ms;   /* of the jitter buffer */
	uint64_t concealed, relayed, stretched, skipped;  /* samples; packets for relayed */
	int latched;       /* the far end's RTP comes from an address other than the signalled one */
};

struct engine;
struct port;
struct bridge;
struct clip;

/* low..high: UDP ports. threads 0: by cores. timeout_ms: no RTP for so long is EV_SILENT. NULL: no memory or files. */
struct engine *engine_alloc(int low, int high, int threads, int timeout_ms);
int engine_start(struct engine *e);   /* 0 or errno */
void engine_stop(struct engine *e);   /* waits until recordings are on disk */
void engine_free(struct engine *e);
int engine_fd(struct engine *e);
int engine_events(struct engine *e, struct media_event *out, int max);
void engine_health(struct engine *e, struct engine_health *h);
void media_event_done(struct media_event *ev);

/* Audio to be played. The caller fills clip_samples; shared between playbacks by counting references. */
struct clip *clip_alloc(size_t samples);
int16_t *clip_samples(struct clip *c);
size_t clip_length(const struct clip *c);
void clip_free(struct clip *c);       /* drops the caller's reference */

/* Conversions for files, off the media threads. `law` is CODEC_PCMU or CODEC_PCMA. */
void pcm_expand(int law, const uint8_t *in, int16_t *out, size_t n);
void pcm_compress(int law, const int16_t *in, uint8_t *out, size_t n);
/* Windowed-sinc, any rates up to 192 kHz; `out` takes pcm_resampled() samples. */
size_t pcm_resampled(size_t n, int rate_in, int rate_out);
void pcm_resample(const int16_t *in, size_t n, int rate_in, int16_t *out, int rate_out);

struct port *port_open(struct engine *e, const char *host, struct port *near, int *error);
int port_id(const struct port *p);
int port_number(const struct port *p);
int port_connect(struct port *p, const char *host, int number, int codec, int payload_type, int event_type, int ptime,
                 int direction, int rtcp_number, int mux, int nat);
#define NO_LOOP -1
int port_play(struct port *p, struct clip **clips, int count, int again, int gap);
int64_t port_stop_play(struct port *p);
int64_t port_play_position(struct port *p);
int port_record(struct port *p, const char *path, int64_t limit, int64_t silence, int mode);
void port_pause_record(struct port *p, int on);
void port_stop_record(struct port *p);
void port_keep_digits(struct port *p, int on);
void port_send_digits(struct port *p, const char *digits, int ms, int gap_ms);
int port_detect(struct port *p, uint32_t flags, const struct tone_plan *plan);
void port_meter(struct port *p, int on);
void port_stats(struct port *p, struct port_stats *s);
void port_close(struct port *p);

struct bridge *bridge_open(struct engine *e);
int bridge_add(struct bridge *b, struct port *p, double hears, double heard);
void bridge_remove(struct bridge *b, struct port *p);
void bridge_gain(struct bridge *b, struct port *source, struct port *listener, double gain);
void bridge_close(struct bridge *b);

/* cffi: end */

#endif
