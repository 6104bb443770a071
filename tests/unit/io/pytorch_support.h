/* pytorch_model.bin made by hand: pickles, opcode by opcode, in archives. */
#ifndef FAIRSTAMP_TESTS_IO_PYTORCH_SUPPORT_H
#define FAIRSTAMP_TESTS_IO_PYTORCH_SUPPORT_H

#include "io/formats/tensor_store.h"
#include "support.h"
#include "zip_builder.h"

#define PROTOCOL "\x80\2"
#define TEXT(length, text) "X" length "\0\0\0" text
#define GLOBAL(module, name) "c" module "\n" name "\n"
#define REBUILD GLOBAL("torch._utils", "_rebuild_tensor_v2")
#define ORDERED GLOBAL("collections", "OrderedDict") ")R"
/* The persistent id of storage `key`, a digit, of `numel` elements, an integer's opcodes. */
#define STORAGE(type, key, numel)                                                                                      \
    "(" TEXT("\7", "storage") GLOBAL("torch", type) TEXT("\1", key) TEXT("\3", "cpu") numel "tQ"
#define TENSOR(storage, offset, shape, stride) REBUILD "(" storage offset shape stride "\x89" ORDERED "tR"
#define INT(byte) "K" byte
#define LONG(eight) "\x8a\x08" eight
#define HUGE_LONG LONG("\xff\xff\xff\xff\xff\xff\xff\x7f")
#define MINUS "J\xff\xff\xff\xff"
#define ONE(x) x "\x85"
#define TWO(x, y) x y "\x86"
#define ENTRY(name, value) "X\1\0\0\0" name value
#define DICT(entries) PROTOCOL "}(" entries "u."
#define VECTOR(numel) TENSOR(STORAGE("FloatStorage", "0", INT(numel)), INT("\0"), ONE(INT(numel)), ONE(INT("\1")))
#define GOOD DICT(ENTRY("a", VECTOR("\6")))

#define BYTES(literal) literal, sizeof(literal) - 1

extern const float archive_numbers[6]; /* 0 to 5 */

/* The archive with this pickle and storages 0 (archive_numbers) and 1 (the bytes 1 to 4); data.pkl is part 0, storage 0 2. */
struct built archive_of(const void *pickle, size_t size, size_t alignment, int options);

/* A folder of the scratch folder, and a file in it. */
const char *archive_folder(void);
void archive_put(const char *name, const void *bytes, size_t size);

/* Opens the folder with this archive as pytorch_model.bin, which the caller destroys, or has it refused; frees the bytes. */
struct fs_tensor_store *open_built(struct built built);
void refuse_built(struct built built, const char *key, const char *says);

#endif
