/* SPDX-License-Identifier: Apache-2.0 */
#include "base/random.h"

void mcl_philox(uint32_t words[4], const uint32_t counter[4], const uint32_t key[2])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        uint64_t product0 = (uint64_t)0xD2511F53u * c0;
        uint64_t product1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(product1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)product1;
        c2 = (uint32_t)(product0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)product0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    words[0] = c0;
    words[1] = c1;
    words[2] = c2;
    words[3] = c3;
}

void mcl_random_words(uint32_t words[4], uint64_t seed, enum mcl_stream stream, uint32_t view,
    uint32_t epoch, uint64_t row, uint32_t quad)
{
    const uint32_t counter[4] = {
        quad, (uint32_t)row, epoch, (uint32_t)stream + 256 * view + 65536 * (uint32_t)(row >> 32)};
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    mcl_philox(words, counter, key);
}
