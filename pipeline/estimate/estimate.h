/*
 * What a job will take: its stages run on a probe (stages/work/probe.h) that computes some of their units, so passes,
 * tokens, FLOPs and bytes are those of the job; the time on R ranks is that of a schedule (schedule.h) of all units,
 * each at the measured rate, and of what every rank does alone (compiling, folding, writing), as long as it took.
 *
 * A model without weights, or with layers of which a unit takes long, is probed with its first CUT_LAYERS layers: rates
 * are theirs, a FLOP being a FLOP, everything else is of the whole model.
 *
 * Of several jobs of one model, units run for the first of each shape alone (estimate_rates.h); those of the others are
 * counted.
 */
#ifndef FAIRSTAMP_PIPELINE_ESTIMATE_ESTIMATE_H
#define FAIRSTAMP_PIPELINE_ESTIMATE_ESTIMATE_H

#include <cjson/cJSON.h>
#include <stdio.h>

#include "jobs/fingerprint.h"
#include "pipeline/estimate/estimate_rates.h"
#include "pipeline/estimate/schedule.h"
#include "pipeline/ranks/session.h"

#define FS_ESTIMATE_RANKS 12 /* 1, 2, 4 ... 1024, and those of the session */

/* A stage's seconds on some ranks, in parts that add up. */
struct fs_estimate_time {
    double serial_seconds; /* what is not shared: compiling, folding, writing */
    double computed;       /* all units, evenly spread over all threads */
    double waited;         /* for the rank that has most to do */
    double sent;           /* sums, broadcasts, agreements */
};

struct fs_estimate_stage {
    bool there;                   /* the job has the stage */
    char digest[FS_DIGEST_SIZE];  /* of the job's stage; "" where the model has no weights */
    size_t units, calls;          /* calls: sums of training */
    double passes, tokens, flops; /* of all that runs */
    double longest;               /* seconds of the longest unit */
    double output;                /* bytes of the published file */
    struct fs_estimate_time time[FS_ESTIMATE_RANKS];
};

struct fs_estimate {
    bool random_model;        /* no weights */
    bool cut;                 /* probed with few layers */
    size_t layer;             /* of the trainings at one */
    const char *layer_source; /* why that one; NULL: nothing is trained at a layer */
    double layer0_factor;     /* times the stamp's seconds that it takes at layer 0; 1 where the layer is certain */
    double begin;             /* seconds before the first stage: hashes, weights, data */
    double elapsed;           /* seconds of the estimate */
    bool measured_network;
    struct fs_machine machine;
    size_t ranks, threads; /* of the session */
    size_t rank_count, rank[FS_ESTIMATE_RANKS];
    struct fs_estimate_stage stage[FS_STAGE_COUNT];
    size_t node_ranks;                          /* that share a node */
    double model_bytes, rank_bytes, root_bytes; /* of memory (memory.h): once a node, each rank, the root besides */
    double parameters, weights,
        vectored; /* of the stamp, 0 where there is none; of the model; numbers that a step's sum adds */
};

struct fs_estimate_options {
    double seconds;             /* of measuring, for each kind of unit */
    size_t node_ranks;          /* 0: the session's on the root's node */
    struct fs_machine *network; /* latency and bandwidth; NULL: measured between ranks, or assumed */
    const char *const *set;     /* [sets] as of fs_job_load */
    size_t sets;
    const char *path;                /* of the job file */
    struct fs_estimate_rates *rates; /* kept from job to job of one model; zeroed before the first */
};

double fs_estimate_seconds(const struct fs_estimate_time *time);
/* The place of `ranks` in estimate->rank, FS_ESTIMATE_RANKS where it is not there. */
size_t fs_estimate_find(const struct fs_estimate *estimate, size_t ranks);

/* Collective; `estimate` is the same on all ranks. */
int fs_estimate_job(struct fs_session *session, const struct fs_job *job, const struct fs_estimate_options *options,
                    struct fs_estimate *estimate, struct fs_error *err);

/* Local (root): for people, and as JSON (NULL: out of memory; the caller deletes). */
int fs_estimate_print(const struct fs_estimate *estimate, FILE *stream, struct fs_error *err);
cJSON *fs_estimate_json(const struct fs_estimate *estimate);

#endif
