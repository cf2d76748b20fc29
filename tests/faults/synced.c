/* Loaded into a worker before libc: keeps what a disk would have after a power cut.

   After each fsync or fdatasync of a SQLite file, all of the file is copied into the folder $SYNCED_TO, under its own
   name. What was written and not synced is in no copy. It knows nothing of the program under test. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int ends_with(const char *text, const char *end) {
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

static void copy(const char *from, const char *to) {
    static _Thread_local char buffer[1 << 16];
    char draft[4608];
    ssize_t count;
    int in = open(from, O_RDONLY | O_CLOEXEC), out;
    if (in < 0) return;
    snprintf(draft, sizeof draft, "%s.%d", to, (int)getpid());
    out = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (out >= 0) {
        while ((count = read(in, buffer, sizeof buffer)) > 0)
            if (write(out, buffer, (size_t)count) != count) abort();
        close(out);
        if (count == 0) rename(draft, to);
    }
    close(in);
}

static void keep(int file) {
    const char *folder = getenv("SYNCED_TO");
    char link[64], path[4096], to[4352];
    ssize_t length;
    if (folder == NULL) return;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return;
    path[length] = 0;
    if (!ends_with(path, ".db") && !ends_with(path, ".db-wal")) return;
    snprintf(to, sizeof to, "%s/%s", folder, strrchr(path, '/') + 1);
    copy(path, to);
}

int fsync(int file) {
    int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    int result = next(file);
    if (result == 0) keep(file);
    return result;
}

int fdatasync(int file) {
    int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    int result = next(file);
    if (result == 0) keep(file);
    return result;
}
