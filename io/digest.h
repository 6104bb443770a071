/* SHA-256 (OpenSSL) of bytes and files, as 64 lower-case hexadecimal digits. Local. */
#ifndef FAIRSTAMP_IO_DIGEST_H
#define FAIRSTAMP_IO_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

#include "io/error.h"

#define FS_DIGEST_SIZE 65 /* 64 digits and the zero byte */

struct fs_digest; /* a running hash */

int fs_digest_begin(struct fs_digest **digest, struct fs_error *err);
void fs_digest_add(struct fs_digest *digest, const void *data, size_t bytes);
/* Adds `text` with its length before it, so that ("ab","c") and ("a","bc") differ. */
void fs_digest_add_text(struct fs_digest *digest, const char *text);
void fs_digest_end(struct fs_digest *digest, char hex[FS_DIGEST_SIZE]); /* frees the digest */

void fs_digest_bytes(const void *data, size_t bytes, char hex[FS_DIGEST_SIZE]);
int fs_digest_file(const char *path, char hex[FS_DIGEST_SIZE], struct fs_error *err);
/* From here on fs_digest_file ends with FS_EXIT_INTERRUPTED once `asked` returns true: a model may be large. NULL:
 * never.
 */
void fs_digest_stop_when(bool (*asked)(void));

#endif
