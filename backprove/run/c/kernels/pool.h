/* A pool of threads of our own, on pthreads and C11 atomics.
 *
 *   pool_run(threads, work, context)  runs work(context, thread, threads) on threads 0 … threads-1,
 *                                     the caller being 0, and returns when all are done
 *   pool_barrier(thread, threads)     inside `work`: waits until every thread has come here
 *   flush_denormals(on)               subnormal numbers as zeros, in the calling thread
 *
 * Who waits spins briefly, then sleeps, so that nobody burns a core that another thread needs.
 * Not OpenMP: its pool hangs after fork, and not every compiler has it.
 *
 * `work` may be given fewer threads than were asked for (never fewer than one) where the system
 * makes no more; it must not call pool_run. Two threads that call pool_run take turns. */

#ifndef BACKPROVE_POOL_H
#define BACKPROVE_POOL_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#if defined(__linux__) && !defined(POOL_WITHOUT_FUTEX)
#define POOL_FUTEX 1
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#else
#define POOL_FUTEX 0
#endif

enum {
    POOL_MOST = 255,             /* threads at most, the caller included: fewer than POOL_ROUND */
    POOL_ROUND = 256,            /* a signal counts rounds in units of this, see below */
    POOL_LINE = 128,             /* bytes: two cache lines, as they are fetched in pairs */
    POOL_SPIN = 20000,           /* nanoseconds to spin before sleeping: about what a sleep costs */
    POOL_LOOKS = 64,             /* looks between two glances at the clock */
    POOL_STACK = 2 * 1024 * 1024 /* bytes of a worker's stack */
};

typedef void (*pool_work)(void *context, int thread, int threads);

/* What threads wait for: the next round. The bits below POOL_ROUND count who has arrived at a
 * barrier: in one word, as each further cache line that two cores share costs 0.1 µs. */
typedef struct {
    _Alignas(POOL_LINE) atomic_uint value;
    atomic_uint sleepers;
#if !POOL_FUTEX
    pthread_mutex_t bed;
    pthread_cond_t wake;
#endif
} pool_signal;

#if POOL_FUTEX
#define POOL_SIGNAL {0}
#else
#define POOL_SIGNAL {.bed = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER}
#endif

static struct {
    pthread_mutex_t busy; /* held for the length of a run */
    int workers;          /* threads made so far, besides the caller */
    int cores;            /* threads that can run at once */
    int watched;          /* whether fork is known to call pool_after_fork */
    int ending;
    /* the run under way; written between two runs only */
    pool_work work;
    void *context;
    int threads;
    int spin; /* nanoseconds; 0 where there are more threads than cores */
    pthread_t handle[POOL_MOST];
    pool_signal start[POOL_MOST]; /* per worker: how many runs it was given */
    pool_signal barrier;          /* how many barriers were passed */
} pool = {.busy = PTHREAD_MUTEX_INITIALIZER, .barrier = POOL_SIGNAL};

static void pool_fresh(pool_signal *signal)
{
    const pool_signal fresh = POOL_SIGNAL;
    memcpy(signal, &fresh, sizeof fresh);
}

static inline void pool_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory"); /* `yield` returns at once and would heat the core */
#endif
}

static inline int64_t pool_nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline int pool_same_round(pool_signal *signal, unsigned seen)
{
    return (atomic_load(&signal->value) ^ seen) < POOL_ROUND;
}

/* Sleep until another round than the one seen. Who begins it after the check here sees
 * `sleepers`, and the system looks at the value again before it puts the thread to bed. */
static void pool_sleep(pool_signal *signal, unsigned seen)
{
    atomic_fetch_add(&signal->sleepers, 1);
#if POOL_FUTEX
    while (pool_same_round(signal, seen)) {
        unsigned now = atomic_load(&signal->value);
        if ((now ^ seen) < POOL_ROUND)
            syscall(SYS_futex, &signal->value, FUTEX_WAIT_PRIVATE, now, NULL, NULL, 0);
    }
#else
    pthread_mutex_lock(&signal->bed);
    while (pool_same_round(signal, seen))
        pthread_cond_wait(&signal->wake, &signal->bed);
    pthread_mutex_unlock(&signal->bed);
#endif
    atomic_fetch_sub(&signal->sleepers, 1);
}

static void pool_await(pool_signal *signal, unsigned seen, int spin)
{
    int64_t end = 0;
    while (spin) {
        for (int look = 0; look < POOL_LOOKS; look++) {
            if (!pool_same_round(signal, seen))
                return;
            pool_pause();
        }
        int64_t now = pool_nanoseconds();
        if (end == 0)
            end = now + spin;
        else if (now >= end)
            break;
    }
    pool_sleep(signal, seen);
}

/* Begin the next round: `amount` completes the present one. */
static void pool_next(pool_signal *signal, unsigned amount)
{
    atomic_fetch_add(&signal->value, amount);
    if (atomic_load(&signal->sleepers) == 0)
        return;
#if POOL_FUTEX
    syscall(SYS_futex, &signal->value, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
#else
    pthread_mutex_lock(&signal->bed);
    pthread_cond_broadcast(&signal->wake);
    pthread_mutex_unlock(&signal->bed);
#endif
}

/* Wait for all of 0 … threads-1. What each wrote before, all may read afterwards. */
static inline void pool_barrier(int thread, int threads)
{
    (void)thread;
    if (threads == 1)
        return;
    int spin = pool.spin; /* read before arriving: afterwards the next run may write it */
    unsigned seen = atomic_fetch_add(&pool.barrier.value, 1);
    if (seen % POOL_ROUND == (unsigned)threads - 1)
        pool_next(&pool.barrier, POOL_ROUND - (unsigned)threads);
    else
        pool_await(&pool.barrier, seen, spin);
}

static void *pool_worker(void *argument)
{
    int thread = (int)(intptr_t)argument;
    int spin = 0;
    for (unsigned seen = 0;; seen += POOL_ROUND) {
        pool_await(&pool.start[thread], seen, spin);
        if (pool.ending)
            return NULL;
        int threads = pool.threads;
        spin = pool.spin;
        pool.work(pool.context, thread, threads);
        pool_barrier(thread, threads);
    }
}

static int pool_cores(void)
{
#if defined(__linux__) && defined(SYS_sched_getaffinity)
    unsigned long mask[128];
    long bytes = syscall(SYS_sched_getaffinity, 0, sizeof mask, mask);
    if (bytes > 0) {
        int cores = 0;
        for (size_t word = 0; word < (size_t)bytes / sizeof *mask; word++)
            for (unsigned long bits = mask[word]; bits; bits &= bits - 1)
                cores++;
        return cores;
    }
#endif
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (int)online : 1;
}

/* A child of fork has the forking thread alone: it makes a pool of its own. */
static void pool_after_fork(void)
{
    pthread_mutex_t free_mutex = PTHREAD_MUTEX_INITIALIZER;
    pool.busy = free_mutex;
    pool_fresh(&pool.barrier);
    pool.workers = 0;
}

/* Have `threads` threads, or as many as the system makes; returns how many there are. */
static int pool_grow(int threads)
{
    if (threads > POOL_MOST)
        threads = POOL_MOST;
    if (pool.workers + 1 >= threads)
        return threads;
    if (!pool.watched && pthread_atfork(NULL, NULL, pool_after_fork))
        return 1;
    pool.watched = 1;
    pool.cores = pool_cores();
    /* Signals go to the caller, which is the one that answers Ctrl-C; but a fault stays with the
     * thread that made it. */
    sigset_t blocked, before;
    sigfillset(&blocked);
    sigdelset(&blocked, SIGSEGV);
    sigdelset(&blocked, SIGBUS);
    sigdelset(&blocked, SIGFPE);
    sigdelset(&blocked, SIGILL);
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes))
        return pool.workers + 1;
    pthread_attr_setstacksize(&attributes, POOL_STACK);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    for (int next; (next = pool.workers + 1) < threads; pool.workers = next) {
        pool_fresh(&pool.start[next]);
        if (pthread_create(&pool.handle[next], &attributes, pool_worker, (void *)(intptr_t)next))
            break;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return pool.workers + 1;
}

static inline void pool_run(int threads, pool_work work, void *context)
{
    if (threads <= 1) {
        work(context, 0, 1);
        return;
    }
    pthread_mutex_lock(&pool.busy);
    threads = pool_grow(threads);
    pool.work = work;
    pool.context = context;
    pool.threads = threads;
    pool.spin = threads <= pool.cores ? POOL_SPIN : 0;
    for (int thread = 1; thread < threads; thread++)
        pool_next(&pool.start[thread], POOL_ROUND);
    work(context, 0, threads);
    pool_barrier(0, threads);
    pthread_mutex_unlock(&pool.busy);
}

/* The library is unloaded, or the process ends: no worker may wake up in code that has gone.
 * A run under way, which only the end of the process can meet, is left to end with it. */
__attribute__((destructor)) static void pool_end(void)
{
    if (pthread_mutex_trylock(&pool.busy))
        return;
    pool.ending = 1;
    for (int thread = 1; thread <= pool.workers; thread++)
        pool_next(&pool.start[thread], POOL_ROUND);
    for (int thread = 1; thread <= pool.workers; thread++)
        pthread_join(pool.handle[thread], NULL);
    pool.workers = 0;
    pool.ending = 0;
    pthread_mutex_unlock(&pool.busy);
}

/* Subnormal operands and results count as zeros in the calling thread: 1 on, 0 off. Returns the
 * state before, to be handed back by a second call (2 and 3: results or operands alone). */
static inline int flush_denormals(int on)
{
#if defined(__x86_64__)
    const unsigned results = 0x8000, operands = 0x0040;
    const unsigned wanted[4] = {0, results | operands, results, operands};
    unsigned control;
    __asm__ volatile("stmxcsr %0" : "=m"(control)::"memory");
    int before = !(control & results) ? (control & operands ? 3 : 0) : control & operands ? 1 : 2;
    control = (control & ~(results | operands)) | wanted[on & 3];
    __asm__ volatile("ldmxcsr %0" ::"m"(control) : "memory");
    return before;
#elif defined(__aarch64__)
    const uint64_t flush = (uint64_t)1 << 24;
    uint64_t control;
    __asm__ volatile("mrs %0, fpcr" : "=r"(control)::"memory");
    int before = (control & flush) != 0;
    control = on ? control | flush : control & ~flush;
    __asm__ volatile("msr fpcr, %0" ::"r"(control) : "memory");
    return before;
#else
    (void)on;
    return 0;
#endif
}

#endif
