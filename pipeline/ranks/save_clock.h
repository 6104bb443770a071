/*
 * When partial results are saved. A save is due once `interval` seconds have passed since the one before, and only
 * where all saves together, this one too, stay below `share` of the time since the clock began; so the interval is
 * stretched where saving is slow. The time is the caller's: seconds on any clock that only goes forward. Local: the
 * root.
 */
#ifndef FAIRSTAMP_PIPELINE_RANKS_SAVE_CLOCK_H
#define FAIRSTAMP_PIPELINE_RANKS_SAVE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>

struct fs_save_clock {
    double interval; /* seconds */
    double share;    /* of the run; 1: no limit */
    double begin, last;
    double spent;   /* seconds in saves */
    double slowest; /* seconds that one took */
    size_t saves;
};

void fs_save_clock_begin(struct fs_save_clock *clock, double interval, double share, double now);
/* Whether the interval is over. */
bool fs_save_waited(const struct fs_save_clock *clock, double now);
/* Whether a save may begin: the slowest so far counts as its cost, or `guess` seconds before the first. */
bool fs_save_affordable(const struct fs_save_clock *clock, double guess, double now);
/* A save that began and ended at these times. */
void fs_save_note(struct fs_save_clock *clock, double begin, double end);
/* Seconds that saving `bytes` may take, where none has been saved yet. */
double fs_save_guess(size_t bytes);

#endif
