/* What both programs need of HTTP/1.1: headers of a head, and chunked bodies (RFC 9112 §7.1). */
#pragma once
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

static inline int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* The value of a header in a terminated head, or NULL. `name` in any case, without colon. */
static inline const char *header(const char *head, const char *name) {
    size_t length = strlen(name);
    for (const char *line = strstr(head, "\r\n"); line && line[2] != '\r'; line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, name, length) == 0 && line[2 + length] == ':') {
            const char *value = line + 3 + length;
            while (*value == ' ' || *value == '\t') value++;
            return value;
        }
    }
    return NULL;
}

static inline int header_is(const char *head, const char *name, const char *value) {
    const char *found = header(head, name);
    return found && strncasecmp(found, value, strlen(value)) == 0;
}

enum { CHUNK_SIZE, CHUNK_EXTENSION, CHUNK_DATA, CHUNK_DATA_END, CHUNK_TRAILER, CHUNK_DONE, CHUNK_BROKEN };

struct chunked {
    int state;
    int line; /* characters of the present trailer line */
    uint64_t left;
};

/* Takes a piece of a chunked body: returns how many bytes it used; *data, *length is the content among them. */
static inline size_t chunked_next(struct chunked *c, const char *in, size_t n, const char **data, size_t *length) {
    size_t used = 0;
    *data = in;
    *length = 0;
    while (used < n && c->state < CHUNK_DONE) {
        char at = in[used];
        if (c->state == CHUNK_DATA) {
            size_t take = n - used < c->left ? n - used : c->left;
            *data = in + used;
            *length = take;
            c->left -= take;
            if (c->left == 0) c->state = CHUNK_DATA_END;
            return used + take;
        }
        used++;
        if (c->state == CHUNK_SIZE && isxdigit((unsigned char)at)) {
            c->left = c->left * 16 + (uint64_t)(at <= '9' ? at - '0' : (at | 32) - 'a' + 10);
            if (c->left >> 40) c->state = CHUNK_BROKEN;
        } else if (c->state == CHUNK_SIZE || c->state == CHUNK_EXTENSION) {
            c->state = at != '\n' ? CHUNK_EXTENSION : c->left ? CHUNK_DATA : CHUNK_TRAILER;
            c->line = 0;
        } else if (c->state == CHUNK_DATA_END) {
            if (at == '\n') c->state = CHUNK_SIZE;
        } else if (at == '\n') { /* a trailer line ends; an empty one ends the body */
            if (c->line == 0) c->state = CHUNK_DONE;
            c->line = 0;
        } else if (at != '\r') {
            c->line++;
        }
    }
    return used;
}
