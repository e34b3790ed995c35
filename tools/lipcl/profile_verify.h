/* profile_verify.h: are the numbers of a profile those of kernels that compute what they should? */
#ifndef LIPCL_TOOLS_PROFILE_VERIFY_H
#define LIPCL_TOOLS_PROFILE_VERIFY_H

#include "command.h"
#include "profile_log.h"
#include "reading.h"

/* What is verified: lent. */
struct profile_verify_job {
    const struct reading *reading; /* the weights */
    struct clip *clip;             /* is run on host */
    const char *clip_path;
    const struct profile_log *logs; /* a device each; those that failed, and `host`, are left out */
    size_t count;
};

/* Runs the clip on `host` and verifies each device as `lipcl verify` does. results[i] becomes the object for `verification` of
 * device i, or null. EXIT_MISMATCH when a device computes something else than the references, EXIT_FAILED after a message. */
enum exit_code profile_verify(const struct profile_verify_job *job, json_t **results);

#endif
