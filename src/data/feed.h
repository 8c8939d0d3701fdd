/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of a data set to the device, batch by batch.
 *
 * A data set that fits beside what else is on the device lies there as a whole: in the host's own
 * memory where the device shares that, else as a copy. Of a larger one the host gathers each batch
 * in a slot, of which there are several, and sends it while the device works on those before. The
 * views of a batch have the same bits either way. */
#ifndef MASKCL_DATA_FEED_H
#define MASKCL_DATA_FEED_H

#include "data/rows.h"
#include "device/context.h"
#include "maskcl/data.h"

typedef struct mcl_feed mcl_feed;

/* Epochs from 0 on, each in an order of its own. */
typedef struct mcl_shuffle {
    uint64_t seed;
    uint32_t epochs;
} mcl_shuffle;

/* Feeds batches of at most `batch` rows; without a shuffle (NULL) in the data set's own order, and
 * then without row numbers. To be made after all other buffers: it takes of the context's memory
 * what they leave, memory_before being the sum when there were none of them. MCL_ERROR_DEVICE when
 * that is too little for one batch. The data must live as long as the feed. */
mcl_status mcl_feed_create(mcl_feed **feed, mcl_context *context, const mcl_data *data,
    uint32_t batch, const mcl_shuffle *shuffle, uint64_t memory_before);

/* Waits for what is under way. NULL is allowed. */
void mcl_feed_free(mcl_feed *feed);

/* Puts the rows in the order of this epoch. */
mcl_status mcl_feed_epoch(mcl_feed *feed, uint32_t epoch);

/* Goes on with drawing the order of the next epoch, by as much as makes it ready in time when this
 * is called once a batch. */
void mcl_feed_ahead(mcl_feed *feed);

/* *rows = rows first … first+count-1 of the order, for commands that are enqueued before
 * mcl_feed_taken(). Waits for the batch whose slot this one gets. */
mcl_status mcl_feed_batch(mcl_rows *rows, mcl_feed *feed, uint64_t first, uint32_t count);

/* Says that the last command that reads those rows has been enqueued. */
mcl_status mcl_feed_taken(mcl_feed *feed);

/* The bytes of device memory that a batch takes when it is sent. */
uint64_t mcl_feed_slot_size(const mcl_data *data, uint64_t batch);

/* MCL_ERROR_DEVICE when more bytes of device memory are needed, batch_size of them for a batch of
 * so many rows, than the context allows. */
mcl_status mcl_feed_check(
    const mcl_context *context, uint64_t needed, uint64_t batch_size, uint32_t batch);

#endif
