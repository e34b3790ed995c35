#include "srt.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "messages.h"

/* When frame number `frame` begins. */
static uint64_t frame_ms(const struct lipcl_clip_info *info, size_t frame) {
    bool known = info->fps_numerator && info->fps_denominator;
    double fps = known ? (double)info->fps_numerator / (double)info->fps_denominator : 25;
    return (uint64_t)(1000 * (double)frame / fps + 0.5);
}

static void put_time(FILE *file, uint64_t ms) {
    fprintf(file, "%02u:%02u:%02u,%03u", (unsigned)(ms / 3600000), (unsigned)(ms / 60000 % 60), (unsigned)(ms / 1000 % 60),
            (unsigned)(ms % 1000));
}

static void put_cues(FILE *file, const struct lipcl_text *text, const struct lipcl_clip_info *info) {
    for (size_t i = 0; i < text->word_count; i++) {
        const struct lipcl_word *word = &text->words[i];
        bool last = i + 1 == text->word_count;
        uint64_t end = frame_ms(info, word->last_frame + 1) + 500;
        uint64_t limit = frame_ms(info, last ? text->frame_count : text->words[i + 1].first_frame);
        if (end > limit) end = limit;
        fprintf(file, "%zu\n", i + 1);
        put_time(file, frame_ms(info, word->first_frame));
        fputs(" --> ", file);
        put_time(file, end);
        fprintf(file, "\n%.*s\n\n", (int)word->char_count, text->chars + word->first_char);
    }
}

/* A file made by mkstemp is for its owner only; a subtitle file is as any other new file. */
static mode_t usual_mode(void) {
    mode_t mask = umask(0);
    umask(mask);
    return 0666 & ~mask;
}

/* False with errno set. */
static bool put_file(int descriptor, const struct lipcl_text *text, const struct lipcl_clip_info *info) {
    FILE *file = fdopen(descriptor, "w");
    if (!file) {
        close(descriptor);
        return false;
    }
    put_cues(file, text, info);
    bool ok = fflush(file) == 0 && fchmod(descriptor, usual_mode()) == 0 && fsync(descriptor) == 0;
    return fclose(file) == 0 && ok;
}

bool srt_write(const char *path, const struct lipcl_text *text, const struct lipcl_clip_info *info) {
    char *temporary = format_text("%s.XXXXXX", path);
    int descriptor = mkstemp(temporary);
    bool ok = descriptor >= 0 && put_file(descriptor, text, info) && rename(temporary, path) == 0;
    if (!ok) {
        complain("%s: cannot be written: %s", path, strerror(errno));
        if (descriptor >= 0) unlink(temporary);
    }
    free(temporary);
    return ok;
}
