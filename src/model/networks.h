/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a model as networks on a device. */
#ifndef MASKCL_MODEL_NETWORKS_H
#define MASKCL_MODEL_NETWORKS_H

#include "model/architecture.h"
#include "nn/network.h"

/* mcl_network_create() for a part of a model; NULL where the architecture does not have it. */
mcl_status mcl_network_create_part(mcl_network **network, mcl_context *context,
    const mcl_architecture *architecture, mcl_part part, uint32_t rows, mcl_network_use use);

/* The encoder, to be trained on data: with dropout after every block but the last, whose rate is in
 * [0,1), and 0 means none. */
mcl_status mcl_network_create_encoder(mcl_network **network, mcl_context *context,
    const mcl_architecture *architecture, uint32_t rows, float rate, uint64_t seed);

#endif
