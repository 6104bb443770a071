#include "pipeline/ranks/save_clock.h"

/* An archive is compressed, hashed and synced: slow storage writes this many bytes a second, after so many seconds. */
#define GUESSED_RATE 5e7
#define GUESSED_START 0.02

void fs_save_clock_begin(struct fs_save_clock *clock, double interval, double share, double now)
{
    *clock = (struct fs_save_clock){.interval = interval, .share = share, .begin = now, .last = now};
}

bool fs_save_waited(const struct fs_save_clock *clock, double now)
{
    return now - clock->last >= clock->interval;
}

bool fs_save_affordable(const struct fs_save_clock *clock, double guess, double now)
{
    double cost = clock->saves > 0 ? clock->slowest : guess;
    return clock->share >= 1 || clock->spent + cost <= clock->share * (now + cost - clock->begin);
}

void fs_save_note(struct fs_save_clock *clock, double begin, double end)
{
    double cost = end - begin;
    clock->spent += cost;
    clock->slowest = cost > clock->slowest ? cost : clock->slowest;
    clock->last = end;
    clock->saves++;
}

double fs_save_guess(size_t bytes)
{
    return GUESSED_START + (double)bytes / GUESSED_RATE;
}
