/* SPDX-License-Identifier: Apache-2.0 */
/* An encoder that stays on a device between calls, for programs that embed rows as they arrive. */
#ifndef MASKCL_ENCODER_H
#define MASKCL_ENCODER_H

#include <stdint.h>

#include "maskcl/device.h"
#include "maskcl/model.h"
#include "maskcl/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A session. One thread at a time may use it, or anything else on its context. */
typedef struct mcl_encoder mcl_encoder;

/* *encoder = a session of a model's encoder on the context's device, with memory for `rows` rows at
 * once. It computes the output of layer `layer`, counted as by mcl_embed_layer(); 0 is the
 * embedding. The parameters are copied: the model may be changed or freed afterwards. The context
 * must outlive the session; it may have several. MCL_ERROR_ARGUMENT for NULL, 0 rows and a layer
 * that does not exist; MCL_ERROR_MEMORY and MCL_ERROR_DEVICE where there is too little memory for
 * so many rows. The first run compiles the kernels. */
MCL_API mcl_status mcl_encoder_open(mcl_encoder **encoder, mcl_context *context,
    const mcl_model *model, uint32_t layer, uint32_t rows);

/* The number of values of an input row, and of an output row. */
MCL_API uint32_t mcl_encoder_columns(const mcl_encoder *encoder);
MCL_API uint32_t mcl_encoder_width(const mcl_encoder *encoder);

/* embeddings[rows × width] = the output for values[rows × columns], row-major, with the bits that
 * mcl_embed_layer() gives these rows, whatever the number of rows of either. More rows than the
 * session was opened for are embedded in parts. The values are those of float data: if the model
 * was trained on bytes, the caller divides each byte by 255. Returns when the embeddings have been
 * written. 0 rows are allowed; NULL is MCL_ERROR_ARGUMENT. */
MCL_API mcl_status mcl_encoder_run(
    mcl_encoder *encoder, float *embeddings, const float *values, uint64_t rows);

/* Frees the session; NULL is allowed. */
MCL_API void mcl_encoder_close(mcl_encoder *encoder);

#ifdef __cplusplus
}
#endif

#endif
