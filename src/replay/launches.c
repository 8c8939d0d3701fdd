/* SPDX-License-Identifier: Apache-2.0 */
#include "replay/launches.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "device/kernels.h"

#define WORD sizeof(uint32_t)
#define BUFFERS_MAX 512 /* of a step */

/* Words that a buffer got: `words` of them from word `first` on. */
struct patch {
    size_t first, words;
    uint32_t *values;
};

/* A launch on the recorded side. */
struct event {
    char name[64];
    size_t count;
    struct {
        size_t buffer;              /* its place; NONE: no buffer */
        struct patch before, after; /* what it got since the launch before, and by this one */
    } of[MCL_LAUNCH_BUFFERS_MAX];
};

#define NONE SIZE_MAX

/* A buffer of the recorded side and what is known to be in it. */
struct buffer {
    cl_mem memory;
    size_t words;
    uint32_t *values;
    uint32_t *first; /* when it was first seen */
};

struct mcl_launches {
    mcl_context *context; /* the one that is watched now */
    mcl_observer observer;
    struct buffer buffers[BUFFERS_MAX];
    size_t buffer_count;
    struct event *events;
    size_t count, capacity;
    size_t next;                            /* to compare */
    mcl_difference *difference;             /* NULL: they are being recorded */
    uint32_t *ours[MCL_LAUNCH_BUFFERS_MAX]; /* of the other side, before the launch under way */
    size_t our_words[MCL_LAUNCH_BUFFERS_MAX];
};

mcl_status mcl_launches_create(mcl_launches **launches)
{
    return mcl_allocate(launches, 1, sizeof **launches);
}

static void free_ours(mcl_launches *launches)
{
    for (size_t i = 0; i < MCL_LAUNCH_BUFFERS_MAX; i++) {
        free(launches->ours[i]);
        launches->ours[i] = NULL;
    }
}

void mcl_launches_free(mcl_launches *launches)
{
    if (!launches)
        return;
    free_ours(launches);
    for (size_t i = 0; i < launches->buffer_count; i++) {
        free(launches->buffers[i].values);
        free(launches->buffers[i].first);
    }
    for (size_t i = 0; i < launches->count; i++) {
        for (size_t j = 0; j < launches->events[i].count; j++) {
            free(launches->events[i].of[j].before.values);
            free(launches->events[i].of[j].after.values);
        }
    }
    free(launches->events);
    free(launches);
}

/* *values = what is in a buffer now, whole words of it. */
static mcl_status read_words(uint32_t **values, size_t *words, mcl_context *context, cl_mem memory)
{
    size_t size = 0;
    uint32_t *read;
    const cl_int code = clGetMemObjectInfo(memory, CL_MEM_SIZE, sizeof size, &size, NULL);
    if (code != CL_SUCCESS)
        return mcl_fail(MCL_ERROR_DEVICE, "%s: asking for a buffer's size failed: %s (%d)",
            context->info.name, mcl_opencl_error_name(code), code);
    MCL_TRY(mcl_allocate(&read, size / WORD + 1, WORD));
    const mcl_status status = mcl_buffer_read(context, read, memory, 0, size / WORD * WORD);
    if (status != MCL_OK) {
        free(read);
        return status;
    }
    *values = read;
    *words = size / WORD;
    return MCL_OK;
}

/* Recording. */

/* *patch = the words in which new differs from old, which becomes it. */
static mcl_status take_patch(struct patch *patch, uint32_t *old, const uint32_t *new, size_t words)
{
    size_t first = 0, end = words;
    *patch = (struct patch){0};
    while (first < words && old[first] == new[first])
        first++;
    while (end > first && old[end - 1] == new[end - 1])
        end--;
    if (first == end)
        return MCL_OK;
    MCL_TRY(mcl_allocate(&patch->values, end - first, WORD));
    patch->first = first;
    patch->words = end - first;
    memcpy(patch->values, new + first, patch->words * WORD);
    memcpy(old + first, new + first, patch->words * WORD);
    return MCL_OK;
}

static mcl_status add_buffer(mcl_launches *launches, cl_mem memory)
{
    struct buffer *buffer = &launches->buffers[launches->buffer_count];
    if (launches->buffer_count == BUFFERS_MAX)
        return mcl_fail(MCL_ERROR_MEMORY, "a step has more than %d buffers", BUFFERS_MAX);
    *buffer = (struct buffer){.memory = memory};
    launches->buffer_count++;
    MCL_TRY(read_words(&buffer->values, &buffer->words, launches->context, memory));
    MCL_TRY(mcl_allocate(&buffer->first, buffer->words + 1, WORD));
    memcpy(buffer->first, buffer->values, buffer->words * WORD);
    return MCL_OK;
}

static size_t find_buffer(const mcl_launches *launches, cl_mem memory)
{
    size_t at = 0;
    while (at < launches->buffer_count && launches->buffers[at].memory != memory)
        at++;
    return at;
}

/* *patch = what the buffer got since it was looked at last. */
static mcl_status look(struct patch *patch, mcl_launches *launches, size_t at)
{
    struct buffer *buffer = &launches->buffers[at];
    uint32_t *now;
    size_t words;
    MCL_TRY(read_words(&now, &words, launches->context, buffer->memory));
    const mcl_status status =
        take_patch(patch, buffer->values, now, words < buffer->words ? words : buffer->words);
    free(now);
    return status;
}

static mcl_status add_event(mcl_launches *launches, const mcl_launch *launch)
{
    if (launches->count == launches->capacity) {
        const size_t capacity = 2 * launches->capacity + 64;
        struct event *longer = realloc(launches->events, capacity * sizeof *longer);
        if (!longer)
            return mcl_fail(MCL_ERROR_MEMORY, "the host has no memory for the launches of a step");
        launches->events = longer;
        launches->capacity = capacity;
    }
    struct event *event = &launches->events[launches->count++];
    memset(event, 0, sizeof *event);
    snprintf(event->name, sizeof event->name, "%s", launch->name);
    event->count = launch->count;
    return MCL_OK;
}

static mcl_status record_before(void *of, const mcl_launch *launch)
{
    mcl_launches *launches = of;
    MCL_TRY(add_event(launches, launch));
    struct event *event = &launches->events[launches->count - 1];
    for (size_t i = 0; i < event->count; i++) {
        event->of[i].buffer = NONE;
        if (!launch->buffers[i])
            continue;
        const size_t at = find_buffer(launches, launch->buffers[i]);
        if (at == launches->buffer_count)
            MCL_TRY(add_buffer(launches, launch->buffers[i]));
        else
            MCL_TRY(look(&event->of[i].before, launches, at));
        event->of[i].buffer = at;
    }
    return MCL_OK;
}

static mcl_status record_after(void *of, const mcl_launch *launch)
{
    mcl_launches *launches = of;
    struct event *event = &launches->events[launches->count - 1];
    (void)launch;
    for (size_t i = 0; i < event->count; i++) {
        if (event->of[i].buffer != NONE)
            MCL_TRY(look(&event->of[i].after, launches, event->of[i].buffer));
    }
    return MCL_OK;
}

void mcl_launches_record(mcl_launches *launches, mcl_context *context, bool whole_products)
{
    launches->context = context;
    launches->observer = (mcl_observer){record_before, record_after, launches, whole_products};
    context->observer = &launches->observer;
}

/* Comparing. What the recorded side had is followed from the first sight of its buffers on. */

static void apply(struct buffer *buffer, const struct patch *patch)
{
    if (patch->words)
        memcpy(buffer->values + patch->first, patch->values, patch->words * WORD);
}

/* The event of a launch; NULL when the sides have parted already, or do so here by what they run.
 */
static struct event *match(mcl_launches *launches, const mcl_launch *launch)
{
    mcl_difference *difference = launches->difference;
    struct event *event =
        launches->next < launches->count ? &launches->events[launches->next] : NULL;
    if (difference->located || *difference->other_kernel)
        return NULL;
    if (event && strcmp(event->name, launch->name) == 0 && event->count == launch->count)
        return event;
    difference->launch = launches->next + 1;
    snprintf(difference->kernel, sizeof difference->kernel, "%s", event ? event->name : "nothing");
    snprintf(difference->other_kernel, sizeof difference->other_kernel, "%s", launch->name);
    return NULL;
}

static mcl_status compare_before(void *of, const mcl_launch *launch)
{
    mcl_launches *launches = of;
    struct event *event = match(launches, launch);
    free_ours(launches);
    for (size_t i = 0; event && i < event->count; i++) {
        if (event->of[i].buffer == NONE || !launch->buffers[i])
            continue;
        apply(&launches->buffers[event->of[i].buffer], &event->of[i].before);
        MCL_TRY(read_words(
            &launches->ours[i], &launches->our_words[i], launches->context, launch->buffers[i]));
    }
    return MCL_OK;
}

/* Compares the words of a buffer that the launch changed on either side. */
static void compare_words(
    mcl_launches *launches, const struct event *event, size_t argument, const uint32_t *now)
{
    mcl_difference *difference = launches->difference;
    const struct buffer *theirs = &launches->buffers[event->of[argument].buffer];
    const struct patch *patch = &event->of[argument].after;
    const uint32_t *ours = launches->ours[argument];
    const size_t words = theirs->words < launches->our_words[argument]
                             ? theirs->words
                             : launches->our_words[argument];
    for (size_t i = 0; i < words; i++) {
        const bool patched = i >= patch->first && i - patch->first < patch->words;
        const uint32_t a = patched ? patch->values[i - patch->first] : theirs->values[i];
        if (a == now[i] || (a == theirs->values[i] && now[i] == ours[i]))
            continue;
        if (difference->differing++ > 0)
            continue;
        difference->located = true;
        difference->launch = launches->next + 1;
        snprintf(difference->kernel, sizeof difference->kernel, "%s", event->name);
        difference->argument = (uint32_t)argument;
        mcl_kernel_parameter(
            difference->parameter, sizeof difference->parameter, event->name, argument);
        difference->element = i;
        difference->bits[0] = a;
        difference->bits[1] = now[i];
    }
}

static mcl_status compare_after(void *of, const mcl_launch *launch)
{
    mcl_launches *launches = of;
    struct event *event = match(launches, launch);
    for (size_t i = 0; event && i < event->count; i++) {
        uint32_t *now;
        size_t words;
        if (!launches->ours[i])
            continue;
        MCL_TRY(read_words(&now, &words, launches->context, launch->buffers[i]));
        if (!launches->difference->located)
            compare_words(launches, event, i, now);
        free(now);
        apply(&launches->buffers[event->of[i].buffer], &event->of[i].after);
    }
    launches->next++;
    return MCL_OK;
}

void mcl_launches_compare(
    mcl_launches *launches, mcl_context *context, mcl_difference *difference, bool whole_products)
{
    for (size_t i = 0; i < launches->buffer_count; i++) {
        struct buffer *buffer = &launches->buffers[i];
        memcpy(buffer->values, buffer->first, buffer->words * WORD);
    }
    launches->context = context;
    launches->difference = difference;
    launches->next = 0;
    launches->observer = (mcl_observer){compare_before, compare_after, launches, whole_products};
    context->observer = &launches->observer;
}
