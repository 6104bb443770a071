/* What belongs to a job as a whole: the members, and the tables of settings that fill them. */
#ifndef FAIRSTAMP_JOBS_JOB_SETTINGS_H
#define FAIRSTAMP_JOBS_JOB_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "io/settings/settings.h"
#include "model/backends/backend.h"

enum fs_compared_layers { FS_COMPARE_NONE, FS_COMPARE_RANDOM, FS_COMPARE_ALL };

/* Texts are the job's. */
struct fs_job_settings {
    const char *model, *output;    /* folders */
    const char *model_name;        /* NULL: not given */
    size_t seed;                   /* of the split, the noise, the stamp's start values and the bootstrap */
    const char *const *categories; /* NULL-terminated; NULL: all of the data */
    bool share_prefixes;           /* causal: what texts begin with alike is computed once */
    struct fs_compute compute;
    bool strict;                   /* data with an item that cannot be used is refused */
    const char *attribute_words;   /* file; NULL: none */
    const char *edit_pairs;        /* the suite whose pairs are edited; NULL: not said */
    const char *edit_text;         /* file; NULL: none */
    size_t covariance_tokens;      /* of edit.text */
    const char *covariance_folder; /* NULL: output */
    const char *const *method;     /* one entry of jobs/methods.h; NULL: see methods */
    const char *const *methods;    /* NULL-terminated entries; NULL: one method */
    const char *const *search;     /* NULL-terminated entries of jobs/search.h; NULL: nothing is tried */
    double search_validation;      /* share of the other target terms on which it is tried */
    double search_rs;              /* percent of the answers to be kept */
    double search_lms;             /* points of LMS that may be lost */
    double held_out, validation;   /* shares of the split */
    size_t split_seed;             /* FS_AUTO: `seed` */
    const char *reuse;             /* output folder of a job that traces the same; NULL: none */
    size_t bootstrap;              /* resamples of the metrics' intervals */
    size_t text_tokens;            /* of data.text that are scored */
    size_t permutations;           /* of a SEAT test */
    size_t suite_items;            /* of each part of a suite */
    enum fs_compared_layers compare;
    double checkpoint_seconds, checkpoint_share;
};

/* "a|b", the choices of edit.pairs: job_keys.c fills it from the registry of suites. */
#define FS_EDIT_CHOICES_SIZE 1024
extern char fs_edit_choices[FS_EDIT_CHOICES_SIZE];

/* Its tables; job_keys.c puts them in their order. */
extern const struct fs_settings fs_methods_settings, fs_attribute_settings, fs_compute_settings, fs_core_settings,
    fs_covariance_settings, fs_edit_settings, fs_edit_text_settings, fs_search_settings, fs_split_settings,
    fs_validation_settings, fs_reuse_settings, fs_evaluate_settings, fs_compare_settings, fs_checkpoint_settings;

#endif
