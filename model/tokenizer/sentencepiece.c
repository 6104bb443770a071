#include "model/tokenizer/sentencepiece.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/utf8.h"
#include "model/tokenizer/text.h"

/* A message, and how far it is read. */
struct cursor {
    const char *name;
    const unsigned char *data;
    size_t size, at;
    size_t base; /* of the message in the file, for errors */
};

/* One field: number and value. */
struct field {
    uint64_t number;
    enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 } wire;
    uint64_t value;            /* varint, 32 and 64 bits */
    const unsigned char *data; /* bytes */
    size_t size;
};

static int damaged(const struct cursor *cursor, const char *what, struct fs_error *err)
{
    return fs_error_set(err, FS_EXIT_DATA,
                        "%s: byte %zu: %s; expected a SentencePiece model: take the file from the model's source again",
                        cursor->name, cursor->base + cursor->at, what);
}

static int read_varint(struct cursor *cursor, uint64_t *value, struct fs_error *err)
{
    *value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (cursor->at >= cursor->size) {
            return damaged(cursor, "the message ends within a number", err);
        }
        uint64_t bits = cursor->data[cursor->at++];
        if (shift == 63 && bits > 1) {
            return damaged(cursor, "found a number of more than 64 bits", err);
        }
        *value |= (bits & 0x7F) << shift;
        if (bits < 0x80) {
            return 0;
        }
    }
    return damaged(cursor, "found a number of more than 10 bytes", err);
}

static int read_fixed(struct cursor *cursor, size_t bytes, uint64_t *value, struct fs_error *err)
{
    if (cursor->size - cursor->at < bytes) {
        return damaged(cursor, "the message ends within a number", err);
    }
    *value = 0;
    for (size_t i = 0; i < bytes; i++) {
        *value |= (uint64_t)cursor->data[cursor->at + i] << (8 * i);
    }
    cursor->at += bytes;
    return 0;
}

/* 1 and the next field, 0 at the end of the message, -1 with `err`. */
static int next_field(struct cursor *cursor, struct field *field, struct fs_error *err)
{
    uint64_t tag;
    if (cursor->at == cursor->size) {
        return 0;
    }
    if (read_varint(cursor, &tag, err)) {
        return -1;
    }
    memset(field, 0, sizeof *field);
    field->number = tag >> 3;
    if (field->number == 0) {
        return damaged(cursor, "found field 0, which no message has", err);
    }
    switch (tag & 7) {
    case WIRE_VARINT:
        field->wire = WIRE_VARINT;
        return read_varint(cursor, &field->value, err) ? -1 : 1;
    case WIRE_64:
        field->wire = WIRE_64;
        return read_fixed(cursor, 8, &field->value, err) ? -1 : 1;
    case WIRE_32:
        field->wire = WIRE_32;
        return read_fixed(cursor, 4, &field->value, err) ? -1 : 1;
    case WIRE_BYTES:
        field->wire = WIRE_BYTES;
        if (read_varint(cursor, &field->value, err)) {
            return -1;
        }
        if (field->value > cursor->size - cursor->at) {
            return damaged(cursor, "a field is longer than the rest of its message", err);
        }
        field->data = cursor->data + cursor->at;
        field->size = (size_t)field->value;
        cursor->at += field->size;
        return 1;
    default:
        return damaged(cursor, "found a wire type that is none of 0, 1, 2 and 5", err);
    }
}

static struct cursor inside(const struct cursor *outer, const struct field *field)
{
    return (struct cursor){outer->name, field->data, field->size, 0, outer->base + outer->at - field->size};
}

static int expect(const struct cursor *cursor, const struct field *field, int wire, struct fs_error *err)
{
    return (int)field->wire == wire ? 0 : damaged(cursor, "a field has the wrong wire type", err);
}

static int read_flag(const struct cursor *cursor, const struct field *field, bool *flag, struct fs_error *err)
{
    if (expect(cursor, field, WIRE_VARINT, err)) {
        return -1;
    }
    *flag = field->value != 0;
    return 0;
}

static int read_piece(struct fs_sentencepiece *model, struct cursor cursor, struct fs_error *err)
{
    struct fs_piece piece = {.type = FS_PIECE_NORMAL};
    struct field field;
    int status;
    while ((status = next_field(&cursor, &field, err)) > 0) {
        if (field.number == 1) {
            if (expect(&cursor, &field, WIRE_BYTES, err)) {
                return -1;
            }
            piece.text = field.data;
            piece.length = field.size;
        } else if (field.number == 2) {
            if (expect(&cursor, &field, WIRE_32, err)) {
                return -1;
            }
            uint32_t bits = (uint32_t)field.value;
            memcpy(&piece.score, &bits, sizeof bits);
        } else if (field.number == 3) {
            if (expect(&cursor, &field, WIRE_VARINT, err)) {
                return -1;
            }
            if (field.value < FS_PIECE_NORMAL || field.value > FS_PIECE_BYTE) {
                return damaged(&cursor, "a piece has a type that is none of 1 to 6", err);
            }
            piece.type = (enum fs_piece_type)field.value;
        }
    }
    if (status < 0) {
        return -1;
    }
    if (piece.length == 0) {
        return damaged(&cursor, "a piece has no text", err);
    }
    for (size_t at = 0, bad; at < piece.length;) {
        size_t length = fs_utf8_character(piece.text + at, piece.length - at, &bad);
        if (length == 0) {
            return damaged(&cursor, "the text of a piece is not UTF-8", err);
        }
        at += length;
    }
    if (!isfinite(piece.score)) {
        return damaged(&cursor, "the score of a piece is not finite", err);
    }
    if (fs_grow(&model->piece, &model->capacity, model->count + 1, sizeof *model->piece,
                "the pieces of a SentencePiece model", err) != 0) {
        return -1;
    }
    model->piece[model->count++] = piece;
    return 0;
}

static int read_trainer(struct fs_sentencepiece *model, struct cursor cursor, uint64_t *model_type,
                        struct fs_error *err)
{
    struct field field;
    int status;
    while ((status = next_field(&cursor, &field, err)) > 0) {
        if (field.number == 3) {
            if (expect(&cursor, &field, WIRE_VARINT, err)) {
                return -1;
            }
            *model_type = field.value;
        } else if (field.number == 40) {
            if (expect(&cursor, &field, WIRE_VARINT, err)) {
                return -1;
            }
            model->unk_id = (size_t)field.value;
        } else if (field.number == 35) {
            if (read_flag(&cursor, &field, &model->byte_fallback, err)) {
                return -1;
            }
        } else if (field.number == 24) {
            if (read_flag(&cursor, &field, &model->whitespace_as_suffix, err)) {
                return -1;
            }
        }
    }
    return status;
}

static int read_normalizer(struct fs_sentencepiece *model, struct cursor cursor, struct fs_error *err)
{
    struct field field;
    int status;
    while ((status = next_field(&cursor, &field, err)) > 0) {
        int failed = 0;
        if (field.number == 2) {
            failed = expect(&cursor, &field, WIRE_BYTES, err);
            model->charsmap = field.data;
            model->charsmap_size = field.size;
        } else if (field.number == 3) {
            failed = read_flag(&cursor, &field, &model->add_dummy_prefix, err);
        } else if (field.number == 4) {
            failed = read_flag(&cursor, &field, &model->remove_extra_whitespaces, err);
        } else if (field.number == 5) {
            failed = read_flag(&cursor, &field, &model->escape_whitespaces, err);
        }
        if (failed) {
            return -1;
        }
    }
    return status;
}

int fs_sentencepiece_read(struct fs_sentencepiece *model, const char *name, const unsigned char *data, size_t size,
                          struct fs_error *err)
{
    struct cursor cursor = {name, data, size, 0, 0};
    struct field field;
    uint64_t model_type = 1; /* the default of the format: UNIGRAM */
    int status;
    model->add_dummy_prefix = model->remove_extra_whitespaces = model->escape_whitespaces = true;
    while ((status = next_field(&cursor, &field, err)) > 0) {
        if (field.number > 3) {
            continue;
        }
        if (expect(&cursor, &field, WIRE_BYTES, err)) {
            return -1;
        }
        if (field.number == 1) {
            status = read_piece(model, inside(&cursor, &field), err);
        } else if (field.number == 2) {
            status = read_trainer(model, inside(&cursor, &field), &model_type, err);
        } else {
            status = read_normalizer(model, inside(&cursor, &field), err);
        }
        if (status) {
            return -1;
        }
    }
    if (status) {
        return -1;
    }
    if (model->count == 0) {
        return damaged(&cursor, "the model has no piece", err);
    }
    if (model_type != 1 && model_type != 2) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: trainer_spec.model_type: found %" PRIu64 ", expected 1 (Unigram) or 2 (BPE): word and "
                            "character models are not supported",
                            name, model_type);
    }
    model->unigram = model_type == 1;
    return 0;
}

void fs_sentencepiece_release(struct fs_sentencepiece *model)
{
    free(model->piece);
    memset(model, 0, sizeof *model);
}
