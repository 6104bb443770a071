/* Time. Local. */
#ifndef FAIRSTAMP_IO_CLOCK_H
#define FAIRSTAMP_IO_CLOCK_H

#define FS_TIME_TEXT_SIZE 32

/* Seconds on a clock that only goes forward. */
double fs_seconds(void);

/* The time now, UTC, ISO 8601. */
void fs_time_text(char text[FS_TIME_TEXT_SIZE]);

#endif
