/* What an answer holds: how it is asked for by a model's name, and the picture. The includer defines _GNU_SOURCE. */
#pragma once
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST = 64 << 20 };

struct spec { /* sizes in base64 characters, times in milliseconds */
    long size, delay, partials, partial_size, pause;
};

static long clamp(long value, long most) {
    return value < 0 ? 0 : value > most ? most : value;
}

/* Reads "bench-s…" in [text, text + n). Needs the character behind the name unless `all`. */
static int find_spec(struct spec *spec, const char *text, size_t n, int all) {
    const char *at = memmem(text, n, "bench-s", 7), *end = text + n;
    if (!at) return 0;
    const char *stop = at;
    while (stop < end && (isalnum((unsigned char)*stop) || *stop == '-')) stop++;
    if (stop == end && !all) return 0;
    memset(spec, 0, sizeof *spec);
    for (at += 5; at + 2 < stop && *at == '-'; ) {
        char *number_end, digits[16] = {0};
        size_t length = (size_t)(stop - at - 2) < 15 ? (size_t)(stop - at - 2) : 15;
        memcpy(digits, at + 2, length);
        long value = strtol(digits, &number_end, 10);
        switch (at[1]) {
        case 's': spec->size = clamp(value, LARGEST) & ~3L; break;
        case 'd': spec->delay = clamp(value, 600000); break;
        case 'p': spec->partials = clamp(value, 16); break;
        case 'q': spec->partial_size = clamp(value, LARGEST) & ~3L; break;
        case 'w': spec->pause = clamp(value, 600000); break;
        }
        at += 2 + (number_end - digits);
    }
    return 1;
}

/* Base64 of a PNG's beginning, then noise: LARGEST characters. */
static char *make_picture(void) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static const char start[] = "iVBORw0KGgoAAAANSUhEUgAABAAAAAQACAIAAADwf7zUAAAAAElEQVQI";
    char *picture = malloc(LARGEST);
    uint64_t noise = 88172645463325252ULL;
    for (size_t i = 0; i < LARGEST; i += 8) {
        noise ^= noise << 13, noise ^= noise >> 7, noise ^= noise << 17;
        for (int k = 0; k < 8; k++) picture[i + k] = letters[noise >> (6 * k) & 63];
    }
    memcpy(picture, start, sizeof start - 1);
    return picture;
}
