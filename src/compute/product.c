/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/product.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "compute/providers.h"
#include "device/observe.h"
#include "device/profile.h"

static const mcl_epilogue none = {.kind = MCL_EPILOGUE_NONE};

/* The plans alive on a context, in the order in which they were made. */
struct plans {
    mcl_product *first, **end;
    bool are_native; /* another provider has failed, and is not believed any more */
};

struct mcl_product {
    mcl_context *context;
    struct plans *plans;
    const mcl_product_provider *provider;
    mcl_gemm gemm;
    mcl_epilogue epilogue;
    bool gathers;
    mcl_patches patches; /* where it does */
    void *plan;          /* the provider's */
    cl_mem packed;       /* B as the plan has it, or NULL */
    mcl_product *next, **link;
};

static const char plans_key;

static mcl_status plans_of(struct plans **plans, mcl_context *context)
{
    struct plans *created;
    *plans = mcl_context_attached(context, &plans_key);
    if (*plans)
        return MCL_OK;
    MCL_TRY(mcl_allocate(&created, 1, sizeof *created));
    created->end = &created->first;
    const mcl_status status = mcl_context_attach(context, &plans_key, created, free);
    if (status == MCL_OK)
        *plans = created;
    else
        free(created);
    return status;
}

static void enter(struct plans *plans, mcl_product *product)
{
    product->link = plans->end;
    *plans->end = product;
    plans->end = &product->next;
}

static void leave(mcl_product *product)
{
    if (product->next) {
        product->next->link = product->link;
    } else {
        product->plans->end = product->link;
    }
    *product->link = product->next;
}

const mcl_product *mcl_product_first(const mcl_context *context)
{
    const struct plans *plans = mcl_context_attached(context, &plans_key);
    return plans ? plans->first : NULL;
}

const mcl_product *mcl_product_next(const mcl_product *product)
{
    return product->next;
}

const mcl_gemm *mcl_product_gemm(const mcl_product *product)
{
    return &product->gemm;
}

const mcl_patches *mcl_product_patches(const mcl_product *product)
{
    return product->gathers ? &product->patches : NULL;
}

bool mcl_product_sums(const mcl_product *product)
{
    const mcl_observer *observer = product->context->observer;
    if (observer && observer->whole_products) /* launches are the same with every provider */
        return false;
    return product->epilogue.kind == MCL_EPILOGUE_SUMS && product->gemm.transpose_a &&
           product->provider->sums;
}

static void forget_plan(mcl_product *product)
{
    if (product->plan && product->provider->free)
        product->provider->free(product->plan);
    free(product->plan);
    product->plan = NULL;
}

/* Plans as the context's provider and tuning are now. */
static mcl_status plan(mcl_product *product)
{
    forget_plan(product);
    MCL_TRY(mcl_allocate(&product->plan, 1, product->provider->plan_size));
    const mcl_product_provider *provider = product->provider;
    const mcl_status status =
        product->gathers
            ? provider->create_gathering(product->plan, product->context, &product->gemm,
                  &product->patches, &product->epilogue)
            : provider->create(product->plan, product->context, &product->gemm, &product->epilogue);
    if (status != MCL_OK)
        forget_plan(product);
    return status;
}

/* Whether a native plan is to take the place of one that has failed. */
static bool may_be_replaced(const mcl_product *product, mcl_status status)
{
    const struct mcl_tuning *tuning = mcl_tuning_of(product->context);
    return status == MCL_ERROR_DEVICE && !product->provider->exact &&
           !(tuning && tuning->clblast_is_tried);
}

/* Says why, the first time, and plans anew. */
static mcl_status replace(mcl_product *product)
{
    if (!product->plans->are_native)
        mcl_context_warn(
            product->context, "%s; native products take over from here on", mcl_error_message());
    product->plans->are_native = true;
    forget_plan(product); /* by the provider whose it is */
    product->provider = mcl_product_native_of(product->context);
    return plan(product);
}

/* Plans, natively where the provider is not believed any more. */
static mcl_status plan_of_provider(mcl_product *product)
{
    return product->plans->are_native && may_be_replaced(product, MCL_ERROR_DEVICE)
               ? replace(product)
               : plan(product);
}

static void release(mcl_product *product)
{
    forget_plan(product);
    mcl_buffer_release(&product->packed);
    free(product);
}

static mcl_status create(mcl_product **product, mcl_context *context, const mcl_gemm *gemm,
    const mcl_patches *patches, const mcl_epilogue *epilogue)
{
    struct plans *plans;
    mcl_product *created;
    if (gemm->m == 0 || gemm->n == 0 || gemm->k == 0)
        return mcl_fail(MCL_ERROR_ARGUMENT, "a matrix product of %u × %u × %u has no elements",
            gemm->m, gemm->n, gemm->k);
    MCL_TRY(plans_of(&plans, context));
    MCL_TRY(mcl_allocate(&created, 1, sizeof *created));
    created->context = context;
    created->plans = plans;
    created->provider = mcl_product_provider_of(context);
    created->gemm = *gemm;
    created->epilogue = epilogue ? *epilogue : none;
    created->gathers = patches != NULL;
    if (patches)
        created->patches = *patches;
    mcl_status status = plan_of_provider(created);
    if (may_be_replaced(created, status))
        status = replace(created);
    if (status != MCL_OK) {
        release(created);
        return status;
    }
    enter(plans, created);
    *product = created;
    return MCL_OK;
}

mcl_status mcl_product_create(
    mcl_product **product, mcl_context *context, const mcl_gemm *gemm, const mcl_epilogue *epilogue)
{
    return create(product, context, gemm, NULL, epilogue);
}

bool mcl_product_gathers(const mcl_context *context)
{
    return mcl_product_provider_of(context)->create_gathering != NULL;
}

mcl_status mcl_product_create_gathering(mcl_product **product, mcl_context *context,
    const mcl_gemm *gemm, const mcl_patches *patches, const mcl_epilogue *epilogue)
{
    return create(product, context, gemm, patches, epilogue);
}

void mcl_product_free(mcl_product *product)
{
    if (!product)
        return;
    leave(product);
    release(product);
}

mcl_status mcl_product_pack(mcl_product *product, mcl_matrix b)
{
    if (!product->provider->pack)
        return MCL_OK;
    if (product->packed) { /* back to the B that is given */
        mcl_buffer_release(&product->packed);
        MCL_TRY(plan(product));
    }
    mcl_status status = product->provider->pack(&product->packed, product->plan, b);
    if (status != MCL_OK && product->provider->exact && mcl_tuning_give_up(product->context)) {
        MCL_TRY(plan(product)); /* by the default instead of a tuned tile */
        status = product->provider->pack(&product->packed, product->plan, b);
    }
    return status;
}

/* Whether a failure may be that of a kernel that asks for more than the device has: more registers,
 * local memory or work-items a group. */
static bool asks_too_much(cl_int code)
{
    return code == CL_BUILD_PROGRAM_FAILURE || code == CL_INVALID_WORK_GROUP_SIZE ||
           code == CL_INVALID_WORK_ITEM_SIZE || code == CL_OUT_OF_RESOURCES ||
           code == CL_MEM_OBJECT_ALLOCATION_FAILURE;
}

/* Whether a run that has failed is to be tried again, with a plan that asks for less. */
static bool gives_way(mcl_product *product, mcl_status status)
{
    const mcl_product_provider *provider = product->provider;
    return status == MCL_ERROR_DEVICE && provider->shrink &&
           asks_too_much(mcl_opencl_last_error()) && !mcl_tuning_is_forced(product->context) &&
           provider->shrink(product->plan);
}

/* Builds what a run needs and enqueues it. */
static mcl_status attempt(mcl_product *product, const mcl_operands *operands)
{
    const mcl_product_provider *provider = product->provider;
    if (provider->build)
        MCL_TRY(provider->build(product->plan, operands));
    return provider->run(product->plan, operands);
}

/* The same, with what asks for less of the device where it fails. */
static mcl_status attempt_all(mcl_product *product, const mcl_operands *operands)
{
    mcl_status status = attempt(product, operands);
    if (status != MCL_OK && product->provider->exact && !product->packed &&
        mcl_tuning_give_up(product->context)) {
        MCL_TRY(plan(product)); /* by the default instead of a tuned tile */
        status = attempt(product, operands);
    }
    while (gives_way(product, status))
        status = attempt(product, operands);
    return status;
}

static mcl_status run(mcl_product *product, const mcl_operands *operands)
{
    mcl_operands given = *operands;
    const mcl_gemm *gemm = &product->gemm;
    if (given.m == 0)
        given.m = gemm->m;
    if (given.m > gemm->m || (gemm->transpose_a && given.m != gemm->m))
        return mcl_fail(
            MCL_ERROR_ARGUMENT, "a matrix product of %u rows is run with %u", gemm->m, given.m);
    if (product->packed)
        given.b = (mcl_matrix){product->packed, 0};
    const bool is_dropped =
        product->plans->are_native && may_be_replaced(product, MCL_ERROR_DEVICE);
    if (!product->plan || is_dropped) /* an earlier attempt has failed, of this or another plan */
        MCL_TRY(plan_of_provider(product));
    mcl_status status = attempt_all(product, &given);
    if (may_be_replaced(product, status)) {
        MCL_TRY(replace(product));
        status = attempt_all(product, &given);
    }
    return status;
}

/* The name of a product with so many rows, by its sizes. */
static void show_product(char name[64], const mcl_gemm *gemm, uint32_t rows)
{
    snprintf(name, 64, "gemm %c%c %u×%u×%u", gemm->transpose_a ? 'T' : 'N',
        gemm->transpose_b ? 'T' : 'N', rows, gemm->n, gemm->k);
}

/* Runs a plan as one launch, whose only buffer that is written is C: what a provider writes beside
 * that is its own, or sums that are there already. */
static mcl_status run_whole(mcl_product *product, const mcl_operands *operands)
{
    mcl_context *context = product->context;
    const mcl_observer *observer = context->observer;
    const cl_mem buffers[1] = {operands->c.buffer};
    char name[64];
    show_product(name, &product->gemm, operands->m ? operands->m : product->gemm.m);
    const mcl_launch launch = {name, buffers, 1};
    MCL_TRY(mcl_observe_before(context, &launch));
    context->observer = NULL;
    const mcl_status status = run(product, operands);
    context->observer = observer;
    return status == MCL_OK ? mcl_observe_after(context, &launch) : status;
}

mcl_status mcl_product_run(mcl_product *product, const mcl_operands *operands)
{
    const mcl_observer *observer = product->context->observer;
    return observer && observer->whole_products ? run_whole(product, operands)
                                                : run(product, operands);
}

void mcl_product_record(mcl_context *context, const mcl_gemm *gemm, uint32_t rows)
{
    const double m = rows, n = gemm->n, k = gemm->k;
    const double operations = 2.0 * m * n * k, bytes = sizeof(float) * (m * k + k * n + m * n);
    char name[64];
    if (!context->profiler) {
        mcl_profile_work(context, NULL, operations, bytes);
        return;
    }
    show_product(name, gemm, rows);
    mcl_profile_work(context, name, operations, bytes);
}
