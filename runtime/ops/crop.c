#include "ops/op.h"

void crop_activation(struct op_crop *crop, size_t i, const struct box *box) {
    crop->inputs[i] = (struct crop_input){CROP_INPUT, i, *box};
}

void crop_parameter(struct op_crop *crop, size_t i, const struct lipcl_shape *shape) {
    crop->inputs[i] = (struct crop_input){CROP_INPUT, i, box_whole(shape)};
}

void crop_parameter_rows(struct op_crop *crop, size_t i, const struct lipcl_shape *shape, size_t first, size_t count) {
    crop_parameter(crop, i, shape);
    crop->inputs[i].box.start[0] = (ptrdiff_t)first;
    crop->inputs[i].box.shape.dims[0] = count;
}
