#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define JOURNAL_MAGIC 0x53574a31u /* "SWJ1": changes with the layout of a slot */

struct journal_file {
	uint32_t magic;
	uint32_t slots;
	uint32_t slot_size;
	uint32_t reserved;
	struct journal_slot slot[];
};

struct journal {
	struct journal_file *file;
	size_t bytes;
	uint32_t slots;
	uint32_t *empty; /* stack of indexes */
	uint32_t nempty;
	uint32_t *left;
	uint32_t nleft;
};

static bool journal_fits(int fd, size_t bytes)
{
	struct journal_file f;

	return bytes >= sizeof(f) && pread(fd, &f, sizeof(f), 0) == (ssize_t)sizeof(f) && f.magic == JOURNAL_MAGIC &&
	       f.slot_size == sizeof(struct journal_slot) && f.slots &&
	       f.slots <= (bytes - sizeof(f)) / sizeof(struct journal_slot);
}

/* Maps the file at the size it has or, where it is new or of another layout, at the size asked for. */
static int journal_map(struct journal *j, int fd, uint32_t slots)
{
	struct stat st;
	size_t want = sizeof(struct journal_file) + (size_t)slots * sizeof(struct journal_slot);

	if (fstat(fd, &st))
		return errno;
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid())
		return EPERM;
	if (!journal_fits(fd, (size_t)st.st_size)) {
		if (ftruncate(fd, 0))
			return errno;
		st.st_size = 0;
	}
	if ((size_t)st.st_size > want)
		want = (size_t)st.st_size;
	if ((size_t)st.st_size < want && ftruncate(fd, (off_t)want))
		return errno;
	j->file = mmap(NULL, want, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (j->file == MAP_FAILED) {
		j->file = NULL;
		return errno;
	}
	j->bytes = want;
	j->slots = (uint32_t)((want - sizeof(struct journal_file)) / sizeof(struct journal_slot));
	j->file->slots = j->slots;
	j->file->slot_size = sizeof(struct journal_slot);
	j->file->magic = JOURNAL_MAGIC;
	return 0;
}

/* What another process wrote is input: every text ends within its field, every state is known. */
static bool slot_sound(struct journal_slot *s)
{
	s->call_id[sizeof(s->call_id) - 1] = s->ltag[sizeof(s->ltag) - 1] = s->rtag[sizeof(s->rtag) - 1] = '\0';
	s->branch[sizeof(s->branch) - 1] = s->sentby[sizeof(s->sentby) - 1] = s->ruri[sizeof(s->ruri) - 1] = '\0';
	s->local[sizeof(s->local) - 1] = s->remote[sizeof(s->remote) - 1] = s->target[sizeof(s->target) - 1] = '\0';
	s->destination[sizeof(s->destination) - 1] = s->line[sizeof(s->line) - 1] = s->routes[sizeof(s->routes) - 1] = '\0';
	return s->state <= JOURNAL_UP && s->call_id[0];
}

/* States are read by pread: a mapped read would give every page of the sparse file memory. */
static int journal_scan(struct journal *j, int fd)
{
	j->empty = calloc(j->slots, sizeof(uint32_t));
	j->left = calloc(j->slots, sizeof(uint32_t));
	if (!j->empty || !j->left)
		return ENOMEM;
	for (uint32_t i = j->slots; i-- > 0;) {
		const off_t at = (off_t)(sizeof(struct journal_file) + (size_t)i * sizeof(struct journal_slot));
		uint32_t state;

		if (pread(fd, &state, sizeof(state), at) != (ssize_t)sizeof(state))
			return errno ? errno : EIO;
		if (state != JOURNAL_FREE && slot_sound(&j->file->slot[i])) {
			j->left[j->nleft++] = i;
			continue;
		}
		if (state != JOURNAL_FREE)
			j->file->slot[i].state = JOURNAL_FREE;
		j->empty[j->nempty++] = i;
	}
	return 0;
}

struct journal *journal_open(const char *path, uint32_t slots)
{
	struct journal *j = calloc(1, sizeof(*j));
	int fd, err;

	if (!j)
		return NULL;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		err = errno;
		goto out;
	}
	err = journal_map(j, fd, slots);
	if (!err)
		err = journal_scan(j, fd);
	close(fd);
	if (err)
		goto out;
	return j;
out:
	journal_close(j);
	errno = err;
	return NULL;
}

void journal_close(struct journal *j)
{
	if (!j)
		return;
	if (j->file)
		munmap(j->file, j->bytes);
	free(j->empty);
	free(j->left);
	free(j);
}

struct journal_slot *journal_take(struct journal *j)
{
	struct journal_slot *s;

	if (!j || !j->nempty)
		return NULL;
	s = &j->file->slot[j->empty[--j->nempty]];
	memset(s, 0, sizeof(*s));
	return s;
}

void journal_release(struct journal *j, struct journal_slot *slot)
{
	if (!j || !slot)
		return;
	journal_set_state(slot, JOURNAL_FREE);
	if (j->nempty < j->slots)
		j->empty[j->nempty++] = (uint32_t)(slot - j->file->slot);
}

struct journal_slot *journal_left(struct journal *j, uint32_t i)
{
	return j && i < j->nleft ? &j->file->slot[j->left[i]] : NULL;
}

void journal_forget_left(struct journal *j, uint32_t i)
{
	if (j && i < j->nleft)
		j->left[i] = j->left[--j->nleft];
}

void journal_set_state(struct journal_slot *slot, enum journal_state state)
{
	atomic_signal_fence(memory_order_seq_cst); /* the other fields stand before, as a kill sees this thread's order */
	*(volatile uint32_t *)&slot->state = (uint32_t)state;
	atomic_signal_fence(memory_order_seq_cst);
}

bool journal_text(char *field, size_t size, const char *p, size_t len)
{
	if (len >= size) {
		field[0] = '\0';
		return false;
	}
	if (len)
		memcpy(field, p, len);
	field[len] = '\0';
	return true;
}
