/* A provider that answers at once, for measuring what is in front of it. One thread, epoll, loopback only.

   stub SECONDS      prints the port that it listens on, and leaves after SECONDS or with its parent

   What a call gets is said by the model's name, wherever it stands: in the path, a header, or the body (JSON or multipart):
       bench-s4096                      a picture of 4096 base64 characters, at once
       bench-s4096-d5000                the same after 5000 ms
       bench-s2097152-p2-q1048576-w50   an event stream: 2 partial pictures of 1 MiB, then the finished one, 50 ms before each
   A path with ":generateContent" is answered in Gemini's shape, with "/edits" in that of an edit. Request bodies are read
   whole first. GET /counters tells how many calls were answered and how many bytes their bodies had. */
#define _GNU_SOURCE
#include "answer.h"
#include "http.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    HEAD_LIMIT = 16384,
    READ_BYTES = 256 << 10,
    SLICE = 256 << 10, /* bytes written before another connection has its turn */
    MOST_CONNECTIONS = 16384,
    NAME = 128, /* longest model name */
};

enum state { READING_HEAD, READING_BODY, WAITING, WRITING };

struct connection {
    int fd, slot; /* slot: place among the waiting, -1 when not there */
    enum state state;
    char head[HEAD_LIMIT + 1], carry[2 * NAME + 1];
    size_t head_length, carry_length;
    int is_chunked, has_spec, gemini, edit, refused, wants_out;
    struct chunked chunks;
    uint64_t body_left, body_bytes;
    struct spec spec;
    long stage, last_stage; /* a stream is several stages, any other answer is one */
    int64_t due;
    char before[1024], after[512];
    struct iovec parts[3];
    struct connection *next_dead;
};

static char *picture, input[READ_BYTES]; /* picture: LARGEST base64 characters */
static int poller, timer;
static struct connection *waiting[MOST_CONNECTIONS], *dead;
static int waiting_count, open_count;
static int64_t armed;
static uint64_t answered, body_total;
static char listener_tag, timer_tag;

static void look_into_body(struct connection *c, const char *data, size_t n) {
    c->body_bytes += n;
    if (c->has_spec || n == 0) return;
    size_t more = n < NAME ? n : NAME; /* a name may lie across two pieces */
    memcpy(c->carry + c->carry_length, data, more);
    c->has_spec = find_spec(&c->spec, c->carry, c->carry_length + more, 0) || find_spec(&c->spec, data, n, 0);
    if (n >= NAME) {
        memcpy(c->carry, data + n - NAME, NAME);
        c->carry_length = NAME;
    } else {
        size_t total = c->carry_length + n, drop = total > NAME ? total - NAME : 0;
        memmove(c->carry, c->carry + drop, total - drop);
        c->carry_length = total - drop;
    }
}

static void want_out(struct connection *c, int out) {
    if (c->wants_out == out) return;
    c->wants_out = out;
    struct epoll_event event = {.events = EPOLLIN | (out ? EPOLLOUT : 0), .data.ptr = c};
    epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &event);
}

static void arm(int64_t due) {
    armed = due;
    struct itimerspec when = {.it_value = {due / 1000000000, due % 1000000000}};
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static void stop_waiting(struct connection *c) {
    if (c->slot < 0) return;
    waiting[c->slot] = waiting[--waiting_count];
    waiting[c->slot]->slot = c->slot;
    c->slot = -1;
}

static void finish(struct connection *c) { /* freed after this turn: events of it may still be in the batch */
    if (c->fd < 0) return;
    stop_waiting(c);
    close(c->fd);
    c->fd = -1;
    c->next_dead = dead;
    dead = c;
    open_count--;
}

static void write_stage(struct connection *c);

static void wait_or_write(struct connection *c, long milliseconds) {
    if (milliseconds == 0) {
        c->state = WRITING;
        write_stage(c);
        return;
    }
    c->state = WAITING;
    c->due = now_ns() + milliseconds * 1000000LL;
    c->slot = waiting_count;
    waiting[waiting_count++] = c;
    if (!armed || c->due < armed) arm(c->due);
}

static const char USAGE[] =
    "\"usage\":{\"input_tokens\":12,\"output_tokens\":1056,\"total_tokens\":1068,"
    "\"input_tokens_details\":{\"text_tokens\":12,\"image_tokens\":0}}";
static const char LOOK[] = "\"size\":\"1024x1024\",\"quality\":\"low\",\"background\":\"opaque\",\"output_format\":\"png\"";

static void put(struct connection *c, size_t filling) {
    c->parts[0] = (struct iovec){c->before, strlen(c->before)};
    c->parts[1] = (struct iovec){picture, filling};
    c->parts[2] = (struct iovec){c->after, strlen(c->after)};
}

static void with_length(struct connection *c, const char *status, const char *before, size_t filling) {
    snprintf(c->before, sizeof c->before,
             "HTTP/1.1 %s\r\nContent-Type: application/json\r\nx-request-id: req_bench\r\nContent-Length: %zu\r\n\r\n%s",
             status, strlen(before) + filling + strlen(c->after), before);
    put(c, filling);
}

static void make_event(struct connection *c) {
    int final = c->stage == c->last_stage;
    const char *kind = c->edit ? "image_edit" : "image_generation", *what = final ? "completed" : "partial_image";
    size_t filling = (size_t)(final ? c->spec.size : c->spec.partial_size);
    char opening[256], closing[400];
    snprintf(opening, sizeof opening, "event: %s.%s\ndata: {\"type\":\"%s.%s\",\"b64_json\":\"", kind, what, kind, what);
    if (final) snprintf(closing, sizeof closing, "\",\"created_at\":1790000000,%s,%s}\n\n", LOOK, USAGE);
    else snprintf(closing, sizeof closing, "\",\"created_at\":1790000000,%s,\"partial_image_index\":%ld}\n\n", LOOK, c->stage - 1);
    snprintf(c->before, sizeof c->before, "%zx\r\n%s", strlen(opening) + filling + strlen(closing), opening);
    snprintf(c->after, sizeof c->after, "%s\r\n%s", closing, final ? "0\r\n\r\n" : "");
    put(c, filling);
}

static void make_stage(struct connection *c) {
    char counters[128];
    c->after[0] = 0;
    if (strncmp(c->head, "GET ", 4) == 0) {
        snprintf(counters, sizeof counters, "{\"answered\":%lu,\"body_bytes\":%lu}", answered, body_total);
        with_length(c, "200 OK", counters, 0);
    } else if (c->refused) { /* as OpenAI does, whose edits are multipart or JSON */
        with_length(c, "400 Bad Request", "{\"error\":{\"message\":\"Unsupported content type\",\"type\":\"invalid_request_error\"}}", 0);
    } else if (c->spec.partials && c->stage == 0) {
        strcpy(c->before, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\n"
                          "x-request-id: req_bench\r\nTransfer-Encoding: chunked\r\n\r\n");
        put(c, 0);
    } else if (c->spec.partials) {
        make_event(c);
    } else if (c->gemini) {
        strcpy(c->after, "\"}}]},\"finishReason\":\"STOP\",\"index\":0}],\"usageMetadata\":{\"promptTokenCount\":12,"
                         "\"candidatesTokenCount\":1290,\"totalTokenCount\":1302},\"modelVersion\":\"bench\"}");
        with_length(c, "200 OK", "{\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"",
                    (size_t)c->spec.size);
    } else {
        snprintf(c->after, sizeof c->after, "\"}],%s,%s}", LOOK, USAGE);
        with_length(c, "200 OK", "{\"created\":1790000000,\"data\":[{\"b64_json\":\"", (size_t)c->spec.size);
    }
}

static void answer(struct connection *c) {
    if (strncmp(c->head, "GET ", 4) != 0) {
        answered++;
        body_total += c->body_bytes;
    }
    if (!c->has_spec && !find_spec(&c->spec, c->carry, c->carry_length, 1)) c->spec = (struct spec){.size = 4096};
    c->stage = 0;
    c->last_stage = c->spec.partials && !c->refused ? c->spec.partials + 1 : 0;
    make_stage(c);
    wait_or_write(c, c->spec.delay);
}

static void next_request(struct connection *c) {
    c->state = READING_HEAD;
    c->head_length = c->carry_length = 0;
    want_out(c, 0);
}

static void write_stage(struct connection *c) {
    struct iovec parts[3];
    int count = 0;
    for (size_t room = SLICE, i = 0; i < 3 && room; i++) {
        size_t length = c->parts[i].iov_len < room ? c->parts[i].iov_len : room;
        if (length) parts[count++] = (struct iovec){c->parts[i].iov_base, length};
        room -= length;
    }
    ssize_t n = writev(c->fd, parts, count);
    if (n < 0 && errno != EAGAIN) {
        finish(c);
        return;
    }
    for (int i = 0; i < 3 && n > 0; i++) {
        size_t gone = (size_t)n < c->parts[i].iov_len ? (size_t)n : c->parts[i].iov_len;
        c->parts[i].iov_base = (char *)c->parts[i].iov_base + gone;
        c->parts[i].iov_len -= gone;
        n -= (ssize_t)gone;
    }
    if (c->parts[0].iov_len + c->parts[1].iov_len + c->parts[2].iov_len) {
        want_out(c, 1);
    } else if (c->stage < c->last_stage) {
        c->stage++;
        make_stage(c);
        want_out(c, 0);
        wait_or_write(c, c->spec.pause);
    } else {
        next_request(c);
    }
}

static void take_body(struct connection *c, const char *data, size_t n) {
    const char *content = data;
    size_t length = n;
    if (!c->is_chunked) {
        length = n < c->body_left ? n : c->body_left;
        c->body_left -= length;
        look_into_body(c, content, length);
        if (c->body_left == 0) answer(c);
        return;
    }
    for (size_t used; n && c->chunks.state < CHUNK_DONE; data += used, n -= used) {
        used = chunked_next(&c->chunks, data, n, &content, &length);
        look_into_body(c, content, length);
    }
    if (c->chunks.state == CHUNK_DONE) answer(c);
    else if (c->chunks.state == CHUNK_BROKEN) finish(c);
}

static void start_body(struct connection *c, const char *rest, size_t n) {
    const char *length = header(c->head, "content-length"), *line_end = strstr(c->head, "\r\n");
    c->is_chunked = header_is(c->head, "transfer-encoding", "chunked");
    c->chunks = (struct chunked){0};
    c->body_left = length ? strtoull(length, NULL, 10) : 0;
    c->body_bytes = 0;
    c->gemini = memmem(c->head, (size_t)(line_end - c->head), ":generateContent", 16) != NULL;
    c->edit = memmem(c->head, (size_t)(line_end - c->head), "/edits", 6) != NULL;
    c->refused = c->edit && header_is(c->head, "content-type", "application/x-www-form-urlencoded");
    c->has_spec = find_spec(&c->spec, c->head, c->head_length, 0);
    c->state = READING_BODY;
    if (header_is(c->head, "expect", "100-continue") && n == 0) {
        static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
        if (write(c->fd, go_on, sizeof go_on - 1) < 0) finish(c);
        return;
    }
    take_body(c, rest, n);
}

static void take_head(struct connection *c, size_t n) {
    size_t room = HEAD_LIMIT - c->head_length, old = c->head_length, copied = n < room ? n : room;
    memcpy(c->head + old, input, copied);
    c->head_length += copied;
    c->head[c->head_length] = 0;
    char *end = memmem(c->head, c->head_length, "\r\n\r\n", 4);
    if (!end) {
        if (c->head_length == HEAD_LIMIT) finish(c);
        return;
    }
    end[4] = 0;
    c->head_length = (size_t)(end + 4 - c->head);
    size_t used = c->head_length - old;
    start_body(c, input + used, n - used);
}

static void readable(struct connection *c) {
    ssize_t n = read(c->fd, input, sizeof input);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0 || c->state > READING_BODY) finish(c); /* gone, or talks while it should listen */
    else if (c->state == READING_HEAD) take_head(c, (size_t)n);
    else take_body(c, input, (size_t)n);
}

static void accept_all(int listener) {
    int fd, one = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct connection *c = open_count < MOST_CONNECTIONS ? calloc(1, sizeof *c) : NULL;
        if (!c) {
            close(fd);
            continue;
        }
        open_count++;
        c->fd = fd;
        c->slot = -1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
    }
}

static void wake(void) {
    uint64_t times;
    if (read(timer, &times, sizeof times) < 0) return;
    int64_t now = now_ns(), next = 0;
    armed = 1; /* wait_or_write must not arm while we look */
    for (int i = waiting_count - 1; i >= 0; i--) {
        struct connection *c = waiting[i];
        if (c->due > now) continue;
        stop_waiting(c);
        c->state = WRITING;
        write_stage(c);
    }
    for (int i = 0; i < waiting_count; i++)
        if (!next || waiting[i]->due < next) next = waiting[i]->due;
    armed = 0;
    if (next) arm(next);
}

static int listen_here(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 4096)) {
        perror("stub");
        exit(1);
    }
    getsockname(listener, (struct sockaddr *)&address, &length);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

int main(int count, char **arguments) {
    if (count != 2) return 2;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    alarm((unsigned)atoi(arguments[1]));
    signal(SIGPIPE, SIG_IGN);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    picture = make_picture();
    poller = epoll_create1(EPOLL_CLOEXEC);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    int listener = listen_here();
    struct epoll_event events[256], event = {.events = EPOLLIN, .data.ptr = &listener_tag};
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
    event.data.ptr = &timer_tag;
    epoll_ctl(poller, EPOLL_CTL_ADD, timer, &event);
    for (;;) {
        int ready = epoll_wait(poller, events, 256, -1);
        for (int i = 0; i < ready; i++) {
            struct connection *c = events[i].data.ptr;
            if ((void *)c == &listener_tag) accept_all(listener);
            else if ((void *)c == &timer_tag) wake();
            else if (c->fd >= 0 && c->state == WRITING && events[i].events & EPOLLOUT) write_stage(c);
            else if (c->fd >= 0) readable(c);
        }
        for (struct connection *c = dead; c; c = dead) {
            dead = c->next_dead;
            free(c);
        }
    }
}
