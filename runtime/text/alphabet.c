#include <stdlib.h>

#include "base/log.h"
#include "text/ctc.h"

char lipcl_alphabet_char(size_t class_index) {
    static const char characters[] = "_ ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    _Static_assert(sizeof characters == LIPCL_CLASS_COUNT + 1, "a character a class");
    return class_index < LIPCL_CLASS_COUNT ? characters[class_index] : '?';
}

size_t lipcl_alphabet_class(char character) {
    if (character == ' ') return LIPCL_CLASS_SPACE;
    if (character >= 'A' && character <= 'Z') return LIPCL_CLASS_A + (size_t)(character - 'A');
    if (character >= 'a' && character <= 'z') return LIPCL_CLASS_A + (size_t)(character - 'a');
    return LIPCL_CLASS_BLANK;
}

enum lipcl_status text_create(struct lipcl_context *ctx, struct lipcl_text **text, const ctc_label *labels,
                              const struct ctc_span *spans, size_t count) {
    enum lipcl_status status = LIPCL_OK;
    struct lipcl_text *made = calloc(1, sizeof *made);
    if (!made) TRY(fail_memory(ctx, sizeof *made));
    made->chars = calloc(count + 1, 1);
    made->words = calloc(count / 2 + 1, sizeof *made->words); /* n words take n letters and n - 1 spaces */
    if (!made->chars || !made->words) TRY(fail_memory(ctx, (count / 2 + 1) * sizeof *made->words));
    size_t length = 0;
    for (size_t i = 0; i < count;) {
        if (labels[i] == LIPCL_CLASS_SPACE) {
            i++;
            continue;
        }
        if (made->word_count) made->chars[length++] = ' ';
        struct lipcl_word *word = &made->words[made->word_count++];
        *word = (struct lipcl_word){.first_char = length, .first_frame = spans[i].first};
        for (; i < count && labels[i] != LIPCL_CLASS_SPACE; i++) {
            made->chars[length++] = lipcl_alphabet_char(labels[i]);
            word->last_frame = spans[i].last;
        }
        word->char_count = length - word->first_char;
    }
    *text = made;
    return LIPCL_OK;

fail:
    lipcl_text_destroy(&made);
    return status;
}

void lipcl_text_destroy(struct lipcl_text **text) {
    if (!text || !*text) return;
    free((*text)->chars);
    free((*text)->words);
    free(*text);
    *text = NULL;
}
