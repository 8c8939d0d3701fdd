/* SPDX-License-Identifier: Apache-2.0 */
/* All checks, and what they say together. */
#include <stdio.h>

#include "verify/checker.h"

/* A stage may come in parts. */
static const struct {
    const char *name;
    mcl_status (*run)(mcl_checker *checker);
} stages[] = {
    {"arithmetic", mcl_check_arithmetic},
    {"functions", mcl_check_functions},
    {"random numbers", mcl_check_random},
    {"views", mcl_check_views},
    {"products", mcl_check_products},
    {"convolutions", mcl_check_convolutions},
    {"sums", mcl_check_sums},
    {"layers", mcl_check_layers},
    {"maps", mcl_check_maps},
    {"objectives", mcl_check_cosines},
    {"objectives", mcl_check_softmaxes},
    {"objectives", mcl_check_correlations},
    {"objectives", mcl_check_errors},
    {"objectives", mcl_check_sigreg},
    {"optimizers", mcl_check_optimizers},
    {"training", mcl_check_runs},
};

/* An operation that is wrong explains what is made of it, so the most basic one is named. */
static void conclude(mcl_checker *checker)
{
    mcl_verdict *verdict = &checker->verdict;
    const char *operation = NULL;
    if (verdict->failed == 0)
        return;
    if (checker->wrong.fma)
        operation = "its fma is not correctly rounded";
    else if (checker->wrong.operations)
        operation = "its float +, − or × are not rounded to nearest";
    else if (checker->wrong.separate)
        operation = "its compiler fuses a·b + c although FP_CONTRACT is off";
    else if (checker->wrong.division && checker->context->exact_division)
        operation = "its division or square root is declared correctly rounded and is not";
    if (operation)
        snprintf(verdict->reason, sizeof verdict->reason, "%s", operation);
    else
        snprintf(verdict->reason, sizeof verdict->reason,
            "%s%s differs, though its operations are right by themselves: the driver's compiler "
            "changes their order, or the kernel is wrong",
            verdict->flushes_subnormals ? "it flushes subnormal numbers, and " : "",
            checker->first);
}

mcl_status mcl_verify(mcl_verdict *verdict, mcl_context *context,
    void (*report)(const mcl_check *check, void *user), void *user)
{
    MCL_NEED(verdict);
    MCL_NEED(context);
    mcl_checker checker = {.context = context, .report = report, .user = user};
    const mcl_gemm_kind gemm = context->gemm; /* the products are checked with either kernel */
    mcl_status status = MCL_OK;
    context->advice = "another `device`";
    for (size_t i = 0; i < sizeof stages / sizeof *stages && status == MCL_OK; i++) {
        checker.stage = stages[i].name;
        status = stages[i].run(&checker);
        mcl_checker_clear(&checker);
    }
    context->gemm = gemm;
    context->advice = NULL;
    if (status != MCL_OK)
        return status;
    conclude(&checker);
    *verdict = checker.verdict;
    return MCL_OK;
}
