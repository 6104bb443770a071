/* Files that are not what a reader expects are named, with the command that makes one that is read. */
#include "support.h"

#include <string.h>

#include "io/formats/csv.h"
#include "io/formats/file_kind.h"
#include "io/formats/json.h"
#include "io/formats/tsv.h"

static struct fs_error err = FS_ERROR_INIT;

static const struct {
    const char *bytes;
    size_t size;
    const char *says, *fix;
} kinds[] = {
    {"\x1f\x8b\x08\0\0\0\0\0", 8, "found a file compressed by gzip", "gunzip -c "},
    {"BZh91AY&SY....", 14, "compressed by bzip2", "bunzip2 -c "},
    {"\xfd"
     "7zXZ\0....",
     10, "compressed by xz", "xz -dc "},
    {"\x28\xb5\x2f\xfd....", 8, "compressed by zstd", "zstd -dc "},
    {"PAR1\x15\x04\x15\x10", 8, "found a Parquet file", "pandas.read_parquet("},
    {"ARROW1\0\0", 8, "found an Arrow (Feather) file", "pandas.read_feather("},
    {"\xff\xff\xff\xff\x10\x01\0\0", 8, "found an Arrow stream", "datasets.Dataset.from_file("},
    {"PK\x03\x04\x14\0\0\0[Content_Types].xml", 27, "found an Excel workbook (.xlsx)", "pandas.read_excel("},
    {"PK\x03\x04\x14\0\0\0dev.json", 16, "found a zip archive", "unzip -p "},
    {"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8, "found an Excel workbook (.xls)", "pandas.read_excel("},
    {"\xff\xfe{\0\"\0", 6, "found text in UTF-16", "iconv -f UTF-16 -t UTF-8 "},
    {"\xfe\xff\0{\0\"", 6, "found text in UTF-16", "iconv -f UTF-16 -t UTF-8 "},
    {"{\0\"\0a\0\"\0", 8, "found text in UTF-16", "iconv -f UTF-16LE -t UTF-8 "},
    {"\0{\0\"\0a\0\"", 8, "found text in UTF-16", "iconv -f UTF-16BE -t UTF-8 "},
    {"\xff\xfe\0\0{\0\0\0", 8, "found text in UTF-32", "iconv -f UTF-32 -t UTF-8 "},
    {"{\0\0\0\"\0\0\0", 8, "found text in UTF-32", "iconv -f UTF-32LE -t UTF-8 "},
    {"<!DOCTYPE html>\n<html>", 22, "found a web page", "download the file itself"},
    {"\xef\xbb\xbf\n<HTML lang=en>", 18, "found a web page", "download the file itself"},
    {"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", 63, "found a pointer of Git LFS",
     "git lfs pull"},
    {"GGUF\x03\0\0\0", 8, "found a GGUF file", "give the file of data"},
    {"\x89HDF\r\n\x1a\n", 8, "found an HDF5 file", "give the file of data"},
    {"fairstamp archive 1\n", 20, "found results of fairstamp", "fairstamp inspect"},
    {"\x40\x01\0\0\0\0\0\0{\"__metadata__\"", 23, "found a safetensors file", "give the file of data"},
};

static void test_named(void **state)
{
    (void)state;
    static const char *const columns[] = {"a", NULL};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const char *path = scratch_write("file", kinds[i].bytes, kinds[i].size);
        struct fs_json_document *document;
        struct fs_csv *csv;
        struct fs_tsv *tsv;
        check_error(fs_json_load(path, &document, &err), &err, FS_EXIT_DATA, kinds[i].says, kinds[i].fix);
        check_error(fs_json_load_values(path, &document, &err), &err, FS_EXIT_DATA, kinds[i].says, kinds[i].fix);
        check_error(fs_csv_load(path, &(struct fs_csv_format){.columns = columns}, &csv, &err), &err, FS_EXIT_DATA,
                    kinds[i].says, kinds[i].fix);
        check_error(fs_tsv_load_rows(path, 2, &tsv, &err), &err, FS_EXIT_DATA, kinds[i].says, kinds[i].fix);
        for (size_t cut = 0; cut < kinds[i].size; cut++) { /* whatever is left of it */
            (void)fs_refuse_file_kind(path, (const unsigned char *)kinds[i].bytes, cut, NULL);
        }
    }
}

/* The command holds the path, but where a shell would take it apart. */
static void test_command(void **state)
{
    (void)state;
    const unsigned char *parquet = (const unsigned char *)"PAR1";
    check_error(fs_refuse_file_kind("data/dev.parquet", parquet, 4, &err), &err, FS_EXIT_DATA,
                "data/dev.parquet: found a Parquet file, expected text in UTF-8; convert it: python3 -c ",
                "\"import pandas; pandas.read_parquet('data/dev.parquet').to_json('data/dev.parquet.jsonl', "
                "orient='records', lines=True)\"");
    check_error(fs_refuse_file_kind("a'); b", parquet, 4, &err), &err, FS_EXIT_DATA, "a'); b: found",
                "read_parquet('FILE')");
}

/* One table for all places: what is told, and with which fix, depends on the place. NULL: the bytes may be right there. */
static void test_places(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        enum fs_file_place place;
        const char *name, *fix;
    } cases[] = {
        {"\x1f\x8b\x08", 3, FS_PLACE_DATA, "gzip", "gunzip -c f > f.converted"},
        {"\x1f\x8b\x08", 3, FS_PLACE_MODEL, "gzip", "put it through gunzip -c"},
        {"\x1f\x8b\x08", 3, FS_PLACE_INPUT, "gzip", "put it through gunzip -c"},
        {"PK\003\004", 4, FS_PLACE_MODEL, "zip archive", "rename it to pytorch_model.bin"},
        {"PK\003\004", 4, FS_PLACE_INPUT, "zip archive", "unzip -p"},
        {"a\0b\0", 4, FS_PLACE_INPUT, "UTF-16", "iconv -f UTF-16LE"},
        {"Entry not found", 15, FS_PLACE_MODEL, "error of the Hub", "download"},
        {"Entry not found", 15, FS_PLACE_DATA, NULL, NULL},
        {"Access to model x", 17, FS_PLACE_MODEL, "refusal of the Hub", "hf auth login"},
        {"Access to model x", 17, FS_PLACE_INPUT, NULL, NULL},
        {"PAR1", 4, FS_PLACE_MODEL, "Parquet", "again"},
        {"\x89HDF", 4, FS_PLACE_MODEL, "HDF5", "from_tf=True"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char fix[FS_KIND_FIX];
        const char *kind = fs_file_kind("f", (const unsigned char *)cases[i].bytes, cases[i].size, cases[i].place, fix);
        assert_true((kind == NULL) == (cases[i].name == NULL));
        if (kind != NULL) {
            assert_non_null(strstr(kind, cases[i].name));
            assert_non_null(strstr(fix, cases[i].fix));
        }
    }
}

static void test_text(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "", "a", "BZ", "PK", "PAR", "version 2", "<p>html</p>", "<htmlx>", "\xef\xbb\xbf{}", "\xc3\xa9t\xc3\xa9"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        check_success(fs_check_text_file("f", (const unsigned char *)texts[i], strlen(texts[i]), &err), &err);
    }
    check_error(fs_check_text_file("f", (const unsigned char *)"ab\xe9 d", 5, &err), &err, FS_EXIT_DATA,
                "byte 2: found 0xE9, which is not UTF-8", "iconv -f WINDOWS-1252");
    check_error(fs_check_text_file("f", (const unsigned char *)"d\x8ej\x88 \x8f", 6, &err), &err, FS_EXIT_DATA,
                "byte 1: found 0x8E", "iconv -f MACINTOSH"); /* "d\u00e9j\u00e0 \u00e8" */
    check_error(fs_check_text_file("f", (const unsigned char *)"abc\0d", 5, &err), &err, FS_EXIT_DATA,
                "byte 3: found a NUL", "UTF-8");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_named),
        cmocka_unit_test(test_command),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_text),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
