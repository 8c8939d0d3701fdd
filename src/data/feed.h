/* SPDX-License-Identifier: Apache-2.0 */
/* Brings the rows of a data set to the device, batch by batch.
 *
 * A data set that fits on the device is kept there as a whole: in the host's own memory where the
 * device shares that, else as a copy. Of a larger one the host gathers each batch in one of several
 * slots, and sends it while the device works on earlier ones. The views of a batch have the same
 * bits either way. */
#ifndef MASKCL_DATA_FEED_H
#define MASKCL_DATA_FEED_H

#include "data/rows.h"
#include "device/context.h"
#include "maskcl/data.h"

typedef struct mcl_feed mcl_feed;

/* Epochs, counted from 0, each in its own random order. */
typedef struct mcl_shuffle {
    uint64_t seed;
    uint32_t epochs;
} mcl_shuffle;

/* Feeds batches of at most `batch` rows; without a shuffle (NULL) in the data set's own order, and
 * then without row numbers. To be created after all other buffers: it uses what they leave of the
 * context's memory, memory_before being the context's sum before the first of them.
 * MCL_ERROR_DEVICE when that is too little for one batch. The data must live as long as the feed.
 */
mcl_status mcl_feed_create(mcl_feed **feed, mcl_context *context, const mcl_data *data,
    uint32_t batch, const mcl_shuffle *shuffle, uint64_t memory_before);

/* Waits for pending transfers. NULL is allowed. */
void mcl_feed_free(mcl_feed *feed);

/* Puts the rows in the order of this epoch. */
mcl_status mcl_feed_epoch(mcl_feed *feed, uint32_t epoch);

/* Continues to draw the order of the next epoch, by as much as makes it ready in time when this is
 * called once a batch. */
void mcl_feed_ahead(mcl_feed *feed);

/* *rows = rows first … first+count-1 of the order, for commands that are enqueued before
 * mcl_feed_taken(). Waits for the batch whose slot this one gets. */
mcl_status mcl_feed_batch(mcl_rows *rows, mcl_feed *feed, uint64_t first, uint32_t count);

/* To be called when the last command that reads those rows has been enqueued. */
mcl_status mcl_feed_taken(mcl_feed *feed);

/* The bytes of device memory that a batch takes when it is sent. */
uint64_t mcl_feed_slot_size(const mcl_data *data, uint64_t batch);

/* MCL_ERROR_DEVICE when needed bytes, batch_size of them for a batch of `batch` rows, are more than
 * the context allows. */
mcl_status mcl_feed_check(
    const mcl_context *context, uint64_t needed, uint64_t batch_size, uint32_t batch);

#endif
