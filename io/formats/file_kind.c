#include "io/formats/file_kind.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "io/utf8.h"

/* How many bytes decide on an encoding without a byte order mark, and on what a zip archive is. */
enum { SAMPLE = 256, ZIP_SAMPLE = 4096 };

/* Without a fix for a place the bytes may be right there: a text may begin with "Entry not found". */
struct kind {
    const char *name;
    const char *filter; /* reads the file, or standard input, and writes what is read here */
    const char *data;   /* the fix where it stands for data or a job, '@' stands for the file; NULL: the filter */
    const char *model;  /* the fix in a model's folder; NULL: the filter */
};

struct magic {
    struct kind kind;
    size_t length;
    const char *bytes;
};

#define PANDAS(reader, writer) "convert it: python3 -c \"import pandas; pandas." reader "('@')." writer "\""
#define TO_LINES "to_json('@.jsonl', orient='records', lines=True)"
#define TO_CSV "to_csv('@.csv', index=False)"
#define ICONV(encoding) "iconv -f " encoding " -t UTF-8", NULL, NULL
#define GIVE "give the file of data or the job"
#define AGAIN "download the model's own file again"
#define CONVERT(options) "convert it with Python: from_pretrained(DIR" options "), save_pretrained(DIR)"

/* UTF-32 stands before UTF-16, whose byte order mark is the beginning of its own. */
static const struct magic magics[] = {
    {{"a file compressed by gzip", "gunzip -c", NULL, NULL}, 2, "\x1f\x8b"},
    {{"a file compressed by bzip2", "bunzip2 -c", NULL, NULL}, 10, "BZh91AY&SY"},
    {{"a file compressed by xz", "xz -dc", NULL, NULL},
     6,
     "\xfd"
     "7zXZ\0"},
    {{"a file compressed by zstd", "zstd -dc", NULL, NULL}, 4, "\x28\xb5\x2f\xfd"},
    {{"a Parquet file", NULL, PANDAS("read_parquet", TO_LINES), AGAIN}, 4, "PAR1"},
    {{"an Arrow (Feather) file", NULL, PANDAS("read_feather", TO_LINES), AGAIN}, 6, "ARROW1"},
    {{"an Arrow stream, as HuggingFace datasets keeps it", NULL,
      "convert it: python3 -c \"import datasets; datasets.Dataset.from_file('@').to_json('@.jsonl')\"", NULL},
     4,
     "\xff\xff\xff\xff"},
    {{"an Excel workbook (.xls)", NULL, PANDAS("read_excel", TO_CSV), AGAIN}, 8, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"},
    {{"text in UTF-32", ICONV("UTF-32")}, 4, "\xff\xfe\0\0"},
    {{"text in UTF-32", ICONV("UTF-32")}, 4, "\0\0\xfe\xff"},
    {{"text in UTF-16", ICONV("UTF-16")}, 2, "\xff\xfe"},
    {{"text in UTF-16", ICONV("UTF-16")}, 2, "\xfe\xff"},
    {{"a pointer of Git LFS instead of the file", NULL, "fetch it: git lfs pull", "fetch it: git lfs pull"},
     23,
     "version https://git-lfs"},
    {{"a refusal of the Hub instead of the file", NULL, NULL,
      "ask for access on the model's page, hf auth login, download it again"},
     15,
     "Access to model"},
    {{"an error of the Hub instead of the file", NULL, NULL, "download it again"}, 15, "Entry not found"},
    {{"a GGUF file of llama.cpp", NULL, GIVE, "name it MODEL.gguf, and give it instead of a folder"}, 4, "GGUF"},
    {{"an HDF5 file, as TensorFlow writes tf_model.h5", NULL, GIVE, CONVERT(", from_tf=True")}, 4, "\x89HDF"},
    {{"results of fairstamp", NULL, GIVE "; fairstamp inspect reads this one", AGAIN}, 18, "fairstamp archive "}};

static const struct kind workbook = {"an Excel workbook (.xlsx)", NULL, PANDAS("read_excel", TO_CSV), AGAIN};
static const struct kind archive = {
    "a zip archive", "unzip -p", NULL,
    "if it holds the weights as torch.save writes them, rename it to pytorch_model.bin"};
static const struct kind weights = {"a safetensors file, the weights of a model", NULL, GIVE, AGAIN};
static const struct kind page = {"a web page instead of the file, such as a log-in or error page", NULL,
                                 "download the file itself (curl -L, the link of \"raw\" or \"resolve\")",
                                 "download it again; a gated model needs hf auth login"};
static const struct kind encodings[] = {{"text in UTF-16", ICONV("UTF-16LE")},
                                        {"text in UTF-16", ICONV("UTF-16BE")},
                                        {"text in UTF-32", ICONV("UTF-32LE")},
                                        {"text in UTF-32", ICONV("UTF-32BE")}};

static bool begins(const unsigned char *data, size_t size, const char *bytes, size_t length)
{
    return size >= length && memcmp(data, bytes, length) == 0;
}

/* Whether in every `width` bytes all but the one at `at` are NUL, as ASCII is in UTF-16 and UTF-32. */
static bool is_wide(const unsigned char *data, size_t size, size_t width, size_t at)
{
    size_t count = size < SAMPLE ? size : SAMPLE;
    count -= count % width;
    for (size_t i = 0; i < count; i++) {
        if ((data[i] != 0) != (i % width == at)) {
            return false;
        }
    }
    return count >= 2 * width;
}

static bool is_page(const unsigned char *data, size_t size)
{
    size_t at = fs_byte_order_mark(data, size);
    while (at < size && strchr(" \t\r\n", data[at]) != NULL && data[at] != '\0') {
        at++;
    }
    const char *text = (const char *)data + at;
    size_t left = size - at;
    return (left >= 14 && strncasecmp(text, "<!doctype html", 14) == 0) ||
           (left >= 6 && strncasecmp(text, "<html>", 6) == 0) || (left >= 6 && strncasecmp(text, "<html ", 6) == 0);
}

/* What the bytes are; NULL where nothing speaks against text. */
static const struct kind *kind_of(const unsigned char *data, size_t size)
{
    for (size_t i = 0; i < sizeof magics / sizeof magics[0]; i++) {
        if (begins(data, size, magics[i].bytes, magics[i].length)) {
            return &magics[i].kind;
        }
    }
    if (begins(data, size, "PK\x03\x04", 4)) {
        size_t sample = size < ZIP_SAMPLE ? size : ZIP_SAMPLE;
        return memmem(data, sample, "[Content_Types].xml", 19) != NULL || memmem(data, sample, "xl/", 3) != NULL
                   ? &workbook
                   : &archive;
    }
    if (size > 8 && data[8] == '{' && begins(data + 3, size - 3, "\0\0\0\0", 5)) {
        return &weights; /* the length of a header in eight bytes, and the header */
    }
    for (size_t i = 0; i < sizeof encodings / sizeof encodings[0]; i++) {
        size_t width = i < 2 ? 2 : 4;
        if (is_wide(data, size, width, i % 2 == 0 ? 0 : width - 1)) {
            return &encodings[i];
        }
    }
    return is_page(data, size) ? &page : NULL;
}

/* `fix` with the file's path; with FILE where a shell or Python would read the path in another way. */
static void write_fix(const char *fix, const char *path, char text[FS_KIND_FIX])
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/+-=:";
    const char *name = path[strspn(path, safe)] == '\0' && strlen(path) <= 400 ? path : "FILE";
    size_t used = 0;
    text[0] = '\0';
    for (; *fix != '\0' && used + 1 < FS_KIND_FIX; fix++) {
        int written = *fix == '@' ? snprintf(text + used, FS_KIND_FIX - used, "%s", name)
                                  : snprintf(text + used, FS_KIND_FIX - used, "%c", *fix);
        used += (size_t)written;
    }
}

const char *fs_file_kind(const char *path, const unsigned char *data, size_t size, enum fs_file_place place,
                         char fix[FS_KIND_FIX])
{
    const struct kind *kind = kind_of(data, size);
    const char *own = kind == NULL ? NULL : place == FS_PLACE_MODEL ? kind->model : kind->data;
    if (kind == NULL || (own == NULL && kind->filter == NULL)) {
        return NULL;
    }
    if (kind->filter != NULL && (own == NULL || place == FS_PLACE_INPUT)) {
        char filter[128];
        snprintf(filter, sizeof filter, place == FS_PLACE_DATA ? "convert it: %s @ > @.converted" : "put it through %s",
                 kind->filter);
        write_fix(filter, path, fix);
    } else {
        write_fix(own, path, fix);
    }
    return kind->name;
}

size_t fs_byte_order_mark(const unsigned char *data, size_t size)
{
    return begins(data, size, "\xef\xbb\xbf", 3) ? 3 : 0;
}

int fs_refuse_file_kind(const char *path, const unsigned char *data, size_t size, struct fs_error *err)
{
    char fix[FS_KIND_FIX];
    const char *kind = fs_file_kind(path, data, size, FS_PLACE_DATA, fix);
    return kind == NULL ? 0
                        : fs_error_set(err, FS_EXIT_DATA, "%s: found %s, expected text in UTF-8; %s", path, kind, fix);
}

const char *fs_likely_encoding(const unsigned char *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (data[i] != '\0' && strchr("\x81\x8d\x8f\x90\x9d", data[i]) != NULL) {
            return "MACINTOSH";
        }
    }
    return "WINDOWS-1252";
}

int fs_check_text_file(const char *path, const unsigned char *data, size_t size, struct fs_error *err)
{
    if (fs_refuse_file_kind(path, data, size, err) != 0) {
        return -1;
    }
    size_t invalid = fs_utf8_invalid(data, size);
    const unsigned char *nul = memchr(data, '\0', size);
    size_t offset = nul != NULL && (size_t)(nul - data) < invalid ? (size_t)(nul - data) : invalid;
    if (offset == size) {
        return 0;
    }
    if (offset != invalid) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: byte %zu: found a NUL byte, expected UTF-8 text", path, offset);
    }
    return fs_error_set(
        err, FS_EXIT_DATA,
        "%s: byte %zu: found 0x%02X, which is not UTF-8; save the file as UTF-8 (probably: iconv -f %s -t "
        "UTF-8)",
        path, offset, data[offset], fs_likely_encoding(data, size));
}
