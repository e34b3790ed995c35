/* clip_stream.h: clips in the order given, decoded by a thread of its own while the device computes.
 *
 * The thread has a lipcl context of its own, as two threads never share one. What it has to say about a clip is said when that
 * clip is taken, by the thread that takes it. A clip's tensor does not know its context and may change hands.
 */
#ifndef LIPCL_TOOLS_CLIP_STREAM_H
#define LIPCL_TOOLS_CLIP_STREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "reading.h"

struct clip_stream;

/* Opens the clips of `count` paths, which have to outlive the stream. At most `limit` clips (1 or more) exist at a time: those
 * that are decoded and not yet taken, and those taken and not yet released. Without `ahead`, or where there can be no thread, a
 * clip is decoded when it is taken. NULL after a message. */
struct clip_stream *clip_stream_open(const char *const *paths, size_t count, size_t limit, bool ahead);

/* Takes the next clip, which the caller finishes, waiting for it where need be; to be called `count` times at most, and not
 * while `limit` clips are taken. False after the messages that tell why it cannot be read. */
bool clip_stream_take(struct clip_stream *stream, struct clip *clip);

/* Tells that a clip which was taken has been finished, so that another may take its room. */
void clip_stream_release(struct clip_stream *stream);

/* Waits for the clip that is just being decoded, and forgets the others. NULL is fine. */
void clip_stream_close(struct clip_stream **stream);

#endif
