/* pytorch_model.bin: zips and pickles made by hand, every way to break them, and what torch.save wrote. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/formats/tensor_store.h"
#include "support.h"
#include "zip_builder.h"

static struct fs_error err = FS_ERROR_INIT;

/* ---- pickles, opcode by opcode ---- */

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

static const float numbers[6] = {0, 1, 2, 3, 4, 5};

/* The archive with this pickle and storages 0 (six float32) and 1 (four bytes). */
static struct built archive_of(const void *pickle, size_t size, size_t alignment, int options)
{
    const struct part parts[] = {
        {"m/data.pkl", pickle, size}, {"m/byteorder", "little", 6}, {"m/data/0", numbers, sizeof numbers},
        {"m/data/1", "\1\2\3\4", 4},  {"m/version", "3\n", 2},      {"m/.data/serialization_id", "123", 3}};
    return build_zip(parts, sizeof parts / sizeof *parts, alignment, options);
}

static const char *folder(void)
{
    const char *path = scratch_path("model");
    mkdir(path, 0700);
    return path;
}

static void put(const char *name, const void *bytes, size_t size)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/%s", folder(), name);
    (void)remove(path); /* not written in place: it may be mapped */
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static struct fs_tensor_store *open_built(struct built built)
{
    struct fs_tensor_store *store;
    put("pytorch_model.bin", built.bytes, built.size);
    check_success(fs_tensor_store_open(folder(), &store, &err), &err);
    free(built.bytes);
    return store;
}

static void refuse_built(struct built built, const char *key, const char *says)
{
    struct fs_tensor_store *store;
    put("pytorch_model.bin", built.bytes, built.size);
    check_error(fs_tensor_store_open(folder(), &store, &err), &err, FS_EXIT_DATA, key, says);
    assert_null(store);
    free(built.bytes);
}

/* Shared and strided storages, an offset, the memo, no elements, a parameter; with attributes that are passed over. */
static const char varied[] = PROTOCOL ORDERED "q\0(" ENTRY(
    "a", REBUILD "q\1(" STORAGE("FloatStorage", "0", INT("\6")) "q\2" INT("\1") TWO(INT("\2"), INT("\2"))
             TWO(INT("\2"), INT("\1")) "\x88" ORDERED "tR")
    ENTRY("b", "h\1(h\2" INT("\0") TWO(INT("\2"), INT("\3")) TWO(INT("\1"), INT("\2")) "\x89" ORDERED "NtR") ENTRY(
        "c", GLOBAL("torch._utils", "_rebuild_parameter") "(h\1(h\2" INT("\5") "))\x89" ORDERED "tR\x88" ORDERED "tR")
        ENTRY("d", TENSOR(STORAGE("CharStorage", "1", INT("\4")), INT("\0"), "(" INT("\1") INT("\4") INT("\1") "t",
                          "(" HUGE_LONG "\x8a\1\1"
                          "M\7\0t"))
            ENTRY("e", TENSOR(STORAGE("HalfStorage", "1", INT("\2")), HUGE_LONG, TWO(INT("\0"), INT("\3")),
                              TWO(INT("\3"), INT("\1")))) "u}" TEXT("\5", "_meta") "](" INT("\1") "NG\0\0\0\0\0\0\0\0"
                                                                                                  "e"
                                                                                                  "sb.";

static void check_varied(const struct fs_tensor_store *store)
{
    float value;
    assert_int_equal(fs_tensor_store_count(store), 5);
    const struct fs_tensor *tensor = fs_tensor_store_find(store, "a"), *turned = fs_tensor_store_find(store, "b");
    assert_true(!tensor->strided && tensor->dtype == FS_F32 && tensor->elements == 4 && tensor->shape[1] == 2);
    assert_memory_equal(tensor->data, numbers + 1, 4 * sizeof(float));
    assert_true(turned->strided && turned->elements == 6 && turned->shape[0] == 2 && turned->shape[1] == 3);
    for (size_t i = 0; i < 6; i++) {
        memcpy(&value, fs_tensor_element(turned, i), sizeof value);
        assert_true(value == numbers[i / 3 + 2 * (i % 3)]);
    }
    assert_true(fs_tensor_equal(turned, turned) && !fs_tensor_equal(turned, tensor));
    tensor = fs_tensor_store_find(store, "c");
    assert_true(tensor->dimensions == 0 && tensor->elements == 1);
    assert_memory_equal(tensor->data, numbers + 5, sizeof(float));
    tensor = fs_tensor_store_find(store, "d");
    assert_true(!tensor->strided && tensor->dtype == FS_I8 && tensor->shape[1] == 4);
    assert_memory_equal(tensor->data, "\1\2\3\4", 4);
    tensor = fs_tensor_store_find(store, "e");
    assert_true(tensor->elements == 0 && tensor->dtype == FS_F16 && !tensor->strided);
    assert_non_null(strstr(tensor->file, "/pytorch_model.bin"));
}

static void test_by_hand(void **state)
{
    (void)state;
    static const size_t alignments[] = {64, 1, 7};
    for (size_t i = 0; i < 3; i++) {
        for (int options = 0; options < 4; options++) {
            struct fs_tensor_store *store = open_built(archive_of(varied, sizeof varied - 1, alignments[i], options));
            check_varied(store);
            fs_tensor_store_destroy(store);
        }
    }
}

/* Protocols 2 to 5 of one dictionary. */
static void test_protocols(void **state)
{
    (void)state;
    static const char framed[] = "\x80\4\x95\x01\0\0\0\0\0\0\0"
                                 "}\x94\x8c\1a\x8c\x0ctorch._utils\x8c\x12_rebuild_tensor_v2\x93\x94(("
                                 "\x8c\7storage\x8d\5\0\0\0\0\0\0\0torch\x8c\x0c"
                                 "FloatStorage\x93\x8c\1"
                                 "0\x8c\3cpuK\6tQK\0K\6\x85K\1\x85\x89\x8c\x0b"
                                 "collections\x8c\x0bOrderedDict\x93)RtRs.";
    unsigned char bytes[sizeof framed];
    for (unsigned char protocol = 2; protocol <= 5; protocol++) {
        memcpy(bytes, framed, sizeof framed);
        bytes[1] = protocol;
        struct fs_tensor_store *store = open_built(archive_of(bytes, sizeof framed - 1, 64, 0));
        assert_int_equal(fs_tensor_store_find(store, "a")->elements, 6);
        fs_tensor_store_destroy(store);
    }
}

#define STEP(opcodes) DICT(ENTRY("a", opcodes))
#define SHAPED(numel, offset, shape, stride) STEP(TENSOR(STORAGE("FloatStorage", "0", numel), offset, shape, stride))
#define CALL(module, name) PROTOCOL GLOBAL(module, name) "(" TEXT("\7", "echo hi") "tR."

static const struct {
    const char *bytes;
    size_t size;
    const char *says;
} pickles[] = {
    /* what would run something */
    {BYTES(CALL("os", "system")), "byte 2: opcode GLOBAL: found os.system"},
    {BYTES(CALL("posix", "system")), "found posix.system"},
    {BYTES(CALL("builtins", "eval")), "found builtins.eval"},
    {BYTES(CALL("builtins", "getattr")), "found builtins.getattr"},
    {BYTES(CALL("__builtin__", "exec")), "found __builtin__.exec"},
    {BYTES(CALL("subprocess", "Popen")), "found subprocess.Popen"},
    {BYTES(CALL("torch", "load")), "found torch.load"},
    {BYTES(CALL("torch.storage", "_load_from_bytes")), "found torch.storage._load_from_bytes"},
    {BYTES(CALL("torch._utils", "_rebuild_tensor_v2.__globals__")),
     "found torch._utils._rebuild_tensor_v2.__globals__"},
    {BYTES(CALL("collections", "OrderedDict ")), "found collections.OrderedDict "},
    {BYTES(CALL("torch._utils", "_rebuild_tensor_v3")), "such as float8 or uint16"},
    {BYTES(CALL("\x1b[31m", "x")), "found \\x1b[31m.x"},
    {BYTES("\x80\4\x8c\2os\x8c\6system\x93."), "opcode STACK_GLOBAL: found os.system"},
    {BYTES("\x80\4K\1\x8c\6system\x93."), "found a number and a text, expected the texts"},
    {BYTES(STEP(GLOBAL("torch", "FloatStorage") ")R")), "found a call of torch.FloatStorage"},
    {BYTES(STEP(TEXT("\2", "os") ")R")), "found a call of a text"},
    {BYTES(STEP(GLOBAL("collections", "OrderedDict") "]R")), "with a list"},
    {BYTES(STEP(GLOBAL("collections", "OrderedDict") ONE(INT("\1")) "R")), "OrderedDict is called with 1 arguments"},
    {BYTES(STEP(GLOBAL("torch", "Size") ONE(INT("\1")) "R")), "torch.Size is called"},
    {BYTES(STEP(GLOBAL("torch._tensor", "_rebuild_from_type_v2") "(" GLOBAL("collections", "OrderedDict")
                    GLOBAL("torch", "Tensor") ")NtR")),
     "_rebuild_from_type_v2 is called"},
    {BYTES(STEP(GLOBAL("torch._utils", "_rebuild_parameter") "(" INT("\1") "\x88" ORDERED "tR")),
     "_rebuild_parameter is called"},
    {BYTES(STEP(REBUILD "(" STORAGE("FloatStorage", "0", INT("\6")) "tR")), "_rebuild_tensor_v2 is called"},
    {BYTES(STEP(REBUILD "(" TEXT("\1", "0") INT("\0") ")"
                                                      ")"
                                                      "\x89" ORDERED "tR")),
     "_rebuild_tensor_v2 is called"},
    {BYTES(STEP(REBUILD "(" STORAGE("FloatStorage", "0", INT("\6")) INT("\0") "]"
                                                                              ")"
                                                                              "\x89" ORDERED "tR")),
     "_rebuild_tensor_v2 is called"},
    {BYTES(PROTOCOL "ios\nsystem\n."), "opcode INST"},
    {BYTES(PROTOCOL "(cos\nsystem\no."), "found os.system"},
    {BYTES(PROTOCOL "(o."), "opcode OBJ"},
    {BYTES(PROTOCOL ")\x81."), "opcode NEWOBJ"},
    {BYTES(PROTOCOL ")\x92."), "opcode NEWOBJ_EX"},
    {BYTES(PROTOCOL "\x82\1."), "opcode EXT1"},
    {BYTES(PROTOCOL "\x84\1\0\0\0."), "opcode EXT4"},
    {BYTES(PROTOCOL "\x8b\xff\xff\xff\x7f."), "opcode LONG4"},
    {BYTES(PROTOCOL "B\xff\xff\xff\x7f."), "opcode BINBYTES"},
    {BYTES(PROTOCOL "\x96\xff\xff\xff\xff\xff\xff\xff\x7f."), "opcode BYTEARRAY8"},
    {BYTES(PROTOCOL "\x97."), "opcode NEXT_BUFFER"},
    {BYTES(PROTOCOL "Pid\n."), "opcode PERSID"},
    {BYTES(PROTOCOL "I1\n."), "opcode 0x49"},
    {BYTES(PROTOCOL "\xff."), "opcode 0xff"},
    {BYTES(PROTOCOL "}2."), "opcode DUP"},
    {BYTES(PROTOCOL "0."), "opcode POP"},
    /* storages */
    {BYTES(STEP(TEXT("\7", "storage") "Q")), "found a persistent id that is not"},
    {BYTES(STEP("(tQ")), "found a persistent id that is not"},
    {BYTES(STEP("(" TEXT("\6", "module") GLOBAL("torch", "FloatStorage") TEXT("\1", "0") TEXT("\3", "cpu")
                    INT("\6") "tQ")),
     "found a persistent id that is not"},
    {BYTES(STEP("(" TEXT("\7", "storage") GLOBAL("collections", "OrderedDict") TEXT("\1", "0") TEXT("\3", "cpu")
                    INT("\6") "tQ")),
     "found a persistent id that is not"},
    {BYTES(STEP("(" TEXT("\7", "storage") GLOBAL("torch", "FloatStorage") TEXT("\4", "../0") TEXT("\3", "cpu")
                    INT("\6") "tQ")),
     "whose key is no number"},
    {BYTES(STEP("(" TEXT("\7", "storage") GLOBAL("torch", "FloatStorage") TEXT("\x15", "111111111111111111111")
                    TEXT("\3", "cpu") INT("\6") "tQ")),
     "whose key is no number"},
    {BYTES(STEP(STORAGE("FloatStorage", "0", MINUS))), "found a storage of -1 elements"},
    {BYTES(STEP(STORAGE("UntypedStorage", "0", INT("\6")))), "found torch.UntypedStorage"},
    {BYTES(STEP(STORAGE("FloatStorage", "0", INT("\6")))), "a: found a storage, expected a tensor"},
    {BYTES(SHAPED(INT("\5"), INT("\0"), ONE(INT("\5")), ONE(INT("\1")))), "found 24 bytes in its storage data/0"},
    {BYTES(SHAPED(LONG("\1\0\0\0\0\0\0\x40"), INT("\0"), ONE(INT("\5")), ONE(INT("\1")))),
     "found 24 bytes in its storage"},
    {BYTES(SHAPED(HUGE_LONG, INT("\0"), ONE(INT("\5")), ONE(INT("\1")))), "found 24 bytes in its storage"},
    {BYTES(STEP(TENSOR(STORAGE("FloatStorage", "9", INT("\6")), INT("\0"), ONE(INT("\6")), ONE(INT("\1"))))),
     "its storage data/9 is not in the archive"},
    /* sizes and strides */
    {BYTES(SHAPED(INT("\6"), MINUS, ONE(INT("\1")), ONE(INT("\1")))), "from element -1 on"},
    {BYTES(SHAPED(INT("\6"), INT("\6"), ONE(INT("\1")), ONE(INT("\1")))), "reach from element 6 beyond"},
    {BYTES(SHAPED(INT("\6"), HUGE_LONG, ONE(INT("\1")), ONE(INT("\1")))), "beyond the 6"},
    {BYTES(SHAPED(INT("\6"), INT("\6"), ")", ")")), "beyond the 6"},
    {BYTES(SHAPED(INT("\6"), INT("\0"), ONE(MINUS), ONE(INT("\1")))), "a negative size or stride"},
    {BYTES(SHAPED(INT("\6"), INT("\0"), ONE(INT("\1")), ONE(MINUS))), "a negative size or stride"},
    {BYTES(SHAPED(INT("\6"), INT("\0"), ONE(TEXT("\1", "1")), ONE(INT("\1")))), "none that is a number"},
    {BYTES(SHAPED(INT("\6"), INT("\0"), ONE("\x88"), ONE(INT("\1")))), "none that is a number"},
    {BYTES(SHAPED(INT("\6"), INT("\0"), TWO(INT("\1"), INT("\1")), ONE(INT("\1")))), "found 2 sizes and 1 strides"},
    {BYTES(SHAPED(INT("\6"), INT("\0"), "(K\1K\1K\1K\1K\1K\1K\1K\1K\1t", "(K\1K\1K\1K\1K\1K\1K\1K\1K\1t")),
     "found 9 sizes"},
    {BYTES(SHAPED(INT("\6"), INT("\0"), ONE(INT("\7")), ONE(INT("\1")))), "beyond the 6 of storage 0"},
    {BYTES(SHAPED(INT("\6"), INT("\1"), TWO(INT("\2"), INT("\3")), TWO(INT("\3"), INT("\1")))), "beyond the 6"},
    {BYTES(SHAPED(INT("\6"), INT("\0"), TWO(INT("\2"), INT("\3")), TWO(INT("\4"), INT("\1")))), "beyond the 6"},
    {BYTES(SHAPED(INT("\6"), INT("\0"), TWO(INT("\2"), INT("\2")), TWO(HUGE_LONG, HUGE_LONG))), "beyond the 6"},
    {BYTES(SHAPED(INT("\6"), INT("\0"), ONE(INT("\3")), ONE(HUGE_LONG))), "beyond the 6"},
    {BYTES(SHAPED(INT("\6"), INT("\0"), TWO(HUGE_LONG, HUGE_LONG), TWO(INT("\0"), INT("\0")))), "multiply beyond 2^64"},
    {BYTES(SHAPED(INT("\6"), INT("\0"), ONE(HUGE_LONG), ONE(INT("\0")))), "as expand() makes them"},
    {BYTES(SHAPED(INT("\6"), INT("\0"), ONE(INT("\7")), ONE(INT("\0")))), "its 7 elements repeat the 6"},
    /* the dictionary */
    {BYTES(PROTOCOL "N."), "found None, expected a dictionary of tensors"},
    {BYTES(PROTOCOL "}."), "found an empty dictionary"},
    {BYTES(PROTOCOL VECTOR("\6") "."), "found a tensor, expected a dictionary"},
    {BYTES(DICT(ENTRY("a", "N"))), "a: found None, expected a tensor"},
    {BYTES(DICT(ENTRY("a", "](K\1e"))), "a: found a list"},
    {BYTES(DICT(ENTRY("n", "K\1") TEXT("\12", "state_dict") "}(" ENTRY("a", VECTOR("\6")) "u")),
     "state_dict: found a dictionary, as in the checkpoints that trainers write"},
    {BYTES(PROTOCOL "}q\0(" ENTRY("a", "h\0") "u."), "a: found a dictionary"},
    {BYTES(DICT("K\1" VECTOR("\6"))), "a number: found as the name"},
    {BYTES(DICT(TEXT("\3", "a\0b") VECTOR("\6"))), "one with NUL"},
    {BYTES(DICT(TEXT("\1", "\xff") VECTOR("\6"))), "not UTF-8"},
    {BYTES(DICT(TEXT("\0", "") VECTOR("\6"))), "an empty text"},
    {BYTES(DICT(ENTRY("a", VECTOR("\6")) ENTRY("a", VECTOR("\6")))), "tensor a: is also in"},
    {BYTES(PROTOCOL "}("
                    "X\1\0\0\0aq\1" VECTOR("\6") "q\2h\1h\2u."),
     "a name that is there twice"},
    /* the stack, the memo, the end */
    {BYTES(PROTOCOL "t."), "opcode TUPLE: found no mark"},
    {BYTES(PROTOCOL "\x87."), "opcode TUPLE3: found fewer values"},
    {BYTES(PROTOCOL "NN(\x86."), "opcode TUPLE2: found fewer values"},
    {BYTES(PROTOCOL "R."), "opcode REDUCE: found fewer values"},
    {BYTES(PROTOCOL "Q."), "opcode BINPERSID: found fewer values"},
    {BYTES(PROTOCOL "u."), "opcode SETITEMS: found no mark"},
    {BYTES(PROTOCOL "(u."), "opcode SETITEMS: found fewer values"},
    {BYTES(PROTOCOL "}(NNNu."), "found 3 values for a dictionary"},
    {BYTES(PROTOCOL ")NNs."), "found 2 values for a tuple"},
    {BYTES(PROTOCOL "}Na."), "opcode APPEND: found a dictionary, expected a list"},
    {BYTES(PROTOCOL "})b."), "found a tuple as the attributes of a dictionary"},
    {BYTES(PROTOCOL VECTOR("\6") "}b."), "found a dictionary as the attributes of a tensor"},
    {BYTES(PROTOCOL "h\0."), "place 0 of the memo empty"},
    {BYTES(PROTOCOL "Nq\4h\3."), "place 3 of the memo empty"},
    {BYTES(PROTOCOL "Nj\xff\xff\xff\xff."), "place 4294967295 of the memo empty"},
    {BYTES(PROTOCOL "Nr\xff\xff\xff\xff."), "found place 4294967295 of the memo in a pickle of 9 bytes"},
    {BYTES(PROTOCOL "q\0."), "opcode BINPUT: found fewer values"},
    {BYTES(PROTOCOL "\x94."), "opcode MEMOIZE: found fewer values"},
    {BYTES(PROTOCOL "X\xff\xff\xff\xff"
                    "a."),
     "found a text of 4294967295 bytes"},
    {BYTES(PROTOCOL "\x8d\0\0\0\0\0\0\0\x80"
                    "a."),
     "found a text of 9223372036854775808 bytes"},
    {BYTES(PROTOCOL "X\4\0\0\0a."), "opcode BINUNICODE: the pickle ends within it"},
    {BYTES(PROTOCOL "\x8a\x09"
                    "123456789."),
     "found an integer of 9 bytes"},
    {BYTES(PROTOCOL "\x8a\xff."), "found an integer of 255 bytes"},
    {BYTES(PROTOCOL "\x8a\4a."), "opcode LONG1: the pickle ends within it"},
    {BYTES(PROTOCOL "cos"), "opcode GLOBAL: the pickle ends within it"},
    {BYTES(PROTOCOL "cos\nsystem"), "opcode GLOBAL: the pickle ends within it"},
    {BYTES(PROTOCOL "G1234"), "opcode BINFLOAT: the pickle ends within it"},
    {BYTES("\x80\5\x95\xff\0\0\0\0\0\0\0."), "the pickle ends within its frame"},
    {BYTES("\x80\1}."), "found protocol 1, expected 2 to 5"},
    {BYTES("\x80\6}."), "found protocol 6, expected 2 to 5"},
    {BYTES(PROTOCOL PROTOCOL "}."), "byte 2: opcode PROTO"},
    {BYTES("}."), "found no protocol"},
    {BYTES("\x80"), "the pickle ends within it"},
    {BYTES(""), "found 0 bytes"},
    {BYTES(PROTOCOL), "expected opcode STOP"},
    {BYTES(PROTOCOL "N.N"), "found 1 bytes behind it"},
    {BYTES(PROTOCOL "NN."), "2 values, expected the end and one value"},
    {BYTES(PROTOCOL "."), "0 values"},
    {BYTES(PROTOCOL "N(."), "opcode STOP"},
};

static void test_hostile_pickles(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof pickles / sizeof *pickles; i++) {
        refuse_built(archive_of(pickles[i].bytes, pickles[i].size, 64, 0), "pytorch_model.bin", pickles[i].says);
    }
}

/* PROTOCOL, `times` the `unit`, and an end. */
static void refuse_repeated(const char *unit, size_t size, size_t times, const char *end, const char *says)
{
    size_t length = 2 + size * times + strlen(end);
    char *bytes = malloc(length + 1);
    assert_non_null(bytes);
    memcpy(bytes, PROTOCOL, 2);
    for (size_t i = 0; i < times; i++) {
        memcpy(bytes + 2 + i * size, unit, size);
    }
    strcpy(bytes + 2 + size * times, end);
    refuse_built(archive_of(bytes, length, 64, ZIP_NO_CRC), "pytorch_model.bin", says);
    free(bytes);
}

/* Depth and repetition take neither the C stack nor more memory than the pickle's size accounts for. */
static void test_bombs(void **state)
{
    (void)state;
    refuse_repeated(BYTES("("), 300000, ".", "opcode STOP");
    refuse_repeated(BYTES(")"), 300000, ".", "300000 values");
    refuse_repeated(BYTES("}"), 1, ".", "an empty dictionary");
    refuse_repeated(BYTES(")\x85q\0"), 100000, "t.", "found no mark");
    refuse_repeated(BYTES("(Nt\x85\x85\x85"), 50000, ".", "50000 values");
    refuse_repeated(BYTES("}X\1\0\0\0a"), 50000, ".", "100000 values");
    refuse_repeated(BYTES("NN\x86q\0h\0h\0h\0"), 30000, ".", "120000 values");
    refuse_repeated(BYTES(" "), (size_t)33 << 20, "", "expected 1 to 33554432");

    /* A long name that the memo repeats. */
    enum { LENGTH = 1 << 16, TIMES = 20000, FIRST = 9 };
    static const char rest[] = "q\0" VECTOR("\6") "q\1";
    size_t size = FIRST + LENGTH + sizeof rest - 1, begin = size;
    size += (size_t)TIMES * 4 + 2;
    char *bytes = malloc(size);
    assert_non_null(bytes);
    memset(bytes, 'a', size);
    memcpy(bytes, PROTOCOL "}(X\0\0\1\0", FIRST);
    memcpy(bytes + begin - (sizeof rest - 1), rest, sizeof rest - 1);
    for (size_t i = 0; i < TIMES; i++) {
        memcpy(bytes + begin + 4 * i, "h\0h\1", 4);
    }
    memcpy(bytes + size - 2, "u.", 2);
    refuse_built(archive_of(bytes, size, 64, ZIP_NO_CRC), "pytorch_model.bin", "a name that is there twice");
    free(bytes);
}

/* ---- archives ---- */

enum record { LOCAL, CENTRAL, END, END64, LOCATOR };

/* A number of a record of part 0 or of the end, changed; `also`: in the local header too. */
static const struct {
    int options;
    enum record record;
    size_t offset, size;
    uint64_t value;
    const char *says;
} changes[] = {
    {0, CENTRAL, 10, 2, 8, "says other things than the directory"}, /* compressed, the local header does not know */
    {0, CENTRAL, 8, 2, 0x0801, "is encrypted"},
    {0, CENTRAL, 8, 2, 0x0840, "is encrypted"},
    {0, CENTRAL, 8, 2, 0x2800, "is encrypted"},
    {0, CENTRAL, 8, 2, 0x0820, "has flags"},
    {0, CENTRAL, 34, 2, 1, "has flags of an archive in several parts"},
    {0, CENTRAL, 16, 4, 1, "is followed by bytes that belong to no entry"},
    {0, LOCAL, 28, 2, 0, "is followed by bytes that belong to no entry"},
    {0, CENTRAL, 20, 4, 7, "its two sizes differ"},
    {0, CENTRAL, 24, 4, 0x7fffffff, "its two sizes differ"},
    {0, CENTRAL, 28, 2, 9, "says other things"},
    {0, CENTRAL, 28, 2, 0, "its name is empty"},
    {0, CENTRAL, 28, 2, 0xffff, "is cut short"},
    {0, CENTRAL, 30, 2, 1, "its extra field is cut short"},
    {0, CENTRAL, 30, 2, 0xffff, "is cut short"},
    {0, CENTRAL, 32, 2, 0xffff, "is cut short"},
    {0, CENTRAL, 42, 4, 1, "the directory gives a place"},
    {0, CENTRAL, 42, 4, 0x7fffffff, "the directory gives a place"},
    {0, CENTRAL, 42, 4, 0xffffffff, "in a field of zip64 that is not there"},
    {0, CENTRAL, 0, 4, 0, "found no entry of the zip archive's directory"},
    {0, CENTRAL, 47, 1, '\\', "leads outside the archive"},
    {0, CENTRAL, 48, 1, 0, "holds a NUL"},
    {0, CENTRAL, 48, 1, 0xff, "is not UTF-8"},
    {0, CENTRAL, 48, 1, '/', "leads outside the archive"},
    {0, LOCAL, 6, 2, 0x0800, "says other things than the directory"},
    {0, LOCAL, 8, 2, 8, "says other things than the directory"},
    {0, LOCAL, 18, 4, 5, "says other things than the directory"},
    {0, LOCAL, 22, 4, 5, "says other things than the directory"},
    {0, LOCAL, 26, 2, 9, "says other things than the directory"},
    {0, LOCAL, 28, 2, 0xffff, "says other things than the directory"},
    {0, LOCAL, 28, 2, 300, "overlaps another entry"},
    {0, LOCAL, 31, 1, 'x', "says other things than the directory"},
    {0, END, 0, 1, 0, "found no directory at the end"},
    {0, END, 4, 2, 1, "several parts"},
    {0, END, 8, 2, 3, "several parts"},
    {0, END, 10, 2, 3, "several parts"},
    {0, END, 12, 4, 1, "found a directory of 6 entries in 1 bytes"},
    {0, END, 12, 4, 0xffffffff, "found a directory"},
    {0, END, 16, 4, 1, "expected it to end at byte"},
    {0, END, 16, 4, 0xffffffff, "expected it to end at byte"},
    {0, END, 20, 2, 1, "found 0 bytes behind the directory"},
    {ZIP_64, END64, 4, 8, 45, "a locator of zip64"},
    {ZIP_64, END64, 4, 8, UINT64_MAX, "a locator of zip64"},
    {ZIP_64, END64, 16, 4, 1, "disagree"},
    {ZIP_64, END64, 24, 8, 7, "disagree"},
    {ZIP_64, END64, 40, 8, UINT64_MAX, "found a directory of 6 entries"},
    {ZIP_64, END64, 48, 8, UINT64_MAX, "found a directory of 6 entries"},
    {ZIP_64, END64, 48, 8, 0, "found a directory of 6 entries"},
    {ZIP_64, END, 10, 2, 6, "several parts"},
    {ZIP_64, END, 12, 4, 7, "disagree"},
    {ZIP_64, END, 16, 4, 7, "disagree"},
    {ZIP_64, LOCATOR, 0, 4, 0, "found a directory of 65535 entries"},
    {ZIP_64, LOCATOR, 4, 4, 1, "a locator of zip64"},
    {ZIP_64, LOCATOR, 8, 8, 0, "a locator of zip64 that leads to byte 0"},
    {ZIP_64, LOCATOR, 8, 8, UINT64_MAX, "a locator of zip64"},
    {ZIP_64, LOCATOR, 16, 4, 2, "a locator of zip64"},
    {ZIP_64, CENTRAL, 30, 2, 0, "in a field of zip64 that is not there"},
    {ZIP_64, CENTRAL, 46 + 10, 2, 2, "in a field of zip64 that is not there"},
    {ZIP_64, CENTRAL, 48 + 10, 2, 16, "lacks a size or a place"},
    {ZIP_64, CENTRAL, 48 + 10, 2, 25, "its extra field is cut short"},
    {ZIP_64, CENTRAL, 50 + 10, 8, UINT64_MAX, "its two sizes differ"},
    {ZIP_64, CENTRAL, 66 + 10, 8, UINT64_MAX, "the directory gives a place"},
};

static void test_hostile_archives(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct built built = archive_of(BYTES(GOOD), 64, changes[i].options);
        size_t begins[] = {built.local[0], built.central[0], built.end, built.end64, built.locator};
        put_number(built.bytes + begins[changes[i].record] + changes[i].offset, changes[i].value, changes[i].size);
        refuse_built(built, "pytorch_model.bin", changes[i].says);
    }
    /* both headers lie */
    static const struct {
        size_t central, local, size;
        uint64_t value;
        const char *says;
    } pairs[] = {
        {10, 8, 2, 8, "is compressed (method 8)"},
        {10, 8, 2, 99, "is compressed (method 99)"},
        {47, 31, 1, 0, "holds a NUL"},
        {46, 30, 1, '/', "leads outside the archive"},
        {46, 30, 1, 'n', "all of the zip archive in one folder"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct built built = archive_of(BYTES(GOOD), 64, 0);
        put_number(built.bytes + built.central[0] + pairs[i].central, pairs[i].value, pairs[i].size);
        put_number(built.bytes + built.local[0] + pairs[i].local, pairs[i].value, pairs[i].size);
        refuse_built(built, "pytorch_model.bin", pairs[i].says);
    }
    /* the pickle and the small records by their CRC-32, in an archive that has them */
    for (size_t part = 0; part < 2; part++) {
        struct built built = archive_of(BYTES(GOOD), 64, 0);
        built.bytes[built.data[part]] ^= 1;
        refuse_built(built, part == 0 ? "entry m/data.pkl" : "entry m/byteorder", "its CRC-32 does not hold");
    }
    /* sizes in both fields of the directory, beyond the next entry, the directory, 2^63 */
    static const uint64_t sizes[] = {500, 100000, UINT64_MAX / 2, UINT64_MAX};
    for (size_t i = 0; i < 4; i++) {
        struct built built = archive_of(BYTES(GOOD), 64, ZIP_64);
        put_number(built.bytes + built.central[0] + 60, sizes[i], 8);
        put_number(built.bytes + built.central[0] + 68, sizes[i], 8);
        refuse_built(built, "pytorch_model.bin", i == 0 ? "overlaps" : "reaches beyond the place of the entries");
    }
}

#define PICKLE                                                                                                         \
    {                                                                                                                  \
        "m/data.pkl", BYTES(GOOD)                                                                                      \
    }
#define VERSION                                                                                                        \
    {                                                                                                                  \
        "m/version", "3\n", 2                                                                                          \
    }
#define DATA                                                                                                           \
    {                                                                                                                  \
        "m/data/0", numbers, 24                                                                                        \
    }

static void test_other_archives(void **state)
{
    (void)state;
    static const struct {
        struct part parts[5];
        const char *says;
    } archives[] = {
        {{PICKLE, VERSION, DATA, {"m/data/0", numbers, 24}}, "entry m/data/0 of the zip archive: is there twice"},
        {{PICKLE, VERSION, DATA, {"m/../../etc/passwd", "x", 1}}, "leads outside the archive"},
        {{PICKLE, VERSION, DATA, {"/m/x", "x", 1}}, "leads outside the archive"},
        {{PICKLE, VERSION, DATA, {"m/..", "x", 1}}, "leads outside the archive"},
        {{PICKLE, VERSION, DATA, {"n/x", "x", 1}}, "found the entry n/x, expected all"},
        {{PICKLE, VERSION, DATA, {"x", "x", 1}}, "found the entry x, expected all"},
        {{{"data.pkl", BYTES(GOOD)}, VERSION}, "found the entry"},
        {{DATA, VERSION}, "found no m/data.pkl"},
        {{PICKLE, DATA}, "version: found none"},
        {{PICKLE, DATA, {"m/version", "11\n", 3}}, "version: found another one, expected 1 to 10"},
        {{PICKLE, DATA, {"m/version", "x", 1}}, "version: found another one"},
        {{PICKLE, DATA, {"m/version", "", 0}}, "version: found another one"},
        {{PICKLE, DATA, VERSION, {"m/byteorder", "big", 3}}, "byteorder: found \"big\""},
        {{PICKLE, DATA, VERSION, {"m/byteorder", "\033[2J", 4}}, "byteorder: found \"\\x1b[2J\""},
        {{PICKLE, DATA, VERSION, {"m/constants.pkl", "x", 1}}, "is a TorchScript archive"},
        {{PICKLE, DATA, VERSION, {"m/code/x.py", "x", 1}}, "is a TorchScript archive"},
        {{PICKLE, VERSION, {"m/data/0", numbers, 20}}, "found 20 bytes in its storage"},
        {{PICKLE, VERSION, {"m/data/0", NULL, 1 << 20}}, "found 1048576 bytes in its storage"},
    };
    for (size_t i = 0; i < sizeof archives / sizeof *archives; i++) {
        size_t count = 0;
        while (count < 5 && archives[i].parts[count].name != NULL) {
            count++;
        }
        refuse_built(build_zip(archives[i].parts, count, 64, 0), "pytorch_model.bin", archives[i].says);
    }
    static const struct {
        const char *bytes;
        size_t size;
        const char *says;
    } files[] = {
        {BYTES("\x80\2\x8a\x0al\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\2M\xe9\3."), "the form of PyTorch before 1.6"},
        {BYTES("hello"), "found no file of torch.save"},
        {BYTES(""), "found no file of torch.save"},
        {BYTES("PK\3\4"), "found no directory at the end of the zip archive"},
        {BYTES("PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), "found no file of torch.save"},
        {BYTES("PK\3\4PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\4\0\0\0\0\0"), "the zip archive is empty"},
        {BYTES("\x40\x01\0\0\0\0\0\0{\"__metadata__\""), "is a safetensors file"},
        {BYTES("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"), "git lfs pull"},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct built built = {.bytes = malloc(files[i].size + 1), .size = files[i].size};
        assert_non_null(built.bytes);
        memcpy(built.bytes, files[i].bytes, files[i].size);
        refuse_built(built, "pytorch_model.bin", files[i].says);
    }
}

/* Cut anywhere, and with any bit of it flipped, a file is refused, or flipped where nothing of the tensors stands. */
static void test_cut_and_flipped(void **state)
{
    (void)state;
    struct fs_tensor_store *store;
    for (int options = 0; options <= ZIP_64; options++) {
        struct built built = archive_of(BYTES(GOOD), 4, options);
        for (size_t cut = 0; cut < built.size; cut++) {
            put("pytorch_model.bin", built.bytes, cut);
            check_error(fs_tensor_store_open(folder(), &store, &err), &err, FS_EXIT_DATA, "pytorch_model.bin", "");
        }
        for (size_t bit = 0; bit < 8 * built.size; bit++) {
            built.bytes[bit / 8] ^= (unsigned char)(1u << (bit % 8));
            put("pytorch_model.bin", built.bytes, built.size);
            if (fs_tensor_store_open(folder(), &store, &err) != 0) {
                check_error(-1, &err, FS_EXIT_DATA, "pytorch_model.bin", "");
            } else {
                const struct fs_tensor *tensor = fs_tensor_store_find(store, "a");
                assert_true(fs_tensor_store_count(store) == 1 && tensor->elements == 6);
                bool numbers_flipped = bit / 8 >= built.data[2] && bit / 8 < built.data[2] + sizeof numbers;
                assert_int_equal(memcmp(tensor->data, numbers, sizeof numbers) != 0, numbers_flipped);
                fs_tensor_store_destroy(store);
            }
            built.bytes[bit / 8] ^= (unsigned char)(1u << (bit % 8));
        }
        free(built.bytes);
    }
}

static void put_index(const char *weight_map)
{
    char text[512];
    int size = snprintf(text, sizeof text, "{\"weight_map\": %s}", weight_map);
    put("pytorch_model.bin.index.json", text, (size_t)size);
}

static void test_shards(void **state)
{
    (void)state;
    struct fs_tensor_store *store;
    struct built first = archive_of(BYTES(GOOD), 64, 0);
    struct built second = archive_of(BYTES(DICT(ENTRY("b", VECTOR("\6")))), 64, 0);
    put("pytorch_model-00001-of-00002.bin", first.bytes, first.size);
    put("pytorch_model-00002-of-00002.bin", second.bytes, second.size);
    put_index("{\"a\": \"pytorch_model-00001-of-00002.bin\", \"b\": \"pytorch_model-00002-of-00002.bin\"}");
    check_success(fs_tensor_store_open(folder(), &store, &err), &err);
    size_t files;
    const char *const *paths = fs_tensor_store_files(store, &files);
    assert_int_equal(files, 3);
    assert_non_null(strstr(paths[0], "/pytorch_model.bin.index.json"));
    assert_non_null(strstr(fs_tensor_store_find(store, "b")->file, "/pytorch_model-00002-of-00002.bin"));
    fs_tensor_store_destroy(store);
    put_index("{\"a\": \"pytorch_model-00001-of-00002.bin\"}");
    check_success(fs_tensor_store_open(folder(), &store, &err), &err);
    fs_tensor_store_destroy(store);
    put_index("{\"a\": \"pytorch_model-00002-of-00002.bin\", \"b\": \"pytorch_model-00002-of-00002.bin\"}");
    check_error(fs_tensor_store_open(folder(), &store, &err), &err, FS_EXIT_DATA, "weight_map.a", "in no shard");
    put_index("{\"a\": \"../x.bin\"}");
    check_error(fs_tensor_store_open(folder(), &store, &err), &err, FS_EXIT_DATA, "weight_map.a", "plain name");
    put_index("{\"a\": \"gone.bin\"}");
    check_error(fs_tensor_store_open(folder(), &store, &err), &err, FS_EXIT_NO_INPUT, "gone.bin", "is not there");
    free(first.bytes);
    free(second.bytes);
}

/* safetensors come first, damaged or not. */
static void test_order(void **state)
{
    (void)state;
    struct fs_tensor_store *store;
    struct built built = archive_of(BYTES(GOOD), 64, 0);
    put("pytorch_model.bin", built.bytes, built.size);
    put("pytorch_model.bin.index.json", BYTES("{"));
    check_success(fs_tensor_store_open(folder(), &store, &err), &err);
    fs_tensor_store_destroy(store);
    put("model.safetensors", BYTES("damaged."));
    check_error(fs_tensor_store_open(folder(), &store, &err), &err, FS_EXIT_DATA, "model.safetensors", "");
    free(built.bytes);
}

/* What torch.save wrote of the weights of other golden folders: the same tensors, bit by bit. */
static void test_golden(void **state)
{
    (void)state;
    static const struct {
        const char *name, *source;
        size_t more; /* tensors that the source has not */
    } cases[] = {{"tied-f16", "mistral-tied-f16", 1},
                 {"turned-f16", "mistral-tied-f16", 0},
                 {"parameters-bf16", "ernie-own-head-bf16", 0},
                 {"early", "bert-no-prefix", 5},
                 {"shards-f16", "xlm-roberta-f16-shards", 0}};
    const char *source = getenv("FAIRSTAMP_SOURCE");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[2][2048];
        struct fs_tensor_store *found, *expected;
        snprintf(path[0], sizeof path[0], "%s/tests/golden/pytorch/%s", source == NULL ? "." : source, cases[i].name);
        snprintf(path[1], sizeof path[1], "%s/tests/golden/models/%s", source == NULL ? "." : source, cases[i].source);
        check_success(fs_tensor_store_open(path[0], &found, &err), &err);
        check_success(fs_tensor_store_open(path[1], &expected, &err), &err);
        assert_int_equal(fs_tensor_store_count(found), fs_tensor_store_count(expected) + cases[i].more);
        for (size_t t = 0; t < fs_tensor_store_count(expected); t++) {
            const struct fs_tensor *theirs = fs_tensor_store_at(expected, t);
            const struct fs_tensor *ours = fs_tensor_store_find(found, theirs->name);
            assert_non_null(ours);
            assert_int_equal(ours->dimensions, theirs->dimensions);
            assert_memory_equal(ours->shape, theirs->shape, theirs->dimensions * sizeof *ours->shape);
            assert_true(fs_tensor_equal(ours, theirs));
        }
        fs_tensor_store_destroy(found);
        fs_tensor_store_destroy(expected);
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_by_hand),         TEST(test_protocols),        TEST(test_hostile_pickles),
        TEST(test_bombs),           TEST(test_hostile_archives), TEST(test_other_archives),
        TEST(test_cut_and_flipped), TEST(test_shards),           TEST(test_order),
        TEST(test_golden)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
