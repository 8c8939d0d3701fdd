/* SPDX-License-Identifier: Apache-2.0 */
/* Batches of a data set on the device: the right rows and numbers, whatever memory there is. */
#include "support/device.h"

#include <sys/mman.h>
#include <unistd.h>

#include "data/builder.h"
#include "data/data.h"
#include "data/feed.h"
#include "data/permutation.h"

#define SEED 0x123456789ABCDEFu
#define EPOCHS 3
#define SLOTS_MAX 4

struct set {
    mcl_element element;
    uint64_t rows, columns;
    uint32_t batch;
};

static const struct set sets[] = {
    {MCL_ELEMENT_UINT8, 1, 1, 1},
    {MCL_ELEMENT_FLOAT32, 3, 1, 2},
    {MCL_ELEMENT_UINT8, 67, 13, 8},
    {MCL_ELEMENT_FLOAT32, 64, 5, 64},
    {MCL_ELEMENT_FLOAT32, 100, 784, 9},
    {MCL_ELEMENT_UINT8, 4000, 300, 100},
};
#define SETS ((int)(sizeof sets / sizeof *sets))

static bool in_a_file; /* that is where data lie, and not in memory */

/* As many bytes as the order of the rows takes in memory, but not the rows. */
static mcl_data *store(unsigned char *values, const struct set *set)
{
    const mcl_row_plan plan = {.element = set->element,
        .shape = {set->columns},
        .dimensions = 1,
        .host_memory = mcl_permutation_bytes(set->rows),
        .source = "a test"};
    mcl_builder *builder;
    mcl_data *data;
    ASSERT_OK(mcl_builder_create(&builder, &plan));
    ASSERT_OK(mcl_builder_add(builder, values, set->rows));
    ASSERT_OK(mcl_builder_finish(&data, builder));
    mcl_builder_free(builder);
    free(values);
    ck_assert(mcl_data_is_stored(data));
    return data;
}

/* Rows that no other has, in memory that is not a page's begin. */
static mcl_data *make_data(const struct set *set)
{
    const uint64_t shape[] = {set->rows, set->columns};
    const size_t count = (size_t)(set->rows * set->columns), size = mcl_element_size(set->element);
    unsigned char *values = allocate(count, size);
    float *random = allocate(count, sizeof *random);
    fill_random(random, count, 9);
    for (size_t i = 0; i < count; i++) {
        if (set->element == MCL_ELEMENT_FLOAT32)
            memcpy(values + i * size, &random[i], size);
        else
            values[i] = (unsigned char)(128.0f + 128.0f * random[i]);
    }
    free(random);
    mcl_data *data;
    if (in_a_file)
        return store(values, set);
    ASSERT_OK(mcl_data_create(&data, values, set->element, shape, 2, "a test"));
    return data;
}

static size_t row_size(const struct set *set)
{
    return (size_t)set->columns * mcl_element_size(set->element);
}

static mcl_feed *make_feed(const mcl_data *data, uint32_t batch, const mcl_shuffle *shuffle)
{
    mcl_feed *feed = NULL;
    ASSERT_OK(mcl_feed_create(&feed, context, data, batch, shuffle, context->memory_made));
    return feed;
}

static void copy_on_device(cl_mem from, size_t from_offset, cl_mem to, size_t to_offset, size_t n)
{
    ck_assert_int_eq(
        clEnqueueCopyBuffer(context->queue, from, to, from_offset, to_offset, n, 0, NULL, NULL),
        CL_SUCCESS);
}

/* What the device has seen of an epoch: the rows in the order of the batches, and their numbers. */
struct seen {
    cl_mem rows, numbers;
};

/* Enqueues the copying of a batch's rows to place `first` of what is seen. */
static void look(const struct seen *seen, const mcl_rows *rows, const struct set *set,
    const uint64_t *order, uint64_t first, uint32_t count)
{
    const size_t row = row_size(set), start = rows->start * mcl_element_size(set->element);
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t place = rows->gathered ? i : order[first + i];
        copy_on_device(
            rows->data, start + (size_t)place * row, seen->rows, (size_t)(first + i) * row, row);
    }
    if (rows->order)
        copy_on_device(rows->order, (size_t)rows->first * sizeof *order, seen->numbers,
            (size_t)first * sizeof *order, count * sizeof *order);
}

/* Everything that was enqueued is compared when all of it is done. */
static void check_seen(const struct seen *seen, const mcl_data *data, const struct set *set,
    const uint64_t *order, uint64_t count, bool numbered)
{
    const size_t row = row_size(set);
    unsigned char *values = allocate((size_t)set->rows, row);
    unsigned char *rows = allocate((size_t)count, row);
    ASSERT_OK(mcl_data_read_rows(values, data, 0, set->rows));
    uint64_t *numbers = allocate((size_t)count, sizeof *numbers);
    read_buffer(rows, seen->rows, (size_t)count * row);
    read_buffer(numbers, seen->numbers, (size_t)count * sizeof *numbers);
    for (uint64_t i = 0; i < count; i++) {
        REQUIRE(memcmp(rows + i * row, values + order[i] * row, row) == 0,
            "place %u of %u is not row %u", (unsigned)i, (unsigned)count, (unsigned)order[i]);
        REQUIRE(!numbered || numbers[i] == order[i], "place %u has the number %u instead of %u",
            (unsigned)i, (unsigned)numbers[i], (unsigned)order[i]);
    }
    free(values);
    free(rows);
    free(numbers);
}

static void make_seen(struct seen *seen, const struct set *set)
{
    ASSERT_OK(mcl_buffer_create(&seen->rows, context, set->rows, row_size(set), "a test"));
    ASSERT_OK(mcl_buffer_create(&seen->numbers, context, set->rows, sizeof(uint64_t), "a test"));
}

static void release_seen(struct seen *seen)
{
    mcl_buffer_release(&seen->rows);
    mcl_buffer_release(&seen->numbers);
}

static uint64_t *order_of(const struct set *set, uint32_t epoch)
{
    mcl_permutation *permutation;
    uint64_t *order = allocate((size_t)set->rows, sizeof *order);
    ASSERT_OK(mcl_permutation_create(&permutation, set->rows));
    mcl_permutation_begin(permutation, SEED, epoch);
    mcl_permutation_finish(permutation, order);
    mcl_permutation_free(permutation);
    return order;
}

/* An epoch whose batches are enqueued as fast as the feed lets them. */
struct epoch {
    const struct set *set;
    uint64_t *order;
    struct seen seen;
};

/* ahead is called so many times a batch. */
static struct epoch enqueue_epoch(
    mcl_feed *feed, const struct set *set, uint32_t number, int ahead, bool whole)
{
    struct epoch epoch = {set, order_of(set, number), {NULL, NULL}};
    make_seen(&epoch.seen, set);
    ASSERT_OK(mcl_feed_epoch(feed, number));
    for (uint64_t first = 0; first + set->batch <= set->rows; first += set->batch) {
        mcl_rows rows;
        ASSERT_OK(mcl_feed_batch(&rows, feed, first, set->batch));
        ck_assert_int_eq(rows.gathered, !whole);
        look(&epoch.seen, &rows, set, epoch.order, first, set->batch);
        ASSERT_OK(mcl_feed_taken(feed));
        ck_assert_int_eq(clFlush(context->queue), CL_SUCCESS);
        for (int i = 0; i < ahead; i++)
            mcl_feed_ahead(feed);
    }
    return epoch;
}

static void end_epoch(struct epoch *epoch, const mcl_data *data)
{
    const struct set *set = epoch->set;
    check_seen(&epoch->seen, data, set, epoch->order, set->rows / set->batch * set->batch, true);
    release_seen(&epoch->seen);
    free(epoch->order);
}

static void check_epoch(mcl_feed *feed, const mcl_data *data, const struct set *set,
    uint32_t number, int ahead, bool whole)
{
    struct epoch epoch = enqueue_epoch(feed, set, number, ahead, whole);
    end_epoch(&epoch, data);
}

static void check_epochs(const struct set *set, uint64_t limit, bool whole)
{
    mcl_data *data = make_data(set);
    const mcl_shuffle shuffle = {SEED, EPOCHS};
    mcl_context_limit_memory(context, limit);
    for (int ahead = 0; ahead < 3; ahead++) {
        mcl_feed *feed = make_feed(data, set->batch, &shuffle);
        for (uint32_t epoch = 0; epoch < EPOCHS; epoch++)
            check_epoch(feed, data, set, epoch, ahead, whole);
        check_epoch(feed, data, set, EPOCHS - 1, ahead, whole); /* the same again */
        check_epoch(feed, data, set, 1, ahead, whole);          /* and one that is long over */
        mcl_feed_free(feed);
    }
    mcl_context_limit_memory(context, 0);
    mcl_data_free(data);
}

/* Epochs that follow each other while the device is still at the first. */
static void check_epochs_at_once(const struct set *set, uint64_t limit, bool whole)
{
    mcl_data *data = make_data(set);
    const mcl_shuffle shuffle = {SEED, EPOCHS};
    mcl_context_limit_memory(context, limit);
    mcl_feed *feed = make_feed(data, set->batch, &shuffle);
    struct epoch epochs[EPOCHS];
    for (uint32_t epoch = 0; epoch < EPOCHS; epoch++)
        epochs[epoch] = enqueue_epoch(feed, set, epoch, 1, whole);
    for (uint32_t epoch = 0; epoch < EPOCHS; epoch++)
        end_epoch(&epochs[epoch], data);
    mcl_feed_free(feed);
    mcl_context_limit_memory(context, 0);
    mcl_data_free(data);
}

/* Loop tests run for each set, with memory shared and not. */
static const struct set *begin(int loop)
{
    context->info.host_memory = loop % 2;
    return &sets[loop / 2];
}

static uint64_t whole_size(const struct set *set)
{
    return set->rows * (row_size(set) + sizeof(uint64_t));
}

START_TEST(test_a_whole_data_set)
{
    const struct set *set = begin(_i);
    check_epochs(set, 0, true);
    check_epochs(set, whole_size(set), true);
    check_epochs_at_once(set, 0, true);
}
END_TEST

START_TEST(test_batches_in_any_number_of_slots)
{
    const struct set *set = begin(_i);
    mcl_data *data = make_data(set);
    const uint64_t slot = mcl_feed_slot_size(data, set->batch);
    mcl_data_free(data);
    for (uint64_t slots = 1; slots <= SLOTS_MAX + 1; slots++) {
        const uint64_t limit = slots * slot;
        if (limit >= whole_size(set))
            continue;
        check_epochs(set, limit, false);
        check_epochs_at_once(set, limit, false);
    }
}
END_TEST

/* Where one buffer cannot be that large, there are slots, too. */
START_TEST(test_a_data_set_beyond_the_largest_buffer)
{
    const struct set *set = begin(_i);
    const uint64_t largest = context->info.largest_buffer;
    const uint64_t bytes = set->rows * row_size(set);
    mcl_data *data = make_data(set);
    const mcl_shuffle shuffle = {SEED, 1};
    const uint64_t slot = mcl_feed_slot_size(data, set->batch);
    context->info.largest_buffer = bytes - 1 > slot ? bytes - 1 : slot;
    const bool whole = bytes <= context->info.largest_buffer;
    mcl_feed *feed = make_feed(data, set->batch, &shuffle);
    context->info.largest_buffer = largest;
    check_epoch(feed, data, set, 0, 1, whole);
    mcl_feed_free(feed);
    mcl_data_free(data);
}
END_TEST

/* In the data set's own order, with a last batch that is smaller. */
static void check_own_order(const mcl_data *data, const struct set *set)
{
    struct seen seen = {NULL, NULL};
    uint64_t *order = allocate((size_t)set->rows, sizeof *order);
    for (uint64_t i = 0; i < set->rows; i++)
        order[i] = i;
    make_seen(&seen, set);
    mcl_feed *feed = make_feed(data, set->batch, NULL);
    for (uint64_t first = 0; first < set->rows; first += set->batch) {
        const uint64_t left = set->rows - first;
        const uint32_t count = left < set->batch ? (uint32_t)left : set->batch;
        mcl_rows rows;
        ASSERT_OK(mcl_feed_batch(&rows, feed, first, count));
        ck_assert(rows.gathered && !rows.order);
        look(&seen, &rows, set, order, first, count);
        ASSERT_OK(mcl_feed_taken(feed));
        ck_assert_int_eq(clFlush(context->queue), CL_SUCCESS);
    }
    check_seen(&seen, data, set, order, set->rows, false);
    mcl_feed_free(feed);
    release_seen(&seen);
    free(order);
}

START_TEST(test_the_own_order)
{
    const struct set *set = begin(_i);
    mcl_data *data = make_data(set);
    check_own_order(data, set);
    for (uint64_t slots = 1; slots <= SLOTS_MAX; slots++) {
        mcl_context_limit_memory(context, slots * mcl_feed_slot_size(data, set->batch));
        check_own_order(data, set);
    }
    mcl_context_limit_memory(context, 0);
    mcl_data_free(data);
}
END_TEST

/* The same rows from a file: in slots, but on a device with memory of its own that has room for
 * all.
 */
START_TEST(test_rows_in_a_file)
{
    const struct set *set = begin(_i);
    const bool shared = context->info.host_memory;
    in_a_file = true;
    mcl_data *data = make_data(set);
    const uint64_t slot = mcl_feed_slot_size(data, set->batch);
    mcl_data_free(data);
    check_epochs(set, 0, !shared);
    check_epochs_at_once(set, 0, !shared);
    for (uint64_t slots = 1; slots <= SLOTS_MAX; slots++) {
        if (shared || slots * slot < whole_size(set))
            check_epochs(set, slots * slot, false);
    }
    data = make_data(set);
    check_own_order(data, set);
    mcl_data_free(data);
    in_a_file = false;
}
END_TEST

/* A failure comes with the batch that could not be read, and in the same words. */
START_TEST(test_a_file_that_cannot_be_read)
{
    const struct set *set = begin(2 * 5 + _i);
    const mcl_shuffle shuffle = {SEED, 1};
    const int file = memfd_create("rows", 0);
    const uint64_t shape[] = {set->rows, set->columns};
    mcl_store *store;
    mcl_data *data;
    mcl_rows rows;
    ck_assert_int_eq(ftruncate(file, (off_t)(set->rows * row_size(set))), 0);
    ASSERT_OK(mcl_store_create(&store, set->element, set->columns));
    ASSERT_OK(
        mcl_store_add(store, &(mcl_store_part){.file = file, .name = "rows", .rows = set->rows}));
    ASSERT_OK(mcl_data_create_stored(&data, store, 1 << 20, set->element, shape, 2, "a test"));
    mcl_context_limit_memory(context, 2 * mcl_feed_slot_size(data, set->batch));
    mcl_feed *feed = make_feed(data, set->batch, &shuffle);
    ASSERT_OK(mcl_feed_epoch(feed, 0));
    ASSERT_OK(mcl_feed_batch(&rows, feed, 0, set->batch));
    ASSERT_OK(mcl_feed_taken(feed));
    ck_assert_int_eq(ftruncate(file, 100), 0);
    mcl_status status = MCL_OK;
    for (uint64_t first = set->batch; first < set->rows && status == MCL_OK; first += set->batch) {
        status = mcl_feed_batch(&rows, feed, first, set->batch);
        if (status == MCL_OK)
            ASSERT_OK(mcl_feed_taken(feed));
    }
    ck_assert_int_eq(status, MCL_ERROR_FILE);
    ck_assert_msg(strncmp(mcl_error_message(), "rows: was changed while", 23) == 0, "%s",
        mcl_error_message());
    mcl_feed_free(feed);
    mcl_data_free(data);
    mcl_context_limit_memory(context, 0);
}
END_TEST

START_TEST(test_memory_for_the_order)
{
    const struct set *set = begin(2 * 5);
    const mcl_shuffle shuffle = {SEED, 1};
    mcl_feed *feed = NULL;
    mcl_data *part;
    const uint64_t shape[] = {set->rows, set->columns};
    mcl_store *store;
    ASSERT_OK(mcl_store_create(&store, set->element, set->columns));
    ASSERT_OK(mcl_data_create_stored(&part, store, 23999, set->element, shape, 2, "a test"));
    ck_assert_int_eq(
        mcl_feed_create(&feed, context, part, set->batch, &shuffle, context->memory_made),
        MCL_ERROR_MEMORY);
    ck_assert_str_eq(mcl_error_message(), "a test: the order of 4000 rows takes 24000 bytes of "
                                          "memory, but only 23999 may be used: raise "
                                          "`host_memory`");
    mcl_data_free(part);
}
END_TEST

/* Host and device use the same memory, and the buffer is not larger than the pages of the data. */
START_TEST(test_shared_memory_is_not_copied)
{
    const struct set *set = begin(2 * 4 + 1);
    const mcl_shuffle shuffle = {SEED, 1};
    mcl_data *unaligned = make_data(set), *aligned = NULL;
    ASSERT_OK(
        mcl_data_from_floats(&aligned, mcl_data_values(unaligned), set->rows - 1, set->columns));
    ck_assert_uint_eq((uintptr_t)mcl_data_values(aligned) % 4096, 0);
    const mcl_data *both[] = {unaligned, aligned};
    for (int i = 0; i < 2; i++) {
        mcl_feed *feed = make_feed(both[i], 1, &shuffle);
        mcl_rows rows;
        void *host = NULL;
        size_t size = 0;
        ASSERT_OK(mcl_feed_epoch(feed, 0));
        ASSERT_OK(mcl_feed_batch(&rows, feed, 0, 1));
        ck_assert_int_eq(
            clGetMemObjectInfo(rows.data, CL_MEM_HOST_PTR, sizeof host, &host, NULL), CL_SUCCESS);
        ck_assert_ptr_eq(host, mcl_data_values(both[i]));
        ck_assert_int_eq(
            clGetMemObjectInfo(rows.data, CL_MEM_SIZE, sizeof size, &size, NULL), CL_SUCCESS);
        const size_t bytes = (size_t)mcl_data_rows(both[i]) * row_size(set);
        ck_assert_uint_ge(size, bytes);
        ck_assert_uint_le(size, (bytes + 4095) / 4096 * 4096);
        mcl_feed_free(feed);
    }
    mcl_data_free(unaligned);
    mcl_data_free(aligned);
}
END_TEST

START_TEST(test_too_little_memory)
{
    const struct set *set = begin(_i);
    const mcl_shuffle shuffle = {SEED, 1};
    mcl_data *data = make_data(set);
    const uint64_t slot = mcl_feed_slot_size(data, set->batch);
    const uint64_t least = slot < whole_size(set) ? slot : whole_size(set);
    const uint64_t needed = 1000 + least;
    cl_mem other = NULL;
    const uint64_t before = context->memory_made;
    ASSERT_OK(mcl_buffer_create(&other, context, 1000, 1, "a test"));
    const uint64_t limits[] = {1, 999, 1000, needed - 1};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        char expected[200];
        mcl_feed *feed = NULL;
        mcl_context_limit_memory(context, limits[i]);
        ck_assert_int_eq(
            mcl_feed_create(&feed, context, data, set->batch, &shuffle, before), MCL_ERROR_DEVICE);
        ck_assert_ptr_null(feed);
        snprintf(expected, sizeof expected,
            ": %u bytes of device memory are needed, %u of them for a batch of %u rows, but only "
            "%u may be used: raise the limit on device memory, or make the batch or the "
            "model smaller",
            (unsigned)needed, (unsigned)least, (unsigned)set->batch, (unsigned)limits[i]);
        ck_assert_msg(strstr(mcl_error_message(), expected) != NULL, "%s", mcl_error_message());
    }
    mcl_feed *feed = NULL;
    mcl_context_limit_memory(context, needed);
    ASSERT_OK(mcl_feed_create(&feed, context, data, set->batch, &shuffle, before));
    mcl_feed_free(feed);
    mcl_context_limit_memory(context, 0);
    mcl_buffer_release(&other);
    mcl_data_free(data);
}
END_TEST

/* Freed in the middle of an epoch, the data right after it. */
START_TEST(test_an_end_at_any_time)
{
    const struct set *set = begin(2 * 5 + _i % 2);
    const mcl_shuffle shuffle = {SEED, 2};
    for (uint64_t slots = 0; slots <= SLOTS_MAX; slots++) {
        for (uint64_t batches = 0; batches < 6; batches++) {
            mcl_data *data = make_data(set);
            struct seen seen = {NULL, NULL};
            uint64_t *order = order_of(set, 0);
            make_seen(&seen, set);
            mcl_context_limit_memory(context, slots * mcl_feed_slot_size(data, set->batch));
            mcl_feed *feed = make_feed(data, set->batch, &shuffle);
            ASSERT_OK(mcl_feed_epoch(feed, 0));
            for (uint64_t b = 0; b < batches; b++) {
                mcl_rows rows;
                ASSERT_OK(mcl_feed_batch(&rows, feed, b * set->batch, set->batch));
                look(&seen, &rows, set, order, b * set->batch, set->batch);
                if (b + 1 < batches) /* as after a failure in between */
                    ASSERT_OK(mcl_feed_taken(feed));
            }
            mcl_feed_free(feed);
            mcl_data_free(data);
            release_seen(&seen);
            free(order);
        }
    }
    mcl_context_limit_memory(context, 0);
    mcl_feed_free(NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("feed");
    TCase *tcase = tcase_create("feed");
    tcase_set_timeout(tcase, 300);
    tcase_add_checked_fixture(tcase, context_setup, context_teardown);
    tcase_add_loop_test(tcase, test_a_whole_data_set, 0, 2 * SETS);
    tcase_add_loop_test(tcase, test_batches_in_any_number_of_slots, 0, 2 * SETS);
    tcase_add_loop_test(tcase, test_a_data_set_beyond_the_largest_buffer, 0, 2 * SETS);
    tcase_add_loop_test(tcase, test_the_own_order, 0, 2 * SETS);
    tcase_add_loop_test(tcase, test_rows_in_a_file, 2, 2 * SETS);
    tcase_add_loop_test(tcase, test_a_file_that_cannot_be_read, 0, 2);
    tcase_add_test(tcase, test_memory_for_the_order);
    tcase_add_test(tcase, test_shared_memory_is_not_copied);
    tcase_add_loop_test(tcase, test_too_little_memory, 0, 2 * SETS);
    tcase_add_loop_test(tcase, test_an_end_at_any_time, 0, 2);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
