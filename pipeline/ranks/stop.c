#include "pipeline/ranks/stop.h"

#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

#include "io/clock.h"
#include "io/console/progress.h"
#include "pipeline/ranks/signals.h"

#define FILE_SECONDS 0.5 /* between two looks at the stop file: a shared file system answers slowly */

static struct {
    const char *file;
    double limit, begin, looked;
    bool limited, asked, because; /* `because`: asked by fs_stop_because alone */
} watch;

static _Atomic(const char *) reason;

void fs_stop_because(const char *why)
{
    atomic_store(&reason, why);
}

void fs_stop_forget(void)
{
    atomic_store(&reason, NULL);
    watch.asked = watch.asked && !watch.because;
    watch.because = false;
}

void fs_stop_watch(const char *file, double seconds)
{
    watch.file = file;
    watch.begin = fs_seconds();
    watch.looked = watch.begin - FILE_SECONDS;
    watch.limit = seconds;
    watch.limited = seconds >= 0;
}

bool fs_stop_asked(void)
{
    if (watch.asked) {
        return true;
    }
    double now = fs_seconds();
    const char *why = atomic_load(&reason);
    if (why != NULL) {
        fs_say("asked to stop: %s", why);
        watch.asked = watch.because = true;
    } else if (fs_signals_stop()) {
        fs_say("asked to stop by a signal");
        watch.asked = true;
    } else if (watch.limited && now - watch.begin >= watch.limit) {
        fs_say("asked to stop: the %g s of --max-seconds are over", watch.limit);
        watch.asked = true;
    } else if (watch.file != NULL && now - watch.looked >= FILE_SECONDS) {
        watch.looked = now;
        if (access(watch.file, F_OK) == 0) {
            fs_warn("asked to stop: the stop file %s is there; remove it before the next run", watch.file);
            watch.asked = true;
        }
    }
    return watch.asked;
}

bool fs_stop_by_user(void)
{
    return fs_stop_asked() && !watch.because;
}
