/* Pickles made by hand: those of tensors, and every way to make another thing of one. */
#include <stdlib.h>
#include <string.h>

#include "pytorch_support.h"

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
    assert_memory_equal(tensor->data, archive_numbers + 1, 4 * sizeof(float));
    assert_true(turned->strided && turned->elements == 6 && turned->shape[0] == 2 && turned->shape[1] == 3);
    for (size_t i = 0; i < 6; i++) {
        memcpy(&value, fs_tensor_element(turned, i), sizeof value);
        assert_true(value == archive_numbers[i / 3 + 2 * (i % 3)]);
    }
    assert_true(fs_tensor_equal(turned, turned) && !fs_tensor_equal(turned, tensor));
    tensor = fs_tensor_store_find(store, "c");
    assert_true(tensor->dimensions == 0 && tensor->elements == 1);
    assert_memory_equal(tensor->data, archive_numbers + 5, sizeof(float));
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

#define TEST(function) cmocka_unit_test_setup_teardown(function, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_by_hand), TEST(test_protocols), TEST(test_hostile_pickles),
                                       TEST(test_bombs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
