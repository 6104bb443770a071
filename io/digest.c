#include "io/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct fs_digest {
    EVP_MD_CTX *context;
};

static void to_hexadecimal(const unsigned char *bytes, char hex[FS_DIGEST_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < SHA256_DIGEST_LENGTH; i++) {
        hex[2 * i] = digits[bytes[i] >> 4];
        hex[2 * i + 1] = digits[bytes[i] & 15];
    }
    hex[FS_DIGEST_SIZE - 1] = '\0';
}

int fs_digest_begin(struct fs_digest **digest, struct fs_error *err)
{
    *digest = fs_allocate(1, sizeof **digest, "a running SHA-256", err);
    if (*digest == NULL) {
        return -1;
    }
    (*digest)->context = EVP_MD_CTX_new();
    if ((*digest)->context == NULL || EVP_DigestInit_ex((*digest)->context, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free((*digest)->context);
        free(*digest);
        *digest = NULL;
        return fs_error_set(err, FS_EXIT_OS,
                            "OpenSSL gives no SHA-256; check its configuration (openssl dgst -sha256)");
    }
    return 0;
}

/* Once begun, SHA-256 in OpenSSL has no way to fail, so the results of update and final carry nothing. */
void fs_digest_add(struct fs_digest *digest, const void *data, size_t bytes)
{
    (void)EVP_DigestUpdate(digest->context, data, bytes);
}

void fs_digest_add_text(struct fs_digest *digest, const char *text)
{
    uint64_t length = strlen(text);
    unsigned char prefix[8];
    for (size_t i = 0; i < sizeof prefix; i++) {
        prefix[i] = (unsigned char)(length >> (8 * i));
    }
    fs_digest_add(digest, prefix, sizeof prefix);
    fs_digest_add(digest, text, (size_t)length);
}

void fs_digest_end(struct fs_digest *digest, char hex[FS_DIGEST_SIZE])
{
    unsigned char bytes[EVP_MAX_MD_SIZE] = {0};
    (void)EVP_DigestFinal_ex(digest->context, bytes, NULL);
    to_hexadecimal(bytes, hex);
    EVP_MD_CTX_free(digest->context);
    free(digest);
}

void fs_digest_bytes(const void *data, size_t bytes, char hex[FS_DIGEST_SIZE])
{
    unsigned char result[SHA256_DIGEST_LENGTH];
    SHA256(data, bytes, result);
    to_hexadecimal(result, hex);
}

static bool (*stop_asked)(void);

void fs_digest_stop_when(bool (*asked)(void))
{
    stop_asked = asked;
}

static int add_descriptor(int descriptor, const char *path, struct fs_digest *digest, struct fs_error *err)
{
    struct stat status;
    if (fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) {
        return fs_error_set(err, FS_EXIT_NO_INPUT, "%s: is no regular file; give the path of a file", path);
    }
    size_t size = (size_t)1 << 20;
    unsigned char *buffer = fs_allocate(size, 1, "hashing a file", err);
    if (buffer == NULL) {
        return -1;
    }
    ssize_t got;
    bool stop = false;
    while (!(stop = stop_asked != NULL && stop_asked()) && (got = read(descriptor, buffer, size)) != 0) {
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            break;
        }
        fs_digest_add(digest, buffer, (size_t)got);
    }
    int failure = errno;
    free(buffer);
    if (stop) {
        return fs_error_set(err, FS_EXIT_INTERRUPTED,
                            "interrupted: %s was being hashed; run the same command again to go on", path);
    }
    return got == 0 ? 0 : fs_error_set(err, FS_EXIT_IO, "%s: reading failed: %s", path, strerror(failure));
}

int fs_digest_file(const char *path, char hex[FS_DIGEST_SIZE], struct fs_error *err)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) {
        return fs_error_set(err, FS_EXIT_NO_INPUT, "%s: cannot be opened for reading: %s", path, strerror(errno));
    }
    struct fs_digest *digest;
    int result = fs_digest_begin(&digest, err);
    if (result == 0) {
        result = add_descriptor(descriptor, path, digest, err);
        char discarded[FS_DIGEST_SIZE];
        fs_digest_end(digest, result == 0 ? hex : discarded);
    }
    close(descriptor);
    return result;
}
