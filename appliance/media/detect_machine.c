/**
 * Person or machine, from how the first greeting goes: people say a word or two and wait, machines go on.
 * The figures are detect_conf's; a fax or modem tone, or a beep, is a machine at once.
 */
#include "detect_priv.h"

#include <string.h>

void machine_init(struct machine *m, uint64_t now)
{
	memset(m, 0, sizeof(*m));
	m->since = now;
}

static enum detect_verdict greeting_verdict(const struct machine *m, uint64_t now, const struct detect_conf *conf)
{
	const uint32_t length = (uint32_t)((m->last - m->first) / 8);
	const uint32_t pause = (uint32_t)((now - m->last) / 8);

	if (length >= conf->machine_min)
		return VERDICT_MACHINE;
	if (pause < conf->person_pause)
		return VERDICT_NONE;
	return length <= conf->person_max ? VERDICT_PERSON : VERDICT_UNSURE;
}

enum detect_verdict machine_frame(struct machine *m, const struct voice *v, uint8_t tone, uint64_t now,
                                  const struct detect_conf *conf)
{
	enum detect_verdict verdict = VERDICT_NONE;
	const uint32_t elapsed = (uint32_t)((now - m->since) / 8);

	if (m->done)
		return VERDICT_NONE;
	if (v->speaking && v->last > m->since) {
		if (!m->first)
			m->first = v->start > m->since ? v->start : m->since + 1;
		m->last = v->last > m->first ? v->last : m->first;
	}
	if (tone == TONE_FAX || tone == TONE_MODEM || tone == TONE_BEEP)
		verdict = VERDICT_MACHINE;
	else if (m->first)
		verdict = greeting_verdict(m, now, conf);
	else if (elapsed >= conf->machine_wait)
		verdict = VERDICT_UNSURE;
	if (!verdict && elapsed >= conf->machine_limit)
		verdict = VERDICT_UNSURE;
	m->done = verdict != VERDICT_NONE;
	return verdict;
}
