/**
 * The adaptive jitter buffer of one leg. Pure: it is told the time.
 *
 * All codecs here have an 8 kHz RTP clock and one byte per tick of it (G.722 too: RFC 3551 4.5.2), so the buffer is a ring of
 * bytes addressed by timestamp with a bit for each byte that is there. Reordering, duplicates and any packet time then
 * need no code of their own. Time is in ticks of 1/8000 s on the local clock.
 *
 * A delay is chosen from what was seen over the last eight seconds: how much later than the fastest packet the others
 * came. Where cursor and wish drift apart (drift of the far end's clock, changed jitter) the caller is told to take a
 * little more or less than a frame and to join the ends.
 */
#ifndef SWITCHROOM_JITTER_H
#define SWITCHROOM_JITTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JITTER_BYTES 4096
#define JITTER_WINDOWS 4
#define JITTER_FRAME 160
#define JITTER_ADJUST 80      /* samples taken more or less at one time */
#define JITTER_TAKE (JITTER_FRAME + JITTER_ADJUST)

struct jitter_window {
	bool used;
	int32_t low, high, second;  /* transit: fastest, slowest and next to slowest packet */
};

struct jitter {
	uint8_t data[JITTER_BYTES];
	uint64_t have[JITTER_BYTES / 64];
	bool started, running;      /* a packet came; the cursor is set */
	bool settled;               /* a whole window was seen */
	uint32_t first_ts, cursor, transit0;
	int32_t base, delay;        /* of the fastest packet against transit0; wished on top of it */
	struct jitter_window window[JITTER_WINDOWS];
	unsigned now_window;
	uint32_t window_began;
	unsigned astray;            /* packets in a row too late or too far ahead */
	uint32_t next_ts;           /* that would follow the last packet astray */
	uint64_t late;
};

enum jitter_put { JITTER_TAKEN, JITTER_LATE, JITTER_ASTRAY };

void jitter_reset(struct jitter *j);
enum jitter_put jitter_put(struct jitter *j, uint32_t ts, const uint8_t *data, size_t n, uint32_t now);

struct jitter_frame {
	size_t length;              /* JITTER_FRAME, or JITTER_ADJUST more or less */
	size_t present;             /* of these, so many are there */
	uint8_t data[JITTER_TAKE];
	uint8_t have[JITTER_TAKE];  /* 1 where data holds something */
};

/* The bytes of the frame due at `now`. `quiet`: an adjustment would not be heard. False: nothing has come yet. */
bool jitter_take(struct jitter *j, struct jitter_frame *f, uint32_t now, bool quiet);
/* Delay in ticks between the fastest packet's arrival and its turn. */
int32_t jitter_delay(const struct jitter *j);

#endif
