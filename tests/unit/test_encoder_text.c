/* SPDX-License-Identifier: Apache-2.0 */
/* Encoders in words: what is read is written in full, and what is wrong is told with its place. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "model/encoder_layers.h"

static const struct {
    const char *given, *shown;
} texts[] = {
    {"", ""},
    {"dense", ""},
    {"dense:256", "dense:256"},
    {"dense:9,dense:4", "dense:9,dense:4"},
    {"conv", "conv:64x5/2,conv:128x3/2,pool:grid:3"},
    {" conv:64x5/2 , pool:max , dense:10 ", "conv:64x5/2,pool:max,dense:10"},
    {"conv:8x3/1p1,conv:8x4p1,conv:8x4p0", "conv:8x3,conv:8x4,conv:8x4p0"},
    {"conv1d:64x9/2,conv1d:128x5/2,pool:avg,dense:256",
        "conv1d:64x9/2,conv1d:128x5/2,pool:avg,dense:256"},
    {"pool:max:2,pool:avg:2/2,pool:max:2/1,pool:avg:3/3,pool:max:3/2",
        "pool:max,pool:avg,pool:max:2/1,pool:avg:3,pool:max:3/2"},
    {"conv:4x3,residual(depthwise:3,conv:4x1),pool:global",
        "conv:4x3,residual(depthwise:3,conv:4x1),pool:global"},
    {"residual( conv:1x3 ) , depthwise:5/2p0", "residual(conv:1x3),depthwise:5/2p0"},
    {"dense:4,residual(dense:4,dense:4)", "dense:4,residual(dense:4,dense:4)"},
};

START_TEST(test_texts)
{
    char shown[MCL_ENCODER_SIZE], again[MCL_ENCODER_SIZE];
    mcl_words words;
    ck_assert_int_eq(mcl_words_parse(&words, texts[_i].given), MCL_OK);
    ck_assert_int_eq(mcl_words_show(shown, &words), MCL_OK);
    ck_assert_str_eq(shown, texts[_i].shown);
    ck_assert_int_eq(mcl_words_parse(&words, shown), MCL_OK);
    ck_assert_int_eq(mcl_words_show(again, &words), MCL_OK);
    ck_assert_str_eq(again, shown);
}
END_TEST

#define TEN "conv:1000x11/2,conv:1000x11/2,conv:1000x11/2,conv:1000x11/2,conv:1000x11/2,"

static const struct {
    const char *text, *message;
} refused[] = {
    {"foo", "at character 1, 'foo': there is no such layer: there are conv, conv1d, "},
    {"conv:64y5", "at character 1, 'conv:64y5': it is not conv:CHANNELSxKERNEL[/STRIDE]"},
    {"conv:8x3,conv:64y5", "at character 10, 'conv:64y5': it is not"},
    {"conv:0x5", "'conv:0x5'"},
    {"conv:5", "'conv:5'"},
    {"conv:5x", "'conv:5x'"},
    {"conv:5x3/", "'conv:5x3/'"},
    {"conv:5x3/0", "'conv:5x3/0'"},
    {"conv:5x3p", "'conv:5x3p'"},
    {"conv:5x3p1/2", "'conv:5x3p1/2'"},
    {"conv:5x3 /2", "at character 10, '/2': a comma must come"},
    {"conv:1000001x3", "of whole numbers from 1 to 1000000"},
    {"conv:99999999999999999999x3", "of whole numbers"},
    {"conv:-1x3", "'conv:-1x3'"},
    {"convolution:5x3", "'convolution:5x3': there is no such layer"},
    {"pool", "'pool': there is no such layer"},
    {"pool:max:", "'pool:max:'"},
    {"pool:min", "'pool:min'"},
    {"pool:grid", "'pool:grid': it is not pool:grid:G"},
    {"pool:global:3", "'pool:global:3': it is not pool:global"},
    {"dense:", "'dense:': it is not dense:WIDTH"},
    {"depthwise:3x3", "'depthwise:3x3': it is not depthwise:KERNEL"},
    {"conv:8x3,", "at character 10, a layer is missing"},
    {",conv:8x3", "at character 1, a layer is missing"},
    {"conv:8x3,,conv:8x3", "at character 10, a layer is missing"},
    {"residual()", "at character 10, a layer is missing"},
    {"residual(conv:8x3", "at character 1, 'residual(': the ) that ends it is missing"},
    {"conv:8x3)", "at character 9, ')': there is no residual( that it ends"},
    {"residual(conv:8x3)conv:8x3", "at character 19, 'conv:8x3': a comma must come"},
    {"residual(residual(conv:8x3))", "at character 10, 'residual(': one residual(…) cannot"},
    {"residual(pool:max:1)", "'residual(': none of its layers has weights"},
    {"conv:8x3,conv1d:8x3", "at character 10, 'conv1d:8x3': conv, of images, and conv1d"},
    {"dense:8,conv:8x3", "at character 9, 'conv:8x3': after a dense layer there is no map"},
    {"dense:8,pool:max", "at character 9, 'pool:max': after a dense layer"},
    {TEN TEN TEN TEN TEN TEN "dense:5", "take more than 383 characters in words"},
};

START_TEST(test_refused)
{
    mcl_words words;
    ck_assert_int_eq(mcl_words_parse(&words, refused[_i].text), MCL_ERROR_ARGUMENT);
    ck_assert_msg(strstr(mcl_error_message(), refused[_i].message), "%s", mcl_error_message());
}
END_TEST

START_TEST(test_too_many)
{
    char text[10 * (MCL_WORDS_MAX + 1)] = "dense:1";
    mcl_words words;
    for (int i = 1; i < MCL_WORDS_MAX; i++)
        strcat(text, ",dense:1");
    ck_assert_int_eq(mcl_words_parse(&words, text), MCL_OK);
    strcat(text, ",dense:1");
    ck_assert_int_eq(mcl_words_parse(&words, text), MCL_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(mcl_error_message(), "more than 48 layers are too many"));
}
END_TEST

/* An architecture on images of 9 × 8 × 3. */
static mcl_architecture of(const char *encoder)
{
    mcl_architecture architecture = {
        .input = 216, .height = 9, .width = 8, .channels = 3, .activation = MCL_ACTIVATION_RELU};
    strncpy(architecture.encoder, encoder, MCL_ENCODER_SIZE - 1);
    return architecture;
}

static const struct {
    const char *encoder, *message;
} misfits[] = {
    {"conv:8x10p0", "`encoder`: at character 1, 'conv:8x10p0': its kernel of 10 does not fit the "
                    "map of 9 × 8 × 3 that comes to it"},
    {"conv:8x3/2,pool:max:6", "at character 12, 'pool:max:6': its kernel of 6 does not fit"},
    {"conv:8x3,residual(conv:7x3)", "at character 27, ')': the layers of residual(…) make maps of "
                                    "9 × 8 × 7 of maps of 9 × 8 × 8"},
    {"conv:8x3,residual(pool:max,conv:8x3)", "make maps of 4 × 4 × 8"},
    {"pool:global,residual(dense:3)", "a dense layer in residual(…) needs a dense one before it"},
    {"conv:1000000x3,conv:1000000x3",
        "at character 16, 'conv:1000000x3': a convolution whose weight would have"},
};

START_TEST(test_misfits)
{
    mcl_architecture architecture = of(misfits[_i].encoder);
    architecture.embedding = 1;
    ck_assert_int_eq(mcl_architecture_check(&architecture), MCL_ERROR_ARGUMENT);
    ck_assert_msg(strstr(mcl_error_message(), misfits[_i].message), "%s", mcl_error_message());
}
END_TEST

/* Tensors have the names of torch's modules, in a residual block those of its body. */
START_TEST(test_names)
{
    static const char *const names[] = {"encoder.0.weight", "encoder.0.bias", "encoder.1.weight",
        "encoder.1.bias", "encoder.3.body.0.weight", "encoder.3.body.0.bias",
        "encoder.3.body.1.weight", "encoder.3.body.1.bias", "encoder.6.weight", "encoder.6.bias"};
    mcl_tensor_place places[MCL_TENSORS_MAX];
    mcl_architecture architecture = of("conv:4x3,residual(conv:4x3),pool:max,dense:7");
    architecture.normalization = MCL_NORMALIZATION_BATCH;
    architecture.embedding = 7;
    ck_assert_int_eq(mcl_architecture_check(&architecture), MCL_OK);
    ck_assert_uint_eq(mcl_encoder_blocks(&architecture), 5); /* the block's end is one, too */
    mcl_architecture_tensors(places, &architecture);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        ck_assert_str_eq(places[i].name, names[i]);
}
END_TEST

/* The decoder that mirrors an encoder ends with what the encoder takes. */
START_TEST(test_mirrors)
{
    static const char *const encoders[] = {"conv", "resnet9", "pool:avg,conv:8x3,pool:global",
        "depthwise:3,pool:max", "conv:4x2/2,depthwise:3/2,pool:grid:4,dense:9,dense:8",
        "pool:max,dense:7", "residual(depthwise:3),conv:5x3/3p0", "conv:8x3,residual(conv:8x3)",
        "pool:grid:20,conv:2x3", "dense:20,residual(dense:20),dense:3"};
    for (size_t i = 0; i < sizeof encoders / sizeof *encoders; i++) {
        mcl_layer layers[MCL_LAYERS_MAX];
        mcl_architecture architecture = of("");
        mcl_words words;
        size_t count;
        ck_assert_int_eq(mcl_words_parse(&words, encoders[i]), MCL_OK);
        ck_assert_int_eq(mcl_words_show(architecture.encoder, &words), MCL_OK);
        if (words.of[0].kind == MCL_WORD_DENSE)
            architecture.height = architecture.width = architecture.channels = 0;
        ck_assert_int_eq(mcl_encoder_layers(layers, &count, &architecture), MCL_OK);
        architecture.embedding = layers[count - 1].out;
        ck_assert_msg(mcl_architecture_check(&architecture) == MCL_OK, "%s", mcl_error_message());
        count = mcl_part_layers(layers, &architecture, MCL_PART_DECODER);
        ck_assert_uint_eq(layers[0].in, architecture.embedding);
        for (size_t l = 1; l < count; l++)
            ck_assert_uint_eq(layers[l].in, layers[l - 1].out);
        ck_assert_uint_eq(layers[count - 1].out, architecture.input);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("encoder_text");
    TCase *tests = tcase_create("encoder_text");
    tcase_add_loop_test(tests, test_texts, 0, sizeof texts / sizeof *texts);
    tcase_add_loop_test(tests, test_refused, 0, sizeof refused / sizeof *refused);
    tcase_add_test(tests, test_too_many);
    tcase_add_loop_test(tests, test_misfits, 0, sizeof misfits / sizeof *misfits);
    tcase_add_test(tests, test_names);
    tcase_add_test(tests, test_mirrors);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
