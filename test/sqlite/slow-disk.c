/* Preloaded: a disk that takes SLOW_DISK_MS for each flush, and fails it while the file SLOW_DISK_FAILS exists. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static int flushed(int file) {
	const char *ms = getenv("SLOW_DISK_MS");
	const char *fails = getenv("SLOW_DISK_FAILS");
	(void)file;
	if (ms) usleep(1000 * atoi(ms));
	if (!fails || access(fails, F_OK) != 0) return 0;
	errno = EIO;
	return -1;
}

int fsync(int file) { return flushed(file); }
int fdatasync(int file) { return flushed(file); }
