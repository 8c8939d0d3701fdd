/* SPDX-License-Identifier: Apache-2.0 */
/* What follows from an architecture's sizes: layers, offsets, names, limits. */
#include <check.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "model/architecture.h"
#include "support/sizes.h"

static const mcl_architecture reference = SIZES(784, 1, 64, MCL_ACTIVATION_RELU, 128);

static void assert_layer(const mcl_layer *layer, const char *type, uint32_t block, uint32_t in,
    uint32_t out, uint64_t parameters)
{
    ck_assert_str_eq(layer->type->name, type);
    ck_assert_uint_eq(layer->block, block);
    ck_assert_uint_eq(layer->in, in);
    ck_assert_uint_eq(layer->out, out);
    ck_assert_uint_eq(layer->parameters, parameters);
}

/* A dense layer; `activated`: an activation follows. */
static void assert_block(const mcl_layer *layer, uint32_t block, uint32_t in, uint32_t out,
    uint64_t parameters, bool activated)
{
    const uint64_t end = parameters + (uint64_t)in * out + out;
    assert_layer(layer, "dense", block, in, out, parameters);
    if (activated)
        assert_layer(layer + 1, "activation", block, out, out, end);
}

START_TEST(test_layers_of_the_reference)
{
    mcl_layer layers[MCL_LAYERS_MAX];
    ck_assert_uint_eq(mcl_part_layers(layers, &reference, MCL_PART_ENCODER), 3);
    assert_block(&layers[0], 0, 784, 128, 0, true);
    assert_block(&layers[2], 1, 128, 64, 100480, false);
    ck_assert_uint_eq(mcl_part_layers(layers, &reference, MCL_PART_DECODER), 3);
    assert_block(&layers[0], 0, 64, 128, 108736, true);
    assert_block(&layers[2], 1, 128, 784, 117056, false);
    ck_assert_uint_eq(mcl_part_end(&reference, MCL_PART_ENCODER), 108736);
    ck_assert_uint_eq(mcl_architecture_parameters(&reference), 218192);
}
END_TEST

START_TEST(test_layers_without_hidden)
{
    const mcl_architecture linear = SIZES(5, 0, 3, MCL_ACTIVATION_NONE, 0);
    mcl_layer layers[MCL_LAYERS_MAX];
    ck_assert_int_eq(mcl_architecture_check(&linear), MCL_OK);
    ck_assert_uint_eq(mcl_part_layers(layers, &linear, MCL_PART_ENCODER), 1);
    assert_block(&layers[0], 0, 5, 3, 0, false);
    ck_assert_uint_eq(mcl_part_layers(layers, &linear, MCL_PART_DECODER), 1);
    assert_block(&layers[0], 0, 3, 5, 18, false);
    ck_assert_uint_eq(mcl_architecture_parameters(&linear), 38);
}
END_TEST

START_TEST(test_decoder_is_the_mirror_image)
{
    const mcl_architecture deep = SIZES(9, 3, 5, MCL_ACTIVATION_TANH, 8, 7, 6);
    mcl_layer encoder[MCL_LAYERS_MAX], decoder[MCL_LAYERS_MAX];
    const size_t count = mcl_part_layers(encoder, &deep, MCL_PART_ENCODER);
    ck_assert_uint_eq(count, 4 + 3);
    ck_assert_uint_eq(mcl_part_layers(decoder, &deep, MCL_PART_DECODER), count);
    for (uint32_t b = 0; b < 4; b++) {
        const size_t l = mcl_layers_of_blocks(encoder, count, b);
        ck_assert_uint_eq(l, 2 * b);
        ck_assert_uint_eq(encoder[l].in, 9 - b);
        ck_assert_uint_eq(encoder[l].out, 8 - b);
        ck_assert_uint_eq(decoder[l].in, encoder[count - 1 - l].out);
        ck_assert_uint_eq(decoder[l].out, encoder[count - 1 - l].in);
        if (l + 1 < count) {
            ck_assert_str_eq(encoder[l + 1].type->name, "activation");
            ck_assert_int_eq(decoder[l + 1].options.activation, MCL_ACTIVATION_TANH);
        }
    }
    ck_assert_uint_eq(mcl_layers_of_blocks(encoder, count, 4), count);
}
END_TEST

START_TEST(test_a_decoder_of_its_own)
{
    mcl_architecture architecture = SIZES(9, 1, 5, MCL_ACTIVATION_TANH, 8);
    mcl_layer layers[MCL_LAYERS_MAX];
    architecture.own_decoder = true;
    architecture.decoder_count = 2;
    architecture.decoder[0] = 3;
    architecture.decoder[1] = 6;
    ck_assert_int_eq(mcl_architecture_check(&architecture), MCL_OK);
    ck_assert_uint_eq(mcl_part_layers(layers, &architecture, MCL_PART_DECODER), 5);
    const uint64_t begin = mcl_part_end(&architecture, MCL_PART_PREDICTOR);
    assert_block(&layers[0], 0, 5, 3, begin, true);
    assert_block(&layers[2], 1, 3, 6, begin + 18, true);
    assert_block(&layers[4], 2, 6, 9, begin + 42, false);
    architecture.decoder_count = 0;
    ck_assert_uint_eq(mcl_part_layers(layers, &architecture, MCL_PART_DECODER), 1);
    assert_block(&layers[0], 0, 5, 9, begin, false);
    architecture.decoder_count = 1;
    architecture.decoder[0] = 0;
    ck_assert_int_eq(mcl_architecture_check(&architecture), MCL_ERROR_ARGUMENT);
}
END_TEST

START_TEST(test_names_are_those_of_a_sequential)
{
    static const char *const names[] = {"encoder.0.weight", "encoder.0.bias", "encoder.2.weight",
        "encoder.2.bias", "decoder.0.weight", "decoder.0.bias", "decoder.2.weight",
        "decoder.2.bias"};
    static const uint64_t shapes[][2] = {
        {128, 784}, {128, 0}, {64, 128}, {64, 0}, {128, 64}, {128, 0}, {784, 128}, {784, 0}};
    static const uint32_t fan_in[] = {784, 784, 128, 128, 64, 64, 128, 128};
    mcl_tensor_place places[MCL_TENSORS_MAX];
    ck_assert_uint_eq(mcl_architecture_tensors(places, &reference), 8);
    for (size_t i = 0; i < 8; i++) {
        ck_assert_str_eq(places[i].name, names[i]);
        ck_assert_uint_eq(places[i].tensor.dimensions, i % 2 ? 1 : 2);
        ck_assert_uint_eq(places[i].tensor.shape[0], shapes[i][0]);
        ck_assert_uint_eq(places[i].tensor.shape[1], shapes[i][1]);
        ck_assert_uint_eq(places[i].tensor.fan_in, fan_in[i]);
    }
}
END_TEST

/* As many layers of all kinds as there can be, and sizes that all differ. */
static mcl_architecture deepest(mcl_normalization normalization)
{
    mcl_architecture deep = SIZES(100, MCL_HIDDEN_MAX, 3, MCL_ACTIVATION_GELU, 0);
    for (uint32_t i = 0; i < MCL_HIDDEN_MAX; i++)
        deep.hidden[i] = 40 - i;
    deep.normalization = normalization;
    deep.activated_embedding = true;
    deep.classes = 70;
    deep.mask_head = true;
    deep.projector_count = deep.predictor_count = MCL_HEAD_MAX;
    for (uint32_t i = 0; i < MCL_HEAD_MAX; i++) {
        deep.projector[i] = 50 + i;
        deep.predictor[i] = 60 + i;
    }
    return deep;
}

START_TEST(test_tensors_fill_the_vector_without_a_gap)
{
    const mcl_architecture deep = deepest((mcl_normalization)_i);
    static const size_t counts[] = {2 * 45, 2 * 45 + 4 * 40, 2 * 45 + 2 * 40};
    ck_assert_int_eq(mcl_architecture_check(&deep), MCL_OK);
    mcl_tensor_place places[MCL_TENSORS_MAX];
    const size_t count = mcl_architecture_tensors(places, &deep);
    ck_assert_uint_eq(count, counts[_i]);
    ck_assert_uint_le(count, MCL_TENSORS_MAX);
    uint64_t offset = 0;
    mcl_part part = MCL_PART_ENCODER;
    for (size_t i = 0; i < count; i++) {
        ck_assert_uint_eq(places[i].offset, offset);
        ck_assert_uint_eq(places[i].count,
            places[i].tensor.shape[0] *
                (places[i].tensor.dimensions == 1 ? 1 : places[i].tensor.shape[1]));
        for (size_t j = 0; j < i; j++)
            ck_assert_str_ne(places[i].name, places[j].name);
        offset += places[i].count;
        if (part < MCL_PARTS && offset == mcl_part_end(&deep, part))
            part++;
    }
    ck_assert_int_eq(part, MCL_PARTS); /* each ended where a tensor does */
    ck_assert_uint_eq(offset, mcl_architecture_parameters(&deep));
}
END_TEST

START_TEST(test_heads_and_normalization)
{
    static const struct {
        const char *name;
        uint32_t fan_in;
        float initial;
    } expected[] = {{"encoder.0.weight", 6, 0}, {"encoder.0.bias", 6, 0},
        {"encoder.1.weight", 0, 1}, {"encoder.1.bias", 0, 0}, {"encoder.3.weight", 5, 0},
        {"encoder.3.bias", 5, 0}, {"encoder.4.weight", 0, 1}, {"encoder.4.bias", 0, 0},
        {"head.weight", 4, 0}, {"head.bias", 4, 0}, {"projector.0.weight", 4, 0},
        {"projector.0.bias", 4, 0}, {"projector.1.weight", 0, 1}, {"projector.1.bias", 0, 0},
        {"projector.3.weight", 3, 0}, {"projector.3.bias", 3, 0}, {"predictor.0.weight", 2, 0},
        {"predictor.0.bias", 2, 0}, {"predictor.1.weight", 0, 1}, {"predictor.1.bias", 0, 0},
        {"predictor.3.weight", 7, 0}, {"predictor.3.bias", 7, 0}, {"mask_head.weight", 4, 0},
        {"mask_head.bias", 4, 0}, {"decoder.0.weight", 4, 0}, {"decoder.0.bias", 4, 0},
        {"decoder.1.weight", 0, 1}, {"decoder.1.bias", 0, 0}, {"decoder.3.weight", 5, 0},
        {"decoder.3.bias", 5, 0}, {"encoder.1.running_mean", 0, 0}, {"encoder.1.running_var", 0, 1},
        {"encoder.4.running_mean", 0, 0}, {"encoder.4.running_var", 0, 1},
        {"projector.1.running_mean", 0, 0}, {"projector.1.running_var", 0, 1},
        {"predictor.1.running_mean", 0, 0}, {"predictor.1.running_var", 0, 1},
        {"decoder.1.running_mean", 0, 0}, {"decoder.1.running_var", 0, 1}};
    mcl_architecture architecture = SIZES(6, 1, 4, MCL_ACTIVATION_RELU, 5);
    architecture.normalization = MCL_NORMALIZATION_BATCH;
    architecture.activated_embedding = true;
    architecture.projector_count = 2;
    architecture.projector[0] = 3;
    architecture.projector[1] = 2;
    architecture.predictor_count = 1;
    architecture.predictor[0] = 7;
    architecture.mask_head = true;
    architecture.classes = 9;
    mcl_tensor_place places[MCL_TENSORS_MAX];
    const size_t count = mcl_architecture_tensors(places, &architecture);
    ck_assert_uint_eq(count, sizeof expected / sizeof *expected);
    for (size_t i = 0; i < count; i++) {
        ck_assert_str_eq(places[i].name, expected[i].name);
        ck_assert_uint_eq(places[i].tensor.fan_in, expected[i].fan_in);
        ck_assert_float_eq(places[i].tensor.initial, expected[i].initial);
    }
    mcl_layer layers[MCL_LAYERS_MAX];
    ck_assert_uint_eq(mcl_part_layers(layers, &architecture, MCL_PART_PREDICTOR), 4);
    ck_assert_uint_eq(layers[0].in, 2);
    ck_assert_uint_eq(layers[3].out, 2);
    ck_assert_str_eq(layers[1].type->name, "normalization");
    ck_assert_int_eq(layers[1].options.normalization, MCL_NORMALIZATION_BATCH);
    ck_assert_uint_eq(layers[1].statistics, places[36].offset);
    ck_assert_uint_eq(layers[1].statistics + layers[1].out, places[37].offset);
    ck_assert_uint_eq(mcl_part_width(&architecture, MCL_PART_ENCODER), 4);
    ck_assert_uint_eq(mcl_part_width(&architecture, MCL_PART_HEAD), 9);
    ck_assert_uint_eq(mcl_part_width(&architecture, MCL_PART_PROJECTOR), 2);
    ck_assert_uint_eq(mcl_part_width(&architecture, MCL_PART_PREDICTOR), 2);
}
END_TEST

static const struct {
    mcl_architecture architecture;
    const char *message; /* a part of it */
} refused[] = {
    {SIZES(0, 1, 4, MCL_ACTIVATION_RELU, 8), "the input has 0 columns"},
    {SIZES((uint64_t)UINT32_MAX + 1, 1, 4, MCL_ACTIVATION_RELU, 8), "the input has 4294967296"},
    {SIZES(8, 3, 4, MCL_ACTIVATION_RELU, 8, 0, 8), "hidden layer 2"},
    {SIZES(8, 1, 0, MCL_ACTIVATION_RELU, 8), "the embedding"},
    {SIZES(8, MCL_HIDDEN_MAX + 1, 4, MCL_ACTIVATION_RELU, 8), "17 hidden layers"},
    {SIZES(8, UINT32_MAX, 4, MCL_ACTIVATION_RELU, 8), "4294967295 hidden layers"},
    {SIZES(8, 1, 4, (mcl_activation)4, 8), "4 is no activation"},
    {SIZES(8, 1, 4, (mcl_activation)-1, 8), "-1 is no activation"},
    {SIZES(UINT32_MAX, 1, UINT32_MAX, MCL_ACTIVATION_RELU, UINT32_MAX), "too large"},
    {SIZES(65536, 1, 1, MCL_ACTIVATION_RELU, 65536), "65536×65536"},
    {SIZES(1, 3, 1, MCL_ACTIVATION_RELU, 30000, 70000, 70000), "70000×70000"},
    {SIZES(1431655765, 0, 1, MCL_ACTIVATION_RELU, 0), "1431655765×1"}, /* 3·input + 1 parameters */
};

START_TEST(test_unusable_sizes_are_refused)
{
    ck_assert_int_eq(mcl_architecture_check(&refused[_i].architecture), MCL_ERROR_ARGUMENT);
    ck_assert_msg(strstr(mcl_error_message(), refused[_i].message) != NULL, "'%s' lacks '%s'",
        mcl_error_message(), refused[_i].message);
}
END_TEST

START_TEST(test_the_largest_sizes_are_allowed)
{
    const mcl_architecture largest = SIZES(1431655764, 0, 1, MCL_ACTIVATION_RELU, 0);
    ck_assert_int_eq(mcl_architecture_check(&largest), MCL_OK);
    ck_assert_uint_eq(mcl_architecture_parameters(&largest), 4294967293u);
}
END_TEST

START_TEST(test_activation_names)
{
    static const char *const names[] = {"none", "relu", "gelu", "tanh"};
    for (int i = 0; i < 4; i++) {
        mcl_activation activation = (mcl_activation)-1;
        ck_assert_str_eq(mcl_activation_name((mcl_activation)i), names[i]);
        ck_assert_int_eq(mcl_activation_parse(&activation, names[i]), MCL_OK);
        ck_assert_int_eq(activation, i);
    }
    mcl_activation activation = MCL_ACTIVATION_TANH;
    ck_assert_int_eq(mcl_activation_parse(&activation, "ReLU"), MCL_ERROR_ARGUMENT);
    ck_assert_str_eq(
        mcl_error_message(), "unknown activation 'ReLU': it is none, relu, gelu or tanh");
    ck_assert_int_eq(activation, MCL_ACTIVATION_TANH);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("architecture");
    TCase *tcase = tcase_create("architecture");
    tcase_add_test(tcase, test_layers_of_the_reference);
    tcase_add_test(tcase, test_layers_without_hidden);
    tcase_add_test(tcase, test_decoder_is_the_mirror_image);
    tcase_add_test(tcase, test_a_decoder_of_its_own);
    tcase_add_test(tcase, test_names_are_those_of_a_sequential);
    tcase_add_loop_test(tcase, test_tensors_fill_the_vector_without_a_gap, 0, 3);
    tcase_add_test(tcase, test_heads_and_normalization);
    tcase_add_loop_test(
        tcase, test_unusable_sizes_are_refused, 0, sizeof refused / sizeof *refused);
    tcase_add_test(tcase, test_the_largest_sizes_are_allowed);
    tcase_add_test(tcase, test_activation_names);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
