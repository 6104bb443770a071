/*
 * Settings as tables: a row says how one setting is called, what values it takes, which member of a struct it fills,
 * and what it means. The table is beside the struct; reader, help and fingerprint walk it. To add a setting is to add
 * its row and the member. Local.
 */
#ifndef FAIRSTAMP_IO_SETTINGS_SETTINGS_H
#define FAIRSTAMP_IO_SETTINGS_SETTINGS_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "io/error.h"

enum fs_setting_kind {
    FS_SETTING_PATH,    /* a file or folder, absolute once read: const char * */
    FS_SETTING_NAME,    /* a word for people, without commas, of one line: const char * */
    FS_SETTING_CHOICE,  /* one of `choices`: an enum that counts them from 0 */
    FS_SETTING_LIST,    /* texts: const char *const *, NULL-terminated; NULL where not given */
    FS_SETTING_INTEGER, /* a whole number: size_t */
    FS_SETTING_NUMBER,  /* double */
    FS_SETTING_FLAG,    /* true or false: bool */
    FS_SETTING_AUTO     /* "auto" or a whole number: size_t, FS_AUTO for "auto" */
};
#define FS_AUTO SIZE_MAX
#define FS_SETTING_VARIANTS 2                 /* kinds of model, which some defaults depend on */
#define FS_LARGEST_INTEGER 9007199254740992.0 /* 2^53: JSON's numbers are doubles */

struct fs_setting_value {
    char *text; /* NULL: neither given nor a default; of a list "a,b" */
    const char *const
        *preset;   /* [FS_SETTING_VARIANTS] before the default where `text` is NULL; not owned; NULL: none */
    char **list;   /* of a list */
    double number; /* NaN where it is no number */
};

/* What a choice among presets gives to another setting, by variant: texts as in a job, not NULL. */
struct fs_preset_row {
    const char *preset, *key;
    const char *value[FS_SETTING_VARIANTS];
};
struct fs_presets {
    const struct fs_preset_row *row;
    size_t count;
};

struct fs_setting;
struct fs_setting_origin;

/* Of a list whose entries are more than names. Both write one entry to `stream`, without commas; FS_EXIT_CONFIG. */
struct fs_setting_entry {
    /* Checks `text`, with every variable replaced, and writes it as it is kept. */
    int (*write_text)(const struct fs_setting *setting, const struct fs_setting_origin *origin, const char *text,
                      FILE *stream, struct fs_error *err);
    /* Writes an object of the job file as text, not yet checked. */
    int (*write_object)(const struct fs_setting *setting, const struct fs_setting_origin *origin, const cJSON *object,
                        FILE *stream, struct fs_error *err);
    const char *schema; /* JSON schema of an entry */
};

struct fs_setting {
    const char *key; /* "stamp.width" */
    enum fs_setting_kind kind;
    const char *initial;                                 /* the default; NULL: none, or by variant */
    const char *initial_by_variant[FS_SETTING_VARIANTS]; /* the default where it depends on the model's kind */
    const char *initial_words;                           /* for people, where the default follows from other keys */
    const unsigned char *shipped;                        /* of a path: the file's bytes where none is named; NULL */
    const size_t *shipped_size;
    bool required;
    bool changes_no_result; /* such as a folder or how often is saved: in no fingerprint */
    double least, most;
    const char *choices;                  /* "a|b" */
    const struct fs_presets *presets;     /* of a choice that gives values to other settings; NULL */
    const struct fs_setting_entry *entry; /* of a list; NULL: names */
    bool single;                          /* a list of one entry, written without brackets */
    const char *unit;
    size_t offset, size;                           /* of the member; size 0: none */
    void (*store)(const char *text, void *member); /* NULL: as the kind says */
    const char *meaning;
};
/* The row's member: .key = ..., FS_SETTING_MEMBER(struct fs_stamp_options, width), ... */
#define FS_SETTING_MEMBER(type, member) .offset = offsetof(type, member), .size = sizeof(((type *)NULL)->member)

struct fs_settings {
    const struct fs_setting *row;
    size_t count;
};

/* Where a value was given: for error texts, and for relative paths. */
struct fs_setting_origin {
    const char *name;   /* "job.json" or "--set" */
    const char *folder; /* relative paths count from here; NULL: the working directory */
};

/* The choices for people and checks: a flag's are true and false. NULL: any value. */
const char *fs_setting_choices(const struct fs_setting *setting);

/*
 * Reads a value, "a,b" for a list, with every ${NAME} replaced by the environment's variable, and checks it.
 * FS_EXIT_CONFIG names origin, key, what was found and what is expected. `value`, zeroed or read before, is replaced;
 * the caller releases it.
 */
int fs_setting_read_text(const struct fs_setting *setting, const struct fs_setting_origin *origin, const char *text,
                         struct fs_setting_value *value, struct fs_error *err);
int fs_setting_read_json(const struct fs_setting *setting, const struct fs_setting_origin *origin, const cJSON *item,
                         struct fs_setting_value *value, struct fs_error *err);
void fs_setting_release(struct fs_setting_value *value);

/* `path` as an absolute one; takes it (NULL: out of memory), and the caller frees the result. */
char *fs_setting_absolute(const struct fs_setting_origin *origin, char *path, struct fs_error *err);

/* The text of a value or of the default; NULL: neither. */
const char *fs_setting_text(const struct fs_setting *setting, const struct fs_setting_value *value, size_t variant);

/* Fills the row's member of `out`; texts stay the value's. A setting without value and default leaves it as it is. */
void fs_setting_fill(const struct fs_setting *setting, const struct fs_setting_value *value, size_t variant, void *out);

/* "key = value" and a line end, for a fingerprint. */
void fs_setting_write(FILE *stream, const struct fs_setting *setting, const struct fs_setting_value *value,
                      size_t variant);

#endif
