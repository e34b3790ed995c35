/* lipcl.h: every public header. */
#ifndef LIPCL_LIPCL_H
#define LIPCL_LIPCL_H

#include <lipcl/check.h>
#include <lipcl/clip.h>
#include <lipcl/context.h>
#include <lipcl/device.h>
#include <lipcl/graph.h>
#include <lipcl/lipnet.h>
#include <lipcl/npy.h>
#include <lipcl/operators.h>
#include <lipcl/plan.h>
#include <lipcl/profile.h>
#include <lipcl/safetensors.h>
#include <lipcl/status.h>
#include <lipcl/tensor.h>
#include <lipcl/text.h>
#include <lipcl/tune.h>
#include <lipcl/verify.h>

#endif
