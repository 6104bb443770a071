#include "io/digest_cache.h"

#include <string.h>

static struct remembered {
    struct fs_file_identity file;
    char digest[FS_DIGEST_SIZE];
} * remembered;
static size_t count, room;

static const struct remembered *find(const struct fs_file_identity *identity)
{
    for (size_t i = 0; i < count; i++) {
        if (fs_file_identity_same(&remembered[i].file, identity, true)) {
            return &remembered[i];
        }
    }
    return NULL;
}

void fs_digest_remember(const struct fs_file_identity *identity, const char hex[FS_DIGEST_SIZE])
{
    if (!fs_file_identity_settled(identity) || find(identity) != NULL ||
        fs_grow(&remembered, &room, count + 1, sizeof *remembered, "hashes of files", NULL) != 0) {
        return;
    }
    remembered[count].file = *identity;
    memcpy(remembered[count].digest, hex, FS_DIGEST_SIZE);
    count++;
}

bool fs_digest_known(const char *path)
{
    struct fs_file_identity identity;
    return fs_file_identity_get(path, &identity) && find(&identity) != NULL;
}

int fs_digest_once(const char *path, char hex[FS_DIGEST_SIZE], struct fs_error *err)
{
    struct fs_file_identity before, after;
    bool is_file = fs_file_identity_get(path, &before);
    const struct remembered *known = is_file ? find(&before) : NULL;
    if (known != NULL) {
        memcpy(hex, known->digest, FS_DIGEST_SIZE);
        return 0;
    }
    if (fs_digest_file(path, hex, err) != 0) {
        return -1;
    }
    if (is_file && fs_file_identity_get(path, &after) && fs_file_identity_same(&before, &after, true)) {
        fs_digest_remember(&after, hex);
    }
    return 0;
}
