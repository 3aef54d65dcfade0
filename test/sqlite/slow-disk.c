/*
 * Preloaded: a disk that takes SLOW_DISK_MS for each flush. While the file SLOW_DISK_FAILS exists, what it says befalls: a number is
 * how many milliseconds a flush takes; "EROFS" refuses what opens to write or writes at a place (SQLite's way), as after an error by
 * which the kernel makes a disk read-only: a remount cannot do it while files are open to write; "ENOSPC" what writes at a place, whatever
 * was given free before. Anything else fails each flush (EIO).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Into `fate`, of 16 bytes; 0 when nothing befalls. */
static int befalls(char *fate) {
	const char *path = getenv("SLOW_DISK_FAILS");
	int file = path ? syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC) : -1;
	if (file < 0) return 0;
	ssize_t length = read(file, fate, 15);
	fate[length < 0 ? 0 : length] = 0;
	close(file);
	return 1;
}

static int errorOf(const char *fate) {
	return strcmp(fate, "EROFS") == 0 ? EROFS : strcmp(fate, "ENOSPC") == 0 ? ENOSPC : EIO;
}

static int refuses(void) {
	char fate[16];
	if (!befalls(fate) || errorOf(fate) == EIO) return 0;
	errno = errorOf(fate);
	return 1;
}

static int flushed(int file) {
	const char *ms = getenv("SLOW_DISK_MS");
	char fate[16];
	(void)file;
	if (ms) usleep(1000 * atoi(ms));
	if (!befalls(fate)) return 0;
	if (atoi(fate) > 0) return usleep(1000 * atoi(fate));
	errno = errorOf(fate);
	return -1;
}

int fsync(int file) { return flushed(file); }
int fdatasync(int file) { return flushed(file); }

static int opened(const char *path, int flags, mode_t mode) {
	int writes = (flags & O_ACCMODE) != O_RDONLY && strncmp(path, "/dev/", 5) != 0;
	if (writes && refuses() && errno == EROFS) return -1;
	return syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

#define OPENED(path, flags) \
	mode_t mode = 0; \
	if ((flags) & O_CREAT) { \
		va_list more; \
		va_start(more, flags); \
		mode = va_arg(more, mode_t); \
		va_end(more); \
	} \
	return opened(path, flags, mode);

int open(const char *path, int flags, ...) { OPENED(path, flags) }
int open64(const char *path, int flags, ...) { OPENED(path, flags | O_LARGEFILE) }

ssize_t pwrite(int file, const void *bytes, size_t count, off_t at) {
	return refuses() ? -1 : syscall(SYS_pwrite64, file, bytes, count, at);
}
ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t at) {
	return refuses() ? -1 : syscall(SYS_pwrite64, file, bytes, count, at);
}
