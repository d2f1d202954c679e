/* SPDX-License-Identifier: MIT */
/* The response pipe. One mutex guards the segment list and the flags; a small response takes it three
 * times, uncontended. Heads are immutable once `has_head` is set, so the loop reads them without it. */
#include "server/output.h"

#include "base/arena.h"

void output_init(struct output *output)
{
    *output = (struct output){ 0 };
    pthread_mutex_init(&output->lock, NULL);
    pthread_cond_init(&output->drained, NULL);
    link_init(&output->segments);
}

void output_done(struct output *output)
{
    segments_release(&output->segments);
    buf_done(&output->reason);
    buf_done(&output->fields);
    buf_done(&output->hints);
    pthread_cond_destroy(&output->drained);
    pthread_mutex_destroy(&output->lock);
}

enum { KEPT_FIELDS = 8192 };

static void clear(struct buf *buf)
{
    if (buf->cap > KEPT_FIELDS)
        buf_done(buf);
    buf->len = 0;
}

void output_reset(struct output *output)
{
    segments_release(&output->segments);
    clear(&output->reason);
    clear(&output->fields);
    clear(&output->hints);
    output->queued = 0;
    output->has_head = output->is_finished = output->is_failed = output->is_aborted = false;
    output->is_streamed = false;
    output->status = 0;
    output->closes = false;
    output->has_length = false;
    output->length = 0;
}

void output_hint(struct output *output, str fields)
{
    pthread_mutex_lock(&output->lock);
    buf_append(&output->hints, fields);
    pthread_mutex_unlock(&output->lock);
}

void output_take_hints(struct output *output, struct buf *to)
{
    pthread_mutex_lock(&output->lock);
    buf_append(to, buf_str(&output->hints));
    output->hints.len = 0;
    pthread_mutex_unlock(&output->lock);
}

void output_set_head(struct output *output)
{
    pthread_mutex_lock(&output->lock);
    output->has_head = true;
    pthread_mutex_unlock(&output->lock);
}

static void release(struct segment *segment)
{
    link_init(&segment->link);
    if (segment->fd >= 0)
        close(segment->fd);
    segment->release(segment);
}

void segments_release(struct link *segments)
{
    struct link *link;
    while ((link = list_pop(segments)))
        release(CONTAINER_OF(link, struct segment, link));
}

bool output_push(struct output *output, struct segment *segment)
{
    pthread_mutex_lock(&output->lock);
    bool ok = !output->is_aborted;
    if (ok) {
        list_append(&output->segments, &segment->link);
        output->queued += segment->len;
    }
    pthread_mutex_unlock(&output->lock);
    if (!ok)
        release(segment);
    return ok;
}

static void free_copy(struct segment *segment)
{
    free(segment);
}

bool output_push_copy(struct output *output, str data)
{
    struct segment *segment = memory_alloc(sizeof(*segment) + data.len);
    char *bytes = (char *)(segment + 1);
    memcpy(bytes, data.p, data.len);
    *segment = (struct segment){ .p = bytes, .fd = -1, .len = data.len, .release = free_copy };
    return output_push(output, segment);
}

void output_finish(struct output *output)
{
    pthread_mutex_lock(&output->lock);
    output->is_finished = true;
    pthread_mutex_unlock(&output->lock);
}

bool output_is_finished(struct output *output)
{
    pthread_mutex_lock(&output->lock);
    bool finished = output->is_finished;
    pthread_mutex_unlock(&output->lock);
    return finished;
}

bool output_is_over(struct output *output, uint64_t most)
{
    pthread_mutex_lock(&output->lock);
    bool over = output->queued >= most && !output->is_aborted;
    pthread_mutex_unlock(&output->lock);
    return over;
}

bool output_wait(struct output *output, uint64_t least)
{
    pthread_mutex_lock(&output->lock);
    while (output->queued >= least && !output->is_aborted)
        pthread_cond_wait(&output->drained, &output->lock);
    bool ok = !output->is_aborted;
    pthread_mutex_unlock(&output->lock);
    return ok;
}

bool output_is_aborted(struct output *output)
{
    pthread_mutex_lock(&output->lock);
    bool aborted = output->is_aborted;
    pthread_mutex_unlock(&output->lock);
    return aborted;
}

struct output_news output_take(struct output *output, struct link *to)
{
    pthread_mutex_lock(&output->lock);
    list_move_all(to, &output->segments);
    struct output_news news = { output->has_head, output->is_finished, output->is_failed,
                                output->hints.len > 0 };
    pthread_mutex_unlock(&output->lock);
    return news;
}

void output_sent(struct output *output, uint64_t n)
{
    pthread_mutex_lock(&output->lock);
    output->queued -= n;
    pthread_cond_broadcast(&output->drained);
    pthread_mutex_unlock(&output->lock);
}

void output_abort(struct output *output)
{
    struct link dropped;
    link_init(&dropped);
    pthread_mutex_lock(&output->lock);
    output->is_aborted = true;
    output->queued = 0;
    list_move_all(&dropped, &output->segments);
    pthread_cond_broadcast(&output->drained);
    pthread_mutex_unlock(&output->lock);
    segments_release(&dropped);
}
