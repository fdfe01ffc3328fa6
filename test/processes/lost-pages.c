/*
 * Loaded before libc (LD_PRELOAD), this library keeps beside each database file and each write-ahead log a second file,
 * PATH.disk: what a disk would hold that keeps nothing but what was synced. A write goes to the file and is remembered; a sync
 * brings the writes that had been remembered when it began into the second file. With LOST_PAGES_LIE set, a sync does nothing.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define MOST_FILES 16

struct change {
  struct change *next;
  off_t at;
  size_t length; /* of a write; 0: the file was cut off at `at` */
  char bytes[];
};

struct file {
  char path[PATH_MAX];
  int disk;
  struct change *first, *last;
};

static struct file files[MOST_FILES];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_write)(int, const void *, size_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_ftruncate)(int, off_t);

__attribute__((constructor)) static void begin(void) {
  real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
  real_write = dlsym(RTLD_NEXT, "write");
  real_fsync = dlsym(RTLD_NEXT, "fsync");
  real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
  real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
}

static int ends(const char *text, const char *end) {
  size_t n = strlen(text), m = strlen(end);
  return n >= m && strcmp(text + n - m, end) == 0;
}

/* Under the lock. Null: the descriptor is of another file. */
static struct file *file_of(int fd) {
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, path, sizeof path - 1);
  if (n <= 0) return NULL;
  path[n] = 0;
  if (!ends(path, ".db") && !ends(path, ".db-wal")) return NULL;
  for (int i = 0; i < MOST_FILES; i++) {
    if (files[i].path[0] == 0) {
      char disk[PATH_MAX + 8];
      snprintf(disk, sizeof disk, "%s.disk", path);
      strcpy(files[i].path, path);
      files[i].disk = open(disk, O_RDWR | O_CREAT, 0600);
    }
    if (strcmp(files[i].path, path) == 0) return &files[i];
  }
  abort();
}

static void remember(int fd, const void *bytes, size_t length, off_t at) {
  pthread_mutex_lock(&lock);
  struct file *file = file_of(fd);
  if (file) {
    struct change *change = malloc(sizeof *change + length);
    change->next = NULL;
    change->at = at;
    change->length = length;
    if (length > 0) memcpy(change->bytes, bytes, length);
    if (file->last) file->last->next = change;
    else file->first = change;
    file->last = change;
  }
  pthread_mutex_unlock(&lock);
}

static int synced(int fd, int (*sync)(int)) {
  pthread_mutex_lock(&lock);
  struct file *file = file_of(fd);
  struct change *last = file ? file->last : NULL;
  pthread_mutex_unlock(&lock);
  int result = sync(fd);
  if (result != 0 || !last || getenv("LOST_PAGES_LIE")) return result;
  pthread_mutex_lock(&lock);
  for (int done = 0; !done && file->first;) {
    struct change *change = file->first;
    if (change->length > 0) real_pwrite(file->disk, change->bytes, change->length, change->at);
    else real_ftruncate(file->disk, change->at);
    done = change == last;
    file->first = change->next;
    if (!file->first) file->last = NULL;
    free(change);
  }
  pthread_mutex_unlock(&lock);
  return result;
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t at) {
  ssize_t n = real_pwrite(fd, bytes, length, at);
  if (n > 0) remember(fd, bytes, n, at);
  return n;
}
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) { return pwrite64(fd, bytes, length, at); }

/* SQLite and Node write these files with pwrite alone; another call would go unnoticed. */
ssize_t write(int fd, const void *bytes, size_t length) {
  pthread_mutex_lock(&lock);
  struct file *file = fd > 2 ? file_of(fd) : NULL;
  pthread_mutex_unlock(&lock);
  if (file) abort();
  return real_write(fd, bytes, length);
}

int ftruncate64(int fd, off_t length) {
  int result = real_ftruncate(fd, length);
  if (result == 0) remember(fd, NULL, 0, length);
  return result;
}
int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

int fsync(int fd) { return synced(fd, real_fsync); }
int fdatasync(int fd) { return synced(fd, real_fdatasync); }
