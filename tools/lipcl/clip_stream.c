#include "clip_stream.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "messages.h"
#include "options.h"

struct message {
    enum lipcl_log_level level;
    char *text;
};

/* A clip that waits to be taken. */
struct slot {
    struct clip clip;
    bool ok;
    struct message *messages;
    size_t message_count;
};

struct clip_stream {
    const char *const *paths;
    size_t count, limit;
    bool threaded;
    pthread_t thread;
    struct lipcl_context *ctx; /* the thread's, where there is one */
    struct slot *slots;        /* clip i waits in number i % limit */
    size_t taken;              /* by the caller's thread only */
    pthread_mutex_t mutex;     /* guards what follows; a slot belongs to the thread until its clip counts as decoded */
    pthread_cond_t changed;
    size_t decoded, released;
    bool stop;
};

static void keep_message(void *user, enum lipcl_log_level level, const char *message) {
    struct clip_stream *stream = user;
    struct slot *slot = &stream->slots[stream->decoded % stream->limit]; /* which only this thread increments */
    struct message *grown = realloc(slot->messages, (slot->message_count + 1) * sizeof *grown);
    if (!grown) die_of_memory();
    slot->messages = grown;
    grown[slot->message_count++] = (struct message){level, format_text("%s", message)};
}

static void decode_next(struct clip_stream *stream) {
    struct slot *slot = &stream->slots[stream->decoded % stream->limit];
    *slot = (struct slot){0};
    slot->ok = clip_load(stream->ctx, &slot->clip, stream->paths[stream->decoded]);
}

static void *decode_all(void *user) {
    struct clip_stream *stream = user;
    pthread_mutex_lock(&stream->mutex);
    while (!stream->stop && stream->decoded < stream->count) {
        if (stream->decoded - stream->released >= stream->limit) {
            pthread_cond_wait(&stream->changed, &stream->mutex);
            continue;
        }
        pthread_mutex_unlock(&stream->mutex);
        decode_next(stream);
        pthread_mutex_lock(&stream->mutex);
        stream->decoded++;
        pthread_cond_broadcast(&stream->changed);
    }
    pthread_mutex_unlock(&stream->mutex);
    return NULL;
}

/* The thread takes no signals: Ctrl-C is the main thread's. */
static bool start_thread(struct clip_stream *stream) {
    sigset_t all, before;
    sigfillset(&all);
    if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0) return false;
    bool started = pthread_create(&stream->thread, NULL, decode_all, stream) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

struct clip_stream *clip_stream_open(const char *const *paths, size_t count, size_t limit, bool ahead) {
    struct clip_stream *stream = allocate(1, sizeof *stream);
    struct lipcl_context_params params = {.log = keep_message, .log_level = options.log_level, .user = stream};
    stream->paths = paths;
    stream->count = count;
    stream->limit = limit;
    stream->slots = allocate(limit, sizeof *stream->slots);
    if (pthread_mutex_init(&stream->mutex, NULL) != 0 || pthread_cond_init(&stream->changed, NULL) != 0 ||
        lipcl_context_create(&stream->ctx, &params) != LIPCL_OK)
        die_of_memory();
    stream->threaded = ahead && start_thread(stream);
    return stream;
}

static void say_messages(struct slot *slot) {
    for (size_t i = 0; i < slot->message_count; i++) {
        message_log(NULL, slot->messages[i].level, slot->messages[i].text);
        free(slot->messages[i].text);
    }
    free(slot->messages);
    slot->messages = NULL;
    slot->message_count = 0;
}

bool clip_stream_take(struct clip_stream *stream, struct clip *clip) {
    struct slot *slot = &stream->slots[stream->taken % stream->limit];
    pthread_mutex_lock(&stream->mutex);
    while (stream->threaded && stream->decoded == stream->taken) pthread_cond_wait(&stream->changed, &stream->mutex);
    pthread_mutex_unlock(&stream->mutex);
    if (!stream->threaded) {
        decode_next(stream);
        stream->decoded++;
    }
    stream->taken++;
    say_messages(slot);
    *clip = slot->clip;
    slot->clip = (struct clip){0};
    return slot->ok;
}

void clip_stream_release(struct clip_stream *stream) {
    pthread_mutex_lock(&stream->mutex);
    stream->released++;
    pthread_cond_broadcast(&stream->changed);
    pthread_mutex_unlock(&stream->mutex);
}

void clip_stream_close(struct clip_stream **opened) {
    struct clip_stream *stream = *opened;
    if (!stream) return;
    pthread_mutex_lock(&stream->mutex);
    stream->stop = true;
    pthread_cond_broadcast(&stream->changed);
    pthread_mutex_unlock(&stream->mutex);
    if (stream->threaded) pthread_join(stream->thread, NULL);
    for (; stream->taken < stream->decoded; stream->taken++) {
        struct slot *slot = &stream->slots[stream->taken % stream->limit];
        for (size_t i = 0; i < slot->message_count; i++) free(slot->messages[i].text);
        free(slot->messages);
        clip_finish(&slot->clip);
    }
    lipcl_context_destroy(&stream->ctx);
    pthread_cond_destroy(&stream->changed);
    pthread_mutex_destroy(&stream->mutex);
    free(stream->slots);
    free(stream);
    *opened = NULL;
}
