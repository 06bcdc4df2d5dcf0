/* The texts of a run that are not files of the engine's. */
#include "kfs/render.h"

#include "backend/base/clock.h"

void render_run_status(const struct subject *subject, struct buf *out)
{
    const struct run_facts *run = subject->run;
    buf_puts(out, run_status_name(run->status));
    if (run->status == RUN_EXECUTING)
        buf_printf(out, " %u/%u", run->step, run->steps);
    buf_putc(out, '\n');
}

/* Empty until it has happened. */
static void put_time(int64_t time, struct buf *out)
{
    if (time == 0)
        return;
    clock_put_rfc3339(out, time);
    buf_putc(out, '\n');
}

void render_run_started(const struct subject *subject, struct buf *out)
{
    put_time(subject->run->started, out);
}

void render_run_finished(const struct subject *subject, struct buf *out)
{
    put_time(subject->run->finished, out);
}
