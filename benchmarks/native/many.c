/* Sends the same request over many connections and tells when each answer began, was half drawn, and ended.

   many PORT FILE CONNECTIONS REQUESTS SECONDS TOGETHER TIMEOUT

   FILE holds the whole request, head and body. Each connection sends it up to REQUESTS times, none after SECONDS. TOGETHER 1:
   all connections wait for each other before each request. After TIMEOUT seconds everything stops.
   Prints a line per answer, times in microseconds since its request was begun (-1: never):
       status head first-event end body-bytes events
   and at last "wall" with the microseconds from the first request to the last answer. Status 0: no whole answer.
   An event counts once its blank line is here; comments and other small ones do not count. */
#define _GNU_SOURCE
#include "http.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEAD_LIMIT = 16384, READ_BYTES = 256 << 10, WRITE_BYTES = 256 << 10, SMALL_EVENT = 32 };

struct call {
    int fd, in_head, used_before, status, is_chunked, is_stream, events, busy;
    long done;
    char head[HEAD_LIMIT + 1];
    size_t head_length, sent;
    struct chunked chunks;
    int64_t left; /* bytes of the body still to come, -1: until the connection closes */
    int64_t began, headed, drawn, bytes, event_bytes;
    int line_bytes; /* in the present line of the event stream */
};

static char input[READ_BYTES];
static const char *request;
static size_t request_length;
static int poller, port, count, together, running;
static long most;
static int64_t start, no_more, last_end;
static struct call *calls;

static void fatal(const char *what) {
    perror(what);
    exit(1);
}

static void dial(struct call *c) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = 20};
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof address)) fatal("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &event);
    c->used_before = 0;
}

static void hang_up(struct call *c) {
    if (c->fd >= 0) close(c->fd);
    c->fd = -1;
}

static void interest(struct call *c, int out) {
    struct epoll_event event = {.events = EPOLLIN | (out ? EPOLLOUT : 0), .data.ptr = c};
    epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &event);
}

static void send_more(struct call *c) {
    size_t n = request_length - c->sent < WRITE_BYTES ? request_length - c->sent : WRITE_BYTES;
    ssize_t written = write(c->fd, request + c->sent, n);
    if (written < 0) {
        if (errno != EAGAIN) interest(c, 0); /* an early answer may still be there to read; else reading fails too */
        else interest(c, 1);
        return;
    }
    int first = c->sent == 0;
    c->sent += (size_t)written;
    if (c->sent < request_length) interest(c, 1);
    else if (!first) interest(c, 0);
}

static void begin(struct call *c) {
    if (c->fd < 0) dial(c);
    c->in_head = 1;
    c->busy = 1;
    c->head_length = c->sent = 0;
    c->status = c->events = 0;
    c->bytes = c->event_bytes = 0;
    c->line_bytes = 0;
    c->headed = c->drawn = 0;
    c->began = now_ns();
    running++;
    send_more(c);
}

static int may_begin(const struct call *c) {
    return c->done < most && now_ns() < no_more;
}

static long since(const struct call *c, int64_t then) {
    return then ? (long)((then - c->began) / 1000) : -1;
}

static void finish(struct call *c, int whole, int keep) {
    last_end = now_ns();
    printf("%d %ld %ld %ld %ld %d\n", whole ? c->status : 0, since(c, c->headed), since(c, c->drawn),
           whole ? since(c, last_end) : -1, (long)c->bytes, c->events);
    c->busy = 0;
    c->used_before = 1;
    c->done++;
    running--;
    if (!whole || !keep || c->sent < request_length) hang_up(c);
    if (together ? running > 0 : !may_begin(c)) return;
    if (!together) {
        begin(c);
        return;
    }
    for (int i = 0; i < count; i++)
        if (may_begin(&calls[i])) begin(&calls[i]);
}

static void take_events(struct call *c, const char *data, size_t n) {
    while (n) {
        const char *end = memchr(data, '\n', n);
        size_t line = end ? (size_t)(end - data) : n, text = line - (line && data[line - 1] == '\r');
        c->line_bytes = text || c->line_bytes ? 1 : 0;
        c->event_bytes += (int64_t)text;
        if (!end) return;
        if (!c->line_bytes) {
            if (c->event_bytes > SMALL_EVENT && c->events++ == 0) c->drawn = now_ns();
            c->event_bytes = 0;
        }
        c->line_bytes = 0;
        data += line + 1;
        n -= line + 1;
    }
}

static void take_body(struct call *c, const char *data, size_t n) {
    const char *content = data;
    size_t length = n;
    if (c->is_chunked) {
        for (size_t used; n && c->chunks.state < CHUNK_DONE; data += used, n -= used) {
            used = chunked_next(&c->chunks, data, n, &content, &length);
            c->bytes += (int64_t)length;
            if (c->is_stream) take_events(c, content, length);
        }
    } else {
        if (c->left >= 0 && (int64_t)length > c->left) length = (size_t)c->left;
        if (c->left >= 0) c->left -= (int64_t)length;
        c->bytes += (int64_t)length;
        if (c->is_stream) take_events(c, content, length);
    }
    if (c->is_chunked ? c->chunks.state >= CHUNK_DONE : c->left == 0)
        finish(c, c->chunks.state != CHUNK_BROKEN, !header_is(c->head, "connection", "close"));
}

static void take_head(struct call *c, size_t n) {
    size_t old = c->head_length, room = HEAD_LIMIT - old, copied = n < room ? n : room;
    memcpy(c->head + old, input, copied);
    c->head_length += copied;
    c->head[c->head_length] = 0;
    char *end = memmem(c->head, c->head_length, "\r\n\r\n", 4);
    if (!end) {
        if (c->head_length == HEAD_LIMIT) finish(c, 0, 0);
        return;
    }
    end[4] = 0;
    size_t used = (size_t)(end + 4 - c->head) - old;
    const char *length = header(c->head, "content-length");
    c->status = atoi(c->head + 9);
    c->headed = now_ns();
    c->is_chunked = header_is(c->head, "transfer-encoding", "chunked");
    c->is_stream = header_is(c->head, "content-type", "text/event-stream");
    c->chunks = (struct chunked){0};
    c->left = length ? strtoll(length, NULL, 10) : -1;
    c->in_head = 0;
    take_body(c, input + used, n - used);
}

static void readable(struct call *c) {
    ssize_t n = read(c->fd, input, sizeof input);
    if (n < 0 && errno == EAGAIN) return;
    if (!c->busy) {
        hang_up(c); /* closed between two requests */
    } else if (n > 0) {
        if (c->in_head) take_head(c, (size_t)n);
        else take_body(c, input, (size_t)n);
    } else if (n == 0 && !c->in_head && !c->is_chunked && c->left < 0) {
        finish(c, 1, 0);
    } else if (c->used_before && c->in_head && c->head_length == 0) { /* it was closed while we wrote: once more, afresh */
        hang_up(c);
        running--;
        begin(c);
    } else {
        finish(c, 0, 0);
    }
}

static void load_request(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat about;
    if (fd < 0 || fstat(fd, &about)) fatal(path);
    request_length = (size_t)about.st_size;
    request = mmap(NULL, request_length, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (request == MAP_FAILED) fatal("mmap");
    close(fd);
}

static void prepare(char **arguments) {
    struct rlimit files;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_IGN);
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    port = atoi(arguments[1]);
    load_request(arguments[2]);
    count = atoi(arguments[3]);
    most = atol(arguments[4]);
    together = atoi(arguments[6]);
    calls = calloc((size_t)count, sizeof *calls);
    poller = epoll_create1(EPOLL_CLOEXEC);
    for (int i = 0; i < count; i++) dial(&calls[i]);
    start = now_ns();
    no_more = start + (int64_t)(atof(arguments[5]) * 1e9);
}

int main(int argument_count, char **arguments) {
    if (argument_count != 8) return 2;
    prepare(arguments);
    int64_t limit = start + (int64_t)(atof(arguments[7]) * 1e9);
    for (int i = 0; i < count && most > 0; i++) begin(&calls[i]);
    struct epoll_event events[256];
    while (running && now_ns() < limit) {
        int ready = epoll_wait(poller, events, 256, 100);
        for (int i = 0; i < ready; i++) {
            struct call *c = events[i].data.ptr;
            if (c->fd >= 0 && c->busy && c->sent < request_length && events[i].events & EPOLLOUT) send_more(c);
            else if (c->fd >= 0) readable(c);
        }
    }
    together = most = 0; /* what is left is counted as unanswered */
    for (int i = 0; i < count; i++)
        if (calls[i].busy) finish(&calls[i], 0, 0);
    printf("wall %ld\n", (long)((last_end - start) / 1000));
    return 0;
}
