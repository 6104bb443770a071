/*
 * Damaged GGUF files by chance, seeded: fuzz_gguf [RUNS [SEED]]. Each run changes the metadata of a golden file in a few
 * places, and loads model and tokenizer: either works, or there is one line and an exit code of bad input.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "io/formats/gguf.h"
#include "model/model.h"
#include "model/numbers/random.h"
#include "model/tokenizer/tokenizer.h"
#include "tests/unit/scratch.h"

#define SEEDS 4

static struct fs_random randomness;
static size_t run, opened;

static void require(bool holds, const struct fs_error *err)
{
    if (!holds) {
        fprintf(stderr, "run %zu fails; error \"%s\"\n", run, err->text);
        abort();
    }
}

/* Places of counts and lengths that overflow, or nearly. */
static uint64_t likely_number(void)
{
    static const uint64_t likely[] = {
        0, 1, 255, UINT16_MAX, INT32_MAX, UINT32_MAX, (uint64_t)1 << 61, INT64_MAX, (uint64_t)1 << 63, UINT64_MAX};
    return likely[fs_random_below(&randomness, sizeof likely / sizeof *likely)];
}

/* Changes the first `metadata` of `size` bytes; returns the new size. */
static size_t damage(unsigned char *bytes, size_t size, size_t metadata)
{
    for (size_t times = 1 + fs_random_below(&randomness, 4); times > 0; times--) {
        size_t at = fs_random_below(&randomness, metadata), from = fs_random_below(&randomness, metadata);
        uint64_t number = likely_number();
        switch (fs_random_below(&randomness, 5)) {
        case 0:
            bytes[at] ^= (unsigned char)(1u << fs_random_below(&randomness, 8));
            break;
        case 1:
            bytes[at] = (unsigned char)fs_random_next(&randomness);
            break;
        case 2: /* little endian machines alone read the format as it is; elsewhere it is another number */
            memcpy(bytes + at, &number, at + 8 <= size ? 4 + fs_random_below(&randomness, 2) * 4 : 0);
            break;
        case 3:
            memmove(bytes + at, bytes + from, fs_random_below(&randomness, 64));
            break;
        default:
            size = fs_random_below(&randomness, 8) == 0 && at < size ? at : size;
        }
    }
    return size;
}

static void check(int status, const struct fs_error *err)
{
    require(status == 0 || ((err->code == FS_EXIT_DATA || err->code == FS_EXIT_NO_INPUT) && err->text[0] != '\0' &&
                            strchr(err->text, '\n') == NULL),
            err);
}

/* Loads what is in `path`, and encodes a text. */
static void try_file(const char *path)
{
    static const char text[] = "The nurse was 37 <s> caf\xC3\xA9";
    struct fs_model *model = NULL;
    struct fs_tokenizer *tokenizer = NULL;
    struct fs_encoding encoding = {0};
    struct fs_error err = FS_ERROR_INIT;
    int status = fs_model_load(path, &model, &err);
    check(status, &err);
    opened += status == 0 ? 1 : 0;
    fs_model_destroy(model);
    err = (struct fs_error)FS_ERROR_INIT;
    status = fs_tokenizer_open(path, &tokenizer, &err);
    check(status, &err);
    if (status == 0) {
        check(fs_tokenizer_encode(tokenizer, text, sizeof text - 1, &encoding, &err), &err);
    }
    fs_encoding_release(&encoding);
    fs_tokenizer_destroy(tokenizer);
}

static void write_all(int file, const unsigned char *bytes, size_t size)
{
    struct fs_error none = FS_ERROR_INIT;
    require(ftruncate(file, (off_t)size) == 0 && pwrite(file, bytes, size, 0) == (ssize_t)size, &none);
}

int main(int argc, char **argv)
{
    static const char *const files[SEEDS] = {"llama-blocks-of-32", "llama-blocks-of-256", "llama-own-head-biases",
                                             "mixtral"};
    size_t runs = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : 800;
    randomness = fs_random_start(argc > 2 ? (uint64_t)strtoul(argv[2], NULL, 10) : 1, 0);
    const char *source = getenv("FAIRSTAMP_SOURCE");
    unsigned char *seed[SEEDS];
    size_t size[SEEDS], metadata[SEEDS];
    char path[64];
    int file = memfd_create("x.gguf", MFD_CLOEXEC);
    struct fs_error err = FS_ERROR_INIT;
    require(file >= 0, &err);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    for (size_t i = 0; i < SEEDS; i++) {
        char golden[4096];
        struct fs_gguf gguf = {0};
        snprintf(golden, sizeof golden, "%s/tests/golden/gguf/%s.gguf", source == NULL ? "." : source, files[i]);
        seed[i] = slurp(golden, &size[i]);
        require(fs_gguf_open(golden, &gguf, &err) == 0, &err);
        metadata[i] = (size_t)(gguf.tensors.tensor[0].data - gguf.map.data);
        fs_gguf_close(&gguf);
        write_all(file, seed[i], size[i]);
        try_file(path);
    }
    require(opened == SEEDS, &err); /* otherwise the runs would show nothing */
    unsigned char *bytes = malloc((size_t)1 << 20);
    require(bytes != NULL, &err);
    for (; run < runs; run++) {
        size_t i = fs_random_below(&randomness, SEEDS);
        memcpy(bytes, seed[i], size[i]);
        write_all(file, bytes, damage(bytes, size[i], metadata[i]));
        try_file(path);
    }
    printf("%zu runs, %zu opened\n", runs, opened);
    for (size_t i = 0; i < SEEDS; i++) {
        free(seed[i]);
    }
    free(bytes);
    close(file);
    return 0;
}
