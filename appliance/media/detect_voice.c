/**
 * Speech against an adaptive noise floor.
 *
 * The floor is the smallest level of the last 1.6 s: speech has gaps in that time, noise has not. A frame is active when
 * it stands out of the floor, is not a tone or digit, and is not our own echo; speech is when enough of the last 240 ms
 * is active and its level moves, as that of a tone or of noise switched on does not.
 */
#include "detect_priv.h"

#include <math.h>
#include <string.h>

#define WINDOW 12                 /* frames: 240 ms */
#define ABOVE_FLOOR 9.0f          /* dB */
#define FLOOR_LEAST -66.0f
#define FLOOR_MOST -30.0f
#define MOVES 2.5f                /* dB between the frames of speech; noise of 160 samples stays within 2 */
#define ECHO_LEFT_LEAST 0.06f     /* no echo is taken out better than by 12 dB, for this purpose */

void voice_init(struct voice *v)
{
	memset(v, 0, sizeof(*v));
	v->floor_db = -60.0f;
	v->block_min = 0.0f;
	for (int i = 0; i < 8; i++)
		v->mins[i] = v->floor_db;
}

static void floor_track(struct voice *v, const struct frame *f)
{
	float db = fmaxf(f->db, FLOOR_LEAST);
	if (f->lost)
		return;
	v->block_min = v->block_frames ? fminf(v->block_min, db) : db;
	if (++v->block_frames < 10)
		return;
	v->mins[v->block] = v->block_min;
	v->block = (v->block + 1) % 8;
	v->block_frames = 0;
	float least = v->mins[0];
	for (int i = 1; i < 8; i++)
		least = fminf(least, v->mins[i]);
	v->floor_db = fminf(least, FLOOR_MOST);
}

static bool level_moves(const struct voice *v)
{
	float low = 100.0f, high = -200.0f;
	for (int i = 0; i < WINDOW; i++) {
		if (!(v->active & (1u << i)))
			continue;
		low = fminf(low, v->db[i]);
		high = fmaxf(high, v->db[i]);
	}
	return high - low > MOVES;
}

static bool frame_active(const struct voice *v, const struct frame *f, const struct detect_conf *conf, bool tone_on)
{
	if (f->lost || f->hole || f->digit || f->tonal || tone_on)
		return false;
	/* A tone with a hole in it looks like speech, and so does an echo at its beginning. */
	if ((f->unclear || f->echo_likely) && !v->speaking)
		return false;
	if (f->db < (float)conf->voice_level || f->db < v->floor_db + ABOVE_FLOOR)
		return false;
	float left = fmaxf(ECHO_LEFT_LEAST, 3.0f * f->echo_left);
	return f->power > left * f->echo_power;
}

enum voice_change voice_frame(struct voice *v, const struct frame *f, const struct detect_conf *conf, bool tone_on)
{
	bool active = frame_active(v, f, conf, tone_on);

	floor_track(v, f);
	memmove(v->db + 1, v->db, (WINDOW - 1) * sizeof(*v->db));
	v->db[0] = f->db;
	v->active = ((v->active << 1) | active) & ((1u << WINDOW) - 1);
	if (active && (v->active & 0xe))
		v->last = f->end;
	if (!v->speaking) {
		if (__builtin_popcount(v->active) * FRAME_MS < conf->voice_start || !level_moves(v))
			return VOICE_SAME;
		int oldest = 31 - __builtin_clz(v->active);
		v->start = f->end - (uint64_t)(oldest + 1) * FRAME;
		v->speaking = v->heard = true;
		return VOICE_STARTED;
	}
	if (f->end < v->last + (uint64_t)conf->voice_stop * 8)
		return VOICE_SAME;
	v->speaking = false;
	v->active = 0;
	return VOICE_STOPPED;
}
