/* lipnet.h: LipNet, which reads a sentence from a video of a mouth.
 *
 * Y. M. Assael, B. Shillingford, S. Whiteson, N. de Freitas, "LipNet: End-to-End Sentence-level Lipreading", 2016
 * (arXiv:1611.01599).
 *
 *   x [N,3,T,64,128]      frames in B, G, R order, divided by 255 (clip.h)
 *   conv1 Conv3d(3,32,(3,5,5),stride (1,2,2),pad (1,2,2)) relu dropout3d  maxpool (1,2,2)/(1,2,2)  -> [N,32,T,16,32]
 *   conv2 Conv3d(32,64,(3,5,5),stride 1,pad (1,2,2))      relu dropout3d  maxpool (1,2,2)/(1,2,2)  -> [N,64,T,8,16]
 *   conv3 Conv3d(64,96,(3,3,3),stride 1,pad 1)            relu dropout3d  maxpool (1,2,2)/(1,2,2)  -> [N,96,T,4,8]
 *   permute to [T,N,C,H,W], flatten to [T,N,3072]
 *   gru1 GRU(3072,256,bidirectional) dropout  gru2 GRU(512,256,bidirectional) dropout               -> [T,N,512]
 *   FC Linear(512,28), permute                                                                      -> [N,T,28]
 *
 * Class 0 is CTC's blank, 1 the space, 2..27 the letters A to Z; text.h decodes them.
 */
#ifndef LIPCL_LIPNET_H
#define LIPCL_LIPNET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lipcl/device.h>
#include <lipcl/graph.h>
#include <lipcl/plan.h>
#include <lipcl/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { LIPCL_LIPNET_HEIGHT = 64, LIPCL_LIPNET_WIDTH = 128, LIPCL_LIPNET_CLASSES = 28 };

/* The zero value is the default: evaluating. */
struct lipcl_lipnet_params {
    bool training; /* dropout with p = 0.5 after every convolution and GRU */
    uint64_t seed; /* of the dropout masks; each layer derives its own from it */
};

/* Describes the model for `batch` clips of `frames` frames: input "x" [N,3,T,64,128], output "logits" [N,T,28].
 * `params` may be NULL. Returns the graph's status. */
LIPCL_API enum lipcl_status lipcl_lipnet_describe(struct lipcl_graph *graph, size_t batch, size_t frames,
                                                  const struct lipcl_lipnet_params *params);

/* Initial weights as the published model's: convolutions kaiming-normal for ReLU (fan-in), FC kaiming-normal with gain 1, their
 * biases 0; per GRU, direction and gate W_ih uniform in +-sqrt(3) sqrt(2 / (96*3*6 + 256)) (3*6, not 4*8: as published), W_hh
 * orthogonal, b_ih 0, b_hh uniform in +-1/sqrt(256). The same seed gives the same weights everywhere. The caller destroys *set.
 */
LIPCL_API enum lipcl_status lipcl_lipnet_init(struct lipcl_context *ctx, struct lipcl_tensor_set **set, uint64_t seed);

/* Loads weights from a safetensors file and checks that they are LipNet's: a tensor that is missing or has another shape is an
 * error that says which, wanted and found; unexpected tensors, NaN and infinities are warned of. A leading "module." of the
 * names is accepted. The caller destroys *set. */
LIPCL_API enum lipcl_status lipcl_lipnet_load(struct lipcl_context *ctx, struct lipcl_tensor_set **set, const char *path);

/* A reader keeps a device and a plan, and makes a new plan when the clip's shape changes. Where the device was chosen by "auto"
 * and fails, it goes on with the next device and at last with `host`, which gives the same answer, and says so once. A batch
 * for which there is too little memory, on the device or by max_memory, is computed in parts; not so with keep_values. */
struct lipcl_lipnet_reader;

/* The zero value is the default. */
struct lipcl_lipnet_reader_params {
    const char *device; /* a selector (device.h); NULL: $LIPCL_DEVICE, else "auto" */
    /* Without `weights`: the safetensors file that they are in. They are loaded for each plan and let go of when it is made, so
     * that a device that has its own copy leaves none on the host. The string has to outlive the reader. */
    const char *model;
    struct lipcl_plan_params plan;
};

/* `weights` must outlive the reader; NULL: params->model says where they are, and the first ones are loaded here. `params` may
 * be NULL. */
LIPCL_API enum lipcl_status lipcl_lipnet_reader_create(struct lipcl_context *ctx, struct lipcl_lipnet_reader **reader,
                                                       const struct lipcl_tensor_set *weights,
                                                       const struct lipcl_lipnet_reader_params *params);
LIPCL_API void lipcl_lipnet_reader_destroy(struct lipcl_lipnet_reader **reader);

/* Makes the plan for clips of that shape, if it is not there yet; running does so too. For timing a run without planning. */
LIPCL_API enum lipcl_status lipcl_lipnet_reader_prepare(struct lipcl_context *ctx, struct lipcl_lipnet_reader *reader,
                                                        size_t batch, size_t frames);

/* Computes the logits, a new F32 tensor [N,T,28] that the caller destroys, of x [N,3,T,64,128], F32. */
LIPCL_API enum lipcl_status lipcl_lipnet_reader_run(struct lipcl_context *ctx, struct lipcl_lipnet_reader *reader,
                                                    struct lipcl_tensor **logits, const struct lipcl_tensor *x);

/* What the reader works with now; owned by the reader. The plan is NULL before the first run or prepare. */
LIPCL_API const struct lipcl_device_info *lipcl_lipnet_reader_device(const struct lipcl_lipnet_reader *reader);
LIPCL_API struct lipcl_plan *lipcl_lipnet_reader_plan(struct lipcl_lipnet_reader *reader);

#ifdef __cplusplus
}
#endif
#endif
