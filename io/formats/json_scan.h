/* Private to io/formats/json.c. */
#ifndef FAIRSTAMP_IO_FORMATS_JSON_SCAN_H
#define FAIRSTAMP_IO_FORMATS_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "io/error.h"

/* cJSON recurses, and no file of ours or of HuggingFace is nested nearly as deep. */
#define FS_JSON_MAX_DEPTH 64

/*
 * Whether `text` is exactly one JSON value after RFC 8259, with what cJSON would let through refused: bytes after the
 * value, invalid UTF-8, \u0000, lone surrogates, bare control characters, numbers that are no finite double.
 * `name` names the file in error texts, which name line and column; for NaN and infinities also the key. `nul`: \u0000
 * is let through.
 */
int fs_json_scan(const char *name, const unsigned char *text, size_t length, bool nul, struct fs_error *err);

/* The same for one of several values: the one that begins at *at, white space before it allowed. *at is then behind it
 * and the white space that follows. */
int fs_json_scan_next(const char *name, const unsigned char *text, size_t length, size_t *at, struct fs_error *err);

#endif
