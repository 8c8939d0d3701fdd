// SPDX-License-Identifier: Apache-2.0
// Preloaded before a program that uses PoCL, makes LLVM take this processor for one with AVX2 and
// nothing newer, so that PoCL compiles as it would on such a processor: its device's name, vector
// width, library of builtin functions and code all follow from the two functions here.
//   LD_PRELOAD=…/libavx2.so POCL_CACHE_DIR=… maskcl …
// Kernels compiled without it must not be in the same cache.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef struct {
    const char *at;
    size_t length;
} string_ref; // llvm::StringRef

typedef struct {
    size_t length;
    bool value;
} entry; // llvm::StringMapEntry<bool>: the key follows it

typedef struct {
    entry **buckets;
    unsigned count, used, deleted, entry_size;
} string_map; // llvm::StringMapImpl, the whole of a llvm::StringMap<bool>

#define NAME _ZN4llvm3sys14getHostCPUNameEv
#define FEATURES _ZN4llvm3sys18getHostCPUFeaturesERNS_9StringMapIbNS_15MallocAllocatorEEE
#define TEXT_OF(name) #name
#define TEXT(name) TEXT_OF(name)

string_ref NAME(void);
bool FEATURES(string_map *features);

string_ref NAME(void)
{
    return (string_ref){"haswell", strlen("haswell")};
}

/// Whether a feature, by its key, came after AVX2.
static bool is_newer(const entry *feature)
{
    static const char *const newer[] = {
        "avx512", "avxvnni", "avx10", "amx-", "vaes", "vpclmulqdq", "gfni"};
    const char *key = (const char *)(feature + 1);
    for (size_t i = 0; i < sizeof newer / sizeof *newer; i++) {
        size_t length = strlen(newer[i]);
        if (feature->length >= length && !memcmp(key, newer[i], length)) {
            return true;
        }
    }
    return false;
}

/// LLVM's own, which the caller is linked with: a driver that was loaded later is not in the scope
/// that RTLD_NEXT searches.
bool FEATURES(string_map *features)
{
    Dl_info caller;
    void *library = dladdr(__builtin_return_address(0), &caller)
                        ? dlopen(caller.dli_fname, RTLD_LAZY | RTLD_NOLOAD)
                        : NULL;
    bool (*original)(string_map *) = NULL;
    if (library) {
        *(void **)&original = dlsym(library, TEXT(FEATURES));
        dlclose(library);
    }
    if (!original || original == FEATURES || !original(features) ||
        features->entry_size != sizeof(entry) || features->deleted) {
        return false; // PoCL warns and then runs nothing
    }
    for (unsigned i = 0; i < features->count; i++) {
        entry *feature = features->buckets[i];
        if (feature && is_newer(feature)) {
            feature->value = false;
        }
    }
    return true;
}
