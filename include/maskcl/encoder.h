/* SPDX-License-Identifier: Apache-2.0 */
/* An encoder that stays on a device between calls, for programs that embed rows as they come. */
#ifndef MASKCL_ENCODER_H
#define MASKCL_ENCODER_H

#include <stdint.h>

#include "maskcl/device.h"
#include "maskcl/model.h"
#include "maskcl/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A session. One thread at a time may use it, or anything else of its context. */
typedef struct mcl_encoder mcl_encoder;

/* *encoder = a session of a model's encoder on the context's device, with memory for `rows` rows at
 * once. What it computes is what layer `layer` makes of rows, counted as by mcl_embed_layer(); 0 is
 * the embedding. The parameters are copied: the model may be changed or freed afterwards. The
 * context must outlive the session; there may be several sessions on one. MCL_ERROR_ARGUMENT for
 * NULL, 0 rows and a layer that is not there; MCL_ERROR_MEMORY and MCL_ERROR_DEVICE where memory is
 * too small for so many rows. The first run compiles the kernels. */
MCL_API mcl_status mcl_encoder_open(mcl_encoder **encoder, mcl_context *context,
    const mcl_model *model, uint32_t layer, uint32_t rows);

/* Values of a row that goes in: the model's input; and of one that comes out. */
MCL_API uint32_t mcl_encoder_columns(const mcl_encoder *encoder);
MCL_API uint32_t mcl_encoder_width(const mcl_encoder *encoder);

/* embeddings[rows × width] = what the encoder makes of values[rows × columns], row-major, with the
 * bits that mcl_embed_layer() gives these rows whatever the number of rows of either. More rows
 * than the session was opened for are embedded in parts. The values are those of float data: where
 * the model was trained on bytes, the caller scales them to [0,1], each byte divided by 255.
 * Returns when the embeddings are there. 0 rows are none; NULL is MCL_ERROR_ARGUMENT. */
MCL_API mcl_status mcl_encoder_run(
    mcl_encoder *encoder, float *embeddings, const float *values, uint64_t rows);

/* Frees what the session holds; NULL is allowed. */
MCL_API void mcl_encoder_close(mcl_encoder *encoder);

#ifdef __cplusplus
}
#endif

#endif
