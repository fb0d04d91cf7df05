#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define JOURNAL_MAGIC 0x53574a32u /* "SWJ2": changes with the layout of the file */
#define JOURNAL_STEP 64u /* slots whose memory is reserved at a time */

struct journal_file {
	uint32_t magic;
	uint32_t slots;
	uint32_t slot_size;
	uint32_t ended; /* how many dialogs have ended: the next goes to gone[ended % JOURNAL_GONE] */
	struct journal_gone gone[JOURNAL_GONE];
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
	int fd;
	uint32_t backed; /* slots whose memory is reserved */
	uint32_t ended;  /* `file->ended` at opening */
};

/* A page of a sparse file that tmpfs has no room for is SIGBUS at its first touch: room is asked for before. */
static int journal_reserve(struct journal *j, uint32_t slots)
{
	int err;

	if (slots <= j->backed)
		return 0;
	slots = slots + JOURNAL_STEP < j->slots ? slots + JOURNAL_STEP : j->slots;
	do {
		err = posix_fallocate(j->fd, 0, (off_t)(sizeof(struct journal_file) + (size_t)slots * sizeof(struct journal_slot)));
	} while (err == EINTR);
	if (!err)
		j->backed = slots;
	return err;
}

static bool journal_fits(int fd, size_t bytes)
{
	uint32_t head[3]; /* magic, slots, slot_size */

	return bytes >= sizeof(struct journal_file) && pread(fd, head, sizeof(head), 0) == (ssize_t)sizeof(head) &&
	       head[0] == JOURNAL_MAGIC && head[2] == sizeof(struct journal_slot) && head[1] &&
	       head[1] <= (bytes - sizeof(struct journal_file)) / sizeof(struct journal_slot);
}

/* Maps the file at the size it has or, where it is new or of another layout, at the size asked for. */
static int journal_map(struct journal *j, int fd, uint32_t slots)
{
	struct stat st;
	int err;
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
	j->slots = (uint32_t)((want - sizeof(struct journal_file)) / sizeof(struct journal_slot));
	err = journal_reserve(j, 1);
	if (err)
		return err;
	j->file = mmap(NULL, want, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (j->file == MAP_FAILED) {
		j->file = NULL;
		return errno;
	}
	j->bytes = want;
	j->file->slots = j->slots;
	j->file->slot_size = sizeof(struct journal_slot);
	j->file->magic = JOURNAL_MAGIC;
	j->ended = j->file->ended;
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
	j->fd = -1;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		err = errno;
		goto out;
	}
	j->fd = fd;
	err = journal_map(j, fd, slots);
	if (!err)
		err = journal_scan(j, fd);
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
	if (j->fd >= 0)
		close(j->fd);
	free(j->empty);
	free(j->left);
	free(j);
}

struct journal_slot *journal_take(struct journal *j)
{
	struct journal_slot *s;

	if (!j || !j->nempty || journal_reserve(j, j->empty[j->nempty - 1] + 1))
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

void journal_ended(struct journal *j, const struct journal_slot *slot, uint64_t now)
{
	struct journal_gone *gone;

	if (!j || !slot || slot->state == JOURNAL_FREE)
		return;
	gone = &j->file->gone[j->file->ended % JOURNAL_GONE];
	*(volatile uint64_t *)&gone->at = 0;
	atomic_signal_fence(memory_order_seq_cst);
	memcpy(gone->call_id, slot->call_id, sizeof(gone->call_id));
	memcpy(gone->line, slot->line, sizeof(gone->line));
	atomic_signal_fence(memory_order_seq_cst);
	*(volatile uint64_t *)&gone->at = now;
	++j->file->ended;
}

const struct journal_gone *journal_gone(struct journal *j, uint32_t i, uint64_t since)
{
	struct journal_gone *gone;

	if (!j || i + (uint64_t)(j->file->ended - j->ended) >= JOURNAL_GONE) /* the rest has been written over since */
		return NULL;
	gone = &j->file->gone[(j->ended - 1 - i) % JOURNAL_GONE];
	if (!gone->at || gone->at < since)
		return NULL;
	gone->call_id[sizeof(gone->call_id) - 1] = gone->line[sizeof(gone->line) - 1] = '\0';
	return gone;
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
