/* The file itself: what is checked before a byte of it is believed. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/config.h"

/* Why the open file is not to be trusted, or NULL. */
static const char *
file_fault(const struct stat *st)
{
    if (!S_ISREG(st->st_mode))
        return "this is no regular file";
    if (st->st_uid != 0 && st->st_uid != geteuid())
        return "the file does not belong to root";
    if ((st->st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return "others than its owner may write to the file (chmod 0644 helps)";
    if (st->st_size > (off_t)CONFIG_MAX)
        return "the file is too long";
    return NULL;
}

/* At most size bytes of fd; their count, or -1 with errno. */
static ssize_t
read_all(int fd, char *buf, size_t size)
{
    size_t n = 0;

    while (n < size) {
        ssize_t got = read(fd, buf + n, size - n);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        n += (size_t)got;
    }
    return (ssize_t)n;
}

char *
config_read(TALLOC_CTX *mem, const char *path, size_t *len_out, config_error_fn *fn, void *arg)
{
    TALLOC_CTX *tmp = talloc_new(mem);
    char *text = NULL;
    const char *fault = NULL;
    struct stat st;
    ssize_t n = -1;
    int fd;

    *len_out = 0;
    /* A FIFO or a device in its place must not hold anybody up. */
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &st) != 0) {
        fault = strerror(errno);
        goto done;
    }
    fault = file_fault(&st);
    if (fault != NULL)
        goto done;
    text = talloc_array(tmp, char, CONFIG_MAX + 1);
    if (text != NULL)
        n = read_all(fd, text, CONFIG_MAX + 1);
    if (n < 0)
        fault = strerror(errno);
    else if ((size_t)n > CONFIG_MAX)
        fault = "the file is too long";

done:
    if (fd >= 0)
        (void)close(fd);
    if (fault != NULL) {
        const char *message = talloc_asprintf(tmp, "%s: %s", path, fault);

        fn(arg, message == NULL ? fault : message);
        text = NULL;
    } else {
        *len_out = (size_t)n;
        (void)talloc_steal(mem, text);
    }
    talloc_free(tmp);
    return text;
}

struct config *
config_load(TALLOC_CTX *mem, const char *path, config_error_fn *fn, void *arg)
{
    size_t len;
    char *text = config_read(mem, path, &len, fn, arg);
    struct config *c = NULL;

    if (text != NULL)
        c = config_parse(mem, text, len, path, fn, arg);
    talloc_free(text);
    return c;
}
