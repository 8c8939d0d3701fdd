/* SPDX-License-Identifier: Apache-2.0 */
/* mcl_verify(): this device passes, faults planted in a copy of the kernels are found in the right
 * place, and the digests are those of the fixture. */
#include <check.h>
#include <inttypes.h>
#include <unistd.h>

#include "support/device.h"
#include "verify/checker.h"
#include "verify/runs.h"

static char folder[] = "/tmp/maskcl-verify-XXXXXX";

static void shell(const char *format, const char *argument)
{
    char command[512];
    snprintf(command, sizeof command, format, argument);
    ck_assert_int_eq(system(command), 0);
}

/* Lets the kernels be those of a copy of cl/, to plant faults in. */
static void copy_kernels(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    shell("cp " MASKCL_FIXTURES "/../../cl/* %s", folder);
    ck_assert_int_eq(setenv("MASKCL_KERNELS", folder, 1), 0);
}

/* Writes `to` in place of `from` in a file of the copy. */
static void plant(const char *file, const char *from, const char *to)
{
    char path[sizeof folder + 64];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    FILE *stream = fopen(path, "r");
    ck_assert_ptr_nonnull(stream);
    char *text = allocate(1, 1 << 17);
    const size_t length = fread(text, 1, (1 << 17) - 1, stream);
    char *place = strstr(text, from);
    ck_assert_msg(place != NULL, "%s no longer has '%s'", file, from);
    stream = freopen(path, "w", stream);
    ck_assert_ptr_nonnull(stream);
    fwrite(text, 1, (size_t)(place - text), stream);
    fputs(to, stream);
    fwrite(place + strlen(from), 1, length - (size_t)(place - text) - strlen(from), stream);
    fclose(stream);
    free(text);
}

static void remove_kernels(void)
{
    unsetenv("MASKCL_KERNELS");
    shell("rm -r %s", folder);
    memcpy(strchr(folder, '\0') - 6, "XXXXXX", 6);
}

/* Which checks differed: " exp erf " */
struct seen {
    char names[4096];
    uint64_t checks;
};

static void see(const mcl_check *check, void *user)
{
    struct seen *seen = user;
    const size_t used = strlen(seen->names);
    seen->checks++;
    ck_assert_uint_gt(check->cases, 0);
    ck_assert_int_eq(check->agrees, check->place[0] == '\0');
    ck_assert_int_eq(check->agrees, check->expected[0] == '\0');
    if (check->agrees)
        return;
    ck_assert_str_ne(check->expected, check->got);
    snprintf(seen->names + used, sizeof seen->names - used, "[%s]", check->kernel);
}

START_TEST(test_this_device_passes)
{
    struct seen seen = {"", 0};
    mcl_verdict verdict;
    const mcl_gemm_kind gemm = context->gemm;
    ASSERT_OK(mcl_verify(&verdict, context, see, &seen));
    ck_assert_msg(verdict.failed == 0, "%s: %s", seen.names, verdict.reason);
    ck_assert_str_eq(verdict.reason, "");
    ck_assert_uint_eq(verdict.checks, seen.checks);
    ck_assert_uint_gt(verdict.checks, 170);
    ck_assert_int_eq(context->gemm, gemm);
}
END_TEST

/* The objectives that compare columns, as devices that are not CPUs have their kernels. */
START_TEST(test_spread)
{
    mcl_status (*const stages[])(mcl_checker *) = {
        mcl_check_correlations, mcl_check_sigreg, mcl_check_groups, mcl_check_maps};
    struct seen seen = {"", 0};
    mcl_checker checker = {.context = context, .report = see, .user = &seen, .stage = "a test"};
    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++)
        ASSERT_OK(stages[i](&checker));
    mcl_checker_clear(&checker);
    ck_assert_str_eq(seen.names, "");
    ck_assert_uint_gt(seen.checks, 15);
}
END_TEST

static const struct {
    const char *file, *from, *to;
    mcl_status (*stage)(mcl_checker *checker);
    const char *found; /* all that differs */
} faults[] = {
    {"fma.cl", "= fma(a[j], b[j], c[j])", "= a[j] * b[j] + c[j]", mcl_check_arithmetic, "[fma]"},
    {"verify.cl", "both[j] = a[j] * b[j] + c[j]", "both[j] = fma(a[j], b[j], c[j])",
        mcl_check_arithmetic, "[a*b + c, rounded twice]"},
    {"verify.cl", "product[j] = a[j] * b[j]", "product[j] = (a[j] * 3.0f) * (b[j] / 3.0f)",
        mcl_check_arithmetic, "[*]"},
    {"lanes.clh", "fma(q, f, (REAL)(-0x1.fffff8p-2f))", "q * f - 0x1.fffff8p-2f",
        mcl_check_functions, "[log][log in vectors]"},
    {"views.cl", "mcl_counter(MCL_STREAM_MASK, 0, epoch, row, element / 4)",
        "mcl_counter(MCL_STREAM_MASK, 0, epoch, (uint)row, element / 4)", mcl_check_views,
        "[views uniform, rows above 2^32]"},
    {"views.cl", "altered[at + behind] = m != 0.0f", "altered[at + behind] = m != 1.0f",
        mcl_check_views,
        "[views_block of bytes: altered][views_block, rows above 2^32: altered]"
        "[views_block of several sides: altered]"},
    {"views.cl", "out[j] = mcl_scale(", "out[j] = 1.0000001f * mcl_scale(", mcl_check_views,
        "[unmasked][unmasked of bytes]"},
    {"views.cl", "= mcl_scale((float)data[start + row * columns + j], BYTES)",
        "= data[start + row * columns + j]", mcl_check_views, "[unmasked_rows of bytes]"},
    {"augment.cl", "fma(weight_y, below - above, above)",
        "weight_y * below + (1.0f - weight_y) * above", mcl_check_views,
        "[augmented_views of bytes][augmented_views of bytes: targets]"
        "[augmented_views of colours][augmented_views of colours: targets]"
        "[coloured_views of bytes: targets]"
        "[blurred_views, rows above 2^32][blurred_views, rows above 2^32: targets]"},
    {"augment.cl", "(line + second) * CHANNELS + channel", "(line + second) * CHANNELS",
        mcl_check_views,
        "[augmented_views of colours][augmented_views of colours: targets]"
        "[coloured_views of bytes][coloured_views of bytes: targets]"},
    {"augment.cl", "changed = value != before;", "", mcl_check_views,
        "[augmented_views of bytes: altered][augmented_views of columns: altered]"},
    {"augment.cl", "fma((mcl_floats)noise, NAME(normal)(noises[part]), value)",
        "noise * NAME(normal)(noises[part]) + value", mcl_check_views,
        "[augmented_views of bytes][augmented_views, rows above 2^32]"},
    {"elements.clh", "n - 1)] - 4 * quad]", "n - 1)]]", mcl_check_views,
        "[augmented_views of columns][augmented_views of columns: altered]"
        "[views uniform of columns]"},
    {"augment.cl", "left + (w - 1.0f)", "left + w", mcl_check_views,
        "[coloured_views of bytes][coloured_views of bytes: targets]"
        "[blurred_views, rows above 2^32][blurred_views, rows above 2^32: targets]"},
    {"colours.cl", "0.2989f", "0.299f", mcl_check_views,
        "[coloured_views of bytes][coloured_views of bytes: targets]"
        "[coloured_views][coloured_views: targets]"},
    {"colours.cl", "h >= 6.0f * d", "h > 7.0f * d", mcl_check_views,
        "[coloured_views of bytes][coloured_views of bytes: targets]"
        "[coloured_views][coloured_views: targets]"},
    {"colours.cl", "2 * (n - 1) - inside", "n - 1", mcl_check_views,
        "[blurred_views, rows above 2^32][blurred_views, rows above 2^32: targets]"},
    {"views.cl", ".x, sides)", ".y, sides)", mcl_check_views,
        "[views_block of several sides][views_block of several sides: altered]"},
    {"augment.cl", "height - span + 1", "height - span", mcl_check_views,
        "[augmented_views of sequences][augmented_views of sequences: altered]"},
    {"columns.cl", "any |= a[k]", "any = a[k]", mcl_check_views,
        "[augmented_views of columns: altered]"},
    {"columns.cl", "mcl_log(1.0f + small)", "mcl_log(1.0f + small * 1.0000002f)", mcl_check_errors,
        "[column_errors, altered columns]"},
    {"columns.cl", "fma(normalizer, known, -own)", "normalizer * known - own", mcl_check_errors,
        "[column_errors, columns][column_errors, hidden columns]"},
    {"columns.cl", "part += altered[", "part = altered[", mcl_check_errors, "[altered_columns]"},
    {"activation.clh", "fma(-kept, kept, 1.0f)", "1.0f - kept * kept", mcl_check_products,
        "[gemm NN, tanh backward][gemm_gpu NN, tanh backward]"},
    {"epilogue.clh", "fma(beta, *c, product)", "beta * *c + product * 1.0000001f",
        mcl_check_products, "[gemm NN, alpha and beta]"},
    {"gemm_gpu.cl", "fma((FLOATS)beta, NAME(read)(c, left, wide), product)",
        "beta * NAME(read)(c, left, wide) + product * 1.0000001f", mcl_check_products,
        "[gemm_gpu NN, alpha and beta]"},
    {"gemm_gpu.cl", "(p + q) % MCL_SUM_ROWS == 0", "false", mcl_check_products,
        "[gemm_gpu TN, sums of rows]"},
    {"epilogue.clh", "const float z = mcl_flush(product + bias)", "const float z = product + bias",
        mcl_check_products, "[gemm NT, relu of a tiny z][gemm_gpu NT, relu of a tiny z]"},
    {"contrast.cl", "mcl_sqrt(variance + added)", "mcl_sqrt(variance + 2.0f * added)",
        mcl_check_convolutions, "[contrast]"},
    {"convolution.cl", "w[offset + ((ulong)o * channels + c) * taps + t]",
        "w[offset + ((ulong)o * channels + c) * taps + taps - 1 - t]", mcl_check_convolutions,
        "[convolution by input, 5 channels, gemm][convolution by input, 5 channels, gemm_gpu]"
        "[convolution by input, 16 channels, gemm][convolution by input, 16 channels, gemm_gpu]"},
    {"constants.clh", "#define MCL_SUM_BLOCK 1024", "#define MCL_SUM_BLOCK 512", mcl_check_sums,
        "[sum of 1000][sum of 3000]"},
    {"normalization.clh", "#define EPSILON 1e-5f", "#define EPSILON 1e-4f", mcl_check_layers,
        "[column_forward: moments][column_forward, relu][block_forward: moments]"
        "[block_forward, relu][running_forward, relu][row_forward: moments][row_forward, gelu]"
        "[row_forward: kept][group_merge]"},
    {"normalization.cl", "min(first + block_rows, rows)", "min(first + block_rows - 1, rows)",
        mcl_check_layers,
        "[column_backward: by scale and shift][column_backward][block_gradients]"
        "[block_gradients by rows]"},
    {"normalization.clh", "const mcl_lanes y = mcl_flush(fma(x, scale, shift))",
        "const mcl_lanes y = fma(x, scale, shift)", mcl_check_layers,
        "[column_forward, relu][block_forward, relu][running_forward, relu][row_forward, gelu]"
        "[row_forward: kept][group_forward, relu]"},
    {"group_normalization.cl", "along = fma(scale[c], alongs[c], along)",
        "along += scale[c] * alongs[c]", mcl_check_layers, "[group_merge_gradients]"},
    {"pool.cl", "(value > best) |", "(value >= best) |", mcl_check_maps, "[pool_max: which]"},
    {"pool.cl", "mcl_store(mcl_flush(sum * share)", "mcl_store((sum * share)", mcl_check_maps,
        "[pool_average][pool_average, grid]"},
    {"pool.cl", "fma(mcl_load(dy + at, left), (mcl_lanes)share, sum)",
        "mcl_load(dy + at, left) * share + sum", mcl_check_maps,
        "[pool_average_backward][pool_average_backward, grid]"},
    {"activation.clh", "mcl_store(mcl_flush(gradient), dx, left)", "mcl_store(gradient, dx, left)",
        mcl_check_maps,
        "[pool_max_backward][pool_average_backward][pool_average_backward, grid]"
        "[depthwise_by_input]"},
    {"depthwise.cl", "sum = fma(mcl_load(dy + at, left), mcl_load(x + from, left), sum)",
        "sum += mcl_load(dy + at, left) * mcl_load(x + from, left)", mcl_check_maps,
        "[depthwise_by_weight]"},
    {"depthwise.cl", "mcl_flush(sum + mcl_load(parameters + bias_at + c, left))",
        "(sum + mcl_load(parameters + bias_at + c, left))", mcl_check_maps,
        "[depthwise_forward, gelu][depthwise_forward: kept]"},
    {"patches.clh", "(tap_x + x * step_x) * channels + at",
        "(tap_x + x * step_x + 1) * channels + at", mcl_check_convolutions,
        "[convolution forward, 5 channels, gemm][convolution by input, 5 channels, gemm]"
        "[convolution by weight, 5 channels, gemm]"
        "[convolution by weight, 16 channels, gemm][convolution forward, 16 channels, gemm]"},
    {"maps.cl", "mcl_flush(mcl_load(x + at, left) + mcl_load(earlier + at, left))",
        "(mcl_load(x + at, left) + mcl_load(earlier + at, left))", mcl_check_maps,
        "[add_forward, relu]"},
    {"normalization.cl", "mcl_reciprocal((float)rows - 1.0f)", "mcl_reciprocal((float)rows)",
        mcl_check_layers,
        "[column_forward: running statistics][block_forward: running statistics]"},
    {"normalization.cl", "*along = mcl_flush(alongs)", "*along = mcl_flush(alongs * 1.0000001f)",
        mcl_check_layers,
        "[column_backward: by scale and shift][column_backward]"
        "[block_backward: by scale and shift][block_backward][row_backward: by scale and shift]"},
    {"normalization.cl", "mcl_flush(factor * mcl_flush(fma(-x, alongs, across)))",
        "factor * mcl_flush(fma(-x, alongs, across))", mcl_check_layers,
        "[column_backward][block_backward]"},
    {"normalization.cl", "mcl_flush(mcl_add_lanes(alongs, lanes_space) * share)",
        "mcl_flush(mcl_add_lanes(alongs, lanes_space) / (float)n)", mcl_check_layers,
        "[row_backward]"},
    {"dropout.cl", "mcl_flush(mcl_load_vector(in, n, whole) * factor)",
        "mcl_load_vector(in, n, whole) * factor", mcl_check_layers, "[dropout]"},
    {"cosine.cl", "fma((mcl_lanes)across, x, along_q * y)", "across * x + along_q * y",
        mcl_check_cosines, "[cosine_embedding: gradient]"},
    {"normalize.cl", "mcl_flush(mcl_load(z + at + j, n - j) * by)",
        "mcl_load(z + at + j, n - j) * by", mcl_check_cosines, "[normalize_rows]"},
    {"ntxent.cl", "scale * (both - target)", "scale * both - scale * target", mcl_check_softmaxes,
        "[ntxent_backward]"},
    {"cosine.cl", "1 + wrap(start + k, batch - 1)", "1 + wrap(start + k, batch)", mcl_check_cosines,
        "[negative_pairs: loss][negative_pairs: by q][negative_pairs: by p][negative_pairs: by own]"
        "[negatives_backward, added]"},
    {"cosine.cl", "d[own] = mcl_flush(d[own] + total)", "d[own] = d[own] + total",
        mcl_check_cosines, "[negatives_backward, added]"},
    {"predicted.cl", "(dots.z * u) * v", "dots.z * (u * v)", mcl_check_cosines,
        "[prediction_errors of simsiam: loss][prediction_errors of simsiam: gradient]"
        "[prediction_errors of byol: loss][prediction_errors of byol: gradient]"},
    {"predicted.cl", "mcl_flush(fma((mcl_lanes)across, y, along * x))",
        "fma((mcl_lanes)across, y, along * x)", mcl_check_cosines,
        "[prediction_errors of simsiam: gradient][prediction_errors of byol: gradient]"},
    {"softmax.clh", "mcl_log(mcl_add_lanes(lanes, space))",
        "mcl_log(mcl_add_lanes(lanes, space) * 1.000001f)", mcl_check_softmaxes,
        "[ntxent_rows: normalizers][ntxent_rows: loss][infonce_rows: normalizers]"
        "[infonce_rows: loss][moco_rows: normalizers][moco_rows: loss][moco_rows: gradient]"
        "[cross_entropy: loss][cross_entropy: gradient]"},
    {"infonce.cl", "scale * (softmax - own)", "scale * softmax - scale * own", mcl_check_softmaxes,
        "[infonce_backward]"},
    {"moco.cl", "fmax(others, positive)", "others", mcl_check_softmaxes,
        "[moco_rows: normalizers][moco_rows: loss][moco_rows: gradient]"},
    {"moco.cl", "mcl_flush(scale * mcl_exp(mcl_load(at, left) - normalizer[i]))",
        "scale * mcl_exp(mcl_load(at, left) - normalizer[i])", mcl_check_softmaxes,
        "[moco_backward]"},
    {"moco.cl", "first + i : i - left", "first + i : queue - 1", mcl_check_softmaxes,
        "[moco_enqueue: over the end]"},
    {"cross_entropy.cl", "value < largest", "value <= largest", mcl_check_softmaxes,
        "[cross_entropy: right]"},
    {"vicreg.cl", "mcl_flush(z[first + (ulong)i * n] - mean)", "z[first + (ulong)i * n] - mean",
        mcl_check_correlations, "[vicreg_columns: centred]"},
    {"vicreg.cl", "fma(-scale, apart, fma(pull[n + j], centred[q], across[q]))",
        "fma(pull[n + j], centred[q], fma(-scale, apart, across[q]))", mcl_check_correlations,
        "[vicreg_backward][vicreg_backward, added]"},
    {"vicreg.cl", "(float)(batch - 1)", "(float)batch", mcl_check_correlations,
        "[vicreg_columns: pull][vicreg_columns: terms]"},
    {"vicreg.cl", "terms[to + i] = term * squares", "terms[to + i] = 1.0000001f * term * squares",
        mcl_check_correlations, "[vicreg_distances]"},
    {"correlations.clh", "(mcl_lanes)0.0f, number == ", "mcl_load(row + j, count - j), number == ",
        mcl_check_correlations,
        "[vicreg_covariances: terms][vicreg_covariances: scaled][barlow_correlations: loss]"},
    {"correlations.clh", "mcl_flush(scale * values)", "scale * values", mcl_check_correlations,
        "[vicreg_covariances: scaled][barlow_correlations: gradient]"},
    {"barlow.cl", "(z[first + (ulong)i * n] - mean) * scale",
        "fma(z[first + (ulong)i * n], scale, -mean * scale)", mcl_check_correlations,
        "[barlow_columns: standard]"},
    {"barlow.cl", "#define EPSILON 1e-5f", "#define EPSILON 1.1e-5f", mcl_check_correlations,
        "[barlow_columns: inverse][barlow_columns: standard]"},
    {"barlow.cl", "along[v * n + j] = mcl_divide(total, (float)batch)",
        "along[v * n + j] = total * mcl_reciprocal((float)batch)", mcl_check_correlations,
        "[barlow_along]"},
    {"barlow.cl", "fma(LAMBDA, squares, from_one * from_one)",
        "LAMBDA * squares + from_one * from_one", mcl_check_correlations,
        "[barlow_correlations: loss]"},
    {"barlow.cl", "d[at] + value", "fma(1.0000001f, value, d[at])", mcl_check_correlations,
        "[barlow_backward, added]"},
    {"errors.cl", "log(1.0f + small)", "log(1.0f + small * 1.0000002f)", mcl_check_errors,
        "[element_errors, cross-entropies][element_errors, hidden cross-entropies][element_errors, "
        "cross-entropies of bytes]"},
    {"errors.cl", "mcl_divide(scale, fmax(*altered_count, 1.0f))",
        "scale * mcl_reciprocal(fmax(*altered_count, 1.0f))", mcl_check_errors,
        "[element_errors, hidden squares: gradient]"
        "[element_errors, hidden cross-entropies: gradient]"},
    {"errors.cl", "d[at] = mcl_flush(scale * slope)", "d[at] = scale * slope", mcl_check_errors,
        "[element_errors, squares: gradient][element_errors, cross-entropies: gradient]"
        "[element_errors, cross-entropies of bytes: gradient]"},
    {"errors.cl", "count += altered[", "count = altered[", mcl_check_errors, "[altered_counts]"},
    {"errors.cl", "sums[to + i] = factor *", "sums[to + i] = 1.0000001f * factor *",
        mcl_check_errors, "[error_sums]"},
    {"errors.cl", "metrics[at] = mcl_divide(metrics[at], fmax(*altered_count, 1.0f))",
        "metrics[at] = mcl_divide(metrics[at], *altered_count)", mcl_check_errors,
        "[altered_mean]"},
    {"sigreg.cl", "mcl_counter(MCL_STREAM_DIRECTIONS, 0, epoch, first, quad)",
        "mcl_counter(MCL_STREAM_DIRECTIONS, 0, epoch, (uint)first, quad)", mcl_check_sigreg,
        "[sigreg_directions]"},
    {"sigreg.cl", "sines[l] = mcl_sin(angles[l])", "sines[l] = sin(angles[l])", mcl_check_sigreg,
        "[sigreg_waves: sines]"},
    {"sigreg.cl", "cosines[l] = mcl_cos_near(angles[l])", "cosines[l] = cos(angles[l])",
        mcl_check_sigreg, "[sigreg_waves: cosines]"},
    {"sigreg.cl", "s_sums[k] += s;", "s_sums[k] = s + 1.0000001f * s_sums[k];", mcl_check_sigreg,
        "[sigreg_sums]"},
    {"sigreg.cl", "fma(weight, fma(real, real, imaginary * imaginary), total)",
        "fma(weight, real * real + imaginary * imaginary, total)", mcl_check_sigreg,
        "[sigreg_statistics: loss]"},
    {"sigreg.cl", "mcl_flush(scale * gradient)", "mcl_flush(1.0000001f * scale * gradient)",
        mcl_check_sigreg, "[sigreg_backward]"},
    {"sigreg.cl", "slope * (p - q)", "slope * p - slope * q", mcl_check_sigreg,
        "[sigreg_distances: gradient, added][sigreg_distances: gradient]"},
    {"sigreg.cl", "mcl_flush(share * squares)", "(1.0000001f * share * squares)", mcl_check_sigreg,
        "[sigreg_distances: loss]"},
    {"optimizer.cl", "fma(rest2 * g, g, beta2 * square[j])", "rest2 * (g * g) + beta2 * square[j]",
        mcl_check_optimizers, "[adam: square]"},
    {"layerwise.cl", "fma(momentum, velocity[j], scale.x * fma(scale.y, p, gradients[j]))",
        "fma(scale.x, fma(scale.y, p, gradients[j]), momentum * velocity[j])", mcl_check_optimizers,
        "[lars: velocity][lars: parameters]"},
    {"layerwise.cl", "mcl_divide_normal(mcl_divide(m, correction1), scale)",
        "mcl_divide(m, correction1 * scale)", mcl_check_optimizers,
        "[lamb: update][lamb: parameters]"},
    {"average.cl", "fma(rest, values[j] - a, a)", "fma(rest, values[j], (1.0f - rest) * a)",
        mcl_check_optimizers, "[average]"},
};

#define FAULTS (sizeof faults / sizeof *faults)

/* Compiling the kernels takes longest, so that a round plants faults of every stage at once, and of
 * a stage all that show in different places. None may show in another stage. */
static int round_of[FAULTS], rounds;

/* The length of the first name of a list such as "[exp][erf]". */
static int first_name(const char *names)
{
    return (int)(strchr(names, ']') + 1 - names);
}

/* How many names of one list stand in the other. */
static size_t shared(const char *names, const char *others)
{
    char name[128];
    size_t count = 0;
    for (; *names; names += first_name(names)) {
        snprintf(name, sizeof name, "%.*s", first_name(names), names);
        count += strstr(others, name) != NULL;
    }
    return count;
}

static bool same_round(size_t i, size_t j)
{
    return faults[i].stage == faults[j].stage && round_of[i] == round_of[j];
}

/* Whether a fault shows where another one of its round does. */
static bool clashes(size_t fault)
{
    for (size_t i = 0; i < fault; i++) {
        if (same_round(i, fault) && shared(faults[fault].found, faults[i].found) > 0)
            return true;
    }
    return false;
}

static void assign_rounds(void)
{
    for (size_t i = 0; i < FAULTS; i++) {
        while (clashes(i))
            round_of[i]++;
        rounds = round_of[i] >= rounds ? round_of[i] + 1 : rounds;
    }
}

static void run_stage(struct seen *seen, mcl_status (*stage)(mcl_checker *checker))
{
    mcl_checker checker = {.context = context, .report = see, .user = seen, .stage = "a test"};
    ASSERT_OK(stage(&checker));
    mcl_checker_clear(&checker);
}

/* The faults of a round in the stage of the fault `first`. */
static void assert_found(size_t first)
{
    struct seen seen = {"", 0};
    size_t length = 0;
    run_stage(&seen, faults[first].stage);
    for (size_t i = first; i < FAULTS; i++) {
        if (!same_round(i, first))
            continue;
        ck_assert_msg(
            shared(faults[i].found, seen.names) == shared(faults[i].found, faults[i].found),
            "%s shows in %s, not in %s", faults[i].to, seen.names, faults[i].found);
        length += strlen(faults[i].found);
    }
    ck_assert_msg(strlen(seen.names) == length, "too much shows: %s", seen.names);
}

START_TEST(test_faults_are_found)
{
    copy_kernels();
    for (size_t i = 0; i < FAULTS; i++) {
        if (round_of[i] == _i)
            plant(faults[i].file, faults[i].from, faults[i].to);
    }
    for (size_t i = 0; i < FAULTS; i++) {
        size_t first = 0;
        while (!same_round(first, i))
            first++;
        if (round_of[i] == _i && first == i)
            assert_found(i);
    }
    remove_kernels();
}
END_TEST

/* This one shows wherever there are random numbers. */
START_TEST(test_a_fault_in_the_generator_is_found)
{
    copy_kernels();
    plant("philox.clh", "round < 10; round++) {\n        const uint high0",
        "round < 9; round++) {\n        const uint high0");
    struct seen seen = {"", 0};
    run_stage(&seen, mcl_check_random);
    ck_assert_str_eq(seen.names, "[philox]");
    remove_kernels();
}
END_TEST

START_TEST(test_a_kernel_that_does_not_compile_is_an_error)
{
    mcl_verdict verdict;
    copy_kernels();
    plant("cosine.cl", "kernel void cosine_embedding", "kernel void nothing; x");
    ck_assert_int_eq(mcl_verify(&verdict, context, NULL, NULL), MCL_ERROR_DEVICE);
    ck_assert_ptr_nonnull(strstr(mcl_error_message(), "cosine.cl"));
    remove_kernels();
}
END_TEST

START_TEST(test_digests_are_those_of_the_fixture)
{
    size_t count, found = 0;
    const mcl_verify_run *runs = mcl_verify_runs(&count);
    char line[256], digests[40];
    FILE *file = fopen(MASKCL_FIXTURES "/runs.txt", "r");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        for (size_t i = 0; i < count; i++)
            found += strcmp(line, runs[i].line) == 0;
    }
    fclose(file);
    ck_assert_uint_eq(found, count);
    for (size_t i = 0; i < count; i++) {
        snprintf(
            digests, sizeof digests, " %016" PRIx64 " %016" PRIx64, runs[i].model, runs[i].reports);
        ck_assert_ptr_nonnull(strstr(runs[i].line, digests));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("verify");
    TCase *tests = tcase_create("verify");
    tcase_set_timeout(tests, 300);
    tcase_add_checked_fixture(tests, context_setup, context_teardown);
    tcase_add_test(tests, test_this_device_passes);
    assign_rounds();
    tcase_add_loop_test(tests, test_faults_are_found, 0, rounds);
    tcase_add_test(tests, test_a_fault_in_the_generator_is_found);
    tcase_add_test(tests, test_a_kernel_that_does_not_compile_is_an_error);
    tcase_add_test(tests, test_digests_are_those_of_the_fixture);
    suite_add_tcase(suite, tests);
    TCase *spread = tcase_create("spread");
    tcase_set_timeout(spread, 300);
    tcase_add_checked_fixture(spread, context_setup_spread, context_teardown);
    tcase_add_test(spread, test_spread);
    suite_add_tcase(suite, spread);
    return run_suite(suite);
}
