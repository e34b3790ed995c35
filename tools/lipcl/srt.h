/* srt.h: subtitles, a cue a word.
 *
 * The format (SubRip): cues numbered from 1, "hours:minutes:seconds,milliseconds --> ...", the text, an empty line.
 */
#ifndef LIPCL_TOOLS_SRT_H
#define LIPCL_TOOLS_SRT_H

#include <stdbool.h>

#include <lipcl/clip.h>
#include <lipcl/text.h>

/* Writes `text` to `path`, which holds the complete file or, on failure (false, after a message), what it held before.
 * A word appears with its first letter's first frame and stays until the next one appears, but at most half a second after
 * its last letter's last frame, and not beyond the clip. Where the clip does not tell its frame rate, 25 a second are taken. */
bool srt_write(const char *path, const struct lipcl_text *text, const struct lipcl_clip_info *info);

#endif
