/* SPDX-License-Identifier: MIT */
/* The crew. The whole truth about who leads is one atomic word, `owner`:
 *
 *     sequence number (47 bits) | member (16 bits) | in a job (1 bit)
 *
 * LOOP(m): member m owns the loop. JOB(m, seq): m leads but runs a job, and the loop may be taken from it.
 * Only m itself turns LOOP(m) into something else. JOB(m, seq) is left by one compare-and-swap: m's own when
 * the job is done (back to LOOP(m)), or that of the thread which takes over. Who loses is a follower.
 *
 * The relief thread is also the watch: while there is traffic it ticks once a millisecond, and a word that
 * still shows the same job after a whole tick is taken over, by an idle application thread if there is one,
 * else by relief itself. Without traffic it sleeps. An application thread that comes back from a job runs
 * the next one, or claims the loop from relief, or parks. Lists and claims are under `lock`; the loop and
 * everything on it need none, since one thread owns them and ownership changes hands through `owner`. */
#include "app/crew.h"

#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/arena.h"

enum { TICK_NS = 1000000, IDLE_TICKS = 4 };

enum { UNPARK_LEAD = 1, UNPARK_STOP = 2, UNPARK_TICK = 4, UNPARK_SIGNAL = 8 };

struct member {
    struct crew *crew;
    unsigned index;
    _Atomic uint32_t unpark; /* futex word: UNPARK_… bits not yet seen */
    bool has_entered;        /* between enter and leave; its own */
    bool is_interrupted;     /* a signal ended its wait and crew_ops.interrupted has yet to run; its own */
    struct link idle;        /* in crew->idle while it parks; under lock */
};

struct crew {
    struct loop *loop;
    const struct crew_ops *ops;
    void *ops_owner;
    unsigned n_threads; /* members[n_threads] is relief */
    struct member *members;
    pthread_t relief_thread;
    bool has_relief;

    _Atomic uint64_t owner;
    uint64_t sequence; /* the leader's */
    _Atomic uint32_t ticks;
    _Atomic bool watch_sleeps;
    _Atomic bool is_stopping;
    _Atomic int n_busy;
    _Atomic int n_queued;
    _Atomic uint32_t n_members; /* application threads that have not returned from crew_serve; a futex word */

    pthread_mutex_t lock;
    struct link jobs;        /* under lock */
    struct link idle;        /* parked application threads, under lock */
    struct member *claimant; /* returned from a job and wants the loop from relief, under lock */
};

static _Thread_local struct member *self;

static uint64_t word_loop(const struct member *member)
{
    return (uint64_t)member->index << 1;
}

static uint64_t word_job(const struct member *member, uint64_t sequence)
{
    return sequence << 17 | (uint64_t)member->index << 1 | 1;
}

static bool word_is_job(uint64_t word)
{
    return word & 1;
}

static struct member *word_member(struct crew *crew, uint64_t word)
{
    return &crew->members[(word >> 1) & 0xffff];
}

static struct member *relief(struct crew *crew)
{
    return &crew->members[crew->n_threads];
}

/* Parking: a futex, because a condition variable would sleep through the signals of the main thread. */

static int futex_wait(_Atomic uint32_t *word, uint32_t value, const struct timespec *timeout)
{
    return syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, timeout, NULL, 0) < 0 ? -errno : 0;
}

static void futex_wake(_Atomic uint32_t *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void unpark(struct member *member, uint32_t bits)
{
    if (atomic_fetch_or(&member->unpark, bits) == 0)
        futex_wake(&member->unpark);
}

/* Returns the bits that ended the wait, UNPARK_SIGNAL on the main thread when a signal did; 0 after `timeout`
 * (NULL: none). */
static uint32_t park(struct member *member, const struct timespec *timeout)
{
    for (;;) {
        uint32_t bits = atomic_exchange(&member->unpark, 0);
        if (bits)
            return bits;
        int error = futex_wait(&member->unpark, 0, timeout);
        if (error == -ETIMEDOUT)
            return atomic_exchange(&member->unpark, 0);
        if (error == -EINTR && member->index == 0)
            return UNPARK_SIGNAL;
    }
}

static void enter(struct member *member)
{
    if (member->has_entered)
        return;
    member->has_entered = true;
    member->crew->ops->enter(member->crew->ops_owner, member->index);
}

static void leave(struct member *member)
{
    if (!member->has_entered)
        return;
    member->has_entered = false;
    member->crew->ops->leave(member->crew->ops_owner, member->index);
}

/* The job counts as busy before it ceases to count as queued: in between it would be neither. */
static struct task *take_job(struct crew *crew)
{
    if (!atomic_load(&crew->n_queued) || atomic_load(&crew->is_stopping))
        return NULL;
    pthread_mutex_lock(&crew->lock);
    struct link *link = list_pop(&crew->jobs);
    if (link) {
        atomic_fetch_add(&crew->n_busy, 1);
        atomic_fetch_sub(&crew->n_queued, 1);
    }
    pthread_mutex_unlock(&crew->lock);
    return link ? CONTAINER_OF(link, struct task, link) : NULL;
}

static void run_job(struct member *member, struct task *job)
{
    enter(member);
    job->run(job);
    atomic_fetch_sub(&member->crew->n_busy, 1);
}

/* What handles the signal takes the GIL and its time, so a leader does it as a job. */
static void run_interrupted(struct member *member)
{
    struct crew *crew = member->crew;
    if (!member->is_interrupted)
        return;
    member->is_interrupted = false;
    leave(member);
    atomic_fetch_add(&crew->n_busy, 1);
    crew->ops->interrupted(crew->ops_owner);
    atomic_fetch_sub(&crew->n_busy, 1);
}

/* LOOP(member) → JOB(member): from here on the loop can be taken away. */
static void begin_job(struct member *member)
{
    struct crew *crew = member->crew;
    atomic_store(&crew->owner, word_job(member, ++crew->sequence));
    if (atomic_load(&crew->watch_sleeps))
        unpark(relief(crew), UNPARK_TICK);
}

/* Gives the loop from JOB(word) to `to`; lock held. `sequence` moves with the loop. */
static bool take_over(struct crew *crew, uint64_t word, struct member *to)
{
    if (!atomic_compare_exchange_strong(&crew->owner, &word, word_loop(to)))
        return false;
    link_remove(&to->idle);
    return true;
}

/* The best successor of a leader in a job; lock held. Parked threads are woken last in, first out: the
 * warmest cache. */
static struct member *successor(struct crew *crew)
{
    return list_is_empty(&crew->idle) ? relief(crew) : CONTAINER_OF(crew->idle.prev, struct member, idle);
}

static void promote_from(struct crew *crew, uint64_t word)
{
    pthread_mutex_lock(&crew->lock);
    struct member *next = successor(crew);
    bool promoted = take_over(crew, word, next);
    pthread_mutex_unlock(&crew->lock);
    if (promoted)
        unpark(next, UNPARK_LEAD);
}

/* The word of the job that this thread leads in, or 0 when it does not lead. Nobody but the thread itself
 * puts such a word there, so it may only have gone meanwhile. `member` is NULL on a thread of somebody
 * else's. */
static uint64_t own_job_word(const struct crew *crew, const struct member *member)
{
    uint64_t word = atomic_load(&crew->owner);
    return member && word_is_job(word) && ((word >> 1) & 0xffff) == member->index ? word : 0;
}

/* JOB(member) → LOOP(member). False when the loop was taken over, or was not this thread's. */
static bool end_job(struct member *member)
{
    uint64_t word = own_job_word(member->crew, member);
    return word && atomic_compare_exchange_strong(&member->crew->owner, &word, word_loop(member));
}

/* As leader: runs what is queued, back to back. True while this thread still leads. A tick ends the batch,
 * so that answers do not wait for a long row of jobs. */
static bool run_batch(struct member *member)
{
    struct crew *crew = member->crew;
    uint32_t tick = atomic_load(&crew->ticks);
    bool leads = true;
    struct task *job;
    while (leads && atomic_load(&crew->ticks) == tick && (job = take_job(crew))) {
        begin_job(member);
        run_job(member, job);
        leads = end_job(member);
    }
    return leads;
}

static bool lead_through_interrupt(struct member *member)
{
    if (!member->is_interrupted)
        return true;
    begin_job(member);
    run_interrupted(member);
    return end_job(member);
}

static void lead(struct member *member)
{
    struct crew *crew = member->crew;
    while (!atomic_load(&crew->is_stopping)) {
        loop_run_tasks(crew->loop);
        if (!lead_through_interrupt(member))
            return;
        if (loop_turn(crew->loop, crew_queued(crew) ? 0 : -1) == -EINTR)
            member->is_interrupted = member->index == 0;
        if (!run_batch(member))
            return;
        leave(member);
    }
}

/* As follower: whatever waits. */
static void follow(struct member *member)
{
    struct task *job;
    run_interrupted(member);
    while ((job = take_job(member->crew)))
        run_job(member, job);
    leave(member);
}

/* Whoever is about to handle a signal may not be given the loop. False when that has happened already; then
 * UNPARK_LEAD is on its way. */
static bool withdraw(struct member *member)
{
    struct crew *crew = member->crew;
    pthread_mutex_lock(&crew->lock);
    bool claimed = crew->claimant == member;
    bool waited = claimed || link_is_listed(&member->idle);
    if (claimed)
        crew->claimant = NULL;
    link_remove(&member->idle);
    pthread_mutex_unlock(&crew->lock);
    return waited;
}

/* False: the crew stops. */
static bool wait_for_loop(struct member *member)
{
    uint32_t bits;
    while ((bits = park(member, NULL)) == UNPARK_SIGNAL) {
        member->is_interrupted = true;
        if (withdraw(member))
            return true;
    }
    return !(bits & UNPARK_STOP);
}

/* No job is left: claims the loop if relief has it, and parks until promoted. False: the crew stops. */
static bool await_promotion(struct member *member)
{
    struct crew *crew = member->crew;
    pthread_mutex_lock(&crew->lock);
    bool claims = atomic_load(&crew->owner) == word_loop(relief(crew)) && !crew->claimant;
    if (claims)
        crew->claimant = member;
    else
        list_append(&crew->idle, &member->idle);
    bool has_jobs = !list_is_empty(&crew->jobs);
    if (has_jobs && !claims)
        link_remove(&member->idle);
    pthread_mutex_unlock(&crew->lock);
    if (claims)
        loop_wake(crew->loop);
    else if (has_jobs)
        return true;
    return wait_for_loop(member);
}

static bool leads(struct member *member)
{
    uint64_t word = atomic_load(&member->crew->owner);
    return !word_is_job(word) && word_member(member->crew, word) == member;
}

void crew_serve(struct crew *crew, unsigned index)
{
    struct member *member = self = &crew->members[index];
    while (!atomic_load(&crew->is_stopping)) {
        if (leads(member))
            lead(member);
        follow(member);
        if (!leads(member) && !atomic_load(&crew->is_stopping) && !await_promotion(member))
            break;
    }
    leave(member);
    self = NULL;
    if (atomic_fetch_sub(&crew->n_members, 1) == 1)
        futex_wake(&crew->n_members);
}

/* Relief as leader: everything but jobs, until an application thread claims the loop. */
static void relief_lead(struct member *member)
{
    struct crew *crew = member->crew;
    struct member *next = NULL;
    while (!next && !atomic_load(&crew->is_stopping)) {
        loop_turn(crew->loop, -1);
        pthread_mutex_lock(&crew->lock);
        next = crew->claimant;
        crew->claimant = NULL;
        if (next)
            atomic_store(&crew->owner, word_loop(next));
        pthread_mutex_unlock(&crew->lock);
    }
    if (next)
        unpark(next, UNPARK_LEAD);
}

/* Sleeps until a job begins. The order of the store and the load mirrors begin_job. */
static uint32_t sleep_until_job(struct member *member, uint64_t seen)
{
    struct crew *crew = member->crew;
    uint32_t bits = 0;
    atomic_store(&crew->watch_sleeps, true);
    if (atomic_load(&crew->owner) == seen)
        bits = park(member, NULL);
    atomic_store(&crew->watch_sleeps, false);
    return bits;
}

/* The watch: returns when relief leads or the crew stops. */
static void keep_watch(struct member *member)
{
    struct crew *crew = member->crew;
    static const struct timespec tick = { .tv_nsec = TICK_NS };
    uint64_t seen = 0;
    int quiet = 0;
    while (!leads(member) && !atomic_load(&crew->is_stopping)) {
        uint64_t word = atomic_load(&crew->owner);
        if (word == seen && word_is_job(word)) {
            promote_from(crew, word);
            continue;
        }
        quiet = word == seen ? quiet + 1 : 0;
        seen = word;
        uint32_t bits = quiet < IDLE_TICKS ? park(member, &tick) : sleep_until_job(member, word);
        if (bits & UNPARK_STOP)
            return;
        atomic_fetch_add(&crew->ticks, 1);
    }
}

static void *relief_main(void *arg)
{
    struct member *member = arg;
    prctl(PR_SET_NAME, "galley-relief");
    self = member;
    while (!atomic_load(&member->crew->is_stopping)) {
        if (leads(member))
            relief_lead(member);
        else
            keep_watch(member);
    }
    return NULL;
}

/* Without signals: they belong to the main thread, where Python runs its handlers. 0 or -errno. */
static int start_relief(struct crew *crew)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&crew->relief_thread, NULL, relief_main, relief(crew));
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    crew->has_relief = !error;
    return -error;
}

struct crew *crew_new(struct loop *loop, unsigned threads, const struct crew_ops *ops, void *owner,
                      int *out_error)
{
    struct crew *crew = memory_zero(sizeof(*crew));
    *crew = (struct crew){ .loop = loop, .ops = ops, .ops_owner = owner, .n_threads = threads };
    crew->members = memory_zero((threads + 1) * sizeof(*crew->members));
    pthread_mutex_init(&crew->lock, NULL);
    link_init(&crew->jobs);
    link_init(&crew->idle);
    for (unsigned i = 0; i <= threads; i++) {
        crew->members[i].crew = crew;
        crew->members[i].index = i;
        link_init(&crew->members[i].idle);
    }
    atomic_store(&crew->owner, word_loop(&crew->members[0]));
    atomic_store(&crew->n_members, threads);
    int error = start_relief(crew);
    if (!error)
        return crew;
    *out_error = error;
    pthread_mutex_destroy(&crew->lock);
    free(crew->members);
    free(crew);
    return NULL;
}

void crew_wait(struct crew *crew)
{
    uint32_t left;
    while ((left = atomic_load(&crew->n_members)))
        futex_wait(&crew->n_members, left, NULL);
    if (crew->has_relief)
        pthread_join(crew->relief_thread, NULL);
    crew->has_relief = false;
}

void crew_free(struct crew *crew)
{
    crew_wait(crew);
    pthread_mutex_destroy(&crew->lock);
    free(crew->members);
    free(crew);
}

static bool is_on_loop(const struct crew *crew)
{
    return self && (leads(self) || own_job_word(crew, self));
}

/* From a thread that does not lead: the leader may be waiting for events with nobody else idle. */
void crew_submit(struct crew *crew, struct task *job)
{
    pthread_mutex_lock(&crew->lock);
    list_append(&crew->jobs, &job->link);
    atomic_fetch_add(&crew->n_queued, 1);
    pthread_mutex_unlock(&crew->lock);
    if (!is_on_loop(crew))
        loop_wake(crew->loop);
}

bool crew_cancel(struct crew *crew, struct task *job)
{
    pthread_mutex_lock(&crew->lock);
    bool waits = link_is_listed(&job->link);
    if (waits) {
        link_remove(&job->link);
        atomic_fetch_sub(&crew->n_queued, 1);
    }
    pthread_mutex_unlock(&crew->lock);
    return waits;
}

int crew_idle(const struct crew *crew)
{
    return (int)crew->n_threads - atomic_load(&crew->n_busy);
}

int crew_queued(const struct crew *crew)
{
    return atomic_load(&crew->n_queued);
}

void crew_stop(struct crew *crew)
{
    atomic_store(&crew->is_stopping, true);
    for (unsigned i = 0; i <= crew->n_threads; i++)
        unpark(&crew->members[i], UNPARK_STOP);
    loop_wake(crew->loop);
}

bool crew_is_stopping(const struct crew *crew)
{
    return atomic_load(&crew->is_stopping);
}

void crew_pump(struct crew *crew)
{
    struct member *member = self;
    if (!member || !end_job(member))
        return;
    leave(member);
    loop_run_tasks(crew->loop);
    begin_job(member);
    enter(member);
}

void crew_give_away(struct crew *crew)
{
    uint64_t word = own_job_word(crew, self);
    if (word)
        promote_from(crew, word);
}
