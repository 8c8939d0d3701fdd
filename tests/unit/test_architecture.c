/* What follows from an architecture's sizes: layers, offsets, names, limits. */
#include <check.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "model/architecture.h"

static const mcl_architecture reference = {784, {128}, 1, 64, MCL_ACTIVATION_RELU};

static void assert_layer(const mcl_layer *layer, uint32_t in, uint32_t out, uint64_t weight,
    uint64_t bias, bool activated)
{
    ck_assert_uint_eq(layer->in, in);
    ck_assert_uint_eq(layer->out, out);
    ck_assert_uint_eq(layer->weight, weight);
    ck_assert_uint_eq(layer->bias, bias);
    ck_assert_int_eq(layer->activated, activated);
}

START_TEST(test_layers_of_the_reference)
{
    mcl_layer layers[MCL_LAYERS_MAX];
    ck_assert_uint_eq(mcl_encoder_layers(layers, &reference), 2);
    assert_layer(&layers[0], 784, 128, 0, 100352, true);
    assert_layer(&layers[1], 128, 64, 100480, 108672, false);
    ck_assert_uint_eq(mcl_decoder_layers(layers, &reference), 2);
    assert_layer(&layers[0], 64, 128, 108736, 116928, true);
    assert_layer(&layers[1], 128, 784, 117056, 217408, false);
    ck_assert_uint_eq(mcl_encoder_parameters(&reference), 108736);
    ck_assert_uint_eq(mcl_architecture_parameters(&reference), 218192);
}
END_TEST

START_TEST(test_layers_without_hidden)
{
    const mcl_architecture linear = {5, {0}, 0, 3, MCL_ACTIVATION_NONE};
    mcl_layer layers[MCL_LAYERS_MAX];
    ck_assert_int_eq(mcl_architecture_check(&linear), MCL_OK);
    ck_assert_uint_eq(mcl_encoder_layers(layers, &linear), 1);
    assert_layer(&layers[0], 5, 3, 0, 15, false);
    ck_assert_uint_eq(mcl_decoder_layers(layers, &linear), 1);
    assert_layer(&layers[0], 3, 5, 18, 33, false);
    ck_assert_uint_eq(mcl_architecture_parameters(&linear), 38);
}
END_TEST

START_TEST(test_decoder_is_the_mirror_image)
{
    const mcl_architecture deep = {9, {8, 7, 6}, 3, 5, MCL_ACTIVATION_TANH};
    mcl_layer encoder[MCL_LAYERS_MAX], decoder[MCL_LAYERS_MAX];
    const size_t count = mcl_encoder_layers(encoder, &deep);
    ck_assert_uint_eq(count, 4);
    ck_assert_uint_eq(mcl_decoder_layers(decoder, &deep), count);
    for (size_t l = 0; l < count; l++) {
        ck_assert_uint_eq(encoder[l].in, 9 - l);
        ck_assert_uint_eq(encoder[l].out, 8 - l);
        ck_assert_uint_eq(decoder[l].in, encoder[count - 1 - l].out);
        ck_assert_uint_eq(decoder[l].out, encoder[count - 1 - l].in);
        ck_assert_int_eq(encoder[l].activated, l + 1 < count);
        ck_assert_int_eq(decoder[l].activated, l + 1 < count);
    }
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
        ck_assert_uint_eq(places[i].dimensions, i % 2 ? 1 : 2);
        ck_assert_uint_eq(places[i].shape[0], shapes[i][0]);
        ck_assert_uint_eq(places[i].shape[1], shapes[i][1]);
        ck_assert_uint_eq(places[i].fan_in, fan_in[i]);
    }
}
END_TEST

/* The largest number of layers, and sizes that all differ. */
START_TEST(test_tensors_fill_the_vector_without_a_gap)
{
    mcl_architecture deep = {100, {0}, MCL_HIDDEN_MAX, 3, MCL_ACTIVATION_GELU};
    for (uint32_t i = 0; i < MCL_HIDDEN_MAX; i++)
        deep.hidden[i] = 40 - i;
    ck_assert_int_eq(mcl_architecture_check(&deep), MCL_OK);
    mcl_tensor_place places[MCL_TENSORS_MAX];
    const size_t count = mcl_architecture_tensors(places, &deep);
    ck_assert_uint_eq(count, MCL_TENSORS_MAX);
    uint64_t offset = 0;
    for (size_t i = 0; i < count; i++) {
        ck_assert_uint_eq(places[i].offset, offset);
        ck_assert_uint_eq(places[i].count, places[i].shape[0] * (i % 2 ? 1 : places[i].shape[1]));
        offset += places[i].count;
        if (i + 1 == count / 2)
            ck_assert_uint_eq(offset, mcl_encoder_parameters(&deep));
    }
    ck_assert_uint_eq(offset, mcl_architecture_parameters(&deep));
    ck_assert_str_eq(places[count - 1].name, "decoder.32.bias");
}
END_TEST

static const struct {
    mcl_architecture architecture;
    const char *message; /* a part of it */
} refused[] = {
    {{0, {8}, 1, 4, MCL_ACTIVATION_RELU}, "the input has 0 columns"},
    {{(uint64_t)UINT32_MAX + 1, {8}, 1, 4, MCL_ACTIVATION_RELU}, "the input has 4294967296"},
    {{8, {8, 0, 8}, 3, 4, MCL_ACTIVATION_RELU}, "hidden layer 2"},
    {{8, {8}, 1, 0, MCL_ACTIVATION_RELU}, "the embedding"},
    {{8, {8}, MCL_HIDDEN_MAX + 1, 4, MCL_ACTIVATION_RELU}, "17 hidden layers"},
    {{8, {8}, UINT32_MAX, 4, MCL_ACTIVATION_RELU}, "4294967295 hidden layers"},
    {{8, {8}, 1, 4, (mcl_activation)4}, "4 is no activation"},
    {{8, {8}, 1, 4, (mcl_activation)-1}, "-1 is no activation"},
    {{UINT32_MAX, {UINT32_MAX}, 1, UINT32_MAX, MCL_ACTIVATION_RELU}, "too large"},
    {{65536, {65536}, 1, 1, MCL_ACTIVATION_RELU}, "65536×65536"},
    {{1, {30000, 70000, 70000}, 3, 1, MCL_ACTIVATION_RELU}, "70000×70000"},
    {{1431655765, {0}, 0, 1, MCL_ACTIVATION_RELU}, "1×1431655765"}, /* 3·input + 1 parameters */
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
    const mcl_architecture largest = {1431655764, {0}, 0, 1, MCL_ACTIVATION_RELU};
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
    tcase_add_test(tcase, test_names_are_those_of_a_sequential);
    tcase_add_test(tcase, test_tensors_fill_the_vector_without_a_gap);
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
