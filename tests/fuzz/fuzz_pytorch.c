/*
 * Damaged pytorch_model.bin by chance, seeded: fuzz_pytorch [RUNS [SEED]]. Each run changes some bytes of a pickle or of a
 * whole archive, made by hand or by torch.save, and opens it: tensors inside the file, or one line and FS_EXIT_DATA.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/file_map.h"
#include "io/formats/tensor_format.h"
#include "tests/unit/io/support.h"
#include "tests/unit/io/zip_builder.h"

enum { SEEDS = 4, PARTS = 5 };

static uint64_t state;
static size_t run;

static struct fs_error err = FS_ERROR_INIT;

static void require(bool holds)
{
    if (!holds) {
        fprintf(stderr, "run %zu fails; error \"%s\"\n", run, err.text);
        abort();
    }
}

static size_t random_below(size_t limit)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (size_t)(state >> 11) % limit;
}

/* Bytes that begin something: opcodes, signatures, ends of ranges. */
static unsigned char random_byte(void)
{
    static const unsigned char likely[] =
        "\x80\2\4.(t)\x85\x86\x87\x88\x89N}]KMJ\x8aGX\x8c\x8dqr\x94hjc\x93RQbaesuPK\0\1\xff\x7f";
    return random_below(3) == 0 ? (unsigned char)random_below(256) : likely[random_below(sizeof likely - 1)];
}

/* Changes, inserts, takes away or repeats bytes; `bytes` has room for 64 more. Returns the new size. */
static size_t damage(unsigned char *bytes, size_t size)
{
    for (size_t times = 1 + random_below(4); times > 0 && size > 0; times--) {
        size_t at = random_below(size), length = 1 + random_below(8), from = random_below(size);
        switch (random_below(5)) {
        case 0:
            bytes[at] ^= (unsigned char)(1u << random_below(8));
            break;
        case 1:
            bytes[at] = random_byte();
            break;
        case 2: /* within the room of 64: four times at most eight */
            memmove(bytes + at + length, bytes + at, size - at);
            for (size_t i = 0; i < length; i++) {
                bytes[at + i] = random_byte();
            }
            size += length;
            break;
        case 3:
            length = length < size - at ? length : size - at;
            memmove(bytes + at, bytes + at + length, size - at - length);
            size -= length;
            break;
        default:
            length = length < size - at ? length : size - at;
            length = length < size - from ? length : size - from;
            memmove(bytes + at, bytes + from, length);
            break;
        }
    }
    return size;
}

static const struct fs_tensor_format *format;
static size_t opened;

/* Reads a copy of its own size, so that a sanitizer sees every byte beyond it. */
static void try_archive(const unsigned char *bytes, size_t size)
{
    unsigned char *copy = malloc(size > 0 ? size : 1);
    require(copy != NULL);
    memcpy(copy, bytes, size);
    struct fs_file_map map = {copy, size};
    struct fs_tensors tensors = {0};
    err = (struct fs_error)FS_ERROR_INIT;
    if (format->read("x.bin", &map, &tensors, &err) == 0) {
        opened++;
        for (size_t i = 0; i < tensors.count; i++) {
            const struct fs_tensor *tensor = &tensors.tensor[i];
            size_t width = fs_dtype_size(tensor->dtype);
            if (tensor->elements > 0) {
                const unsigned char *last = fs_tensor_element(tensor, tensor->elements - 1);
                require(tensor->data >= copy && last + width <= copy + size && tensor->elements <= size / width);
            }
        }
    } else {
        require(err.code == FS_EXIT_DATA && strchr(err.text, '\n') == NULL && strncmp(err.text, "x.bin: ", 7) == 0);
    }
    fs_tensors_release(&tensors);
    free(copy);
}

/* A damaged pickle in an archive that is whole; its CRC-32 is left out or right. */
static void try_pickle(const unsigned char *pickle, size_t size)
{
    static const unsigned char zeros[4096];
    const struct part parts[PARTS] = {{"m/data.pkl", pickle, size},
                                      {"m/version", "3\n", 2},
                                      {"m/data/0", zeros, 24},
                                      {"m/data/1", zeros, 4096},
                                      {"m/data/2", zeros, 0}};
    struct built built = build_zip(parts, PARTS, 64, (int)random_below(4));
    try_archive(built.bytes, built.size);
    free(built.bytes);
}

static const unsigned char by_hand[] =
    "\x80\2}q\0(X\1\0\0\0actorch._utils\n_rebuild_tensor_v2\nq\1((X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0"
    "0X\3\0\0\0cpuK\6tQq\2K\0K\2K\3\x86K\3K\1\x86\x89"
    "ccollections\nOrderedDict\nq\3)RtRX\1\0\0\0bh\1(h\2K\1K\2K\2\x86K\1K\2\x86\x89h\3)RtRq\4X\1\0\0\0ch\4u}X\1\0\0\0_"
    "}sb.";

int main(int argc, char **argv)
{
    static const char *const files[SEEDS] = {"early", "parameters-bf16", "tied-f16", "turned-f16"};
    size_t runs = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : 3000;
    state = argc > 2 ? (uint64_t)strtoul(argv[2], NULL, 10) * 2 + 1 : 88172645463325252u;
    const char *source = getenv("FAIRSTAMP_SOURCE");
    format = fs_tensor_format_named("pytorch_model.bin");
    unsigned char *seed[SEEDS];
    size_t size[SEEDS];
    for (size_t i = 0; i < SEEDS; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/tests/golden/pytorch/%s/pytorch_model.bin", source == NULL ? "." : source,
                 files[i]);
        seed[i] = slurp(path, &size[i]);
        try_archive(seed[i], size[i]);
    }
    try_pickle(by_hand, sizeof by_hand - 1);
    require(opened == SEEDS + 1); /* otherwise the runs would show nothing */
    unsigned char *bytes = malloc(((size_t)1 << 20));
    require(bytes != NULL);
    for (; run < runs; run++) {
        if (random_below(8) != 0) {
            memcpy(bytes, by_hand, sizeof by_hand - 1);
            try_pickle(bytes, damage(bytes, sizeof by_hand - 1));
            continue;
        }
        size_t i = random_below(SEEDS);
        memcpy(bytes, seed[i], size[i]);
        /* the directory at the end more often than the numbers */
        size_t tail = random_below(2) == 0 ? 2500 : size[i];
        size_t kept = size[i] - (tail < size[i] ? tail : size[i]);
        try_archive(bytes, kept + damage(bytes + kept, size[i] - kept));
    }
    printf("%zu runs, %zu opened\n", runs, opened);
    for (size_t i = 0; i < SEEDS; i++) {
        free(seed[i]);
    }
    free(bytes);
    return 0;
}
